//! What goes wrong: each fault breaks one part of the world for a while and mends it again.

use std::time::Duration;

use tokio::time::sleep;

use crate::proxy::Wire;
use crate::templates::Random;
use crate::world::World;

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ReceiverKilled,
    ReceiverStopped,
    ReceiverFrozen,
    BothKilled,
    PostgresKilled,
    PostgresRestarted,
    PostgresFrozen,
    SessionsTerminated,
    ConnectionsExhausted,
    DataDiskFull,
    WalDiskFull,
    SpoolFull,
    WireCut,
    WireStalled,
    AnswersLost,
}

impl Kind {
    pub const ALL: [Self; 15] = [
        Self::ReceiverKilled,
        Self::ReceiverStopped,
        Self::ReceiverFrozen,
        Self::BothKilled,
        Self::PostgresKilled,
        Self::PostgresRestarted,
        Self::PostgresFrozen,
        Self::SessionsTerminated,
        Self::ConnectionsExhausted,
        Self::DataDiskFull,
        Self::WalDiskFull,
        Self::SpoolFull,
        Self::WireCut,
        Self::WireStalled,
        Self::AnswersLost,
    ];

    /// What happens, for the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReceiverKilled => "receiver: kill -9",
            Self::ReceiverStopped => "receiver: SIGTERM, exits 0",
            Self::ReceiverFrozen => "receiver: SIGSTOP",
            Self::BothKilled => "receiver and Postgres: kill -9",
            Self::PostgresKilled => "Postgres: kill -9, all of it",
            Self::PostgresRestarted => "Postgres: restarted (fast)",
            Self::PostgresFrozen => "Postgres: SIGSTOP, all of it",
            Self::SessionsTerminated => "Postgres: all sessions ended",
            Self::ConnectionsExhausted => "Postgres: no connection left",
            Self::DataDiskFull => "Postgres: data disk full",
            Self::WalDiskFull => "Postgres: WAL disk full",
            Self::SpoolFull => "spool full, Postgres away",
            Self::WireCut => "wire: cut",
            Self::WireStalled => "wire: stalled",
            Self::AnswersLost => "wire: Postgres's answers lost",
        }
    }
}

/// One fault: what, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub kind: Kind,
    pub time: Duration,
    /// Until the next one begins, whether this one is over or not.
    pub gap: Duration,
}

/// So many faults, as the seed wills: every kind comes up equally often.
pub fn plan(faults: usize, random: &mut Random) -> Vec<Fault> {
    let mut planned = Vec::new();
    while planned.len() < faults {
        let mut kinds = Kind::ALL;
        for at in (1..kinds.len()).rev() {
            kinds.swap(at, random.next() as usize % (at + 1));
        }
        planned.extend(kinds.map(|kind| Fault {
            kind,
            time: Duration::from_millis(200 + random.next() % 3_800),
            gap: Duration::from_millis(300 + random.next() % 4_200),
        }));
    }
    planned.truncate(faults);
    planned
}

impl Fault {
    /// Breaks it, waits, and mends it.
    pub async fn strike(self, world: &World) {
        match self.kind {
            Kind::ReceiverKilled | Kind::ReceiverStopped | Kind::ReceiverFrozen => {
                self.strike_receiver(world).await;
            }
            Kind::BothKilled => {
                let mut receiver = world.receiver.lock().await;
                let mut postgres = world.postgres.lock().await;
                tokio::join!(receiver.kill(), postgres.kill());
                let (up, back) = tokio::join!(receiver.start(), async {
                    sleep(self.time).await;
                    postgres.start().await
                });
                note(world, up.and(back));
            }
            Kind::PostgresKilled
            | Kind::PostgresRestarted
            | Kind::PostgresFrozen
            | Kind::SessionsTerminated
            | Kind::ConnectionsExhausted => self.strike_postgres(world).await,
            Kind::DataDiskFull | Kind::WalDiskFull => self.strike_postgres_disk(world).await,
            Kind::SpoolFull => self.strike_spool(world).await,
            Kind::WireCut => self.strike_wire(world, Wire::Cut).await,
            Kind::WireStalled => self.strike_wire(world, Wire::Stalled).await,
            Kind::AnswersLost => self.strike_wire(world, Wire::Deaf).await,
        }
    }

    async fn strike_receiver(self, world: &World) {
        let mut receiver = world.receiver.lock().await;
        match self.kind {
            Kind::ReceiverFrozen => {
                receiver.freeze().await;
                sleep(self.time).await;
                receiver.thaw().await;
                return;
            }
            Kind::ReceiverStopped => {
                let stopped = receiver.terminate().await;
                note(world, stopped);
            }
            _ => receiver.kill().await,
        }
        // Nobody answers meanwhile: not for as long as that VOD would give up.
        sleep(self.time / 4).await;
        note(world, receiver.start().await);
    }

    async fn strike_postgres(self, world: &World) {
        let mut postgres = world.postgres.lock().await;
        match self.kind {
            Kind::PostgresKilled => {
                postgres.kill().await;
                sleep(self.time).await;
                note(world, postgres.start().await);
            }
            Kind::PostgresRestarted => {
                note(world, postgres.ensure_running().await);
                postgres.stop().await;
                sleep(self.time / 4).await;
                note(world, postgres.start().await);
            }
            Kind::PostgresFrozen => {
                postgres.freeze().await;
                sleep(self.time).await;
                postgres.thaw().await;
            }
            Kind::ConnectionsExhausted => postgres.exhaust_connections(self.time).await,
            _ => postgres.terminate_sessions().await,
        }
    }

    /// A full disk of the write-ahead log ends Postgres; a full data disk ends each write that needs a page.
    async fn strike_postgres_disk(self, world: &World) {
        let mut postgres = world.postgres.lock().await;
        let is_wal = self.kind == Kind::WalDiskFull;
        let disk = if is_wal {
            &world.disks.wal
        } else {
            &world.disks.data
        };
        let Some(disk) = disk else { return };
        disk.fill();
        if is_wal {
            postgres.switch_wal().await;
        }
        sleep(self.time).await;
        disk.free();
        note(world, postgres.ensure_running().await);
    }

    /// Where there is no small disk for it, the quota of the spool is small.
    async fn strike_spool(self, world: &World) {
        let wire = world.wire.lock().await;
        if let Some(disk) = &world.disks.spool {
            disk.fill();
        }
        wire.set(Wire::Cut);
        // Longer than a request is held, now and then.
        sleep(2 * self.time).await;
        if let Some(disk) = &world.disks.spool {
            disk.free();
        }
        wire.set(Wire::Whole);
    }

    async fn strike_wire(self, world: &World, how: Wire) {
        let wire = world.wire.lock().await;
        wire.set(how);
        sleep(self.time).await;
        wire.set(Wire::Whole);
    }
}

/// What must not have happened goes to the ledger.
fn note<T>(world: &World, result: Result<T, String>) {
    if let Err(fault) = result {
        world.target.ledger.fault(fault);
    }
}
