//! What the recorder presumes without asking: it may be wrong, and then nothing of it is written.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use vod_receiver::record::Outcome;

use crate::harness::{TestApp, new_file_upload};

impl TestApp {
    async fn execute(&self, sql: String) {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await;
        assert_eq!(done.unwrap().rows_affected(), 1);
    }

    /// How many batches were written on presumptions that did not hold, or met another writer.
    async fn contended(&self) -> f64 {
        let text = self.client.get(format!("{}/metrics", self.url)).send();
        let text = text.await.unwrap().text().await.unwrap();
        let name = "vod_receiver_batches_total{outcome=\"contended\"} ";
        let told = text.lines().find_map(|line| line.strip_prefix(name));
        told.unwrap().parse().unwrap()
    }
}

#[actix_web::test]
async fn a_ticket_is_believed_only_while_the_log_says_the_same() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("9001", &ticket).to_string())
        .await;
    assert_eq!(app.upload("9001").await["user_id"], "ann");
    assert_eq!(app.contended().await, 0.0);

    // Somebody else changes the log, and this process still remembers what it issued.
    app.execute("UPDATE tickets SET user_id = 'bob'".to_owned())
        .await;
    app.callback(new_file_upload("9002", &ticket).to_string())
        .await;
    assert_eq!(app.upload("9002").await["user_id"], "bob");
    assert_eq!(app.contended().await, 1.0);

    app.execute("DELETE FROM tickets".to_owned()).await;
    app.callback(new_file_upload("9003", &ticket).to_string())
        .await;
    let upload = app.upload("9003").await;
    assert_eq!(upload["user_id"], Value::Null);
    assert_eq!(upload["attribution"]["reason"], "unknown_ticket");
    assert_eq!(app.contended().await, 2.0);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 3);
}

#[actix_web::test]
async fn a_file_that_another_receiver_recorded_is_a_duplicate_here() {
    let app = TestApp::start().await;
    let (other, _tasks) = app.another_recorder();
    let ticket = app.ticket("ann").await;
    for file in 0..20 {
        let body = new_file_upload(&format!("91{file:02}"), &ticket);
        let submitted = other.submit(vec![app.delivery(&body)]).await;
        assert_eq!(submitted.unwrap(), [Outcome::Recorded]);
        let (_, answer) = app.callback(body.to_string()).await;
        assert_eq!(answer["status"], "duplicate");
    }
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 20);
    assert_eq!(
        app.count("SELECT min(deliveries)::bigint FROM uploads")
            .await,
        2
    );
    assert_eq!(app.count("SELECT count(*) FROM changes").await, 20);
    // After the first one it asks, for a while.
    assert_eq!(app.contended().await, 1.0);
}

#[actix_web::test]
async fn one_file_presumed_new_in_vain_costs_its_neighbours_nothing() {
    let app = TestApp::start().await;
    let (other, _tasks) = app.another_recorder();
    let known = new_file_upload("9207", "");
    other.submit(vec![app.delivery(&known)]).await.unwrap();
    let batch = (0..20).map(|file| app.delivery(&new_file_upload(&format!("92{file:02}"), "")));
    let outcomes = app.recorder.submit(batch.collect()).await.unwrap();
    for (file, outcome) in outcomes.into_iter().enumerate() {
        let expected = if file == 7 {
            Outcome::Duplicate
        } else {
            Outcome::Recorded
        };
        assert_eq!(outcome, expected, "{file}");
    }
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 20);
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 21);
}

#[actix_web::test]
async fn a_file_that_was_written_just_now_is_not_presumed_new() {
    let app = TestApp::start().await;
    let body = new_file_upload("9301", "");
    for turn in 0..3 {
        let (_, answer) = app.callback(body.to_string()).await;
        assert_eq!(answer["status"] == "recorded", turn == 0);
    }
    let mut later = body.clone();
    later["FileUploadEvent"]["MediaBasicInfo"]["UpdateTime"] = json!("2026-11-23T08:30:00Z");
    later["FileUploadEvent"]["MediaBasicInfo"]["Name"] = json!("renamed");
    app.callback(later.to_string()).await;
    assert_eq!(app.upload("9301").await["name"], "renamed");
    assert_eq!(app.contended().await, 0.0);
}
