//! `GET /v1/uploads/changes`: the feed for those who poll.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use utoipa::{IntoParams, ToSchema};

use super::feed::{Change, Cursor, Feed, Told, Wanted};
use crate::access::{Caller, Read};
use crate::http::page;
use crate::http::params::Params;
use crate::http::problem::{Problem, ProblemBody, ReadFaults};
use crate::ticket::UserId;

/// Proxies mostly give up after 60 s.
pub const LONGEST_WAIT_S: u16 = 60;
/// For how long the log is looked through for a page; a user who has little among much is found page by page.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// Which changes are wanted, and for how long to wait for them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// The `next_cursor` of the answer before, or any `cursor` of a change; left out, it begins now.
    #[param(example = "AQAAAAAAAAAq")]
    after: Option<String>,
    /// For how many seconds to wait if there is nothing yet: 0 to 60, 0 if left out.
    #[param(minimum = 0, maximum = 60, example = 30)]
    wait: Option<u16>,
    /// 1 to 200, 50 if left out.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u16>,
    /// Only changes of this app.
    #[param(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    app: Option<String>,
    /// Only changes of uploads that are this user's, or were before the change.
    #[param(example = "user-42", min_length = 1, max_length = 256)]
    user_id: Option<String>,
}

/// What happened since, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Changes<'a> {
    #[schema(value_type = Vec<Change>)]
    items: Vec<&'a RawValue>,
    /// Give it back as `after`; the one that was given if nothing happened since. It moves over what is not wanted, so
    /// that it may be another although there are no items.
    #[schema(example = "AQAAAAAAAAAq")]
    next_cursor: String,
}

/// Tells what happened to uploads since, in the order of the commits; each change once, at whichever receiver.
#[utoipa::path(
    tag = "uploads",
    params(ChangesQuery),
    responses(
        (status = 200, description = "What happened since; empty if nothing did within the wait", body = Changes),
        (status = 410, description = "What came after the cursor is not kept any more: read the uploads anew", body = ProblemBody, content_type = "application/problem+json"),
        ReadFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/uploads/changes")]
pub async fn list_changes(
    caller: Caller<Read>,
    query: Params<ChangesQuery>,
    feed: Data<Feed>,
) -> Result<HttpResponse, Problem> {
    let query = query.0?;
    let wanted = wanted(&caller, query.app, query.user_id)?;
    let after = cursor("after", query.after.as_deref())?;
    let limit = page::limit(query.limit)?;
    let wait = wait(query.wait)?;
    let now = Instant::now();
    let (mut follower, is_behind) = feed.follow(wanted, after).await?;
    let mut told = Vec::new();
    if is_behind {
        told = follower.look(limit, now + LOOK_WITHIN).await?;
    }
    if told.is_empty() && !wait.is_zero() {
        follower.stay()?;
        // Whatever ends it, the cursor tells how far it came; what is gone is told when it is given back.
        if let Ok(Ok(found)) = timeout_at(now + wait, follower.next(limit)).await {
            told = found;
        }
    }
    let items = told.iter().map(|told| json(told)).collect();
    Ok(HttpResponse::Ok().json(Changes {
        items,
        next_cursor: follower.cursor().to_string(),
    }))
}

fn json(told: &Told) -> &RawValue {
    serde_json::from_slice(told.json()).unwrap_or(RawValue::NULL)
}

/// Which changes the caller may be told of those that it asks for.
pub fn wanted(
    caller: &Caller<Read>,
    app: Option<String>,
    user_id: Option<String>,
) -> Result<Wanted, Problem> {
    let apps = caller.narrow(app)?;
    if let Some(user_id) = &user_id {
        UserId::parse(user_id).map_err(|rule| Problem::field("user_id", rule.to_string()))?;
    }
    Ok(Wanted { apps, user_id })
}

/// Reads a cursor of a parameter or header.
pub fn cursor(name: &str, text: Option<&str>) -> Result<Option<Cursor>, Problem> {
    text.map(str::parse)
        .transpose()
        .map_err(|rule: super::feed::NotACursor| Problem::field(name, rule.to_string()))
}

/// Reads for how long to wait.
pub fn wait(seconds: Option<u16>) -> Result<Duration, Problem> {
    match seconds.unwrap_or(0) {
        seconds @ 0..=LONGEST_WAIT_S => Ok(Duration::from_secs(seconds.into())),
        _ => Err(Problem::field(
            "wait",
            format!("must be between 0 and {LONGEST_WAIT_S} seconds"),
        )),
    }
}
