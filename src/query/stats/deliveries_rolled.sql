-- The deliveries of a window by the roll-ups; and, of any time, which came last from VOD itself and what is in quarantine.
-- Leans on the keys of delivery_quarters and deliveries, whose front is the time, and on deliveries_quarantined.
WITH q AS MATERIALIZED (
    SELECT date_bin(make_interval(secs => $4::integer), quarter, '2001-01-01 00:00:00+00') AS at, door,
        sum(deliveries) AS deliveries, sum(quarantined) AS quarantined, sum(notices) AS notices, sum(firsts) AS firsts
    FROM delivery_quarters
    WHERE quarter >= quarter_of($1) AND quarter < $2 AND ($3::text[] IS NULL OR app = ANY($3))
    GROUP BY 1, 2
), buckets AS (
    SELECT at,
        coalesce(sum(deliveries) FILTER (WHERE door = 'push'), 0)::bigint AS push,
        coalesce(sum(deliveries) FILTER (WHERE door = 'pull'), 0)::bigint AS pull,
        coalesce(sum(deliveries) FILTER (WHERE door = 'reconcile'), 0)::bigint AS reconcile,
        coalesce(sum(deliveries) FILTER (WHERE door = 'replay'), 0)::bigint AS replay,
        sum(quarantined)::bigint AS quarantined
    FROM q GROUP BY at
), doors AS (
    SELECT door, s.state, sum(s.deliveries)::bigint AS deliveries
    FROM q, LATERAL (VALUES ('recorded', q.deliveries - quarantined), ('quarantined', quarantined)) AS s (state, deliveries)
    GROUP BY 1, 2 HAVING sum(s.deliveries) > 0
), aside AS MATERIALIZED (
    SELECT app, quarantine_reason FROM deliveries WHERE state = 'quarantined' ORDER BY id DESC LIMIT $5
), quarantine AS (
    SELECT quarantine_reason AS reason, count(*) AS deliveries
    FROM aside WHERE $3::text[] IS NULL OR app = ANY($3) GROUP BY 1
)
SELECT
    quarter_of($1) AS "since!",
    (SELECT fresh_until FROM rollup_state) AS fresh_until,
    (SELECT coalesce(sum(deliveries), 0)::bigint FROM q) AS "total!",
    (SELECT coalesce(jsonb_agg(b ORDER BY at), '[]') FROM buckets b) AS "buckets!: Json<Vec<DeliveriesBucket>>",
    (SELECT coalesce(jsonb_agg(x ORDER BY deliveries DESC, door), '[]') FROM doors x) AS "doors!: Json<Vec<DoorCount>>",
    (SELECT greatest(coalesce(sum(notices - firsts), 0), 0)::bigint FROM q) AS "repeated!",
    (SELECT coalesce(jsonb_agg(q ORDER BY deliveries DESC, reason), '[]') FROM quarantine q) AS "quarantine!: Json<Vec<QuarantineCount>>",
    (
        SELECT received_at FROM (SELECT app, door, received_at FROM deliveries ORDER BY id DESC LIMIT $5) newest
        WHERE door IN ('push', 'pull') AND ($3::text[] IS NULL OR app = ANY($3))
        LIMIT 1
    ) AS newest_at,
    NULL::float8 AS newest_age_s
