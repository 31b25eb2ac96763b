-- The page: who is signed in, and the lists behind its figures.

-- A browser that signed in with an API key. It ends with the key: each request looks the key up again.
CREATE TABLE sessions (
    token_sha256 bytea       PRIMARY KEY,             -- of the cookie; the cookie itself is nowhere
    key_sha256   bytea       NOT NULL,                -- of the key: one of api_keys, or the configuration's
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);

-- Those that are over are removed when somebody signs in.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- GET /v1/uploads?reason=, by time. The two reasons that nearly all uploads have are met among the newest, and cost ingest
-- nothing here.
CREATE INDEX uploads_by_rare_reason ON uploads (attribution_reason, recorded_at, app, file_id)
    WHERE announced_at IS NOT NULL AND attribution_reason NOT IN ('ticket', 'resolver');
