//! `GET /v1/uploads/live`: the feed as Server-Sent Events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderName;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{HttpRequest, HttpResponse, get};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;

use super::changes::{cursor, wanted};
use super::feed::{End, Feed, Follower, Told};
use crate::access::{Caller, Read};
use crate::http::params::Params;
use crate::http::problem::{Problem, ProblemBody, ReadFaults};
use crate::ops::metrics::{Metric, Metrics};

/// Where a client that was cut off tells what it had.
const LAST_EVENT_ID: &str = "Last-Event-ID";
/// Proxies that hear nothing mostly hang up after 60 s.
const SAY_SOMETHING_EVERY: Duration = Duration::from_secs(15);
/// A key may have been revoked since it was looked at.
const RENEW_AFTER: Duration = Duration::from_secs(60 * 60);
/// How many changes are written at a time.
const AT_ONCE: usize = 64;
/// After how many milliseconds a client comes again.
const RETRY_MS: u16 = 1_000;

/// Which changes are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LiveQuery {
    /// Any cursor of the feed; left out, it begins now. The header `Last-Event-ID` goes before it.
    #[param(example = "AQAAAAAAAAAq")]
    after: Option<String>,
    /// Only changes of this app.
    #[param(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    app: Option<String>,
    /// Only changes of uploads that are this user's, or were before the change.
    #[param(example = "user-42", min_length = 1, max_length = 256)]
    user_id: Option<String>,
}

/// Streams what happens to uploads, as it is committed.
///
/// Events `upload.recorded`, `upload.updated` and `upload.deleted`, each with a change as `GET /v1/uploads/changes` tells
/// it; their `id` is the cursor. A comment at least every 15 seconds, with an `id` too. The last event is `end`, whose data
/// is `{"reason"}`: `shutting_down` and `renew` (after an hour): come again; `too_slow`: you took it more slowly than it
/// came, come again; `gone`: what comes next is not kept any more, read the uploads anew.
#[utoipa::path(
    tag = "uploads",
    params(
        LiveQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was received: what came after it is told first", example = "AQAAAAAAAAAq"),
    ),
    responses(
        (status = 200, description = "Server-Sent Events, until either side ends it", body = String, content_type = "text/event-stream"),
        (status = 410, description = "What came after the cursor is not kept any more: read the uploads anew", body = ProblemBody, content_type = "application/problem+json"),
        ReadFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/uploads/live")]
pub async fn stream_changes(
    caller: Caller<Read>,
    query: Params<LiveQuery>,
    request: HttpRequest,
    feed: Data<Feed>,
    metrics: Data<Metrics>,
) -> Result<HttpResponse, Problem> {
    let query = query.0?;
    let wanted = wanted(&caller, query.app, query.user_id)?;
    let after = match last_event_id(&request)? {
        Some(id) => cursor(LAST_EVENT_ID, Some(id))?,
        None => cursor("after", query.after.as_deref())?,
    };
    let (mut follower, _) = feed.follow(wanted, after).await?;
    follower.stay()?;
    let live = Live {
        follower,
        metrics,
        state: State::Begins,
        renew_at: Instant::now() + RENEW_AFTER,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // nginx keeps back what it proxies until it has a page of it.
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(live.stream()))
}

/// What a client had, if it says so; an empty one says nothing.
fn last_event_id(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let Some(id) = request.headers().get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let id = id
        .to_str()
        .map_err(|_| Problem::field(LAST_EVENT_ID, "must be a cursor of this feed, unchanged"))?;
    Ok(Some(id).filter(|id| !id.is_empty()))
}

/// The body of an answer. It is asked for more only when the client has taken what there was.
struct Live {
    follower: Follower,
    metrics: Data<Metrics>,
    state: State,
    renew_at: Instant,
}

enum State {
    Begins,
    Goes,
    Ended,
}

impl Live {
    fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, async |mut live| {
            let chunk = live.chunk().await?;
            Some((Ok(chunk), live))
        })
    }

    /// What is written next; nothing after the end.
    async fn chunk(&mut self) -> Option<Bytes> {
        match self.state {
            State::Begins => {
                self.state = State::Goes;
                let id = self.follower.cursor();
                Some(format!("retry: {RETRY_MS}\nid: {id}\n\n").into())
            }
            State::Goes if Instant::now() >= self.renew_at => Some(self.end("renew")),
            State::Goes => {
                let until = Instant::now() + SAY_SOMETHING_EVERY;
                let next = timeout_at(until.min(self.renew_at), self.follower.next(AT_ONCE)).await;
                Some(match next {
                    Ok(Ok(told)) => frames(&told),
                    Ok(Err(end)) => self.end(reason(end)),
                    // An id without data is no event, but is what the client gives back.
                    Err(_) => format!(": still here\nid: {}\n\n", self.follower.cursor()).into(),
                })
            }
            State::Ended => None,
        }
    }

    fn end(&mut self, reason: &'static str) -> Bytes {
        self.state = State::Ended;
        self.metrics.count(Metric::FeedReadersEnded, &[reason], 1);
        format!("event: end\ndata: {{\"reason\":\"{reason}\"}}\n\n").into()
    }
}

fn reason(end: End) -> &'static str {
    match end {
        End::TooSlow => "too_slow",
        End::Gone => "gone",
        End::Stopping => "shutting_down",
    }
}

fn frames(told: &[Arc<Told>]) -> Bytes {
    if let [only] = told {
        return only.frame().clone();
    }
    let bytes = told.iter().map(|told| told.frame().len()).sum();
    let mut frames = BytesMut::with_capacity(bytes);
    for told in told {
        frames.extend_from_slice(told.frame());
    }
    frames.freeze()
}
