//! One call: signed, sent, and tried again where that is safe and of use.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::DateTime;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use serde_json::{Map, Value};

use super::error::{ApiError, Transport};
use super::pace::{Action, Pace};
use super::{Credentials, MAX_ANSWER_BYTES, answer};
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::vod::tc3;

const SERVICE: &str = "vod";
const VERSION: &str = "2018-07-17";
const CONTENT_TYPE: &str = "application/json";
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The first pause before another attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What all calls of one app share.
pub(super) struct Caller {
    http: reqwest::Client,
    endpoint: Url,
    /// As it is sent and signed: with the port, unless it is the scheme's own.
    host: String,
    credentials: Credentials,
    sub_app_id: Option<u64>,
    clock: Clock,
    random: Random,
    pace: Pace,
    latest_ahead_s: Mutex<Option<i64>>,
}

impl Caller {
    pub(super) fn new(
        credentials: Credentials,
        endpoint: &str,
        sub_app_id: Option<u64>,
        clock: Clock,
        random: Random,
    ) -> Result<Self, ApiError> {
        let endpoint = Url::parse(endpoint)
            .ok()
            .filter(|url| ["http", "https"].contains(&url.scheme()) && url.path() == "/")
            .ok_or(ApiError::Setup(
                "the endpoint of VOD's API must be an http or https address without a path",
            ))?;
        let name = endpoint.host_str().unwrap_or_default();
        let host = match endpoint.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            // A signed request is for this host alone.
            .redirect(Policy::none())
            .build()
            .map_err(|_| {
                ApiError::Setup("this machine cannot speak TLS (no root certificates?)")
            })?;
        Ok(Self {
            http,
            endpoint,
            host,
            credentials,
            sub_app_id,
            clock,
            random,
            pace: Pace::default(),
            latest_ahead_s: Mutex::default(),
        })
    }

    /// The exact bytes of the object `Response`.
    pub(super) async fn call(
        &self,
        action: Action,
        mut asked: Map<String, Value>,
    ) -> Result<Bytes, ApiError> {
        if let Some(id) = self.sub_app_id {
            asked.insert("SubAppId".to_owned(), id.into());
        }
        let body = Bytes::from(Value::Object(asked).to_string());
        let mut attempt = 1;
        loop {
            self.pace.turn(action).await;
            match self.attempt(action, body.clone()).await {
                Err(error) if error.is_passing() && attempt < action.attempts() => {
                    tracing::debug!(action = action.name(), attempt, %error, "trying again");
                    tokio::time::sleep(self.pause(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn attempt(&self, action: Action, body: Bytes) -> Result<Bytes, ApiError> {
        let within = action.within();
        let exchange = async {
            let response = self
                .http
                .post(self.endpoint.clone())
                .headers(self.headers(action, &body)?)
                .body(body)
                .send()
                .await
                .map_err(|error| lost(&error, within))?;
            let status = response.status();
            let ahead_s = self.ahead_s(&response);
            *self.lock_ahead_s() = ahead_s;
            let body = read(response, within).await?;
            match answer::response(&body, ahead_s) {
                // VOD answers 200 whatever it says; anything else is somebody in between, unless it reads as VOD's.
                Err(ApiError::BadAnswer(_)) if !status.is_success() => {
                    Err(Transport::Status(status.as_u16()).into())
                }
                result => result,
            }
        };
        tokio::time::timeout(within, exchange)
            .await
            .map_err(|_| Transport::Timeout(within))?
    }

    fn headers(&self, action: Action, body: &[u8]) -> Result<HeaderMap, ApiError> {
        let timestamp = self.clock.now().timestamp();
        let signed = tc3::Request {
            timestamp,
            service: SERVICE,
            host: &self.host,
            content_type: CONTENT_TYPE,
            extra: &[],
            body,
        };
        let Credentials {
            secret_id,
            secret_key,
            token,
        } = &self.credentials;
        let authorization = signed.authorization(secret_id, secret_key.expose());
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, plain(&self.host)?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::AUTHORIZATION, secret(&authorization)?);
        headers.insert("X-TC-Action", HeaderValue::from_static(action.name()));
        headers.insert("X-TC-Version", HeaderValue::from_static(VERSION));
        headers.insert("X-TC-Timestamp", HeaderValue::from(timestamp));
        if let Some(token) = token {
            headers.insert("X-TC-Token", secret(token.expose())?);
        }
        Ok(headers)
    }

    /// Seconds that our clock is ahead of the one that made the answer.
    fn ahead_s(&self, response: &Response) -> Option<i64> {
        let date = response.headers().get(header::DATE)?.to_str().ok()?;
        let theirs = DateTime::parse_from_rfc2822(date).ok()?;
        Some(self.clock.now().timestamp() - theirs.timestamp())
    }

    /// The same for the latest answer.
    pub(super) fn latest_ahead_s(&self) -> Option<i64> {
        *self.lock_ahead_s()
    }

    fn lock_ahead_s(&self) -> MutexGuard<'_, Option<i64>> {
        self.latest_ahead_s
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Between half of the doubled pause and all of it, so that receivers which failed together do not return so.
    fn pause(&self, attempt: u32) -> Duration {
        let whole = FIRST_PAUSE * 2_u32.saturating_pow(attempt - 1);
        let share = f64::from(self.random.u32()) / f64::from(u32::MAX);
        whole.mul_f64(0.5 + share / 2.0)
    }
}

/// Reads an answer, up to what is more than VOD would send.
async fn read(mut response: Response, within: Duration) -> Result<Bytes, Transport> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| lost(&error, within))?
    {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Transport::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn lost(error: &reqwest::Error, within: Duration) -> Transport {
    if error.is_timeout() {
        Transport::Timeout(within)
    } else if error.is_connect() {
        Transport::Connect
    } else {
        Transport::CutOff
    }
}

fn plain(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text)
        .map_err(|_| ApiError::Setup("the key, its token or the endpoint fits no HTTP header"))
}

fn secret(text: &str) -> Result<HeaderValue, ApiError> {
    let mut value = plain(text)?;
    value.set_sensitive(true);
    Ok(value)
}
