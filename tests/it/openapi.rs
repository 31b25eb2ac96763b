//! The OpenAPI document: generated, committed, served, and true.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vod_receiver::app::openapi;

use crate::harness::{ADMIN_KEY, TOKEN, TestApp};

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
        "/v1/decode" => json!({"text": "vt_01H455VB4PEX5VSKNK084SN02Q"}),
        "/session" => json!({"key": ADMIN_KEY}),
        "/v1/erasures" => json!({"user_id": "nobody-else"}),
        _ => json!({"user_id": "ann"}),
    }
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
            Some("session") if method == Method::GET => StatusCode::NO_CONTENT,
            Some("session") => StatusCode::FORBIDDEN,
            Some("callbacks") if method == Method::GET => StatusCode::UNAUTHORIZED,
            Some("callbacks") if path.ends_with("{token}") => StatusCode::BAD_REQUEST,
            Some("callbacks") => StatusCode::UNAUTHORIZED,
            _ => panic!("{method} {path}: what is to be expected of it?"),
        };
        assert_eq!(response.status(), wanted, "{method} {path}");
    }
}

#[actix_web::test]
async fn the_page_of_the_document_comes_from_the_binary_alone() {
    let app = TestApp::start().await;
    let get = async |path: &str| {
        let response = app.client.get(format!("{}{path}", app.url)).send();
        response.await.unwrap()
    };
    // The address that people type leads there.
    let page = get("/docs").await;
    assert_eq!(page.url().path(), "/docs/");
    assert_eq!(page.status(), StatusCode::OK);
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert!(header("content-type").starts_with("text/html"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; "),
        "{policy}"
    );
    assert!(!policy.contains("unsafe-eval") && !policy.contains("http"));
    let html = page.text().await.unwrap();
    assert!(!html.contains("//"), "{html}");
    let mut files = 0;
    for attribute in ["src=\"", "href=\""] {
        for part in html.split(attribute).skip(1) {
            let name = part.split('"').next().unwrap().trim_start_matches("./");
            let file = get(&format!("/docs/{name}")).await;
            assert_eq!(file.status(), StatusCode::OK, "{name}");
            assert_eq!(file.headers()["x-content-type-options"], "nosniff");
            files += 1;
        }
    }
    assert_eq!(files, 7);
    assert!(!html.contains("<script>"), "the policy forbids it");
    let set_up = get("/docs/swagger-initializer.js").await;
    let set_up = set_up.text().await.unwrap();
    assert!(set_up.contains("../openapi.json"), "{set_up}");
    for path in ["/docs/nothing", "/docs/oauth2-redirect.html", "/docs/a/b"] {
        assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let posted = app.client.post(format!("{}/docs/", app.url)).send();
    let posted = posted.await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(posted.headers()["allow"], "GET");
}

/// Every `$ref` below a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|inner| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

/// Any JSON, and what differs between list and history: utoipa lets neither be described at the field.
const BARE: [&str; 2] = ["context", "deliveries"];

/// Whether a schema is of something else's, which tells of itself.
fn is_elsewhere(schema: &Value) -> bool {
    let mut found = Vec::new();
    references(schema, &mut found);
    !found.is_empty()
}

/// What it is may be said by its format: a time, an id.
fn shows_itself(schema: &Value) -> bool {
    let is_example = |name: &str| schema.get(name).is_some();
    is_elsewhere(schema)
        || schema["items"]["properties"].is_object()
        || is_example("example")
        || is_example("examples")
        || ["date-time", "uuid"]
            .map(json_text)
            .contains(&schema["format"])
}

fn json_text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn every_field_parameter_and_fault_is_told_of_and_every_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(&openapi::text()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let at = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(at).is_some(), "{reference} leads nowhere");
    }
    let mut faults = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if !schema["description"].is_string() && !name.starts_with("Page_") {
            faults.push(format!("{name} has no description"));
        }
        let parts = schema["allOf"].as_array().cloned().unwrap_or_default();
        for part in parts.iter().chain([schema]) {
            for (field, schema) in part["properties"].as_object().into_iter().flatten() {
                if BARE.contains(&field.as_str()) {
                    continue;
                }
                if !schema["description"].is_string() && !is_elsewhere(schema) {
                    faults.push(format!("{name}.{field} has no description"));
                }
                if !shows_itself(schema) {
                    faults.push(format!("{name}.{field} has no example"));
                }
            }
        }
    }
    for (method, path) in operations() {
        let operation = &document["paths"][&path][method.as_str().to_lowercase()];
        let at = format!("{method} {path}");
        assert!(operation["tags"][0].is_string(), "{at} has no tag");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if !parameter["description"].is_string() {
                faults.push(format!("{at}: {name} has no description"));
            }
            if !parameter["example"].is_string()
                && !shows_itself(&parameter["schema"])
                && name != "cursor"
            {
                let example = &parameter["example"];
                if example.is_null() {
                    faults.push(format!("{at}: {name} has no example"));
                }
            }
        }
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            if response["description"].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{at}: {status} has no description"));
            }
        }
        let may_fail = ["/v1/", "/callbacks/"]
            .iter()
            .any(|part| path.starts_with(part));
        let asks_nobody = method == Method::GET && path.starts_with("/callbacks/");
        if may_fail && !asks_nobody && !responses.contains_key("500") {
            faults.push(format!("{at} tells of no 500"));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
