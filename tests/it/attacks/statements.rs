//! SQL in everything that a caller may give.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use vod_receiver::app::openapi;

use crate::door::{places, with};
use crate::harness::{TestApp, new_file_upload};
use crate::openapi::{body_for, filled, operations};

const STATEMENTS: [&str; 6] = [
    "'; DROP TABLE uploads; --",
    "' OR '1'='1",
    "1); SELECT pg_sleep(20); --",
    "'||(SELECT pg_sleep(20))||'",
    "$$; DROP SCHEMA public CASCADE; --",
    "\\'; DELETE FROM tickets WHERE '%' LIKE '%",
];

/// A text as an address holds it, each byte escaped.
pub fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A request for each parameter and each member of a body of an operation, with this in it.
fn requests(
    app: &TestApp,
    document: &Value,
    method: &Method,
    path: &str,
    text: &str,
) -> Vec<(String, RequestBuilder)> {
    let operation = &document["paths"][path][method.as_str().to_lowercase()];
    let base = |path: &str| app.request(method.clone(), &filled(path));
    let mut requests = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let request = match parameter["in"].as_str().unwrap() {
            "query" => app.request(
                method.clone(),
                &format!("{}?{name}={}", filled(path), percent(text)),
            ),
            "path" => base(&path.replace(&format!("{{{name}}}"), &percent(text))),
            "header" => base(path).header(name, text),
            other => panic!("{path}: a parameter in {other}"),
        };
        let request = if *method == Method::GET {
            request
        } else {
            request.json(&body_for(path))
        };
        requests.push((format!("{method} {path} {name}"), request));
    }
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let Some(schema) = schema.as_str().and_then(|path| path.strip_prefix('#')) else {
        return requests;
    };
    let members = document.pointer(schema).unwrap()["properties"]
        .as_object()
        .unwrap();
    for name in members.keys() {
        for value in [json!(text), json!([text]), json!({ text: text })] {
            let mut body = body_for(path);
            body[name] = value;
            requests.push((format!("{method} {path} {name}"), base(path).json(&body)));
        }
    }
    requests
}

/// All that is there: tables, views, functions, and how many keys and tickets.
async fn schema(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT relname || relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        ORDER BY 1",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap()
}

#[actix_web::test]
async fn sql_in_every_parameter_member_and_notification_is_text() {
    let app = TestApp::start().await;
    let ticket = app.ticket("bob").await; // the well-formed bodies speak of ann, one of them erases her
    app.callback(new_file_upload("6800", &ticket).to_string())
        .await;
    let before = schema(&app).await;
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    let mut asked = 0;
    for text in STATEMENTS {
        let mut all = Vec::new();
        for (method, path) in operations() {
            all.extend(requests(&app, &document, &method, &path, text));
        }
        let notification = new_file_upload("6801", &ticket);
        for place in places(&notification) {
            let body = with(&notification, &place, json!(text)).to_string();
            let knock = app.client.post(format!(
                "{}/callbacks/main/{}",
                app.url,
                crate::harness::TOKEN
            ));
            all.push((format!("notification {place}"), knock.body(body)));
        }
        for (what, request) in all {
            // Nobody sleeps, and none of this is waited for.
            let answer = tokio::time::timeout(Duration::from_secs(19), request.send()).await;
            let answer = answer
                .unwrap_or_else(|_| panic!("{what}: {text} was waited for"))
                .unwrap();
            let status = answer.status().as_u16();
            assert!(status < 500, "{what}: {status} for {text}");
            asked += 1;
            if what.contains("/live") && status == 200 {
                continue;
            }
            let told = answer.text().await.unwrap();
            for word in ["syntax error", "SQLSTATE", "pg_catalog", "relation \\\""] {
                assert!(!told.contains(word), "{what}: {told}");
            }
        }
    }
    assert!(asked > 500, "{asked}");
    assert_eq!(schema(&app).await, before);
    assert_eq!(app.upload("6800").await["user_id"], "bob");
    assert_eq!(
        app.get(&format!("/v1/tickets/{ticket}")).await.1["user_id"],
        "bob"
    );
}
