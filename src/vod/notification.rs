//! A body at the push door, opened: who says it sent it, and which events are in it.
//!
//! Four shapes arrive (protocol.md sections 2, 3 and 5): one event of format 3.0 or 2.0; the answer of `PullEvents`
//! or of the legacy `PullEvent`, pasted or forwarded, with many; and one item of either.

use std::ops::Range;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::callback_sign::CallbackSign;
use super::event::Event;
pub use super::fault::Fault;
use super::json::{self, Object};
use super::{file_facts, v2, v3};

/// VOD's own lists hold up to 16 events (protocol.md section 5); the limit keeps one body from filling a queue.
pub const MAX_ITEMS: usize = 1000;

/// Files that one body may name: 16 events of as many files as are told of each.
///
/// A body is recorded in one transaction, in the 4.5 s that VOD waits: in a debug build 50,000 files took 1.8 s,
/// and 200,000 were not recorded, however often they were sent.
pub const MAX_FILES: usize = 16 * file_facts::MAX_FILES;

/// The members that change from one sending of an event to the next, or from one answer to the next, and are no part
/// of what it says.
const OF_THE_SENDING: [&str; 5] = ["Sign", "T", "EventHandle", "msgHandle", "RequestId"];

/// A body that is a JSON object: its signature and its items.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The `Sign` and `T` it carries, unchecked.
    pub sign: Option<CallbackSign>,
    /// At least one; a body without an event is one item, itself, with the fault.
    pub items: Vec<Item>,
}

/// One event in a body, or what stands in the place of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where its exact bytes are in the body; all of it if the body is one event.
    pub range: Range<usize>,
    /// What it says, or why that cannot be told.
    pub event: Result<Event, Fault>,
}

/// Reads a body at the push door; a fault only if it is no JSON object, and so has neither signature nor items.
pub fn read(body: &[u8]) -> Result<Notification, Fault> {
    let text = json::legible(body);
    let top = Object::read(&text)?;
    let whole = |event| {
        vec![Item {
            range: 0..body.len(),
            event,
        }]
    };
    let mut items = match list(&top) {
        None => whole(decode(&top)),
        Some(elements) if elements.is_empty() => whole(Err(Fault::NoEvent)),
        Some(elements) if elements.len() > MAX_ITEMS => whole(Err(Fault::TooManyItems)),
        Some(elements) => elements
            .into_iter()
            .map(|element| item(&text, element))
            .collect(),
    };
    let files = items.iter().flat_map(|item| &item.event);
    if files.map(|event| event.files.len()).sum::<usize>() > MAX_FILES {
        items = whole(Err(Fault::TooManyFiles));
    }
    Ok(Notification {
        sign: CallbackSign::find(&top),
        items,
    })
}

/// Decodes one kept delivery, or one item of a pull, again; the inverse of cutting it out.
pub fn read_item(bytes: &[u8]) -> Result<Event, Fault> {
    decode(&Object::read(&json::legible(bytes))?)
}

/// The elements of a list of events, if that is what the body is.
fn list<'a>(top: &Object<'a>) -> Option<Vec<&'a RawValue>> {
    let response = top.object(&["Response"]);
    let lists = ["EventSet", "EventList"];
    response
        .and_then(|response| response.array(&lists))
        .or_else(|| top.array(&lists))
}

fn item(text: &str, element: &RawValue) -> Item {
    // The element borrows from the text, which is as long as the body: its place in one is its place in the other.
    let start = element.get().as_ptr() as usize - text.as_ptr() as usize;
    let event = Object::read(element.get()).and_then(|object| decode(&object));
    Item {
        range: start..start + element.get().len(),
        event,
    }
}

/// Reads one event, alone or wrapped by the legacy queue as `{"msgHandle", "eventContent"}`.
fn decode(object: &Object<'_>) -> Result<Event, Fault> {
    const CONTENT: &[&str] = &["EventContent"];
    if let Some(content) = object.object(CONTENT) {
        return open(&content);
    }
    match object.text(CONTENT) {
        Some(content) => open(&Object::read(&content)?),
        None => open(object),
    }
}

fn open(object: &Object<'_>) -> Result<Event, Fault> {
    let digest = digest(object);
    match v2::data(object) {
        Some(data) => v2::read(object, &data, digest),
        None => v3::read(object, digest),
    }
}

/// SHA-256 of what the event says; each part goes in with its length before it, so that no two bodies can meet.
pub(super) fn digest(object: &Object<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (key, value) in object.members() {
        if OF_THE_SENDING
            .iter()
            .any(|name| key.eq_ignore_ascii_case(name.as_bytes()))
        {
            continue;
        }
        for part in [key, value.get().as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}
