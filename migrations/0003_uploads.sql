-- Uploads and tasks: the current state, folded from deliveries (src/record/fold.rs).

CREATE TABLE uploads (
    app                text             NOT NULL,
    file_id            text             NOT NULL,

    -- whose it is, and how we know
    user_id            text,
    ticket             uuid,                          -- the ticket that the context names, known or not
    attribution_method text             NOT NULL,
    attribution_reason text             NOT NULL,
    attribution_detail text,
    attribution_at     timestamptz      NOT NULL,
    contexts_differ    boolean          NOT NULL,     -- two different source contexts were told
    confirmed          text             NOT NULL,

    -- what VOD says of the file
    source_type        text,
    source_context     text,
    session_context    text,
    name               text,
    type               text,
    media_url          text,
    cover_url          text,
    class_id           bigint,
    storage_region     text,
    size_bytes         bigint,
    duration_s         double precision,
    width              integer,
    height             integer,
    bitrate_bps        bigint,
    uploaded_at        timestamptz,

    -- its processing
    procedure_task_id  text,
    procedure_state    text,
    review_task_id     text,
    review_state       text,
    processing         text             NOT NULL,

    recorded_at        timestamptz      NOT NULL,     -- first commit; of the upload itself once it is announced
    updated_at         timestamptz      NOT NULL,     -- last commit that changed something
    announced_at       timestamptz,                   -- null until an upload event came; such rows are not shown
    deleted_at         timestamptz,
    deliveries         integer          NOT NULL,     -- how many named it, redeliveries included

    -- what won each field: one rank for all of them, and the fields that a weaker fact had to fill
    rank_strength      smallint         NOT NULL,
    rank_update_time   timestamptz,
    rank_digest        bytea            NOT NULL,
    weaker             jsonb,

    version            integer          NOT NULL,     -- counts the writes that changed the row or a task of its file
    folded_on          integer          NOT NULL,     -- the version that the last write was folded on

    CONSTRAINT uploads_pkey PRIMARY KEY (app, file_id),
    CONSTRAINT uploads_attribution_method CHECK (attribution_method IN ('ticket', 'resolver', 'manual', 'none')),
    CONSTRAINT uploads_owned_unless_none CHECK ((attribution_method = 'none') = (user_id IS NULL)),
    CONSTRAINT uploads_confirmed CHECK (confirmed IN ('vod', 'push', 'refuted')),
    CONSTRAINT uploads_processing CHECK (processing IN ('none', 'waiting', 'processing', 'succeeded', 'partly_failed', 'failed'))
) WITH (fillfactor = 85);                             -- redeliveries move a counter: let them stay on the page

-- GET /v1/uploads?user_id=, by time.
CREATE INDEX uploads_by_user ON uploads (user_id, recorded_at, app, file_id) WHERE announced_at IS NOT NULL;
-- GET /v1/uploads, by time.
CREATE INDEX uploads_by_time ON uploads (recorded_at, app, file_id) WHERE announced_at IS NOT NULL;
-- GET /v1/tickets/{ticket}, GET /v1/uploads?ticket=, and whether a signature was used.
CREATE INDEX uploads_by_ticket ON uploads (ticket) WHERE ticket IS NOT NULL;
-- GET /v1/uploads?attribution=none, by time.
CREATE INDEX uploads_of_nobody ON uploads (recorded_at, app, file_id) WHERE announced_at IS NOT NULL AND user_id IS NULL;

CREATE TABLE tasks (
    task_id       text        NOT NULL,
    app           text        NOT NULL,
    role          text        NOT NULL,
    event_type    text,                               -- the event that told of it; null while only announced
    state         text        NOT NULL,
    error_code    text,
    message       text,
    file_id       text        NOT NULL,               -- '' where the event names none
    recorded_at   timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    rank_strength smallint    NOT NULL,
    rank_digest   bytea       NOT NULL,
    version       integer     NOT NULL,
    -- One row a task, unless events disagree on its file: what is told of one file never moves another.
    CONSTRAINT tasks_pkey PRIMARY KEY (task_id, app, file_id), -- task first: GET /v1/uploads?task= has no app
    CONSTRAINT tasks_role CHECK (role IN ('procedure', 'review', 'other')),
    CONSTRAINT tasks_state CHECK (state IN ('waiting', 'processing', 'succeeded', 'partly_failed', 'failed'))
);

-- The tasks of a file: GET /v1/uploads/{file_id}.
CREATE INDEX tasks_by_file ON tasks (file_id, app) WHERE file_id <> '';

-- Every time an announced upload got another verdict: who decided, and what it was before.
CREATE TABLE attribution_changes (
    id            uuid        PRIMARY KEY,
    app           text        NOT NULL,
    file_id       text        NOT NULL,
    at            timestamptz NOT NULL,
    decided_by    text        NOT NULL,               -- `delivery <id>`, later also a person's key
    user_before   text,
    user_after    text,
    method_before text        NOT NULL,
    method_after  text        NOT NULL,
    reason_before text        NOT NULL,
    reason_after  text        NOT NULL
);

CREATE INDEX attribution_changes_by_file ON attribution_changes (file_id, app);
