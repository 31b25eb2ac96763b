//! The walk: all files, however many there are in however short a time.

use std::collections::HashSet;

use super::*;

/// So many files, so many in each second, the last of them a while ago.
fn many(vod: &Vod, files: usize, in_a_second: usize) {
    for number in 0..files {
        let seconds_ago = 600 + (files - number) / in_a_second;
        let created = ago(i64::try_from(seconds_ago).unwrap());
        vod.simulator.add_media(json!({
            "FileId": format!("{}", 5_285_890_784_000_000_000_u64 + number as u64),
            "BasicInfo": {"CreateTime": created, "UpdateTime": created, "SourceInfo": {"SourceContext": ""}},
        }));
    }
}

#[actix_web::test]
async fn twelve_thousand_files_of_one_hour_are_walked_completely() {
    let vod = vod();
    let app = vod.receiver().await;
    many(&vod, 12_000, 4);
    let counts = app.reconcile(&vod, &day()).await;
    let expected = Counts {
        found: 12_000,
        missing: 12_000,
        repaired: 12_000,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    let ids: Vec<String> = sqlx::query_scalar("SELECT file_id FROM uploads")
        .fetch_all(&app.pool)
        .await
        .unwrap();
    assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), 12_000);
    assert_eq!(app.deliveries().await, 12_000);
    let again = app.reconcile(&vod, &day()).await;
    assert_eq!((again.found, again.missing, again.repaired), (12_000, 0, 0));
    let calls = vod.simulator.calls("SearchMedia");
    assert!(calls < 100, "{calls} calls");
}

#[actix_web::test]
async fn a_second_with_more_files_than_vod_lists_is_told_and_not_looped_on() {
    let vod = vod();
    let app = vod.receiver().await;
    many(&vod, 5_200, 5_200);
    vod.holds(&upload("76001", "", 3_600));
    vod.holds(&upload("76002", "", 60));
    let dry = Ask {
        dry_run: true,
        ..day()
    };
    let counts = app.reconcile(&vod, &dry).await;
    assert!(
        counts.dense_seconds >= 1 && counts.are_incomplete(),
        "{counts:?}"
    );
    // The first of the many lies in the second before.
    assert_eq!(counts.found, 5_003);
    assert!(vod.simulator.calls("SearchMedia") < 200);
}

#[actix_web::test]
async fn files_of_the_first_and_the_last_second_are_found() {
    let vod = vod();
    let app = vod.receiver().await;
    let since = now() - TimeDelta::hours(5);
    for (file_id, seconds_ago) in [("77001", 5 * 3_600), ("77002", 4 * 3_600), ("77003", 0)] {
        vod.holds(&upload(file_id, "", seconds_ago));
    }
    let ask = Ask {
        since: Some(since + TimeDelta::milliseconds(700)),
        ..Ask::default()
    };
    assert_eq!(app.reconcile(&vod, &ask).await.found, 3);
}

#[actix_web::test]
async fn an_answer_about_a_file_that_cannot_be_read_is_told_and_hides_no_other() {
    let vod = vod();
    let app = vod.receiver().await;
    vod.simulator
        .add_media(json!({"FileId": "78001", "BasicInfo": null}));
    vod.simulator.add_media(json!({"FileId": "78002", "BasicInfo": {
        "Name": "a\u{0}b", "CreateTime": ago(60), "SourceInfo": null, "Unknown": {"Deep": [1]}}, "MetaData": null}));
    let counts = app.reconcile(&vod, &day()).await;
    assert_eq!((counts.found, counts.missing, counts.unread), (2, 1, 1));
    assert!(counts.are_incomplete());
    assert_eq!(app.upload("78002").await["name"], "a\u{fffd}b");
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 1);
}
