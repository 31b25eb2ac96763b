//! `GET /v1/uploads`: filters, order, pages, and values that make no sense.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vod_receiver::config::AppName;
use vod_receiver::record::{Delivery, Door, Outcome};
use vod_receiver::vod::notification;

use crate::harness::{TOKEN, TestApp, named_app, new_file_upload, token_app};
use crate::keys::{get_with, key};
use crate::problems::{names_field, whole};

/// A delivery by any door.
pub fn delivery(app: &TestApp, door: Door, body: &Value) -> Delivery {
    let body = body.to_string();
    Delivery {
        id: app.random.uuid_v7(app.now()),
        app: AppName::main(),
        door,
        received_at: app.now(),
        said: Ok(notification::read_item(body.as_bytes()).unwrap()),
        body: body.into(),
    }
}

pub fn procedure(file_id: &str, task_id: &str, status: &str) -> Value {
    json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
        "TaskId": task_id, "Status": status, "FileId": file_id,
        "MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": {"Status": "SUCCESS", "ErrCodeExt": ""}}]}})
}

pub fn deletion(files: &[&str]) -> Value {
    json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": files}})
}

/// Takes a notification, which must be recorded, and lets a second pass.
async fn told(app: &TestApp, name: &str, body: &Value) {
    let answer = app
        .callback_to(&format!("{name}/{TOKEN}"), body.to_string())
        .await;
    assert_eq!(answer.1["status"], "recorded", "{body}");
    app.clock.advance(TimeDelta::seconds(1));
}

fn files(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["file_id"].as_str().unwrap().to_owned())
        .collect()
}

async fn listed(app: &TestApp, query: &str) -> Vec<String> {
    let (status, page) = app.get(&format!("/v1/uploads?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{query} {page}");
    assert_eq!(page["next_cursor"], Value::Null);
    files(&page)
}

#[actix_web::test]
async fn an_upload_is_listed_with_all_that_is_known_of_it() {
    let app = TestApp::start().await;
    let body = json!({"user_id": "ann", "context": {"order": 7}});
    let (_, issued) = app.post_signature(&body).await;
    let mut upload = new_file_upload("1001", issued["ticket"].as_str().unwrap());
    let event = &mut upload["FileUploadEvent"];
    event["ProcedureTaskId"] = json!("main-procedure-1");
    event["ReviewAudioVideoTaskId"] = json!("main-review-1");
    event["MediaBasicInfo"]["CoverUrl"] = json!("http://example.com/cover.jpg");
    event["MetaData"] = json!({"Size": 7700180, "Bitrate": 1021028, "Height": 480, "Width": 640, "Duration": 60.04});
    app.clock.advance(TimeDelta::milliseconds(1234));
    told(&app, "main", &upload).await;
    let response = app.request(Method::GET, "/v1/uploads").send().await;
    insta::assert_snapshot!(whole(response.unwrap()).await, @r#"
    200 OK
    cache-control: no-store
    content-length: 853
    content-type: application/json
    x-request-id: <uuid>

    {
      "items": [
        {
          "file_id": "1001",
          "app": "main",
          "user_id": "ann",
          "ticket": "vt_01M83PPH00E008000000000000",
          "context": {
            "order": 7
          },
          "attribution": {
            "method": "ticket",
            "reason": "ticket",
            "detail": null,
            "decided_at": "2026-11-23T08:00:01.234Z"
          },
          "confirmed": "push",
          "source_type": "Upload",
          "source_context": "vt_01M83PPH00E008000000000000",
          "name": "holiday",
          "type": "mp4",
          "media_url": "http://example.vod2.myqcloud.com/f0.mp4",
          "cover_url": "http://example.com/cover.jpg",
          "class_id": 0,
          "storage_region": "ap-chongqing",
          "media": {
            "size_bytes": 7700180,
            "duration_s": 60.04,
            "width": 640,
            "height": 480,
            "bitrate_bps": 1021028
          },
          "procedure_task_id": "main-procedure-1",
          "review_task_id": "main-review-1",
          "processing": "waiting",
          "uploaded_at": "2026-11-23T07:59:00Z",
          "recorded_at": "2026-11-23T08:00:01.234Z",
          "updated_at": "2026-11-23T08:00:01.234Z",
          "deleted_at": null,
          "deliveries": 1
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[actix_web::test]
async fn what_is_not_known_is_null() {
    let app = TestApp::start().await;
    told(
        &app,
        "main",
        &json!({"EventType": "NewFileUpload", "FileUploadEvent": {"FileId": "1002"}}),
    )
    .await;
    let upload = app.upload("1002").await;
    for (name, value) in upload.as_object().unwrap() {
        let known = [
            "file_id",
            "app",
            "attribution",
            "confirmed",
            "media",
            "processing",
            "recorded_at",
            "updated_at",
            "deliveries",
        ];
        assert_eq!(
            !value.is_null(),
            known.contains(&name.as_str()),
            "{name}: {value}"
        );
    }
    assert!(
        upload["media"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_null)
    );
}

#[actix_web::test]
async fn the_list_is_filtered_by_each_parameter() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let sign = async |user: &str, name: &str| {
        let body = json!({"user_id": user, "app": name});
        let (_, issued) = app.post_signature(&body).await;
        issued["ticket"].as_str().unwrap().to_owned()
    };
    let (anns, bobs, foreign) = (
        sign("ann", "main").await,
        sign("b/ob 🎬", "main").await,
        sign("ann", "second").await,
    );
    let at = |file: &str, context: &str, uploaded_at: Value| {
        let mut body = new_file_upload(file, context);
        body["FileUploadEvent"]["MediaBasicInfo"]["CreateTime"] = uploaded_at;
        body
    };
    let mut with_task = at("1", &anns, json!("2026-11-23T07:00:00Z"));
    with_task["FileUploadEvent"]["ProcedureTaskId"] = json!("task/1");
    told(&app, "main", &with_task).await; // 08:00:00
    told(&app, "main", &at("2", &anns, json!("2026-11-23T07:00:01Z"))).await; // :01
    told(&app, "main", &at("3", &bobs, json!(""))).await; // :02
    told(&app, "main", &at("4", "", json!("2026-11-23T07:00:02Z"))).await; // :03
    told(
        &app,
        "second",
        &at("5", &foreign, json!("2026-11-23T07:00:03Z")),
    )
    .await; // :04
    told(
        &app,
        "second",
        &at("6", &anns, json!("2026-11-23T07:00:04Z")),
    )
    .await; // :05
    told(&app, "main", &procedure("2", "task-2", "FINISH")).await;
    told(&app, "main", &deletion(&["3"])).await;
    let pulled = delivery(
        &app,
        Door::Pull,
        &at("4", "", json!("2026-11-23T07:00:02Z")),
    );
    assert_eq!(
        app.recorder.submit(vec![pulled]).await.unwrap(),
        [Outcome::Recorded]
    );
    // Neither of these is an upload.
    told(&app, "main", &procedure("7", "task-7", "PROCESSING")).await;
    told(&app, "main", &deletion(&["8"])).await;

    let lower = format!("vt_{}", anns[3..].to_lowercase());
    for (query, wanted) in [
        (String::new(), "654321"),
        ("order=desc".into(), "654321"),
        ("order=asc".into(), "123456"),
        ("user_id=ann".into(), "521"),
        ("user_id=ann&order=asc".into(), "125"),
        ("user_id=Ann".into(), ""),
        ("user_id=b%2Fob+%F0%9F%8E%AC".into(), "3"),
        ("app=second".into(), "65"),
        ("app=main&user_id=ann".into(), "21"),
        ("app=unknown".into(), ""),
        ("file_id=4".into(), "4"),
        ("file_id=44".into(), ""),
        ("file_id=7".into(), ""),
        ("file_id=8".into(), ""),
        (format!("ticket={anns}"), "621"),
        (format!("ticket={lower}"), "621"),
        (format!("ticket={anns}&app=main&order=asc"), "12"),
        ("ticket=vt_01H455VB4PEX5VSKNK084SN02Q".into(), ""),
        ("task=task%2F1".into(), "1"),
        ("task=task-2".into(), "2"),
        ("task=task-7".into(), ""),
        ("task=nothing".into(), ""),
        ("attribution=ticket".into(), "5321"),
        ("attribution=none".into(), "64"),
        ("attribution=manual".into(), ""),
        ("attribution=resolver".into(), ""),
        ("processing=none".into(), "6543"),
        ("processing=processing".into(), ""),
        ("processing=succeeded".into(), "2"),
        ("processing=partly_failed".into(), ""),
        ("processing=failed".into(), ""),
        ("confirmed=push".into(), "65321"),
        ("confirmed=vod".into(), "4"),
        ("confirmed=refuted".into(), ""),
        ("deleted=true".into(), "3"),
        ("deleted=false".into(), "65421"),
        ("from=2026-11-23T08:00:02Z".into(), "6543"),
        ("from=2026-11-23T08:00:02.000001Z".into(), "654"),
        ("to=2026-11-23T08:00:02Z".into(), "21"),
        ("to=2026-11-23T08:00:02.000001Z".into(), "321"),
        ("from=2026-11-23T08:00:01Z&to=2026-11-23T08:00:03Z&order=asc".into(), "23"),
        ("from=2026-11-23T16:00:05%2B08:00".into(), "6"),
        ("uploaded_from=2026-11-23T07:00:02Z".into(), "654"),
        ("uploaded_to=2026-11-23T07:00:02Z".into(), "21"),
        ("uploaded_from=2026-11-23T07:00:01Z&uploaded_to=2026-11-23T07:00:01.000001Z".into(), "2"),
        ("user_id=ann&deleted=false&processing=succeeded&attribution=ticket&confirmed=push&app=main".into(), "2"),
    ] {
        let files = listed(&app, &query).await.concat();
        assert_eq!(files, wanted, "{query}");
    }
    let waiting = listed(&app, "processing=waiting").await.concat();
    assert_eq!(waiting, "1", "announced, and nothing heard of it since");

    let bound = key(&app, "bound", &["read"], Some(&["second"])).await;
    let (_, page) = get_with(&app, &bound, "/v1/uploads?user_id=ann").await;
    assert_eq!(files(&page), ["5"]);
}

#[actix_web::test]
async fn a_deleted_upload_is_listed_with_the_time_of_its_deletion() {
    let app = TestApp::start().await;
    told(&app, "main", &new_file_upload("1100", "")).await;
    // Told before the upload: it is found deleted.
    told(&app, "main", &deletion(&["1101"])).await;
    told(&app, "main", &new_file_upload("1101", "")).await;
    assert_eq!(app.upload("1100").await["deleted_at"], Value::Null);
    told(&app, "main", &deletion(&["1100"])).await;
    assert_eq!(
        app.upload("1100").await["deleted_at"],
        "2026-11-23T08:00:03Z"
    );
    assert_eq!(
        app.upload("1101").await["deleted_at"],
        "2026-11-23T08:00:01Z"
    );
    assert_eq!(listed(&app, "deleted=false").await, [""; 0]);
}

#[actix_web::test]
async fn pages_run_through_ties_in_both_orders_without_gap_or_repeat() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    // Three batches, each recorded in one transaction at one moment, their files in no order.
    for batch in 0..3 {
        let deliveries = (0..17).map(|i| {
            let file = (i * 7 % 17 + 100 * ((batch + 1) % 3)).to_string();
            let context = if i % 3 == 0 { "" } else { &ticket };
            delivery(&app, Door::Push, &new_file_upload(&file, context))
        });
        let deliveries: Vec<_> = deliveries.collect();
        let recorded = app.recorder.submit(deliveries).await.unwrap();
        assert_eq!(recorded, [Outcome::Recorded; 17]);
        app.clock.advance(TimeDelta::microseconds(1));
    }
    assert_eq!(
        app.count("SELECT count(DISTINCT recorded_at) FROM uploads")
            .await,
        3
    );
    for filter in [
        "",
        "&user_id=ann",
        "&attribution=none",
        &format!("&ticket={ticket}"),
    ] {
        let newest_first = listed(&app, &format!("limit=200{filter}")).await;
        let mut oldest_first = listed(&app, &format!("limit=200&order=asc{filter}")).await;
        let known: std::collections::BTreeSet<_> = newest_first.iter().collect();
        assert_eq!(known.len(), newest_first.len());
        assert!(newest_first.len() >= 17, "{filter}");
        assert_eq!(
            paged(&app, &format!("order=asc{filter}"), 4).await,
            oldest_first
        );
        oldest_first.reverse();
        assert_eq!(newest_first, oldest_first);
        for limit in [1, 5, 17, newest_first.len(), newest_first.len() + 1] {
            assert_eq!(
                paged(&app, &format!("order=desc{filter}"), limit).await,
                newest_first
            );
        }
    }
    // In the order of the clock, then of the file id, as text.
    let all = listed(&app, "limit=200&order=asc").await;
    assert_eq!(all[..4], ["100", "101", "102", "103"]);
    assert_eq!(all[34..38], ["0", "1", "10", "11"]);
}

/// Everything, in pages of so many; each page but the last is full.
async fn paged(app: &TestApp, query: &str, limit: usize) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = app
            .get(&format!("/v1/uploads?limit={limit}&{query}{cursor}"))
            .await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let files = files(&page);
        assert!(files.len() <= limit);
        seen.extend(files);
        let Some(next) = page["next_cursor"].as_str() else {
            return seen;
        };
        assert!(
            seen.len().is_multiple_of(limit),
            "a page short of its limit goes on"
        );
        cursor = format!("&cursor={next}");
    }
}

#[actix_web::test]
async fn a_page_that_passes_over_too_many_ends_there_and_the_next_goes_on() {
    let app = TestApp::start().await;
    // 45,000, one a second, of which three failed, and five are deleted at once.
    app.run(
        "INSERT INTO uploads (app, file_id, user_id, attribution_method, attribution_reason, attribution_at, contexts_differ,
            confirmed, processing, deleted_at, recorded_at, updated_at, announced_at, deliveries, rank_strength, rank_digest,
            version, folded_on)
        SELECT 'main', n::text, 'ann', 'manual', 'manual', at, false, 'push',
            CASE WHEN n IN (1, 20000, 44999) THEN 'failed' ELSE 'none' END, CASE WHEN n BETWEEN 7 AND 11 THEN at END, at, at, at,
            1, 1, '', 1, 0
        FROM generate_series(1, 45000) n, LATERAL (SELECT timestamptz '2026-11-20T00:00:00Z' + n * interval '1 s') t (at)"
            .to_owned(),
    )
    .await;
    for (query, found, pages) in [
        ("processing=failed", "44999 20000 1", 3),
        ("processing=failed&order=asc", "1 20000 44999", 3),
        ("processing=failed&user_id=ann", "44999 20000 1", 3),
        (
            "processing=failed&order=asc&user_id=ann",
            "1 20000 44999",
            3,
        ),
        (
            "processing=failed&from=2026-11-20T05:00:00Z",
            "44999 20000",
            2,
        ),
        ("processing=failed&limit=1", "44999 20000 1", 3),
        ("processing=processing", "", 3),
        ("deleted=true&limit=2", "11 10 9 8 7", 5),
        ("app=second", "", 3),
        // What an index tells is found at once.
        ("attribution=none", "", 1),
        ("reason=no_context", "", 1),
        ("user_id=bob&app=main", "", 1),
    ] {
        let (mut files, mut count, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let (_, page) = app.get(&format!("/v1/uploads?{query}{cursor}")).await;
            count += 1;
            let items = page["items"].as_array().unwrap().clone();
            files.extend(
                items
                    .iter()
                    .map(|item| item["file_id"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!((files.join(" ").as_str(), count), (found, pages), "{query}");
    }
}

#[actix_web::test]
async fn an_upload_that_comes_in_meanwhile_moves_no_page() {
    let app = TestApp::start().await;
    for file in 0..6 {
        told(&app, "main", &new_file_upload(&format!("15{file}"), "")).await;
    }
    let (_, first) = app.get("/v1/uploads?limit=3").await;
    told(&app, "main", &new_file_upload("159", "")).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = app
        .get(&format!("/v1/uploads?limit=3&cursor={cursor}"))
        .await;
    assert_eq!(files(&second), ["152", "151", "150"]);
    assert_eq!(second["next_cursor"], Value::Null);
    // The oldest-first reader finds it at the end.
    let (_, first) = app.get("/v1/uploads?limit=6&order=asc").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, rest) = app
        .get(&format!("/v1/uploads?order=asc&cursor={cursor}"))
        .await;
    assert_eq!(files(&rest), ["159"]);
}

#[actix_web::test]
async fn a_cursor_that_is_not_ours_is_refused() {
    let app = TestApp::start().await;
    for file in ["1601", "1602", "1603"] {
        told(&app, "main", &new_file_upload(file, "")).await;
    }
    app.ticket("ann").await;
    app.ticket("ann").await;
    let (_, page) = app.get("/v1/uploads?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let (_, other) = app.get("/v1/signatures?limit=1").await;
    let mut cursors = vec![
        String::new(),
        "x".to_owned(),
        "AAAA".to_owned(),
        "%00".to_owned(),
        "%FF".to_owned(),
        "null".to_owned(),
        "a".repeat(10_000),
        format!("{cursor}AA"),
        format!("{cursor}%3D"),
        cursor[..cursor.len() - 4].to_owned(),
        other["next_cursor"].as_str().unwrap().to_owned(),
    ];
    // Well-formed, but no row of ours: what Postgres cannot hold must not get there.
    for key in [
        r#"["2026-11-23T08:00:00Z","ma\u0000in","1601"]"#,
        r#"["2026-11-23T08:00:00Z","main","16\u000001"]"#,
        r#"["-262143-01-01T00:00:00Z","main","1601"]"#,
        r#"["+262142-01-01T00:00:00Z","main","1601"]"#,
        r#"["2026-11-23T08:00:00Z","main"]"#,
        r#"["2026-11-23T08:00:00Z","main","1601","more"]"#,
        r#"[1795507200,"main","1601"]"#,
        "{}",
        "[]",
    ] {
        use base64::Engine;
        cursors.push(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key));
    }
    for cursor in cursors {
        let response = app
            .request(Method::GET, &format!("/v1/uploads?cursor={cursor}"))
            .send()
            .await
            .unwrap();
        names_field(response, "cursor").await;
    }
}

#[actix_web::test]
async fn a_parameter_out_of_its_rule_is_named() {
    let app = TestApp::start().await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("order=newest", "order"),
        ("order=DESC", "order"),
        ("order=", "order"),
        ("user_id=", "user_id"),
        ("user_id=a&user_id=b", "user_id"),
        ("app=Main", "app"),
        ("file_id=", "file_id"),
        ("file_id=a%20b", "file_id"),
        ("file_id=%00", "file_id"),
        ("ticket=vt_", "ticket"),
        ("task=", "task"),
        ("task=%00", "task"),
        ("attribution=nobody", "attribution"),
        ("attribution=", "attribution"),
        ("processing=done", "processing"),
        ("confirmed=yes", "confirmed"),
        ("deleted=1", "deleted"),
        ("deleted=", "deleted"),
        ("from=yesterday", "from"),
        ("to=2026-11-23", "to"),
        ("uploaded_from=2026-11-23T08:00:00", "uploaded_from"),
        ("uploaded_to=", "uploaded_to"),
    ] {
        let response = app.request(Method::GET, &format!("/v1/uploads?{query}"));
        names_field(response.send().await.unwrap(), name).await;
    }
}

#[actix_web::test]
async fn no_value_of_any_parameter_brings_the_service_down() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    told(&app, "main", &new_file_upload("1700", &ticket)).await;
    let long = "a".repeat(10_000);
    let values = [
        "",
        "%00",
        "a%00b",
        "%FF%FE",
        "%C3%28",
        "%ED%A0%80",
        "%",
        "%zz",
        "%F0%9F%8E%AC",
        "%E2%80%AE",
        "%0A",
        "+",
        "%2B",
        "'",
        "''",
        "%22",
        "'%20OR%20'1'='1",
        "1;DROP%20TABLE%20uploads;--",
        "%25",
        "_",
        "\\",
        "$1",
        "%7B%7D",
        "[]",
        "null",
        "true",
        "-1",
        "0",
        "1e400",
        "NaN",
        "9223372036854775808",
        "0x10",
        "..%2F..%2Fetc%2Fpasswd",
        "vt_",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999-23:59",
        "2026-11-23T08:00:60Z",
        "-4713-01-01T00:00:00Z",
        "W10",
        "WyIiLCIiLCIiXQ",
        long.as_str(),
    ];
    let uploads = [
        "user_id",
        "app",
        "file_id",
        "ticket",
        "task",
        "attribution",
        "processing",
        "confirmed",
        "from",
        "to",
        "uploaded_from",
        "uploaded_to",
        "deleted",
        "order",
        "limit",
        "cursor",
        "unknown",
    ];
    let issues = [
        "user_id", "app", "ticket", "used", "from", "to", "limit", "cursor", "unknown",
    ];
    let mut addresses = Vec::new();
    for value in values {
        addresses.extend(uploads.map(|name| format!("/v1/uploads?{name}={value}")));
        addresses.extend(issues.map(|name| format!("/v1/signatures?{name}={value}")));
        addresses.push(format!("/v1/uploads?{value}=1"));
        addresses.push(format!("/v1/uploads/1700?app={value}"));
        addresses.push(format!("/v1/uploads/{value}"));
        addresses.push(format!("/v1/tickets/{value}"));
        addresses.push(format!("/v1/{value}"));
    }
    for address in addresses {
        // Written by hand: a client of ours would tidy the address up.
        let (status, body) = raw_get(&app, &address).await;
        assert!(
            [200, 400, 404].contains(&status),
            "{}: {status} {body}",
            &address[..address.len().min(200)]
        );
    }
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 1);
}

/// A GET of exactly this address; its status, and all that was answered.
pub async fn raw_get(app: &TestApp, address: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = app.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!(
        "GET {address} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        crate::harness::ADMIN_KEY
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.unwrap_or(0), answer)
}
