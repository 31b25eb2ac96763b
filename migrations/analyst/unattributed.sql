-- One row per upload that is nobody's, and why.
CREATE OR REPLACE VIEW analyst.unattributed AS
SELECT
    u.file_id,
    u.app,
    u.attribution_reason AS reason,
    u.attribution_detail AS detail,
    u.attribution_at AS decided_at,
    CASE WHEN u.confirmed <> 'refuted' THEN public.ticket_text(u.ticket) END AS ticket,
    u.source_context,
    u.source_type,
    u.confirmed,
    u.name,
    u.size_bytes,
    u.uploaded_at,
    u.recorded_at,
    u.deleted_at
FROM public.uploads u
WHERE u.announced_at IS NOT NULL AND u.user_id IS NULL;

COMMENT ON VIEW analyst.unattributed IS 'One row per upload that is nobody''s, with the reason. By recorded_at it is quick.';
COMMENT ON COLUMN analyst.unattributed.file_id IS 'VOD''s id of the file.';
COMMENT ON COLUMN analyst.unattributed.app IS 'The VOD application it was uploaded to.';
COMMENT ON COLUMN analyst.unattributed.reason IS 'no_context: uploaded without one, by the server or the console say; foreign_context: its context is none of ours; unknown_ticket: it names a ticket that was not given out here; wrong_app: the ticket is of another app; contexts_differ: two were told; refuted: VOD knows no such file; erased: the person is.';
COMMENT ON COLUMN analyst.unattributed.detail IS 'The reason in words, where there is more to say.';
COMMENT ON COLUMN analyst.unattributed.decided_at IS 'When it was decided so.';
COMMENT ON COLUMN analyst.unattributed.ticket IS 'The ticket that its context names, if it names one.';
COMMENT ON COLUMN analyst.unattributed.source_context IS 'The text that came back from the upload signature.';
COMMENT ON COLUMN analyst.unattributed.source_type IS 'Where the file comes from, as VOD spells it.';
COMMENT ON COLUMN analyst.unattributed.confirmed IS 'vod, push or refuted: see analyst.uploads.confirmed.';
COMMENT ON COLUMN analyst.unattributed.name IS 'The file''s name.';
COMMENT ON COLUMN analyst.unattributed.size_bytes IS 'Size in bytes.';
COMMENT ON COLUMN analyst.unattributed.uploaded_at IS 'When it was uploaded, by VOD''s clock.';
COMMENT ON COLUMN analyst.unattributed.recorded_at IS 'When it was first committed here.';
COMMENT ON COLUMN analyst.unattributed.deleted_at IS 'When its deletion was told; null while it lives.';
