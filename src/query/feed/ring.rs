//! The latest changes, shared by all who read on.

use std::collections::VecDeque;
use std::sync::Arc;

use super::change::{Told, Wanted};

/// How many of the latest changes are held: at 500 a second half a minute. Who falls further behind is dropped.
const MOST: usize = 16_384;
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The latest changes, without a gap between them.
#[derive(Debug, Default)]
pub struct Ring {
    /// The number of the change before those that are held.
    base: i64,
    held: VecDeque<Arc<Told>>,
    bytes: usize,
    /// Where the log ended was asked once.
    begun: bool,
    /// How often it began anew further on: whoever lacks what lies between is not to blame.
    jumps: u64,
    /// How often the log turned out to be shorter than before.
    set_back: u64,
}

/// What a ring has for a reader.
#[derive(Debug)]
pub enum Held {
    /// Changes that are wanted, in order.
    Some(Vec<Arc<Told>>),
    /// Nothing after where the reader is.
    Nothing,
    /// The reader lacks changes that are held no more.
    Behind,
}

impl Ring {
    /// Whether it was begun at the end of the log.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// The number of the last change that was read.
    pub fn head(&self) -> i64 {
        self.base + i64::try_from(self.held.len()).unwrap_or(0)
    }

    /// Whether so many changes were missed that it is better begun anew.
    pub fn is_far_from(&self, head: i64) -> bool {
        head - self.head() > i64::try_from(MOST).unwrap_or(i64::MAX)
    }

    /// Begins anew at the end of the log.
    pub fn begin_at(&mut self, head: i64) {
        if self.begun && head < self.head() {
            self.set_back += 1;
        }
        self.begun = true;
        self.pass_to(head);
    }

    /// Rests while nobody reads: what is held is forgotten, and it begins anew.
    pub fn rest(&mut self) {
        self.pass_to(self.head());
        self.begun = false;
    }

    /// Passes over changes that nobody reads.
    pub fn pass_to(&mut self, head: i64) {
        // A reader may have come meanwhile.
        self.jumps += 1;
        self.base = head;
        self.held = VecDeque::new();
        self.bytes = 0;
    }

    /// Adds the changes that come next; the oldest go.
    ///
    /// Where one tells that a person is erased, what was held before may name the person, and goes too: who is behind
    /// reads the log, which does not.
    pub fn push(&mut self, told: Vec<Told>) {
        if told.iter().any(Told::is_erasure) {
            self.pass_to(self.head());
        }
        for told in told {
            self.bytes += told.bytes();
            self.held.push_back(Arc::new(told));
        }
        while self.held.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.held.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
            self.base = oldest.seq;
        }
    }

    /// The changes after a position that are wanted, at most so many; moves the position past what was looked at.
    pub fn after(&self, position: &mut i64, wanted: &Wanted, at_most: usize) -> Held {
        let Ok(skipped) = usize::try_from(*position - self.base) else {
            return Held::Behind;
        };
        if skipped >= self.held.len() {
            return Held::Nothing;
        }
        let mut found = Vec::new();
        for told in self.held.range(skipped..) {
            *position = told.seq;
            if wanted.holds(told) {
                found.push(Arc::clone(told));
                if found.len() == at_most {
                    break;
                }
            }
        }
        if found.is_empty() {
            Held::Nothing
        } else {
            Held::Some(found)
        }
    }

    /// How often it began anew.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    /// How often the log turned out to be shorter than before.
    pub fn set_back(&self) -> u64 {
        self.set_back
    }
}
