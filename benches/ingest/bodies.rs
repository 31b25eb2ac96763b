//! The bodies of this measurement, and the tickets that they name.

use std::sync::LazyLock;

use uuid::Uuid;
use vod_receiver::ticket::Ticket;

pub use crate::templates::Random;
use crate::templates::Templates;

/// As many users upload at the same time.
pub const TICKETS: u128 = 10_000;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    Templates::naming(|_, random| ticket(u128::from(random.next()) % TICKETS).to_string())
});

/// The ticket with this number; all of them are issued before a measurement.
pub fn ticket(number: u128) -> Ticket {
    Ticket(Uuid::from_u128(
        0x01a2_0000_0000_7000_8000_0000_0000_0000 + number,
    ))
}

/// The next body.
pub fn body(random: &mut Random) -> Vec<u8> {
    TEMPLATES.body(random).2
}
