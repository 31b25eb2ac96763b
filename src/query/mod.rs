//! Stage 5: the app's backend asks who uploaded what, and a person puts right what it is told.

mod attribution;
mod deliveries;
mod filter;
mod history;
mod lookup;
mod shape;
mod sql;
mod stats;
mod tickets;
mod uploads;

pub use attribution::decide_attribution;
pub use deliveries::{list_deliveries, read_body, read_delivery, replay_delivery};
pub use history::read_upload;
pub use lookup::look_up;
pub use shape::Upload;
pub use sql::of_ticket as uploads_of_ticket;
pub use stats::read_stats;
pub use tickets::read_ticket;
pub use uploads::list_uploads;
