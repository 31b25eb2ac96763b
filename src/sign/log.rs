//! `GET /v1/signatures`: the log of permissions.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::sql;
use crate::access::{Caller, Read};
use crate::http::page::{self, Page};
use crate::http::params::{self, Params};
use crate::http::problem::{Problem, ReadFaults};
use crate::ops::database::Database;
use crate::ticket::{NotATicket, Ticket, UserId};

/// Which lines of the log are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    user_id: Option<String>,
    app: Option<String>,
    ticket: Option<String>,
    /// Whether its ticket has an upload.
    used: Option<bool>,
    /// Issued at or after.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>)]
    from: Option<DateTime<Utc>>,
    /// Issued before.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>)]
    to: Option<DateTime<Utc>>,
    /// 1 to 200, 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The same, checked.
pub struct LogFilter {
    pub apps: Option<Vec<String>>,
    pub user_id: Option<UserId>,
    pub ticket: Option<Ticket>,
    pub used: Option<bool>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub after: Option<Uuid>,
}

/// One signature in the log: every parameter of it, never the signature itself.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct LogLine {
    #[sqlx(rename = "id")]
    pub issue_id: Uuid,
    #[sqlx(try_from = "Uuid")]
    #[schema(value_type = String, example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    #[serde(serialize_with = "super::as_text")]
    pub ticket: Ticket,
    pub app: String,
    pub user_id: String,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub one_time: bool,
    pub procedure: Option<String>,
    pub class_id: Option<i32>,
    pub task_priority: Option<i16>,
    pub task_notify_mode: Option<String>,
    pub storage_region: Option<String>,
    pub sub_app_id: Option<i64>,
    /// Which of VOD's keys signed it; an id, not a secret.
    pub secret_id: String,
    /// The signature's nonce.
    pub random: i64,
    /// Name of the API key that asked for it.
    pub issued_to: String,
    /// Whether its ticket has an upload.
    pub used: bool,
}

/// Lists the signatures given out, newest first.
#[utoipa::path(
    tag = "signatures",
    params(LogQuery),
    responses(
        (status = 200, description = "One page of the log", body = Page<LogLine>),
        ReadFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/signatures")]
pub async fn list_signatures(
    caller: Caller<Read>,
    query: Params<LogQuery>,
    database: Data<Database>,
) -> Result<Json<Page<LogLine>>, Problem> {
    let query = query.0?;
    let limit = page::limit(query.limit)?;
    let filter = LogFilter {
        apps: caller.narrow(query.app)?,
        ticket: query
            .ticket
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|rule: NotATicket| Problem::field("ticket", rule.to_string()))?,
        user_id: query
            .user_id
            .as_deref()
            .map(UserId::parse)
            .transpose()
            .map_err(|rule| Problem::field("user_id", rule.to_string()))?,
        used: query.used,
        from: query.from,
        to: query.to,
        after: page::position(query.cursor.as_deref())?,
    };
    let mut connection = database.pool()?.acquire().await?;
    let lines = sql::list(&mut connection, &filter, limit).await?;
    Ok(Json(page::page(lines, limit, |line| line.issue_id)))
}
