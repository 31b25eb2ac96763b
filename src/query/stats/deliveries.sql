-- The deliveries of a window, the newest so many of them; and, of any time, which came last from VOD itself and what is
-- in quarantine. Leans on the key of deliveries, whose time is its front, and on deliveries_quarantined.
WITH looked_at AS MATERIALIZED (
    SELECT app, received_at, door, state, event_type, file_id, task_id FROM deliveries
    WHERE id >= $6 AND id < $7 AND received_at >= $1 AND received_at < $2
    ORDER BY id DESC LIMIT $5
), d AS (
    SELECT *, date_bin(make_interval(secs => $4::integer), received_at, '2001-01-01 00:00:00+00') AS at
    FROM looked_at WHERE $3::text[] IS NULL OR app = ANY($3)
), buckets AS (
    SELECT at,
        count(*) FILTER (WHERE door = 'push') AS push,
        count(*) FILTER (WHERE door = 'pull') AS pull,
        count(*) FILTER (WHERE door = 'reconcile') AS reconcile,
        count(*) FILTER (WHERE door = 'replay') AS replay,
        count(*) FILTER (WHERE state = 'quarantined') AS quarantined
    FROM d GROUP BY at
), doors AS (
    SELECT door, state, count(*) AS deliveries FROM d GROUP BY 1, 2
), repeated AS (
    SELECT count(*) - 1 AS times FROM d WHERE state = 'recorded' AND file_id IS NOT NULL
    GROUP BY app, event_type, file_id, task_id HAVING count(*) > 1
), aside AS MATERIALIZED (
    SELECT app, quarantine_reason FROM deliveries WHERE state = 'quarantined' ORDER BY id DESC LIMIT $8
), quarantine AS (
    SELECT quarantine_reason AS reason, count(*) AS deliveries
    FROM aside WHERE $3::text[] IS NULL OR app = ANY($3) GROUP BY 1
)
SELECT
    CASE WHEN (SELECT count(*) FROM looked_at) < $5 THEN $1 ELSE (SELECT min(received_at) FROM looked_at) END AS "since!",
    $2::timestamptz AS "until!",
    NULL::timestamptz AS fresh_until,
    (SELECT count(*) FROM d) AS "total!",
    (SELECT coalesce(jsonb_agg(b ORDER BY at), '[]') FROM buckets b) AS "buckets!: Json<Vec<DeliveriesBucket>>",
    (SELECT coalesce(jsonb_agg(x ORDER BY deliveries DESC, door), '[]') FROM doors x) AS "doors!: Json<Vec<DoorCount>>",
    (SELECT coalesce(sum(times), 0)::bigint FROM repeated) AS "repeated!",
    (SELECT coalesce(jsonb_agg(q ORDER BY deliveries DESC, reason), '[]') FROM quarantine q) AS "quarantine!: Json<Vec<QuarantineCount>>",
    (
        SELECT received_at FROM (SELECT app, door, received_at FROM deliveries ORDER BY id DESC LIMIT $8) newest
        WHERE door IN ('push', 'pull') AND ($3::text[] IS NULL OR app = ANY($3))
        LIMIT 1
    ) AS newest_at,
    NULL::float8 AS newest_age_s
