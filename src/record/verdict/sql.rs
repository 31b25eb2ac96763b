//! The SQL of verdicts that no delivery brings.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Change, Held};
use crate::attribute::{Method, Reason, Verdict};
use crate::erased::Known;
use crate::ops::random::Random;
use crate::record::batch::Batch;
use crate::record::columns::columns;
use crate::record::fold::Upload;
use crate::ticket::{IssuedTicket, Ticket, UserId};

/// Read in a blink, and written in a transaction that holds nobody up for long.
const PAGE_ROWS: i64 = 1_000;

/// By what a range of uploads is gone through; unique.
pub(super) type Key = (DateTime<Utc>, String, String);

/// A row of `uploads`, as far as it is read here.
struct Row {
    app: String,
    file_id: String,
    recorded_at: DateTime<Utc>,
    source_context: Option<String>,
    session_context: Option<String>,
    contexts_differ: bool,
    uploaded_at: Option<DateTime<Utc>>,
    user_id: Option<String>,
    ticket: Option<Uuid>,
    attribution_method: String,
    attribution_reason: String,
    attribution_detail: Option<String>,
    version: i32,
}

impl TryFrom<Row> for Held {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let bad = |column: &str| {
            sqlx::Error::Decode(
                format!("uploads.{column} of ({}, {})", row.app, row.file_id).into(),
            )
        };
        let method = Method::parse(&row.attribution_method);
        let reason = Reason::parse(&row.attribution_reason);
        let verdict = Verdict {
            user_id: row.user_id.clone(),
            ticket: row.ticket.map(Ticket),
            method: method.ok_or_else(|| bad("attribution_method"))?,
            reason: reason.ok_or_else(|| bad("attribution_reason"))?,
            detail: row.attribution_detail.clone(),
        };
        Ok(Self {
            app: row.app,
            file_id: row.file_id,
            recorded_at: row.recorded_at,
            source_context: row.source_context,
            session_context: row.session_context,
            contexts_differ: row.contexts_differ,
            uploaded_at: row.uploaded_at,
            verdict,
            version: row.version,
        })
    }
}

/// An announced upload.
#[tracing::instrument(name = "db.uploads.find", level = "debug", skip_all)]
pub(super) async fn find(
    connection: &mut PgConnection,
    app: &str,
    file_id: &str,
) -> Result<Option<Held>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "SELECT app, file_id, recorded_at, source_context, session_context, contexts_differ, uploaded_at, user_id,
            ticket, attribution_method, attribution_reason, attribution_detail, version
        FROM uploads WHERE app = $1 AND file_id = $2 AND announced_at IS NOT NULL",
        app,
        file_id,
    )
    .fetch_optional(connection)
    .await?;
    row.map(Held::try_from).transpose()
}

/// The announced uploads after a key, by time; leans on `uploads_by_time`. Which of them are meant is for
/// the caller to say: a page stays a page, however few of them are.
#[tracing::instrument(name = "db.uploads.page", level = "debug", skip_all)]
pub(super) async fn page(
    connection: &mut PgConnection,
    (at, app, file_id): &Key,
    until: DateTime<Utc>,
) -> Result<Vec<Held>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT app, file_id, recorded_at, source_context, session_context, contexts_differ, uploaded_at, user_id,
            ticket, attribution_method, attribution_reason, attribution_detail, version
        FROM uploads
        WHERE announced_at IS NOT NULL AND (recorded_at, app, file_id) > ($1, $2, $3) AND recorded_at < $4
        ORDER BY recorded_at, app, file_id LIMIT $5",
        at,
        app,
        file_id,
        until,
        PAGE_ROWS,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Held::try_from).collect()
}

/// What the log holds of tickets.
#[tracing::instrument(name = "db.tickets.read", level = "debug", skip_all)]
pub(super) async fn tickets(
    connection: &mut PgConnection,
    tickets: &BTreeSet<Ticket>,
) -> Result<HashMap<Ticket, Arc<IssuedTicket>>, sqlx::Error> {
    if tickets.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = tickets.iter().map(|ticket| ticket.0).collect();
    let rows = sqlx::query!(
        "SELECT id, app, user_id, last_expires_at FROM tickets WHERE id = ANY($1)",
        &ids
    )
    .fetch_all(connection)
    .await?;
    let issued = rows.into_iter().map(|row| {
        let ticket = Ticket(row.id);
        let user_id = row.user_id.as_deref().map(UserId::parse).transpose();
        let user_id = user_id.map_err(|fault| {
            sqlx::Error::Decode(format!("tickets.user_id of {ticket}: {fault}").into())
        })?;
        let issued = IssuedTicket {
            app: row.app,
            user_id,
            last_expires_at: row.last_expires_at,
        };
        Ok((ticket, Arc::new(issued)))
    });
    issued.collect()
}

columns! {
    /// A row of `uploads` that is to have another verdict, with its line of the audit trail.
    VerdictRow => VerdictColumns {
        app: &'a str,
        file_id: &'a str,
        version: i32,
        user_id: Option<&'a str>,
        ticket: Option<Uuid>,
        method: &'a str,
        reason: &'a str,
        detail: Option<&'a str>,
        user_before: Option<&'a str>,
        method_before: &'a str,
        reason_before: &'a str,
        audit_id: Option<Uuid>,
        note: Option<&'a str>,
    }
}

/// Writes verdicts in one transaction, with audit trail and change log; tells which of them, by their
/// positions: those whose rows moved since they were read are not. Fails with 40001 if somebody was erased since.
#[tracing::instrument(name = "db.uploads.decide", level = "debug", skip_all, fields(uploads = changes.len()))]
pub(super) async fn write(
    connection: &mut PgConnection,
    changes: &[Change<'_>],
    decided_by: &str,
    known: &Known,
    now: DateTime<Utc>,
    random: &Random,
) -> Result<Vec<usize>, sqlx::Error> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let rows = changes.iter().map(|change| {
        let (held, verdict) = (change.held, &change.verdict);
        // What a person says is kept even where only the words are new.
        let is_audited = change.note.is_some() || held.is_another(verdict);
        VerdictRow {
            app: &held.app,
            file_id: &held.file_id,
            version: held.version,
            user_id: verdict.user_id.as_deref(),
            ticket: verdict.ticket.map(|ticket| ticket.0),
            method: verdict.method.as_str(),
            reason: verdict.reason.as_str(),
            detail: verdict.detail.as_deref(),
            user_before: held.verdict.user_id.as_deref(),
            method_before: held.verdict.method.as_str(),
            reason_before: held.verdict.reason.as_str(),
            audit_id: is_audited.then(|| random.uuid_v7(now)),
            note: change.note,
        }
    });
    let rows: VerdictColumns = rows.collect();
    let written = sqlx::query_file_scalar!(
        "src/record/verdict/write.sql",
        now,
        &rows.app as _,
        &rows.file_id as _,
        &rows.version,
        &rows.user_id as _,
        &rows.ticket as _,
        &rows.method as _,
        &rows.reason as _,
        &rows.detail as _,
        &rows.user_before as _,
        &rows.method_before as _,
        &rows.reason_before as _,
        &rows.audit_id as _,
        &rows.note as _,
        decided_by,
        known.epoch(),
    )
    .fetch_all(connection)
    .await?;
    let position = |from_one: i32| usize::try_from(from_one - 1).ok();
    Ok(written.into_iter().filter_map(position).collect())
}

/// Reads what persons decided of files that have no row: it is made again, after a loss say, and a person's
/// verdict is in no delivery. An erased person's file stays one too.
#[tracing::instrument(name = "db.attribution_changes.standing", level = "debug", skip_all)]
pub async fn read_standing(
    connection: &mut PgConnection,
    batch: &mut Batch,
) -> Result<(), sqlx::Error> {
    let unknown = batch.files.iter().filter(|(_, file)| file.before.is_none());
    let (apps, file_ids): (Vec<_>, Vec<_>) = unknown.map(|(key, _)| key.clone()).unzip();
    if apps.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"SELECT k.app AS "app!", k.file_id AS "file_id!", c.user_after AS "user_id", c.note, c.at AS "at!"
        FROM (SELECT unnest($1::text[]) AS app, unnest($2::text[]) AS file_id) k,
            LATERAL (
                SELECT * FROM attribution_changes WHERE file_id = k.file_id AND app = k.app ORDER BY id DESC LIMIT 1
            ) c
        WHERE c.method_after = 'manual' AND c.user_after IS NOT NULL OR c.reason_after = 'erased'"#,
        &apps,
        &file_ids,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let Some(file) = batch.files.get_mut(&(row.app, row.file_id)) else {
            continue;
        };
        let mut decided = Upload::unknown(row.at);
        decided.verdict = match row.user_id {
            None => Verdict::erased(None),
            Some(user_id) => Verdict {
                user_id: Some(user_id),
                method: Method::Manual,
                reason: Reason::Manual,
                detail: row.note,
                ..decided.verdict
            },
        };
        file.decided = Some(decided);
    }
    Ok(())
}
