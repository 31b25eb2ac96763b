//! `GET /v1/uploads`: the list that most backends live on.

mod sql;

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};

use super::filter::{Key, UploadsQuery};
use super::shape::Upload;
use crate::access::{Caller, Read};
use crate::http::page::{self, Page};
use crate::http::params::Params;
use crate::http::problem::{Problem, ReadFaults};
use crate::ops::database::Database;

/// Lists uploads by the time they were recorded.
///
/// With `processing`, `deleted`, `uploaded_from`, `uploaded_to`, an `attribution` or `reason` that most have, `confirmed`
/// other than `refuted`, or `app` without `user_id`, a page looks at 20,000 uploads at most: it may hold fewer than `limit`,
/// none even, and go on all the same. The end is where `next_cursor` is null.
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
    if !filter.is_sparse() {
        let uploads = sql::list(&mut connection, &filter).await?;
        return Ok(Json(page::page(uploads, filter.limit, key)));
    }
    let mut snapshot = Database::snapshot(&mut connection).await?;
    let uploads = sql::list(&mut snapshot, &filter).await?;
    let horizon = match uploads.len() > filter.limit {
        true => None,
        false => sql::horizon(&mut snapshot, &filter).await?,
    };
    snapshot.commit().await?;
    let page = page::page(uploads, filter.limit, key);
    Ok(Json(page.looked_until(horizon.as_ref())))
}

fn key(upload: &Upload) -> Key {
    let recorded_at: DateTime<Utc> = upload.recorded_at;
    (recorded_at, upload.app.clone(), upload.file_id.clone())
}
