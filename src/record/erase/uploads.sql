-- Of uploads nothing stays but that there was a file: those that are still the person's, or nobody's, and not erased yet.
-- Tables in the order of write.sql, rows in the order given. A batch that was folded on what the row was finds its version
-- moved on, and is folded again.
WITH told AS (
    SELECT unnest($4::text[]) AS app, unnest($5::text[]) AS file_id, unnest($6::uuid[]) AS audit_id
),
locked AS MATERIALIZED (
    SELECT told.app, told.file_id, told.audit_id, u.attribution_method AS method, u.attribution_reason AS reason
    FROM told, LATERAL (
        SELECT * FROM uploads AS u
        WHERE u.file_id = told.file_id AND u.app = told.app
            AND u.attribution_reason <> 'erased' AND (u.user_id = $3 OR u.user_id IS NULL)
        OFFSET 0
        FOR NO KEY UPDATE
    ) AS u
),
written AS (
    UPDATE uploads AS u SET
        user_id = NULL, attribution_method = 'none', attribution_reason = 'erased', attribution_detail = NULL,
        attribution_at = $1, updated_at = $1, name = NULL, media_url = NULL, cover_url = NULL,
        source_context = ticket_or_nothing(u.source_context), session_context = ticket_or_nothing(u.session_context),
        weaker = nullif(
            u.weaker - ARRAY['name', 'media_url', 'cover_url']
                - CASE WHEN ticket_or_nothing(u.source_context) IS NULL THEN 'source_context' ELSE '' END
                - CASE WHEN ticket_or_nothing(u.session_context) IS NULL THEN 'session_context' ELSE '' END,
            '{}'
        ),
        version = u.version + 1, folded_on = u.version
    FROM locked
    WHERE u.file_id = locked.file_id AND u.app = locked.app
    RETURNING u.app, u.file_id, u.ticket, u.announced_at IS NOT NULL AS announced, locked.audit_id, locked.method,
        locked.reason
),
noted AS (
    INSERT INTO erased_files (file_id, app, erasure)
    SELECT file_id, app, $2 FROM written ORDER BY file_id, app
    ON CONFLICT (file_id, app) DO UPDATE SET erasure = EXCLUDED.erasure, blanked = false
    RETURNING 1
),
audited AS (
    INSERT INTO attribution_changes (
        id, app, file_id, at, decided_by, method_before, method_after, reason_before, reason_after
    )
    SELECT audit_id, app, file_id, $1, 'erasure ' || $2::text, method, 'none', reason, 'erased'
    FROM written WHERE announced AND (SELECT count(*) FROM noted) >= 0
    RETURNING 1
),
counted AS (
    UPDATE erasures SET uploads = uploads + (SELECT count(*) FROM written WHERE announced)
    WHERE id = $2 AND (SELECT count(*) FROM audited) >= 0
    RETURNING 1
),
-- Last: from here to the commit nobody else can take a sequence number, so nothing may wait in between.
head AS MATERIALIZED (
    SELECT take_seq() AS before
    FROM (SELECT count(*) AS rows FROM written WHERE announced) AS w
    WHERE w.rows > 0 AND (SELECT count(*) FROM counted) >= 0
),
logged AS (
    INSERT INTO changes (seq, at, kind, app, file_id, ticket)
    SELECT head.before + row_number() OVER (ORDER BY w.app, w.file_id), $1, 'updated', w.app, w.file_id, w.ticket
    FROM head, written AS w WHERE w.announced
)
SELECT count(*) AS "files!" FROM written
