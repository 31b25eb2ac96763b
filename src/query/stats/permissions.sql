-- The tickets of a window, the newest so many of them, and what became of each. Leans on the keys of tickets and
-- signature_issues, whose time is their front, and on uploads_by_ticket.
WITH looked_at AS MATERIALIZED (
    SELECT id, app, created_at, last_expires_at FROM tickets
    WHERE id >= $6 AND id < $7 AND created_at >= $1 AND created_at < $2
    ORDER BY id DESC LIMIT $5
), t AS (
    SELECT date_bin(make_interval(secs => $4::integer), created_at, '2001-01-01 00:00:00+00') AS at, used, NOT used AND last_expires_at > $8 AS pending
    FROM looked_at t, LATERAL (
        SELECT EXISTS (
            SELECT FROM uploads u
            WHERE u.ticket = t.id AND u.app = t.app AND u.announced_at IS NOT NULL AND u.confirmed <> 'refuted'
            OFFSET 0
        ) AS used
    ) u
    WHERE $3::text[] IS NULL OR app = ANY($3)
), buckets AS (
    SELECT at, count(*) AS tickets, count(*) FILTER (WHERE used) AS used, count(*) FILTER (WHERE pending) AS pending,
        count(*) FILTER (WHERE NOT used AND NOT pending) AS never_used
    FROM t GROUP BY at
), signatures AS MATERIALIZED (
    SELECT app FROM signature_issues
    WHERE id >= $6 AND id < $7 AND issued_at >= $1 AND issued_at < $2
    ORDER BY id DESC LIMIT $5
)
SELECT
    CASE WHEN (SELECT count(*) FROM looked_at) < $5 THEN $1 ELSE (SELECT min(created_at) FROM looked_at) END AS "since!",
    $2::timestamptz AS "until!",
    NULL::timestamptz AS fresh_until,
    (SELECT count(*) FROM t) AS "tickets!",
    (SELECT count(*) FROM t WHERE used) AS "used!",
    (SELECT count(*) FROM t WHERE pending) AS "pending!",
    (SELECT count(*) FROM t WHERE NOT used AND NOT pending) AS "never_used!",
    (SELECT count(*) FROM signatures WHERE $3::text[] IS NULL OR app = ANY($3)) AS "signatures!",
    (SELECT coalesce(jsonb_agg(b ORDER BY at), '[]') FROM buckets b) AS "buckets!: Json<Vec<TicketsBucket>>"
