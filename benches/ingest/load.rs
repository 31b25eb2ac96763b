//! The one load process: connections that each send the next body as soon as the last is answered.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::bodies::{self, Random};
use crate::templates::Templates;

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

    fn body(self, bodies: &Templates, random: &mut Random) -> Vec<u8> {
        match self {
            Self::Notification => bodies.body(random).2,
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
    /// Whether notifications name tickets that this server gave out before, and not those that are in the database.
    pub issued_here: bool,
    pub connections: usize,
    /// How many requests are sent, all connections taken together; as many as are answered if not said.
    pub per_second: Option<f64>,
    pub time: Duration,
}

impl Load {
    /// As many requests as so many connections get answered.
    pub fn full(ask: Ask, connections: usize, time: Duration) -> Self {
        Self {
            ask,
            issued_here: false,
            connections,
            per_second: None,
            time,
        }
    }
}

/// How a server answered.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Answered {
    /// All of them, those too that are left out below.
    pub requests: u64,
    /// From here on without the first fifth of the time, in which connections are opened and statements planned.
    pub per_second: f64,
    /// How long requests waited, in microseconds; unknown where none was due once that fifth was over.
    pub median_us: Option<u32>,
    pub p99_us: Option<u32>,
}

/// Loads a server from a process of its own; every request is answered as it should, or it panics. What is refused with
/// 503 is sent again; that is told, and what was spooled, for neither is what is measured.
pub async fn against(address: std::net::SocketAddr, load: Load) -> Answered {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--load", &address.to_string(), "--ask", load.ask.name()]);
    command.args(["--connections", &load.connections.to_string()]);
    if load.issued_here {
        command.arg("--issued-here");
    }
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
        let bodies = if load.issued_here {
            bodies::naming(&issue(address).await)
        } else {
            bodies::of_seeded_tickets()
        };
        let bodies = Arc::new(bodies);
        let mut connections = Vec::new();
        for _ in 0..load.connections {
            connections.push(Connection::open(address, load.ask).await);
        }
        let seed = u64::from(std::process::id()) << 32;
        let began = now();
        let pace = Pace::of(load, began);
        let each = connections.into_iter().enumerate().map(|(n, connection)| {
            let random = Random((seed + n as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
            let turn = pace.as_ref().map(|pace| pace.turn(n));
            let bodies = Arc::clone(&bodies);
            tokio::spawn(connection.keep_asking(load, bodies, random, began, turn))
        });
        let (mut requests, mut put_off, mut waits) = (0, 0, Vec::new());
        for connection in each.collect::<Vec<_>>() {
            let done = connection.await.unwrap();
            requests += done.requests;
            put_off += done.put_off;
            waits.extend(done.waits);
        }
        // It lasts as long as it was to, even where its pace left nothing for the end.
        let took = (now() - began).max(load.time);
        if put_off > 0 {
            eprintln!("{put_off} requests were spooled, or refused with 503 and sent again");
        }
        waits.sort_unstable();
        Answered {
            requests,
            per_second: waits.len() as f64 / (took - load.time / 5).as_secs_f64(),
            median_us: waits.get(waits.len() / 2).copied(),
            p99_us: waits.get(waits.len() * 99 / 100).copied(),
        }
    });
    println!("{}", serde_json::to_string(&answered).unwrap());
}

/// Has signatures issued, and gives their tickets.
async fn issue(address: &str) -> Vec<String> {
    let each = (0..64).map(|n| {
        let address = address.to_owned();
        tokio::spawn(async move {
            let mut connection = Connection::open(&address, Ask::Signature).await;
            let mut tickets = Vec::new();
            for m in 0..bodies::TICKETS / 64 {
                let body = format!(r#"{{"user_id":"user {}"}}"#, n * 1_000 + m);
                let answer = connection.ask(body.as_bytes()).await;
                let signature: serde_json::Value = serde_json::from_str(answer).unwrap();
                tickets.push(signature["ticket"].as_str().unwrap().to_owned());
            }
            tickets
        })
    });
    let mut tickets = Vec::new();
    for connection in each.collect::<Vec<_>>() {
        tickets.extend(connection.await.unwrap());
    }
    tickets
}

/// How often it is looked which requests are due: to wake up for each costs as much as to send it, on cores that the server
/// shares.
const TICK: Duration = Duration::from_micros(500);

/// When requests are sent, if not as soon as the last is answered. A thread of its own wakes the connections in turn:
/// timers of the runtime are late by up to a millisecond, and all that are due within one come at once.
struct Pace {
    began: Instant,
    apart: Duration,
    connections: Arc<[Notify]>,
}

/// The requests of one connection.
struct Turn {
    due: Instant,
    apart: Duration,
    connections: Arc<[Notify]>,
    number: usize,
}

impl Pace {
    /// The pace of a load, if it has one.
    fn of(load: Load, began: Instant) -> Option<Self> {
        let apart = Duration::from_secs_f64(1.0 / load.per_second?);
        let connections: Arc<[Notify]> = (0..load.connections).map(|_| Notify::new()).collect();
        let woken = Arc::clone(&connections);
        std::thread::spawn(move || {
            let mut due = began;
            for connection in woken.iter().cycle() {
                while now() < due {
                    std::thread::sleep(TICK);
                }
                connection.notify_one();
                due += apart;
                if due - began > load.time {
                    break;
                }
            }
        });
        Some(Self {
            began,
            apart,
            connections,
        })
    }

    /// The requests of the connection with this number.
    fn turn(&self, number: usize) -> Turn {
        Turn {
            due: self.began + self.apart * number as u32,
            apart: self.apart * self.connections.len() as u32,
            connections: Arc::clone(&self.connections),
            number,
        }
    }
}

impl Turn {
    /// When the next request is due.
    fn next(&mut self) -> Instant {
        let due = self.due;
        self.due += self.apart;
        due
    }

    /// Waits until a request is due; tells when that was noticed.
    async fn wait_until(&self, due: Instant) -> Instant {
        while now() < due {
            self.connections[self.number].notified().await;
        }
        now()
    }
}

/// One connection, over which one thing is asked again and again.
struct Connection {
    ask: Ask,
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    put_off: u64,
}

/// What one connection did.
struct Done {
    requests: u64,
    /// How often it was answered that something was spooled, or 503.
    put_off: u64,
    /// How long each request waited, in microseconds, once the first fifth of the time was over: since it was sent, or
    /// since it was due if the answer before it came later.
    waits: Vec<u32>,
}

impl Connection {
    async fn open(address: &str, ask: Ask) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            ask,
            stream,
            request: Vec::new(),
            answer: vec![0; 4096],
            put_off: 0,
        }
    }

    /// Asks until the time is over, and, unless there is a pace, until one request counts: a slow machine has to be waited
    /// for.
    async fn keep_asking(
        mut self,
        load: Load,
        bodies: Arc<Templates>,
        mut random: Random,
        began: Instant,
        mut turn: Option<Turn>,
    ) -> Done {
        let (mut requests, mut waits) = (0, Vec::new());
        loop {
            let free = now();
            let due = turn.as_mut().map_or(free, Turn::next);
            if due - began >= load.time && (turn.is_some() || !waits.is_empty()) {
                return Done {
                    requests,
                    put_off: self.put_off,
                    waits,
                };
            }
            let from = if due > free {
                turn.as_ref().unwrap().wait_until(due).await
            } else {
                due
            };
            self.ask(&self.ask.body(&bodies, &mut random)).await;
            requests += 1;
            if from - began > load.time / 5 {
                waits.push((now() - from).as_micros() as u32);
            }
        }
    }

    /// Sends one request, again if it is refused for the moment, and gives the body of its answer, which is as it should be.
    async fn ask(&mut self, body: &[u8]) -> &str {
        self.request.clear();
        self.request.extend_from_slice(self.ask.head().as_bytes());
        self.request.extend_from_slice(
            b"Host: bench\r\nContent-Type: application/json\r\nContent-Length: ",
        );
        self.request
            .extend_from_slice(body.len().to_string().as_bytes());
        self.request.extend_from_slice(b"\r\n\r\n");
        self.request.extend_from_slice(body);
        let mut read = self.exchange().await;
        while self.answer[..read].starts_with(b"HTTP/1.1 503") {
            self.put_off += 1;
            read = self.exchange().await;
        }
        if self.answer[..read].ends_with(br#"{"status":"spooled"}"#) {
            self.put_off += 1;
        }
        let answer = &self.answer[..read];
        assert!(
            answer.starts_with(self.ask.status()),
            "{}",
            String::from_utf8_lossy(answer)
        );
        body_of(answer).unwrap()
    }

    /// Sends the request as it is, and tells how long the answer to it is.
    async fn exchange(&mut self) -> usize {
        self.stream.write_all(&self.request).await.unwrap();
        let mut read = 0;
        while body_of(&self.answer[..read]).is_none() {
            let more = self.stream.read(&mut self.answer[read..]).await.unwrap();
            assert!(more > 0, "the server closed the connection");
            read += more;
        }
        read
    }
}

/// The body of an answer with a Content-Length, once it is complete.
fn body_of(answer: &[u8]) -> Option<&str> {
    let (head, body) = str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let length: usize = length.parse().ok()?;
    (body.len() >= length).then_some(body)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn now() -> Instant {
    Instant::now()
}
