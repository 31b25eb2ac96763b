//! `GET /v1/stats`: the figures that a page draws.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use sqlx::AssertSqlSafe;
use vod_receiver::record::Door;

use crate::harness::{TOKEN, TestApp, named_app, new_file_upload, token_app};
use crate::keys::{get_with, key};
use crate::problems::names_field;
use crate::rollups::{History, RECOUNTED};
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
            "until": "2026-11-23T09:00:05Z",
            "fresh_until": null,
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
            "until": "2026-11-23T09:00:05Z",
            "fresh_until": null,
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
            "until": "2026-11-23T09:00:05Z",
            "fresh_until": null,
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
            "repeated": 1,
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

/// What the window holds is too much to count: some days before anything happened, so much was counted already.
const BALLAST: i64 = 20_000;
const BALLAST_SQL: &str = "
    INSERT INTO upload_quarters (quarter, app, method, reason, uploads, refuted, deleted, by_vod, size_bytes, duration_ms,
        waiting, processing, succeeded, partly_failed, failed)
    VALUES ('2026-11-10Z', 'main', 'resolver', 'resolver', 20000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20000);
    INSERT INTO ticket_quarters (quarter, app, tickets, signatures, used, pending)
    VALUES ('2026-11-10Z', 'main', 20000, 20000, 20000, 0);
    INSERT INTO delivery_quarters (quarter, app, door, deliveries, quarantined, notices, late, firsts)
    VALUES ('2026-11-10Z', 'main', 'replay', 20000, 0, 0, 0, 0)";

/// Some figures, of a count of the tables.
async fn recounted(app: &TestApp) -> Value {
    let [uploads, tickets, deliveries, ..] = RECOUNTED;
    let sql = format!(
        "SELECT jsonb_build_object(
            'uploads', (SELECT jsonb_build_array(coalesce(sum((line->>'uploads')::bigint), 0), coalesce(sum((line->>'refuted')::bigint), 0),
                coalesce(sum((line->>'deleted')::bigint), 0), coalesce(sum((line->>'succeeded')::bigint), 0)) FROM ({uploads}) l),
            'buckets', (SELECT jsonb_object_agg(at, uploads) FROM (
                SELECT to_char(date_trunc('day', (line->>'quarter')::timestamptz), 'YYYY-MM-DD\"T00:00:00Z\"') AS at, sum((line->>'uploads')::bigint) AS uploads
                FROM ({uploads}) l WHERE (line->>'uploads')::bigint > 0 GROUP BY 1) b),
            'reasons', (SELECT jsonb_object_agg(reason, uploads) FROM (
                SELECT (line->>'method') || ' ' || (line->>'reason') AS reason, sum((line->>'uploads')::bigint) AS uploads
                FROM ({uploads}) l WHERE (line->>'uploads')::bigint > 0 GROUP BY 1) r),
            'permissions', (SELECT jsonb_build_array(coalesce(sum((line->>'tickets')::bigint), 0), coalesce(sum((line->>'signatures')::bigint), 0),
                coalesce(sum((line->>'used')::bigint), 0), coalesce(sum((line->>'pending')::bigint), 0)) FROM ({tickets}) l),
            'deliveries', (SELECT jsonb_build_array(coalesce(sum((line->>'deliveries')::bigint), 0), coalesce(sum((line->>'quarantined')::bigint), 0),
                coalesce(sum((line->>'notices')::bigint - (line->>'firsts')::bigint), 0)) FROM ({deliveries}) l))"
    );
    let sql = sql.replace("{now}", &app.now().to_rfc3339());
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

/// The same figures of an answer, without the ballast.
fn told(shown: &Value) -> Value {
    let (uploads, permissions, deliveries) = (
        &shown["uploads"],
        &shown["permissions"],
        &shown["deliveries"],
    );
    let all = |value: &Value| value.as_array().unwrap().clone();
    let less = |value: &Value| json!(value.as_i64().unwrap() - BALLAST);
    let sum = |entries: Vec<Value>, state: &str, wanted: &str, figure: &str| -> i64 {
        let is_wanted = |entry: &&Value| entry[state] == wanted;
        let figures = entries.iter().filter(is_wanted);
        figures.map(|entry| entry[figure].as_i64().unwrap()).sum()
    };
    let bucket = |entry: Value| {
        let methods = ["ticket", "manual", "none"].map(|name| entry[name].as_i64().unwrap());
        (
            entry["at"].as_str().unwrap().to_owned(),
            json!(methods.iter().sum::<i64>()),
        )
    };
    let own = |(at, _): &(String, Value)| at != "2026-11-10T00:00:00Z";
    let reason = |entry: Value| {
        let [method, reason] = ["method", "reason"].map(|name| entry[name].as_str().unwrap());
        (format!("{method} {reason}"), entry["uploads"].clone())
    };
    let named = |(name, _): &(String, Value)| name != "resolver resolver";
    let buckets: Map<String, Value> = all(&uploads["buckets"])
        .into_iter()
        .map(bucket)
        .filter(own)
        .collect();
    let reasons: Map<String, Value> = all(&uploads["reasons"])
        .into_iter()
        .map(reason)
        .filter(named)
        .collect();
    let or_null = |map: Map<String, Value>| {
        if map.is_empty() {
            Value::Null
        } else {
            map.into()
        }
    };
    let succeeded = sum(all(&uploads["processing"]), "state", "succeeded", "uploads");
    let aside = sum(
        all(&deliveries["doors"]),
        "state",
        "quarantined",
        "deliveries",
    );
    json!({
        "uploads": [less(&uploads["total"]), uploads["refuted"], uploads["deleted"], succeeded],
        "buckets": or_null(buckets),
        "reasons": or_null(reasons),
        "permissions": [less(&permissions["tickets"]), less(&permissions["signatures"]), less(&permissions["used"]), permissions["pending"]],
        "deliveries": [less(&deliveries["total"]), aside, deliveries["repeated"]],
    })
}

#[actix_web::test]
async fn what_is_summed_equals_a_count_of_the_rows_at_any_moment_of_a_random_history() {
    let mut waited = 0;
    for seed in 20..24 {
        let mut history = History::of(seed).await;
        history.app.count_all().await;
        sqlx::raw_sql(BALLAST_SQL)
            .execute(&history.app.pool)
            .await
            .unwrap();
        for part in 0..25 {
            for _ in 0..6 {
                history.happen().await;
            }
            let app = &history.app;
            // The worker, which comes every ten seconds, was there lately, and has not seen all of that.
            let fresh = format!("UPDATE rollup_state SET fresh_until = '{}'", app.now());
            app.run(fresh).await;
            waited += app.count("SELECT count(*) FROM uncounted").await;
            let from = (app.now() - TimeDelta::days(25)).format("%Y-%m-%dT%H:%M:%SZ");
            let shown = stats(app, &format!("from={from}&bucket=day")).await;
            for figures in ["uploads", "permissions", "deliveries"] {
                assert_ne!(
                    shown[figures]["fresh_until"],
                    Value::Null,
                    "{figures} were counted"
                );
            }
            assert_eq!(
                told(&shown),
                recounted(app).await,
                "of history {seed}, part {part}"
            );
        }
    }
    assert!(
        waited > 100,
        "hardly anything waited to be counted: {waited}"
    );
}

#[actix_web::test]
async fn a_window_within_quarters_of_an_hour_is_widened_to_them_and_says_so() {
    let app = TestApp::start().await;
    app.count_all().await;
    sqlx::raw_sql(BALLAST_SQL).execute(&app.pool).await.unwrap();
    for (query, from, until) in [
        (
            "from=2026-11-10T00:14:59Z&to=2026-11-10T00:29:59Z",
            "2026-11-10T00:00:00Z",
            "2026-11-10T00:30:00Z",
        ),
        (
            "from=2026-11-10T00:00:00Z&to=2026-11-10T00:15:00Z",
            "2026-11-10T00:00:00Z",
            "2026-11-10T00:15:00Z",
        ),
    ] {
        let shown = stats(&app, query).await;
        for figures in ["uploads", "permissions", "deliveries"] {
            assert_eq!(
                (&shown[figures]["since"], &shown[figures]["until"]),
                (&json!(from), &json!(until)),
                "{query} {figures}"
            );
        }
        assert_eq!(shown["uploads"]["total"], BALLAST, "{query}");
    }
    // What is told by the minute, and what another app has, is counted.
    for query in [
        "from=2026-11-10T00:14:59Z&to=2026-11-10T00:29:59Z&bucket=minute",
        "from=2026-11-10T00:14:59Z&to=2026-11-10T00:29:59Z&app=second",
    ] {
        let shown = stats(&app, query).await;
        assert_eq!(shown["uploads"]["since"], "2026-11-10T00:14:59Z", "{query}");
        assert_eq!(shown["uploads"]["until"], "2026-11-10T00:29:59Z", "{query}");
        assert_eq!(shown["uploads"]["total"], 0, "{query}");
    }
}

#[actix_web::test]
async fn what_is_too_much_to_count_is_summed_of_roll_ups() {
    let app = TestApp::start().await;
    let fill = "
        INSERT INTO upload_quarters (quarter, app, method, reason, uploads, refuted, deleted, by_vod, size_bytes, duration_ms,
            waiting, processing, succeeded, partly_failed, failed)
        SELECT q, 'main', 'ticket', 'ticket', 300, 1, 2, 0, 0, 0, 0, 0, 100, 0, 3
        FROM generate_series('2026-10-01Z'::timestamptz, '2026-11-23 07:45Z', '15 minutes') q;
        INSERT INTO upload_quarters (quarter, app, method, reason, uploads, refuted, deleted, by_vod, size_bytes, duration_ms,
            waiting, processing, succeeded, partly_failed, failed)
        SELECT q, 'main', 'none', 'no_context', 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM generate_series('2026-10-01Z'::timestamptz, '2026-11-23 07:45Z', '15 minutes') q;
        INSERT INTO ticket_quarters (quarter, app, tickets, signatures, used, pending)
        SELECT q, 'main', 400, 900, 300, 10 FROM generate_series('2026-10-01Z'::timestamptz, '2026-11-23 07:45Z', '15 minutes') q;
        INSERT INTO delivery_quarters (quarter, app, door, deliveries, quarantined, notices, late, firsts)
        SELECT q, 'main', 'push', 330, 5, 320, 0, 310 FROM generate_series('2026-10-01Z'::timestamptz, '2026-11-23 07:45Z', '15 minutes') q;
        INSERT INTO delay_quarters (quarter, app, bucket, uploads)
        SELECT q, 'main', b, 100 FROM generate_series('2026-10-01Z'::timestamptz, '2026-11-23 07:45Z', '15 minutes') q,
            (VALUES (0::smallint), (4::smallint), (8::smallint)) v (b);
        UPDATE rollup_state SET walk = NULL, fresh_until = '2026-11-23 07:59:55Z';";
    sqlx::raw_sql(fill).execute(&app.pool).await.unwrap();
    let quarters = 30 * 96;
    let shown = stats(&app, "from=2026-10-24T08:00:00Z&bucket=day").await;
    let uploads = &shown["uploads"];
    assert_eq!(uploads["fresh_until"], "2026-11-23T07:59:55Z");
    assert_eq!(uploads["total"], 310 * quarters);
    assert_eq!(
        (&uploads["refuted"], &uploads["deleted"]),
        (&json!(quarters), &json!(2 * quarters))
    );
    assert_eq!(uploads["buckets"].as_array().unwrap().len(), 31);
    assert_eq!(
        uploads["buckets"][1],
        json!({"at": "2026-10-25T00:00:00Z", "ticket": 28_800, "resolver": 0, "manual": 0, "none": 960})
    );
    assert_eq!(
        uploads["processing"],
        json!([
            {"state": "none", "uploads": 207 * quarters},
            {"state": "succeeded", "uploads": 100 * quarters},
            {"state": "failed", "uploads": 3 * quarters},
        ])
    );
    assert_eq!(uploads["delay"]["p50_s"], 1.83);
    let permissions = &shown["permissions"];
    assert_eq!(permissions["tickets"], 400 * quarters);
    assert_eq!(permissions["never_used"], 90 * quarters);
    let deliveries = &shown["deliveries"];
    assert_eq!(deliveries["total"], 330 * quarters);
    assert_eq!(deliveries["repeated"], 10 * quarters);
    assert_eq!(
        deliveries["doors"],
        json!([
            {"door": "push", "state": "recorded", "deliveries": 325 * quarters},
            {"door": "push", "state": "quarantined", "deliveries": 5 * quarters},
        ])
    );
    // Too little for that, too fine for that, or counted anew: rows.
    for query in [
        "from=2026-11-23T00:00:00Z",
        "from=2026-11-23T00:00:00Z&bucket=minute",
    ] {
        assert_eq!(
            stats(&app, query).await["uploads"]["fresh_until"],
            Value::Null
        );
    }
    app.clock.advance(TimeDelta::hours(1));
    let behind = stats(&app, "from=2026-10-24T08:00:00Z&bucket=day").await;
    assert_eq!(behind["uploads"]["total"], 0);
}
