//! Whether a notification is VOD's (protocol.md section 2; design section 4).

use actix_web::HttpRequest;

use crate::config::{App, Config, Secret};
use crate::http::problem::Problem;
use crate::vod::callback_sign::CallbackSign;
use crate::vod::event::Format;
use crate::vod::notification::Notification;

/// An app whose callback address was called with its token, if it has one: before a byte of the body
/// is read.
pub struct CalledApp<'a> {
    pub app: &'a App,
}

impl<'a> CalledApp<'a> {
    /// Finds the app; an unknown app and a wrong or missing token are told alike.
    pub fn find(config: &'a Config, app: &str, token: Option<&str>) -> Result<Self, Refused> {
        let app = config.app(app).ok_or(Refused("unknown_app"))?;
        if !app.takes_pushes() {
            return Err(Refused("events_are_pulled"));
        }
        match token {
            _ if app.callback_tokens.is_empty() => {}
            None => return Err(Refused("token_missing")),
            Some(token) if is_one_of(&app.callback_tokens, token) => {}
            Some(_) => return Err(Refused("token_wrong")),
        }
        Ok(Self { app })
    }

    /// Whether a token vouches for the caller, so that a body without a right `Sign` is worth keeping.
    pub fn has_token(&self) -> bool {
        !self.app.callback_tokens.is_empty()
    }

    /// Checks `Sign` and `T` where the app has a SignKey. They are looked for in the body, then in the
    /// query, then in headers, since where VOD puts them is not documented.
    pub fn check_sign(
        &self,
        request: &HttpRequest,
        body: Option<&Notification>,
        now_unix: i64,
    ) -> Result<(), Refused> {
        if self.app.sign_keys.is_empty() {
            return Ok(());
        }
        let found = body
            .and_then(|body| body.sign.clone())
            .or_else(|| outside_the_body(request));
        let Some(sign) = found else {
            // Format 2.0 is not documented to be signed.
            let is_v2 = body.is_some_and(|body| {
                body.items.iter().all(|item| {
                    item.event
                        .as_ref()
                        .is_ok_and(|event| event.format == Format::V2)
                })
            });
            let passes = is_v2 && self.app.unsigned_v2 && self.has_token();
            return if passes {
                Ok(())
            } else {
                Err(Refused("sign_missing"))
            };
        };
        let keys: Vec<&str> = self.app.sign_keys.iter().map(Secret::expose).collect();
        sign.check(&keys, now_unix)
            .map_err(|refusal| Refused(refusal.code()))
    }
}

/// Why a callback was turned away: a code for the log and the quarantine, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub &'static str);

impl From<Refused> for Problem {
    fn from(Refused(reason): Refused) -> Self {
        tracing::info!(reason, "a callback was not authenticated");
        Self::CallbackUnauthenticated
    }
}

/// Compares with each, so that time tells nothing about which.
fn is_one_of(secrets: &[Secret], given: &str) -> bool {
    secrets
        .iter()
        .fold(false, |found, secret| secret.matches(given) | found)
}

fn outside_the_body(request: &HttpRequest) -> Option<CallbackSign> {
    let query: Vec<(String, String)> =
        serde_urlencoded::from_str(request.query_string()).unwrap_or_default();
    let in_query = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    let in_header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    CallbackSign::from_parts(in_query("sign"), in_query("t"))
        .or_else(|| CallbackSign::from_parts(in_header("sign"), in_header("t")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_guesses_are_all_wrong() {
        const TOKENS: [&str; 2] = [
            "old-callback-token-0123456789ab",
            "new-callback-token-ba9876543210",
        ];
        let tokens = TOKENS.map(Secret::new);
        for number in 0..1_000_000 {
            // All but a few letters right, at either end, or the length alone.
            let guess = match number % 3 {
                0 => format!("{}{number:07}", &TOKENS[0][..24]),
                1 => format!("{number:07}{}", &TOKENS[1][7..]),
                _ => format!("{number:031}"),
            };
            assert!(!is_one_of(&tokens, &guess), "{guess}");
        }
        assert!(TOKENS.iter().all(|token| is_one_of(&tokens, token)));
    }
}
