-- One row per upload: how long VOD took to tell of it.
CREATE OR REPLACE VIEW analyst.callback_delay AS
SELECT
    d.day,
    c.file_id,
    c.app,
    c.told_at AS uploaded_at,
    c.first_received_at,
    c.first_door,
    c.recorded_at,
    round(extract(epoch FROM c.first_received_at - c.told_at), 3) AS delay_s,
    round(extract(epoch FROM c.recorded_at - c.first_received_at), 3) AS recorded_after_s
FROM public.analyst_days d
JOIN public.counted_uploads c ON c.at >= d.starts_at AND c.at < d.ends_at AND d.starts_at > c.at - '26 hours'::interval
WHERE c.confirmed <> 'refuted' AND c.told_at IS NOT NULL AND c.first_received_at IS NOT NULL;

COMMENT ON VIEW analyst.callback_delay IS 'One row per upload that tells its time: its first delivery minus uploaded_at. As of fresh_until of analyst.settings.';
COMMENT ON COLUMN analyst.callback_delay.day IS 'The day of the upload, in the zone of analyst.settings. A condition on it makes a query quick.';
COMMENT ON COLUMN analyst.callback_delay.file_id IS 'VOD''s id of the file.';
COMMENT ON COLUMN analyst.callback_delay.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.callback_delay.uploaded_at IS 'When it was uploaded, by VOD''s clock, which tells whole seconds.';
COMMENT ON COLUMN analyst.callback_delay.first_received_at IS 'When the first delivery that told of it reached a receiver.';
COMMENT ON COLUMN analyst.callback_delay.first_door IS 'By which door: push, pull; reconcile: no notification came first, we asked; replay: a person ran it.';
COMMENT ON COLUMN analyst.callback_delay.recorded_at IS 'When the upload was committed here.';
COMMENT ON COLUMN analyst.callback_delay.delay_s IS 'From the upload to its first delivery, in seconds; below 0 where the clocks differ.';
COMMENT ON COLUMN analyst.callback_delay.recorded_after_s IS 'From its first delivery to the commit, in seconds: more than some milliseconds where it waited in a spool.';
