//! Whatever VOD answers, and whoever is away: nothing is lost, and the next run goes on.

use std::time::Duration;

use vod_receiver::simulator::{Fault, FaultKind};

use super::*;
use crate::harness::Scratch;

/// A file that was never told, one that the search leaves out, and a task whose end was lost.
async fn scene(vod: &Vod, app: &TestApp) {
    vod.holds(&upload("91001", "", 600));
    let told = upload("91002", "", 600);
    app.callback(told.to_string()).await;
    vod.holds(&told);
    vod.simulator.hide_from_search("91002");
    // It was recorded before the run begins.
    app.clock.advance(TimeDelta::milliseconds(1));
    vod.simulator
        .set_task("t", tasks::procedure("91001", "t", "FINISH"));
}

fn all_is_there(rows: &Value) -> bool {
    let rows = rows.as_array().unwrap();
    rows.len() == 2
        && rows.iter().all(|row| row["confirmed"] == "vod")
        && rows.iter().any(|row| row["processing"] == "succeeded")
}

const ACTIONS: [&str; 4] = [
    "SearchMedia",
    "DescribeMediaInfos",
    "DescribeTasks",
    "DescribeTaskDetail",
];

#[actix_web::test]
async fn what_passes_is_tried_again_and_the_run_comes_to_its_end() {
    let faults = [
        Fault::code("RequestLimitExceeded"),
        Fault::code("InternalError"),
        Fault::once(FaultKind::HangUp),
        Fault::once(FaultKind::CutBody),
        Fault::once(FaultKind::StallBody(Duration::from_millis(200))),
        Fault::once(FaultKind::Status(502)),
        Fault::once(FaultKind::UnknownMembers),
        Fault::once(FaultKind::Delay(Duration::from_millis(100))),
    ];
    let cases = ACTIONS
        .iter()
        .flat_map(|action| faults.iter().map(move |fault| fault.clone().on(action)));
    let each = cases.map(|fault| async move {
        let told = format!("{fault:?}");
        let vod = vod();
        let app = vod.receiver().await;
        scene(&vod, &app).await;
        vod.simulator.fail(fault);
        let counts = app.reconcile(&vod, &day()).await;
        assert!(!counts.are_incomplete(), "{told}: {counts:?}");
        assert_eq!(vod.simulator.faults_left(), 0, "{told}");
        assert!(all_is_there(&app.rows().await.0), "{told}");
    });
    futures_util::future::join_all(each).await;
}

#[actix_web::test]
async fn what_does_not_pass_ends_the_run_with_its_reason_and_the_next_one_does_the_rest() {
    let cases = [
        ("AuthFailure.SignatureExpire", 1, "clock_skew"),
        ("AuthFailure.SignatureFailure", 1, "unauthentic"),
        ("UnauthorizedOperation", 1, "refused"),
        ("RequestLimitExceeded", 4, "rate_limited"),
        ("InternalError", 4, "internal"),
    ];
    let each = ACTIONS.iter().flat_map(|action| {
        cases.map(|(code, times, reason)| async move {
            let vod = vod();
            let app = vod.receiver().await;
            scene(&vod, &app).await;
            vod.simulator
                .fail(Fault::code(code).on(action).times(times));
            let (_, ended) = app.try_to_reconcile(&vod, &day()).await;
            assert_eq!(ended.unwrap_err().code(), reason, "{action} {code}");
            app.reconcile(&vod, &day()).await;
            assert!(all_is_there(&app.rows().await.0), "{action} {code}");
        })
    });
    futures_util::future::join_all(each).await;
}

#[actix_web::test]
async fn empty_and_null_sets_take_nothing_away() {
    for kind in [FaultKind::EmptySet, FaultKind::NullSet] {
        for action in ["SearchMedia", "DescribeMediaInfos", "DescribeTasks"] {
            let vod = vod();
            let app = vod.receiver().await;
            scene(&vod, &app).await;
            app.reconcile(&vod, &day()).await;
            let before = app.rows().await;
            vod.simulator
                .fail(Fault::once(kind.clone()).on(action).times(9));
            let verify = Ask {
                verify: true,
                ..day()
            };
            app.reconcile(&vod, &verify).await;
            assert_eq!(app.rows().await, before, "{kind:?} {action}");
        }
    }
}

#[actix_web::test]
async fn while_postgres_is_away_a_run_says_so_and_nothing_is_lost() {
    let vod = vod();
    let dir = Scratch::new();
    let app = TestApp::with_spool_and(&dir, vec![vod.app()]).await;
    scene(&vod, &app).await;
    let mut run = app.reconciler(&vod).begin(&day()).await.unwrap();
    app.lock_out(true).await;
    let ended = run.finish(Box::new(|_| ())).await;
    assert_eq!(ended.unwrap_err().code(), "postgres_away");
    drop(run);
    crate::harness::eventually("it is noticed", async || {
        let begun = app.reconciler(&vod).begin(&day()).await;
        begun
            .err()
            .is_some_and(|error| error.code() == "postgres_away")
    })
    .await;
    app.lock_out(false).await;
    crate::harness::eventually("a run comes to its end", async || {
        match app.reconciler(&vod).begin(&day()).await {
            Ok(mut run) => run.finish(Box::new(|_| ())).await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
    assert!(all_is_there(&app.rows().await.0));
}
