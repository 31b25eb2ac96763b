//! The integration tests: the real app on a real Postgres, a database a test.

mod fold;
mod harness;
mod record;
mod smoke;
