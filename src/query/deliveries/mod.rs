//! `GET /v1/deliveries`: what arrived, byte for byte, what was kept aside included; and running it again.

mod filter;
mod list;
mod one;
mod replay;
mod sql;

pub use list::list_deliveries;
pub use one::{read_body, read_delivery};
pub use replay::replay_delivery;
