-- One row per ticket: what became of it.
CREATE OR REPLACE VIEW analyst.ticket_use AS
SELECT
    d.day,
    public.ticket_text(t.id) AS ticket,
    t.app,
    t.user_id,
    t.created_at AS issued_at,
    t.last_expires_at,
    t.one_time,
    i.signatures,
    u.uploads,
    u.first_recorded_at,
    CASE
        WHEN u.uploads > 0 THEN 'used'
        WHEN EXISTS (SELECT FROM public.open_tickets o WHERE o.ticket = t.id) OR t.created_at >= r.fresh_until THEN 'pending'
        ELSE 'never_used'
    END AS state,
    t.id AS ticket_id
FROM public.rollup_state r
CROSS JOIN public.analyst_days d
-- The time of the id is created_at. What is asked of that says nothing new; it is there for the planner, which otherwise takes
-- a day for a ninth of all tickets.
JOIN public.tickets t ON t.id >= d.starts_id AND t.id < d.ends_id
    AND t.created_at > d.starts_at - '1 day'::interval AND t.created_at < d.ends_at + '1 day'::interval
    AND d.starts_at > t.created_at - '3 days'::interval
CROSS JOIN LATERAL (
    -- A signature is younger than its ticket: months before it are passed over.
    SELECT count(*) AS signatures FROM public.signature_issues i WHERE i.ticket = t.id AND i.id >= d.starts_id
) i
CROSS JOIN LATERAL (
    SELECT count(*) AS uploads, min(u.recorded_at) AS first_recorded_at FROM public.uploads u
    WHERE u.ticket = t.id AND u.app = t.app AND u.announced_at IS NOT NULL AND u.confirmed <> 'refuted'
) u;

COMMENT ON VIEW analyst.ticket_use IS 'One row per ticket (upload intent): who got it, how many signatures it took, what came of it.';
COMMENT ON COLUMN analyst.ticket_use.day IS 'The day of its first signature, in the zone of analyst.settings. A condition on it makes a query quick.';
COMMENT ON COLUMN analyst.ticket_use.ticket IS 'The ticket, as it is in analyst.uploads.';
COMMENT ON COLUMN analyst.ticket_use.app IS 'The VOD application that it is good for.';
COMMENT ON COLUMN analyst.ticket_use.user_id IS 'The user who was permitted to upload.';
COMMENT ON COLUMN analyst.ticket_use.issued_at IS 'When its first signature was given out.';
COMMENT ON COLUMN analyst.ticket_use.last_expires_at IS 'When the signature of it that lives longest expires.';
COMMENT ON COLUMN analyst.ticket_use.one_time IS 'Whether a signature of it was one-time.';
COMMENT ON COLUMN analyst.ticket_use.signatures IS 'How many signatures were given out for it, as far as their months are kept.';
COMMENT ON COLUMN analyst.ticket_use.uploads IS 'How many files were uploaded with it; more than one is worth a look.';
COMMENT ON COLUMN analyst.ticket_use.first_recorded_at IS 'When the first of them was recorded.';
COMMENT ON COLUMN analyst.ticket_use.state IS 'used; pending: a signature is valid, or expired less than a day before fresh_until of analyst.settings; never_used.';
COMMENT ON COLUMN analyst.ticket_use.ticket_id IS 'The same as an id, by which it is found quickly: ticket_id = analyst.ticket_id(''vt_...'').';
