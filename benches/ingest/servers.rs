//! The servers that are loaded: without a database, and ours.

use std::net::SocketAddr;
use std::path::{Path as FilePath, PathBuf};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Json, Path};
use actix_web::{App, HttpServer, post};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;
use vod_receiver::keep::partitions;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::cluster::Cluster;
use vod_receiver::ops::database;
use vod_receiver::vod::notification;

use crate::bodies;
use crate::cpu::Used;
use crate::load::{self, Answered, Ask, Load};
use crate::receiver::Receiver;

/// A quarter of the memory of a machine that keeps ten million uploads, as Postgres's manual advises: what ingest
/// touches of the indexes fits. Checkpoints come as often as their distance says.
pub const LARGE: [(&str, &str); 5] = [
    ("shared_buffers", "4GB"),
    ("max_wal_size", "4GB"),
    ("min_wal_size", "3GB"),
    ("wal_compression", "lz4"),
    ("checkpoint_timeout", "15min"),
];

/// What is there now passes for counted in the roll-ups: a service that begins with it counts what comes, and not it anew.
pub const COUNTED: &str = "UPDATE rollup_state SET seq = feed_head.seq, walk = NULL FROM feed_head";

/// The database of all measurements.
pub struct Prepared {
    pub pool: PgPool,
    pub url: String,
    /// Of the cluster and of the receiver.
    dir: PathBuf,
}

/// Makes the database.
pub async fn prepare(cluster: &Cluster, dir: &FilePath) -> Prepared {
    let mut admin = PgConnection::connect(&cluster.url("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql("CREATE DATABASE bench")
        .execute(&mut admin)
        .await
        .unwrap();
    let url = cluster.url("bench");
    let options: PgConnectOptions = url.parse().unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .connect_with(options)
        .await
        .unwrap();
    database::migrate(&pool).await.unwrap();
    partitions::ensure(&mut pool.acquire().await.unwrap(), Clock::system().now())
        .await
        .unwrap();
    Prepared {
        pool,
        url,
        dir: dir.to_owned(),
    }
}

impl Prepared {
    /// Empties the tables, but for the tickets that the bodies name.
    pub async fn empty(&self) {
        let sql = "TRUNCATE tickets, deliveries, uploads, tasks, changes, attribution_changes, signature_issues,
            uncounted, counted_uploads, open_tickets";
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
        sqlx::raw_sql(COUNTED).execute(&self.pool).await.unwrap();
        let ids: Vec<Uuid> = (0..bodies::TICKETS)
            .map(|number| bodies::ticket(number).0)
            .collect();
        sqlx::query(
            "INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
            SELECT id, 'main', 'user ' || id, false, now(), now() FROM unnest($1::uuid[]) AS t (id)",
        )
        .bind(&ids)
        .execute(&self.pool)
        .await
        .unwrap();
        sqlx::raw_sql("CHECKPOINT")
            .execute(&self.pool)
            .await
            .unwrap();
    }
}

/// A server that parses and answers.
pub async fn echo(load: Load) -> Answered {
    let server = HttpServer::new(|| App::new().service(parse))
        .workers(2)
        .disable_signals();
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    loaded(address, server.run(), load).await
}

#[post("/callbacks/{app}/{token}")]
async fn parse(_path: Path<(String, String)>, body: Bytes) -> Json<Value> {
    let read = notification::read(&body).unwrap();
    assert_eq!(read.items.len(), 1);
    Json(json!({"status": "recorded"}))
}

/// How the service did.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub answered: Answered,
    /// Of both, a request, in microseconds.
    pub cpu: Used,
}

/// The service, on tables that are empty.
pub async fn ours(prepared: &Prepared, load: Load) -> Measured {
    prepared.empty().await;
    ours_on_what_is_there(prepared, load).await
}

/// The service, a process of its own, with all that it does beside; on whatever the tables hold.
pub async fn ours_on_what_is_there(prepared: &Prepared, load: Load) -> Measured {
    let receiver = Receiver::start(&prepared.url, &prepared.dir).await;
    let used = || Used::now(&prepared.dir.join("data"), receiver.pid());
    let (began, before) = (Clock::system().now(), used());
    let answered = load::against(receiver.address, load).await;
    let cpu = used().since(before).each(answered.requests);
    // What was answered may lie in its spool.
    receiver.until("spool_records", 0).await;
    drop(receiver);
    let stored = match load.ask {
        Ask::Notification => {
            "SELECT count(*) FROM uploads
            WHERE recorded_at >= $1 AND announced_at IS NOT NULL AND user_id IS NOT NULL"
        }
        Ask::Signature => {
            "SELECT count(*) FROM signature_issues JOIN tickets t ON t.id = ticket WHERE created_at >= $1"
        }
    };
    let stored: i64 = sqlx::query_scalar(stored)
        .bind(began)
        .fetch_one(&prepared.pool)
        .await
        .unwrap();
    assert!(
        stored as u64 >= answered.requests,
        "of {} only {stored} were stored",
        answered.requests
    );
    Measured { answered, cpu }
}

/// Loads a server while it runs, and stops it.
pub async fn loaded(address: SocketAddr, server: actix_web::dev::Server, load: Load) -> Answered {
    let handle: ServerHandle = server.handle();
    let running = tokio::spawn(server);
    let answered = load::against(address, load).await;
    handle.stop(true).await;
    running.await.unwrap().unwrap();
    answered
}
