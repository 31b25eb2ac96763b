//! `simulate seed`: what it makes is what recording it would have left, and the API and the analyst read it as such.

use std::process::Output;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;
use vod_receiver::config::App;
use vod_receiver::keep::rollups;
use vod_receiver::record::verdict::Decision;
use vod_receiver::record::{Delivery, Door, said};
use vod_receiver::simulator::seed::{self, CLIPS, MAIN, RESOLVER, SeedSettings, Seeded};
use vod_receiver::ticket::UserId;
use vod_receiver::vod::event::FileId;

use crate::analyst::{analyst, rows};
use crate::harness::{NOW, TOKEN, TestApp, named_app};
use crate::keys::binary;

/// A receiver of both apps that are seeded.
async fn receiver() -> TestApp {
    let app = |name: &str| App {
        resolvers: vec![RESOLVER.parse().unwrap()],
        ..named_app(name)
    };
    TestApp::with(vec![app(MAIN), app(CLIPS)]).await
}

async fn seed(app: &TestApp, uploads: u64, threads: usize) -> Seeded {
    let settings = SeedSettings {
        uploads,
        users: 40,
        days: 100,
        seed: 7,
        until: NOW.parse().unwrap(),
        threads,
    };
    let options: PgConnectOptions = app.database_url().parse().unwrap();
    seed::seed(&options, &settings, Arc::default())
        .await
        .unwrap()
}

/// Every row that recording leaves; the ids of the audit trail are drawn anew each time.
async fn recorded(app: &TestApp) -> [Value; 6] {
    let since: DateTime<Utc> = NOW.parse().unwrap();
    let since = since - TimeDelta::days(7);
    let row = sqlx::query(
        "SELECT
            (SELECT jsonb_agg(to_jsonb(d) ORDER BY id) FROM deliveries d),
            (SELECT jsonb_agg(to_jsonb(u) ORDER BY app, file_id) FROM uploads u),
            (SELECT jsonb_agg(to_jsonb(t) ORDER BY task_id, app, file_id) FROM tasks t),
            (SELECT jsonb_agg(to_jsonb(a) - 'id' ORDER BY at, app, file_id) FROM attribution_changes a),
            (SELECT jsonb_agg(to_jsonb(c) ORDER BY seq) FROM changes c WHERE at >= $1),
            (SELECT to_jsonb(seq) FROM feed_head)",
    )
    .bind(since)
    .fetch_one(&app.pool)
    .await
    .unwrap();
    [0, 1, 2, 3, 4, 5].map(|column| row.get(column))
}

/// What happened, in the order in which it did: deliveries, and what a person decided.
enum Happened {
    Came(Box<Delivery>),
    Decided(Decision),
}

async fn happened(app: &TestApp) -> Vec<(DateTime<Utc>, Happened)> {
    let kept = sqlx::query("SELECT id, app, door, received_at, body, recorded_at FROM deliveries");
    let mut all = Vec::new();
    for row in kept.fetch_all(&app.pool).await.unwrap() {
        let door = Door::parse(row.get("door")).unwrap();
        let body = Bytes::from(row.get::<Vec<u8>, _>("body"));
        let delivery = Delivery {
            id: row.get("id"),
            app: row.get::<&str, _>("app").parse().unwrap(),
            door,
            received_at: row.get("received_at"),
            said: said(door, &body),
            body,
        };
        all.push((row.get("recorded_at"), Happened::Came(Box::new(delivery))));
    }
    let decided = sqlx::query(
        "SELECT app, file_id, at, note, user_after FROM attribution_changes WHERE decided_by = 'key admin'",
    );
    for row in decided.fetch_all(&app.pool).await.unwrap() {
        let decision = Decision {
            app: row.get::<&str, _>("app").parse().unwrap(),
            file_id: FileId::parse(row.get("file_id")).unwrap(),
            user_id: Some(UserId::parse(row.get("user_after")).unwrap()),
            reason: row.get("note"),
            key: "admin".to_owned(),
        };
        all.push((row.get("at"), Happened::Decided(decision)));
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

#[actix_web::test]
async fn what_is_seeded_is_what_the_recorder_makes_of_the_same_deliveries_at_the_same_times() {
    let app = receiver().await;
    seed(&app, 1_500, 2).await;
    let seeded = recorded(&app).await;
    let happened = happened(&app).await;
    assert!(happened.len() > 1_700, "{}", happened.len());
    let empty = "TRUNCATE deliveries, uploads, tasks, attribution_changes, changes; UPDATE feed_floor SET seq = 0";
    app.run(empty.to_owned()).await;
    for (at, what) in happened {
        app.clock.advance(at - app.clock.now());
        match what {
            Happened::Came(delivery) => drop(app.recorder.submit(vec![*delivery]).await.unwrap()),
            Happened::Decided(decision) => app.recorder.decide(&decision).await.unwrap(),
        }
    }
    let by_the_door = recorded(&app).await;
    for (seeded, recorded) in seeded.iter().zip(&by_the_door) {
        let both = |value: &Value| value.as_array().cloned().unwrap_or(vec![value.clone()]);
        let (seeded, recorded) = (both(seeded), both(recorded));
        assert_eq!(seeded.len(), recorded.len());
        for (seeded, recorded) in seeded.iter().zip(&recorded) {
            assert_eq!(seeded, recorded);
        }
    }
}

#[actix_web::test]
async fn the_seeded_log_of_permissions_agrees_with_itself_and_every_row_is_in_its_month() {
    let app = receiver().await;
    let seeded = seed(&app, 1_500, 2).await;
    let wrong_tickets = "SELECT count(*) FROM tickets t FULL JOIN (
            SELECT ticket, min(app) AS app, min(user_id) AS user_id, min(issued_at) AS created_at,
                max(expires_at) AS last_expires_at, bool_or(one_time) AS one_time
            FROM signature_issues GROUP BY ticket
        ) i ON i.ticket = t.id
        WHERE (t.app, t.user_id, t.created_at, t.last_expires_at, t.one_time)
            IS DISTINCT FROM (i.app, i.user_id, i.created_at, i.last_expires_at, i.one_time)";
    assert_eq!(app.count(wrong_tickets).await, 0);
    let unused = "SELECT count(*) FROM tickets WHERE id NOT IN (SELECT ticket FROM uploads WHERE ticket IS NOT NULL)";
    assert!(app.count(unused).await > 200);
    let astray = "SELECT (SELECT count(*) FROM deliveries_default) + (SELECT count(*) FROM signature_issues_default)";
    assert_eq!(app.count(astray).await, 0);
    let months = "SELECT count(DISTINCT tableoid) FROM deliveries";
    assert_eq!(app.count(months).await, 4);
    // Ten uploads, twelve deliveries, 25 signatures.
    let per_ten = |count: u64| count as f64 / 150.0;
    assert!(
        (11.5..12.8).contains(&per_ten(seeded.deliveries)),
        "{seeded:?}"
    );
    assert!(
        (23.5..26.5).contains(&per_ten(seeded.signature_issues)),
        "{seeded:?}"
    );
    let ids: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(
        "SELECT id, received_at FROM deliveries UNION ALL SELECT id, issued_at FROM signature_issues
        UNION ALL SELECT id, created_at FROM tickets",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    for (id, at) in ids {
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        let millis = seconds * 1_000 + u64::from(nanos / 1_000_000);
        assert_eq!(millis, u64::try_from(at.timestamp_millis()).unwrap());
    }
}

#[actix_web::test]
async fn the_api_and_the_analyst_tell_the_figures_of_what_was_seeded() {
    let app = receiver().await;
    seed(&app, 1_500, 2).await;
    let window = "from=2026-08-01T00:00:00Z&to=2026-11-23T08:00:00Z";
    let (_, stats) = app.get(&format!("/v1/stats?{window}")).await;
    let uploads = &stats["uploads"];
    let total = uploads["total"].as_i64().unwrap() + uploads["refuted"].as_i64().unwrap();
    assert_eq!(total, 1_500);
    assert_eq!(
        stats["permissions"]["signatures"].as_i64().unwrap(),
        app.count("SELECT count(*) FROM signature_issues").await
    );
    assert_eq!(
        stats["deliveries"]["total"].as_i64().unwrap(),
        app.count("SELECT count(*) FROM deliveries").await
    );
    rollups::recount(&app.database).await.unwrap();
    rollups::catch_up(&app.database, &app.clock).await.unwrap();
    let rolled_up = "SELECT sum(uploads + refuted)::bigint FROM upload_quarters";
    assert_eq!(app.count(rolled_up).await, 1_500);
    let mut connection = analyst(&app.database_url()).await;
    let shown = rows(&mut connection, "analyst.uploads").await;
    assert_eq!(shown.len(), 1_500);
    // The rare ones too; a thousand more would bring the rest.
    for reason in [
        "ticket",
        "session_ticket",
        "resolver",
        "no_context",
        "foreign_context",
    ] {
        let is_one = |row: &&serde_json::Map<String, Value>| row["attribution_reason"] == reason;
        let told = uploads["reasons"].as_array().unwrap();
        let told = told.iter().find(|told| told["reason"] == reason).unwrap();
        let count = shown.iter().filter(is_one).count();
        assert!(count > 0);
        assert_eq!(told["uploads"], json!(count), "{reason}");
    }
    let (_, page) = app.get("/v1/uploads?user_id=user-1&limit=200").await;
    assert!(page["items"].as_array().unwrap().len() > 100);
    let file_id = page["items"][0]["file_id"].as_str().unwrap();
    let (_, history) = app.get(&format!("/v1/uploads/{file_id}")).await;
    assert!(
        !history["deliveries"].as_array().unwrap().is_empty(),
        "{history}"
    );
    let (_, changes) = app.get("/v1/uploads/changes").await;
    assert!(changes["next_cursor"].is_string(), "{changes}");
}

#[actix_web::test]
async fn the_same_seed_makes_the_same_rows_however_many_threads_make_them() {
    let (one, other) = (receiver().await, receiver().await);
    assert_eq!(seed(&one, 5_000, 1).await, seed(&other, 5_000, 3).await);
    for (one, other) in recorded(&one).await.iter().zip(&recorded(&other).await) {
        assert!(one == other);
    }
    let permissions = "SELECT hashtextextended(string_agg(r, ';' ORDER BY r), 0) FROM (
        SELECT t::text AS r FROM tickets t UNION ALL SELECT i::text FROM signature_issues i) x";
    assert_eq!(one.count(permissions).await, other.count(permissions).await);
}

fn seed_command(app: &TestApp, arguments: &[&str]) -> Output {
    let arguments = [&["simulate", "seed"], arguments].concat();
    let url = app.database_url();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("VOD_SECRET_ID", "id"),
        ("VOD_SECRET_KEY", "key"),
        ("VOD_CALLBACK_TOKEN", TOKEN),
    ];
    binary(&arguments, &settings).output().unwrap()
}

#[actix_web::test]
async fn the_command_fills_a_new_database_and_refuses_one_in_which_something_is() {
    let app = receiver().await;
    let arguments = ["--uploads", "300", "--until", NOW, "--json"];
    let output = seed_command(&app, &arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let seeded: Value = serde_json::from_slice(&output.stdout).unwrap();
    let announced = "SELECT count(*) FROM uploads WHERE announced_at IS NOT NULL";
    assert_eq!(app.count(announced).await, 300);
    let deliveries = app.count("SELECT count(*) FROM deliveries").await;
    assert_eq!(seeded["deliveries"], json!(deliveries));
    // A service counts it all anew.
    let walks = "SELECT count(*) FROM rollup_state WHERE walk IS NOT NULL";
    assert_eq!(app.count(walks).await, 1);

    let again = seed_command(&app, &arguments);
    assert_eq!(again.status.code(), Some(1));
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(told.contains("holds rows already"), "{told}");
    assert_eq!(app.count(announced).await, 300);
    let wrong = seed_command(&app, &["--uploads", "0"]);
    assert_eq!(wrong.status.code(), Some(2));
}
