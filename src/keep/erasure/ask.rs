//! `POST /v1/erasures` and `GET /v1/erasures/{id}`.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Eraser, Erasure, File, sql};
use crate::access::audit::{Action, Deed};
use crate::access::{Admin, Caller};
use crate::http::body::JsonBody;
use crate::http::page::{self, Page};
use crate::http::params::{NoQuery, Params};
use crate::http::problem::{AdminFaults, BodyFaults, Problem, ProblemBody};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::random::Random;
use crate::ticket::UserId;

/// Who is to be erased.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureRequest {
    /// The app's id of the user: 1 to 256 bytes of UTF-8 without control characters.
    #[schema(example = "user-42", min_length = 1, max_length = 256)]
    user_id: String,
}

/// An erasure that is under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureAsked {
    /// Ask with it how far it is.
    erasure_id: Uuid,
    /// `running`
    #[schema(example = "running")]
    state: &'static str,
}

/// An erasure, and the files of the person: to be deleted at VOD by whoever may.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureAndFiles {
    #[serde(flatten)]
    erasure: Erasure,
    /// The files, by their ids; all of them only once the erasure is done.
    files: Page<File>,
}

/// Which page of the files.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FilesQuery {
    /// How many files a page holds: 1 to 200, 50 if left out.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(max_length = 1024)]
    cursor: Option<String>,
}

/// Erases a person everywhere, and for ever.
///
/// When this answers, nothing that names the person is recorded any more; what is there already is gone through in the
/// background. Rows stay as counts. Notifications about their files that come later are recorded with the reason `erased`,
/// without their bodies; signatures for them are refused with 410. The key must not be bound to apps.
#[utoipa::path(
    tag = "erasures",
    request_body = ErasureRequest,
    responses(
        (status = 202, description = "It is under way; one that was under way already is given back", body = ErasureAsked),
        AdminFaults,
        BodyFaults,
    ),
    security(("api_key" = [])),
)]
#[post("/v1/erasures")]
pub async fn create_erasure(
    caller: Caller<Admin>,
    query: Params<NoQuery>,
    body: JsonBody<ErasureRequest>,
    eraser: Data<Eraser>,
    clock: Data<Clock>,
    random: Data<Random>,
) -> Result<HttpResponse, Problem> {
    let NoQuery {} = query.0?;
    unbound(&caller)?;
    let user_id = UserId::parse(&body.0?.user_id);
    let user_id = user_id.map_err(|rule| Problem::field("user_id", rule.to_string()))?;
    let id = random.uuid_v7(clock.now());
    caller
        .note(Deed::new(Action::Erase, &id.to_string()))
        .await?;
    let by = format!("key {}", caller.name);
    let erasure_id = eraser.ask(id, &user_id, &by).await?;
    let state = "running";
    Ok(HttpResponse::Accepted().json(ErasureAsked { erasure_id, state }))
}

/// Tells how far an erasure is, what it did, and which files were the person's.
#[utoipa::path(
    tag = "erasures",
    params(("id" = Uuid, Path, description = "The erasure", example = "019ad52e-3c00-7000-8000-000000000001"), FilesQuery),
    responses(
        (status = 200, description = "The erasure", body = ErasureAndFiles),
        (status = 404, description = "No such erasure", body = ProblemBody, content_type = "application/problem+json"),
        AdminFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/erasures/{id}")]
pub async fn read_erasure(
    caller: Caller<Admin>,
    path: Path<String>,
    query: Params<FilesQuery>,
    database: Data<Database>,
) -> Result<Json<ErasureAndFiles>, Problem> {
    let query = query.0?;
    unbound(&caller)?;
    let is_hyphenated = path.len() == 36;
    let id = is_hyphenated.then(|| path.parse().ok()).flatten();
    let id = id.ok_or_else(|| Problem::field("id", "must be the id of an erasure, a UUID"))?;
    let limit = page::limit(query.limit)?;
    let after = page::position(query.cursor.as_deref())?;
    let mut connection = database.pool()?.acquire().await?;
    let unknown = || Problem::NotFound("no such erasure was asked for".to_owned());
    let erasure = sql::find(&mut connection, id).await?.ok_or_else(unknown)?;
    let files = sql::files(&mut connection, id, after, limit).await?;
    let files = page::page(files, limit, |file| {
        (file.file_id.clone(), file.app.clone())
    });
    Ok(Json(ErasureAndFiles { erasure, files }))
}

/// A person is erased from all apps, so that a key of some of them may not.
fn unbound(caller: &Caller<Admin>) -> Result<(), Problem> {
    match caller.apps() {
        None => Ok(()),
        Some(_) => Err(Problem::Forbidden(
            "a person is erased from every app: this key is bound to some".to_owned(),
        )),
    }
}
