//! `GET /v1/tickets/{ticket}`: what became of one permission, or waits until something does.

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::feed::{Feed, Seen, Woken};
use super::history::{self, Issue};
use super::shape::Upload;
use super::{changes, sql};
use crate::access::{Caller, Read};
use crate::http::params::Params;
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
    /// Who may upload by it; null once the user is erased.
    #[schema(example = "user-42")]
    pub user_id: Option<String>,
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
    pub user_id: Option<String>,
    pub context: Option<sqlx::types::Json<Box<RawValue>>>,
    pub created_at: DateTime<Utc>,
    pub last_expires_at: DateTime<Utc>,
}

/// For how long to wait, and for what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TicketQuery {
    /// For how many seconds to wait if what is waited for has not come yet: 0 to 60, 0 if left out.
    #[param(minimum = 0, maximum = 60, example = 30)]
    wait: Option<u16>,
    /// What is waited for; `recorded` if left out.
    #[serde(default)]
    #[param(inline, example = "recorded")]
    until: Until,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// An upload of the ticket is recorded.
    #[default]
    Recorded,
    /// And the processing of each has ended, well or badly, or there is none.
    Processed,
}

impl Until {
    fn is_met(self, uploads: &[Upload]) -> bool {
        let is_over = |upload: &Upload| {
            let is_running = matches!(upload.processing.as_str(), "waiting" | "processing");
            !is_running || upload.deleted_at.is_some()
        };
        !uploads.is_empty() && (self == Self::Recorded || uploads.iter().all(is_over))
    }
}

/// Shows a ticket with its signatures and uploads, at once or as soon as there is one.
///
/// What is waited for may not have come when the wait is over: then the answer is the ticket as it is.
#[utoipa::path(
    tag = "tickets",
    params(("ticket" = String, Path, description = "The ticket", example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE", pattern = "^vt_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"), TicketQuery),
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
    query: Params<TicketQuery>,
    database: Data<Database>,
    feed: Data<Feed>,
) -> Result<Json<Ticket>, Problem> {
    let TicketQuery { wait, until } = query.0?;
    let wait = changes::wait(wait)?;
    let id: TicketId = path
        .parse()
        .map_err(|rule: crate::ticket::NotATicket| Problem::field("ticket", rule.to_string()))?;
    if wait.is_zero() {
        return Ok(Json(read(&database, id, &caller).await?));
    }
    let deadline = Instant::now() + wait;
    // Taken before the ticket is read: what is committed after that wakes it.
    let mut place = feed.place(id)?;
    // Boxed, so that one who waits does not hold the memory of one who reads.
    let mut ticket = {
        let _turn = place.turn().await;
        Box::pin(read(&database, id, &caller)).await?
    };
    while !until.is_met(&ticket.uploads) {
        match place.wait_until(deadline).await {
            Woken::Told(seen) => ticket.show(&seen),
            Woken::Perhaps => {
                let _turn = place.turn().await;
                ticket = Box::pin(read(&database, id, &caller)).await?;
            }
            Woken::Over => break,
        }
    }
    Ok(Json(ticket))
}

impl Ticket {
    /// Takes over what was seen of it since.
    fn show(&mut self, seen: &Seen) {
        let own = seen.uploads.iter().filter(|upload| upload.app == self.app);
        self.uploads = own.cloned().collect();
        self.issues.clone_from(&seen.issues);
    }
}

/// A ticket as it is now.
async fn read(database: &Database, id: TicketId, caller: &Caller<Read>) -> Result<Ticket, Problem> {
    let mut connection = database.pool()?.acquire().await?;
    let not_found = || Problem::NotFound("no such ticket was issued here".to_owned());
    let row = sql::ticket(&mut connection, id)
        .await?
        .ok_or_else(not_found)?;
    caller.may_use(&row.app)?;
    let valid = row.created_at..row.last_expires_at;
    let issues = history::issues(&mut connection, id, &row.app, valid).await?;
    let uploads = sql::of_ticket(&mut connection, id, &row.app).await?;
    Ok(Ticket {
        ticket: id.to_string(),
        app: row.app,
        user_id: row.user_id,
        context: row.context,
        created_at: row.created_at,
        issues,
        uploads,
    })
}
