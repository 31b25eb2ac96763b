-- API keys: stored as SHA-256 of 256 random bits, shown once.

CREATE TABLE api_keys (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL,
    key_sha256 bytea       NOT NULL,
    scopes     text[]      NOT NULL,
    apps       text[],                                -- null: every app
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT api_keys_key_sha256_unique UNIQUE (key_sha256),
    CONSTRAINT api_keys_scopes CHECK (scopes <@ ARRAY['sign', 'read', 'admin'] AND cardinality(scopes) > 0)
);

-- A name tells which key is meant; a revoked one gives it free again.
CREATE UNIQUE INDEX api_keys_name_in_use ON api_keys (name) WHERE revoked_at IS NULL;
