//! How a body comes: too large, in chunks, cut off, encoded, or from somebody else.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{upload_of, upload_with};
use crate::door::Answer;
use crate::harness::{TOKEN, TestApp};

const LIMIT_BYTES: usize = 8 * 1024 * 1024;

impl TestApp {
    /// Sends bytes as they are to the door, and reads until the server hangs up, or has answered.
    async fn raw(&self, head: &str, body: &[u8]) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap())
            .await
            .unwrap();
        let head = format!(
            "POST /callbacks/main/{TOKEN} HTTP/1.1\r\nHost: vod\r\nConnection: close\r\n{head}\r\n\r\n"
        );
        let (mut reader, mut writer) = stream.split();
        let send = async {
            // The server may answer, and stop to read, before all is sent.
            let sent = async {
                writer.write_all(head.as_bytes()).await?;
                writer.write_all(body).await?;
                writer.shutdown().await
            };
            let _ = sent.await;
        };
        let receive = async {
            let mut answer = Vec::new();
            let _ = reader.read_to_end(&mut answer).await;
            answer
        };
        let (_, answer) = tokio::join!(send, receive);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).unwrap()))
    }
}

#[actix_web::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let app = TestApp::start().await;
    let of_size = |id: &str, bytes: usize| {
        let text = upload_with(&format!("\"{id}\""), "\"@\"", "\"c\"");
        let name = "x".repeat(bytes + 1 - text.len());
        text.replace('@', &name).into_bytes()
    };
    app.records("8 MiB in a name", of_size("1", LIMIT_BYTES))
        .await;
    let mut spaces = upload_of("2");
    spaces.resize(LIMIT_BYTES, b' ');
    app.records("8 MiB of white space", spaces).await;
    for id in ["1", "2"] {
        assert_eq!(app.upload(id).await["file_id"], id);
    }
    let larger = of_size("3", LIMIT_BYTES + 1);
    assert_eq!(app.push(larger).await, Answer::too_large());
    assert_eq!(app.kept().await.len(), 2, "what is too large is not kept");
    app.works_as_before().await;
}

/// A body in chunks, which tell its length only as they come.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(64 * 1024) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\n\r\n");
    chunks
}

#[actix_web::test]
async fn the_limit_holds_for_a_body_that_does_not_tell_its_length() {
    let app = TestApp::start().await;
    let padded = |bytes: usize| {
        let mut body = upload_of("77");
        body.resize(bytes, b' ');
        body
    };
    let head = "Transfer-Encoding: chunked";
    let recorded = (200, json!({"status": "recorded"}));
    assert_eq!(
        app.raw(head, &chunked(&padded(LIMIT_BYTES))).await,
        Some(recorded)
    );
    let Answer { status, body } = Answer::too_large();
    for bytes in [LIMIT_BYTES + 1, 9 * 1024 * 1024] {
        assert_eq!(
            app.raw(head, &chunked(&padded(bytes))).await,
            Some((status, body.clone())),
            "{bytes}"
        );
    }
    let kept = app.kept().await;
    assert_eq!(kept.len(), 1);
    assert!(
        kept[0].body == padded(LIMIT_BYTES),
        "the chunks are put together"
    );
    app.works_as_before().await;
}

#[actix_web::test]
async fn a_body_that_ends_before_its_length_is_not_recorded() {
    let app = TestApp::start().await;
    let body = upload_of("77");
    let promised = format!("Content-Length: {}", body.len() + 10);
    for (head, body) in [
        (promised.as_str(), body.clone()),
        (
            "Transfer-Encoding: chunked",
            format!(
                "{:x}\r\n{}",
                body.len() + 10,
                String::from_utf8(body.clone()).unwrap()
            )
            .into_bytes(),
        ),
        ("Transfer-Encoding: chunked", b"zz\r\n".to_vec()),
    ] {
        let status = app.raw(head, &body).await.map(|(status, _)| status);
        assert!(
            status.is_none_or(|status| status == 400),
            "{head}: {status:?}"
        );
    }
    assert_eq!(app.kept().await, []);
    app.works_as_before().await;
}

#[actix_web::test]
async fn a_content_type_is_not_looked_at_and_a_content_encoding_not_undone() {
    let app = TestApp::start().await;
    for (case, content_type) in [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/octet-stream",
        "no type",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("77{case}");
        let knock = app
            .knock(&format!("main/{TOKEN}"))
            .header("content-type", content_type);
        assert_eq!(
            app.send(knock.body(upload_of(&id))).await,
            Answer::receipt("recorded"),
            "{content_type}"
        );
        assert_eq!(app.upload(&id).await["file_id"], id, "{content_type}");
    }
    let before = app.kept().await.len();
    // {"EventType": "NewFileUpload", "FileUploadEvent": {"FileId": "77"}}
    const GZIPPED: &str = "1f8b0800000000000203ab56722d4bcd2b09a92c4855b25250f24b2d77cbcc490d2dc8c94f4c51d2515042f0c0ea806aaac1629e2920e5e6e64ab5b500ecdb208943000000";
    let gzipped: Vec<u8> = (0..GZIPPED.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&GZIPPED[at..at + 2], 16).unwrap())
        .collect();
    let encoded = |encoding: &str, body: Vec<u8>| {
        app.knock(&format!("main/{TOKEN}"))
            .header("content-encoding", encoding)
            .body(body)
    };
    for encoding in ["gzip", "deflate", "br", "zstd", "none of them"] {
        let answer = app.send(encoded(encoding, gzipped.clone())).await;
        assert_eq!(answer, Answer::nothing_in_it("not_json"), "{encoding}");
    }
    assert!(
        app.kept().await[before..]
            .iter()
            .all(|kept| kept.body == gzipped)
    );
    assert_eq!(
        app.send(encoded("gzip", upload_of("plain"))).await,
        Answer::receipt("recorded")
    );
    app.works_as_before().await;
}

#[actix_web::test]
async fn who_is_not_let_in_is_told_so_before_a_large_body_is_read() {
    let app = TestApp::start().await;
    let large = vec![b' '; 9 * 1024 * 1024];
    let knock = app
        .knock("main/wrong-callback-token-0123456789")
        .body(large);
    assert_eq!(app.send(knock).await, Answer::not_authenticated());
    assert_eq!(app.kept().await, []);
    app.works_as_before().await;
}
