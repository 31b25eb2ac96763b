//! `GET /v1/stats`: the figures that a page draws.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vod_receiver::record::Door;

use crate::harness::{TOKEN, TestApp, named_app, new_file_upload, token_app};
use crate::keys::{get_with, key};
use crate::problems::names_field;
use crate::uploads_list::{deletion, delivery, procedure};

async fn stats(app: &TestApp, query: &str) -> Value {
    let (status, stats) = app.get(&format!("/v1/stats?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{query} {stats}");
    stats
}

/// Two hours: in the first ann uploads twice by one ticket, in the second nobody's comes, and what is no event.
async fn live_two_hours(app: &TestApp) {
    let push = async |name: &str, body: String| {
        app.callback_to(&format!("{name}/{TOKEN}"), body).await;
    };
    let ticket = async |user: &str, expires_in: i64| {
        let body = json!({"user_id": user, "app": "main", "expires_in": expires_in});
        let (_, issued) = app.post_signature(&body).await;
        issued["ticket"].as_str().unwrap().to_owned()
    };
    let used = ticket("ann", 60).await;
    ticket("bob", 60).await; // never used, as is told a day later
    ticket("eve", 90_000).await; // pending for two days
    app.post_signature(&json!({"user_id": "ann", "app": "main", "ticket": used}))
        .await;
    push("main", new_file_upload("81", &used).to_string()).await;
    push("main", new_file_upload("82", &used).to_string()).await;
    push("main", new_file_upload("82", &used).to_string()).await;
    push("main", procedure("81", "t-81", "FINISH").to_string()).await;
    app.clock.advance(TimeDelta::hours(1));
    push("second", new_file_upload("83", "").to_string()).await;
    push(
        "main",
        new_file_upload("84", "of another system").to_string(),
    )
    .await;
    push("main", deletion(&["84"]).to_string()).await;
    push("main", "no json".to_owned()).await;
    let pulled = delivery(app, Door::Pull, &new_file_upload("85", ""));
    app.recorder.submit(vec![pulled]).await.unwrap();
}

#[actix_web::test]
async fn the_figures_are_those_of_what_happened() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    live_two_hours(&app).await;
    app.clock.advance(TimeDelta::seconds(5));
    let shown = stats(&app, "").await;
    assert_eq!(shown["from"], "2026-11-22T09:00:05Z");
    assert_eq!(shown["to"], "2026-11-23T09:00:05Z");
    assert_eq!(shown["bucket"], "hour");
    assert_eq!(
        shown["uploads"],
        json!({
            "since": "2026-11-22T09:00:05Z",
            "total": 5,
            "deleted": 1,
            "refuted": 0,
            "buckets": [
                {"at": "2026-11-23T08:00:00Z", "ticket": 2, "resolver": 0, "manual": 0, "none": 0},
                {"at": "2026-11-23T09:00:00Z", "ticket": 0, "resolver": 0, "manual": 0, "none": 3},
            ],
            "reasons": [
                {"method": "none", "reason": "no_context", "uploads": 2},
                {"method": "ticket", "reason": "ticket", "uploads": 2},
                {"method": "none", "reason": "foreign_context", "uploads": 1},
            ],
            "processing": [
                {"state": "none", "uploads": 4},
                {"state": "succeeded", "uploads": 1},
            ],
            "delay": {"p50_s": 3660.0, "p95_s": 3660.0, "p99_s": 3660.0},
        })
    );
    assert_eq!(
        shown["permissions"],
        json!({
            "since": "2026-11-22T09:00:05Z",
            "tickets": 3,
            "used": 1,
            "pending": 2,
            "never_used": 0,
            "signatures": 4,
            "buckets": [
                {"at": "2026-11-23T08:00:00Z", "tickets": 3, "used": 1, "pending": 2, "never_used": 0},
            ],
        })
    );
    assert_eq!(
        shown["deliveries"],
        json!({
            "since": "2026-11-22T09:00:05Z",
            "total": 9,
            "buckets": [
                {"at": "2026-11-23T08:00:00Z", "push": 4, "pull": 0, "reconcile": 0, "replay": 0, "quarantined": 0},
                {"at": "2026-11-23T09:00:00Z", "push": 4, "pull": 1, "reconcile": 0, "replay": 0, "quarantined": 1},
            ],
            "doors": [
                {"door": "push", "state": "recorded", "deliveries": 7},
                {"door": "pull", "state": "recorded", "deliveries": 1},
                {"door": "push", "state": "quarantined", "deliveries": 1},
            ],
            "quarantine": [{"reason": "not_json", "deliveries": 1}],
            "newest_at": "2026-11-23T09:00:00Z",
            "newest_age_s": 5.0,
        })
    );
    assert_eq!(
        shown["receiver"],
        json!({"queue_deliveries": 0, "queue_bytes": 0, "spool_records": 0, "spool_bytes": 0, "spool_limit_bytes": 0})
    );
}

#[actix_web::test]
async fn a_window_an_app_and_a_key_narrow_them() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    live_two_hours(&app).await;
    app.clock.advance(TimeDelta::days(1) + TimeDelta::hours(1));
    let totals = |shown: &Value| {
        let number = |part: &str, name: &str| shown[part][name].as_i64().unwrap();
        (
            number("uploads", "total"),
            number("permissions", "tickets"),
            number("deliveries", "total"),
        )
    };
    for (query, wanted) in [
        ("", (0, 0, 0)),
        ("from=2026-11-23T08:00:00Z", (5, 3, 9)),
        ("from=2026-11-23T08:00:00.000001Z", (3, 0, 5)),
        (
            "from=2026-11-23T08:00:00Z&to=2026-11-23T09:00:00Z",
            (2, 3, 4),
        ),
        (
            "from=2026-11-23T08:00:00Z&to=2026-11-23T09:00:00.000001Z",
            (5, 3, 9),
        ),
        ("to=2026-11-24T08:00:00Z", (5, 3, 9)),
        ("from=2026-11-23T00:00:00Z&app=second", (1, 0, 1)),
        ("from=2026-11-23T00:00:00Z&app=unknown", (0, 0, 0)),
        ("from=2025-11-25T00:00:00Z&bucket=day", (5, 3, 9)),
    ] {
        assert_eq!(totals(&stats(&app, query).await), wanted, "{query}");
    }
    let days = stats(&app, "from=2026-11-20T00:00:00Z").await;
    assert_eq!(days["bucket"], "day");
    assert_eq!(days["uploads"]["buckets"].as_array().unwrap().len(), 1);
    assert_eq!(days["uploads"]["buckets"][0]["at"], "2026-11-23T00:00:00Z");
    // A day after it expired a ticket will bring nothing any more.
    assert_eq!(days["permissions"]["pending"], 1);
    assert_eq!(days["permissions"]["never_used"], 1);
    // Quarantine and the newest are of any time.
    let now = stats(&app, "").await;
    assert_eq!(
        now["deliveries"]["quarantine"],
        days["deliveries"]["quarantine"]
    );
    assert_eq!(now["deliveries"]["newest_age_s"], 90_000.0);

    let bound = key(&app, "bound", &["read"], Some(&["second"])).await;
    let path = "/v1/stats?from=2026-11-23T00:00:00Z";
    let (_, narrowed) = get_with(&app, &bound, path).await;
    assert_eq!(totals(&narrowed), (1, 0, 1));
    assert_eq!(narrowed["deliveries"]["quarantine"], json!([]));
    let (status, _) = get_with(&app, &bound, &format!("{path}&app=main")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn a_window_that_makes_no_sense_is_named() {
    let app = TestApp::start().await;
    for (query, name) in [
        ("from=2026-11-23T08:00:00Z&to=2026-11-23T08:00:00Z", "from"),
        ("from=2026-11-24T08:00:00Z", "from"),
        ("from=2026-10-13T07:00:00Z&bucket=hour", "from"),
        ("from=2025-11-22T07:00:00Z", "from"),
        ("from=0000-01-01T00:00:00Z", "from"),
        ("bucket=minute", "from"),
        ("bucket=second", "bucket"),
        ("bucket=", "bucket"),
        ("app=Main", "app"),
        ("to=now", "to"),
    ] {
        let request = app.request(Method::GET, &format!("/v1/stats?{query}"));
        names_field(request.send().await.unwrap(), name).await;
    }
    for query in [
        "to=0000-01-01T00:00:00Z",
        "to=9999-12-31T23:59:59Z",
        "to=1970-01-01T00:00:00Z",
    ] {
        assert_eq!(stats(&app, query).await["uploads"]["total"], 0, "{query}");
    }
}

#[actix_web::test]
async fn more_than_is_looked_at_is_counted_from_a_later_time_on() {
    let app = TestApp::start().await;
    // 110,000 of each within a day, one a tenth of a second.
    app.run(
        "INSERT INTO uploads (app, file_id, attribution_method, attribution_reason, attribution_at, contexts_differ, confirmed,
            processing, recorded_at, updated_at, announced_at, deliveries, rank_strength, rank_digest, version, folded_on)
        SELECT 'main', n::text, 'none', 'no_context', at, false, 'push', 'none', at, at, at, 1, 1, '', 1, 0
        FROM generate_series(1, 110000) n, LATERAL (SELECT timestamptz '2026-11-23T00:00:00Z' + n * interval '0.1 s') t (at)"
            .to_owned(),
    )
    .await;
    app.clock.advance(TimeDelta::hours(2));
    let shown = stats(&app, "").await;
    assert_eq!(shown["uploads"]["total"], 100_000);
    assert_eq!(shown["uploads"]["since"], "2026-11-23T00:16:40.100Z");
    assert_eq!(shown["deliveries"]["since"], shown["from"]);
}
