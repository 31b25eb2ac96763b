//! `GET /v1/signatures`: filters, borders, pages.

use chrono::{SecondsFormat, TimeDelta};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{TOKEN, TestApp, named_app, new_file_upload, token_app};
use crate::keys::{get_with, key};
use crate::problems::{names_field, whole};

/// Asks for a signature and returns the id of its line in the log.
async fn issue(app: &TestApp, body: Value) -> String {
    let (status, issued) = app.post_signature(&body).await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    issued["issue_id"].as_str().unwrap().to_owned()
}

/// The ids on one page.
async fn listed(app: &TestApp, query: &str) -> Vec<String> {
    let (status, page) = app.get(&format!("/v1/signatures?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{query} {page}");
    ids(&page)
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["issue_id"].as_str().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn a_line_of_the_log_tells_every_parameter_but_the_signature() {
    let app = TestApp::start().await;
    issue(
        &app,
        json!({
            "user_id": "ann", "expires_in": 600, "one_time": true, "procedure": "P", "class_id": 7, "task_priority": 3,
            "task_notify_mode": "Change", "storage_region": "ap-chongqing", "context": 1,
        }),
    )
    .await;
    let response = app.request(Method::GET, "/v1/signatures").send().await;
    insta::assert_snapshot!(whole(response.unwrap()).await, @r#"
    200 OK
    cache-control: no-store
    content-length: 431
    content-type: application/json
    x-request-id: <uuid>

    {
      "items": [
        {
          "issue_id": "01a2076b-4400-7000-8000-000000000002",
          "ticket": "vt_01M83PPH00E008000000000000",
          "app": "main",
          "user_id": "ann",
          "issued_at": "2026-11-23T08:00:00Z",
          "expires_at": "2026-11-23T08:10:00Z",
          "one_time": true,
          "procedure": "P",
          "class_id": 7,
          "task_priority": 3,
          "task_notify_mode": "Change",
          "storage_region": "ap-chongqing",
          "sub_app_id": null,
          "secret_id": "AKIDtest",
          "random": 1,
          "issued_to": "admin",
          "used": false
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[actix_web::test]
async fn the_log_is_filtered_by_each_parameter() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let ticket = app_ticket(&app, "ann").await;
    let first = listed(&app, "").await.remove(0);
    let again = issue(
        &app,
        json!({"user_id": "ann", "app": "main", "ticket": ticket}),
    )
    .await;
    let bob = issue(&app, json!({"user_id": "b/ob 🎬", "app": "main"})).await;
    let second = issue(&app, json!({"user_id": "ann", "app": "second"})).await;
    // A task event alone is no upload: it must not count as use.
    let (_, bobs) = app
        .get("/v1/signatures?user_id=b%2Fob%20%F0%9F%8E%AC")
        .await;
    let bobs_ticket = bobs["items"][0]["ticket"].as_str().unwrap().to_owned();
    app.callback(
        json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
            "TaskId": "t-1", "Status": "PROCESSING", "FileId": "6002", "SessionContext": bobs_ticket}})
        .to_string(),
    )
    .await;
    let all = vec![second.clone(), bob.clone(), again.clone(), first.clone()];
    assert_eq!(listed(&app, "used=true").await, [""; 0]);
    assert_eq!(listed(&app, "used=false").await, all);

    app.callback(new_file_upload("6001", &ticket).to_string())
        .await;
    for (query, wanted) in [
        (String::new(), all.clone()),
        (
            "user_id=ann".to_owned(),
            vec![second.clone(), again.clone(), first.clone()],
        ),
        ("user_id=ANN".to_owned(), vec![]),
        ("user_id=b%2Fob+%F0%9F%8E%AC".to_owned(), vec![bob.clone()]),
        ("app=second".to_owned(), vec![second.clone()]),
        ("app=unknown".to_owned(), vec![]),
        (
            format!("ticket={ticket}"),
            vec![again.clone(), first.clone()],
        ),
        (
            format!("ticket=vt_{}", ticket[3..].to_lowercase()),
            vec![again.clone(), first.clone()],
        ),
        ("ticket=vt_01H455VB4PEX5VSKNK084SN02Q".to_owned(), vec![]),
        ("used=true".to_owned(), vec![again.clone(), first.clone()]),
        ("used=false".to_owned(), vec![second.clone(), bob.clone()]),
        (
            "used=true&user_id=ann&app=main".to_owned(),
            vec![again.clone(), first],
        ),
        ("used=false&user_id=ann".to_owned(), vec![second]),
        ("used=true&limit=1".to_owned(), vec![again]),
    ] {
        assert_eq!(listed(&app, &query).await, wanted, "{query}");
    }
    let (_, page) = app.get(&format!("/v1/signatures?ticket={ticket}")).await;
    assert_eq!(page["items"][0]["used"], true);
    let (_, page) = app.get("/v1/signatures?used=false").await;
    assert_eq!(page["items"][0]["used"], false);
}

async fn app_ticket(app: &TestApp, user: &str) -> String {
    let (_, issued) = app
        .post_signature(&json!({"user_id": user, "app": "main"}))
        .await;
    issued["ticket"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn from_is_inclusive_and_to_is_exclusive_to_the_millisecond() {
    let app = TestApp::start().await;
    let mut issues = Vec::new();
    // 08:00:00.000, .000 (0.4 ms later), .001, .002
    for wait_us in [0, 400, 700, 900] {
        app.clock.advance(TimeDelta::microseconds(wait_us));
        issues.push(issue(&app, json!({"user_id": "ann"})).await);
    }
    let (_, page) = app.get("/v1/signatures").await;
    let times: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["issued_at"].as_str().unwrap())
        .collect();
    assert_eq!(
        times,
        [
            "2026-11-23T08:00:00.002Z",
            "2026-11-23T08:00:00.001Z",
            "2026-11-23T08:00:00Z",
            "2026-11-23T08:00:00Z"
        ]
    );
    let newest_first = |which: &[usize]| -> Vec<String> {
        which.iter().rev().map(|&i| issues[i].clone()).collect()
    };
    for (query, wanted) in [
        ("from=2026-11-23T08:00:00Z", &[0, 1, 2, 3][..]),
        ("from=2026-11-23T08:00:00.000001Z", &[2, 3]),
        ("from=2026-11-23T08:00:00.001Z", &[2, 3]),
        ("from=2026-11-23T08:00:00.001000001Z", &[3]),
        ("from=2026-11-23T08:00:00.002Z", &[3]),
        ("from=2026-11-23T08:00:00.0021Z", &[]),
        ("to=2026-11-23T08:00:00Z", &[]),
        ("to=2026-11-23T08:00:00.0000001Z", &[0, 1]),
        ("to=2026-11-23T08:00:00.001Z", &[0, 1]),
        ("to=2026-11-23T08:00:00.0015Z", &[0, 1, 2]),
        ("to=2026-11-23T08:00:00.002Z", &[0, 1, 2]),
        ("to=2026-11-23T08:00:01Z", &[0, 1, 2, 3]),
        (
            "from=2026-11-23T08:00:00.001Z&to=2026-11-23T08:00:00.002Z",
            &[2],
        ),
        (
            "from=2026-11-23T08:00:00.001Z&to=2026-11-23T08:00:00.001Z",
            &[],
        ),
        (
            "from=2026-11-23T08:00:00.002Z&to=2026-11-23T08:00:00.001Z",
            &[],
        ),
        ("from=2026-11-23T16:00:00.002%2B08:00", &[3]),
        ("from=2026-11-23T16:00:00.002+08:00", &[3]),
        ("from=0000-01-01T00:00:00Z", &[0, 1, 2, 3]),
        ("to=0000-01-01T00:00:00Z", &[]),
        ("from=1969-12-31T23:59:59.9Z", &[0, 1, 2, 3]),
        ("from=9999-12-31T23:59:59Z", &[]),
        ("to=9999-12-31T23:59:59-23:59", &[0, 1, 2, 3]),
        ("to=2026-11-23T08:00:60Z", &[0, 1, 2, 3]),
    ] {
        assert_eq!(listed(&app, query).await, newest_first(wanted), "{query}");
    }
    for time in [
        "",
        "now",
        "2026-11-23",
        "2026-11-23T08:00:00",
        "1795507200",
        "2026-13-23T08:00:00Z",
        "10000-01-01T00:00:00Z",
    ] {
        for name in ["from", "to"] {
            let response = app
                .request(Method::GET, &format!("/v1/signatures?{name}={time}"))
                .send();
            names_field(response.await.unwrap(), name).await;
        }
    }
}

#[actix_web::test]
async fn small_pages_reach_the_end_without_gap_or_repeat() {
    let app = TestApp::start().await;
    let mut newest_first = Vec::new();
    for i in 0..23 {
        // Several in each millisecond.
        app.clock.advance(TimeDelta::microseconds(300));
        let user = if i % 4 == 0 { "bob" } else { "ann" };
        newest_first.insert(0, (user, issue(&app, json!({"user_id": user})).await));
    }
    for (filter, wanted) in [
        ("", ids_of(&newest_first, |_| true)),
        ("&user_id=ann", ids_of(&newest_first, |user| user == "ann")),
        ("&used=false", ids_of(&newest_first, |_| true)),
    ] {
        for limit in [1, 2, 7, 22, 23, 24, 200] {
            let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let (status, page) = app
                    .get(&format!("/v1/signatures?limit={limit}{filter}{cursor}"))
                    .await;
                assert_eq!(status, StatusCode::OK, "{page}");
                seen.extend(ids(&page));
                pages += 1;
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
                // What comes in meanwhile is newer, and moves nothing.
                if limit == 7 && filter == "&user_id=ann" && pages == 1 {
                    issue(&app, json!({"user_id": "carl"})).await;
                }
            }
            seen.retain(|id| newest_first.iter().any(|(_, known)| known == id));
            assert_eq!(seen, wanted, "{filter} by {limit}");
            if filter != "&used=false" {
                assert_eq!(pages, wanted.len().div_ceil(limit), "{filter} by {limit}");
            }
        }
    }
}

fn ids_of(issues: &[(&str, String)], keep: impl Fn(&str) -> bool) -> Vec<String> {
    let kept = issues.iter().filter(|(user, _)| keep(user));
    kept.map(|(_, id)| id.clone()).collect()
}

#[actix_web::test]
async fn a_page_that_passes_over_too_many_ends_there_and_the_next_goes_on() {
    let app = TestApp::start().await;
    // 45,000 of as many tickets, one a second until now, each for a minute; three of them are used.
    let fill = "
        CREATE TEMP TABLE seed AS
            SELECT n, at, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid AS id
            FROM generate_series(1, 45000) n, LATERAL (SELECT timestamptz '2026-11-23T08:00:00Z' - (45000 - n) * interval '3 s') t (at);
        INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
            SELECT id, 'main', 'ann', false, at, at + interval '60 s' FROM seed;
        INSERT INTO signature_issues (id, ticket, app, user_id, issued_at, expires_at, secret_id, random, one_time, issued_to)
            SELECT id, id, 'main', 'ann', at, at + interval '60 s', 'AKIDtest', n, false, 'test' FROM seed;
        INSERT INTO uploads (app, file_id, user_id, ticket, attribution_method, attribution_reason, attribution_at, contexts_differ,
                confirmed, processing, recorded_at, updated_at, announced_at, deliveries, rank_strength, rank_digest, version, folded_on)
            SELECT 'main', n::text, 'ann', id, 'ticket', 'ticket', at, false, 'push', 'none', at, at, at, 1, 1, '', 1, 0
            FROM seed WHERE n IN (2, 20000, 44000)";
    sqlx::raw_sql(fill).execute(&app.pool).await.unwrap();
    // Of those that were given out more than a day ago, 19 expired less than a day ago.
    for (query, found, pages) in [
        ("outcome=used", 3, 3),
        ("used=true&user_id=ann", 3, 3),
        ("outcome=used&from=2026-11-22T12:00:00Z", 1, 2),
        ("app=second", 0, 3),
        ("outcome=never_used&limit=200", 16_179, 81),
        ("outcome=pending&limit=200&to=2026-11-22T08:00:00Z", 19, 1),
        ("user_id=bob", 0, 1),
    ] {
        let (mut ids, mut count, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let (status, page) = app.get(&format!("/v1/signatures?{query}{cursor}")).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            count += 1;
            let items = page["items"].as_array().unwrap().clone();
            ids.extend(
                items
                    .iter()
                    .map(|item| item["issue_id"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert!(ids.is_sorted_by(|a, b| a > b), "{query}");
        assert_eq!((ids.len(), count), (found, pages), "{query}");
    }
}

#[actix_web::test]
async fn a_parameter_out_of_its_rule_is_named() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        issue(&app, json!({"user_id": "ann"})).await;
    }
    let (_, page) = app.get("/v1/signatures?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let changed = cursor.replace(&cursor[..4], "AAAA");
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=65537", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("used=1", "used"),
        ("used=yes", "used"),
        ("used=", "used"),
        ("user_id=", "user_id"),
        ("user_id=a%00", "user_id"),
        ("user_id=%0A", "user_id"),
        ("app=", "app"),
        ("app=MAIN", "app"),
        ("ticket=", "ticket"),
        ("ticket=vt_1", "ticket"),
        ("userid=a", "userid"),
        ("order=asc", "order"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=%00", "cursor"),
        (&format!("cursor={changed}"), "cursor"),
        (&format!("cursor={cursor}A"), "cursor"),
        (&format!("cursor={cursor}%3D"), "cursor"),
        (&format!("cursor={}", &cursor[..cursor.len() - 2]), "cursor"),
    ] {
        let response = app
            .request(Method::GET, &format!("/v1/signatures?{query}"))
            .send();
        names_field(response.await.unwrap(), name).await;
    }
    assert_eq!(listed(&app, "limit=200").await.len(), 3);
}

#[actix_web::test]
async fn a_key_bound_to_an_app_sees_only_its_log() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let bound = key(&app, "bound", &["read"], Some(&["second"])).await;
    let both = key(&app, "both", &["read"], Some(&["second", "main"])).await;
    let hers = issue(&app, json!({"user_id": "ann", "app": "main"})).await;
    let his = issue(&app, json!({"user_id": "ann", "app": "second"})).await;
    let seen = async |key: &str, query: &str| {
        let (status, page) = get_with(&app, key, &format!("/v1/signatures{query}")).await;
        assert_eq!(status, StatusCode::OK);
        ids(&page)
    };
    assert_eq!(seen(&bound, "").await, [his.as_str()]);
    assert_eq!(seen(&bound, "?user_id=ann").await, [his.as_str()]);
    assert_eq!(seen(&both, "").await, [his.as_str(), hers.as_str()]);
    assert_eq!(seen(&both, "?app=main").await, [hers]);
}

#[actix_web::test]
async fn times_are_told_in_utc() {
    let app = TestApp::start().await;
    issue(&app, json!({"user_id": "ann"})).await;
    let (_, page) = app.get("/v1/signatures").await;
    assert_eq!(
        page["items"][0]["issued_at"],
        app.now().to_rfc3339_opts(SecondsFormat::AutoSi, true)
    );
}

#[actix_web::test]
async fn an_upload_in_another_app_does_not_use_the_ticket_that_it_names() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let (_, issued) = app
        .post_signature(&json!({"user_id": "ann", "app": "main"}))
        .await;
    let ticket = issued["ticket"].as_str().unwrap();
    let body = new_file_upload("9901", ticket).to_string();
    let (status, _) = app.callback_to(&format!("second/{TOKEN}"), body).await;
    assert_eq!(status, StatusCode::OK);
    let (_, page) = app.get(&format!("/v1/signatures?ticket={ticket}")).await;
    assert_eq!(page["items"][0]["used"], false);
    let used = "SELECT count(*) FROM analyst.signature_issues WHERE used";
    assert_eq!(app.count(used).await, 0);
    let (_, upload) = app.get("/v1/uploads/9901").await;
    assert_eq!(upload["attribution"]["reason"], "wrong_app");
}
