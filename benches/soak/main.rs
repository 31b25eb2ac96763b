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
mod postgres;
mod process;
mod proxy;
mod receiver;
#[path = "../shared/templates.rs"]
mod templates;
mod world;

use std::process::ExitCode;

use vod_receiver::ops::random::Random;

const USAGE: &str = "\
./dev soak crash [--faults N] [--seed S]
./dev soak short";

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
    let number = |name: &str, otherwise: u64| {
        let at = args.iter().position(|arg| arg == name);
        at.map_or(Some(otherwise), |at| args.get(at + 1)?.parse().ok())
    };
    let seed = number("--seed", Random::system().u64() % 1_000_000);
    let (Some(faults), Some(seed)) = (number("--faults", 200), seed) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    println!("machine: {}", process::machine());
    let well = match args.first().map(String::as_str) {
        Some("crash") => {
            let again = format!("./dev soak crash --faults {faults} --seed {seed}");
            println!("{again}");
            crash::run(faults as usize, seed).await || told(&again)
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    println!("load average in the end: {}", process::load_average());
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Says how to run the same again; what failed did fail.
fn told(again: &str) -> bool {
    println!("FAILED. The same again: {again}");
    false
}
