//! What would become of deliveries, told without writing anything.

use std::time::Duration;

use super::writer::Writer;
use super::{Delivery, Outcome};
use crate::attribute::Resolvers;
use crate::config::App;
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::line::Line;
use crate::ops::metrics::Metrics;
use crate::ops::random::Random;
use crate::ticket::KnownTickets;

/// Reading a batch takes milliseconds; a Postgres that needs longer than this is as good as away.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// Folds deliveries onto what is known, and forgets the result.
pub struct Rehearsal {
    writer: Writer,
    line: Line,
}

impl Rehearsal {
    /// For deliveries of an app, over a database whose schema is current; connects when it is first asked.
    pub fn new(app: &App, database: &Database, clock: Clock, random: Random) -> Self {
        // Nothing is written, so there is nothing to count.
        let metrics = Metrics::new(clock.now(), []);
        let resolvers = Resolvers::of(std::slice::from_ref(app));
        let writer = Writer::new(clock, random, KnownTickets::default(), resolvers, metrics);
        Self {
            writer: writer.presuming_nothing(),
            line: Line::new(database.clone()),
        }
    }

    /// What would become of each if they were recorded now, in their order.
    pub async fn outcomes(&mut self, deliveries: &[Delivery]) -> Result<Vec<Outcome>, sqlx::Error> {
        self.writer
            .rehearse(&mut self.line, deliveries, READ_WITHIN)
            .await
    }
}
