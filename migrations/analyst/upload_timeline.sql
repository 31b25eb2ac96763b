-- One row per upload: when each step of its way was.
CREATE OR REPLACE VIEW analyst.upload_timeline AS
SELECT
    d.day,
    c.file_id,
    c.app,
    c.user_id,
    public.ticket_text(c.ticket) AS ticket,
    t.created_at AS issued_at,
    c.told_at AS uploaded_at,
    c.first_received_at,
    c.recorded_at,
    p.ended_at AS processed_at,
    c.processing,
    round(extract(epoch FROM c.told_at - t.created_at), 3) AS issued_to_uploaded_s,
    round(extract(epoch FROM c.recorded_at - c.told_at), 3) AS uploaded_to_recorded_s,
    round(extract(epoch FROM p.ended_at - c.recorded_at), 3) AS recorded_to_processed_s,
    round(extract(epoch FROM p.ended_at - t.created_at), 3) AS issued_to_processed_s,
    c.ticket AS ticket_id
FROM public.analyst_days d
JOIN public.counted_uploads c ON c.at >= d.starts_at AND c.at < d.ends_at AND d.starts_at > c.at - '26 hours'::interval
LEFT JOIN LATERAL (
    -- A look-up each: joined, all tickets would be read.
    SELECT created_at FROM public.tickets WHERE id = c.ticket OFFSET 0
) t ON true
CROSS JOIN LATERAL (
    SELECT max(x.updated_at) AS ended_at FROM public.tasks x
    WHERE c.processing IN ('succeeded', 'partly_failed', 'failed')
        AND x.file_id = c.file_id AND x.app = c.app AND x.file_id <> '' AND x.role IN ('procedure', 'review')
        AND x.state IN ('succeeded', 'partly_failed', 'failed')
) p
WHERE c.confirmed <> 'refuted';

COMMENT ON VIEW analyst.upload_timeline IS 'One row per upload: permitted, uploaded, told, recorded, processed, and the gaps in seconds. As of fresh_until of analyst.settings.';
COMMENT ON COLUMN analyst.upload_timeline.day IS 'The day of the upload, in the zone of analyst.settings. A condition on it makes a query quick.';
COMMENT ON COLUMN analyst.upload_timeline.file_id IS 'VOD''s id of the file.';
COMMENT ON COLUMN analyst.upload_timeline.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.upload_timeline.user_id IS 'The user who uploaded it; null where nobody is known.';
COMMENT ON COLUMN analyst.upload_timeline.ticket IS 'The ticket that it used; null where it used none of ours.';
COMMENT ON COLUMN analyst.upload_timeline.issued_at IS 'When the ticket got its first signature.';
COMMENT ON COLUMN analyst.upload_timeline.uploaded_at IS 'When it was uploaded, by VOD''s clock; null where it is not told or cannot be.';
COMMENT ON COLUMN analyst.upload_timeline.first_received_at IS 'When the first delivery that told of it reached a receiver.';
COMMENT ON COLUMN analyst.upload_timeline.recorded_at IS 'When it was committed here.';
COMMENT ON COLUMN analyst.upload_timeline.processed_at IS 'When the last of its procedure and review was told to have ended; null before, or without any.';
COMMENT ON COLUMN analyst.upload_timeline.processing IS 'How its processing goes: none, waiting, processing, succeeded, partly_failed, failed.';
COMMENT ON COLUMN analyst.upload_timeline.issued_to_uploaded_s IS 'From the first signature to the upload, in seconds: choosing the file and sending it.';
COMMENT ON COLUMN analyst.upload_timeline.uploaded_to_recorded_s IS 'From the upload to its commit here, in seconds.';
COMMENT ON COLUMN analyst.upload_timeline.recorded_to_processed_s IS 'From its commit to the end of its processing, in seconds.';
COMMENT ON COLUMN analyst.upload_timeline.issued_to_processed_s IS 'From the first signature to the end of its processing, in seconds.';
COMMENT ON COLUMN analyst.upload_timeline.ticket_id IS 'The same as an id, by which it is found quickly: ticket_id = analyst.ticket_id(''vt_...'').';
