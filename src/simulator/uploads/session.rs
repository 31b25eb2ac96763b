//! One upload on its way: from its application to its commit.

use chrono::{DateTime, TimeDelta, Utc};

use super::refusal::UgcRefusal;

/// An upload can be resumed, and committed, within a day (protocol.md section 8).
const GOOD_FOR: TimeDelta = TimeDelta::days(1);
/// The letters of a suffix, as in `mp4`.
const TYPE_LETTERS: usize = 16;
/// The bytes of a file's name; VOD's own limit is not known.
const NAME_BYTES: usize = 512;
/// What the web SDK refuses in a name, and VOD's answer to them with it.
const NOT_IN_NAMES: [char; 9] = ['\\', '/', ':', '*', '?', '"', '<', '>', '|'];

/// Who uploads: a device by a signature, or a server by the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Uploader {
    Client,
    Server,
}

/// A file that is announced.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Announced {
    /// Without its suffix.
    pub name: String,
    /// The suffix: `mp4`.
    pub kind: String,
    /// Its bytes, if they were announced.
    pub size: Option<u64>,
}

/// What the upload is to become.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Intent {
    pub sub_app_id: u64,
    pub uploader: Uploader,
    pub source_context: String,
    pub session_context: String,
    /// Empty: none is started.
    pub procedure: String,
    pub priority: i64,
    /// `Finish`, `Change` or `None`.
    pub notify_mode: String,
    pub class_id: i64,
    pub region: String,
    pub media: Announced,
    pub cover: Option<Announced>,
    /// When VOD is to delete it; none: never.
    pub expires: Option<String>,
}

/// Where one file of an upload goes.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Target {
    /// Without the `/` before it.
    pub key: String,
    /// Its announced bytes.
    pub size: Option<u64>,
}

/// The credentials by which COS lets this upload in, and nothing else.
#[derive(Clone)]
pub(in crate::simulator) struct Temporary {
    pub secret_id: String,
    pub secret_key: String,
    pub token: String,
}

/// An upload that was applied for.
#[derive(Clone)]
pub(in crate::simulator) struct Session {
    /// What the client shows to go on: `vodSessionKey`.
    pub key: String,
    pub file_id: String,
    pub intent: Intent,
    pub bucket: String,
    pub media: Target,
    pub cover: Option<Target>,
    pub credentials: Temporary,
    pub opened_at: DateTime<Utc>,
    pub is_committed: bool,
}

impl Session {
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now - self.opened_at >= GOOD_FOR
    }

    pub fn expires_at(&self) -> DateTime<Utc> {
        self.opened_at + GOOD_FOR
    }

    /// The target with this key.
    pub fn target(&self, key: &str) -> Option<&Target> {
        self.targets().find(|target| target.key == key)
    }

    /// The file, and its cover if it has one.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        std::iter::once(&self.media).chain(&self.cover)
    }
}

impl Announced {
    /// A file whose name and suffix can stand in addresses and are no paths.
    ///
    /// # Errors
    ///
    /// 10001 with the parameter's name.
    pub fn new(
        what: &str,
        name: String,
        kind: String,
        size: Option<u64>,
        most_bytes: u64,
    ) -> Result<Self, UgcRefusal> {
        let is_kind = (1..=TYPE_LETTERS).contains(&kind.len())
            && kind.bytes().all(|letter| letter.is_ascii_alphanumeric());
        let is_name = name.len() <= NAME_BYTES
            && !name.contains(NOT_IN_NAMES)
            && !name.contains(|letter: char| letter.is_control());
        if !is_kind {
            Err(UgcRefusal::request(&format!("{what}Type")))
        } else if !is_name {
            Err(UgcRefusal::request(&format!("{what}Name")))
        } else if size.is_some_and(|size| size > most_bytes) {
            Err(UgcRefusal::request(&format!("{what}Size")))
        } else {
            Ok(Self { name, kind, size })
        }
    }
}
