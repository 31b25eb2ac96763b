//! Stage 5: the app's backend asks who uploaded what.

mod filter;
mod history;
mod shape;
mod sql;
mod tickets;
mod uploads;

pub use history::read_upload;
pub use shape::Upload;
pub use sql::of_ticket as uploads_of_ticket;
pub use tickets::read_ticket;
pub use uploads::list_uploads;
