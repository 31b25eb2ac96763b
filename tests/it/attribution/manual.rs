//! A person decides whose an upload is: it stands, whatever comes later, and is kept in the audit trail.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vod_receiver::attribute::Resolvers;
use vod_receiver::record::replay::{Replay, Selection};

use super::{decide, procedure_with};
use crate::harness::{TOKEN, TestApp, named_app, new_file_upload, token_app};
use crate::keys::{key, with_key};
use crate::problems::{names_field, problem};

async fn history(app: &TestApp, file_id: &str) -> Value {
    app.get(&format!("/v1/uploads/{file_id}")).await.1
}

async fn replay_everything(app: &TestApp) {
    let (clock, random) = (app.clock.clone(), app.random.clone());
    let mut replay = Replay::new(&app.database, clock, random, Resolvers::default(), false);
    replay.kept(&Selection::default(), |_| ()).await.unwrap();
    replay.close().await;
}

#[actix_web::test]
async fn a_persons_verdict_is_told_kept_and_taken_back() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("7501", &ticket).to_string())
        .await;
    app.clock.advance(TimeDelta::seconds(1));
    let body = json!({"user_id": "eve", "reason": "case 4711"});
    let (status, upload) = decide(&app, "7501", &body).await;
    assert_eq!(status, StatusCode::OK, "{upload}");
    assert_eq!(upload, app.upload("7501").await);
    let attribution = json!({"method": "manual", "reason": "manual", "detail": "case 4711", "decided_at": "2026-11-23T08:00:01Z"});
    assert_eq!(upload["attribution"], attribution);
    assert_eq!(upload["user_id"], "eve");
    assert_eq!(upload["ticket"], ticket.as_str());
    assert_eq!(upload["updated_at"], "2026-11-23T08:00:01Z");

    // Once more: nothing new.
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(decide(&app, "7501", &body).await, (StatusCode::OK, upload));
    assert_eq!(app.count("SELECT count(*) FROM changes").await, 2);
    // What comes later changes what is shown of the file, and not whose it is.
    for body in [
        new_file_upload("7501", &ticket),
        new_file_upload("7501", "another"),
        procedure_with("7501", &ticket),
    ] {
        app.callback(body.to_string()).await;
    }
    replay_everything(&app).await;
    let upload = app.upload("7501").await;
    assert_eq!(
        (&upload["user_id"], &upload["attribution"]),
        (&json!("eve"), &attribution)
    );

    app.clock.advance(TimeDelta::seconds(1));
    let (status, upload) = decide(
        &app,
        "7501",
        &json!({"user_id": null, "reason": "was Ann after all"}),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{upload}");
    assert_eq!(upload["user_id"], "ann");
    assert_eq!(upload["attribution"]["reason"], "contexts_differ");
    // To take back what is not there changes nothing.
    decide(&app, "7501", &json!({"user_id": null, "reason": "again"})).await;
    let audit = history(&app, "7501").await["attribution_changes"].clone();
    assert_eq!(
        audit,
        json!([
            {"at": "2026-11-23T08:00:01Z", "decided_by": "key admin", "note": "case 4711", "user_before": "ann", "user_after": "eve",
                "method_before": "ticket", "method_after": "manual", "reason_before": "ticket", "reason_after": "manual"},
            {"at": "2026-11-23T08:00:03Z", "decided_by": "key admin", "note": "was Ann after all", "user_before": "eve", "user_after": "ann",
                "method_before": "manual", "method_after": "ticket", "reason_before": "manual", "reason_after": "contexts_differ"},
        ])
    );
    let users: Vec<(String, Option<String>, Option<String>)> =
        sqlx::query_as("SELECT kind, user_before, user_after FROM changes ORDER BY seq")
            .fetch_all(&app.pool)
            .await
            .unwrap();
    let change = |kind: &str, before: Option<&str>, after: &str| {
        (
            kind.to_owned(),
            before.map(str::to_owned),
            Some(after.to_owned()),
        )
    };
    assert_eq!(
        users[..2],
        [
            change("recorded", None, "ann"),
            change("updated", Some("ann"), "eve")
        ]
    );
    assert_eq!(users.last(), Some(&change("updated", Some("eve"), "ann")));
    assert_eq!(
        app.count("SELECT seq - (SELECT count(*) FROM changes) FROM feed_head")
            .await,
        0
    );
}

#[actix_web::test]
async fn a_persons_verdict_comes_back_with_a_lost_row() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    for file in ["7601", "7602", "7603"] {
        app.callback(new_file_upload(file, &ticket).to_string())
            .await;
    }
    for file in ["7601", "7602"] {
        decide(&app, file, &json!({"user_id": "eve", "reason": "first"})).await;
    }
    decide(&app, "7601", &json!({"user_id": "fay", "reason": "second"})).await;
    decide(&app, "7602", &json!({"user_id": null, "reason": "back"})).await;
    app.run("TRUNCATE uploads".to_owned()).await;
    replay_everything(&app).await;
    for (file, user, reason, detail) in [
        ("7601", "fay", "manual", json!("second")),
        ("7602", "ann", "ticket", Value::Null),
        ("7603", "ann", "ticket", Value::Null),
    ] {
        let upload = app.upload(file).await;
        assert_eq!(upload["user_id"], user);
        assert_eq!(upload["attribution"]["reason"], reason);
        assert_eq!(upload["attribution"]["detail"], detail);
        assert_eq!(upload["ticket"], ticket.as_str());
    }
}

#[actix_web::test]
async fn persons_and_notifications_that_meet_in_a_row_lose_nothing() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("7701", &ticket).to_string())
        .await;
    let (recorder, _tasks) = app.another_recorder();
    let deciding = async {
        for turn in 0..40 {
            let body = json!({"user_id": format!("user-{turn}"), "reason": "contest"});
            assert_eq!(decide(&app, "7701", &body).await.0, StatusCode::OK);
        }
    };
    let telling = async {
        for turn in 0..120 {
            let mut upload = new_file_upload("7701", &ticket);
            upload["FileUploadEvent"]["MediaBasicInfo"]["UpdateTime"] =
                json!(format!("2026-11-23T09:{:02}:{:02}Z", turn / 60, turn % 60));
            upload["FileUploadEvent"]["MediaBasicInfo"]["Name"] = json!(format!("name-{turn}"));
            let by = if turn % 2 == 0 {
                &recorder
            } else {
                &app.recorder
            };
            by.submit(vec![app.delivery(&upload)]).await.unwrap();
        }
    };
    tokio::join!(deciding, telling);
    let upload = history(&app, "7701").await;
    assert_eq!(upload["user_id"], "user-39");
    assert_eq!(upload["name"], "name-119");
    assert_eq!(upload["deliveries"].as_array().unwrap().len(), 121);
    let audit = upload["attribution_changes"].as_array().unwrap();
    assert_eq!(audit.len(), 40);
    let mut held = "ann".to_owned();
    for (turn, line) in audit.iter().enumerate() {
        assert_eq!(line["user_before"], held.as_str());
        held = format!("user-{turn}");
        assert_eq!(line["user_after"], held.as_str());
    }
    assert_eq!(
        app.count("SELECT seq - (SELECT count(*) FROM changes) FROM feed_head")
            .await,
        0
    );
}

#[actix_web::test]
async fn a_bad_decision_is_refused_by_its_field_and_changes_nothing() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("7801", &ticket).to_string())
        .await;
    let good = json!({"user_id": "eve", "reason": "seen"});
    let put = async |path: &str, body: &Value| {
        let request = app.request(Method::PUT, path).json(body);
        request.send().await.unwrap()
    };
    let path = "/v1/uploads/7801/attribution";
    for (body, field) in [
        (json!({"reason": "seen"}), "user_id"),
        (json!({"user_id": "eve"}), "reason"),
        (json!({"user_id": "", "reason": "seen"}), "user_id"),
        (json!({"user_id": "a\u{0}", "reason": "seen"}), "user_id"),
        (
            json!({"user_id": "x".repeat(257), "reason": "seen"}),
            "user_id",
        ),
        (json!({"user_id": 42, "reason": "seen"}), "user_id"),
        (json!({"user_id": "eve", "reason": ""}), "reason"),
        (json!({"user_id": "eve", "reason": "  "}), "reason"),
        (json!({"user_id": "eve", "reason": "a\nb"}), "reason"),
        (
            json!({"user_id": "eve", "reason": "x".repeat(1001)}),
            "reason",
        ),
        (json!({"user_id": "eve", "reason": null}), "reason"),
        (
            json!({"user_id": "eve", "reason": "seen", "force": true}),
            "force",
        ),
    ] {
        names_field(put(path, &body).await, field).await;
    }
    names_field(put("/v1/uploads/a%20b/attribution", &good).await, "file_id").await;
    names_field(put(&format!("{path}?apps=main"), &good).await, "apps").await;
    for (path, status) in [
        ("/v1/uploads/7802/attribution", 404),
        ("/v1/uploads/7801/attribution?app=second", 404),
    ] {
        assert_eq!(
            problem(put(path, &good).await).await["status"],
            status,
            "{path}"
        );
    }
    let request = app.request(Method::PUT, path).body(good.to_string());
    assert_eq!(problem(request.send().await.unwrap()).await["status"], 415);
    let reader = key(&app, "reader", &["read", "sign"], None).await;
    let request = with_key(&app, &reader, Method::PUT, path).json(&good);
    assert_eq!(problem(request.send().await.unwrap()).await["status"], 403);
    assert_eq!(app.upload("7801").await["user_id"], "ann");
    assert_eq!(
        app.count("SELECT count(*) FROM attribution_changes").await,
        0
    );
}

#[actix_web::test]
async fn a_decision_is_of_one_app_only() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    for name in ["main", "second"] {
        let body = new_file_upload("7901", "").to_string();
        app.callback_to(&format!("{name}/{TOKEN}"), body).await;
    }
    let body = json!({"user_id": "eve", "reason": "seen"});
    assert_eq!(decide(&app, "7901", &body).await.0, StatusCode::CONFLICT);
    let bound = key(&app, "clerk", &["admin"], Some(&["second"])).await;
    let put = async |path: &str| {
        let request = with_key(&app, &bound, Method::PUT, path).json(&body);
        request.send().await.unwrap().status()
    };
    assert_eq!(
        put("/v1/uploads/7901/attribution?app=main").await,
        StatusCode::FORBIDDEN
    );
    // Bound to one app, it need not name it.
    assert_eq!(put("/v1/uploads/7901/attribution").await, StatusCode::OK);
    for (name, user) in [("main", Value::Null), ("second", json!("eve"))] {
        let (_, upload) = app.get(&format!("/v1/uploads/7901?app={name}")).await;
        assert_eq!(upload["user_id"], user, "{name}");
    }
    let (_, second) = app.get("/v1/uploads/7901?app=second").await;
    assert_eq!(second["attribution_changes"][0]["decided_by"], "key clerk");
    // While Postgres is away nothing is decided.
    app.lock_out(true).await;
    let (status, _) = decide(&app, "7901", &body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    app.lock_out(false).await;
}
