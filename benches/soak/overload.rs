//! `overload`: ten times the load that saturates the receiver; it stays small, and every answer is one that is promised.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::ledger::Tally;
use crate::load::Load;
use crate::proxy::Wire;
use crate::report::Bars;
use crate::world::{Setup, World};

/// As many keep the receiver busy; ten times as many are ten times the load that it can answer.
const SATURATING: usize = 256;
const TIMES: usize = 10;
/// In the short form: a machine that answers 600 a second still answers as many before it has to refuse one.
const SHORT_TIMES: usize = 2;
/// The receiver holds 2,000 requests; fewer connections than that are all held.
const ALL_HELD: usize = 1_900;
/// How long Postgres is away where it is: longer than a hold.
const AWAY: Duration = Duration::from_secs(8);
/// What the receiver may have at full load.
const FULL_MIB: f64 = 200.0;
/// And at ten times as many connections: each takes 64 KiB with what it has under way, beside bounds that stay the same.
const OVERLOAD_MIB: f64 = 320.0;
const DRAINED_WITHIN: Duration = Duration::from_secs(300);

/// How long each part is, at least.
#[derive(Clone, Copy)]
pub struct Plan {
    pub time: Duration,
    pub is_short: bool,
    pub patience: Duration,
}

/// One load on one receiver.
struct Part {
    name: &'static str,
    connections: usize,
    spool_max_mb: u32,
    /// Whether Postgres goes away for a third of the time, so that the spool fills.
    outage: bool,
    /// What is promised of 503s.
    refusals: Refusals,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusals {
    /// The spool has room.
    None,
    /// After a hold, which is long enough for VOD to give up.
    Held,
    /// At once as well: more requests wait than may be held.
    Any,
}

/// Runs it; tells whether all was well.
pub async fn run(plan: Plan) -> bool {
    let (name, times) = if plan.is_short {
        ("twice the capacity", SHORT_TIMES)
    } else {
        ("ten times the capacity", TIMES)
    };
    let parts = [
        Part {
            name,
            connections: SATURATING * times,
            spool_max_mb: 4096,
            outage: false,
            refusals: Refusals::None,
        },
        Part {
            name: "a spool of 1 MB, Postgres away for a while",
            connections: ALL_HELD,
            spool_max_mb: 1,
            outage: true,
            refusals: Refusals::Held,
        },
        Part {
            name: "the same, with more connections than are held",
            connections: SATURATING * TIMES,
            spool_max_mb: 1,
            outage: true,
            refusals: Refusals::Any,
        },
    ];
    let mut well = true;
    for part in parts {
        println!();
        println!("{}: {} connections", part.name, part.connections);
        well &= run_part(&part, plan).await;
    }
    well
}

async fn run_part(part: &Part, Plan { time, patience, .. }: Plan) -> bool {
    let world = World::start(Setup {
        small_disks: false,
        spool_max_mb: part.spool_max_mb,
        patience,
        postgres: vec![("max_wal_size", "4GB"), ("max_connections", "40")],
    });
    let world = Arc::new(world.await);
    let mut bars = Bars::new(true);
    if !part.outage {
        let capacity = rate(&world, SATURATING, time.min(Duration::from_secs(10)) / 2).await;
        let full_mib = world.resident_mib().await.unwrap_or(0.0);
        println!("{SATURATING} connections: {capacity:.0} a second are answered 200");
        memory(&mut bars, "at full load", FULL_MIB, full_mib);
    }
    let before = world.target.ledger.tally();
    let begun = Instant::now();
    let load = Load::start(&world.target, part.connections, Duration::ZERO, 11);
    let most_mib = watch(&world, part, time).await;
    let tally = world.target.ledger.tally().since(&before);
    let seconds = begun.elapsed().as_secs_f64();
    load.stop().await;
    let all = world.target.ledger.tally().since(&before);
    let drained = world.drained(DRAINED_WITHIN).await;
    println!(
        "{:.0} a second answered 200; {} recorded, {} duplicate, {} spooled, {} refused with 503, {} broke",
        tally.acknowledged() as f64 / seconds,
        all.recorded,
        all.duplicate,
        all.spooled,
        all.unavailable,
        all.unanswered
    );
    if let Some(drained) = drained {
        println!(
            "ready, and the spool empty, {:.1} s after the load ended",
            drained.as_secs_f64()
        );
    }
    memory(&mut bars, "at this one", OVERLOAD_MIB, most_mib);
    judge(&mut bars, part, &world, all);
    let figures = world.reckoned().await;
    bars.print();
    figures.print();
    world.finish(&figures) && bars.held()
}

/// How many a second are answered 200.
async fn rate(world: &World, connections: usize, time: Duration) -> f64 {
    let before = world.target.ledger.tally();
    let load = Load::start(&world.target, connections, Duration::ZERO, 3);
    let begun = Instant::now();
    sleep(time).await;
    let answered = world.target.ledger.tally().since(&before).acknowledged();
    let seconds = begun.elapsed().as_secs_f64();
    load.stop().await;
    answered as f64 / seconds
}

/// Waits for the end of the load, and tells how much memory the receiver had at most.
async fn watch(world: &World, part: &Part, time: Duration) -> f64 {
    let begun = Instant::now();
    let mut most: f64 = 0.0;
    let before = time / 3;
    let back = before
        + if part.outage {
            AWAY.max(time / 3)
        } else {
            Duration::ZERO
        };
    while begun.elapsed() < time.max(back + time / 3) {
        let is_away = (before..back).contains(&begun.elapsed());
        let wire = if is_away { Wire::Cut } else { Wire::Whole };
        world.wire.lock().await.set(wire);
        most = most.max(world.resident_mib().await.unwrap_or(0.0));
        sleep(Duration::from_millis(50)).await;
    }
    most
}

fn memory(bars: &mut Bars, when: &str, may_mib: f64, mib: f64) {
    let bar = format!("memory {when} at most {may_mib} MiB");
    bars.count(&bar, mib > 0.0 && mib <= may_mib, format!("{mib:.0} MiB"));
}

fn judge(bars: &mut Bars, part: &Part, world: &World, all: Tally) {
    let soon = world.target.ledger.refused_at_once();
    bars.count(
        "every notification is answered",
        all.unanswered == 0,
        format!("{} not", all.unanswered),
    );
    let (what, held) = match part.refusals {
        Refusals::None => ("none refused: the spool has room", all.unavailable == 0),
        Refusals::Held => (
            "refused after a hold of 6 s or not at all, and some were",
            soon == 0 && all.unavailable > 0,
        ),
        Refusals::Any => (
            "some are refused at once: no more are held than 2,000",
            soon > 0,
        ),
    };
    let measured = format!("{} after a hold, {soon} at once", all.unavailable - soon);
    bars.count(what, held, measured);
}
