//! The tickets that this process issued or met lately.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{IssuedTicket, Ticket};

/// An hour of nine uploads a second; a place takes 24 bytes, and a ticket in it some 150 more.
const PLACES: usize = 32_768;

/// Whose the tickets are that this process issued or met lately: the notification of an upload mostly
/// reaches the process that gave the permission, and need not ask the log for it.
///
/// A hint. Another process may have changed the log since: what is written on the word of a hint is
/// written on the condition that the log says the same.
#[derive(Clone)]
pub struct KnownTickets(Arc<Mutex<Places>>);

/// A ticket has one place, by its random bits, and gives way to the next one there.
type Places = Vec<Option<(Ticket, Arc<IssuedTicket>)>>;

impl Default for KnownTickets {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(vec![None; PLACES])))
    }
}

impl KnownTickets {
    /// Notes what the log holds.
    pub fn note(&self, tickets: impl IntoIterator<Item = (Ticket, Arc<IssuedTicket>)>) {
        let mut places = self.places();
        for (ticket, issued) in tickets {
            places[place(ticket)] = Some((ticket, issued));
        }
    }

    /// Those of some tickets that are known.
    pub fn among(
        &self,
        tickets: impl IntoIterator<Item = Ticket>,
    ) -> Vec<(Ticket, Arc<IssuedTicket>)> {
        let places = self.places();
        let known = |ticket| {
            places[place(ticket)]
                .clone()
                .filter(|held| held.0 == ticket)
        };
        tickets.into_iter().filter_map(known).collect()
    }

    /// Forgets tickets: the log says otherwise.
    pub fn forget(&self, tickets: impl IntoIterator<Item = Ticket>) {
        let mut places = self.places();
        for ticket in tickets {
            let held = &mut places[place(ticket)];
            held.take_if(|(held, _)| *held == ticket);
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(ticket: Ticket) -> usize {
    let [.., a, b] = ticket.0.into_bytes();
    usize::from(u16::from_be_bytes([a, b])) % PLACES
}
