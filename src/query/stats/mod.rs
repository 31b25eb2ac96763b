//! `GET /v1/stats`: the figures that a page draws.

mod shape;
mod sql;
mod window;

use actix_web::get;
use actix_web::web::{Data, Json};

use self::shape::{Receiver, Stats};
use self::window::{Bucket, StatsQuery};
use crate::access::{Caller, Read};
use crate::http::params::Params;
use crate::http::problem::{Problem, ReadFaults};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::record::Recorder;

/// Tells the figures of a window: uploads, permissions, deliveries, and what waits in this receiver.
///
/// Each part counts rows while the window holds 10,000 of them at most; beyond that it sums roll-ups by the quarter of an
/// hour, and what came since. By the minute, or while the roll-ups are counted anew, the newest 100,000 stand for the
/// window: `since` tells from when on. So it stays quick on any size.
#[utoipa::path(
    tag = "stats",
    params(StatsQuery),
    responses(
        (status = 200, description = "The figures", body = Stats),
        ReadFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/stats")]
pub async fn read_stats(
    caller: Caller<Read>,
    query: Params<StatsQuery>,
    database: Data<Database>,
    recorder: Data<Recorder>,
    clock: Data<Clock>,
) -> Result<Json<Stats>, Problem> {
    let now = clock.now();
    let window = query.0?.validate(&caller, now)?;
    let mut connection = database.pool()?.acquire().await?;
    let mut snapshot = Database::snapshot(&mut connection).await?;
    // They count by the quarter of an hour.
    let is_rolled_up =
        window.bucket != Bucket::Minute && sql::is_rolled_up(&mut snapshot, now).await?;
    let uploads = sql::uploads(&mut snapshot, &window, is_rolled_up).await?;
    let permissions = sql::permissions(&mut snapshot, &window, now, is_rolled_up).await?;
    let deliveries = sql::deliveries(&mut snapshot, &window, now, is_rolled_up).await?;
    snapshot.commit().await?;
    Ok(Json(Stats {
        from: window.from,
        to: window.to,
        bucket: window.bucket,
        uploads,
        permissions,
        deliveries,
        receiver: receiver(&recorder),
    }))
}

fn receiver(recorder: &Recorder) -> Receiver {
    let (queue_deliveries, queue_bytes) = recorder.queued();
    let spool = recorder.spooled();
    Receiver {
        queue_deliveries,
        queue_bytes,
        spool_records: spool.records,
        spool_bytes: spool.bytes,
        spool_limit_bytes: recorder.spool_limit_bytes(),
    }
}
