//! A batch of deliveries: the rows they touch as they were read, and as they will be written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::fold::{Task, Tasks, Upload};
use super::refute::{self, Refuted};
use super::{Delivery, Door, Outcome, erase};
use crate::attribute::{Resolvers, named_ticket};
use crate::erased::Known;
use crate::ticket::{IssuedTicket, Ticket};
use crate::vod::event::{Event, FileFields, FileId, News, TaskFact, TaskRole};

/// The rows that a batch of deliveries touches, in the order of their keys: two writers that lock
/// rows in the same order cannot deadlock (design section 8, measured).
#[derive(Debug, Default)]
pub struct Batch {
    /// By app and file id.
    pub files: BTreeMap<FileKey, File>,
    /// By task id, app, and the file that it was told of.
    pub tasks: BTreeMap<TaskKey, TaskRow>,
    /// The tickets that contexts name; those that were issued.
    pub tickets: HashMap<Ticket, Arc<IssuedTicket>>,
    /// Those of them that nobody asked the log for: it has to say the same when the batch is written.
    pub presumed: BTreeSet<Ticket>,
    /// How users are read from contexts that are no tickets.
    pub resolvers: Resolvers,
    /// Who is erased: it has to be everybody when the batch is written.
    pub erased: Arc<Known>,
    /// Positions of the deliveries whose bodies are not kept: they tell of erased persons.
    pub redacted: BTreeSet<usize>,
    /// When the latest of the uploads was uploaded that deliveries tell of, by VOD's clock.
    latest_upload: Option<DateTime<Utc>>,
    /// Whether deliveries of it may have been written before.
    pub perhaps_again: bool,
    /// Positions of the deliveries that leave no trace: answers of VOD that told nothing new.
    pub passed_over: BTreeSet<usize>,
    /// Whether VOD contradicts a delivery, where that is to be noted or no longer so.
    pub marks: BTreeMap<Uuid, Option<Refuted>>,
}

/// App, file id.
pub type FileKey = (String, String);

/// Task id, app, file id; the file id is empty where an event names none.
pub type TaskKey = (String, String, String);

/// One row of `uploads`, before and after.
#[derive(Debug, Default)]
pub struct File {
    /// There is a row to be read.
    pub is_known: bool,
    /// As it was read; `None` if there was none.
    pub before: Option<Stored<Upload>>,
    pub after: Option<Upload>,
    /// As a file that is unknown begins of which a person decided whose it is.
    pub decided: Option<Upload>,
    /// Positions of the deliveries that name it, each once.
    pub named_by: Vec<usize>,
    /// The last delivery that changed what it shows.
    pub changed_by: Option<usize>,
    /// A task of it moved: who reads it together with its tasks has to read again.
    pub task_moved: bool,
    /// How many deliveries named it when its row was read.
    pub deliveries: i32,
    /// Its kept deliveries were judged: the write depends on there being no others.
    pub judged: bool,
}

/// One row of `tasks`, before and after.
#[derive(Debug, Default)]
pub struct TaskRow {
    /// As it was read; `None` if there was none.
    pub before: Option<Stored<Task>>,
    pub after: Option<Task>,
}

/// What a table held, and the version on which a write depends.
#[derive(Debug, Clone)]
pub struct Stored<T> {
    pub row: T,
    pub version: i32,
    pub recorded_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Batch {
    /// Gathers the keys that deliveries name; nothing is known of them yet.
    pub fn of(deliveries: &[Delivery]) -> Self {
        let mut batch = Self::default();
        for (position, delivery) in deliveries.iter().enumerate() {
            let Ok(event) = &delivery.said else { continue };
            let app = delivery.app.as_str();
            for fact in &event.files {
                batch.latest_upload = batch.latest_upload.max(fact.fields.uploaded_at);
                let key = (app.to_owned(), fact.file_id.as_str().to_owned());
                let named_by = &mut batch.files.entry(key).or_default().named_by;
                if named_by.last() != Some(&position) {
                    named_by.push(position);
                }
            }
            for (task_id, file_id) in named_tasks(event) {
                batch
                    .tasks
                    .entry(task_key(app, task_id, file_id))
                    .or_default();
            }
        }
        batch
    }

    /// Whether nothing that it holds was read, or may have been written before, or needs more than a plain row.
    pub fn is_all_new(&self) -> bool {
        !self.perhaps_again
            && self.marks.is_empty()
            && self.files.values().all(File::is_plain)
            && self.tasks.values().all(|task| task.before.is_none())
    }

    /// Takes tickets on somebody's word.
    pub fn presume(&mut self, tickets: impl IntoIterator<Item = (Ticket, Arc<IssuedTicket>)>) {
        for (ticket, issued) in tickets {
            self.presumed.insert(ticket);
            self.tickets.insert(ticket, issued);
        }
    }

    /// The tickets that are still to be asked for: those that rows name which were read, and those of the
    /// presumed ones that seem expired when a file was uploaded. They may have had a signature since, which
    /// the verdict tells of; that they seem valid stays true.
    pub fn tickets_to_ask(&self) -> BTreeSet<Ticket> {
        let held = self.files.values().filter_map(|file| file.before.as_ref());
        let held = held.map(|stored| &stored.row.fields);
        let latest = held
            .clone()
            .map(|fields| fields.uploaded_at)
            .max()
            .flatten();
        let latest = latest.max(self.latest_upload);
        let seems_expired = |ticket: &&Ticket| {
            let issued = self.tickets.get(*ticket);
            issued.is_some_and(|issued| Some(issued.last_expires_at) < latest)
        };
        let perhaps_late = self.presumed.iter().filter(seems_expired).copied();
        tickets_in(held)
            .filter(|ticket| !self.tickets.contains_key(ticket))
            .chain(perhaps_late)
            .collect()
    }

    /// The files whose rows are to be written: those that a delivery names which is kept.
    pub fn written(&self) -> impl Iterator<Item = (&FileKey, &File, &Upload)> {
        self.files.iter().filter_map(|(key, file)| {
            let kept = |by: &usize| !self.passed_over.contains(by);
            let after = file.after.as_ref()?;
            file.named_by.iter().any(kept).then_some((key, file, after))
        })
    }

    /// Joins what the deliveries say to what was read, in their order, and tells what became of each.
    pub fn fold(&mut self, deliveries: &[Delivery], now: DateTime<Utc>) -> Vec<Outcome> {
        for file in self.files.values_mut() {
            file.after = file.before.as_ref().map(|stored| stored.row.clone());
        }
        for task in self.tasks.values_mut() {
            task.after = task.before.as_ref().map(|stored| stored.row.clone());
        }
        let outcomes = deliveries
            .iter()
            .enumerate()
            .map(|(position, delivery)| match &delivery.said {
                Ok(event) => self.fold_one(position, delivery, event, now),
                Err(_) => Outcome::Quarantined,
            })
            .collect();
        erase::redact(self, deliveries);
        self.marks = refute::told(self, deliveries);
        outcomes
    }

    fn fold_one(
        &mut self,
        position: usize,
        delivery: &Delivery,
        event: &Event,
        now: DateTime<Utc>,
    ) -> Outcome {
        let app = delivery.app.as_str();
        let moved = self.fold_tasks(delivery, event);
        // Whether a row is another now, and whether it shows something new.
        let (mut changed, mut shown) = (moved.changed, moved.shown);
        for fact in &event.files {
            let key = (app.to_owned(), fact.file_id.as_str().to_owned());
            let Some(file) = self.files.get_mut(&key) else {
                continue;
            };
            if fact.news == News::Absent && file.after.is_none() {
                // Nothing is known of it here either.
                continue;
            }
            let held = file.after.take();
            let known = tasks_of(&self.tasks, app, fact.file_id.as_str(), event);
            let unknown = || file.decided.clone().unwrap_or_else(|| Upload::unknown(now));
            let mut joined = held.clone().unwrap_or_else(unknown);
            joined.absorb(fact, event, delivery);
            joined.conclude(
                app,
                &known,
                &self.tickets,
                &self.resolvers,
                &self.erased,
                now,
            );
            file.task_moved |= moved.shown;
            // A file of which nothing was known is news, even if it is only named.
            let is_new = held.is_none();
            let before = held.unwrap_or_else(|| Upload::unknown(now));
            if !is_new && delivery.door == Door::Reconcile && joined.is_the_same(&before) {
                file.after = Some(before);
                continue;
            }
            changed |= is_new || !joined.is_the_same(&before);
            shown |= is_new;
            if !joined.shows_the_same(&before) {
                shown = true;
                file.changed_by = Some(position);
            }
            file.after = Some(joined);
        }
        // What names neither file nor task cannot be known already.
        let names_nothing = event.files.is_empty() && event.task.is_none();
        if delivery.door == Door::Reconcile {
            if changed || names_nothing {
                return Outcome::Recorded;
            }
            self.passed_over.insert(position);
            return Outcome::Duplicate;
        }
        if shown || names_nothing {
            Outcome::Recorded
        } else {
            Outcome::Duplicate
        }
    }

    /// Joins what an event says of tasks.
    fn fold_tasks(&mut self, delivery: &Delivery, event: &Event) -> Moved {
        let announced = event
            .files
            .iter()
            .filter(|fact| fact.news == News::Uploaded)
            .flat_map(|fact| {
                let procedure = fact
                    .fields
                    .procedure_task_id
                    .as_deref()
                    .map(|id| (id, TaskRole::Procedure));
                let review = fact
                    .fields
                    .review_task_id
                    .as_deref()
                    .map(|id| (id, TaskRole::Review));
                let file_id = fact.file_id.as_str();
                procedure
                    .into_iter()
                    .chain(review)
                    .map(move |(id, role)| (id, file_id, Task::announced(role)))
            });
        let told = event.task.iter().map(|fact| {
            (
                fact.task_id.as_str(),
                file_of(fact),
                Task::told(fact, event, delivery),
            )
        });
        let mut moved = Moved::default();
        for (task_id, file_id, task) in announced.chain(told) {
            let Some(row) = self
                .tasks
                .get_mut(&task_key(delivery.app.as_str(), task_id, file_id))
            else {
                continue;
            };
            let mut joined = match row.after.clone() {
                Some(mut held) => {
                    held.join(task);
                    held
                }
                None => task,
            };
            let key = (delivery.app.as_str().to_owned(), file_id.to_owned());
            if self.files.get(&key).is_some_and(File::is_erased) {
                joined.forget_person();
            }
            let held = row.after.as_ref();
            moved.changed |= held.is_none_or(|held| *held != joined);
            moved.shown |= held.is_none_or(|held| !held.shows_the_same(&joined));
            row.after = Some(joined);
        }
        moved
    }
}

/// What became of the tasks that an event names.
#[derive(Default)]
struct Moved {
    /// A row is another now.
    changed: bool,
    /// It shows something new.
    shown: bool,
}

impl File {
    /// Whether it was an erased person's.
    pub fn is_erased(&self) -> bool {
        self.after.as_ref().is_some_and(Upload::is_erased)
    }

    /// Whether its row holds nothing but what notifications tell of a file.
    fn is_plain(&self) -> bool {
        let answered = |upload: &Upload| upload.seen_at.is_some() || upload.absent_at.is_some();
        self.before.is_none() && !self.after.as_ref().is_some_and(answered)
    }
}

/// The tickets that deliveries name.
pub fn tickets_told(deliveries: &[Delivery]) -> BTreeSet<Ticket> {
    let events = deliveries
        .iter()
        .filter_map(|delivery| delivery.said.as_ref().ok());
    tickets_in(events.flat_map(|event| event.files.iter().map(|fact| &fact.fields))).collect()
}

fn tickets_in<'a>(fields: impl Iterator<Item = &'a FileFields>) -> impl Iterator<Item = Ticket> {
    fields
        .flat_map(|fields| [&fields.source_context, &fields.session_context])
        .filter_map(|context| named_ticket(context.as_deref()))
}

/// What the batch knows by now of the tasks of a file that an event names.
fn tasks_of(rows: &BTreeMap<TaskKey, TaskRow>, app: &str, file_id: &str, event: &Event) -> Tasks {
    named_tasks(event)
        .filter(|(_, of)| *of == file_id)
        .filter_map(|(task_id, _)| {
            let row = rows.get(&task_key(app, task_id, file_id))?;
            Some((task_id.to_owned(), row.after.clone()?))
        })
        .collect()
}

/// The tasks that an event names, each with its file: the one it tells of, and those that uploads started.
fn named_tasks(event: &Event) -> impl Iterator<Item = (&str, &str)> {
    let started = event.files.iter().flat_map(|fact| {
        [&fact.fields.procedure_task_id, &fact.fields.review_task_id]
            .into_iter()
            .filter_map(|id| id.as_deref())
            .map(|id| (id, fact.file_id.as_str()))
    });
    event
        .task
        .iter()
        .map(|fact| (fact.task_id.as_str(), file_of(fact)))
        .chain(started)
}

fn file_of(fact: &TaskFact) -> &str {
    fact.file_id.as_ref().map_or("", FileId::as_str)
}

fn task_key(app: &str, task_id: &str, file_id: &str) -> TaskKey {
    (task_id.to_owned(), app.to_owned(), file_id.to_owned())
}
