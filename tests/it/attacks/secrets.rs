//! After a run that touched every secret: none is in the log at any level, in what the commands print, in an answer, in the
//! metrics, or in the database.

use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use vod_receiver::config::Secret;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::random::Random;
use vod_receiver::simulator::{Simulator, SimulatorSettings};
use vod_receiver::vod::callback_sign;

use crate::harness::{Scratch, TestApp, eventually, new_file_upload};
use crate::keys::binary;
use crate::openapi::{body_for, filled, operations};
use crate::startup::free_address;

const SECRET_ID: &str = "AKIDofTheTest";
const MAIN_SECRET_KEY: &str = "main-secret-key-0a1b2c3d4e5f";
const PULLED_SECRET_KEY: &str = "pulled-secret-key-5f4e3d2c1b0a";
const SECRET_TOKEN: &str = "temporary-token-77665544332211";
const SIGN_KEYS: [&str; 2] = ["oldSignKeyOfTheTest01", "newSignKeyOfTheTest02"];
const TOKENS: [&str; 2] = [
    "old-callback-token-0123456789ab",
    "new-callback-token-ba9876543210",
];
const ADMIN_KEY: &str = "admin-key-of-the-test-0123456789";
const DATABASE_PASSWORD: &str = "database-password-of-the-test";
/// What strangers try, which may be a secret elsewhere.
const WRONG_TOKEN: &str = "wrong-callback-token-0123456789";
const WRONG_KEY: &str = "vk_wrongKeyOfTheTest0123456789012345678901234";
const FORGED_SIGN: &str = "0123456789abcdef0123456789abcdef";
/// Of a person, and not to be in a log either.
const USER: &str = "person-of-the-test";
const NAME: &str = "file-name-of-the-test";

/// The program, everything that it writes kept.
struct Program {
    child: Child,
    log: JoinHandle<String>,
    dir: Arc<Scratch>,
    url: String,
}

fn configuration(app: &TestApp, vod: &str, listen: &str) -> String {
    let database = app
        .database_url()
        .replacen("vod@", &format!("vod:{DATABASE_PASSWORD}@"), 1);
    assert!(database.contains(DATABASE_PASSWORD));
    format!(
        r#"
        listen = "{listen}"
        allow_volatile_spool = true
        spool_max_mb = 1
        database_url = "{database}"
        admin_key = "{ADMIN_KEY}"
        log = "trace"
        log_format = "json"
        public_url = "http://{listen}"
        [[app]]
        name = "main"
        secret_id = "{SECRET_ID}"
        secret_key = "{MAIN_SECRET_KEY}"
        api_endpoint = "{vod}"
        sign_key = "{}"
        callback_token = "{}"
        [[app]]
        name = "pulled"
        events = "pull"
        secret_id = "{SECRET_ID}"
        secret_key = "{PULLED_SECRET_KEY}"
        secret_token = "{SECRET_TOKEN}"
        api_endpoint = "{vod}"
        reconcile_every = "5m"
        "#,
        SIGN_KEYS.join(","),
        TOKENS.join(","),
    )
}

fn command(dir: &Scratch, arguments: &[&str]) -> Command {
    let data = dir.0.display().to_string();
    let config = dir.0.join("vod-receiver.toml").display().to_string();
    let arguments = [&["--config", &config], arguments].concat();
    binary(&arguments, &[("VOD_RECEIVER_DATA_DIR", &data)])
}

impl Program {
    fn start(dir: &Arc<Scratch>, listen: &str) -> Self {
        let mut child = command(dir, &["serve"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        // A full pipe would stop the program, so it is read all the time.
        let log = std::thread::spawn(move || {
            let other = std::thread::spawn(move || {
                let mut said = String::new();
                out.read_to_string(&mut said).unwrap();
                said
            });
            let mut said = String::new();
            err.read_to_string(&mut said).unwrap();
            said + &other.join().unwrap()
        });
        Self {
            child,
            log,
            dir: Arc::clone(dir),
            url: format!("http://{listen}"),
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(&self.dir, arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn stop(mut self) -> String {
        let kill = format!("kill {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
        self.log.join().unwrap()
    }
}

/// Everything in the database as text, rows and bytes.
async fn dump(app: &TestApp) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'v', 'm') AND nspname IN ('public', 'analyst')",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert!(tables.len() > 10, "{tables:?}");
    let mut dump = String::new();
    for table in tables {
        let sql = format!("SELECT t::text FROM {table} t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&app.pool)
            .await
            .unwrap();
        dump += &format!("{table}\n{}\n", rows.join("\n"));
    }
    let code = "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'";
    let code: Vec<String> = sqlx::query_scalar(code).fetch_all(&app.pool).await.unwrap();
    dump + &code.join("\n")
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A local VOD that one of the apps is right for, and the other is not: both kinds of answers are logged.
fn vod() -> vod_receiver::simulator::Serving {
    let settings = SimulatorSettings::new(SECRET_ID, Secret::new(PULLED_SECRET_KEY));
    let simulator = Simulator::new(settings, Clock::system(), Random::system());
    simulator
        .serve(std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .unwrap()
}

/// What the caller is told, by every route, with keys and tokens right and wrong.
async fn talk(app: &TestApp, url: &str, key: &str) -> (String, String) {
    let t = Clock::system().now().timestamp() + 600;
    let (mut told, mut signature) = (String::new(), String::new());
    let mut requests = Vec::new();
    for bearer in [ADMIN_KEY, key, WRONG_KEY] {
        for (method, path) in operations() {
            if path == "/v1/uploads/live" {
                continue;
            }
            let mut request = app
                .client
                .request(method.clone(), format!("{url}{}", filled(&path)))
                .bearer_auth(bearer);
            if method != Method::GET {
                request = request.json(&body_for(&path));
            }
            requests.push(request);
        }
        requests.push(
            app.client
                .get(format!("{url}/v1/uploads?key={bearer}&user_id={USER}")),
        );
        let asked = json!({"user_id": USER, "app": "main", "context": {"note": NAME}});
        requests.push(
            app.client
                .post(format!("{url}/v1/signatures"))
                .bearer_auth(bearer)
                .json(&asked),
        );
    }
    let mut body = new_file_upload("7801", "");
    body["FileUploadEvent"]["MediaBasicInfo"]["Name"] = json!(NAME);
    for (to, sign) in [
        (TOKENS[0], callback_sign::expected(SIGN_KEYS[0], t)),
        (TOKENS[1], callback_sign::expected(SIGN_KEYS[1], t)),
        (TOKENS[0], FORGED_SIGN.to_owned()),
        (TOKENS[0], SIGN_KEYS[0].to_owned()),
        (WRONG_TOKEN, callback_sign::expected(SIGN_KEYS[0], t)),
    ] {
        let mut signed = body.clone();
        (signed["Sign"], signed["T"]) = (json!(sign), json!(t));
        for address in [
            format!("main/{to}"),
            format!("main/{to}/"),
            format!("pulled/{to}"),
            format!("main?token={to}"),
        ] {
            let knock = app.client.post(format!("{url}/callbacks/{address}"));
            requests.push(knock.body(signed.to_string()));
        }
        let cut = signed.to_string();
        requests.push(
            app.client
                .post(format!("{url}/callbacks/main/{to}"))
                .body(cut[..cut.len() - 9].to_owned()),
        );
        requests.push(app.client.get(format!("{url}/callbacks/main/{to}")));
    }
    for request in requests {
        let answer = request.send().await.unwrap();
        told += &format!("{:?}", answer.headers());
        let text = answer.text().await.unwrap();
        if let Ok(issued) = serde_json::from_str::<Value>(&text)
            && let Some(made) = issued["signature"].as_str()
        {
            made.clone_into(&mut signature);
            continue; // who asks for a signature is told it
        }
        told += &text;
    }
    (told, signature)
}

#[actix_web::test]
async fn no_secret_is_anywhere_after_a_run_that_touched_them_all() {
    let app = TestApp::start().await;
    let (dir, listen, vod) = (Scratch::new(), free_address().to_string(), vod());
    std::fs::create_dir_all(&dir.0).unwrap();
    std::fs::write(
        dir.0.join("vod-receiver.toml"),
        configuration(&app, &vod.url(), &listen),
    )
    .unwrap();
    let program = Program::start(&dir, &listen);
    eventually("it is ready", async || {
        let asked = app
            .client
            .get(format!("{}/readyz", program.url))
            .send()
            .await;
        asked.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let made = program.run(&[
        "keys",
        "create",
        "--name",
        "backend",
        "--scope",
        "sign,read",
    ]);
    assert!(made.status.success(), "{made:?}");
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();

    let (mut told, signature) = talk(&app, &program.url, &key).await;
    assert!(signature.len() > 100, "{told}");
    for arguments in [
        &["keys", "list"][..],
        &["doctor"],
        &["doctor", "--json"],
        &["doctor", "--fix", "--yes"],
        &["reconcile", "--since", "1h", "--app", "pulled"],
        &["replay", "--dry-run", "--quarantined"],
        &["trigger", "NewFileUpload", "--app", "main", "--user", USER],
        &["migrate", "--check"],
        &["keys", "create", "--name", "backend", "--scope", "read"],
        &["serve"], // its port and its spool are taken
    ] {
        let output = program.run(arguments);
        for said in [output.stdout, output.stderr] {
            told += &format!("\n{arguments:?}: {}", String::from_utf8(said).unwrap());
        }
    }
    let metrics = app
        .client
        .get(format!("{}/metrics", program.url))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    eventually("VOD was asked", async || {
        vod_was_asked(&app, &program.url).await
    })
    .await;
    let log = program.stop();
    let dump = dump(&app).await;
    for (text, holds) in [
        (&log, "\"TRACE\""),
        (&log, "/callbacks/{app}/{token}"),
        (&dump, "7801"),
        (&dump, USER),
    ] {
        assert!(text.contains(holds), "nothing was searched: no {holds}");
    }

    let secrets = [
        &[
            MAIN_SECRET_KEY,
            PULLED_SECRET_KEY,
            SECRET_TOKEN,
            ADMIN_KEY,
            DATABASE_PASSWORD,
            &key,
            &key["vk_".len()..],
            &signature,
        ][..],
        &SIGN_KEYS,
        &TOKENS,
    ]
    .concat();
    for secret in &secrets {
        // Bodies are kept as bytes, in which one of our SignKeys was sent for a Sign: that is the caller's doing.
        let is_in_a_body = *secret == SIGN_KEYS[0];
        for (place, text) in [
            ("log", &log),
            ("answers", &told),
            ("metrics", &metrics),
            ("database", &dump),
        ] {
            let forms = [(*secret).to_owned(), hex(secret), base64(secret)];
            for form in forms {
                if is_in_a_body && place == "database" && form == hex(secret) {
                    continue;
                }
                let at = text.lines().find(|line| line.contains(&form));
                assert_eq!(at, None, "{secret} is in the {place}");
            }
        }
    }
    for held in [WRONG_TOKEN, WRONG_KEY, FORGED_SIGN, USER, NAME] {
        let at = log.lines().find(|line| line.contains(held));
        assert_eq!(at, None, "{held} is in the log");
        assert!(!metrics.contains(held), "{held} is in the metrics");
    }
}

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD_NO_PAD.encode(text)
}

async fn vod_was_asked(app: &TestApp, url: &str) -> bool {
    let metrics = app
        .client
        .get(format!("{url}/metrics"))
        .send()
        .await
        .unwrap();
    let series = crate::metrics::read(&metrics.text().await.unwrap());
    series
        .iter()
        .any(|(name, value)| name.starts_with("vod_receiver_pull_polls_total") && *value > 0.0)
}
