//! The one load process: connections that each send the next body as soon as the last is answered.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bodies::{self, Random};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A notification: to be answered 200.
    Notification,
    /// A request for a signature: to be answered 201.
    Signature,
}

impl Ask {
    /// What has this name; notifications if none has.
    pub fn named(name: Option<&String>) -> Self {
        let is_signature = name.is_some_and(|name| name == Self::Signature.name());
        if is_signature {
            Self::Signature
        } else {
            Self::Notification
        }
    }

    /// The name by which the load process is told.
    fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Signature => "signature",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Notification => {
                "POST /callbacks/main/bench-callback-token-0123456789 HTTP/1.1\r\n"
            }
            Self::Signature => {
                "POST /v1/signatures HTTP/1.1\r\nAuthorization: Bearer bench-admin-key-0123456789\r\n"
            }
        }
    }

    fn body(self, random: &mut Random) -> Vec<u8> {
        match self {
            Self::Notification => bodies::body(random),
            Self::Signature => format!(r#"{{"user_id":"user {}"}}"#, random.next()).into_bytes(),
        }
    }

    fn status(self) -> &'static [u8] {
        match self {
            Self::Notification => b"HTTP/1.1 200",
            Self::Signature => b"HTTP/1.1 201",
        }
    }
}

/// How a server is loaded.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub ask: Ask,
    pub connections: usize,
    /// How many requests are sent, all connections taken together; as many as are answered if not said.
    pub per_second: Option<f64>,
    pub time: Duration,
}

impl Load {
    /// As many requests as 256 connections get answered.
    pub fn full(ask: Ask, time: Duration) -> Self {
        Self {
            ask,
            connections: 256,
            per_second: None,
            time,
        }
    }
}

/// How a server answered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Answered {
    pub per_second: f64,
    /// From when a request was to be sent, in microseconds.
    pub median_us: u32,
    pub p99_us: u32,
}

/// Loads a server from a process of its own; every request is answered as it should, or it panics.
pub async fn against(address: std::net::SocketAddr, load: Load) -> Answered {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--load", &address.to_string(), "--ask", load.ask.name()]);
    command.args(["--connections", &load.connections.to_string()]);
    command.args(["--seconds", &load.time.as_secs_f64().to_string()]);
    if let Some(per_second) = load.per_second {
        command.args(["--per-second", &per_second.to_string()]);
    }
    let output = command.stderr(Stdio::inherit()).output().await.unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the load process does: prints an [`Answered`].
pub fn run(address: &str, load: Load) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answered = runtime.block_on(async {
        let began = now();
        let seed = u64::from(std::process::id()) << 32;
        let each = (0..load.connections).map(|n| {
            let first = load.per_second.map_or(began, |rate| {
                began + Duration::from_secs_f64(n as f64 / rate)
            });
            tokio::spawn(one(
                address.to_owned(),
                load,
                seed + n as u64,
                first,
                began + load.time,
            ))
        });
        let mut waits = Vec::new();
        for connection in each.collect::<Vec<_>>() {
            waits.extend(connection.await.unwrap());
        }
        let took = now() - began;
        waits.sort_unstable();
        Answered {
            per_second: waits.len() as f64 / took.saturating_sub(load.time / 5).as_secs_f64(),
            median_us: waits[waits.len() / 2],
            p99_us: waits[waits.len() * 99 / 100],
        }
    });
    println!("{}", serde_json::to_string(&answered).unwrap());
}

/// One connection; tells how long each request waited, in microseconds.
async fn one(address: String, load: Load, seed: u64, first: Instant, until: Instant) -> Vec<u32> {
    let Load { ask, .. } = load;
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let (mut waits, mut request, mut answer) = (Vec::new(), Vec::new(), vec![0; 4096]);
    let pause = load
        .per_second
        .map(|rate| Duration::from_secs_f64(load.connections as f64 / rate));
    let mut due = first;
    while due < until {
        match pause {
            Some(_) => tokio::time::sleep_until(due.into()).await,
            None => due = now(),
        }
        let body = ask.body(&mut random);
        request.clear();
        request.extend_from_slice(ask.head().as_bytes());
        request.extend_from_slice(
            b"Host: bench\r\nContent-Type: application/json\r\nContent-Length: ",
        );
        request.extend_from_slice(body.len().to_string().as_bytes());
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(&body);
        stream.write_all(&request).await.unwrap();
        let mut read = 0;
        while !is_whole(&answer[..read]) {
            let more = stream.read(&mut answer[read..]).await.unwrap();
            assert!(more > 0, "the server closed the connection");
            read += more;
        }
        assert!(
            answer.starts_with(ask.status()),
            "{}",
            String::from_utf8_lossy(&answer[..read])
        );
        // A first batch opens connections and plans statements.
        if due - first > load.time / 5 {
            waits.push((now() - due).as_micros() as u32);
        }
        due = pause.map_or_else(now, |pause| due + pause);
    }
    waits
}

/// Whether an answer with a Content-Length is complete.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| body.len() >= length)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn now() -> Instant {
    Instant::now()
}
