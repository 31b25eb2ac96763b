//! TC3-HMAC-SHA256, by which a request to Tencent Cloud's API proves whose it is (protocol.md section 5).
//!
//! Pure: the time comes in, and so does the key. Both sides of it: what a client sends, and what a server that
//! holds the key takes apart and computes again.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The name of the algorithm, which begins the header.
const ALGORITHM: &str = "TC3-HMAC-SHA256";
/// Ends every credential scope.
const TERMINATOR: &str = "tc3_request";
/// Stands for the day of a timestamp that no calendar reaches.
const NO_DATE: &str = "1970-01-01";

/// What of a POST to `/` without a query is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `X-TC-Timestamp`: Unix seconds; the server takes 5 minutes either way.
    pub timestamp: i64,
    /// `vod`, but for the published vectors.
    pub service: &'a str,
    /// The `Host` header, with the port if it shows one.
    pub host: &'a str,
    /// The `Content-Type` header as sent.
    pub content_type: &'a str,
    /// Other headers that are signed, in any order; names in any case.
    pub extra: &'a [(&'a str, &'a str)],
    /// The bytes that are sent.
    pub body: &'a [u8],
}

/// An `Authorization` header taken apart; unchecked.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Whose key it claims to be signed with; no secret.
    pub secret_id: String,
    /// `2025-12-01`: the day in UTC of the timestamp.
    pub date: String,
    /// `vod`.
    pub service: String,
    /// Lower case, in their order.
    pub signed_headers: Vec<String>,
    signature: String,
}

impl Request<'_> {
    /// The `Authorization` header: a request is good for 5 minutes with it, so it is not to be printed.
    pub fn authorization(&self, secret_id: &str, secret_key: &str) -> String {
        format!(
            "{ALGORITHM} Credential={secret_id}/{}, SignedHeaders={}, Signature={}",
            self.scope(),
            self.signed_headers(),
            self.signature(secret_key)
        )
    }

    /// What the key makes of it, in lower-case hex.
    pub fn signature(&self, secret_key: &str) -> String {
        let key = format!("TC3{secret_key}");
        let key = mac(key.as_bytes(), &self.date());
        let key = mac(&key, self.service);
        let key = mac(&key, TERMINATOR);
        hex(&mac(&key, &self.string_to_sign()))
    }

    /// The text that is signed.
    pub fn string_to_sign(&self) -> String {
        format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            self.timestamp,
            self.scope(),
            hex(&Sha256::digest(self.canonical()))
        )
    }

    /// The request in the one form that both sides hash.
    pub fn canonical(&self) -> String {
        let lines: String = self
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        format!(
            "POST\n/\n\n{lines}\n{}\n{}",
            self.signed_headers(),
            hex(&Sha256::digest(self.body))
        )
    }

    fn signed_headers(&self) -> String {
        let names: Vec<_> = self.headers().into_iter().map(|(name, _)| name).collect();
        names.join(";")
    }

    /// By name; names and values in lower case, without the blanks around them.
    fn headers(&self) -> Vec<(String, String)> {
        let own = [("content-type", self.content_type), ("host", self.host)];
        let plain = |text: &str| text.trim().to_ascii_lowercase();
        let mut headers: Vec<_> = own
            .iter()
            .chain(self.extra)
            .map(|(name, value)| (plain(name), plain(value)))
            .collect();
        headers.sort_unstable();
        headers
    }

    fn scope(&self) -> String {
        format!("{}/{}/{TERMINATOR}", self.date(), self.service)
    }

    fn date(&self) -> Cow<'static, str> {
        match chrono::DateTime::from_timestamp(self.timestamp, 0) {
            Some(at) => at.format("%Y-%m-%d").to_string().into(),
            None => NO_DATE.into(),
        }
    }
}

impl Authorization {
    /// Takes a header apart; `None` if it is not of this algorithm or lacks a part.
    pub fn parse(header: &str) -> Option<Self> {
        let parts = header.trim().strip_prefix(ALGORITHM)?;
        let part = |name: &str| {
            let mut parts = parts.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = part("Credential")?.split('/');
        let (secret_id, date, service) = (scope.next()?, scope.next()?, scope.next()?);
        if scope.next() != Some(TERMINATOR) || scope.next().is_some() {
            return None;
        }
        Some(Self {
            secret_id: secret_id.to_owned(),
            date: date.to_owned(),
            service: service.to_owned(),
            signed_headers: part("SignedHeaders")?
                .split(';')
                .map(str::to_owned)
                .collect(),
            signature: part("Signature")?.to_owned(),
        })
    }

    /// Whether this key makes this signature of what was sent, with the day and the headers that it names.
    ///
    /// `extra` of the request has to hold the signed headers beside `content-type` and `host`.
    pub fn is_of(&self, request: &Request<'_>, secret_key: &str) -> bool {
        let named = self.signed_headers.join(";");
        let same: bool = self
            .signature
            .as_bytes()
            .ct_eq(request.signature(secret_key).as_bytes())
            .into();
        same && self.date == request.date()
            && self.service == request.service
            && named == request.signed_headers()
    }
}

/// Without its signature.
impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorization")
            .field("secret_id", &self.secret_id)
            .field("date", &self.date)
            .field("service", &self.service)
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

fn mac(key: &[u8], text: &str) -> [u8; 32] {
    let keyed = Hmac::<Sha256>::new_from_slice(key);
    let mac = keyed.expect("HMAC takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
