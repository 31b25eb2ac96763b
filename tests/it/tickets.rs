//! `GET /v1/tickets/{ticket}`: one permission and what became of it.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{TOKEN, TestApp, named_app, new_file_upload, token_app};
use crate::keys::{get_with, key};
use crate::problems::{names_field, problem, whole};

#[actix_web::test]
async fn a_ticket_shows_its_signatures_and_its_uploads() {
    let app = TestApp::start().await;
    let body = json!({"user_id": "ann", "context": {"order": 7}, "procedure": "P"});
    let (_, issued) = app.post_signature(&body).await;
    let ticket = issued["ticket"].as_str().unwrap();
    app.clock.advance(TimeDelta::seconds(1));
    app.post_signature(&json!({"user_id": "ann", "ticket": ticket, "one_time": true}))
        .await;
    app.clock.advance(TimeDelta::seconds(1));
    app.callback(new_file_upload("3001", ticket).to_string())
        .await;
    let response = app
        .request(Method::GET, &format!("/v1/tickets/{ticket}"))
        .send()
        .await
        .unwrap();
    insta::assert_snapshot!(whole(response).await, @r#"
    200 OK
    cache-control: no-store
    content-length: 1215
    content-type: application/json
    x-request-id: <uuid>

    {
      "ticket": "vt_01M83PPH00E008000000000000",
      "app": "main",
      "user_id": "ann",
      "context": {
        "order": 7
      },
      "created_at": "2026-11-23T08:00:00Z",
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
      "uploads": [
        {
          "file_id": "3001",
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
            "decided_at": "2026-11-23T08:00:02Z"
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
          "procedure_task_id": null,
          "review_task_id": null,
          "processing": "none",
          "uploaded_at": "2026-11-23T07:59:00Z",
          "recorded_at": "2026-11-23T08:00:02Z",
          "updated_at": "2026-11-23T08:00:02Z",
          "deleted_at": null,
          "deliveries": 1
        }
      ]
    }
    "#);
    // Written in lower case it is the same ticket, and is shown as it was issued.
    let lower = format!("/v1/tickets/vt_{}", ticket[3..].to_lowercase());
    assert_eq!(app.get(&lower).await.1["ticket"], ticket);
}

#[actix_web::test]
async fn a_ticket_shows_every_upload_it_brought_oldest_first_and_nothing_else() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let body = json!({"user_id": "ann", "app": "main"});
    let (_, issued) = app.post_signature(&body).await;
    let ticket = issued["ticket"].as_str().unwrap();
    for file in ["3103", "3101", "3102"] {
        app.callback(new_file_upload(file, ticket).to_string())
            .await;
        app.clock.advance(TimeDelta::seconds(1));
    }
    // Neither what another app tells of it, nor another ticket's, nor a file that is only being processed.
    app.callback_to(
        &format!("second/{TOKEN}"),
        new_file_upload("3104", ticket).to_string(),
    )
    .await;
    app.callback(new_file_upload("3105", "").to_string()).await;
    app.callback(
        json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
            "TaskId": "t-1", "Status": "PROCESSING", "FileId": "3106", "SessionContext": ticket}})
        .to_string(),
    )
    .await;
    let (status, body) = app.get(&format!("/v1/tickets/{ticket}")).await;
    assert_eq!(status, StatusCode::OK);
    let files: Vec<&str> = body["uploads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|upload| upload["file_id"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["3103", "3101", "3102"]);
    assert_eq!(body["issues"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_ticket_that_nobody_issued_is_not_found_and_what_is_none_is_refused() {
    let app = TestApp::start().await;
    let get = |ticket: &str| {
        app.request(Method::GET, &format!("/v1/tickets/{ticket}"))
            .send()
    };
    let response = get("vt_01H455VB4PEX5VSKNK084SN02Q").await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    problem(response).await;
    for ticket in [
        "vt_",
        "01H455VB4PEX5VSKNK084SN02Q",
        "vt_81H455VB4PEX5VSKNK084SN02Q",
        "vt_01H455VB4PEX5VSKNK084SN02Q%20",
        "vt_01H455VB4PEX5VSKNK084SN0%00",
        "'%20OR%201=1--",
        "%00",
        "%F0%9F%8E%AC",
        &"a".repeat(10_000),
    ] {
        names_field(get(ticket).await.unwrap(), "ticket").await;
    }
}

#[actix_web::test]
async fn a_ticket_that_a_notification_only_names_is_not_found() {
    let app = TestApp::start().await;
    let unknown = "vt_01H455VB4PEX5VSKNK084SN02Q";
    app.callback(new_file_upload("3200", unknown).to_string())
        .await;
    assert_eq!(app.upload("3200").await["ticket"], unknown);
    let (status, _) = app.get(&format!("/v1/tickets/{unknown}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_key_bound_to_an_app_sees_only_its_tickets() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let bound = key(&app, "bound", &["read"], Some(&["second"])).await;
    for (name, wanted) in [("main", StatusCode::FORBIDDEN), ("second", StatusCode::OK)] {
        let (_, issued) = app
            .post_signature(&json!({"user_id": "ann", "app": name}))
            .await;
        let path = format!("/v1/tickets/{}", issued["ticket"].as_str().unwrap());
        assert_eq!(get_with(&app, &bound, &path).await.0, wanted, "{name}");
    }
}
