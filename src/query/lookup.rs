//! `POST /v1/uploads/lookup`: whose are these files?

use std::collections::{HashMap, HashSet};

use actix_web::post;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::filter;
use super::shape::Upload;
use super::sql;
use crate::access::{Caller, Read};
use crate::http::body::JsonBody;
use crate::http::params::{NoQuery, Params};
use crate::http::problem::{BodyFaults, Problem, ReadFaults};
use crate::ops::database::Database;

/// As many as fit the body of a request of `/v1`, and the time of one.
const FILES_MAX: usize = 500;

/// Which files are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupRequest {
    /// Only this app; without it every app of the key.
    #[schema(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    app: Option<String>,
    /// 1 to 500 file ids, as text.
    #[schema(min_items = 1, max_items = 500, example = json!(["5285890784273533167", "5285890784273533168"]))]
    file_ids: Vec<String>,
}

/// The uploads of these files, and the files of which none is known.
#[derive(Debug, Serialize, ToSchema)]
pub struct Found {
    /// In the order of `file_ids`; a file that several apps have is there once for each. Those that VOD contradicts
    /// are there too, `confirmed` is `refuted` then.
    items: Vec<Upload>,
    /// The file ids of which no upload is known, in their order.
    #[schema(example = json!(["5285890784273533168"]))]
    missing: Vec<String>,
}

/// Finds the uploads of up to 500 files at once.
///
/// A file id that is given twice is answered once.
#[utoipa::path(
    tag = "uploads",
    request_body = LookupRequest,
    responses(
        (status = 200, description = "What is known of them", body = Found),
        ReadFaults,
        BodyFaults,
    ),
    security(("api_key" = [])),
)]
#[post("/v1/uploads/lookup")]
pub async fn look_up(
    caller: Caller<Read>,
    query: Params<NoQuery>,
    body: JsonBody<LookupRequest>,
    database: Data<Database>,
) -> Result<Json<Found>, Problem> {
    let NoQuery {} = query.0?;
    let LookupRequest { app, file_ids } = body.0?;
    let apps = caller.narrow(app)?;
    let file_ids = distinct(file_ids)?;
    let mut connection = database.pool()?.acquire().await?;
    let uploads = sql::find_all(&mut connection, &file_ids, apps.as_deref()).await?;
    Ok(Json(Found::of(&file_ids, uploads)))
}

/// The ids once each, in their order.
fn distinct(mut file_ids: Vec<String>) -> Result<Vec<String>, Problem> {
    if !(1..=FILES_MAX).contains(&file_ids.len()) {
        let rule = format!("must hold 1 to {FILES_MAX} file ids");
        return Err(Problem::field("file_ids", rule));
    }
    for (place, file_id) in file_ids.iter().enumerate() {
        filter::file_id(file_id)
            .map_err(|rule| Problem::field(format!("file_ids[{place}]"), rule))?;
    }
    let mut seen = HashSet::new();
    file_ids.retain(|file_id| seen.insert(file_id.clone()));
    Ok(file_ids)
}

impl Found {
    fn of(file_ids: &[String], mut items: Vec<Upload>) -> Self {
        let places: HashMap<&str, usize> = file_ids.iter().map(String::as_str).zip(0..).collect();
        items.sort_by_cached_key(|upload| {
            let place = places.get(upload.file_id.as_str()).copied();
            (place, upload.app.clone())
        });
        let known: HashSet<&str> = items.iter().map(|item| item.file_id.as_str()).collect();
        let missing = file_ids.iter().filter(|id| !known.contains(id.as_str()));
        let missing = missing.cloned().collect();
        Self { items, missing }
    }
}
