//! The SQL of judging: the notifications of a file that are kept.

use futures_util::TryStreamExt;
use sqlx::PgConnection;

use super::super::batch::{Batch, FileKey};
use super::super::{Delivery, Door, said};

/// Deliveries of one file that are judged, the newest: redeliveries are a handful, and what is more is not VOD's.
const JUDGED_ROWS: i64 = 1_000;
/// A notification of an upload has 2 to 4 kB.
const JUDGED_BYTES: i32 = 64 * 1024;

/// Judges the kept notifications of files anew, one at a time, so that no more than one is held. The write then
/// depends on no other delivery having named them since their rows were read: this is asked later, and sees all those.
#[tracing::instrument(name = "db.deliveries.judge", level = "debug", skip_all)]
pub(super) async fn judge_kept(
    connection: &mut PgConnection,
    batch: &mut Batch,
    due: &[FileKey],
) -> Result<(), sqlx::Error> {
    for key in due {
        if let Some(file) = batch.files.get_mut(key) {
            file.judged = true;
        }
    }
    let (apps, file_ids): (Vec<_>, Vec<_>) = due.iter().cloned().unzip();
    // Only these two tell of uploads.
    let mut kept = sqlx::query!(
        r#"SELECT k.app AS "app!", k.file_id AS "file_id!", d.id AS "id!", d.door AS "door!",
            d.received_at AS "received_at!", d.refuted, d.body AS "body!"
        FROM unnest($1::text[], $2::text[]) AS k (app, file_id),
        LATERAL (
            SELECT * FROM deliveries
            WHERE file_id = k.file_id AND app = k.app AND state = 'recorded' AND door IN ('push', 'replay')
                AND event_type IN ('NewFileUpload', 'PullComplete') AND octet_length(body) <= $3
            ORDER BY id DESC LIMIT $4
        ) d"#,
        &apps,
        &file_ids,
        JUDGED_BYTES,
        JUDGED_ROWS,
    )
    .fetch(connection);
    while let Some(row) = kept.try_next().await? {
        let (Some(door), Ok(app)) = (Door::parse(&row.door), row.app.parse()) else {
            continue;
        };
        let delivery = Delivery {
            id: row.id,
            app,
            door,
            received_at: row.received_at,
            said: said(door, &row.body),
            body: row.body.into(),
        };
        batch.judge(&(row.app, row.file_id), &delivery, row.refuted.as_deref());
    }
    Ok(())
}
