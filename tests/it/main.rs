//! The integration tests: the real app on a real Postgres, a database a test.

#![expect(clippy::unwrap_used, reason = "a test that fails is to fail loudly")]

mod fold;
mod harness;
mod keys;
mod openapi;
mod problems;
mod record;
mod signature_log;
mod signatures;
mod smoke;
mod tickets;
