-- One row per upload: whose it is, how we know, what VOD says of it.
CREATE OR REPLACE VIEW analyst.uploads AS
SELECT
    u.file_id,
    u.app,
    u.user_id,
    CASE WHEN u.confirmed <> 'refuted' THEN public.ticket_text(u.ticket) END AS ticket,
    CASE WHEN u.attribution_method = 'ticket' THEN t.context END AS context,
    u.attribution_method,
    u.attribution_reason,
    u.attribution_detail,
    u.attribution_at,
    u.confirmed,
    u.source_type,
    u.source_context,
    u.name,
    u.type,
    u.media_url,
    u.cover_url,
    u.class_id,
    u.storage_region,
    u.size_bytes,
    u.duration_s,
    u.width,
    u.height,
    u.bitrate_bps,
    u.procedure_task_id,
    u.review_task_id,
    u.processing,
    u.uploaded_at,
    u.recorded_at,
    u.updated_at,
    u.deleted_at,
    u.deliveries
FROM public.uploads u
LEFT JOIN public.tickets t ON t.id = u.ticket
WHERE u.announced_at IS NOT NULL;

COMMENT ON VIEW analyst.uploads IS 'One row per uploaded file: which user it belongs to, how that is known, and what VOD says of it.';
COMMENT ON COLUMN analyst.uploads.file_id IS 'VOD''s id of the file. Text: it exceeds bigint.';
COMMENT ON COLUMN analyst.uploads.app IS 'The VOD application it was uploaded to.';
COMMENT ON COLUMN analyst.uploads.user_id IS 'The user who uploaded it; null when attribution_method is none.';
COMMENT ON COLUMN analyst.uploads.ticket IS 'The ticket that its context names, known here or not; null when it names none, and where confirmed is refuted.';
COMMENT ON COLUMN analyst.uploads.context IS 'What the app''s backend attached when it asked for the signature.';
COMMENT ON COLUMN analyst.uploads.attribution_method IS 'How the user is known: ticket, resolver, manual, or none.';
COMMENT ON COLUMN analyst.uploads.attribution_reason IS 'Why it was decided so: ticket, session_ticket, resolver, manual, no_context, foreign_context, unknown_ticket, wrong_app, contexts_differ, refuted, erased.';
COMMENT ON COLUMN analyst.uploads.attribution_detail IS 'The reason in words, where there is more to say.';
COMMENT ON COLUMN analyst.uploads.attribution_at IS 'When it was decided so.';
COMMENT ON COLUMN analyst.uploads.confirmed IS 'vod: told by VOD itself; push: told by notifications only; refuted: told by notifications only, and VOD knows no such file, so it is nobody''s and no upload: leave it out of counts.';
COMMENT ON COLUMN analyst.uploads.source_type IS 'Where the file comes from, as VOD spells it: Upload, Record, ClientUpload, ...';
COMMENT ON COLUMN analyst.uploads.source_context IS 'The text that came back from the upload signature.';
COMMENT ON COLUMN analyst.uploads.name IS 'The file''s name, chosen by the end user.';
COMMENT ON COLUMN analyst.uploads.type IS 'The container suffix, mp4 say.';
COMMENT ON COLUMN analyst.uploads.media_url IS 'Address of the media.';
COMMENT ON COLUMN analyst.uploads.cover_url IS 'Address of the cover picture.';
COMMENT ON COLUMN analyst.uploads.class_id IS 'VOD''s media class; 0 is the default class.';
COMMENT ON COLUMN analyst.uploads.storage_region IS 'The region that stores it.';
COMMENT ON COLUMN analyst.uploads.size_bytes IS 'Size in bytes.';
COMMENT ON COLUMN analyst.uploads.duration_s IS 'Duration in seconds.';
COMMENT ON COLUMN analyst.uploads.width IS 'Width in pixels.';
COMMENT ON COLUMN analyst.uploads.height IS 'Height in pixels.';
COMMENT ON COLUMN analyst.uploads.bitrate_bps IS 'Bit rate in bits per second.';
COMMENT ON COLUMN analyst.uploads.procedure_task_id IS 'The processing task that the upload started.';
COMMENT ON COLUMN analyst.uploads.review_task_id IS 'The review task that the upload started.';
COMMENT ON COLUMN analyst.uploads.processing IS 'How its processing goes: none, waiting, processing, succeeded, partly_failed, failed.';
COMMENT ON COLUMN analyst.uploads.uploaded_at IS 'When it was uploaded, by VOD''s clock (CreateTime); null where the notification did not say.';
COMMENT ON COLUMN analyst.uploads.recorded_at IS 'When it was first committed here.';
COMMENT ON COLUMN analyst.uploads.updated_at IS 'When a commit last changed something of it.';
COMMENT ON COLUMN analyst.uploads.deleted_at IS 'When its deletion was told, or VOD was found to know it no more; null while it lives.';
COMMENT ON COLUMN analyst.uploads.deliveries IS 'How many deliveries named it, repeated ones included.';
