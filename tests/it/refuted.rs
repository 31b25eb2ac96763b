//! What VOD itself says against what notifications say: `Sign` does not cover a body, so a forged one is let in, and
//! has to end refuted.

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};
use vod_receiver::config::{App, Secret};
use vod_receiver::record::{Delivery, Door, NotDurable, Outcome};
use vod_receiver::vod::callback_sign::expected;

use crate::analyst::{analyst, rows};
use crate::fold;
use crate::harness::{SIGN_KEY, Scratch, TOKEN, TestApp, named_app, new_file_upload, token_app};
use crate::uploads_list::deletion;

impl TestApp {
    /// What VOD tells of a file by one of its own doors; each a second after the one before.
    fn told(&self, door: Door, body: &Value) -> Delivery {
        self.clock.advance(TimeDelta::seconds(1));
        Delivery {
            door,
            ..self.delivery(body)
        }
    }

    /// VOD, asked, describes a file; tells what became of the answer.
    async fn described(&self, file_id: &str, context: &str) -> Outcome {
        let answer = self.told(Door::Reconcile, &new_file_upload(file_id, context));
        self.recorder.submit(vec![answer]).await.unwrap()[0]
    }

    /// VOD, asked, knows no such files.
    async fn absent(&self, files: &[&str]) -> Outcome {
        self.clock.advance(TimeDelta::seconds(1));
        let answer = Delivery {
            id: self.random.uuid_v7(self.now()),
            received_at: self.now(),
            ..fold::absent(files)
        };
        self.recorder.submit(vec![answer]).await.unwrap()[0]
    }

    /// One upload with its deliveries, refuted or not.
    async fn history(&self, file_id: &str) -> Value {
        let (status, body) = self.get(&format!("/v1/uploads/{file_id}?app=main")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// Whose it is, why, and who says so.
    async fn verdict(&self, file_id: &str) -> [Value; 3] {
        let upload = self.history(file_id).await;
        ["/user_id", "/attribution/reason", "/confirmed"]
            .map(|at| upload.pointer(at).unwrap().clone())
    }

    /// The doors of its deliveries, and why each is refuted.
    async fn refutations(&self, file_id: &str) -> Vec<(String, Option<String>)> {
        let upload = self.history(file_id).await;
        let lines = upload["deliveries"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        lines
            .map(|line| (text(&line["door"]).unwrap(), text(&line["refuted"])))
            .collect()
    }
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["file_id"].as_str().unwrap())
        .collect()
}

fn push(refuted: Option<&str>) -> (String, Option<String>) {
    ("push".to_owned(), refuted.map(str::to_owned))
}

#[actix_web::test]
async fn a_made_up_file_with_a_stolen_sign_is_nobodys_once_vod_was_asked() {
    let signed = App {
        sign_keys: vec![Secret::new(SIGN_KEY)],
        ..token_app()
    };
    let app = TestApp::with(vec![signed]).await;
    let (ann, ticket) = (app.ticket("ann").await, app.ticket("eve").await);
    let t = app.now().timestamp() + 600;
    for (file, ticket) in [("4001", &ann), ("4002", &ticket)] {
        // The second is made up around the Sign and T of the first.
        let mut body = new_file_upload(file, ticket);
        (body["Sign"], body["T"]) = (json!(expected(SIGN_KEY, t)), json!(t));
        let (status, _) = app.callback(body.to_string()).await;
        assert_eq!(status, StatusCode::OK);
    }
    assert_eq!(app.verdict("4002").await, ["eve", "ticket", "push"]);
    assert_eq!(app.described("4001", &ann).await, Outcome::Recorded);
    assert_eq!(app.absent(&["4002"]).await, Outcome::Recorded);

    assert_eq!(app.verdict("4001").await, ["ann", "ticket", "vod"]);
    assert_eq!(
        app.verdict("4002").await,
        [Value::Null, json!("refuted"), json!("refuted")]
    );
    let marks = app.refutations("4002").await;
    assert_eq!(marks[0], push(Some("unknown_file")));
    // It is listed only for whoever asks for it, and counts nowhere as an upload of the ticket.
    for (query, listed) in [
        ("", &["4001"][..]),
        ("?user_id=eve", &[]),
        (&format!("?ticket={ticket}"), &[]),
        ("?attribution=none", &[]),
        ("?confirmed=vod", &["4001"]),
        ("?confirmed=refuted", &["4002"]),
    ] {
        let (_, page) = app.get(&format!("/v1/uploads{query}")).await;
        assert_eq!(ids(&page), listed, "{query}");
    }
    let (_, shown) = app.get(&format!("/v1/tickets/{ticket}")).await;
    assert_eq!(shown["uploads"], json!([]));
    let (_, used) = app.get("/v1/signatures?used=true").await;
    assert_eq!(used["items"][0]["user_id"], "ann");
    assert_eq!(used["items"].as_array().unwrap().len(), 1);
    let mut reader = analyst(&app.database_url()).await;
    let uploads = "(SELECT * FROM analyst.uploads WHERE file_id = '4002')";
    let seen = rows(&mut reader, uploads).await;
    assert_eq!(
        (&seen[0]["user_id"], &seen[0]["ticket"]),
        (&Value::Null, &Value::Null)
    );
    let issues = "(SELECT user_id FROM analyst.signature_issues WHERE used)";
    let used = rows(&mut reader, issues).await;
    assert_eq!((used.len(), &used[0]["user_id"]), (1, &json!("ann")));

    // Sent once more, it is no more believed than before.
    let mut body = new_file_upload("4002", &ticket);
    (body["Sign"], body["T"]) = (json!(expected(SIGN_KEY, t)), json!(t));
    app.callback(body.to_string()).await;
    assert_eq!(app.verdict("4002").await[2], "refuted");
    assert_eq!(
        app.refutations("4002").await.last().unwrap(),
        &push(Some("unknown_file"))
    );
    let told = "vod_receiver_deliveries_refuted_total{reason=\"unknown_file\"} 2";
    assert!(app.metrics_text().await.contains(told));
    assert_eq!(
        app.count("SELECT count(*) FROM attribution_changes WHERE reason_after = 'refuted' AND user_before = 'eve'")
            .await,
        1
    );
}

#[actix_web::test]
async fn another_context_than_vods_is_refuted_whichever_comes_first_and_by_whichever_door_vod_says_it()
 {
    let app = TestApp::start().await;
    let (ann, eve) = (app.ticket("ann").await, app.ticket("eve").await);
    let mut file = 4100;
    for door in [Door::Pull, Door::Reconcile] {
        // f: forged; g: genuine; v: what VOD says.
        for order in ["fv", "vf", "fgv", "gfv", "gvf", "vfg", "ffvf"] {
            file += 1;
            let file_id = file.to_string();
            for letter in order.chars() {
                let context = if letter == 'f' { &eve } else { &ann };
                let body = new_file_upload(&file_id, context);
                let door = if letter == 'v' { door } else { Door::Push };
                let told = app.told(door, &body);
                app.recorder.submit(vec![told]).await.unwrap();
            }
            let verdict = app.verdict(&file_id).await;
            assert_eq!(verdict, ["ann", "ticket", "vod"], "{order}");
            let refuted = app.refutations(&file_id).await;
            let wanted = order.chars().map(|letter| match letter {
                'f' => push(Some("other_context")),
                'g' => push(None),
                _ => (door.as_str().to_owned(), None),
            });
            // Where it knew all, VOD's answer left no trace.
            let wanted: Vec<_> = wanted
                .filter(|(door, _)| refuted.len() == order.len() || door == "push")
                .collect();
            assert_eq!(refuted, wanted, "{order} {door:?}");
        }
    }
}

#[actix_web::test]
async fn a_ticket_for_a_file_of_which_vod_says_that_it_has_no_context_is_refuted() {
    let app = TestApp::start().await;
    let eve = app.ticket("eve").await;
    for (file, vod_first) in [("4201", true), ("4202", false)] {
        let forged = new_file_upload(file, &eve).to_string();
        if vod_first {
            app.described(file, "").await;
        }
        app.callback(forged).await;
        if !vod_first {
            app.described(file, "").await;
        }
        let verdict = app.verdict(file).await;
        assert_eq!(verdict, [Value::Null, json!("no_context"), json!("vod")]);
        let marks = app.refutations(file).await;
        assert!(marks.contains(&push(Some("other_context"))), "{marks:?}");
    }
    // One that tells no context only says less.
    app.described("4203", &eve).await;
    app.callback(new_file_upload("4203", "").to_string()).await;
    assert_eq!(app.verdict("4203").await, ["eve", "ticket", "vod"]);
    assert_eq!(app.refutations("4203").await[1], push(None));
}

#[actix_web::test]
async fn two_notifications_that_differ_are_told_so_until_vod_speaks_and_two_words_of_vod_for_ever()
{
    let app = TestApp::start().await;
    let (ann, bob) = (app.ticket("ann").await, app.ticket("bob").await);
    for context in [&ann, &bob] {
        app.callback(new_file_upload("4301", context).to_string())
            .await;
    }
    assert_eq!(app.verdict("4301").await[1..], ["contexts_differ", "push"]);
    app.described("4301", &ann).await;
    assert_eq!(app.verdict("4301").await, ["ann", "ticket", "vod"]);
    app.described("4301", &bob).await;
    assert_eq!(app.verdict("4301").await[1..], ["contexts_differ", "vod"]);
    // Where VOD contradicts itself, nobody else is refuted by it.
    let marks = app.refutations("4301").await;
    assert!(marks.iter().all(|(_, refuted)| refuted.is_none()));
}

#[actix_web::test]
async fn a_forged_task_event_with_another_ticket_does_not_cast_doubt_on_vods_word() {
    let app = TestApp::start().await;
    let (ann, eve) = (app.ticket("ann").await, app.ticket("eve").await);
    app.described("4351", &ann).await;
    let mut event = crate::uploads_list::procedure("4351", "main-procedure-1", "FINISH");
    event["ProcedureStateChangeEvent"]["SessionContext"] = json!(eve);
    app.callback(event.to_string()).await;
    assert_eq!(app.verdict("4351").await, ["ann", "ticket", "vod"]);
}

#[actix_web::test]
async fn an_answer_that_tells_nothing_new_leaves_no_trace() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("4401", &ticket).to_string())
        .await;
    assert_eq!(app.described("4401", &ticket).await, Outcome::Recorded);
    assert_eq!(app.absent(&["4402"]).await, Outcome::Duplicate, "unknown");
    let counters = async || {
        let text = app.metrics_text().await;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let told = |line: &&str| line.contains("deliveries") || line.contains("batch");
        let lines: Vec<String> = lines.filter(told).map(str::to_owned).collect();
        (lines, app.rows().await, app.upload("4401").await)
    };
    let before = counters().await;
    let kept = app.count("SELECT count(*) FROM deliveries").await;
    for _ in 0..3 {
        assert_eq!(app.described("4401", &ticket).await, Outcome::Duplicate);
        assert_eq!(app.absent(&["4402", "4403"]).await, Outcome::Duplicate);
    }
    assert_eq!(counters().await, before);
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, kept);
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 1);
    assert_eq!(app.count("SELECT seq FROM feed_head").await, 2);
    // A pulled event is kept however often it comes.
    let pulled = app.told(Door::Pull, &new_file_upload("4401", &ticket));
    assert_eq!(
        app.recorder.submit(vec![pulled]).await.unwrap(),
        [Outcome::Duplicate]
    );
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, kept + 1);
}

#[actix_web::test]
async fn what_vod_answers_does_not_hide_that_it_went_silent() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("4411", "").to_string()).await;
    let came = app.now().timestamp();
    assert_eq!(app.described("4411", "").await, Outcome::Recorded);
    assert_eq!(app.described("4412", "").await, Outcome::Recorded);
    let newest = format!("vod_receiver_newest_delivery_timestamp_seconds {came}\n");
    assert!(app.metrics_text().await.contains(&newest));
}

#[actix_web::test]
async fn what_vod_knew_and_knows_no_more_is_deleted_until_it_describes_it_again() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let gone = async |file: &str| !app.upload(file).await["deleted_at"].is_null();
    app.callback(new_file_upload("4501", &ticket).to_string())
        .await;
    app.described("4501", &ticket).await;
    assert_eq!(app.absent(&["4501"]).await, Outcome::Recorded);
    assert!(gone("4501").await);
    assert_eq!(app.verdict("4501").await, ["ann", "ticket", "vod"]);
    let deleted_at = app.upload("4501").await["deleted_at"].clone();
    assert_eq!(app.absent(&["4501"]).await, Outcome::Duplicate);
    assert_eq!(app.upload("4501").await["deleted_at"], deleted_at);
    assert_eq!(
        app.count("SELECT count(*) FROM changes WHERE kind = 'deleted'")
            .await,
        1
    );
    assert_eq!(app.described("4501", &ticket).await, Outcome::Recorded);
    assert!(!gone("4501").await);

    // A deletion that was told explains why VOD does not know it, and is for good.
    app.callback(new_file_upload("4502", &ticket).to_string())
        .await;
    app.callback(deletion(&["4502"]).to_string()).await;
    assert_eq!(app.absent(&["4502"]).await, Outcome::Duplicate);
    assert_eq!(app.verdict("4502").await, ["ann", "ticket", "push"]);
    app.callback(new_file_upload("4503", &ticket).to_string())
        .await;
    app.absent(&["4503"]).await;
    assert_eq!(app.verdict("4503").await[2], "refuted");
    app.callback(deletion(&["4503"]).to_string()).await;
    assert_eq!(app.verdict("4503").await, ["ann", "ticket", "push"]);
    assert!(gone("4503").await);
    assert_eq!(app.refutations("4503").await[0], push(None));
}

#[actix_web::test]
async fn what_was_refuted_is_healed_when_vod_tells_of_it_after_all() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    for (file, door) in [("4601", Door::Reconcile), ("4602", Door::Pull)] {
        let upload = new_file_upload(file, &ticket);
        app.callback(upload.to_string()).await;
        app.absent(&[file]).await;
        assert_eq!(app.verdict(file).await[2], "refuted");
        let told = app.told(door, &upload);
        app.recorder.submit(vec![told]).await.unwrap();
        assert_eq!(app.verdict(file).await, ["ann", "ticket", "vod"]);
        assert_eq!(app.refutations(file).await[0], push(None));
        // A pulled event may be days old: VOD knew the file once, and said later that it knows it no more.
        let is_gone = !app.upload(file).await["deleted_at"].is_null();
        assert_eq!(is_gone, door == Door::Pull, "{file}");
    }
}

#[actix_web::test]
async fn a_person_who_decided_is_believed_before_vod() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("4701", "").to_string()).await;
    let decided = "UPDATE uploads SET user_id = 'mia', attribution_method = 'manual', attribution_reason = 'manual',
        version = version + 1";
    app.run(decided.to_owned()).await;
    app.absent(&["4701"]).await;
    assert_eq!(app.verdict("4701").await, ["mia", "manual", "refuted"]);
}

#[actix_web::test]
async fn a_forged_upload_does_not_hide_the_real_one_of_another_app() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let body = new_file_upload("4801", "").to_string();
    for name in ["main", "second"] {
        app.callback_to(&format!("{name}/{TOKEN}"), body.clone())
            .await;
    }
    assert_eq!(app.get("/v1/uploads/4801").await.0, StatusCode::CONFLICT);
    app.absent(&["4801"]).await;
    let (status, upload) = app.get("/v1/uploads/4801").await;
    assert_eq!((status, &upload["app"]), (StatusCode::OK, &json!("second")));
}

/// How often a redelivery meets VOD's word.
const MEETINGS: usize = 500;

#[actix_web::test]
async fn a_repeated_forgery_that_meets_vods_word_is_marked_too() {
    let app = TestApp::start().await;
    let (ann, eve) = (app.ticket("ann").await, app.ticket("eve").await);
    let left = app.recorder.clone();
    let (right, _tasks) = app.another_recorder();
    for number in 0..MEETINGS {
        let file_id = format!("49{number:04}");
        let forged = new_file_upload(&file_id, &eve);
        left.submit(vec![app.told(Door::Push, &forged)])
            .await
            .unwrap();
        // The same once more changes nothing in the row, so that its version does not tell of it.
        let again = vec![app.told(Door::Push, &forged)];
        let word = if number % 2 == 0 {
            vec![app.told(Door::Reconcile, &new_file_upload(&file_id, &ann))]
        } else {
            vec![Delivery {
                id: app.random.uuid_v7(app.now()),
                ..fold::absent(&[&file_id])
            }]
        };
        let (a, b) = if number % 4 < 2 {
            tokio::join!(left.submit(again), right.submit(word))
        } else {
            tokio::join!(right.submit(word), left.submit(again))
        };
        for outcomes in [a, b] {
            outcomes.unwrap();
        }
    }
    let marked = "SELECT count(*) FROM deliveries WHERE door = 'push' AND refuted IS NOT NULL";
    assert_eq!(app.count(marked).await, 2 * MEETINGS as i64);
    assert_eq!(
        app.count("SELECT count(*) FROM uploads WHERE user_id IS DISTINCT FROM 'ann' AND confirmed <> 'refuted'")
            .await,
        0
    );
}

#[actix_web::test]
async fn what_vod_answers_is_not_spooled() {
    let dir = Scratch::new();
    let app = TestApp::with_spool(&dir).await;
    app.lock_out(true).await;
    let answer = app.told(Door::Reconcile, &new_file_upload("4951", ""));
    let NotDurable(given_back) = app.recorder.submit(vec![answer]).await.unwrap_err();
    assert_eq!((given_back.len(), app.recorder.spooled().records), (1, 0));
    app.lock_out(false).await;
}
