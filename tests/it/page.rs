//! The page: its files, and the session by which a browser asks. What it shows is looked at by tests/web.

use chrono::TimeDelta;
use reqwest::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use vod_receiver::access::keys;

use crate::harness::{ADMIN_KEY, TestApp, answer, named_app, new_file_upload, token_app};
use crate::keys::key;
use crate::openapi::{body_for, filled, operations};
use crate::problems::problem;

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = app.client.get(format!("{}{path}", app.url));
    let named = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    named.send().await.unwrap()
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

/// The files that a text names, as attributes or imports.
fn named(text: &str, before: &str) -> Vec<String> {
    let parts = text.split(before).skip(1);
    parts
        .map(|part| part.split(['"', '\'']).next().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn the_page_and_all_that_it_loads_come_from_the_binary_and_may_be_kept() {
    let app = TestApp::start().await;
    let page = get(&app, "/", &[]).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&page, "cache-control"), "no-cache");
    let policy = header(&page, "content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'),
        "{policy}"
    );
    let etag = header(&page, "etag");
    let html = page.text().await.unwrap();
    assert!(
        !html.contains("<style") && !html.contains(" style=") && !html.contains("onload"),
        "{html}"
    );
    let known = get(&app, "/", &[("if-none-match", &etag)]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(known.text().await.unwrap(), "");

    // From file to file, as a browser does.
    let mut files = [
        named(&html, "src=\""),
        named(&html, "href=\"assets/")
            .iter()
            .map(|f| format!("assets/{f}"))
            .collect(),
    ]
    .concat();
    let root = files
        .iter()
        .find_map(|file| file.strip_suffix("app.js"))
        .unwrap()
        .to_owned();
    let mut at = 0;
    while at < files.len() {
        let file = files[at].clone();
        at += 1;
        let answer = get(&app, &format!("/{file}"), &[]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{file}");
        assert_eq!(
            header(&answer, "cache-control"),
            "public, max-age=31536000, immutable",
            "{file}"
        );
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        let text = answer.text().await.unwrap();
        for import in [named(&text, "from './"), named(&text, "import('./")].concat() {
            let import = format!("{root}{import}");
            if !files.contains(&import) {
                files.push(import);
            }
        }
    }
    assert!(files.len() > 15, "{files:?}");
    let gzipped = get(
        &app,
        &format!("/{}", files[0]),
        &[("accept-encoding", "br, gzip")],
    )
    .await;
    assert_eq!(header(&gzipped, "content-encoding"), "gzip");
    // A page of another version of the receiver finds its files, and asks for them again.
    let other = get(&app, "/assets/0123456789abcdef/app.js", &[]).await;
    assert_eq!(
        (other.status(), header(&other, "cache-control").as_str()),
        (StatusCode::OK, "no-cache")
    );
}

#[actix_web::test]
async fn a_file_of_the_page_takes_get_only_and_is_counted_by_its_route() {
    let app = TestApp::start().await;
    let path = "/assets/0/app.js";
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let refused = app.request(method, path).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(header(&refused, "allow"), "GET");
    }
    assert_eq!(get(&app, path, &[]).await.status(), StatusCode::OK);
    let none_such = get(&app, "/assets/0/none.js", &[]).await;
    assert_eq!(none_such.status(), StatusCode::NOT_FOUND);
    let metrics = get(&app, "/metrics", &[]).await.text().await.unwrap();
    let counted = |line: &&str| {
        line.starts_with("vod_receiver_http_requests_total")
            && line.contains("route=\"/assets/{version}/{file:.*}\"")
            && line.contains("status=\"2xx\"")
    };
    let counted = metrics.lines().find(counted).unwrap_or_default();
    assert!(counted.ends_with(" 1"), "{counted}");
}

#[actix_web::test]
async fn every_file_of_the_page_is_in_the_binary() {
    let app = TestApp::start().await;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    for dir in ["", "vendor/"] {
        for entry in std::fs::read_dir(root.join(dir)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name == "vendor" || name == "index.html" {
                continue;
            }
            let answer = get(&app, &format!("/assets/0/{dir}{name}"), &[]).await;
            assert_eq!(
                answer.status(),
                StatusCode::OK,
                "{dir}{name} is not in src/app/page.rs"
            );
        }
    }
}

/// A request that a browser makes from the page.
fn from_page(app: &TestApp, method: Method, path: &str) -> RequestBuilder {
    let request = app.client.request(method, format!("{}{path}", app.url));
    request.header("sec-fetch-site", "same-origin")
}

/// Signs in: the answer, and the cookie as it is given back.
async fn sign_in(app: &TestApp, key: &str) -> (Value, String) {
    let request = from_page(app, Method::POST, "/session").json(&json!({"key": key}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let cookie = header(&response, SET_COOKIE.as_str());
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap().to_owned();
    (response.json().await.unwrap(), pair)
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

#[actix_web::test]
async fn a_session_opens_what_its_key_does_and_ends_with_it() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let read = key(&app, "support", &["read"], Some(&["main"])).await;
    let (signed_in, cookie) = sign_in(&app, &format!(" {read}\n")).await;
    assert_eq!(
        signed_in,
        json!({"name": "support", "scopes": ["read"], "apps": ["main"], "expires_at": "2026-11-23T20:00:00Z"})
    );
    let ask = async |path: &str| {
        answer(
            from_page(&app, Method::GET, path)
                .header(COOKIE, &cookie)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    assert_eq!(ask("/session").await, (StatusCode::OK, signed_in));
    assert_eq!(ask("/v1/uploads").await.0, StatusCode::OK);
    assert_eq!(ask("/v1/uploads?app=second").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask("/v1/deliveries").await.0, StatusCode::FORBIDDEN);
    keys_revoke(&app, "support").await;
    assert_eq!(ask("/v1/uploads").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask("/session").await.0, StatusCode::NO_CONTENT);
}

async fn keys_revoke(app: &TestApp, name: &str) {
    let mut connection = app.pool.acquire().await.unwrap();
    let revoked = keys::revoke(&mut connection, name, false, &app.clock).await;
    assert_eq!(revoked.unwrap(), 1);
}

#[actix_web::test]
async fn the_key_of_the_configuration_signs_in_too_and_every_route_takes_the_session() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let asked = json!({"user_id": "ann", "app": "main"});
    let (_, issued) = app.post_signature(&asked).await;
    let ticket = issued["ticket"].as_str().unwrap();
    app.callback(new_file_upload("5285890784273533167", ticket).to_string())
        .await;
    let (signed_in, cookie) = sign_in(&app, ADMIN_KEY).await;
    assert_eq!(signed_in["scopes"], json!(["sign", "read", "admin"]));
    assert_eq!(signed_in["apps"], json!(["main", "second"]));
    for (method, path) in operations() {
        if !path.starts_with("/v1/") {
            continue;
        }
        let request = from_page(&app, method.clone(), &filled(&path)).header(COOKIE, &cookie);
        let request = match method {
            Method::GET => request,
            _ => request.json(&body_for(&path)),
        };
        let status = status(request).await;
        let is_let_in = !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        assert!(is_let_in, "{method} {path}: {status}");
    }
}

#[actix_web::test]
async fn a_session_is_over_after_twelve_hours_or_when_signed_out() {
    let app = TestApp::start().await;
    let (_, first) = sign_in(&app, ADMIN_KEY).await;
    let (_, second) = sign_in(&app, ADMIN_KEY).await;
    let uploads = |cookie: &str| from_page(&app, Method::GET, "/v1/uploads").header(COOKIE, cookie);
    let out = from_page(&app, Method::DELETE, "/session").header(COOKIE, &first);
    let out = out.send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert!(
        header(&out, "set-cookie")
            .starts_with("vod_receiver_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    );
    assert_eq!(status(uploads(&first)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(uploads(&second)).await, StatusCode::OK);
    app.clock.advance(TimeDelta::hours(12));
    assert_eq!(status(uploads(&second)).await, StatusCode::UNAUTHORIZED);
    // What is over is not kept.
    sign_in(&app, ADMIN_KEY).await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
}

#[actix_web::test]
async fn another_sites_page_changes_nothing_with_a_session_and_signs_nobody_in() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("4001", "").to_string()).await;
    let (_, cookie) = sign_in(&app, ADMIN_KEY).await;
    let host = app.url.strip_prefix("http://").unwrap().to_owned();
    let put = || {
        let url = format!("{}/v1/uploads/4001/attribution", app.url);
        let body = json!({"user_id": "eve", "reason": "because"});
        app.client.put(url).header(COOKIE, &cookie).json(&body)
    };
    let strange = [
        put(),
        put().header("sec-fetch-site", "cross-site"),
        put().header("sec-fetch-site", "same-site"),
        put().header("sec-fetch-site", "none"),
        put()
            .header("sec-fetch-site", "cross-site")
            .header(ORIGIN, &app.url),
        put().header(ORIGIN, "https://evil.example"),
        put().header(ORIGIN, "null"),
        put().header(ORIGIN, &host),
        put().header(ORIGIN, format!("{}.evil.example", app.url)),
        app.client
            .delete(format!("{}/session", app.url))
            .header(COOKIE, &cookie)
            .header(ORIGIN, "http://evil.example"),
        app.client
            .post(format!("{}/session", app.url))
            .json(&json!({"key": ADMIN_KEY})),
    ];
    for request in strange {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        problem(response).await;
    }
    assert_eq!(app.upload("4001").await["user_id"], Value::Null);
    // Old browsers, and those without TLS, tell the origin alone.
    let own = put().header(ORIGIN, &app.url);
    assert_eq!(status(own).await, StatusCode::OK);
    let behind_tls = put()
        .header(ORIGIN, "https://vod.example")
        .header(HOST, "vod.example");
    assert_eq!(status(behind_tls).await, StatusCode::OK);
}

#[actix_web::test]
async fn over_tls_the_cookie_is_for_tls_and_this_host_only() {
    let app = TestApp::start().await;
    let request = app.client.post(format!("{}/session", app.url));
    let request = request
        .header(ORIGIN, "https://vod.example")
        .header(HOST, "vod.example");
    let response = request
        .json(&json!({"key": ADMIN_KEY}))
        .send()
        .await
        .unwrap();
    let cookie = header(&response, "set-cookie");
    assert!(
        cookie.starts_with("__Host-vod_receiver_session=vs_") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap();
    let theirs = format!("a=b; {pair}; vod_receiver_session=vs_someone_elses");
    let asked = from_page(&app, Method::GET, "/v1/uploads").header(COOKIE, theirs);
    assert_eq!(status(asked).await, StatusCode::OK);
}

#[actix_web::test]
async fn who_has_no_right_key_is_not_signed_in_and_the_cookie_is_nowhere_stored() {
    let app = TestApp::start().await;
    for wrong in ["", "vk_", "no such key", &ADMIN_KEY[1..]] {
        let request = from_page(&app, Method::POST, "/session").json(&json!({"key": wrong}));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(response.headers().get(SET_COOKIE).is_none());
        problem(response).await;
    }
    for cookie in [
        "vod_receiver_session=",
        "vod_receiver_session=vs_",
        &format!("vod_receiver_session={ADMIN_KEY}"),
        "=",
        ";;",
    ] {
        let request = from_page(&app, Method::GET, "/v1/uploads").header(COOKIE, cookie);
        assert_eq!(status(request).await, StatusCode::UNAUTHORIZED, "{cookie}");
    }
    let (_, cookie) = sign_in(&app, ADMIN_KEY).await;
    let token = cookie.split('=').nth(1).unwrap();
    let stored: String = sqlx::query_scalar(
        "SELECT string_agg(encode(token_sha256, 'escape') || s::text, '') FROM sessions s",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert!(!stored.contains(&token[3..20]));
    // A session is no key.
    let as_key = app
        .client
        .get(format!("{}/v1/uploads", app.url))
        .bearer_auth(token);
    assert_eq!(status(as_key).await, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn without_postgres_the_page_is_there_and_says_what_is_away() {
    let app = TestApp::start().await;
    let (_, cookie) = sign_in(&app, ADMIN_KEY).await;
    app.lock_out(true).await;
    assert_eq!(get(&app, "/", &[]).await.status(), StatusCode::OK);
    for path in ["/session", "/v1/uploads"] {
        let request = from_page(&app, Method::GET, path).header(COOKIE, &cookie);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        problem(response).await;
    }
    app.lock_out(false).await;
}
