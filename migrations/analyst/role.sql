-- The role for analysts. It can log in only once the operator gives it a password or another way in.
-- Two starters may race here: roles belong to the cluster, so the loser finds it made.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vod_analyst') THEN
        CREATE ROLE vod_analyst LOGIN;
        ALTER ROLE vod_analyst SET default_transaction_read_only = on;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;
