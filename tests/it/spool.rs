//! What Postgres cannot take is on the local disk, answered `spooled`, and recorded once when it is back.

use std::process::Stdio;

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};
use vod_receiver::keep::partitions;

use crate::analyst::on_empty_database;
use crate::harness::{
    ADMIN_KEY, SECRET_ID, SECRET_KEY, Scratch, TOKEN, TestApp, eventually, new_file_upload,
};
use crate::keys::binary;
use crate::startup::{Serving, without_database};

fn spooled() -> (StatusCode, Value) {
    (StatusCode::OK, json!({"status": "spooled"}))
}

fn upload(file_id: &str, ticket: &str) -> String {
    new_file_upload(file_id, ticket).to_string()
}

async fn is_drained(app: &TestApp) {
    eventually("the spool is drained", async || {
        let (status, ready) = app.get("/readyz").await;
        status == StatusCode::OK && ready["spool"]["records"] == 0
    })
    .await;
}

#[actix_web::test]
async fn what_comes_while_postgres_is_away_is_spooled_and_then_recorded_once() {
    let dir = Scratch::new();
    let app = TestApp::with_spool(&dir).await;
    let ticket = app.ticket("ann").await;
    let (_, before) = app.callback(upload("9401", &ticket)).await;
    assert_eq!(before, json!({"status": "recorded"}));

    app.lock_out(true).await;
    for file_id in ["9401", "9402", "9403"] {
        assert_eq!(app.callback(upload(file_id, &ticket)).await, spooled());
    }
    // Its bytes are kept all the same, and whoever sent it is told.
    let (status, _) = app.callback("not JSON").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, ready) = app.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready["spool"]["records"], 4);
    assert!(ready["spool"]["bytes"].as_u64().unwrap() > 0);
    assert!(ready["spool"]["oldest_age_s"].is_number());

    app.lock_out(false).await;
    is_drained(&app).await;
    for (file_id, deliveries) in [("9401", 2), ("9402", 1), ("9403", 1)] {
        let upload = app.upload(file_id).await;
        assert_eq!(upload["user_id"], "ann");
        assert_eq!(upload["deliveries"], deliveries);
    }
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 5);
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries WHERE quarantine_reason IS NOT NULL AND body = 'not JSON'").await,
        1
    );
    let (_, after) = app.callback(upload("9404", &ticket)).await;
    assert_eq!(after, json!({"status": "recorded"}));
}

#[actix_web::test]
async fn a_receiver_that_is_killed_leaves_its_spool_to_the_next() {
    let away = without_database().await;
    let port = away.pool.connect_options().get_port();
    let dir = Scratch::new();
    let nowhere = format!("postgres://vod@127.0.0.1:{port}/none");
    let serving = Serving::start_in(&dir, &nowhere, &[]);
    let path = format!("/callbacks/main/{TOKEN}");
    for file_id in ["9411", "9412"] {
        let answer = serving.post(&path, &new_file_upload(file_id, "")).await;
        assert_eq!(answer, spooled());
    }
    assert_eq!(serving.end("-KILL").await, None);

    let app = on_empty_database().await;
    let serving = Serving::start_in(&dir, &app.database_url(), &[]);
    serving.is_ready().await;
    eventually("both are recorded", async || {
        let (_, page) = serving.get("/v1/uploads").await;
        page["items"].as_array().map(Vec::len) == Some(2)
    })
    .await;
    assert_eq!(serving.end("-TERM").await, Some(0));
}

#[actix_web::test]
async fn a_spool_has_one_owner() {
    let app = TestApp::start().await;
    let dir = Scratch::new();
    let serving = Serving::start_in(&dir, &app.database_url(), &[]);
    let settings = [
        ("DATABASE_URL", app.database_url()),
        ("VOD_SECRET_ID", SECRET_ID.to_owned()),
        ("VOD_SECRET_KEY", SECRET_KEY.to_owned()),
        ("VOD_CALLBACK_TOKEN", TOKEN.to_owned()),
        ("VOD_RECEIVER_ADMIN_KEY", ADMIN_KEY.to_owned()),
        ("VOD_RECEIVER_LISTEN", "127.0.0.1:0".to_owned()),
        ("VOD_RECEIVER_DATA_DIR", dir.0.display().to_string()),
        ("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL", "true".to_owned()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let spool = dir.0.join("spool").display().to_string();
    for arguments in [&["serve"][..], &["replay", "--spool", &spool]] {
        let second = binary(arguments, &settings)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(second.status.code(), Some(1));
        let told = String::from_utf8(second.stderr).unwrap();
        assert!(told.contains("in use by another process"), "{told}");
    }
    drop(serving);
}

#[actix_web::test]
async fn an_orphaned_spool_is_replayed() {
    let away = without_database().await;
    let port = away.pool.connect_options().get_port();
    let dir = Scratch::new();
    let nowhere = format!("postgres://vod@127.0.0.1:{port}/none");
    let serving = Serving::start_in(&dir, &nowhere, &[]);
    let path = format!("/callbacks/main/{TOKEN}");
    for file_id in ["9421", "9422", "9421"] {
        let answer = serving.post(&path, &new_file_upload(file_id, "")).await;
        assert_eq!(answer, spooled());
    }
    assert_eq!(serving.end("-KILL").await, None);

    let app = TestApp::start().await;
    let spool = dir.0.join("spool").display().to_string();
    let url = app.database_url();
    let replay = |spool: &str| {
        let settings = [("DATABASE_URL", url.as_str())];
        binary(&["replay", "--spool", spool, "--json"], &settings)
            .output()
            .unwrap()
    };
    for recorded in [2, 0] {
        let output = replay(&spool);
        assert!(output.status.success(), "{output:?}");
        let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
        let wanted =
            json!({"recorded": recorded, "duplicate": i32::from(recorded > 0), "quarantined": 0});
        assert_eq!(counts, wanted);
    }
    assert_eq!(app.upload("9421").await["deliveries"], 2);
    assert_eq!(replay("/nowhere").status.code(), Some(1));
}

#[actix_web::test]
async fn without_its_month_a_delivery_is_spooled_and_never_quarantined() {
    let dir = Scratch::new();
    let app = TestApp::with_spool(&dir).await;
    // Two months are made ahead; what is beyond them goes to the default partition, if it is there.
    sqlx::raw_sql("ALTER TABLE deliveries DETACH PARTITION deliveries_default")
        .execute(&app.pool)
        .await
        .unwrap();
    app.clock.advance(TimeDelta::days(70));
    assert_eq!(app.callback(upload("9431", "")).await, spooled());
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 0);

    sqlx::raw_sql("ALTER TABLE deliveries ATTACH PARTITION deliveries_default DEFAULT")
        .execute(&app.pool)
        .await
        .unwrap();
    let mut connection = app.pool.acquire().await.unwrap();
    partitions::ensure(&mut connection, app.now())
        .await
        .unwrap();
    is_drained(&app).await;
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries_2027_02 WHERE state = 'recorded'")
            .await,
        1
    );
    assert_eq!(app.upload("9431").await["deliveries"], 1);
}

#[actix_web::test]
async fn what_postgres_never_takes_holds_nobody_up() {
    let dir = Scratch::new();
    let app = TestApp::with_spool(&dir).await;
    // Not an error by which a row could be refused: its neighbours are not to wait for it all the same.
    sqlx::raw_sql(
        "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = 'internal_error'; END $$;
        CREATE TRIGGER odd BEFORE INSERT ON uploads FOR EACH ROW WHEN (NEW.file_id = '9440') EXECUTE FUNCTION odd()",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    app.lock_out(true).await;
    for number in 9440..9460 {
        assert_eq!(
            app.callback(upload(&number.to_string(), "")).await,
            spooled()
        );
    }
    app.lock_out(false).await;
    // The drain confirms a chunk a moment after it is committed.
    eventually(
        "all but one are recorded, and gone from the spool",
        async || {
            let (status, ready) = app.get("/readyz").await;
            status == StatusCode::OK
                && ready["spool"]["records"] == 1
                && app.count("SELECT count(*) FROM uploads").await == 19
        },
    )
    .await;
    sqlx::raw_sql("DROP TRIGGER odd ON uploads")
        .execute(&app.pool)
        .await
        .unwrap();
    is_drained(&app).await;
    assert_eq!(app.upload("9440").await["deliveries"], 1);
}
