//! The one load process: connections that each send the next body as soon as the last is answered.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bodies::{self, Random};

const CONNECTIONS: &str = "256";

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A notification: to be answered 200.
    Notification,
    /// A request for a signature: to be answered 201.
    Signature,
}

impl Ask {
    /// The name by which the load process is told.
    fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Signature => "signature",
        }
    }

    fn head(self) -> &'static str {
        match self {
            Self::Notification => {
                "POST /callbacks/main/bench-callback-token-0123456789 HTTP/1.1\r\n"
            }
            Self::Signature => {
                "POST /v1/signatures HTTP/1.1\r\nAuthorization: Bearer bench-admin-key-0123456789\r\n"
            }
        }
    }

    fn body(self, random: &mut Random) -> Vec<u8> {
        match self {
            Self::Notification => bodies::body(random),
            Self::Signature => format!(r#"{{"user_id":"user {}"}}"#, random.next()).into_bytes(),
        }
    }

    fn status(self) -> &'static [u8] {
        match self {
            Self::Notification => b"HTTP/1.1 200",
            Self::Signature => b"HTTP/1.1 201",
        }
    }
}

/// Loads a server from a process of its own; tells how many requests a second it answered as it should.
pub async fn against(address: std::net::SocketAddr, ask: Ask, time: Duration) -> f64 {
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--load",
            &address.to_string(),
            "--ask",
            ask.name(),
            "--connections",
            CONNECTIONS,
            "--seconds",
            &time.as_secs_f64().to_string(),
        ])
        .stderr(Stdio::inherit())
        .output()
        .await
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap()
}

/// What the load process does: prints one number.
pub fn run(address: &str, ask: Option<&str>, connections: f64, seconds: f64) {
    let signature = ask == Some(Ask::Signature.name());
    let ask = if signature {
        Ask::Signature
    } else {
        Ask::Notification
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let rate = runtime.block_on(async {
        let until = now() + Duration::from_secs_f64(seconds);
        let began = now();
        let seed = u64::from(std::process::id()) << 32;
        let each = (0..connections as u64)
            .map(|n| tokio::spawn(one(address.to_owned(), ask, seed + n, until)));
        let mut answered = 0;
        for connection in each.collect::<Vec<_>>() {
            answered += connection.await.unwrap();
        }
        answered as f64 / (now() - began).as_secs_f64()
    });
    println!("{rate}");
}

/// One connection; tells how many requests were answered as they should.
async fn one(address: String, ask: Ask, seed: u64, until: Instant) -> u64 {
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let (mut answered, mut request, mut answer) = (0, Vec::new(), vec![0; 4096]);
    while now() < until {
        let body = ask.body(&mut random);
        request.clear();
        request.extend_from_slice(ask.head().as_bytes());
        request.extend_from_slice(
            b"Host: bench\r\nContent-Type: application/json\r\nContent-Length: ",
        );
        request.extend_from_slice(body.len().to_string().as_bytes());
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(&body);
        stream.write_all(&request).await.unwrap();
        let mut read = 0;
        while !is_whole(&answer[..read]) {
            let more = stream.read(&mut answer[read..]).await.unwrap();
            assert!(more > 0, "the server closed the connection");
            read += more;
        }
        assert!(
            answer.starts_with(ask.status()),
            "{}",
            String::from_utf8_lossy(&answer[..read])
        );
        answered += 1;
    }
    answered
}

/// Whether an answer with a Content-Length is complete.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| body.len() >= length)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn now() -> Instant {
    Instant::now()
}
