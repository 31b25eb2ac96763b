//! What most batches need not ask Postgres: whose the tickets are that this process issued itself, and
//! that a file which was uploaded just now has no row yet.
//!
//! Both are presumed and not known. The write depends on them ([`super::sql::write`]): where they turn out
//! wrong nothing is written, and the batch asks.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use uuid::Uuid;

use super::batch::{Batch, FileKey, tickets_told};
use super::{Delivery, Door};
use crate::ticket::KnownTickets;
use crate::vod::event::News;

/// VOD sends again within seconds: so many files lie between at most, or it is presumed new once more.
const LATEST_FILES: usize = 1 << u16::BITS;
/// So many batches ask of all their files after one met a row that it did not know of: where two
/// receivers are told the same, one comes rarely alone.
const ASK_AGAIN: usize = 64;

/// What one recorder remembers.
pub struct Recall {
    tickets: KnownTickets,
    /// The files that were written lately, as hashes of their keys, each at its place.
    files: Box<[AtomicU64]>,
    hasher: RandomState,
    /// How many more batches presume nothing of files.
    asking: AtomicUsize,
}

/// What a batch has to ask of Postgres before it is folded.
#[derive(Debug, Default)]
pub struct Question {
    pub files: Vec<FileKey>,
    pub tickets: Vec<Uuid>,
}

impl Question {
    /// Everything that deliveries name.
    pub fn everything(batch: &Batch, deliveries: &[Delivery]) -> Self {
        Self {
            files: batch.files.keys().cloned().collect(),
            tickets: tickets_told(deliveries).iter().map(|told| told.0).collect(),
        }
    }

    /// Whether there is nothing to ask.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.tickets.is_empty()
    }
}

impl Recall {
    /// Remembers nothing yet but the tickets that others note.
    pub fn new(tickets: KnownTickets) -> Self {
        Self {
            tickets,
            files: (0..LATEST_FILES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            asking: AtomicUsize::new(0),
        }
    }

    /// Puts into a batch what is presumed of it; the rest is the question.
    pub fn presume(&self, batch: &mut Batch, deliveries: &[Delivery]) -> Question {
        let told = tickets_told(deliveries);
        batch.presume(self.tickets.among(told.iter().copied()));
        let unknown = told
            .iter()
            .filter(|ticket| !batch.tickets.contains_key(ticket));
        Question {
            tickets: unknown.map(|ticket| ticket.0).collect(),
            files: self.not_presumed_new(batch, deliveries),
        }
    }

    fn not_presumed_new(&self, batch: &Batch, deliveries: &[Delivery]) -> Vec<FileKey> {
        let one_less = |asking: usize| asking.checked_sub(1);
        let presumes_nothing = self
            .asking
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok();
        batch
            .files
            .iter()
            .filter(|(key, file)| {
                presumes_nothing
                    || !is_upload(key, &deliveries[file.named_by[0]])
                    || self.was_written_lately(key)
            })
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Notes what a batch wrote or met.
    pub fn note(&self, batch: &Batch) {
        for key in batch.files.keys() {
            let (hash, place) = self.place(key);
            place.store(hash, Ordering::Relaxed);
        }
        let asked = batch.tickets.iter();
        // Who is erased is not remembered: the log is asked.
        let asked = asked.filter(|(ticket, issued)| {
            issued.user_id.is_some() && !batch.presumed.contains(ticket)
        });
        self.tickets
            .note(asked.map(|(&ticket, issued)| (ticket, Arc::clone(issued))));
    }

    fn was_written_lately(&self, key: &FileKey) -> bool {
        let (hash, place) = self.place(key);
        place.load(Ordering::Relaxed) == hash
    }

    fn place(&self, key: &FileKey) -> (u64, &AtomicU64) {
        let hash = self.hasher.hash_one(key);
        let [.., a, b] = hash.to_be_bytes();
        (hash, &self.files[usize::from(u16::from_be_bytes([a, b]))])
    }

    /// Something that a batch presumed is not so, or it met another writer: now it asks everything.
    pub fn was_wrong(&self, batch: &Batch) {
        self.asking.store(ASK_AGAIN, Ordering::Relaxed);
        self.tickets.forget(batch.presumed.iter().copied());
    }
}

/// Whether VOD tells that the file was uploaded just now; all else speaks of a file that is there.
fn is_upload((_, file_id): &FileKey, delivery: &Delivery) -> bool {
    let Ok(event) = &delivery.said else {
        return false;
    };
    let mut facts = event.files.iter();
    let fact = facts.find(|fact| fact.file_id.as_str() == file_id);
    matches!(delivery.door, Door::Push | Door::Pull)
        && fact.is_some_and(|fact| fact.news == News::Uploaded)
}
