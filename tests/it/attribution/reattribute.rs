//! Today's rules over old uploads: what is new is found, what a person decided stays, and nothing is done twice.

use std::process::Output;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use vod_receiver::attribute::Resolvers;
use vod_receiver::record::verdict::reattribute::{Range, Reattribute, Report};

use super::{RESOLVERS, decide, resolving};
use crate::harness::{TOKEN, TestApp, named_app, new_file_upload, token_app};
use crate::keys::binary;

const NEW_TICKET: &str = "vt_01H455VB4PEX5VSKNK084SN02Q";

impl TestApp {
    /// Runs it over everything that is recorded, with these resolvers of `main`.
    async fn reattribute(&self, resolvers: &[&str], dry_run: bool) -> Report {
        let resolvers = Resolvers::of(&[resolving(token_app(), resolvers)]);
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let mut reattribute = Reattribute::new(resolvers, clock, random, dry_run);
        let range = Range {
            since: DateTime::<Utc>::UNIX_EPOCH,
            until: self.now() + TimeDelta::days(1),
            apps: vec!["main".parse().unwrap()],
        };
        reattribute
            .run(&self.database, &range, |_| ())
            .await
            .unwrap();
        reattribute.report
    }

    /// A ticket that becomes known: another region's log was merged, say.
    async fn ticket_turns_up(&self, user: &str) {
        self.run(format!(
            "INSERT INTO tickets VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 'main', '{user}', null, false,
                '2026-11-23T07:00:00Z', '2026-11-23T09:00:00Z')"
        ))
        .await;
    }
}

/// How many went from where to where, as `from to user count`.
fn lines(report: &Report) -> Vec<String> {
    let lines = report.changed.iter().map(|(transition, uploads)| {
        let (from, to) = (transition.from, transition.to);
        format!(
            "{}/{} {}/{} {} {uploads}",
            from.0,
            from.1,
            to.0,
            to.1,
            transition.user.as_str()
        )
    });
    lines.collect()
}

#[actix_web::test]
async fn what_became_known_is_found_and_the_rest_is_left_alone() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let (_, issued) = app
        .post_signature(&json!({"user_id": "ann", "app": "main"}))
        .await;
    let known = issued["ticket"].as_str().unwrap();
    for (file, context) in [
        ("8001", NEW_TICKET),
        ("8002", r#"{"uid":7}"#),
        ("8003", "user=bob"),
        ("8004", "console"),
        ("8005", ""),
        ("8006", known),
        ("8007", "user=bob"),
    ] {
        app.callback(new_file_upload(file, context).to_string())
            .await;
    }
    app.callback_to(
        &format!("second/{TOKEN}"),
        new_file_upload("8008", "user=bob").to_string(),
    )
    .await;
    decide(&app, "8007", &json!({"user_id": "eve", "reason": "seen"})).await;
    app.ticket_turns_up("cat").await;
    app.clock.advance(TimeDelta::seconds(1));

    let wanted = [
        "none/foreign_context none/foreign_context same 1",
        "none/foreign_context resolver/resolver found 2",
        "none/unknown_ticket ticket/ticket found 1",
    ];
    let dry = app.reattribute(&RESOLVERS, true).await;
    assert_eq!(lines(&dry), wanted);
    assert_eq!(dry.looked_at, 6);
    assert_eq!(
        app.count("SELECT count(*) FROM uploads WHERE user_id IS NOT NULL")
            .await,
        2
    );
    let report = app.reattribute(&RESOLVERS, false).await;
    assert_eq!(report, dry);
    for (file, user, reason) in [
        ("8001", json!("cat"), "ticket"),
        ("8002", json!("7"), "resolver"),
        ("8003", json!("bob"), "resolver"),
        ("8004", Value::Null, "foreign_context"),
        ("8005", Value::Null, "no_context"),
        ("8006", json!("ann"), "ticket"),
        ("8007", json!("eve"), "manual"),
        ("8008", Value::Null, "foreign_context"),
    ] {
        let upload = app.upload(file).await;
        assert_eq!(upload["user_id"], user, "{file}");
        assert_eq!(upload["attribution"]["reason"], reason, "{file}");
    }
    let (_, found) = app.get("/v1/uploads/8001").await;
    let line = &found["attribution_changes"][0];
    assert_eq!(
        (&line["decided_by"], &line["note"]),
        (&json!("reattribute"), &Value::Null)
    );
    assert_eq!(
        (&line["user_before"], &line["user_after"]),
        (&Value::Null, &json!("cat"))
    );
    assert_eq!(found["updated_at"], "2026-11-23T08:00:01Z");
    // The rules are the same: nothing is left to do.
    assert_eq!(lines(&app.reattribute(&RESOLVERS, false).await), [""; 0]);
    assert_eq!(
        app.count("SELECT seq - (SELECT count(*) FROM changes) FROM feed_head")
            .await,
        0
    );
    // A rule that is gone takes its users along.
    let report = app.reattribute(&["regex:^user=(?<user>b)"], false).await;
    assert_eq!(
        lines(&report),
        [
            "none/foreign_context none/foreign_context same 1",
            "resolver/resolver none/foreign_context lost 1",
            "resolver/resolver resolver/resolver another 1",
        ]
    );
}

#[actix_web::test]
async fn a_ticket_that_left_the_log_keeps_its_upload() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("8101", &ticket).to_string())
        .await;
    app.run("TRUNCATE tickets".to_owned()).await;
    assert_eq!(lines(&app.reattribute(&RESOLVERS, false).await), [""; 0]);
    assert_eq!(app.upload("8101").await["user_id"], "ann");
}

#[actix_web::test]
async fn two_at_once_beside_receivers_change_each_upload_once() {
    const FILES: usize = 2_500;
    let app = TestApp::start().await;
    let upload =
        |number: usize| app.delivery(&new_file_upload(&format!("82{number:05}"), NEW_TICKET));
    app.recorder
        .submit((0..FILES).map(upload).collect())
        .await
        .unwrap();
    app.ticket_turns_up("cat").await;
    let (recorder, _tasks) = app.another_recorder();
    // A receiver that is told again finds the ticket too, and the two commands meet it and each other.
    let telling = async {
        for number in (0..FILES).step_by(50) {
            recorder.submit(vec![upload(number)]).await.unwrap();
        }
    };
    let (one, two, ()) = tokio::join!(
        app.reattribute(&[], false),
        app.reattribute(&[], false),
        telling
    );
    for report in [&one, &two] {
        assert_eq!(report.looked_at, FILES as u64);
    }
    assert_eq!(
        app.count("SELECT count(*) FROM uploads WHERE user_id = 'cat'")
            .await,
        2_500
    );
    assert_eq!(
        app.count("SELECT count(*) FROM attribution_changes").await,
        2_500
    );
    assert_eq!(app.count("SELECT count(*) FROM changes").await, 5_000);
    assert_eq!(app.count("SELECT seq FROM feed_head").await, 5_000);
    assert_eq!(lines(&app.reattribute(&[], false).await), [""; 0]);
}

fn command(app: &TestApp, arguments: &[&str]) -> Output {
    let url = app.database_url();
    let resolvers = RESOLVERS.join("\n");
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("VOD_SECRET_ID", "id"),
        ("VOD_SECRET_KEY", "key"),
        ("VOD_CALLBACK_TOKEN", TOKEN),
        ("VOD_RESOLVERS", &resolvers),
    ];
    binary(&[&["reattribute"], arguments].concat(), &settings)
        .output()
        .unwrap()
}

#[actix_web::test]
async fn the_command_prints_what_changed_and_refuses_what_is_not_meant() {
    let app = TestApp::start().await;
    for (file, context) in [("8301", "user=ann"), ("8302", "user=bob"), ("8303", "")] {
        app.callback(new_file_upload(file, context).to_string())
            .await;
    }
    let said = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let since = ["--since", "2026-11-23T08:00:00Z"];
    let output = command(&app, &[&since[..], &["--dry-run"]].concat());
    assert!(output.status.success(), "{output:?}");
    insta::assert_snapshot!(said(&output), @r"
    from                     to                       user      uploads
    none/foreign_context     resolver/resolver        found           2
    2 of 3 uploads changed
    ");
    assert_eq!(app.upload("8301").await["user_id"], Value::Null);
    let output = command(&app, &[&since[..], &["--json", "--app", "main"]].concat());
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_str(&said(&output)).unwrap();
    assert_eq!(
        told,
        json!({"dry_run": false, "looked_at": 3, "changed": 2, "changes": [
        {"from": {"method": "none", "reason": "foreign_context"}, "to": {"method": "resolver", "reason": "resolver"},
            "user": "found", "uploads": 2}]})
    );
    assert_eq!(app.upload("8301").await["user_id"], "ann");
    let output = command(&app, &since);
    assert_eq!(said(&output), "0 of 3 uploads changed\n");
    let output = command(
        &app,
        &[
            "--since",
            "2026-11-23T08:00:00Z",
            "--until",
            "2026-11-23T08:00:00Z",
        ],
    );
    assert_eq!(said(&output), "0 of 0 uploads changed\n");
    for (arguments, exit) in [
        (&[][..], 2),
        (&["--since", "yesterday"], 2),
        (&["--since", "7d", "--app", "a b"], 2),
        (&["--since", "7d", "--app", "second"], 1),
    ] {
        assert_eq!(
            command(&app, arguments).status.code(),
            Some(exit),
            "{arguments:?}"
        );
    }
    app.lock_out(true).await;
    assert_eq!(command(&app, &since).status.code(), Some(1));
    app.lock_out(false).await;
}
