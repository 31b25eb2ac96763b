//! `reconcile_every`: a running service does it by itself, one receiver at a time.

use std::time::Duration;

use super::*;
use crate::harness::eventually;

fn hourly(vod: &Vod) -> App {
    App {
        reconcile_every: Some(Duration::from_secs(3_600)),
        ..vod.app()
    }
}

impl TestApp {
    /// Whether the metrics tell this line.
    async fn tells(&self, line: &str) -> bool {
        let metrics = self.metrics_text().await;
        metrics
            .lines()
            .any(|told| told == format!("vod_receiver_reconcile_{line}"))
    }
}

#[actix_web::test]
async fn a_service_reconciles_at_its_start_and_again_when_it_is_time() {
    let vod = vod();
    vod.holds(&upload("87001", "", 600));
    let app = TestApp::with(vec![hourly(&vod)]).await;
    eventually("the first run", async || {
        app.tells(r#"runs_total{outcome="done"} 1"#).await
    })
    .await;
    assert!(app.tells(r#"repaired_total{what="upload"} 1"#).await);
    assert!(app.tells("checkpoint_age_seconds 0").await);
    assert_eq!(app.upload("87001").await["confirmed"], "vod");
    vod.holds(&upload("87002", "", 60));
    let advance = |minutes: i64| {
        for clock in [&app.clock, &vod.clock] {
            clock.advance(TimeDelta::minutes(minutes));
        }
    };
    // Not yet time: the checkpoint grows old.
    advance(59);
    assert!(app.tells("checkpoint_age_seconds 3539").await);
    advance(2);
    eventually("the second run", async || {
        app.tells(r#"runs_total{outcome="done"} 2"#).await
    })
    .await;
    assert_eq!(app.upload("87002").await["confirmed"], "vod");
}

#[actix_web::test]
async fn a_second_receiver_does_not_run_what_another_has_just_run() {
    let vod = vod();
    let app = TestApp::with(vec![hourly(&vod)]).await;
    eventually("the run", async || {
        app.tells(r#"runs_total{outcome="done"} 1"#).await
    })
    .await;
    let asked = vod.simulator.calls("SearchMedia");
    let metrics = vod_receiver::ops::metrics::Metrics::new(app.now(), []);
    let every = Duration::from_secs(3_600);
    let second =
        vod_receiver::receive::reconcile::Schedule::new(app.reconciler(&vod), every, metrics);
    let mut tasks = vod_receiver::ops::lifecycle::Lifecycle::default();
    tasks.spawn("reconcile", |stop| second.run(stop));
    app.clock.advance(TimeDelta::minutes(59));
    // Stopped while it waits: at once.
    tasks.stop().await;
    assert_eq!(vod.simulator.calls("SearchMedia"), asked);
}

#[actix_web::test]
async fn a_run_that_fails_is_counted_by_its_reason_and_tried_again() {
    let vod = vod();
    let refused = simulator::Fault::code("UnauthorizedOperation");
    vod.simulator.fail(refused.on("SearchMedia"));
    vod.holds(&upload("87201", "", 600));
    let app = TestApp::with(vec![hourly(&vod)]).await;
    eventually("it failed", async || {
        app.tells(r#"runs_total{outcome="refused"} 1"#).await
    })
    .await;
    for clock in [&app.clock, &vod.clock] {
        clock.advance(TimeDelta::minutes(2));
    }
    eventually("it is done", async || {
        app.tells(r#"runs_total{outcome="done"} 1"#).await
    })
    .await;
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 1);
}
