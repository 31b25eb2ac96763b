-- The uploads of a window by the roll-ups, which count them by their time of upload; those that changed since they were
-- counted are taken back and counted as they are now, up to $5 changes. Leans on the keys of upload_quarters and
-- delay_quarters, whose front is the time: some 35,000 quarters an app and year.
WITH state AS MATERIALIZED (
    SELECT seq, generation, fresh_until FROM rollup_state
), changed AS MATERIALIZED (
    SELECT DISTINCT file_id, app FROM (
        SELECT file_id, app FROM changes WHERE seq > (SELECT seq FROM state) ORDER BY seq LIMIT $5
    ) AS c
), parts AS (
    SELECT -1 AS n, k.app, c.*
    FROM changed AS k, LATERAL (
        SELECT at, method, reason, confirmed, processing, deleted FROM counted_uploads
        WHERE file_id = k.file_id AND app = k.app AND generation = (SELECT generation FROM state) AND at IS NOT NULL OFFSET 0
    ) AS c
    UNION ALL
    SELECT 1, k.app, u.*
    FROM changed AS k, LATERAL (
        SELECT coalesce(told_time(uploaded_at, recorded_at), recorded_at), attribution_method, attribution_reason, confirmed,
            processing, deleted_at IS NOT NULL
        FROM uploads WHERE file_id = k.file_id AND app = k.app AND announced_at IS NOT NULL OFFSET 0
    ) AS u
), q AS MATERIALIZED (
    SELECT date_bin(make_interval(secs => $4::integer), quarter, '2001-01-01 00:00:00+00') AS at, method, reason,
        sum(uploads) AS uploads, sum(refuted) AS refuted, sum(deleted) AS deleted, sum(waiting) AS waiting,
        sum(processing) AS processing, sum(succeeded) AS succeeded, sum(partly_failed) AS partly_failed, sum(failed) AS failed
    FROM upload_quarters
    WHERE quarter >= quarter_of($1) AND quarter < $2 AND ($3::text[] IS NULL OR app = ANY($3))
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT date_bin(make_interval(secs => $4::integer), quarter_of(at), '2001-01-01 00:00:00+00'), method, reason,
        coalesce(sum(n) FILTER (WHERE confirmed <> 'refuted'), 0), coalesce(sum(n) FILTER (WHERE confirmed = 'refuted'), 0),
        coalesce(sum(n) FILTER (WHERE confirmed <> 'refuted' AND deleted), 0),
        coalesce(sum(n) FILTER (WHERE confirmed <> 'refuted' AND processing = 'waiting'), 0),
        coalesce(sum(n) FILTER (WHERE confirmed <> 'refuted' AND processing = 'processing'), 0),
        coalesce(sum(n) FILTER (WHERE confirmed <> 'refuted' AND processing = 'succeeded'), 0),
        coalesce(sum(n) FILTER (WHERE confirmed <> 'refuted' AND processing = 'partly_failed'), 0),
        coalesce(sum(n) FILTER (WHERE confirmed <> 'refuted' AND processing = 'failed'), 0)
    FROM parts
    WHERE quarter_of(at) >= quarter_of($1) AND quarter_of(at) < $2 AND ($3::text[] IS NULL OR app = ANY($3))
    GROUP BY 1, 2, 3
), buckets AS (
    SELECT at,
        coalesce(sum(uploads) FILTER (WHERE method = 'ticket'), 0)::bigint AS ticket,
        coalesce(sum(uploads) FILTER (WHERE method = 'resolver'), 0)::bigint AS resolver,
        coalesce(sum(uploads) FILTER (WHERE method = 'manual'), 0)::bigint AS manual,
        coalesce(sum(uploads) FILTER (WHERE method = 'none'), 0)::bigint AS none
    FROM q GROUP BY at HAVING sum(uploads) > 0
), reasons AS (
    SELECT method, reason, sum(uploads)::bigint AS uploads FROM q GROUP BY 1, 2 HAVING sum(uploads) > 0
), processing AS (
    SELECT s.state, sum(s.uploads)::bigint AS uploads
    FROM (
        SELECT sum(uploads - waiting - processing - succeeded - partly_failed - failed) AS none, sum(waiting) AS waiting,
            sum(processing) AS processing, sum(succeeded) AS succeeded, sum(partly_failed) AS partly_failed, sum(failed) AS failed
        FROM q
    ) t, LATERAL (VALUES ('none', none), ('waiting', waiting), ('processing', processing), ('succeeded', succeeded),
        ('partly_failed', partly_failed), ('failed', failed)) AS s (state, uploads)
    GROUP BY 1 HAVING sum(s.uploads) > 0
), delays AS (
    SELECT bucket, sum(n) OVER (ORDER BY bucket) AS upto, sum(n) OVER () AS total
    FROM (
        SELECT bucket, sum(uploads) AS n FROM delay_quarters
        WHERE quarter >= quarter_of($1) AND quarter < $2 AND ($3::text[] IS NULL OR app = ANY($3))
        GROUP BY bucket HAVING sum(uploads) > 0
    ) b
)
SELECT
    quarter_of($1) AS "since!",
    quarter_of($2 - '1 us'::interval) + '15 minutes'::interval AS "until!",
    (SELECT fresh_until FROM state) AS fresh_until,
    (SELECT coalesce(sum(uploads), 0)::bigint FROM q) AS "total!",
    (SELECT coalesce(sum(deleted), 0)::bigint FROM q) AS "deleted!",
    (SELECT coalesce(sum(refuted), 0)::bigint FROM q) AS "refuted!",
    (SELECT coalesce(jsonb_agg(b ORDER BY at), '[]') FROM buckets b) AS "buckets!: Json<Vec<UploadsBucket>>",
    (SELECT coalesce(jsonb_agg(r ORDER BY uploads DESC, reason), '[]') FROM reasons r) AS "reasons!: Json<Vec<ReasonCount>>",
    (SELECT coalesce(jsonb_agg(p ORDER BY uploads DESC, state), '[]') FROM processing p) AS "processing!: Json<Vec<ProcessingCount>>",
    (
        SELECT ARRAY[
            delay_seconds(min(bucket) FILTER (WHERE upto >= total * 0.5)),
            delay_seconds(min(bucket) FILTER (WHERE upto >= total * 0.95)),
            delay_seconds(min(bucket) FILTER (WHERE upto >= total * 0.99))
        ]::float8[] FROM delays HAVING count(*) > 0
    ) AS delays
