//! `GET /v1/uploads/live`: what happens, as it is committed.

use chrono::TimeDelta;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vod_receiver::keep::changes::{KEEP, trim};

use super::{Stream, pair, seq};
use crate::harness::{ADMIN_KEY, Scratch, TestApp, answer, eventually, new_file_upload};
use crate::startup::Serving;
use crate::uploads_list::{deletion, procedure};

#[actix_web::test]
async fn what_any_receiver_records_is_told_as_it_comes() {
    let app = TestApp::start().await;
    let other = app.beside().await;
    let response = app.live("").send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-accel-buffering"), "no");
    let mut stream = Stream::of(response);
    // At once: what a client comes back with that was cut off before the first event.
    let begin = stream.block().await.unwrap();
    assert_eq!(
        begin,
        format!("retry: 1000\nid: {}\n\n", app.cursor().await)
    );
    let mut upload = new_file_upload("6201", "");
    upload["FileUploadEvent"]["ProcedureTaskId"] = json!("t1");
    app.callback(upload.to_string()).await;
    assert_eq!(stream.files(1).await, [pair("recorded", "6201")]);
    other
        .callback(procedure("6201", "t1", "FINISH").to_string())
        .await;
    other.callback(deletion(&["6201"]).to_string()).await;
    let wanted = [pair("updated", "6201"), pair("deleted", "6201")];
    assert_eq!(stream.files(2).await, wanted);
    // The same as for those who poll.
    app.callback(new_file_upload("6202", "").to_string()).await;
    let event = stream.next().await.unwrap();
    let (items, _) = app
        .since(&vod_receiver::query::feed::Cursor(3).to_string())
        .await;
    assert_eq!(event.data, items[0]);
}

#[actix_web::test]
async fn a_reader_goes_on_where_it_was_at_any_receiver() {
    let app = TestApp::start().await;
    let other = app.beside().await;
    let mut stream = app.stream("").await;
    app.callback(new_file_upload("6211", "").to_string()).await;
    assert_eq!(stream.files(1).await, [pair("recorded", "6211")]);
    let id = stream.last_event_id.clone();
    drop(stream);
    app.callback(new_file_upload("6212", "").to_string()).await;
    let mut resumed = other.resume(&id).await;
    assert_eq!(resumed.files(1).await, [pair("recorded", "6212")]);
    app.callback(new_file_upload("6213", "").to_string()).await;
    assert_eq!(resumed.files(1).await, [pair("recorded", "6213")]);
    // A browser asks the same address again, whose `after` is older than what it has.
    let again = app.live(&format!("after={id}"));
    let again = again.header("Last-Event-ID", &resumed.last_event_id);
    let mut again = Stream::of(again.send().await.unwrap());
    let mut after = app.stream(&format!("after={id}")).await;
    assert_eq!(after.files(1).await, [pair("recorded", "6212")]);
    app.callback(new_file_upload("6214", "").to_string()).await;
    assert_eq!(again.files(1).await, [pair("recorded", "6214")]);
    // One that says nothing has nothing.
    let mut fresh = app.resume("").await;
    app.until_waiting("feed_readers", 3).await;
    app.callback(new_file_upload("6215", "").to_string()).await;
    assert_eq!(fresh.files(1).await, [pair("recorded", "6215")]);
}

#[actix_web::test]
async fn a_reader_with_a_filter_is_told_its_own_and_moves_on_all_the_same() {
    let app = TestApp::start().await;
    let mut of_ann = app.stream("user_id=ann").await;
    let mut of_other_app = app.stream("app=other").await;
    app.until_waiting("feed_readers", 2).await;
    for number in 0..5 {
        app.callback(new_file_upload(&format!("622{number}"), "").to_string())
            .await;
    }
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("6229", &ticket).to_string())
        .await;
    assert_eq!(of_ann.files(1).await, [pair("recorded", "6229")]);
    // It has no event of its own for longer than the log is kept: what is said in between tells it where it is.
    while seq_of(&of_other_app) < 6 {
        let block = of_other_app.block().await.unwrap();
        let id = block.lines().find_map(|line| line.strip_prefix("id: "));
        id.unwrap().clone_into(&mut of_other_app.last_event_id);
        assert!(!block.contains("data: "), "{block}");
    }
    app.clock.advance(KEEP + TimeDelta::days(1));
    assert_eq!(trim(&app.database, &app.clock).await.unwrap(), 6);
    let mut resumed = app.resume(&of_other_app.last_event_id).await;
    app.callback(new_file_upload("6230", "").to_string()).await;
    assert_eq!(resumed.files(1).await, [pair("recorded", "6230")]);
}

fn seq_of(stream: &Stream) -> i64 {
    match stream.last_event_id.as_str() {
        "" => 0,
        id => seq(id),
    }
}

/// Changes of one upload, written past the recorder: only their number matters here.
async fn many_changes(app: &TestApp, file_id: &str, many: usize) {
    app.run(format!(
        "WITH head AS (SELECT take_seq() AS before)
        INSERT INTO changes (seq, at, kind, app, file_id)
        SELECT before + n, now(), 'updated', 'main', '{file_id}' FROM head, generate_series(1, {many}) n"
    ))
    .await;
}

#[actix_web::test]
async fn a_reader_that_is_too_slow_is_told_so_last_and_loses_nothing() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("6231", "").to_string()).await;
    let mut raw = TcpStream::connect(app.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let head = format!(
        "GET /v1/uploads/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\r\n"
    );
    raw.write_all(head.as_bytes()).await.unwrap();
    // One that takes what there is, on the same receiver.
    let mut quick = app.stream("").await;
    app.until_waiting("feed_readers", 2).await;
    app.callback(new_file_upload("6232", "").to_string()).await;
    assert_eq!(quick.files(1).await, [pair("recorded", "6232")]);
    // Far more than the ring, and the buffers of both ends of a connection, hold.
    let many = 36_000;
    for _ in 0..4 {
        many_changes(&app, "6231", many / 4).await;
        quick.files(many / 4).await;
    }
    let mut text = Vec::new();
    raw.read_to_end(&mut text).await.unwrap_or_else(|error| {
        panic!("after {} bytes: {error}", text.len());
    });
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.ends_with("\r\n0\r\n\r\n"),
        "cut off: {:?}",
        &text[text.len() - 300..]
    );
    let end = "event: end\ndata: {\"reason\":\"too_slow\"}\n\n";
    assert_eq!(text.matches(end).count(), 1);
    let ids: Vec<i64> = text
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .map(seq)
        .collect();
    let last = *ids.last().unwrap();
    assert!(ids.iter().copied().eq(1..=last), "{ids:?}");
    assert!(last < i64::try_from(many).unwrap() + 2);
    assert_eq!(
        app.metric("feed_readers_ended_total{reason=\"too_slow\"}")
            .await,
        1.0
    );
    // It comes again, and the log has the rest.
    let cursor = vod_receiver::query::feed::Cursor(last).to_string();
    let mut resumed = app.resume(&cursor).await;
    for wanted in last + 1..=i64::try_from(many).unwrap() + 2 {
        let event = resumed.next().await.unwrap();
        assert_eq!(seq(&event.id), wanted);
    }
}

#[actix_web::test]
async fn a_reader_that_hangs_up_gives_up_its_place() {
    let app = TestApp::start().await;
    let stream = app.stream("").await;
    app.until_waiting("feed_readers", 1).await;
    drop(stream);
    // A connection that the other end closed takes one write more.
    let number = std::cell::Cell::new(0);
    eventually("its place is free", async || {
        number.set(number.get() + 1);
        let file_id = format!("64{}", number.get());
        app.callback(new_file_upload(&file_id, "").to_string())
            .await;
        app.metric("feed_readers").await == 0.0
    })
    .await;
}

#[actix_web::test]
async fn a_reader_that_lacks_what_is_not_kept_is_told_so() {
    let app = TestApp::start().await;
    let mut stream = app.stream("").await;
    app.until_waiting("feed_readers", 1).await;
    // The receiver is frozen, and wakes up when the log has gone on without it.
    app.run(
        "INSERT INTO changes (seq, at, kind, app, file_id) VALUES (9, now(), 'updated', 'main', '6241')"
            .to_owned(),
    )
    .await;
    assert_eq!(stream.reason().await, "gone");
}

#[actix_web::test]
async fn a_log_that_is_shorter_than_it_was_ends_its_readers() {
    let app = TestApp::start().await;
    let mut stream = app.stream("").await;
    app.callback(new_file_upload("6251", "").to_string()).await;
    stream.files(1).await;
    // As after a failover to a standby that had not everything yet.
    app.run("TRUNCATE changes".to_owned()).await;
    assert_eq!(stream.reason().await, "gone");
}

#[actix_web::test]
async fn postgres_away_is_waited_out_and_nothing_is_lost() {
    let dir = Scratch::new();
    let app = TestApp::with_spool(&dir).await;
    let mut stream = app.stream("").await;
    app.callback(new_file_upload("6261", "").to_string()).await;
    assert_eq!(stream.files(1).await, [pair("recorded", "6261")]);
    app.lock_out(true).await;
    let (_, answer) = app.callback(new_file_upload("6262", "").to_string()).await;
    assert_eq!(answer["status"], "spooled");
    let refused = app.live("").send().await.unwrap();
    assert_eq!(refused.status(), 503);
    app.lock_out(false).await;
    assert_eq!(stream.files(1).await, [pair("recorded", "6262")]);
}

#[actix_web::test]
async fn a_service_that_stops_tells_its_readers_and_does_not_wait_for_them() {
    let app = TestApp::start().await;
    let serving = Serving::start(&app.database_url(), &[]);
    serving.is_ready().await;
    let request = |path: &str| {
        let url = format!("{}{path}", serving.url);
        app.client.get(url).bearer_auth(ADMIN_KEY)
    };
    let mut stream = Stream::of(request("/v1/uploads/live").send().await.unwrap());
    let ticket = app.ticket("ann").await;
    let waiting = request(&format!("/v1/tickets/{ticket}?wait=60"));
    let waiting = tokio::spawn(async { answer(waiting.send().await.unwrap()).await });
    eventually("both wait", async || {
        let metrics = request("/metrics").send().await.unwrap().text().await;
        let metrics = metrics.unwrap();
        metrics.contains("vod_receiver_feed_readers 1\n")
            && metrics.contains("vod_receiver_ticket_waiters 1\n")
    })
    .await;
    let ended = tokio::spawn(serving.end("-TERM"));
    assert_eq!(stream.reason().await, "shutting_down");
    let (status, body) = waiting.await.unwrap();
    assert_eq!(status, 200, "{body}");
    assert_eq!(ended.await.unwrap(), Some(0));
}
