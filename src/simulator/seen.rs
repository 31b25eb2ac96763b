//! The requests that came to the API's door, for those who check what a client sends.

use std::collections::{BTreeMap, VecDeque};

use actix_web::HttpRequest;
use serde::Serialize;

/// So many are kept, the latest.
const KEPT: usize = 1_000;

/// One request, as it came. It may hold a signature and a session token, never a key.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// `POST`.
    pub method: String,
    /// `/`.
    pub path: String,
    /// Without its `?`; empty if there is none.
    pub query: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// What is not UTF-8 in it is replaced.
    pub body: String,
    /// The code that it was refused with; none: it was answered.
    pub refused: Option<String>,
}

impl Seen {
    pub(super) fn new(request: &HttpRequest, body: &[u8]) -> Self {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Self {
            method: request.method().to_string(),
            path: request.path().to_owned(),
            query: request.query_string().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
                .collect(),
            body: text(body),
            refused: None,
        }
    }

    /// A header by its name in lower case; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The latest requests.
#[derive(Default)]
pub(super) struct Log(VecDeque<Seen>);

impl Log {
    pub fn add(&mut self, seen: Seen) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(seen);
    }

    pub fn all(&self) -> Vec<Seen> {
        self.0.iter().cloned().collect()
    }
}
