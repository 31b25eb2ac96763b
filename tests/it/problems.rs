//! How faults are told: shape, headers, and what is refused by name.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::harness::{TOKEN, TestApp};
use crate::openapi::{filled, operations};

/// An answer as it stands on the wire: status, headers but the date, body with a line an entry.
pub async fn whole(response: Response) -> String {
    let mut text = format!("{}\n", response.status());
    let mut headers: Vec<String> = response
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| {
            let value = value.to_str().unwrap();
            if name == "x-request-id" {
                assert!(value.parse::<Uuid>().is_ok(), "{value}");
                return format!("{name}: <uuid>");
            }
            format!("{name}: {value}")
        })
        .collect();
    headers.sort();
    text.extend(headers.into_iter().map(|line| line + "\n"));
    text + "\n" + &lines(&response.text().await.unwrap())
}

/// JSON with a line an entry, and nothing else changed: order and spelling are as they came.
pub fn lines(json: &str) -> String {
    let (mut text, mut depth, mut in_string, mut escaped) = (String::new(), 0_usize, false, false);
    let mut last = ' ';
    for letter in json.chars() {
        let closes = !in_string && matches!(letter, '}' | ']');
        if closes {
            depth -= 1;
            if !matches!(last, '{' | '[') {
                text += &format!("\n{}", "  ".repeat(depth));
            }
        } else if !in_string && matches!(last, '{' | '[') {
            text += &format!("\n{}", "  ".repeat(depth));
        }
        text.push(letter);
        last = letter;
        if in_string {
            (in_string, last) = (escaped || letter != '"', 'a');
            escaped = letter == '\\' && !escaped;
            continue;
        }
        match letter {
            '"' => in_string = true,
            '{' | '[' => depth += 1,
            ',' => text += &format!("\n{}", "  ".repeat(depth)),
            ':' => text.push(' '),
            _ => {}
        }
    }
    text
}

/// The body of a problem, having looked at all that each problem must have.
pub async fn problem(response: Response) -> Value {
    let status = response.status();
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let request_id = header("x-request-id").expect("an X-Request-Id");
    assert!(request_id.parse::<Uuid>().is_ok(), "{request_id}");
    let media_type = header("content-type").unwrap_or_default();
    let (retry_after, allow, challenge) = (
        header("retry-after"),
        header("allow"),
        header("www-authenticate"),
    );
    let text = response.text().await.unwrap();
    assert_eq!(media_type, "application/problem+json", "{status} {text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    let members: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|&name| name != "field")
        .collect();
    assert_eq!(
        members,
        ["type", "title", "status", "code", "detail"],
        "{body}"
    );
    assert_eq!(body["type"], "about:blank");
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["title"], status.canonical_reason().unwrap());
    assert!(body["detail"].as_str().unwrap().len() > 5, "{body}");
    let code = match status.as_u16() {
        400 => "invalid_request",
        401 => "unauthenticated",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        409 => "conflict",
        410 => "gone",
        413 => "payload_too_large",
        415 => "unsupported_media_type",
        503 => "unavailable",
        other => panic!("no test wants a {other}: {body}"),
    };
    assert_eq!(body["code"], code);
    assert_eq!(retry_after.is_some(), status == 503, "Retry-After");
    assert_eq!(allow.is_some(), status == 405, "Allow");
    if status != 401 {
        assert_eq!(challenge, None, "WWW-Authenticate");
    }
    body
}

/// Wants a 400 that names this field or parameter.
pub async fn names_field(response: Response, field: &str) -> Value {
    let status = response.status();
    if status != 400 {
        panic!(
            "`{field}`: wanted 400, got {status} {}",
            response.text().await.unwrap()
        );
    }
    let body = problem(response).await;
    assert_eq!(body["field"], field, "{body}");
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .starts_with(&format!("`{field}` ")),
        "{body}"
    );
    body
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

#[actix_web::test]
async fn an_address_that_is_not_there_is_a_404_problem() {
    let app = TestApp::start().await;
    for path in [
        "/assets",
        "/assets/1",
        "/assets/1/../app.js",
        "/index.html",
        "/v1",
        "/v1/",
        "/v2/uploads",
        "/v1/uploads/",
        "/v1/uploads/1/2",
        "//v1/uploads",
        "/v1/uploads%2F1",
        "/v1/tickets",
        "/callbacks",
        "/callbacks/main/token/more",
        "/V1/uploads",
        "/livez/",
        "/%00",
        "/%FF",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let response = send(app.request(method.clone(), path)).await;
            assert_eq!(
                response.status(),
                StatusCode::NOT_FOUND,
                "{method} {path}: {}",
                response.text().await.unwrap()
            );
            problem(response).await;
        }
    }
}

#[actix_web::test]
async fn an_address_tells_which_methods_it_takes() {
    let app = TestApp::start().await;
    let mut operations = operations();
    operations.push((Method::GET, "/openapi.json".to_owned()));
    for (_, path) in &operations {
        let taken: Vec<&Method> = operations
            .iter()
            .filter(|(_, other)| other == path)
            .map(|(method, _)| method)
            .collect();
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            if taken.contains(&&method) {
                continue;
            }
            let response = send(app.request(method.clone(), &filled(path))).await;
            assert_eq!(
                response.status(),
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
            let allow = response.headers().get("allow").unwrap().to_str().unwrap();
            let allow: Vec<&str> = allow.split(", ").collect();
            assert_eq!(allow.len(), taken.len(), "{path}: {allow:?}");
            for method in &taken {
                assert!(allow.contains(&method.as_str()), "{path}: {allow:?}");
            }
            problem(response).await;
        }
    }
}

#[actix_web::test]
async fn every_answer_carries_a_request_id_of_its_own() {
    let app = TestApp::start().await;
    let get = |path: &str| app.client.get(format!("{}{path}", app.url));
    let post = |path: &str| app.client.post(format!("{}{path}", app.url));
    let requests = [
        (200, get("/livez")),
        (200, get("/readyz")),
        (200, get("/openapi.json")),
        (404, get("/nothing")),
        (405, post("/livez")),
        (401, get("/v1/uploads")),
        (200, app.request(Method::GET, "/v1/uploads")),
        (400, app.request(Method::GET, "/v1/uploads?limit=0")),
        (404, app.request(Method::GET, "/v1/uploads/1")),
        (415, app.request(Method::POST, "/v1/signatures")),
        (401, post("/callbacks/main/wrong").body("{}")),
        (
            400,
            post(&format!("/callbacks/main/{TOKEN}")).body("no event"),
        ),
        (
            413,
            post(&format!("/callbacks/main/{TOKEN}")).body(vec![b' '; 9 << 20]),
        ),
    ];
    let mut ids = Vec::new();
    for (status, request) in requests {
        let response = send(request).await;
        assert_eq!(response.status(), status, "{}", response.url());
        let id = response.headers().get("x-request-id").unwrap();
        let id: Uuid = id.to_str().unwrap().parse().unwrap();
        assert!(!ids.contains(&id));
        ids.push(id);
        if status >= 400 {
            problem(response).await;
        }
    }
}

#[actix_web::test]
async fn every_get_of_v1_refuses_an_unknown_parameter_by_name() {
    let app = TestApp::start().await;
    let mut seen = 0;
    for (method, path) in operations() {
        if method != Method::GET || !path.starts_with("/v1/") {
            continue;
        }
        seen += 1;
        let path = filled(&path);
        for (query, name) in [
            ("surprise=1", "surprise"),
            ("surprise", "surprise"),
            ("Limit=5", "Limit"),
            ("user_id%5B%5D=a", "user_id[]"),
            ("=1", ""),
            ("%F0%9F%8E%AC=1", "🎬"),
        ] {
            let response = send(app.request(Method::GET, &format!("{path}?{query}"))).await;
            names_field(response, name).await;
        }
    }
    assert!(seen >= 4, "{seen}");
}

#[actix_web::test]
async fn a_problem_is_told_as_rfc_9457_says() {
    let app = TestApp::start().await;
    let response = send(app.request(Method::GET, "/v1/uploads?limit=0")).await;
    insta::assert_snapshot!(whole(response).await, @r#"
    400 Bad Request
    cache-control: no-store
    content-length: 143
    content-type: application/problem+json
    x-request-id: <uuid>

    {
      "type": "about:blank",
      "title": "Bad Request",
      "status": 400,
      "code": "invalid_request",
      "detail": "`limit` must be between 1 and 200",
      "field": "limit"
    }
    "#);
    let response = send(app.client.get(format!("{}/v1/uploads", app.url))).await;
    insta::assert_snapshot!(whole(response).await, @r#"
    401 Unauthorized
    cache-control: no-store
    content-length: 199
    content-type: application/problem+json
    www-authenticate: Bearer
    x-request-id: <uuid>

    {
      "type": "about:blank",
      "title": "Unauthorized",
      "status": 401,
      "code": "unauthenticated",
      "detail": "this route wants `Authorization: Bearer <api key>` with a key that is known, not revoked and not expired"
    }
    "#);
    let response = send(app.request(Method::DELETE, "/v1/signatures")).await;
    insta::assert_snapshot!(whole(response).await, @r#"
    405 Method Not Allowed
    allow: GET, POST
    cache-control: no-store
    content-length: 162
    content-type: application/problem+json
    x-request-id: <uuid>

    {
      "type": "about:blank",
      "title": "Method Not Allowed",
      "status": 405,
      "code": "method_not_allowed",
      "detail": "this address does not take that method; it takes GET, POST"
    }
    "#);
}

#[test]
fn json_is_shown_with_a_line_an_entry() {
    assert_eq!(
        lines(r#"{"a":[1,{"b":"x,{\"y\":\\"}],"c":{},"d":[]}"#),
        "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,{\\\"y\\\":\\\\\"\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}"
    );
}
