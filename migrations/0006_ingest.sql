-- What ingesting costs, measured by `cargo bench --bench ingest`: most of a row's time in Postgres goes into finding
-- its place in indexes.

-- The file id tells rows apart, the app hardly ever: compared first, it is nearly always all that is compared. It also
-- serves those who ask for a file id without an app.
ALTER TABLE uploads DROP CONSTRAINT uploads_pkey, ADD CONSTRAINT uploads_pkey PRIMARY KEY (file_id, app);

-- A row over 2 kB would be compressed, which costs more than writing it: most notifications are a little shorter or a
-- little longer than that. Only what is far longer is compressed. (keep/sql.rs says the same of each new month.)
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'deliveries'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 4096)', part);
    END LOOP;
END $$;
