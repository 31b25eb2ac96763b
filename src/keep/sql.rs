//! The SQL of keeping house.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::partitions::{Month, Table};

/// Held while a month is made, so that several receivers may try at once.
const PARTITION_LOCK: i64 = 0x766f_645f_6d6f_6e74;

/// Makes a month of a table if it is missing, with the rows of it that the default partition caught;
/// tells how many those were. The month is filled before it is attached, and attached with a check
/// that is already proven, so that ingest waits only for the catalogue.
#[tracing::instrument(name = "db.partitions.ensure", level = "debug", skip_all)]
pub async fn ensure_month(
    connection: &mut PgConnection,
    table: Table,
    month: &Month,
) -> Result<u64, sqlx::Error> {
    let name = format!("{}_{}", table.name(), month.name);
    if exists(connection, &name).await? {
        return Ok(0);
    }
    let mut transaction = connection.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", PARTITION_LOCK)
        .execute(&mut *transaction)
        .await?;
    if exists(&mut transaction, &name).await? {
        return Ok(0);
    }
    // Names and bounds are made here; nothing of them comes from outside.
    let storage = match table {
        Table::Deliveries => "WITH (toast_tuple_target = 4096)", // why: migrations/0006_ingest.sql
        Table::SignatureIssues => "",
    };
    let (table, Month { from, to, .. }) = (table.name(), month);
    let create = format!(
        "CREATE TABLE {name} (
            LIKE {table} INCLUDING ALL,
            CONSTRAINT {name}_month CHECK (id >= '{from}' AND id < '{to}')
        ) {storage}"
    );
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut *transaction)
        .await?;
    let fill = format!(
        "WITH astray AS (DELETE FROM {table}_default WHERE id >= '{from}' AND id < '{to}' RETURNING *)
        INSERT INTO {name} SELECT * FROM astray"
    );
    let moved = sqlx::raw_sql(AssertSqlSafe(fill))
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    let attach = format!(
        "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}');
        ALTER TABLE {name} DROP CONSTRAINT {name}_month"
    );
    sqlx::raw_sql(AssertSqlSafe(attach))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(moved)
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
