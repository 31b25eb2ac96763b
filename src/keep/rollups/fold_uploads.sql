-- Takes back what was counted of some uploads, and counts them as they are now. Done twice, it changes nothing: what was
-- counted is in counted_uploads, of this generation ($6). Gives the tickets that are unused again.
-- One look-up a row in each table: nothing here is joined, however many rows the planner thinks there are.
WITH touched AS MATERIALIZED (
    SELECT
        k.file_id, k.app, c.generation IS NOT NULL AS known,
        c.generation = $6 AND c.at IS NOT NULL AS counted,
        c.at AS old_at, c.told_at AS old_told_at, c.ticket AS old_ticket, c.method AS old_method, c.reason AS old_reason,
        c.confirmed AS old_confirmed, c.processing AS old_processing, c.deleted AS old_deleted,
        c.size_bytes AS old_size_bytes, c.duration_ms AS old_duration_ms, c.first_id AS old_first_id,
        c.first_received_at AS old_first_received_at, c.first_door AS old_first_door,
        u.recorded_at IS NOT NULL AS counts,
        coalesce(u.told_at, u.recorded_at) AS at, u.told_at, u.recorded_at, u.user_id, t.id AS ticket, t.created_at AS ticket_at, u.method, u.reason,
        u.confirmed, u.processing, u.deleted, u.size_bytes, u.duration_ms,
        f.first_id, f.first_received_at, f.first_door
    FROM (
        SELECT unnest($1::text[]) AS app, unnest($2::text[]) AS file_id, unnest($3::uuid[]) AS first_id,
            unnest($4::timestamptz[]) AS first_received_at, unnest($5::text[]) AS first_door
    ) AS k
    LEFT JOIN LATERAL (
        SELECT * FROM counted_uploads WHERE file_id = k.file_id AND app = k.app OFFSET 0
    ) AS c ON true
    LEFT JOIN LATERAL (
        SELECT told_time(uploaded_at, recorded_at) AS told_at, recorded_at, user_id, ticket,
            attribution_method AS method, attribution_reason AS reason, confirmed, processing,
            deleted_at IS NOT NULL AS deleted,
            -- VOD takes files of some tens of terabytes; what is beyond is a lie that would outweigh all that is true.
            CASE WHEN size_bytes BETWEEN 0 AND 1000000000000000 THEN size_bytes END AS size_bytes,
            CASE WHEN duration_s BETWEEN 0 AND 1e8 THEN round(duration_s * 1000)::bigint END AS duration_ms
        FROM uploads WHERE file_id = k.file_id AND app = k.app AND announced_at IS NOT NULL OFFSET 0
    ) AS u ON true
    LEFT JOIN LATERAL (
        SELECT id, created_at FROM tickets WHERE id = u.ticket AND app = k.app AND u.confirmed <> 'refuted' OFFSET 0
    ) AS t ON true
    CROSS JOIN LATERAL (
        SELECT k.first_id, k.first_received_at, k.first_door WHERE c.first_id IS NULL OR k.first_id < c.first_id
        UNION ALL
        SELECT c.first_id, c.first_received_at, c.first_door WHERE NOT (c.first_id IS NULL OR coalesce(k.first_id < c.first_id, false))
        LIMIT 1
    ) AS f
),
parts AS MATERIALIZED (
    SELECT -1 AS n, app, old_at AS at, old_told_at AS told_at, old_ticket AS ticket, NULL::timestamptz AS ticket_at, old_method AS method,
        old_reason AS reason, old_confirmed AS confirmed, old_processing AS processing, old_deleted AS deleted,
        old_size_bytes AS size_bytes, old_duration_ms AS duration_ms, old_first_id AS first_id,
        old_first_received_at AS first_received_at, old_first_door AS first_door
    FROM touched WHERE counted
    UNION ALL
    SELECT 1, app, at, told_at, ticket, ticket_at, method, reason, confirmed, processing, deleted, size_bytes, duration_ms, first_id,
        first_received_at, first_door
    FROM touched WHERE counts
),
to_uploads AS (
    INSERT INTO upload_quarters AS q (
        quarter, app, method, reason, uploads, refuted, deleted, by_vod, size_bytes, duration_ms,
        waiting, processing, succeeded, partly_failed, failed
    )
    SELECT * FROM (
        SELECT quarter_of(at) AS quarter, app, method, reason,
            coalesce(sum(n) FILTER (WHERE shown), 0) AS uploads,
            coalesce(sum(n) FILTER (WHERE NOT shown), 0) AS refuted,
            coalesce(sum(n) FILTER (WHERE shown AND deleted), 0) AS deleted,
            coalesce(sum(n) FILTER (WHERE shown AND confirmed = 'vod'), 0) AS by_vod,
            coalesce(sum(n * size_bytes::numeric) FILTER (WHERE shown), 0) AS size_bytes,
            coalesce(sum(n * duration_ms::numeric) FILTER (WHERE shown), 0) AS duration_ms,
            coalesce(sum(n) FILTER (WHERE shown AND processing = 'waiting'), 0) AS waiting,
            coalesce(sum(n) FILTER (WHERE shown AND processing = 'processing'), 0) AS processing,
            coalesce(sum(n) FILTER (WHERE shown AND processing = 'succeeded'), 0) AS succeeded,
            coalesce(sum(n) FILTER (WHERE shown AND processing = 'partly_failed'), 0) AS partly_failed,
            coalesce(sum(n) FILTER (WHERE shown AND processing = 'failed'), 0) AS failed
        FROM parts, LATERAL (SELECT confirmed <> 'refuted' AS shown) AS s
        GROUP BY 1, 2, 3, 4
    ) AS moved
    WHERE (uploads, refuted, deleted, by_vod, size_bytes, duration_ms, waiting, processing, succeeded, partly_failed, failed)
        IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ON CONFLICT (quarter, app, method, reason) DO UPDATE SET
        uploads = q.uploads + EXCLUDED.uploads, refuted = q.refuted + EXCLUDED.refuted,
        deleted = q.deleted + EXCLUDED.deleted, by_vod = q.by_vod + EXCLUDED.by_vod,
        size_bytes = q.size_bytes + EXCLUDED.size_bytes, duration_ms = q.duration_ms + EXCLUDED.duration_ms,
        waiting = q.waiting + EXCLUDED.waiting, processing = q.processing + EXCLUDED.processing,
        succeeded = q.succeeded + EXCLUDED.succeeded, partly_failed = q.partly_failed + EXCLUDED.partly_failed,
        failed = q.failed + EXCLUDED.failed
),
to_deliveries AS (
    INSERT INTO delivery_quarters AS q (quarter, app, door, firsts)
    SELECT quarter_of(first_received_at), app, first_door, sum(n)
    FROM parts WHERE first_id IS NOT NULL AND confirmed <> 'refuted'
    GROUP BY 1, 2, 3 HAVING sum(n) <> 0
    ON CONFLICT (quarter, app, door) DO UPDATE SET firsts = q.firsts + EXCLUDED.firsts
),
to_delays AS (
    INSERT INTO delay_quarters AS q (quarter, app, bucket, uploads)
    SELECT quarter_of(first_received_at), app, delay_bucket(first_received_at - told_at), sum(n)
    FROM parts
    WHERE told_at IS NOT NULL AND first_door IN ('push', 'pull') AND confirmed <> 'refuted'
    GROUP BY 1, 2, 3 HAVING sum(n) <> 0
    ON CONFLICT (quarter, app, bucket) DO UPDATE SET uploads = q.uploads + EXCLUDED.uploads
),
-- Most uploads are the first of an open ticket. That it is there tells that nothing used it.
closed AS (
    DELETE FROM open_tickets WHERE ticket = ANY(ARRAY(SELECT ticket FROM parts WHERE n = 1 AND ticket IS NOT NULL))
    RETURNING ticket, app, quarter
),
-- Of the others: a ticket is used as long as one upload of it is counted.
used AS MATERIALIZED (
    SELECT m.ticket, m.app, coalesce(m.ticket_at, t.created_at) AS created_at, CASE WHEN held.uploads > 0 THEN -1 ELSE 1 END AS n
    FROM (
        SELECT ticket, app, max(ticket_at) AS ticket_at, sum(n) AS change
        FROM parts WHERE ticket IS NOT NULL GROUP BY 1, 2 HAVING sum(n) <> 0
    ) AS m
    LEFT JOIN closed ON closed.ticket = m.ticket
    LEFT JOIN LATERAL (
        SELECT created_at FROM tickets WHERE id = m.ticket AND m.ticket_at IS NULL OFFSET 0
    ) AS t ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS uploads FROM (
            SELECT FROM counted_uploads
            WHERE ticket = m.ticket AND generation = $6 AND at IS NOT NULL
            LIMIT 1 + greatest(-m.change, 0)          -- enough to tell whether any is left
        ) AS c
    ) AS held
    WHERE closed.ticket IS NULL AND (held.uploads > 0) <> (held.uploads + m.change > 0)
),
to_tickets AS (
    INSERT INTO ticket_quarters AS q (quarter, app, used, pending)
    SELECT quarter, app, sum(used), sum(pending)
    FROM (
        SELECT quarter, app, 1 AS used, -1 AS pending FROM closed
        UNION ALL
        SELECT quarter_of(created_at), app, n, 0 FROM used WHERE created_at IS NOT NULL
    ) AS moved
    GROUP BY 1, 2 HAVING sum(used) <> 0 OR sum(pending) <> 0
    ON CONFLICT (quarter, app) DO UPDATE SET used = q.used + EXCLUDED.used, pending = q.pending + EXCLUDED.pending
),
-- Nobody else writes a row that is new: to look for it first, as ON CONFLICT does, costs a fifth of writing it.
written_anew AS (
    INSERT INTO counted_uploads (
        file_id, app, generation, at, told_at, recorded_at, user_id, ticket, method, reason, confirmed, processing, deleted,
        size_bytes, duration_ms, first_id, first_received_at, first_door
    )
    SELECT file_id, app, $6, at, told_at, recorded_at, user_id, ticket, method, reason, confirmed, processing, deleted,
        size_bytes, duration_ms, first_id, first_received_at, first_door
    FROM touched
    WHERE NOT known AND (counts OR first_id IS NOT NULL)
),
written AS (
    INSERT INTO counted_uploads AS c (
        file_id, app, generation, at, told_at, recorded_at, user_id, ticket, method, reason, confirmed, processing, deleted,
        size_bytes, duration_ms, first_id, first_received_at, first_door
    )
    SELECT file_id, app, $6, at, told_at, recorded_at, user_id, ticket, method, reason, confirmed, processing, deleted,
        size_bytes, duration_ms, first_id, first_received_at, first_door
    FROM touched
    WHERE known AND (counts OR first_id IS NOT NULL)
    ON CONFLICT (file_id, app) DO UPDATE SET
        generation = EXCLUDED.generation, at = EXCLUDED.at, told_at = EXCLUDED.told_at, recorded_at = EXCLUDED.recorded_at,
        user_id = EXCLUDED.user_id, ticket = EXCLUDED.ticket, method = EXCLUDED.method, reason = EXCLUDED.reason,
        confirmed = EXCLUDED.confirmed, processing = EXCLUDED.processing, deleted = EXCLUDED.deleted,
        size_bytes = EXCLUDED.size_bytes, duration_ms = EXCLUDED.duration_ms, first_id = EXCLUDED.first_id,
        first_received_at = EXCLUDED.first_received_at, first_door = EXCLUDED.first_door
    WHERE ROW(c.*) IS DISTINCT FROM ROW(EXCLUDED.*)
)
SELECT ticket AS "ticket!" FROM used WHERE n = -1
