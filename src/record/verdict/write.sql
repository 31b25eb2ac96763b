-- Verdicts in place of those that uploads had, each on the condition that its row has not moved since it was read:
-- what is not told to be written is to be read again. Tables in the order of write.sql, rows in the order given.
WITH told AS (
    SELECT unnest($2::text[]) AS app, unnest($3::text[]) AS file_id, unnest($4::integer[]) AS version,
        unnest($5::text[]) AS user_id, unnest($6::uuid[]) AS ticket, unnest($7::text[]) AS method,
        unnest($8::text[]) AS reason, unnest($9::text[]) AS detail, unnest($10::text[]) AS user_before,
        unnest($11::text[]) AS method_before, unnest($12::text[]) AS reason_before,
        unnest($13::uuid[]) AS audit_id, unnest($14::text[]) AS note,
        generate_subscripts($2::text[], 1) AS position
),
locked AS MATERIALIZED (
    SELECT told.position
    FROM told, LATERAL (
        SELECT FROM uploads AS u
        WHERE u.file_id = told.file_id AND u.app = told.app AND u.version = told.version
        OFFSET 0
        FOR NO KEY UPDATE
    ) AS u
),
written AS (
    UPDATE uploads AS u SET
        user_id = told.user_id, ticket = told.ticket, attribution_method = told.method,
        attribution_reason = told.reason, attribution_detail = told.detail, attribution_at = $1, updated_at = $1,
        version = told.version + 1, folded_on = told.version
    FROM told
    WHERE u.file_id = told.file_id AND u.app = told.app AND u.version = told.version
        AND (SELECT count(*) FROM locked) >= 0 AND (SELECT knows_erased($16))
    RETURNING told.position
),
audited AS (
    INSERT INTO attribution_changes (
        id, app, file_id, at, decided_by, note, user_before, user_after,
        method_before, method_after, reason_before, reason_after
    )
    SELECT
        told.audit_id, told.app, told.file_id, $1, $15, told.note, told.user_before, told.user_id,
        told.method_before, told.method, told.reason_before, told.reason
    FROM told JOIN written USING (position)
    WHERE told.audit_id IS NOT NULL
    RETURNING 1
),
-- Last: from here to the commit nobody else can take a sequence number, so nothing may wait in between.
head AS MATERIALIZED (
    SELECT take_seq() AS before
    FROM (SELECT count(*) AS rows FROM written) AS w
    WHERE w.rows > 0 AND (SELECT count(*) FROM audited) >= 0
),
logged AS (
    INSERT INTO changes (seq, at, kind, app, file_id, ticket, user_before, user_after)
    SELECT
        head.before + row_number() OVER (ORDER BY told.position), $1, 'updated', told.app, told.file_id, told.ticket,
        told.user_before, told.user_id
    FROM head, told JOIN written USING (position)
)
SELECT position AS "position!" FROM written
