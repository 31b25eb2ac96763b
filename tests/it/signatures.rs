//! `POST /v1/signatures`: whole answers, what is signed, what is logged, and the rule of each field.

use chrono::TimeDelta;
use reqwest::{Body, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vod_receiver::config::App;
use vod_receiver::vod::signature;

use crate::harness::{ADMIN_KEY, SECRET_KEY, TestApp, named_app, new_file_upload, token_app};
use crate::problems::{names_field, problem, whole};

async fn post(app: &TestApp, body: impl Into<Body>) -> Response {
    app.request(Method::POST, "/v1/signatures")
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap()
}

/// Asks for a signature, which must be given.
async fn issued(app: &TestApp, body: Value) -> Value {
    let (status, issued) = app.post_signature(&body).await;
    assert_eq!(status, StatusCode::CREATED, "{body} {issued}");
    issued
}

/// The text that a signature signs, once it is proven to be ours.
fn signed(issued: &Value) -> String {
    let signature = issued["signature"].as_str().unwrap();
    let decoded = signature::decode(signature).unwrap();
    assert!(decoded.verify(SECRET_KEY));
    assert!(!decoded.verify("another key"));
    decoded.original().replace('&', "\n")
}

/// Posts so many times 8 KiB of white space without saying beforehand how much it is; the status line.
async fn post_chunks(app: &TestApp, chunks: usize) -> String {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/signatures HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    let chunk = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
    let body = head + &chunk.repeat(chunks) + "0\r\n\r\n";
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

/// What a query tells, as text.
async fn row(app: &TestApp, sql: &'static str) -> String {
    sqlx::query_scalar(sql).fetch_one(&app.pool).await.unwrap()
}

#[actix_web::test]
async fn a_plain_request_gets_a_ticket_and_a_signature_for_an_hour() {
    let app = TestApp::start().await;
    let response = post(&app, r#"{"user_id": "user-42"}"#).await;
    insta::assert_snapshot!(whole(response).await, @r#"
    201 Created
    cache-control: no-store
    content-length: 399
    content-type: application/json
    x-request-id: <uuid>

    {
      "signature": "F9EZ2Pj6W/pVYpyT3tQV5ex8wx5zZWNyZXRJZD1BS0lEdGVzdCZjdXJyZW50VGltZVN0YW1wPTE3OTU0MjA4MDAmZXhwaXJlVGltZT0xNzk1NDI0NDAwJnJhbmRvbT0xJnNvdXJjZUNvbnRleHQ9dnRfMDFNODNQUEgwMEUwMDgwMDAwMDAwMDAwMDA=",
      "ticket": "vt_01M83PPH00E008000000000000",
      "issue_id": "01a2076b-4400-7000-8000-000000000002",
      "app": "main",
      "user_id": "user-42",
      "issued_at": "2026-11-23T08:00:00Z",
      "expires_at": "2026-11-23T09:00:00Z"
    }
    "#);
}

#[actix_web::test]
async fn what_is_asked_for_is_what_is_signed_and_logged() {
    let app = TestApp::with(vec![App {
        sub_app_id: Some(1_500_000_001),
        ..token_app()
    }])
    .await;
    let issued = issued(
        &app,
        json!({
            "user_id": "用户/42 \"q\"", "app": "main", "expires_in": 600, "one_time": true,
            "procedure": "转码 & 截图", "class_id": 7, "task_priority": -10, "task_notify_mode": "Change",
            "storage_region": "ap-chongqing", "context": {"order": 1},
        }),
    )
    .await;
    insta::assert_snapshot!(signed(&issued), @r"
    secretId=AKIDtest
    currentTimeStamp=1795420800
    expireTime=1795421400
    random=1
    classId=7
    procedure=%E8%BD%AC%E7%A0%81%20%26%20%E6%88%AA%E5%9B%BE
    taskPriority=-10
    taskNotifyMode=Change
    sourceContext=vt_01M83PPH00E008000000000000
    oneTimeValid=1
    vodSubAppId=1500000001
    sessionContext=vt_01M83PPH00E008000000000000
    storageRegion=ap-chongqing
    ");
    insta::assert_snapshot!(row(&app, "SELECT jsonb_pretty(to_jsonb(t)) FROM tickets t").await, @r#"
    {
        "id": "01a2076b-4400-7000-8000-000000000000",
        "app": "main",
        "context": {
            "order": 1
        },
        "user_id": "用户/42 \"q\"",
        "one_time": true,
        "created_at": "2026-11-23T08:00:00+00:00",
        "last_expires_at": "2026-11-23T08:10:00+00:00"
    }
    "#);
    insta::assert_snapshot!(
        row(&app, "SELECT jsonb_pretty(to_jsonb(i)) FROM signature_issues i").await, @r#"
        {
            "id": "01a2076b-4400-7000-8000-000000000002",
            "app": "main",
            "random": 1,
            "ticket": "01a2076b-4400-7000-8000-000000000000",
            "user_id": "用户/42 \"q\"",
            "class_id": 7,
            "one_time": true,
            "issued_at": "2026-11-23T08:00:00+00:00",
            "issued_to": "admin",
            "procedure": "转码 & 截图",
            "secret_id": "AKIDtest",
            "expires_at": "2026-11-23T08:10:00+00:00",
            "sub_app_id": 1500000001,
            "task_priority": -10,
            "storage_region": "ap-chongqing",
            "task_notify_mode": "Change"
        }
        "#
    );
    assert_eq!(issued["expires_at"], "2026-11-23T08:10:00Z");
}

#[actix_web::test]
async fn a_plain_signature_says_nothing_that_was_not_asked_for() {
    let app = TestApp::start().await;
    insta::assert_snapshot!(signed(&issued(&app, json!({"user_id": "ann"})).await), @r"
    secretId=AKIDtest
    currentTimeStamp=1795420800
    expireTime=1795424400
    random=1
    sourceContext=vt_01M83PPH00E008000000000000
    ");
}

#[actix_web::test]
async fn a_session_context_goes_only_with_a_procedure() {
    let app = TestApp::start().await;
    for (body, wanted) in [
        (json!({"user_id": "ann"}), false),
        (json!({"user_id": "ann", "procedure": "P"}), true),
    ] {
        let issued = issued(&app, body).await;
        let decoded = signature::decode(issued["signature"].as_str().unwrap()).unwrap();
        let ticket = issued["ticket"].as_str();
        assert_eq!(decoded.text("sourceContext"), ticket);
        assert_eq!(
            decoded.text("sessionContext"),
            ticket.filter(|_| wanted),
            "{issued}"
        );
    }
}

#[actix_web::test]
async fn an_expiry_is_counted_in_whole_seconds_from_now() {
    let app = TestApp::start().await;
    // The clock stands in the middle of a millisecond: nothing may be rounded up.
    app.clock.advance(TimeDelta::microseconds(1_999_700));
    for seconds in [1, 3600, 7_776_000] {
        let issued = issued(&app, json!({"user_id": "ann", "expires_in": seconds})).await;
        let decoded = signature::decode(issued["signature"].as_str().unwrap()).unwrap();
        let from = decoded.integer("currentTimeStamp").unwrap();
        assert_eq!(from, app.now().timestamp());
        assert_eq!(decoded.integer("expireTime"), Some(from + seconds));
        assert_eq!(issued["issued_at"], "2026-11-23T08:00:01.999Z");
        let expires_at: chrono::DateTime<chrono::Utc> =
            issued["expires_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(expires_at.timestamp(), from + seconds);
    }
}

#[actix_web::test]
async fn a_ticket_is_continued_with_a_fresh_signature() {
    let app = TestApp::start().await;
    let first = issued(
        &app,
        json!({"user_id": "ann", "context": {"a": 1, "b": [2]}}),
    )
    .await;
    let ticket = first["ticket"].as_str().unwrap();
    let mut randoms = vec![random(&first)];
    for (turn, more) in [
        json!({}),
        json!({"context": null}),
        json!({"context": {"b": [2], "a": 1}, "expires_in": 60, "one_time": true}),
        json!({"ticket": format!("vt_{}", ticket[3..].to_lowercase()), "procedure": "P"}),
    ]
    .into_iter()
    .enumerate()
    {
        app.clock.advance(TimeDelta::seconds(1));
        let mut body = json!({"user_id": "ann", "ticket": ticket});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let next = issued(&app, body).await;
        assert_eq!(next["ticket"], ticket, "turn {turn}");
        assert_ne!(next["issue_id"], first["issue_id"]);
        assert_ne!(next["signature"], first["signature"]);
        assert!(!randoms.contains(&random(&next)));
        randoms.push(random(&next));
        signed(&next);
    }
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM signature_issues").await, 5);
    // The ticket lives as long as its longest signature, and one-time once is one-time.
    assert_eq!(
        row(
            &app,
            "SELECT (last_expires_at, one_time, context)::text FROM tickets"
        )
        .await,
        r#"("2026-11-23 09:00:04+00",t,"{""a"":1,""b"":[2]}")"#
    );
}

fn random(issued: &Value) -> i64 {
    let decoded = signature::decode(issued["signature"].as_str().unwrap()).unwrap();
    decoded.integer("random").unwrap()
}

#[actix_web::test]
async fn a_ticket_of_another_user_app_or_context_is_not_continued() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let with = |more: Value| {
        let mut body = json!({"user_id": "ann", "app": "main"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let held = issued(&app, with(json!({"context": {"a": 1}}))).await["ticket"].clone();
    let bare = issued(&app, with(json!({}))).await["ticket"].clone();
    for (status, more) in [
        (409, json!({"ticket": held, "user_id": "bob"})),
        (409, json!({"ticket": held, "user_id": "Ann"})),
        (409, json!({"ticket": held, "app": "second"})),
        (409, json!({"ticket": held, "context": {"a": 2}})),
        (409, json!({"ticket": held, "context": {}})),
        (409, json!({"ticket": bare, "context": {"a": 1}})),
        (404, json!({"ticket": "vt_01H455VB4PEX5VSKNK084SN02Q"})),
    ] {
        let response = post(&app, with(more.clone()).to_string()).await;
        assert_eq!(response.status(), status, "{more}");
        problem(response).await;
    }
    for ticket in [
        "",
        "vt_",
        "01H455VB4PEX5VSKNK084SN02Q",
        "vt_01H455VB4PEX5VSKNK084SN02U",
    ] {
        let response = post(&app, with(json!({"ticket": ticket})).to_string()).await;
        names_field(response, "ticket").await;
    }
    assert_eq!(app.count("SELECT count(*) FROM signature_issues").await, 2);
}

#[actix_web::test]
async fn each_field_has_its_rule_and_a_fault_names_it() {
    let app = TestApp::start().await;
    let long = |bytes: usize| "x".repeat(bytes);
    let table = [
        (
            "user_id",
            vec![
                json!(null),
                json!(7),
                json!(["a"]),
                json!(""),
                json!("a\0"),
                json!("a\nb"),
                json!("\u{7f}"),
                json!("\u{85}"),
                json!(long(257)),
                json!("用".repeat(86)),
            ],
        ),
        (
            "app",
            vec![json!(1), json!(""), json!("nope"), json!("Main")],
        ),
        (
            "ticket",
            vec![json!(1), json!(""), json!("vt_1"), json!({})],
        ),
        (
            "expires_in",
            vec![
                json!(0),
                json!(-1),
                json!(7_776_001),
                json!(1.5),
                json!(60.0),
                json!("60"),
                json!(true),
                json!([]),
                json!(i64::MIN),
                json!(u64::MAX),
                json!(1e300),
            ],
        ),
        ("one_time", vec![json!(1), json!("true"), json!({})]),
        (
            "procedure",
            vec![
                json!(""),
                json!(long(129)),
                json!("a\0b"),
                json!("a\tb"),
                json!(5),
            ],
        ),
        (
            "class_id",
            vec![
                json!(-1),
                json!(2_147_483_648_i64),
                json!(1.5),
                json!("1"),
                json!(u64::MAX),
            ],
        ),
        (
            "task_priority",
            vec![
                json!(-11),
                json!(11),
                json!(0.5),
                json!("1"),
                json!(u64::MAX),
            ],
        ),
        (
            "task_notify_mode",
            vec![json!("finish"), json!(""), json!("Always"), json!(1)],
        ),
        (
            "storage_region",
            vec![
                json!(""),
                json!("AP-CHONGQING"),
                json!("ap chongqing"),
                json!("ap_chongqing"),
                json!("ap-chongqing\n"),
                json!("重庆"),
                json!(long(65)),
                json!(1),
            ],
        ),
        (
            "context",
            vec![json!(long(4095)), json!("a\0"), json!({"a": [{"b\0": 1}]})],
        ),
    ];
    for (field, values) in table {
        for value in values {
            // The priority and the mode are judged only beside a procedure.
            let mut body = json!({"user_id": "ann", "procedure": "P"});
            body[field] = value.clone();
            let response = post(&app, body.to_string()).await;
            assert_eq!(response.status(), 400, "{field}: {value}");
            names_field(response, field).await;
        }
    }
    for (field, value) in [
        ("task_priority", json!(0)),
        ("task_notify_mode", json!("Finish")),
    ] {
        let mut body = json!({"user_id": "ann"});
        body[field] = value;
        let told = names_field(post(&app, body.to_string()).await, field).await;
        assert!(told["detail"].as_str().unwrap().contains("`procedure`"));
    }
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM signature_issues").await, 0);
}

#[actix_web::test]
async fn what_is_only_just_allowed_is_allowed() {
    let app = TestApp::start().await;
    let nulls = json!({
        "user_id": "a", "app": null, "ticket": null, "expires_in": null, "one_time": null, "procedure": null,
        "class_id": null, "task_priority": null, "task_notify_mode": null, "storage_region": null, "context": null,
    });
    for body in [
        nulls,
        json!({"user_id": "x".repeat(256)}),
        json!({"user_id": "👩‍👩‍👧/\"quoted\"'%00' OR 1=1 --"}),
        json!({"user_id": " "}),
        json!({"user_id": "a", "expires_in": 7_776_000}),
        json!({"user_id": "a", "expires_in": 1}),
        json!({"user_id": "a", "procedure": "p".repeat(128), "task_priority": 10, "task_notify_mode": "None"}),
        json!({"user_id": "a", "class_id": 2_147_483_647}),
        json!({"user_id": "a", "class_id": 0}),
        json!({"user_id": "a", "storage_region": "r".repeat(64)}),
        json!({"user_id": "a", "context": "x".repeat(4094)}),
        json!({"user_id": "a", "context": [[[["\\u0000 in words"]]]]}),
    ] {
        let issued = issued(&app, body.clone()).await;
        assert_eq!(issued["user_id"], body["user_id"]);
        signed(&issued);
    }
}

#[actix_web::test]
async fn a_context_that_cannot_be_kept_is_refused() {
    let app = TestApp::start().await;
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    for context in [
        r#""\ud800""#,
        r#"{"a": "\udc00\ud800"}"#,
        "1e999",
        "\"\\u0000\"",
        &deep,
    ] {
        let body = format!(r#"{{"user_id": "ann", "context": {context}}}"#);
        names_field(post(&app, body).await, "context").await;
    }
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 0);
}

#[actix_web::test]
async fn a_field_unknown_missing_or_given_twice_is_named() {
    let app = TestApp::start().await;
    for (body, field) in [
        (r#"{"user_id": "a", "userid": "b"}"#, "userid"),
        (r#"{"user_id": "a", "expiresIn": 60}"#, "expiresIn"),
        (r#"{"user_id": "a", "": 1}"#, ""),
        (r#"{"user_id": "a", "a`b": 1}"#, "a`b"),
        (r#"{"user_id": "a", "user_id": "b"}"#, "user_id"),
        (r#"{"user_id": "a", "context": 1, "context": 1}"#, "context"),
        (r#"{"app": "main"}"#, "user_id"),
        ("{}", "user_id"),
    ] {
        names_field(post(&app, body).await, field).await;
    }
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 0);
}

#[actix_web::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let app = TestApp::start().await;
    let as_sequence = r#"["ann",null,null,null,null,null,null,null,null,null,null,null]"#;
    for body in [
        b"".as_slice(),
        b" ",
        b"nope",
        b"null",
        b"[]",
        b"7",
        b"\"user_id\"",
        b"user_id=ann",
        as_sequence.as_bytes(),
        br#"{"user_id": "ann""#,
        br#"{"user_id": "ann"} x"#,
        br#"{"user_id": "ann"}{"user_id": "bob"}"#,
        br#"{'user_id': 'ann'}"#,
        b"\xef\xbb\xbf{\"user_id\": \"ann\"}",
        b"{\"user_id\": \"\xff\"}",
        b"{\"user_id\": \"ann\", \"context\": \"\xff\"}",
        br#"{"user_id": "\ud800"}"#,
    ] {
        let response = post(&app, body.to_vec()).await;
        assert_eq!(response.status(), 400, "{}", String::from_utf8_lossy(body));
        problem(response).await;
    }
    let deep = format!(r#"{{"user_id": {}"#, "[".repeat(60_000));
    assert_eq!(post(&app, deep).await.status(), 400);
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 0);
}

#[actix_web::test]
async fn a_body_may_be_64_kib_and_no_more() {
    let app = TestApp::start().await;
    let body = r#"{"user_id": "ann"}"#;
    let padded = |bytes: usize| format!("{body}{}", " ".repeat(bytes - body.len()));
    assert_eq!(post(&app, padded(65_536)).await.status(), 201);
    for bytes in [65_537, 70_000, 1 << 20, 9 << 20] {
        let response = post(&app, padded(bytes)).await;
        assert_eq!(response.status(), 413, "{bytes}");
        problem(response).await;
    }
    assert_eq!(post_chunks(&app, 8).await, "HTTP/1.1 400 Bad Request");
    assert_eq!(post_chunks(&app, 9).await, "HTTP/1.1 413 Payload Too Large");
    let huge_user = json!({"user_id": "u".repeat(1 << 20)}).to_string();
    assert_eq!(post(&app, huge_user).await.status(), 413);
}

#[actix_web::test]
async fn the_body_must_say_that_it_is_json() {
    let app = TestApp::start().await;
    let send = |content_type: Option<&str>| {
        let mut request = app
            .request(Method::POST, "/v1/signatures")
            .body(r#"{"user_id": "ann"}"#);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        request.send()
    };
    for content_type in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/jsonx"),
        Some("application/problem+json"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=application/json"),
    ] {
        let response = send(content_type).await.unwrap();
        assert_eq!(response.status(), 415, "{content_type:?}");
        problem(response).await;
    }
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json;charset=UTF-8",
    ] {
        let response = send(Some(content_type)).await.unwrap();
        assert_eq!(response.status(), 201, "{content_type}");
    }
}

#[actix_web::test]
async fn with_several_apps_one_must_be_named() {
    let mut second = named_app("second");
    second.secret_id = "AKIDsecond".to_owned();
    let app = TestApp::with(vec![token_app(), second]).await;
    let told = names_field(post(&app, r#"{"user_id": "ann"}"#).await, "app").await;
    assert!(told["detail"].as_str().unwrap().contains("more than one"));
    for (name, secret_id) in [("main", "AKIDtest"), ("second", "AKIDsecond")] {
        let issued = issued(&app, json!({"user_id": "ann", "app": name})).await;
        assert_eq!(issued["app"], name);
        assert!(signed(&issued).contains(&format!("secretId={secret_id}\n")));
    }
}

#[actix_web::test]
async fn a_context_comes_back_with_the_upload_byte_for_byte() {
    let app = TestApp::start().await;
    let context = r#"{"z":1,  "a":"\u00e9\/é","n":1.0e2,"big":123456789012345678901234567890.10, "z":2,"e":"\"🎬"}"#;
    let response = post(
        &app,
        format!(r#"{{"context":{context} , "user_id":"ann"}}"#),
    )
    .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let issued: Value = response.json().await.unwrap();
    let ticket = issued["ticket"].as_str().unwrap();
    app.callback(new_file_upload("5001", ticket).to_string())
        .await;
    for path in [
        "/v1/uploads".to_owned(),
        "/v1/uploads/5001".to_owned(),
        format!("/v1/tickets/{ticket}"),
    ] {
        let response = app.request(Method::GET, &path).send().await.unwrap();
        let text = response.text().await.unwrap();
        assert!(
            text.contains(&format!(r#""context":{context},"#)),
            "{path}: {text}"
        );
    }
}

#[actix_web::test]
async fn no_signature_is_stored() {
    let app = TestApp::start().await;
    let issued = issued(&app, json!({"user_id": "ann", "context": {"a": 1}})).await;
    let signature = issued["signature"].as_str().unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&app.pool)
            .await
            .unwrap();
    let mut everything = String::new();
    for table in tables {
        let sql = format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t");
        everything += &sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql))
            .fetch_one(&app.pool)
            .await
            .unwrap();
    }
    assert!(everything.contains("ann") && everything.contains("AKIDtest"));
    assert!(!everything.contains(&signature[..24]));
    assert!(!everything.contains(SECRET_KEY));
}

#[actix_web::test]
async fn a_continued_ticket_asks_vod_for_what_its_last_signature_asked_for() {
    let app = TestApp::start().await;
    let first = json!({"user_id": "ann", "procedure": "P", "task_priority": 3, "class_id": 7});
    let (_, issued) = app.post_signature(&first).await;
    let ticket = issued["ticket"].clone();
    let parameters = async |body: Value| {
        let (status, issued) = app.post_signature(&body).await;
        assert_eq!(status, StatusCode::CREATED, "{issued}");
        let decoded = signature::decode(issued["signature"].as_str().unwrap()).unwrap();
        ["procedure", "taskPriority", "classId", "sessionContext"]
            .map(|name| decoded.text(name).map(str::to_owned))
    };
    let text = |text: &str| Some(text.to_owned());
    let context = ticket.as_str().map(str::to_owned);
    assert_eq!(
        parameters(json!({"user_id": "ann", "ticket": ticket})).await,
        [text("P"), text("3"), text("7"), context.clone()]
    );
    // Another flow brings its own priority, or none; the rest stays.
    assert_eq!(
        parameters(json!({"user_id": "ann", "ticket": ticket, "procedure": "Q"})).await,
        [text("Q"), None, text("7"), context.clone()]
    );
    assert_eq!(
        parameters(json!({"user_id": "ann", "ticket": ticket, "class_id": 8})).await,
        [text("Q"), None, text("8"), context]
    );
}
