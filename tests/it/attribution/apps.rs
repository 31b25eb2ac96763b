//! Two apps in one instance, under load at once, one of them misconfigured: the other one does not notice.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use md5::{Digest as _, Md5};
use reqwest::StatusCode;
use serde_json::{Value, json};
use vod_receiver::config::{App, Events, Secret};

use super::resolving;
use crate::harness::{SIGN_KEY, TOKEN, TestApp, eventually, named_app, new_file_upload, token_app};
use crate::pull::vod;

const FILES: usize = 200;
/// As a backend's and VOD's connections would be.
const AT_ONCE: usize = 20;

fn file_id(number: usize) -> String {
    format!("9{number:05}")
}

/// A notification with VOD's `Sign`.
fn signed(mut body: Value, key: &str, now: DateTime<Utc>) -> Value {
    let t = now.timestamp() + 600;
    let sign: String = Md5::digest(format!("{key}{t}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    body["Sign"] = json!(sign);
    body["T"] = json!(t);
    body
}

/// Each app's uploads of the same file ids, at once; counts the answers of the bad one by status.
async fn load(app: &TestApp, bad: &str, tickets: &[String], context: &str) -> Vec<StatusCode> {
    let numbers: Vec<usize> = (0..FILES).collect();
    let mut bad_answers = Vec::new();
    for some in numbers.chunks(AT_ONCE) {
        let answers = join_all(some.iter().map(|&number| async move {
            let good = new_file_upload(&file_id(number), &tickets[number]).to_string();
            let other = signed(
                new_file_upload(&file_id(number), context),
                SIGN_KEY,
                app.now(),
            );
            let address = format!("{bad}/{TOKEN}");
            let (good, bad) = tokio::join!(
                app.callback(good),
                app.callback_to(&address, other.to_string())
            );
            assert_eq!(
                (good.0, &good.1["status"]),
                (StatusCode::OK, &json!("recorded")),
                "{}",
                good.1
            );
            bad.0
        }));
        bad_answers.extend(answers.await);
    }
    bad_answers
}

/// The tickets of `main`, one a file.
async fn tickets(app: &TestApp) -> Vec<String> {
    let ticket = async |number: usize| {
        let body = json!({"user_id": format!("user-{number}"), "app": "main"});
        let (status, issued) = app.post_signature(&body).await;
        assert_eq!(status, StatusCode::CREATED, "{issued}");
        issued["ticket"].as_str().unwrap().to_owned()
    };
    join_all((0..FILES).map(ticket)).await
}

/// Every upload of `main` is its user's, by its ticket, told once.
async fn main_is_whole(app: &TestApp) {
    let rows: Vec<(String, Option<String>, String, i32)> = sqlx::query_as(
        "SELECT file_id, user_id, attribution_reason, deliveries FROM uploads WHERE app = 'main' ORDER BY file_id",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), FILES);
    for (number, row) in rows.into_iter().enumerate() {
        assert_eq!(
            row,
            (
                file_id(number),
                Some(format!("user-{number}")),
                "ticket".to_owned(),
                1
            )
        );
    }
}

async fn uploads_of(app: &TestApp, name: &str) -> i64 {
    let sql = "SELECT count(*) FROM uploads WHERE app = $1";
    sqlx::query_scalar(sql)
        .bind(name)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[actix_web::test]
async fn a_wrong_sign_key_of_one_app_leaves_the_other_alone() {
    let bad = App {
        sign_keys: vec![Secret::new("anotherkey")],
        ..named_app("bad")
    };
    let app = TestApp::with(vec![token_app(), bad]).await;
    let tickets = tickets(&app).await;
    let answers = load(&app, "bad", &tickets, "").await;
    assert!(
        answers
            .iter()
            .all(|status| *status == StatusCode::UNAUTHORIZED)
    );
    main_is_whole(&app).await;
    assert_eq!(uploads_of(&app, "bad").await, 0);
}

#[actix_web::test]
async fn resolvers_that_match_nothing_leave_the_other_alone_and_the_same_file_is_two() {
    let app = TestApp::with(vec![
        token_app(),
        resolving(named_app("bad"), &["json:/nowhere", "regex:(?<user>never)"]),
    ])
    .await;
    let tickets = tickets(&app).await;
    let answers = load(&app, "bad", &tickets, r#"{"uid":1}"#).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK));
    main_is_whole(&app).await;
    assert_eq!(uploads_of(&app, "bad").await, 200);
    assert_eq!(app.count("SELECT count(*) FROM uploads WHERE app = 'bad' AND attribution_reason = 'foreign_context'").await, 200);
    let path = format!("/v1/uploads/{}", file_id(7));
    assert_eq!(app.get(&path).await.0, StatusCode::CONFLICT);
    for (name, user) in [("main", json!("user-7")), ("bad", Value::Null)] {
        let (status, upload) = app.get(&format!("{path}?app={name}")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!((&upload["app"], &upload["user_id"]), (&json!(name), &user));
        assert_eq!(upload["deliveries"].as_array().unwrap().len(), 1);
    }
    // A deletion at one app is none at the other.
    let deletion =
        json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": [file_id(7)]}});
    app.callback_to(&format!("bad/{TOKEN}"), deletion.to_string())
        .await;
    let (_, left) = app.get(&format!("{path}?app=main")).await;
    assert_eq!(left["deleted_at"], Value::Null);
}

#[actix_web::test]
async fn another_apps_tickets_name_nobody_here() {
    let app = TestApp::with(vec![token_app(), resolving(named_app("bad"), &["text"])]).await;
    let tickets = tickets(&app).await;
    // Both are told of the tickets of `main`, at once, in the same batches.
    let numbers: Vec<usize> = (0..FILES).collect();
    for some in numbers.chunks(AT_ONCE) {
        let (app, tickets) = (&app, &tickets);
        join_all(some.iter().map(|&number| async move {
            let body = new_file_upload(&file_id(number), &tickets[number]).to_string();
            let address = format!("bad/{TOKEN}");
            tokio::join!(app.callback(body.clone()), app.callback_to(&address, body))
        }))
        .await;
    }
    main_is_whole(&app).await;
    assert_eq!(app.count("SELECT count(*) FROM uploads WHERE app = 'bad' AND attribution_reason = 'wrong_app' AND user_id IS NULL").await, 200);
}

#[actix_web::test]
async fn wrong_credentials_of_an_app_that_is_pulled_leave_the_pushed_and_the_pulled_alone() {
    let vod = vod();
    let bad = App {
        name: "bad".parse().unwrap(),
        secret_key: Secret::new("NotThatKey"),
        ..vod.app()
    };
    let pulled = App {
        name: "pulled".parse().unwrap(),
        ..vod.app()
    };
    assert_eq!(bad.events, Events::Pull);
    let app = TestApp::with(vec![token_app(), bad, pulled]).await;
    // The wrong key was refused before there is any load, and is asked with again meanwhile.
    vod.is_called("PullEvents", 2).await;
    for number in 0..FILES {
        vod.simulator.emit(new_file_upload(&file_id(number), ""));
    }
    let tickets = tickets(&app).await;
    let answers = load(&app, "bad", &tickets, "").await;
    assert!(
        answers
            .iter()
            .all(|status| *status == StatusCode::UNAUTHORIZED)
    );
    main_is_whole(&app).await;
    vod.is_empty().await;
    eventually("what was pulled is recorded", async || {
        uploads_of(&app, "pulled").await == 200
    })
    .await;
    assert_eq!(uploads_of(&app, "bad").await, 0);
    let text = app.metrics_text().await;
    assert!(
        !text.contains("pull_polls_total{outcome=\"unauthentic\"} 0\n"),
        "the wrong key was refused"
    );
}
