-- Percentiles of the delay a day. Of the roll-up.
CREATE OR REPLACE VIEW analyst.callback_delay_daily AS
SELECT
    day,
    app,
    sum(n)::bigint AS uploads,
    public.delay_seconds(min(bucket) FILTER (WHERE upto >= total * 0.5)) AS p50_s,
    public.delay_seconds(min(bucket) FILTER (WHERE upto >= total * 0.95)) AS p95_s,
    public.delay_seconds(min(bucket) FILTER (WHERE upto >= total * 0.99)) AS p99_s,
    public.delay_seconds(max(bucket)) AS max_s,
    (SELECT fresh_until FROM public.rollup_state) AS fresh_until
FROM (
    SELECT day, app, bucket, uploads AS n,
        sum(uploads) OVER (PARTITION BY day, app ORDER BY bucket) AS upto,
        sum(uploads) OVER (PARTITION BY day, app) AS total
    FROM public.delay_days
    WHERE uploads <> 0
) AS b
GROUP BY 1, 2;

COMMENT ON VIEW analyst.callback_delay_daily IS 'How long VOD took to tell of uploads by push or pull, a day: a roll-up, of buckets; each figure is within 9.1 % of the exact one, or within a second. By the day in which it told.';
COMMENT ON COLUMN analyst.callback_delay_daily.day IS 'The day of the first delivery, in the zone of analyst.settings.';
COMMENT ON COLUMN analyst.callback_delay_daily.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.callback_delay_daily.uploads IS 'How many uploads were told of first on that day, by push or pull, and tell their time.';
COMMENT ON COLUMN analyst.callback_delay_daily.p50_s IS 'Half of them took no longer, in seconds.';
COMMENT ON COLUMN analyst.callback_delay_daily.p95_s IS 'Of a hundred, 95 took no longer, in seconds.';
COMMENT ON COLUMN analyst.callback_delay_daily.p99_s IS 'Of a hundred, 99 took no longer, in seconds.';
COMMENT ON COLUMN analyst.callback_delay_daily.max_s IS 'None took longer, in seconds.';
COMMENT ON COLUMN analyst.callback_delay_daily.fresh_until IS 'What was committed before then is counted.';
