//! Postgres: the pool, migrations, analyst views, and what its errors mean to us.

use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, Transaction};

use super::breaker::Breaker;

/// The migrations of `migrations/`, built in.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// What `migrations/analyst/` holds, in the order in which they are made.
const ANALYST_VIEWS: [&str; 15] = [
    include_str!("../../migrations/analyst/ticket_id.sql"),
    include_str!("../../migrations/analyst/uploads.sql"),
    include_str!("../../migrations/analyst/signature_issues.sql"),
    include_str!("../../migrations/analyst/settings.sql"),
    include_str!("../../migrations/analyst/uploads_daily.sql"),
    include_str!("../../migrations/analyst/ticket_funnel_daily.sql"),
    include_str!("../../migrations/analyst/unattributed.sql"),
    include_str!("../../migrations/analyst/callback_delay.sql"),
    include_str!("../../migrations/analyst/callback_delay_daily.sql"),
    include_str!("../../migrations/analyst/processing.sql"),
    include_str!("../../migrations/analyst/upload_timeline.sql"),
    include_str!("../../migrations/analyst/user_activity_daily.sql"),
    include_str!("../../migrations/analyst/ticket_use.sql"),
    include_str!("../../migrations/analyst/misuse.sql"),
    include_str!("../../migrations/analyst/delivery_health_hourly.sql"),
];
const ANALYST_ROLE_SQL: &str = include_str!("../../migrations/analyst/role.sql");
const ANALYST_GRANTS_SQL: &str = include_str!("../../migrations/analyst/grants.sql");

/// Two cores of Postgres are kept busy by far fewer; the rest is for readers who wait.
const MAX_CONNECTIONS: u32 = 16;
/// VOD waits 5 s for an answer (protocol.md section 2): what takes Postgres longer than this is no use.
const PATIENCE: Duration = Duration::from_secs(2);
/// What those who write ask of their connections ([`Line`](super::line::Line)): each statement is planned
/// once, for tables of any size. Planned anew for each batch it would cost more than it does; planned by
/// the sizes of the moment, a first batch on an empty table would read whole tables ever after (measured:
/// at 50,000 uploads half of the time). Without sequential scans what remains is the look-up by key.
const LINE_SETTINGS: [(&str, &str); 3] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    // What is switched off costs 10^10 to the planner, for which it would compile machine code.
    ("jit", "off"),
];
/// A goodbye is only polite.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);
/// Any constant will do, as long as every receiver takes the same: held while views are replaced.
const ANALYST_LOCK: i64 = 0x766f_645f_616e_616c;

/// A Postgres that may not be there yet, or no longer.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    pool: PgPool,
    breaker: Breaker,
    patience: Duration,
}

/// Postgres cannot take it now: out of reach, not migrated yet, or overloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database is not available")]
pub struct Unavailable;

impl Database {
    /// Prepares a pool; connects only when first used, so that the service starts without Postgres.
    pub fn lazy(url: &str) -> Result<Self, sqlx::Error> {
        Self::patient(url, PATIENCE)
    }

    /// The same, with another patience: whoever is in no hurry can wait for a slow Postgres.
    pub fn patient(url: &str, patience: Duration) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("vod-receiver")
            // A receiver frozen in the middle of a transaction must not hold the others up (design section 8).
            .options([("idle_in_transaction_session_timeout", "5s")]);
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(patience)
            .after_connect(|connection, _| Box::pin(durable(connection)))
            .connect_lazy_with(options.clone());
        Ok(Self {
            options,
            pool,
            breaker: Breaker::default(),
            patience,
        })
    }

    /// The pool, while the schema is known to be current and Postgres is not known to be away.
    pub fn pool(&self) -> Result<&PgPool, Unavailable> {
        self.breaker
            .closed()
            .then_some(&self.pool)
            .ok_or(Unavailable)
    }

    /// The pool of a database whose schema may be old: for migrating it.
    pub fn unmigrated(&self) -> &PgPool {
        &self.pool
    }

    /// Begins to read: all that is read within it is of one moment.
    pub async fn snapshot(
        connection: &mut PgConnection,
    ) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
        connection
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
    }

    /// A connection outside the pool: what writes must not wait behind those who read.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = self.options.clone().options(LINE_SETTINGS);
        let mut connection = PgConnection::connect_with(&options).await?;
        durable(&mut connection).await?;
        Ok(connection)
    }

    /// How long a batch, or a connection, is waited for before Postgres counts as away.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// What knows whether Postgres is worth asking.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Says that the schema is current.
    pub fn set_ready(&self) {
        self.breaker.close();
    }

    /// Whether Postgres answers and its schema is current.
    pub async fn answers(&self) -> bool {
        match self.pool() {
            Ok(pool) => sqlx::query("SELECT 1").execute(pool).await.is_ok(),
            Err(Unavailable) => false,
        }
    }

    /// Closes every connection of the pool.
    pub async fn close(&self) {
        // One that hangs is not worth waiting for.
        let _ = tokio::time::timeout(CLOSE_WITHIN, self.pool.close()).await;
    }
}

/// A server may be set to acknowledge commits before they are on disk; ours must not be.
async fn durable(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether this server takes writes: a standby does not.
pub async fn is_writable(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT current_setting('transaction_read_only') = 'off'")
        .fetch_one(connection)
        .await
}

/// What an error of Postgres means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Another writer came between: do it again at once.
    Contended,
    /// It will never take this row.
    Refused,
    /// It cannot now, but may later: out of reach, no connection left, read-only, out of disk, ...
    Unavailable,
}

/// Tells what an error means. What counts as refused is a closed list: data that no column can hold
/// (class 22), too complex (54000), a constraint of our own; a missing partition is 23514 without one.
pub fn classify(error: &sqlx::Error) -> Fault {
    let Some(database) = error.as_database_error() else {
        return Fault::Unavailable;
    };
    match database.code().as_deref() {
        Some("40001" | "40P01") => Fault::Contended,
        Some("54000") => Fault::Refused,
        Some(code) if code.starts_with("22") => Fault::Refused,
        Some(code) if code.starts_with("23") && database.constraint().is_some() => Fault::Refused,
        _ => Fault::Unavailable,
    }
}

/// Brings the schema up to date, under a lock of Postgres, so that several may start at once.
pub async fn migrate(pool: &PgPool) -> Result<AnalystRole, MigrateError> {
    MIGRATIONS.run(pool).await?;
    Ok(refresh_analyst(&mut *pool.acquire().await?).await?)
}

/// How many migrations the database still lacks; an error if it holds one that we do not know.
pub async fn pending_migrations(pool: &PgPool) -> Result<usize, sqlx::Error> {
    let known = MIGRATIONS.iter().count();
    let table: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !table {
        return Ok(known);
    }
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success")
        .fetch_one(pool)
        .await?;
    Ok(known.saturating_sub(usize::try_from(applied).unwrap_or(usize::MAX)))
}

/// Whether the role `vod_analyst` could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnalystRole {
    Made,
    /// We may not create roles here: somebody who may has to run [`analyst_role_sql`] once.
    NotAllowed,
}

/// The statements that make the role `vod_analyst` and let it read schema `analyst`, nothing else.
pub fn analyst_role_sql() -> String {
    format!("{ANALYST_ROLE_SQL}{ANALYST_GRANTS_SQL}")
}

/// Replaces the analyst views if their text changed, all at once, and makes the role if it may be made.
async fn refresh_analyst(connection: &mut PgConnection) -> Result<AnalystRole, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(ANALYST_LOCK)
        .execute(&mut *transaction)
        .await?;
    sqlx::raw_sql("CREATE SCHEMA IF NOT EXISTS analyst")
        .execute(&mut *transaction)
        .await?;
    let wanted = analyst_comment();
    let held: Option<String> =
        sqlx::query_scalar("SELECT obj_description(to_regnamespace('analyst'), 'pg_namespace')")
            .fetch_one(&mut *transaction)
            .await?;
    if held.as_deref() != Some(&wanted) {
        for view in ANALYST_VIEWS {
            sqlx::raw_sql(view).execute(&mut *transaction).await?;
        }
        let comment = format!("COMMENT ON SCHEMA analyst IS '{wanted}'");
        sqlx::raw_sql(AssertSqlSafe(comment))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;

    let mut transaction = sqlx::Connection::begin(connection).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(ANALYST_LOCK)
        .execute(&mut *transaction)
        .await?;
    match sqlx::raw_sql(AssertSqlSafe(analyst_role_sql()))
        .execute(&mut *transaction)
        .await
    {
        Ok(_) => transaction.commit().await.map(|()| AnalystRole::Made),
        Err(error)
            if error.as_database_error().and_then(|e| e.code()).as_deref() == Some("42501") =>
        {
            Ok(AnalystRole::NotAllowed)
        }
        Err(error) => Err(error),
    }
}

/// What the comment on the schema says: what it is for, and which text of the views it holds.
fn analyst_comment() -> String {
    format!(
        "Documented views for analysts; see the comments on each view and column. Version {}.",
        analyst_version()
    )
}

/// Which text of the analyst views is built in: changes whenever one of them does.
pub fn analyst_version() -> String {
    let digest = ANALYST_VIEWS
        .iter()
        .fold(Sha256::new(), |digest, view| digest.chain_update(view))
        .finalize();
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
