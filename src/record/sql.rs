//! The SQL of recording: what is read before a batch is folded, and the one statement that writes it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Delivery;
use super::batch::{Batch, Stored};
use super::fold::{Confirmed, Rank, Ranks, Task, Upload};
use super::recall::Question;
use super::refute::rows::{self as judging, JudgedColumns, MarkColumns};
use super::rows::{
    self, AuditColumns, ChangeColumns, DeliveryColumns, TaskColumns, TicketColumns, UploadColumns,
};
use crate::attribute::{Method, Reason, Verdict};
use crate::ops::random::Random;
use crate::ticket::{IssuedTicket, Ticket, UserId};
use crate::vod::event::{FileFields, TaskRole, TaskState};

/// Asks in one round trip what is not presumed: which files of the batch have a row, and whose the
/// tickets are that it names. Mostly there is nothing to ask.
///
/// `OFFSET 0` here and below keeps each look-up a look-up by key: a plan made once must not read a whole
/// table, however small it was when the plan was made.
#[tracing::instrument(name = "db.batch.look", level = "debug", skip_all)]
pub async fn look(
    connection: &mut PgConnection,
    batch: &mut Batch,
    question: Question,
) -> Result<(), sqlx::Error> {
    if question.is_empty() {
        return Ok(());
    }
    let (apps, file_ids): (Vec<_>, Vec<_>) = question.files.into_iter().unzip();
    let rows = sqlx::query!(
        r#"SELECT k.app AS "app!", k.file_id AS "file_id?", NULL::uuid AS "ticket?", NULL::text AS "user_id?",
            NULL::timestamptz AS "last_expires_at?"
        FROM (SELECT unnest($1::text[]) AS app, unnest($2::text[]) AS file_id) k,
            LATERAL (SELECT FROM uploads u WHERE u.app = k.app AND u.file_id = k.file_id OFFSET 0) u
        UNION ALL
        SELECT t.app, NULL, t.id, t.user_id, t.last_expires_at FROM tickets t WHERE t.id = ANY($3)"#,
        &apps,
        &file_ids,
        &question.tickets,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        match (row.file_id, row.ticket, row.user_id, row.last_expires_at) {
            (Some(file_id), ..) => {
                if let Some(file) = batch.files.get_mut(&(row.app, file_id)) {
                    file.is_known = true;
                }
            }
            (None, Some(ticket), user_id, Some(last_expires_at)) => {
                issued(batch, ticket, row.app, user_id.as_deref(), last_expires_at)?;
            }
            (None, ..) => {}
        }
    }
    Ok(())
}

/// Reads the rows of `uploads` that are known to be there.
#[tracing::instrument(name = "db.uploads.read", level = "debug", skip_all)]
pub async fn read_files(
    connection: &mut PgConnection,
    batch: &mut Batch,
) -> Result<(), sqlx::Error> {
    let known = batch.files.iter().filter(|(_, file)| file.is_known);
    let (apps, file_ids): (Vec<_>, Vec<_>) = known.map(|(key, _)| key.clone()).unzip();
    if apps.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "SELECT u.* FROM unnest($1::text[], $2::text[]) AS k (app, file_id),
        LATERAL (SELECT * FROM uploads WHERE app = k.app AND file_id = k.file_id OFFSET 0) u",
        &apps,
        &file_ids,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let bad = |column: &str| {
            sqlx::Error::Decode(
                format!("uploads.{column} of ({}, {})", row.app, row.file_id).into(),
            )
        };
        let state = |code: &Option<String>, column| {
            code.as_deref()
                .map(|code| TaskState::parse(code).ok_or_else(|| bad(column)))
                .transpose()
        };
        let weaker = match row.weaker.clone() {
            None => BTreeMap::new(),
            Some(weaker) => serde_json::from_value(weaker).map_err(|_| bad("weaker"))?,
        };
        let top = Rank {
            strength: row.rank_strength,
            update_time: row.rank_update_time,
            digest: digest(&row.rank_digest).ok_or_else(|| bad("rank_digest"))?,
        };
        let upload = Upload {
            ranks: Ranks { top, weaker },
            announced: row.announced_at.is_some(),
            told_by_vod: row.confirmed == Confirmed::Vod.as_str(),
            // A deletion that was told leaves no absence.
            deletion_told_at: row.deleted_at.filter(|_| row.absent_at.is_none()),
            absent_at: row.absent_at,
            seen_at: row.seen_at,
            contexts_differ: row.contexts_differ,
            procedure_state: state(&row.procedure_state, "procedure_state")?,
            review_state: state(&row.review_state, "review_state")?,
            verdict: Verdict {
                user_id: row.user_id.clone(),
                ticket: row.ticket.map(Ticket),
                method: Method::parse(&row.attribution_method)
                    .ok_or_else(|| bad("attribution_method"))?,
                reason: Reason::parse(&row.attribution_reason)
                    .ok_or_else(|| bad("attribution_reason"))?,
                detail: row.attribution_detail.clone(),
            },
            decided_at: row.attribution_at,
            fields: FileFields {
                source_type: row.source_type,
                source_context: row.source_context,
                session_context: row.session_context,
                name: row.name,
                media_type: row.r#type,
                media_url: row.media_url,
                cover_url: row.cover_url,
                class_id: row.class_id,
                storage_region: row.storage_region,
                size_bytes: row.size_bytes,
                duration_s: row.duration_s,
                width: row.width,
                height: row.height,
                bitrate_bps: row.bitrate_bps,
                procedure_task_id: row.procedure_task_id,
                review_task_id: row.review_task_id,
                uploaded_at: row.uploaded_at,
            },
        };
        let before = Stored {
            row: upload,
            version: row.version,
            recorded_at: row.recorded_at,
            updated_at: row.updated_at,
        };
        if let Some(file) = batch.files.get_mut(&(row.app, row.file_id)) {
            file.before = Some(before);
            file.deliveries = row.deliveries;
        }
    }
    Ok(())
}

/// Reads the rows of `tasks` that the batch touches: after its files, so that a task that moved in
/// between has also moved the version of its file.
#[tracing::instrument(name = "db.tasks.read", level = "debug", skip_all)]
pub async fn read_tasks(
    connection: &mut PgConnection,
    batch: &mut Batch,
) -> Result<(), sqlx::Error> {
    if batch.tasks.is_empty() {
        return Ok(());
    }
    let mut keys = (Vec::new(), Vec::new(), Vec::new());
    keys.extend(batch.tasks.keys().cloned());
    let rows = sqlx::query!(
        "SELECT t.* FROM unnest($1::text[], $2::text[], $3::text[]) AS k (task_id, app, file_id),
        LATERAL (SELECT * FROM tasks WHERE task_id = k.task_id AND app = k.app AND file_id = k.file_id OFFSET 0) t",
        &keys.0,
        &keys.1,
        &keys.2,
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let bad = |column: &str| {
            sqlx::Error::Decode(format!("tasks.{column} of ({}, {})", row.task_id, row.app).into())
        };
        let task = Task {
            role: TaskRole::parse(&row.role).ok_or_else(|| bad("role"))?,
            event_type: row.event_type.clone(),
            state: TaskState::parse(&row.state).ok_or_else(|| bad("state"))?,
            error_code: row.error_code.clone(),
            message: row.message.clone(),
            rank: Rank {
                strength: row.rank_strength,
                update_time: None,
                digest: digest(&row.rank_digest).ok_or_else(|| bad("rank_digest"))?,
            },
            outputs: match row.outputs.clone() {
                None => Vec::new(),
                Some(outputs) => serde_json::from_value(outputs).map_err(|_| bad("outputs"))?,
            },
        };
        let before = Stored {
            row: task,
            version: row.version,
            recorded_at: row.recorded_at,
            updated_at: row.updated_at,
        };
        if let Some(held) = batch.tasks.get_mut(&(row.task_id, row.app, row.file_id)) {
            held.before = Some(before);
        }
    }
    Ok(())
}

/// Reads the tickets that only rows name which were read, and those that have to be known exactly.
#[tracing::instrument(name = "db.tickets.read", level = "debug", skip_all)]
pub async fn read_tickets(
    connection: &mut PgConnection,
    batch: &mut Batch,
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = batch.tickets_to_ask().iter().map(|held| held.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "SELECT id, app, user_id, last_expires_at FROM tickets WHERE id = ANY($1)",
        &ids
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let user_id = row.user_id.as_deref();
        issued(batch, row.id, row.app, user_id, row.last_expires_at)?;
    }
    Ok(())
}

fn issued(
    batch: &mut Batch,
    id: Uuid,
    app: String,
    user_id: Option<&str>,
    last_expires_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let user_id = user_id.map(UserId::parse).transpose();
    let user_id = user_id
        .map_err(|fault| sqlx::Error::Decode(format!("tickets.user_id of {id}: {fault}").into()))?;
    let ticket = IssuedTicket {
        app,
        user_id,
        last_expires_at,
    };
    batch.tickets.insert(Ticket(id), Arc::new(ticket));
    Ok(())
}

/// Writes a folded batch: one round trip, one transaction. Fails with 40001, and writes nothing, if
/// a row moved since it was read, or something was presumed that is not so.
#[tracing::instrument(name = "db.batch.write", level = "debug", skip_all, fields(deliveries = deliveries.len()))]
pub async fn write(
    connection: &mut PgConnection,
    deliveries: &[Delivery],
    batch: &Batch,
    now: DateTime<Utc>,
    random: &Random,
) -> Result<(), sqlx::Error> {
    let bodies: DeliveryColumns = rows::deliveries(batch, deliveries).collect();
    if bodies.id.is_empty() {
        return Ok(());
    }
    let tasks: TaskColumns = rows::tasks(batch, now).collect();
    let uploads: UploadColumns = rows::uploads(batch, now).collect();
    let changes: ChangeColumns = rows::changes(batch).collect();
    let tickets: TicketColumns = rows::presumed(batch).collect();
    if batch.is_all_new() {
        let written = sqlx::query_file!(
            "src/record/write_new.sql",
            now,
            &bodies.id,
            &bodies.app as _,
            &bodies.door as _,
            &bodies.received_at,
            &bodies.reason as _,
            &bodies.event_type as _,
            &bodies.format as _,
            &bodies.file_id as _,
            &bodies.more_file_ids as _,
            &bodies.task_id as _,
            &bodies.body as _,
            &tasks.task_id as _,
            &tasks.app as _,
            &tasks.role as _,
            &tasks.event_type as _,
            &tasks.state as _,
            &tasks.error_code as _,
            &tasks.message as _,
            &tasks.file_id as _,
            &tasks.recorded_at,
            &tasks.rank_strength,
            &tasks.rank_digest as _,
            &tasks.version,
            &uploads.app as _,
            &uploads.file_id as _,
            &uploads.user_id as _,
            &uploads.ticket as _,
            &uploads.attribution_method as _,
            &uploads.attribution_reason as _,
            &uploads.attribution_detail as _,
            &uploads.attribution_at,
            &uploads.contexts_differ,
            &uploads.confirmed as _,
            &uploads.source_type as _,
            &uploads.source_context as _,
            &uploads.session_context as _,
            &uploads.name as _,
            &uploads.media_type as _,
            &uploads.media_url as _,
            &uploads.cover_url as _,
            &uploads.class_id as _,
            &uploads.storage_region as _,
            &uploads.size_bytes as _,
            &uploads.duration_s as _,
            &uploads.width as _,
            &uploads.height as _,
            &uploads.bitrate_bps as _,
            &uploads.uploaded_at as _,
            &uploads.procedure_task_id as _,
            &uploads.procedure_state as _,
            &uploads.review_task_id as _,
            &uploads.review_state as _,
            &uploads.processing as _,
            &uploads.recorded_at,
            &uploads.updated_at,
            &uploads.announced_at as _,
            &uploads.deleted_at as _,
            &uploads.rank_strength,
            &uploads.rank_update_time as _,
            &uploads.rank_digest as _,
            &uploads.weaker as _,
            &uploads.version,
            &uploads.folded_on,
            &uploads.deliveries,
            &tickets.id,
            &tickets.app as _,
            &tickets.user_id as _,
            &changes.kind as _,
            &changes.app as _,
            &changes.file_id as _,
            &changes.ticket as _,
            &changes.user_before as _,
            &changes.user_after as _,
            &tasks.outputs as _,
            batch.erased.epoch(),
        );
        written.fetch_one(connection).await?;
        return Ok(());
    }
    let (named_file, named_by): (Vec<i64>, Vec<Uuid>) = rows::named(batch, deliveries).unzip();
    let audit: AuditColumns = rows::audit(batch, deliveries, now, random).collect();
    let marks: MarkColumns = judging::marks(batch).collect();
    let judged: JudgedColumns = judging::judged(batch).collect();
    let written = sqlx::query_file!(
        "src/record/write.sql",
        now,
        &bodies.id,
        &bodies.app as _,
        &bodies.door as _,
        &bodies.received_at,
        &bodies.reason as _,
        &bodies.event_type as _,
        &bodies.format as _,
        &bodies.file_id as _,
        &bodies.more_file_ids as _,
        &bodies.task_id as _,
        &bodies.body as _,
        &named_file,
        &named_by,
        &tasks.task_id as _,
        &tasks.app as _,
        &tasks.role as _,
        &tasks.event_type as _,
        &tasks.state as _,
        &tasks.error_code as _,
        &tasks.message as _,
        &tasks.file_id as _,
        &tasks.recorded_at,
        &tasks.rank_strength,
        &tasks.rank_digest as _,
        &tasks.version,
        &uploads.app as _,
        &uploads.file_id as _,
        &uploads.user_id as _,
        &uploads.ticket as _,
        &uploads.attribution_method as _,
        &uploads.attribution_reason as _,
        &uploads.attribution_detail as _,
        &uploads.attribution_at,
        &uploads.contexts_differ,
        &uploads.confirmed as _,
        &uploads.source_type as _,
        &uploads.source_context as _,
        &uploads.session_context as _,
        &uploads.name as _,
        &uploads.media_type as _,
        &uploads.media_url as _,
        &uploads.cover_url as _,
        &uploads.class_id as _,
        &uploads.storage_region as _,
        &uploads.size_bytes as _,
        &uploads.duration_s as _,
        &uploads.width as _,
        &uploads.height as _,
        &uploads.bitrate_bps as _,
        &uploads.uploaded_at as _,
        &uploads.procedure_task_id as _,
        &uploads.procedure_state as _,
        &uploads.review_task_id as _,
        &uploads.review_state as _,
        &uploads.processing as _,
        &uploads.recorded_at,
        &uploads.updated_at,
        &uploads.announced_at as _,
        &uploads.deleted_at as _,
        &uploads.rank_strength,
        &uploads.rank_update_time as _,
        &uploads.rank_digest as _,
        &uploads.weaker as _,
        &uploads.version,
        &uploads.folded_on,
        &audit.id,
        &audit.app as _,
        &audit.file_id as _,
        &audit.decided_by as _,
        &audit.user_before as _,
        &audit.user_after as _,
        &audit.method_before as _,
        &audit.method_after as _,
        &audit.reason_before as _,
        &audit.reason_after as _,
        &changes.kind as _,
        &changes.app as _,
        &changes.file_id as _,
        &changes.ticket as _,
        &changes.user_before as _,
        &changes.user_after as _,
        &tickets.id,
        &tickets.app as _,
        &tickets.user_id as _,
        &tasks.outputs as _,
        &uploads.seen_at as _,
        &uploads.absent_at as _,
        &marks.delivery,
        &marks.refuted as _,
        &judged.file,
        &judged.app as _,
        &judged.file_id as _,
        &judged.deliveries,
        batch.erased.epoch(),
    );
    written.fetch_one(connection).await?;
    Ok(())
}

fn digest(bytes: &[u8]) -> Option<Reverse<[u8; 16]>> {
    bytes.try_into().ok().map(Reverse)
}
