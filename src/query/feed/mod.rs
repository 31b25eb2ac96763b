//! What happens to uploads, told at once to however many wait.
//!
//! The change log numbers changes in the order of their commits, without gaps. While anybody waits, one task of each
//! receiver reads on in it (`poll`), every 20 ms and after each commit of its own, over one connection. What it finds
//! is told to those who wait for a ticket (`waiting`), who need not ask themselves then, and goes into a ring of the latest
//! changes (`ring`), from which all readers are served (`follow`); who is further back reads the log. A reader is nothing but the number of the change
//! that it was told last, so that it may go on at any receiver, at any time; a number that does not follow on it
//! means that the log holds no more what lies between, and is told as such.

mod change;
mod cursor;
mod follow;
mod poll;
mod ring;
mod sql;
mod waiting;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, watch};

use crate::http::problem::Problem;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::metrics::Metrics;
use crate::ticket::Ticket;
pub use change::{Change, Told, Wanted};
pub use cursor::{Cursor, NotACursor};
pub use follow::{End, Follower};
use ring::Ring;
use waiting::Teller;
pub use waiting::{Place, Seen, Woken};

/// Each holds a connection and some 20 kB; a backend needs one, or one for each of its processes.
const MOST_READERS: usize = 2_000;
/// Each holds a connection and some 20 kB.
const MOST_WAITERS: usize = 20_000;
/// How many of those who wait ask Postgres at the same time: of the 16 connections of the pool the rest is for others.
const READS_AT_ONCE: usize = 6;

/// The changes of uploads, as they come. Clones share it.
#[derive(Clone)]
pub struct Feed(Arc<Hub>);

struct Hub {
    database: Database,
    clock: Clock,
    metrics: Metrics,
    /// Notified after each commit of this receiver.
    committed: Arc<Notify>,
    /// Notified when somebody begins to wait.
    wanted: Notify,
    ring: Mutex<Ring>,
    /// The head of the ring: changes whenever there is something new in it.
    head: watch::Sender<i64>,
    /// Who waits for a ticket.
    places: Mutex<HashMap<Ticket, Teller>>,
    reads: Semaphore,
    readers: AtomicUsize,
    waiters: AtomicUsize,
    ending: watch::Sender<bool>,
}

/// Who counts as one that waits for as long as this lives.
struct Seat {
    hub: Arc<Hub>,
    of: fn(&Hub) -> &AtomicUsize,
}

impl Feed {
    /// A feed of a database that may not be there yet; [`Feed::run`] has to run for it.
    pub fn new(database: Database, committed: Arc<Notify>, clock: Clock, metrics: Metrics) -> Self {
        Self(Arc::new(Hub {
            database,
            clock,
            metrics,
            committed,
            wanted: Notify::new(),
            ring: Mutex::default(),
            head: watch::Sender::new(0),
            places: Mutex::default(),
            reads: Semaphore::new(READS_AT_ONCE),
            readers: AtomicUsize::new(0),
            waiters: AtomicUsize::new(0),
            ending: watch::Sender::new(false),
        }))
    }

    /// Lets go of all who wait, and of all who come: the service stops.
    pub fn end(&self) {
        self.0.ending.send_replace(true);
    }

    /// How many read the feed at the moment, and how many wait for a ticket.
    pub fn waiting(&self) -> (usize, usize) {
        let (readers, waiters) = (&self.0.readers, &self.0.waiters);
        (
            readers.load(Ordering::Relaxed),
            waiters.load(Ordering::Relaxed),
        )
    }
}

impl Hub {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Ticket, Teller>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_wanted(&self) -> bool {
        self.readers.load(Ordering::SeqCst) + self.waiters.load(Ordering::SeqCst) > 0
    }
}

impl Seat {
    /// A seat among those that are counted there; none if there are so many already.
    fn take(hub: &Arc<Hub>, of: fn(&Hub) -> &AtomicUsize, at_most: usize) -> Result<Self, Problem> {
        let taken = of(hub).fetch_add(1, Ordering::SeqCst);
        // Counted first: dropped, it is counted off again.
        let seat = Self {
            hub: Arc::clone(hub),
            of,
        };
        if taken >= at_most {
            return Err(Problem::Unavailable);
        }
        hub.wanted.notify_one();
        Ok(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        (self.of)(&self.hub).fetch_sub(1, Ordering::SeqCst);
    }
}
