//! Reconcile against the local VOD: what no notification told is filled in, what is equal leaves no trace.

use std::net::TcpListener;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use vod_receiver::config::{App, Secret};
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::random::Random;
use vod_receiver::receive::reconcile::{Ask, Counts, Interrupted, Reconciler};
use vod_receiver::record::Door;
use vod_receiver::simulator::{self, Simulator, SimulatorSettings};

use crate::harness::{NOW, SECRET_ID, SECRET_KEY, TestApp, new_file_upload, token_app};

mod command;
mod deletions;
mod faults;
mod proof;
mod resumed;
mod schedule;
mod tasks;
mod walk;

/// A local VOD, and the clock that it goes by.
struct Vod {
    simulator: Simulator,
    clock: Clock,
    serving: simulator::Serving,
}

fn vod() -> Vod {
    let clock = Clock::set_to(now());
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

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

/// So many seconds before now, as VOD writes it.
fn ago(seconds: i64) -> String {
    (now() - TimeDelta::seconds(seconds))
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// The notification of an upload so many seconds ago.
fn upload(file_id: &str, source_context: &str, seconds_ago: i64) -> Value {
    let mut upload = new_file_upload(file_id, source_context);
    let basic = &mut upload["FileUploadEvent"]["MediaBasicInfo"];
    basic["CreateTime"] = json!(ago(seconds_ago));
    basic["UpdateTime"] = json!(ago(seconds_ago));
    upload["FileUploadEvent"]["MetaData"] =
        json!({"Size": 7_700_180, "Duration": 60.04, "Width": 640});
    upload
}

/// What VOD holds of a file that a notification told of.
fn media(upload: &Value) -> Value {
    let told = &upload["FileUploadEvent"];
    json!({"FileId": told["FileId"], "BasicInfo": told["MediaBasicInfo"], "MetaData": told["MetaData"]})
}

impl Vod {
    /// An app whose notifications are pushed.
    fn app(&self) -> App {
        App {
            api_endpoint: self.serving.url(),
            ..token_app()
        }
    }

    /// A user uploads a file; whether it is told is another matter.
    fn holds(&self, upload: &Value) {
        self.simulator.add_media(media(upload));
    }

    async fn receiver(&self) -> TestApp {
        TestApp::with(vec![self.app()]).await
    }
}

/// Everything of the last day.
fn day() -> Ask {
    Ask {
        since: Some(now() - TimeDelta::days(1)),
        ..Ask::default()
    }
}

impl TestApp {
    fn reconciler(&self, vod: &Vod) -> Reconciler {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (recorder, database) = (self.recorder.clone(), self.database.clone());
        let (clock, random) = (self.clock.clone(), self.random.clone());
        Reconciler::new(&vod.app(), recorder, database, clock, random).unwrap()
    }

    /// Runs to the end or to what stops it, and tells what came of it.
    async fn try_to_reconcile(&self, vod: &Vod, ask: &Ask) -> (Counts, Result<(), Interrupted>) {
        // What was recorded was so before it began.
        self.clock.advance(TimeDelta::milliseconds(1));
        let mut run = self.reconciler(vod).begin(ask).await.unwrap();
        let ended = run.finish(Box::new(|_| ())).await;
        (run.counts, ended)
    }

    async fn reconcile(&self, vod: &Vod, ask: &Ask) -> Counts {
        let (counts, ended) = self.try_to_reconcile(vod, ask).await;
        ended.unwrap();
        counts
    }

    async fn deliveries(&self) -> i64 {
        self.count("SELECT count(*) FROM deliveries WHERE door = 'reconcile'")
            .await
    }
}

#[actix_web::test]
async fn an_upload_that_was_never_told_is_filled_in_and_has_its_user() {
    let (vod, others) = (vod(), ["5285890784273533168", "14508071098244959037"]);
    let app = vod.receiver().await;
    let ticket = app.ticket("ann").await;
    let lost = upload("5285890784273533167", &ticket, 3_600);
    vod.holds(&lost);
    for other in others {
        let told = upload(other, "", 60);
        vod.holds(&told);
        app.callback(told.to_string()).await;
    }
    let counts = app.reconcile(&vod, &day()).await;
    let expected = Counts {
        found: 3,
        missing: 1,
        repaired: 1,
        confirmed: 2,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    let filled = app.upload("5285890784273533167").await;
    assert_eq!(filled["user_id"], "ann");
    assert_eq!(filled["confirmed"], "vod");
    assert_eq!(filled["media"]["size_bytes"], 7_700_180);
    assert_eq!(filled["uploaded_at"], ago(3_600));
    let body: Vec<u8> =
        sqlx::query_scalar("SELECT body FROM deliveries WHERE door = 'reconcile' AND file_id = $1")
            .bind("5285890784273533167")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["FileId"], "5285890784273533167");
}

#[actix_web::test]
async fn what_is_known_and_equal_leaves_no_trace() {
    let vod = vod();
    let app = vod.receiver().await;
    for number in 0..300 {
        vod.holds(&upload(&format!("71{number:03}"), "", 60 * number));
    }
    let first = app.reconcile(&vod, &day()).await;
    assert_eq!(
        (first.found, first.missing, first.repaired),
        (300, 300, 300)
    );
    assert_eq!(app.deliveries().await, 300);
    let rows = app.rows().await;
    let seq = app.count("SELECT seq FROM feed_head").await;
    app.clock.advance(TimeDelta::minutes(5));
    vod.clock.advance(TimeDelta::minutes(5));
    let second = app.reconcile(&vod, &day()).await;
    assert_eq!(
        second,
        Counts {
            found: 300,
            ..Counts::default()
        }
    );
    assert_eq!(app.deliveries().await, 300);
    assert_eq!(app.rows().await, rows);
    assert_eq!(app.count("SELECT seq FROM feed_head").await, seq);
}

#[actix_web::test]
async fn what_vod_told_by_its_queue_leaves_no_trace_either() {
    let vod = vod();
    let app = vod.receiver().await;
    // Of two equal words chance decides which is taken: of thirty files it takes the other one of some.
    for number in 0..30 {
        let told = upload(&format!("{}", 76_000 + number), "", 600);
        vod.holds(&told);
        let pulled = crate::uploads_list::delivery(&app, Door::Pull, &told);
        app.recorder.submit(vec![pulled]).await.unwrap();
    }
    let before = app.rows().await;
    let counts = app.reconcile(&vod, &day()).await;
    assert_eq!((counts.found, counts.repaired), (30, 0));
    assert_eq!(app.deliveries().await, 0);
    assert_eq!(app.rows().await, before);
}

#[actix_web::test]
async fn what_vod_tells_otherwise_is_corrected_and_counted() {
    let vod = vod();
    let app = vod.receiver().await;
    let ticket = app.ticket("ann").await;
    let mut renamed = upload("72001", &ticket, 600);
    vod.holds(&renamed);
    let invented = upload("72002", &ticket, 600);
    app.callback(invented.to_string()).await;
    vod.holds(&upload("72002", "somebody else's", 600));
    app.reconcile(&vod, &day()).await;
    renamed["FileUploadEvent"]["MediaBasicInfo"]["Name"] = json!("birthday");
    renamed["FileUploadEvent"]["MediaBasicInfo"]["UpdateTime"] = json!(ago(5));
    vod.holds(&renamed);
    let counts = app.reconcile(&vod, &day()).await;
    assert_eq!(
        (counts.missing, counts.repaired, counts.confirmed),
        (0, 1, 0)
    );
    assert_eq!(app.upload("72001").await["name"], "birthday");
    let corrected = app.upload("72002").await;
    assert_eq!(corrected["source_context"], "somebody else's");
    assert_eq!(corrected["user_id"], Value::Null);
}

#[actix_web::test]
async fn another_source_context_is_told_as_a_contradiction() {
    let vod = vod();
    let app = vod.receiver().await;
    let ticket = app.ticket("ann").await;
    // Of one a push told more than VOD, of one less, of one the same.
    for (file_id, pushed, held) in [
        ("73001", ticket.as_str(), ""),
        ("73002", "", ticket.as_str()),
        ("73003", ticket.as_str(), ticket.as_str()),
    ] {
        app.callback(upload(file_id, pushed, 600).to_string()).await;
        vod.holds(&upload(file_id, held, 600));
    }
    let counts = app.reconcile(&vod, &day()).await;
    assert_eq!((counts.confirmed, counts.contradicted), (3, 1));
}

#[actix_web::test]
async fn a_dry_run_tells_what_it_would_do_and_writes_nothing() {
    let vod = vod();
    let app = vod.receiver().await;
    let known = upload("74001", "", 60);
    app.callback(known.to_string()).await;
    for lost in [
        &known,
        &upload("74002", "", 60),
        &upload("74003", "", 7_200),
    ] {
        vod.holds(lost);
    }
    vod.simulator
        .set_task("74-t", tasks::procedure("74003", "74-t", "FINISH"));
    let before = app.rows().await;
    let dry = Ask {
        dry_run: true,
        ..day()
    };
    let told = app.reconcile(&vod, &dry).await;
    assert_eq!(
        (told.missing, told.repaired, told.confirmed, told.tasks),
        (2, 2, 1, 1)
    );
    assert_eq!(app.rows().await, before);
    assert_eq!(app.deliveries().await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM reconcile_checkpoints")
            .await,
        0
    );
    assert_eq!(app.reconcile(&vod, &day()).await, told);
}

#[actix_web::test]
async fn each_app_has_files_and_a_checkpoint_of_its_own() {
    let vod = vod();
    let other = App {
        name: "other".parse().unwrap(),
        sub_app_id: Some(1_500_000_001),
        ..vod.app()
    };
    let app = TestApp::with(vec![vod.app(), other.clone()]).await;
    vod.holds(&upload("75001", "", 60));
    let elsewhere = vod.simulator.for_sub_app(1_500_000_001);
    elsewhere.add_media(media(&upload("75001", "", 60)));
    elsewhere.add_media(media(&upload("75002", "", 60)));
    assert_eq!(app.reconcile(&vod, &day()).await.missing, 1);
    let (recorder, database) = (app.recorder.clone(), app.database.clone());
    let (clock, random) = (app.clock.clone(), app.random.clone());
    let reconciler = Reconciler::new(&other, recorder, database, clock, random).unwrap();
    let mut run = reconciler.begin(&day()).await.unwrap();
    run.finish(Box::new(|_| ())).await.unwrap();
    assert_eq!(run.counts.missing, 2);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 3);
    assert_eq!(
        app.count("SELECT count(*) FROM reconcile_checkpoints")
            .await,
        2
    );
}
