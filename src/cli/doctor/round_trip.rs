//! One sample upload on the whole way: permission, notification, verdict, and its deletion.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::address::callback_addresses;
use super::callback::{cause, http};
use super::report::Outcome;
use super::text::Text;
use crate::attribute::Resolvers;
use crate::config::{App, Events, Secret};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::random::Random;
use crate::query::{self, Upload};
use crate::record::replay::{Replay, deliveries_of};
use crate::sign::{self, SignatureRequest};
use crate::ticket::Ticket;
use crate::vod::sample::{self, SampleUpload};

/// Whose the sample is: no user of anybody's.
pub const SAMPLE_USER: &str = "vod-receiver-doctor";
const SAMPLE_NAME: &str = "vod-receiver doctor: a sample, no file";
/// The app id that Tencent's own samples show.
const SAMPLE_SUB_APP_ID: u64 = 1_256_768_367;
/// What a receiver spooled while Postgres was away for a moment comes within this.
const RECORDED_WITHIN: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What went wrong, and what to do.
type Fault = (Text, Text);

/// Plays one sample: pushed through the public address, or where events are pulled, recorded as one from the queue
/// would be.
///
/// It stays in the database, since what was delivered is kept: a ticket, a signature, two deliveries, and an upload
/// of [`SAMPLE_USER`] that is marked as deleted. Its file id begins with 00, which none of VOD's does.
pub async fn play(app: &App, public_url: Option<&str>, database: &Database) -> Outcome {
    match try_play(app, public_url, database).await {
        Ok(()) => Outcome::Ok(Text::new(
            format!(
                "a sample upload was signed for, told and attributed; it stays as a deleted upload of {SAMPLE_USER}"
            ),
            format!("样例上传已签发、通知并识别出用户；它作为 {SAMPLE_USER} 的已删除上传留在库中"),
        )),
        Err((what, remedy)) => Outcome::failed(what, remedy),
    }
}

async fn try_play(app: &App, public_url: Option<&str>, database: &Database) -> Result<(), Fault> {
    let (clock, random) = (Clock::system(), Random::system());
    let ticket = permission(app, database, &clock, &random).await?;
    let sample = SampleUpload {
        file_id: format!("00{:018}", random.u64() % 1_000_000_000_000_000_000),
        name: SAMPLE_NAME.to_owned(),
        source_context: ticket.to_string(),
        session_context: String::new(),
        procedure_task_id: String::new(),
        sub_app_id: app.sub_app_id.unwrap_or(SAMPLE_SUB_APP_ID),
        at: clock.now(),
    };
    let door = match (app.events, public_url) {
        (Events::Push, Some(public_url)) => SampleDoor::Push(public_url),
        _ => SampleDoor::Database(database),
    };
    door.take(app, sample.new_file_upload(), &clock, &random)
        .await?;
    let seen = wait_for(database, ticket, app, |upload| {
        upload.user_id.as_deref() == Some(SAMPLE_USER) && upload.attribution.method == "ticket"
    });
    seen.await
        .map_err(|fault| fault.into_fault("attributed", "识别出用户"))?;
    door.take(app, sample.file_deleted(), &clock, &random)
        .await?;
    let seen = wait_for(database, ticket, app, |upload| upload.deleted_at.is_some());
    seen.await
        .map_err(|fault| fault.into_fault("marked as deleted", "标记为已删除"))
}

/// Opens a ticket for the sample's user, as `POST /v1/signatures` does.
async fn permission(
    app: &App,
    database: &Database,
    clock: &Clock,
    random: &Random,
) -> Result<Ticket, Fault> {
    let request = SignatureRequest {
        user_id: SAMPLE_USER.to_owned(),
        ..SignatureRequest::default()
    };
    let issued = async {
        let permission = request.validate()?;
        sign::issue_alone(app, permission, database, clock, random).await
    };
    issued.await.map(|issued| issued.ticket).map_err(|problem| {
        (
            Text::new(
                format!("no signature could be logged: {problem}"),
                format!("签名无法记入日志：{problem}"),
            ),
            database_remedy(),
        )
    })
}

/// Where a sample goes in.
enum SampleDoor<'a> {
    /// Posted, as VOD does.
    Push(&'a str),
    /// Through the writer that records what was pulled: nobody but VOD can put an event into its queue.
    Database(&'a Database),
}

impl SampleDoor<'_> {
    async fn take(
        &self,
        app: &App,
        event: Value,
        clock: &Clock,
        random: &Random,
    ) -> Result<(), Fault> {
        match self {
            Self::Push(public_url) => push(app, public_url, event, clock).await,
            Self::Database(database) => {
                let resolvers = Resolvers::of(std::slice::from_ref(app));
                let mut replay =
                    Replay::new(database, clock.clone(), random.clone(), resolvers, false);
                let body = event.to_string().into();
                let deliveries = deliveries_of(&body, &app.name, clock.now(), random);
                let ran = replay.run(deliveries).await;
                replay.close().await;
                ran.map(drop).map_err(|fault| {
                    (
                        Text::new(
                            format!("the sample could not be recorded: {fault}"),
                            format!("样例无法记录：{fault}"),
                        ),
                        database_remedy(),
                    )
                })
            }
        }
    }
}

async fn push(app: &App, public_url: &str, event: Value, clock: &Clock) -> Result<(), Fault> {
    let body = match app.sign_keys.first().map(Secret::expose) {
        Some(key) => sample::signed(event, key, clock.now().timestamp()),
        None => event,
    };
    let addresses = callback_addresses(app, public_url);
    let address = addresses.first().map(Secret::expose).unwrap_or_default();
    let sent = async {
        let request = http()?.post(address).json(&body);
        request.send().await
    };
    let answer = sent.await.map_err(|error| {
        let why = cause(&error);
        (
            Text::new(
                format!("the sample notification was not answered: {why}"),
                format!("样例通知没有得到应答：{why}"),
            ),
            Text::new(
                "Look at the proxy's and the receiver's log: it took a question at that address, but no notification",
                "查看反向代理和接收服务的日志：该地址能应答询问，却不接收通知",
            ),
        )
    })?;
    let status = answer.status().as_u16();
    if status == 200 {
        return Ok(());
    }
    let remedy = match status {
        401 => Text::new(
            "The receiver that runs has another token or SignKey: restart it after a change of its settings",
            "正在运行的接收服务的 token 或 SignKey 与这里不同：改过设置后要重启",
        ),
        _ => Text::new(
            "Let the proxy pass POST with up to 8 MiB below /callbacks/, and look at the receiver's log",
            "让反向代理放行 /callbacks/ 以下最大 8 MiB 的 POST，并查看接收服务的日志",
        ),
    };
    Err((
        Text::new(
            format!("the sample notification was answered with HTTP {status}"),
            format!("样例通知得到的应答是 HTTP {status}"),
        ),
        remedy,
    ))
}

/// Why the sample is not seen.
enum Unseen {
    Late,
    Unread(String),
}

impl Unseen {
    fn into_fault(self, en: &str, zh: &str) -> Fault {
        match self {
            Self::Late => (
                Text::new(
                    format!("the sample was taken, but is not {en} in this database after 5 s"),
                    format!("样例已被接收，但 5 秒后在这个库里仍未{zh}"),
                ),
                Text::new(
                    "See that the receiver has the same DATABASE_URL, and whether its /readyz tells of a spool",
                    "确认接收服务用的是同一个 DATABASE_URL，并看它的 /readyz 是否有暂存",
                ),
            ),
            Self::Unread(error) => (
                Text::new(
                    format!("the sample cannot be read back: {error}"),
                    format!("样例无法读回：{error}"),
                ),
                database_remedy(),
            ),
        }
    }
}

/// Waits until the ticket's upload is as it should be.
async fn wait_for(
    database: &Database,
    ticket: Ticket,
    app: &App,
    is_so: impl Fn(&Upload) -> bool,
) -> Result<(), Unseen> {
    let unread = |error: sqlx::Error| Unseen::Unread(error.to_string());
    let mut connection = database.unmigrated().acquire().await.map_err(unread)?;
    let until = Instant::now() + RECORDED_WITHIN;
    loop {
        let uploads = query::uploads_of_ticket(&mut connection, ticket, app.name.as_str()).await;
        if uploads.map_err(unread)?.iter().any(&is_so) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(Unseen::Late);
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn database_remedy() -> Text {
    Text::new(
        "Look at Postgres's log: it is reached and current, but did not take this",
        "查看 Postgres 的日志：它可以连接、结构也是最新，却没有接受这一步",
    )
}
