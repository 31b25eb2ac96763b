//! Sessions: a browser shows an API key once, and holds a cookie in its place.
//!
//! A session opens what its key opens. It is looked up together with the key at each request, so that it ends with it.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{COOKIE, HOST, ORIGIN};
use chrono::{DateTime, TimeDelta, Utc};

use super::keys::KeyHash;
use super::{Identity, Keyring, sql};
use crate::config::Secret;
use crate::http::problem::Problem;

/// A working day.
const LASTS: TimeDelta = TimeDelta::hours(12);
/// Tells a cookie of ours from an API key, which it is not.
const PREFIX: &str = "vs_";
/// Over TLS: the name makes browsers see to it that no neighbour's site sets it.
const NAME: &str = "__Host-vod_receiver_session";
/// Without TLS, on a developer's machine, where browsers take no cookie of the other name.
const PLAIN_NAME: &str = "vod_receiver_session";
/// Where browsers tell by whose page a request was made.
const FETCH_SITE: &str = "Sec-Fetch-Site";

/// A session that was opened.
pub struct Session {
    pub identity: Identity,
    pub expires_at: DateTime<Utc>,
}

impl Keyring {
    /// Opens a session by a key; the secret is the cookie's, and told only now.
    ///
    /// # Errors
    ///
    /// [`Problem::Unauthenticated`] where no such key is in use.
    pub async fn sign_in(&self, key: &str) -> Result<(Secret, Session), Problem> {
        let hash = KeyHash::of(key);
        let identity = self.by_hash(&hash).await?;
        let token = self.random.key(PREFIX);
        let now = self.clock.now();
        let expires_at = now + LASTS;
        let mut connection = self.database.pool()?.acquire().await?;
        sql::open_session(
            &mut connection,
            &KeyHash::of(&token),
            &hash,
            now,
            expires_at,
        )
        .await?;
        let session = Session {
            identity,
            expires_at,
        };
        Ok((Secret::new(token), session))
    }

    /// The session of a request, if it has one that is not over.
    pub async fn session(&self, request: &HttpRequest) -> Result<Option<Session>, Problem> {
        let Some(token) = token(request) else {
            return Ok(None);
        };
        let mut connection = self.database.pool()?.acquire().await?;
        let held = sql::session(&mut connection, &KeyHash::of(&token), self.clock.now()).await?;
        drop(connection);
        let Some((key, expires_at)) = held else {
            return Ok(None);
        };
        match self.by_hash(&key).await {
            Ok(identity) => Ok(Some(Session {
                identity,
                expires_at,
            })),
            Err(Problem::Unauthenticated) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Ends the session of a request.
    pub async fn sign_out(&self, request: &HttpRequest) -> Result<(), Problem> {
        if let Some(token) = token(request) {
            let mut connection = self.database.pool()?.acquire().await?;
            sql::end_session(&mut connection, &KeyHash::of(&token)).await?;
        }
        Ok(())
    }
}

fn token(request: &HttpRequest) -> Option<String> {
    let cookies = header(request, COOKIE.as_str())?.split(';');
    let pairs: Vec<_> = cookies
        .filter_map(|pair| pair.trim().split_once('='))
        .collect();
    let named = |wanted| pairs.iter().find(|(name, _)| *name == wanted);
    let (_, value) = named(NAME).or_else(|| named(PLAIN_NAME))?;
    value.starts_with(PREFIX).then(|| (*value).to_owned())
}

/// The cookie of a session, as `Set-Cookie` wants it: only this site's own requests carry it, no script can read it.
pub fn cookie(request: &HttpRequest, token: &Secret) -> String {
    bake(request, token.expose(), LASTS.num_seconds())
}

/// A cookie that takes the session's away.
pub fn no_cookie(request: &HttpRequest) -> String {
    bake(request, "", 0)
}

fn bake(request: &HttpRequest, value: &str, seconds: i64) -> String {
    // A proxy may speak TLS for us; the browser tells which scheme it sees.
    let is_secure = header(request, ORIGIN.as_str()).is_some_and(|at| at.starts_with("https://"));
    let (name, secure) = match is_secure {
        true => (NAME, "; Secure"),
        false => (PLAIN_NAME, ""),
    };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

/// Refuses what another site's page makes a browser ask, where it would change something.
///
/// Browsers tell by whose page a request was made, in `Sec-Fetch-Site` over TLS and on the own machine, and always in
/// `Origin`. `SameSite` keeps the cookie from other sites already, but not from neighbours under the same domain.
pub fn from_our_page(request: &HttpRequest) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let is_ours = match header(request, FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => {
            let origin =
                header(request, ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, host)| header(request, HOST.as_str()) == Some(host))
        }
    };
    if is_ours {
        Ok(())
    } else {
        let rule =
            "a session changes things only from the page at this address; programs use an API key";
        Err(Problem::Forbidden(rule.to_owned()))
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
