//! Waiting for something to happen to a ticket.

use std::sync::Arc;

use tokio::sync::{SemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};

use super::{Feed, Hub, MOST_WAITERS, Seat};
use crate::http::problem::Problem;
use crate::ticket::Ticket;

/// A place among those who wait for a ticket: given up when dropped.
pub struct Place {
    hub: Arc<Hub>,
    ticket: Ticket,
    woken: Option<watch::Receiver<()>>,
    ending: watch::Receiver<bool>,
    #[expect(dead_code, reason = "held, not used")]
    seat: Seat,
}

/// Why one who waited does not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
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
            .or_insert_with(|| watch::Sender::new(()))
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
    /// Waits until something may have happened to the ticket, or a time has come.
    pub async fn wait_until(&mut self, deadline: Instant) -> Woken {
        let Some(woken) = &mut self.woken else {
            return Woken::Over;
        };
        let either = async {
            tokio::select! {
                // The senders live in the hub, and that in here: neither fails.
                _ = self.ending.wait_for(|ending| *ending) => Woken::Over,
                _ = woken.changed() => Woken::Perhaps,
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
        let is_empty = |sender: &watch::Sender<()>| sender.receiver_count() == 0;
        if places.get(&self.ticket).is_some_and(is_empty) {
            places.remove(&self.ticket);
        }
    }
}

impl Hub {
    /// Wakes those who wait for one of these tickets.
    pub(super) fn wake(&self, tickets: impl IntoIterator<Item = Ticket>) {
        let places = self.places();
        if places.is_empty() {
            return;
        }
        for ticket in tickets {
            if let Some(place) = places.get(&ticket) {
                place.send_replace(());
            }
        }
    }

    /// Wakes all who wait for a ticket.
    pub(super) fn wake_all(&self) {
        for place in self.places().values() {
            place.send_replace(());
        }
    }
}
