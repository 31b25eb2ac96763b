//! API keys: made, listed and revoked by the command line; what each scope opens.

use std::process::{Command, Output};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use vod_receiver::access::keys::{self, NewKey};
use vod_receiver::ops::random::Random;

use crate::harness::{
    ADMIN_KEY, TOKEN, TestApp, answer, eventually, named_app, new_file_upload, token_app,
};
use crate::openapi::{body_for, operations};
use crate::problems::problem;

/// A key of these scopes, bound to these apps.
pub async fn key(app: &TestApp, name: &str, scopes: &[&str], apps: Option<&[&str]>) -> String {
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let new = NewKey {
        name: name.to_owned(),
        scopes: owned(scopes),
        apps: apps.map(owned),
        lifetime: None,
    };
    let mut connection = app.pool.acquire().await.unwrap();
    let key = keys::create(&mut connection, &new, &app.clock, &Random::system()).await;
    key.unwrap().expose().to_owned()
}

/// A request with this key.
pub fn with_key(app: &TestApp, key: &str, method: Method, path: &str) -> RequestBuilder {
    app.client
        .request(method, format!("{}{path}", app.url))
        .bearer_auth(key)
}

pub async fn get_with(app: &TestApp, key: &str, path: &str) -> (StatusCode, Value) {
    answer(with_key(app, key, Method::GET, path).send().await.unwrap()).await
}

/// The binary with this environment and no other setting, in a directory without configuration.
pub fn binary(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vod-receiver"));
    for (name, _) in std::env::vars() {
        if name.starts_with("VOD_") || name.starts_with("DATABASE_URL") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        // Nobody makes a directory there: a test whose command needs one names its own.
        .env("VOD_RECEIVER_DATA_DIR", "/proc/none")
        .envs(settings.iter().copied())
        .current_dir("/");
    command
}

fn keys_command(app: &TestApp, arguments: &[&str]) -> Output {
    let arguments = [&["keys"], arguments].concat();
    let settings = [
        ("DATABASE_URL", app.database_url()),
        ("VOD_SECRET_ID", "id".to_owned()),
        ("VOD_SECRET_KEY", "key".to_owned()),
        ("VOD_CALLBACK_TOKEN", TOKEN.to_owned()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    binary(&arguments, &settings).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs `keys ...`, which must succeed, and returns its standard output.
fn keys_said(app: &TestApp, arguments: &[&str]) -> String {
    let output = keys_command(app, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[actix_web::test]
async fn a_key_is_printed_alone_opens_its_scope_and_ends_when_revoked() {
    let app = TestApp::start().await;
    let made = keys_said(
        &app,
        &["create", "--name", "backend", "--scope", "sign,read"],
    );
    let key = made.strip_suffix('\n').unwrap();
    assert!(
        key.starts_with("vk_") && key.len() == 46 && !key.contains(char::is_whitespace),
        "{made:?}"
    );
    let (status, issued) = answer(
        with_key(&app, key, Method::POST, "/v1/signatures")
            .json(&json!({"user_id": "ann"}))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    let (status, log) = get_with(&app, key, "/v1/signatures").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(log["items"][0]["issued_to"], "backend");

    let listed: Value = serde_json::from_str(&keys_said(&app, &["list", "--json"])).unwrap();
    assert_eq!(listed["name"], "backend");
    assert_eq!(listed["scopes"], json!(["sign", "read"]));
    assert_eq!(listed["apps"], Value::Null);
    assert_eq!(listed["revoked_at"], Value::Null);
    let plain = keys_said(&app, &["list"]);
    assert!(plain.contains("backend") && plain.contains("in use") && !plain.contains(key));

    assert_eq!(keys_said(&app, &["revoke", "backend"]), "");
    let (status, _) = get_with(&app, key, "/v1/signatures").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let listed: Value = serde_json::from_str(&keys_said(&app, &["list", "--json"])).unwrap();
    assert!(listed["revoked_at"].is_string());

    // The name is free again, and the old key stays shut.
    let second = keys_said(&app, &["create", "--name", "backend", "--scope", "read"]);
    assert_ne!(made, second);
    assert_eq!(
        get_with(&app, second.trim(), "/v1/uploads").await.0,
        StatusCode::OK
    );
    assert_eq!(
        get_with(&app, key, "/v1/uploads").await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[actix_web::test]
async fn a_key_that_cannot_be_made_is_refused_with_a_reason_and_nothing_on_stdout() {
    let app = TestApp::start().await;
    keys_said(&app, &["create", "--name", "taken", "--scope", "read"]);
    let long = "n".repeat(65);
    for (arguments, reason) in [
        (
            &["create", "--name", "taken", "--scope", "read"][..],
            "taken",
        ),
        (&["create", "--name", "a", "--scope", "root"], "`root`"),
        (&["create", "--name", "a", "--scope", "read,"], "scope"),
        (&["create", "--name", "a"], "--scope"),
        (&["create", "--name", "", "--scope", "read"], "name"),
        (&["create", "--name", &long, "--scope", "read"], "name"),
        (&["create", "--name", "a\nb", "--scope", "read"], "name"),
        (&["create", "--name", "cli", "--scope", "read"], "built-in"),
        (
            &["create", "--name", "a", "--scope", "read", "--app", "nope"],
            "`nope`",
        ),
        (&["revoke", "nobody"], "`nobody`"),
    ] {
        let output = keys_command(&app, arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        assert!(
            text(&output.stderr).contains(reason),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }
    assert_eq!(app.count("SELECT count(*) FROM api_keys").await, 1);
}

#[actix_web::test]
async fn a_key_is_nowhere_stored_in_clear() {
    let app = TestApp::start().await;
    let made = keys_said(
        &app,
        &["create", "--name", "k", "--scope", "admin", "--app", "main"],
    );
    let made = made.trim();
    for encoding in ["escape", "base64", "hex"] {
        let stored: String = sqlx::query_scalar(
            "SELECT string_agg(k::text || encode(k.key_sha256, $1), '') FROM api_keys k",
        )
        .bind(encoding)
        .fetch_one(&app.pool)
        .await
        .unwrap();
        let secret = &made["vk_".len()..];
        for part in [&secret[..12], &secret[secret.len() - 12..]] {
            assert!(!stored.contains(part));
        }
    }
    assert_eq!(
        app.count("SELECT octet_length(key_sha256)::bigint FROM api_keys")
            .await,
        32
    );
}

#[actix_web::test]
async fn each_route_wants_its_scope() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("4001", &ticket).to_string())
        .await;
    let routes = [
        (Method::POST, "/v1/signatures", "sign"),
        (Method::GET, "/v1/signatures", "read"),
        (Method::GET, "/v1/tickets/{ticket}", "read"),
        (Method::GET, "/v1/uploads", "read"),
        (Method::GET, "/v1/uploads/changes", "read"),
        (Method::GET, "/v1/uploads/live", "read"),
        (Method::GET, "/v1/uploads/{file_id}", "read"),
        (Method::POST, "/v1/uploads/lookup", "read"),
        (Method::PUT, "/v1/uploads/{file_id}/attribution", "admin"),
        (Method::GET, "/v1/stats", "read"),
        (Method::POST, "/v1/decode", "read"),
        (Method::GET, "/v1/deliveries", "admin"),
        (Method::GET, "/v1/deliveries/{id}", "admin"),
        (Method::GET, "/v1/deliveries/{id}/body", "admin"),
        (Method::POST, "/v1/deliveries/{id}/replay", "admin"),
        (Method::POST, "/v1/erasures", "admin"),
        (Method::GET, "/v1/erasures/{id}", "admin"),
    ];
    let delivery: Uuid = sqlx::query_scalar("SELECT id FROM deliveries")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    let asked = app.request(Method::POST, "/v1/erasures");
    let asked = asked.json(&json!({"user_id": "nobody-else"})).send().await;
    let erasure = answer(asked.unwrap()).await.1["erasure_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (method, path) in operations() {
        let known = routes
            .iter()
            .any(|(m, p, _)| *m == method && *p == path.as_str());
        assert!(
            known || !path.starts_with("/v1/"),
            "{method} {path} is not in this table: which scope does it want?"
        );
    }
    for scopes in [
        &["sign"][..],
        &["read"],
        &["admin"],
        &["sign", "read"],
        &["sign", "read", "admin"],
    ] {
        let key = key(&app, &format!("may {}", scopes.join("-")), scopes, None).await;
        for (method, path, scope) in &routes {
            let filled = path
                .replace("/v1/erasures/{id}", &format!("/v1/erasures/{erasure}"))
                .replace("{ticket}", &ticket)
                .replace("{id}", &delivery.to_string())
                .replace("{file_id}", "4001");
            let mut request = with_key(&app, &key, method.clone(), &filled);
            if *method != Method::GET {
                request = request.json(&body_for(path));
            }
            let response = request.send().await.unwrap();
            let at = format!("{scopes:?} {method} {path}");
            if scopes.contains(scope) {
                assert!(response.status().is_success(), "{at}");
            } else {
                assert_eq!(response.status(), StatusCode::FORBIDDEN, "{at}");
                let detail = problem(response).await["detail"].to_string();
                assert!(detail.contains(&format!("`{scope}`")), "{detail}");
            }
        }
    }
}

#[actix_web::test]
async fn without_a_known_key_nothing_is_told() {
    let app = TestApp::start().await;
    let sha = key(&app, "k", &["sign", "read"], None).await;
    let headers = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(sha.clone()),
        Some(format!("Basic {sha}")),
        Some(format!("Token {sha}")),
        Some(format!("Bearer{sha}")),
        Some(format!("Bearer {}", sha.to_uppercase())),
        Some(format!("Bearer {}", &sha[..45])),
        Some(format!("Bearer {sha}x")),
        Some(format!("Bearer {}x", &sha[..45])),
        Some("Bearer %00".to_owned()),
        Some("Bearer ' OR true --".to_owned()),
        Some(format!("Bearer {}", "k".repeat(20_000))),
        Some(format!("Bearer {}", &ADMIN_KEY[..ADMIN_KEY.len() - 1])),
    ];
    let mut told = Vec::new();
    for header in headers {
        for path in ["/v1/uploads", "/v1/uploads/1", "/v1/signatures"] {
            let mut request = app.client.get(format!("{}{path}", app.url));
            if let Some(header) = &header {
                request = request.header("authorization", header);
            }
            let response = request.send().await.unwrap();
            assert_eq!(
                response.status(),
                StatusCode::UNAUTHORIZED,
                "{header:?} {path}"
            );
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            told.push(problem(response).await);
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[actix_web::test]
async fn who_has_no_right_to_ask_is_told_that_before_what_is_wrong_with_the_question() {
    let app = TestApp::start().await;
    let read = key(&app, "reader", &["read"], None).await;
    let sign = key(&app, "signer", &["sign"], None).await;
    for (key, wanted) in [
        ("vk_unknown", StatusCode::UNAUTHORIZED),
        (sign.as_str(), StatusCode::FORBIDDEN),
    ] {
        for path in ["/v1/uploads?limit=0", "/v1/signatures?surprise=1"] {
            let (status, body) = get_with(&app, key, path).await;
            assert_eq!(status, wanted, "{path} {body}");
        }
    }
    for (key, wanted) in [
        ("vk_unknown", StatusCode::UNAUTHORIZED),
        (read.as_str(), StatusCode::FORBIDDEN),
    ] {
        for body in ["", "nope", "{\"user_id\": \"\"}"] {
            let response = with_key(&app, key, Method::POST, "/v1/signatures")
                .header("content-type", "application/json")
                .body(body)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), wanted, "{body}");
        }
        let response = with_key(&app, key, Method::POST, "/v1/signatures").send();
        assert_eq!(response.await.unwrap().status(), wanted);
    }
}

#[actix_web::test]
async fn the_scheme_is_read_in_any_case() {
    let app = TestApp::start().await;
    let key = key(&app, "k", &["read"], None).await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        for key in [key.as_str(), ADMIN_KEY] {
            let request = app
                .client
                .get(format!("{}/v1/uploads", app.url))
                .header("authorization", format!("{scheme} {key}"));
            assert_eq!(
                request.send().await.unwrap().status(),
                StatusCode::OK,
                "{scheme}"
            );
        }
    }
}

#[actix_web::test]
async fn a_key_bound_to_an_app_opens_that_app_only() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let bound = key(&app, "bound", &["sign", "read"], Some(&["second"])).await;
    let body = json!({"user_id": "ann", "app": "main"});
    let (status, of_main) = app.post_signature(&body).await;
    assert_eq!(status, StatusCode::CREATED, "{of_main}");
    let ticket = of_main["ticket"].as_str().unwrap();
    app.callback(new_file_upload("4100", ticket).to_string())
        .await;

    for path in [
        "/v1/uploads?app=main".to_owned(),
        "/v1/uploads/4100?app=main".to_owned(),
        "/v1/signatures?app=main".to_owned(),
        format!("/v1/tickets/{ticket}"),
    ] {
        let response = with_key(&app, &bound, Method::GET, &path)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
        problem(response).await;
    }
    let sign = |body: Value| {
        with_key(&app, &bound, Method::POST, "/v1/signatures")
            .json(&body)
            .send()
    };
    let refused = sign(body).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    // Without a name, the only app it may mean is meant.
    let (status, issued) = answer(sign(json!({"user_id": "ann"})).await.unwrap()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(issued["app"], "second");
    // Another app's ticket cannot be continued in its own.
    let stolen = sign(json!({"user_id": "ann", "ticket": ticket}))
        .await
        .unwrap();
    assert_eq!(stolen.status(), StatusCode::CONFLICT);

    for path in ["/v1/uploads", "/v1/uploads?app=second"] {
        let (status, body) = get_with(&app, &bound, path).await;
        assert_eq!((status, &body["items"]), (StatusCode::OK, &json!([])));
    }
    let (_, log) = get_with(&app, &bound, "/v1/signatures").await;
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    assert_eq!(log["items"][0]["ticket"], issued["ticket"]);
    let (status, _) = get_with(&app, &bound, "/v1/uploads/4100").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_key_is_rotated_without_a_moment_in_which_neither_opens() {
    let app = TestApp::start().await;
    let create = ["create", "--name", "k", "--scope", "read", "--app", "main"];
    let old = keys_said(&app, &create).trim().to_owned();
    let opens = async |key: &str| get_with(&app, key, "/v1/uploads").await.0 == StatusCode::OK;
    let new = keys_said(&app, &["rotate", "k"]).trim().to_owned();
    assert!(opens(&old).await && opens(&new).await);
    // What the new one opens is what the old one did.
    let request = with_key(&app, &new, Method::POST, "/v1/signatures");
    let refused = request.json(&json!({"user_id": "ann"})).send().await;
    assert_eq!(refused.unwrap().status(), StatusCode::FORBIDDEN);
    let listed = keys_said(&app, &["list", "--json"]);
    let listed: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(listed.len(), 2);
    for key in &listed {
        assert_eq!(
            (&key["name"], &key["apps"]),
            (&json!("k"), &json!(["main"]))
        );
    }
    assert!(listed[0]["replaced_at"].is_string() && listed[0]["expires_at"].is_string());
    assert!(listed[1]["replaced_at"].is_null() && listed[1]["expires_at"].is_null());

    // A third one, while the first is in its grace time; then those that were replaced end at once.
    let third = keys_said(&app, &["rotate", "k", "--grace", "7d"])
        .trim()
        .to_owned();
    assert!(opens(&old).await && opens(&new).await && opens(&third).await);
    keys_said(&app, &["revoke", "--replaced", "k"]);
    assert!(!opens(&old).await && !opens(&new).await && opens(&third).await);
    assert!(
        !keys_command(&app, &["revoke", "--replaced", "k"])
            .status
            .success()
    );
    // A key that leaked is ended with all that it replaced.
    let fourth = keys_said(&app, &["rotate", "k"]).trim().to_owned();
    keys_said(&app, &["revoke", "k"]);
    assert!(!opens(&third).await && !opens(&fourth).await);
    let output = keys_command(&app, &["rotate", "k"]);
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(text(&output.stderr).contains("`k`"));
}

#[actix_web::test]
async fn a_key_ends_when_its_time_is_over_and_its_successor_has_as_long() {
    let app = TestApp::start().await;
    let mut connection = app.pool.acquire().await.unwrap();
    let random = Random::system();
    let new = NewKey {
        name: "monthly".to_owned(),
        scopes: vec!["read".to_owned()],
        apps: None,
        lifetime: Some(TimeDelta::days(30)),
    };
    let first = keys::create(&mut connection, &new, &app.clock, &random).await;
    let first = first.unwrap().expose().to_owned();
    let opens = async |key: &str| get_with(&app, key, "/v1/uploads").await.0 == StatusCode::OK;
    app.clock.advance(TimeDelta::days(29));
    assert!(opens(&first).await);
    let (name, grace) = ("monthly", TimeDelta::days(7));
    let second = keys::rotate(&mut connection, name, grace, &app.clock, &random).await;
    let second = second.unwrap().expose().to_owned();
    // The grace time makes no life longer.
    app.clock.advance(TimeDelta::days(1));
    assert!(!opens(&first).await && opens(&second).await);
    app.clock.advance(TimeDelta::days(28));
    assert!(opens(&second).await);
    app.clock.advance(TimeDelta::days(1));
    assert!(!opens(&second).await);
}

#[actix_web::test]
async fn when_a_key_was_last_used_is_told_and_written_once_for_many_requests() {
    let app = TestApp::start().await;
    let used = key(&app, "used", &["read"], None).await;
    key(&app, "idle", &["read"], None).await;
    let last_used = async |name: &'static str| -> Option<DateTime<Utc>> {
        let row = sqlx::query_scalar("SELECT last_used_at FROM api_keys WHERE name = $1");
        row.bind(name).fetch_one(&app.pool).await.unwrap()
    };
    assert_eq!(last_used("used").await, None);
    for _ in 0..50 {
        get_with(&app, &used, "/v1/uploads").await;
    }
    let then = app.now();
    eventually("the use is written", async || {
        last_used("used").await == Some(then)
    })
    .await;
    assert_eq!(last_used("idle").await, None);
    // Each write makes a new version of the row: fifty requests made one.
    let row = "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'api_keys'";
    eventually("the statistics tell of it", async || {
        app.count(row).await > 0
    })
    .await;
    assert_eq!(app.count(row).await, 1);
    let listed = keys_said(&app, &["list"]);
    assert!(listed.contains("last used 2026-11-23") && listed.contains("never used"));
}

#[actix_web::test]
async fn what_an_admin_does_is_in_the_audit_trail_before_it_is_done() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("4001", &ticket).to_string())
        .await;
    let delivery: Uuid = sqlx::query_scalar("SELECT id FROM deliveries")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    let admin = key(&app, "ops", &["admin"], None).await;
    let put = with_key(&app, &admin, Method::PUT, "/v1/uploads/4001/attribution");
    let put = put.json(&json!({"user_id": "bob", "reason": "bob called"}));
    assert_eq!(put.send().await.unwrap().status(), StatusCode::OK);
    for path in ["", "/body"] {
        get_with(&app, &admin, &format!("/v1/deliveries/{delivery}{path}")).await;
    }
    let replay = format!("/v1/deliveries/{delivery}/replay");
    with_key(&app, &admin, Method::POST, &replay)
        .send()
        .await
        .unwrap();
    keys_said(&app, &["create", "--name", "k", "--scope", "read,sign"]);
    keys_said(&app, &["rotate", "k"]);
    keys_said(&app, &["revoke", "k"]);
    // What is refused was not done.
    get_with(
        &app,
        &admin,
        "/v1/deliveries/019ad52e-3c00-7000-8000-000000000001",
    )
    .await;
    assert!(!keys_command(&app, &["revoke", "k"]).status.success());

    let settings = [
        ("DATABASE_URL", app.database_url()),
        ("VOD_RECEIVER_LOG", "off".to_owned()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let output = binary(
        &["audit", "--since", "2026-01-01T00:00:00Z", "--json"],
        &settings,
    )
    .env("SUDO_USER", "carol")
    .output()
    .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut told: Vec<[&str; 2]> = lines
        .iter()
        .map(|line| ["action", "subject"].map(|field| line[field].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    let delivery = delivery.to_string();
    let mut wanted = vec![
        ["attribution.decide", "4001"],
        ["delivery.read", &delivery],
        ["delivery.read", &delivery],
        ["delivery.replay", &delivery],
        ["key.create", "k"],
        ["key.revoke", "k"],
        ["key.rotate", "k"],
    ];
    wanted.sort_unstable();
    assert_eq!(told, wanted);
    for line in &lines {
        let by_key = !line["action"].as_str().unwrap().starts_with("key.");
        let actor = line["actor"].as_str().unwrap();
        assert_eq!(actor == "key ops", by_key, "{line}");
        assert!(by_key || actor.starts_with("cli "), "{line}");
    }
    assert!(
        !text(&output.stdout).contains("bob"),
        "no user id belongs there"
    );
}

#[actix_web::test]
async fn what_cannot_be_noted_in_the_audit_trail_is_not_done() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("4001", &ticket).to_string())
        .await;
    sqlx::raw_sql("ALTER TABLE admin_actions RENAME TO gone")
        .execute(&app.pool)
        .await
        .unwrap();
    let put = app.request(Method::PUT, "/v1/uploads/4001/attribution");
    let put = put.json(&json!({"user_id": "bob", "reason": "bob called"}));
    assert!(put.send().await.unwrap().status().is_server_error());
    assert_eq!(app.upload("4001").await["user_id"], "ann");
    assert!(
        !keys_command(&app, &["create", "--name", "k", "--scope", "read"])
            .status
            .success()
    );
    assert_eq!(app.count("SELECT count(*) FROM api_keys").await, 0);
}
