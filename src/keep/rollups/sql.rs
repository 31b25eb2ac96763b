//! The SQL of counting. Each statement is planned once, for whatever number of rows it is given: rows are looked up by key
//! one by one where they lie in tables, and hashed where they do not (`take_turn`).

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{First, Key, Touched};

/// Any constant will do, as long as every receiver takes the same: held while a step counts.
const TURN: i64 = 0x766f_645f_726f_6c6c;

/// How far the roll-ups are.
pub(super) struct State {
    pub seq: i64,
    pub generation: i32,
    pub walk: Option<String>,
    pub walk_after: Vec<String>,
    /// The last number of the change log.
    pub head: i64,
    /// No batch of a transaction before this one is left. Those of a restored cluster may be younger than it knows: then it
    /// is the first of all.
    pub low_xid: String,
    /// The last transaction of which a batch can be seen; none if there is no batch.
    pub last_xid: Option<String>,
}

/// A line of the change log.
pub(super) struct Change {
    pub seq: i64,
    pub app: String,
    pub file_id: String,
    /// Whether it belongs to a batch that is left.
    pub later: bool,
}

impl State {
    /// Whether lines of the change log are gone that were not counted.
    pub(super) fn has_gap(&self, changes: &[Change]) -> bool {
        match changes.first() {
            Some(first) => first.seq != self.seq + 1,
            None => self.head > self.seq,
        }
    }
}

/// Whether it is this receiver's turn; it lasts as long as the transaction.
#[tracing::instrument(name = "db.rollups.take_turn", level = "debug", skip_all)]
pub(super) async fn take_turn(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock($1) AS "mine!"
        FROM set_config('enable_nestloop', 'off', true) AS a, set_config('jit', 'off', true) AS b"#,
        TURN
    )
    .fetch_one(connection)
    .await
}

/// Waits for the turn.
#[tracing::instrument(name = "db.rollups.wait_for_turn", level = "debug", skip_all)]
pub(super) async fn wait_for_turn(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", TURN)
        .execute(connection)
        .await
        .map(drop)
}

/// How far the roll-ups are.
#[tracing::instrument(name = "db.rollups.state", level = "debug", skip_all)]
pub(super) async fn state(connection: &mut PgConnection) -> Result<State, sqlx::Error> {
    sqlx::query_as!(
        State,
        r#"SELECT s.seq, s.generation, s.walk, s.walk_after, h.seq AS "head!",
            low.xid::text AS "low_xid!", (SELECT max(xid) FROM uncounted WHERE xid >= low.xid)::text AS last_xid
        FROM rollup_state s
        CROSS JOIN LATERAL (
            SELECT CASE WHEN s.low_xid <= pg_snapshot_xmax(pg_current_snapshot()) THEN s.low_xid ELSE '0' END AS xid
        ) AS low
        CROSS JOIN feed_head h"#
    )
    .fetch_one(connection)
    .await
}

/// Whether all that was committed until a day ago is counted.
#[tracing::instrument(name = "db.rollups.are_fresh", level = "debug", skip_all)]
pub(super) async fn are_fresh(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(walk IS NULL AND fresh_until > $1::timestamptz - '1 day'::interval, false) AS "fresh!" FROM rollup_state"#,
        now
    )
    .fetch_one(connection)
    .await
}

/// The next lines of the change log. Those whose transaction has a batch that is left, `first_left` or later, and all that
/// follow are `later`: an upload is told of by its delivery and by its change, and is counted once if both are taken together.
#[tracing::instrument(name = "db.changes.uncounted", level = "debug", skip_all)]
pub(super) async fn changes(
    connection: &mut PgConnection,
    after: i64,
    first_left: Option<&str>,
    limit: i64,
) -> Result<Vec<Change>, sqlx::Error> {
    sqlx::query_as!(
        Change,
        r#"SELECT seq, app, file_id, coalesce(age(xmin) <= age(xid($2::text::xid8)), false) AS "later!"
        FROM changes WHERE seq > $1 ORDER BY seq LIMIT $3"#,
        after,
        first_left,
        limit
    )
    .fetch_all(connection)
    .await
}

/// Batches that are taken to be counted.
#[derive(Default)]
pub(super) struct Taken {
    /// The transaction of the first one that is left.
    pub first_left: Option<String>,
    /// Whether none is left up to the transaction that was asked about.
    pub passed: bool,
    /// Of the transactions before this one, no batch is left or to come.
    pub low_xid: Option<String>,
    pub deliveries: Vec<Uuid>,
    pub released: Vec<Uuid>,
    pub issues: Vec<Uuid>,
    pub tickets: Vec<Uuid>,
}

/// Takes some batches, the oldest from `low_xid` on, until they have so many rows.
#[tracing::instrument(name = "db.uncounted.take", level = "debug", skip_all)]
pub(super) async fn take_batches(
    connection: &mut PgConnection,
    low_xid: &str,
    goal: Option<&str>,
    batches: i64,
    rows: i64,
) -> Result<Taken, sqlx::Error> {
    sqlx::query_as!(
        Taken,
        r#"WITH oldest AS (
            SELECT ctid AS place, xid,
                coalesce(cardinality(deliveries), 0) + coalesce(cardinality(released), 0) + coalesce(cardinality(issues), 0)
                    + coalesce(cardinality(tickets), 0) AS rows
            FROM uncounted WHERE xid >= $1::text::xid8 ORDER BY xid LIMIT $3
        ), next AS MATERIALIZED (
            SELECT place, xid, sum(rows) OVER (ORDER BY xid ROWS UNBOUNDED PRECEDING) - rows < $4 AS fits FROM oldest
        ), taken AS (
            DELETE FROM uncounted WHERE ctid = ANY(ARRAY(SELECT place FROM next WHERE fits))
            RETURNING deliveries, released, issues, tickets
        ), rest AS (
            -- What was not looked at comes after all that was.
            SELECT coalesce(min(xid) FILTER (WHERE NOT fits), max(xid) FILTER (WHERE looked_at >= $3)) AS first_xid
            FROM next, (SELECT count(*) AS looked_at FROM next) AS n
        )
        SELECT
            rest.first_xid::text AS first_left,
            coalesce(rest.first_xid > $2::text::xid8, true) AS "passed!",
            least(pg_snapshot_xmin(pg_current_snapshot()), rest.first_xid)::text AS low_xid,
            ARRAY(SELECT unnest(deliveries) FROM taken) AS "deliveries!",
            ARRAY(SELECT unnest(released) FROM taken) AS "released!",
            ARRAY(SELECT unnest(issues) FROM taken) AS "issues!",
            ARRAY(SELECT unnest(tickets) FROM taken) AS "tickets!"
        FROM rest"#,
        low_xid,
        goal,
        batches,
        rows
    )
    .fetch_one(connection)
    .await
}

/// Counts deliveries and those of them that are taken out of quarantine; gives who told first of which upload.
#[tracing::instrument(name = "db.rollups.count_deliveries", level = "debug", skip_all)]
pub(super) async fn count_deliveries(
    connection: &mut PgConnection,
    fresh: &[Uuid],
    released: &[Uuid],
) -> Result<Vec<(Key, First)>, sqlx::Error> {
    if fresh.is_empty() && released.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_file!("src/keep/rollups/fold_deliveries.sql", fresh, released)
        .fetch_all(connection)
        .await?;
    let firsts = rows.into_iter().map(|row| {
        let first = First {
            id: row.id,
            received_at: row.received_at,
            door: row.door,
        };
        ((row.file_id, row.app), first)
    });
    Ok(firsts.collect())
}

/// Counts signatures and tickets; gives the tickets.
#[tracing::instrument(name = "db.rollups.count_signatures", level = "debug", skip_all)]
pub(super) async fn count_signatures(
    connection: &mut PgConnection,
    issues: &[Uuid],
    tickets: &[Uuid],
    since: Option<DateTime<Utc>>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    if issues.is_empty() && tickets.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_file!(
        "src/keep/rollups/fold_signatures.sql",
        issues,
        tickets,
        since
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The announced uploads that name some tickets: a ticket may turn up after its upload. Leans on `uploads_by_ticket`.
#[tracing::instrument(name = "db.uploads.naming", level = "debug", skip_all)]
pub(super) async fn uploads_naming(
    connection: &mut PgConnection,
    tickets: &[Uuid],
) -> Result<Vec<Key>, sqlx::Error> {
    if tickets.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        "SELECT u.file_id, u.app FROM unnest($1::uuid[]) AS k (ticket),
        LATERAL (SELECT file_id, app FROM uploads WHERE ticket = k.ticket AND announced_at IS NOT NULL OFFSET 0) u",
        tickets
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.file_id, row.app)).collect())
}

/// Counts uploads as they are now; gives the tickets that are unused again.
#[tracing::instrument(name = "db.rollups.count_uploads", level = "debug", skip_all)]
pub(super) async fn count_uploads(
    connection: &mut PgConnection,
    touched: &Touched,
    generation: i32,
) -> Result<Vec<Uuid>, sqlx::Error> {
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let apps: Vec<&str> = touched.keys().map(|(_, app)| app.as_str()).collect();
    let file_ids: Vec<&str> = touched
        .keys()
        .map(|(file_id, _)| file_id.as_str())
        .collect();
    let firsts = || touched.values().map(Option::as_ref);
    let ids: Vec<Option<Uuid>> = firsts().map(|first| Some(first?.id)).collect();
    let times: Vec<Option<DateTime<Utc>>> =
        firsts().map(|first| Some(first?.received_at)).collect();
    let doors: Vec<Option<&str>> = firsts().map(|first| Some(first?.door.as_str())).collect();
    let rows = sqlx::query_file!(
        "src/keep/rollups/fold_uploads.sql",
        &apps as _,
        &file_ids as _,
        &ids as _,
        &times as _,
        &doors as _,
        generation
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.ticket).collect())
}

/// Opens and closes tickets as they are now.
#[tracing::instrument(name = "db.rollups.open_tickets", level = "debug", skip_all)]
pub(super) async fn open_tickets(
    connection: &mut PgConnection,
    tickets: &[Uuid],
    now: DateTime<Utc>,
    resumed_within: TimeDelta,
    generation: i32,
) -> Result<(), sqlx::Error> {
    if tickets.is_empty() {
        return Ok(());
    }
    sqlx::query_file!(
        "src/keep/rollups/fold_open.sql",
        tickets,
        now,
        resumed_within as _,
        generation
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Closes tickets that are over, some of them; tells how many. Leans on `open_tickets_by_end`.
#[tracing::instrument(name = "db.rollups.close_overdue", level = "debug", skip_all)]
pub(super) async fn close_overdue(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<u64, sqlx::Error> {
    let closed = sqlx::query_scalar!(
        r#"WITH closed AS (
            DELETE FROM open_tickets WHERE ticket = ANY(ARRAY(
                SELECT ticket FROM open_tickets WHERE pending_until <= $1 ORDER BY pending_until LIMIT $2
            ))
            RETURNING quarter, app
        ), moved AS (
            INSERT INTO ticket_quarters AS q (quarter, app, pending)
            SELECT quarter, app, -count(*) FROM closed GROUP BY 1, 2
            ON CONFLICT (quarter, app) DO UPDATE SET pending = q.pending + EXCLUDED.pending
        )
        SELECT count(*) AS "closed!" FROM closed"#,
        now,
        limit
    )
    .fetch_one(connection)
    .await?;
    Ok(closed.unsigned_abs())
}

/// Notes how far a step came.
#[tracing::instrument(name = "db.rollups.advance", level = "debug", skip_all)]
pub(super) async fn advance(
    connection: &mut PgConnection,
    seq: i64,
    low_xid: Option<&str>,
    (walk, walk_after): (Option<&str>, Vec<String>),
    now: DateTime<Utc>,
    fresh_until: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE rollup_state SET
            seq = $1, low_xid = coalesce($2::text::xid8, low_xid), walk = $3, walk_after = $4,
            fresh_until = greatest(fresh_until, $6),
            counted_at = CASE WHEN walk IS NOT NULL AND $3::text IS NULL THEN $5 ELSE counted_at END
        FROM make_analyst_days($5)",
        seq,
        low_xid,
        walk,
        &walk_after,
        now,
        fresh_until
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets all that is counted and can be counted again.
#[tracing::instrument(name = "db.rollups.forget", level = "debug", skip_all)]
pub(super) async fn forget(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "DELETE FROM uncounted;
        DELETE FROM upload_quarters;
        DELETE FROM delay_quarters;
        DELETE FROM open_tickets;
        DELETE FROM delivery_quarters USING rollup_state
        WHERE deliveries_since IS NULL OR quarter >= deliveries_since;
        UPDATE delivery_quarters SET firsts = 0;
        DELETE FROM ticket_quarters USING rollup_state WHERE issues_since IS NULL OR quarter >= issues_since;
        UPDATE ticket_quarters SET tickets = 0, used = 0, pending = 0;
        UPDATE rollup_state SET seq = feed_head.seq, low_xid = '0', generation = generation + 1,
            walk = 'deliveries', walk_after = '{}', fresh_until = NULL
        FROM feed_head",
    )
    .execute(connection)
    .await
    .map(drop)
}
