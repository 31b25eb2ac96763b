//! Histories folded in memory, and the rows that recording them would leave: for filling a database with millions.
//!
//! What folds them is what folds a receiver's batches, and the rows are made where a receiver's are; only that they are
//! not read and written in between is another matter. Each delivery is a batch of its own, as where there is little to do.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::batch::{Batch, File, FileKey, Stored, TaskKey};
use super::columns::columns;
use super::fold::{Task, Upload};
use super::refute::{self, Refuted};
use super::{Delivery, rows};
use crate::attribute::{Method, Reason, Resolvers, Verdict};
use crate::ops::copy::{self, Cells as _};
use crate::ops::random::Random;
use crate::ticket::{IssuedTicket, Ticket, UserId};

/// Rows of the tables that recording fills, in the binary form of `COPY`.
#[derive(Debug)]
pub struct Rows {
    /// From when on lines of the change log are kept.
    changes_from: DateTime<Utc>,
    pub deliveries: Vec<u8>,
    pub uploads: Vec<u8>,
    pub tasks: Vec<u8>,
    pub attribution_changes: Vec<u8>,
    /// Without their `seq`, which is for whoever knows all of them to give.
    pub changes: Vec<Change>,
    /// How many there were before those that are kept.
    pub changes_before: u64,
    pub deliveries_count: u64,
    pub uploads_count: u64,
    pub tasks_count: u64,
    pub attribution_changes_count: u64,
}

/// A line of the change log.
#[derive(Debug)]
pub struct Change {
    /// When it was committed.
    pub at: DateTime<Utc>,
    cells: Vec<u8>,
}

/// What became of some files and of nothing else, from their first delivery on.
#[derive(Debug)]
pub struct History<'a> {
    tickets: HashMap<Ticket, Arc<IssuedTicket>>,
    resolvers: &'a Resolvers,
    random: &'a Random,
    files: HashMap<FileKey, Kept<Upload>>,
    tasks: HashMap<TaskKey, Kept<Task>>,
    deliveries: Vec<KeptDelivery>,
    attribution_changes: (u64, Vec<u8>),
    changes: Vec<Change>,
}

/// A row as it stands now.
#[derive(Debug)]
struct Kept<T> {
    stored: Stored<T>,
    deliveries: i32,
    line: Vec<u8>,
}

#[derive(Debug)]
struct KeptDelivery {
    delivery: Delivery,
    recorded_at: DateTime<Utc>,
    refuted: Option<Refuted>,
}

columns! {
    /// A row of `deliveries` as it is stored.
    DeliveryLine => DeliveryLines {
        id: Uuid,
        app: &'a str,
        door: &'a str,
        received_at: DateTime<Utc>,
        recorded_at: DateTime<Utc>,
        state: &'a str,
        quarantine_reason: Option<&'a str>,
        event_type: Option<&'a str>,
        format: Option<&'a str>,
        file_id: Option<&'a str>,
        more_file_ids: Option<Vec<&'a str>>,
        task_id: Option<&'a str>,
        body: Option<&'a [u8]>,
        refuted: Option<&'a str>,
    }
}

impl Rows {
    /// None yet; lines of the change log are kept from then on.
    pub fn with_changes_from(changes_from: DateTime<Utc>) -> Self {
        Self {
            changes_from,
            deliveries: Vec::new(),
            uploads: Vec::new(),
            tasks: Vec::new(),
            attribution_changes: Vec::new(),
            changes: Vec::new(),
            changes_before: 0,
            deliveries_count: 0,
            uploads_count: 0,
            tasks_count: 0,
            attribution_changes_count: 0,
        }
    }
}

impl<'a> History<'a> {
    /// Nothing has happened yet; these tickets were issued.
    pub fn new(
        tickets: HashMap<Ticket, Arc<IssuedTicket>>,
        resolvers: &'a Resolvers,
        random: &'a Random,
    ) -> Self {
        Self {
            tickets,
            resolvers,
            random,
            files: HashMap::new(),
            tasks: HashMap::new(),
            deliveries: Vec::new(),
            attribution_changes: (0, Vec::new()),
            changes: Vec::new(),
        }
    }

    /// Records a delivery at a time.
    pub fn record(&mut self, delivery: Delivery, now: DateTime<Utc>) {
        let deliveries = std::slice::from_ref(&delivery);
        let mut batch = self.read(deliveries);
        batch.fold(deliveries, now);
        self.judge(&mut batch);
        for audit in rows::audit(&batch, deliveries, now, self.random) {
            let (count, lines) = &mut self.attribution_changes;
            *count += 1;
            copy::row(lines, &audit, &[&now, &None::<&str>]);
        }
        self.log(&batch, now);
        let kept = batch.passed_over.is_empty();
        let mark = |id| batch.marks.get(&id).copied();
        for kept in &mut self.deliveries {
            kept.refuted = mark(kept.delivery.id).unwrap_or(kept.refuted);
        }
        let refuted = mark(delivery.id).flatten();
        self.keep(&batch, now);
        if kept {
            self.deliveries.push(KeptDelivery {
                delivery,
                recorded_at: now,
                refuted,
            });
        }
    }

    /// A person decides at a time whose an upload is, as [`super::Recorder::decide`] does; nothing if there is no such
    /// upload.
    pub fn decide(&mut self, key: &FileKey, user: &UserId, why: &str, now: DateTime<Utc>) {
        let Some(held) = self.files.get(key).filter(|held| held.stored.row.announced) else {
            return;
        };
        let before = held.stored.clone();
        let mut after = before.row.clone();
        after.verdict = Verdict {
            user_id: Some(user.as_str().to_owned()),
            ticket: before.row.verdict.ticket,
            method: Method::Manual,
            reason: Reason::Manual,
            detail: Some(why.to_owned()),
        };
        after.decided_at = now;
        let (app, file_id) = key;
        let audit = rows::AuditRow {
            id: self.random.uuid_v7(now),
            app,
            file_id,
            decided_by: "key admin".to_owned(),
            user_before: before.row.verdict.user_id.as_deref(),
            user_after: after.verdict.user_id.as_deref(),
            method_before: before.row.verdict.method.as_str(),
            method_after: after.verdict.method.as_str(),
            reason_before: before.row.verdict.reason.as_str(),
            reason_after: after.verdict.reason.as_str(),
        };
        let (count, lines) = &mut self.attribution_changes;
        *count += 1;
        copy::row(lines, &audit, &[&now, &why]);
        let mut batch = Batch::default();
        let file = File {
            before: Some(before),
            after: Some(after),
            changed_by: Some(0),
            ..File::default()
        };
        batch.files.insert(key.clone(), file);
        self.log(&batch, now);
        self.keep_file(&batch, key, now);
    }

    /// Puts the rows that are left of it to others.
    pub fn write(self, rows: &mut Rows) {
        for kept in &self.deliveries {
            kept.write(&mut rows.deliveries);
        }
        rows.deliveries_count += self.deliveries.len() as u64;
        rows.uploads_count += self.files.len() as u64;
        for file in self.files.into_values() {
            rows.uploads.extend(file.line);
        }
        rows.tasks_count += self.tasks.len() as u64;
        for task in self.tasks.into_values() {
            rows.tasks.extend(task.line);
        }
        let (count, lines) = self.attribution_changes;
        rows.attribution_changes_count += count;
        rows.attribution_changes.extend(lines);
        for change in self.changes {
            if change.at < rows.changes_from {
                rows.changes_before += 1;
            } else {
                rows.changes.push(change);
            }
        }
    }

    /// The batch of a delivery, with what is known of what it names.
    fn read(&self, deliveries: &[Delivery]) -> Batch {
        let mut batch = Batch::of(deliveries);
        batch.resolvers = self.resolvers.clone();
        batch.tickets.clone_from(&self.tickets);
        for (key, file) in &mut batch.files {
            if let Some(held) = self.files.get(key) {
                file.is_known = true;
                file.before = Some(held.stored.clone());
                file.deliveries = held.deliveries;
            }
        }
        for (key, task) in &mut batch.tasks {
            task.before = self.tasks.get(key).map(|held| held.stored.clone());
        }
        batch
    }

    /// Judges what was recorded before where it may come out otherwise now.
    fn judge(&self, batch: &mut Batch) {
        let due = batch.files.iter().filter(|(_, file)| refute::is_due(file));
        let due: Vec<FileKey> = due.map(|(key, _)| key.clone()).collect();
        for key in &due {
            for kept in &self.deliveries {
                let mark = kept.refuted.map(Refuted::as_str);
                batch.judge(key, &kept.delivery, mark);
            }
        }
    }

    fn log(&mut self, batch: &Batch, now: DateTime<Utc>) {
        for change in rows::changes(batch) {
            let mut cells = Vec::new();
            change.put_all(&mut cells);
            self.changes.push(Change { at: now, cells });
        }
    }

    /// Takes over the rows as a batch leaves them.
    fn keep(&mut self, batch: &Batch, now: DateTime<Utc>) {
        let written: Vec<FileKey> = batch.written().map(|(key, ..)| key.clone()).collect();
        for key in &written {
            self.keep_file(batch, key, now);
        }
        for row in rows::tasks(batch, now) {
            let key = (
                row.task_id.to_owned(),
                row.app.to_owned(),
                row.file_id.to_owned(),
            );
            let Some(after) = batch.tasks.get(&key).and_then(|task| task.after.clone()) else {
                continue;
            };
            let mut line = Vec::new();
            copy::row(&mut line, &row, &[&now]);
            let stored = Stored {
                row: after,
                version: row.version,
                recorded_at: row.recorded_at,
                updated_at: now,
            };
            let kept = Kept {
                stored,
                deliveries: 0,
                line,
            };
            self.tasks.insert(key, kept);
        }
    }

    fn keep_file(&mut self, batch: &Batch, key: &FileKey, now: DateTime<Utc>) {
        let Some(file) = batch.files.get(key) else {
            return;
        };
        let Some(after) = &file.after else { return };
        let mut row = rows::upload(&key.0, &key.1, file, after, now);
        row.deliveries += self.files.get(key).map_or(0, |held| held.deliveries);
        let mut line = Vec::new();
        copy::row(&mut line, &row, &[]);
        let stored = Stored {
            row: after.clone(),
            version: row.version,
            recorded_at: row.recorded_at,
            updated_at: row.updated_at,
        };
        let kept = Kept {
            stored,
            deliveries: row.deliveries,
            line,
        };
        self.files.insert(key.clone(), kept);
    }
}

impl KeptDelivery {
    fn write(&self, out: &mut Vec<u8>) {
        let row = rows::DeliveryRow::of(&self.delivery);
        let files = self.delivery.said.iter().flat_map(|event| &event.files);
        let others: Vec<&str> = files.skip(1).map(|fact| fact.file_id.as_str()).collect();
        let line = DeliveryLine {
            id: row.id,
            app: row.app,
            door: row.door,
            received_at: row.received_at,
            recorded_at: self.recorded_at,
            state: row.reason.map_or("recorded", |_| "quarantined"),
            quarantine_reason: row.reason,
            event_type: row.event_type,
            format: row.format,
            file_id: row.file_id,
            more_file_ids: (!others.is_empty()).then_some(others),
            task_id: row.task_id,
            body: row.body,
            refuted: self.refuted.map(Refuted::as_str),
        };
        copy::row(out, &line, &[]);
    }
}

impl Change {
    /// Appends its row with the number that it gets.
    pub fn write(&self, out: &mut Vec<u8>, seq: i64) {
        copy::row(out, self, &[&seq, &self.at]);
    }
}

impl copy::Cells for Change {
    const COUNT: usize = rows::ChangeRow::COUNT;

    fn put_all(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.cells);
    }
}
