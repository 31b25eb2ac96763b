//! `GET /callbacks/{app}`: answered to whoever knows what opens that door, to nobody else, and changes nothing.

use reqwest::StatusCode;
use serde_json::Value;
use vod_receiver::config::{App, Events};
use vod_receiver::receive::probe::{HEADER, Probe, Proof};

use super::*;
use crate::harness::{answer, named_app, token_app};

async fn ask(app: &TestApp, name: &str, header: Option<&str>) -> (StatusCode, Value) {
    let mut request = app.client.get(format!("{}/callbacks/{name}", app.url));
    if let Some(header) = header {
        request = request.header(HEADER, header);
    }
    answer(request.send().await.unwrap()).await
}

#[actix_web::test]
async fn who_knows_the_token_is_shown_that_the_receiver_does_and_nothing_changes() {
    let app = TestApp::start().await;
    let probe = Probe::new(&Random::system());
    let before = app.metrics_text().await;
    let header = probe.header(&token_app());
    let (status, body) = ask(&app, "main", Some(&header)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let proof: Proof = serde_json::from_value(body).unwrap();
    assert!(probe.is_answered(&token_app(), &proof));
    assert!(!Probe::new(&Random::system()).is_answered(&token_app(), &proof));
    let other = App {
        callback_tokens: vec![Secret::new("another")],
        ..token_app()
    };
    assert!(!probe.is_answered(&other, &proof));
    let changing = App {
        callback_tokens: vec![Secret::new("the next"), Secret::new(TOKEN)],
        ..token_app()
    };
    assert!(probe.is_answered(&changing, &proof));
    for table in ["deliveries", "uploads", "tickets"] {
        let count = format!("SELECT count(*) FROM {table}");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&app.pool)
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    let callbacks = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| line.starts_with("vod_receiver_callbacks"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(callbacks(&before), callbacks(&app.metrics_text().await));
}

#[actix_web::test]
async fn without_a_token_the_sign_key_tells_it_and_without_both_the_secret_key() {
    let signed = App {
        callback_tokens: Vec::new(),
        sign_keys: vec![Secret::new(SIGN_KEY)],
        ..named_app("signed")
    };
    let open = App {
        callback_tokens: Vec::new(),
        allow_unauthenticated_callbacks: true,
        ..named_app("open")
    };
    let app = TestApp::with(vec![signed.clone(), open.clone()]).await;
    let probe = Probe::new(&Random::system());
    for ours in [signed, open] {
        let name = ours.name.as_str().to_owned();
        let (status, body) = ask(&app, &name, Some(&probe.header(&ours))).await;
        assert_eq!(status, StatusCode::OK, "{name}");
        let proof = serde_json::from_value(body).unwrap();
        assert!(probe.is_answered(&ours, &proof), "{name}");
        let other = App {
            sign_keys: vec![Secret::new("another")],
            secret_key: Secret::new("another"),
            ..ours
        };
        let refused = ask(&app, &name, Some(&probe.header(&other))).await;
        assert_eq!(refused.0, StatusCode::UNAUTHORIZED, "{name}");
    }
}

#[actix_web::test]
async fn nobody_else_is_told_anything() {
    let pulled = App {
        events: Events::Pull,
        callback_tokens: Vec::new(),
        api_endpoint: "http://127.0.0.1:1".to_owned(),
        ..named_app("pulled")
    };
    let app = TestApp::with(vec![token_app(), named_app("second"), pulled.clone()]).await;
    let probe = Probe::new(&Random::system());
    let right = probe.header(&token_app());
    let other = probe.header(&App {
        callback_tokens: vec![Secret::new("another")],
        ..token_app()
    });
    let (question, mac) = right.split_once('.').unwrap();
    let refused = ask(&app, "main", None).await;
    assert_eq!(refused.0, StatusCode::UNAUTHORIZED);
    for (name, header) in [
        ("main", ""),
        ("main", "."),
        ("main", question),
        ("main", &format!("{question}.")),
        ("main", &format!("{question}x.{mac}")),
        ("main", &format!("{question}.{}", mac.to_uppercase())),
        ("main", &other),
        // A question for one app is none for another, even with the same key.
        ("second", &right),
        ("nobody", &right),
        ("pulled", &probe.header(&pulled)),
    ] {
        assert_eq!(
            ask(&app, name, Some(header)).await,
            refused,
            "{name} {header}"
        );
    }
}
