//! `crash`: faults of every kind, at random, over each other, under load; nothing acknowledged is lost or doubled.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::faults::{self, Fault, Kind};
use crate::ledger::Tally;
use crate::load::Load;
use crate::templates::Random;
use crate::world::{Setup, World};

const CONNECTIONS: usize = 64;
/// About a thousand notifications a second: what goes wrong is to be met by many, not to wait for the machine.
const PAUSE: Duration = Duration::from_millis(120);
/// Besides, a signature and its upload twenty times a second.
const SIGN_EVERY: Duration = Duration::from_millis(50);
/// So many faults at a time.
const AT_ONCE: usize = 3;
/// All that is spooled, after the last fault.
const DRAINED_WITHIN: Duration = Duration::from_secs(180);
/// Only where there are no small disks: some seconds of the load fill it.
const SMALL_QUOTA_MB: u32 = 4;

/// What happened while faults of one kind were there.
#[derive(Default)]
struct Line {
    times: u64,
    seconds: f64,
    meanwhile: Tally,
}

/// Runs it; tells whether all was well.
pub async fn run(faults: usize, seed: u64, patience: Duration) -> bool {
    let disks = crate::world::is_root();
    let world = World::start(Setup {
        small_disks: disks,
        spool_max_mb: if disks { 4096 } else { SMALL_QUOTA_MB },
        patience,
        postgres: vec![
            ("max_connections", "40"),
            ("max_wal_size", "96MB"),
            ("min_wal_size", "32MB"),
            // So that a full disk of the log is met by the next segment, not by the one after those in stock.
            ("wal_recycle", "off"),
        ],
    });
    let world = Arc::new(world.await);
    say_what_is_missing(&world);

    let begun = Instant::now();
    let load = Load::start(&world.target, CONNECTIONS, PAUSE, seed);
    let load = load.with_backend(&world.target, SIGN_EVERY);
    let lines = strike_all(&world, faults::plan(faults, &mut Random(seed))).await;
    world.mend().await;
    let drained = world.drained(DRAINED_WITHIN).await;
    sleep(Duration::from_secs(1)).await;
    load.stop().await;
    // What was spooled by the last requests.
    world.drained(DRAINED_WITHIN).await;
    let tally = world.target.ledger.tally();
    let seconds = begun.elapsed().as_secs_f64();

    let figures = world.reckoned().await;
    print(&lines, tally, seconds);
    if let Some(drained) = drained {
        println!(
            "all mended: ready, and the spool empty, after {:.1} s",
            drained.as_secs_f64()
        );
    }
    figures.print();
    world.finish(&figures)
}

fn say_what_is_missing(world: &World) {
    let disks = &world.disks;
    for (disk, what) in [
        (&disks.data, "Postgres's data disk is not filled"),
        (
            &disks.wal,
            "the disk of Postgres's write-ahead log is not filled",
        ),
        (
            &disks.spool,
            "the spool's disk is not filled, its quota is instead",
        ),
    ] {
        if disk.is_none() {
            println!(
                "No small disk can be mounted here (that takes root, mkfs.ext4 and loop devices): {what}."
            );
        }
    }
}

/// Strikes with each in turn, several at a time; tells by kind what happened meanwhile.
async fn strike_all(world: &Arc<World>, plan: Vec<Fault>) -> HashMap<&'static str, Line> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut striking = JoinSet::new();
    let count = plan.len();
    for (number, fault) in plan.into_iter().enumerate() {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let world = Arc::clone(world);
        striking.spawn(async move {
            let (begun, before) = (Instant::now(), world.target.ledger.tally());
            fault.strike(&world).await;
            let meanwhile = world.target.ledger.tally().since(&before);
            let seconds = begun.elapsed().as_secs_f64();
            eprintln!(
                "{:>4} of {count}  {:<32} {seconds:>5.1} s",
                number + 1,
                fault.kind.name()
            );
            drop(place);
            (fault.kind, seconds, meanwhile)
        });
        sleep(fault.gap).await;
    }
    let mut lines: HashMap<&'static str, Line> = HashMap::new();
    while let Some(struck) = striking.join_next().await {
        let (kind, seconds, meanwhile) = struck.unwrap();
        let line = lines.entry(kind.name()).or_default();
        line.times += 1;
        line.seconds += seconds;
        line.meanwhile = line.meanwhile.plus(&meanwhile);
    }
    lines
}

/// The table, for people and for Markdown alike.
fn print(lines: &HashMap<&'static str, Line>, all: Tally, seconds: f64) {
    println!();
    println!(
        "| fault | times | seconds | acknowledged | of these spooled | 503 | connection broke |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let row = |name: &str, times: u64, seconds: f64, tally: Tally| {
        println!(
            "| {name} | {times} | {seconds:.0} | {} | {} | {} | {} |",
            tally.acknowledged(),
            tally.spooled,
            tally.unavailable,
            tally.unanswered
        );
    };
    let mut times = 0;
    for kind in Kind::ALL {
        if let Some(line) = lines.get(kind.name()) {
            row(kind.name(), line.times, line.seconds, line.meanwhile);
            times += line.times;
        }
    }
    row("**the whole run**", times, seconds, all);
    println!();
    println!("Faults overlap, so that one notification may count for several.");
}
