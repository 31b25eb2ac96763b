//! Pull mode against the local VOD: recorded, then confirmed; nothing lost, nothing twice, whatever fails.

use std::net::TcpListener;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::StatusCode;

use vod_receiver::config::{App, Events, Secret};
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::random::Random;
use vod_receiver::simulator::{self, Fault, FaultKind, Simulator, SimulatorSettings};

use crate::analyst::on_empty_database;
use crate::harness::{
    NOW, SECRET_ID, SECRET_KEY, Scratch, TOKEN, TestApp, eventually, new_file_upload, token_app,
};
use crate::startup::Serving;

mod client;
mod killed;

/// A local VOD, and the clock that its queue goes by.
pub struct Vod {
    pub simulator: Simulator,
    pub clock: Clock,
    pub serving: simulator::Serving,
}

pub fn vod() -> Vod {
    let clock = Clock::set_to(NOW.parse().unwrap());
    vod_with(clock, Duration::from_secs(30))
}

fn vod_with(clock: Clock, visibility: Duration) -> Vod {
    let settings = SimulatorSettings {
        visibility,
        long_poll: Duration::from_millis(100),
        ..SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY))
    };
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
    /// An app that pulls from it and takes no pushes.
    pub fn app(&self) -> App {
        App {
            api_endpoint: self.serving.url(),
            events: Events::Pull,
            callback_tokens: Vec::new(),
            ..token_app()
        }
    }

    /// Waits until all events were confirmed.
    pub async fn is_empty(&self) {
        eventually("all events are confirmed", async || {
            self.simulator.unconfirmed() == 0
        })
        .await;
    }

    /// Waits until some action was called so often.
    pub async fn is_called(&self, action: &str, times: u64) {
        eventually("VOD is asked", async || {
            self.simulator.calls(action) >= times
        })
        .await;
    }
}

const POISON: &str = r#"{"EventType":"NewFileUpload","FileUploadEvent":{"MediaBasicInfo":{}}}"#;

#[actix_web::test]
async fn events_are_attributed_confirmed_and_not_pulled_again() {
    let vod = vod();
    let app = TestApp::with(vec![vod.app()]).await;
    let ticket = app.ticket("ann").await;
    for number in 0..40 {
        let file_id = (9_500_000_000_000_000_000_u64 + number).to_string();
        vod.simulator.emit(new_file_upload(&file_id, &ticket));
    }
    vod.is_empty().await;
    assert_eq!(vod.simulator.confirmed(), 40);
    // Whatever was not confirmed would come again now.
    vod.clock.advance(TimeDelta::seconds(60));
    let polls = vod.simulator.calls("PullEvents");
    vod.is_called("PullEvents", polls + 2).await;
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries WHERE door = 'pull'")
            .await,
        40
    );
    let upload = app.upload("9500000000000000039").await;
    assert_eq!(upload["user_id"], "ann");
    assert_eq!(upload["attribution"]["reason"], "ticket");
    assert_eq!(upload["deliveries"], 1);
}

#[actix_web::test]
async fn a_poisonous_event_is_kept_aside_and_confirmed_with_its_neighbours() {
    let vod = vod();
    for number in 0..16 {
        if number == 7 {
            vod.simulator.emit_raw(POISON);
        } else {
            let file_id = format!("95100{number:02}");
            vod.simulator.emit(new_file_upload(&file_id, ""));
        }
    }
    let app = TestApp::with(vec![vod.app()]).await;
    vod.is_empty().await;
    assert_eq!(vod.simulator.confirmed(), 16);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 15);
    let aside =
        "SELECT count(*) FROM deliveries WHERE quarantine_reason = 'no_file_id' AND door = 'pull'";
    assert_eq!(app.count(aside).await, 1);
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 16);
}

#[actix_web::test]
async fn what_cannot_be_confirmed_is_recorded_once_and_holds_nobody_up() {
    let vod = vod();
    // No object, so there is no place for a handle.
    vod.simulator.emit_raw("7");
    vod.simulator.emit(new_file_upload("9520001", ""));
    let app = TestApp::with(vec![vod.app()]).await;
    eventually("the other is confirmed", async || {
        vod.simulator.confirmed() == 1
    })
    .await;
    for _ in 0..3 {
        vod.clock.advance(TimeDelta::seconds(31));
        eventually("it was pulled again", async || vod.simulator.queued() == 0).await;
    }
    vod.simulator.emit(new_file_upload("9520002", ""));
    eventually("the next is confirmed", async || {
        vod.simulator.confirmed() == 2
    })
    .await;
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 2);
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 3);
}

#[actix_web::test]
async fn whatever_vod_answers_the_events_are_recorded_in_the_end() {
    let faults = [
        ("PullEvents", Fault::code("RequestLimitExceeded"), 1),
        ("PullEvents", Fault::code("InternalError"), 1),
        ("PullEvents", Fault::code("AuthFailure.SignatureExpire"), 1),
        ("PullEvents", Fault::once(FaultKind::EmptySet), 1),
        ("PullEvents", Fault::once(FaultKind::NullSet), 1),
        ("PullEvents", Fault::once(FaultKind::UnknownMembers), 1),
        ("PullEvents", Fault::once(FaultKind::HangUp), 1),
        ("PullEvents", Fault::once(FaultKind::Status(502)), 1),
        ("ConfirmEvents", Fault::code("RequestLimitExceeded"), 2),
        ("ConfirmEvents", Fault::code("InternalError"), 1),
        ("ConfirmEvents", Fault::once(FaultKind::HangUp), 1),
    ];
    let each = faults.map(|(action, fault, times)| async move {
        let told = format!("{action} {fault:?}");
        let vod = vod();
        vod.simulator.emit(new_file_upload("9530001", ""));
        vod.simulator.fail(fault.on(action).times(times));
        let app = TestApp::with(vec![vod.app()]).await;
        eventually(&told, async || vod.simulator.unconfirmed() == 0).await;
        assert_eq!(vod.simulator.faults_left(), 0, "{told}");
        assert_eq!(app.upload("9530001").await["deliveries"], 1, "{told}");
    });
    futures_util::future::join_all(each).await;
}

#[actix_web::test]
async fn what_comes_of_pulling_is_counted() {
    let vod = vod();
    vod.simulator.emit(new_file_upload("9600001", ""));
    vod.simulator.emit(new_file_upload("9600002", ""));
    let skewed = Fault::code("AuthFailure.SignatureExpire");
    vod.simulator.fail(skewed.on("PullEvents"));
    let refused = Fault::code("UnauthorizedOperation");
    vod.simulator.fail(refused.on("ConfirmEvents"));
    let app = TestApp::with(vec![vod.app()]).await;
    vod.is_called("ConfirmEvents", 1).await;
    vod.is_called("PullEvents", 3).await;
    vod.clock.advance(TimeDelta::seconds(31));
    vod.is_empty().await;
    let metrics = app.metrics_text().await;
    for line in [
        r#"vod_receiver_pull_polls_total{outcome="clock_skew"} 1"#,
        r#"vod_receiver_pull_polls_total{outcome="recorded"} 2"#,
        "vod_receiver_pull_events_total 4",
        r#"vod_receiver_pull_unconfirmed_total{reason="refused"} 2"#,
    ] {
        assert!(
            metrics.lines().any(|told| told == line),
            "{line}\n{metrics}"
        );
    }
}

#[actix_web::test]
async fn an_answer_that_breaks_off_leaves_its_events_in_the_queue() {
    for kind in [
        FaultKind::CutBody,
        FaultKind::StallBody(Duration::from_millis(300)),
    ] {
        let vod = vod();
        vod.simulator.emit(new_file_upload("9540001", ""));
        vod.simulator.fail(Fault::once(kind).on("PullEvents"));
        let app = TestApp::with(vec![vod.app()]).await;
        vod.is_called("PullEvents", 2).await;
        assert_eq!(vod.simulator.unconfirmed(), 1);
        assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 0);
        vod.clock.advance(TimeDelta::seconds(31));
        vod.is_empty().await;
        assert_eq!(app.upload("9540001").await["deliveries"], 1);
    }
}

#[actix_web::test]
async fn a_confirmation_that_comes_too_late_brings_the_event_again_and_changes_nothing() {
    let vod = vod();
    vod.simulator.emit(new_file_upload("9550001", ""));
    let late = Fault::code("InvalidParameterValue").on("ConfirmEvents");
    vod.simulator.fail(late);
    let app = TestApp::with(vec![vod.app()]).await;
    vod.is_called("ConfirmEvents", 1).await;
    assert_eq!(app.upload("9550001").await["deliveries"], 1);
    vod.clock.advance(TimeDelta::seconds(31));
    vod.is_empty().await;
    assert_eq!(app.upload("9550001").await["deliveries"], 2);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 1);
}

#[actix_web::test]
async fn one_handle_that_vod_does_not_like_does_not_bring_back_the_others() {
    let vod = vod();
    for number in 0..5 {
        vod.simulator
            .emit(new_file_upload(&format!("956000{number}"), ""));
    }
    vod.simulator.fail(
        Fault::code("InvalidParameterValue")
            .on("ConfirmEvents")
            .times(2),
    );
    let app = TestApp::with(vec![vod.app()]).await;
    eventually("four of five are confirmed", async || {
        vod.simulator.confirmed() == 4
    })
    .await;
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 5);
}

#[actix_web::test]
async fn while_nothing_is_durable_nothing_is_confirmed() {
    let vod = vod();
    let app = TestApp::with(vec![vod.app()]).await;
    // It has no spool.
    app.lock_out(true).await;
    vod.simulator.emit(new_file_upload("9570001", ""));
    eventually("it is pulled", async || vod.simulator.queued() == 0).await;
    let polls = vod.simulator.calls("PullEvents");
    vod.is_called("PullEvents", polls + 1).await;
    assert_eq!(vod.simulator.calls("ConfirmEvents"), 0);
    assert_eq!(vod.simulator.unconfirmed(), 1);
    app.lock_out(false).await;
    eventually("Postgres takes writes again", async || {
        app.get("/readyz").await.0 == StatusCode::OK
    })
    .await;
    vod.clock.advance(TimeDelta::seconds(31));
    eventually("it is confirmed", async || vod.simulator.unconfirmed() == 0).await;
    assert_eq!(app.upload("9570001").await["deliveries"], 1);
}

#[actix_web::test]
async fn what_is_spooled_is_confirmed() {
    let vod = vod();
    let dir = Scratch::new();
    let app = TestApp::with_spool_and(&dir, vec![vod.app()]).await;
    app.lock_out(true).await;
    vod.simulator.emit(new_file_upload("9580001", ""));
    vod.is_empty().await;
    app.lock_out(false).await;
    eventually("it is drained", async || {
        app.get("/readyz").await.1["spool"]["records"] == 0
            && app
                .count("SELECT count(*) FROM deliveries WHERE door = 'pull'")
                .await
                == 1
    })
    .await;
}

#[actix_web::test]
async fn an_app_that_pulls_takes_pushes_only_if_they_can_prove_themselves() {
    let vod = vod();
    let body = || new_file_upload("9590001", "").to_string();
    let closed = TestApp::with(vec![vod.app()]).await;
    for rest in ["main", &format!("main/{TOKEN}")] {
        let (status, _) = closed.callback_to(rest, body()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{rest}");
    }
    assert_eq!(closed.count("SELECT count(*) FROM deliveries").await, 0);
    let counted = r#"vod_receiver_callbacks_unauthenticated_total{reason="events_are_pulled"} 2"#;
    assert!(closed.metrics_text().await.contains(counted));
    let with_token = App {
        callback_tokens: vec![Secret::new(TOKEN)],
        ..vod.app()
    };
    let open = TestApp::with(vec![with_token]).await;
    assert_eq!(open.callback(body()).await.0, StatusCode::OK);
    let (status, _) = open.callback_to("main", body()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
