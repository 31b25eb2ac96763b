-- Keys that end by themselves, that make room for a new one of their name, and that tell when they were last used.
ALTER TABLE api_keys
    ADD COLUMN expires_at   timestamptz,              -- from then on it opens nothing; null: never
    ADD COLUMN replaced_at  timestamptz,              -- `keys rotate` made another of this name then
    ADD COLUMN last_used_at timestamptz;              -- to the minute or so (src/access/uses.rs); null: never

-- A name tells which key is meant; one that is revoked, or replaced by another of its name, gives it free.
DROP INDEX api_keys_name_in_use;
CREATE UNIQUE INDEX api_keys_name_in_use ON api_keys (name) WHERE revoked_at IS NULL AND replaced_at IS NULL;

-- Who did what that only admins may: written before it is done. It holds no user ids.
CREATE TABLE admin_actions (
    id      uuid        PRIMARY KEY,                  -- UUIDv7 of `at`
    at      timestamptz NOT NULL,
    actor   text        NOT NULL,                     -- `key <name>`, or `cli <user of the system>`
    key_id  uuid,                                     -- of the key; null for the key of the configuration, and for `cli`
    action  text        NOT NULL,                     -- src/access/audit.rs lists them
    app     text,                                     -- null where none is meant, or all
    subject text        NOT NULL,                     -- a file id, a delivery, the name of a key, an erasure; '' for none
    detail  text
);
