-- One batch, one round trip, one transaction: all of it, or nothing.
-- Tables are taken in the order deliveries, tasks, uploads, feed_head, changes, rows in the order of
-- their keys: each step waits for the one before it by asking how much that wrote.
WITH delivered AS (
    INSERT INTO deliveries (
        id, app, door, received_at, recorded_at, state, quarantine_reason,
        event_type, format, file_id, more_file_ids, task_id, body
    )
    SELECT
        d.id, d.app, d.door, d.received_at, $1, CASE WHEN d.reason IS NULL THEN 'recorded' ELSE 'quarantined' END, d.reason,
        d.event_type, d.format, d.file_id, 
        CASE WHEN d.more_file_ids IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(d.more_file_ids)) END, d.task_id, d.body
    FROM unnest(
        $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
        $7::text[], $8::text[], $9::text[], $10::jsonb[], $11::text[], $12::bytea[]
    ) AS d (id, app, door, received_at, reason, event_type, format, file_id, more_file_ids, task_id, body)
    ORDER BY d.id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
),
-- The counter of an upload moves only for deliveries really inserted: a drain may bring one twice.
counted AS (
    SELECT n.file, count(delivered.id)::integer AS deliveries
    FROM unnest($13::bigint[], $14::uuid[]) AS n (file, delivery)
    LEFT JOIN delivered ON delivered.id = n.delivery
    GROUP BY n.file
),
written_tasks AS (
    INSERT INTO tasks AS held (
        task_id, app, role, event_type, state, error_code, message, file_id,
        recorded_at, updated_at, rank_strength, rank_digest, version
    )
    SELECT
        t.task_id, t.app, t.role, t.event_type, t.state, t.error_code, t.message, t.file_id,
        t.recorded_at, $1, t.rank_strength, t.rank_digest, t.version
    FROM unnest(
        $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[],
        $22::text[], $23::timestamptz[], $24::smallint[], $25::bytea[], $26::integer[]
    ) WITH ORDINALITY AS t (
        task_id, app, role, event_type, state, error_code, message,
        file_id, recorded_at, rank_strength, rank_digest, version, position
    )
    WHERE (SELECT count(*) FROM delivered) >= 0
    ORDER BY t.position
    ON CONFLICT (task_id, app, file_id) DO UPDATE SET
        role = EXCLUDED.role, event_type = EXCLUDED.event_type, state = EXCLUDED.state,
        error_code = EXCLUDED.error_code, message = EXCLUDED.message,
        updated_at = EXCLUDED.updated_at, rank_strength = EXCLUDED.rank_strength,
        rank_digest = EXCLUDED.rank_digest, version = EXCLUDED.version
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
        rank_update_time, rank_digest, weaker, version, folded_on, deliveries
    )
    SELECT
        u.app, u.file_id, u.user_id, u.ticket, u.attribution_method, u.attribution_reason, u.attribution_detail,
        u.attribution_at, u.contexts_differ, u.confirmed, u.source_type, u.source_context, u.session_context,
        u.name, u.type, u.media_url, u.cover_url, u.class_id, u.storage_region, u.size_bytes, u.duration_s, u.width,
        u.height, u.bitrate_bps, u.uploaded_at, u.procedure_task_id, u.procedure_state, u.review_task_id,
        u.review_state, u.processing, u.recorded_at, u.updated_at, u.announced_at, u.deleted_at, u.rank_strength,
        u.rank_update_time, u.rank_digest, u.weaker, u.version, u.folded_on, counted.deliveries
    FROM unnest(
        $27::text[], $28::text[], $29::text[], $30::uuid[], $31::text[], $32::text[], $33::text[],
        $34::timestamptz[], $35::boolean[], $36::text[], $37::text[], $38::text[], $39::text[],
        $40::text[], $41::text[], $42::text[], $43::text[], $44::bigint[], $45::text[], $46::bigint[], $47::float8[], $48::integer[],
        $49::integer[], $50::bigint[], $51::timestamptz[], $52::text[], $53::text[], $54::text[],
        $55::text[], $56::text[], $57::timestamptz[], $58::timestamptz[], $59::timestamptz[], $60::timestamptz[], $61::smallint[],
        $62::timestamptz[], $63::bytea[], $64::jsonb[], $65::integer[], $66::integer[]
    ) WITH ORDINALITY AS u (
        app, file_id, user_id, ticket, attribution_method, attribution_reason, attribution_detail,
        attribution_at, contexts_differ, confirmed, source_type, source_context, session_context,
        name, type, media_url, cover_url, class_id, storage_region, size_bytes, duration_s, width,
        height, bitrate_bps, uploaded_at, procedure_task_id, procedure_state, review_task_id,
        review_state, processing, recorded_at, updated_at, announced_at, deleted_at, rank_strength,
        rank_update_time, rank_digest, weaker, version, folded_on, position
    )
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
        deliveries = held.deliveries + EXCLUDED.deliveries
    WHERE held.version = EXCLUDED.folded_on
    RETURNING 1
),
-- A row that moved after it was read was not written: then nothing is, and the batch is folded again.
whole AS MATERIALIZED (
    SELECT CASE
        WHEN (SELECT count(*) FROM written_tasks) = cardinality($15::text[])
            AND (SELECT count(*) FROM written_uploads) = cardinality($27::text[]) THEN true
        ELSE refuse_stale_batch()
    END AS yes
),
audited AS (
    INSERT INTO attribution_changes (
        id, app, file_id, at, decided_by, user_before, user_after,
        method_before, method_after, reason_before, reason_after
    )
    SELECT
        a.id, a.app, a.file_id, $1, a.decided_by, a.user_before, a.user_after,
        a.method_before, a.method_after, a.reason_before, a.reason_after
    FROM whole, unnest(
        $67::uuid[], $68::text[], $69::text[], $70::text[], $71::text[], $72::text[],
        $73::text[], $74::text[], $75::text[], $76::text[]
    ) AS a (
        id, app, file_id, decided_by, user_before, user_after, method_before, method_after, reason_before, reason_after
    )
    WHERE whole.yes
),
-- Last: from here to the commit nobody else can take a sequence number, so nothing may wait in between.
head AS (
    UPDATE feed_head SET seq = seq + cardinality($77::text[])
    FROM whole
    WHERE whole.yes AND cardinality($77::text[]) > 0
    RETURNING seq - cardinality($77::text[]) AS before
),
logged AS (
    INSERT INTO changes (seq, at, kind, app, file_id, ticket, user_before, user_after)
    SELECT head.before + c.position, $1, c.kind, c.app, c.file_id, c.ticket, c.user_before, c.user_after
    FROM head, unnest($77::text[], $78::text[], $79::text[], $80::uuid[], $81::text[], $82::text[])
        WITH ORDINALITY AS c (kind, app, file_id, ticket, user_before, user_after, position)
)
SELECT whole.yes AS "whole!" FROM whole
