//! A JSON body of the app's backend: bounded, strict, and its faults named by field.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// No request of `/v1` needs more (design section 4).
pub const V1_LIMIT_BYTES: usize = 64 * 1024;

/// A backend sends 64 KiB in less than a second; who takes longer than this holds a connection for nothing.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// A JSON object of at most 64 KiB; unknown fields are for `T` to refuse.
///
/// What is wrong with it is for the handler to say: extractors run side by side, and who has no right
/// to ask is to be told that first.
pub struct JsonBody<T>(pub Result<T, Problem>);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Infallible>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
        let payload = Payload::from_request(request, payload);
        Box::pin(async move {
            if !is_json {
                return Ok(Self(Err(Problem::UnsupportedMediaType)));
            }
            let bytes = read(payload.await, V1_LIMIT_BYTES).await;
            Ok(Self(bytes.and_then(|bytes| parse(&bytes))))
        })
    }
}

/// Reads a body of at most so many bytes, within 10 s.
pub async fn read(
    payload: Result<Payload, actix_web::Error>,
    limit_bytes: usize,
) -> Result<Bytes, Problem> {
    let late = |_| Problem::InvalidRequest("the body took too long to arrive".to_owned());
    tokio::time::timeout(READ_WITHIN, read_all(payload, limit_bytes))
        .await
        .map_err(late)?
}

async fn read_all(
    payload: Result<Payload, actix_web::Error>,
    limit_bytes: usize,
) -> Result<Bytes, Problem> {
    let cut_off = |_| Problem::InvalidRequest("the body ended before it was complete".to_owned());
    let mut payload =
        payload.map_err(|_| Problem::InvalidRequest("the body cannot be read".to_owned()))?;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(cut_off)?;
        if bytes.len() + chunk.len() > limit_bytes {
            return Err(Problem::PayloadTooLarge { limit_bytes });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// Parses a JSON object; the fault names the field in which it was met.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Serde would also take the fields of a struct from an array, in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::InvalidRequest(
            "the body must be a JSON object".to_owned(),
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value =
        serde_path_to_error::deserialize(&mut json).map_err(|fault| Problem::unreadable(&fault))?;
    json.end()
        .map_err(|fault| Problem::InvalidRequest(fault.to_string()))?;
    Ok(value)
}
