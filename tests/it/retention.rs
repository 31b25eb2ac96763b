//! Months are made and dropped while others read and write, and counts outlive them.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::Instant;
use vod_receiver::config::KeepDays;
use vod_receiver::keep::{partitions, rollups};
use vod_receiver::record::Door;

use crate::harness::{TestApp, eventually, new_file_upload};

const NOTHING: KeepDays = KeepDays {
    deliveries: None,
    issues: None,
};

impl TestApp {
    async fn keep_house(&self, keep: KeepDays) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await.unwrap();
        partitions::ensure(&mut connection, self.now()).await?;
        partitions::drop_old(&mut connection, keep, self.now()).await
    }

    /// The months of the tables that grow for ever.
    async fn months(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT relname::text FROM pg_class
            WHERE relname ~ '^(deliveries|signature_issues)_[0-9_]{7}$' AND relkind = 'r' ORDER BY 1",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// What is counted.
    async fn counts(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT q::text FROM upload_quarters q UNION ALL SELECT q::text FROM ticket_quarters q
            UNION ALL SELECT q::text FROM delivery_quarters q UNION ALL SELECT q::text FROM delay_quarters q
            ORDER BY 1",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Half a year, with something in each month.
    async fn half_a_year(&self) {
        for month in 0..7 {
            self.keep_house(NOTHING).await.unwrap();
            let ticket = self.ticket(&format!("user {month}")).await;
            for n in 0..2 {
                let mut body = new_file_upload(&format!("81{month}{n}"), &ticket);
                let at = self.now() - TimeDelta::seconds(5);
                body["FileUploadEvent"]["MediaBasicInfo"]["CreateTime"] =
                    json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
                self.submit(Door::Push, &body, 0).await;
                self.submit(Door::Push, &body, 0).await;
            }
            self.clock.advance(TimeDelta::days(30));
        }
    }
}

#[actix_web::test]
async fn months_that_are_old_are_dropped_and_what_was_counted_of_them_stays() {
    let app = TestApp::start().await;
    app.half_a_year().await;
    let keep = KeepDays {
        deliveries: Some(60),
        issues: Some(120),
    };
    app.keep_house(NOTHING).await.unwrap();
    let before = app.months().await;
    app.keep_house(keep).await.unwrap();
    assert_eq!(
        app.months().await.len(),
        before.len(),
        "what is not counted yet is kept"
    );

    app.count_all().await;
    let counts = app.counts().await;
    assert_eq!(counts.len(), 28);
    app.keep_house(keep).await.unwrap();
    let (deliveries, issues): (Vec<_>, Vec<_>) = app
        .months()
        .await
        .into_iter()
        .partition(|name| name.starts_with("deliveries"));
    // It is 2027-06-21.
    assert_eq!(deliveries[0], "deliveries_2027_04");
    assert_eq!(issues[0], "signature_issues_2027_02");
    assert_eq!(app.counts().await, counts);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 14);
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 7);

    rollups::recount(&app.database).await.unwrap();
    app.count_all().await;
    assert_eq!(app.counts().await, counts, "recounted");

    // A notification of a dropped month that comes only now is stored and counted.
    let late = new_file_upload("8199", "");
    app.submit(Door::Push, &late, 150 * 24).await;
    app.count_all().await;
    let sql = "SELECT sum(deliveries)::bigint FROM delivery_quarters";
    assert_eq!(app.count(sql).await, 29);
    rollups::recount(&app.database).await.unwrap();
    app.count_all().await;
    assert_eq!(app.count(sql).await, 29);
}

#[actix_web::test]
async fn nobody_waits_for_long_while_a_month_is_made_or_dropped_behind_a_long_question() {
    let app = TestApp::start().await;
    app.half_a_year().await;
    let months = app.months().await.len();
    let mut reader = PgConnection::connect(&app.database_url()).await.unwrap();
    for sql in [
        "BEGIN",
        "SELECT count(*) FROM deliveries",
        "SELECT count(*) FROM signature_issues",
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut reader)
            .await
            .unwrap();
    }
    app.clock.advance(TimeDelta::days(60)); // some months are to be made, some to be dropped
    app.count_all().await;
    let keep = KeepDays {
        deliveries: Some(31),
        issues: Some(120),
    };
    let keeping = async {
        let kept = app.keep_house(keep).await;
        (kept, Instant::now())
    };
    let working = async {
        let mut slowest = Duration::ZERO;
        // Longer than a look for the moment in which a month can be made, and not so long that it is given up.
        let until = Instant::now() + Duration::from_secs(3);
        let mut n = 0;
        while Instant::now() < until {
            n += 1;
            let began = Instant::now();
            let ticket = app.ticket("ann").await;
            let told = app.callback(new_file_upload(&format!("82{n}"), &ticket).to_string());
            assert_eq!(told.await.0, StatusCode::OK);
            let (status, _) = app.get(&format!("/v1/tickets/{ticket}")).await;
            assert_eq!(status, StatusCode::OK);
            slowest = slowest.max(began.elapsed());
        }
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut reader)
            .await
            .unwrap();
        (slowest, Instant::now())
    };
    let ((kept, kept_at), (slowest, worked_at)) = tokio::join!(keeping, working);
    kept.unwrap();
    assert!(kept_at > worked_at, "the reader was not waited for");
    assert!(
        slowest < Duration::from_secs(20),
        "somebody waited {slowest:?}"
    );
    assert!(app.months().await.len() != months);
    eventually("everything is counted", || async {
        app.count_all().await;
        app.count("SELECT count(*) FROM uncounted").await == 0
    })
    .await;
}
