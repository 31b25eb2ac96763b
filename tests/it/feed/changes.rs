//! `GET /v1/uploads/changes`: what happened since, for those who poll.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;
use vod_receiver::keep::changes::{KEEP, trim};
use vod_receiver::query::feed::Cursor;

use super::{pair, seq, what};
use crate::harness::{TOKEN, TestApp, answer, named_app, new_file_upload, token_app};
use crate::keys::{get_with, key, with_key};
use crate::problems::{names_field, problem, whole};
use crate::uploads_list::{deletion, procedure};

fn kinds(items: &[Value]) -> Vec<(String, String)> {
    items.iter().map(what).collect()
}

#[actix_web::test]
async fn a_change_tells_the_upload_as_the_lists_do() {
    let app = TestApp::start().await;
    let cursor = app.cursor().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("6101", &ticket).to_string())
        .await;
    let response = app
        .request(Method::GET, &format!("/v1/uploads/changes?after={cursor}"))
        .send()
        .await
        .unwrap();
    let upload = app.upload("6101").await;
    let text = whole(response).await;
    let body: Value = serde_json::from_str(text.split_once("\n\n").unwrap().1).unwrap();
    assert_eq!(body["items"][0]["upload"], upload);
    insta::assert_snapshot!(text.split_once("      \"upload\": {").unwrap().0, @r#"
    200 OK
    cache-control: no-store
    content-length: 942
    content-type: application/json
    x-request-id: <uuid>

    {
      "items": [
        {
          "cursor": "AQAAAAAAAAAB",
          "event": "upload.recorded",
          "at": "2026-11-23T08:00:00Z",
          "app": "main",
          "file_id": "6101",
          "user_before": null,
          "user_after": "ann",
    "#);
    assert_eq!(body["next_cursor"], body["items"][0]["cursor"]);
    assert_eq!(body["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn every_change_is_told_once_and_in_order_and_what_changes_nothing_is_not() {
    let app = TestApp::start().await;
    let cursor = app.cursor().await;
    let mut upload = new_file_upload("6111", "");
    upload["FileUploadEvent"]["ProcedureTaskId"] = json!("t1");
    // A task before its upload, which nobody is shown yet; each thing twice.
    for body in [
        procedure("6112", "t2", "FINISH"),
        upload,
        procedure("6111", "t1", "FINISH"),
        deletion(&["6111"]),
        new_file_upload("6112", ""),
    ] {
        for _ in 0..2 {
            app.callback(body.to_string()).await;
        }
    }
    let (items, next) = app.since(&cursor).await;
    let wanted = [
        pair("recorded", "6111"),
        pair("updated", "6111"),
        pair("deleted", "6111"),
        pair("recorded", "6112"),
    ];
    assert_eq!(kinds(&items), wanted);
    let seqs: Vec<i64> = items
        .iter()
        .map(|item| seq(item["cursor"].as_str().unwrap()))
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
    // The upload is as it is now.
    assert!(items[0]["upload"]["deleted_at"].is_string());
    assert_eq!(app.since(&next).await, (vec![], next));
    for (at, item) in items.iter().enumerate() {
        let (rest, _) = app.since(item["cursor"].as_str().unwrap()).await;
        assert_eq!(rest, items[at + 1..]);
    }
}

#[actix_web::test]
async fn pages_hold_each_change_once_and_a_wait_ends_with_the_next() {
    let app = TestApp::start().await;
    let other = app.beside().await;
    let mut cursor = app.cursor().await;
    for number in 0..7 {
        app.callback(new_file_upload(&format!("612{number}"), "").to_string())
            .await;
    }
    let mut files = Vec::new();
    for size in [3, 3, 1, 0] {
        // Any receiver goes on where another ended.
        let asked = if size == 3 { &app } else { &other };
        let page = asked
            .changes(&format!(
                "after={cursor}&limit=3&wait={}",
                u8::from(size == 0)
            ))
            .await;
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), size);
        files.extend(kinds(items).into_iter().map(|(_, file)| file));
        page["next_cursor"]
            .as_str()
            .unwrap()
            .clone_into(&mut cursor);
    }
    let wanted: Vec<String> = (0..7).map(|number| format!("612{number}")).collect();
    assert_eq!(files, wanted);

    for recorder in [&app, &other] {
        let request = app.request(
            Method::GET,
            &format!("/v1/uploads/changes?after={cursor}&wait=60&user_id=ann"),
        );
        let waiting = tokio::spawn(async { answer(request.send().await.unwrap()).await });
        app.until_waiting("feed_readers", 1).await;
        let began = Instant::now();
        let ticket = app.ticket("ann").await;
        let file_id = format!("613{}", u8::from(std::ptr::eq(recorder, &app)));
        recorder
            .callback(new_file_upload(&format!("{file_id}9"), "").to_string())
            .await;
        recorder
            .callback(new_file_upload(&file_id, &ticket).to_string())
            .await;
        let (_, page) = waiting.await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(
            kinds(page["items"].as_array().unwrap()),
            [pair("recorded", &file_id)]
        );
        page["next_cursor"]
            .as_str()
            .unwrap()
            .clone_into(&mut cursor);
    }
}

#[actix_web::test]
async fn an_app_and_a_user_are_told_only_what_is_theirs_and_what_was() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let cursor = app.cursor().await;
    let (_, issued) = app
        .post_signature(&json!({"user_id": "ann", "app": "main"}))
        .await;
    let ticket = issued["ticket"].as_str().unwrap().to_owned();
    app.callback(new_file_upload("6141", &ticket).to_string())
        .await;
    app.callback_to(
        &format!("second/{TOKEN}"),
        new_file_upload("6142", "").to_string(),
    )
    .await;
    let decided = app
        .request(Method::PUT, "/v1/uploads/6141/attribution")
        .json(&json!({"user_id": "bob", "reason": "case 4711"}));
    assert_eq!(decided.send().await.unwrap().status(), StatusCode::OK);
    let bound = key(&app, "bound", &["read"], Some(&["second"])).await;
    let recorded = pair("recorded", "6141");
    let updated = pair("updated", "6141");
    for (query, wanted) in [
        ("user_id=ann", vec![recorded.clone(), updated.clone()]),
        ("user_id=bob", vec![updated.clone()]),
        ("user_id=carl", vec![]),
        ("app=main", vec![recorded, updated]),
        ("app=second", vec![pair("recorded", "6142")]),
        ("app=third", vec![]),
        ("app=second&user_id=ann", vec![]),
    ] {
        let page = app.changes(&format!("after={cursor}&{query}")).await;
        assert_eq!(kinds(page["items"].as_array().unwrap()), wanted, "{query}");
        // The cursor is over what was not wanted.
        assert_eq!(seq(page["next_cursor"].as_str().unwrap()), 3, "{query}");
    }
    let path = format!("/v1/uploads/changes?after={cursor}");
    let (_, page) = get_with(&app, &bound, &path).await;
    assert_eq!(
        kinds(page["items"].as_array().unwrap()),
        [pair("recorded", "6142")]
    );
    for route in ["changes", "live"] {
        let path = format!("/v1/uploads/{route}?app=main");
        assert_eq!(get_with(&app, &bound, &path).await.0, StatusCode::FORBIDDEN);
    }
}

#[actix_web::test]
async fn only_who_may_read_is_told() {
    let app = TestApp::start().await;
    let signer = key(&app, "signer", &["sign"], None).await;
    for route in ["changes", "live"] {
        let path = format!("/v1/uploads/{route}");
        let response = with_key(&app, &signer, Method::GET, &path).send().await;
        assert_eq!(response.unwrap().status(), StatusCode::FORBIDDEN);
        let nobody = app.client.get(format!("{}{path}", app.url)).send().await;
        assert_eq!(nobody.unwrap().status(), StatusCode::UNAUTHORIZED);
        let response = app.request(Method::POST, &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "GET");
    }
}

#[actix_web::test]
async fn what_is_no_cursor_or_breaks_a_rule_is_named() {
    let app = TestApp::start().await;
    let uploads = app.get("/v1/uploads?limit=1").await.1;
    assert_eq!(uploads["next_cursor"], Value::Null);
    for route in ["changes", "live"] {
        for (query, field) in [
            ("after=", "after"),
            ("after=0", "after"),
            ("after=AQAAAAAAAAA", "after"),
            ("after=AgAAAAAAAAAA", "after"),
            ("after=%00", "after"),
            ("after=AQAAAAAAAAAA&after=AQAAAAAAAAAA", "after"),
            ("app=%F0%9F%8E%AC", "app"),
            ("user_id=", "user_id"),
            ("user_id=%00", "user_id"),
            ("cursor=AQAAAAAAAAAA", "cursor"),
        ] {
            let path = format!("/v1/uploads/{route}?{query}");
            let response = app.request(Method::GET, &path).send().await.unwrap();
            names_field(response, field).await;
        }
    }
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("wait=61", "wait"),
    ] {
        let path = format!("/v1/uploads/changes?{query}");
        let response = app.request(Method::GET, &path).send().await.unwrap();
        names_field(response, field).await;
    }
    let odd = app.live("").header("Last-Event-ID", "17");
    names_field(odd.send().await.unwrap(), "Last-Event-ID").await;
}

#[actix_web::test]
async fn what_is_not_kept_any_more_is_gone_and_what_is_kept_has_no_gap() {
    let app = TestApp::start().await;
    let cursor = app.cursor().await;
    for number in 0..4 {
        app.callback(new_file_upload(&format!("615{number}"), "").to_string())
            .await;
        app.clock.advance(TimeDelta::days(1));
    }
    let (items, head) = app.since(&cursor).await;
    let after = |at: usize| items[at]["cursor"].as_str().unwrap().to_owned();
    // The first is as old as may be, then a moment older.
    app.clock.advance(KEEP - TimeDelta::days(4));
    assert_eq!(trim(&app.database, &app.clock).await.unwrap(), 0);
    app.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(trim(&app.database, &app.clock).await.unwrap(), 1);
    assert_eq!(trim(&app.database, &app.clock).await.unwrap(), 0);
    let is_gone = async |cursor: &str| {
        for route in ["changes", "live"] {
            let path = format!("/v1/uploads/{route}?after={cursor}");
            let response = app.request(Method::GET, &path).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::GONE, "{route}");
            assert_eq!(problem(response).await["code"], "gone");
        }
    };
    is_gone(&cursor).await;
    assert_eq!(app.since(&after(0)).await.0, items[1..]);
    app.clock.advance(TimeDelta::days(30));
    assert_eq!(trim(&app.database, &app.clock).await.unwrap(), 3);
    is_gone(&after(2)).await;
    // Who has everything lacks nothing.
    assert_eq!(app.since(&head).await, (vec![], head.clone()));
    app.callback(new_file_upload("6159", "").to_string()).await;
    assert_eq!(kinds(&app.since(&head).await.0), [pair("recorded", "6159")]);
    // A log that is shorter than what was read of it is another one.
    is_gone(&Cursor(6).to_string()).await;
    is_gone(&Cursor(i64::MAX).to_string()).await;
}
