//! Assembly: the parts joined into one service.

mod docs;
mod health;
mod metrics;
mod observe;
pub mod openapi;
mod page;
mod routes;
pub mod serve;
mod session;
pub mod try_out;

pub use routes::{Parts, build, build_metrics};
