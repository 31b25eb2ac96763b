//! Postgres under test: a private cluster that can be killed, restarted, frozen and robbed of its connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use sqlx::{Connection, PgConnection};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use vod_receiver::ops::cluster::Cluster;

use crate::process::{family, signal};

/// The database, and the role that the receiver has: an owner, not a superuser, so that the last
/// connections are not its own.
const DATABASE: &str = "soak";
const ROLE: &str = "receiver";
/// Crash recovery included.
const START_WITHIN: Duration = Duration::from_secs(120);

const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A cluster with fsync and `synchronous_commit` on.
pub struct Postgres {
    dir: PathBuf,
    settings: Arc<Vec<(&'static str, &'static str)>>,
    cluster: Option<Cluster>,
    url: String,
}

impl Postgres {
    /// Makes a cluster in a directory, starts it, and makes the receiver's empty database.
    pub async fn make(dir: &Path, settings: Vec<(&'static str, &'static str)>) -> Self {
        let mut postgres = Self {
            dir: dir.to_owned(),
            settings: Arc::new(settings),
            cluster: None,
            url: String::new(),
        };
        postgres.start().await.unwrap();
        let cluster = postgres.cluster.as_ref().unwrap();
        let mut admin = PgConnection::connect(&cluster.url("postgres"))
            .await
            .unwrap();
        postgres.url = cluster.url(DATABASE);
        for sql in [
            "CREATE ROLE receiver LOGIN CREATEROLE",
            "CREATE DATABASE soak OWNER receiver",
        ] {
            sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
        }
        postgres
    }

    /// Its address for the receiver, which reaches it through a wire that can be broken.
    pub fn url_through(wire: std::net::SocketAddr) -> String {
        format!("postgres://{ROLE}@{wire}/{DATABASE}?sslmode=disable")
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        let (_, host) = self.url.split_once("host=").unwrap();
        let dir = host.split('&').next().unwrap().replace("%2F", "/");
        Path::new(&dir).join(".s.PGSQL.5432")
    }

    /// A connection past the wire, as superuser.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let connecting = PgConnection::connect(&self.url);
        let late = |elapsed| sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, elapsed));
        timeout(CONNECT_WITHIN, connecting).await.map_err(late)?
    }

    /// Moves its log of writes to a directory on another disk.
    pub async fn move_wal(&mut self, to: &Path) {
        self.stop().await;
        let from = self.dir.join("data/pg_wal");
        let script = "cp -a \"$0\" \"$1/\" && rm -r \"$0\" && ln -s \"$1/pg_wal\" \"$0\"";
        let moved = tokio::process::Command::new("sh")
            .args(["-c", script])
            .args([&from, to])
            .status();
        assert!(moved.await.unwrap().success());
        self.start().await.unwrap();
    }

    /// Starts it, or joins it if it runs; an error is a sentence.
    pub async fn start(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let (dir, settings) = (self.dir.clone(), Arc::clone(&self.settings));
            let old = self.cluster.take();
            let started = spawn_blocking(move || {
                // Reaps the server that was killed.
                drop(old);
                Cluster::start(&dir, &settings)
            });
            match started.await.unwrap() {
                Ok(cluster) => {
                    self.cluster = Some(cluster);
                    return Ok(());
                }
                Err(fault) if begun.elapsed() > START_WITHIN => {
                    return Err(format!("Postgres did not start: {fault}"));
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Waits until it answers; starts it if it has ended. One that recovers is left alone: Postgres 15 was
    /// seen to hang when told to stop while it recovered from a panic of its own.
    pub async fn ensure_running(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < START_WITHIN {
            if self.connect().await.is_ok() {
                return Ok(());
            }
            if self.processes().is_empty() {
                return self.start().await;
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.kill().await;
        self.start().await?;
        Err(format!("Postgres did not recover within {START_WITHIN:?}"))
    }

    /// Stops it, open connections or not.
    pub async fn stop(&mut self) {
        let cluster = self.cluster.take();
        // One that has died already cannot be stopped.
        let _ = spawn_blocking(|| cluster.map(Cluster::stop)).await.unwrap();
    }

    /// `kill -9`: the postmaster and every session at once.
    pub async fn kill(&self) {
        signal("KILL", &self.processes()).await;
    }

    /// SIGSTOP to all of it.
    pub async fn freeze(&self) {
        signal("STOP", &self.processes()).await;
    }

    /// SIGCONT to all of it.
    pub async fn thaw(&self) {
        signal("CONT", &self.processes()).await;
    }

    /// Ends every session of the receiver.
    pub async fn terminate_sessions(&self) {
        if let Ok(mut admin) = self.connect().await {
            // It may go away at any time.
            let _ = sqlx::raw_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vod-receiver'",
            )
            .execute(&mut admin)
            .await;
        }
    }

    /// Takes every connection that ordinary users may have, the receiver's too, for some time.
    pub async fn exhaust_connections(&self, time: Duration) {
        let url = self
            .url
            .replacen("postgres://vod@", "postgres://receiver@", 1);
        let until = Instant::now() + time;
        let mut held = Vec::new();
        self.terminate_sessions().await;
        while Instant::now() < until {
            match PgConnection::connect(&url).await {
                Ok(connection) => held.push(connection),
                // What the receiver got hold of meanwhile.
                Err(_) => {
                    self.terminate_sessions().await;
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        for connection in held {
            let _ = connection.close().await;
        }
    }

    /// Ends the segment of the write-ahead log, so that a full disk is met at once.
    pub async fn switch_wal(&self) {
        if let Ok(mut admin) = self.connect().await {
            let _ = sqlx::raw_sql("SELECT pg_switch_wal()")
                .execute(&mut admin)
                .await;
        }
    }

    /// Its postmaster and sessions; none if it does not run.
    fn processes(&self) -> Vec<u32> {
        let pid_file = self.dir.join("data/postmaster.pid");
        let pid = fs::read_to_string(pid_file)
            .ok()
            .and_then(|text| text.lines().next()?.trim().parse().ok());
        let alive = pid.filter(|pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let data = self.dir.join("data").display().to_string();
            String::from_utf8_lossy(&line).contains(&data)
        });
        alive.map(family).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // One that is frozen could not be stopped.
        let processes: Vec<String> = self.processes().iter().map(u32::to_string).collect();
        let thaw = format!("kill -CONT {} 2>/dev/null", processes.join(" "));
        let _ = std::process::Command::new("sh")
            .args(["-c", &thaw])
            .status();
    }
}
