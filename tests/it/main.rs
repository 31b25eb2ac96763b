//! The integration tests: the real app on a real Postgres, a database a test.

#![expect(clippy::unwrap_used, reason = "a test that fails is to fail loudly")]

mod analyst;
mod analyst_views;
mod attribution;
mod callback_auth;
mod converge;
mod deliveries;
mod doctor;
mod door;
mod erasure;
mod feed;
mod fold;
mod harness;
mod hostile;
mod irregular;
mod keys;
mod layers;
mod lookup;
mod metrics;
mod openapi;
mod paging;
mod payloads;
mod plans;
mod problems;
mod processing;
mod pull;
mod readme;
mod recall;
mod reconcile;
mod record;
mod refuted;
mod replay;
mod retention;
mod rollups;
mod sdk;
mod signature_log;
mod signatures;
mod simulator;
mod smoke;
mod spool;
mod startup;
mod stats;
mod tickets;
mod upload_history;
mod uploads_list;
