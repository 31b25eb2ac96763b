//! `GET /v1/uploads/{file_id}`: one upload and how it came to be what it is.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{TOKEN, TestApp, eventually, named_app, new_file_upload, token_app};
use crate::keys::{get_with, key};
use crate::problems::{names_field, problem, whole};
use crate::uploads_list::{deletion, procedure};

async fn history(app: &TestApp, file_id: &str) -> Value {
    let (status, body) = app.get(&format!("/v1/uploads/{file_id}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn second_passes(app: &TestApp) {
    app.clock.advance(TimeDelta::seconds(1));
}

#[actix_web::test]
async fn an_upload_shows_its_signatures_deliveries_tasks_and_former_verdicts() {
    let app = TestApp::start().await;
    let body = json!({"user_id": "ann", "procedure": "P", "context": {"order": 7}});
    let (_, issued) = app.post_signature(&body).await;
    let ticket = issued["ticket"].as_str().unwrap();
    second_passes(&app).await;
    app.post_signature(&json!({"user_id": "ann", "ticket": ticket, "one_time": true}))
        .await;
    second_passes(&app).await;
    // The old format comes first and names nobody; the new one knows better; then it is processed.
    app.callback(
        json!({"version": "4.0", "eventType": "NewFileUpload", "data": {
            "fileId": "2001", "fileName": "holiday", "sourceType": "ClientUpload", "sourceContext": ""}})
        .to_string(),
    )
    .await;
    second_passes(&app).await;
    let mut upload = new_file_upload("2001", ticket);
    upload["FileUploadEvent"]["ProcedureTaskId"] = json!("main-procedure-1");
    for _ in 0..2 {
        app.callback(upload.to_string()).await;
        second_passes(&app).await;
    }
    app.callback(procedure("2001", "main-procedure-1", "FINISH").to_string())
        .await;
    let response = app.request(Method::GET, "/v1/uploads/2001").send().await;
    insta::assert_snapshot!(whole(response.unwrap()).await, @r#"
    200 OK
    cache-control: no-store
    content-length: 2297
    content-type: application/json
    x-request-id: <uuid>

    {
      "file_id": "2001",
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
        "decided_at": "2026-11-23T08:00:03Z"
      },
      "confirmed": "push",
      "source_type": "Upload",
      "source_context": "vt_01M83PPH00E008000000000000",
      "name": "holiday",
      "type": "mp4",
      "media_url": "http://example.vod2.myqcloud.com/f0.mp4",
      "cover_url": null,
      "class_id": 0,
      "storage_region": "ap-chongqing",
      "media": {
        "size_bytes": null,
        "duration_s": null,
        "width": null,
        "height": null,
        "bitrate_bps": null
      },
      "procedure_task_id": "main-procedure-1",
      "review_task_id": null,
      "processing": "succeeded",
      "uploaded_at": "2026-11-23T07:59:00Z",
      "recorded_at": "2026-11-23T08:00:02Z",
      "updated_at": "2026-11-23T08:00:05Z",
      "deleted_at": null,
      "deliveries": [
        {
          "id": "01a2076b-4bd0-7000-8000-000000000005",
          "door": "push",
          "event_type": "NewFileUpload",
          "format": "2.0",
          "received_at": "2026-11-23T08:00:02Z",
          "refuted": null
        },
        {
          "id": "01a2076b-4fb8-7000-8000-000000000006",
          "door": "push",
          "event_type": "NewFileUpload",
          "format": "3.0",
          "received_at": "2026-11-23T08:00:03Z",
          "refuted": null
        },
        {
          "id": "01a2076b-53a0-7000-8000-000000000008",
          "door": "push",
          "event_type": "NewFileUpload",
          "format": "3.0",
          "received_at": "2026-11-23T08:00:04Z",
          "refuted": null
        },
        {
          "id": "01a2076b-5788-7000-8000-000000000009",
          "door": "push",
          "event_type": "ProcedureStateChanged",
          "format": "3.0",
          "received_at": "2026-11-23T08:00:05Z",
          "refuted": null
        }
      ],
      "issues": [
        {
          "issue_id": "01a2076b-4400-7000-8000-000000000002",
          "issued_at": "2026-11-23T08:00:00Z",
          "expires_at": "2026-11-23T09:00:00Z",
          "one_time": false,
          "procedure": "P"
        },
        {
          "issue_id": "01a2076b-47e8-7000-8000-000000000004",
          "issued_at": "2026-11-23T08:00:01Z",
          "expires_at": "2026-11-23T09:00:01Z",
          "one_time": true,
          "procedure": "P"
        }
      ],
      "tasks": [
        {
          "task_id": "main-procedure-1",
          "role": "procedure",
          "event_type": "ProcedureStateChanged",
          "state": "succeeded",
          "error_code": null,
          "message": null,
          "outputs": null,
          "recorded_at": "2026-11-23T08:00:03Z",
          "updated_at": "2026-11-23T08:00:05Z"
        }
      ],
      "attribution_changes": [
        {
          "at": "2026-11-23T08:00:03Z",
          "decided_by": "delivery 01a2076b-4fb8-7000-8000-000000000006",
          "note": null,
          "user_before": null,
          "user_after": "ann",
          "method_before": "none",
          "method_after": "ticket",
          "reason_before": "no_context",
          "reason_after": "ticket"
        }
      ],
      "misuse": {
        "signs": [],
        "files_on_ticket": 1,
        "seconds_after_expiry": null
      }
    }
    "#);
}

#[actix_web::test]
async fn the_history_shows_what_its_tasks_made() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("2004", "").to_string()).await;
    let told = |status: &str, results: Value| {
        json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
            "TaskId": "p", "Status": status, "FileId": "2004", "MediaProcessResultSet": results}})
    };
    let transcode = json!({"Type": "Transcode", "TranscodeTask": {"Status": "SUCCESS", "ErrCodeExt": "",
        "Input": {"Definition": 20}, "Output": {"Url": "https://h/v.f20.mp4", "Definition": 20}}});
    let cover = json!({"Type": "CoverBySnapshot", "CoverBySnapshotTask": {"Status": "SUCCESS", "ErrCodeExt": "",
        "Output": {"CoverUrl": "https://h/cover.jpg"}}});
    let made = json!([
        {"kind": "transcode", "definition": 20, "url": "https://h/v.f20.mp4", "file_id": null},
        {"kind": "cover_by_snapshot", "definition": null, "url": "https://h/cover.jpg", "file_id": null},
    ]);
    app.callback(told("PROCESSING", json!([transcode])).to_string())
        .await;
    let shown = history(&app, "2004").await;
    assert_eq!(shown["tasks"][0]["state"], "processing");
    assert_eq!(shown["tasks"][0]["outputs"], json!([made[0]]));
    for (results, outputs) in [
        (json!([]), json!([made[0]])),
        (json!([transcode, cover]), made.clone()),
        (json!([transcode]), made.clone()),
    ] {
        app.callback(told("PROCESSING", results).to_string()).await;
        let shown = history(&app, "2004").await;
        assert_eq!(shown["tasks"][0]["outputs"], outputs);
    }
    app.callback(told("FINISH", json!([transcode, cover])).to_string())
        .await;
    // Late, and so no news.
    app.callback(told("PROCESSING", json!([cover])).to_string())
        .await;
    let shown = history(&app, "2004").await;
    assert_eq!(shown["tasks"][0]["state"], "succeeded");
    assert_eq!(shown["tasks"][0]["outputs"], made);
}

#[actix_web::test]
async fn an_upload_of_nobody_has_a_history_too() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("2002", "somebody else's").to_string())
        .await;
    let shown = history(&app, "2002").await;
    assert_eq!(shown["user_id"], Value::Null);
    assert_eq!(shown["attribution"]["method"], "none");
    assert_eq!(shown["attribution"]["reason"], "foreign_context");
    assert_eq!(shown["source_context"], "somebody else's");
    assert_eq!(shown["issues"], json!([]));
    assert_eq!(shown["tasks"], json!([]));
    assert_eq!(shown["attribution_changes"], json!([]));
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn the_list_and_the_history_tell_the_same_of_an_upload() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("2003", &ticket).to_string())
        .await;
    app.callback(new_file_upload("2003", &ticket).to_string())
        .await;
    let mut listed = app.upload("2003").await;
    let shown = history(&app, "2003").await;
    assert_eq!(listed["deliveries"], 2);
    listed["deliveries"] = shown["deliveries"].clone();
    for (name, value) in listed.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
}

#[actix_web::test]
async fn a_file_id_that_two_apps_have_wants_the_name_of_one() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    for name in ["main", "second"] {
        app.callback_to(
            &format!("{name}/{TOKEN}"),
            new_file_upload("2100", "").to_string(),
        )
        .await;
    }
    app.callback_to(
        &format!("second/{TOKEN}"),
        new_file_upload("2101", "").to_string(),
    )
    .await;
    let response = app.request(Method::GET, "/v1/uploads/2100").send().await;
    let told = problem(response.unwrap()).await;
    assert_eq!(told["code"], "conflict");
    assert!(told["detail"].as_str().unwrap().contains("`app`"));
    for name in ["main", "second"] {
        let (status, shown) = app.get(&format!("/v1/uploads/2100?app={name}")).await;
        assert_eq!((status, &shown["app"]), (StatusCode::OK, &json!(name)));
        assert_eq!(shown["deliveries"].as_array().unwrap().len(), 1);
        // A key that knows one app needs no name.
        let bound = key(&app, name, &["read"], Some(&[name])).await;
        let (status, shown) = get_with(&app, &bound, "/v1/uploads/2100").await;
        assert_eq!((status, &shown["app"]), (StatusCode::OK, &json!(name)));
    }
    assert_eq!(history(&app, "2101").await["app"], "second");
    let (status, _) = app.get("/v1/uploads/2101?app=main").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_deletion_of_three_files_is_in_the_history_of_each() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    for file in ["2201", "2202", "2203", "2204"] {
        app.callback(new_file_upload(file, "").to_string()).await;
    }
    app.callback_to(
        &format!("second/{TOKEN}"),
        new_file_upload("2202", "").to_string(),
    )
    .await;
    app.callback(deletion(&["2201", "2202", "2203"]).to_string())
        .await;
    let mut deletions = Vec::new();
    for file in ["2201", "2202", "2203"] {
        let (_, shown) = app.get(&format!("/v1/uploads/{file}?app=main")).await;
        let deliveries = shown["deliveries"].as_array().unwrap();
        let types: Vec<_> = deliveries.iter().map(|d| d["event_type"].clone()).collect();
        assert_eq!(types, ["NewFileUpload", "FileDeleted"], "{file}");
        assert!(shown["deleted_at"].is_string());
        deletions.push(deliveries[1]["id"].clone());
    }
    deletions.dedup();
    assert_eq!(deletions.len(), 1, "one body, told in three places");
    let untouched = history(&app, "2204").await;
    assert_eq!(untouched["deliveries"].as_array().unwrap().len(), 1);
    let (_, elsewhere) = app.get("/v1/uploads/2202?app=second").await;
    assert_eq!(elsewhere["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(elsewhere["deleted_at"], Value::Null);
}

#[actix_web::test]
async fn the_signatures_of_another_apps_ticket_are_not_shown() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let (_, issued) = app
        .post_signature(&json!({"user_id": "ann", "app": "main", "context": "hers"}))
        .await;
    let ticket = issued["ticket"].as_str().unwrap();
    app.callback_to(
        &format!("second/{TOKEN}"),
        new_file_upload("2300", ticket).to_string(),
    )
    .await;
    let shown = history(&app, "2300").await;
    assert_eq!(shown["attribution"]["reason"], "wrong_app");
    assert_eq!(shown["user_id"], Value::Null);
    assert_eq!(shown["context"], Value::Null);
    assert_eq!(shown["issues"], json!([]));

    // Nor where the reason is another: a second, weaker context was told of the file.
    app.callback_to(
        &format!("second/{TOKEN}"),
        json!({"version": "4.0", "eventType": "NewFileUpload", "data": {
            "fileId": "2300", "sourceType": "ClientUpload", "sourceContext": "another"}})
        .to_string(),
    )
    .await;
    let shown = history(&app, "2300").await;
    assert_eq!(shown["attribution"]["reason"], "contexts_differ");
    assert_eq!(shown["ticket"], ticket);
    assert_eq!(shown["context"], Value::Null);
    assert_eq!(shown["issues"], json!([]));
}

#[actix_web::test]
async fn what_is_no_upload_is_not_found_and_what_is_no_file_id_is_refused() {
    let app = TestApp::start().await;
    app.callback(procedure("2401", "t-1", "PROCESSING").to_string())
        .await;
    app.callback(deletion(&["2402"]).to_string()).await;
    for file in ["2400", "2401", "2402"] {
        let response = app
            .request(Method::GET, &format!("/v1/uploads/{file}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{file}");
        problem(response).await;
    }
    let too_long = "1".repeat(65);
    for file in ["%00", "a%20b", "a%2Fb", "'", "%F0%9F%8E%AC", &too_long] {
        let response = app
            .request(Method::GET, &format!("/v1/uploads/{file}"))
            .send();
        names_field(response.await.unwrap(), "file_id").await;
    }
    let response = app.request(Method::GET, "/v1/uploads/2400?app=A").send();
    names_field(response.await.unwrap(), "app").await;
}

#[actix_web::test]
async fn a_repetition_is_in_the_history_however_much_later_it_comes() {
    let app = TestApp::start().await;
    let upload = new_file_upload("2801", "").to_string();
    let mut came = Vec::new();
    for days in [0, 1, 40, 400] {
        app.clock.advance(TimeDelta::days(days));
        app.callback(upload.clone()).await;
        came.push(json!(app.now()));
        let shown = history(&app, "2801").await;
        let deliveries = shown["deliveries"].as_array().unwrap().iter();
        let received: Vec<Value> = deliveries.map(|line| line["received_at"].clone()).collect();
        assert_eq!(received, came);
        assert_eq!(shown["updated_at"], came[0]);
    }
}

#[actix_web::test]
async fn a_deletion_that_names_a_file_twice_is_one_delivery_of_its_history() {
    let app = TestApp::start().await;
    app.callback(deletion(&["2811", "2812", "2811"]).to_string())
        .await;
    app.callback(new_file_upload("2811", "").to_string()).await;
    let shown = history(&app, "2811").await;
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 2, "{shown}");
}

#[actix_web::test]
async fn a_history_looks_into_the_months_of_its_upload_only() {
    let app = TestApp::start().await;
    let (_, issued) = app.post_signature(&json!({"user_id": "ann"})).await;
    let upload = new_file_upload("2821", issued["ticket"].as_str().unwrap());
    app.callback(upload.to_string()).await;
    app.callback(deletion(&["2821", "2822"]).to_string()).await;
    let looked = async |month: &'static str| {
        let scans = "SELECT sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0))::bigint FROM pg_stat_user_tables
            WHERE relname IN ('deliveries_' || $1, 'signature_issues_' || $1)";
        let scans = sqlx::query_scalar(scans).bind(month).fetch_one(&app.pool);
        let scans: i64 = scans.await.unwrap();
        scans
    };
    let before = (looked("2026_11").await, looked("2027_01").await);
    let shown = history(&app, "2821").await;
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 2, "{shown}");
    assert_eq!(shown["issues"].as_array().unwrap().len(), 1, "{shown}");
    // Postgres counts its looks a second later.
    eventually("its own month was looked into", async || {
        looked("2026_11").await > before.0
    })
    .await;
    assert_eq!(looked("2027_01").await, before.1);
}
