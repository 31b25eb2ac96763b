//! VOD's answers taken apart: exact byte ranges, since what is kept is what VOD sent.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::error::ApiError;
use super::{
    EventConfig, ListedTask, Media, MediaInfos, MediaPage, NotificationMode, PulledEvent, TaskPage,
};
use crate::vod::json::{self, Object};

/// The object `Response` of an answer, or the error in it; `ahead_s` as in [`ApiError::ClockSkew`].
pub(super) fn response(body: &Bytes, ahead_s: Option<i64>) -> Result<Bytes, ApiError> {
    let text = json::legible(body);
    let top = Object::read(&text).map_err(|_| ApiError::BadAnswer("it is no JSON object"))?;
    let member = top
        .member(b"Response")
        .filter(|value| value.get().starts_with('{'))
        .ok_or(ApiError::BadAnswer("it has no object `Response`"))?;
    let bytes = exact(body, &text, member);
    let error = Object::of(member).and_then(|response| response.object(&["Error"]));
    let Some(error) = error else {
        return Ok(bytes);
    };
    let code = error.text(&["Code"]).unwrap_or_default();
    let message = error.text(&["Message"]).unwrap_or_default();
    Err(ApiError::of(code, &message, ahead_s))
}

/// The elements of `EventSet`; one that is null says nothing and is left out.
pub(super) fn events(response: &Bytes) -> Result<Vec<PulledEvent>, ApiError> {
    let text = json::legible(response);
    let elements = list(&text, "EventSet")?;
    let events = elements.into_iter().map(|element| PulledEvent {
        handle: Object::of(element).and_then(|event| event.text(&["EventHandle"])),
        bytes: exact(response, &text, element),
    });
    Ok(events.collect())
}

/// A page of SearchMedia.
pub(super) fn page(response: &Bytes) -> Result<MediaPage, ApiError> {
    let text = json::legible(response);
    let total = object(&text)?.integer(&["TotalCount"]);
    let elements = list(&text, "MediaInfoSet")?;
    Ok(MediaPage {
        total: total
            .and_then(|total| u64::try_from(total).ok())
            .unwrap_or(0),
        listed: elements.len(),
        media: media(response, &text, elements),
    })
}

/// What DescribeMediaInfos tells.
pub(super) fn infos(response: &Bytes) -> Result<MediaInfos, ApiError> {
    let text = json::legible(response);
    let missing = list(&text, "NotExistFileIdSet")?;
    Ok(MediaInfos {
        found: media(response, &text, list(&text, "MediaInfoSet")?),
        missing: missing.into_iter().filter_map(json::file_id).collect(),
    })
}

/// A page of DescribeTasks; a task without an id is left out.
pub(super) fn tasks(response: &Bytes) -> Result<TaskPage, ApiError> {
    let text = json::legible(response);
    let tasks = list(&text, "TaskSet")?.into_iter().filter_map(|element| {
        let task = Object::of(element)?;
        let status = task.text(&["Status"]);
        Some(ListedTask {
            task_id: task.text(&["TaskId"])?,
            is_over: !matches!(status.as_deref(), Some("WAITING" | "PROCESSING")),
        })
    });
    Ok(TaskPage {
        tasks: tasks.collect(),
        next: object(&text)?.text(&["ScrollToken"]),
    })
}

/// What DescribeEventConfig tells.
pub(super) fn event_config(response: &Bytes) -> Result<EventConfig, ApiError> {
    let text = json::legible(response);
    let answer = object(&text)?;
    let is_on = |name: &str| answer.text(&[name]).is_some_and(|text| text == "ON");
    Ok(EventConfig {
        mode: match answer.text(&["Mode"]).as_deref() {
            Some("PUSH") => Some(NotificationMode::Push),
            Some("PULL") => Some(NotificationMode::Pull),
            _ => None,
        },
        notification_url: answer.text(&["NotificationUrl"]),
        upload_media_complete: is_on("UploadMediaCompleteEventSwitch"),
        delete_media_complete: is_on("DeleteMediaCompleteEventSwitch"),
        persistence_complete: is_on("PersistenceCompleteEventSwitch"),
    })
}

fn object(text: &str) -> Result<Object<'_>, ApiError> {
    Object::read(text).map_err(|_| ApiError::BadAnswer("its `Response` has too many members"))
}

/// The elements of a member, but for null ones; none if it is null or not there.
fn list<'a>(text: &'a str, name: &str) -> Result<Vec<&'a RawValue>, ApiError> {
    let answer = object(text)?;
    match answer.member(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(value) if value.get() == "null" => Ok(Vec::new()),
        Some(value) => {
            let mut elements =
                json::array(value).ok_or(ApiError::BadAnswer("a set in it is no array"))?;
            elements.retain(|element| element.get() != "null");
            Ok(elements)
        }
    }
}

fn media(response: &Bytes, text: &str, elements: Vec<&RawValue>) -> Vec<Media> {
    let one = |element| {
        let object = Object::of(element)?;
        Some(Media {
            file_id: object.file_id(&["FileId"])?,
            created: created(&object),
            bytes: exact(response, text, element),
        })
    };
    elements.into_iter().filter_map(one).collect()
}

fn created(media: &Object<'_>) -> Option<DateTime<Utc>> {
    media.object(&["BasicInfo"])?.time(&["CreateTime"])
}

/// The bytes of a value. The text is as long as the body, and the value borrows from it.
fn exact(body: &Bytes, text: &str, value: &RawValue) -> Bytes {
    let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
    body.slice(start..start + value.get().len())
}
