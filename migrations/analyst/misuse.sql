-- One row per upload and sign of misuse that it shows.
CREATE OR REPLACE VIEW analyst.misuse AS
SELECT d.day, c.file_id, c.app, c.user_id, public.ticket_text(c.ticket) AS ticket, s.sign, c.told_at AS uploaded_at, c.recorded_at,
    c.ticket AS ticket_id
FROM public.analyst_days d
JOIN public.counted_uploads c ON c.at >= d.starts_at AND c.at < d.ends_at AND d.starts_at > c.at - '26 hours'::interval
LEFT JOIN LATERAL (
    -- A look-up each: joined, all tickets would be read.
    SELECT created_at, one_time, last_expires_at FROM public.tickets WHERE id = c.ticket OFFSET 0
) t ON true
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM public.counted_uploads o WHERE o.ticket = c.ticket AND o.app = c.app AND o.file_id <> c.file_id
    ) AS reused
    OFFSET 0
) r
CROSS JOIN LATERAL (
    SELECT 'ticket_reused' AS sign WHERE r.reused AND NOT t.one_time
    UNION ALL SELECT 'one_time_ticket_reused' WHERE r.reused AND t.one_time
    UNION ALL SELECT 'long_after_expiry' WHERE c.told_at > t.last_expires_at + '1 day'::interval
    UNION ALL SELECT c.reason WHERE c.reason IN ('unknown_ticket', 'wrong_app', 'contexts_differ')
    UNION ALL SELECT 'refuted' WHERE c.confirmed = 'refuted'
) s;

COMMENT ON VIEW analyst.misuse IS 'One row per upload and sign of misuse that it shows: signs, no proof. As of fresh_until of analyst.settings.';
COMMENT ON COLUMN analyst.misuse.day IS 'The day of the upload, in the zone of analyst.settings. A condition on it makes a query quick.';
COMMENT ON COLUMN analyst.misuse.file_id IS 'VOD''s id of the file.';
COMMENT ON COLUMN analyst.misuse.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.misuse.user_id IS 'The user whose it is; null where nobody is known.';
COMMENT ON COLUMN analyst.misuse.ticket IS 'The ticket that it used.';
COMMENT ON COLUMN analyst.misuse.sign IS 'ticket_reused, one_time_ticket_reused: another file came with the same ticket; long_after_expiry: uploaded more than a day after the last signature expired; unknown_ticket, wrong_app, contexts_differ: see analyst.unattributed.reason; refuted: told of by notifications only, and VOD knows no such file.';
COMMENT ON COLUMN analyst.misuse.uploaded_at IS 'When it was uploaded, by VOD''s clock.';
COMMENT ON COLUMN analyst.misuse.recorded_at IS 'When it was committed here.';
COMMENT ON COLUMN analyst.misuse.ticket_id IS 'The same as an id, by which it is found quickly: ticket_id = analyst.ticket_id(''vt_...'').';
