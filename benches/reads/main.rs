//! How long readers wait: on ten million uploads and on a hundred thousand, and while notifications come in.
//!
//! `eval "$(./dev big)"; export BIG_DATABASE_URL SMALL_DATABASE_URL; cargo bench --bench reads [-- --rounds N]
//! [-- --seconds S] [-- --json]`; without addresses, or with `-- --test`, on two small databases that it seeds itself.
//!
//! The real binary on each of the two databases. Each question is asked by two connections at a time, of something else
//! each time, once to warm up; then of both databases in turn, a stretch each, so that what else the machine does falls on
//! both. The ratio is that of the slowest hundredth of all stretches, and of half.
//!
//! `-- --mixed` measures something else, on a copy of the smaller one: the same reads with and without notifications at
//! half of what the service can take, and those with and without the reads (`mixed`).

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark that fails is to fail loudly, and its counts are small"
)]

mod asks;
mod load;
mod mixed;
#[path = "../shared/receiver.rs"]
#[expect(dead_code, reason = "the bench of the feed asks more of it")]
mod receiver;
#[path = "../shared/templates.rs"]
mod templates;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asks::{Asks, KINDS, Kind};
use load::{Load, Waits};
use receiver::Receiver;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use vod_receiver::ops::cluster::Cluster;
use vod_receiver::simulator::seed::{self, SeedSettings};

/// So many ask at a time: what a question takes is measured, not how many can be asked.
const CONNECTIONS: usize = 2;

#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    seconds: f64,
    json: bool,
}

/// A database and the service on it.
struct Side {
    name: &'static str,
    receiver: Receiver,
    asks: Arc<Asks>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let number = |name: &str, usual: f64| {
        let at = args.iter().position(|arg| arg == name);
        at.and_then(|at| args.get(at + 1)?.parse().ok())
            .unwrap_or(usual)
    };
    let usual = if has("--test") {
        (1.0, 0.2)
    } else {
        (10.0, 0.5)
    };
    let plan = Plan {
        rounds: number("--rounds", usual.0) as usize,
        seconds: number("--seconds", usual.1),
        json: has("--json"),
    };
    let dir = std::env::temp_dir().join(format!("vod-receiver-reads-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let given = |name: &str| std::env::var(name).ok().filter(|_| !has("--test"));
    let urls = given("BIG_DATABASE_URL").zip(given("SMALL_DATABASE_URL"));
    let own = urls.is_none().then(|| Cluster::start(&dir, &[]).unwrap());
    let result = runtime.block_on(async {
        let (big, small) = match (&urls, &own) {
            (Some(urls), _) => urls.clone(),
            (None, Some(own)) => seeded(own).await,
            (None, None) => unreachable!("one of them is there"),
        };
        if has("--mixed") {
            mixed::measure(&small, &dir, plan.seconds).await
        } else {
            compare(plan, &big, &small, &dir).await
        }
    });
    if plan.json {
        println!("{result}");
    } else {
        println!("{result:#}");
    }
    drop(own);
    let _ = std::fs::remove_dir_all(&dir);
}

/// Two databases for a short form, ten times apart.
async fn seeded(cluster: &Cluster) -> (String, String) {
    let mut urls = Vec::new();
    for (name, uploads) in [("big", 20_000), ("small", 2_000)] {
        let mut admin = PgConnection::connect(&cluster.url("postgres"))
            .await
            .unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let url = cluster.url(name);
        let pool = sqlx::PgPool::connect(&url).await.unwrap();
        vod_receiver::ops::database::migrate(&pool).await.unwrap();
        pool.close().await;
        let settings = SeedSettings {
            uploads,
            users: uploads as u32 / 50,
            days: 400,
            seed: 1,
            until: vod_receiver::ops::clock::Clock::system().now(),
            threads: 2,
        };
        let options = url.parse().unwrap();
        seed::seed(&options, &settings, Arc::default())
            .await
            .unwrap();
        urls.push(url);
    }
    (urls.remove(0), urls.remove(0))
}

async fn side(name: &'static str, url: &str, dir: &Path) -> Side {
    let dir = dir.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    let receiver = Receiver::start(url, &dir).await;
    let asks = Arc::new(Asks::prepare(url, receiver.address).await);
    Side {
        name,
        receiver,
        asks,
    }
}

/// Asks both databases the same kinds of questions.
async fn compare(plan: Plan, big: &str, small: &str, dir: &Path) -> Value {
    let sides = [side("big", big, dir).await, side("small", small, dir).await];
    let mut result = json!({});
    for side in &sides {
        result[side.name] = json!({"uploads": side.asks.uploads});
    }
    for kind in KINDS {
        let mut waits = [Waits::default(), Waits::default()];
        let ask = async |side: &Side, seconds: f64| {
            let load = Load::of(kind, &side.asks, side.receiver.address, CONNECTIONS);
            load.run(Duration::from_secs_f64(seconds)).await
        };
        for side in &sides {
            // Till each question's pages have been met, by and large.
            ask(side, plan.seconds * plan.rounds as f64 / 4.0).await;
        }
        for _ in 0..plan.rounds {
            for (side, waits) in sides.iter().zip(&mut waits) {
                waits.add(ask(side, plan.seconds).await);
            }
        }
        let [big, small] = waits.map(|waits| waits.told());
        let ratio = |at: &str| big[at].as_f64().unwrap() / small[at].as_f64().unwrap();
        result[kind.name()] = json!({
            "ratio_p99": ratio("p99_ms"), "ratio_p50": ratio("p50_ms"), "big": big, "small": small,
        });
    }
    result["stats"] = stats(&sides).await;
    result
}

/// What `GET /v1/stats` takes, of a day, a month and a year: the median of five.
async fn stats(sides: &[Side]) -> Value {
    let mut result = json!({});
    for side in sides {
        for days in [1, 30, 365] {
            let mut waits = Waits::default();
            for _ in 0..5 {
                let path = side.asks.stats_of(days);
                let (took, _) = load::ask_once(side.receiver.address, &path).await;
                waits.add(Waits::of(took));
            }
            result[side.name][format!("{days}_days")] = waits.told();
        }
    }
    result
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::FirstPage => "first page of a user",
            Self::HundredthPage => "100th page of a user",
            Self::HundredthOfAll => "100th page of all",
            Self::File => "by file id",
            Self::Ticket => "by ticket",
            Self::Time => "unfiltered by time",
        }
    }
}
