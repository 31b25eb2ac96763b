//! What VOD answers when it is asked what it holds (protocol.md section 7), read as an event.

use super::event::{Event, FileFact, Format, News};
use super::fault::Fault;
use super::json::{self, Object};
use super::{file_facts, notification};

/// What a file that VOD holds is called as an event.
const MEDIA: &str = "MediaInfo";
/// What a file that VOD does not know is called as an event.
const NOT_EXIST: &str = "FileNotExist";
/// Kinds of tasks, by the member that tells of one, whose event is not called `<kind>Complete` (section 4).
const EVENT_TYPES: [(&str, &str); 7] = [
    ("Procedure", "ProcedureStateChanged"),
    ("PullUpload", "PullComplete"),
    ("RemoveWatermark", "RemoveWatermark"),
    ("SnapshotByTimeOffset", "CreateSnapshotByTimeOffsetComplete"),
    ("AigcImage", "AigcImageTaskComplete"),
    ("AigcVideo", "AigcVideoTaskComplete"),
    ("AigcHunyuan3D", "AigcHunyuan3DTaskComplete"),
];

/// Reads what one answer says of one file or one task: an element of `MediaInfoSet`, the `Response` of
/// `DescribeTaskDetail`, or a `NotExistFileIdSet`.
///
/// A file whose `BasicInfo` was left out is merely mentioned: what VOD says of its context is not known then. A task
/// reads as the event that VOD would have sent of it, or as none while VOD tells nothing but its state.
pub fn read(body: &[u8]) -> Result<Event, Fault> {
    let text = json::legible(body);
    let answer = Object::read(&text)?;
    let digest = notification::digest(&answer);
    let about_files = |event_type: &str, files: Vec<FileFact>| Event {
        event_type: event_type.to_owned(),
        format: Format::V3,
        digest,
        files,
        task: None,
    };
    if answer.has(&["FileId"]) {
        let held = file_facts::held(&answer).ok_or(Fault::NoFileId)?;
        return Ok(about_files(MEDIA, vec![held]));
    }
    if answer.has(&["NotExistFileIdSet"]) {
        return Ok(about_files(NOT_EXIST, file_facts::absent(&answer)?));
    }
    let event = task(&answer, digest)?;
    if event.task.is_none() {
        return Err(Fault::NoEvent);
    }
    Ok(event)
}

/// Whether an event says that VOD holds a file, and all that it says of it.
pub fn is_held(event: &Event) -> bool {
    event.files.iter().any(|fact| fact.news == News::Uploaded)
}

/// The body that says that VOD, asked, does not know a file.
pub fn not_exist(file_id: &super::event::FileId) -> String {
    // A file id has no letter that JSON would escape.
    format!(r#"{{"NotExistFileIdSet":["{file_id}"]}}"#)
}

/// As in a notification, the filled member and not the type says what it is: types are spelt with and without `Task`.
fn task(answer: &Object<'_>, digest: [u8; 32]) -> Result<Event, Fault> {
    let said = answer.text(&["TaskType"]).unwrap_or_default();
    let said = said.strip_suffix("Task").unwrap_or(&said);
    let mut filled: Vec<(String, Object<'_>)> = answer
        .members()
        .filter_map(|(key, value)| {
            let name = json::name(key);
            let kind = name.strip_suffix("Task").filter(|kind| !kind.is_empty())?;
            let member = Object::of(value).filter(|member| member.members().next().is_some())?;
            Some((kind.to_owned(), member))
        })
        .collect();
    let named = filled.iter().rposition(|(kind, _)| kind == said);
    let chosen = named.or(filled.len().checked_sub(1));
    let (kind, member) = filled.swap_remove(chosen.ok_or(Fault::NoEvent)?);
    // Most members do not say how far the task is, and none says that it was aborted.
    let status = answer.member(b"Status").filter(
        |status| matches!(json::text(status).as_deref(), Some(status) if status != "FINISH"),
    );
    let member = match status {
        Some(status) => member.with(b"Status", status),
        None => member,
    };
    let known = EVENT_TYPES.iter().find(|(known, _)| *known == kind);
    let event_type =
        known.map_or_else(|| format!("{kind}Complete"), |(_, name)| (*name).to_owned());
    file_facts::tell(event_type, Format::V3, digest, &member)
}
