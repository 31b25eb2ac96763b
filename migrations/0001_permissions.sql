-- Permissions: what was given out. A ticket is one upload intent of one user; many signatures belong to it.

CREATE TABLE tickets (
    id              uuid        PRIMARY KEY,          -- UUIDv7; written `vt_` + Crockford base32 outside
    app             text        NOT NULL,
    user_id         text        NOT NULL,
    context         json,                             -- the app's own, given back byte for byte
    one_time        boolean     NOT NULL,             -- some signature of it was one-time
    created_at      timestamptz NOT NULL,
    last_expires_at timestamptz NOT NULL,             -- of the signature that lives longest
    CONSTRAINT tickets_user_id_length CHECK (octet_length(user_id) BETWEEN 1 AND 256)
);

-- The log of signatures: every parameter, never the signature itself. Grows for ever, hence months
-- (bounds on the UUIDv7 `id`, whose time is `issued_at` cut to milliseconds), and no foreign keys.
CREATE TABLE signature_issues (
    id               uuid        PRIMARY KEY,
    ticket           uuid        NOT NULL,
    app              text        NOT NULL,
    user_id          text        NOT NULL,
    issued_at        timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    secret_id        text        NOT NULL,            -- which key signed: an id, not a secret
    random           bigint      NOT NULL,
    one_time         boolean     NOT NULL,
    sub_app_id       bigint,
    class_id         integer,
    procedure        text,
    task_priority    smallint,
    task_notify_mode text,
    storage_region   text,
    issued_to        text        NOT NULL,            -- name of the API key that asked
    CONSTRAINT signature_issues_random_is_u32 CHECK (random BETWEEN 0 AND 4294967295)
) PARTITION BY RANGE (id);

CREATE TABLE signature_issues_default PARTITION OF signature_issues DEFAULT;

-- GET /v1/tickets/{ticket}, and the history of an upload.
CREATE INDEX signature_issues_by_ticket ON signature_issues (ticket);
-- GET /v1/signatures?user_id=, newest first.
CREATE INDEX signature_issues_by_user ON signature_issues (user_id, id);

-- A ticket as it is written outside: `vt_` and the 128 bits of its id in Crockford's base32 (src/ticket.rs).
CREATE FUNCTION ticket_text(id uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT 'vt_' || string_agg(
        substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substring(bits FROM 5 * i + 1 FOR 5)::integer + 1, 1), '' ORDER BY i)
    FROM (SELECT B'00' || ('x' || replace(id::text, '-', ''))::bit(128) AS bits) AS padded, generate_series(0, 25) AS i
$$;
