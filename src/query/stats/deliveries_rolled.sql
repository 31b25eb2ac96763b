-- The deliveries of a window by the roll-ups and, of what waits to be counted, up to $5; and, of any time, which came last
-- from VOD itself and what is in quarantine. Leans on the keys of delivery_quarters and deliveries, whose front is the
-- time, and on deliveries_quarantined.
WITH state AS MATERIALIZED (
    SELECT seq, generation, low_xid, fresh_until FROM rollup_state
), waiting AS MATERIALIZED (
    SELECT deliveries, released FROM uncounted
    WHERE xid >= (SELECT CASE WHEN low_xid <= pg_snapshot_xmax(pg_current_snapshot()) THEN low_xid ELSE '0' END FROM state)
    ORDER BY xid LIMIT $5
), told AS MATERIALIZED (
    SELECT d.*, k.is_new, d.state = 'recorded' AND (d.released_at IS NULL OR NOT k.is_new) AS acts,
        d.event_type IN ('NewFileUpload', 'PullComplete', 'MediaInfo') AND d.file_id IS NOT NULL AS notifies
    FROM (
        (SELECT unnest(deliveries) AS id, true AS is_new FROM waiting LIMIT $5)
        UNION ALL
        (SELECT unnest(released), false FROM waiting LIMIT $5)
    ) AS k,
    LATERAL (
        SELECT id, app, door, state, received_at, released_at, file_id, event_type FROM deliveries WHERE id = k.id OFFSET 0
    ) AS d
), changed AS (
    SELECT DISTINCT file_id, app FROM (
        SELECT file_id, app FROM changes WHERE seq > (SELECT seq FROM state) ORDER BY seq LIMIT $5
    ) AS c
), firsts AS (
    SELECT DISTINCT ON (file_id, app) file_id, app, id, received_at, door FROM told
    WHERE acts AND notifies ORDER BY file_id, app, id
), files AS MATERIALIZED (
    SELECT file_id, app, f.id, f.received_at, f.door, c.generation = (SELECT generation FROM state) AND c.at IS NOT NULL AS counted,
        c.confirmed, c.first_id, c.first_received_at, c.first_door
    FROM changed FULL JOIN firsts AS f USING (file_id, app)
    LEFT JOIN LATERAL (
        SELECT generation, at, confirmed, first_id, first_received_at, first_door FROM counted_uploads c
        WHERE c.file_id = coalesce(changed.file_id, f.file_id) AND c.app = coalesce(changed.app, f.app) OFFSET 0
    ) AS c ON true
), parts AS (
    SELECT received_at, app, door, is_new::integer AS deliveries,
        CASE WHEN NOT is_new THEN -1 WHEN acts THEN 0 ELSE 1 END AS quarantined,
        (acts AND notifies)::integer AS notices, 0 AS firsts
    FROM told
    UNION ALL
    SELECT first_received_at, app, first_door, 0, 0, 0, -1 FROM files
    WHERE counted AND confirmed <> 'refuted' AND first_id IS NOT NULL
    UNION ALL
    SELECT CASE WHEN first_id < id OR id IS NULL THEN first_received_at ELSE received_at END, app,
        CASE WHEN first_id < id OR id IS NULL THEN first_door ELSE door END, 0, 0, 0, 1
    FROM files AS k
    WHERE coalesce(id, first_id) IS NOT NULL AND EXISTS (
        SELECT FROM uploads
        WHERE file_id = k.file_id AND app = k.app AND announced_at IS NOT NULL AND confirmed <> 'refuted' OFFSET 0
    )
), q AS MATERIALIZED (
    SELECT date_bin(make_interval(secs => $4::integer), quarter, '2001-01-01 00:00:00+00') AS at, door,
        sum(deliveries) AS deliveries, sum(quarantined) AS quarantined, sum(notices) AS notices, sum(firsts) AS firsts
    FROM delivery_quarters
    WHERE quarter >= quarter_of($1) AND quarter < $2 AND ($3::text[] IS NULL OR app = ANY($3))
    GROUP BY 1, 2
    UNION ALL
    SELECT date_bin(make_interval(secs => $4::integer), quarter_of(received_at), '2001-01-01 00:00:00+00'), door,
        sum(deliveries), sum(quarantined), sum(notices), sum(firsts)
    FROM parts
    WHERE quarter_of(received_at) >= quarter_of($1) AND quarter_of(received_at) < $2 AND ($3::text[] IS NULL OR app = ANY($3))
    GROUP BY 1, 2
), buckets AS (
    SELECT at,
        coalesce(sum(deliveries) FILTER (WHERE door = 'push'), 0)::bigint AS push,
        coalesce(sum(deliveries) FILTER (WHERE door = 'pull'), 0)::bigint AS pull,
        coalesce(sum(deliveries) FILTER (WHERE door = 'reconcile'), 0)::bigint AS reconcile,
        coalesce(sum(deliveries) FILTER (WHERE door = 'replay'), 0)::bigint AS replay,
        sum(quarantined)::bigint AS quarantined
    FROM q GROUP BY at HAVING sum(deliveries) > 0
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
    quarter_of($2 - '1 us'::interval) + '15 minutes'::interval AS "until!",
    (SELECT fresh_until FROM state) AS fresh_until,
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
