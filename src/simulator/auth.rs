//! Whether a request is signed as VOD wants it (protocol.md section 5).

use chrono::{DateTime, Utc};

use super::SimulatorSettings;
use super::refusal::Refusal;
use super::seen::Seen;
use crate::vod::tc3;

/// How far the client's clock may be off, either way.
const SKEW_SECONDS: u64 = 300;
/// What a signature has to cover.
const SIGNED: [&str; 2] = ["content-type", "host"];

/// Checks who asks, in VOD's order: the key, the time, the signature.
///
/// # Errors
///
/// The codes of `AuthFailure`; `MissingParameter` without a time.
pub(super) fn check(
    seen: &Seen,
    body: &[u8],
    settings: &SimulatorSettings,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let authorization = tc3::Authorization::parse(seen.header("authorization"))
        .filter(|named| SIGNED.iter().all(|name| covers(named, name)))
        .ok_or_else(|| failure("InvalidAuthorization", "Authorization is not of TC3."))?;
    if authorization.secret_id != settings.secret_id {
        return Err(failure("SecretIdNotFound", "The SecretId is not found."));
    }
    let timestamp: i64 = seen.header("x-tc-timestamp").parse().map_err(|_| {
        let sentence = "X-TC-Timestamp is Unix seconds.";
        Refusal::new("MissingParameter", sentence)
    })?;
    if now.timestamp().abs_diff(timestamp) > SKEW_SECONDS {
        let sentence = "X-TC-Timestamp is more than 5 minutes off.";
        return Err(failure("SignatureExpire", sentence));
    }
    let token = seen.header("x-tc-token");
    let is_right = settings
        .token
        .as_ref()
        .map_or(token.is_empty(), |right| right.matches(token));
    if !is_right {
        return Err(failure(
            "TokenFailure",
            "X-TC-Token is not of this SecretId.",
        ));
    }
    let extra: Vec<(&str, &str)> = authorization
        .signed_headers
        .iter()
        .filter(|name| !SIGNED.contains(&name.as_str()))
        .map(|name| (name.as_str(), seen.header(name)))
        .collect();
    let request = tc3::Request {
        timestamp,
        service: "vod",
        host: seen.header("host"),
        content_type: seen.header("content-type"),
        extra: &extra,
        body,
    };
    if authorization.is_of(&request, settings.secret_key.expose()) {
        Ok(())
    } else {
        Err(failure(
            "SignatureFailure",
            "The signature is not of this request.",
        ))
    }
}

fn covers(authorization: &tc3::Authorization, name: &str) -> bool {
    let mut signed = authorization.signed_headers.iter();
    signed.any(|header| header == name)
}

fn failure(kind: &str, sentence: &str) -> Refusal {
    Refusal::new(format!("AuthFailure.{kind}"), sentence)
}
