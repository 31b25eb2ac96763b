//! `GET /v1/deliveries`: the list.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::filter::DeliveriesQuery;
use super::sql;
use crate::access::{Admin, Caller};
use crate::http::page::{self, Page};
use crate::http::params::Params;
use crate::http::problem::{AdminFaults, Problem};
use crate::ops::database::Database;

/// One body that reached us: when, by which way, and what was read in it.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Delivery {
    /// The delivery.
    pub id: Uuid,
    /// The app whose door it came to.
    #[schema(example = "main")]
    pub app: String,
    /// `push`, `pull`, `reconcile` or `replay`.
    #[schema(example = "push")]
    pub door: String,
    /// At the door.
    pub received_at: DateTime<Utc>,
    /// In Postgres: later, where it was spooled, or taken out of quarantine.
    pub recorded_at: DateTime<Utc>,
    /// `recorded`, or `quarantined`: kept, and not acted on.
    #[schema(example = "recorded")]
    pub state: String,
    /// Why it is in quarantine; null if it is not.
    #[schema(example = json!(null))]
    pub quarantine_reason: Option<String>,
    /// As VOD names it; null if no event is found in it.
    #[schema(example = "NewFileUpload")]
    pub event_type: Option<String>,
    /// `3.0`, `2.0` or `hybrid`.
    #[schema(example = "3.0")]
    pub format: Option<String>,
    /// The first file that it names.
    #[schema(example = "5285890784273533167")]
    pub file_id: Option<String>,
    /// How many files it names.
    #[schema(example = 1)]
    pub files: i32,
    /// The task that it tells of.
    #[schema(example = json!(null))]
    pub task_id: Option<String>,
    /// Why VOD itself contradicts it: `other_context` or `unknown_file`; null for nearly all.
    #[schema(example = json!(null))]
    pub refuted: Option<String>,
    /// How long the body is; null once it is blanked.
    #[schema(example = 1043)]
    pub body_bytes: Option<i32>,
}

/// Lists what arrived, newest first, repeated deliveries and those in quarantine included.
///
/// With `app`, `door` or `event_type`, and without `file_id` or `state=quarantined`, a page looks at 20,000 deliveries
/// at most: it may hold fewer than `limit`, none even, and go on all the same. The end is where `next_cursor` is null.
#[utoipa::path(
    tag = "deliveries",
    params(DeliveriesQuery),
    responses(
        (status = 200, description = "One page of deliveries", body = Page<Delivery>),
        AdminFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/deliveries")]
pub async fn list_deliveries(
    caller: Caller<Admin>,
    query: Params<DeliveriesQuery>,
    database: Data<Database>,
) -> Result<Json<Page<Delivery>>, Problem> {
    let filter = query.0?.validate(&caller)?;
    let mut connection = database.pool()?.acquire().await?;
    let horizon = match filter.is_sparse() {
        true => sql::horizon(&mut connection, &filter).await?,
        false => None,
    };
    let deliveries = sql::list(&mut connection, &filter, horizon).await?;
    let page = page::page(deliveries, filter.limit, |delivery| delivery.id);
    Ok(Json(page.looked_until(horizon.as_ref())))
}
