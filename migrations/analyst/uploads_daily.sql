-- Uploads a day, by how and why they are somebody's or nobody's. Of the roll-up.
CREATE OR REPLACE VIEW analyst.uploads_daily AS
SELECT
    day,
    app,
    method AS attribution_method,
    reason AS attribution_reason,
    uploads,
    deleted,
    by_vod AS confirmed_by_vod,
    refuted,
    size_bytes,
    round(duration_ms / 1000, 3) AS duration_s,
    waiting,
    processing,
    succeeded,
    partly_failed,
    failed,
    (SELECT fresh_until FROM public.rollup_state) AS fresh_until
FROM public.upload_days
WHERE uploads <> 0 OR refuted <> 0;

COMMENT ON VIEW analyst.uploads_daily IS 'Uploads a day, app, and way in which their user is known: a roll-up, exact as of fresh_until. The day is that of uploaded_at, else of recorded_at; an uploaded_at before 2012 or a day after recorded_at is not believed.';
COMMENT ON COLUMN analyst.uploads_daily.day IS 'The day, in the zone of analyst.settings.';
COMMENT ON COLUMN analyst.uploads_daily.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.uploads_daily.attribution_method IS 'How the user is known: ticket, resolver, manual, or none.';
COMMENT ON COLUMN analyst.uploads_daily.attribution_reason IS 'Why it was decided so: see analyst.uploads.attribution_reason.';
COMMENT ON COLUMN analyst.uploads_daily.uploads IS 'How many uploads, deleted ones included, refuted ones not.';
COMMENT ON COLUMN analyst.uploads_daily.deleted IS 'How many of them are deleted by now.';
COMMENT ON COLUMN analyst.uploads_daily.confirmed_by_vod IS 'How many of them VOD itself told of, and not notifications only.';
COMMENT ON COLUMN analyst.uploads_daily.refuted IS 'How many were told of by notifications only and are unknown to VOD: no uploads, and in no other column.';
COMMENT ON COLUMN analyst.uploads_daily.size_bytes IS 'Their sizes together, in bytes, of those that tell it; over 1 PB is not believed.';
COMMENT ON COLUMN analyst.uploads_daily.duration_s IS 'Their durations together, in seconds, of those that tell it; over 3 years is not believed.';
COMMENT ON COLUMN analyst.uploads_daily.waiting IS 'How many wait for their processing.';
COMMENT ON COLUMN analyst.uploads_daily.processing IS 'How many are being processed.';
COMMENT ON COLUMN analyst.uploads_daily.succeeded IS 'How many are processed.';
COMMENT ON COLUMN analyst.uploads_daily.partly_failed IS 'How many are processed but for some part.';
COMMENT ON COLUMN analyst.uploads_daily.failed IS 'How many could not be processed. The rest of uploads asked for no processing.';
COMMENT ON COLUMN analyst.uploads_daily.fresh_until IS 'What was committed before then is counted.';
