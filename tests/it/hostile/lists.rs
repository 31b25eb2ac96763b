//! Lists of events: a bad item harms only itself, and a list that is too long only its sender.

use serde_json::json;
use vod_receiver::ops::database::Database;
use vod_receiver::record::spool::{Limits, Spool};

use super::{nested, upload_with};
use crate::door::Answer;
use crate::harness::{Scratch, TestApp, config, eventually, new_file_upload, token_app};

#[actix_web::test]
async fn a_bad_item_harms_none_of_its_neighbours() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let good = |id: &str| new_file_upload(id, &ticket).to_string();
    let deep = nested("[", "", "]");
    let items = [
        (good("1"), "recorded"),
        ("null".to_owned(), "quarantined: not_an_object"),
        (good("2"), "recorded"),
        (deep, "quarantined: not_an_object"),
        ("{}".to_owned(), "quarantined: no_event"),
        (
            r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"a b"}}"#.to_owned(),
            "quarantined: no_file_id",
        ),
        (
            upload_with("\"3\"", r#""\u0000\ud800""#, &format!("\"{ticket}\"")),
            "recorded",
        ),
        (
            r#"{"msgHandle":"m","eventContent":"{"}"#.to_owned(),
            "quarantined: not_json",
        ),
        ("\"EventType\"".to_owned(), "quarantined: not_an_object"),
        (good("4"), "recorded"),
    ];
    let bodies: Vec<_> = items.iter().map(|(body, _)| body.as_str()).collect();
    for (shape, list) in [
        (
            "PullEvents",
            format!(
                r#"{{"Response":{{"EventSet":[{}],"RequestId":"r"}}}}"#,
                bodies.join(" ,\n ")
            ),
        ),
        (
            "legacy",
            format!(
                "\u{feff}{{\"code\":0,\"eventList\":[ {}]}}",
                bodies.join(",")
            ),
        ),
    ] {
        assert_eq!(app.push(list).await.status, 200, "{shape}");
        let kept = app.kept().await;
        let kept = &kept[kept.len() - items.len()..];
        for (kept, (body, state)) in kept.iter().zip(&items) {
            assert_eq!(kept.state(), *state, "{shape}");
            assert!(kept.body == body.as_bytes(), "{shape}: {state}");
        }
    }
    for id in ["1", "2", "3", "4"] {
        let upload = app.upload(id).await;
        assert_eq!(
            (&upload["user_id"], &upload["deliveries"]),
            (&json!("ann"), &json!(2)),
            "{id}"
        );
    }
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 4);
    app.works_as_before().await;
}

#[actix_web::test]
async fn a_list_in_which_nothing_is_good_is_told_so_and_its_items_are_kept() {
    let app = TestApp::start().await;
    let items = [r#""hello""#, "{}", r#"{"EventType":"NewFileUpload"}"#];
    let list = format!(r#"{{"EventSet":[{}]}}"#, items.join(","));
    // The first tells why.
    assert_eq!(app.push(list).await, Answer::nothing_in_it("not_an_object"));
    let kept: Vec<_> = app
        .kept()
        .await
        .into_iter()
        .map(|kept| (kept.state(), String::from_utf8(kept.body).unwrap()))
        .collect();
    let reasons = [
        "quarantined: not_an_object",
        "quarantined: no_event",
        "quarantined: no_file_id",
    ];
    let wanted: Vec<_> = reasons
        .iter()
        .zip(items)
        .map(|(reason, item)| (reason.to_string(), item.to_owned()))
        .collect();
    assert_eq!(kept, wanted);
    app.works_as_before().await;
}

#[actix_web::test]
async fn a_list_of_a_thousand_is_recorded_whole() {
    let app = TestApp::start().await;
    let items: Vec<_> = (0..1000)
        .map(|id| new_file_upload(&format!("77{id:03}"), "").to_string())
        .collect();
    let list = format!(r#"{{"Response":{{"EventSet":[{}]}}}}"#, items.join(","));
    assert_eq!(app.push(list).await, Answer::receipt("recorded"));
    let kept: Vec<_> = app
        .kept()
        .await
        .into_iter()
        .map(|kept| String::from_utf8(kept.body).unwrap())
        .collect();
    assert!(kept == items, "each is kept by itself");
    assert_eq!(
        app.count("SELECT count(*) FROM uploads WHERE announced_at IS NOT NULL")
            .await,
        1000
    );
    app.works_as_before().await;
}

#[actix_web::test]
async fn a_list_may_name_as_many_files_as_can_be_recorded_in_time_and_no_more() {
    let holder = TestApp::start().await;
    let database = Database::lazy(&holder.database_url()).unwrap();
    database.set_ready();
    let dir = Scratch::new();
    let spool = Spool::open(&dir.0, Limits::default(), true, 1).unwrap();
    let app = TestApp::spooling(
        String::new(),
        database,
        config(vec![token_app()]),
        Some(spool),
    )
    .await;
    let deletions = |events: usize| {
        let deletion = |event: usize| {
            let ids: Vec<_> = (0..1000)
                .map(|file| format!("\"{event}-{file}\""))
                .collect();
            format!(
                r#"{{"EventType":"FileDeleted","FileDeleteEvent":{{"FileIdSet":[{}]}}}}"#,
                ids.join(",")
            )
        };
        let items: Vec<_> = (0..events).map(deletion).collect();
        format!(r#"{{"Response":{{"EventSet":[{}]}}}}"#, items.join(","))
    };
    let list = deletions(17);
    assert_eq!(
        app.push(list.clone()).await,
        Answer::nothing_in_it("too_many_files")
    );
    let kept = app.kept().await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].state(), "quarantined: too_many_files");
    assert!(kept[0].body == list.as_bytes());
    // A machine on which it takes too long has spooled it, which is as good an answer.
    let answer = app.push(deletions(16)).await;
    let receipts = ["recorded", "spooled"].map(Answer::receipt);
    assert!(receipts.contains(&answer), "{answer:?}");
    let deleted = "SELECT count(*) FROM uploads WHERE deleted_at IS NOT NULL";
    eventually("all are deleted", async || {
        app.count(deleted).await == 16_000
    })
    .await;
    app.works_as_before().await;
}
