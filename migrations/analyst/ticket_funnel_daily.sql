-- What became of the permissions of a day. Of the roll-up.
CREATE OR REPLACE VIEW analyst.ticket_funnel_daily AS
SELECT
    day,
    app,
    tickets AS issued,
    used,
    pending,
    tickets - used - pending AS never_used,
    signatures,
    round(signatures::numeric / nullif(tickets, 0), 2) AS signatures_per_ticket,
    (SELECT fresh_until FROM public.rollup_state) AS fresh_until
FROM public.ticket_days
WHERE tickets <> 0 OR signatures <> 0;

COMMENT ON VIEW analyst.ticket_funnel_daily IS 'What became of the tickets of a day: a roll-up, exact as of fresh_until. A ticket belongs to the day of its first signature, whenever it is used. issued = used + pending + never_used.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.day IS 'The day of the first signature, in the zone of analyst.settings.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.issued IS 'How many tickets (upload intents) were opened.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.used IS 'How many of them have an upload.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.pending IS 'How many have none yet and may get one: a signature is valid, or expired less than a day ago, since uploads are resumed for a day.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.never_used IS 'How many have none, and none is to come.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.signatures IS 'How many signatures were given out for these tickets, on whatever day.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.signatures_per_ticket IS 'The official SDKs ask for 2 or 3 an upload; far more means retries.';
COMMENT ON COLUMN analyst.ticket_funnel_daily.fresh_until IS 'What was committed before then is counted.';
