//! The SQL of keeping house.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::dictionary::Column;
use super::partitions::{Month, Table};
use super::rollups;

/// Held while a month is made or dropped, so that several receivers may try at once; migration 19 holds it too.
const PARTITION_LOCK: i64 = 0x766f_645f_6d6f_6e74;

/// Makes a month of a table if it is missing, with the rows of it that the default partition caught;
/// tells how many those were. It is made by a function of the schema, since the service need not own the table.
#[tracing::instrument(name = "db.partitions.ensure", level = "debug", skip_all)]
pub async fn ensure_month(
    connection: &mut PgConnection,
    table: Table,
    month: &Month,
) -> Result<u64, sqlx::Error> {
    // Mostly it is there, and then nobody waits for a lock.
    let moved = sqlx::query_scalar!(
        r#"SELECT CASE WHEN to_regclass($1 || '_' || $2) IS NULL THEN make_month($1, $2, $3, $4) ELSE 0 END AS "moved!""#,
        table.name(),
        month.name,
        month.from,
        month.to,
    )
    .fetch_one(connection)
    .await?;
    Ok(moved.unsigned_abs())
}

/// Rather gives up than waits: behind who waits for a table to itself, everybody else waits for that table too.
async fn be_impatient(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("SELECT set_config('lock_timeout', '200ms', true)")
        .fetch_one(connection)
        .await
        .map(drop)
}

/// Whether something was given up because somebody reads or writes what it is about.
pub fn gave_up(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("55P03")
}

/// The months of a table that are attached, by their names.
#[tracing::instrument(name = "db.partitions.months", level = "debug", skip_all)]
pub async fn months(
    connection: &mut PgConnection,
    table: Table,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT substr(c.relname, length($1::text) + 2) AS "name!"
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = $1::text::regclass AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
        ORDER BY 1"#,
        table.name()
    )
    .fetch_all(connection)
    .await
}

/// Drops a month of a table, and notes that what is counted of it is not to be counted again; not while something of it
/// may be uncounted, and tells whether it did. Ingest waits 200 ms at most: DETACH ... CONCURRENTLY is not for tables
/// that have a default partition, so that this takes the table to itself, for the catalogue alone.
#[tracing::instrument(name = "db.partitions.drop", level = "debug", skip_all)]
pub async fn drop_month(
    connection: &mut PgConnection,
    table: Table,
    month: &Month,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", PARTITION_LOCK)
        .execute(&mut *transaction)
        .await?;
    rollups::wait_for_turn(&mut transaction).await?;
    let name = format!("{}_{}", table.name(), month.name);
    if !exists(&mut transaction, &name).await? {
        return Ok(true);
    }
    if !rollups::are_fresh(&mut transaction, now).await? {
        return Ok(false);
    }
    be_impatient(&mut transaction).await?;
    // As the owner, like the making of it.
    sqlx::query!("SELECT drop_month($1, $2)", table.name(), month.name)
        .execute(&mut *transaction)
        .await?;
    match table {
        Table::Deliveries => {
            sqlx::query!(
                "UPDATE rollup_state SET deliveries_since = greatest(deliveries_since, $1)",
                month.ends_at
            )
            .execute(&mut *transaction)
            .await?;
        }
        Table::SignatureIssues => {
            sqlx::query!(
                "UPDATE rollup_state SET issues_since = greatest(issues_since, $1)",
                month.ends_at
            )
            .execute(&mut *transaction)
            .await?;
        }
    }
    transaction.commit().await?;
    Ok(true)
}

async fn exists(connection: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT to_regclass($1) IS NOT NULL AS "exists!""#, table)
        .fetch_one(connection)
        .await
}

/// Whether the default partition of a table holds a row.
#[tracing::instrument(name = "db.partitions.astray", level = "debug", skip_all)]
pub async fn rows_astray(connection: &mut PgConnection, table: Table) -> Result<bool, sqlx::Error> {
    match table {
        Table::Deliveries => {
            sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM deliveries_default) AS "astray!""#)
                .fetch_one(connection)
                .await
        }
        Table::SignatureIssues => {
            sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM signature_issues_default) AS "astray!""#
            )
            .fetch_one(connection)
            .await
        }
    }
}

/// Blanks the bodies of callbacks that came before a time with a right token but without a right `Sign`.
#[tracing::instrument(name = "db.deliveries.blank_unsigned", level = "debug", skip_all)]
pub async fn blank_unsigned_before(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let millis = u128::try_from(before.timestamp_millis()).unwrap_or(0);
    let done = sqlx::query!(
        "UPDATE deliveries SET body = NULL
        WHERE state = 'quarantined' AND quarantine_reason LIKE 'sign\\_%' AND body IS NOT NULL AND id < $1",
        Uuid::from_u128(millis << 80),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// How many uploads show each sign of misuse; an upload may show several.
pub struct SignsOfMisuse {
    pub ticket_reused: i64,
    pub one_time_ticket_reused: i64,
    pub long_after_expiry: i64,
}

/// The signs of misuse among the uploads since a time, the newest 50,000 of them: each costs two looks into
/// indexes, about a second in all. Leans on `uploads_by_time`, the key of `tickets` and `uploads_by_ticket`.
#[tracing::instrument(name = "db.uploads.misuse", level = "debug", skip_all)]
pub async fn signs_of_misuse(
    connection: &mut PgConnection,
    since: DateTime<Utc>,
    resumed_within: TimeDelta,
) -> Result<SignsOfMisuse, sqlx::Error> {
    sqlx::query_as!(
        SignsOfMisuse,
        r#"SELECT
            count(*) FILTER (WHERE reused) AS "ticket_reused!",
            count(*) FILTER (WHERE reused AND one_time) AS "one_time_ticket_reused!",
            count(*) FILTER (WHERE uploaded_at > last_expires_at + make_interval(secs => $2)) AS "long_after_expiry!"
        FROM (
            SELECT app, file_id, ticket, uploaded_at FROM uploads
            WHERE announced_at IS NOT NULL AND recorded_at >= $1
            ORDER BY recorded_at DESC, app DESC, file_id DESC LIMIT 50000
        ) u, LATERAL (
            SELECT one_time, last_expires_at FROM tickets t WHERE t.id = u.ticket AND t.app = u.app OFFSET 0
        ) t, LATERAL (
            SELECT EXISTS (
                SELECT FROM uploads o
                WHERE o.ticket = u.ticket AND o.app = u.app AND o.file_id <> u.file_id AND o.announced_at IS NOT NULL
                OFFSET 0
            ) AS reused
        ) r"#,
        since,
        resumed_within.as_seconds_f64(),
    )
    .fetch_one(connection)
    .await
}

/// Removes the oldest lines of the change log that are from before a time, at most so many, up to the first that is not:
/// what is left has no gap. Leans on the key of `changes`, the order of which is that of the commits.
#[tracing::instrument(name = "db.changes.trim", level = "debug", skip_all)]
pub async fn trim_changes(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
    at_most: i64,
) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query_scalar!(
        r#"WITH gone AS (
            DELETE FROM changes WHERE seq <= (
                SELECT coalesce(min(o.seq) FILTER (WHERE o.at >= $1) - 1, max(o.seq))
                FROM (SELECT seq, at FROM changes ORDER BY seq LIMIT $2) o
            )
            RETURNING seq
        ), floor AS (
            UPDATE feed_floor f SET seq = greatest(f.seq, g.last)
            FROM (SELECT max(seq) AS last FROM gone) g WHERE g.last IS NOT NULL
        )
        SELECT count(*) AS "gone!" FROM gone"#,
        before,
        at_most,
    )
    .fetch_one(connection)
    .await?;
    Ok(gone.unsigned_abs())
}

/// Every column of the views for analysts, with what the database says of it.
#[tracing::instrument(name = "db.analyst.columns", level = "debug", skip_all)]
pub async fn analyst_columns(connection: &mut PgConnection) -> Result<Vec<Column>, sqlx::Error> {
    sqlx::query_as!(
        Column,
        r#"SELECT c.relname::text AS "view!", coalesce(obj_description(c.oid, 'pg_class'), '') AS "view_comment!",
            a.attname::text AS "name!", format_type(a.atttypid, a.atttypmod) AS "data_type!",
            coalesce(col_description(c.oid, a.attnum), '') AS "comment!"
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = to_regnamespace('analyst')
        ORDER BY c.relname, a.attnum"#
    )
    .fetch_all(connection)
    .await
}
