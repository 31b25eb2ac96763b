//! Users who upload end to end through a receiver, and what the tally says of it.

use std::sync::Arc;

use vod_receiver::config::App;
use vod_receiver::receive::reconcile::{Ask, Reconciler};
use vod_receiver::simulator::Knobs;
use vod_receiver::simulator::users::{self, Progress, Tally, UsersSettings};

use super::*;
use crate::harness::{ADMIN_KEY, TOKEN, TestApp, token_app};

/// All arrive, a fifth of them twice, a fifth late, a fifth out of order.
const ROUGH: Knobs = Knobs {
    lose: 0.0,
    duplicate: 20.0,
    delay: 20.0,
    delay_ms: 300,
    reorder: 20.0,
    cut: 0.0,
    seed: 1,
};

async fn tally(app: &TestApp, vod: &Vod, wait: Duration) -> Tally {
    let settings = UsersSettings {
        receiver: app.url.clone(),
        api_key: Secret::new(ADMIN_KEY),
        app: Some("main".to_owned()),
        vod: vod.serving.url(),
        users: 7,
        uploads: 300,
        rate: 1_000.0,
        // All share this thread with the receiver's writers.
        at_once: 16,
        file_bytes: 10,
        procedure: None,
        one_time: true,
        seed: 1,
        wait,
    };
    let progress = Arc::new(Progress::default());
    users::run(&settings, progress, &vod.clock, &Random::system())
        .await
        .unwrap()
}

async fn pushing(knobs: Knobs) -> (TestApp, Vod) {
    let (app, vod) = (TestApp::start().await, vod());
    vod.simulator.set_event_config(EventConfig {
        notification_url: format!("{}/callbacks/main/{TOKEN}", app.url),
        upload_media_complete_event_switch: "ON".to_owned(),
        ..EventConfig::default()
    });
    vod.simulator.turn(knobs).unwrap();
    (app, vod)
}

#[actix_web::test]
async fn notifications_doubled_late_and_out_of_order_attribute_every_upload_once() {
    let (app, vod) = pushing(ROUGH).await;
    let tally = tally(&app, &vod, Duration::from_secs(60)).await;
    assert!(tally.is_right(), "{tally:?}");
    assert_eq!(tally.made, 300);
    let told = vod.simulator.told();
    assert!(
        told.doubled > 30 && told.delayed > 30 && told.reordered > 30,
        "{told:?}"
    );
}

/// Loses every notification of 300 uploads.
async fn losing() -> (TestApp, Vod) {
    pushing(Knobs {
        lose: 100.0,
        ..Knobs::default()
    })
    .await
}

#[actix_web::test]
async fn what_is_lost_is_told_as_missing() {
    let (app, vod) = losing().await;
    let tally = tally(&app, &vod, Duration::ZERO).await;
    assert!(!tally.is_right());
    assert_eq!((tally.made, tally.missing, tally.right), (300, 300, 0));
}

#[actix_web::test]
async fn what_is_lost_is_found_by_reconcile_beside_what_is_doubled_and_late() {
    let (app, vod) = pushing(Knobs {
        lose: 20.0,
        ..ROUGH
    })
    .await;
    let main = App {
        api_endpoint: vod.serving.url(),
        ..token_app()
    };
    let (recorder, database) = (app.recorder.clone(), app.database.clone());
    let (clock, random) = (app.clock.clone(), app.random.clone());
    let reconciler = Reconciler::new(&main, recorder, database, clock, random).unwrap();
    let reconciling = async {
        loop {
            // The lock of the last run goes with its connection, which may take a moment.
            if let Ok(mut run) = reconciler.begin(&Ask::default()).await {
                run.finish(Box::new(|_| ())).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let tally = tokio::select! {
        tally = tally(&app, &vod, Duration::from_secs(60)) => tally,
        () = reconciling => unreachable!(),
    };
    assert!(tally.is_right(), "{tally:?}");
    assert!(vod.simulator.told().lost > 30);
}

#[actix_web::test]
async fn an_upload_that_is_told_as_anothers_is_wrong() {
    let (app, vod) = losing().await;
    let bob = app.ticket("bob").await;
    let telling = async {
        loop {
            let found = vod.ask("SearchMedia", json!({"Limit": 1})).await;
            if let Some(file_id) = found["MediaInfoSet"][0]["FileId"].as_str() {
                let forged = crate::harness::new_file_upload(file_id, &bob);
                app.callback(forged.to_string()).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let tally = tokio::select! {
        tally = tally(&app, &vod, Duration::from_secs(1)) => tally,
        () = telling => unreachable!(),
    };
    assert!(tally.wrong > 0, "{tally:?}");
    assert_eq!(tally.wrong + tally.missing, 300);
}

#[actix_web::test]
async fn uploads_that_are_not_made_are_told_with_a_reason() {
    let (app, vod) = pushing(Knobs::default()).await;
    vod.simulator
        .fail(Fault::code("AccessDenied").on("COS").times(2));
    let tally = tally(&app, &vod, Duration::from_secs(60)).await;
    assert_eq!((tally.made, tally.failed, tally.right), (298, 2, 298));
    assert!(!tally.is_right());
    assert!(
        tally.reasons[0].contains("AccessDenied"),
        "{:?}",
        tally.reasons
    );
}
