-- The tickets of a window by the roll-ups; those of which something was signed or uploaded since they were counted are
-- counted as they are now, up to $5 of each. Leans on the key of ticket_quarters, whose front is the time.
WITH state AS MATERIALIZED (
    SELECT seq, generation, low_xid, fresh_until FROM rollup_state
), changed AS MATERIALIZED (
    SELECT DISTINCT file_id, app FROM (
        SELECT file_id, app FROM changes WHERE seq > (SELECT seq FROM state) ORDER BY seq LIMIT $5
    ) AS c
), waiting AS MATERIALIZED (
    SELECT issues, tickets FROM uncounted
    WHERE xid >= (SELECT CASE WHEN low_xid <= pg_snapshot_xmax(pg_current_snapshot()) THEN low_xid ELSE '0' END FROM state)
    ORDER BY xid LIMIT $5
), touched AS MATERIALIZED (
    SELECT ticket, sum(tickets) AS tickets, sum(signatures) AS signatures
    FROM (
        (SELECT unnest(tickets) AS ticket, 1 AS tickets, 0 AS signatures FROM waiting LIMIT $5)
        UNION ALL
        SELECT i.ticket, 0, 1
        FROM (SELECT unnest(issues) AS id FROM waiting LIMIT $5) AS k,
            LATERAL (SELECT ticket FROM signature_issues WHERE id = k.id OFFSET 0) AS i
        UNION ALL
        SELECT c.ticket, 0, 0
        FROM changed AS k, LATERAL (SELECT ticket FROM counted_uploads WHERE file_id = k.file_id AND app = k.app OFFSET 0) AS c
        UNION ALL
        SELECT u.ticket, 0, 0
        FROM changed AS k, LATERAL (SELECT ticket FROM uploads WHERE file_id = k.file_id AND app = k.app OFFSET 0) AS u
    ) AS each
    WHERE ticket IS NOT NULL
    GROUP BY 1
), parts AS (
    SELECT t.created_at, t.app, k.tickets, k.signatures, held.used::integer - was.used::integer AS used,
        (NOT held.used AND t.last_expires_at > $6)::integer - was.pending::integer AS pending
    FROM touched AS k,
    LATERAL (SELECT app, created_at, last_expires_at FROM tickets WHERE id = k.ticket OFFSET 0) AS t,
    LATERAL (
        SELECT EXISTS (
            SELECT FROM counted_uploads
            WHERE ticket = k.ticket AND generation = (SELECT generation FROM state) AND at IS NOT NULL OFFSET 0
        ) AS used, EXISTS (SELECT FROM open_tickets WHERE ticket = k.ticket OFFSET 0) AS pending
    ) AS was,
    LATERAL (
        SELECT EXISTS (
            SELECT FROM uploads
            WHERE ticket = k.ticket AND app = t.app AND announced_at IS NOT NULL AND confirmed <> 'refuted' OFFSET 0
        ) AS used
    ) AS held
    UNION ALL
    SELECT quarter, app, 0, 0, 0, -1
    FROM (SELECT ticket, quarter, app FROM open_tickets WHERE pending_until <= $7 ORDER BY pending_until LIMIT $5) AS ended
    WHERE ticket NOT IN (SELECT ticket FROM touched)
), q AS MATERIALIZED (
    SELECT date_bin(make_interval(secs => $4::integer), quarter, '2001-01-01 00:00:00+00') AS at, sum(tickets) AS tickets,
        sum(signatures) AS signatures, sum(used) AS used, sum(pending) AS pending
    FROM ticket_quarters
    WHERE quarter >= quarter_of($1) AND quarter < $2 AND ($3::text[] IS NULL OR app = ANY($3))
    GROUP BY 1
    UNION ALL
    SELECT date_bin(make_interval(secs => $4::integer), quarter_of(created_at), '2001-01-01 00:00:00+00'), sum(tickets),
        sum(signatures), sum(used), sum(pending)
    FROM parts
    WHERE quarter_of(created_at) >= quarter_of($1) AND quarter_of(created_at) < $2 AND ($3::text[] IS NULL OR app = ANY($3))
    GROUP BY 1
), buckets AS (
    SELECT at, sum(tickets)::bigint AS tickets, sum(used)::bigint AS used, sum(pending)::bigint AS pending,
        sum(tickets - used - pending)::bigint AS never_used
    FROM q GROUP BY at HAVING sum(tickets) > 0
)
SELECT
    quarter_of($1) AS "since!",
    quarter_of($2 - '1 us'::interval) + '15 minutes'::interval AS "until!",
    (SELECT fresh_until FROM state) AS fresh_until,
    (SELECT coalesce(sum(tickets), 0)::bigint FROM q) AS "tickets!",
    (SELECT coalesce(sum(used), 0)::bigint FROM q) AS "used!",
    (SELECT coalesce(sum(pending), 0)::bigint FROM q) AS "pending!",
    (SELECT coalesce(sum(tickets - used - pending), 0)::bigint FROM q) AS "never_used!",
    (SELECT coalesce(sum(signatures), 0)::bigint FROM q) AS "signatures!",
    (SELECT coalesce(jsonb_agg(b ORDER BY at), '[]') FROM buckets b) AS "buckets!: Json<Vec<TicketsBucket>>"
