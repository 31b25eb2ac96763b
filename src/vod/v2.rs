//! Legacy format 2.0: `version`, `eventType` and `data` (protocol.md sections 3 and 4), and the hybrids of it.
//!
//! `version` is not looked at: it is the text "4.0" or the number 4, and says nothing that the shape does not.

use super::event::{Event, Format};
use super::fault::Fault;
use super::json::Object;
use super::{file_facts, v3};

/// Members of 3.0 that, found in `data`, show that only the envelope is 2.0.
const PASCAL_CASE: [&[u8]; 5] = [
    b"FileId",
    b"TaskId",
    b"FileIdSet",
    b"FileInfoSet",
    b"MediaBasicInfo",
];

/// The `data` of a 2.0 envelope, if that is what `top` is.
pub(super) fn data<'a>(top: &Object<'a>) -> Option<Object<'a>> {
    let data = top.object(&["Data"])?;
    v3::find(top, None).is_none().then_some(data)
}

/// Reads a 2.0 event, also one whose `data` is written as in 3.0 or holds a whole 3.0 member.
pub(super) fn read(top: &Object<'_>, data: &Object<'_>, digest: [u8; 32]) -> Result<Event, Fault> {
    let said = top
        .text(&["EventType"])
        .or_else(|| data.text(&["EventType"]));
    if let Some(member) = v3::find(data, said.as_deref()) {
        let event_type = member.event_type(said).ok_or(Fault::NoEvent)?;
        return file_facts::tell(event_type, Format::Hybrid, digest, &member.object);
    }
    let is_v3_envelope = top.member(b"EventType").is_some();
    let format = if is_pascal_case(data) || is_v3_envelope {
        Format::Hybrid
    } else {
        Format::V2
    };
    file_facts::tell(said.ok_or(Fault::NoEvent)?, format, digest, data)
}

/// Whether members are written as in 3.0.
pub(super) fn is_pascal_case(object: &Object<'_>) -> bool {
    PASCAL_CASE.iter().any(|name| object.member(name).is_some())
}
