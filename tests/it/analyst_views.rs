//! What the views tell, what the documents say of them, and what they keep to themselves.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use vod_receiver::keep::dictionary;
use vod_receiver::record::Door;

use crate::analyst::{analyst, rows};
use crate::harness::{ADMIN_KEY, SECRET_ID, TOKEN, TestApp, new_file_upload};
use crate::rollups::{Dice, History};
use crate::uploads_list::{deletion, procedure};

/// The only row that a question finds, without the columns that tell when it was counted.
async fn row(connection: &mut PgConnection, from: &str) -> Value {
    let mut found = rows(connection, &format!("(SELECT * FROM {from})")).await;
    assert_eq!(found.len(), 1, "{from}: {found:?}");
    let mut row: Map<String, Value> = found.remove(0);
    assert!(
        row.remove("fresh_until")
            .is_none_or(|fresh| fresh.is_string())
    );
    Value::Object(row)
}

/// Some columns of a row.
fn of(row: &Value, columns: &[&str]) -> Vec<Value> {
    columns.iter().map(|&column| row[column].clone()).collect()
}

/// A day of a small service, in Shanghai: 2026-11-23 there begins at 16:00 UTC the day before.
async fn a_day() -> (TestApp, Vec<String>) {
    let app = TestApp::start().await; // It is 08:00 UTC, 16:00 there.
    let told = |file: &str, context: &str, at: DateTime<Utc>| {
        let mut body = new_file_upload(file, context);
        body["FileUploadEvent"]["MediaBasicInfo"]["CreateTime"] =
            json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        body["FileUploadEvent"]["MetaData"] = json!({"Size": 1_000, "Duration": 1.5});
        body
    };
    let mut tickets = Vec::new();
    for user in ["ann", "ann", "bob", "cy"] {
        tickets.push(app.ticket(user).await);
    }
    let again = json!({"user_id": "ann", "ticket": tickets[0]});
    assert_eq!(app.post_signature(&again).await.0, StatusCode::CREATED);
    app.clock.advance(TimeDelta::seconds(60));
    let at = app.now();
    app.clock.advance(TimeDelta::seconds(4));
    let mut first = told("9201", &tickets[0], at);
    first["FileUploadEvent"]["ProcedureTaskId"] = json!("task-1");
    for body in [
        first.clone(),
        first,
        told("9202", &tickets[2], at),
        told("9203", &tickets[2], at),
        told("9204", "", at),
    ] {
        app.submit(Door::Push, &body, 0).await;
    }
    // This one was lost, and found by asking. By the clock of Shanghai it is of the day before.
    let before = at - TimeDelta::hours(17);
    app.submit(Door::Reconcile, &told("9205", "foreign", before), 0)
        .await;
    app.clock.advance(TimeDelta::seconds(30));
    app.submit(Door::Push, &procedure("9201", "task-1", "FINISH"), 0)
        .await;
    app.submit(Door::Push, &deletion(&["9202"]), 0).await;
    app.callback("no event").await;
    app.count_all().await;
    (app, tickets)
}

#[actix_web::test]
async fn the_views_add_up_to_what_happened() {
    let (app, tickets) = a_day().await;
    let mut analyst = analyst(&app.database_url()).await;
    let all = "day, app, attribution_method, attribution_reason, uploads, deleted, confirmed_by_vod, refuted, size_bytes, \
        duration_s, waiting, processing, succeeded, partly_failed, failed";
    let mut days = rows(
        &mut analyst,
        &format!("(SELECT {all} FROM analyst.uploads_daily ORDER BY day, attribution_method)"),
    )
    .await;
    let mut days: Vec<Value> = days.drain(..).map(Value::Object).collect();
    let columns = [
        "day",
        "attribution_reason",
        "uploads",
        "deleted",
        "confirmed_by_vod",
        "size_bytes",
        "duration_s",
        "succeeded",
    ];
    assert_eq!(
        days.drain(..)
            .map(|day| of(&day, &columns))
            .collect::<Vec<_>>(),
        [
            [
                json!("2026-11-22"),
                json!("foreign_context"),
                json!(1),
                json!(0),
                json!(1),
                json!(1000),
                json!(1.5),
                json!(0)
            ],
            [
                json!("2026-11-23"),
                json!("no_context"),
                json!(1),
                json!(0),
                json!(0),
                json!(1000),
                json!(1.5),
                json!(0)
            ],
            [
                json!("2026-11-23"),
                json!("ticket"),
                json!(3),
                json!(1),
                json!(0),
                json!(3000),
                json!(4.5),
                json!(1)
            ],
        ]
    );
    assert_eq!(
        row(&mut analyst, "analyst.ticket_funnel_daily").await,
        json!({"day": "2026-11-23", "app": "main", "issued": 4, "used": 2, "pending": 2, "never_used": 0,
            "signatures": 5, "signatures_per_ticket": 1.25})
    );
    assert_eq!(
        row(&mut analyst, "analyst.delivery_health_hourly").await,
        json!({"day": "2026-11-23", "hour": "2026-11-23T08:00:00+00:00", "app": "main", "deliveries": 9, "push": 8,
            "pull": 0, "reconcile": 1, "replay": 0, "quarantined": 1, "late": 0, "repeated": 1, "told_first": 5,
            "told_by_reconcile": 1, "reconciled_share": 0.2, "delay_p50_s": 3.67, "delay_p95_s": 3.67, "delay_p99_s": 3.67})
    );
    assert_eq!(
        row(&mut analyst, "analyst.callback_delay_daily").await,
        json!({"day": "2026-11-23", "app": "main", "uploads": 4, "p50_s": 3.67, "p95_s": 3.67, "p99_s": 3.67, "max_s": 3.67})
    );
    let delay = row(
        &mut analyst,
        "analyst.callback_delay WHERE file_id = '9205'",
    )
    .await;
    assert_eq!(
        of(
            &delay,
            &["day", "first_door", "delay_s", "recorded_after_s"]
        ),
        [
            json!("2026-11-22"),
            json!("reconcile"),
            json!(61_204.0),
            json!(0.0)
        ]
    );
    let nobodys = rows(
        &mut analyst,
        "(SELECT * FROM analyst.unattributed ORDER BY file_id)",
    )
    .await;
    let reasons: Vec<_> = nobodys.iter().map(|row| row["reason"].clone()).collect();
    assert_eq!(reasons, ["no_context", "foreign_context"]);
    let task = row(&mut analyst, "analyst.processing").await;
    assert_eq!(
        of(&task, &["file_id", "user_id", "state", "upload_to_end_s"]),
        [json!("9201"), json!("ann"), json!("succeeded"), json!(34.0)]
    );
    let steps = row(
        &mut analyst,
        "analyst.upload_timeline WHERE file_id = '9201' AND day = '2026-11-23'",
    )
    .await;
    let gaps = [
        "issued_to_uploaded_s",
        "uploaded_to_recorded_s",
        "recorded_to_processed_s",
        "issued_to_processed_s",
    ];
    assert_eq!(
        of(&steps, &gaps),
        [json!(60.0), json!(4.0), json!(30.0), json!(94.0)]
    );
    let ann = row(
        &mut analyst,
        "analyst.user_activity_daily WHERE user_id = 'ann'",
    )
    .await;
    let columns = ["day", "tickets", "signatures", "uploads", "size_bytes"];
    assert_eq!(
        of(&ann, &columns),
        [
            json!("2026-11-23"),
            json!(2),
            json!(3),
            json!(1),
            json!(1000)
        ]
    );
    let unused = row(
        &mut analyst,
        &format!("analyst.ticket_use WHERE ticket = '{}'", tickets[1]),
    )
    .await;
    assert_eq!(
        of(&unused, &["user_id", "signatures", "uploads", "state"]),
        [json!("ann"), json!(1), json!(0), json!("pending")]
    );
    let misused = rows(
        &mut analyst,
        "(SELECT * FROM analyst.misuse ORDER BY file_id)",
    )
    .await;
    let misused: Vec<_> = misused
        .iter()
        .map(|row| (&row["file_id"], &row["sign"]))
        .collect();
    let reused = json!("ticket_reused");
    assert_eq!(
        misused,
        [(&json!("9202"), &reused), (&json!("9203"), &reused)]
    );
}

#[actix_web::test]
async fn percentiles_of_buckets_are_as_near_as_it_is_said() {
    let app = TestApp::start().await;
    let mut dice = Dice::new(3);
    for n in 0..120 {
        let seconds = 3_i64.pow(u32::try_from(dice.roll(8)).unwrap()) + dice.roll(20) as i64;
        let at = app.now() - TimeDelta::seconds(seconds);
        let mut body = new_file_upload(&format!("95{n}"), "");
        body["FileUploadEvent"]["MediaBasicInfo"]["CreateTime"] =
            json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        app.submit(Door::Push, &body, 0).await;
    }
    app.count_all().await;
    let mut analyst = analyst(&app.database_url()).await;
    let told = row(&mut analyst, "analyst.callback_delay_daily").await;
    let exact = row(
        &mut analyst,
        "(SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY delay_s) AS p50_s,
            percentile_disc(0.95) WITHIN GROUP (ORDER BY delay_s) AS p95_s,
            percentile_disc(0.99) WITHIN GROUP (ORDER BY delay_s) AS p99_s, max(delay_s) AS max_s
        FROM analyst.callback_delay) e",
    )
    .await;
    for column in ["p50_s", "p95_s", "p99_s", "max_s"] {
        let (told, exact) = (
            told[column].as_f64().unwrap(),
            exact[column].as_f64().unwrap(),
        );
        assert!(exact > 1.0);
        assert!(
            (told - exact).abs() <= 0.0906 * exact,
            "{column}: {told}, exactly {exact}"
        );
    }
}

#[actix_web::test]
async fn another_time_zone_has_other_days() {
    let (app, _) = a_day().await;
    let mut analyst = analyst(&app.database_url()).await;
    app.run("UPDATE analyst_settings SET time_zone = 'America/New_York'".to_owned())
        .await;
    let days =
        "(SELECT day, sum(uploads) AS uploads FROM analyst.uploads_daily GROUP BY 1 ORDER BY 1)";
    let told = rows(&mut analyst, days).await;
    let told: Vec<_> = told
        .iter()
        .map(|day| (&day["day"], &day["uploads"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("2026-11-22"), &json!(1)),
            (&json!("2026-11-23"), &json!(4))
        ]
    );
    app.assert_counted("with the days of New York").await;
    let refused = sqlx::query("UPDATE analyst_settings SET time_zone = 'Mars/Olympus'")
        .execute(&app.pool)
        .await;
    assert!(refused.unwrap_err().to_string().contains("Mars/Olympus"));
    assert_eq!(rows(&mut analyst, days).await.len(), 2);
}

#[actix_web::test]
async fn a_day_is_as_long_as_it_is_where_clocks_change() {
    let app = TestApp::start().await;
    app.run("UPDATE analyst_settings SET time_zone = 'Europe/Berlin'".to_owned())
        .await;
    let hours: Vec<i64> = sqlx::query_scalar(
        "SELECT (extract(epoch FROM ends_at - starts_at) / 3600)::bigint FROM analyst_days
        WHERE day IN ('2026-03-29', '2026-10-25', '2026-11-23') ORDER BY day",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert_eq!(hours, [23, 25, 24]);
}

#[actix_web::test]
async fn no_view_shows_a_body_a_key_or_a_secret() {
    let (app, _) = a_day().await;
    let mut body = new_file_upload("9300", "");
    body["FileUploadEvent"]["Unknown"] = json!("only-in-the-body");
    app.callback(body.to_string()).await;
    app.count_all().await;
    let mut analyst = analyst(&app.database_url()).await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'analyst'::regnamespace AND a.attnum > 0",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    for (view, column) in &columns {
        for forbidden in ["body", "secret", "random", "sha256", "digest", "token"] {
            assert!(!column.contains(forbidden), "{view}.{column}");
        }
    }
    let views: BTreeSet<&String> = columns.iter().map(|(view, _)| view).collect();
    let mut shown = String::new();
    for view in views {
        for row in rows(&mut analyst, &format!("analyst.{view}")).await {
            shown += &Value::Object(row).to_string();
        }
    }
    assert!(shown.contains("9300"));
    for secret in ["only-in-the-body", ADMIN_KEY, TOKEN, SECRET_ID] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[actix_web::test]
async fn the_data_dictionary_is_what_the_database_says() {
    let app = TestApp::start().await;
    let told = dictionary::markdown(&app.database).await.unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/data-dictionary.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &told).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap_or_default(),
        told,
        "run `BLESS=1 ./dev test -E 'test(the_data_dictionary)'`, or write the output of `vod-receiver dictionary` there"
    );
}

/// The questions of a cookbook: what stands between ```sql and ```.
fn questions(document: &str) -> Vec<&str> {
    let blocks = document.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split_once("```").unwrap().0.trim())
        .collect()
}

#[actix_web::test]
async fn every_question_of_the_cookbook_has_an_answer() {
    let english = questions(include_str!("../../docs/analysts.md"));
    assert_eq!(
        english,
        questions(include_str!("../../docs/analysts.zh-CN.md"))
    );
    assert!(english.len() >= 20);
    let mut history = History::of(20).await;
    for _ in 0..400 {
        history.happen().await;
    }
    history.end_of_a_day().await;
    let app = &history.app;
    app.count_all().await;
    // Its clock stands at another day than Postgres's.
    let today = app.now() + TimeDelta::hours(8);
    let today = format!("DATE '{}'", today.date_naive());
    let now = format!("TIMESTAMPTZ '{}'", app.now().to_rfc3339());
    let user: String = sqlx::query_scalar("SELECT min(user_id) FROM counted_uploads")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    let ticket: String = sqlx::query_scalar(
        "SELECT ticket_text(ticket) FROM counted_uploads WHERE user_id = 'user late' LIMIT 1",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    let mut analyst = analyst(&app.database_url()).await;
    for question in english {
        let asked = question
            .trim_end_matches(';')
            .replace("current_date", &today)
            .replace("now()", &now)
            .replace("user 42", &user)
            .replace("vt_01H455VB4PEX5VSKNK084SN02Q", &ticket);
        let answer: Vec<Value> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT to_jsonb(q) FROM ({asked}) q"
        )))
        .fetch_all(&mut analyst)
        .await
        .unwrap_or_else(|error| panic!("{question}\n{error}"));
        assert!(!answer.is_empty(), "nothing is found by\n{asked}");
    }
}
