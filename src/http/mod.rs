//! Words that all handlers share: how a request is read, how a fault is told, how a list is paged.

pub mod body;
pub mod page;
pub mod params;
pub mod problem;
