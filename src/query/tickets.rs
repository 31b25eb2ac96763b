//! `GET /v1/tickets/{ticket}`: what became of one permission.

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::history::Issue;
use super::shape::Upload;
use super::sql;
use crate::access::{Caller, Read};
use crate::http::params::{NoQuery, Params};
use crate::http::problem::{Problem, ProblemBody, ReadFaults};
use crate::ops::database::Database;
use crate::ticket::Ticket as TicketId;

/// One upload intent of one user, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ticket {
    /// The ticket, as it is written everywhere.
    #[schema(example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    pub ticket: String,
    /// The app that it is for.
    #[schema(example = "main")]
    pub app: String,
    /// Who may upload by it.
    #[schema(example = "user-42")]
    pub user_id: String,
    /// What the backend attached to it.
    #[schema(value_type = Option<serde_json::Value>, example = json!({"order": 7}))]
    pub context: Option<sqlx::types::Json<Box<RawValue>>>,
    /// When its first signature was given out.
    pub created_at: DateTime<Utc>,
    /// Its signatures, oldest first.
    pub issues: Vec<Issue>,
    /// Its uploads, oldest first; more than one if a signature was used again.
    pub uploads: Vec<Upload>,
}

/// A ticket as it is stored.
pub struct TicketRow {
    pub app: String,
    pub user_id: String,
    pub context: Option<sqlx::types::Json<Box<RawValue>>>,
    pub created_at: DateTime<Utc>,
}

/// Shows a ticket with its signatures and uploads.
#[utoipa::path(
    tag = "tickets",
    params(("ticket" = String, Path, description = "The ticket", example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE", pattern = "^vt_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$")),
    responses(
        (status = 200, description = "The ticket", body = Ticket),
        (status = 404, description = "No such ticket was issued", body = ProblemBody, content_type = "application/problem+json"),
        ReadFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/tickets/{ticket}")]
pub async fn read_ticket(
    caller: Caller<Read>,
    path: Path<String>,
    query: Params<NoQuery>,
    database: Data<Database>,
) -> Result<Json<Ticket>, Problem> {
    let NoQuery {} = query.0?;
    let id: TicketId = path
        .parse()
        .map_err(|rule: crate::ticket::NotATicket| Problem::field("ticket", rule.to_string()))?;
    let mut connection = database.pool()?.acquire().await?;
    let not_found = || Problem::NotFound("no such ticket was issued here".to_owned());
    let row = sql::ticket(&mut connection, id)
        .await?
        .ok_or_else(not_found)?;
    caller.may_use(&row.app)?;
    let issues = sql::issues(&mut connection, id, &row.app).await?;
    let uploads = sql::of_ticket(&mut connection, id, &row.app).await?;
    Ok(Json(Ticket {
        ticket: id.to_string(),
        app: row.app,
        user_id: row.user_id,
        context: row.context,
        created_at: row.created_at,
        issues,
        uploads,
    }))
}
