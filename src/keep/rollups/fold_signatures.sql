-- Counts signatures ($1, ids of issues) at the quarter hour of their tickets, and the tickets that were opened ($2). Those
-- of quarters before $3 are left as they are: the months that hold the rest of their signatures may be gone.
-- Gives the tickets.
WITH told AS MATERIALIZED (
    SELECT t.id, t.app, t.created_at, k.signatures, k.tickets
    FROM (
        SELECT ticket, sum(signatures) AS signatures, sum(tickets) AS tickets
        FROM (
            SELECT i.ticket, 1 AS signatures, 0 AS tickets
            FROM (SELECT unnest($1::uuid[]) AS id) AS a,
                LATERAL (SELECT ticket FROM signature_issues WHERE id = a.id OFFSET 0) AS i
            UNION ALL
            SELECT unnest($2::uuid[]), 0, 1
        ) AS each
        GROUP BY 1
    ) AS k,
    LATERAL (SELECT id, app, created_at FROM tickets WHERE id = k.ticket OFFSET 0) AS t
),
counted AS (
    INSERT INTO ticket_quarters AS q (quarter, app, tickets, signatures)
    SELECT quarter_of(created_at), app, sum(tickets),
        coalesce(sum(signatures) FILTER (WHERE $3::timestamptz IS NULL OR quarter_of(created_at) >= $3), 0)
    FROM told
    GROUP BY 1, 2
    ON CONFLICT (quarter, app) DO UPDATE SET
        tickets = q.tickets + EXCLUDED.tickets, signatures = q.signatures + EXCLUDED.signatures
)
SELECT id AS "id!" FROM told
