//! `/session`: the page signs in with an API key, and out.

use actix_web::http::header::SET_COOKIE;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Keyring;
use crate::access::session::{Session, cookie, from_our_page, no_cookie};
use crate::config::Config;
use crate::http::body::JsonBody;
use crate::http::params::{NoQuery, Params};
use crate::http::problem::{BodyFaults, Problem, ProblemBody};

/// What a browser signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// An API key. Its hash is looked up; it is kept nowhere.
    #[schema(example = "vk_0123456789abcdefghijABCDEFGHIJ0123456789abc")]
    key: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedIn {
    /// The key's name.
    #[schema(example = "support")]
    name: String,
    /// What the key opens: `sign`, `read`, `admin`.
    #[schema(example = json!(["read"]))]
    scopes: Vec<String>,
    /// The apps of which it may be told.
    #[schema(example = json!(["main"]))]
    apps: Vec<String>,
    /// When it is over; earlier if the key is revoked.
    expires_at: DateTime<Utc>,
}

impl SignedIn {
    fn of(session: Session, config: &Config) -> Self {
        let configured = config.apps.iter().map(|app| app.name.to_string());
        let identity = session.identity;
        Self {
            apps: identity.apps.unwrap_or_else(|| configured.collect()),
            name: identity.name,
            scopes: identity.scopes,
            expires_at: session.expires_at,
        }
    }
}

/// Signs a browser in: the cookie opens on `/v1` what the key does, for 12 hours or until the key is revoked.
///
/// Only for the page itself: a request that a browser makes for another site's page is refused.
#[utoipa::path(
    tag = "session",
    request_body = SignIn,
    responses(
        (status = 201, description = "Signed in; the cookie is `HttpOnly` and `SameSite=Strict`", body = SignedIn, headers(
            ("Set-Cookie" = String, description = "The session"),
        )),
        (status = 400, description = "The body cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "No such key is in use", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Asked from another site's page, or by no browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = ProblemBody, content_type = "application/problem+json"),
        BodyFaults,
    ),
)]
#[post("/session")]
pub async fn sign_in(
    request: HttpRequest,
    query: Params<NoQuery>,
    body: JsonBody<SignIn>,
    keyring: Data<Keyring>,
    config: Data<Config>,
) -> Result<HttpResponse, Problem> {
    from_our_page(&request)?;
    let NoQuery {} = query.0?;
    let SignIn { key } = body.0?;
    let (token, session) = keyring.sign_in(key.trim()).await?;
    Ok(HttpResponse::Created()
        .insert_header((SET_COOKIE, cookie(&request, &token)))
        .json(SignedIn::of(session, &config)))
}

/// Tells who is signed in.
#[utoipa::path(
    tag = "session",
    responses(
        (status = 200, description = "Whose session it is", body = SignedIn),
        (status = 204, description = "Nobody is signed in"),
        (status = 400, description = "There are no parameters", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[get("/session")]
pub async fn who(
    request: HttpRequest,
    query: Params<NoQuery>,
    keyring: Data<Keyring>,
    config: Data<Config>,
) -> Result<HttpResponse, Problem> {
    let NoQuery {} = query.0?;
    let session = keyring.session(&request).await?;
    Ok(match session {
        Some(session) => HttpResponse::Ok().json(SignedIn::of(session, &config)),
        None => HttpResponse::NoContent().finish(),
    })
}

/// Signs a browser out.
#[utoipa::path(
    tag = "session",
    responses(
        (status = 204, description = "Nobody is signed in any more"),
        (status = 400, description = "There are no parameters", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Asked from another site's page, or by no browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The database is out of reach", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[delete("/session")]
pub async fn sign_out(
    request: HttpRequest,
    query: Params<NoQuery>,
    keyring: Data<Keyring>,
) -> Result<HttpResponse, Problem> {
    from_our_page(&request)?;
    let NoQuery {} = query.0?;
    keyring.sign_out(&request).await?;
    Ok(HttpResponse::NoContent()
        .insert_header((SET_COOKIE, no_cookie(&request)))
        .finish())
}
