-- A batch of which nothing is known: one round trip, one transaction, all of it or nothing. A key that is there already
-- fails all of it, and it is written as one of which something is known (write.sql, which says more).
-- Most batches are this. ON CONFLICT would look, note and confirm each row first, an eighth of the whole, and a statement
-- that may do either is set up longer than a lone delivery takes to write.
WITH delivered AS (
    INSERT INTO deliveries (
        id, app, door, received_at, recorded_at, state, quarantine_reason,
        event_type, format, file_id, more_file_ids, task_id, body
    )
    SELECT
        d.id, d.app, d.door, d.received_at, $1, CASE WHEN d.reason IS NULL THEN 'recorded' ELSE 'quarantined' END, d.reason,
        d.event_type, d.format, d.file_id,
        CASE WHEN d.more_file_ids IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(d.more_file_ids)) END, d.task_id, d.body
    FROM (
        SELECT unnest($2::uuid[]) AS id, unnest($3::text[]) AS app, unnest($4::text[]) AS door,
            unnest($5::timestamptz[]) AS received_at, unnest($6::text[]) AS reason,
            unnest($7::text[]) AS event_type, unnest($8::text[]) AS format, unnest($9::text[]) AS file_id,
            unnest($10::jsonb[]) AS more_file_ids, unnest($11::text[]) AS task_id, unnest($12::bytea[]) AS body
    ) AS d
    ORDER BY d.id
    RETURNING 1
),
written_tasks AS (
    INSERT INTO tasks (
        task_id, app, role, event_type, state, error_code, message, file_id,
        recorded_at, updated_at, rank_strength, rank_digest, version, outputs
    )
    SELECT
        t.task_id, t.app, t.role, t.event_type, t.state, t.error_code, t.message, t.file_id,
        t.recorded_at, $1, t.rank_strength, t.rank_digest, t.version, t.outputs
    FROM (
        SELECT unnest($13::text[]) AS task_id, unnest($14::text[]) AS app, unnest($15::text[]) AS role,
            unnest($16::text[]) AS event_type, unnest($17::text[]) AS state, unnest($18::text[]) AS error_code,
            unnest($19::text[]) AS message, unnest($20::text[]) AS file_id,
            unnest($21::timestamptz[]) AS recorded_at, unnest($22::smallint[]) AS rank_strength,
            unnest($23::bytea[]) AS rank_digest, unnest($24::integer[]) AS version, unnest($75::jsonb[]) AS outputs,
            generate_subscripts($13::text[], 1) AS position
    ) AS t
    WHERE (SELECT count(*) FROM delivered) >= 0
    ORDER BY t.position
    RETURNING 1
),
written_uploads AS (
    INSERT INTO uploads (
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
        u.rank_update_time, u.rank_digest, u.weaker, u.version, u.folded_on, u.deliveries
    FROM (
        SELECT unnest($25::text[]) AS app, unnest($26::text[]) AS file_id, unnest($27::text[]) AS user_id,
            unnest($28::uuid[]) AS ticket, unnest($29::text[]) AS attribution_method,
            unnest($30::text[]) AS attribution_reason, unnest($31::text[]) AS attribution_detail,
            unnest($32::timestamptz[]) AS attribution_at, unnest($33::boolean[]) AS contexts_differ,
            unnest($34::text[]) AS confirmed, unnest($35::text[]) AS source_type,
            unnest($36::text[]) AS source_context, unnest($37::text[]) AS session_context,
            unnest($38::text[]) AS name, unnest($39::text[]) AS type, unnest($40::text[]) AS media_url,
            unnest($41::text[]) AS cover_url, unnest($42::bigint[]) AS class_id,
            unnest($43::text[]) AS storage_region, unnest($44::bigint[]) AS size_bytes,
            unnest($45::float8[]) AS duration_s, unnest($46::integer[]) AS width,
            unnest($47::integer[]) AS height, unnest($48::bigint[]) AS bitrate_bps,
            unnest($49::timestamptz[]) AS uploaded_at, unnest($50::text[]) AS procedure_task_id,
            unnest($51::text[]) AS procedure_state, unnest($52::text[]) AS review_task_id,
            unnest($53::text[]) AS review_state, unnest($54::text[]) AS processing,
            unnest($55::timestamptz[]) AS recorded_at, unnest($56::timestamptz[]) AS updated_at,
            unnest($57::timestamptz[]) AS announced_at, unnest($58::timestamptz[]) AS deleted_at,
            unnest($59::smallint[]) AS rank_strength, unnest($60::timestamptz[]) AS rank_update_time,
            unnest($61::bytea[]) AS rank_digest, unnest($62::jsonb[]) AS weaker,
            unnest($63::integer[]) AS version, unnest($64::integer[]) AS folded_on,
            unnest($65::integer[]) AS deliveries,
            generate_subscripts($25::text[], 1) AS position
    ) AS u
    WHERE (SELECT count(*) FROM written_tasks) >= 0
    ORDER BY u.position
    RETURNING 1
),
-- A ticket may not be whose it was presumed to be: then nothing is written, and the batch is folded again.
whole AS MATERIALIZED (
    SELECT CASE
        WHEN (SELECT count(*) FROM written_uploads) >= 0
            AND (
                SELECT count(*)
                FROM (SELECT unnest($66::uuid[]) AS id, unnest($67::text[]) AS app, unnest($68::text[]) AS user_id) AS p,
                    LATERAL (SELECT t.app, t.user_id FROM tickets AS t WHERE t.id = p.id OFFSET 0) AS t
                WHERE t.app = p.app AND t.user_id = p.user_id
            ) = cardinality($66::uuid[])
            AND knows_erased($76) THEN true
        ELSE refuse_stale_batch()
    END AS yes
),
-- What roll-ups have to count (src/keep/rollups/).
noted AS (
    INSERT INTO uncounted (deliveries) SELECT $2::uuid[] FROM whole WHERE whole.yes
),
-- Last: from here to the commit nobody else can take a sequence number, so nothing may wait in between.
head AS MATERIALIZED (
    SELECT take_seq() AS before
    FROM whole
    WHERE whole.yes AND cardinality($69::text[]) > 0
),
logged AS (
    INSERT INTO changes (seq, at, kind, app, file_id, ticket, user_before, user_after)
    SELECT head.before + c.position, $1, c.kind, c.app, c.file_id, c.ticket, c.user_before, c.user_after
    FROM head, (
        SELECT unnest($69::text[]) AS kind, unnest($70::text[]) AS app, unnest($71::text[]) AS file_id,
            unnest($72::uuid[]) AS ticket, unnest($73::text[]) AS user_before,
            unnest($74::text[]) AS user_after, generate_subscripts($69::text[], 1) AS position
    ) AS c
)
SELECT whole.yes AS "whole!" FROM whole
