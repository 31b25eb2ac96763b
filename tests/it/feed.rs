//! The feed: waiting for an upload, changes for those who poll, changes as they come.

mod changes;
mod live;
mod resumed;
mod waiting;

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;
use vod_receiver::query::feed::Cursor;

use crate::harness::{TestApp, config, eventually, patient, token_app};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

impl TestApp {
    /// Another receiver on the same database.
    pub async fn beside(&self) -> Self {
        let database = patient(&self.database_url());
        database.set_ready();
        let other = Self::on(String::new(), database, config(vec![token_app()])).await;
        // Or both would make the same ids.
        other.clock.advance(TimeDelta::milliseconds(1));
        other
    }

    async fn changes(&self, query: &str) -> Value {
        let (status, page) = self.get(&format!("/v1/uploads/changes?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query} {page}");
        page
    }

    /// The cursor of now.
    async fn cursor(&self) -> String {
        let page = self.changes("").await;
        assert_eq!(page["items"], serde_json::json!([]));
        page["next_cursor"].as_str().unwrap().to_owned()
    }

    /// What happened since, and the cursor of now.
    async fn since(&self, cursor: &str) -> (Vec<Value>, String) {
        let page = self.changes(&format!("after={cursor}&limit=200")).await;
        let next = page["next_cursor"].as_str().unwrap().to_owned();
        (page["items"].as_array().unwrap().clone(), next)
    }

    /// Waits until so many wait for tickets, or read the feed.
    async fn until_waiting(&self, gauge: &str, many: usize) {
        let what = format!("{many} {gauge}");
        let is_so = async || self.metric(gauge).await == many as f64;
        eventually(&what, is_so).await;
    }

    fn live(&self, query: &str) -> RequestBuilder {
        self.request(Method::GET, &format!("/v1/uploads/live?{query}"))
    }

    /// A stream of changes.
    async fn stream(&self, query: &str) -> Stream {
        Stream::of(self.live(query).send().await.unwrap())
    }

    /// A stream that goes on where one ended.
    async fn resume(&self, last_event_id: &str) -> Stream {
        let request = self.live("").header("Last-Event-ID", last_event_id);
        Stream::of(request.send().await.unwrap())
    }
}

/// Server-Sent Events, as a browser reads them.
struct Stream {
    response: Response,
    text: String,
    /// What a browser would give back.
    last_event_id: String,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Stream {
    fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            response,
            text: String::new(),
            last_event_id: String::new(),
        }
    }

    /// One block, up to its empty line; none at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let rest = self.text.split_off(end + 2);
                return Some(std::mem::replace(&mut self.text, rest));
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("something comes").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event; none at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let (mut name, mut data) = (String::new(), String::new());
            for line in self.block().await?.lines() {
                match line.split_once(": ") {
                    Some(("id", id)) => self.last_event_id = id.to_owned(),
                    Some(("event", event)) => name = event.to_owned(),
                    Some(("data", text)) => data.push_str(text),
                    Some(("retry" | "", _)) | None => {}
                    Some(other) => panic!("{other:?}"),
                }
            }
            if !data.is_empty() {
                let data = serde_json::from_str(&data).unwrap();
                let id = self.last_event_id.clone();
                return Some(Event { name, id, data });
            }
        }
    }

    /// The files of the next events.
    async fn files(&mut self, many: usize) -> Vec<(String, String)> {
        let mut files = Vec::new();
        for _ in 0..many {
            let event = self.next().await.unwrap();
            assert_eq!(event.name, event.data["event"].as_str().unwrap());
            assert_eq!(event.id, event.data["cursor"].as_str().unwrap());
            files.push(what(&event.data));
        }
        files
    }

    /// What the last event says, and that nothing follows.
    async fn reason(&mut self) -> String {
        let end = loop {
            let event = self.next().await.unwrap();
            if event.name == "end" {
                break event;
            }
        };
        assert_eq!(self.next().await, None);
        end.data["reason"].as_str().unwrap().to_owned()
    }
}

/// What happened to which file.
fn what(change: &Value) -> (String, String) {
    let text = |name: &str| change[name].as_str().unwrap().to_owned();
    (text("event"), text("file_id"))
}

fn pair(event: &str, file_id: &str) -> (String, String) {
    (format!("upload.{event}"), file_id.to_owned())
}

/// The number that a cursor stands for.
fn seq(cursor: &str) -> i64 {
    cursor.parse::<Cursor>().unwrap().0
}
