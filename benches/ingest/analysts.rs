//! What ingest keeps of its rate while analysts ask: four transactions that lie idle with an old snapshot, and one that reads
//! a whole view on one core, again and again.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use vod_receiver::ops::cluster::Cluster;

use crate::load::{Ask, Load};
use crate::seed;
use crate::servers::{self, Prepared};

/// What has to be left of the rate, of 1.
const WITH_SNAPSHOTS: f64 = 0.9;
const WITH_A_SCAN: f64 = 0.5;
/// Every column of a row is taken out of it, none of the other tables is asked.
const SCAN: &str =
    "SELECT count(*), sum(size_bytes), max(updated_at), max(media_url) FROM analyst.uploads";

/// What one run measures with.
#[derive(Clone, Copy)]
pub struct Asked {
    pub uploads: u64,
    pub rounds: usize,
    pub connections: usize,
    /// How long each measurement is.
    pub time: Duration,
    /// How long snapshots are held under full load before the measurement.
    pub held: Duration,
}

impl Asked {
    /// What is given by name; else minutes on two million uploads, or as little as shows that it runs.
    pub fn of(number: impl Fn(&str) -> Option<f64>, connections: usize, short: bool) -> Self {
        let or = |name: &str, long: f64, brief: f64| {
            number(name).unwrap_or(if short { brief } else { long })
        };
        Self {
            uploads: or("--uploads", 2_000_000.0, 20_000.0) as u64,
            rounds: or("--rounds", 3.0, 1.0) as usize,
            connections,
            time: Duration::from_secs_f64(or("--seconds", 8.0, 0.5)),
            held: Duration::from_secs_f64(or("--held", 60.0, 0.5)),
        }
    }
}

/// Measures in alternated rounds on so many uploads; tells whether what is left is enough.
pub async fn measure(dir: PathBuf, asked: Asked) -> bool {
    let at = dir.clone();
    let cluster = actix_web::rt::task::spawn_blocking(move || Cluster::start(&at, &servers::LARGE))
        .await
        .unwrap()
        .unwrap();
    let database = servers::prepare(&cluster, &dir).await;
    database.empty().await;
    seed::fill(&database.pool, asked.uploads).await;
    rate(&database, asked, asked.time).await; // most pages are touched for the first time since the checkpoint
    let (mut snapshots, mut scans) = (Vec::new(), Vec::new());
    for round in 0..asked.rounds {
        let alone = rate(&database, asked, asked.time).await;
        let idle = with_snapshots(&database, asked).await;
        let again = rate(&database, asked, asked.time).await;
        let (scanned, scan) = with_a_scan(&database, asked).await;
        let alone = f64::midpoint(alone, again);
        eprintln!(
            "round {round}: alone {alone:.0}, four snapshots {idle:.0}, a scan {scan:.0} a second ({scanned} scans ended)"
        );
        snapshots.push(idle / alone);
        scans.push(scan / alone);
    }
    database.pool.close().await;
    cluster.stop().unwrap();
    let _ = std::fs::remove_dir_all(dir);
    let enough = told("four idle snapshots", snapshots, WITH_SNAPSHOTS);
    told("one serial scan", scans, WITH_A_SCAN) && enough
}

/// Prints what is left of the rate, and whether the median is enough.
fn told(name: &str, mut ratios: Vec<f64>, bar: f64) -> bool {
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!(
        "{name:<20} {median:>6.2} of the rate   ({:.2} to {:.2}; the bar is {bar})",
        ratios[0],
        ratios[ratios.len() - 1]
    );
    median >= bar
}

/// Notifications recorded a second, at full load.
async fn rate(database: &Prepared, asked: Asked, time: Duration) -> f64 {
    let load = Load {
        issued_here: true,
        ..Load::full(Ask::Notification, asked.connections, time)
    };
    servers::ours_on_what_is_there(database, load)
        .await
        .answered
        .per_second
}

/// A connection of an analyst, with the settings of the role.
async fn analyst(database: &Prepared) -> PgConnection {
    let url = database.url.replacen("//vod@", "//vod_analyst@", 1);
    PgConnection::connect(&url).await.unwrap()
}

async fn with_snapshots(database: &Prepared, asked: Asked) -> f64 {
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut connection = analyst(database).await;
        sqlx::raw_sql(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT fresh_until FROM analyst.settings",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        held.push(connection);
    }
    rate(database, asked, asked.held).await;
    let rate = rate(database, asked, asked.time).await;
    for mut connection in held {
        // Had it been ended meanwhile, it would not have been held.
        sqlx::raw_sql("COMMIT")
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
    // What was kept for them goes, as autovacuum has it go within a minute.
    sqlx::raw_sql("VACUUM uncounted")
        .execute(&database.pool)
        .await
        .unwrap();
    rate
}

/// How often all was read meanwhile, too.
async fn with_a_scan(database: &Prepared, asked: Asked) -> (u32, f64) {
    let mut connection = analyst(database).await;
    let scanning = tokio::spawn(async move {
        let mut scanned = 0;
        loop {
            match sqlx::raw_sql(SCAN).execute(&mut connection).await {
                Ok(_) => scanned += 1,
                Err(_) => return scanned,
            }
        }
    });
    let rate = rate(database, asked, asked.time).await;
    sqlx::raw_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'vod_analyst'",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    let scanned = scanning.await.unwrap();
    (scanned, rate)
}
