//! A JSON body of the app's backend: bounded, strict, and its faults named by field.

use std::future::Future;
use std::pin::Pin;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// No request of `/v1` needs more (design section 4).
pub const V1_LIMIT_BYTES: usize = 64 * 1024;

/// A JSON body of at most 64 KiB; unknown fields are for `T` to refuse.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

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
                return Err(Problem::UnsupportedMediaType);
            }
            let bytes = read(payload.await, V1_LIMIT_BYTES).await?;
            parse(&bytes).map(Self)
        })
    }
}

/// Reads a body of at most so many bytes.
pub async fn read(
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

/// Parses JSON; the fault names the field in which it was met.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|fault| {
        let field = fault.path().to_string();
        let rule = fault.inner().to_string();
        if field == "." {
            Problem::InvalidRequest(rule)
        } else {
            Problem::field(field, format!("is not valid: {rule}"))
        }
    })?;
    json.end()
        .map_err(|fault| Problem::InvalidRequest(fault.to_string()))?;
    Ok(value)
}
