//! How fast notifications are recorded, as ratios within one run.
//!
//! `cargo bench --bench ingest [-- --json] [-- --rounds N] [-- --seconds S]`; `-- --test` is one short round of few
//! connections.
//!
//! Five alternated rounds of four measurements, each on empty tables of the same Postgres with
//! fsync and `synchronous_commit` on, the same bodies, one load process with 256 connections:
//!
//! - `echo`: an actix server that parses the body and answers, without a database;
//! - `sql`: the same rows by the same statement, already folded, without HTTP; best of several
//!   numbers of connections and batch sizes;
//! - `naive`: the same tables, one transaction a request, prepared statements, a pool of 16;
//! - `ours`: the service, the real binary with all that it does beside: roll-ups, feed, spool, keeping house.
//!
//! Then the same two for `POST /v1/signatures`: `naive`, one transaction a request, and the service.
//!
//! Last, how long requests wait: one alone, and one at half of the load, against a commit of one delivery; and how
//! many deliveries are recorded whose tickets another receiver issued, so that the database is asked for them.
//!
//! `-- --flat N [--seconds S]` measures something else: what a delivery costs on N uploads, and on none (`flat`).
//!
//! `-- --analysts [--uploads N] [--rounds N] [--seconds S] [--held S]`: what is left of the rate while analysts ask
//! (`analysts`); ends with 1 if it is not enough.
//!
//! L = 1 / (1/echo + 1/sql) is what sharing the cores between both halves of the work allows.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark that fails is to fail loudly, and its counts are small"
)]

mod analysts;
mod bodies;
mod cpu;
mod flat;
mod load;
mod naive;
#[path = "../shared/receiver.rs"]
#[expect(dead_code, reason = "the bench of the feed asks more of it")]
mod receiver;
mod seed;
mod servers;
mod sql;
#[path = "../shared/templates.rs"]
mod templates;

use std::path::PathBuf;
use std::time::Duration;

use cpu::Used;
use load::{Answered, Ask, Load};
use serde_json::json;
use servers::Measured;
use vod_receiver::ops::cluster::Cluster;

/// The service's own (src/main.rs), for all that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// They keep any machine busy.
const CONNECTIONS: usize = 256;
/// They show that it runs, and any machine keeps up with them.
const FEW_CONNECTIONS: usize = 8;

/// What one run measures with.
#[derive(Clone, Copy)]
pub struct Plan {
    rounds: usize,
    connections: usize,
    seconds: f64,
    calibrate: bool,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| {
        args.iter()
            .position(|arg| arg == name)
            .and_then(|at| args.get(at + 1))
    };
    if let Some(address) = after("--load") {
        let number = |name: &str| after(name).and_then(|text| text.parse().ok());
        let load = Load {
            ask: Ask::named(after("--ask")),
            issued_here: args.iter().any(|arg| arg == "--issued-here"),
            connections: number("--connections").map_or(CONNECTIONS, |number| number as usize),
            per_second: number("--per-second"),
            time: Duration::from_secs_f64(number("--seconds").unwrap_or(1.0)),
        };
        return load::run(address, load);
    }
    let short = args.iter().any(|arg| arg == "--test");
    let connections = if short { FEW_CONNECTIONS } else { CONNECTIONS };
    let plan = Plan {
        rounds: after("--rounds")
            .and_then(|n| n.parse().ok())
            .unwrap_or(if short { 1 } else { 5 }),
        connections,
        seconds: after("--seconds")
            .and_then(|n| n.parse().ok())
            .unwrap_or(if short { 0.5 } else { 3.0 }),
        calibrate: !short,
    };
    let dir = std::env::temp_dir().join(format!("vod-receiver-bench-{}", std::process::id()));
    let uploads = after("--flat").and_then(|n| n.parse().ok());
    if let Some(uploads) = uploads.or(short.then_some(20_000)) {
        let seconds = after("--seconds").and_then(|n| n.parse().ok());
        let seconds = seconds.unwrap_or(if short { 0.5 } else { 40.0 });
        let time = Duration::from_secs_f64(seconds);
        let load = Load::full(Ask::Notification, connections, time);
        actix_web::rt::System::new().block_on(flat::measure(dir.clone(), uploads, load));
        if !short {
            return;
        }
    }
    if args.iter().any(|arg| arg == "--analysts") || short {
        let number = |name: &str| after(name).and_then(|text| text.parse().ok());
        let asked = analysts::Asked::of(number, connections, short);
        let measured = analysts::measure(dir.clone(), asked);
        let enough = actix_web::rt::System::new().block_on(measured);
        if !short {
            std::process::exit(i32::from(!enough));
        }
    }
    let figures = actix_web::rt::System::new().block_on(measure(dir, plan));
    if args.iter().any(|arg| arg == "--json") {
        println!("{}", figures.json());
    } else {
        figures.print();
    }
}

async fn measure(dir: PathBuf, plan: Plan) -> Figures {
    let at = dir.clone();
    let settings = [
        ("max_wal_size", "4GB"),
        ("shared_buffers", "512MB"),
        ("wal_compression", "lz4"),
        // Segments are written over, as in a server that has run for a while, not made anew.
        ("min_wal_size", "3GB"),
    ];
    let cluster = actix_web::rt::task::spawn_blocking(move || Cluster::start(&at, &settings))
        .await
        .unwrap()
        .unwrap();
    let database = servers::prepare(&cluster, &dir).await;
    let best = sql::calibrate(&database, plan).await;
    let mut figures = Figures {
        shape: best,
        rounds: Vec::new(),
        waits: Vec::new(),
        tickets_of_others: 0.0,
    };
    for round in 0..plan.rounds {
        let seconds = Duration::from_secs_f64(plan.seconds);
        let notifications = Load::full(Ask::Notification, plan.connections, seconds);
        let signatures = Load::full(Ask::Signature, plan.connections, seconds);
        let echo = servers::echo(notifications).await;
        let echo = echo.per_second;
        let sql = sql::rate(&database, best, seconds).await;
        let naive = naive::notifications(&database, notifications).await;
        let issued_here = Load {
            issued_here: true,
            ..notifications
        };
        let Measured { answered, cpu } = servers::ours(&database, issued_here).await;
        let ours = answered.per_second;
        let naive_signatures = naive::signatures(&database, signatures).await;
        let signatures = servers::ours(&database, signatures)
            .await
            .answered
            .per_second;
        eprintln!(
            "round {round}: echo {echo:.0}, sql {sql:.0}, naive {naive:.0}, ours {ours:.0} a second; \
             signatures naive {naive_signatures:.0}, ours {signatures:.0}"
        );
        figures.rounds.push(Round {
            echo,
            sql,
            naive,
            ours,
            cpu,
            naive_signatures,
            signatures,
        });
    }
    figures.waits(&database, plan).await;
    database.pool.close().await;
    cluster.stop().unwrap();
    let _ = std::fs::remove_dir_all(dir);
    figures
}

struct Figures {
    shape: sql::Shape,
    rounds: Vec<Round>,
    waits: Vec<Waits>,
    /// Deliveries a second whose tickets another receiver issued.
    tickets_of_others: f64,
}

/// Deliveries a second, and signatures.
struct Round {
    echo: f64,
    sql: f64,
    naive: f64,
    ours: f64,
    cpu: Used,
    naive_signatures: f64,
    signatures: f64,
}

/// How long it took what, in one round.
struct Waits {
    /// Microseconds.
    commit: f64,
    lone: Answered,
    half: Answered,
    echo: Answered,
}

/// A wait; no number where there was none.
fn micros(wait: Option<u32>) -> f64 {
    wait.map_or(f64::NAN, f64::from)
}

/// Median, smallest and largest.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (
        values[values.len() / 2],
        values[0],
        values[values.len() - 1],
    )
}

impl Figures {
    /// How long a lone request waits, and one at half of the full load, against what a commit takes: one after the other in
    /// each round, since what a commit takes changes from minute to minute.
    async fn waits(&mut self, database: &servers::Prepared, plan: Plan) {
        let time = Duration::from_secs_f64(plan.seconds);
        let commit_alone = sql::Shape {
            connections: 1,
            batch: 1,
        };
        let not_here = Load::full(Ask::Notification, plan.connections, time);
        let full = Load {
            issued_here: true,
            ..not_here
        };
        let lone = Load {
            connections: 1,
            ..full
        };
        let (ours, ..) = spread(self.rounds.iter().map(|round| round.ours));
        let half = Load {
            per_second: Some(ours / 2.0),
            ..full
        };
        let nothing_issued = Load {
            issued_here: false,
            ..half
        };
        for _ in 0..plan.rounds {
            self.waits.push(Waits {
                commit: 1e6 / sql::rate(database, commit_alone, time).await,
                lone: servers::ours(database, lone).await.answered,
                half: servers::ours(database, half).await.answered,
                // What it waits where nothing is stored says how much of it is the machine's.
                echo: servers::echo(nothing_issued).await,
            });
        }
        self.tickets_of_others = servers::ours(database, not_here).await.answered.per_second;
    }

    fn rows(&self) -> Vec<(&'static str, (f64, f64, f64))> {
        let limit = |round: &Round| 1.0 / (1.0 / round.echo + 1.0 / round.sql);
        let of_rounds = |of: fn(&Round) -> f64| spread(self.rounds.iter().map(of));
        let of_waits = |of: fn(&Waits) -> f64| spread(self.waits.iter().map(of));
        let of_limit = self.rounds.iter().map(|round| round.ours / limit(round));
        vec![
            ("echo", of_rounds(|round| round.echo)),
            ("sql", of_rounds(|round| round.sql)),
            ("naive", of_rounds(|round| round.naive)),
            ("ours", of_rounds(|round| round.ours)),
            ("CPU of Postgres, us", of_rounds(|round| round.cpu.postgres)),
            ("CPU of ours, us", of_rounds(|round| round.cpu.service)),
            ("ours / L", spread(of_limit)),
            ("ours / naive", of_rounds(|round| round.ours / round.naive)),
            (
                "signatures, naive",
                of_rounds(|round| round.naive_signatures),
            ),
            ("signatures", of_rounds(|round| round.signatures)),
            (
                "signatures / naive",
                of_rounds(|round| round.signatures / round.naive_signatures),
            ),
            ("commit of one, us", of_waits(|waits| waits.commit)),
            (
                "lone request, us",
                of_waits(|waits| micros(waits.lone.median_us)),
            ),
            (
                "lone / commit",
                of_waits(|waits| micros(waits.lone.median_us) / waits.commit),
            ),
            (
                "half load, a second",
                of_waits(|waits| waits.half.per_second),
            ),
            (
                "half load, median us",
                of_waits(|waits| micros(waits.half.median_us)),
            ),
            (
                "half load, p99 us",
                of_waits(|waits| micros(waits.half.p99_us)),
            ),
            (
                "p99 / commit",
                of_waits(|waits| micros(waits.half.p99_us) / waits.commit),
            ),
            (
                "echo there, p99 us",
                of_waits(|waits| micros(waits.echo.p99_us)),
            ),
            (
                "tickets of others",
                spread(std::iter::once(self.tickets_of_others)),
            ),
        ]
    }

    fn print(&self) {
        println!(
            "sql is best with {} connections and batches of {}",
            self.shape.connections, self.shape.batch
        );
        for (name, (median, least, most)) in self.rows() {
            let digits = if median < 100.0 { 2 } else { 0 };
            println!("{name:<20} {median:>9.digits$}   ({least:.digits$} to {most:.digits$})");
        }
    }

    fn json(&self) -> serde_json::Value {
        self.rows()
            .into_iter()
            .map(|(name, (median, least, most))| {
                (
                    name.to_owned(),
                    json!({"median": median, "least": least, "most": most}),
                )
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}
