//! How fast notifications are recorded, as ratios within one run.
//!
//! `cargo bench --bench ingest [-- --json] [-- --rounds N] [-- --seconds S]`; `-- --test` is one short round.
//!
//! Five alternated rounds of four measurements, each on empty tables of the same Postgres with
//! fsync and `synchronous_commit` on, the same bodies, one load process with 256 connections:
//!
//! - `echo`: an actix server that parses the body and answers, without a database;
//! - `sql`: the same rows by the same statement, already folded, without HTTP; best of several
//!   numbers of connections and batch sizes;
//! - `naive`: the same tables, one transaction a request, prepared statements, a pool of 16;
//! - `ours`: the service.
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

/// What one run measures with.
#[derive(Clone, Copy)]
pub struct Plan {
    rounds: usize,
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
            connections: number("--connections").unwrap_or(256.0) as usize,
            per_second: number("--per-second"),
            time: Duration::from_secs_f64(number("--seconds").unwrap_or(1.0)),
        };
        return load::run(address, load);
    }
    let short = args.iter().any(|arg| arg == "--test");
    let plan = Plan {
        rounds: after("--rounds")
            .and_then(|n| n.parse().ok())
            .unwrap_or(if short { 1 } else { 5 }),
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
        actix_web::rt::System::new().block_on(flat::measure(dir.clone(), uploads, time));
        if !short {
            return;
        }
    }
    if args.iter().any(|arg| arg == "--analysts") || short {
        let number = |name: &str| after(name).and_then(|text| text.parse().ok());
        let asked = analysts::Asked::of(number, short);
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
    };
    for round in 0..plan.rounds {
        let seconds = Duration::from_secs_f64(plan.seconds);
        let echo = servers::echo(Load::full(Ask::Notification, seconds)).await;
        let echo = echo.per_second;
        let sql = sql::rate(&database, best, seconds).await;
        let naive = naive::notifications(&database, seconds).await;
        let issued_here = Load {
            issued_here: true,
            ..Load::full(Ask::Notification, seconds)
        };
        let Measured { answered, cpu } = servers::ours(&database, issued_here).await;
        let ours = answered.per_second;
        let naive_signatures = naive::signatures(&database, seconds).await;
        let signatures = servers::ours(&database, Load::full(Ask::Signature, seconds))
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
    /// Microseconds, and what they are to be compared with.
    waits: Vec<(&'static str, f64)>,
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

impl Figures {
    /// How long a lone request waits, and one at half of the full load, against what a commit takes.
    async fn waits(&mut self, database: &servers::Prepared, plan: Plan) {
        let time = Duration::from_secs_f64(plan.seconds);
        let alone = sql::Shape {
            connections: 1,
            batch: 1,
        };
        let commit = 1e6 / sql::rate(database, alone, time).await;
        let full = Load {
            issued_here: true,
            ..Load::full(Ask::Notification, time)
        };
        let lone = Load {
            connections: 1,
            ..full
        };
        let lone = servers::ours(database, lone).await.answered;
        let lone = f64::from(lone.median_us);
        let (ours, ..) = self.spread(|round| round.ours);
        let half = Load {
            per_second: Some(ours / 2.0),
            ..full
        };
        // One stall of the host in a second decides what the slowest hundredth waited: what it waits where nothing is
        // stored says how much of it is the machine's.
        let (mut halves, mut echoes) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            halves.push(servers::ours(database, half).await.answered);
            let nothing_issued = Load {
                issued_here: false,
                ..half
            };
            echoes.push(servers::echo(nothing_issued).await);
        }
        let median = |mut all: Vec<Answered>| {
            all.sort_by_key(|answered| answered.p99_us);
            all[all.len() / 2]
        };
        let (half, echo) = (median(halves), median(echoes));
        let not_here = Load::full(Ask::Notification, time);
        let not_here = servers::ours(database, not_here).await.answered;
        self.waits = vec![
            ("commit of one, us", commit),
            ("lone request, us", lone),
            ("lone / commit", lone / commit),
            ("half load, a second", half.per_second),
            ("half load, median us", f64::from(half.median_us)),
            ("half load, p99 us", f64::from(half.p99_us)),
            ("p99 / commit", f64::from(half.p99_us) / commit),
            ("echo there, p99 us", f64::from(echo.p99_us)),
            ("tickets of others", not_here.per_second),
        ];
    }

    /// Median, smallest and largest of the rounds.
    fn spread(&self, of: impl Fn(&Round) -> f64) -> (f64, f64, f64) {
        let mut values: Vec<f64> = self.rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (
            values[values.len() / 2],
            values[0],
            values[values.len() - 1],
        )
    }

    fn rows(&self) -> [(&'static str, (f64, f64, f64)); 11] {
        let limit = |round: &Round| 1.0 / (1.0 / round.echo + 1.0 / round.sql);
        [
            ("echo", self.spread(|round| round.echo)),
            ("sql", self.spread(|round| round.sql)),
            ("naive", self.spread(|round| round.naive)),
            ("ours", self.spread(|round| round.ours)),
            (
                "CPU of Postgres, us",
                self.spread(|round| round.cpu.postgres),
            ),
            ("CPU of ours, us", self.spread(|round| round.cpu.here)),
            ("ours / L", self.spread(|round| round.ours / limit(round))),
            (
                "ours / naive",
                self.spread(|round| round.ours / round.naive),
            ),
            (
                "signatures, naive",
                self.spread(|round| round.naive_signatures),
            ),
            ("signatures", self.spread(|round| round.signatures)),
            (
                "signatures / naive",
                self.spread(|round| round.signatures / round.naive_signatures),
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
        for (name, value) in &self.waits {
            let digits = if *value < 100.0 { 2 } else { 0 };
            println!("{name:<20} {value:>9.digits$}");
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
            .chain(
                self.waits
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), json!(value))),
            )
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}
