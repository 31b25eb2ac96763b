//! The door of VOD's API: one address, the action in a header.

use std::time::Duration;

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, guard};
use serde_json::Value;

use super::faults::FaultKind;
use super::refusal::Refusal;
use super::seen::Seen;
use super::{Simulator, auth, config, media, parameters, queue, tasks, wire};

/// The version of VOD's API.
const VERSION: &str = "2018-07-17";
/// A clock that was moved wakes nobody: a pull that waits looks again so often.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// What a client may send (VOD: 10 MB for a signed body).
const BODY_LIMIT_BYTES: usize = 10 << 20;

/// `POST /`.
pub(super) fn routes(service: &mut web::ServiceConfig) {
    service
        .app_data(web::PayloadConfig::new(BODY_LIMIT_BYTES))
        .service(web::resource("/").guard(guard::Post()).to(answer));
}

async fn answer(request: HttpRequest, body: Bytes, simulator: Data<Simulator>) -> HttpResponse {
    let mut seen = Seen::new(&request, &body);
    let action = seen.header("x-tc-action").to_owned();
    let fault = simulator.meet(&action).await;
    let answered = match &fault {
        Some(FaultKind::HangUp) => Err(Refusal::new("HangUp", "")),
        Some(FaultKind::Status(_)) => Err(Refusal::new("Status", "")),
        Some(FaultKind::ErrorCode(code)) => Err(Refusal::new(code, "A scripted fault.")),
        Some(FaultKind::NullSet) => Ok(wire::without_sets(sets(&action), &Value::Null)),
        Some(FaultKind::EmptySet) => Ok(sets(&action).to_owned()),
        Some(FaultKind::UnknownMembers) => simulator
            .act(&action, &seen, &body)
            .await
            .map(|answer| wire::with_unknown_members(&answer)),
        _ => simulator.act(&action, &seen, &body).await,
    };
    seen.refused = answered.as_ref().err().map(|refusal| refusal.code.clone());
    simulator.state().seen.add(seen);

    let inner = &simulator.inner;
    let request_id = inner.random.uuid_v7(inner.clock.now()).to_string();
    let text = wire::envelope(answered, &request_id);
    wire::sent(fault.as_ref(), text, inner.clock.now())
}

/// An answer of this action in which every set is empty.
fn sets(action: &str) -> &'static str {
    match action {
        "PullEvents" => r#"{"EventSet":[]}"#,
        "SearchMedia" => r#"{"TotalCount":0,"MediaInfoSet":[]}"#,
        "DescribeMediaInfos" => r#"{"MediaInfoSet":[],"NotExistFileIdSet":[]}"#,
        "DescribeTasks" => r#"{"TaskSet":[],"ScrollToken":""}"#,
        _ => "{}",
    }
}

impl Simulator {
    /// Does what was asked; the answer is an object's text without the request's id.
    async fn act(&self, action: &str, seen: &Seen, body: &[u8]) -> Result<String, Refusal> {
        let now = self.inner.clock.now();
        auth::check(seen, body, &self.inner.settings, now)?;
        if seen.header("x-tc-version") != VERSION {
            return Err(Refusal::new("NoSuchVersion", "X-TC-Version is 2018-07-17."));
        }
        let app = self.for_sub_app(parameters::sub_app_id(body)?);
        match action {
            "PullEvents" => {
                parameters::read::<queue::Pull>(body)?;
                app.pull().await
            }
            "ConfirmEvents" => {
                let wanted: queue::Confirm = parameters::read(body)?;
                app.with(|app| app.queue.confirm(&wanted.event_handles, now))?;
                Ok("{}".to_owned())
            }
            "DescribeEventsState" => {
                parameters::read::<queue::Pull>(body)?;
                Ok(app.with(|app| queue::state(&app.queue, now)))
            }
            "SearchMedia" => {
                let wanted = parameters::read(body)?;
                app.with(|app| app.media.search(&wanted))
            }
            "DescribeMediaInfos" => {
                let wanted: media::Describe = parameters::read(body)?;
                app.with(|app| app.media.describe(&wanted))
            }
            "DescribeTaskDetail" => {
                let wanted: tasks::Describe = parameters::read(body)?;
                app.with(|app| app.tasks.describe(&wanted, now))
            }
            "DescribeTasks" => {
                let wanted: tasks::List = parameters::read(body)?;
                app.with(|app| app.tasks.list(&wanted, now))
            }
            "DescribeEventConfig" => {
                parameters::read::<config::Describe>(body)?;
                Ok(app.with(|app| app.config.describe()))
            }
            "ModifyEventConfig" => {
                let wanted = parameters::read(body)?;
                app.with(|app| app.config.modify(wanted))?;
                Ok("{}".to_owned())
            }
            "ApplyUpload" => app.apply_upload(parameters::read(body)?),
            "CommitUpload" => app.commit_server_upload(&parameters::read(body)?),
            unknown => Err(Refusal::new(
                "InvalidAction",
                format!("There is no action {unknown}."),
            )),
        }
    }

    /// What is there, or what comes within the long poll; then `ResourceNotFound`.
    async fn pull(&self) -> Result<String, Refusal> {
        let inner = &self.inner;
        let enough = tokio::time::sleep(inner.settings.long_poll);
        tokio::pin!(enough);
        loop {
            let arrived = inner.arrived.notified();
            let now = inner.clock.now();
            let visibility = inner.settings.visibility;
            let pulled = self.with(|app| app.queue.pull(now, visibility, &inner.random));
            if let Some(answer) = pulled {
                return Ok(answer);
            }
            tokio::select! {
                () = &mut enough => return Err(Refusal::not_found("There is no event.")),
                () = arrived => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}
