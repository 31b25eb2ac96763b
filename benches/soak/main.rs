//! The proofs of durability: crashes, an outage, an overload, each on the real binary, a real Postgres and a real spool.
//!
//! Run by `./dev soak crash|outage|overload|short`; docs/reliability.md tells what each proves. A ledger keeps every
//! acknowledgement, and in the end Postgres is compared with it by SQL. Exit 0 only if nothing acknowledged is
//! missing, nothing is doubled and every answer was one that is promised.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a proof that cannot go on is to fail loudly, and its counts are small"
)]

mod bodies;
mod check;
mod crash;
mod disk;
mod faults;
mod http;
mod ledger;
mod load;
mod outage;
mod overload;
mod postgres;
mod process;
mod proxy;
mod receiver;
mod report;
#[path = "../shared/templates.rs"]
mod templates;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use vod_receiver::ops::random::Random;

const USAGE: &str = "\
./dev soak crash [--faults N] [--seed S]       200 faults unless told otherwise
./dev soak outage [--minutes M] [--rate R]     10 minutes at 500 a second unless told otherwise
./dev soak overload [--seconds S]              60 s each part unless told otherwise
./dev soak short                               all three: 15 faults, 20 s at 200 a second, 5 s";

/// An orchestrator's patience.
const PATIENCE: Duration = Duration::from_secs(10);
/// Overlapping faults make an end take nearly as long as that; the short form leaves a busy machine more.
const SHORT_PATIENCE: Duration = Duration::from_secs(30);
/// The short form strikes in the same order each time.
const SHORT_SEED: u64 = 1;

/// What was asked for.
struct Options {
    faults: u64,
    seed: Option<u64>,
    minutes: f64,
    rate: u64,
    seconds: u64,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    if args.iter().any(|arg| arg == "--test") {
        println!("soak is run by ./dev soak, not here.");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        tokio::select! {
            ended = run(&args) => ended,
            _ = tokio::signal::ctrl_c() => ExitCode::from(130),
        }
    })
}

async fn run(args: &[String]) -> ExitCode {
    let (Some(command), Some(options)) = (args.first(), Options::parse(args)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    println!("machine: {}", process::machine());
    let outage = outage::Plan {
        time: Duration::from_secs_f64(options.minutes * 60.0),
        rate: options.rate,
        judge_times: true,
        patience: PATIENCE,
    };
    let overload = overload::Plan {
        time: Duration::from_secs(options.seconds),
        is_short: false,
        patience: PATIENCE,
    };
    let well = match command.as_str() {
        "crash" => {
            let seed = options.seed.unwrap_or_else(any_seed);
            crash(options.faults, seed, PATIENCE).await
        }
        "outage" => outage::run(outage).await,
        "overload" => overload::run(overload).await,
        "short" => short(options.seed.unwrap_or(SHORT_SEED)).await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    println!();
    println!("load average in the end: {}", process::load_average());
    println!("{}", if well { "all well" } else { "FAILED" });
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn any_seed() -> u64 {
    Random::system().u64() % 1_000_000
}

/// All three, in a form for machines that are slow or have other things to do.
async fn short(seed: u64) -> bool {
    let patience = SHORT_PATIENCE;
    let outage = outage::Plan {
        time: Duration::from_secs(20),
        rate: 200,
        judge_times: false,
        patience,
    };
    let overload = overload::Plan {
        time: Duration::from_secs(5),
        is_short: true,
        patience,
    };
    let crash = crash(15, seed, patience).await;
    crash & outage::run(outage).await & overload::run(overload).await
}

async fn crash(faults: u64, seed: u64, patience: Duration) -> bool {
    let again = format!("./dev soak crash --faults {faults} --seed {seed}");
    println!("{again}");
    let well = crash::run(faults as usize, seed, patience).await;
    if !well {
        println!("The same again: {again}");
    }
    well
}

impl Options {
    /// The options after a command; `None` if one of them is not an option or not a number.
    fn parse(args: &[String]) -> Option<Self> {
        let mut options = Self {
            faults: 200,
            seed: None,
            minutes: 10.0,
            rate: 500,
            seconds: 60,
        };
        for option in args[1..].chunks(2) {
            let [name, value] = option else { return None };
            match name.as_str() {
                "--faults" => options.faults = value.parse().ok()?,
                "--seed" => options.seed = Some(value.parse().ok()?),
                "--minutes" => options.minutes = value.parse().ok()?,
                "--rate" => options.rate = value.parse().ok()?,
                "--seconds" => options.seconds = value.parse().ok()?,
                _ => return None,
            }
        }
        Some(options)
    }
}
