//! A folded batch as the arrays that `write_new.sql` and `write.sql` unnest, one array a column.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Delivery;
use super::batch::{Batch, File};
use super::columns::columns;
use super::fold::Upload;
use crate::ops::random::Random;

columns! {
    /// A row of `deliveries`.
    DeliveryRow => DeliveryColumns {
        id: Uuid,
        app: &'a str,
        door: &'a str,
        received_at: DateTime<Utc>,
        reason: Option<&'a str>,
        event_type: Option<&'a str>,
        format: Option<&'a str>,
        file_id: Option<&'a str>,
        more_file_ids: Option<Value>,
        task_id: Option<&'a str>,
        body: Option<&'a [u8]>,
    }
}

impl<'a> DeliveryRow<'a> {
    /// Keeps a delivery, with what is hot of it lifted into columns.
    pub fn of(delivery: &'a Delivery) -> Self {
        let event = delivery.said.as_ref().ok();
        let mut file_ids = event
            .iter()
            .flat_map(|event| &event.files)
            .map(|fact| fact.file_id.as_str());
        let file_id = file_ids.next();
        let others: Vec<&str> = file_ids.collect();
        Self {
            id: delivery.id,
            app: delivery.app.as_str(),
            door: delivery.door.as_str(),
            received_at: delivery.received_at,
            reason: delivery
                .said
                .as_ref()
                .err()
                .map(|quarantine| &*quarantine.0),
            event_type: event.map(|event| event.event_type.as_str()),
            format: event.map(|event| event.format.as_str()),
            file_id,
            more_file_ids: (!others.is_empty()).then(|| json!(others)),
            task_id: event
                .and_then(|event| event.task.as_ref())
                .map(|task| task.task_id.as_str()),
            body: Some(&delivery.body),
        }
    }
}

/// The deliveries that leave a trace.
pub fn deliveries<'a>(
    batch: &'a Batch,
    deliveries: &'a [Delivery],
) -> impl Iterator<Item = DeliveryRow<'a>> {
    let kept = (0..deliveries.len()).filter(|position| !batch.passed_over.contains(position));
    kept.map(|position| {
        let row = DeliveryRow::of(&deliveries[position]);
        let body = row.body.filter(|_| !batch.redacted.contains(&position));
        DeliveryRow { body, ..row }
    })
}

/// Which deliveries name which files, the file by its position in the batch, from 1. Each once, though a spool
/// may bring one twice in a batch.
pub fn named<'a>(
    batch: &'a Batch,
    deliveries: &'a [Delivery],
) -> impl Iterator<Item = (i64, Uuid)> + 'a {
    batch
        .written()
        .zip(1..)
        .flat_map(move |((_, file, _), position)| {
            let ids = file.named_by.iter().map(|&by| deliveries[by].id);
            let ids: BTreeSet<Uuid> = ids.collect();
            ids.into_iter().map(move |id| (position, id))
        })
}

columns! {
    /// A row of `tasks`.
    TaskRow => TaskColumns {
        task_id: &'a str,
        app: &'a str,
        role: &'a str,
        event_type: Option<&'a str>,
        state: &'a str,
        error_code: Option<&'a str>,
        message: Option<&'a str>,
        file_id: &'a str,
        recorded_at: DateTime<Utc>,
        rank_strength: i16,
        rank_digest: &'a [u8],
        version: i32,
        outputs: Option<Value>,
    }
}

/// The tasks that moved.
pub fn tasks(batch: &Batch, now: DateTime<Utc>) -> impl Iterator<Item = TaskRow<'_>> {
    batch
        .tasks
        .iter()
        .filter_map(move |((task_id, app, file_id), row)| {
            let after = row.after.as_ref()?;
            let before = row.before.as_ref();
            if before.is_some_and(|stored| stored.row == *after) {
                return None;
            }
            Some(TaskRow {
                task_id,
                app,
                role: after.role.as_str(),
                event_type: after.event_type.as_deref(),
                state: after.state.as_str(),
                error_code: after.error_code.as_deref(),
                message: after.message.as_deref(),
                file_id,
                recorded_at: before.map_or(now, |stored| stored.recorded_at),
                rank_strength: after.rank.strength,
                rank_digest: &after.rank.digest.0,
                version: before.map_or(0, |stored| stored.version) + 1,
                outputs: (!after.outputs.is_empty()).then(|| json!(after.outputs)),
            })
        })
}

columns! {
    /// A row of `uploads`.
    UploadRow => UploadColumns {
        app: &'a str,
        file_id: &'a str,
        user_id: Option<&'a str>,
        ticket: Option<Uuid>,
        attribution_method: &'a str,
        attribution_reason: &'a str,
        attribution_detail: Option<&'a str>,
        attribution_at: DateTime<Utc>,
        contexts_differ: bool,
        confirmed: &'a str,
        source_type: Option<&'a str>,
        source_context: Option<&'a str>,
        session_context: Option<&'a str>,
        name: Option<&'a str>,
        media_type: Option<&'a str>,
        media_url: Option<&'a str>,
        cover_url: Option<&'a str>,
        class_id: Option<i64>,
        storage_region: Option<&'a str>,
        size_bytes: Option<i64>,
        duration_s: Option<f64>,
        width: Option<i32>,
        height: Option<i32>,
        bitrate_bps: Option<i64>,
        uploaded_at: Option<DateTime<Utc>>,
        procedure_task_id: Option<&'a str>,
        procedure_state: Option<&'a str>,
        review_task_id: Option<&'a str>,
        review_state: Option<&'a str>,
        processing: &'a str,
        recorded_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        announced_at: Option<DateTime<Utc>>,
        deleted_at: Option<DateTime<Utc>>,
        rank_strength: i16,
        rank_update_time: Option<DateTime<Utc>>,
        rank_digest: &'a [u8],
        weaker: Option<Value>,
        version: i32,
        folded_on: i32,
        deliveries: i32,
        seen_at: Option<DateTime<Utc>>,
        absent_at: Option<DateTime<Utc>>,
    }
}

/// The files that kept deliveries name, all of them: even one that learned nothing counts its delivery.
pub fn uploads(batch: &Batch, now: DateTime<Utc>) -> impl Iterator<Item = UploadRow<'_>> {
    batch
        .written()
        .map(move |((app, file_id), file, after)| upload(app, file_id, file, after, now))
}

pub fn upload<'a>(
    app: &'a str,
    file_id: &'a str,
    file: &'a File,
    after: &'a Upload,
    now: DateTime<Utc>,
) -> UploadRow<'a> {
    let before = file.before.as_ref();
    let moved = file.task_moved || before.is_none_or(|stored| stored.row != *after);
    let newly_announced = after.announced && !before.is_some_and(|stored| stored.row.announced);
    let folded_on = before.map_or(0, |stored| stored.version);
    let recorded_at = before
        .filter(|_| !newly_announced)
        .map_or(now, |stored| stored.recorded_at);
    let fields = &after.fields;
    UploadRow {
        app,
        file_id,
        user_id: after.verdict.user_id.as_deref(),
        ticket: after.verdict.ticket.map(|ticket| ticket.0),
        attribution_method: after.verdict.method.as_str(),
        attribution_reason: after.verdict.reason.as_str(),
        attribution_detail: after.verdict.detail.as_deref(),
        attribution_at: after.decided_at,
        contexts_differ: after.contexts_differ,
        confirmed: after.confirmed().as_str(),
        source_type: fields.source_type.as_deref(),
        source_context: fields.source_context.as_deref(),
        session_context: fields.session_context.as_deref(),
        name: fields.name.as_deref(),
        media_type: fields.media_type.as_deref(),
        media_url: fields.media_url.as_deref(),
        cover_url: fields.cover_url.as_deref(),
        class_id: fields.class_id,
        storage_region: fields.storage_region.as_deref(),
        size_bytes: fields.size_bytes,
        duration_s: fields.duration_s,
        width: fields.width,
        height: fields.height,
        bitrate_bps: fields.bitrate_bps,
        uploaded_at: fields.uploaded_at,
        procedure_task_id: fields.procedure_task_id.as_deref(),
        procedure_state: after.procedure_state.map(|state| state.as_str()),
        review_task_id: fields.review_task_id.as_deref(),
        review_state: after.review_state.map(|state| state.as_str()),
        processing: after.processing(),
        recorded_at,
        updated_at: before
            .filter(|_| file.changed_by.is_none())
            .map_or(now, |stored| stored.updated_at),
        announced_at: after.announced.then_some(recorded_at),
        deleted_at: after.deleted_at(),
        rank_strength: after.ranks.top.strength,
        rank_update_time: after.ranks.top.update_time,
        rank_digest: &after.ranks.top.digest.0,
        weaker: (!after.ranks.weaker.is_empty()).then(|| json!(after.ranks.weaker)),
        version: folded_on + i32::from(moved),
        folded_on,
        deliveries: i32::try_from(file.named_by.len()).unwrap_or(i32::MAX),
        seen_at: after.seen_at,
        absent_at: after.absent_at,
    }
}

columns! {
    /// A row of `attribution_changes`.
    AuditRow => AuditColumns {
        id: Uuid,
        app: &'a str,
        file_id: &'a str,
        decided_by: String,
        user_before: Option<&'a str>,
        user_after: Option<&'a str>,
        method_before: &'a str,
        method_after: &'a str,
        reason_before: &'a str,
        reason_after: &'a str,
    }
}

/// The announced uploads whose verdict became another.
pub fn audit<'a>(
    batch: &'a Batch,
    deliveries: &'a [Delivery],
    now: DateTime<Utc>,
    random: &'a Random,
) -> impl Iterator<Item = AuditRow<'a>> {
    batch
        .files
        .iter()
        .filter_map(move |((app, file_id), file)| {
            let before = &file
                .before
                .as_ref()
                .filter(|stored| stored.row.announced)?
                .row
                .verdict;
            let after = &file.after.as_ref()?.verdict;
            if (before.method, before.reason, &before.user_id)
                == (after.method, after.reason, &after.user_id)
            {
                return None;
            }
            Some(AuditRow {
                id: random.uuid_v7(now),
                app,
                file_id,
                decided_by: format!("delivery {}", deliveries[file.changed_by?].id),
                user_before: before.user_id.as_deref(),
                user_after: after.user_id.as_deref(),
                method_before: before.method.as_str(),
                method_after: after.method.as_str(),
                reason_before: before.reason.as_str(),
                reason_after: after.reason.as_str(),
            })
        })
}

columns! {
    /// A row of `changes`; its `seq` is given when it is written.
    ChangeRow => ChangeColumns {
        kind: &'a str,
        app: &'a str,
        file_id: &'a str,
        ticket: Option<Uuid>,
        user_before: Option<&'a str>,
        user_after: Option<&'a str>,
    }
}

/// What readers of the feed are to be told: the announced uploads that show something new.
pub fn changes(batch: &Batch) -> impl Iterator<Item = ChangeRow<'_>> {
    batch.files.iter().filter_map(|((app, file_id), file)| {
        let after = file.after.as_ref().filter(|after| after.announced)?;
        let before = file
            .before
            .as_ref()
            .map(|stored| &stored.row)
            .filter(|before| before.announced);
        let kind = match before {
            None => "recorded",
            Some(before) if before.shows_the_same(after) => return None,
            Some(before) if before.deleted_at().is_none() && after.deleted_at().is_some() => {
                "deleted"
            }
            Some(_) => "updated",
        };
        Some(ChangeRow {
            kind,
            app,
            file_id,
            ticket: after.verdict.ticket.map(|ticket| ticket.0),
            user_before: before.and_then(|before| before.verdict.user_id.as_deref()),
            user_after: after.verdict.user_id.as_deref(),
        })
    })
}

columns! {
    /// A row that `tickets` has to hold, or nothing is written.
    TicketRow => TicketColumns {
        id: Uuid,
        app: &'a str,
        user_id: &'a str,
    }
}

/// The tickets that were taken on somebody's word.
pub fn presumed(batch: &Batch) -> impl Iterator<Item = TicketRow<'_>> {
    batch.presumed.iter().filter_map(|ticket| {
        let issued = batch.tickets.get(ticket)?;
        Some(TicketRow {
            id: ticket.0,
            app: &issued.app,
            user_id: issued.user_id.as_ref()?.as_str(),
        })
    })
}
