//! The local VOD: its queue, its limits, its verdicts on who asks, its faults.

use std::net::TcpListener;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use vod_receiver::config::Secret;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::random::Random;
use vod_receiver::simulator::config::EventConfig;
use vod_receiver::simulator::{Fault, FaultKind, Serving, Simulator, SimulatorSettings};
use vod_receiver::vod::tc3;

use crate::harness::{NOW, SECRET_ID, SECRET_KEY};

mod auth;
mod control;
mod cos;
mod faults;
mod media;
mod queue;
mod told;
mod uploads;
mod users;

/// A simulator that is being served, and a client that knows the wire.
struct Vod {
    simulator: Simulator,
    clock: Clock,
    client: reqwest::Client,
    serving: Serving,
}

fn vod() -> Vod {
    vod_with(SimulatorSettings {
        long_poll: Duration::from_millis(100),
        ..SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY))
    })
}

fn vod_with(settings: SimulatorSettings) -> Vod {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::set_to(NOW.parse().unwrap());
    let simulator = Simulator::new(settings, clock.clone(), Random::system());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let serving = simulator.serve(listener).unwrap();
    Vod {
        simulator,
        clock,
        client: reqwest::Client::new(),
        serving,
    }
}

impl Vod {
    async fn send(&self, action: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        let body = body.to_string();
        self.signed(SECRET_ID, SECRET_KEY, self.clock.now(), &body)
            .header("X-TC-Action", action)
            .body(body)
            .send()
            .await
    }

    /// A request signed for this body, which it does not have yet.
    fn signed(
        &self,
        id: &str,
        key: &str,
        at: DateTime<Utc>,
        body: &str,
    ) -> reqwest::RequestBuilder {
        let url = self.serving.url();
        let request = tc3::Request {
            timestamp: at.timestamp(),
            service: "vod",
            host: url.strip_prefix("http://").unwrap(),
            content_type: "application/json",
            extra: &[],
            body: body.as_bytes(),
        };
        self.client
            .post(&url)
            .header("Content-Type", "application/json")
            .header("X-TC-Version", "2018-07-17")
            .header("X-TC-Timestamp", at.timestamp())
            .header("Authorization", request.authorization(id, key))
    }

    /// The `Response` of an answer.
    async fn ask(&self, action: &str, body: Value) -> Value {
        let answer = self.send(action, &body).await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut answer: Value = answer.json().await.unwrap();
        assert!(answer["Response"]["RequestId"].is_string());
        answer["Response"].take()
    }

    /// The code with which it is refused.
    async fn refusal(&self, action: &str, body: Value) -> String {
        let answer = self.ask(action, body).await;
        answer["Error"]["Code"].as_str().unwrap().to_owned()
    }

    async fn pull(&self) -> Vec<Value> {
        let mut answer = self.ask("PullEvents", json!({})).await;
        match answer["EventSet"].take() {
            Value::Array(events) => events,
            _ => {
                assert_eq!(answer["Error"]["Code"], "ResourceNotFound");
                Vec::new()
            }
        }
    }
}

/// Events are kept to be pulled, uploads among them.
fn pulled() -> EventConfig {
    EventConfig {
        mode: "PULL".to_owned(),
        upload_media_complete_event_switch: "ON".to_owned(),
        ..EventConfig::default()
    }
}

fn handles(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["EventHandle"].as_str().unwrap())
        .collect()
}
