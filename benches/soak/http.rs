//! A lean HTTP/1.1 client: one connection, one request at a time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// A hold of 6 s, a freeze and a full queue behind them; what takes longer hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);
/// The receiver closes a connection that says nothing for 5 s.
const IDLE: Duration = Duration::from_secs(2);

/// A connection to the receiver, opened when first needed and again after a fault.
pub struct Connection {
    address: SocketAddr,
    stream: Option<(TcpStream, Instant)>,
}

/// Whether a request that failed never left: nobody took the connection.
pub fn never_sent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Connection {
    /// A connection that is opened when first needed.
    pub fn to(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
        }
    }

    /// Posts a body, JSON or not.
    pub async fn post(&mut self, path: &str, key: &str, body: &[u8]) -> io::Result<Answer> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        self.exchange(&request).await
    }

    /// Asks.
    pub async fn get(&mut self, path: &str) -> io::Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: soak\r\n\r\n");
        self.exchange(request.as_bytes()).await
    }

    /// One request and its answer. After an error the connection is given up, and nobody knows whether
    /// the request was taken.
    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let exchanged = timeout(ANSWER_WITHIN, async {
            let mut stream = match self.stream.take() {
                Some((stream, used)) if used.elapsed() < IDLE => stream,
                _ => {
                    let stream = TcpStream::connect(self.address).await?;
                    stream.set_nodelay(true)?;
                    stream
                }
            };
            stream.write_all(request).await?;
            let (answer, stays) = read_answer(&mut stream).await?;
            if stays {
                self.stream = Some((stream, Instant::now()));
            }
            Ok(answer)
        });
        exchanged
            .await
            .unwrap_or_else(|elapsed| Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)))
    }
}

/// An answer with a Content-Length, and whether the connection stays open.
async fn read_answer(stream: &mut TcpStream) -> io::Result<(Answer, bool)> {
    let mut read = Vec::with_capacity(1024);
    let head_bytes = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&read[..head_bytes]).to_ascii_lowercase();
    let field = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let malformed = || io::Error::other(format!("not an answer: {head}"));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let length = field("content-length:").and_then(|length| length.parse::<usize>().ok());
    let (status, length) = status.zip(length).ok_or_else(malformed)?;
    let stays = field("connection:") != Some("close");
    let mut body = read.split_off(head_bytes);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((Answer { status, body }, stays))
}
