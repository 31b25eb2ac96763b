//! Stage 5: the app's backend asks who uploaded what and is told when that changes, and a person puts right what it is told.

mod attribution;
mod changes;
pub mod decode;
mod deliveries;
pub mod feed;
mod filter;
mod history;
mod live;
mod lookup;
mod shape;
mod sql;
mod stats;
mod tickets;
mod uploads;

pub use attribution::decide_attribution;
pub use changes::list_changes;
pub use decode::decode_text;
pub use deliveries::{list_deliveries, read_body, read_delivery, replay_delivery};
pub use feed::Feed;
pub use history::read_upload;
pub use live::stream_changes;
pub use lookup::look_up;
pub use shape::Upload;
pub use sql::of_ticket as uploads_of_ticket;
pub use stats::read_stats;
pub use tickets::read_ticket;
pub use uploads::list_uploads;
