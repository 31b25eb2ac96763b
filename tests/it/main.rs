//! The integration tests: the real app on a real Postgres, a database a test.

mod harness;
mod smoke;
