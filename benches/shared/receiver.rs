//! The real binary as a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

pub const ADMIN_KEY: &str = "bench-admin-key-0123456789";
pub const TOKEN: &str = "bench-callback-token-0123456789";
const PATIENCE: Duration = Duration::from_secs(60);

/// `vod-receiver serve`; killed when dropped.
pub struct Receiver {
    child: Child,
    pub address: SocketAddr,
}

impl Receiver {
    /// One on a database, with its spool below a directory; ready.
    pub async fn start(database_url: &str, dir: &Path) -> Self {
        // Given back at once, for the receiver to take.
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vod-receiver"));
        for (name, _) in std::env::vars() {
            if name.starts_with("VOD_") || name.starts_with("PG") || name == "DATABASE_URL" {
                command.env_remove(name);
            }
        }
        let child = command
            .arg("serve")
            .env("DATABASE_URL", database_url)
            .env("VOD_RECEIVER_LISTEN", address.to_string())
            .env("VOD_RECEIVER_DATA_DIR", dir.join("receiver"))
            .env("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL", "true")
            .env("VOD_RECEIVER_ADMIN_KEY", ADMIN_KEY)
            .env("VOD_RECEIVER_LOG", "warn")
            .env("VOD_CALLBACK_TOKEN", TOKEN)
            .env("VOD_SECRET_ID", "AKIDbench")
            .env("VOD_SECRET_KEY", "bench-secret-key")
            .current_dir("/")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let receiver = Self { child, address };
        let ready = async {
            while !receiver.answer("/readyz").await.starts_with("HTTP/1.1 200") {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, ready).await.expect("it is ready");
        receiver
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The answer to a question that needs no key; empty if none came.
    async fn answer(&self, path: &str) -> String {
        let asked = async {
            let mut stream = TcpStream::connect(self.address).await?;
            let head = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        asked.await.unwrap_or_default()
    }

    /// Waits until a gauge has a value.
    pub async fn until(&self, gauge: &str, value: usize) {
        let line = format!("\nvod_receiver_{gauge} {value}\n");
        let reached = async {
            while !self.answer("/metrics").await.contains(&line) {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, reached).await.expect(gauge);
    }

    /// What it has in memory.
    pub fn resident_bytes(&self) -> usize {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
