//! Who gets through the push door, and what a refused caller learns: nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use vod_receiver::config::{App, Secret};
use vod_receiver::ops::clock::Clock;
use vod_receiver::vod::callback_sign;

use crate::door::Answer;
use crate::harness::{
    ADMIN_KEY, SECRET_ID, SECRET_KEY, SIGN_KEY, Scratch, TOKEN, TestApp, eventually, named_app,
    new_file_upload,
};

/// What the apps below are configured with beside the usual token and key.
const SECOND_TOKEN: &str = "second-callback-token-0123456789";
const SECOND_SIGN_KEY: &str = "vodcallbackkey02";

/// `Sign` = hex(MD5(SignKey + T)), computed elsewhere, for times around [`crate::harness::NOW`].
mod made {
    pub const NOW: i64 = 1_795_420_800;
    pub const AT_ONCE: &str = "831e19ad24453fd7a27745514368b963";
    pub const PAST: (i64, &str) = (NOW - 1, "cde1fcaaa56c811ccc2ae73bd0bf64e5");
    /// As VOD makes it: ten minutes ahead.
    pub const T: i64 = NOW + 600;
    pub const SIGN: &str = "52bca6a08bcf73624e79082fbcf74c50";
    pub const BY_SECOND_KEY: &str = "9953b833d785396dc066042660dc90f0";
    pub const BY_OTHER_KEY: &str = "dfb3b57513fa40f1efe23422bfb8cf08";
    pub const FARTHEST: (i64, &str) = (NOW + 900, "3475158dfe38ecaa6b4586d7e1cb36ca");
    pub const TOO_FAR: (i64, &str) = (NOW + 901, "81bbf301ede5d951b632a190668fcf9a");
    pub const TOMORROW: (i64, &str) = (NOW + 86_400, "51216b9a64d0c84059b3479576b707ef");
}

/// An app for each way in which callbacks can be authenticated.
fn apps() -> Vec<App> {
    let app = |name: &str, sign_keys: &[&str], callback_tokens: &[&str]| App {
        sign_keys: sign_keys.iter().map(|key| Secret::new(*key)).collect(),
        callback_tokens: callback_tokens
            .iter()
            .map(|token| Secret::new(*token))
            .collect(),
        ..named_app(name)
    };
    vec![
        app("token", &[], &[TOKEN]),
        app("sign", &[SIGN_KEY], &[]),
        app("both", &[SIGN_KEY], &[TOKEN]),
        app(
            "rotated",
            &[SIGN_KEY, SECOND_SIGN_KEY],
            &[TOKEN, SECOND_TOKEN],
        ),
        App {
            unsigned_v2: true,
            ..app("v2", &[SIGN_KEY], &[TOKEN])
        },
        App {
            unsigned_v2: true,
            ..app("v2-sign", &[SIGN_KEY], &[])
        },
        App {
            allow_unauthenticated_callbacks: true,
            ..app("open", &[], &[])
        },
    ]
}

/// A notification that is not signed.
fn unsigned() -> Value {
    new_file_upload("77", "")
}

/// The same of format 2.0.
fn legacy() -> Value {
    json!({"version": "4.0", "eventType": "NewFileUpload", "data": {"fileId": "77", "fileName": "holiday"}})
}

/// A body with more members at its top.
fn with(body: Value, members: &Value) -> Value {
    let mut body = body;
    let more = members.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

fn signed(sign: &str, t: i64) -> Value {
    with(unsigned(), &json!({"Sign": sign, "T": t}))
}

/// A case: its title, where it is posted to, its body, and what is kept of it (nothing: no row).
type Refusal = (&'static str, String, Value, Option<&'static str>);

#[rustfmt::skip]
fn refusals() -> Vec<Refusal> {
    let to = |app: &str| format!("{app}/{TOKEN}");
    let good = || signed(made::SIGN, made::T);
    let late = |(t, sign): (i64, &str)| signed(sign, t);
    let hybrid = |data: Value| json!({"version": "4.0", "eventType": "NewFileUpload", "data": data});
    let pulled = json!({"EventHandle": "h", "EventType": "NewFileUpload", "FileUploadEvent": {"FileId": "77"}});
    let legacy_list = json!({"code": 0, "eventList": [{"msgHandle": "h", "eventContent": legacy()}, {"msgHandle": "i", "eventContent": unsigned()}]});
    let missing = Some("sign_missing");
    let malformed = Some("sign_malformed");
    let wrong = Some("sign_wrong");
    vec![
        // The token.
        ("unknown app", to("nobody"), unsigned(), None),
        ("unknown app without a token", "nobody".into(), unsigned(), None),
        ("unknown app with a right Sign", "nobody".into(), good(), None),
        ("an app's name in capitals", to("TOKEN"), unsigned(), None),
        ("no token", "token".into(), unsigned(), None),
        ("a wrong token", "token/wrong-callback-token-0123456789".into(), unsigned(), None),
        ("a token of the same length", format!("token/{}", TOKEN.replace('9', "8")), unsigned(), None),
        ("the beginning of the token", format!("token/{}", &TOKEN[..TOKEN.len() - 1]), unsigned(), None),
        ("one letter of the token", format!("token/{}", &TOKEN[..1]), unsigned(), None),
        ("the token and a letter more", format!("token/{TOKEN}0"), unsigned(), None),
        ("the token in capitals", format!("token/{}", TOKEN.to_uppercase()), unsigned(), None),
        ("white space after the token", format!("token/{TOKEN}%20"), unsigned(), None),
        ("a NUL after the token", format!("token/{TOKEN}%00"), unsigned(), None),
        ("a token that is no UTF-8", "token/%ff".into(), unsigned(), None),
        ("the token of another app", format!("token/{SECOND_TOKEN}"), unsigned(), None),
        ("both tokens", format!("rotated/{TOKEN},{SECOND_TOKEN}"), good(), None),
        ("the token in the query", format!("token?token={TOKEN}"), unsigned(), None),
        ("an API key for a token", format!("token/{ADMIN_KEY}"), unsigned(), None),
        ("the SignKey for a token", format!("both/{SIGN_KEY}"), good(), None),
        ("a right Sign where a token is wanted", "token".into(), good(), None),
        ("a right Sign without the token", "both".into(), good(), None),
        ("a right Sign with a wrong token", "both/wrong-callback-token-0123456789".into(), good(), None),
        ("format 2.0 with a wrong token", "v2/wrong-callback-token-0123456789".into(), legacy(), None),
        ("format 2.0 without the token", "v2".into(), legacy(), None),
        // Sign, where no token vouches for the caller.
        ("no Sign", "sign".into(), unsigned(), None),
        ("a token where there is none", to("sign"), unsigned(), None),
        ("a Sign by another key", "sign".into(), signed(made::BY_OTHER_KEY, made::T), None),
        ("an expired Sign", "sign".into(), late(made::PAST), None),
        ("a Sign from tomorrow", "sign".into(), late(made::TOMORROW), None),
        ("format 2.0 without Sign", "sign".into(), legacy(), None),
        ("format 2.0 without Sign, and no token to vouch for it", "v2-sign".into(), legacy(), None),
        // Sign, with the right token: the bytes are kept.
        ("no Sign", to("both"), unsigned(), missing),
        ("an empty Sign", to("both"), signed("", made::T), missing),
        ("a Sign that is null", to("both"), with(unsigned(), &json!({"Sign": null, "T": made::T})), missing),
        ("a Sign that is no text", to("both"), with(unsigned(), &json!({"Sign": {}, "T": made::T})), missing),
        ("only T", to("both"), with(unsigned(), &json!({"T": made::T})), missing),
        ("format 2.0 without Sign", to("both"), legacy(), missing),
        ("no event, no Sign", to("both"), json!({"hello": 1}), missing),
        ("a Sign by another key", to("both"), signed(made::BY_OTHER_KEY, made::T), wrong),
        ("a Sign of another T", to("both"), signed(made::SIGN, made::T + 1), wrong),
        ("a Sign that ends otherwise", to("both"), signed(&made::SIGN.replace("50", "51"), made::T), wrong),
        ("a forged Sign that has expired too", to("both"), signed(made::BY_OTHER_KEY, made::PAST.0), wrong),
        ("a Sign that has expired", to("both"), late(made::PAST), Some("sign_expired")),
        ("a Sign that holds for too long", to("both"), late(made::TOO_FAR), Some("sign_too_far_ahead")),
        ("a Sign from tomorrow", to("both"), late(made::TOMORROW), Some("sign_too_far_ahead")),
        ("a Sign without T", to("both"), with(unsigned(), &json!({"Sign": made::SIGN})), malformed),
        ("a T that is no number", to("both"), with(unsigned(), &json!({"Sign": made::SIGN, "T": "soon"})), malformed),
        ("a T beyond i64", to("both"), with(unsigned(), &json!({"Sign": made::SIGN, "T": u64::MAX})), malformed),
        ("half a Sign", to("both"), signed(&made::SIGN[..16], made::T), malformed),
        ("a Sign that is no hex", to("both"), signed(&made::SIGN.replace('5', "g"), made::T), malformed),
        ("the key itself for a Sign", to("both"), signed(SIGN_KEY, made::T), malformed),
        // What `unsigned_v2` does not let in.
        ("format 3.0 without Sign", to("v2"), unsigned(), missing),
        ("format 2.0 with a wrong Sign", to("v2"), with(legacy(), &json!({"Sign": made::BY_OTHER_KEY, "T": made::T})), wrong),
        ("format 2.0 with an expired Sign", to("v2"), with(legacy(), &json!({"Sign": made::PAST.1, "T": made::PAST.0})), Some("sign_expired")),
        ("a hybrid: PascalCase data", to("v2"), hybrid(json!({"FileId": "77"})), missing),
        ("a hybrid: a 3.0 member in data", to("v2"), hybrid(json!({"FileUploadEvent": {"FileId": "77"}})), missing),
        ("a hybrid: a 3.0 member beside the type", to("v2"), json!({"version": "4.0", "eventType": "NewFileUpload", "FileUploadEvent": {"FileId": "77"}}), missing),
        ("a hybrid: 3.0 type, 2.0 data", to("v2"), json!({"EventType": "NewFileUpload", "data": {"fileId": "77"}}), missing),
        ("a hybrid: PascalCase members beside the 2.0 type", to("v2"), json!({"version": "4.0", "eventType": "NewFileUpload", "FileId": "77", "MediaBasicInfo": {"Name": "n"}}), missing),
        ("an item of PullEvents", to("v2"), pulled.clone(), missing),
        ("an answer of PullEvents", to("v2"), json!({"Response": {"EventSet": [pulled]}}), missing),
        ("an empty answer of PullEvents", to("v2"), json!({"Response": {"EventSet": []}}), missing),
        ("a legacy list with one event of format 3.0", to("v2"), legacy_list, missing),
        ("format 2.0 without a file id", to("v2"), json!({"version": "4.0", "eventType": "NewFileUpload", "data": {}}), missing),
    ]
}

#[actix_web::test]
async fn a_refused_caller_learns_nothing_and_only_what_a_token_vouches_for_is_kept() {
    let app = TestApp::with(apps()).await;
    let mut wanted = Vec::new();
    let mut told = BTreeMap::<_, Vec<String>>::new();
    for (title, to, body, kept) in refusals() {
        let body = body.to_string();
        let response = app.knock(&to).body(body.clone()).send().await.unwrap();
        let headers: BTreeSet<_> = response
            .headers()
            .iter()
            .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert!(response.headers().contains_key("x-request-id"), "{title}");
        let status = response.status().as_u16();
        let answer = (status, headers, response.text().await.unwrap());
        told.entry(answer)
            .or_default()
            .push(format!("{title}: {to}"));
        if let Some(reason) = kept {
            let at = to.split('/').next().unwrap().to_owned();
            wanted.push((title, at, format!("quarantined: {reason}"), body));
        }
    }
    assert_eq!(told.len(), 1, "answers differ: {told:#?}");
    let ((status, headers, text), _) = told.pop_first().unwrap();
    let body = serde_json::from_str(&text).unwrap();
    assert_eq!(Answer { status, body }, Answer::not_authenticated());
    assert!(headers.contains("content-type: application/problem+json"));

    let kept = app.kept().await;
    assert_eq!(kept.len(), wanted.len());
    for (kept, (title, at, state, body)) in kept.iter().zip(wanted) {
        assert_eq!((&kept.app, kept.state()), (&at, state), "{title}");
        assert_eq!(kept.body, body.as_bytes(), "{title}");
        assert_eq!(
            kept.file_id, None,
            "{title}: what is not authentic says nothing"
        );
    }
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM changes").await, 0);
}

#[actix_web::test]
async fn all_that_an_app_has_configured_lets_a_notification_in() {
    let app = TestApp::with(apps()).await;
    let to = |app: &str| format!("{app}/{TOKEN}");
    let sign = |name: &str, sign: &str, t_name: &str, t: Value| {
        with(unsigned(), &json!({(name): sign, (t_name): t}))
    };
    let upper = made::SIGN.to_uppercase();
    let (farthest, farthest_sign) = made::FARTHEST;
    let in_member = |sign: &str| {
        let mut body = unsigned();
        body["FileUploadEvent"]["Sign"] = json!(sign);
        body["FileUploadEvent"]["T"] = json!(made::T);
        body
    };
    let second = || signed(made::BY_SECOND_KEY, made::T);
    let signed_list =
        json!({"Sign": made::SIGN, "T": made::T, "Response": {"EventSet": [unsigned()]}});
    let in_query = format!("?Sign={}&T={}", made::SIGN, made::T);
    #[rustfmt::skip]
    let cases = [
        ("a token", to("token"), unsigned()),
        ("a token, and a Sign that nobody asked for", to("token"), signed(made::BY_OTHER_KEY, 1)),
        ("a token of which a letter is escaped", to("token").replace("callback", "%63allback"), unsigned()),
        ("nothing, where that is allowed", "open".into(), unsigned()),
        ("a token that nobody asked for", to("open"), unsigned()),
        ("Sign", "sign".into(), signed(made::SIGN, made::T)),
        ("Sign, and a token that nobody asked for", to("sign"), signed(made::SIGN, made::T)),
        ("token and Sign", to("both"), signed(made::SIGN, made::T)),
        ("small letters", to("both"), sign("sign", made::SIGN, "t", json!(made::T))),
        ("T as text", to("both"), sign("Sign", made::SIGN, "T", json!(made::T.to_string()))),
        ("T as a float", to("both"), sign("Sign", made::SIGN, "T", json!(1_795_421_400.0))),
        ("hex in capitals", to("both"), sign("Sign", &upper, "T", json!(made::T))),
        ("the names in capitals", to("both"), sign("SIGN", made::SIGN, "T", json!(made::T))),
        ("T is now", to("both"), signed(made::AT_ONCE, made::NOW)),
        ("T is as far ahead as it may be", to("both"), signed(farthest_sign, farthest)),
        ("in the event's member", to("both"), in_member(made::SIGN)),
        ("in the query", format!("{}{in_query}", to("both")), unsigned()),
        ("in the query, in small letters", format!("{}{}", to("both"), in_query.to_lowercase()), unsigned()),
        ("above a list", to("both"), signed_list),
        ("format 2.0, signed", to("both"), with(legacy(), &json!({"Sign": made::SIGN, "T": made::T}))),
        ("the old key with the old token", to("rotated"), signed(made::SIGN, made::T)),
        ("the new key with the old token", to("rotated"), second()),
        ("the old key with the new token", format!("rotated/{SECOND_TOKEN}"), signed(made::SIGN, made::T)),
        ("the new key with the new token", format!("rotated/{SECOND_TOKEN}"), second()),
        ("format 2.0 by its token alone, where that is allowed", to("v2"), legacy()),
        ("a legacy list by its token alone", to("v2"), json!({"eventList": [{"msgHandle": "h", "eventContent": legacy()}]})),
        ("format 3.0 with Sign where 2.0 needs none", to("v2"), signed(made::SIGN, made::T)),
    ];
    for (case, (title, to, body)) in cases.iter().enumerate() {
        let file_id = format!("77{case}");
        let body = body
            .to_string()
            .replace(r#""77""#, &format!("\"{file_id}\""));
        let answer = app.send(app.knock(to).body(body.clone())).await;
        assert_eq!(answer, Answer::receipt("recorded"), "{title}");
        let kept = app.kept().await.pop().unwrap();
        assert_eq!(kept.state(), "recorded", "{title}");
        assert_eq!(kept.file_id.as_ref(), Some(&file_id), "{title}");
        assert_eq!(app.upload(&file_id).await["app"], kept.app, "{title}");
    }
}

#[actix_web::test]
async fn a_sign_in_the_headers_is_taken_too_and_one_in_the_body_decides() {
    let app = TestApp::with(apps()).await;
    let headers = |request: RequestBuilder, sign: &str| {
        request
            .header("Sign", sign)
            .header("T", made::T.to_string())
    };
    let knock = || app.knock("sign").body(unsigned().to_string());
    assert_eq!(
        app.send(headers(knock(), made::SIGN)).await,
        Answer::receipt("recorded")
    );
    assert_eq!(
        app.send(headers(knock(), made::BY_OTHER_KEY)).await,
        Answer::not_authenticated()
    );
    let forged = app
        .knock("sign")
        .body(signed(made::BY_OTHER_KEY, made::T).to_string());
    assert_eq!(
        app.send(headers(forged, made::SIGN)).await,
        Answer::not_authenticated()
    );
}

#[actix_web::test]
async fn the_same_sign_lets_in_until_t_and_no_longer() {
    let app = TestApp::with(apps()).await;
    let body = signed(made::SIGN, made::T).to_string();
    for (seconds, wanted) in [
        (0, Answer::receipt("recorded")),
        (600, Answer::receipt("duplicate")),
        (1, Answer::not_authenticated()),
    ] {
        app.clock.advance(TimeDelta::seconds(seconds));
        assert_eq!(
            app.send(app.knock("sign").body(body.clone())).await,
            wanted,
            "{seconds}"
        );
    }
}

#[actix_web::test]
async fn an_address_with_a_slash_too_many_is_not_there_and_says_so_to_everyone() {
    let app = TestApp::with(apps()).await;
    let nothing = Answer::problem(404, "Not Found", "not_found", "nothing is here");
    for to in [
        "token/",
        "nobody/",
        &format!("token/{TOKEN}/"),
        "token/wrong/",
        &format!("token//{TOKEN}"),
        &format!("/token/{TOKEN}"),
    ] {
        let answer = app.send(app.knock(to).body(unsigned().to_string())).await;
        assert_eq!(answer, nothing, "{to}");
    }
    let mut told = Vec::new();
    for to in [
        &format!("token/{TOKEN}"),
        "token/wrong",
        "nobody/wrong",
        "sign/wrong",
    ] {
        let request = app.client.get(format!("{}/callbacks/{to}", app.url));
        told.push(app.send(request).await);
    }
    assert_eq!(
        (told[0].status, &told[0].body["code"]),
        (405, &json!("method_not_allowed"))
    );
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");
    assert_eq!(app.kept().await, []);
}

#[actix_web::test]
async fn so_many_bodies_without_a_right_sign_are_kept_an_hour_and_no_more() {
    let app = TestApp::with(apps()).await;
    let knock = |to: &'static str, number: usize| {
        let body = with(unsigned(), &json!({"number": number})).to_string();
        app.send(app.knock(&format!("{to}/{TOKEN}")).body(body))
    };
    for start in (0..550).step_by(50) {
        for answer in join_all((start..start + 50).map(|number| knock("both", number))).await {
            assert_eq!(answer, Answer::not_authenticated());
        }
    }
    assert_eq!(app.kept_of("both").await.len(), 500);
    // Another app has its own.
    knock("rotated", 0).await;
    assert_eq!(app.kept_of("rotated").await.len(), 1);
    // What is authentic is let in as ever.
    let good = signed(made::SIGN, made::T).to_string();
    assert_eq!(app.push_to("both", good).await, Answer::receipt("recorded"));
    app.clock.advance(TimeDelta::hours(1));
    knock("both", 1000).await;
    assert_eq!(app.kept_of("both").await.len(), 502);
}

/// The program itself, so that the log is the one that an operator reads.
struct Program {
    child: Child,
    url: String,
    log: JoinHandle<String>,
}

impl Program {
    /// Serves the database of an app, and logs all that it can.
    fn start(app: &TestApp, dir: &Scratch) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vod-receiver"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--log",
                "trace",
                "--log-format",
                "json",
            ])
            .env_clear()
            .env("VOD_RECEIVER_DATA_DIR", &dir.0)
            .env("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL", "true")
            .env("DATABASE_URL", app.database_url())
            .env("VOD_SECRET_ID", SECRET_ID)
            .env("VOD_SECRET_KEY", SECRET_KEY)
            .env("VOD_SIGN_KEY", SIGN_KEY)
            .env("VOD_CALLBACK_TOKEN", TOKEN)
            .env("VOD_RECEIVER_ADMIN_KEY", ADMIN_KEY)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (listening, address) = std::sync::mpsc::channel();
        // A full pipe would stop the program, so it is read all the time.
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            for line in stderr.lines() {
                let line = line.unwrap();
                let told: Value = serde_json::from_str(&line).unwrap_or_default();
                if told["message"] == "listening" {
                    listening
                        .send(format!("http://{}", told["address"].as_str().unwrap()))
                        .unwrap();
                }
                log += &line;
                log.push('\n');
            }
            log
        });
        let url = address.recv().unwrap();
        Self { child, url, log }
    }

    /// Lets it finish, and gives its log.
    fn stop(mut self) -> String {
        // The shell's own: the program `kill` is not on every machine.
        let asked = Command::new("sh")
            .args(["-c", &format!("kill {}", self.child.id())])
            .status();
        assert!(asked.unwrap().success());
        assert!(self.child.wait().unwrap().success());
        self.log.join().unwrap()
    }
}

#[actix_web::test]
async fn neither_token_nor_key_nor_sign_nor_body_is_in_the_log_at_any_level() {
    const WRONG_TOKEN: &str = "wrong-callback-token-0123456789";
    const FORGED_SIGN: &str = "0123456789abcdef0123456789abcdef";
    const NAME: &str = "a-name-that-only-the-body-holds";
    const LIMIT_BYTES: usize = 8 << 20;
    let app = TestApp::start().await;
    let dir = Scratch::new();
    let program = Program::start(&app, &dir);
    eventually("the program is ready", async || {
        let ready = app.client.get(format!("{}/readyz", program.url));
        ready.send().await.unwrap().status() == 200
    })
    .await;
    let t = Clock::system().now().timestamp() + 600;
    let sign = callback_sign::expected(SIGN_KEY, t);
    let mut body = unsigned();
    body["FileUploadEvent"]["MediaBasicInfo"]["Name"] = json!(NAME);
    let right = with(body.clone(), &json!({"Sign": sign, "T": t})).to_string();
    let forged = with(body.clone(), &json!({"Sign": FORGED_SIGN, "T": t})).to_string();
    // A byte too many: who refuses it has read it all, and hangs up on nobody who still sends.
    let large = right.clone() + &" ".repeat(LIMIT_BYTES + 1 - right.len());
    let query = format!("main/{TOKEN}?Sign={FORGED_SIGN}&T={t}");
    for (to, body, status) in [
        (format!("main/{TOKEN}"), right.clone(), 200),
        (format!("main/{TOKEN}"), forged, 401),
        (format!("main/{TOKEN}"), body.to_string(), 401),
        (format!("main/{TOKEN}"), format!("{right}}}"), 401),
        (format!("main/{WRONG_TOKEN}"), right.clone(), 401),
        (format!("main/{TOKEN}/"), right.clone(), 404),
        (format!("main/{TOKEN}"), large, 413),
        (query, body.to_string(), 401),
    ] {
        let knock = app
            .client
            .post(format!("{}/callbacks/{to}", program.url))
            .body(body);
        assert_eq!(app.send(knock).await.status, status, "{to}");
    }
    for (key, status) in [(ADMIN_KEY, 200), (WRONG_TOKEN, 401)] {
        let list = app
            .client
            .get(format!("{}/v1/uploads", program.url))
            .bearer_auth(key);
        assert_eq!(list.send().await.unwrap().status(), status);
    }
    let log = program.stop();
    assert!(
        log.contains("/callbacks/{app}/{token}"),
        "the route is logged: {log}"
    );
    assert!(
        log.contains("sign_wrong") && log.contains("token_wrong"),
        "{log}"
    );
    for secret in [
        TOKEN,
        WRONG_TOKEN,
        SIGN_KEY,
        &sign,
        FORGED_SIGN,
        ADMIN_KEY,
        SECRET_KEY,
        NAME,
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}
