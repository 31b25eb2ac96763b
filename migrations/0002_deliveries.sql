-- Deliveries: every body that reached us, byte for byte, redeliveries included. Append-only.

CREATE TABLE deliveries (
    id                uuid        PRIMARY KEY,        -- UUIDv7 made at the door
    app               text        NOT NULL,
    door              text        NOT NULL,
    received_at       timestamptz NOT NULL,           -- at the door
    recorded_at       timestamptz NOT NULL,           -- in Postgres
    state             text        NOT NULL,
    quarantine_reason text,
    event_type        text,
    format            text,
    file_id           text,                           -- the first file it names
    more_file_ids     text[],                         -- the others; null unless it names several
    task_id           text,
    body              bytea,                          -- null once blanked
    CONSTRAINT deliveries_door CHECK (door IN ('push', 'pull', 'reconcile', 'replay')),
    CONSTRAINT deliveries_state CHECK (state IN ('recorded', 'quarantined')),
    CONSTRAINT deliveries_quarantine_has_reason CHECK ((state = 'quarantined') = (quarantine_reason IS NOT NULL))
) PARTITION BY RANGE (id);

CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT;

-- The history of an upload: GET /v1/uploads/{file_id}.
CREATE INDEX deliveries_by_file ON deliveries (file_id, app) WHERE file_id IS NOT NULL;
-- The same for deletions that name many files; empty for nearly all rows, so it costs ingest nothing.
CREATE INDEX deliveries_by_more_files ON deliveries USING gin (more_file_ids) WHERE more_file_ids IS NOT NULL;
-- What was kept aside: its list, and the blanking of unsigned bodies after 30 days. Nearly empty too.
CREATE INDEX deliveries_quarantined ON deliveries (id) WHERE state = 'quarantined';
