//! `POST /callbacks/{app}`: VOD's push door.

use std::time::Duration;

use actix_web::web::{Bytes, BytesMut, Data, Json, Path, Payload};
use actix_web::{HttpRequest, post};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{DoorAnswers, Receipt, TurnedAway, Unanswered};
use super::authentic::{CalledApp, Refused};
use super::hold::Hold;
use super::quarantine::UnsignedQuota;
use crate::config::{AppName, Config};
use crate::http::problem::Problem;
use crate::ops::clock::Clock;
use crate::ops::metrics::Metrics;
use crate::ops::random::Random;
use crate::record::{Delivery, Door, Outcome, Quarantine, Recorder};
use crate::vod::notification::{self, Fault, Notification};

/// VOD documents no limit; its events hold a few KiB, a full PullEvents answer some hundred.
pub const LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// VOD gives up after 5 s (protocol.md section 2); who sends slower than this is somebody else.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// Reading this much takes a millisecond; more is read aside, so that others are served meanwhile.
const READ_HERE_BYTES: usize = 256 * 1024;

/// What the door stands on.
struct Doorway<'a> {
    request: &'a HttpRequest,
    config: &'a Config,
    recorder: &'a Recorder,
    hold: &'a Hold,
    quota: &'a UnsignedQuota,
    clock: &'a Clock,
    random: &'a Random,
}

/// Takes a notification of VOD for an app without a callback token.
#[utoipa::path(
    tag = "callbacks",
    params(("app" = String, Path, description = "Name of the app", example = "main")),
    request_body(
        content = serde_json::Value,
        description = "A notification in format 3.0 or 2.0; any Content-Type",
        example = json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": ["5285890784273533167"]}}),
    ),
    responses(
        DoorAnswers,
    ),
)]
#[post("/callbacks/{app}")]
pub async fn receive(
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<Json<Receipt>, Problem> {
    through_the_door(&request, &path.into_inner(), None, payload).await
}

/// Takes a notification of VOD for an app with a callback token.
#[utoipa::path(
    tag = "callbacks",
    params(
        ("app" = String, Path, description = "Name of the app", example = "main"),
        ("token" = String, Path, description = "The app's callback token", example = "vc_0123456789abcdefghijklmn"),
    ),
    request_body(
        content = serde_json::Value,
        description = "A notification in format 3.0 or 2.0; any Content-Type",
        example = json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": ["5285890784273533167"]}}),
    ),
    responses(
        DoorAnswers,
    ),
)]
#[post("/callbacks/{app}/{token}")]
pub async fn receive_with_token(
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<Json<Receipt>, Problem> {
    let (app, token) = path.into_inner();
    through_the_door(&request, &app, Some(&token), payload).await
}

async fn through_the_door(
    request: &HttpRequest,
    app: &str,
    token: Option<&str>,
    payload: Payload,
) -> Result<Json<Receipt>, Problem> {
    let unanswered = Unanswered::new(part::<Metrics>(request)?);
    let answer = admit(request, app, token, payload).await;
    unanswered.answered(&answer);
    Ok(Json(answer?))
}

async fn admit(
    request: &HttpRequest,
    app: &str,
    token: Option<&str>,
    payload: Payload,
) -> Result<Receipt, TurnedAway> {
    let doorway = Doorway {
        request,
        config: part::<Config>(request)?,
        recorder: part::<Recorder>(request)?,
        hold: part::<Hold>(request)?,
        quota: part::<UnsignedQuota>(request)?,
        clock: part::<Clock>(request)?,
        random: part::<Random>(request)?,
    };
    let called = CalledApp::find(doorway.config, app, token)?;
    let (body, _budget) = doorway.read(payload).await?;
    doorway.take(&called, body).await
}

fn part<T: 'static>(request: &HttpRequest) -> Result<&T, Problem> {
    request
        .app_data::<Data<T>>()
        .map(|data| data.get_ref())
        .ok_or(Problem::Internal)
}

/// Reads a body as a notification.
async fn open(body: Bytes) -> Result<Result<Notification, Fault>, Problem> {
    if body.len() <= READ_HERE_BYTES {
        return Ok(notification::read(&body));
    }
    let aside = actix_web::web::block(move || notification::read(&body));
    aside.await.map_err(|_| Problem::Unavailable)
}

impl Doorway<'_> {
    /// Reads the body within the budget that all bodies in flight share, and within the time that
    /// VOD itself would wait.
    async fn read(&self, payload: Payload) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), Problem> {
        let late = |_| Problem::InvalidRequest("the body took too long to arrive".to_owned());
        tokio::time::timeout(READ_WITHIN, self.read_all(payload))
            .await
            .map_err(late)?
    }

    async fn read_all(
        &self,
        mut payload: Payload,
    ) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), Problem> {
        let mut body = BytesMut::new();
        let mut budget = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| {
                Problem::InvalidRequest("the body ended before it was complete".to_owned())
            })?;
            if body.len() + chunk.len() > LIMIT_BYTES {
                return Err(Problem::PayloadTooLarge {
                    limit_bytes: LIMIT_BYTES,
                });
            }
            budget.push(
                self.hold
                    .body_bytes(chunk.len())
                    .ok_or(Problem::Unavailable)?,
            );
            body.extend_from_slice(&chunk);
        }
        Ok((body.freeze(), budget))
    }

    /// Authenticates a body, makes deliveries of it, and answers once they are durable.
    async fn take(&self, called: &CalledApp<'_>, body: Bytes) -> Result<Receipt, TurnedAway> {
        let received_at = self.clock.now();
        let read = open(body.clone()).await?;
        let signed = called.check_sign(self.request, read.as_ref().ok(), received_at.timestamp());
        if let Err(refused) = signed {
            return self.refuse(called, body, refused, received_at).await;
        }
        let app = &called.app.name;
        let deliveries = match read {
            Ok(notification) => self.split(app, &body, notification, received_at),
            Err(fault) => {
                vec![self.delivery(app, body, Err(Quarantine(fault.code().into())), received_at)]
            }
        };
        let faults: Vec<_> = deliveries
            .iter()
            .filter_map(|delivery| delivery.said.as_ref().err())
            .collect();
        let nothing_in_it = (faults.len() == deliveries.len()).then(|| faults[0].0.clone());
        let outcomes = self.record(deliveries).await?;
        match nothing_in_it {
            Some(fault) => Err(TurnedAway::Quarantined(fault.into_owned())),
            None => Ok(Receipt::of(&outcomes)),
        }
    }

    /// Keeps what a token vouches for although its `Sign` is not right: where VOD puts it is not documented.
    async fn refuse(
        &self,
        called: &CalledApp<'_>,
        body: Bytes,
        refused: Refused,
        received_at: DateTime<Utc>,
    ) -> Result<Receipt, TurnedAway> {
        let app = &called.app.name;
        if called.has_token() && self.quota.take(app.as_str(), received_at) {
            self.record(vec![self.delivery(
                app,
                body,
                Err(Quarantine(refused.0.into())),
                received_at,
            )])
            .await?;
        }
        Err(refused.into())
    }

    /// One delivery an event: a pasted PullEvents answer holds many.
    fn split(
        &self,
        app: &AppName,
        body: &Bytes,
        read: Notification,
        received_at: DateTime<Utc>,
    ) -> Vec<Delivery> {
        read.items
            .into_iter()
            .map(|item| {
                let said = item.event.map_err(|fault| Quarantine(fault.code().into()));
                self.delivery(app, body.slice(item.range), said, received_at)
            })
            .collect()
    }

    fn delivery(
        &self,
        app: &AppName,
        body: Bytes,
        said: Result<crate::vod::event::Event, Quarantine>,
        received_at: DateTime<Utc>,
    ) -> Delivery {
        Delivery {
            id: self.random.uuid_v7(received_at),
            app: app.clone(),
            door: Door::Push,
            received_at,
            body,
            said,
        }
    }

    /// Records deliveries; ends only when all of them are durable, or VOD has given up.
    async fn record(&self, deliveries: Vec<Delivery>) -> Result<Vec<Outcome>, Problem> {
        self.hold.until_durable(self.recorder, deliveries).await
    }
}
