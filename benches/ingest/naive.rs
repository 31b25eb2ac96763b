//! What one would write first: one transaction a request, prepared statements, a pool of 16; no slower than
//! it need be.

use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{App, HttpResponse, HttpServer, post};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::random::Random;
use vod_receiver::ticket::Ticket;
use vod_receiver::vod::event::Event;
use vod_receiver::vod::notification;
use vod_receiver::vod::signature::UploadParams;

use crate::load::Load;
use crate::servers::{Prepared, loaded};

/// One transaction a request. The numbers of the change log come from a sequence: the one row that
/// orders commits would make every request wait for the one before it.
pub async fn notifications(prepared: &Prepared, load: Load) -> f64 {
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
    let rate = loaded(address, server.run(), load).await.per_second;
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

/// The same for signatures: ticket and issue in one transaction, then the HMAC.
pub async fn signatures(prepared: &Prepared, load: Load) -> f64 {
    prepared.empty().await;
    let own = PgPoolOptions::new()
        .max_connections(16)
        .connect_lazy(&prepared.url)
        .unwrap();
    let pool = Data::new(own.clone());
    let server = HttpServer::new(move || App::new().app_data(pool.clone()).service(sign))
        .workers(2)
        .disable_signals();
    let server = server.bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let rate = loaded(address, server.run(), load).await.per_second;
    own.close().await;
    rate
}

#[derive(Deserialize)]
struct Asked {
    user_id: String,
}

#[post("/v1/signatures")]
async fn sign(asked: Json<Asked>, pool: Data<PgPool>) -> HttpResponse {
    let (now, random) = (Clock::system().now(), Random::system());
    let (id, ticket) = (random.uuid_v7(now), Ticket(random.uuid_v7(now)));
    let params = UploadParams {
        secret_id: "AKIDbench".to_owned(),
        current_time_stamp: now.timestamp(),
        expire_time: now.timestamp() + 3600,
        random: random.u32(),
        source_context: Some(ticket.to_string()),
        ..UploadParams::default()
    };
    let expires_at = now + TimeDelta::hours(1);
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
         VALUES ($1, 'main', $2, false, $3, $4)",
    )
    .bind(ticket.0)
    .bind(&asked.user_id)
    .bind(now)
    .bind(expires_at)
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO signature_issues (
            id, ticket, app, user_id, issued_at, expires_at, secret_id, random, one_time, issued_to)
         VALUES ($1, $2, 'main', $3, $4, $5, 'AKIDbench', $6, false, 'admin')",
    )
    .bind(id)
    .bind(ticket.0)
    .bind(&asked.user_id)
    .bind(now)
    .bind(expires_at)
    .bind(i64::from(params.random))
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    HttpResponse::Created().json(json!({
        "signature": params.sign("bench-secret-key"), "ticket": ticket.to_string(), "issue_id": id,
        "app": "main", "user_id": asked.user_id, "issued_at": now, "expires_at": expires_at,
    }))
}
