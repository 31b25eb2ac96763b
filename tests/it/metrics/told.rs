//! Where the metrics are told, what they never tell, and the document about them.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::json;
use vod_receiver::ops::metrics::reference_markdown;

use super::read;
use crate::harness::{
    ADMIN_KEY, SECRET_ID, SECRET_KEY, Scratch, TOKEN, TestApp, eventually, new_file_upload,
};
use crate::problems::problem;
use crate::startup::{Serving, without_database};

#[test]
fn the_document_is_what_the_table_says() {
    let held = include_str!("../../../docs/metrics.md");
    assert!(
        held == reference_markdown(),
        "run vod-receiver metrics > docs/metrics.md"
    );
}

#[actix_web::test]
async fn no_label_holds_what_a_caller_chose() {
    let app = TestApp::start().await;
    let ticket = app.ticket("user-of-the-test").await;
    let upload = new_file_upload("9561956195619561", &ticket);
    app.callback(upload.to_string()).await;
    for rest in [
        format!("nope/{TOKEN}"),
        "main/wrong-token".to_owned(),
        "app-of-the-test".to_owned(),
        format!("main/{TOKEN}?path-of-the-test=1"),
    ] {
        app.callback_to(&rest, "path-of-the-test").await;
    }
    for path in [
        "/v1/uploads/9561956195619561",
        &format!("/v1/tickets/{ticket}"),
        "/v1/uploads?user_id=user-of-the-test",
        "/path-of-the-test",
        &format!("/callbacks/main/{TOKEN}"),
        "/metrics/path-of-the-test",
    ] {
        app.get(path).await;
    }
    let odd = Method::from_bytes(b"METHODOFTHETEST").unwrap();
    app.request(odd, "/v1/uploads").send().await.unwrap();

    let text = app.metrics_text().await;
    let none_4xx =
        "vod_receiver_http_requests_total{method=\"none\",route=\"none\",status=\"4xx\"}";
    // Two paths that are not there, a GET of the door, a method that is not there.
    assert_eq!(read(&text)[none_4xx], 4.0);
    for secret in [
        TOKEN,
        ADMIN_KEY,
        SECRET_ID,
        SECRET_KEY,
        "9561956195619561",
        "wrong-token",
        "of-the-test",
        "METHODOFTHETEST",
        &ticket,
        "127.0.0.1",
        "main",
    ] {
        assert!(!text.contains(secret), "{secret} is told");
    }
}

#[actix_web::test]
async fn the_age_of_the_newest_delivery_counts_from_the_start_until_there_is_one() {
    let app = TestApp::start().await;
    let newest = async || {
        let series = app.metrics().await;
        let is = |name: &str| series[&format!("vod_receiver_newest_delivery_{name}_seconds")];
        (is("timestamp"), is("age"))
    };
    app.clock.advance(TimeDelta::seconds(30));
    assert_eq!(newest().await, (0.0, 30.0));
    app.callback(new_file_upload("9571", "").to_string()).await;
    let at = app.now().timestamp() as f64;
    assert_eq!(newest().await, (at, 0.0));
    app.clock.advance(TimeDelta::milliseconds(1_500));
    assert_eq!(newest().await, (at, 1.5));
    // What nobody vouches for is no sign of life.
    app.callback_to("main/wrong", new_file_upload("9572", "").to_string())
        .await;
    assert_eq!(newest().await, (at, 1.5));
}

#[actix_web::test]
async fn the_connections_of_the_pool_are_told() {
    let app = TestApp::start().await;
    let held = app.pool.acquire().await.unwrap();
    let in_use = async || app.metric("pool_connections{state=\"in_use\"}").await;
    assert_eq!(in_use().await, 1.0);
    drop(held);
    eventually("the connection is back", async || {
        in_use().await == 0.0 && app.metric("pool_connections{state=\"idle\"}").await == 1.0
    })
    .await;
}

#[actix_web::test]
async fn only_get_is_taken() {
    let app = TestApp::start().await;
    let response = app.request(Method::POST, "/metrics").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET");
    problem(response).await;
}

#[actix_web::test]
async fn with_an_address_of_their_own_they_are_there_and_nowhere_else() {
    let away = without_database().await;
    let port = away.pool.connect_options().get_port();
    let nowhere = format!("postgres://vod@127.0.0.1:{port}/none");
    let apart = [("VOD_RECEIVER_METRICS_LISTEN", "127.0.0.1:0")];
    let serving = Serving::start_with(&Scratch::new(), &nowhere, &[], &apart);
    let metrics_url = serving.metrics_url.clone().unwrap();
    let spooled = serving
        .post(
            &format!("/callbacks/main/{TOKEN}"),
            &new_file_upload("9581", ""),
        )
        .await;
    assert_eq!(spooled, (StatusCode::OK, json!({"status": "spooled"})));

    let client = reqwest::Client::new();
    for method in [Method::GET, Method::POST] {
        let at_the_door = client.request(method, format!("{}/metrics", serving.url));
        let response = at_the_door.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        problem(response).await;
    }
    let response = client.get(&metrics_url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("x-request-id"));
    let series = read(&response.text().await.unwrap());
    let requests = |route: &str, status: &str| {
        let labels = format!("method=\"GET\",route=\"{route}\",status=\"{status}\"");
        series[&format!("vod_receiver_http_requests_total{{{labels}}}")]
    };
    assert_eq!(series["vod_receiver_spool_records"], 1.0);
    assert_eq!(series["vod_receiver_postgres_up"], 0.0);
    assert_eq!(requests("/metrics", "4xx"), 1.0);

    // Nothing else is there.
    for path in ["/livez", "/v1/uploads", "/"] {
        let beside = metrics_url.replace("/metrics", path);
        let response = client.get(beside).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        problem(response).await;
    }
    assert_eq!(serving.end("-TERM").await, Some(0));
    assert!(client.get(&metrics_url).send().await.is_err());
}

#[actix_web::test]
async fn an_address_that_is_taken_is_told_at_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let dir = Scratch::new();
    let data_dir = dir.0.display().to_string();
    let settings = [
        ("DATABASE_URL", "postgres://vod@127.0.0.1:1/none"),
        ("VOD_SECRET_ID", SECRET_ID),
        ("VOD_SECRET_KEY", SECRET_KEY),
        ("VOD_CALLBACK_TOKEN", TOKEN),
        ("VOD_RECEIVER_LISTEN", "127.0.0.1:0"),
        ("VOD_RECEIVER_METRICS_LISTEN", &at),
        ("VOD_RECEIVER_DATA_DIR", &data_dir),
    ];
    let output = crate::keys::binary(&["serve"], &settings).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(&at) && told.contains("metrics"), "{told}");
}
