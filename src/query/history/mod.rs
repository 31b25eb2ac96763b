//! `GET /v1/uploads/{file_id}`: one upload and how it came to be what it is.

mod sql;

use std::ops::Range;

use actix_web::get;
use actix_web::guard::GuardContext;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::shape::{Upload, UploadRow};
use super::{filter, sql as uploads};
use crate::access::{Caller, Read};
use crate::http::params::Params;
use crate::http::problem::{Problem, ProblemBody, ReadFaults};
use crate::ops::database::Database;
use crate::ticket::{RESUMED_WITHIN, Ticket};
pub use sql::{AROUND, issues};

/// In which app the file is to be looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// The app; without it the only one that has the file.
    #[param(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    pub app: Option<String>,
}

/// An upload and how it came to be what it is; `deliveries` holds the deliveries themselves.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadHistory {
    #[serde(flatten)]
    pub upload: Upload<Vec<DeliveryLine>>,
    /// The signatures of its ticket, oldest first.
    pub issues: Vec<Issue>,
    /// Every task on it, oldest first.
    pub tasks: Vec<TaskLine>,
    /// The verdicts it had before, oldest first.
    pub attribution_changes: Vec<AttributionChange>,
    pub misuse: Misuse,
}

/// What suggests that a permission was used for more than the one upload it was given for, as it is known now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Misuse {
    /// `ticket_reused`: its ticket brought more files than this one. `one_time_ticket_reused`: and it had a one-time
    /// signature. `long_after_expiry`: uploaded more than a day after the last signature of its ticket expired, which
    /// is longer than VOD lets an upload be resumed. Mostly empty.
    #[schema(value_type = Vec<String>, example = json!(["ticket_reused"]))]
    pub signs: Vec<&'static str>,
    /// How many files of the app name its ticket, this one included; counted up to 1000, 0 if it names none.
    #[schema(example = 1)]
    pub files_on_ticket: i64,
    /// From the expiry of the last signature of its ticket to the upload, by VOD's clock; null if it was in time.
    #[schema(example = json!(null))]
    pub seconds_after_expiry: Option<i64>,
}

/// What is known of the ticket of an upload; of one that is not in the log, or another app's, only the files.
pub struct TicketUse {
    pub files: i64,
    pub one_time: Option<bool>,
    pub created_at: Option<DateTime<Utc>>,
    pub last_expires_at: Option<DateTime<Utc>>,
}

impl TicketUse {
    /// From its first signature to the expiry of the last; `None` if it is not in the log.
    fn valid(&self) -> Option<Range<DateTime<Utc>>> {
        Some(self.created_at?..self.last_expires_at?)
    }
}

impl Misuse {
    fn of(ticket: Option<&TicketUse>, uploaded_at: Option<DateTime<Utc>>) -> Self {
        let files_on_ticket = ticket.map_or(0, |ticket| ticket.files);
        let late = ticket
            .and_then(|ticket| ticket.last_expires_at)
            .and_then(|expired_at| Some(uploaded_at? - expired_at))
            .filter(|late| *late > TimeDelta::zero());
        let is_reused = files_on_ticket > 1;
        let is_one_time = ticket.is_some_and(|ticket| ticket.one_time == Some(true));
        let signs = [
            ("ticket_reused", is_reused),
            ("one_time_ticket_reused", is_reused && is_one_time),
            (
                "long_after_expiry",
                late.is_some_and(|late| late > RESUMED_WITHIN),
            ),
        ];
        let shown = signs.into_iter().filter(|(_, is_there)| *is_there);
        Self {
            signs: shown.map(|(sign, _)| sign).collect(),
            files_on_ticket,
            seconds_after_expiry: late.map(|late| late.num_seconds()),
        }
    }
}

/// One signature of a ticket.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Issue {
    /// The signature, in the log.
    pub issue_id: Uuid,
    /// When it was given out.
    pub issued_at: DateTime<Utc>,
    /// Until when an upload may begin with it.
    pub expires_at: DateTime<Utc>,
    /// Whether VOD takes it once only.
    #[schema(example = false)]
    pub one_time: bool,
    /// The processing that it asked for.
    #[schema(example = json!(null))]
    pub procedure: Option<String>,
}

/// One body that named the file.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryLine {
    /// The delivery: `GET /v1/deliveries/{id}`.
    pub id: Uuid,
    /// `push`, `pull`, `reconcile` or `replay`.
    #[schema(example = "push")]
    pub door: String,
    /// As VOD names it.
    #[schema(example = "NewFileUpload")]
    pub event_type: Option<String>,
    /// `3.0`, `2.0` or `hybrid`.
    #[schema(example = "3.0")]
    pub format: Option<String>,
    /// At the door.
    pub received_at: DateTime<Utc>,
    /// Why VOD itself contradicts it, mostly because it is forged: `other_context`: VOD tells another source context of
    /// the file; `unknown_file`: VOD knows no such file, and no deletion was told. Null if it does not.
    #[schema(example = json!(null))]
    pub refuted: Option<String>,
}

/// One task on the file.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskLine {
    /// The task, by VOD's id.
    #[schema(example = "1400000000-procedurev2-acd135c")]
    pub task_id: String,
    /// `procedure`, `review` or `other`.
    #[schema(example = "procedure")]
    pub role: String,
    /// The event that told of it; null while only the upload announced it.
    #[schema(example = "ProcedureStateChanged")]
    pub event_type: Option<String>,
    /// `waiting`, `processing`, `succeeded`, `partly_failed` or `failed`.
    #[schema(example = "succeeded")]
    pub state: String,
    /// What VOD says went wrong.
    #[schema(example = json!(null))]
    pub error_code: Option<String>,
    /// The same in words.
    #[schema(example = json!(null))]
    pub message: Option<String>,
    /// What it made, as the event that decided its state lists it; null if nothing was told.
    #[schema(value_type = Option<Vec<TaskOutput>>)]
    pub outputs: Option<sqlx::types::Json<Vec<TaskOutput>>>,
    /// First commit here.
    pub recorded_at: DateTime<Utc>,
    /// Last commit that changed something.
    pub updated_at: DateTime<Utc>,
}

/// One address of something that a task made: a transcoded file, a cover, a snapshot, ...
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskOutput {
    /// The type of the sub-task in snake case, else that of the event.
    #[schema(example = "transcode")]
    pub kind: String,
    /// The template that it was made by.
    #[schema(example = 20)]
    pub definition: Option<i64>,
    /// Where it is.
    #[schema(example = "http://example.vod2.myqcloud.com/v.f20.mp4")]
    pub url: String,
    /// The file it became, where it became one of its own.
    #[schema(example = json!(null))]
    pub file_id: Option<String>,
}

/// One time that the upload got another verdict.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttributionChange {
    /// When.
    pub at: DateTime<Utc>,
    /// What brought it: `delivery <id>`, `key <name>` of the API key by which a person decided, or `reattribute`.
    #[schema(example = "key support")]
    pub decided_by: String,
    /// Why, in the words of the person who decided.
    #[schema(example = "ticket 4711: uploaded by phone for user-42")]
    pub note: Option<String>,
    /// Whose it was.
    #[schema(example = json!(null))]
    pub user_before: Option<String>,
    /// Whose it became.
    #[schema(example = "user-42")]
    pub user_after: Option<String>,
    /// `attribution.method` until then.
    #[schema(example = "none")]
    pub method_before: String,
    /// `attribution.method` from then on.
    #[schema(example = "manual")]
    pub method_after: String,
    /// `attribution.reason` until then.
    #[schema(example = "no_context")]
    pub reason_before: String,
    /// `attribution.reason` from then on.
    #[schema(example = "manual")]
    pub reason_after: String,
}

/// Shows one upload with its signatures, deliveries, tasks and former verdicts.
#[utoipa::path(
    tag = "uploads",
    params(("file_id" = String, Path, description = "VOD's id of the file", example = "5285890784273533167", pattern = "^[A-Za-z0-9_-]{1,64}$"), FileQuery),
    responses(
        (status = 200, description = "The upload and its history", body = UploadHistory),
        (status = 404, description = "No such upload is known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Several apps have a file of this id; name one with `app`", body = ProblemBody, content_type = "application/problem+json"),
        ReadFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/uploads/{file_id}", guard = "names_a_file")]
pub async fn read_upload(
    caller: Caller<Read>,
    path: Path<String>,
    query: Params<FileQuery>,
    database: Data<Database>,
) -> Result<Json<UploadHistory>, Problem> {
    let file_id = filter::file_id(&path).map_err(|rule| Problem::field("file_id", rule))?;
    let apps = caller.narrow(query.0?.app)?;
    let mut connection = database.pool()?.acquire().await?;
    let upload = only_one(uploads::find(&mut connection, &file_id, apps.as_deref()).await?)?;
    let (app, ticket) = (&*upload.app, upload.ticket.map(Ticket));
    let used = match ticket {
        Some(ticket) => Some(sql::ticket_use(&mut connection, ticket, app).await?),
        None => None,
    };
    let valid = used.as_ref().and_then(TicketUse::valid);
    let issues = match ticket.zip(valid) {
        Some((ticket, valid)) => sql::issues(&mut connection, ticket, app, valid).await?,
        None => Vec::new(),
    };
    let misuse = Misuse::of(used.as_ref(), upload.uploaded_at);
    let written = upload.recorded_at..upload.updated_at;
    let deliveries = sql::deliveries(&mut connection, app, &upload.file_id, written).await?;
    let tasks = sql::tasks(&mut connection, &upload.app, &upload.file_id).await?;
    let attribution_changes =
        sql::attribution_changes(&mut connection, &upload.app, &upload.file_id).await?;
    Ok(Json(UploadHistory {
        upload: upload.show(|_| deliveries),
        issues,
        tasks,
        attribution_changes,
        misuse,
    }))
}

/// No file has the name of a route beside it.
fn names_a_file(request: &GuardContext<'_>) -> bool {
    request.head().uri.path() != "/v1/uploads/lookup"
}

/// The upload that is meant, of those that a file id stands for.
pub fn only_one(mut uploads: Vec<UploadRow>) -> Result<UploadRow, Problem> {
    if uploads.len() > 1 {
        // Whoever forges an upload must not hide the real one of another app.
        uploads.retain(|upload| !upload.is_refuted());
    }
    match (uploads.pop(), uploads.is_empty()) {
        (Some(upload), true) => Ok(upload),
        (None, _) => Err(unknown()),
        (Some(_), false) => {
            let rule = "several apps have a file of this id; name one with `app`".to_owned();
            Err(Problem::Conflict(rule))
        }
    }
}

/// What is told where no upload is meant.
pub fn unknown() -> Problem {
    Problem::NotFound("no upload of this file is known".to_owned())
}
