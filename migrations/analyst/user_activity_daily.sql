-- What each user did on a day. Of the rows of that user or that day, not of a roll-up: hardly two uploads of a user share
-- a quarter hour, so that one by user would have as many rows. Bounds are said twice: the planner takes each for a third of all
-- rows, and would rather read all that a busy user ever did than go day by day.
CREATE OR REPLACE VIEW analyst.user_activity_daily AS
SELECT
    day,
    app,
    user_id,
    count(DISTINCT ticket) AS tickets,
    count(ticket) AS signatures,
    count(file_id) AS uploads,
    count(file_id) FILTER (WHERE deleted) AS deleted,
    coalesce(sum(size_bytes), 0) AS size_bytes,
    coalesce(round(sum(duration_ms) / 1000, 3), 0) AS duration_s,
    min(at) AS first_at,
    max(at) AS last_at
FROM (
    SELECT d.day, c.app, c.user_id, NULL::uuid AS ticket, c.file_id, c.deleted, c.size_bytes, c.duration_ms, c.at
    FROM public.analyst_days d
    JOIN public.counted_uploads c ON c.at >= d.starts_at AND c.at < d.ends_at AND d.starts_at > c.at - '26 hours'::interval
        AND c.at >= coalesce(d.starts_at, d.ends_at) AND c.at < coalesce(d.ends_at, d.starts_at)
    WHERE c.user_id IS NOT NULL AND c.confirmed <> 'refuted'
    UNION ALL
    SELECT d.day, i.app, i.user_id, i.ticket, NULL, NULL, NULL, NULL, i.issued_at
    FROM public.analyst_days d
    JOIN public.signature_issues i ON i.id >= d.starts_id AND i.id < d.ends_id
        AND i.id >= coalesce(d.starts_id, d.ends_id) AND i.id < coalesce(d.ends_id, d.starts_id)
        AND i.issued_at >= d.starts_at AND i.issued_at < d.ends_at
    WHERE i.user_id IS NOT NULL
) AS done
GROUP BY 1, 2, 3;

COMMENT ON VIEW analyst.user_activity_daily IS 'What each user did on a day: signatures by the day on which they were given out, uploads by the day on which they were made, as of fresh_until of analyst.settings. Ask with a condition on day or user_id.';
COMMENT ON COLUMN analyst.user_activity_daily.day IS 'The day, in the zone of analyst.settings.';
COMMENT ON COLUMN analyst.user_activity_daily.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.user_activity_daily.user_id IS 'The user who did it.';
COMMENT ON COLUMN analyst.user_activity_daily.tickets IS 'For how many tickets (upload intents) signatures were given out on that day.';
COMMENT ON COLUMN analyst.user_activity_daily.signatures IS 'How many signatures were given out on that day.';
COMMENT ON COLUMN analyst.user_activity_daily.uploads IS 'How many files were uploaded, deleted ones included.';
COMMENT ON COLUMN analyst.user_activity_daily.deleted IS 'How many of them are deleted by now.';
COMMENT ON COLUMN analyst.user_activity_daily.size_bytes IS 'Their sizes together, in bytes.';
COMMENT ON COLUMN analyst.user_activity_daily.duration_s IS 'Their durations together, in seconds.';
COMMENT ON COLUMN analyst.user_activity_daily.first_at IS 'When the first of it was.';
COMMENT ON COLUMN analyst.user_activity_daily.last_at IS 'When the last of it was.';
