//! Those who send: VOD with many connections, and a backend that asks for signatures and uploads with them.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::bodies::{History, Users};
use crate::http::{self, Answer, Connection};
use crate::ledger::{Body, Issued, Ledger};
use crate::receiver::{ADMIN_KEY, CALLBACK_PATH};
use crate::templates::Random;

/// A receiver that is away is not asked a thousand times a second.
const AWAY: Duration = Duration::from_millis(50);
/// A hold takes 6 s; a 503 before that is for those whom there is no room to hold.
const HOLD: Duration = Duration::from_millis(5_900);

/// What is sent, by whom, to where.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub users: Arc<Users>,
    pub ledger: Arc<Ledger>,
}

/// How one notification ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Recorded,
    Duplicate,
    Spooled,
    Unavailable,
    Unanswered,
}

impl Target {
    /// Sends one notification and notes in the ledger what became of it.
    pub async fn send(&self, connection: &mut Connection, body: &Body) -> Fate {
        let began = Instant::now();
        self.ledger.attempt(body);
        let answer = connection.post(CALLBACK_PATH, "", &body.bytes).await;
        match answer {
            Ok(Answer {
                status: 200,
                body: answer,
            }) => {
                let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
                let status = answer["status"].as_str().unwrap_or_default();
                self.ledger.acknowledge(body, status);
                match status {
                    "recorded" => Fate::Recorded,
                    "duplicate" => Fate::Duplicate,
                    _ => Fate::Spooled,
                }
            }
            Ok(Answer { status: 503, .. }) => {
                self.ledger.unavailable(began.elapsed() >= HOLD);
                Fate::Unavailable
            }
            Ok(Answer { status, body }) => {
                let body = String::from_utf8_lossy(&body).into_owned();
                self.ledger.fault(format!("answered {status}: {body}"));
                Fate::Unanswered
            }
            Err(error) if http::never_sent(&error) => {
                self.ledger.never_sent(body);
                Fate::Unanswered
            }
            Err(error) => {
                if error.kind() == ErrorKind::TimedOut {
                    self.ledger
                        .fault("a notification was neither answered nor refused".to_owned());
                }
                self.ledger.unanswered();
                Fate::Unanswered
            }
        }
    }
}

/// A signature for a user; `None` if none was given out.
pub async fn signature(
    connection: &mut Connection,
    ledger: &Ledger,
    user: usize,
) -> Option<Issued> {
    let request = json!({"user_id": Users::name(user)}).to_string();
    let answer = connection
        .post("/v1/signatures", ADMIN_KEY, request.as_bytes())
        .await
        .ok()?;
    if answer.status != 201 {
        if answer.status != 503 {
            ledger.fault(format!("POST /v1/signatures answered {}", answer.status));
        }
        return None;
    }
    let answer: Value = serde_json::from_slice(&answer.body).ok()?;
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    Some(Issued {
        ticket: text("ticket")?,
        issue_id: text("issue_id")?,
        user,
    })
}

/// Connections that send until they are told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    senders: JoinSet<()>,
}

impl Load {
    /// So many connections that each send, wait for the answer, and pause for a random time up to `pause`.
    pub fn start(target: &Target, connections: usize, pause: Duration, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut senders = JoinSet::new();
        for number in 0..connections {
            let random = Random(seed ^ (number as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
            senders.spawn(sender(target.clone(), pause, random, Arc::clone(&stop)));
        }
        Self { stop, senders }
    }

    /// Adds a backend that asks for signatures, and a device that uploads with each.
    pub fn with_backend(mut self, target: &Target, pause: Duration) -> Self {
        self.senders
            .spawn(backend(target.clone(), pause, Arc::clone(&self.stop)));
        self
    }

    /// Stops them; ends when each has its last answer.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.senders.join_next().await {
            ended.unwrap();
        }
    }
}

async fn sender(target: Target, pause: Duration, mut random: Random, stop: Arc<AtomicBool>) {
    let mut connection = Connection::to(target.address);
    let mut history = History::default();
    while !stop.load(Ordering::Relaxed) {
        let body = history.next(&target.users, &mut random);
        let fate = target.send(&mut connection, &body).await;
        if matches!(fate, Fate::Unanswered | Fate::Unavailable) {
            sleep(AWAY).await;
        }
        if !pause.is_zero() {
            sleep(pause.mul_f64(random.next() as f64 / u64::MAX as f64)).await;
        }
    }
}

async fn backend(target: Target, pause: Duration, stop: Arc<AtomicBool>) {
    let mut connection = Connection::to(target.address);
    let mut random = Random(7);
    while !stop.load(Ordering::Relaxed) {
        let user = random.next() as usize % Users::COUNT;
        if let Some(issued) = signature(&mut connection, &target.ledger, user).await {
            let body = target.users.upload_with(&issued, &mut random);
            target.ledger.issued(issued);
            target.send(&mut connection, &body).await;
        }
        sleep(pause).await;
    }
}
