//! `doctor`: each single thing that is wrong is named, and nothing else; `--fix` sets VOD's side.
//!
//! The receiver and the doctor are processes of their own; VOD is the local one.

use std::process::Output;
use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use vod_receiver::config::Secret;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::random::Random;
use vod_receiver::record::spool;
use vod_receiver::simulator::config::EventConfig;
use vod_receiver::simulator::{self, Fault, Simulator, SimulatorSettings};

use crate::analyst::on_empty_database;
use crate::harness::{SECRET_ID, SECRET_KEY, SIGN_KEY, Scratch, TOKEN, TestApp, eventually};
use crate::keys::binary;
use crate::startup::Serving;

mod fix;
mod probe;

const SUB_APP: &str = "1500000001";
const OTHER_TOKEN: &str = "another-callback-token-0123456789";

/// A receiver that runs, with all that is right.
struct World {
    app: TestApp,
    serving: Serving,
    dir: Arc<Scratch>,
    sign_key: &'static str,
}

/// What a run of the doctor differs by from one of which all is right.
#[derive(Default)]
struct Wrong {
    settings: Vec<(&'static str, String)>,
    vod: Option<Vod>,
}

struct Vod {
    simulator: Simulator,
    serving: simulator::Serving,
}

impl World {
    async fn start() -> Self {
        Self::with(SIGN_KEY, &[]).await
    }

    async fn with(sign_key: &'static str, more: &[(&str, &str)]) -> Self {
        let app = on_empty_database().await;
        let dir = Scratch::new();
        let settings = [&[("VOD_SIGN_KEY", sign_key)], more].concat();
        let serving = Serving::start_with(&dir, &app.database_url(), &[], &settings);
        serving.is_ready().await;
        Self {
            app,
            serving,
            dir,
            sign_key,
        }
    }

    fn address(&self) -> String {
        format!("{}/callbacks/main/{TOKEN}", self.serving.url)
    }

    /// VOD as it should be set up for it.
    fn right(&self) -> EventConfig {
        EventConfig {
            notification_url: self.address(),
            upload_media_complete_event_switch: "ON".to_owned(),
            delete_media_complete_event_switch: "ON".to_owned(),
            sign_key: self.sign_key.to_owned(),
            ..EventConfig::default()
        }
    }

    fn vod(&self, change: impl FnOnce(&mut EventConfig)) -> Vod {
        let mut config = self.right();
        change(&mut config);
        vod(SECRET_KEY, Clock::system(), config)
    }

    fn settings(&self, wrong: &Wrong, vod: &Vod) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("VOD_RECEIVER_DATA_DIR", self.dir.0.display().to_string()),
            ("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL", "true".to_owned()),
            ("VOD_RECEIVER_SPOOL_MAX_MB", "1".to_owned()),
            ("VOD_RECEIVER_PUBLIC_URL", self.serving.url.clone()),
            ("DATABASE_URL", self.app.database_url()),
            ("VOD_SECRET_ID", SECRET_ID.to_owned()),
            ("VOD_SECRET_KEY", SECRET_KEY.to_owned()),
            ("VOD_SUB_APP_ID", SUB_APP.to_owned()),
            ("VOD_SIGN_KEY", self.sign_key.to_owned()),
            ("VOD_CALLBACK_TOKEN", TOKEN.to_owned()),
            ("VOD_API_ENDPOINT", vod.serving.url()),
            ("LC_ALL", "C".to_owned()),
        ];
        settings.extend(wrong.settings.iter().cloned());
        settings
    }

    async fn doctor(&self, wrong: &Wrong, arguments: &[&str]) -> Output {
        let right;
        let vod = match &wrong.vod {
            Some(vod) => vod,
            None => {
                right = self.vod(|_| {});
                &right
            }
        };
        run(&self.settings(wrong, vod), arguments).await
    }
}

fn vod(secret_key: &str, clock: Clock, config: EventConfig) -> Vod {
    let settings = SimulatorSettings::new(SECRET_ID, Secret::new(secret_key));
    let simulator = Simulator::new(settings, clock, Random::system());
    let simulator = simulator.for_sub_app(SUB_APP.parse().unwrap());
    simulator.set_event_config(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let serving = simulator.serve(listener).unwrap();
    Vod { simulator, serving }
}

async fn run(settings: &[(&str, String)], arguments: &[&str]) -> Output {
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let arguments = [&["doctor"], arguments].concat();
    let mut doctor = tokio::process::Command::from(binary(&arguments, &settings));
    doctor.stdin(std::process::Stdio::null());
    let run = tokio::time::timeout(std::time::Duration::from_secs(60), doctor.output());
    run.await.expect("it ends").unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {}", told(output)))
}

fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

fn with_status(report: &Value, status: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["status"] == status)
        .map(|check| check["check"].as_str().unwrap().to_owned())
        .collect()
}

fn shows_no_secret(told: &str) {
    for secret in [SECRET_KEY, TOKEN, SIGN_KEY, OTHER_TOKEN] {
        assert!(!told.contains(secret), "a secret is told: {told}");
    }
}

impl Wrong {
    fn setting(name: &'static str, value: impl Into<String>) -> Self {
        Self {
            settings: vec![(name, value.into())],
            vod: None,
        }
    }

    fn at_vod(vod: Vod) -> Self {
        Self {
            settings: Vec::new(),
            vod: Some(vod),
        }
    }

    fn and(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }
}

/// Runs the doctor over something wrong, and holds it to naming that and nothing else.
async fn names(world: &World, case: &str, wrong: Wrong, check: &str, words: &str) {
    let output = world.doctor(&wrong, &["--json"]).await;
    let report = json(&output);
    assert_eq!(with_status(&report, "failed"), [check], "{case}: {report}");
    assert_eq!(output.status.code(), Some(1), "{case}");
    assert_eq!(report["ok"], false, "{case}");
    for found in report["checks"].as_array().unwrap() {
        match found["status"].as_str().unwrap() {
            "ok" => assert!(found["detail"].is_string() && found["remedy"].is_null()),
            "failed" => {
                let detail = found["detail"].as_str().unwrap();
                assert!(detail.contains(words), "{case}: {detail}");
                assert!(found["remedy"].as_str().unwrap().len() > 20, "{case}");
            }
            "skipped" => assert_eq!(found["because"], check, "{case}: {found}"),
            other => panic!("{case}: {other}"),
        }
    }
    shows_no_secret(&told(&output));
    let chinese = world.doctor(&wrong, &["--lang", "zh"]).await;
    let page = told(&chinese);
    assert!(page.contains("失败"), "{case}: {page}");
    let english = page.matches("because").count() + page.matches("failed").count();
    assert_eq!(english, 0, "{case}: {page}");
    shows_no_secret(&page);
}

fn system_clock(ahead: TimeDelta) -> Clock {
    Clock::set_to(Clock::system().now() + ahead)
}

/// What is wrong in the settings, or with VOD's API.
fn wrong_access(world: &World) -> Vec<(&'static str, Wrong, &'static str, &'static str)> {
    let right = || world.right();
    let skewed = |by| Wrong::at_vod(vod(SECRET_KEY, system_clock(by), right()));
    let refusing = |code| {
        let vod = world.vod(|_| {});
        vod.simulator
            .fail(Fault::code(code).on("DescribeEventConfig").times(9));
        Wrong::at_vod(vod)
    };
    vec![
        (
            "no DATABASE_URL",
            Wrong::setting("DATABASE_URL", ""),
            "database",
            "DATABASE_URL is not set",
        ),
        (
            "nobody at DATABASE_URL",
            Wrong::setting("DATABASE_URL", "postgres://vod@127.0.0.1:1/none"),
            "database",
            "not reached",
        ),
        (
            "no public address",
            Wrong::setting("VOD_RECEIVER_PUBLIC_URL", ""),
            "public_url",
            "VOD_RECEIVER_PUBLIC_URL is not set",
        ),
        (
            "nobody at VOD's address",
            Wrong::setting("VOD_API_ENDPOINT", "http://127.0.0.1:1"),
            "api",
            "no connection",
        ),
        (
            "a proxy in between",
            Wrong::setting("VOD_API_ENDPOINT", world.serving.url.clone()),
            "api",
            "HTTP status 405",
        ),
        (
            "clock 10 minutes ahead",
            skewed(TimeDelta::minutes(-10)),
            "clock",
            "s ahead of VOD's",
        ),
        (
            "clock 10 minutes behind",
            skewed(TimeDelta::minutes(10)),
            "clock",
            "s behind VOD's",
        ),
        (
            // VOD's clock stands still from here on, and less than a minute is forgiven.
            "clock 4 minutes behind",
            skewed(TimeDelta::minutes(4)),
            "clock",
            "s behind VOD's",
        ),
        (
            "SecretId",
            Wrong::setting("VOD_SECRET_ID", "AKIDother"),
            "credentials",
            "SecretIdNotFound",
        ),
        (
            "SecretKey",
            Wrong::at_vod(vod("another key", Clock::system(), right())),
            "credentials",
            "SignatureFailure",
        ),
        (
            "SecretKey here",
            Wrong::setting("VOD_SECRET_KEY", "mistyped"),
            "credentials",
            "SignatureFailure",
        ),
        (
            "token of a temporary key",
            Wrong::setting("VOD_SECRET_TOKEN", "expired-token"),
            "credentials",
            "TokenFailure",
        ),
        (
            "a key that may not ask",
            refusing("UnauthorizedOperation"),
            "credentials",
            "the key is right",
        ),
    ]
}

/// What is wrong in VOD's settings, with the disk or with the callback.
fn wrong_settings(world: &World) -> Vec<(&'static str, Wrong, &'static str, &'static str)> {
    let at_vod = |change: fn(&mut EventConfig)| Wrong::at_vod(world.vod(change));
    let off = || "OFF".to_owned();
    let calling = |url: &str| {
        let url = url.to_owned();
        Wrong::at_vod(world.vod(|config| config.notification_url = url))
    };
    let nowhere = "http://127.0.0.1:1";
    let at = |url: &str| {
        calling(&format!("{url}/callbacks/main/{TOKEN}")).and("VOD_RECEIVER_PUBLIC_URL", url)
    };
    let another = format!("{}/callbacks/main/{OTHER_TOKEN}", world.serving.url);
    let a_vod = world.vod(|_| {});
    let at_vods_own = a_vod.serving.url();
    let in_place_of_it = format!("{at_vods_own}/callbacks/main/{TOKEN}");
    a_vod.simulator.set_event_config(EventConfig {
        notification_url: in_place_of_it,
        ..world.right()
    });
    let somebody_else = Wrong::at_vod(a_vod).and("VOD_RECEIVER_PUBLIC_URL", at_vods_own);
    let mut cases = vec![
        (
            "PULL while we push",
            at_vod(|config| config.mode = "PULL".to_owned()),
            "mode",
            "VOD has PULL",
        ),
        (
            "uploads are not told",
            Wrong::at_vod(world.vod(|config| config.upload_media_complete_event_switch = off())),
            "switches",
            "UploadMediaComplete",
        ),
        (
            "deletions are not told",
            Wrong::at_vod(world.vod(|config| config.delete_media_complete_event_switch = off())),
            "switches",
            "DeleteMediaComplete",
        ),
        ("no address", calling(""), "address", "no callback address"),
        (
            "another's address",
            calling("https://old.example.com/vod/notify"),
            "address",
            "VOD calls https://old.example.com/vod/notify, not http://127.0.0.1:",
        ),
        (
            "another token",
            calling(&another),
            "address",
            "another token",
        ),
        ("nobody answers", at(nowhere), "callback", "does not answer"),
        (
            "somebody else answers",
            somebody_else,
            "callback",
            // A local VOD takes it for one of COS's addresses.
            "HTTP 403",
        ),
        (
            "the receiver has another token",
            calling(&another).and("VOD_CALLBACK_TOKEN", OTHER_TOKEN),
            "callback",
            "HTTP 401",
        ),
        (
            "the receiver has another SignKey",
            Wrong::setting("VOD_SIGN_KEY", "another"),
            "round_trip",
            "HTTP 401",
        ),
        (
            "no directory",
            Wrong::setting("VOD_RECEIVER_DATA_DIR", "/nonexistent"),
            "spool",
            "does not exist",
        ),
    ];
    // A spool may be told to grow to 1 TB and no further: a disk with more has room.
    let room = spool::inspect(&world.dir.0.join("spool"), true).unwrap();
    if room.free_bytes < 1_000_000_000_000 {
        cases.push((
            "no room",
            Wrong::setting("VOD_RECEIVER_SPOOL_MAX_MB", "1000000"),
            "spool",
            "MB free",
        ));
    }
    cases
}

#[actix_web::test]
async fn each_single_thing_that_is_wrong_is_named_and_nothing_else() {
    let world = World::start().await;
    let mut cases = wrong_access(&world);
    cases.extend(wrong_settings(&world));
    let world = &world;
    let all = cases.into_iter();
    stream::iter(all.map(|(case, wrong, check, words)| names(world, case, wrong, check, words)))
        .buffer_unordered(4)
        .collect::<Vec<()>>()
        .await;
}

#[actix_web::test]
async fn a_spool_that_takes_no_writes_or_does_not_last_is_named() {
    let world = World::start().await;
    let dir = Scratch::new();
    std::fs::create_dir_all(&dir.0).unwrap();
    let spool = dir.0.join("spool");
    let with = |at: &Scratch| Wrong::setting("VOD_RECEIVER_DATA_DIR", at.0.display().to_string());
    // Nobody makes files in /proc, not even root, to whom no directory is closed.
    std::os::unix::fs::symlink("/proc", &spool).unwrap();
    names(
        &world,
        "read-only",
        with(&dir),
        "spool",
        "nothing can be written",
    )
    .await;
    std::fs::remove_file(&spool).unwrap();
    std::fs::write(&spool, "").unwrap();
    names(&world, "a file", with(&dir), "spool", "is not a directory").await;
    std::fs::remove_file(&spool).unwrap();
    std::os::unix::fs::symlink("/dev/shm", &spool).unwrap();
    let wrong = with(&dir).and("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL", "false");
    names(&world, "volatile", wrong, "spool", "is on tmpfs").await;
}

#[actix_web::test]
async fn a_database_that_is_away_or_behind_is_named() {
    let world = World::start().await;
    world.app.lock_out(true).await;
    names(&world, "away", Wrong::default(), "database", "not reached").await;
    world.app.lock_out(false).await;
    let url = world.app.database_url();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let unmigrate =
        "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::raw_sql(AssertSqlSafe(unmigrate))
        .execute(&mut connection)
        .await
        .unwrap();
    names(
        &world,
        "behind",
        Wrong::default(),
        "migrations",
        "1 migrations are pending",
    )
    .await;
}

#[actix_web::test]
async fn without_a_sign_key_that_is_named() {
    let world = World::with("", &[]).await;
    names(
        &world,
        "no SignKey",
        Wrong::default(),
        "sign_key",
        "none is set",
    )
    .await;
}

#[actix_web::test]
async fn a_receiver_on_another_database_is_named() {
    let other = World::start().await;
    let world = World::start().await;
    let wrong = Wrong::setting("DATABASE_URL", other.app.database_url());
    names(
        &world,
        "another database",
        wrong,
        "round_trip",
        "not attributed",
    )
    .await;
}

#[actix_web::test]
async fn with_all_right_it_ends_with_0_and_leaves_a_deleted_sample() {
    let world = World::start().await;
    let output = world.doctor(&Wrong::default(), &["--json"]).await;
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    shows_no_secret(&told(&output));
    let names = [
        "database",
        "migrations",
        "spool",
        "public_url",
        "api",
        "clock",
        "credentials",
        "mode",
        "switches",
        "address",
        "sign_key",
        "callback",
        "round_trip",
    ];
    assert_eq!(with_status(&report, "ok"), names);
    assert_eq!(report["ok"], true);
    assert_eq!(report["changed"], serde_json::json!([]));
    let app = |check: &Value| check["app"].as_str().map(str::to_owned);
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(
        (app(&checks[0]), app(&checks[12])),
        (None, Some("main".to_owned()))
    );

    let left =
        "SELECT count(*) FROM uploads WHERE user_id = 'vod-receiver-doctor' AND file_id LIKE '00%'
        AND attribution_reason = 'ticket' AND deleted_at IS NOT NULL";
    assert_eq!(world.app.count(left).await, 1);
    for (table, rows) in [
        ("uploads", 1),
        ("deliveries", 2),
        ("signature_issues", 1),
        ("tickets", 1),
    ] {
        let count = format!("SELECT count(*) FROM {table}");
        let counted: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&world.app.pool)
            .await
            .unwrap();
        assert_eq!(counted, rows, "{table}");
    }
}

#[actix_web::test]
async fn where_events_are_pulled_it_needs_no_address() {
    let world = World::with(
        "",
        &[
            ("VOD_EVENTS", "pull"),
            ("VOD_CALLBACK_TOKEN", ""),
            ("VOD_API_ENDPOINT", "http://127.0.0.1:1"),
        ],
    )
    .await;
    let vod = || {
        world.vod(|config| {
            config.mode = "PULL".to_owned();
            config.notification_url.clear();
        })
    };
    let pulling = |vod| {
        Wrong::at_vod(vod)
            .and("VOD_EVENTS", "pull")
            .and("VOD_CALLBACK_TOKEN", "")
            .and("VOD_RECEIVER_PUBLIC_URL", "")
    };
    let output = world.doctor(&pulling(vod()), &["--json"]).await;
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    let names = [
        "database",
        "migrations",
        "spool",
        "api",
        "clock",
        "credentials",
        "mode",
        "switches",
        "round_trip",
    ];
    assert_eq!(with_status(&report, "ok"), names);
    let pushing = world.vod(|_| {});
    let report = json(&world.doctor(&pulling(pushing), &["--json"]).await);
    assert_eq!(with_status(&report, "failed"), ["mode"]);
    eventually("the sample is deleted", async || {
        world
            .app
            .count("SELECT count(*) FROM uploads WHERE deleted_at IS NOT NULL")
            .await
            == 2
    })
    .await;
}

#[actix_web::test]
async fn each_app_has_its_own_checks_and_one_can_be_chosen() {
    let world = World::start().await;
    let vod = world.vod(|_| {});
    let file = world.dir.0.join("two.toml");
    let table = |name: &str, id: u64| {
        format!(
            "[[app]]\nname = \"{name}\"\nsecret_id = \"{SECRET_ID}\"\nsecret_key = \"{SECRET_KEY}\"\nsub_app_id = {id}\n\
             sign_key = \"{SIGN_KEY}\"\ncallback_token = \"{TOKEN}\"\napi_endpoint = \"{}\"\n",
            vod.serving.url()
        )
    };
    let text = format!(
        "{}{}",
        table("main", 1_500_000_001),
        table("second", 1_500_000_002)
    );
    std::fs::write(&file, text).unwrap();
    let keep = [
        "VOD_RECEIVER_DATA_DIR",
        "VOD_RECEIVER_ALLOW_VOLATILE_SPOOL",
        "VOD_RECEIVER_SPOOL_MAX_MB",
        "VOD_RECEIVER_PUBLIC_URL",
        "DATABASE_URL",
    ];
    let mut settings = world.settings(&Wrong::default(), &vod);
    settings.retain(|(name, _)| keep.contains(name));
    settings.push(("VOD_RECEIVER_CONFIG", file.display().to_string()));
    let report = json(&run(&settings, &["--json"]).await);
    let of = |report: &Value, app: &str| {
        let checks = report["checks"].as_array().unwrap().iter();
        let failed = checks.filter(|check| check["app"] == app && check["status"] == "failed");
        failed
            .map(|check| check["check"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&report, "main"), [""; 0]);
    // Nothing is set for it at VOD, and the receiver does not know it.
    assert_eq!(of(&report, "second"), ["switches", "address", "callback"]);
    let chosen = run(&settings, &["--json", "--app", "main"]).await;
    assert_eq!(chosen.status.code(), Some(0), "{}", told(&chosen));
    let unknown = run(&settings, &["--app", "third"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(told(&unknown).contains("no app named `third`"));
}

#[actix_web::test]
async fn the_page_is_aligned_and_in_the_language_of_the_locale() {
    let world = World::start().await;
    let vod = || world.vod(|config| config.mode = "PULL".to_owned());
    let page = told(&world.doctor(&Wrong::at_vod(vod()), &[]).await);
    assert!(page.contains("\n  ok       clock            "), "{page}");
    assert!(
        page.contains("\n  failed   mode at VOD      VOD has PULL, and VOD_EVENTS is push here\n"),
        "{page}"
    );
    assert!(
        page.contains(
            "\n                            -> `vod-receiver doctor --fix` sets PUSH at VOD\n"
        ),
        "{page}"
    );
    assert!(page.contains("\n1 failed.\n"), "{page}");
    assert!(!page.contains('\u{1b}'), "colours, and this is no terminal");
    let wrong = Wrong::at_vod(vod()).and("LC_ALL", "zh_CN.UTF-8");
    let page = told(&world.doctor(&wrong, &[]).await);
    assert!(
        page.contains("\n  失败  VOD 的通知方式  VOD 上是 PULL"),
        "{page}"
    );
    assert!(page.contains("\n1 项失败。\n"), "{page}");
}
