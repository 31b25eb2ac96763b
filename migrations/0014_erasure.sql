-- Erasure of a person (docs/erasure.md). What carried the name of an erased person has none.
ALTER TABLE tickets ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE signature_issues ALTER COLUMN user_id DROP NOT NULL;

-- The key of the hashes below: one row, made here and never changed. It lies beside them, since a hash under a key that is
-- lost recognises nobody: whoever reads both tables can ask of a name that he knows whether it was erased.
CREATE TABLE erasure_key (
    one boolean PRIMARY KEY DEFAULT true,
    key bytea   NOT NULL,
    CONSTRAINT erasure_key_is_one_row CHECK (one)
);
-- 244 random bits.
INSERT INTO erasure_key (key) VALUES (sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea));

-- Who was erased, for ever, and who was let in again: the last row of a hash counts. Never updated.
CREATE TABLE erased_users (
    epoch     bigint      PRIMARY KEY,                -- counts from 1, in the order of commits
    user_hmac bytea       NOT NULL,                   -- HMAC-SHA-256 of the user id under `erasure_key`
    lifted    boolean     NOT NULL,
    at        timestamptz NOT NULL
);

-- Each erasure, and how far it is. `user_id` is there only while it runs.
CREATE TABLE erasures (
    id           uuid        PRIMARY KEY,             -- UUIDv7 of `asked_at`
    asked_at     timestamptz NOT NULL,
    asked_by     text        NOT NULL,                -- as in admin_actions
    user_id      text,
    step         text        NOT NULL,
    after        text[]      NOT NULL DEFAULT '{}',   -- the key that the walk of this step got to
    leased_by    uuid,                                -- who works on it,
    leased_until timestamptz,                         -- and until when nobody else does
    tickets      bigint      NOT NULL DEFAULT 0,
    signatures   bigint      NOT NULL DEFAULT 0,
    uploads      bigint      NOT NULL DEFAULT 0,
    verdicts     bigint      NOT NULL DEFAULT 0,
    deliveries   bigint      NOT NULL DEFAULT 0,
    changes      bigint      NOT NULL DEFAULT 0,
    finished_at  timestamptz,
    CONSTRAINT erasures_step CHECK (step IN
        ('tickets', 'old_tickets', 'uploads', 'verdicts', 'contexts', 'differing', 'files', 'aside', 'changes', 'rollups', 'done')),
    CONSTRAINT erasures_forget_at_last CHECK ((step = 'done') = (user_id IS NULL))
);
-- The worker's question; nearly empty.
CREATE INDEX erasures_running ON erasures (id) WHERE step <> 'done';

-- The files of erased persons: what is told of one later is not kept either, whatever its row says or whether there is one.
CREATE TABLE erased_files (
    file_id text    NOT NULL,
    app     text    NOT NULL,
    erasure uuid    NOT NULL,
    blanked boolean NOT NULL DEFAULT false,           -- its deliveries and tasks are
    CONSTRAINT erased_files_pkey PRIMARY KEY (file_id, app)
);
-- GET /v1/erasures/{id}.
CREATE INDEX erased_files_by_erasure ON erased_files (erasure, file_id, app);
CREATE INDEX erased_files_to_blank ON erased_files (erasure, file_id, app) WHERE NOT blanked;

-- Erasure: rows that wait for their upload; nearly empty.
CREATE INDEX uploads_unannounced_by_user ON uploads (user_id) WHERE announced_at IS NULL AND user_id IS NOT NULL;
-- Erasure: files of which two contexts were told, so that one of them may name another user; nearly empty.
CREATE INDEX uploads_contexts_differ ON uploads (file_id, app) WHERE contexts_differ;
-- Erasure: bodies that no upload leads to, those that VOD contradicts included; nearly empty.
CREATE INDEX deliveries_aside ON deliveries (id) WHERE file_id IS NULL OR refuted IS NOT NULL;
-- Erasure: verdicts of before.
CREATE INDEX attribution_changes_by_user_before ON attribution_changes (user_before) WHERE user_before IS NOT NULL;
CREATE INDEX attribution_changes_by_user_after ON attribution_changes (user_after) WHERE user_after IS NOT NULL;

-- Notes that a user is erased, or let in again; gives its epoch. Whoever writes what was decided without knowing of it has
-- committed when this returns, and whoever decided so and has not written yet is refused by knows_erased().
CREATE FUNCTION note_erased(hmac bytea, is_lifted boolean, noted_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    taken bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(8532489061298135411);
    INSERT INTO erased_users (epoch, user_hmac, lifted, at)
    SELECT coalesce(max(epoch), 0) + 1, hmac, is_lifted, noted_at FROM erased_users
    RETURNING epoch INTO STRICT taken;
    RETURN taken;
END
$$;

-- Asked within a write, as late as can be: whether who writes knows of everybody who is erased. Holds off the next erasure
-- until the commit. A function, since each statement of one looks at the tables anew: what was committed while it waited for
-- the lock is seen.
CREATE FUNCTION knows_erased(known bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(8532489061298135411);
    IF known IS DISTINCT FROM (SELECT coalesce(max(epoch), 0) FROM erased_users) THEN
        RETURN refuse_stale_batch();
    END IF;
    RETURN true;
END
$$;

-- A context that is a ticket says nothing of a person; any other goes with the person.
CREATE FUNCTION ticket_or_nothing(context text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN context ~ '^vt_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$' THEN context END
$$;
