//! The recorder: once, whatever comes twice, in any order, on any connection.

use reqwest::StatusCode;
use serde_json::{Value, json};
use vod_receiver::attribute::Resolvers;
use vod_receiver::config::AppName;
use vod_receiver::ops::lifecycle::Lifecycle;
use vod_receiver::ops::metrics::Metrics;
use vod_receiver::record::{Delivery, Door, Outcome, Quarantine, Recorder};
use vod_receiver::ticket::KnownTickets;
use vod_receiver::vod::notification;

use crate::harness::{TestApp, eventually, new_file_upload, patient};

impl TestApp {
    /// A delivery by the push door, as the door would make it.
    pub fn delivery(&self, body: &Value) -> Delivery {
        let body = body.to_string();
        let said = notification::read_item(body.as_bytes())
            .map_err(|fault| Quarantine(fault.code().into()));
        Delivery {
            id: self.random.uuid_v7(self.now()),
            app: AppName::main(),
            door: Door::Push,
            received_at: self.now(),
            body: body.into(),
            said,
        }
    }

    /// A recorder of another receiver on the same Postgres.
    pub fn another_recorder(&self) -> (Recorder, Lifecycle) {
        let database = patient(&self.database_url());
        database.set_ready();
        let metrics = Metrics::new(self.now(), []);
        let (recorder, writers) = Recorder::new(
            database,
            None,
            self.clock.clone(),
            self.random.clone(),
            KnownTickets::default(),
            Resolvers::default(),
            metrics,
        );
        let mut tasks = Lifecycle::default();
        tasks.spawn("writers", |stop| writers.run(stop));
        (recorder, tasks)
    }
}

fn legacy_upload(file_id: &str, source_context: &str) -> Value {
    json!({"version": "4.0", "eventType": "NewFileUpload", "data": {
        "fileId": file_id, "fileName": "holiday", "fileUrl": "http://example.vod2.myqcloud.com/f0.mp4",
        "sourceType": "ClientUpload", "sourceContext": source_context}})
}

fn finished_task(file_id: &str, task_id: &str) -> Value {
    json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
        "TaskId": task_id, "Status": "FINISH", "FileId": file_id,
        "MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": {"Status": "SUCCESS", "ErrCodeExt": ""}}]}})
}

fn deletion(file_id: &str) -> Value {
    json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": [file_id]}})
}

#[actix_web::test]
async fn the_same_fact_ten_times_in_two_formats_in_any_order_is_one_upload() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let mut shown = Vec::new();
    for (file, legacy_first) in [("7001", true), ("7002", false)] {
        for turn in 0..10 {
            let body = if (turn % 2 == 0) == legacy_first {
                legacy_upload(file, &ticket)
            } else {
                new_file_upload(file, &ticket)
            };
            let (status, answer) = app.callback(body.to_string()).await;
            assert_eq!(status, StatusCode::OK);
            // 3.0 tells more than 2.0; the rest is known.
            let news = turn == 0 || (turn == 1 && legacy_first);
            assert_eq!(
                answer["status"],
                if news { "recorded" } else { "duplicate" },
                "{file} {turn}"
            );
        }
        let mut upload = app.upload(file).await;
        assert_eq!(upload["deliveries"], 10);
        assert_eq!(upload["user_id"], "ann");
        assert_eq!(upload["source_type"], "Upload");
        upload["file_id"] = Value::Null;
        shown.push(upload);
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 2);
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 20);
    assert_eq!(app.count("SELECT count(*) FROM changes").await, 3);
    assert_eq!(app.count("SELECT max(seq) FROM changes").await, 3);
}

#[actix_web::test]
async fn a_delivery_drained_twice_is_stored_and_counted_once() {
    let app = TestApp::start().await;
    let delivery = app.delivery(&new_file_upload("7003", ""));
    assert_eq!(
        app.recorder.submit(vec![delivery.clone()]).await.unwrap(),
        [Outcome::Recorded]
    );
    assert_eq!(
        app.recorder
            .submit(vec![delivery.clone(), delivery])
            .await
            .unwrap(),
        [Outcome::Duplicate; 2]
    );
    assert_eq!(app.upload("7003").await["deliveries"], 1);
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 1);
}

#[actix_web::test]
async fn a_delivery_that_changes_nothing_moves_only_the_count() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("7004", "").to_string()).await;
    let before = app.upload("7004").await;
    app.clock.advance(chrono::TimeDelta::minutes(1));
    app.callback(new_file_upload("7004", "").to_string()).await;
    let mut after = app.upload("7004").await;
    assert_eq!(after["deliveries"], 2);
    after["deliveries"] = json!(1);
    assert_eq!(before, after);
    assert_eq!(app.count("SELECT seq FROM feed_head").await, 1);
}

#[actix_web::test]
async fn a_row_that_postgres_refuses_is_quarantined_and_its_neighbours_are_recorded() {
    let app = TestApp::start().await;
    let mut batch: Vec<Delivery> = (0..7)
        .map(|file| app.delivery(&new_file_upload(&format!("71{file}"), "")))
        .collect();
    // Nothing that is read from a body can hold a NUL; a bug might.
    batch[3].said.as_mut().unwrap().event_type = "New\0FileUpload".to_owned();
    let outcomes = app.recorder.submit(batch).await.unwrap();
    let mut wanted = [Outcome::Recorded; 7];
    wanted[3] = Outcome::Quarantined;
    assert_eq!(outcomes, wanted);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 6);
    assert_eq!(
        app.count(
            "SELECT count(*) FROM deliveries WHERE quarantine_reason = 'refused_by_database'"
        )
        .await,
        1
    );
}

#[actix_web::test]
async fn ids_beyond_the_months_that_are_made_go_to_the_default_partition() {
    let app = TestApp::start().await;
    app.clock.advance(chrono::TimeDelta::days(120));
    assert_eq!(
        app.recorder
            .submit(vec![app.delivery(&new_file_upload("7005", ""))])
            .await
            .unwrap(),
        [Outcome::Recorded]
    );
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries_default").await,
        1
    );
    let mut connection = app.pool.acquire().await.unwrap();
    vod_receiver::keep::partitions::ensure(&mut connection, app.now())
        .await
        .unwrap();
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries_default").await,
        0
    );
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries_2027_03").await,
        1
    );
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 1);
}

/// How often two events meet: a thousand times in each order.
const MEETINGS: usize = 2000;

/// Submits two events on the same file through two receivers at the same moment, [`MEETINGS`] times, each
/// of them first in turn; neither may be taken for a repetition of the other.
async fn meet(app: &TestApp, second: impl Fn(&str) -> Value) {
    let left = app.recorder.clone();
    let (right, _tasks) = app.another_recorder();
    for file in 0..MEETINGS {
        let file_id = format!("8{file:04}");
        let mut upload = new_file_upload(&file_id, "");
        upload["FileUploadEvent"]["ProcedureTaskId"] = json!(format!("1-Procedure-{file}"));
        let upload = vec![app.delivery(&upload)];
        let other = vec![app.delivery(&second(&file_id))];
        let (a, b) = if file % 2 == 0 {
            tokio::join!(left.submit(upload), right.submit(other))
        } else {
            tokio::join!(right.submit(other), left.submit(upload))
        };
        assert_eq!(
            (a.unwrap().as_slice(), b.unwrap().as_slice()),
            (&[Outcome::Recorded][..], &[Outcome::Recorded][..]),
            "{file_id}"
        );
    }
}

#[actix_web::test]
async fn an_upload_and_its_finished_task_meet_in_one_row_a_thousand_times_in_each_order() {
    let app = TestApp::start().await;
    meet(&app, |file_id| {
        finished_task(
            file_id,
            &format!("1-Procedure-{}", file_id[1..].parse::<u32>().unwrap()),
        )
    })
    .await;
    assert_eq!(
        app.count(
            "SELECT count(*) FROM uploads WHERE processing = 'succeeded' AND procedure_state = 'succeeded'
             AND announced_at IS NOT NULL AND deliveries = 2"
        )
        .await,
        2000
    );
    assert_eq!(
        app.count("SELECT count(*) FROM tasks WHERE state = 'succeeded'")
            .await,
        2000
    );
    gapless(&app).await;
}

#[actix_web::test]
async fn an_upload_and_its_deletion_meet_in_one_row_a_thousand_times_in_each_order() {
    let app = TestApp::start().await;
    meet(&app, deletion).await;
    assert_eq!(
        app.count(
            "SELECT count(*) FROM uploads WHERE deleted_at IS NOT NULL AND processing = 'waiting'
             AND announced_at IS NOT NULL AND deliveries = 2"
        )
        .await,
        2000
    );
    gapless(&app).await;
}

/// Old versions of a row stay as long as anybody holds a snapshot, and whoever looks for the row goes past all of them: so there
/// is no row that each batch writes anew.
#[actix_web::test]
async fn recording_what_is_new_overwrites_no_row() {
    let app = TestApp::start().await;
    for number in 0..20 {
        let ticket = app.ticket(&format!("user {number}")).await;
        app.callback(new_file_upload(&format!("77{number}"), &ticket).to_string())
            .await;
    }
    // Each connection tells what it did within a second or two.
    eventually("all that was written is counted", async || {
        app.count("SELECT sum(n_tup_ins)::bigint FROM pg_stat_user_tables WHERE relname ~ '^(deliveries|uploads|changes)'")
            .await
            == 3 * 20
    })
    .await;
    let overwritten = "SELECT sum(n_tup_upd)::bigint FROM pg_stat_user_tables
        WHERE relname ~ '^(deliveries|uploads|tickets|signature_issues|changes|feed_|uncounted)'";
    assert_eq!(app.count(overwritten).await, 0);
    assert_eq!(app.count("SELECT seq FROM feed_head").await, 20);
}

/// The change log numbers commits without a gap, and tells of each upload that it was recorded.
async fn gapless(app: &TestApp) {
    assert_eq!(
        app.count("SELECT count(*) - max(seq) FROM changes").await,
        0
    );
    assert_eq!(
        app.count("SELECT seq - (SELECT max(seq) FROM changes) FROM feed_head")
            .await,
        0
    );
    assert_eq!(
        app.count("SELECT count(DISTINCT file_id) FROM changes WHERE kind = 'recorded'")
            .await,
        2000
    );
    assert_eq!(
        app.count("SELECT count(*) FROM changes WHERE kind = 'recorded'")
            .await,
        2000
    );
}
