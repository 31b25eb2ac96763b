//! Whose an upload is: every reason reached through the door, with real Postgres behind it.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vod_receiver::attribute::Reason;
use vod_receiver::config::App;

use crate::harness::{TOKEN, TestApp, answer, named_app, new_file_upload, token_app};

mod apps;
mod manual;
mod misuse;
mod reattribute;

/// An app with these resolvers.
pub fn resolving(app: App, resolvers: &[&str]) -> App {
    let resolvers = resolvers.iter().map(|one| one.parse().unwrap()).collect();
    App { resolvers, ..app }
}

/// A context is the JSON of the web app, the text of the old app, or a ticket.
const RESOLVERS: [&str; 2] = ["json:/uid", "regex:^user=(?<user>[^;]*)"];

/// A person's verdict on a file.
pub async fn decide(app: &TestApp, file_id: &str, body: &Value) -> (StatusCode, Value) {
    let path = format!("/v1/uploads/{file_id}/attribution");
    answer(
        app.request(Method::PUT, &path)
            .json(body)
            .send()
            .await
            .unwrap(),
    )
    .await
}

/// The end of a procedure, which carries the session context.
pub fn procedure_with(file_id: &str, session_context: &str) -> Value {
    json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
        "TaskId": format!("main-procedure-{file_id}"), "Status": "FINISH", "FileId": file_id,
        "SessionContext": session_context,
        "MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": {"Status": "SUCCESS", "ErrCodeExt": ""}}]}})
}

/// An upload at another time by VOD's clock.
pub fn uploaded_at(file_id: &str, source_context: &str, time: &str) -> Value {
    let mut upload = new_file_upload(file_id, source_context);
    upload["FileUploadEvent"]["MediaBasicInfo"]["CreateTime"] = json!(time);
    upload
}

/// What is told of one file, and the verdict that it is to have.
struct Case {
    name: &'static str,
    told: fn(file_id: &str, tickets: &Tickets) -> Vec<Value>,
    user: Option<&'static str>,
    method: &'static str,
    reason: &'static str,
    /// How its detail begins.
    detail: Option<&'static str>,
}

/// Tickets that live until 09:00.
struct Tickets {
    ann: String,
    bob: String,
    other_app: String,
}

const UNKNOWN: &str = "vt_01H455VB4PEX5VSKNK084SN02Q";

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    vec![
        Case { name: "the source context is a ticket", user: Some("ann"), method: "ticket", reason: "ticket", detail: None,
            told: |file, tickets| vec![new_file_upload(file, &tickets.ann)] },
        Case { name: "only the session context is a ticket", user: Some("ann"), method: "ticket", reason: "session_ticket", detail: None,
            told: |file, tickets| vec![new_file_upload(file, ""), procedure_with(file, &tickets.ann)] },
        Case { name: "a ticket goes before a resolver", user: Some("ann"), method: "ticket", reason: "session_ticket", detail: None,
            told: |file, tickets| vec![new_file_upload(file, "user=eve"), procedure_with(file, &tickets.ann)] },
        Case { name: "JSON, a string", user: Some("用户/7"), method: "resolver", reason: "resolver", detail: None,
            told: |file, _| vec![new_file_upload(file, r#"{"uid":"用户/7","task":1}"#)] },
        Case { name: "JSON, a number", user: Some("18446744073709551615"), method: "resolver", reason: "resolver", detail: None,
            told: |file, _| vec![new_file_upload(file, r#"{"uid":18446744073709551615}"#)] },
        Case { name: "the second resolver", user: Some("ann"), method: "resolver", reason: "resolver", detail: None,
            told: |file, _| vec![new_file_upload(file, "user=ann;v=2")] },
        Case { name: "a resolver in the session context", user: Some("ann"), method: "resolver", reason: "resolver", detail: Some("found in the session context"),
            told: |file, _| vec![new_file_upload(file, "console"), procedure_with(file, "user=ann")] },
        Case { name: "an upload in time, the task before it", user: Some("ann"), method: "ticket", reason: "ticket", detail: None,
            told: |file, tickets| vec![procedure_with(file, &tickets.ann), uploaded_at(file, &tickets.ann, "2026-11-23T09:00:00Z")] },
        Case { name: "a resumed upload", user: Some("ann"), method: "ticket", reason: "ticket", detail: Some("uploaded after the ticket's last signature expired"),
            told: |file, tickets| vec![uploaded_at(file, &tickets.ann, "2026-11-23T09:00:01Z")] },
        Case { name: "an upload far too late", user: Some("ann"), method: "ticket", reason: "ticket", detail: Some("uploaded more than a day after"),
            told: |file, tickets| vec![uploaded_at(file, &tickets.ann, "2026-11-24T09:00:01Z")] },
        Case { name: "no context", user: None, method: "none", reason: "no_context", detail: None,
            told: |file, _| vec![new_file_upload(file, "")] },
        Case { name: "no context, by a recording", user: None, method: "none", reason: "no_context", detail: None,
            told: |file, _| vec![json!({"EventType": "NewFileUpload", "FileUploadEvent": {"FileId": file, "MediaBasicInfo": {"SourceInfo": {"SourceType": "Record"}}}})] },
        Case { name: "another system's text", user: None, method: "none", reason: "foreign_context", detail: Some("resolver 1: it is not JSON; resolver 2: nothing matches"),
            told: |file, _| vec![new_file_upload(file, "console")] },
        Case { name: "JSON without a user", user: None, method: "none", reason: "foreign_context", detail: Some("resolver 1: nothing is at the pointer"),
            told: |file, _| vec![new_file_upload(file, r#"{"id":1}"#)] },
        Case { name: "what is no user id", user: None, method: "none", reason: "foreign_context", detail: Some("resolver 1: what is found is no user id"),
            told: |file, _| vec![new_file_upload(file, r#"{"uid":"a\u0000b"}"#)] },
        Case { name: "a number that JSON cannot carry", user: None, method: "none", reason: "foreign_context", detail: Some("resolver 1: what is at the pointer is neither"),
            told: |file, _| vec![new_file_upload(file, r#"{"uid":184467440737095516150}"#)] },
        Case { name: "a ticket cut short", user: None, method: "none", reason: "foreign_context", detail: Some("it begins like a ticket"),
            told: |file, tickets| vec![new_file_upload(file, &tickets.ann[..20])] },
        Case { name: "a ticket that was never issued", user: None, method: "none", reason: "unknown_ticket", detail: Some("no such ticket"),
            told: |file, _| vec![new_file_upload(file, UNKNOWN)] },
        Case { name: "another app's ticket", user: None, method: "none", reason: "wrong_app", detail: Some("the ticket was issued for app `second`"),
            told: |file, tickets| vec![new_file_upload(file, &tickets.other_app)] },
        Case { name: "another app's ticket and a resolver", user: None, method: "none", reason: "wrong_app", detail: Some("the ticket was issued for app `second`"),
            told: |file, tickets| vec![new_file_upload(file, &tickets.other_app), procedure_with(file, "user=eve")] },
        Case { name: "two tickets", user: Some("ann"), method: "ticket", reason: "contexts_differ", detail: Some("different contexts were told; the strongest decided"),
            told: |file, tickets| vec![new_file_upload(file, &tickets.ann), procedure_with(file, &tickets.bob)] },
        Case { name: "two users by resolvers", user: Some("ann"), method: "resolver", reason: "contexts_differ", detail: Some("different contexts were told; the strongest decided"),
            told: |file, _| vec![new_file_upload(file, "user=ann"), procedure_with(file, "user=bob")] },
        Case { name: "two source contexts, nobody", user: None, method: "none", reason: "contexts_differ", detail: Some("different contexts were told; the strongest names no user"),
            told: |file, _| vec![new_file_upload(file, "console"), json!({"version": "4.0", "eventType": "NewFileUpload", "data": {"fileId": file, "sourceContext": "another"}})] },
        Case { name: "a person", user: Some("eve"), method: "manual", reason: "manual", detail: Some("seen on the phone"),
            told: |file, tickets| vec![new_file_upload(file, &tickets.ann), json!({"decide": {"user_id": "eve", "reason": "seen on the phone"}})] },
    ]
}

/// Tells one case in this order, and checks the verdict in the list and in the history.
async fn runs(app: &TestApp, file_id: &str, case: &Case, told: Vec<Value>) {
    for body in told {
        let (status, said) = match body.get("decide") {
            Some(decision) => decide(app, file_id, decision).await,
            None => app.callback(body.to_string()).await,
        };
        assert_eq!(status, StatusCode::OK, "{}: {said}", case.name);
    }
    let upload = app.upload(file_id).await;
    let (_, history) = app.get(&format!("/v1/uploads/{file_id}")).await;
    for shown in [&upload, &history] {
        let attribution = &shown["attribution"];
        assert_eq!(
            shown["user_id"].as_str(),
            case.user,
            "{}: {shown}",
            case.name
        );
        assert_eq!(attribution["method"], case.method, "{}", case.name);
        assert_eq!(attribution["reason"], case.reason, "{}", case.name);
        let detail = attribution["detail"].as_str();
        assert_eq!(
            detail.is_some(),
            case.detail.is_some(),
            "{}: {attribution}",
            case.name
        );
        let begins = case.detail.unwrap_or_default();
        assert!(
            detail.unwrap_or_default().starts_with(begins),
            "{}: {attribution}",
            case.name
        );
    }
}

#[actix_web::test]
async fn every_reason_is_reached_through_the_door_and_in_either_order() {
    let main = resolving(token_app(), &RESOLVERS);
    let app = TestApp::with(vec![main, named_app("second")]).await;
    let ticket = async |user: &str, of: &str| {
        let (_, issued) = app
            .post_signature(&json!({"user_id": user, "app": of}))
            .await;
        issued["ticket"].as_str().unwrap().to_owned()
    };
    let tickets = Tickets {
        ann: ticket("ann", "main").await,
        bob: ticket("bob", "main").await,
        other_app: ticket("cat", "second").await,
    };
    let mut reached = BTreeSet::new();
    for (number, case) in cases().iter().enumerate() {
        let file_id = format!("71{number:02}");
        runs(&app, &file_id, case, (case.told)(&file_id, &tickets)).await;
        reached.insert(case.reason);
        // A person decides of an upload that is there.
        if case.method != "manual" {
            let file_id = format!("72{number:02}");
            let mut told = (case.told)(&file_id, &tickets);
            told.reverse();
            runs(&app, &file_id, case, told).await;
        }
    }
    // What VOD itself contradicts has its tests in refuted.rs, who is erased in erasure.rs.
    reached.extend(["refuted", "erased"]);
    let reasons: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(reached, reasons);
    // What the rows say, a filter finds.
    for (method, wanted) in [("resolver", 10), ("manual", 1)] {
        let (_, page) = app
            .get(&format!("/v1/uploads?attribution={method}&limit=200"))
            .await;
        assert_eq!(page["items"].as_array().unwrap().len(), wanted, "{method}");
    }
}

#[actix_web::test]
async fn an_app_without_resolvers_takes_no_user_from_a_context() {
    let second = resolving(named_app("second"), &["text"]);
    let app = TestApp::with(vec![token_app(), second]).await;
    for name in ["main", "second"] {
        let body = new_file_upload("7301", "ann").to_string();
        app.callback_to(&format!("{name}/{TOKEN}"), body).await;
    }
    for (name, user, reason) in [
        ("main", Value::Null, "foreign_context"),
        ("second", json!("ann"), "resolver"),
    ] {
        let (_, upload) = app.get(&format!("/v1/uploads/7301?app={name}")).await;
        assert_eq!(upload["user_id"], user);
        assert_eq!(upload["attribution"]["reason"], reason);
        assert_eq!(upload["attribution"]["detail"], Value::Null);
    }
}

/// The cache of tickets knows when a ticket was opened, and not of each later signature.
#[actix_web::test]
async fn an_upload_by_a_later_signature_of_its_ticket_is_not_late() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.clock.advance(TimeDelta::minutes(90));
    let (status, _) = app
        .post_signature(&json!({"user_id": "ann", "ticket": ticket}))
        .await;
    assert_eq!(status, StatusCode::CREATED);
    // Until 10:30 now. The upload is in time, one beside it in the same batch is not.
    let uploads = [
        ("7401", "2026-11-23T10:29:00Z"),
        ("7402", "2026-11-23T10:31:00Z"),
    ];
    let batch = uploads.map(|(file, at)| app.delivery(&uploaded_at(file, &ticket, at)));
    app.recorder.submit(batch.into()).await.unwrap();
    assert_eq!(
        app.upload("7401").await["attribution"]["detail"],
        Value::Null
    );
    let late = app.upload("7402").await;
    assert_eq!(late["user_id"], "ann");
    let detail = late["attribution"]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("uploaded after the ticket's last signature"),
        "{detail}"
    );
}
