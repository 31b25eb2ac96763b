//! A database in which the service has worked for a month: made by Postgres itself, in minutes.

use sqlx::{AssertSqlSafe, PgPool, query_scalar, raw_sql};

use crate::servers;

/// Rows of this month, evenly in time; file ids are random, users as uneven as real ones: every second upload is of
/// one in a hundred of them. Bodies are short: they lie in a heap that ingest only appends to.
const ROWS: [&str; 4] = [
    "INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
    SELECT ticket, app, user_id, false, at, at FROM seeded",
    "INSERT INTO deliveries (id, app, door, received_at, recorded_at, state, event_type, format, file_id, body)
    SELECT delivery, app, 'push', at, at, 'recorded', 'NewFileUpload', '3.0', file_id, '{}' FROM seeded",
    "INSERT INTO uploads (
        app, file_id, user_id, ticket, attribution_method, attribution_reason, attribution_at, contexts_differ,
        confirmed, source_type, source_context, name, type, media_url, class_id, storage_region, size_bytes,
        duration_s, width, height, bitrate_bps, uploaded_at, processing, recorded_at, updated_at, announced_at,
        deliveries, rank_strength, rank_update_time, rank_digest, version, folded_on
    )
    SELECT app, file_id, user_id, ticket, 'ticket', 'ticket', at, false,
        'push', 'Upload', ticket_text(ticket), 'holiday on the island', 'mp4',
        'http://1256768367.vod2.myqcloud.com/3f2a/' || file_id || '/f0.mp4', 0, 'ap-chongqing', 7700180,
        60.04, 640, 480, 1021028, at, 'none', at, at, at, 1, 13, at, decode(md5(file_id), 'hex'), 1, 0
    FROM seeded",
    "INSERT INTO changes (seq, at, kind, app, file_id, ticket, user_after)
    SELECT number, at, 'recorded', app, file_id, ticket, user_id FROM seeded",
];

/// Fills the tables, which are empty, with so many uploads, and leaves them as a vacuum does.
pub async fn fill(pool: &PgPool, uploads: u64) {
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid IN ('uploads'::regclass, 'deliveries'::regclass) AND NOT i.indisunique",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let key: String = sqlx::query_scalar(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'uploads_pkey'",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    // Built afterwards they are sorted, not searched.
    run(
        pool,
        "ALTER TABLE uploads DROP CONSTRAINT uploads_pkey".to_owned(),
    )
    .await;
    for (name, _) in &indexes {
        run(pool, format!("DROP INDEX {name}")).await;
    }
    run(pool, seeded(uploads)).await;
    for rows in ROWS {
        run(pool, rows.to_owned()).await;
    }
    let key = format!("ALTER TABLE uploads ADD CONSTRAINT uploads_pkey {key}");
    for definition in indexes
        .into_iter()
        .map(|(_, definition)| definition)
        .chain([key])
    {
        run(
            pool,
            format!("SET maintenance_work_mem = '1GB'; {definition}"),
        )
        .await;
    }
    run(pool, "DROP VIEW seeded".to_owned()).await;
    for table in ["tickets", "deliveries", "uploads", "changes"] {
        run(pool, format!("VACUUM ANALYZE {table}")).await;
    }
    run(pool, servers::COUNTED.to_owned()).await;
    run(pool, "CHECKPOINT".to_owned()).await;
    let stored: i64 = query_scalar("SELECT count(*) FROM uploads")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(stored as u64, uploads);
}

/// One row for each upload. Numbers go through a permutation of 2^32 (an odd factor), so that neighbours in time
/// are nowhere near in the order of file ids.
fn seeded(uploads: u64) -> String {
    let uuid = |salt: &str| {
        format!(
            "(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5({salt} || number), 1, 3)
            || '8' || substr(md5({salt} || number), 4, 15))::uuid"
        )
    };
    let (ticket, delivery) = (uuid("'t'"), uuid("'d'"));
    format!(
        "CREATE VIEW seeded AS
        SELECT number, 'main' AS app, at, {ticket} AS ticket, {delivery} AS delivery,
            (1000000000000000000 + ((number * 2654435761) % 4294967296) * 1862645149 + number % 1862645149)::text AS file_id,
            'user ' || CASE WHEN number % 2 = 0 THEN number * 7919 % 2000 ELSE number * 104729 % 200000 END AS user_id
        FROM (
            SELECT number, date_trunc('month', now()) + (now() - date_trunc('month', now())) * (number::float8 / {uploads}) AS at
            FROM generate_series(1, {uploads}::bigint) AS number
        ) AS numbered"
    )
}

async fn run(pool: &PgPool, sql: String) {
    raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}
