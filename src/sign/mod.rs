//! Stage 1, before the upload: a permission is logged, then given out.
//!
//! No signature leaves that is not in the log: the answer waits for the commit.

mod issue;
mod log;
mod request;
mod sql;

use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Caller, Sign};
use crate::config::{App, Config};
use crate::erased::ErasedUsers;
use crate::http::body::JsonBody;
use crate::http::problem::{Problem, ProblemBody};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::metrics::{Metric, Metrics};
use crate::ops::random::Random;
use crate::ticket::Ticket;
use crate::vod::signature::UploadParams;
pub use issue::{Issue, IssueWriter, Issuer, Logged};
pub use log::list_signatures;
pub use request::{Asked, NotifyMode, Permission, SignatureRequest};

/// One signature given out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IssuedSignature {
    /// What `getSignature` of the upload SDK hands over to VOD.
    #[schema(example = "aG6ZX3aZf+6tg/yRDZdRSNtM39lzZWNyZXRJZD1JYW1TZWNyZXRJZCZjdXJyZW50VGlt...")]
    pub signature: String,
    /// The upload intent that it belongs to; ask with it again for the same file.
    #[schema(value_type = String, example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    #[serde(serialize_with = "as_text")]
    pub ticket: Ticket,
    /// This signature in the log.
    pub issue_id: Uuid,
    /// The app that it is for.
    #[schema(example = "main")]
    pub app: String,
    /// Who may upload by it.
    #[schema(example = "user-42")]
    pub user_id: String,
    /// When it was given out.
    pub issued_at: DateTime<Utc>,
    /// An upload must have begun by then.
    pub expires_at: DateTime<Utc>,
}

fn as_text<S: serde::Serializer>(ticket: &Ticket, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(ticket)
}

/// Gives out one upload signature for one of the app's users.
///
/// Ask for each call of the SDK's `getSignature`: the first time without `ticket`, then with the
/// ticket of the first answer as long as it is the same file.
#[utoipa::path(
    tag = "signatures",
    request_body = SignatureRequest,
    responses(
        (status = 201, description = "The signature; it is in the log", body = IssuedSignature),
        (status = 400, description = "A field breaks its rule", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "No key that is known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The key lacks scope `sign`, or is not bound to the app", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such ticket", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The ticket belongs to another user or app, or has another context", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "The user is erased", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body is larger than 64 KiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 500, description = "A bug; the log tells of it under the answer's `X-Request-Id`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The log cannot be written now", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("api_key" = [])),
)]
#[post("/v1/signatures")]
pub async fn create_signature(
    caller: Caller<Sign>,
    body: JsonBody<SignatureRequest>,
    config: Data<Config>,
    issuer: Data<Issuer>,
    clock: Data<Clock>,
    random: Data<Random>,
    metrics: Data<Metrics>,
) -> Result<HttpResponse, Problem> {
    let body = body.0?;
    let app = choose_app(&config.apps, body.app.as_deref(), caller.apps())?;
    caller.may_use(app.name.as_str())?;
    let permission = body.validate()?;
    let log = async |issue| issuer.log(issue).await;
    let issued = issue(app, permission, caller.name, log, &clock, &random).await?;
    metrics.count(Metric::SignaturesIssued, &[], 1);
    Ok(HttpResponse::Created().json(issued))
}

/// The app that is meant: the one named, else the only one there is for this caller.
fn choose_app<'a>(
    apps: &'a [App],
    named: Option<&str>,
    bound: Option<&[String]>,
) -> Result<&'a App, Problem> {
    if let Some(name) = named {
        let unknown = || Problem::field("app", "is not the name of an app that is configured here");
        return apps
            .iter()
            .find(|app| app.name.as_str() == name)
            .ok_or_else(unknown);
    }
    let is_bound =
        |app: &&App| bound.is_none_or(|bound| bound.iter().any(|name| name == app.name.as_str()));
    let mut candidates = apps.iter().filter(is_bound);
    match (candidates.next(), candidates.next()) {
        (Some(app), None) => Ok(app),
        _ => Err(Problem::field(
            "app",
            "is needed: there is more than one app to choose from",
        )),
    }
}

/// Mints a signature, commits it to the log with its ticket, and returns it.
pub async fn issue(
    app: &App,
    permission: Permission,
    issued_to: String,
    log: impl AsyncFnOnce(Issue) -> Logged,
    clock: &Clock,
    random: &Random,
) -> Result<IssuedSignature, Problem> {
    let issue = Issue::of(app, permission, issued_to, clock.now(), random);
    let asked = log(issue.clone()).await?;
    Ok(IssuedSignature {
        signature: params(&issue, asked).sign(app.secret_key.expose()),
        ticket: issue.ticket,
        issue_id: issue.id,
        app: issue.app.as_str().to_owned(),
        user_id: issue.user_id.as_str().to_owned(),
        issued_at: issue.issued_at,
        expires_at: issue.expires_at,
    })
}

/// The same over a connection of one's own: for commands, which give out one.
pub async fn issue_alone(
    app: &App,
    permission: Permission,
    database: &Database,
    clock: &Clock,
    random: &Random,
) -> Result<IssuedSignature, Problem> {
    let mut connection = database.pool()?.acquire().await?;
    let log = async |issue| {
        let erased = ErasedUsers::default();
        erased.refresh(&mut connection).await?;
        let logged = issue::log(&mut connection, &[issue], &erased).await?.pop();
        logged.unwrap_or(Err(Problem::Internal))
    };
    issue(app, permission, "cli".to_owned(), log, clock, random).await
}

impl Issue {
    fn of(
        app: &App,
        permission: Permission,
        issued_to: String,
        now: DateTime<Utc>,
        random: &Random,
    ) -> Self {
        let expires = now.timestamp() + permission.expires_in.num_seconds();
        Self {
            ticket: permission
                .ticket
                .unwrap_or_else(|| Ticket(random.uuid_v7(now))),
            continues: permission.ticket.is_some(),
            app: app.name.clone(),
            user_id: permission.user_id,
            context: permission.context,
            // The issue's id carries the time in milliseconds: cut, so that both say the same.
            issued_at: DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now),
            expires_at: DateTime::from_timestamp(expires, 0).unwrap_or(now),
            secret_id: app.secret_id.clone(),
            random: random.u32(),
            id: random.uuid_v7(now),
            one_time: permission.one_time,
            sub_app_id: app.sub_app_id,
            asked: permission.asked,
            issued_to,
        }
    }
}

fn params(issue: &Issue, asked: Asked) -> UploadParams {
    let context = issue.ticket.to_string();
    UploadParams {
        secret_id: issue.secret_id.clone(),
        current_time_stamp: issue.issued_at.timestamp(),
        expire_time: issue.expires_at.timestamp(),
        random: issue.random,
        class_id: asked.class_id.map(i64::from),
        task_priority: asked.task_priority.map(i32::from),
        task_notify_mode: asked.task_notify_mode.map(|mode| mode.as_str().to_owned()),
        // VOD allows a session context only with a procedure (protocol.md section 1).
        session_context: asked.procedure.as_ref().map(|_| context.clone()),
        procedure: asked.procedure,
        source_context: Some(context),
        one_time_valid: issue.one_time,
        vod_sub_app_id: issue.sub_app_id,
        storage_region: asked.storage_region,
    }
}
