//! A large database to measure on: uploads of months, as recording them would have left it, made in minutes.
//!
//! Stories are made up (`story`), folded in memory by what folds a receiver's batches ([`bulk`](crate::record::bulk)),
//! and copied into empty tables, each by a connection of its own. The same seed and the same end make the same rows.

mod bodies;
mod permissions;
mod shape;
mod sql;
mod story;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use chrono::{DateTime, Months, TimeDelta, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::attribute::Resolvers;
use crate::config::{AppName, Resolver};
use crate::keep::{changes, partitions};
use crate::ops::random::Random;
use crate::record::bulk::{Change, Rows};
use permissions::Permissions;
use shape::Shape;
use sql::{Filling, Table};
use story::{Teller, World};

/// The app of nine in ten users, to which is pushed.
pub const MAIN: &str = "main";
/// The app of the others, which pulls.
pub const CLIPS: &str = "clips";
/// How the users of some uploads were read from their contexts, in both apps.
pub const RESOLVER: &str = "json:/uid";

/// So many uploads are told of at a time: some megabytes of rows.
const STRETCH: u64 = 2_000;
/// So many stretches wait for each table at most.
const WAITING: usize = 4;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct SeedSettings {
    pub uploads: u64,
    pub users: u32,
    /// Over how many days they are spread.
    pub days: u32,
    pub seed: u64,
    /// What would happen later has not happened yet.
    pub until: DateTime<Utc>,
    /// How many threads make rows.
    pub threads: usize,
}

/// How many rows were made.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Seeded {
    /// Announced uploads are as many as were asked for; the others are files that only a task named.
    pub uploads: u64,
    pub tickets: u64,
    pub signature_issues: u64,
    pub deliveries: u64,
    pub tasks: u64,
    pub attribution_changes: u64,
    pub changes: u64,
}

/// How far it is, for those who watch.
#[derive(Debug, Default)]
pub struct SeedProgress(AtomicU64);

impl SeedProgress {
    /// How many uploads are made.
    pub fn made(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where the rows of each table go.
#[derive(Clone)]
struct Outlets {
    tickets: Sender<Vec<u8>>,
    issues: Sender<Vec<u8>>,
    deliveries: Sender<Vec<u8>>,
    uploads: Sender<Vec<u8>>,
    tasks: Sender<Vec<u8>>,
    attribution_changes: Sender<Vec<u8>>,
}

/// Fills the tables of a migrated database in which nothing was recorded yet.
///
/// All or nothing: what fails or is killed on the way leaves them empty.
pub async fn seed(
    options: &PgConnectOptions,
    settings: &SeedSettings,
    progress: Arc<SeedProgress>,
) -> anyhow::Result<Seeded> {
    // Each of its statements is slow, and meant to be.
    let options = &options.clone().disable_statement_logging();
    make_months(options, settings).await?;
    let mut fillings = Vec::new();
    for table in Table::ALL {
        let connection = options.connect().await?;
        let filling = sql::begin(connection, table).await?;
        fillings.push(filling.with_context(|| {
            format!(
                "`{}` holds rows already; a database to be seeded is a new one",
                table.name()
            )
        })?);
    }
    let mut log = fillings.pop().context("there is a change log")?;
    let (outlets, inlets) = outlets();
    let making = make(settings, outlets, progress);
    let filling = fill(&mut fillings, inlets);
    // A table that cannot be filled drops its end, and the makers stop.
    let (made, filled) = tokio::join!(making, filling);
    filled?;
    let (mut seeded, changes) = made?;
    seeded.changes = changes.lines.len() as u64;
    fill_log(&mut log, changes).await?;
    fillings.push(log);
    for filling in fillings {
        filling.commit().await?;
    }
    let vacuums = Table::ALL.map(|table| async move {
        let connection: PgConnection = options.connect().await?;
        sql::vacuum(connection, table).await
    });
    futures_util::future::try_join_all(vacuums).await?;
    Ok(seeded)
}

/// The months from the first ticket, which is older than the first upload, to two ahead of the end.
async fn make_months(options: &PgConnectOptions, settings: &SeedSettings) -> anyhow::Result<()> {
    let mut connection = options.connect().await?;
    let mut at = settings.until - TimeDelta::days(i64::from(settings.days) + 1);
    while at < settings.until {
        partitions::ensure(&mut connection, at).await?;
        at = at + Months::new(1);
    }
    partitions::ensure(&mut connection, settings.until).await?;
    connection.close().await?;
    Ok(())
}

fn outlets() -> (Outlets, Vec<Receiver<Vec<u8>>>) {
    let (tickets, to_tickets) = channel(WAITING);
    let (issues, to_issues) = channel(WAITING);
    let (deliveries, to_deliveries) = channel(WAITING);
    let (uploads, to_uploads) = channel(WAITING);
    let (tasks, to_tasks) = channel(WAITING);
    let (attribution_changes, to_attribution_changes) = channel(WAITING);
    let outlets = Outlets {
        tickets,
        issues,
        deliveries,
        uploads,
        tasks,
        attribution_changes,
    };
    // In the order of `Table::ALL`.
    let inlets = vec![
        to_tickets,
        to_issues,
        to_deliveries,
        to_uploads,
        to_tasks,
        to_attribution_changes,
    ];
    (outlets, inlets)
}

async fn fill(fillings: &mut [Filling], inlets: Vec<Receiver<Vec<u8>>>) -> Result<(), sqlx::Error> {
    let each = fillings.iter_mut().zip(inlets);
    let each = each.map(|(filling, inlet)| filling.fill(inlet));
    futures_util::future::try_join_all(each).await?;
    Ok(())
}

/// Numbers the lines in the order of time, after those that are no longer kept.
async fn fill_log(log: &mut Filling, mut changes: Log) -> anyhow::Result<()> {
    changes.lines.sort_by_key(|line| line.at);
    let floor = i64::try_from(changes.before)?;
    let mut seq = floor;
    let mut rows = Vec::new();
    for line in &changes.lines {
        seq += 1;
        line.write(&mut rows, seq);
    }
    let (outlet, inlet) = channel(1);
    outlet.send(rows).await?;
    drop(outlet);
    log.fill(inlet).await?;
    log.set_feed_floor(floor).await?;
    Ok(())
}

/// Makes the rows, on threads of their own; the change log is what they give at the end.
async fn make(
    settings: &SeedSettings,
    outlets: Outlets,
    progress: Arc<SeedProgress>,
) -> anyhow::Result<(Seeded, Log)> {
    let world = Arc::new(world(settings)?);
    let next = Arc::new(AtomicU64::new(0));
    let makers: Vec<_> = (0..settings.threads.max(1))
        .map(|_| {
            let (world, next) = (Arc::clone(&world), Arc::clone(&next));
            let (outlets, progress) = (outlets.clone(), Arc::clone(&progress));
            let seed = settings.seed;
            tokio::task::spawn_blocking(move || make_some(&world, seed, &next, &outlets, &progress))
        })
        .collect();
    drop(outlets);
    let (mut seeded, mut log) = (Seeded::default(), Log::default());
    for maker in makers {
        let (more, some) = maker.await?;
        seeded.add(&more);
        log.before += some.before;
        log.lines.extend(some.lines);
    }
    Ok((seeded, log))
}

fn world(settings: &SeedSettings) -> anyhow::Result<World> {
    let resolver: Resolver = RESOLVER.parse()?;
    let resolvers = [MAIN, CLIPS].map(|app| (app, vec![resolver.clone()]));
    let app = |name: &str| name.parse::<AppName>();
    let SeedSettings {
        until,
        days,
        uploads,
        users,
        ..
    } = *settings;
    Ok(World {
        until,
        shape: Shape::new(until, days, uploads, users),
        uploads,
        resolvers: Resolvers::by_name(resolvers),
        apps: [app(MAIN)?, app(CLIPS)?],
    })
}

/// Makes stretches until there are no more, or nobody takes the rows.
fn make_some(
    world: &World,
    seed: u64,
    next: &AtomicU64,
    outlets: &Outlets,
    progress: &SeedProgress,
) -> (Seeded, Log) {
    let (mut seeded, mut log) = (Seeded::default(), Log::default());
    loop {
        let from = next.fetch_add(STRETCH, Ordering::Relaxed);
        if from >= world.uploads {
            return (seeded, log);
        }
        let to = (from + STRETCH).min(world.uploads);
        let mut teller = Teller {
            world,
            // Each stretch has numbers of its own, whoever makes it.
            random: Random::seeded(Random::seeded(seed).u64() ^ Random::seeded(from).u64()),
            permissions: Permissions::default(),
            rows: Rows::with_changes_from(world.until - changes::KEEP),
        };
        let mut number = from;
        while number < to {
            number = teller.tell(number, to);
        }
        seeded.add(&teller.made());
        let (rows, permissions) = (teller.rows, teller.permissions);
        log.before += rows.changes_before;
        log.lines.extend(rows.changes);
        let chunks = [
            (&outlets.tickets, permissions.tickets),
            (&outlets.issues, permissions.issues),
            (&outlets.deliveries, rows.deliveries),
            (&outlets.uploads, rows.uploads),
            (&outlets.tasks, rows.tasks),
            (&outlets.attribution_changes, rows.attribution_changes),
        ];
        for (outlet, chunk) in chunks {
            if outlet.blocking_send(chunk).is_err() {
                return (seeded, log);
            }
        }
        progress.0.fetch_add(to - from, Ordering::Relaxed);
    }
}

impl Teller<'_> {
    fn made(&self) -> Seeded {
        Seeded {
            uploads: self.rows.uploads_count,
            tickets: self.permissions.tickets_count,
            signature_issues: self.permissions.issues_count,
            deliveries: self.rows.deliveries_count,
            tasks: self.rows.tasks_count,
            attribution_changes: self.rows.attribution_changes_count,
            changes: 0,
        }
    }
}

impl Seeded {
    fn add(&mut self, more: &Self) {
        self.uploads += more.uploads;
        self.tickets += more.tickets;
        self.signature_issues += more.signature_issues;
        self.deliveries += more.deliveries;
        self.tasks += more.tasks;
        self.attribution_changes += more.attribution_changes;
        self.changes += more.changes;
    }
}

/// The log of changes, as far as it is kept, and how much went before.
#[derive(Default)]
struct Log {
    before: u64,
    lines: Vec<Change>,
}
