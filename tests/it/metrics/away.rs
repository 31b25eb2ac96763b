//! The metrics while Postgres is away: they are told all the same, and tell of it.

use chrono::TimeDelta;
use reqwest::StatusCode;

use super::{moved, read};
use crate::harness::{Scratch, TOKEN, TestApp, eventually, new_file_upload};
use crate::startup::{within, without_database};

#[actix_web::test]
async fn what_is_spooled_and_drained_is_told() {
    let dir = Scratch::new();
    let app = TestApp::with_spool(&dir).await;
    let main = format!("main/{TOKEN}");
    // A session that was just being opened is not seen by the first one.
    eventually("Postgres is away", async || {
        app.lock_out(true).await;
        app.metric("postgres_up").await == 0.0
    })
    .await;
    let (status, told) = app
        .what_moves(&main, new_file_upload("9531", "").to_string())
        .await;
    let wanted = [
        "callbacks_total{outcome=\"spooled\"} +1",
        "spool_appended_total +1",
    ];
    assert_eq!((status, told), (200, wanted.map(str::to_owned).to_vec()));
    app.clock.advance(TimeDelta::seconds(90));
    let away = app.metrics().await;
    let is = |name: &str| away[&format!("vod_receiver_{name}")];
    assert_eq!(is("postgres_up"), 0.0);
    assert_eq!(is("spool_records"), 1.0);
    assert_eq!(is("spool_oldest_age_seconds"), 90.0);
    assert!(is("spool_bytes") > 100.0 && is("spool_bytes") < is("spool_limit_bytes"));
    assert_eq!(is("newest_delivery_age_seconds"), 90.0);

    app.lock_out(false).await;
    eventually("the spool is drained", async || {
        app.metric("spool_bytes").await == 0.0
    })
    .await;
    let back = app.metrics().await;
    let wanted = [
        "deliveries_total{door=\"push\",outcome=\"recorded\"} +1",
        "spool_drained_total{outcome=\"recorded\"} +1",
        "uploads_recorded_total{method=\"none\",reason=\"no_context\"} +1",
    ];
    assert_eq!(moved(&away, &back), wanted);
    let is = |name: &str| back[&format!("vod_receiver_{name}")];
    assert_eq!(is("postgres_up"), 1.0);
    assert_eq!(is("spool_oldest_age_seconds"), 0.0);
    assert_eq!(is("spool_records"), 0.0);
    // What is drained came then, not now.
    assert_eq!(is("newest_delivery_age_seconds"), 90.0);
}

#[actix_web::test]
async fn what_postgres_cannot_take_now_is_told() {
    let dir = Scratch::new();
    let app = TestApp::with_spool(&dir).await;
    // Not an error by which a row could be refused.
    sqlx::raw_sql(
        "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = 'internal_error'; END $$;
        CREATE TRIGGER odd BEFORE INSERT ON uploads FOR EACH ROW EXECUTE FUNCTION odd()",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let (status, told) = app
        .what_moves(
            &format!("main/{TOKEN}"),
            new_file_upload("9535", "").to_string(),
        )
        .await;
    assert_eq!((status, told.len()), (200, 2), "{told:?}");
    let unavailable = "batches_total{outcome=\"unavailable\"}";
    assert!(app.metric(unavailable).await >= 1.0);
    assert_eq!(
        app.metric("batches_total{outcome=\"committed\"}").await,
        0.0
    );
}

#[actix_web::test]
async fn who_is_held_and_then_refused_is_told() {
    let app = without_database().await;
    let body = new_file_upload("9541", "").to_string();
    let body_bytes = body.len() as f64;
    let watched = async {
        loop {
            let series = app.metrics().await;
            if series["vod_receiver_callbacks_held"] == 1.0 {
                return series;
            }
        }
    };
    let watched = async { within(60, watched).await.expect("it is held") };
    let (answered, while_held) = tokio::join!(app.callback(body), watched);
    assert_eq!(answered.0, StatusCode::SERVICE_UNAVAILABLE);
    let is = |name: &str| while_held[&format!("vod_receiver_{name}")];
    assert_eq!(is("bodies_in_flight_bytes"), body_bytes);
    assert_eq!(is("postgres_up"), 0.0);

    let after = app.metrics().await;
    let told = moved(&while_held, &after);
    assert_eq!(told, ["callbacks_total{outcome=\"unavailable\"} +1"]);
    assert_eq!(after["vod_receiver_bodies_in_flight_bytes"], 0.0);
    assert_eq!(after["vod_receiver_callbacks_held"], 0.0);
    let requests = "vod_receiver_http_requests_total{method=\"POST\",route=\"/callbacks/{app}/{token}\",status=\"5xx\"}";
    assert_eq!(after[requests], 1.0);
}

#[actix_web::test]
async fn two_services_in_one_process_do_not_mix() {
    let (one, other) = (TestApp::start().await, without_database().await);
    let before = other.metrics().await;
    one.callback(new_file_upload("9551", "").to_string()).await;
    assert_eq!(moved(&before, &other.metrics().await), [""; 0]);
    let outcome = "callbacks_total{outcome=\"recorded\"}";
    assert_eq!(one.metric(outcome).await, 1.0);
    assert_eq!(other.metric(outcome).await, 0.0);
}

#[test]
fn a_series_that_is_told_twice_is_found() {
    let twice = std::panic::catch_unwind(|| read("a{b=\"c\"} 1\na{b=\"c\"} 1\n"));
    assert!(twice.is_err());
}
