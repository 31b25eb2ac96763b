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
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ticket::{NotATicket, RESUMED_WITHIN, Ticket, UserId};

/// Which lines of the log are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Whose: exactly this user id.
    #[param(example = "user-42", min_length = 1, max_length = 256)]
    user_id: Option<String>,
    /// Only this app; without it every app of the key.
    #[param(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    app: Option<String>,
    /// The ticket.
    #[param(
        example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE",
        pattern = "^vt_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"
    )]
    ticket: Option<String>,
    /// Whether its ticket has an upload.
    #[param(example = true)]
    used: Option<bool>,
    /// What became of its ticket.
    #[param(inline, example = "pending")]
    outcome: Option<Outcome>,
    /// Issued at or after.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-23T08:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Issued before.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-24T08:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// 1 to 200, 50 if left out.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What became of a ticket.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has an upload.
    Used,
    /// It has none, and one may come: a signature is valid, or expired less than a day ago.
    Pending,
    /// It has none, and none will come.
    NeverUsed,
}

/// The same, checked.
pub struct LogFilter {
    pub apps: Option<Vec<String>>,
    pub user_id: Option<UserId>,
    pub ticket: Option<Ticket>,
    pub used: Option<bool>,
    /// A ticket without an upload is pending if its last signature expires after that; else it is never used.
    pub pending: Option<(bool, DateTime<Utc>)>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub after: Option<Uuid>,
}

impl LogFilter {
    /// Whether it asks for what no index tells, so that any number of signatures may have to be passed over.
    pub fn is_sparse(&self) -> bool {
        let has_no_index = self.used.is_some() || self.apps.is_some() && self.user_id.is_none();
        has_no_index && self.ticket.is_none()
    }
}

/// One signature in the log: every parameter of it, never the signature itself.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct LogLine {
    /// The signature, in the log.
    #[sqlx(rename = "id")]
    pub issue_id: Uuid,
    /// The ticket that it is for.
    #[sqlx(try_from = "Uuid")]
    #[schema(value_type = String, example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    #[serde(serialize_with = "super::as_text")]
    pub ticket: Ticket,
    /// The app that it is for.
    #[schema(example = "main")]
    pub app: String,
    /// Who may upload by it; null once the user is erased.
    #[schema(example = "user-42")]
    pub user_id: Option<String>,
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
    /// The class at VOD that the file gets.
    #[schema(example = json!(null))]
    pub class_id: Option<i32>,
    /// How urgent its processing is.
    #[schema(example = json!(null))]
    pub task_priority: Option<i16>,
    /// When VOD tells of its processing.
    #[schema(example = json!(null))]
    pub task_notify_mode: Option<String>,
    /// Where VOD is to keep the file.
    #[schema(example = json!(null))]
    pub storage_region: Option<String>,
    /// The SubAppId that it was signed for.
    #[schema(example = json!(null))]
    pub sub_app_id: Option<i64>,
    /// Which of VOD's keys signed it; an id, not a secret.
    #[schema(example = "AKIDexample")]
    pub secret_id: String,
    /// The signature's nonce.
    #[schema(example = 1284137812)]
    pub random: i64,
    /// Name of the API key that asked for it.
    #[schema(example = "backend")]
    pub issued_to: String,
    /// Whether its ticket has an upload.
    #[schema(example = true)]
    pub used: bool,
}

/// Lists the signatures given out, newest first.
///
/// With `used`, `outcome`, or `app` without `user_id`, and without `ticket`, a page looks at 20,000 signatures at most: it
/// may hold fewer than `limit`, none even, and go on all the same. The end is where `next_cursor` is null.
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
    clock: Data<Clock>,
) -> Result<Json<Page<LogLine>>, Problem> {
    let query = query.0?;
    let limit = page::limit(query.limit)?;
    let resumed_since = clock.now() - RESUMED_WITHIN;
    let (used, pending) = match query.outcome {
        None => (query.used, None),
        Some(_) if query.used.is_some() => {
            let rule = "says what `used` says, and more: ask for one of them";
            return Err(Problem::field("outcome", rule));
        }
        Some(Outcome::Used) => (Some(true), None),
        Some(Outcome::Pending) => (Some(false), Some((true, resumed_since))),
        Some(Outcome::NeverUsed) => (Some(false), Some((false, resumed_since))),
    };
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
        used,
        pending,
        from: query.from,
        // What was given out later may still be used.
        to: match query.outcome {
            Some(Outcome::NeverUsed) => {
                Some(query.to.map_or(resumed_since, |to| to.min(resumed_since)))
            }
            _ => query.to,
        },
        after: page::position(query.cursor.as_deref())?,
    };
    let mut connection = database.pool()?.acquire().await?;
    if !filter.is_sparse() {
        let lines = sql::list(&mut connection, &filter, limit).await?;
        return Ok(Json(page::page(lines, limit, |line| line.issue_id)));
    }
    let mut snapshot = Database::snapshot(&mut connection).await?;
    let lines = sql::list(&mut snapshot, &filter, limit).await?;
    let horizon = match lines.len() > limit {
        true => None,
        false => sql::horizon(&mut snapshot, &filter).await?,
    };
    snapshot.commit().await?;
    let page = page::page(lines, limit, |line| line.issue_id);
    Ok(Json(page.looked_until(horizon.as_ref())))
}
