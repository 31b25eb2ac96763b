//! One row from many facts, whatever their order, on a real Postgres: the same random history through one
//! receiver in its order, and through three at once in any batches.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use vod_receiver::record::{Delivery, Recorder};
use vod_receiver::ticket::Ticket;

use crate::fold::{TICKETS, any_delivery, named_first, number_them};
use crate::harness::TestApp;

const HISTORIES: usize = 40;

/// Uploads whose count is not that of the deliveries which are kept and name them.
const MISCOUNTED: &str = "SELECT count(*) FROM uploads u WHERE deliveries <> (
    SELECT count(*) FROM deliveries d WHERE d.app = u.app AND (d.file_id = u.file_id OR u.file_id = ANY(d.more_file_ids)))";

/// What was told, and how it comes to the receivers: the receiver of each batch, and its deliveries.
type History = (Vec<Delivery>, Vec<(usize, Vec<Index>)>);

fn any_history() -> impl Strategy<Value = History> {
    let batch = (0..3_usize, prop::collection::vec(any::<Index>(), 1..9));
    (
        prop::collection::vec(any_delivery(), 4..24),
        prop::collection::vec(batch, 4..16),
    )
}

impl TestApp {
    /// The tickets that the histories name: one of this app, one of another.
    pub async fn issue_tickets(&self) {
        for (ticket, app, user) in [(TICKETS[0], "main", "ann"), (TICKETS[1], "other", "bob")] {
            let ticket: Ticket = ticket.parse().unwrap();
            let sql = format!(
                "INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
                VALUES ('{}', '{app}', '{user}', false, now(), now())",
                ticket.0
            );
            self.run(sql).await;
        }
    }

    pub async fn run(&self, sql: String) {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// All that the tables hold, but for how often a row was written, when VOD last answered, and which of its answers
    /// were kept.
    pub async fn rows(&self) -> (Value, Value, Value) {
        sqlx::query_as(
            "SELECT
                (SELECT coalesce(jsonb_agg(to_jsonb(u) - ARRAY['version', 'folded_on', 'seen_at', 'deliveries']
                    ORDER BY app, file_id), '[]') FROM uploads u),
                (SELECT coalesce(jsonb_agg(to_jsonb(t) - ARRAY['version'] ORDER BY task_id, app, file_id), '[]')
                    FROM tasks t),
                (SELECT coalesce(jsonb_agg(jsonb_build_array(id, door, refuted) ORDER BY id), '[]')
                    FROM deliveries WHERE door <> 'reconcile')",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    async fn forget(&self) {
        let tables = "deliveries, uploads, tasks, changes, attribution_changes";
        self.run(format!("TRUNCATE {tables}")).await;
    }
}

#[actix_web::test]
async fn three_receivers_at_once_in_any_batches_write_the_rows_of_one_in_order() {
    let (one, three) = (TestApp::start().await, TestApp::start().await);
    one.issue_tickets().await;
    three.issue_tickets().await;
    let (second, _second_tasks) = three.another_recorder();
    let (third, _third_tasks) = three.another_recorder();
    let receivers = [three.recorder.clone(), second, third];
    let mut runner = TestRunner::deterministic();
    for number in 0..HISTORIES {
        let (mut told, batches) = any_history().new_tree(&mut runner).unwrap().current();
        told.splice(0..0, named_first());
        number_them(&mut told);
        for delivery in &mut told {
            delivery.id = one.random.uuid_v7(one.now());
        }
        for delivery in &told {
            one.recorder.submit(vec![delivery.clone()]).await.unwrap();
        }
        receivers[0].submit(told[..2].to_vec()).await.unwrap();
        at_once(&receivers, &told, batches).await;
        assert_eq!(
            one.rows().await,
            three.rows().await,
            "history {number}: {told:#?}"
        );
        assert_eq!(
            three
                .count("SELECT seq - (SELECT count(*) FROM changes) FROM feed_head")
                .await,
            0
        );
        for app in [&one, &three] {
            assert_eq!(
                app.count(MISCOUNTED).await,
                0,
                "history {number}: {told:#?}"
            );
        }
        one.forget().await;
        three.forget().await;
    }
}

/// Submits batches to their receivers at the same moment; what no batch holds comes last, all of it, so that
/// everything was told at least once.
async fn at_once(receivers: &[Recorder; 3], told: &[Delivery], batches: Vec<(usize, Vec<Index>)>) {
    let submitted = batches.into_iter().map(|(receiver, batch)| {
        let batch = batch.iter().map(|index| index.get(told).clone()).collect();
        receivers[receiver].submit(batch)
    });
    for outcome in futures_util::future::join_all(submitted).await {
        outcome.unwrap();
    }
    receivers[0].submit(told.to_vec()).await.unwrap();
}
