-- Opens and closes tickets ($1) as they are now ($2 is the time): open is one that is not used and not over. An upload is
-- resumed for a day, $3, after its signature. Done twice, it changes nothing.
-- OFFSET 0 keeps it a look-up: otherwise all that is counted is read, to be asked once a ticket.
WITH asked AS MATERIALIZED (
    SELECT k.id, t.app, quarter_of(t.created_at) AS quarter, t.last_expires_at + $3::interval AS pending_until,
        t.last_expires_at + $3::interval > $2 AND NOT EXISTS (
            SELECT FROM counted_uploads WHERE ticket = k.id AND generation = $4 AND at IS NOT NULL OFFSET 0
        ) AS open
    FROM (SELECT DISTINCT unnest($1::uuid[]) AS id) AS k,
        LATERAL (SELECT app, created_at, last_expires_at FROM tickets WHERE id = k.id OFFSET 0) AS t
),
closed AS (
    DELETE FROM open_tickets WHERE ticket = ANY(ARRAY(SELECT id FROM asked WHERE NOT open))
    RETURNING quarter, app
),
opened AS (
    INSERT INTO open_tickets AS o (ticket, app, quarter, pending_until)
    SELECT id, app, quarter, pending_until FROM asked WHERE open
    ON CONFLICT (ticket) DO UPDATE SET pending_until = EXCLUDED.pending_until
    RETURNING quarter, app, xmax = 0 AS is_new
)
INSERT INTO ticket_quarters AS q (quarter, app, pending)
SELECT quarter, app, sum(n)
FROM (
    SELECT quarter, app, 1 AS n FROM opened WHERE is_new
    UNION ALL
    SELECT quarter, app, -1 FROM closed
) AS moved
GROUP BY 1, 2 HAVING sum(n) <> 0
ON CONFLICT (quarter, app) DO UPDATE SET pending = q.pending + EXCLUDED.pending
