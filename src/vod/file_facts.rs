//! What an event says of files, read alike from a 3.0 member and from 2.0 `data`.

use std::collections::HashSet;

use super::event::{Event, FileFact, FileFields, FileId, Format, News};
use super::fault::Fault;
use super::json::{self, Object};
use super::task_fact;

/// Files that one event may name; VOD's own requests name at most 100 at a time. More are refused and not
/// cut off: a deletion that is passed over would never be told again.
pub(super) const MAX_FILES: usize = 1000;

/// How deep files are looked for: `Output.FileInfos[].FileId` is the deepest known, two levels down.
const MAX_DEPTH: u32 = 3;

/// Tells the event whose facts are in `member`.
pub(super) fn tell(
    event_type: String,
    format: Format,
    digest: [u8; 32],
    member: &Object<'_>,
) -> Result<Event, Fault> {
    let task = task_fact::read(&event_type, member);
    let files = match event_type.as_str() {
        "NewFileUpload" => vec![uploaded(member).ok_or(Fault::NoFileId)?],
        "PullComplete" if task_fact::landed(member) => uploaded(member).into_iter().collect(),
        "PullComplete" => Vec::new(),
        "FileDeleted" => at_least_one(deletions(member))?,
        "ProcedureStateChanged" => worked_on(member, |fields| &mut fields.procedure_task_id),
        "ReviewAudioVideoComplete" => worked_on(member, |fields| &mut fields.review_task_id),
        _ => mentions(member),
    };
    if files.len() > MAX_FILES {
        return Err(Fault::TooManyFiles);
    }
    if task_fact::is_of_an_upload(&event_type) && files.is_empty() && task.is_none() {
        return Err(Fault::NoFileId);
    }
    Ok(Event {
        event_type,
        format,
        digest,
        files,
        task,
    })
}

/// What VOD says of a file that it holds: an element of `MediaInfoSet` (protocol.md section 7).
pub(super) fn held(element: &Object<'_>) -> Option<FileFact> {
    let news = match element.object(&["BasicInfo"]) {
        Some(_) => News::Uploaded,
        None => News::Mentioned,
    };
    Some(told(element.file_id(&["FileId"])?, news, element))
}

/// The files of a `NotExistFileIdSet`, each once.
pub(super) fn absent(answer: &Object<'_>) -> Result<Vec<FileFact>, Fault> {
    let elements = answer.array(&["NotExistFileIdSet"]).unwrap_or_default();
    let mut files = Files::default();
    for element in elements {
        files.add(json::file_id(element));
    }
    if files.in_order.len() > MAX_FILES {
        return Err(Fault::TooManyFiles);
    }
    let absent = files.in_order.into_iter();
    at_least_one(absent.map(|file_id| bare(file_id, News::Absent)).collect())
}

/// The file that a task works on, where it names one.
pub(super) fn subject(member: &Object<'_>) -> Option<FileId> {
    let own = member.file_id(&["FileId", "SrcFileId"]);
    own.or_else(|| member.object(&["Input"])?.file_id(&["FileId"]))
}

/// All files that an event names, in the order of the body.
pub(super) fn named(member: &Object<'_>) -> Vec<FileId> {
    let mut files = Files::default();
    files.gather(member, MAX_DEPTH);
    files.in_order
}

fn uploaded(member: &Object<'_>) -> Option<FileFact> {
    let nested = || member.object(&["MediaBasicInfo"])?.file_id(&["FileId"]);
    let file_id = member.file_id(&["FileId"]).or_else(nested)?;
    Some(told(file_id, News::Uploaded, member))
}

/// The file of a task that the upload itself may have started: such events carry fields of the upload.
fn worked_on(
    member: &Object<'_>,
    own_task: fn(&mut FileFields) -> &mut Option<String>,
) -> Vec<FileFact> {
    let Some(file_id) = subject(member) else {
        return Vec::new();
    };
    let mut fact = told(file_id, News::Mentioned, member);
    *own_task(&mut fact.fields) = task_fact::task_id(member);
    vec![fact]
}

fn mentions(member: &Object<'_>) -> Vec<FileFact> {
    named(member)
        .into_iter()
        .map(|file_id| bare(file_id, News::Mentioned))
        .collect()
}

/// One fact a file: gone, or only parts of it, transcodes say (protocol.md section 4, `FileDeleteResultInfo`).
fn deletions(member: &Object<'_>) -> Vec<FileFact> {
    let results = member.array(&["FileDeleteResultInfo"]).unwrap_or_default();
    let (mut in_parts, mut wholly) = (HashSet::new(), HashSet::new());
    for result in results.into_iter().filter_map(Object::of) {
        if let Some(file_id) = result.file_id(&["FileId"]) {
            let parts = result.array(&["DeleteParts"]).unwrap_or_default();
            let went = if parts.is_empty() {
                &mut wholly
            } else {
                &mut in_parts
            };
            went.insert(file_id);
        }
    }
    // Only 2.0 has a `status` here (section 4). A deletion is for good, so one that reports an error is not believed.
    let failed = task_fact::error_code(member).is_some();
    let news = |file_id: &FileId| match in_parts.contains(file_id) && !wholly.contains(file_id) {
        _ if failed => News::Mentioned,
        true => News::PartsDeleted,
        false => News::Deleted,
    };
    named(member)
        .into_iter()
        .map(|file_id| bare(file_id.clone(), news(&file_id)))
        .collect()
}

fn bare(file_id: FileId, news: News) -> FileFact {
    FileFact {
        file_id,
        news,
        update_time: None,
        fields: FileFields::default(),
    }
}

fn told(file_id: FileId, news: News, member: &Object<'_>) -> FileFact {
    // One official sample nests MediaBasicInfo in itself (protocol.md section 4); lists of media call it BasicInfo.
    let outer = member.object(&["MediaBasicInfo", "BasicInfo"]);
    let inner = outer
        .as_ref()
        .and_then(|outer| outer.object(&["MediaBasicInfo"]));
    let basic = inner.or(outer).unwrap_or_default();
    FileFact {
        file_id,
        news,
        update_time: basic.time(&["UpdateTime"]),
        fields: fields(member, &basic),
    }
}

/// The fields, from where 3.0 keeps them (`basic`, `SourceInfo`, `MetaData`) or 2.0 does (`member`, `metaData`).
fn fields(member: &Object<'_>, basic: &Object<'_>) -> FileFields {
    let source = basic.object(&["SourceInfo"]).unwrap_or_default();
    let meta = member.object(&["MetaData"]).unwrap_or_default();
    let natural = |name: &'static str, flat: &'static str| {
        let number = meta.integer(&[name]).or_else(|| member.integer(&[flat]));
        number.filter(|number| *number >= 0)
    };
    let pixels = |name| natural(name, name).and_then(|number| i32::try_from(number).ok());
    // 2.0 rounds `duration` and has the exact one beside it.
    let duration = meta
        .float(&["FloatDuration", "Duration"])
        .or_else(|| member.float(&["Duration"]));
    FileFields {
        source_type: source
            .text(&["SourceType"])
            .or_else(|| member.text(&["SourceType"])),
        source_context: source
            .text(&["SourceContext"])
            .or_else(|| member.text(&["SourceContext"])),
        session_context: member.text(&["SessionContext"]),
        name: basic.text(&["Name"]).or_else(|| member.text(&["FileName"])),
        media_type: basic.text(&["Type"]),
        media_url: basic
            .text(&["MediaUrl"])
            .or_else(|| member.text(&["FileUrl"])),
        cover_url: basic
            .text(&["CoverUrl"])
            .or_else(|| member.text(&["CoverUrl"])),
        class_id: basic
            .integer(&["ClassId"])
            .or_else(|| member.integer(&["ClassId"])),
        storage_region: basic.text(&["StorageRegion"]),
        size_bytes: natural("Size", "FileSize"),
        duration_s: duration.filter(|seconds| *seconds >= 0.0),
        width: pixels("Width"),
        height: pixels("Height"),
        bitrate_bps: natural("Bitrate", "Bitrate"),
        procedure_task_id: task_fact::usable(member.text(&["ProcedureTaskId"])),
        review_task_id: task_fact::usable(member.text(&["ReviewAudioVideoTaskId"])),
        uploaded_at: basic.time(&["CreateTime"]),
    }
}

fn at_least_one(facts: Vec<FileFact>) -> Result<Vec<FileFact>, Fault> {
    if facts.is_empty() {
        Err(Fault::NoFileId)
    } else {
        Ok(facts)
    }
}

/// Files named so far, each once.
#[derive(Default)]
struct Files {
    seen: HashSet<FileId>,
    in_order: Vec<FileId>,
}

impl Files {
    /// Looks through an object and those in it, so that members not known today are found too.
    fn gather(&mut self, object: &Object<'_>, depth: u32) {
        for (key, value) in object.members() {
            let elements = json::array(value).unwrap_or_default();
            match key {
                b"FileId" | b"fileId" | b"SrcFileId" | b"srcFileId" => {
                    self.add(json::file_id(value));
                }
                b"FileIdSet" | b"fileIdSet" | b"FileIds" | b"fileIds" => {
                    elements
                        .into_iter()
                        .for_each(|element| self.add(json::file_id(element)));
                }
                _ if depth > 0 => {
                    let inner = std::iter::once(value)
                        .chain(elements)
                        .filter_map(Object::of);
                    inner.for_each(|object| self.gather(&object, depth - 1));
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, file_id: Option<FileId>) {
        if let Some(file_id) = file_id
            // One more than is taken, so that it is noticed.
            && self.in_order.len() <= MAX_FILES
            && self.seen.insert(file_id.clone())
        {
            self.in_order.push(file_id);
        }
    }
}
