//! Keyset pages: a cursor is where the last page ended, opaque to whoever holds it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;
/// Rows that a page looks at where no index tells which are meant: of deliveries, some 40 MB of bodies pass by.
pub const LOOKED_AT: i64 = 20_000;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The page, in the order of the list.
    pub items: Vec<T>,
    /// Give it back as `cursor` for the next page; null at the end.
    #[schema(example = json!(null))]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page at whose end the rows that it looked at end, and not the list.
    pub fn looked_until<K: Serialize>(mut self, horizon: Option<&K>) -> Self {
        if self.next_cursor.is_none() {
            self.next_cursor = horizon.map(cursor);
        }
        self
    }
}

/// In which direction a list runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Newest first.
    #[default]
    Desc,
    /// Oldest first.
    Asc,
}

/// How many rows a page may hold.
pub fn limit(asked: Option<u16>) -> Result<usize, Problem> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(usize::from(limit)),
        _ => Err(Problem::field(
            "limit",
            format!("must be between 1 and {MAX_LIMIT}"),
        )),
    }
}

/// Reads where the last page ended.
pub fn position<K: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<K>, Problem> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.map(Some).ok_or_else(not_ours)
}

/// What is told of a cursor that we did not make.
pub fn not_ours() -> Problem {
    Problem::field("cursor", "must be a `next_cursor` of this list, unchanged")
}

/// Makes a page of the rows read, of which there is one more than the limit if the list goes on.
pub fn page<T, K: Serialize>(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Page<T> {
    let goes_on = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items
        .last()
        .filter(|_| goes_on)
        .map(|last| cursor(&key(last)));
    Page { items, next_cursor }
}

/// The cursor after a row.
pub fn cursor<K: Serialize>(key: &K) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}
