//! What was kept is run again: it repairs what is missing, and changes nothing that is known.

use std::io::Write as _;
use std::process::{Output, Stdio};

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};
use vod_receiver::attribute::Resolvers;
use vod_receiver::config::{App, Secret};
use vod_receiver::record::replay::{Counts, Replay, Selection};
use vod_receiver::record::{Delivery, Door, Outcome, Quarantine};
use vod_receiver::vod::event::FileId;

use crate::harness::{SIGN_KEY, TOKEN, TestApp, new_file_upload, token_app};
use crate::keys::binary;
use crate::uploads_list::procedure;

fn everything() -> Selection {
    Selection::default()
}

fn quarantined() -> Selection {
    Selection {
        quarantined: true,
        ..Selection::default()
    }
}

fn counts(recorded: u64, duplicate: u64, quarantined: u64, blanked: u64) -> Counts {
    Counts {
        recorded,
        duplicate,
        quarantined,
        blanked,
    }
}

impl TestApp {
    async fn replay(&self, selection: &Selection, dry_run: bool) -> Counts {
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let resolvers = Resolvers::default();
        let mut replay = Replay::new(&self.database, clock, random, resolvers, dry_run);
        replay.kept(selection, |_| ()).await.unwrap();
        replay.close().await
    }

    /// Every row of every table that a delivery reaches, but for the version that the last write of an upload
    /// was folded on: of writes that change nothing it is all that is left.
    async fn everything(&self) -> Value {
        sqlx::query_scalar(
            "SELECT jsonb_build_array(
                (SELECT jsonb_agg(to_jsonb(d) ORDER BY id) FROM deliveries d),
                (SELECT jsonb_agg(to_jsonb(u) - 'folded_on' ORDER BY app, file_id) FROM uploads u),
                (SELECT jsonb_agg(to_jsonb(t) ORDER BY task_id, app, file_id) FROM tasks t),
                (SELECT jsonb_agg(to_jsonb(c) ORDER BY seq) FROM changes c),
                (SELECT jsonb_agg(to_jsonb(a) ORDER BY id) FROM attribution_changes a),
                (SELECT jsonb_agg(to_jsonb(f)) FROM feed_head f))",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// The rows of uploads and tasks, but for how often and when they were written.
    async fn what_is_known(&self) -> Value {
        sqlx::query_scalar(
            "SELECT jsonb_build_array(
                (SELECT jsonb_agg(to_jsonb(u) - ARRAY['recorded_at', 'updated_at', 'announced_at', 'attribution_at',
                    'deliveries', 'version', 'folded_on'] ORDER BY app, file_id) FROM uploads u),
                (SELECT jsonb_agg(to_jsonb(t) - ARRAY['recorded_at', 'updated_at', 'version']
                    ORDER BY task_id, app, file_id) FROM tasks t))",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// More than a page: uploads of somebody, tasks, a deletion of many, what holds no event, what is blanked.
    async fn live_a_little(&self) {
        let ticket = self.ticket("ann").await;
        let uploads = (0..600).map(|file| {
            let mut upload = new_file_upload(&format!("61{file:03}"), &ticket);
            upload["FileUploadEvent"]["ProcedureTaskId"] = json!(format!("p{file}"));
            self.delivery(&upload)
        });
        self.recorder.submit(uploads.collect()).await.unwrap();
        for file in 0..20 {
            self.clock.advance(TimeDelta::seconds(1));
            let file_id = format!("61{file:03}");
            let task_id = format!("p{file}");
            for status in ["PROCESSING", "FINISH"] {
                self.callback(procedure(&file_id, &task_id, status).to_string())
                    .await;
            }
        }
        let deletion = json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": ["61000", "61001", "9"]}});
        self.callback(deletion.to_string()).await;
        self.callback(new_file_upload("61002", "somebody else's").to_string())
            .await;
        assert_eq!(self.callback("{}").await.0, StatusCode::BAD_REQUEST);
        self.callback(new_file_upload("61599", "").to_string())
            .await;
        self.run("UPDATE deliveries SET body = NULL WHERE id = (SELECT max(id::text)::uuid FROM deliveries)".to_owned())
            .await;
    }
}

#[actix_web::test]
async fn replaying_everything_twice_leaves_all_tables_as_they_were() {
    let app = TestApp::start().await;
    app.live_a_little().await;
    let before = app.everything().await;
    app.clock.advance(TimeDelta::hours(1));
    for dry_run in [true, false, false] {
        assert_eq!(
            app.replay(&everything(), dry_run).await,
            counts(0, 642, 0, 1)
        );
        assert_eq!(
            app.replay(&quarantined(), dry_run).await,
            counts(0, 0, 1, 0)
        );
        assert_eq!(app.everything().await, before);
    }
}

#[actix_web::test]
async fn replay_builds_the_uploads_and_tasks_that_were_lost() {
    let app = TestApp::start().await;
    app.live_a_little().await;
    let before = app.what_is_known().await;
    app.run("TRUNCATE uploads, tasks".to_owned()).await;
    let counted = app.replay(&everything(), false).await;
    assert_eq!(counted.duplicate + counted.recorded, 642);
    assert_eq!(app.what_is_known().await, before);
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 644);
}

#[actix_web::test]
async fn a_body_quarantined_for_its_sign_becomes_an_attributed_upload_once() {
    let app = TestApp::with(vec![App {
        sign_keys: vec![Secret::new(SIGN_KEY)],
        ..token_app()
    }])
    .await;
    let ticket = app.ticket("ann").await;
    for body in [
        new_file_upload("6201", &ticket),
        procedure("6201", "p", "FINISH"),
    ] {
        let mut body = body;
        body["Sign"] = json!("0123456789abcdef0123456789abcdef");
        body["T"] = json!(1_795_420_900);
        let (status, _) = app.callback(body.to_string()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let state = "SELECT count(*) FROM deliveries WHERE state = 'quarantined' AND quarantine_reason IS NOT NULL";
    assert_eq!(app.count(state).await, 2);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 0);

    // Nobody vouches for them yet.
    assert_eq!(app.replay(&everything(), false).await, Counts::default());
    assert_eq!(app.replay(&quarantined(), true).await, counts(2, 0, 0, 0));
    assert_eq!(app.count(state).await, 2);

    assert_eq!(app.replay(&quarantined(), false).await, counts(2, 0, 0, 0));
    let upload = app.upload("6201").await;
    assert_eq!(upload["user_id"], "ann");
    assert_eq!(upload["processing"], "succeeded");
    assert_eq!(upload["deliveries"], 2);
    assert_eq!(
        app.count(
            "SELECT count(*) FROM deliveries WHERE state = 'recorded' AND quarantine_reason IS NULL
             AND door = 'push' AND format = '3.0' AND file_id = '6201' AND body IS NOT NULL
             AND (event_type, coalesce(task_id, '')) IN (('NewFileUpload', ''), ('ProcedureStateChanged', 'p'))"
        )
        .await,
        2
    );
    let (_, history) = app.get("/v1/uploads/6201").await;
    assert_eq!(history["deliveries"].as_array().unwrap().len(), 2);

    let before = app.everything().await;
    app.clock.advance(TimeDelta::hours(1));
    assert_eq!(app.replay(&quarantined(), false).await, Counts::default());
    assert_eq!(app.replay(&everything(), false).await, counts(0, 2, 0, 0));
    assert_eq!(app.everything().await, before);
}

#[actix_web::test]
async fn a_delivery_of_which_two_come_in_a_batch_is_taken_out_of_quarantine_once() {
    let app = TestApp::start().await;
    let good = app.delivery(&new_file_upload("6301", ""));
    let aside = Delivery {
        said: Err(Quarantine("bad_sign".into())),
        ..good.clone()
    };
    let new = app.delivery(&new_file_upload("6302", ""));
    let submit = async |batch| app.recorder.submit(batch).await.unwrap();
    assert_eq!(submit(vec![aside.clone()]).await, [Outcome::Quarantined]);
    submit(vec![
        new.clone(),
        good.clone(),
        aside.clone(),
        good.clone(),
        new,
    ])
    .await;
    // Back into quarantine nothing goes.
    submit(vec![aside, good]).await;
    for file in ["6301", "6302"] {
        assert_eq!(app.upload(file).await["deliveries"], 1, "{file}");
    }
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries WHERE state = 'recorded'")
            .await,
        2
    );
}

#[actix_web::test]
async fn those_that_are_selected_run_and_no_others() {
    let app = TestApp::start().await;
    let since = app.now();
    let mut batch = Vec::new();
    for (file, door) in [
        ("6401", Door::Push),
        ("6402", Door::Pull),
        ("6403", Door::Replay),
    ] {
        batch.push(Delivery {
            door,
            ..app.delivery(&new_file_upload(file, ""))
        });
        app.clock.advance(TimeDelta::seconds(1));
    }
    let deletion =
        json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": ["6402", "6403"]}});
    batch.push(app.delivery(&deletion));
    let last = batch[3].id;
    app.recorder.submit(batch).await.unwrap();
    let at = |seconds| Some(since + TimeDelta::milliseconds(seconds));
    for (selection, wanted) in [
        (everything(), 4),
        (
            Selection {
                since: at(1000),
                ..everything()
            },
            3,
        ),
        (
            Selection {
                since: at(1001),
                ..everything()
            },
            2,
        ),
        (
            Selection {
                until: at(1000),
                ..everything()
            },
            1,
        ),
        (
            Selection {
                since: at(1000),
                until: at(2001),
                ..everything()
            },
            2,
        ),
        (
            Selection {
                file_id: FileId::parse("6401"),
                ..everything()
            },
            1,
        ),
        // Named first by one, and among others by the deletion.
        (
            Selection {
                file_id: FileId::parse("6403"),
                ..everything()
            },
            2,
        ),
        (
            Selection {
                id: Some(last),
                ..everything()
            },
            1,
        ),
        (
            Selection {
                door: Some(Door::Pull),
                ..everything()
            },
            1,
        ),
        (
            Selection {
                app: Some("main".parse().unwrap()),
                ..everything()
            },
            4,
        ),
        (
            Selection {
                app: Some("other".parse().unwrap()),
                ..everything()
            },
            0,
        ),
        (quarantined(), 0),
    ] {
        let counted = app.replay(&selection, true).await;
        assert_eq!(counted, counts(0, wanted, 0, 0), "{selection:?}");
    }
}

/// Runs `replay ...` with this on its standard input.
fn command(app: &TestApp, arguments: &[&str], input: &str) -> Output {
    let url = app.database_url();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("VOD_SECRET_ID", "id"),
        ("VOD_SECRET_KEY", "key"),
        ("VOD_CALLBACK_TOKEN", TOKEN),
    ];
    let mut child = binary(&[&["replay"], arguments].concat(), &settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read everything, or anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[actix_web::test]
async fn a_bad_line_harms_only_itself() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let pulled = json!({"Response": {"EventSet": [
        new_file_upload("6503", &ticket), new_file_upload("6504", &ticket), {"EventHandle": "1"}]}});
    let input = format!(
        "{}\n{{\"oops\n\r\n{}\n[1]\n{pulled}",
        new_file_upload("6501", &ticket),
        new_file_upload("6502", &ticket)
    );
    for dry_run in [true, false] {
        let arguments = if dry_run {
            &["--ndjson", "--json", "--dry-run"][..]
        } else {
            &["-", "--json"]
        };
        let output = command(&app, arguments, &input);
        assert!(output.status.success(), "{output:?}");
        let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
        let wanted = json!({"recorded": 4, "duplicate": 0, "quarantined": 3, "blanked": 0});
        assert_eq!(counts, wanted);
        let told = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<_> = told
            .lines()
            .filter(|line| line.starts_with("line"))
            .collect();
        assert_eq!(
            lines,
            [
                "line 2: not_json",
                "line 5: not_an_object",
                "line 6: no_event"
            ]
        );
        let kept = if dry_run { 0 } else { 7 };
        assert_eq!(app.count("SELECT count(*) FROM deliveries").await, kept);
    }
    for file in ["6501", "6502", "6503", "6504"] {
        assert_eq!(app.upload(file).await["user_id"], "ann", "{file}");
    }
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries WHERE door = 'replay' AND app = 'main' AND state = 'quarantined'")
            .await,
        3
    );
}

#[actix_web::test]
async fn the_command_runs_what_is_kept_and_refuses_what_is_not_meant() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("6601", "").to_string()).await;
    app.run("TRUNCATE uploads".to_owned()).await;
    let output = command(
        &app,
        &["--since", "2026-11-23T00:00:00Z", "--file-id", "6601"],
        "",
    );
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "1 recorded, 0 duplicate, 0 quarantined, 0 blanked\n");
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 1);
    for (arguments, exit) in [
        (&[][..], 2),
        (&["--door", "pull"], 2),
        (&["--since", "yesterday"], 2),
        (&["--since", "24"], 2),
        (&["--since", "é"], 2),
        (&["--id", "6601"], 2),
        (&["--since", "24h", "--door", "front"], 2),
        (&["--file-id", "a b"], 2),
        (&["--quarantined", "--file-id", "6601"], 2),
        (&["--ndjson", "--since", "24h"], 2),
        (&["--spool", "/nowhere", "--dry-run"], 2),
        (&["--ndjson", "--app", "unknown"], 1),
    ] {
        let output = command(&app, arguments, "");
        assert_eq!(
            output.status.code(),
            Some(exit),
            "{arguments:?}: {output:?}"
        );
    }
    let long = format!(
        "\"{}\"\n{}",
        "x".repeat(8 << 20),
        new_file_upload("6602", "")
    );
    let output = command(&app, &["--ndjson"], &long);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(app.upload("6602").await["deliveries"], 1);
}
