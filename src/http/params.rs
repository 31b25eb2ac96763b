//! Query parameters: strict, and their faults named.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::problem::Problem;

/// The query string as a `T`, which refuses unknown parameters.
///
/// What is wrong with it is for the handler to say: extractors run side by side, and who has no right
/// to ask is to be told that first.
pub struct Params<T>(pub Result<T, Problem>);

/// No parameters; any is refused by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(Ok(Self(parse(request.query_string()))))
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|fault| Problem::unreadable(&fault))
}

/// Reads an RFC 3339 time of a query parameter.
pub fn time<'de, D: Deserializer<'de>>(text: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = String::deserialize(text)?;
    // An unescaped `+` of an offset arrives as a space.
    match DateTime::parse_from_rfc3339(&text.replace(' ', "+")) {
        Ok(time) => Ok(Some(time.to_utc())),
        Err(_) => Err(serde::de::Error::custom(
            "must be an RFC 3339 time such as 2026-11-23T08:00:00Z",
        )),
    }
}
