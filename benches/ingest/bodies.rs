//! The bodies of this measurement, and the tickets that they name.

use uuid::Uuid;
use vod_receiver::ticket::Ticket;

pub use crate::templates::Random;
use crate::templates::{TEMPLATES, Templates};

/// As many users upload at the same time.
pub const TICKETS: usize = TEMPLATES;

/// The ticket with this number; all of them are issued before a measurement.
pub fn ticket(number: usize) -> Ticket {
    Ticket(Uuid::from_u128(
        0x01a2_0000_0000_7000_8000_0000_0000_0000 + number as u128,
    ))
}

/// Bodies that name the tickets with these texts in turn.
pub fn naming(tickets: &[String]) -> Templates {
    Templates::naming(|number, _| tickets[number % tickets.len()].clone())
}

/// Bodies that name the tickets of [`ticket`].
pub fn of_seeded_tickets() -> Templates {
    let tickets: Vec<String> = (0..TICKETS)
        .map(|number| ticket(number).to_string())
        .collect();
    naming(&tickets)
}
