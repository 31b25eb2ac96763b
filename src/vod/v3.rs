//! Format 3.0: `EventType` and one `...Event` member (protocol.md sections 3 and 4).
//!
//! The filled member, not the type, decides what an event is: the names are irregular and official samples mix them
//! up, but never is more than one member filled.

use super::event::{Event, Format};
use super::fault::Fault;
use super::json::{self, Object};
use super::{file_facts, v2};

/// Types this service acts on, and types whose member is not called `<type>Event`; all others are regular.
const MEMBERS: [(&str, &str); 10] = [
    ("NewFileUpload", "FileUploadEvent"),
    ("PullComplete", "PullCompleteEvent"),
    ("FileDeleted", "FileDeleteEvent"),
    ("ProcedureStateChanged", "ProcedureStateChangeEvent"),
    ("ReviewAudioVideoComplete", "ReviewAudioVideoCompleteEvent"),
    ("RemoveWatermark", "RemoveWatermarkCompleteEvent"),
    ("AigcImageTaskComplete", "AigcImageCompleteEvent"),
    ("AigcVideoTaskComplete", "AigcVideoCompleteEvent"),
    ("AigcHunyuan3DTaskComplete", "AigcHunyuan3DCompleteEvent"),
    (
        "CreateSnapshotByTimeOffsetComplete",
        "SnapshotByTimeOffsetCompleteEvent",
    ),
];

/// A filled member that carries an event.
pub(super) struct Member<'a> {
    name: String,
    pub(super) object: Object<'a>,
}

/// Reads a 3.0 event; where no member is filled its facts are looked for in `top` itself.
pub(super) fn read(top: &Object<'_>, digest: [u8; 32]) -> Result<Event, Fault> {
    let said = top.text(&["EventType"]);
    let member =
        find(top, said.as_deref()).or_else(|| said.as_ref().and_then(|_| only_filled(top)));
    let in_v2_envelope = top.member(b"EventType").is_none() && top.member(b"eventType").is_some();
    let format = match (in_v2_envelope, &member) {
        (false, _) => Format::V3,
        (true, Some(_)) => Format::Hybrid,
        (true, None) if v2::is_pascal_case(top) => Format::Hybrid,
        (true, None) => Format::V2,
    };
    let event_type = match &member {
        Some(member) => member.event_type(said),
        None => said,
    };
    let object = member.as_ref().map_or(top, |member| &member.object);
    file_facts::tell(event_type.ok_or(Fault::NoEvent)?, format, digest, object)
}

/// The filled member that carries an event; should several be filled, the one that the type names.
pub(super) fn find<'a>(object: &Object<'a>, said: Option<&str>) -> Option<Member<'a>> {
    let events: Vec<_> = filled(object)
        .filter(|member| member.inferred_type().is_some())
        .collect();
    let named = events
        .iter()
        .rposition(|member| member.inferred_type().as_deref() == said);
    let chosen = named.or(events.len().checked_sub(1))?;
    events.into_iter().nth(chosen)
}

/// The one filled member of a type not known here, unless the event's facts are beside it.
fn only_filled<'a>(top: &Object<'a>) -> Option<Member<'a>> {
    if top.has(&["FileId", "TaskId"]) {
        return None;
    }
    filled(top).last()
}

fn filled<'a>(object: &Object<'a>) -> impl Iterator<Item = Member<'a>> {
    object.members().filter_map(|(key, value)| {
        let object = Object::of(value).filter(|object| object.members().next().is_some())?;
        Some(Member {
            name: json::name(key),
            object,
        })
    })
}

impl Member<'_> {
    /// The type of the event, given what `EventType` says.
    pub(super) fn event_type(&self, said: Option<String>) -> Option<String> {
        let acted_on = |event_type: &str| MEMBERS.iter().any(|(known, _)| *known == event_type);
        let inferred = self.inferred_type();
        match (said, inferred) {
            // Two types that differ are a mix-up only where one of them is known to be called otherwise.
            (Some(said), Some(inferred)) if acted_on(&said) || acted_on(&inferred) => {
                Some(inferred)
            }
            (said, inferred) => said.or(inferred),
        }
    }

    /// The type that the member's name stands for; `None` if that is not the name of an event's member.
    ///
    /// Older samples leave out the suffix `Event`, public code puts it behind the type (protocol.md sections 4, 9).
    fn inferred_type(&self) -> Option<String> {
        let stem = stem(&self.name);
        let known = MEMBERS.iter().find(|(event_type, member)| {
            stem.eq_ignore_ascii_case(event_type) || stem.eq_ignore_ascii_case(self::stem(member))
        });
        match known {
            Some((event_type, _)) => Some((*event_type).to_owned()),
            None => (stem != self.name || stem.ends_with("Complete")).then(|| stem.to_owned()),
        }
    }
}

fn stem(member: &str) -> &str {
    member.strip_suffix("Event").unwrap_or(member)
}
