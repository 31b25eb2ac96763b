//! Signs that a permission was used for more than one upload: in the history of an upload, and as a metric.

use chrono::TimeDelta;
use serde_json::{Value, json};
use vod_receiver::keep::misuse;
use vod_receiver::ops::metrics::{Metrics, State};

use super::uploaded_at;
use crate::harness::{TOKEN, TestApp, named_app, new_file_upload, token_app};

async fn misuse_of(app: &TestApp, file_id: &str) -> Value {
    let (_, history) = app.get(&format!("/v1/uploads/{file_id}?app=main")).await;
    history["misuse"].clone()
}

/// What the metric tells of each sign, in the order of their names.
async fn metric(app: &TestApp) -> [u64; 3] {
    let metrics = Metrics::new(app.now(), []);
    misuse::look(&app.database, &app.clock, &metrics)
        .await
        .unwrap();
    let text = metrics.render(&State::default(), app.now());
    [
        "long_after_expiry",
        "one_time_ticket_reused",
        "ticket_reused",
    ]
    .map(|sign| {
        let series = format!("vod_receiver_misuse_uploads{{sign=\"{sign}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse().unwrap()
    })
}

#[actix_web::test]
async fn many_files_on_a_ticket_and_late_ones_are_seen() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let (_, once) = app
        .post_signature(&json!({"user_id": "ann", "app": "main", "one_time": true}))
        .await;
    let (_, often) = app
        .post_signature(&json!({"user_id": "bob", "app": "main"}))
        .await;
    let (_, late) = app
        .post_signature(&json!({"user_id": "cat", "app": "main", "expires_in": 60}))
        .await;
    let ticket = |issued: &Value| issued["ticket"].as_str().unwrap().to_owned();
    assert_eq!(metric(&app).await, [0, 0, 0]);
    app.callback(new_file_upload("8401", &ticket(&once)).to_string())
        .await;
    let fine = json!({"signs": [], "files_on_ticket": 1, "seconds_after_expiry": null});
    assert_eq!(misuse_of(&app, "8401").await, fine);
    assert_eq!(metric(&app).await, [0, 0, 0]);

    for (file, issued) in [
        ("8402", &once),
        ("8403", &often),
        ("8404", &often),
        ("8405", &often),
    ] {
        app.callback(new_file_upload(file, &ticket(issued)).to_string())
            .await;
    }
    // The same file told again is no second file, a task's file that was never uploaded is none, and another
    // app's upload is none of ours.
    app.callback(new_file_upload("8405", &ticket(&often)).to_string())
        .await;
    app.callback(super::procedure_with("8406", &ticket(&late)).to_string())
        .await;
    let elsewhere = new_file_upload("8403", &ticket(&late)).to_string();
    app.callback_to(&format!("second/{TOKEN}"), elsewhere).await;
    app.callback(uploaded_at("8407", &ticket(&late), "2026-11-23T08:00:31Z").to_string())
        .await;
    assert_eq!(misuse_of(&app, "8407").await, fine);
    for (file, wanted) in [
        (
            "8401",
            json!({"signs": ["ticket_reused", "one_time_ticket_reused"], "files_on_ticket": 2, "seconds_after_expiry": null}),
        ),
        (
            "8404",
            json!({"signs": ["ticket_reused"], "files_on_ticket": 3, "seconds_after_expiry": null}),
        ),
    ] {
        assert_eq!(misuse_of(&app, file).await, wanted, "{file}");
    }
    assert_eq!(metric(&app).await, [0, 2, 5]);

    for (file, at) in [
        ("8501", "2026-11-24T08:01:00Z"),
        ("8502", "2026-11-24T08:01:01Z"),
    ] {
        let (_, issued) = app
            .post_signature(&json!({"user_id": "dan", "app": "main", "expires_in": 60}))
            .await;
        app.callback(uploaded_at(file, &ticket(&issued), at).to_string())
            .await;
    }
    // A resumed upload is no misuse, one that cannot be resumed any more is.
    let resumed = json!({"signs": [], "files_on_ticket": 1, "seconds_after_expiry": 86_400});
    assert_eq!(misuse_of(&app, "8501").await, resumed);
    let too_late = json!({"signs": ["long_after_expiry"], "files_on_ticket": 1, "seconds_after_expiry": 86_401});
    assert_eq!(misuse_of(&app, "8502").await, too_late);
    assert_eq!(metric(&app).await, [1, 2, 5]);
    app.clock.advance(TimeDelta::minutes(61));
    assert_eq!(metric(&app).await, [0, 0, 0]);
}

#[actix_web::test]
async fn of_an_upload_without_a_known_ticket_nothing_is_suspected_but_its_number() {
    let app = TestApp::start().await;
    let unknown = "vt_01H455VB4PEX5VSKNK084SN02Q";
    for (file, context) in [
        ("8601", ""),
        ("8602", "console"),
        ("8603", unknown),
        ("8604", unknown),
    ] {
        app.callback(new_file_upload(file, context).to_string())
            .await;
    }
    for file in ["8601", "8602"] {
        let none = json!({"signs": [], "files_on_ticket": 0, "seconds_after_expiry": null});
        assert_eq!(misuse_of(&app, file).await, none, "{file}");
    }
    let reused =
        json!({"signs": ["ticket_reused"], "files_on_ticket": 2, "seconds_after_expiry": null});
    assert_eq!(misuse_of(&app, "8603").await, reused);
}
