//! The one form in which the rest of the code meets a notification, whatever it looked like on the wire.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What one delivery says: one event, told as facts about files and tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The type as VOD spells it: `NewFileUpload`, `ProcedureStateChanged`, ...; unknown ones are kept as they came.
    pub event_type: String,
    /// The shape in which the body came.
    pub format: Format,
    /// SHA-256 of the body without the members that change from one sending to the next
    /// (`Sign`, `T`, `EventHandle`, `msgHandle`): the last tie-break between facts that disagree.
    pub digest: [u8; 32],
    /// What it says of files, one entry a file, in the order of the body.
    pub files: Vec<FileFact>,
    /// What it says of a task.
    pub task: Option<TaskFact>,
}

/// The shapes in which VOD sends events (protocol.md sections 2 to 4), weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Legacy 2.0: `version` / `eventType` / `data` with members in lower camel case.
    V2,
    /// The 2.0 envelope with PascalCase members inside.
    Hybrid,
    /// 3.0: `EventType` and one `...Event` member; also what VOD answers when it is asked.
    V3,
}

impl Format {
    /// The name under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::V2 => "2.0",
            Format::Hybrid => "hybrid",
            Format::V3 => "3.0",
        }
    }
}

/// The id of a file at VOD: 1 to 64 ASCII letters, digits, `_` or `-`; in practice up to 20 digits.
///
/// It exceeds `i64` and sometimes comes as a JSON number, so it is text and never passes through a number type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(String);

impl FileId {
    /// Takes a file id as VOD wrote it; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one event says of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileFact {
    pub file_id: FileId,
    pub news: News,
    /// `UpdateTime` of the media: the newer of two facts of the same strength wins.
    pub update_time: Option<DateTime<Utc>>,
    pub fields: FileFields,
}

/// What happened to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It was uploaded (`NewFileUpload`, a `PullComplete` that did not fail).
    Uploaded,
    /// It is gone (`FileDeleted`).
    Deleted,
    /// Only parts of it went, transcodes say: history, the upload stays.
    PartsDeleted,
    /// VOD, asked, says that it knows no such file.
    Absent,
    /// A task on it moved, or an event merely names it.
    Mentioned,
}

/// The fields of an upload that an event can fill; VOD's empty string is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileFields {
    /// `Upload`, `Record`, `ClientUpload`, ...: as the format spells it.
    pub source_type: Option<String>,
    /// The text put into the upload signature.
    pub source_context: Option<String>,
    /// The signature's session context; only task events carry it.
    pub session_context: Option<String>,
    pub name: Option<String>,
    /// The container suffix, `mp4` say (`Type`).
    pub media_type: Option<String>,
    pub media_url: Option<String>,
    pub cover_url: Option<String>,
    pub class_id: Option<i64>,
    pub storage_region: Option<String>,
    pub size_bytes: Option<i64>,
    /// Seconds; finite and not negative.
    pub duration_s: Option<f64>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub bitrate_bps: Option<i64>,
    pub procedure_task_id: Option<String>,
    pub review_task_id: Option<String>,
    /// `CreateTime` of the media.
    pub uploaded_at: Option<DateTime<Utc>>,
}

/// What one event says of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskFact {
    /// 1 to 256 bytes.
    pub task_id: String,
    /// The event type that told of it.
    pub task_type: String,
    pub role: TaskRole,
    pub state: TaskState,
    /// `ErrCodeExt`, else a non-zero `ErrCode` as text.
    pub error_code: Option<String>,
    pub message: Option<String>,
    /// The file it works on, where the event names one.
    pub file_id: Option<FileId>,
    pub session_context: Option<String>,
    /// What it made, at most 200 addresses, in the order of the body.
    pub outputs: Vec<Output>,
}

/// One address of something that a task made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The type of its sub-task in snake case, `transcode` say, else that of the event without `Complete`:
    /// `edit_media`; at most 64 characters, not counting the underscores between words.
    pub kind: String,
    /// The template that it was made by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<i64>,
    /// `http` or `https`, at most 1024 bytes.
    pub url: String,
    /// The file it became, where it became one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
}

/// What a task is to the upload it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskRole {
    /// The task flow started by the upload (`ProcedureStateChanged`): moves `processing`.
    Procedure,
    /// The review started by the upload (`ReviewAudioVideoComplete`): moves `processing` too.
    Review,
    /// Anything else that is done with a file.
    Other,
}

/// How far a task is; later states never give way to earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    Waiting,
    Processing,
    Failed,
    PartlyFailed,
    Succeeded,
}

impl TaskState {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Processing => "processing",
            Self::Failed => "failed",
            Self::PartlyFailed => "partly_failed",
            Self::Succeeded => "succeeded",
        }
    }

    /// Reads a stored code.
    pub fn parse(code: &str) -> Option<Self> {
        [
            Self::Waiting,
            Self::Processing,
            Self::Failed,
            Self::PartlyFailed,
            Self::Succeeded,
        ]
        .into_iter()
        .find(|state| state.as_str() == code)
    }

    /// Whether nothing more is to come.
    pub fn is_finished(self) -> bool {
        self >= Self::Failed
    }
}

impl TaskRole {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Procedure => "procedure",
            Self::Review => "review",
            Self::Other => "other",
        }
    }

    /// Reads a stored code.
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Procedure, Self::Review, Self::Other]
            .into_iter()
            .find(|role| role.as_str() == code)
    }
}
