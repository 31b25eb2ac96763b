-- One row per task of an upload.
CREATE OR REPLACE VIEW analyst.processing AS
SELECT
    t.task_id,
    t.app,
    nullif(t.file_id, '') AS file_id,
    u.user_id,
    t.role,
    t.event_type,
    t.state,
    t.error_code,
    t.message,
    t.recorded_at AS first_told_at,
    t.updated_at AS last_told_at,
    u.uploaded_at,
    CASE WHEN t.state IN ('succeeded', 'partly_failed', 'failed')
        THEN round(extract(epoch FROM t.updated_at - coalesce(public.told_time(u.uploaded_at, u.recorded_at), u.recorded_at)), 3)
    END AS upload_to_end_s
FROM public.tasks t
LEFT JOIN public.uploads u ON u.file_id = t.file_id AND u.app = t.app AND u.announced_at IS NOT NULL;

COMMENT ON VIEW analyst.processing IS 'One row per processing task that VOD told of, with the upload that it belongs to.';
COMMENT ON COLUMN analyst.processing.task_id IS 'VOD''s id of the task.';
COMMENT ON COLUMN analyst.processing.app IS 'The VOD application.';
COMMENT ON COLUMN analyst.processing.file_id IS 'The file that it works on; null where VOD does not say.';
COMMENT ON COLUMN analyst.processing.user_id IS 'The user who uploaded the file.';
COMMENT ON COLUMN analyst.processing.role IS 'procedure and review: started by the upload, they decide analyst.uploads.processing; other: anything else done with the file.';
COMMENT ON COLUMN analyst.processing.event_type IS 'The event that told of it, as VOD spells it; null while it is only announced.';
COMMENT ON COLUMN analyst.processing.state IS 'waiting, processing, succeeded, partly_failed, failed.';
COMMENT ON COLUMN analyst.processing.error_code IS 'VOD''s code where it failed.';
COMMENT ON COLUMN analyst.processing.message IS 'VOD''s words where it failed.';
COMMENT ON COLUMN analyst.processing.first_told_at IS 'When it was first heard of here.';
COMMENT ON COLUMN analyst.processing.last_told_at IS 'When it last moved: its end, if its state is an end.';
COMMENT ON COLUMN analyst.processing.uploaded_at IS 'When the file was uploaded, by VOD''s clock.';
COMMENT ON COLUMN analyst.processing.upload_to_end_s IS 'From the upload to the end of the task, in seconds; null while it runs.';
