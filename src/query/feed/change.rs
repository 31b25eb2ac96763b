//! A change of an upload as its readers are told it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::cursor::Cursor;
use super::sql::{self, Line};
use crate::query::shape::Upload;

/// One change of one upload.
#[derive(Debug, Serialize, ToSchema)]
pub struct Change<'a> {
    /// Of this change: whoever gives it back is told what came after.
    #[schema(value_type = String, example = "AQAAAAAAAAAq")]
    cursor: &'a str,
    /// `upload.recorded`: it became known. `upload.updated`: something that it shows became another.
    /// `upload.deleted`: VOD deleted the file.
    #[schema(value_type = String, example = "upload.recorded")]
    event: &'a str,
    /// When it was committed.
    at: DateTime<Utc>,
    /// The app that the upload belongs to.
    #[schema(value_type = String, example = "main")]
    app: &'a str,
    /// The file that was uploaded.
    #[schema(value_type = String, example = "5285890784273533167")]
    file_id: &'a str,
    /// Whose it was before; null if nobody's, or not known.
    #[schema(example = json!(null))]
    user_before: Option<&'a str>,
    /// Whose it is since.
    #[schema(example = "user-42")]
    user_after: Option<&'a str>,
    /// The upload as it was when this was read for you, which may be later than this change: what follows tells of it
    /// again. Null if its row is gone.
    #[schema(value_type = Option<Upload>)]
    upload: Option<&'a RawValue>,
}

/// A change in the words in which it is told, made once for all of its readers.
#[derive(Debug)]
pub struct Told {
    pub seq: i64,
    app: String,
    user_before: Option<String>,
    user_after: Option<String>,
    /// An event of Server-Sent Events; within it, the change as JSON.
    frame: Bytes,
    json: Range<usize>,
}

impl Told {
    /// As an event of Server-Sent Events.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// As JSON.
    pub fn json(&self) -> &[u8] {
        &self.frame[self.json.clone()]
    }

    /// Whether the upload is an erased person's now.
    pub fn is_erasure(&self) -> bool {
        const REASON: &[u8] = br#""reason":"erased""#;
        // Those that name a user are nobody's who is erased.
        self.user_after.is_none() && self.json().windows(REASON.len()).any(|at| at == REASON)
    }

    /// What it takes in memory, roughly.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.frame.len() + self.app.len()
    }

    fn new(line: &Line, upload: Option<&RawValue>) -> Self {
        let cursor = Cursor(line.seq).to_string();
        let event = format!("upload.{}", line.kind);
        let change = Change {
            cursor: &cursor,
            event: &event,
            at: line.at,
            app: &line.app,
            file_id: &line.file_id,
            user_before: line.user_before.as_deref(),
            user_after: line.user_after.as_deref(),
            upload,
        };
        // JSON on one line, as an event wants it; nothing in it fails to be written.
        let json = serde_json::to_string(&change).unwrap_or_default();
        let mut frame = format!("id: {cursor}\nevent: {event}\ndata: ");
        let begin = frame.len();
        frame.push_str(&json);
        let json = begin..frame.len();
        frame.push_str("\n\n");
        Self {
            seq: line.seq,
            app: line.app.clone(),
            user_before: line.user_before.clone(),
            user_after: line.user_after.clone(),
            frame: frame.into(),
            json,
        }
    }
}

/// Which changes a reader wants to be told.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of these apps; `None` is all.
    pub apps: Option<Vec<String>>,
    /// Of uploads that are this user's, or were before the change.
    pub user_id: Option<String>,
}

impl Wanted {
    /// Whether this change is wanted.
    pub fn holds(&self, told: &Told) -> bool {
        self.fits(
            &told.app,
            told.user_before.as_deref(),
            told.user_after.as_deref(),
        )
    }

    /// Whether the change of this line is wanted.
    pub fn holds_line(&self, line: &Line) -> bool {
        self.fits(
            &line.app,
            line.user_before.as_deref(),
            line.user_after.as_deref(),
        )
    }

    fn fits(&self, app: &str, before: Option<&str>, after: Option<&str>) -> bool {
        let apps = self.apps.as_ref();
        let user = self.user_id.as_deref();
        apps.is_none_or(|apps| apps.iter().any(|wanted| wanted == app))
            && (user.is_none() || user == before || user == after)
    }
}

/// Reads the uploads of changes, and puts the changes in words. Read after the lines, so that no upload is older than
/// the change that tells of it.
pub async fn tell(connection: &mut PgConnection, lines: &[Line]) -> Result<Vec<Told>, sqlx::Error> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let keys: BTreeSet<(&str, &str)> = lines
        .iter()
        .map(|line| (line.app.as_str(), line.file_id.as_str()))
        .collect();
    let (apps, file_ids): (Vec<&str>, Vec<&str>) = keys.into_iter().unzip();
    let rows = sql::uploads(connection, &apps, &file_ids).await?;
    let uploads: BTreeMap<(String, String), Box<RawValue>> = rows
        .into_iter()
        .filter_map(|row| {
            let upload: Upload = row.show(|count| count);
            let json = to_raw_value(&upload).ok()?;
            Some(((upload.app, upload.file_id), json))
        })
        .collect();
    let told = lines.iter().map(|line| {
        let upload = uploads.get(&(line.app.clone(), line.file_id.clone()));
        Told::new(line, upload.map(|json| &**json))
    });
    Ok(told.collect())
}
