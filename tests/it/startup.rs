//! Promise 8: the service starts without Postgres, says so, and works once it is there.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::net::TcpSocket;
use vod_receiver::ops::database::Database;

use crate::analyst::on_empty_database;
use crate::harness::{
    ADMIN_KEY, SECRET_ID, SECRET_KEY, Scratch, TOKEN, TestApp, answer, cluster, config, eventually,
    new_file_upload, token_app,
};
use crate::keys::{binary, get_with, key};
use crate::openapi::{body_for, filled, operations};
use crate::problems::problem;

/// An address on which nobody listens, but for whom it is told: it stays taken until the test's process ends.
pub fn free_address() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}

/// An app over an address on which nobody listens.
pub async fn without_database() -> TestApp {
    let port = free_address().port();
    let database = Database::lazy(&format!("postgres://vod@127.0.0.1:{port}/none")).unwrap();
    TestApp::on(String::new(), database, config(vec![token_app()])).await
}

pub async fn within<F: Future>(seconds: u64, future: F) -> Option<F::Output> {
    tokio::time::timeout(Duration::from_secs(seconds), future)
        .await
        .ok()
}

#[actix_web::test]
async fn without_postgres_it_lives_is_not_ready_and_v1_asks_for_patience() {
    let app = without_database().await;
    let get = |path: &str| app.client.get(format!("{}{path}", app.url)).send();
    assert_eq!(get("/livez").await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        get("/readyz").await.unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(get("/openapi.json").await.unwrap().status(), StatusCode::OK);
    let mut seen = 0;
    for (method, path) in operations() {
        if !path.starts_with("/v1/") {
            continue;
        }
        seen += 1;
        let body = body_for(&path);
        // The key of the configuration is known without a database, any other is not.
        for known in [ADMIN_KEY, "vk_perhaps"] {
            let request = app
                .client
                .request(method.clone(), format!("{}{}", app.url, filled(&path)))
                .bearer_auth(known)
                .json(&body);
            let response = within(5, request.send())
                .await
                .expect("an answer at once")
                .unwrap();
            assert_eq!(
                response.status(),
                StatusCode::SERVICE_UNAVAILABLE,
                "{method} {path}"
            );
            assert_eq!(response.headers()["retry-after"], "5");
            problem(response).await;
        }
        let response = app
            .client
            .request(method, format!("{}{}", app.url, filled(&path)));
        assert_eq!(
            response.send().await.unwrap().status(),
            StatusCode::UNAUTHORIZED
        );
    }
    assert!(seen >= 5);
    // What is wrong with a question can be told without Postgres.
    let (status, _) = app.post_signature(&json!({"user_id": ""})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[actix_web::test]
async fn without_postgres_a_callback_is_held_until_vod_has_given_up() {
    let app = without_database().await;
    for rest in ["main", "main/wrong", "nope", &format!("nope/{TOKEN}")] {
        let refused = app.callback_to(rest, new_file_upload("1", "").to_string());
        let (status, _) = within(5, refused).await.expect("a refusal at once");
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{rest}");
    }
    let body = new_file_upload("1", "").to_string();
    let request = app
        .client
        .post(format!("{}/callbacks/main/{TOKEN}", app.url))
        .body(body);
    let mut held = Box::pin(request.send());
    // VOD waits 5 s; an answer before that would end the matter for it.
    assert!(
        within(5, &mut held).await.is_none(),
        "answered before VOD gave up"
    );
    let response = within(30, held)
        .await
        .expect("an answer in the end")
        .unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    problem(response).await;
}

#[actix_web::test]
async fn a_callback_that_is_held_is_recorded_when_postgres_comes() {
    let app = on_empty_database().await;
    // Done beforehand, for it takes its time: nothing is asked of Postgres before it is known to be ready.
    vod_receiver::ops::database::migrate(&app.pool)
        .await
        .unwrap();
    let mut held = Box::pin(app.callback(new_file_upload("9201", "").to_string()));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut held).await;
    assert!(early.is_err(), "answered before it was durable");
    app.database.set_ready();
    assert_eq!(held.await, (StatusCode::OK, json!({"status": "recorded"})));
    assert_eq!(app.upload("9201").await["deliveries"], 1);
}

#[actix_web::test]
async fn while_postgres_is_away_v1_asks_for_patience_and_then_goes_on() {
    let app = TestApp::start().await;
    let key = key(&app, "k", &["sign", "read"], None).await;
    app.lock_out(true).await;
    for key in [ADMIN_KEY, &key] {
        for path in ["/v1/uploads", "/v1/signatures", "/v1/uploads/1"] {
            let request = app
                .client
                .get(format!("{}{path}", app.url))
                .bearer_auth(key);
            let response = within(30, request.send())
                .await
                .expect("an answer soon")
                .unwrap();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            problem(response).await;
        }
    }
    let (status, _) = app.post_signature(&json!({"user_id": "ann"})).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let ready = || async { app.get("/readyz").await.0 };
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    app.lock_out(false).await;
    // If the breaker was open by then, its guard finds out first.
    eventually("v1 answers again", async || {
        get_with(&app, &key, "/v1/uploads").await.0 == StatusCode::OK
    })
    .await;
    assert_eq!(ready().await, StatusCode::OK);
    // What was refused is not in the log.
    assert_eq!(app.count("SELECT count(*) FROM signature_issues").await, 0);
}

/// A running `serve`; killed if a test ends early.
pub struct Serving {
    child: Child,
    pub url: String,
    /// Where the metrics are, if not there.
    pub metrics_url: Option<String>,
    #[expect(dead_code, reason = "held, not used")]
    data_dir: Arc<Scratch>,
}

impl Serving {
    pub fn start(database_url: &str, arguments: &[&str]) -> Self {
        Self::start_in(&Scratch::new(), database_url, arguments)
    }

    /// With a data directory in which another may have been before.
    pub fn start_in(data_dir: &Arc<Scratch>, database_url: &str, arguments: &[&str]) -> Self {
        Self::start_with(data_dir, database_url, arguments, &[])
    }

    /// With more settings.
    pub fn start_with(
        data_dir: &Arc<Scratch>,
        database_url: &str,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> Self {
        let arguments = [&["serve"], arguments].concat();
        let program = |settings: &[(&str, &str)]| binary(&arguments, settings);
        Self::start_as(program, data_dir, database_url, more)
    }

    /// By another program, which is given the command that it is to become.
    pub fn start_through(
        through: impl Fn(&Command) -> Command,
        data_dir: &Arc<Scratch>,
        database_url: &str,
    ) -> Self {
        let program = |settings: &[(&str, &str)]| {
            let program = binary(&["serve"], settings);
            let mut through = through(&program);
            for (name, value) in program.get_envs() {
                match value {
                    Some(value) => through.env(name, value),
                    None => through.env_remove(name),
                };
            }
            through.current_dir("/");
            through
        };
        Self::start_as(program, data_dir, database_url, &[])
    }

    fn start_as(
        program: impl Fn(&[(&str, &str)]) -> Command,
        data_dir: &Arc<Scratch>,
        database_url: &str,
        more: &[(&str, &str)],
    ) -> Self {
        let dir = data_dir.0.display().to_string();
        let settings = [
            ("VOD_RECEIVER_DATA_DIR", dir.as_str()),
            ("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL", "true"),
            ("VOD_RECEIVER_SPOOL_MAX_MB", "1"),
            ("DATABASE_URL", database_url),
            ("VOD_SECRET_ID", SECRET_ID),
            ("VOD_SECRET_KEY", SECRET_KEY),
            ("VOD_CALLBACK_TOKEN", TOKEN),
            ("VOD_RECEIVER_ADMIN_KEY", ADMIN_KEY),
            ("VOD_RECEIVER_LISTEN", "127.0.0.1:0"),
            ("VOD_RECEIVER_LOG_FORMAT", "json"),
        ];
        let settings = [&settings, more].concat();
        let mut child = program(&settings)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut metrics_url = None;
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            if let Some(address) = line["metrics_address"].as_str() {
                metrics_url = Some(format!("http://{address}/metrics"));
            }
            line["address"].as_str().map(str::to_owned)
        });
        // Somebody has to read on, or it waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://{}", address.expect("it says where it listens"));
        Self {
            child,
            url,
            metrics_url,
            data_dir: Arc::clone(data_dir),
        }
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        let client = reqwest::Client::new();
        let request = client
            .get(format!("{}{path}", self.url))
            .bearer_auth(ADMIN_KEY);
        answer(request.send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let client = reqwest::Client::new();
        let request = client
            .post(format!("{}{path}", self.url))
            .bearer_auth(ADMIN_KEY)
            .json(body);
        answer(request.send().await.unwrap()).await
    }

    pub async fn is_ready(&self) {
        eventually("the service is ready", async || {
            self.get("/readyz").await.0 == StatusCode::OK
        })
        .await;
    }

    /// Sends a signal and returns the exit code.
    pub async fn end(mut self, signal: &str) -> Option<i32> {
        // The shell's own: the program `kill` is not on every machine.
        let kill = format!("kill {signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(sent.success());
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status.code();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let ended = within(60, ended).await;
        ended.unwrap_or_else(|| panic!("{signal} did not end it within a minute"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[actix_web::test]
async fn two_receivers_wait_for_their_database_migrate_it_and_work() {
    // Only holds the name, and cleans up.
    let holder = on_empty_database().await;
    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&holder.pool)
        .await
        .unwrap();
    holder.pool.close().await;
    let mut admin = PgConnection::connect(&cluster().url("postgres"))
        .await
        .unwrap();
    let drop_it = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop_it))
        .execute(&mut admin)
        .await
        .unwrap();

    let (one, two) = (
        Serving::start(&holder.database_url(), &[]),
        Serving::start(&holder.database_url(), &[]),
    );
    for receiver in [&one, &two] {
        assert_eq!(receiver.get("/livez").await.0, StatusCode::OK);
        assert_eq!(
            receiver.get("/readyz").await.0,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(
            receiver.get("/v1/uploads").await.0,
            StatusCode::SERVICE_UNAVAILABLE
        );
        let (status, _) = receiver
            .post("/v1/signatures", &json!({"user_id": "ann"}))
            .await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    let create = format!("CREATE DATABASE {name}");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut admin)
        .await
        .unwrap();
    one.is_ready().await;
    two.is_ready().await;

    let (status, issued) = one.post("/v1/signatures", &json!({"user_id": "ann"})).await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    let body = new_file_upload("9301", issued["ticket"].as_str().unwrap());
    let (status, _) = two.post(&format!("/callbacks/main/{TOKEN}"), &body).await;
    assert_eq!(status, StatusCode::OK);
    let (_, page) = one.get("/v1/uploads?user_id=ann").await;
    assert_eq!(page["items"][0]["file_id"], "9301");
    assert_eq!(one.end("-TERM").await, Some(0));
    assert_eq!(two.end("-INT").await, Some(0));
}

#[actix_web::test]
async fn sigterm_ends_it_while_it_waits_for_postgres() {
    let app = without_database().await;
    let url = app.pool.connect_options().get_port();
    let serving = Serving::start(&format!("postgres://vod@127.0.0.1:{url}/none"), &[]);
    assert_eq!(
        serving.get("/readyz").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(serving.end("-TERM").await, Some(0));
}

#[actix_web::test]
async fn sigterm_ends_it_with_0_as_soon_as_its_port_is_open() {
    let dir = Scratch::new();
    let address = free_address();
    let settings = [
        ("VOD_RECEIVER_DATA_DIR", dir.0.display().to_string()),
        ("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL", "true".to_owned()),
        ("DATABASE_URL", "postgres://vod@127.0.0.1:1/none".to_owned()),
        ("VOD_SECRET_ID", SECRET_ID.to_owned()),
        ("VOD_SECRET_KEY", SECRET_KEY.to_owned()),
        ("VOD_CALLBACK_TOKEN", TOKEN.to_owned()),
        ("VOD_RECEIVER_LISTEN", address.to_string()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let mut child = binary(&["serve"], &settings)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect(address).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "it did not start");
    }
    let kill = format!("kill -TERM {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[actix_web::test]
async fn with_no_migrate_it_waits_for_somebody_to_run_migrate() {
    let app = on_empty_database().await;
    let url = app.database_url();
    let serving = Serving::start(&url, &["--no-migrate"]);
    let settings = [("DATABASE_URL", url.as_str())];
    let check = || binary(&["migrate", "--check"], &settings).output().unwrap();
    let before = check();
    assert_eq!(before.status.code(), Some(1));
    assert!(
        String::from_utf8(before.stderr)
            .unwrap()
            .contains("pending")
    );
    assert_eq!(
        serving.get("/readyz").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        app.count("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .await,
        0
    );
    let migrated = binary(&["migrate"], &settings).output().unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    assert_eq!(migrated.stdout, b"");
    assert!(check().status.success());
    serving.is_ready().await;
    let (status, _) = serving.get("/v1/uploads").await;
    assert_eq!(status, StatusCode::OK);
}

#[actix_web::test]
async fn serve_that_is_configured_without_a_database_says_so_and_ends() {
    let settings = [
        ("VOD_SECRET_ID", SECRET_ID),
        ("VOD_SECRET_KEY", SECRET_KEY),
        ("VOD_CALLBACK_TOKEN", TOKEN),
    ];
    for arguments in [&["serve"][..], &["keys", "list"], &["migrate"]] {
        let output = binary(arguments, &settings)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(output.stdout, b"");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("DATABASE_URL"), "{arguments:?}: {told}");
        assert!(!told.contains(SECRET_KEY) && !told.contains(TOKEN));
    }
}

#[actix_web::test]
async fn a_request_that_is_under_way_is_finished_before_the_end() {
    let app = without_database().await;
    let port = app.pool.connect_options().get_port();
    let serving = Serving::start(&format!("postgres://vod@127.0.0.1:{port}/none"), &[]);
    let request = app
        .client
        .request(
            Method::POST,
            format!("{}/callbacks/main/{TOKEN}", serving.url),
        )
        // More than its spool may hold: it is held.
        .body(new_file_upload("1", &"x".repeat(1_200_000)).to_string());
    let mut held = Box::pin(request.send());
    let metrics = || {
        app.client
            .get(format!("{}/metrics", serving.url))
            .bearer_auth(ADMIN_KEY)
    };
    let is_held = eventually("it is held", async || {
        let metrics = metrics().send().await.unwrap().text().await.unwrap();
        metrics.contains("vod_receiver_callbacks_held 1\n")
    });
    tokio::select! {
        answered = &mut held => panic!("{answered:?}"),
        () = is_held => {}
    }
    let (response, code) = tokio::join!(held, serving.end("-TERM"));
    assert_eq!(response.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code, Some(0));
}
