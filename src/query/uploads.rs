//! `GET /v1/uploads`: the list that most backends live on.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};

use super::filter::{Key, UploadsQuery};
use super::shape::Upload;
use super::sql;
use crate::access::{Caller, Read};
use crate::http::page::{self, Page};
use crate::http::params::Params;
use crate::http::problem::{Problem, ReadFaults};
use crate::ops::database::Database;

/// Lists uploads by the time they were recorded.
#[utoipa::path(
    tag = "uploads",
    params(UploadsQuery),
    responses(
        (status = 200, description = "One page of uploads", body = Page<Upload>),
        ReadFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/uploads")]
pub async fn list_uploads(
    caller: Caller<Read>,
    query: Params<UploadsQuery>,
    database: Data<Database>,
) -> Result<Json<Page<Upload>>, Problem> {
    let filter = query.0?.validate(&caller)?;
    let mut connection = database.pool()?.acquire().await?;
    let uploads = sql::list(&mut connection, &filter).await?;
    Ok(Json(page::page(uploads, filter.limit, key)))
}

fn key(upload: &Upload) -> Key {
    let recorded_at: DateTime<Utc> = upload.recorded_at;
    (recorded_at, upload.app.clone(), upload.file_id.clone())
}
