//! Query parameters: strict, and their faults named.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::problem::Problem;

/// The query string as a `T`, which refuses unknown parameters.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|fault| {
        let parameter = fault.path().to_string();
        let rule = fault.inner().to_string();
        if parameter == "." {
            Problem::InvalidRequest(rule)
        } else {
            Problem::field(parameter, format!("is not valid: {rule}"))
        }
    })
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
