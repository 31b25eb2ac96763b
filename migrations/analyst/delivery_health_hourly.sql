-- How deliveries came, an hour. Of the roll-ups; the percentiles are only looked for by who asks for them.
CREATE OR REPLACE VIEW analyst.delivery_health_hourly AS
SELECT
    h.day,
    h.hour,
    h.app,
    h.deliveries,
    h.push,
    h.pull,
    h.reconcile,
    h.replay,
    h.quarantined,
    h.late,
    h.repeated,
    h.told_first,
    h.told_by_reconcile,
    round(h.told_by_reconcile::numeric / nullif(h.told_first, 0), 4) AS reconciled_share,
    (
        SELECT public.delay_seconds(min(bucket)) FROM (
            SELECT bucket, sum(sum(uploads)) OVER (ORDER BY bucket) AS upto, sum(sum(uploads)) OVER () AS total
            FROM public.delay_quarters
            WHERE app = h.app AND quarter >= h.hour AND quarter < h.hour + '1 hour'::interval AND quarter < h.ends_at
            GROUP BY bucket HAVING sum(uploads) > 0
        ) AS b WHERE upto >= total * 0.5
    ) AS delay_p50_s,
    (
        SELECT public.delay_seconds(min(bucket)) FROM (
            SELECT bucket, sum(sum(uploads)) OVER (ORDER BY bucket) AS upto, sum(sum(uploads)) OVER () AS total
            FROM public.delay_quarters
            WHERE app = h.app AND quarter >= h.hour AND quarter < h.hour + '1 hour'::interval AND quarter < h.ends_at
            GROUP BY bucket HAVING sum(uploads) > 0
        ) AS b WHERE upto >= total * 0.95
    ) AS delay_p95_s,
    (
        SELECT public.delay_seconds(min(bucket)) FROM (
            SELECT bucket, sum(sum(uploads)) OVER (ORDER BY bucket) AS upto, sum(sum(uploads)) OVER () AS total
            FROM public.delay_quarters
            WHERE app = h.app AND quarter >= h.hour AND quarter < h.hour + '1 hour'::interval AND quarter < h.ends_at
            GROUP BY bucket HAVING sum(uploads) > 0
        ) AS b WHERE upto >= total * 0.99
    ) AS delay_p99_s,
    (SELECT fresh_until FROM public.rollup_state) AS fresh_until
FROM (
    SELECT
        d.day, date_bin('1 hour', q.quarter, d.starts_at) AS hour, q.app, d.ends_at,
        sum(q.deliveries)::bigint AS deliveries,
        coalesce(sum(q.deliveries) FILTER (WHERE q.door = 'push'), 0)::bigint AS push,
        coalesce(sum(q.deliveries) FILTER (WHERE q.door = 'pull'), 0)::bigint AS pull,
        coalesce(sum(q.deliveries) FILTER (WHERE q.door = 'reconcile'), 0)::bigint AS reconcile,
        coalesce(sum(q.deliveries) FILTER (WHERE q.door = 'replay'), 0)::bigint AS replay,
        sum(q.quarantined)::bigint AS quarantined,
        sum(q.late)::bigint AS late,
        coalesce(sum(q.notices - q.firsts) FILTER (WHERE q.door <> 'reconcile'), 0)::bigint AS repeated,
        sum(q.firsts)::bigint AS told_first,
        coalesce(sum(q.firsts) FILTER (WHERE q.door = 'reconcile'), 0)::bigint AS told_by_reconcile
    FROM public.analyst_days d
    JOIN public.delivery_quarters q ON q.quarter >= d.starts_at AND q.quarter < d.ends_at
    GROUP BY 1, 2, 3, 4
) AS h;

COMMENT ON VIEW analyst.delivery_health_hourly IS 'How deliveries came, an hour and app: a roll-up, exact as of fresh_until, but for the percentiles, which are of buckets and within 9.1 %. An hour in which nothing came has no row.';
COMMENT ON COLUMN analyst.delivery_health_hourly.day IS 'The day, in the zone of analyst.settings. A condition on it makes a query quick.';
COMMENT ON COLUMN analyst.delivery_health_hourly.hour IS 'When the hour begins; hours are counted from the beginning of the day.';
COMMENT ON COLUMN analyst.delivery_health_hourly.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.delivery_health_hourly.deliveries IS 'How many bodies came in, by all doors, repeated ones included.';
COMMENT ON COLUMN analyst.delivery_health_hourly.push IS 'How many of them VOD posted.';
COMMENT ON COLUMN analyst.delivery_health_hourly.pull IS 'How many were taken from VOD''s queue.';
COMMENT ON COLUMN analyst.delivery_health_hourly.reconcile IS 'How many VOD told when it was asked, and nobody had told before.';
COMMENT ON COLUMN analyst.delivery_health_hourly.replay IS 'How many a person brought in.';
COMMENT ON COLUMN analyst.delivery_health_hourly.quarantined IS 'How many of them are kept aside until now: no event in them, or no right Sign.';
COMMENT ON COLUMN analyst.delivery_health_hourly.late IS 'How many of them were in Postgres more than 5 s after they came: they waited in a spool, or in quarantine.';
COMMENT ON COLUMN analyst.delivery_health_hourly.repeated IS 'How many notifications told of an upload of which an earlier delivery had told.';
COMMENT ON COLUMN analyst.delivery_health_hourly.told_first IS 'How many uploads were told of for the first time.';
COMMENT ON COLUMN analyst.delivery_health_hourly.told_by_reconcile IS 'How many of those by VOD when it was asked: their notifications were lost, or not there yet.';
COMMENT ON COLUMN analyst.delivery_health_hourly.reconciled_share IS 'told_by_reconcile of told_first, 0 to 1; null where no upload was told of.';
COMMENT ON COLUMN analyst.delivery_health_hourly.delay_p50_s IS 'From the upload to its first delivery by push or pull, in seconds: half took no longer.';
COMMENT ON COLUMN analyst.delivery_health_hourly.delay_p95_s IS 'Of a hundred, 95 took no longer.';
COMMENT ON COLUMN analyst.delivery_health_hourly.delay_p99_s IS 'Of a hundred, 99 took no longer.';
COMMENT ON COLUMN analyst.delivery_health_hourly.fresh_until IS 'What was committed before then is counted.';
