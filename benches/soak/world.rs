//! Everything under test: a receiver, a wire, a Postgres, and the disks that they lie on.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::bodies::Users;
use crate::check::{self, Figures};
use crate::disk::Disk;
use crate::http::Connection;
use crate::ledger::Ledger;
use crate::load::{Target, signature};
use crate::postgres::Postgres;
use crate::process;
use crate::proxy::{Proxy, Wire};
use crate::receiver::Receiver;

/// Each user uploads with several tickets.
const TICKETS_OF_A_USER: usize = 5;
/// Enough for half an hour of the load of `crash`; sparse.
const DATA_DISK_MB: u64 = 16 << 10;
/// Twice what Postgres is told to keep.
const WAL_DISK_MB: u64 = 256;
/// Some seconds of the load of `crash` fill what the filler leaves.
const SPOOL_DISK_MB: u64 = 96;
/// While it recovers from whatever there was.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How often it is asked meanwhile.
const AGAIN: Duration = Duration::from_millis(20);

/// What a proof needs.
pub struct Setup {
    /// Whether disks are to run full.
    pub small_disks: bool,
    pub spool_max_mb: u32,
    /// How long the receiver may take to start and to end.
    pub patience: Duration,
    pub postgres: Vec<(&'static str, &'static str)>,
}

/// Disks that can be filled; `None` each where that is not possible.
#[derive(Default)]
pub struct Disks {
    pub data: Option<Disk>,
    pub wal: Option<Disk>,
    pub spool: Option<Disk>,
}

/// A running system. Each part has a lock: who breaks it holds it until it is mended.
pub struct World {
    pub receiver: Mutex<Receiver>,
    pub wire: Mutex<Proxy>,
    pub postgres: Mutex<Postgres>,
    pub disks: Disks,
    pub target: Target,
    scratch: Scratch,
}

impl World {
    /// Makes and starts everything; the receiver is ready, and its users have their tickets.
    pub async fn start(setup: Setup) -> Self {
        let scratch = Scratch::new();
        let dir = &scratch.0;
        let (cluster_dir, data_dir) = (dir.join("postgres"), dir.join("receiver"));
        let mut disks = Disks::default();
        if setup.small_disks {
            disks = Disks {
                data: Disk::mount(&cluster_dir, DATA_DISK_MB),
                wal: Disk::mount(&dir.join("wal"), WAL_DISK_MB),
                spool: Disk::mount(&data_dir, SPOOL_DISK_MB),
            };
        }
        let mut postgres = Postgres::make(&cluster_dir, setup.postgres).await;
        if disks.wal.is_some() {
            postgres.move_wal(&dir.join("wal")).await;
        }
        let wire = Proxy::start(postgres.socket()).await;
        let url = Postgres::url_through(wire.address());
        let Setup {
            spool_max_mb,
            patience,
            ..
        } = setup;
        let mut receiver = Receiver::new(dir, &data_dir, url, spool_max_mb, patience);
        receiver.start().await.unwrap();
        let address = receiver.address();
        drained(address, READY_WITHIN).await.unwrap();
        let ledger = Ledger::default();
        let target = Target {
            address,
            users: Arc::new(users(address, &ledger).await),
            ledger: Arc::new(ledger),
        };
        Self {
            receiver: Mutex::new(receiver),
            wire: Mutex::new(wire),
            postgres: Mutex::new(postgres),
            disks,
            target,
            scratch,
        }
    }

    /// Mends whatever is broken; tells what could not be mended or should not have been broken.
    pub async fn mend(&self) {
        let Disks { data, wal, spool } = &self.disks;
        [data, wal, spool]
            .into_iter()
            .flatten()
            .for_each(Disk::free);
        self.wire.lock().await.set(Wire::Whole);
        if let Err(fault) = self.postgres.lock().await.ensure_running().await {
            self.target.ledger.fault(fault);
        }
        if let Err(fault) = self.receiver.lock().await.ensure_running().await {
            self.target.ledger.fault(fault);
        }
    }

    /// Waits until the receiver is ready and its spool empty; tells how long that took.
    pub async fn drained(&self, within: Duration) -> Option<Duration> {
        match drained(self.target.address, within).await {
            Ok(took) => Some(took),
            Err(fault) => {
                self.target.ledger.fault(fault);
                None
            }
        }
    }

    /// Stops the receiver as an orchestrator would, and compares what it left in Postgres with the ledger.
    pub async fn reckoned(&self) -> Figures {
        if let Err(fault) = self.receiver.lock().await.terminate().await {
            self.target.ledger.fault(fault);
        }
        let mut postgres = self.postgres.lock().await.connect().await.unwrap();
        check::reckon(&mut postgres, &self.target.ledger).await
    }

    /// Tells whether all was well; keeps the logs if not, and says where.
    pub fn finish(&self, figures: &Figures) -> bool {
        if !figures.all_well() {
            println!("the logs are kept in {}", self.keep_logs().display());
        }
        figures.all_well()
    }

    fn keep_logs(&self) -> PathBuf {
        let kept = format!("vod-receiver-soak-failed-{}", std::process::id());
        let kept = std::env::temp_dir().join(kept);
        fs::create_dir_all(&kept).unwrap();
        let dir = &self.scratch.0;
        for log in [dir.join("receiver.log"), dir.join("postgres/server.log")] {
            // One that was never written is not missed.
            let _ = fs::copy(&log, kept.join(log.file_name().unwrap()));
        }
        kept
    }

    /// Resident memory of the receiver in MiB, unless it is away.
    pub async fn resident_mib(&self) -> Option<f64> {
        self.receiver
            .lock()
            .await
            .pid()
            .and_then(process::resident_mib)
    }
}

/// How much is spooled, if the receiver is ready.
pub async fn ready(connection: &mut Connection) -> Option<u64> {
    let answer = connection.get("/readyz").await.ok()?;
    let answer: Value = (answer.status == 200)
        .then(|| serde_json::from_slice(&answer.body).ok())
        .flatten()?;
    answer["spool"]["records"].as_u64()
}

async fn drained(address: SocketAddr, within: Duration) -> Result<Duration, String> {
    let begun = Instant::now();
    let mut connection = Connection::to(address);
    loop {
        let spooled = ready(&mut connection).await;
        if spooled == Some(0) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > within {
            let state = spooled.map_or("not ready".to_owned(), |records| {
                format!("{records} records spooled")
            });
            return Err(format!(
                "after {within:?} the receiver is still behind: {state}"
            ));
        }
        sleep(AGAIN).await;
    }
}

/// Tickets for every user, by the receiver's own door.
async fn users(address: SocketAddr, ledger: &Ledger) -> Users {
    let mut connection = Connection::to(address);
    let mut issued = Vec::new();
    for number in 0..Users::COUNT * TICKETS_OF_A_USER {
        let user = number % Users::COUNT;
        // A database that is cold may take too long for the first.
        let given = async {
            loop {
                match signature(&mut connection, ledger, user).await {
                    Some(issued) => break issued,
                    None => sleep(AGAIN).await,
                }
            }
        };
        issued.push(timeout(READY_WITHIN, given).await.expect("a signature"));
    }
    let users = Users::of(&issued);
    issued.into_iter().for_each(|issued| ledger.issued(issued));
    users
}

/// A directory that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("vod-receiver-soak-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether this process may mount disks.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(Path::new("/proc/self")).is_ok_and(|own| own.uid() == 0)
}
