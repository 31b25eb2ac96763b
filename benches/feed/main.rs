//! What it costs to wait and to follow, and how soon those who do are told.
//!
//! `cargo bench --bench feed [-- --waiters 5000] [-- --readers 200] [-- --per-second 500] [-- --json]`; `-- --test` is the
//! short form, 200 and 20.
//!
//! The real binary, on a Postgres of its own with fsync and `synchronous_commit` on. First the readers come
//! (`GET /v1/uploads/live`), then one waiter for each of so many tickets (`GET /v1/tickets/{ticket}?wait=60`); the growth of
//! the service's resident memory is what they cost. Then each ticket's upload is posted, so many a second, and each
//! reader's and each waiter's delay is taken from the answer to the notification, when the upload is committed, and from when
//! it was sent. Fails if anybody is not told.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark that fails is to fail loudly, and its counts are small"
)]

#[path = "../shared/receiver.rs"]
mod receiver;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use receiver::{ADMIN_KEY, Receiver, TOKEN};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use uuid::Uuid;
use vod_receiver::ops::cluster::Cluster;
use vod_receiver::ops::limits;
use vod_receiver::ticket::Ticket;

/// So many come at the same time: a backend's requests do not all come in one moment.
const COMING_AT_ONCE: usize = 64;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
struct Plan {
    waiters: usize,
    readers: usize,
    per_second: f64,
    json: bool,
}

impl Plan {
    fn read(args: &[String]) -> Self {
        let has = |name: &str| args.iter().any(|arg| arg == name);
        let number = |name: &str, usual: f64| {
            let at = args.iter().position(|arg| arg == name);
            at.and_then(|at| args.get(at + 1)?.parse().ok())
                .unwrap_or(usual)
        };
        let (waiters, readers) = if has("--test") {
            (200.0, 20.0)
        } else {
            (5_000.0, 200.0)
        };
        Self {
            waiters: number("--waiters", waiters) as usize,
            readers: number("--readers", readers) as usize,
            per_second: number("--per-second", 500.0),
            json: has("--json"),
        }
    }
}

/// When an upload was sent, and when its notification was answered.
#[derive(Default)]
struct Upload {
    sent: OnceLock<Instant>,
    answered: OnceLock<Instant>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let plan = Plan::read(&args);
    limits::raise_open_files();
    let dir = std::env::temp_dir().join(format!("vod-receiver-feed-{}", std::process::id()));
    let cluster = Cluster::start(&dir, &[("max_connections", "50")]).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(plan, &cluster, &dir));
    drop(cluster);
    let _ = std::fs::remove_dir_all(&dir);
}

async fn measure(plan: Plan, cluster: &Cluster, dir: &Path) {
    let mut admin = PgConnection::connect(&cluster.url("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql("CREATE DATABASE bench")
        .execute(&mut admin)
        .await
        .unwrap();
    let receiver = Receiver::start(&cluster.url("bench"), dir).await;
    let mut database = PgConnection::connect(&cluster.url("bench")).await.unwrap();
    let tickets: Vec<Uuid> = (0..plan.waiters)
        .map(|number| Uuid::from_u128(0x01a2_076b_4400_7000_8000_0000_0000_0000 + number as u128))
        .collect();
    sqlx::query(
        "INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
        SELECT id, 'main', 'user ' || id, false, now(), now() FROM unnest($1::uuid[]) AS t (id)",
    )
    .bind(&tickets)
    .execute(&mut database)
    .await
    .unwrap();

    let idle = receiver.resident_bytes();
    let readers: Vec<_> = stream::iter(0..plan.readers)
        .map(|_| follow(receiver.address, plan.waiters))
        .buffer_unordered(COMING_AT_ONCE)
        .collect()
        .await;
    receiver.until("feed_readers", plan.readers).await;
    let followed = receiver.resident_bytes();
    let waiters: Vec<_> = stream::iter(tickets.iter().copied().enumerate())
        .map(|(number, ticket)| wait(receiver.address, number, Ticket(ticket)))
        .buffer_unordered(COMING_AT_ONCE)
        .collect()
        .await;
    receiver.until("ticket_waiters", plan.waiters).await;
    // All have read what is there, and wait.
    receiver
        .until("pool_connections{state=\"in_use\"}", 0)
        .await;
    let waited = receiver.resident_bytes();

    let uploads = post_all(&receiver, plan, &tickets).await;
    let mut told = BTreeMap::from([("waiters", Vec::new()), ("readers", Vec::new())]);
    for waiter in waiters {
        let at = timeout(PATIENCE, waiter).await.expect("a waiter is told");
        told.get_mut("waiters").unwrap().push(at.unwrap());
    }
    for reader in readers {
        let seen = timeout(PATIENCE, reader).await.expect("a reader is told");
        told.get_mut("readers").unwrap().extend(seen.unwrap());
    }
    let each = |from: usize, to: usize, many: usize| to.saturating_sub(from) / many.max(1);
    let mut result = json!({
        "waiters": plan.waiters, "readers": plan.readers, "uploads_per_second": plan.per_second,
        "resident_idle_bytes": idle,
        "bytes_a_reader": each(idle, followed, plan.readers),
        "bytes_a_waiter": each(followed, waited, plan.waiters),
        "resident_after_bytes": receiver.resident_bytes(),
    });
    for (who, told) in told {
        result[format!("told_{who}_after_commit_ms")] =
            spread(&told, |number| *uploads[number].answered.get().unwrap());
        result[format!("told_{who}_after_sent_ms")] =
            spread(&told, |number| *uploads[number].sent.get().unwrap());
    }
    if plan.json {
        println!("{result}");
    } else {
        println!("{result:#}");
    }
}

/// Half, the slowest hundredth and the slowest of all delays, in milliseconds.
fn spread(told: &[(usize, Instant)], since: impl Fn(usize) -> Instant) -> serde_json::Value {
    let mut delays: Vec<f64> = told
        .iter()
        .map(|(number, at)| at.saturating_duration_since(since(*number)).as_secs_f64() * 1e3)
        .collect();
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize];
    json!({"p50": at(0.5), "p99": at(0.99), "max": at(1.0), "count": delays.len()})
}

/// Posts the upload of each ticket in its turn.
async fn post_all(receiver: &Receiver, plan: Plan, tickets: &[Uuid]) -> Arc<Vec<Upload>> {
    let uploads: Arc<Vec<Upload>> = Arc::new(tickets.iter().map(|_| Upload::default()).collect());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let url = format!("http://{}/callbacks/main/{TOKEN}", receiver.address);
    let mut turns = interval(Duration::from_secs_f64(1.0 / plan.per_second));
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut posted = Vec::new();
    for (number, ticket) in tickets.iter().enumerate() {
        turns.tick().await;
        let body = json!({"EventType": "NewFileUpload", "FileUploadEvent": {
            "FileId": file_id(number), "ProcedureTaskId": "", "MediaBasicInfo": {
                "Name": "holiday", "Type": "mp4", "MediaUrl": "http://example.vod2.myqcloud.com/f0.mp4",
                "CreateTime": "2026-11-23T07:59:00Z", "UpdateTime": "2026-11-23T07:59:02Z", "ClassId": 0,
                "SourceInfo": {"SourceType": "Upload", "SourceContext": Ticket(*ticket).to_string()}}}});
        let request = client.post(&url).body(body.to_string());
        let uploads = Arc::clone(&uploads);
        posted.push(tokio::spawn(async move {
            let _ = uploads[number].sent.set(Instant::now());
            let answer = request.send().await.unwrap();
            let _ = uploads[number].answered.set(Instant::now());
            assert_eq!(answer.status(), 200);
        }));
    }
    for posted in posted {
        posted.await.unwrap();
    }
    uploads
}

fn file_id(number: usize) -> String {
    format!("7{number:08}")
}

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// A reader, which tells when it was told of each upload.
async fn follow(address: SocketAddr, many: usize) -> JoinHandle<Vec<(usize, Instant)>> {
    let stream = ask(address, "/v1/uploads/live").await;
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        let mut told = Vec::with_capacity(many);
        while told.len() < many {
            let line = lines.next_line().await.unwrap().expect("it goes on");
            if let Some((_, rest)) = line.split_once("\"file_id\":\"7") {
                let number = rest.split_once('"').unwrap().0.parse().unwrap();
                told.push((number, Instant::now()));
            }
        }
        told
    })
}

/// A waiter, which tells when it was told.
async fn wait(address: SocketAddr, number: usize, ticket: Ticket) -> JoinHandle<(usize, Instant)> {
    let mut stream = ask(address, &format!("/v1/tickets/{ticket}?wait=60")).await;
    tokio::spawn(async move {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let at = Instant::now();
        assert!(answer.contains(&file_id(number)), "{answer}");
        (number, at)
    })
}
