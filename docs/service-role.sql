-- The service's own role: it reads and writes rows, and neither makes nor changes nor owns anything.
-- Run once by the role that runs `vod-receiver migrate` and so owns the schema, in the service's database.
CREATE ROLE vod_service LOGIN;  -- give it a password: ALTER ROLE vod_service PASSWORD '...'

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;
GRANT USAGE ON SCHEMA public TO vod_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO vod_service;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vod_service;
-- It looks which migrations were applied.
REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM vod_service;
-- Months of the two partitioned tables are made, and dropped by retention, by these functions, as the owner; nothing else is.
GRANT EXECUTE ON FUNCTION make_month, drop_month TO vod_service;
-- Tables of later migrations.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO vod_service;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO vod_service;
