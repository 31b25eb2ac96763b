-- The role for analysts. It can log in only once the operator gives it a password or another way in.
-- Two starters may race here: roles belong to the cluster, so the loser finds it made.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vod_analyst') THEN
        CREATE ROLE vod_analyst LOGIN;
        ALTER ROLE vod_analyst SET default_transaction_read_only = on;
    END IF;
    -- A question that takes longer is asked wrongly; who copies a year out sets another. What an operator set stays.
    IF NOT EXISTS (
        SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS c
        WHERE r.rolname = 'vod_analyst' AND c LIKE 'statement_timeout=%'
    ) THEN
        ALTER ROLE vod_analyst SET statement_timeout = '60s';
        -- What a day holds is guessed too high, for which Postgres would compile machine code.
        ALTER ROLE vod_analyst SET jit = off;
        -- A question takes one core, and leaves the others to ingest.
        ALTER ROLE vod_analyst SET max_parallel_workers_per_gather = 0;
        -- A transaction that is left open keeps Postgres from cleaning up behind ingest.
        ALTER ROLE vod_analyst SET idle_in_transaction_session_timeout = '10min';
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
    NULL;
END
$$;
