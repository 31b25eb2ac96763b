//! `GET /v1/tickets/{ticket}?wait=`: told when it is done.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::harness::{
    ADMIN_KEY, TOKEN, TestApp, answer, eventually, named_app, new_file_upload, token_app,
};
use crate::keys::{get_with, key};
use crate::problems::names_field;
use crate::uploads_list::{deletion, procedure};

/// Asks in the background.
fn asked(app: &TestApp, path: &str) -> JoinHandle<(StatusCode, Value)> {
    let request = app.request(Method::GET, path);
    tokio::spawn(async { answer(request.send().await.unwrap()).await })
}

fn files(ticket: &Value) -> Vec<&str> {
    let uploads = ticket["uploads"].as_array().unwrap().iter();
    uploads
        .map(|upload| upload["file_id"].as_str().unwrap())
        .collect()
}

async fn told(app: &TestApp, body: &Value) {
    let (status, answer) = app.callback(body.to_string()).await;
    assert_eq!(
        (status, &answer["status"]),
        (StatusCode::OK, &json!("recorded"))
    );
}

#[actix_web::test]
async fn a_wait_is_over_as_soon_as_an_upload_is_recorded_at_any_receiver() {
    let app = TestApp::start().await;
    let other = app.beside().await;
    for (file_id, recorder) in [("6001", &app), ("6002", &other)] {
        let ticket = app.ticket("ann").await;
        let waiting = asked(&app, &format!("/v1/tickets/{ticket}?wait=60"));
        app.until_waiting("ticket_waiters", 1).await;
        // Somebody else's upload is none of ours.
        let elsewhere = format!("{file_id}9");
        told(recorder, &new_file_upload(&elsewhere, "")).await;
        assert_eq!(app.metric("ticket_waiters").await, 1.0);
        let began = Instant::now();
        told(recorder, &new_file_upload(file_id, &ticket)).await;
        let (status, body) = waiting.await.unwrap();
        assert_eq!((status, files(&body)), (StatusCode::OK, vec![file_id]));
        assert!(began.elapsed() < Duration::from_secs(20));
        app.until_waiting("ticket_waiters", 0).await;
    }
}

#[actix_web::test]
async fn what_is_there_is_answered_at_once_and_what_does_not_come_when_the_wait_is_over() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let path = format!("/v1/tickets/{ticket}?wait=1");
    let began = Instant::now();
    let (status, body) = app.get(&path).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!((status, files(&body)), (StatusCode::OK, vec![]));
    assert_eq!(body["issues"].as_array().unwrap().len(), 1);

    told(&app, &new_file_upload("6011", &ticket)).await;
    let began = Instant::now();
    let (_, body) = app.get(&format!("/v1/tickets/{ticket}?wait=60")).await;
    assert_eq!(files(&body), ["6011"]);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[actix_web::test]
async fn a_wait_until_processed_is_over_when_the_last_processing_has_ended() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let waiting = asked(
        &app,
        &format!("/v1/tickets/{ticket}?wait=60&until=processed"),
    );
    app.until_waiting("ticket_waiters", 1).await;
    for (file_id, task) in [("6021", "t1"), ("6022", "t2")] {
        let mut upload = new_file_upload(file_id, &ticket);
        upload["FileUploadEvent"]["ProcedureTaskId"] = json!(task);
        told(&app, &upload).await;
        let recorded = asked(&app, &format!("/v1/tickets/{ticket}?wait=60"));
        assert!(files(&recorded.await.unwrap().1).contains(&file_id));
    }
    told(&app, &procedure("6021", "t1", "FINISH")).await;
    eventually("one is done", async || {
        app.upload("6021").await["processing"] == "succeeded"
    })
    .await;
    assert!(!waiting.is_finished());
    // A file that is gone has no processing that could end.
    told(&app, &deletion(&["6022"])).await;
    let (status, body) = waiting.await.unwrap();
    assert_eq!(
        (status, files(&body)),
        (StatusCode::OK, vec!["6021", "6022"])
    );
    assert_eq!(body["uploads"][0]["processing"], "succeeded");

    let plain = app.ticket("ann").await;
    let waiting = asked(
        &app,
        &format!("/v1/tickets/{plain}?wait=60&until=processed"),
    );
    told(&app, &new_file_upload("6023", &plain)).await;
    assert_eq!(files(&waiting.await.unwrap().1), ["6023"]);
}

#[actix_web::test]
async fn who_waits_is_told_what_the_ticket_is_by_then() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let asked_for = json!({"user_id": "ann", "app": "main", "context": {"order": 7}});
    let (_, issued) = app.post_signature(&asked_for).await;
    let ticket = issued["ticket"].as_str().unwrap();
    let waiting = [(); 2].map(|()| asked(&app, &format!("/v1/tickets/{ticket}?wait=60")));
    app.until_waiting("ticket_waiters", 2).await;
    // The same ticket, told of by another app, is not what they wait for.
    let elsewhere = new_file_upload("6030", ticket).to_string();
    let response = app.callback_to(&format!("second/{TOKEN}"), elsewhere).await;
    assert_eq!(response.0, StatusCode::OK);
    // A second signature meanwhile, as the web SDK asks for.
    let again = json!({"user_id": "ann", "app": "main", "ticket": ticket});
    assert_eq!(app.post_signature(&again).await.0, StatusCode::CREATED);
    told(&app, &new_file_upload("6031", ticket)).await;
    let (_, read) = app.get(&format!("/v1/tickets/{ticket}")).await;
    assert_eq!(read["issues"].as_array().unwrap().len(), 2);
    assert_eq!(read["uploads"][0]["context"], json!({"order": 7}));
    for waiting in waiting {
        let (status, body) = waiting.await.unwrap();
        assert_eq!((status, &body), (StatusCode::OK, &read));
    }
}

#[actix_web::test]
async fn who_waits_for_a_ticket_of_many_uploads_is_told_all_of_them() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    for number in 10..40 {
        told(&app, &new_file_upload(&format!("604{number}"), &ticket)).await;
    }
    let mut last = new_file_upload("60450", &ticket);
    last["FileUploadEvent"]["ProcedureTaskId"] = json!("t1");
    told(&app, &last).await;
    let path = format!("/v1/tickets/{ticket}?wait=60&until=processed");
    let waiting = asked(&app, &path);
    app.until_waiting("ticket_waiters", 1).await;
    told(&app, &procedure("60450", "t1", "FINISH")).await;
    let (_, body) = waiting.await.unwrap();
    assert_eq!(files(&body).len(), 31);
    assert_eq!(body["uploads"][30]["processing"], "succeeded");
}

#[actix_web::test]
async fn hundreds_wait_and_hold_no_connection_to_postgres() {
    let app = TestApp::start().await;
    let other = app.beside().await;
    let mut tickets = Vec::new();
    for number in 0..300 {
        tickets.push(app.ticket(&format!("user-{number}")).await);
    }
    let waiting: Vec<_> = tickets
        .iter()
        .map(|ticket| asked(&app, &format!("/v1/tickets/{ticket}?wait=60")))
        .collect();
    app.until_waiting("ticket_waiters", 300).await;
    eventually("nobody holds a connection", async || {
        app.metric("pool_connections{state=\"in_use\"}").await == 0.0
    })
    .await;
    let telling = tickets.iter().enumerate().map(async |(number, ticket)| {
        let recorder = if number % 2 == 0 { &app } else { &other };
        told(recorder, &new_file_upload(&format!("61{number}"), ticket)).await;
    });
    futures_util::future::join_all(telling).await;
    for (number, waiting) in waiting.into_iter().enumerate() {
        let (status, body) = waiting.await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(files(&body), [format!("61{number}")]);
    }
    assert_eq!(app.metric("ticket_waiters").await, 0.0);
}

#[actix_web::test]
async fn whoever_hangs_up_gives_up_the_place_and_nobody_polls_for_nobody() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let mut stream = TcpStream::connect(app.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let head = format!(
        "GET /v1/tickets/{ticket}?wait=60 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    app.until_waiting("ticket_waiters", 1).await;
    let polls = async || {
        let series = app.metrics().await;
        let of = |outcome: &str| {
            series[&format!("vod_receiver_feed_polls_total{{outcome=\"{outcome}\"}}")]
        };
        of("nothing") + of("found") + of("failed")
    };
    eventually("the log is read", async || polls().await > 3.0).await;
    stream.set_zero_linger().unwrap();
    drop(stream);
    app.until_waiting("ticket_waiters", 0).await;
    eventually("the log is left alone", async || {
        let before = polls().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        polls().await == before
    })
    .await;
}

#[actix_web::test]
async fn a_wait_is_refused_as_the_question_would_be() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let (_, issued) = app
        .post_signature(&json!({"user_id": "ann", "app": "main"}))
        .await;
    let ticket = issued["ticket"].as_str().unwrap().to_owned();
    for (query, field) in [
        ("wait=61", "wait"),
        ("wait=-1", "wait"),
        ("wait=1.5", "wait"),
        ("wait=", "wait"),
        ("wait=99999999999", "wait"),
        ("until=tomorrow", "until"),
        ("until=", "until"),
        ("waiting=3", "waiting"),
    ] {
        let path = format!("/v1/tickets/{ticket}?{query}");
        let response = app.request(Method::GET, &path).send().await.unwrap();
        names_field(response, field).await;
    }
    let began = Instant::now();
    let unknown = "/v1/tickets/vt_01H455VB4PEX5VSKNK084SN02Q?wait=60";
    assert_eq!(app.get(unknown).await.0, StatusCode::NOT_FOUND);
    let bound = key(&app, "bound", &["read"], Some(&["second"])).await;
    let others = format!("/v1/tickets/{ticket}?wait=60");
    assert_eq!(
        get_with(&app, &bound, &others).await.0,
        StatusCode::FORBIDDEN
    );
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[actix_web::test]
async fn a_wait_ends_when_the_service_does() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let waiting = asked(&app, &format!("/v1/tickets/{ticket}?wait=60"));
    app.until_waiting("ticket_waiters", 1).await;
    app.feed.end();
    let (status, body) = waiting.await.unwrap();
    assert_eq!((status, files(&body)), (StatusCode::OK, vec![]));
}
