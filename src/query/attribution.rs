//! `PUT /v1/uploads/{file_id}/attribution`: a person decides whose an upload is.

use actix_web::put;
use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::filter;
use super::history::{FileQuery, only_one, unknown};
use super::shape::Upload;
use super::sql;
use crate::access::audit::{Action, Deed};
use crate::access::{Admin, Caller};
use crate::http::body::JsonBody;
use crate::http::params::Params;
use crate::http::problem::{AdminFaults, BodyFaults, Problem, ProblemBody};
use crate::ops::database::Database;
use crate::record::Recorder;
use crate::record::verdict::{Decision, NotDecided};
use crate::ticket::UserId;

/// A sentence or two.
const REASON_MAX_BYTES: usize = 1_000;

/// What a person decides of one upload.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributionRequest {
    /// Whose it is: 1 to 256 bytes of UTF-8 without control characters. Null takes a person's verdict back
    /// and leaves it to the rules again.
    #[serde(deserialize_with = "given")]
    #[schema(required = true, example = "user-42", min_length = 1, max_length = 256)]
    user_id: Option<String>,
    /// Why: 1 to 1000 bytes of UTF-8 without control characters. Shown as `attribution.detail`, and kept.
    #[schema(
        example = "ticket 4711: uploaded by phone for user-42",
        min_length = 1,
        max_length = 1000
    )]
    reason: String,
}

/// Null has to be written: left out by a slip, it would undo what a person decided.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(value)
}

impl AttributionRequest {
    fn validate(self) -> Result<(Option<UserId>, String), Problem> {
        let user_id = self.user_id.as_deref().map(UserId::parse).transpose();
        let user_id = user_id.map_err(|rule| Problem::field("user_id", rule.to_string()))?;
        let fits = self.reason.len() <= REASON_MAX_BYTES
            && !self.reason.trim().is_empty()
            && !self.reason.chars().any(char::is_control);
        if fits {
            Ok((user_id, self.reason))
        } else {
            let rule = format!(
                "must be 1 to {REASON_MAX_BYTES} bytes of UTF-8 without control characters, and not blank"
            );
            Err(Problem::field("reason", rule))
        }
    }
}

/// Decides whose an upload is, whatever its context says; kept in its audit trail.
///
/// No notification, replay or `reattribute` changes it: only another such request does. The same request
/// again changes nothing.
#[utoipa::path(
    tag = "uploads",
    params(("file_id" = String, Path, description = "VOD's id of the file", example = "5285890784273533167", pattern = "^[A-Za-z0-9_-]{1,64}$"), FileQuery),
    request_body = AttributionRequest,
    responses(
        (status = 200, description = "The upload with its new verdict, which is committed", body = Upload),
        (status = 404, description = "No such upload is known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Several apps have a file of this id; name one with `app`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "The user is erased", body = ProblemBody, content_type = "application/problem+json"),
        AdminFaults,
        BodyFaults,
    ),
    security(("api_key" = [])),
)]
#[put("/v1/uploads/{file_id}/attribution")]
pub async fn decide_attribution(
    caller: Caller<Admin>,
    path: Path<String>,
    query: Params<FileQuery>,
    body: JsonBody<AttributionRequest>,
    database: Data<Database>,
    recorder: Data<Recorder>,
) -> Result<Json<Upload>, Problem> {
    let file_id = filter::file_id(&path).map_err(|rule| Problem::field("file_id", rule))?;
    let apps = caller.narrow(query.0?.app)?;
    let (user_id, reason) = body.0?.validate()?;
    let pool = database.pool()?;
    let found = sql::find(&mut *pool.acquire().await?, &file_id, apps.as_deref()).await?;
    let app = only_one(found)?.app;
    let deed = Deed::new(Action::DecideAttribution, file_id.as_str()).of_app(&app);
    caller.note(deed).await?;
    let decision = Decision {
        app: app.parse().map_err(|_| Problem::Internal)?,
        file_id,
        user_id,
        reason,
        key: caller.name,
    };
    recorder
        .decide(&decision)
        .await
        .map_err(|fault| match fault {
            NotDecided::Unknown => unknown(),
            NotDecided::Erased => Problem::user_erased(),
            NotDecided::Failed(problem) => problem,
        })?;
    let apps = [app];
    let found = sql::find(&mut *pool.acquire().await?, &decision.file_id, Some(&apps)).await?;
    Ok(Json(only_one(found)?.show(|count| count)))
}
