//! What VOD answers when it is asked what it holds (protocol.md section 7), read as an event.

use super::event::Event;
pub use super::fault::Fault;

/// Reads what one answer says of one file or one task: an element of `MediaInfoSet`, the `Response` of
/// `DescribeTaskDetail`, or a `NotExistFileIdSet`.
pub fn read(_body: &[u8]) -> Result<Event, Fault> {
    Err(Fault::NoEvent)
}
