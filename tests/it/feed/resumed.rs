//! No gap and no repeat: readers that are cut off again and again, receivers that come and go, writers at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{Stream, seq};
use crate::harness::{TOKEN, TestApp, new_file_upload};
use crate::uploads_list::{deletion, procedure};

const WRITERS: usize = 6;
const FILES_EACH: usize = 40;

/// What a reader was told: the number of each change, and of each file the upload that it was told last.
#[derive(Default)]
struct Log {
    seqs: Vec<i64>,
    uploads: BTreeMap<String, Value>,
}

impl Log {
    fn note(&mut self, change: &Value) {
        self.seqs.push(seq(change["cursor"].as_str().unwrap()));
        let file_id = change["file_id"].as_str().unwrap().to_owned();
        self.uploads.insert(file_id, shown(&change["upload"]));
    }
}

/// An upload, but for how many deliveries named it: those that change nothing are not told.
fn shown(upload: &Value) -> Value {
    let mut upload = upload.clone();
    upload.as_object_mut().unwrap().remove("deliveries");
    upload
}

/// Posts the life of some files, each step perhaps twice, to receivers that may be gone.
async fn write(urls: [String; 2], number: usize, client: reqwest::Client) {
    let post = async |turn: usize, body: Value| {
        let url = format!("{}/callbacks/main/{TOKEN}", urls[turn % 2]);
        let posted = client.post(url).body(body.to_string()).send().await;
        // VOD sends again what was not answered.
        if !posted.is_ok_and(|answer| answer.status() == 200) {
            let url = format!("{}/callbacks/main/{TOKEN}", urls[0]);
            let again = client
                .post(url)
                .body(body.to_string())
                .send()
                .await
                .unwrap();
            assert_eq!(again.status(), 200);
        }
    };
    for file in 0..FILES_EACH {
        let file_id = format!("63{number}{file:03}");
        let task = format!("t-{file_id}");
        let mut upload = new_file_upload(&file_id, "");
        upload["FileUploadEvent"]["ProcedureTaskId"] = json!(task);
        post(file, upload.clone()).await;
        post(file + 1, procedure(&file_id, &task, "FINISH")).await;
        if file % 3 == 0 {
            post(file, deletion(&[&file_id])).await;
            post(file + 1, upload).await;
        }
    }
}

/// Reads live, a few events at a time, each time at another receiver.
async fn read_live(receivers: [&TestApp; 2], from: &str, is_over: impl Fn(i64) -> bool) -> Log {
    let mut log = Log::default();
    let mut id = from.to_owned();
    let mut turn = 0;
    while !is_over(seq(&id)) {
        turn += 1;
        let response = receivers[turn % 2].live("").header("Last-Event-ID", &id);
        let Ok(response) = response.send().await else {
            continue;
        };
        let mut stream = Stream::of(response);
        for _ in 0..turn % 37 {
            if is_over(seq(&id)) {
                break;
            }
            let Some(event) = stream.next().await else {
                break;
            };
            if event.name == "end" {
                break;
            }
            log.note(&event.data);
            id = event.id;
        }
    }
    log
}

/// Polls, with pages of any size, each time at another receiver.
async fn read_pages(receivers: [&TestApp; 2], from: &str, is_over: impl Fn(i64) -> bool) -> Log {
    let mut log = Log::default();
    let mut cursor = from.to_owned();
    let mut turn = 0;
    while !is_over(seq(&cursor)) {
        turn += 1;
        let query = format!("after={cursor}&limit={}&wait={}", turn % 50 + 1, turn % 3);
        let page = receivers[turn % 2].changes(&query).await;
        for item in page["items"].as_array().unwrap() {
            log.note(item);
        }
        page["next_cursor"]
            .as_str()
            .unwrap()
            .clone_into(&mut cursor);
    }
    log
}

#[actix_web::test]
async fn readers_that_are_cut_off_again_and_again_are_told_each_change_once_while_two_receivers_record()
 {
    let app = TestApp::start().await;
    let other = app.beside().await;
    let dying = app.beside().await;
    dying.clock.advance(chrono::TimeDelta::milliseconds(1));
    let from = app.cursor().await;
    let written = AtomicBool::new(false);
    let head = async || app.count("SELECT seq FROM feed_head").await;
    let last = std::sync::atomic::AtomicI64::new(i64::MAX);
    let is_over = |seq: i64| written.load(Ordering::SeqCst) && seq >= last.load(Ordering::SeqCst);
    let writing = async {
        let writers = (0..WRITERS).map(|number| {
            let urls = match number {
                0 | 1 => [app.url.clone(), dying.url.clone()],
                _ => [app.url.clone(), other.url.clone()],
            };
            write(urls, number, app.client.clone())
        });
        let writers = futures_util::future::join_all(writers);
        let killing = async {
            crate::harness::eventually("half of it is written", async || head().await > 250).await;
            drop(dying);
        };
        tokio::join!(writers, killing);
        last.store(head().await, Ordering::SeqCst);
        written.store(true, Ordering::SeqCst);
        // Whoever waits for one more is told one more.
        for number in 0..40 {
            let file_id = format!("639999{number:02}");
            other
                .callback(new_file_upload(&file_id, "").to_string())
                .await;
        }
    };
    let both = [&app, &other];
    let (live, pages, ()) = tokio::join!(
        read_live(both, &from, is_over),
        read_pages(both, &from, is_over),
        writing,
    );
    let until = last.load(Ordering::SeqCst);
    assert!(until >= 2 * i64::try_from(WRITERS * FILES_EACH).unwrap());
    for (name, log) in [("live", live), ("pages", pages)] {
        let told = *log.seqs.last().unwrap();
        assert!(told >= until);
        assert!(
            log.seqs.iter().copied().eq(1..=told),
            "{name}: {:?}",
            log.seqs
        );
        for (file_id, upload) in &log.uploads {
            assert_eq!(&shown(&app.upload(file_id).await), upload, "{name}");
        }
        assert!(log.uploads.len() >= WRITERS * FILES_EACH);
    }
}
