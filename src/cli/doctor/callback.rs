//! The push door from outside: is a SignKey required there, and is it our receiver that answers?

use std::error::Error;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

use super::address::bare_address;
use super::report::Outcome;
use super::text::Text;
use crate::config::App;
use crate::ops::random::Random;
use crate::receive::probe::{HEADER, Probe, Proof};

/// VOD waits so long (protocol.md section 2).
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// What every request of the doctor's carries, so that a proxy that mirrors notifications can leave samples out.
const SAMPLE_HEADER: HeaderName = HeaderName::from_static("vod-receiver-sample");

/// A client that is as patient as VOD, and follows no redirect: nothing says that VOD does.
pub fn http() -> Result<reqwest::Client, reqwest::Error> {
    let marked = HeaderMap::from_iter([(SAMPLE_HEADER, HeaderValue::from_static("doctor"))]);
    reqwest::Client::builder()
        .timeout(ANSWERED_WITHIN)
        .redirect(Policy::none())
        .default_headers(marked)
        .build()
}

/// Whether notifications have to be signed; whether VOD has the same key it does not tell.
pub fn sign_key(app: &App) -> Outcome {
    if app.sign_keys.is_empty() {
        return Outcome::failed(
            Text::new(
                "none is set: whoever learns the callback address can invent uploads",
                "没有设置：谁知道了回调地址，谁就能伪造上传",
            ),
            Text::new(
                "Make one (`openssl rand -hex 16`), set it as VOD_SIGN_KEY, restart the receiver, and run \
                 `vod-receiver doctor --fix`, which sets it at VOD",
                "生成一个（`openssl rand -hex 16`），设为 VOD_SIGN_KEY，重启接收服务，再运行 \
                 `vod-receiver doctor --fix` 在 VOD 上设置",
            ),
        );
    }
    Outcome::Ok(Text::new(
        "set here; VOD does not tell its own, --fix sets it there",
        "这里已设置；VOD 不透露它那边的值，--fix 会在 VOD 上设置",
    ))
}

/// Whether our receiver answers behind the public address. Neither the token nor a notification is sent.
pub async fn answers(app: &App, public_url: &str) -> Outcome {
    let at = bare_address(app, public_url);
    let probe = Probe::new(&Random::system());
    let asked = async {
        let request = http()?.get(&at).header(HEADER, probe.header(app));
        let answer = request.send().await?;
        let status = answer.status();
        // What is none of ours may be of any length, and is not read.
        let proof = match status {
            StatusCode::OK if answer.content_length().is_some_and(|length| length < 1_000) => {
                answer.json::<Proof>().await.ok()
            }
            _ => None,
        };
        Ok::<_, reqwest::Error>((status, proof))
    };
    match asked.await {
        Ok((_, Some(proof))) if probe.is_answered(app, &proof) => Outcome::Ok(Text::new(
            format!("this receiver answers at {at}"),
            format!("{at} 由本接收服务应答"),
        )),
        Ok((status, _)) => somebody_else(&at, status),
        Err(error) => nobody(&at, &error),
    }
}

fn nobody(at: &str, error: &reqwest::Error) -> Outcome {
    let why = cause(error);
    let is_late = error.is_timeout();
    let what = if is_late {
        Text::new(
            format!("{at} does not answer within 5 s, and VOD waits no longer"),
            format!("{at} 5 秒内没有应答，VOD 也只等 5 秒"),
        )
    } else {
        Text::new(
            format!("{at} does not answer: {why}"),
            format!("{at} 没有应答：{why}"),
        )
    };
    Outcome::failed(
        what,
        Text::new(
            "Start the receiver and the proxy, and look at DNS, firewall and the certificate (it needs the whole \
             chain); if only this machine cannot reach its own public address, run `doctor` from outside",
            "启动接收服务和反向代理，检查 DNS、防火墙和证书（证书链必须完整）；如果只是本机访问不了自己的公网地址，\
             请在外部机器上运行 `doctor`",
        ),
    )
}

/// The innermost cause, which names neither address nor token.
pub fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match std::ptr::eq(cause, std::ptr::from_ref(error)) {
        true => "the connection failed".to_owned(),
        false => cause.to_string(),
    }
}

fn somebody_else(at: &str, status: StatusCode) -> Outcome {
    let code = status.as_u16();
    let remedy = match code {
        300..=399 => Text::new(
            "Give VOD_RECEIVER_PUBLIC_URL the address that it redirects to: VOD is not known to follow",
            "把 VOD_RECEIVER_PUBLIC_URL 设为重定向之后的地址：没有资料说 VOD 会跟随重定向",
        ),
        401 => Text::new(
            "If it is a vod-receiver, it has another token or no such app: restart it after a change of its settings",
            "如果那里是 vod-receiver，它的 token 不同或没有这个应用：改过设置后要重启",
        ),
        502..=504 => Text::new(
            "The proxy does not reach the receiver: see that it runs, and where proxy_pass leads",
            "反向代理访问不到接收服务：看它是否在运行，proxy_pass 指向哪里",
        ),
        _ => Text::new(
            "Let the proxy pass everything below /callbacks/ to the receiver, whatever the method",
            "让反向代理把 /callbacks/ 以下的全部请求转给接收服务，不限方法",
        ),
    };
    Outcome::failed(
        Text::new(
            format!("at {at} somebody else answers (HTTP {code})"),
            format!("{at} 的应答者不是本接收服务（HTTP {code}）"),
        ),
        remedy,
    )
}
