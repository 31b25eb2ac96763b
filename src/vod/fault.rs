//! Why a body, or one item of it, is no event.

/// Why no event could be read; such bytes are kept, quarantined under [`Fault::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// Nothing, or nothing but white space.
    #[error("The body is empty.")]
    Empty,
    /// A syntax error somewhere in it.
    #[error("The body is not JSON.")]
    NotJson,
    /// JSON, but an array, a number, a text, ...
    #[error("The body is JSON, but not an object.")]
    NotAnObject,
    /// An object with more members than any of VOD's could have.
    #[error(
        "The body is an object with more than {} members.",
        super::json::MAX_MEMBERS
    )]
    TooManyMembers,
    /// A list of events longer than [`MAX_ITEMS`](super::notification::MAX_ITEMS).
    #[error("The body lists more than {} events.", super::notification::MAX_ITEMS)]
    TooManyItems,
    /// More files than can be recorded in the time that VOD waits.
    #[error(
        "The body names more than {} files in one event, or {} in all.",
        super::file_facts::MAX_FILES,
        super::notification::MAX_FILES
    )]
    TooManyFiles,
    /// An object without an event: an empty `EventSet`, an API error, something else altogether.
    #[error("The body holds no event.")]
    NoEvent,
    /// An event that is about a file and does not say which.
    #[error("The event names no readable file id.")]
    NoFileId,
}

impl Fault {
    /// Its stable name, as stored with a quarantined delivery and counted in the metrics.
    pub fn code(self) -> &'static str {
        match self {
            Fault::Empty => "empty",
            Fault::NotJson => "not_json",
            Fault::NotAnObject => "not_an_object",
            Fault::TooManyMembers => "too_many_members",
            Fault::TooManyItems => "too_many_items",
            Fault::TooManyFiles => "too_many_files",
            Fault::NoEvent => "no_event",
            Fault::NoFileId => "no_file_id",
        }
    }
}
