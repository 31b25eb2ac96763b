//! The command, as a process: what it prints, and how it ends.

use std::process::Output;

use super::*;
use crate::harness::TOKEN;
use crate::keys::binary;

/// A local VOD on the machine's clock, which the command goes by.
fn vod_of_today() -> Vod {
    let clock = Clock::system();
    let settings = SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY));
    let simulator = Simulator::new(settings, clock.clone(), Random::system());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let serving = simulator.serve(listener).unwrap();
    Vod {
        simulator,
        clock,
        serving,
    }
}

impl Vod {
    /// Files that were uploaded just now.
    fn holds_today(&self, files: &[&str]) {
        for file_id in files {
            let info = json!({"SourceInfo": {"SourceType": "Upload", "SourceContext": ""}});
            self.simulator
                .add_media(json!({"FileId": file_id, "BasicInfo": info}));
        }
    }
}

fn command(app: &TestApp, vod: &Vod, secret_key: &str, arguments: &[&str]) -> Output {
    let (database, endpoint) = (app.database_url(), vod.serving.url());
    let settings = [
        ("DATABASE_URL", database.as_str()),
        ("VOD_API_ENDPOINT", endpoint.as_str()),
        ("VOD_SECRET_ID", SECRET_ID),
        ("VOD_SECRET_KEY", secret_key),
        ("VOD_CALLBACK_TOKEN", TOKEN),
    ];
    binary(&[&["reconcile"], arguments].concat(), &settings)
        .output()
        .unwrap()
}

fn told(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[actix_web::test]
async fn the_command_tells_what_it_found_on_stdout_alone() {
    let vod = vod_of_today();
    let app = TestApp::start().await;
    vod.holds_today(&["88001", "88002"]);
    let dry = command(&app, &vod, SECRET_KEY, &["--since", "1h", "--dry-run"]);
    assert!(dry.status.success(), "{dry:?}");
    let line = String::from_utf8(dry.stdout).unwrap();
    let begins = "main: 2 found, 2 missing, 2 repaired, 0 confirmed, 0 contradicted, 0 tasks, 0 deleted, 0 refuted (";
    assert!(
        line.starts_with(begins) && line.lines().count() == 1,
        "{line}"
    );
    let remark = String::from_utf8(dry.stderr).unwrap();
    assert_eq!(remark, "Nothing was written: this was a dry run.\n");
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 0);
    let done = told(&command(&app, &vod, SECRET_KEY, &["--json"]));
    assert_eq!(
        (&done["app"], &done["complete"]),
        (&json!("main"), &json!(true))
    );
    assert_eq!(
        (&done["missing"], &done["repaired"]),
        (&json!(2), &json!(2))
    );
    let again = told(&command(
        &app,
        &vod,
        SECRET_KEY,
        &["--json", "--app", "main", "--verify"],
    ));
    assert_eq!((&again["found"], &again["missing"]), (&json!(2), &json!(0)));
    assert_eq!(
        app.count("SELECT count(*) FROM uploads WHERE confirmed = 'vod'")
            .await,
        2
    );
}

#[actix_web::test]
async fn the_command_ends_with_0_only_if_everything_was_compared() {
    let vod = vod_of_today();
    let app = TestApp::start().await;
    for (arguments, exit, says) in [
        (&["--since", "yesterday"][..], 2, "neither a time like"),
        (&["--app", "unknown"], 1, "no app named `unknown`"),
        (
            &["--since", "1h", "--until", "2h"],
            1,
            "there is no time between",
        ),
    ] {
        let output = command(&app, &vod, SECRET_KEY, arguments);
        assert_eq!(output.status.code(), Some(exit), "{output:?}");
        assert!(
            String::from_utf8(output.stderr).unwrap().contains(says),
            "{says}"
        );
        assert!(output.stdout.is_empty());
    }
    let refused = command(&app, &vod, "another-key", &[]);
    assert_eq!(refused.status.code(), Some(1));
    let says = String::from_utf8(refused.stderr).unwrap();
    assert!(
        says.contains("main: not reconciled to the end: VOD does not accept the API key"),
        "{says}"
    );
    assert!(!says.contains("another-key") && !says.contains('\u{1b}'));
    vod.simulator
        .add_media(json!({"FileId": "88101", "BasicInfo": null}));
    let unread = command(&app, &vod, SECRET_KEY, &["--json"]);
    assert_eq!(unread.status.code(), Some(1), "{unread:?}");
    let line: Value = serde_json::from_slice(&unread.stdout).unwrap();
    assert_eq!(
        (&line["complete"], &line["unread"]),
        (&json!(false), &json!(1))
    );
}
