-- The tickets of a window by the roll-ups. Leans on the key of ticket_quarters, whose front is the time.
WITH q AS MATERIALIZED (
    SELECT date_bin(make_interval(secs => $4::integer), quarter, '2001-01-01 00:00:00+00') AS at, sum(tickets) AS tickets,
        sum(signatures) AS signatures, sum(used) AS used, sum(pending) AS pending
    FROM ticket_quarters
    WHERE quarter >= quarter_of($1) AND quarter < $2 AND ($3::text[] IS NULL OR app = ANY($3))
    GROUP BY 1
), buckets AS (
    SELECT at, sum(tickets)::bigint AS tickets, sum(used)::bigint AS used, sum(pending)::bigint AS pending,
        sum(tickets - used - pending)::bigint AS never_used
    FROM q GROUP BY at
)
SELECT
    quarter_of($1) AS "since!",
    (SELECT fresh_until FROM rollup_state) AS fresh_until,
    (SELECT coalesce(sum(tickets), 0)::bigint FROM q) AS "tickets!",
    (SELECT coalesce(sum(used), 0)::bigint FROM q) AS "used!",
    (SELECT coalesce(sum(pending), 0)::bigint FROM q) AS "pending!",
    (SELECT coalesce(sum(tickets - used - pending), 0)::bigint FROM q) AS "never_used!",
    (SELECT coalesce(sum(signatures), 0)::bigint FROM q) AS "signatures!",
    (SELECT coalesce(jsonb_agg(b ORDER BY at), '[]') FROM buckets b) AS "buckets!: Json<Vec<TicketsBucket>>"
