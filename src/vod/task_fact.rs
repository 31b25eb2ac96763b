//! What an event says of a task, and how its end is judged (protocol.md sections 4 and 6).

use super::event::{TaskFact, TaskRole, TaskState};
use super::json::Object;
use super::{file_facts, outputs};

/// Longer than any id VOD makes (about 70 bytes); a longer one is no id, and must not be cut into another.
const MAX_TASK_ID_BYTES: usize = 256;

/// Where the results of sub-tasks are: 3.0 task flows, 2.0 task flows, and the tasks of 2017 with many outputs.
const PARTS: [&str; 12] = [
    "MediaProcessResultSet",
    "AiContentReviewResultSet",
    "AiAnalysisResultSet",
    "AiRecognitionResultSet",
    "ProcessTaskList",
    "ContentReviewList",
    "AIAnalysisList",
    "AiReview",
    "FileInfoSet",
    "FileInfo",
    "SnapshotInfoSet",
    "PicInfo",
];

/// The task that an event tells of; `None` if it names none.
pub(super) fn read(event_type: &str, member: &Object<'_>) -> Option<TaskFact> {
    if event_type == "NewFileUpload" {
        // It names the tasks that the upload started, but is no news of them.
        return None;
    }
    let task_id = task_id(member)?;
    let parts = parts(member);
    let state = state(member, &parts);
    let has_failed = matches!(state, TaskState::Failed | TaskState::PartlyFailed);
    let culprit = parts
        .iter()
        .find(|part| has_failed && part.outcome == Outcome::Failed);
    // A flow whose sub-tasks all succeeded may still carry an ErrCode, which section 6 calls deprecated.
    let own_code = error_code(member).filter(|_| has_failed);
    Some(TaskFact {
        task_id,
        task_type: event_type.to_owned(),
        role: role(event_type),
        state,
        error_code: own_code.or_else(|| culprit?.error_code.clone()),
        message: member
            .text(&["Message"])
            .or_else(|| culprit?.message.clone()),
        file_id: file_facts::subject(member)
            .or_else(|| file_facts::named(member).into_iter().next()),
        session_context: member.text(&["SessionContext"]),
        outputs: outputs::read(event_type, member),
    })
}

/// The id of the event's own task.
pub(super) fn task_id(member: &Object<'_>) -> Option<String> {
    usable(member.text(&["TaskId", "VodTaskId"]))
}

/// A task id that can be stored and found again.
pub(super) fn usable(task_id: Option<String>) -> Option<String> {
    task_id.filter(|task_id| task_id.len() <= MAX_TASK_ID_BYTES)
}

/// Whether the event belongs to an upload, and so must say to which.
pub(super) fn is_of_an_upload(event_type: &str) -> bool {
    role(event_type) != TaskRole::Other
}

/// Whether a pull ended with a file.
pub(super) fn landed(member: &Object<'_>) -> bool {
    state(member, &[]) == TaskState::Succeeded
}

/// Whether a sub-task says that it succeeded.
pub(super) fn has_succeeded(result: &Object<'_>) -> bool {
    judged(result).is_some_and(|part| part.outcome == Outcome::Succeeded)
}

/// Whether a sub-task says that it failed.
pub(super) fn has_failed(result: &Object<'_>) -> bool {
    judged(result).is_some_and(|part| part.outcome == Outcome::Failed)
}

/// What went wrong: `ErrCodeExt`, else a non-zero `ErrCode` or numeric `status`.
///
/// `ErrCodeExt` decides wherever it is, and says "" if nothing went wrong; `ErrCode` is discouraged (section 6).
pub(super) fn error_code(object: &Object<'_>) -> Option<String> {
    if object.has(&["ErrCodeExt"]) {
        return object
            .text(&["ErrCodeExt"])
            .filter(|code| !code.eq_ignore_ascii_case("success"));
    }
    let code = object.integer(&["ErrCode", "Status"])?;
    (code != 0).then(|| code.to_string())
}

fn role(event_type: &str) -> TaskRole {
    match event_type {
        "ProcedureStateChanged" => TaskRole::Procedure,
        "ReviewAudioVideoComplete" => TaskRole::Review,
        _ => TaskRole::Other,
    }
}

/// FINISH does not mean success: that every finished sub-task succeeded does (section 6).
fn state(member: &Object<'_>, parts: &[Part]) -> TaskState {
    match member.text(&["Status"]).as_deref() {
        Some("PROCESSING") => return TaskState::Processing,
        Some("WAITING") => return TaskState::Waiting,
        Some("ABORTED" | "FAIL") => return TaskState::Failed,
        _ => {}
    }
    let any = |outcome| parts.iter().any(|part| part.outcome == outcome);
    match (any(Outcome::Succeeded), any(Outcome::Failed)) {
        (true, true) => TaskState::PartlyFailed,
        (true, false) => TaskState::Succeeded,
        (false, true) => TaskState::Failed,
        (false, false) if error_code(member).is_some() => TaskState::Failed,
        (false, false) => TaskState::Succeeded,
    }
}

/// How one sub-task ended.
#[derive(PartialEq)]
enum Outcome {
    Unfinished,
    Succeeded,
    Failed,
}

struct Part {
    outcome: Outcome,
    error_code: Option<String>,
    message: Option<String>,
}

fn parts(member: &Object<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for name in PARTS {
        match member.object(&[name]) {
            Some(single) => parts.extend(part(&single)),
            None => {
                let set = member.array(&[name]).unwrap_or_default();
                parts.extend(
                    set.into_iter()
                        .filter_map(Object::of)
                        .filter_map(|element| part(&element)),
                );
            }
        }
    }
    parts
}

/// The result of a sub-task, which 2.0 keeps in the element and 3.0 in its one filled `...Task` member.
fn part(element: &Object<'_>) -> Option<Part> {
    judged(element).or_else(|| {
        element
            .members()
            .find_map(|(_, value)| judged(&Object::of(value)?))
    })
}

/// `None` for an object that says nothing of how it went.
fn judged(result: &Object<'_>) -> Option<Part> {
    if !result.has(&["Status", "ErrCodeExt", "ErrCode"]) {
        return None;
    }
    let error_code = error_code(result);
    let outcome = match result.text(&["Status"]).as_deref() {
        Some("SUCCESS") => Outcome::Succeeded,
        Some("FAIL" | "ABORTED") => Outcome::Failed,
        Some("PROCESSING" | "WAITING") => Outcome::Unfinished,
        _ if error_code.is_some() => Outcome::Failed,
        _ => Outcome::Succeeded,
    };
    Some(Part {
        outcome,
        error_code,
        message: result.text(&["Message"]),
    })
}
