//! A person is erased from what was recorded: nothing stays but that there were files.
//!
//! What is recorded later of such a file, or of such a person, is treated alike as it is folded; that is here. Which of
//! the rows are the person's is for `keep::erasure` to find: each function of [`sql`] is one statement, does a bounded
//! number of rows, may be done again, and counts what it did in the row of the erasure.

pub mod sql;

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Delivery;
use super::batch::Batch;
use super::fold::{Task, Upload};
use crate::attribute::{Reason, named_ticket};
use crate::erased::{Known, mention};
use crate::ticket::Ticket;

impl Upload {
    /// Whether it was an erased person's.
    pub fn is_erased(&self) -> bool {
        self.verdict.reason == Reason::Erased
    }

    /// Forgets contexts that name an erased person; tells whether there was one.
    pub fn forget_contexts(&mut self, erased: &Known) -> bool {
        let Self { fields, ranks, .. } = self;
        let mut forgot = false;
        for (name, context) in [
            ("source_context", &mut fields.source_context),
            ("session_context", &mut fields.session_context),
        ] {
            if names(context.as_deref(), erased) {
                *context = None;
                ranks.weaker.remove(name);
                forgot = true;
            }
        }
        forgot
    }

    /// Forgets what an erased person's file may tell of the person.
    pub fn forget_person(&mut self) {
        let Self { fields, ranks, .. } = self;
        for (name, field) in [
            ("name", &mut fields.name),
            ("media_url", &mut fields.media_url),
            ("cover_url", &mut fields.cover_url),
        ] {
            *field = None;
            ranks.weaker.remove(name);
        }
        for (name, context) in [
            ("source_context", &mut fields.source_context),
            ("session_context", &mut fields.session_context),
        ] {
            // A ticket says nothing of a person.
            if named_ticket(context.as_deref()).is_none() {
                *context = None;
                ranks.weaker.remove(name);
            }
        }
    }
}

impl Task {
    /// Forgets what it made and said: the person's too.
    pub fn forget_person(&mut self) {
        self.message = None;
        self.outputs.clear();
    }
}

/// Leaves nothing in a folded batch of those who are erased: tasks of their files, and which bodies are not to be kept.
pub fn redact(batch: &mut Batch, deliveries: &[Delivery]) {
    let files = batch.files.iter();
    let theirs = files.filter(|(_, file)| file.is_erased());
    let mut redacted: BTreeSet<usize> = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for (key, file) in theirs {
        redacted.extend(&file.named_by);
        keys.insert(key.clone());
    }
    if !keys.is_empty() {
        for ((_, app, file_id), task) in &mut batch.tasks {
            if keys.contains(&(app.clone(), file_id.clone()))
                && let Some(task) = &mut task.after
            {
                task.forget_person();
            }
        }
    }
    if !batch.erased.is_empty() {
        let naming = deliveries.iter().enumerate().filter(|(_, delivery)| {
            if delivery.files() == 0 {
                names_erased(batch, delivery)
            } else {
                contexts(delivery).any(|context| names(context, &batch.erased))
            }
        });
        redacted.extend(naming.map(|(position, _)| position));
    }
    batch.redacted = redacted;
}

/// What a delivery tells of contexts.
fn contexts(delivery: &Delivery) -> impl Iterator<Item = Option<&str>> {
    let facts = delivery.said.iter().flat_map(|event| &event.files);
    facts.flat_map(|fact| {
        let fields = &fact.fields;
        [
            fields.source_context.as_deref(),
            fields.session_context.as_deref(),
        ]
    })
}

/// Whether a context names somebody who is erased; a ticket does not.
fn names(context: Option<&str>, erased: &Known) -> bool {
    let foreign = context.filter(|_| named_ticket(context).is_none());
    foreign.is_some_and(|text| erased.is_named_in(text.as_bytes()))
}

/// Whether a delivery that leads to no file, one kept aside say, names somebody who is erased, or a ticket of theirs.
fn names_erased(batch: &Batch, delivery: &Delivery) -> bool {
    let is_theirs = |ticket: Ticket| {
        let user = batch.tickets.get(&ticket).map(|issued| &issued.user_id);
        user.is_some_and(|user| {
            user.as_ref()
                .is_none_or(|user| batch.erased.holds(user.as_str()))
        })
    };
    let values = mention::values(&delivery.body);
    batch.erased.is_named_in(&delivery.body)
        || values
            .iter()
            .any(|value| value.parse::<Ticket>().is_ok_and(is_theirs))
}

/// The tickets that deliveries name which lead to no file: to be asked for where somebody is erased.
pub fn tickets_aside(deliveries: &[Delivery]) -> impl Iterator<Item = Uuid> {
    let nameless = deliveries.iter().filter(|delivery| delivery.files() == 0);
    nameless.flat_map(|delivery| {
        let values = mention::values(&delivery.body);
        let tickets = values
            .iter()
            .filter_map(|value| value.parse::<Ticket>().ok());
        tickets.map(|ticket| ticket.0).collect::<Vec<_>>()
    })
}
