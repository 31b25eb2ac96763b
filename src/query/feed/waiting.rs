//! Waiting for something to happen to a ticket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlx::PgConnection;
use tokio::sync::{SemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::sql::{self, Line};
use super::{Feed, Hub, MOST_WAITERS, Seat};
use crate::http::problem::Problem;
use crate::query::history::Issue;
use crate::query::shape::Upload;
use crate::ticket::Ticket;

/// Who waits for a ticket is told of so many uploads; who has more reads them by itself, so that nobody waits for that.
const MOST_UPLOADS: usize = 20;

/// What a ticket had come to, when something happened to it: read once for all who wait.
#[derive(Debug, Default)]
pub struct Seen {
    /// Of any app, oldest first.
    pub uploads: Vec<Upload>,
    /// Oldest first.
    pub issues: Vec<Issue>,
}

/// By which those who wait for a ticket are told: what it came to, or that each has to look for itself.
pub type Teller = watch::Sender<Option<Arc<Seen>>>;

/// A place among those who wait for a ticket: given up when dropped.
pub struct Place {
    hub: Arc<Hub>,
    ticket: Ticket,
    woken: Option<watch::Receiver<Option<Arc<Seen>>>>,
    ending: watch::Receiver<bool>,
    #[expect(dead_code, reason = "held, not used")]
    seat: Seat,
}

/// Why one who waited does not any more.
#[derive(Debug)]
pub enum Woken {
    /// Something happened to the ticket, and this is what it came to.
    Told(Arc<Seen>),
    /// Something may have happened to the ticket.
    Perhaps,
    /// The time is over, or the service stops.
    Over,
}

impl Feed {
    /// Takes a place. Whatever is committed from now on wakes it; what was before is to be read after this.
    pub fn place(&self, ticket: Ticket) -> Result<Place, Problem> {
        let hub = &self.0;
        let seat = Seat::take(hub, |hub| &hub.waiters, MOST_WAITERS)?;
        let woken = hub
            .places()
            .entry(ticket)
            .or_insert_with(|| watch::Sender::new(None))
            .subscribe();
        Ok(Place {
            hub: Arc::clone(hub),
            ticket,
            woken: Some(woken),
            ending: hub.ending.subscribe(),
            seat,
        })
    }
}

impl Place {
    /// Waits until something happened to the ticket, or may have, or a time has come.
    pub async fn wait_until(&mut self, deadline: Instant) -> Woken {
        let Some(woken) = &mut self.woken else {
            return Woken::Over;
        };
        let either = async {
            tokio::select! {
                // The senders live in the hub, and that in here: neither fails.
                _ = self.ending.wait_for(|ending| *ending) => Woken::Over,
                _ = woken.changed() => woken.borrow_and_update().clone().map_or(Woken::Perhaps, Woken::Told),
            }
        };
        timeout_at(deadline, either).await.unwrap_or(Woken::Over)
    }

    /// Waits for a turn to ask Postgres: of thousands who are woken at once, a few ask at a time.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed; and if it were, all would ask at once.
        self.hub.reads.acquire().await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.woken = None;
        let mut places = self.hub.places();
        let is_empty = |sender: &Teller| sender.receiver_count() == 0;
        if places.get(&self.ticket).is_some_and(is_empty) {
            places.remove(&self.ticket);
        }
    }
}

impl Hub {
    /// Tells those who wait for the tickets of these lines what has come of them, by a few questions for all: a question
    /// for each would have them wait for their turn to ask, and for one another.
    pub(super) async fn tell_waiting(
        &self,
        connection: &mut PgConnection,
        lines: &[Line],
    ) -> Result<(), sqlx::Error> {
        let tickets = self.waited_for(lines);
        if tickets.is_empty() {
            return Ok(());
        }
        let mut seen = see(connection, &tickets).await?;
        let places = self.places();
        for ticket in &tickets {
            if let Some(place) = places.get(&Ticket(*ticket)) {
                let seen = seen.remove(ticket).unwrap_or_default();
                let is_all = seen.uploads.len() < MOST_UPLOADS;
                place.send_replace(is_all.then(|| Arc::new(seen)));
            }
        }
        Ok(())
    }

    /// The tickets of lines that anybody waits for, each once.
    fn waited_for(&self, lines: &[Line]) -> Vec<Uuid> {
        let places = self.places();
        if places.is_empty() {
            return Vec::new();
        }
        let tickets: BTreeSet<Uuid> = lines.iter().filter_map(|line| line.ticket).collect();
        let is_waited_for = |ticket: &Uuid| places.contains_key(&Ticket(*ticket));
        tickets.into_iter().filter(is_waited_for).collect()
    }

    /// Wakes all who wait for a ticket.
    pub(super) fn wake_all(&self) {
        for place in self.places().values() {
            place.send_replace(None);
        }
    }
}

/// What tickets have come to.
async fn see(
    connection: &mut PgConnection,
    tickets: &[Uuid],
) -> Result<BTreeMap<Uuid, Seen>, sqlx::Error> {
    let mut seen: BTreeMap<Uuid, Seen> = BTreeMap::new();
    for row in sql::uploads_of(connection, tickets, MOST_UPLOADS).await? {
        if let Some(ticket) = row.ticket {
            let upload = row.show(|count| count);
            seen.entry(ticket).or_default().uploads.push(upload);
        }
    }
    for (ticket, issue) in sql::issues_of(connection, tickets).await? {
        seen.entry(ticket).or_default().issues.push(issue);
    }
    Ok(seen)
}
