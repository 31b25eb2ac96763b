//! The OpenAPI document: generated, committed, served, and true.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vod_receiver::app::openapi;

use crate::harness::{TOKEN, TestApp};

/// Every method and path of the document.
pub fn operations() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations: Vec<(Method, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone()))
        })
        .collect();
    assert!(operations.len() >= 9, "{operations:?}");
    operations
}

/// A path with something well-formed in each of its places.
pub fn filled(path: &str) -> String {
    let path = path
        .replace("{ticket}", "vt_01H455VB4PEX5VSKNK084SN02Q")
        .replace("{file_id}", "5285890784273533167")
        .replace("{id}", "019a0000-0000-7000-8000-000000000001")
        .replace("{app}", "main")
        .replace("{token}", TOKEN);
    assert!(!path.contains('{'), "{path}: tell `filled` what goes there");
    path
}

/// A well-formed body for whatever wants one.
pub fn body_for(path: &str) -> Value {
    match path {
        "/v1/uploads/lookup" => json!({"file_ids": ["4001"]}),
        "/v1/uploads/{file_id}/attribution" => json!({"user_id": "ann", "reason": "case 1"}),
        _ => json!({"user_id": "ann"}),
    }
}

/// Whether an address is one of a route's.
pub fn is_of(address: &str, route: &str) -> bool {
    let same = |(part, place): (&str, &str)| part == place || place.starts_with('{');
    address.split('/').count() == route.split('/').count()
        && address.split('/').zip(route.split('/')).all(same)
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == openapi::text(),
        "docs/openapi.json is stale: run `./dev openapi` and commit it"
    );
}

#[actix_web::test]
async fn the_served_document_is_the_generated_one() {
    let app = TestApp::start().await;
    let response = app
        .client
        .get(format!("{}/openapi.json", app.url))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.text().await.unwrap() == openapi::text());
}

#[test]
fn the_document_is_openapi_3_1_and_tells_of_keys_and_problems() {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        document["components"]["securitySchemes"]["api_key"]["scheme"],
        "bearer"
    );
    for (method, path) in operations() {
        let operation = &document["paths"][&path][method.as_str().to_lowercase()];
        let at = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{at} has no summary");
        let responses = operation["responses"].as_object().unwrap();
        if path.starts_with("/v1/") {
            assert_eq!(operation["security"][0]["api_key"], json!([]));
            for status in ["400", "401", "403", "503"] {
                let problem = &responses[status]["content"]["application/problem+json"]["schema"];
                assert_eq!(
                    problem["$ref"], "#/components/schemas/ProblemBody",
                    "{at} {status}"
                );
            }
        }
        if path.starts_with("/callbacks/") {
            assert!(operation["security"].is_null(), "{at}");
        }
    }
}

#[actix_web::test]
async fn every_route_of_the_document_is_there() {
    let app = TestApp::start().await;
    for (method, path) in operations() {
        let response = app
            .client
            .request(method.clone(), format!("{}{}", app.url, filled(&path)))
            .send()
            .await
            .unwrap();
        // Without a key: nothing of /v1 answers with more than a refusal.
        let wanted = match path.split('/').nth(1) {
            Some("v1") => StatusCode::UNAUTHORIZED,
            Some("livez" | "readyz" | "metrics") => StatusCode::OK,
            Some("callbacks") if method == Method::GET => StatusCode::UNAUTHORIZED,
            Some("callbacks") if path.ends_with("{token}") => StatusCode::BAD_REQUEST,
            Some("callbacks") => StatusCode::UNAUTHORIZED,
            _ => panic!("{method} {path}: what is to be expected of it?"),
        };
        assert_eq!(response.status(), wanted, "{method} {path}");
    }
}
