-- The uploads of a window, the newest so many of them. Leans on uploads_by_time.
WITH looked_at AS MATERIALIZED (
    SELECT app, recorded_at, uploaded_at, deleted_at, confirmed, attribution_method, attribution_reason, processing
    FROM uploads
    WHERE announced_at IS NOT NULL AND recorded_at >= $1 AND recorded_at < $2
    ORDER BY recorded_at DESC, app DESC, file_id DESC LIMIT $5
), u AS (
    SELECT *, date_bin(make_interval(secs => $4::integer), recorded_at, '2001-01-01 00:00:00+00') AS at
    FROM looked_at WHERE $3::text[] IS NULL OR app = ANY($3)
), shown AS (
    SELECT * FROM u WHERE confirmed <> 'refuted'
), buckets AS (
    SELECT at,
        count(*) FILTER (WHERE attribution_method = 'ticket') AS ticket,
        count(*) FILTER (WHERE attribution_method = 'resolver') AS resolver,
        count(*) FILTER (WHERE attribution_method = 'manual') AS manual,
        count(*) FILTER (WHERE attribution_method = 'none') AS none
    FROM shown GROUP BY at
), reasons AS (
    SELECT attribution_method AS method, attribution_reason AS reason, count(*) AS uploads FROM shown GROUP BY 1, 2
), processing AS (
    SELECT processing AS state, count(*) AS uploads FROM shown GROUP BY 1
)
SELECT
    CASE WHEN (SELECT count(*) FROM looked_at) < $5 THEN $1 ELSE (SELECT min(recorded_at) FROM looked_at) END AS "since!",
    $2::timestamptz AS "until!",
    NULL::timestamptz AS fresh_until,
    (SELECT count(*) FROM shown) AS "total!",
    (SELECT count(*) FROM shown WHERE deleted_at IS NOT NULL) AS "deleted!",
    (SELECT count(*) FROM u WHERE confirmed = 'refuted') AS "refuted!",
    (SELECT coalesce(jsonb_agg(b ORDER BY at), '[]') FROM buckets b) AS "buckets!: Json<Vec<UploadsBucket>>",
    (SELECT coalesce(jsonb_agg(r ORDER BY uploads DESC, reason), '[]') FROM reasons r) AS "reasons!: Json<Vec<ReasonCount>>",
    (SELECT coalesce(jsonb_agg(p ORDER BY uploads DESC, state), '[]') FROM processing p) AS "processing!: Json<Vec<ProcessingCount>>",
    (
        SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99])
            WITHIN GROUP (ORDER BY greatest(extract(epoch FROM recorded_at - uploaded_at), 0)::float8)
        FROM shown WHERE uploaded_at IS NOT NULL
    ) AS delays
