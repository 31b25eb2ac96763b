//! Stage 2: something happened. Every body that is let in gets its id and its time here, at the door.

mod answer;
mod authentic;
mod callback;
mod hold;
pub mod probe;
mod pull;
mod quarantine;
pub mod reconcile;

pub use callback::{receive, receive_with_token};
pub use hold::Hold;
pub use probe::answer_probe;
pub use pull::Puller;
pub use quarantine::UnsignedQuota;
