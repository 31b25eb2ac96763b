//! What the service stands on: clock, randomness, log, metrics, database, ordered stop, the try-out Postgres.

pub mod breaker;
pub mod clock;
pub mod cluster;
pub mod copy;
pub mod database;
pub mod lifecycle;
pub mod limits;
pub mod line;
pub mod log;
pub mod metrics;
pub mod panics;
pub mod queue;
pub mod random;
