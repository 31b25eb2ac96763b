//! `outage`: Postgres is away for minutes under a steady load; everything is answered 200, soon, and is there afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::bodies::History;
use crate::http::Connection;
use crate::load::{Fate, Target};
use crate::proxy::Wire;
use crate::report::{Bars, milliseconds, percentile};
use crate::templates::Random;
use crate::world::{Setup, World};

/// Before and after the outage.
const CALM: Duration = Duration::from_secs(5);
/// Postgres says nothing for so long before its wire is cut and it is stopped: that has to be found out.
const STALL: Duration = Duration::from_secs(3);
/// Requests leave in time, not when earlier ones are answered.
const TICK: Duration = Duration::from_millis(5);
/// All that was spooled is in Postgres this long after its return.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);
/// The bars for the 99th percentile: while it is found out that Postgres is away, and from then on.
const P99_BEFORE: Duration = Duration::from_millis(2_500);
const P99_OPEN: Duration = Duration::from_millis(100);
/// What the receiver may grow by from the first quarter of an outage to its end.
const GROWTH_MIB: f64 = 32.0;

/// How long, how much, and whether times are judged or only shown.
#[derive(Clone, Copy)]
pub struct Plan {
    pub time: Duration,
    pub rate: u64,
    pub judge_times: bool,
    pub patience: Duration,
}

/// When an answer came in relation to the outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    FindingOut,
    Away,
    Draining,
    After,
}

impl Phase {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Before, "Postgres there"),
        (Self::FindingOut, "away, the breaker still closed"),
        (Self::Away, "away, the breaker open"),
        (Self::Draining, "back, the spool being drained"),
        (Self::After, "drained"),
    ];
}

/// What came of the requests so far.
struct Course {
    /// And since when.
    phase: Mutex<(Phase, Instant)>,
    latencies: Mutex<Vec<(Phase, Duration)>>,
    idle: Mutex<Vec<Connection>>,
    stop: AtomicBool,
}

/// Runs it; tells whether all was well.
pub async fn run(plan: Plan) -> bool {
    let world = World::start(Setup {
        small_disks: false,
        spool_max_mb: 4096,
        patience: plan.patience,
        postgres: vec![("max_wal_size", "4GB"), ("max_connections", "40")],
    });
    let world = Arc::new(world.await);
    let course = Arc::new(Course {
        phase: Mutex::new((Phase::Before, Instant::now())),
        latencies: Mutex::default(),
        idle: Mutex::default(),
        stop: AtomicBool::new(false),
    });
    let load = tokio::spawn(steady(world.target.clone(), Arc::clone(&course), plan.rate));
    let mut bars = Bars::new(plan.judge_times);
    let memory = outage(&world, &course, plan, &mut bars).await;
    course.stop.store(true, Ordering::Relaxed);
    load.await.unwrap();
    world.drained(DRAINED_WITHIN).await;

    let tally = world.target.ledger.tally();
    bars.count(
        "every notification answered 200",
        tally.unavailable + tally.unanswered == 0,
        format!(
            "{} of them, {} spooled; {} answered 503, {} not at all",
            tally.acknowledged(),
            tally.spooled,
            tally.unavailable,
            tally.unanswered
        ),
    );
    course.judge(&mut bars);
    memory.judge(&mut bars);
    let figures = world.reckoned().await;
    bars.print();
    figures.print();
    world.finish(&figures) && bars.held()
}

/// The outage itself, while the load goes on; tells how much memory the receiver had.
async fn outage(world: &World, course: &Course, plan: Plan, bars: &mut Bars) -> Memory {
    sleep(CALM).await;
    let mut memory = Memory {
        start: world.resident_mib().await.unwrap(),
        ..Memory::default()
    };
    course.enter(Phase::FindingOut);
    let away = Instant::now();
    world.wire.lock().await.set(Wire::Stalled);
    let mut stopped = false;
    while away.elapsed() < plan.time {
        if !stopped && away.elapsed() > STALL {
            world.wire.lock().await.set(Wire::Cut);
            world.postgres.lock().await.stop().await;
            stopped = true;
        }
        memory.during.extend(world.resident_mib().await);
        sleep(Duration::from_millis(100)).await;
    }
    course.enter(Phase::Draining);
    let started = world.postgres.lock().await.start().await;
    started.unwrap();
    world.wire.lock().await.set(Wire::Whole);
    let back = Instant::now();
    let drained = world.drained(DRAINED_WITHIN).await.is_some();
    let took = back.elapsed();
    bars.count(
        "all in Postgres within 2 minutes of its return, beside new traffic",
        drained,
        format!("{:.1} s", took.as_secs_f64()),
    );
    course.enter(Phase::After);
    sleep(CALM).await;
    memory.end = world.resident_mib().await.unwrap();
    memory
}

impl Course {
    fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap() = (phase, Instant::now());
    }

    /// Notes an answer; the first `spooled` tells that the breaker is open.
    fn answered(&self, phase: Phase, latency: Duration, fate: Fate) {
        self.latencies.lock().unwrap().push((phase, latency));
        let mut now = self.phase.lock().unwrap();
        if now.0 == Phase::FindingOut && fate == Fate::Spooled {
            let found = now.1.elapsed().as_secs_f64();
            *now = (Phase::Away, Instant::now());
            println!("the breaker opened {found:.2} s after Postgres had stopped answering");
        }
    }

    /// Prints how soon answers came, and holds them to the bars.
    fn judge(&self, bars: &mut Bars) {
        let latencies = self.latencies.lock().unwrap();
        println!();
        println!("| | notifications | p50 | p99 | longest |");
        println!("| --- | ---: | ---: | ---: | ---: |");
        for (phase, name) in Phase::ALL {
            let mut of_phase: Vec<Duration> = latencies
                .iter()
                .filter_map(|(at, latency)| (*at == phase).then_some(*latency))
                .collect();
            of_phase.sort_unstable();
            let p99 = percentile(&of_phase, 99);
            println!(
                "| {name} | {} | {} | {} | {} |",
                of_phase.len(),
                milliseconds(percentile(&of_phase, 50)),
                milliseconds(p99),
                milliseconds(percentile(&of_phase, 100)),
            );
            let bar = match phase {
                Phase::FindingOut => P99_BEFORE,
                Phase::Away => P99_OPEN,
                _ => continue,
            };
            let what = format!("p99 below {} while {name}", milliseconds(bar));
            bars.time(&what, p99 < bar, milliseconds(p99));
        }
    }
}

/// Resident memory of the receiver, in MiB.
#[derive(Default)]
struct Memory {
    start: f64,
    during: Vec<f64>,
    end: f64,
}

impl Memory {
    fn judge(&self, bars: &mut Bars) {
        let most = |samples: &[f64]| samples.iter().copied().fold(0.0, f64::max);
        // By then the breaker is open, and thousands of requests no longer wait.
        let first = most(&self.during[..self.during.len() / 4]);
        let all = most(&self.during);
        bars.count(
            &format!("memory grows by less than {GROWTH_MIB} MiB after the first quarter of the outage"),
            all < first + GROWTH_MIB,
            format!(
                "{:.0} MiB at the start, at most {first:.0} in the first quarter and {all:.0} in all, {:.0} at the end",
                self.start, self.end
            ),
        );
    }
}

/// Sends so many a second, whatever becomes of those before.
async fn steady(target: Target, course: Arc<Course>, rate: u64) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begun = Instant::now();
    let mut random = Random(rate);
    let mut history = History::default();
    let mut sent = 0;
    let mut requests = JoinSet::new();
    while !course.stop.load(Ordering::Relaxed) {
        let tick = ticks.tick().await;
        let due = (tick - begun).as_secs_f64() * rate as f64;
        while sent < due as u64 {
            sent += 1;
            let body = history.next(&target.users, &mut random);
            let (target, course) = (target.clone(), Arc::clone(&course));
            requests.spawn(async move {
                let phase = course.phase.lock().unwrap().0;
                let idle = course.idle.lock().unwrap().pop();
                let mut connection = idle.unwrap_or_else(|| Connection::to(target.address));
                let fate = target.send(&mut connection, &body).await;
                course.answered(phase, tick.elapsed(), fate);
                if fate != Fate::Unanswered {
                    course.idle.lock().unwrap().push(connection);
                }
            });
        }
        while requests.try_join_next().is_some() {}
    }
    while let Some(ended) = requests.join_next().await {
        ended.unwrap();
    }
}
