//! What VOD's API tells: whether it answers, by which clock, whether it knows the key, and how events are told.

use std::time::Duration;

use super::address::{bare_address, callback_addresses, shown};
use super::report::{Check, Outcome, Section};
use super::text::Text;
use crate::config::{App, Events, Secret};
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::vod::client::{ApiError, Client, EventConfig, NotificationMode, Transport};

/// What its attempts take in all but a bad moment.
const API_WITHIN: Duration = Duration::from_secs(10);
/// A clock that is kept by NTP is not so far off; at 300 s VOD refuses every signature (protocol.md section 5).
const MOST_SKEW_S: u64 = 60;

/// VOD's answer to how the app's events are told.
pub struct Asked {
    pub config: Result<EventConfig, ApiError>,
    /// Seconds that our clock is ahead of VOD's.
    ahead_s: Option<i64>,
}

/// Asks VOD how the app's events are told.
pub async fn ask(app: &App) -> Asked {
    let client = match Client::for_app(app, Clock::system(), Random::system()) {
        Ok(client) => client,
        Err(error) => {
            return Asked {
                config: Err(error),
                ahead_s: None,
            };
        }
    };
    let asked = tokio::time::timeout(API_WITHIN, client.describe_event_config()).await;
    Asked {
        config: asked.unwrap_or_else(|_| Err(Transport::Timeout(API_WITHIN).into())),
        ahead_s: client.clock_ahead_s(),
    }
}

/// How VOD is to tell an app's events.
pub fn wanted_mode(app: &App) -> NotificationMode {
    match app.events {
        Events::Push => NotificationMode::Push,
        Events::Pull => NotificationMode::Pull,
    }
}

/// Judges API, clock and key by the answer.
pub fn judge_access(app: &App, asked: &Asked, section: &mut Section) {
    let error = asked.config.as_ref().err();
    if let Some(error) = error.filter(|error| did_not_answer(error)) {
        section.add(Check::Api, no_answer(app, error));
        section.add(Check::Clock, Outcome::Skipped(Check::Api));
        section.add(Check::Credentials, Outcome::Skipped(Check::Api));
        return;
    }
    let endpoint = &app.api_endpoint;
    section.add(
        Check::Api,
        Outcome::Ok(Text::new(
            format!("{endpoint} answers"),
            format!("{endpoint} 有响应"),
        )),
    );
    let refused_for_it = matches!(error, Some(ApiError::ClockSkew { .. }));
    section.add(Check::Clock, clock(asked.ahead_s, refused_for_it));
    let credentials = match error {
        Some(ApiError::ClockSkew { .. }) => Outcome::Skipped(Check::Clock),
        Some(error) => refused(app, error),
        None => Outcome::Ok(Text::new(
            format!("VOD accepts {}", app.secret_id),
            format!("VOD 接受 {}", app.secret_id),
        )),
    };
    section.add(Check::Credentials, credentials);
}

/// Judges how VOD tells the app's events; where it was not told, because of what.
pub fn judge_settings(app: &App, asked: &Asked, public_url: Option<&str>, section: &mut Section) {
    let pushes = app.events == Events::Push;
    let Ok(config) = &asked.config else {
        let access = [Check::Api, Check::Clock, Check::Credentials];
        let because = section.stops(&access).unwrap_or(Check::Api);
        section.add(Check::Mode, Outcome::Skipped(because));
        section.add(Check::Switches, Outcome::Skipped(because));
        if pushes {
            section.add(Check::Address, Outcome::Skipped(because));
        }
        return;
    };
    section.add(Check::Mode, mode(app, config.mode));
    section.add(Check::Switches, switches(config));
    if pushes {
        let outcome = match public_url {
            Some(public_url) => address(app, public_url, config.notification_url.as_deref()),
            None => Outcome::Skipped(Check::PublicUrl),
        };
        section.add(Check::Address, outcome);
    }
}

/// Whether the answer says nothing about clock and key.
fn did_not_answer(error: &ApiError) -> bool {
    match error {
        ApiError::Transport(_)
        | ApiError::BadAnswer(_)
        | ApiError::Setup(_)
        | ApiError::Internal { .. }
        | ApiError::RateLimited { .. }
        | ApiError::TooMany { .. } => true,
        ApiError::Unauthentic { .. }
        | ApiError::ClockSkew { .. }
        | ApiError::NotFound { .. }
        | ApiError::Invalid { .. }
        | ApiError::Other { .. } => false,
    }
}

fn no_answer(app: &App, error: &ApiError) -> Outcome {
    let endpoint = &app.api_endpoint;
    let zh = match error {
        ApiError::Transport(Transport::Connect) => "连接不上（域名、网络或 TLS）".to_owned(),
        ApiError::Transport(Transport::Timeout(within)) => {
            format!("{} 秒内没有响应", within.as_secs())
        }
        ApiError::Transport(Transport::CutOff) => "连接中断".to_owned(),
        ApiError::Transport(Transport::Status(status)) => format!("响应的 HTTP 状态是 {status}"),
        ApiError::Internal { code } => format!("VOD 内部错误（{code}）"),
        ApiError::RateLimited { code } => format!("VOD 要求减少每秒的调用次数（{code}）"),
        _ => format!("响应不是 VOD 的：{error}"),
    };
    Outcome::failed(
        Text::new(format!("{endpoint}: {error}"), format!("{endpoint}：{zh}")),
        Text::new(
            "Let this machine reach it (DNS, firewall, outgoing proxy); VOD_API_ENDPOINT names it, and the \
             international site's is https://vod.intl.tencentcloudapi.com",
            "让本机能访问它（DNS、防火墙、出口代理）；地址由 VOD_API_ENDPOINT 设置，国际站是 \
             https://vod.intl.tencentcloudapi.com",
        ),
    )
}

fn clock(ahead_s: Option<i64>, refused_for_it: bool) -> Outcome {
    let off_s = ahead_s.map_or(0, i64::unsigned_abs);
    if !refused_for_it && off_s <= MOST_SKEW_S {
        return Outcome::Ok(match ahead_s {
            Some(_) => Text::new(
                format!("{off_s} s from VOD's"),
                format!("与 VOD 相差 {off_s} 秒"),
            ),
            None => Text::new(
                "within 5 minutes of VOD's, or it would refuse signatures",
                "与 VOD 相差不到 5 分钟，否则签名会被拒绝",
            ),
        });
    }
    let what = match ahead_s {
        Some(s) if s < 0 => Text::new(
            format!("this machine's clock is {off_s} s behind VOD's"),
            format!("本机时钟比 VOD 慢 {off_s} 秒"),
        ),
        Some(_) => Text::new(
            format!("this machine's clock is {off_s} s ahead of VOD's"),
            format!("本机时钟比 VOD 快 {off_s} 秒"),
        ),
        None => Text::new(
            "this machine's clock and VOD's are more than 5 minutes apart",
            "本机时钟与 VOD 相差超过 5 分钟",
        ),
    };
    let remedy = Text::new(
        "Set the clock by NTP (chrony, systemd-timesyncd); VOD refuses signatures beyond 5 minutes, whatever the key",
        "用 NTP（chrony、systemd-timesyncd）校准时钟；相差超过 5 分钟，密钥再对 VOD 也拒绝签名",
    );
    Outcome::failed(what, remedy)
}

/// VOD answered, and does not let this key ask.
fn refused(app: &App, error: &ApiError) -> Outcome {
    let secret_id = &app.secret_id;
    let (what, remedy) = match error {
        ApiError::Unauthentic { code } if code.contains("SecretIdNotFound") => (
            Text::new(
                format!("VOD does not know the SecretId {secret_id} ({code})"),
                format!("VOD 不认识 SecretId {secret_id}（{code}）"),
            ),
            Text::new(
                "Correct VOD_SECRET_ID; the key may have been deleted or disabled in the console (API keys)",
                "更正 VOD_SECRET_ID；该密钥可能已在控制台（API 密钥管理）中删除或禁用",
            ),
        ),
        ApiError::Unauthentic { code } if code.contains("Token") => (
            Text::new(
                format!("VOD does not accept the token of the temporary key ({code})"),
                format!("VOD 不接受临时密钥的 token（{code}）"),
            ),
            Text::new(
                "Renew the temporary key: VOD_SECRET_ID, VOD_SECRET_KEY and VOD_SECRET_TOKEN go together",
                "换新的临时密钥：VOD_SECRET_ID、VOD_SECRET_KEY、VOD_SECRET_TOKEN 必须配套",
            ),
        ),
        ApiError::Unauthentic { code } => (
            Text::new(
                format!("VOD does not accept the SecretKey for {secret_id} ({code})"),
                format!("{secret_id} 的 SecretKey 不对，VOD 不接受（{code}）"),
            ),
            Text::new(
                "Correct VOD_SECRET_KEY: it belongs to that SecretId; every upload signature is wrong with it too",
                "更正 VOD_SECRET_KEY，它必须与该 SecretId 配套；用错的密钥，签发的上传签名也全是错的",
            ),
        ),
        other => (
            Text::new(
                format!("the key is right, but {other}"),
                format!("密钥没错，但 VOD 拒绝：{other}"),
            ),
            Text::new(
                "Allow the key vod:DescribeEventConfig (and vod:ModifyEventConfig for --fix), correct VOD_SUB_APP_ID \
                 (accounts since 2023-12-25 need it), and see that VOD is opened for the account",
                "给该密钥授权 vod:DescribeEventConfig（--fix 还要 vod:ModifyEventConfig），更正 \
                 VOD_SUB_APP_ID（2023-12-25 以后开通的账号必填），并确认账号已开通点播",
            ),
        ),
    };
    Outcome::failed(what, remedy)
}

fn mode(app: &App, at_vod: Option<NotificationMode>) -> Outcome {
    let (wanted, ours) = (
        wanted_mode(app),
        match app.events {
            Events::Push => "push",
            Events::Pull => "pull",
        },
    );
    let told = at_vod.map_or("-", NotificationMode::as_str);
    if at_vod == Some(wanted) {
        return Outcome::Ok(Text::same(told));
    }
    Outcome::failed(
        Text::new(
            format!("VOD has {told}, and VOD_EVENTS is {ours} here"),
            format!("VOD 上是 {told}，而这里 VOD_EVENTS 是 {ours}"),
        ),
        Text::new(
            format!(
                "`vod-receiver doctor --fix` sets {} at VOD",
                wanted.as_str()
            ),
            format!(
                "`vod-receiver doctor --fix` 会在 VOD 上设为 {}",
                wanted.as_str()
            ),
        ),
    )
}

fn switches(config: &EventConfig) -> Outcome {
    let all = [
        (
            config.upload_media_complete,
            (
                "uploads (UploadMediaComplete)",
                "上传完成（UploadMediaComplete）",
            ),
        ),
        (
            config.delete_media_complete,
            (
                "deletions (DeleteMediaComplete)",
                "媒体删除（DeleteMediaComplete）",
            ),
        ),
    ];
    let off: Vec<(&str, &str)> = all
        .into_iter()
        .filter(|(on, _)| !on)
        .map(|(_, name)| name)
        .collect();
    if off.is_empty() {
        return Outcome::Ok(Text::new(
            "uploads and deletions are told",
            "上传完成、媒体删除都会通知",
        ));
    }
    let (en, zh): (Vec<&str>, Vec<&str>) = off.into_iter().unzip();
    Outcome::failed(
        Text::new(
            format!("VOD does not tell of {}: OFF", en.join(" and ")),
            format!("VOD 不通知{}：OFF", zh.join("、")),
        ),
        Text::new(
            "`vod-receiver doctor --fix` switches it on; in the console: callback settings, 视频上传完成回调",
            "`vod-receiver doctor --fix` 会打开；或在控制台“回调设置”中勾选“视频上传完成回调”等",
        ),
    )
}

fn address(app: &App, public_url: &str, at_vod: Option<&str>) -> Outcome {
    let ours = callback_addresses(app, public_url);
    let Some(at_vod) = at_vod.filter(|url| !url.is_empty()) else {
        return Outcome::failed(
            Text::new("VOD has no callback address", "VOD 上没有设置回调地址"),
            Text::new(
                "`vod-receiver doctor --fix` sets it at VOD",
                "`vod-receiver doctor --fix` 会在 VOD 上设置",
            ),
        );
    };
    if ours.iter().any(|ours| ours.matches(at_vod)) {
        return Outcome::Ok(Text::same(shown(at_vod)));
    }
    let bare = bare_address(app, public_url);
    let is_ours_but_for_the_token = at_vod
        .strip_prefix(&bare)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if is_ours_but_for_the_token {
        return Outcome::failed(
            Text::new(
                format!("VOD calls {bare} with another token than the one here"),
                format!("VOD 调用的是 {bare}，但 token 与这里的不同"),
            ),
            Text::new(
                "`vod-receiver doctor --fix` sets ours at VOD",
                "`vod-receiver doctor --fix` 会在 VOD 上设为这里的 token",
            ),
        );
    }
    let (theirs, ours) = (shown(at_vod), ours.first().map(Secret::expose));
    let ours = shown(ours.unwrap_or_default());
    Outcome::failed(
        Text::new(
            format!("VOD calls {theirs}, not {ours}"),
            format!("VOD 调用的是 {theirs}，不是 {ours}"),
        ),
        Text::new(
            "`vod-receiver doctor --fix` sets ours at VOD; whoever is called now is called no more then: \
             docs/setup.md tells how to move in beside them",
            "`vod-receiver doctor --fix` 会在 VOD 上设为本服务的地址；原地址从此不再收到通知：与原有回调并存的办法见 \
             docs/setup.zh-CN.md",
        ),
    )
}
