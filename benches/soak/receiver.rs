//! The receiver under test: the real binary, as a process that can be killed, stopped and frozen.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::process::signal;

/// The key and the token that it is started with.
pub const ADMIN_KEY: &str = "soak-admin-key-0123456789abcdef";
pub const CALLBACK_PATH: &str = "/callbacks/main/soak-callback-token-0123456789";
const CALLBACK_TOKEN: &str = "soak-callback-token-0123456789";

/// `vod-receiver serve`; killed when dropped.
pub struct Receiver {
    settings: Vec<(&'static str, String)>,
    address: SocketAddr,
    log: PathBuf,
    child: Option<Child>,
    /// Until it takes connections, for which it does not wait for Postgres; and until it ends when told to.
    patience: Duration,
}

impl Receiver {
    /// A receiver that is not started yet, on a port of its own.
    pub fn new(
        dir: &Path,
        data_dir: &Path,
        database_url: String,
        spool_max_mb: u32,
        patience: Duration,
    ) -> Self {
        // Given back at once: every start takes the same port again.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let settings = vec![
            ("DATABASE_URL", database_url),
            ("VOD_RECEIVER_LISTEN", address.to_string()),
            ("VOD_RECEIVER_DATA_DIR", data_dir.display().to_string()),
            ("VOD_RECEIVER_SPOOL_MAX_MB", spool_max_mb.to_string()),
            // The proof is of processes that are killed, not of machines that lose power.
            ("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL", "true".to_owned()),
            ("VOD_RECEIVER_ADMIN_KEY", ADMIN_KEY.to_owned()),
            ("VOD_CALLBACK_TOKEN", CALLBACK_TOKEN.to_owned()),
            ("VOD_SECRET_ID", "AKIDsoak".to_owned()),
            ("VOD_SECRET_KEY", "soak-secret-key-0123456789".to_owned()),
        ];
        Self {
            settings,
            address,
            log: dir.join("receiver.log"),
            child: None,
            patience,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Starts it and waits until it takes connections; an error is a sentence.
    pub async fn start(&mut self) -> Result<(), String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vod-receiver"));
        for (name, _) in std::env::vars() {
            if name.starts_with("VOD_") || name.starts_with("PG") || name == "DATABASE_URL" {
                command.env_remove(name);
            }
        }
        let log = open_log(&self.log);
        let child = command
            .arg("serve")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            // No vod-receiver.toml is there.
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let child = self.child.insert(child);
        let begun = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            if let Ok(Some(status)) = child.try_wait() {
                self.child = None;
                return Err(format!("the receiver did not start: {status}"));
            }
            if begun.elapsed() > self.patience {
                return Err(format!(
                    "the receiver takes no connections after {:?}",
                    self.patience
                ));
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Starts it if it does not run.
    pub async fn ensure_running(&mut self) -> Result<(), String> {
        let status = self.child.as_mut().map(Child::try_wait);
        match status {
            Some(Ok(None)) => Ok(()),
            Some(ended) => {
                self.child = None;
                self.start().await?;
                Err(format!("the receiver had ended by itself: {ended:?}"))
            }
            None => self.start().await,
        }
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }

    /// SIGTERM; an error unless it ends with 0, soon. Tells how long it took.
    pub async fn terminate(&mut self) -> Result<Duration, String> {
        let Some(mut child) = self.child.take() else {
            return Ok(Duration::ZERO);
        };
        let begun = Instant::now();
        signal("TERM", child.id().as_slice()).await;
        match timeout(self.patience, child.wait()).await {
            Ok(status) => {
                let status = status.unwrap();
                let took = begun.elapsed();
                status.success().then_some(took).ok_or_else(|| {
                    format!("SIGTERM ended the receiver with {status} after {took:?}")
                })
            }
            Err(_) => {
                child.kill().await.unwrap();
                Err(format!(
                    "SIGTERM did not end the receiver within {:?}",
                    self.patience
                ))
            }
        }
    }

    /// SIGSTOP.
    pub async fn freeze(&self) {
        signal("STOP", self.pid().as_slice()).await;
    }

    /// SIGCONT.
    pub async fn thaw(&self) {
        signal("CONT", self.pid().as_slice()).await;
    }
}

fn open_log(path: &Path) -> File {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.unwrap()
}
