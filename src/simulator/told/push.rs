//! A push as VOD sends it: 5 s for an answer, two more sends when none comes, whatever it says is passed over
//! (protocol.md section 2).

use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;

use crate::simulator::Simulator;
use crate::vod::sample;

/// Sends of one push, if none is answered.
const SENDS: u32 = 3;
/// A receiver that cannot be reached so long is not.
const CUT_WITHIN: Duration = Duration::from_secs(5);

impl Simulator {
    /// Sends one push, or half of it.
    pub(super) async fn push(&self, url: &str, sign_key: &str, body: &Value, is_cut: bool) {
        let signed = || {
            let body = body.clone();
            let now = self.inner.clock.now().timestamp();
            if sign_key.is_empty() {
                body
            } else {
                sample::signed(body, sign_key, now)
            }
        };
        if is_cut {
            let body = signed().to_string();
            let _ = tokio::time::timeout(CUT_WITHIN, send_half(url, &body)).await;
            return;
        }
        for _ in 0..SENDS {
            let post = self
                .client()
                .post(url)
                .timeout(self.inner.settings.push_timeout)
                .header("Content-Type", "application/json")
                .body(signed().to_string());
            let sent = post.send().await;
            let mut state = self.state();
            match sent {
                Ok(_) => state.told.answered += 1,
                Err(fault) if fault.is_timeout() => {
                    state.told.timed_out += 1;
                    continue;
                }
                // Only a timeout is documented to bring another send.
                Err(_) => state.told.failed += 1,
            }
            return;
        }
    }

    /// Made with the first push: most simulators send none.
    fn client(&self) -> &reqwest::Client {
        self.inner.client.get_or_init(reqwest::Client::new)
    }
}

/// The head of a request and half of its body; then the connection closes.
async fn send_half(url: &str, body: &str) -> Option<()> {
    let url: reqwest::Url = url.parse().ok()?;
    let address = (url.host_str()?, url.port_or_known_default()?);
    let stream = TcpStream::connect(address).await.ok()?;
    let text = format!(
        "POST {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        url.path(),
        address.0,
        address.1,
        body.len()
    );
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&body.as_bytes()[..body.len() / 2]);
    let mut left = bytes.as_slice();
    while !left.is_empty() {
        stream.writable().await.ok()?;
        match stream.try_write(left) {
            Ok(written) => left = &left[written..],
            Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(())
}
