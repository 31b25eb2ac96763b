//! The running service: comes up without Postgres, migrates when it is there, stops in order.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::routes::{self, Parts, Writers};
use crate::config::{Config, KeepDays};
use crate::keep;
use crate::ops::clock::Clock;
use crate::ops::database::{self, AnalystRole, Database};
use crate::ops::lifecycle::{Lifecycle, Stop};
use crate::ops::limits;
use crate::ops::metrics::Metrics;
use crate::ops::panics;
use crate::ops::random::Random;
use crate::record::spool::{Limits, Recovered, Spool};

/// How long Postgres is left alone after it could not be reached or migrated.
const MIGRATE_AGAIN: Duration = Duration::from_secs(1);
/// VOD itself waits 5 s for an answer: who takes longer over a head is not VOD, and not a backend.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// Held callbacks take 6 s; the orchestrator's patience is usually 10, and the rest of it is for the flush.
const FINISH_WITHIN_SECONDS: u64 = 7;
/// Whoever scrapes needs one; more is somebody else.
const METRICS_CONNECTIONS: usize = 64;
/// Below the data directory.
pub const SPOOL_DIR: &str = "spool";

/// A service whose port is taken, not yet running.
pub struct Service {
    signals: Signals,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    parts: Parts,
    writers: Writers,
    spool: Spool,
    database: Database,
    clock: Clock,
    keep: KeepDays,
    migrate: bool,
    workers: usize,
    connections_a_worker: usize,
}

impl Service {
    /// Takes the port and the spool and prepares the rest; connects to nothing.
    pub fn bind(
        config: Config,
        listen: SocketAddr,
        database: Database,
        migrate: bool,
    ) -> anyhow::Result<Self> {
        panics::tell_in_log();
        let open_files = limits::raise_open_files();
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let connections_a_worker = limits::connections_a_worker(open_files, workers);
        let connections = workers * connections_a_worker;
        tracing::info!(
            open_files,
            connections,
            "so many connections are taken at once"
        );
        // Before the port is taken: who sees it open may tell us to stop.
        let signals = Signals::heard().context("cannot listen for signals")?;
        let listener =
            TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let metrics_listener = config
            .metrics_listen
            .map(|at| {
                TcpListener::bind(at)
                    .with_context(|| format!("cannot listen on {at}, for the metrics"))
            })
            .transpose()?;
        let (clock, random) = (Clock::system(), Random::system());
        let spool = open_spool(&config, &random)?;
        let keep = config.keep;
        let (parts, writers) = Parts::new(
            config,
            database.clone(),
            Some(spool.clone()),
            clock.clone(),
            random,
        );
        Ok(Self {
            signals,
            listener,
            metrics_listener,
            parts,
            writers,
            spool,
            database,
            clock,
            keep,
            migrate,
            workers,
            connections_a_worker,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until a signal comes or a background task dies; then finishes what is in flight.
    pub async fn run(self, ready: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self {
            mut signals,
            listener,
            metrics_listener,
            parts,
            writers,
            spool,
            database,
            clock,
            keep,
            migrate,
            workers,
            connections_a_worker,
        } = self;
        let address = listener.local_addr()?;
        let mut tasks = Lifecycle::default();
        let metrics = parts.metrics();
        let for_misuse = metrics.clone();
        let feed = parts.feed();
        let pullers = parts.pullers()?;
        let schedules = parts.schedules()?;
        tasks.spawn("metrics", |stop| metrics.keep_small(stop));
        if let Some(listener) = metrics_listener {
            serve_metrics(&mut tasks, listener, parts.clone())?;
        }
        let server = HttpServer::new(move || routes::build(parts.clone()))
            .workers(workers)
            .max_connections(connections_a_worker)
            .listen(listener)?
            .client_request_timeout(HEADERS_WITHIN)
            .shutdown_timeout(FINISH_WITHIN_SECONDS)
            .disable_signals()
            .run();
        let handle = server.handle();
        let server = tokio::spawn(server);
        tracing::info!(%address, "listening");

        let for_keeping = database.clone();
        tasks.spawn("writers", |stop| writers.run(stop));
        tasks.spawn("feed", |stop| feed.clone().run(stop));
        for puller in pullers {
            tasks.spawn("pull", |stop| puller.run(stop));
        }
        for schedule in schedules {
            tasks.spawn("reconcile", |stop| schedule.run(stop));
        }
        tasks.spawn("keep", |stop| {
            prepare_and_keep(for_keeping, clock, keep, for_misuse, migrate, stop)
        });
        let when_ready = async {
            while !database.answers().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            ready.await;
            std::future::pending::<()>().await;
        };
        let died = tokio::select! {
            signal = signals.wait() => {
                tracing::info!(signal, "stopping: finishing what is in flight");
                None
            }
            death = tasks.a_task_died() => Some(death),
            () = spool.ended() => Some("the writer of the spool died".to_owned()),
            () = when_ready => None,
        };
        // Who waits is let go first, or the door would wait for them.
        feed.end();
        stop_in_order(handle, tasks, &spool, &database).await;
        server.await??;
        match died {
            Some(death) => anyhow::bail!(death),
            None => Ok(()),
        }
    }
}

/// The spool of this receiver, with what an earlier one left there.
fn open_spool(config: &Config, random: &Random) -> anyhow::Result<Spool> {
    let limits = Limits {
        quota_bytes: config.spool_max_bytes,
        ..Limits::default()
    };
    let dir = config.data_dir().join(SPOOL_DIR);
    let spool = Spool::open(&dir, limits, config.allow_volatile_spool, random.u64())
        .context("the spool cannot be opened")?;
    let Recovered {
        records, damages, ..
    } = spool.recovered();
    if *records > 0 {
        tracing::info!(records, "the spool holds deliveries, which are drained now");
    }
    for damage in damages {
        tracing::error!(?damage, "a damaged place in the spool was kept aside");
    }
    Ok(spool)
}

/// Serves the metrics at an address of their own, as a background task: it stops after the door.
fn serve_metrics(
    tasks: &mut Lifecycle,
    listener: TcpListener,
    parts: Parts,
) -> std::io::Result<()> {
    let metrics_address = listener.local_addr()?;
    let server = HttpServer::new(move || routes::build_metrics(parts.clone()))
        .workers(1)
        .max_connections(METRICS_CONNECTIONS)
        .listen(listener)?
        .client_request_timeout(HEADERS_WITHIN)
        .shutdown_timeout(1)
        .disable_signals()
        .run();
    tracing::info!(%metrics_address, "the metrics are here");
    tasks.spawn("metrics listener", |mut stop| async move {
        let handle = server.handle();
        let stopped = async {
            stop.wait().await;
            handle.stop(true).await;
            std::future::pending().await
        };
        let ended = tokio::select! {
            ended = server => ended,
            never = stopped => never,
        };
        if let Err(error) = ended {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the listener for the metrics failed");
        }
    });
    Ok(())
}

/// Door, background tasks (what is queued is written or spooled), spool, pool: nothing is taken that
/// cannot be finished.
async fn stop_in_order(server: ServerHandle, tasks: Lifecycle, spool: &Spool, database: &Database) {
    server.stop(true).await;
    tasks.stop().await;
    spool.close().await;
    database.close().await;
}

/// Brings the schema up to date as soon as Postgres lets us, then keeps house.
async fn prepare_and_keep(
    database: Database,
    clock: Clock,
    keep: KeepDays,
    metrics: Metrics,
    migrate: bool,
    mut stop: Stop,
) {
    loop {
        match prepare(&database, &clock, migrate).await {
            Ok(()) => break,
            Err(error) => tracing::warn!("the database is not ready: {error:#}"),
        }
        tokio::select! {
            () = tokio::time::sleep(MIGRATE_AGAIN) => {}
            () = stop.wait() => return,
        }
    }
    database.set_ready();
    tracing::info!("the database is ready");
    keep::always(database, clock, keep, metrics, stop).await;
}

async fn prepare(database: &Database, clock: &Clock, migrate: bool) -> anyhow::Result<()> {
    let pool = database.unmigrated();
    if migrate {
        if database::migrate(pool).await? == AnalystRole::NotAllowed {
            tracing::warn!(
                "the role vod_analyst is missing and may not be made by this user; \
                 `vod-receiver migrate` prints the SQL to run once"
            );
        }
    } else {
        let pending = database::pending_migrations(pool).await?;
        anyhow::ensure!(
            pending == 0,
            "{pending} migrations are pending; run `vod-receiver migrate`"
        );
    }
    keep::partitions::ensure(&mut *pool.acquire().await?, clock.now()).await?;
    Ok(())
}

/// SIGTERM and SIGINT, heard from the moment this is made: one that comes before anybody waits is kept.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn heard() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
