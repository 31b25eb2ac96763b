//! What VOD does not know: deleted, invented, or only left out of a search.

use super::*;
use crate::uploads_list::deletion;

fn verify() -> Ask {
    Ask {
        verify: true,
        ..day()
    }
}

#[actix_web::test]
async fn a_file_that_a_search_leaves_out_is_not_deleted() {
    let vod = vod();
    let app = vod.receiver().await;
    for file_id in ["86001", "86002"] {
        vod.holds(&upload(file_id, "", 600));
    }
    app.reconcile(&vod, &day()).await;
    let before = app.rows().await;
    vod.simulator.hide_from_search("86001");
    let counts = app.reconcile(&vod, &verify()).await;
    assert_eq!((counts.found, counts.deleted), (2, 0));
    assert_eq!(app.rows().await, before);
}

#[actix_web::test]
async fn a_file_that_vod_had_confirmed_and_knows_no_more_is_deleted_once() {
    let vod = vod();
    let app = vod.receiver().await;
    let ticket = app.ticket("ann").await;
    for file_id in ["86101", "86102"] {
        vod.holds(&upload(file_id, &ticket, 600));
    }
    app.reconcile(&vod, &day()).await;
    assert!(vod.simulator.delete_media("86101"));
    let counts = app.reconcile(&vod, &day()).await;
    assert_eq!(
        (counts.found, counts.deleted, counts.unexplained),
        (1, 1, 0)
    );
    let deleted = app.upload("86101").await;
    assert!(!deleted["deleted_at"].is_null());
    assert_eq!(deleted["user_id"], "ann");
    assert_eq!(app.upload("86102").await["deleted_at"], Value::Null);
    let body: Vec<u8> =
        sqlx::query_scalar("SELECT body FROM deliveries WHERE event_type = 'FileNotExist'")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!(body, br#"{"NotExistFileIdSet":["86101"]}"#);
    assert_eq!(app.reconcile(&vod, &verify()).await.deleted, 0);
    assert_eq!(app.deliveries().await, 3);
}

#[actix_web::test]
async fn what_only_notifications_speak_for_is_left_alone_until_it_is_verified() {
    let vod = vod();
    let app = vod.receiver().await;
    let ticket = app.ticket("ann").await;
    app.callback(upload("86201", &ticket, 600).to_string())
        .await;
    let counts = app.reconcile(&vod, &day()).await;
    assert_eq!((counts.unexplained, counts.refuted), (1, 0));
    assert!(!counts.are_incomplete());
    assert_eq!(app.upload("86201").await["user_id"], "ann");
    let dry = Ask {
        dry_run: true,
        ..verify()
    };
    assert_eq!(app.reconcile(&vod, &dry).await.refuted, 1);
    assert_eq!(app.upload("86201").await["user_id"], "ann");
    let counts = app.reconcile(&vod, &verify()).await;
    assert_eq!((counts.unexplained, counts.refuted), (0, 1));
    let listed = app.get("/v1/uploads?confirmed=refuted").await.1;
    assert_eq!(listed["items"][0]["file_id"], "86201");
    assert_eq!(listed["items"][0]["user_id"], Value::Null);
    let unlisted = app.get("/v1/uploads").await.1;
    assert_eq!(unlisted["items"], json!([]));
    assert_eq!(app.reconcile(&vod, &verify()).await.refuted, 0);
}

#[actix_web::test]
async fn a_deletion_that_was_told_explains_that_vod_knows_no_such_file() {
    let vod = vod();
    let app = vod.receiver().await;
    let ticket = app.ticket("ann").await;
    app.callback(upload("86301", &ticket, 600).to_string())
        .await;
    app.callback(deletion(&["86301"]).to_string()).await;
    let before = app.rows().await;
    let counts = app.reconcile(&vod, &verify()).await;
    assert_eq!(counts, Counts::default());
    assert_eq!(app.rows().await, before);
}

#[actix_web::test]
async fn verifying_reads_again_what_is_older_than_the_search_twenty_at_a_time() {
    let vod = vod();
    let app = vod.receiver().await;
    let ticket = app.ticket("ann").await;
    for number in 0..45 {
        let three_days_ago = 3 * 24 * 3_600;
        let told = upload(&format!("864{number:02}"), &ticket, three_days_ago + number);
        app.callback(told.to_string()).await;
        if number >= 3 {
            vod.holds(&told);
        }
    }
    assert_eq!(app.reconcile(&vod, &day()).await, Counts::default());
    let counts = app.reconcile(&vod, &verify()).await;
    assert_eq!((counts.confirmed, counts.refuted), (42, 3));
    assert_eq!(vod.simulator.calls("DescribeMediaInfos"), 3);
    // What is settled is not asked for again.
    app.reconcile(&vod, &verify()).await;
    assert_eq!(
        app.count("SELECT count(*) FROM uploads WHERE confirmed = 'vod'")
            .await,
        42
    );
}
