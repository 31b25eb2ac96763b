//! The push door from outside: what it answers, and what it keeps.

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;
use vod_receiver::config::App;

use crate::harness::{TOKEN, TestApp, named_app};

/// An answer, its headers already judged: every one has an id, and a type that fits its status.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned())
        };
        let status = response.status().as_u16();
        let id: Uuid = header("x-request-id").unwrap().parse().unwrap();
        assert!(!id.is_nil());
        let wanted = match status {
            200 => "application/json",
            _ => "application/problem+json",
        };
        assert_eq!(header("content-type").as_deref(), Some(wanted), "{status}");
        let body = response.json().await.unwrap();
        Self { status, body }
    }

    pub fn receipt(status: &str) -> Self {
        Self {
            status: 200,
            body: json!({"status": status}),
        }
    }

    pub fn problem(status: u16, title: &str, code: &str, detail: &str) -> Self {
        let body = json!({"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail});
        Self { status, body }
    }

    /// There is no event in it, by this code.
    pub fn nothing_in_it(reason: &str) -> Self {
        let detail = format!("no event can be read from the body ({reason}); its bytes are kept");
        Self::problem(400, "Bad Request", "invalid_request", &detail)
    }

    /// Nothing is told.
    pub fn not_authenticated() -> Self {
        Self::problem(401, "Unauthorized", "unauthenticated", "not authenticated")
    }

    pub fn too_large() -> Self {
        let detail = "the body is larger than 8388608 bytes";
        Self::problem(413, "Payload Too Large", "payload_too_large", detail)
    }
}

/// A row of `deliveries`.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Kept {
    pub app: String,
    pub state: String,
    pub quarantine_reason: Option<String>,
    pub event_type: Option<String>,
    pub format: Option<String>,
    pub file_id: Option<String>,
    pub body: Vec<u8>,
}

impl Kept {
    /// Its state, with the reason if it has one: `quarantined: not_json`.
    pub fn state(&self) -> String {
        match &self.quarantine_reason {
            None => self.state.clone(),
            Some(reason) => format!("{}: {reason}", self.state),
        }
    }
}

impl TestApp {
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await
    }

    /// A post to `/callbacks/{rest}`, to add to.
    pub fn knock(&self, rest: &str) -> RequestBuilder {
        self.client.post(format!("{}/callbacks/{rest}", self.url))
    }

    /// Posts a body to app `main` with its token.
    pub async fn push(&self, body: impl Into<reqwest::Body>) -> Answer {
        self.push_to("main", body).await
    }

    /// Posts a body to an app with the usual token.
    pub async fn push_to(&self, app: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.knock(&format!("{app}/{TOKEN}")).body(body))
            .await
    }

    /// What is kept, in the order in which it came.
    pub async fn kept(&self) -> Vec<Kept> {
        sqlx::query_as(
            "SELECT app, state, quarantine_reason, event_type, format, file_id, body FROM deliveries ORDER BY id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// What is kept of one app.
    pub async fn kept_of(&self, app: &str) -> Vec<Kept> {
        let mut kept = self.kept().await;
        kept.retain(|delivery| delivery.app == app);
        kept
    }

    /// The process answers, and records a good notification.
    pub async fn works_as_before(&self) {
        let alive = self.client.get(format!("{}/livez", self.url));
        assert_eq!(self.send(alive).await.body, json!({"status": "ok"}));
        let (file_id, ticket) = ("9000000000000000001", self.ticket("after").await);
        let good = crate::harness::new_file_upload(file_id, &ticket).to_string();
        assert_eq!(self.push(good).await, Answer::receipt("recorded"));
        assert_eq!(self.upload(file_id).await["user_id"], "after");
    }
}

/// As many apps as there are cases, so that each case has rows of its own in one database: `c0`, `c1`, ...
pub fn an_app_a_case(cases: usize) -> Vec<App> {
    (0..cases)
        .map(|case| named_app(&format!("c{case}")))
        .collect()
}

impl TestApp {
    /// The rows of an app, one a line, in the order deliveries, uploads, tasks:
    ///
    /// - `delivery | event type | format | state`
    /// - `upload | file id | announced or not | name | media url | source context | processing | deleted or live`
    /// - `task | task id | file id | role | state`
    pub async fn rows_of(&self, app: &str) -> Vec<String> {
        let deliveries = "SELECT concat_ws(' | ', 'delivery', event_type, format, state)
             FROM deliveries WHERE app = $1 ORDER BY id";
        let state = "SELECT concat_ws(' | ', 'upload', file_id, CASE WHEN announced_at IS NULL THEN 'unannounced' ELSE 'announced' END,
                 coalesce(name, '-'), coalesce(media_url, '-'), coalesce(source_context, '-'), processing,
                 CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END) AS line, 1 AS of, file_id AS key
             FROM uploads WHERE app = $1
             UNION ALL
             SELECT concat_ws(' | ', 'task', task_id, file_id, role, state), 2, task_id
             FROM tasks WHERE app = $1
             ORDER BY of, key";
        let mut rows: Vec<String> = sqlx::query_scalar(deliveries)
            .bind(app)
            .fetch_all(&self.pool)
            .await
            .unwrap();
        let state: Vec<(String, i32, String)> = sqlx::query_as(state)
            .bind(app)
            .fetch_all(&self.pool)
            .await
            .unwrap();
        rows.extend(state.into_iter().map(|(line, ..)| line));
        rows
    }
}

/// The rows that a table expects, as [`TestApp::rows_of`] gives them.
pub fn lines(expected: &str) -> Vec<&str> {
    expected.trim().lines().map(str::trim).collect()
}

/// The places of all members and elements in a value, as JSON pointers, outermost first.
pub fn places(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (format!("/{name}"), value))
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(at, value)| (format!("/{at}"), value))
            .collect(),
        _ => Vec::new(),
    };
    inner
        .into_iter()
        .flat_map(|(place, value)| {
            let below = places(value)
                .into_iter()
                .map(|below| format!("{place}{below}"))
                .collect::<Vec<_>>();
            std::iter::once(place).chain(below)
        })
        .collect()
}

/// The value without what is at a place.
pub fn without(value: &Value, place: &str) -> Value {
    let mut value = value.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.shift_remove(name)),
        Value::Array(elements) => drop(elements.remove(name.parse().unwrap())),
        scalar => panic!("{scalar} holds nothing"),
    }
    value
}

/// The value with something else at a place.
pub fn with(value: &Value, place: &str, other: Value) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(place).unwrap() = other;
    value
}
