//! Connections that ask, and how long each answer took.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::asks::{Asks, KINDS, Kind};
use crate::receiver::{ADMIN_KEY, TOKEN};
use crate::templates::{Random, Templates};

/// What each request says.
#[derive(Clone)]
pub enum What {
    /// Questions of one kind, or of all of them in turn.
    Read(Option<Kind>, Arc<Asks>),
    /// Notifications of uploads.
    Notify(Arc<Templates>),
}

/// How a service is loaded.
#[derive(Clone)]
pub struct Load {
    pub what: What,
    pub address: SocketAddr,
    pub connections: usize,
    /// Of all connections together; as many as are answered if not said.
    pub per_second: Option<f64>,
}

/// How long requests waited, in milliseconds, and how many were answered in a second.
#[derive(Debug, Default)]
pub struct Waits {
    waited: Vec<f64>,
    per_second: Vec<f64>,
}

impl Waits {
    /// One answer.
    pub fn of(took: Duration) -> Self {
        Self {
            waited: vec![took.as_secs_f64() * 1e3],
            per_second: Vec::new(),
        }
    }

    pub fn add(&mut self, more: Self) {
        self.waited.extend(more.waited);
        self.per_second.extend(more.per_second);
    }

    /// How many in a second, of the stretches the median.
    pub fn per_second(&self) -> f64 {
        middle(&self.per_second, 0.5)
    }

    pub fn told(&self) -> Value {
        json!({
            "p50_ms": middle(&self.waited, 0.5), "p99_ms": middle(&self.waited, 0.99), "count": self.waited.len(),
            "per_second": self.per_second(),
        })
    }
}

fn middle(numbers: &[f64], share: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().saturating_sub(1) as f64 * share) as usize;
    sorted.get(at).copied().unwrap_or_default()
}

impl Load {
    /// Questions of one kind.
    pub fn of(kind: Kind, asks: &Arc<Asks>, address: SocketAddr, connections: usize) -> Self {
        Self {
            what: What::Read(Some(kind), Arc::clone(asks)),
            address,
            connections,
            per_second: None,
        }
    }

    /// Asks for a time; every answer is as it should be, or it panics.
    pub async fn run(&self, time: Duration) -> Waits {
        let mut running = Vec::new();
        for number in 0..self.connections {
            let connection = Connection::open(self.address).await;
            running.push((number, connection));
        }
        let began = Instant::now();
        let until = began + time;
        let each = running.into_iter().map(|(number, connection)| {
            let turn = Turn::of(self, number, began);
            tokio::spawn(keep_asking(connection, self.what.clone(), turn, until))
        });
        let mut waited = Vec::new();
        for running in each.collect::<Vec<_>>() {
            waited.extend(running.await.unwrap());
        }
        let per_second = waited.len() as f64 / began.elapsed().as_secs_f64();
        Waits {
            waited,
            per_second: vec![per_second],
        }
    }
}

/// When the requests of one connection are due, if not as soon as the last is answered.
struct Turn {
    due: Instant,
    apart: Duration,
}

impl Turn {
    fn of(load: &Load, number: usize, began: Instant) -> Option<Self> {
        let apart = Duration::from_secs_f64(1.0 / load.per_second?);
        Some(Self {
            due: began + apart * number as u32,
            apart: apart * load.connections as u32,
        })
    }
}

/// How long each answer took since the request was sent, or since it was due where the one before was late.
async fn keep_asking(
    mut connection: Connection,
    what: What,
    mut turn: Option<Turn>,
    until: Instant,
) -> Vec<f64> {
    let mut random = Random(Random(STRETCH.fetch_add(1, Ordering::Relaxed)).next());
    let mut waited = Vec::new();
    loop {
        let mut from = Instant::now();
        if let Some(turn) = &mut turn {
            if turn.due > from {
                sleep_until(turn.due).await;
                from = Instant::now();
            } else {
                from = turn.due;
            }
            turn.due += turn.apart;
        }
        if from >= until {
            return waited;
        }
        let request = what.request(&mut random, waited.len());
        connection.ask(&request).await;
        waited.push(from.elapsed().as_secs_f64() * 1e3);
    }
}

/// Each stretch draws other questions than those before.
static STRETCH: AtomicU64 = AtomicU64::new(1);

impl What {
    fn request(&self, random: &mut Random, number: usize) -> Vec<u8> {
        match self {
            Self::Read(kind, asks) => {
                let kind = kind.unwrap_or(KINDS[number % KINDS.len()]);
                get(&asks.path(kind, random))
            }
            Self::Notify(bodies) => {
                let (_, _, body) = bodies.body(random);
                let mut request = format!(
                    "POST /callbacks/main/{TOKEN} HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                )
                .into_bytes();
                request.extend(body);
                request
            }
        }
    }
}

fn get(path: &str) -> Vec<u8> {
    let head = "HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer";
    format!("GET {path} {head} {ADMIN_KEY}\r\n\r\n").into_bytes()
}

/// Asks one thing over a connection of its own: how long it took, and what was answered.
pub async fn ask_once(address: SocketAddr, path: &str) -> (Duration, String) {
    let mut connection = Connection::open(address).await;
    let from = Instant::now();
    let body = connection.ask(&get(path)).await;
    (from.elapsed(), body)
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = Vec::with_capacity(1 << 20);
        Self { stream, answer }
    }

    /// The body of an answer, which is a 200.
    async fn ask(&mut self, request: &[u8]) -> String {
        self.stream.write_all(request).await.unwrap();
        self.answer.clear();
        loop {
            let more = self.stream.read_buf(&mut self.answer).await.unwrap();
            assert!(more > 0, "the service closed the connection");
            if let Some(body) = body_of(&self.answer) {
                let head = String::from_utf8_lossy(&self.answer[..16]);
                assert!(head.starts_with("HTTP/1.1 200"), "{head} {body}");
                return body.to_owned();
            }
        }
    }
}

/// The body of an answer with a Content-Length, once it is complete.
fn body_of(answer: &[u8]) -> Option<&str> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = str::from_utf8(&answer[..end]).ok()?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let length: usize = length.parse().ok()?;
    let body = answer.get(end + 4..end + 4 + length)?;
    str::from_utf8(body).ok()
}
