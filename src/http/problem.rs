//! How a fault is told: RFC 9457 `application/problem+json` with a stable `code`.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ops::database::{self, Fault, Unavailable};

/// Long enough for a failover of Postgres to be over.
const RETRY_AFTER_SECONDS: &str = "5";

/// Everything that a route may answer instead of what was asked.
///
/// The client's mistakes are told in words; ours are a fixed sentence, the cause is in the log.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A field or parameter breaks its rule.
    #[error("`{field}` {rule}")]
    InvalidField { field: String, rule: String },
    /// The request as a whole cannot be read.
    #[error("{0}")]
    InvalidRequest(String),
    /// No key, or none that we know.
    #[error(
        "this route wants `Authorization: Bearer <api key>` with a key that is known, not revoked and not expired"
    )]
    Unauthenticated,
    /// A callback that does not authenticate: nothing is told.
    #[error("not authenticated")]
    CallbackUnauthenticated,
    #[error("{0}")]
    Forbidden(String),
    #[error("{0}")]
    NotFound(String),
    /// `allow` is the value of the header `Allow`, which goes with this status.
    #[error("this address does not take that method; it takes {allow}")]
    MethodNotAllowed { allow: String },
    #[error("{0}")]
    Conflict(String),
    /// It was there once, and never will be again.
    #[error("{0}")]
    Gone(String),
    #[error("the body is larger than {limit_bytes} bytes")]
    PayloadTooLarge { limit_bytes: usize },
    #[error("the body must be `application/json`")]
    UnsupportedMediaType,
    /// A dependency is down: it may work later.
    #[error("the service cannot take this now; try again later")]
    Unavailable,
    /// A bug.
    #[error("something went wrong on our side")]
    Internal,
}

/// A fault as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// Always `about:blank`: `code` tells what happened.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The HTTP status in words.
    #[schema(example = "Bad Request")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// What happened, for programs; stable.
    #[schema(example = "invalid_request")]
    code: &'static str,
    /// What happened, for people.
    #[schema(example = "`expires_in` must be between 1 and 7776000")]
    detail: String,
    /// The field or parameter that is at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "expires_in")]
    field: Option<String>,
}

/// What every question behind a key may be answered instead; for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
pub enum ReadFaults {
    /// A parameter breaks its rule, or is unknown
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// No key that is known
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemBody),
    /// The key lacks scope `read`, or is not bound to the app
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// A bug; the log tells of it under the answer's `X-Request-Id`
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemBody),
    /// The database is out of reach
    #[response(status = 503, content_type = "application/problem+json", headers(
        ("Retry-After" = u32, description = "Seconds to wait"),
    ))]
    Unavailable(ProblemBody),
}

/// The same of what only a key with scope `admin` opens; for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
pub enum AdminFaults {
    /// A field or parameter breaks its rule, or is unknown
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// No key that is known
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemBody),
    /// The key lacks scope `admin`, or is not bound to the app
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// A bug; the log tells of it under the answer's `X-Request-Id`
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemBody),
    /// The database is out of reach
    #[response(status = 503, content_type = "application/problem+json", headers(
        ("Retry-After" = u32, description = "Seconds to wait"),
    ))]
    Unavailable(ProblemBody),
}

/// What a body may be answered besides; for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
pub enum BodyFaults {
    /// The body is larger than 64 KiB
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// The body is not `application/json`
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(ProblemBody),
}

impl Problem {
    /// Nothing is given out for a user who is erased, and nothing recorded.
    pub fn user_erased() -> Self {
        Self::Gone(
            "this user is erased; `vod-receiver erase --lift` lets the user in again".to_owned(),
        )
    }

    /// A field or parameter that breaks its rule: `rule` completes the sentence "`field` ...".
    pub fn field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::InvalidField {
            field: field.into(),
            rule: rule.into(),
        }
    }

    /// What serde could not read, at the field or parameter in which it was met.
    pub fn unreadable<E: std::fmt::Display>(fault: &serde_path_to_error::Error<E>) -> Self {
        let field = fault.path().to_string();
        let said = fault.inner().to_string();
        let unknown = said.strip_prefix("unknown field `");
        if let Some((name, rest)) = unknown.and_then(|rest| rest.split_once("`, ")) {
            let at = if field == "." { name } else { &field };
            return Self::field(at, format!("is not known here; {rest}"));
        }
        if field != "." {
            return Self::field(field, format!("is not valid: {said}"));
        }
        // Serde tells of these only in words, which it has never changed.
        for (words, rule) in [
            ("missing field `", "is missing"),
            ("duplicate field `", "is given twice"),
        ] {
            let named = said
                .strip_prefix(words)
                .and_then(|rest| rest.split_once('`'));
            if let Some((field, _)) = named {
                return Self::field(field, rule);
            }
        }
        Self::InvalidRequest(said)
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidField { .. } | Self::InvalidRequest(_) => "invalid_request",
            Self::Unauthenticated | Self::CallbackUnauthenticated => "unauthenticated",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::Conflict(_) => "conflict",
            Self::Gone(_) => "gone",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::InvalidField { .. } | Self::InvalidRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::CallbackUnauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Gone(_) => StatusCode::GONE,
            Self::PayloadTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        match self {
            Self::Unavailable => {
                response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
            }
            // Every refused caller is hung up on. The server itself does so where a body was left
            // unread; on some refusals only, that would tell whether app and token are right.
            Self::CallbackUnauthenticated => {
                response.force_close();
            }
            Self::MethodNotAllowed { allow } => {
                response.insert_header((ALLOW, allow.as_str()));
            }
            Self::Unauthenticated => {
                response.insert_header((WWW_AUTHENTICATE, "Bearer"));
            }
            _ => {}
        }
        let field = match self {
            Self::InvalidField { field, .. } => Some(field.clone()),
            _ => None,
        };
        let body = ProblemBody {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or(""),
            status: status.as_u16(),
            code: self.code(),
            detail: self.to_string(),
            field,
        };
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl From<Unavailable> for Problem {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl From<sqlx::Error> for Problem {
    /// Out of reach is told as such; an error that Postgres answered to a question of ours is a bug.
    fn from(error: sqlx::Error) -> Self {
        let problem = match database::classify(&error) {
            Fault::Unavailable | Fault::Contended if !is_our_mistake(&error) => Self::Unavailable,
            _ => Self::Internal,
        };
        tracing::error!(
            error = &error as &dyn std::error::Error,
            code = problem.code(),
            "a request failed"
        );
        problem
    }
}

/// Wrong SQL (class 42), or a row that does not decode.
fn is_our_mistake(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("42")),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::RowNotFound => {
            true
        }
        _ => false,
    }
}
