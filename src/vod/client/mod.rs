//! VOD's API, asked over the network: the reliable queue, the media list, tasks and the event configuration
//! (protocol.md sections 2, 5 and 7).
//!
//! The one part of [`vod`](super) that is not pure. In reading order: here what can be asked, `call` how it is
//! signed, sent and tried again, `pace` how often, `answer` what comes back, `error` what may come instead.

mod answer;
mod call;
mod error;
mod pace;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::event::FileId;
use crate::config::{App, Secret};
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use call::Caller;
pub use error::{ApiError, Transport};
use pace::Action;

/// Events that one ConfirmEvents takes, and that one PullEvents gives.
pub const MAX_EVENTS: usize = 16;
/// Files that one DescribeMediaInfos takes.
pub const MAX_FILES: usize = 20;
/// Files that are asked for in one SearchMedia; VOD allows 5,000 in all of one window, which would be one
/// answer of tens of megabytes.
pub const MAX_PAGE: usize = 1_000;
/// Tasks that one DescribeTasks gives.
pub const MAX_TASKS: usize = 100;
/// What is asked of a file: all that is kept of one. Without it each would come with all its transcodes and snapshots.
const PARTS: [&str; 2] = ["basicInfo", "metaData"];
/// An answer that is larger is not read: 16 events of 4,096 files each are far below.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A Tencent Cloud API key; the token is there if it is a temporary one.
#[derive(Clone)]
pub struct Credentials {
    /// Public.
    pub secret_id: String,
    pub secret_key: Secret,
    pub token: Option<Secret>,
}

/// Asks VOD's API on behalf of one app. Clones share connections and pace.
#[derive(Clone)]
pub struct Client(Arc<Caller>);

/// One element of an `EventSet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledEvent {
    /// What confirms it, within 30 s; changes from one delivery to the next, so it identifies nothing. Without one
    /// it cannot be confirmed, and comes again.
    pub handle: Option<String>,
    /// The element as VOD sent it.
    pub bytes: Bytes,
}

/// Which files to list: those created between two times, oldest first.
///
/// Whether VOD counts the bounds in is not clear, so windows have to overlap (protocol.md section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaSearch {
    /// Sent in whole seconds, cut.
    pub created_from: DateTime<Utc>,
    /// Sent in whole seconds, cut.
    pub created_to: DateTime<Utc>,
    /// `offset` + `limit` may be 5,000.
    pub offset: usize,
    /// At most [`MAX_PAGE`].
    pub limit: usize,
}

/// One page of a list of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPage {
    /// How many there are in all; VOD counts to 5,000.
    pub total: u64,
    /// How many elements this page had, those without a readable file id included: fewer than asked for is the end.
    pub listed: usize,
    pub media: Vec<Media>,
}

/// What VOD holds of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    pub file_id: FileId,
    /// `BasicInfo.CreateTime`.
    pub created: Option<DateTime<Utc>>,
    /// The element as VOD sent it.
    pub bytes: Bytes,
}

/// What VOD says of some files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaInfos {
    pub found: Vec<Media>,
    /// VOD says of these that they do not exist; one that is in neither list VOD said nothing of.
    pub missing: Vec<FileId>,
}

/// One page of a list of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPage {
    pub tasks: Vec<ListedTask>,
    /// What brings the next page; none at the end.
    pub next: Option<String>,
}

/// A task as a list tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTask {
    pub task_id: String,
    /// Whether nothing more is to come of it: neither `WAITING` nor `PROCESSING`.
    pub is_over: bool,
}

/// How VOD tells an app's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationMode {
    /// Posts them.
    Push,
    /// Keeps them in a queue; the callback address is ignored.
    Pull,
}

/// How the events of an app are told; the SignKey is not among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventConfig {
    /// None if VOD says neither.
    pub mode: Option<NotificationMode>,
    /// The callback address, whose end may be a token: not to be printed.
    pub notification_url: Option<String>,
    /// Whether `NewFileUpload` is told; VOD's default is no.
    pub upload_media_complete: bool,
    /// Whether `FileDeleted` is told.
    pub delete_media_complete: bool,
    /// Whether `PersistenceComplete` is told.
    pub persistence_complete: bool,
}

/// What is to change of it; what is `None` stays.
#[derive(Clone, Default)]
pub struct EventConfigChange {
    pub mode: Option<NotificationMode>,
    /// The empty text clears it.
    pub notification_url: Option<String>,
    pub upload_media_complete: Option<bool>,
    pub delete_media_complete: Option<bool>,
    pub persistence_complete: Option<bool>,
    /// What VOD is to sign pushes with: letters and digits, at most 32.
    pub sign_key: Option<Secret>,
}

impl Client {
    /// A client of the API at `endpoint`, an http or https address; connects to nothing yet. `sub_app_id` is
    /// `None` for the account's main application.
    ///
    /// # Errors
    ///
    /// [`ApiError::Setup`].
    pub fn new(
        credentials: Credentials,
        endpoint: &str,
        sub_app_id: Option<u64>,
        clock: Clock,
        random: Random,
    ) -> Result<Self, ApiError> {
        let caller = Caller::new(credentials, endpoint, sub_app_id, clock, random)?;
        Ok(Self(Arc::new(caller)))
    }

    /// A client for an app, as it is configured.
    ///
    /// # Errors
    ///
    /// [`ApiError::Setup`].
    pub fn for_app(app: &App, clock: Clock, random: Random) -> Result<Self, ApiError> {
        let credentials = Credentials {
            secret_id: app.secret_id.clone(),
            secret_key: app.secret_key.clone(),
            token: app.secret_token.clone(),
        };
        Self::new(
            credentials,
            &app.api_endpoint,
            app.sub_app_id,
            clock,
            random,
        )
    }

    /// Takes up to [`MAX_EVENTS`] events from the queue, which hides them for 30 s; waits up to 5 s for some, and
    /// none is no error.
    ///
    /// # Errors
    ///
    /// Tried once: who pulls does it again anyway.
    pub async fn pull_events(&self) -> Result<Vec<PulledEvent>, ApiError> {
        match self.0.call(Action::PullEvents, Map::new()).await {
            Ok(response) => answer::events(&response),
            // The queue is empty.
            Err(ApiError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Takes events off the queue for good, within 30 s of their pull; at most [`MAX_EVENTS`].
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`] also means that it was too late: they come again.
    pub async fn confirm_events(&self, handles: &[String]) -> Result<(), ApiError> {
        at_most(handles.len(), MAX_EVENTS)?;
        let asked = with("EventHandles", json!(handles));
        self.0.call(Action::ConfirmEvents, asked).await?;
        Ok(())
    }

    /// Lists files by the time of their creation, oldest first.
    pub async fn search_media(&self, search: &MediaSearch) -> Result<MediaPage, ApiError> {
        at_most(search.limit, MAX_PAGE)?;
        let mut asked = created(search.created_from, search.created_to);
        asked.insert("Offset".to_owned(), json!(search.offset));
        asked.insert("Limit".to_owned(), json!(search.limit));
        asked.insert("Filters".to_owned(), json!(PARTS));
        answer::page(&self.0.call(Action::SearchMedia, asked).await?)
    }

    /// Says what VOD holds of these files, at most [`MAX_FILES`], and which it does not know.
    pub async fn describe_media(&self, files: &[FileId]) -> Result<MediaInfos, ApiError> {
        at_most(files.len(), MAX_FILES)?;
        let ids: Vec<&str> = files.iter().map(FileId::as_str).collect();
        let mut asked = with("FileIds", json!(ids));
        asked.insert("Filters".to_owned(), json!(PARTS));
        answer::infos(&self.0.call(Action::DescribeMediaInfos, asked).await?)
    }

    /// The exact bytes of the object `Response` about a task; VOD knows those of the last 3 days.
    pub async fn describe_task(&self, task_id: &str) -> Result<Bytes, ApiError> {
        let asked = with("TaskId", json!(task_id));
        self.0.call(Action::DescribeTaskDetail, asked).await
    }

    /// Lists up to [`MAX_TASKS`] tasks by the time of their creation, oldest first; those after `next` of an earlier
    /// page. VOD knows those of the last 72 hours.
    pub async fn list_tasks(
        &self,
        created_from: DateTime<Utc>,
        created_to: DateTime<Utc>,
        next: Option<&str>,
    ) -> Result<TaskPage, ApiError> {
        let mut asked = created(created_from, created_to);
        asked.insert("Limit".to_owned(), json!(MAX_TASKS));
        if let Some(next) = next {
            asked.insert("ScrollToken".to_owned(), json!(next));
        }
        answer::tasks(&self.0.call(Action::DescribeTasks, asked).await?)
    }

    /// How the app's events are told.
    pub async fn describe_event_config(&self) -> Result<EventConfig, ApiError> {
        let response = self.0.call(Action::DescribeEventConfig, Map::new()).await?;
        answer::event_config(&response)
    }

    /// Seconds that our clock was ahead of VOD's at its latest answer, whatever that said, by the `Date` of it;
    /// negative if it was behind, `None` if no answer told.
    pub fn clock_ahead_s(&self) -> Option<i64> {
        self.0.latest_ahead_s()
    }

    /// Changes how the app's events are told; what is given has the same effect however often it is sent.
    pub async fn modify_event_config(&self, change: &EventConfigChange) -> Result<(), ApiError> {
        self.0
            .call(Action::ModifyEventConfig, change.asked())
            .await?;
        Ok(())
    }
}

impl NotificationMode {
    /// As VOD spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "PUSH",
            Self::Pull => "PULL",
        }
    }
}

impl EventConfigChange {
    fn asked(&self) -> Map<String, Value> {
        let switch = |on: bool| json!(if on { "ON" } else { "OFF" });
        let members = [
            ("Mode", self.mode.map(|mode| json!(mode.as_str()))),
            (
                "NotificationUrl",
                self.notification_url.as_ref().map(|url| json!(url)),
            ),
            (
                "UploadMediaCompleteEventSwitch",
                self.upload_media_complete.map(switch),
            ),
            (
                "DeleteMediaCompleteEventSwitch",
                self.delete_media_complete.map(switch),
            ),
            (
                "PersistenceCompleteEventSwitch",
                self.persistence_complete.map(switch),
            ),
            (
                "SignKey",
                self.sign_key.as_ref().map(|key| json!(key.expose())),
            ),
        ];
        members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

/// What was created between two times, oldest first.
fn created(from: DateTime<Utc>, to: DateTime<Utc>) -> Map<String, Value> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut asked = with(
        "CreateTime",
        json!({"After": time(from), "Before": time(to)}),
    );
    asked.insert(
        "Sort".to_owned(),
        json!({"Field": "CreateTime", "Order": "Asc"}),
    );
    asked
}

fn with(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

fn at_most(given: usize, most: usize) -> Result<(), ApiError> {
    if given > most {
        return Err(ApiError::TooMany { given, most });
    }
    Ok(())
}
