//! Connections that say nothing, or take their time; heads without end; a token that is guessed.
//!
//! The program itself, with its own limits.

use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use vod_receiver::ops::limits::raise_open_files;

use crate::door::Answer;
use crate::harness::{ADMIN_KEY, Scratch, TOKEN, TestApp, eventually, new_file_upload};
use crate::metrics::read;
use crate::startup::Serving;

/// What VOD waits for an answer.
const VOD_WAITS: Duration = Duration::from_secs(5);
/// The receiver hangs up on a head that takes 5 s and a body that takes 10; the rest is for a machine that is busy.
const HANGS_UP_WITHIN: Duration = Duration::from_secs(40);

async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap()
}

/// Posts an upload to a running program; how long that took.
async fn notify(url: &str, file_id: &str) -> Duration {
    let began = Instant::now();
    // A connection of its own: it has to get in beside the others.
    let request = reqwest::Client::new()
        .post(format!("{url}/callbacks/main/{TOKEN}"))
        .body(new_file_upload(file_id, "").to_string());
    let answer = Answer::of(request.send().await.unwrap()).await;
    // A machine that is slow for a moment may have spooled it.
    let receipts = ["recorded", "spooled"].map(Answer::receipt);
    assert!(receipts.contains(&answer), "{file_id}: {answer:?}");
    began.elapsed()
}

/// Reads until the other side hangs up.
async fn is_hung_up_on(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    let ended = timeout(HANGS_UP_WITHIN, stream.read_to_end(&mut told)).await;
    assert!(ended.is_ok(), "it is still connected");
    String::from_utf8_lossy(&told).into_owned()
}

/// Sends a letter every so often until the other side hangs up, and gives what it said.
async fn dribble(url: String, head: String) -> String {
    let mut stream = connect(&url).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let write = async {
        while writer.write_all(b"a").await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut told = Vec::new();
    let read = async {
        let _ = reader.read_to_end(&mut told).await;
    };
    let ended = tokio::select! { () = write => false, () = read => true, () = sleep(HANGS_UP_WITHIN) => false };
    assert!(ended, "it is still connected");
    String::from_utf8_lossy(&told).into_owned()
}

#[actix_web::test]
async fn who_takes_their_time_over_head_or_body_is_hung_up_on_and_keeps_nobody_out() {
    let app = TestApp::start().await;
    let serving = Serving::start(&app.database_url(), &[]);
    serving.is_ready().await;
    let body = "Content-Length: 60000\r\n\r\n{";
    let heads = [
        "POST /callbacks/main/t HTTP/1.1\r\nHost: vod\r\nX-Slow: ".to_owned(),
        "GET /".to_owned(),
        format!("POST /callbacks/main/{TOKEN} HTTP/1.1\r\nHost: vod\r\n{body}"),
        format!(
            "POST /v1/signatures HTTP/1.1\r\nHost: vod\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n{body}"
        ),
    ];
    let slow: Vec<_> = (0..400)
        .map(|number| {
            tokio::spawn(dribble(
                serving.url.clone(),
                heads[number % heads.len()].clone(),
            ))
        })
        .collect();
    for number in 0..20 {
        let took = notify(&serving.url, &format!("71{number:02}")).await;
        assert!(took < VOD_WAITS, "{took:?}");
    }
    for (number, slow) in slow.into_iter().enumerate() {
        let told = slow.await.unwrap();
        let wanted = if number % heads.len() < 2 {
            "408"
        } else {
            "400"
        };
        assert!(
            told.starts_with(&format!("HTTP/1.1 {wanted} ")),
            "{}: {told}",
            heads[number % heads.len()]
        );
    }
    let recorded = "SELECT count(*) FROM deliveries";
    eventually("all are recorded", async || app.count(recorded).await == 20).await;
}

#[actix_web::test]
async fn ten_thousand_idle_connections_keep_no_notification_from_being_taken() {
    let app = TestApp::start().await;
    let serving = Serving::start(&app.database_url(), &[]);
    serving.is_ready().await;
    // As many as this process may open, which is not 10,000 everywhere.
    let files = usize::try_from(raise_open_files().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let wanted = 10_000.min(files.saturating_sub(500));
    assert!(wanted >= 300, "{files} files are too few for this test");
    let mut idle = Vec::with_capacity(wanted);
    while idle.len() < wanted {
        idle.push(connect(&serving.url).await);
        if idle.len() % (wanted / 20) == 0 {
            let took = notify(&serving.url, &format!("72{:05}", idle.len())).await;
            assert!(took < VOD_WAITS, "{took:?} with {} idle", idle.len());
        }
    }
    let took = notify(&serving.url, "7299999").await;
    assert!(took < VOD_WAITS, "{took:?} with {wanted} idle");
    assert_eq!(serving.get("/readyz").await.0, StatusCode::OK);
    for mut stream in idle {
        is_hung_up_on(&mut stream).await;
    }
}

#[actix_web::test]
async fn at_its_limit_of_files_it_keeps_what_it_needs_and_takes_the_next_when_idle_ones_are_cut() {
    let app = TestApp::start().await;
    // 320 files: 160 for connections, whatever the number of workers.
    let limited = |program: &Command| {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "ulimit -n 320 && exec \"$0\" \"$@\""])
            .arg(program.get_program())
            .args(program.get_args());
        shell
    };
    let serving = Serving::start_through(limited, &Scratch::new(), &app.database_url());
    serving.is_ready().await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(connect(&serving.url).await);
    }
    let took = notify(&serving.url, "7300").await;
    assert!(took < HANGS_UP_WITHIN, "{took:?}");
    for mut stream in idle {
        is_hung_up_on(&mut stream).await;
    }
    // Neither Postgres nor the spool went without a file.
    let (status, ready) = serving.get("/readyz").await;
    assert_eq!(status, StatusCode::OK, "{ready}");
    assert!(notify(&serving.url, "7301").await < VOD_WAITS);
    let recorded = "SELECT count(*) FROM deliveries WHERE file_id IN ('7300', '7301')";
    eventually("both are recorded", async || app.count(recorded).await == 2).await;
}

#[actix_web::test]
async fn a_head_without_end_is_refused_and_harms_nobody() {
    let app = TestApp::start().await;
    let serving = Serving::start(&app.database_url(), &[]);
    serving.is_ready().await;
    for head in [
        format!("GET /livez HTTP/1.1\r\nHost: vod\r\nX-Long: {}\r\n\r\n", "a".repeat(1 << 20)),
        format!("GET /{} HTTP/1.1\r\nHost: vod\r\n\r\n", "a".repeat(1 << 20)),
        format!("GET /livez HTTP/1.1\r\nHost: vod\r\n{}\r\n", "X-Many: a\r\n".repeat(10_000)),
        "a".repeat(1 << 20),
        "\0".repeat(1 << 20),
        "GET /livez HTTP/1.1\r\nHost: vod\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".to_owned(),
        "POST /livez HTTP/1.1\r\nHost: vod\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
    ] {
        let mut stream = connect(&serving.url).await;
        // It may hang up before all is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut told = Vec::new();
        let ended = timeout(HANGS_UP_WITHIN, stream.read_to_end(&mut told)).await;
        let told = String::from_utf8_lossy(&told);
        let start = &head[..head.len().min(80)];
        assert!(ended.is_ok(), "{start}: it is still connected");
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 4"), "{start}: {told}");
    }
    assert!(notify(&serving.url, "7400").await < VOD_WAITS);
}

/// `VOD_TEST_GUESSES=1000000` is the long form.
#[actix_web::test]
async fn a_token_that_is_guessed_is_always_the_same_401_and_is_counted() {
    let guesses: usize =
        std::env::var("VOD_TEST_GUESSES").map_or(2_000, |guesses| guesses.parse().unwrap());
    let app = TestApp::start().await;
    let mut told = std::collections::BTreeSet::new();
    let body = new_file_upload("7500", "").to_string();
    let began = Instant::now();
    let guess = |number: usize| {
        // Near misses too: as long as the right one, all but its last letters right.
        let wrong = format!("{number:06}");
        let token = match number % 3 {
            0 => format!("{}{wrong}", &TOKEN[..TOKEN.len() - 6]),
            1 => format!("{wrong}{}", &TOKEN[6..]),
            _ => wrong,
        };
        assert_ne!(token, TOKEN);
        app.send(app.knock(&format!("main/{token}")).body(body.clone()))
    };
    for from in (0..guesses).step_by(50) {
        let answers = (from..guesses.min(from + 50)).map(guess);
        for answer in futures_util::future::join_all(answers).await {
            told.insert(format!("{answer:?}"));
        }
    }
    let took = began.elapsed();
    println!("{guesses} guesses took {took:?}");
    assert_eq!(told, [format!("{:?}", Answer::not_authenticated())].into());
    let series = read(&app.metrics_text().await);
    let counted = series["vod_receiver_callbacks_unauthenticated_total{reason=\"token_wrong\"}"];
    assert_eq!(counted, guesses as f64);
    // Nothing of them is kept, and who has the token is let in as before.
    assert_eq!(app.kept().await, []);
    assert_eq!(app.push(body).await, Answer::receipt("recorded"));
    assert_eq!(app.kept().await.len(), 1);
}
