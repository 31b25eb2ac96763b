//! The three servers that are loaded: without a database, naive, and ours.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{App, HttpServer, post};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;
use vod_receiver::app::{Parts, build};
use vod_receiver::config::{Config, Sources};
use vod_receiver::keep::partitions;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::cluster::Cluster;
use vod_receiver::ops::database::{self, Database};
use vod_receiver::ops::lifecycle::Lifecycle;
use vod_receiver::ops::random::Random;
use vod_receiver::vod::event::Event;
use vod_receiver::vod::notification;

use crate::{bodies, load};

/// The database of all measurements.
pub struct Prepared {
    pub pool: PgPool,
    pub url: String,
}

/// Makes the database, and issues the tickets that the bodies name.
pub async fn prepare(cluster: &Cluster) -> Prepared {
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
    let ids: Vec<Uuid> = (0..bodies::TICKETS)
        .map(|number| bodies::ticket(number).0)
        .collect();
    sqlx::query(
        "INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
         SELECT id, 'main', 'user ' || id, false, now(), now() FROM unnest($1::uuid[]) AS t (id)",
    )
    .bind(&ids)
    .execute(&pool)
    .await
    .unwrap();
    Prepared { pool, url }
}

impl Prepared {
    /// Empties the tables that a measurement fills.
    pub async fn empty(&self) {
        let sql = "TRUNCATE deliveries, uploads, tasks, changes, attribution_changes; CHECKPOINT";
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }
}

/// A server that parses and answers.
pub async fn echo(time: Duration) -> f64 {
    let server = HttpServer::new(|| App::new().service(parse))
        .workers(2)
        .disable_signals();
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    loaded(address, server.run(), time).await
}

#[post("/callbacks/{app}/{token}")]
async fn parse(_path: Path<(String, String)>, body: Bytes) -> Json<Value> {
    let read = notification::read(&body).unwrap();
    assert_eq!(read.items.len(), 1);
    Json(json!({"status": "recorded"}))
}

/// One transaction a request. The numbers of the change log come from a sequence: the one row that
/// orders commits would make every request wait for the one before it.
pub async fn naive(prepared: &Prepared, time: Duration) -> f64 {
    prepared.empty().await;
    sqlx::raw_sql("CREATE SEQUENCE IF NOT EXISTS naive_seq")
        .execute(&prepared.pool)
        .await
        .unwrap();
    // A pool of its own: its connections live in the runtimes of the workers that open them.
    let own = PgPoolOptions::new()
        .max_connections(16)
        .connect_lazy(&prepared.url)
        .unwrap();
    let pool = Data::new(own.clone());
    let server = HttpServer::new(move || App::new().app_data(pool.clone()).service(store))
        .workers(2)
        .disable_signals();
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let rate = loaded(address, server.run(), time).await;
    own.close().await;
    rate
}

#[post("/callbacks/{app}/{token}")]
async fn store(path: Path<(String, String)>, body: Bytes, pool: Data<PgPool>) -> Json<Value> {
    let event = notification::read(&body)
        .unwrap()
        .items
        .remove(0)
        .event
        .unwrap();
    store_one(&pool, &path.0, &body, &event).await.unwrap();
    Json(json!({"status": "recorded"}))
}

async fn store_one(
    pool: &PgPool,
    app: &str,
    body: &[u8],
    event: &Event,
) -> Result<(), sqlx::Error> {
    let now = Clock::system().now();
    let fact = &event.files[0];
    let fields = &fact.fields;
    let ticket: Option<vod_receiver::ticket::Ticket> = fields
        .source_context
        .as_deref()
        .and_then(|text| text.parse().ok());
    let mut transaction = pool.begin().await?;
    sqlx::query(
        "INSERT INTO deliveries (id, app, door, received_at, recorded_at, state, event_type, format, file_id, body)
         VALUES ($1, $2, 'push', $3, $3, 'recorded', $4, $5, $6, $7)",
    )
    .bind(Random::system().uuid_v7(now))
    .bind(app)
    .bind(now)
    .bind(&event.event_type)
    .bind(event.format.as_str())
    .bind(fact.file_id.as_str())
    .bind(body)
    .execute(&mut *transaction)
    .await?;
    let user_id: Option<String> = sqlx::query_scalar("SELECT user_id FROM tickets WHERE id = $1")
        .bind(ticket.map(|ticket| ticket.0))
        .fetch_optional(&mut *transaction)
        .await?;
    sqlx::query(
        "INSERT INTO uploads (
            app, file_id, user_id, ticket, attribution_method, attribution_reason, attribution_at, contexts_differ,
            confirmed, source_type, source_context, name, type, media_url, class_id, storage_region, size_bytes,
            duration_s, width, height, bitrate_bps, uploaded_at, processing, recorded_at, updated_at, announced_at,
            deliveries, rank_strength, rank_update_time, rank_digest, version, folded_on)
         VALUES ($1, $2, $3, $4, 'ticket', 'ticket', $5, false, 'push', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
            $16, $17, $18, 'none', $5, $5, $5, 1, 13, $19, $20, 1, 0)
         ON CONFLICT (app, file_id) DO UPDATE SET deliveries = uploads.deliveries + 1",
    )
    .bind(app)
    .bind(fact.file_id.as_str())
    .bind(user_id.as_deref())
    .bind(ticket.map(|ticket| ticket.0))
    .bind(now)
    .bind(&fields.source_type)
    .bind(&fields.source_context)
    .bind(&fields.name)
    .bind(&fields.media_type)
    .bind(&fields.media_url)
    .bind(fields.class_id)
    .bind(&fields.storage_region)
    .bind(fields.size_bytes)
    .bind(fields.duration_s)
    .bind(fields.width)
    .bind(fields.height)
    .bind(fields.bitrate_bps)
    .bind(fields.uploaded_at)
    .bind(fact.update_time)
    .bind(&event.digest[..16])
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "INSERT INTO changes (seq, at, kind, app, file_id, ticket, user_after)
         VALUES (nextval('naive_seq'), $1, 'recorded', $2, $3, $4, $5)",
    )
    .bind(now)
    .bind(app)
    .bind(fact.file_id.as_str())
    .bind(ticket.map(|ticket| ticket.0))
    .bind(user_id)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// The service.
pub async fn ours(prepared: &Prepared, time: Duration) -> f64 {
    prepared.empty().await;
    let environment = [
        ("DATABASE_URL", prepared.url.as_str()),
        ("VOD_SECRET_ID", "AKIDbench"),
        ("VOD_SECRET_KEY", "bench-secret-key"),
        ("VOD_CALLBACK_TOKEN", "bench-callback-token-0123456789"),
    ];
    let environment = environment
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let config = Config::load(&Sources {
        environment,
        ..Sources::default()
    })
    .unwrap();
    let database = Database::lazy(&prepared.url).unwrap();
    database.set_ready();
    let (parts, writers) = Parts::new(
        config,
        database.clone(),
        None,
        Clock::system(),
        Random::system(),
    );
    let mut tasks = Lifecycle::default();
    tasks.spawn("writers", |stop| writers.run(stop));
    let server = HttpServer::new(move || build(parts.clone()))
        .workers(2)
        .disable_signals();
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let rate = loaded(address, server.run(), time).await;
    tasks.stop().await;
    database.close().await;
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM uploads WHERE user_id IS NOT NULL")
        .fetch_one(&prepared.pool)
        .await
        .unwrap();
    assert!(
        stored as f64 >= rate * time.as_secs_f64() * 0.9,
        "only {stored} were stored"
    );
    rate
}

async fn loaded(address: SocketAddr, server: actix_web::dev::Server, time: Duration) -> f64 {
    let handle: ServerHandle = server.handle();
    let running = tokio::spawn(server);
    let rate = load::against(address, time).await;
    handle.stop(true).await;
    running.await.unwrap().unwrap();
    rate
}
