-- A batch of which something may be known: one round trip, one transaction, all of it or nothing.
-- Tables are taken in the order deliveries, tasks, uploads, changes, rows in the order of
-- their keys: each step waits for the one before it by asking how much that wrote.
-- Arrays of one length are unnested side by side in a SELECT list: in FROM each of them would be put into a store of
-- its own first, a tenth of the whole. A column that is NULL in every row comes as an empty array, and is filled up.
WITH delivered AS (
    INSERT INTO deliveries AS held (
        id, app, door, received_at, recorded_at, state, quarantine_reason,
        event_type, format, file_id, more_file_ids, task_id, body
    )
    SELECT DISTINCT ON (d.id)
        d.id, d.app, d.door, d.received_at, $1, CASE WHEN d.reason IS NULL THEN 'recorded' ELSE 'quarantined' END, d.reason,
        d.event_type, d.format, d.file_id,
        CASE WHEN d.more_file_ids IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(d.more_file_ids)) END, d.task_id, d.body
    FROM (
        SELECT unnest($2::uuid[]) AS id, unnest($3::text[]) AS app, unnest($4::text[]) AS door,
            unnest($5::timestamptz[]) AS received_at, unnest($6::text[]) AS reason,
            unnest($7::text[]) AS event_type, unnest($8::text[]) AS format, unnest($9::text[]) AS file_id,
            unnest($10::jsonb[]) AS more_file_ids, unnest($11::text[]) AS task_id, unnest($12::bytea[]) AS body
    ) AS d
    ORDER BY d.id, d.reason NULLS FIRST
    -- What is kept stays, but one kept aside in which an event is found now: it is as if it came only now.
    -- A spool may bring one twice in a batch, and no row may be updated twice in a statement: hence DISTINCT.
    ON CONFLICT (id) DO UPDATE SET
        state = EXCLUDED.state, quarantine_reason = NULL, recorded_at = EXCLUDED.recorded_at,
        event_type = EXCLUDED.event_type, format = EXCLUDED.format, file_id = EXCLUDED.file_id,
        more_file_ids = EXCLUDED.more_file_ids, task_id = EXCLUDED.task_id, released_at = EXCLUDED.recorded_at,
        -- Only what tells of an erased person comes without a body.
        body = CASE WHEN EXCLUDED.body IS NOT NULL THEN held.body END
    WHERE held.state = 'quarantined' AND EXCLUDED.state = 'recorded'
    RETURNING id, released_at IS NOT NULL AS released
),
-- The counter of an upload moves only for deliveries really inserted, or taken out of quarantine: a drain may bring
-- one twice.
counted AS (
    SELECT n.file, count(delivered.id)::integer AS deliveries
    FROM (
        SELECT unnest($13::bigint[]) AS file, unnest($14::uuid[]) AS delivery
    ) AS n
    LEFT JOIN delivered ON delivered.id = n.delivery
    GROUP BY n.file
),
written_tasks AS (
    INSERT INTO tasks AS held (
        task_id, app, role, event_type, state, error_code, message, file_id,
        recorded_at, updated_at, rank_strength, rank_digest, version, outputs
    )
    SELECT
        t.task_id, t.app, t.role, t.event_type, t.state, t.error_code, t.message, t.file_id,
        t.recorded_at, $1, t.rank_strength, t.rank_digest, t.version, t.outputs
    FROM (
        SELECT unnest($15::text[]) AS task_id, unnest($16::text[]) AS app, unnest($17::text[]) AS role,
            unnest($18::text[]) AS event_type, unnest($19::text[]) AS state, unnest($20::text[]) AS error_code,
            unnest($21::text[]) AS message, unnest($22::text[]) AS file_id,
            unnest($23::timestamptz[]) AS recorded_at, unnest($24::smallint[]) AS rank_strength,
            unnest($25::bytea[]) AS rank_digest, unnest($26::integer[]) AS version, unnest($86::jsonb[]) AS outputs,
            generate_subscripts($15::text[], 1) AS position
    ) AS t
    WHERE (SELECT count(*) FROM delivered) >= 0
    ORDER BY t.position
    ON CONFLICT (task_id, app, file_id) DO UPDATE SET
        role = EXCLUDED.role, event_type = EXCLUDED.event_type, state = EXCLUDED.state,
        error_code = EXCLUDED.error_code, message = EXCLUDED.message,
        updated_at = EXCLUDED.updated_at, rank_strength = EXCLUDED.rank_strength,
        rank_digest = EXCLUDED.rank_digest, version = EXCLUDED.version, outputs = EXCLUDED.outputs
    WHERE held.version = EXCLUDED.version - 1
    RETURNING 1
),
written_uploads AS (
    INSERT INTO uploads AS held (
        app, file_id, user_id, ticket, attribution_method, attribution_reason, attribution_detail,
        attribution_at, contexts_differ, confirmed, source_type, source_context, session_context,
        name, type, media_url, cover_url, class_id, storage_region, size_bytes, duration_s, width,
        height, bitrate_bps, uploaded_at, procedure_task_id, procedure_state, review_task_id,
        review_state, processing, recorded_at, updated_at, announced_at, deleted_at, rank_strength,
        rank_update_time, rank_digest, weaker, version, folded_on, deliveries, seen_at, absent_at
    )
    SELECT
        u.app, u.file_id, u.user_id, u.ticket, u.attribution_method, u.attribution_reason, u.attribution_detail,
        u.attribution_at, u.contexts_differ, u.confirmed, u.source_type, u.source_context, u.session_context,
        u.name, u.type, u.media_url, u.cover_url, u.class_id, u.storage_region, u.size_bytes, u.duration_s, u.width,
        u.height, u.bitrate_bps, u.uploaded_at, u.procedure_task_id, u.procedure_state, u.review_task_id,
        u.review_state, u.processing, u.recorded_at, u.updated_at, u.announced_at, u.deleted_at, u.rank_strength,
        u.rank_update_time, u.rank_digest, u.weaker, u.version, u.folded_on, counted.deliveries, u.seen_at, u.absent_at
    FROM (
        SELECT unnest($27::text[]) AS app, unnest($28::text[]) AS file_id, unnest($29::text[]) AS user_id,
            unnest($30::uuid[]) AS ticket, unnest($31::text[]) AS attribution_method,
            unnest($32::text[]) AS attribution_reason, unnest($33::text[]) AS attribution_detail,
            unnest($34::timestamptz[]) AS attribution_at, unnest($35::boolean[]) AS contexts_differ,
            unnest($36::text[]) AS confirmed, unnest($37::text[]) AS source_type,
            unnest($38::text[]) AS source_context, unnest($39::text[]) AS session_context,
            unnest($40::text[]) AS name, unnest($41::text[]) AS type, unnest($42::text[]) AS media_url,
            unnest($43::text[]) AS cover_url, unnest($44::bigint[]) AS class_id,
            unnest($45::text[]) AS storage_region, unnest($46::bigint[]) AS size_bytes,
            unnest($47::float8[]) AS duration_s, unnest($48::integer[]) AS width,
            unnest($49::integer[]) AS height, unnest($50::bigint[]) AS bitrate_bps,
            unnest($51::timestamptz[]) AS uploaded_at, unnest($52::text[]) AS procedure_task_id,
            unnest($53::text[]) AS procedure_state, unnest($54::text[]) AS review_task_id,
            unnest($55::text[]) AS review_state, unnest($56::text[]) AS processing,
            unnest($57::timestamptz[]) AS recorded_at, unnest($58::timestamptz[]) AS updated_at,
            unnest($59::timestamptz[]) AS announced_at, unnest($60::timestamptz[]) AS deleted_at,
            unnest($61::smallint[]) AS rank_strength, unnest($62::timestamptz[]) AS rank_update_time,
            unnest($63::bytea[]) AS rank_digest, unnest($64::jsonb[]) AS weaker,
            unnest($65::integer[]) AS version, unnest($66::integer[]) AS folded_on,
            unnest($87::timestamptz[]) AS seen_at, unnest($88::timestamptz[]) AS absent_at,
            generate_subscripts($27::text[], 1) AS position
    ) AS u
    JOIN counted ON counted.file = u.position
    WHERE (SELECT count(*) FROM written_tasks) >= 0
    ORDER BY u.position
    ON CONFLICT (app, file_id) DO UPDATE SET
        user_id = EXCLUDED.user_id, ticket = EXCLUDED.ticket,
        attribution_method = EXCLUDED.attribution_method, attribution_reason = EXCLUDED.attribution_reason,
        attribution_detail = EXCLUDED.attribution_detail, attribution_at = EXCLUDED.attribution_at,
        contexts_differ = EXCLUDED.contexts_differ, confirmed = EXCLUDED.confirmed,
        source_type = EXCLUDED.source_type, source_context = EXCLUDED.source_context,
        session_context = EXCLUDED.session_context, name = EXCLUDED.name, type = EXCLUDED.type,
        media_url = EXCLUDED.media_url, cover_url = EXCLUDED.cover_url, class_id = EXCLUDED.class_id,
        storage_region = EXCLUDED.storage_region, size_bytes = EXCLUDED.size_bytes,
        duration_s = EXCLUDED.duration_s, width = EXCLUDED.width, height = EXCLUDED.height,
        bitrate_bps = EXCLUDED.bitrate_bps, uploaded_at = EXCLUDED.uploaded_at,
        procedure_task_id = EXCLUDED.procedure_task_id, procedure_state = EXCLUDED.procedure_state,
        review_task_id = EXCLUDED.review_task_id, review_state = EXCLUDED.review_state,
        processing = EXCLUDED.processing, recorded_at = EXCLUDED.recorded_at,
        updated_at = EXCLUDED.updated_at, announced_at = EXCLUDED.announced_at,
        deleted_at = EXCLUDED.deleted_at, rank_strength = EXCLUDED.rank_strength,
        rank_update_time = EXCLUDED.rank_update_time, rank_digest = EXCLUDED.rank_digest,
        weaker = EXCLUDED.weaker, version = EXCLUDED.version, folded_on = EXCLUDED.folded_on,
        seen_at = EXCLUDED.seen_at, absent_at = EXCLUDED.absent_at,
        deliveries = held.deliveries + EXCLUDED.deliveries
    WHERE held.version = EXCLUDED.folded_on
    RETURNING app, file_id, deliveries
),
-- A row that moved after it was read was not written, a ticket may not be whose it was presumed to be, and a file whose
-- deliveries were judged may have been named by one more: then nothing is written, and the batch is folded again.
whole AS MATERIALIZED (
    SELECT CASE
        WHEN (SELECT count(*) FROM written_tasks) = cardinality($15::text[])
            AND (SELECT count(*) FROM written_uploads) = cardinality($27::text[])
            AND (
                SELECT count(*)
                FROM (SELECT unnest($83::uuid[]) AS id, unnest($84::text[]) AS app, unnest($85::text[]) AS user_id) AS p,
                    LATERAL (SELECT t.app, t.user_id FROM tickets AS t WHERE t.id = p.id OFFSET 0) AS t
                WHERE t.app = p.app AND t.user_id = p.user_id
            ) = cardinality($83::uuid[])
            AND NOT EXISTS (
                SELECT
                FROM (
                    SELECT unnest($91::bigint[]) AS file, unnest($92::text[]) AS app, unnest($93::text[]) AS file_id,
                        unnest($94::integer[]) AS deliveries
                ) AS j
                JOIN counted ON counted.file = j.file
                JOIN written_uploads AS w ON w.app = j.app AND w.file_id = j.file_id
                WHERE w.deliveries <> j.deliveries + counted.deliveries
            )
            AND knows_erased($95) THEN true
        ELSE refuse_stale_batch()
    END AS yes
),
marked AS MATERIALIZED (
    SELECT mark_refuted($89::uuid[], $90::text[])
    FROM whole
    WHERE whole.yes AND cardinality($89::uuid[]) > 0
),
audited AS (
    INSERT INTO attribution_changes (
        id, app, file_id, at, decided_by, user_before, user_after,
        method_before, method_after, reason_before, reason_after
    )
    SELECT
        a.id, a.app, a.file_id, $1, a.decided_by, a.user_before, a.user_after,
        a.method_before, a.method_after, a.reason_before, a.reason_after
    FROM whole, (
        SELECT unnest($67::uuid[]) AS id, unnest($68::text[]) AS app, unnest($69::text[]) AS file_id,
            unnest($70::text[]) AS decided_by, unnest($71::text[]) AS user_before,
            unnest($72::text[]) AS user_after, unnest($73::text[]) AS method_before,
            unnest($74::text[]) AS method_after, unnest($75::text[]) AS reason_before,
            unnest($76::text[]) AS reason_after
    ) AS a
    WHERE whole.yes
),
-- What roll-ups have to count (src/keep/rollups/).
noted AS (
    INSERT INTO uncounted (deliveries, released)
    SELECT array_agg(d.id) FILTER (WHERE NOT d.released), array_agg(d.id) FILTER (WHERE d.released)
    FROM whole, delivered AS d
    WHERE whole.yes
    HAVING count(*) > 0
),
-- Last: from here to the commit nobody else can take a sequence number, so nothing may wait in between.
head AS MATERIALIZED (
    SELECT take_seq() AS before
    FROM whole
    WHERE whole.yes AND cardinality($77::text[]) > 0 AND (SELECT count(*) FROM marked) >= 0
),
logged AS (
    INSERT INTO changes (seq, at, kind, app, file_id, ticket, user_before, user_after)
    SELECT head.before + c.position, $1, c.kind, c.app, c.file_id, c.ticket, c.user_before, c.user_after
    FROM head, (
        SELECT unnest($77::text[]) AS kind, unnest($78::text[]) AS app, unnest($79::text[]) AS file_id,
            unnest($80::uuid[]) AS ticket, unnest($81::text[]) AS user_before,
            unnest($82::text[]) AS user_after, generate_subscripts($77::text[], 1) AS position
    ) AS c
)
SELECT whole.yes AS "whole!" FROM whole WHERE (SELECT count(*) FROM marked) >= 0
