//! Checkpoints: who is stopped goes on where it was, and one at a time.

use vod_receiver::simulator::Fault;

use super::*;

impl TestApp {
    async fn checkpoint(&self) -> Option<DateTime<Utc>> {
        sqlx::query_scalar("SELECT reconciled_to FROM reconcile_checkpoints WHERE app = 'main'")
            .fetch_optional(&self.pool)
            .await
            .unwrap()
    }

    /// Where a run begins if nobody says.
    async fn begins(&self, vod: &Vod) -> DateTime<Utc> {
        let dry = Ask {
            dry_run: true,
            ..Ask::default()
        };
        self.reconciler(vod).begin(&dry).await.unwrap().from
    }
}

#[actix_web::test]
async fn a_first_run_goes_back_a_day_and_the_next_begins_before_the_end_of_the_last() {
    let vod = vod();
    let app = vod.receiver().await;
    assert_eq!(app.begins(&vod).await, now() - TimeDelta::days(1));
    app.reconcile(&vod, &Ask::default()).await;
    let end = now() + TimeDelta::seconds(1);
    assert_eq!(app.checkpoint().await, Some(end));
    assert_eq!(app.begins(&vod).await, end - TimeDelta::minutes(10));
    assert_eq!(
        app.count("SELECT count(*) FROM reconcile_checkpoints WHERE ran_at IS NOT NULL")
            .await,
        1
    );
}

#[actix_web::test]
async fn a_run_that_was_stopped_goes_on_at_its_checkpoint_and_since_overrides_it() {
    let vod = vod();
    let app = vod.receiver().await;
    for hour in 0..24 {
        vod.holds(&upload(&format!("81{hour:02}"), "", 3_600 * hour + 60));
    }
    // The windows are 1, 2, 4 and 8 hours long, then what is left.
    vod.simulator
        .fail(Fault::code("UnauthorizedOperation").on("DescribeTaskDetail"));
    vod.simulator.set_task(
        "t",
        json!({"Status": "FINISH", "CreateTime": ago(3_600 * 15)}),
    );
    let (first, ended) = app.try_to_reconcile(&vod, &day()).await;
    assert!(matches!(ended, Err(Interrupted::Vod(_))), "{ended:?}");
    assert!(first.repaired > 3 && first.repaired < 24, "{first:?}");
    let reached = app.checkpoint().await.unwrap();
    assert_eq!(reached, now() - TimeDelta::hours(17));
    let asked = vod.simulator.calls("SearchMedia");
    let second = app.reconcile(&vod, &Ask::default()).await;
    assert_eq!(first.repaired + second.repaired, 24);
    assert!(second.found < 24, "{second:?}");
    assert_eq!(vod.simulator.calls("SearchMedia") - asked, 5);
    let third = app.reconcile(&vod, &day()).await;
    assert_eq!((third.found, third.missing), (24, 0));
}

#[actix_web::test]
async fn a_run_over_the_past_takes_nothing_back_and_one_that_leaves_a_gap_passes_over_nothing() {
    let vod = vod();
    let app = vod.receiver().await;
    let yesterday = Ask {
        until: Some(now() - TimeDelta::hours(3)),
        ..day()
    };
    app.reconcile(&vod, &yesterday).await;
    let reached = now() - TimeDelta::hours(3) + TimeDelta::seconds(1);
    assert_eq!(app.checkpoint().await, Some(reached));
    let last_hour = Ask {
        since: Some(now() - TimeDelta::hours(1)),
        ..Ask::default()
    };
    app.reconcile(&vod, &last_hour).await;
    assert_eq!(app.checkpoint().await, Some(reached));
    app.reconcile(&vod, &Ask::default()).await;
    let end = app.checkpoint().await;
    assert_eq!(end, Some(now() + TimeDelta::seconds(1)));
    app.reconcile(&vod, &yesterday).await;
    assert_eq!(app.checkpoint().await, end);
}

#[actix_web::test]
async fn of_two_at_once_one_is_turned_away_and_a_dry_run_disturbs_nobody() {
    let vod = vod();
    let app = vod.receiver().await;
    let mut first = app.reconciler(&vod).begin(&day()).await.unwrap();
    let second = app.reconciler(&vod).begin(&day()).await;
    assert!(matches!(second.err(), Some(Interrupted::Elsewhere)));
    let dry = Ask {
        dry_run: true,
        ..day()
    };
    app.reconcile(&vod, &dry).await;
    first.finish(Box::new(|_| ())).await.unwrap();
    drop(first);
    crate::harness::eventually("the lock is gone with its connection", async || {
        app.reconciler(&vod).begin(&day()).await.is_ok()
    })
    .await;
}

#[actix_web::test]
async fn there_has_to_be_a_time_to_look_at() {
    let vod = vod();
    let app = vod.receiver().await;
    let backwards = Ask {
        since: Some(now() - TimeDelta::hours(1)),
        until: Some(now() - TimeDelta::hours(2)),
        ..Ask::default()
    };
    let begun = app.reconciler(&vod).begin(&backwards).await;
    assert!(matches!(begun.err(), Some(Interrupted::NoTime { .. })));
}
