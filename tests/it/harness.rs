//! One running app a test: real server on a port of its own, real Postgres, a database of its own.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;
use vod_receiver::app::{Parts, build};
use vod_receiver::config::{App, AppName, Config, Events, KeepDays, LogFormat, Secret};
use vod_receiver::keep::partitions;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::cluster::Cluster;
use vod_receiver::ops::database::{self, Database};
use vod_receiver::ops::lifecycle::Lifecycle;
use vod_receiver::ops::random::Random;
use vod_receiver::query::Feed;
use vod_receiver::record::Recorder;
use vod_receiver::record::spool::{Limits, Spool};

/// When the clock of a test begins to stand still.
pub const NOW: &str = "2026-11-23T08:00:00Z";
pub const ADMIN_KEY: &str = "test-admin-key-0123456789abcdef";
pub const TOKEN: &str = "test-callback-token-0123456789";
pub const SIGN_KEY: &str = "vodcallbackkey01";
pub const SECRET_ID: &str = "AKIDtest";
pub const SECRET_KEY: &str = "IamSecretKey";

/// A running app.
pub struct TestApp {
    pub url: String,
    pub pool: PgPool,
    pub clock: Clock,
    pub random: Random,
    pub recorder: Recorder,
    pub database: Database,
    pub client: Client,
    name: String,
    pub feed: Feed,
    server: actix_web::dev::ServerHandle,
    /// Dropped with the app: that stops them.
    #[expect(dead_code, reason = "held, not used")]
    tasks: Lifecycle,
}

/// An app named `main` with a callback token and no SignKey.
pub fn token_app() -> App {
    App {
        name: AppName::main(),
        secret_id: SECRET_ID.to_owned(),
        secret_key: Secret::new(SECRET_KEY),
        secret_token: None,
        sub_app_id: None,
        api_endpoint: "http://127.0.0.1:1".to_owned(),
        events: Events::Push,
        reconcile_every: None,
        sign_keys: Vec::new(),
        callback_tokens: vec![Secret::new(TOKEN)],
        unsigned_v2: false,
        allow_unauthenticated_callbacks: false,
        resolvers: Vec::new(),
    }
}

/// The same under another name.
pub fn named_app(name: &str) -> App {
    App {
        name: name.parse().unwrap(),
        ..token_app()
    }
}

pub fn config(apps: Vec<App>) -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        listen_is_default: true,
        metrics_listen: None,
        public_url: None,
        data_dir: None,
        spool_max_bytes: 1 << 30,
        allow_volatile_spool: true,
        keep: KeepDays::default(),
        database_url: None,
        admin_key: Some(Secret::new(ADMIN_KEY)),
        log: "warn".to_owned(),
        log_format: LogFormat::Text,
        apps,
    }
}

impl TestApp {
    /// One app, `main`, with a callback token.
    pub async fn start() -> Self {
        Self::with(vec![token_app()]).await
    }

    /// These apps.
    pub async fn with(apps: Vec<App>) -> Self {
        let (name, database) = new_database().await;
        database.set_ready();
        Self::on(name, database, config(apps)).await
    }

    /// One app, `main`, with a spool of its own.
    pub async fn with_spool(dir: &Scratch) -> Self {
        Self::with_spool_and(dir, vec![token_app()]).await
    }

    /// These apps, with a spool of their own.
    pub async fn with_spool_and(dir: &Scratch, apps: Vec<App>) -> Self {
        let (name, database) = new_database().await;
        database.set_ready();
        let spool = Spool::open(&dir.0, Limits::default(), true, 1).unwrap();
        Self::spooling(name, database, config(apps), Some(spool)).await
    }

    /// On a database that is perhaps not there.
    pub async fn on(name: String, database: Database, config: Config) -> Self {
        Self::spooling(name, database, config, None).await
    }

    /// The same, with a spool.
    pub async fn spooling(
        name: String,
        database: Database,
        config: Config,
        spool: Option<Spool>,
    ) -> Self {
        start_log();
        let clock = Clock::set_to(NOW.parse().unwrap());
        let random = Random::counting();
        let (parts, writers) = Parts::new(
            config,
            database.clone(),
            spool,
            clock.clone(),
            random.clone(),
        );
        let recorder = parts.recorder();
        let mut tasks = Lifecycle::default();
        tasks.spawn("writers", |stop| writers.run(stop));
        let feed = parts.feed();
        tasks.spawn("feed", |stop| feed.clone().run(stop));
        let _ = rustls::crypto::ring::default_provider().install_default();
        for puller in parts.pullers().unwrap() {
            tasks.spawn("pull", |stop| puller.run(stop));
        }
        for schedule in parts.schedules().unwrap() {
            tasks.spawn("reconcile", |stop| schedule.run(stop));
        }
        let server = actix_web::HttpServer::new(move || build(parts.clone()))
            .workers(2)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            url,
            pool: database.unmigrated().clone(),
            clock,
            random,
            recorder,
            database,
            // A connection that is kept may be closed by the service while a test waits for a command.
            client: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            name,
            feed,
            server: handle,
            tasks,
        }
    }

    /// The address of its database.
    pub fn database_url(&self) -> String {
        cluster().url(&self.name)
    }

    /// A request with the admin key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(ADMIN_KEY)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn post_signature(&self, body: &Value) -> (StatusCode, Value) {
        answer(
            self.request(Method::POST, "/v1/signatures")
                .json(body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// A new ticket of a user.
    pub async fn ticket(&self, user: &str) -> String {
        let (status, body) = self.post_signature(&json!({"user_id": user})).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["ticket"].as_str().unwrap().to_owned()
    }

    /// Posts a notification to app `main` with its token.
    pub async fn callback(&self, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        self.callback_to(&format!("main/{TOKEN}"), body).await
    }

    /// Posts a notification to `/callbacks/{rest}`.
    pub async fn callback_to(
        &self,
        rest: &str,
        body: impl Into<reqwest::Body>,
    ) -> (StatusCode, Value) {
        let request = self
            .client
            .post(format!("{}/callbacks/{rest}", self.url))
            .body(body);
        answer(request.send().await.unwrap()).await
    }

    /// The one upload with this file id, from the list.
    pub async fn upload(&self, file_id: &str) -> Value {
        let (status, body) = self.get(&format!("/v1/uploads?file_id={file_id}")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["items"].as_array().map(Vec::len), Some(1), "{body}");
        body["items"][0].clone()
    }

    /// Takes Postgres away from it, connections it has included, or gives it back; waits until they are gone.
    pub async fn lock_out(&self, out: bool) {
        let mut admin = PgConnection::connect(&cluster().url("postgres"))
            .await
            .unwrap();
        let name = &self.name;
        // Committed before it goes on, or who is cut off comes back in the meantime.
        let allow = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {}", !out);
        execute(&mut admin, allow).await;
        let cut_off = "SELECT count(pg_terminate_backend(pid, 60000)) FROM pg_stat_activity WHERE datname = $1";
        while out
            && sqlx::query_scalar::<_, i64>(cut_off)
                .bind(name)
                .fetch_one(&mut admin)
                .await
                .unwrap()
                > 0
        {}
    }

    /// A number that a query tells.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        let name = std::mem::take(&mut self.name);
        if name.is_empty() {
            return;
        }
        // A destructor cannot wait in the test's runtime, which may be going down.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&cluster().url("postgres")).await?;
                sqlx::raw_sql(AssertSqlSafe(format!(
                    "DROP DATABASE IF EXISTS {name} WITH (FORCE)"
                )))
                .execute(&mut admin)
                .await
            })?;
            Ok::<(), anyhow::Error>(())
        });
        let _ = dropped.join();
    }
}

/// The status of an answer, and its body as JSON: null if it is none.
pub async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// A `NewFileUpload` of format 3.0.
pub fn new_file_upload(file_id: &str, source_context: &str) -> Value {
    json!({
        "EventType": "NewFileUpload",
        "FileUploadEvent": {
            "FileId": file_id,
            "MediaBasicInfo": {
                "Name": "holiday",
                "CreateTime": "2026-11-23T07:59:00Z",
                "UpdateTime": "2026-11-23T07:59:02Z",
                "ClassId": 0,
                "Type": "mp4",
                "MediaUrl": "http://example.vod2.myqcloud.com/f0.mp4",
                "StorageRegion": "ap-chongqing",
                "SourceInfo": {"SourceType": "Upload", "SourceContext": source_context}
            },
            "ProcedureTaskId": ""
        }
    })
}

/// The private cluster that all tests share; whoever comes first starts it. `./dev test` stops it.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let dir = std::env::var_os("VOD_TEST_CLUSTER_DIR").map_or_else(usual_dir, PathBuf::from);
        // Speed; what tests durability brings a cluster of its own.
        let settings = [
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("max_connections", "500"),
        ];
        Cluster::start(&dir, &settings).unwrap()
    })
}

/// Not below `target`, which may lie in a directory that the user Postgres runs as cannot enter.
fn usual_dir() -> PathBuf {
    use std::os::unix::fs::MetadataExt;
    let user = std::fs::metadata("/proc/self").map_or(0, |process| process.uid());
    std::env::temp_dir().join(format!("vod-receiver-tests-{user}"))
}

/// A database that may be slow: what is recorded is looked at, not how soon.
pub fn patient(url: &str) -> Database {
    Database::patient(url, Duration::from_secs(30)).unwrap()
}

/// A migrated database of one's own.
async fn new_database() -> (String, Database) {
    let name = format!(
        "t_{}",
        Random::system().uuid_v7(DateTime::UNIX_EPOCH).simple()
    );
    let mut admin = PgConnection::connect(&cluster().url("postgres"))
        .await
        .unwrap();
    let template = template(&mut admin).await;
    execute(
        &mut admin,
        format!("CREATE DATABASE {name} TEMPLATE {template}"),
    )
    .await;
    let database = patient(&cluster().url(&name));
    (name, database)
}

/// A migrated database to copy: made by whoever comes first, named after the text of the migrations.
async fn template(admin: &mut PgConnection) -> String {
    let version = database::MIGRATIONS.iter().fold(0_u64, |hash, migration| {
        migration.checksum.iter().fold(hash, |hash, &byte| {
            hash.wrapping_mul(31).wrapping_add(u64::from(byte))
        })
    });
    let name = format!("template_{version:x}_{}", database::analyst_version());
    sqlx::query("SELECT pg_advisory_lock(1)")
        .execute(&mut *admin)
        .await
        .unwrap();
    let made: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut *admin)
            .await
            .unwrap();
    if !made {
        let draft = format!(
            "draft_{}",
            Uuid::from_u128(u128::from(std::process::id())).simple()
        );
        execute(admin, format!("DROP DATABASE IF EXISTS {draft}")).await;
        execute(admin, format!("CREATE DATABASE {draft}")).await;
        let options: PgConnectOptions = cluster().url(&draft).parse().unwrap();
        let pool = PgPool::connect_with(options).await.unwrap();
        database::migrate(&pool).await.unwrap();
        let now = NOW.parse().unwrap();
        partitions::ensure(&mut pool.acquire().await.unwrap(), now)
            .await
            .unwrap();
        pool.close().await;
        execute(admin, format!("ALTER DATABASE {draft} RENAME TO {name}")).await;
    }
    sqlx::query("SELECT pg_advisory_unlock(1)")
        .execute(&mut *admin)
        .await
        .unwrap();
    name
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

/// A directory of one's own, gone with it; made by whoever needs it.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Arc<Self> {
        let name = Random::system().uuid_v7(DateTime::UNIX_EPOCH).simple();
        let dir = std::env::temp_dir().join(format!("vod-receiver-it-{name}"));
        Arc::new(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Waits until a condition holds; fails the test after two minutes: a machine may be slow.
pub async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), waiting).await;
    assert!(waited.is_ok(), "waited in vain for: {what}");
}

/// Runs the cases of a test, a few at a time: each has a service and a database of its own, and thirty of those at once
/// are a load that no test is about.
pub async fn at_a_time(cases: impl IntoIterator<Item = impl Future<Output = ()>>) {
    use futures_util::StreamExt as _;
    // Each is too large to be handed about.
    let cases = cases.into_iter().map(Box::pin);
    futures_util::stream::iter(cases)
        .for_each_concurrent(6, |case| case)
        .await;
}

fn start_log() {
    let filter = std::env::var("TEST_LOG").unwrap_or_else(|_| "off".to_owned());
    vod_receiver::ops::log::init(&filter, vod_receiver::ops::log::Format::Text).unwrap();
}
