-- One row per signature given out: the log of permissions.
CREATE OR REPLACE VIEW analyst.signature_issues AS
SELECT
    i.id AS issue_id,
    public.ticket_text(i.ticket) AS ticket,
    i.app,
    i.user_id,
    i.issued_at,
    i.expires_at,
    i.one_time,
    i.procedure,
    i.class_id,
    i.task_priority,
    i.task_notify_mode,
    i.storage_region,
    i.sub_app_id,
    i.issued_to,
    EXISTS (
        SELECT FROM public.uploads u
        WHERE u.ticket = i.ticket AND u.app = i.app AND u.announced_at IS NOT NULL AND u.confirmed <> 'refuted'
        OFFSET 0 -- keeps it a look-up: otherwise all uploads are read where many signatures are asked for
    ) AS used,
    i.ticket AS ticket_id
FROM public.signature_issues i;

COMMENT ON VIEW analyst.signature_issues IS 'One row per upload signature given out. One upload asks for two or three, so many belong to one ticket.';
COMMENT ON COLUMN analyst.signature_issues.issue_id IS 'Id of this signature in the log.';
COMMENT ON COLUMN analyst.signature_issues.ticket IS 'The upload intent that it belongs to.';
COMMENT ON COLUMN analyst.signature_issues.app IS 'The VOD application that it is good for.';
COMMENT ON COLUMN analyst.signature_issues.user_id IS 'The user who was permitted to upload.';
COMMENT ON COLUMN analyst.signature_issues.issued_at IS 'When it was given out.';
COMMENT ON COLUMN analyst.signature_issues.expires_at IS 'Until when an upload could begin with it.';
COMMENT ON COLUMN analyst.signature_issues.one_time IS 'Whether VOD takes it only once.';
COMMENT ON COLUMN analyst.signature_issues.procedure IS 'The task flow that VOD starts after the upload.';
COMMENT ON COLUMN analyst.signature_issues.class_id IS 'The media class asked for.';
COMMENT ON COLUMN analyst.signature_issues.task_priority IS 'Priority of the task flow, -10 to 10.';
COMMENT ON COLUMN analyst.signature_issues.task_notify_mode IS 'When VOD tells of the task flow: Finish, Change or None.';
COMMENT ON COLUMN analyst.signature_issues.storage_region IS 'The storage region asked for.';
COMMENT ON COLUMN analyst.signature_issues.sub_app_id IS 'VOD''s SubAppId in the signature.';
COMMENT ON COLUMN analyst.signature_issues.issued_to IS 'Name of the API key that asked for it.';
COMMENT ON COLUMN analyst.signature_issues.used IS 'Whether its ticket has an upload.';
COMMENT ON COLUMN analyst.signature_issues.ticket_id IS 'The same as an id, by which it is found quickly: ticket_id = analyst.ticket_id(''vt_...'').';
