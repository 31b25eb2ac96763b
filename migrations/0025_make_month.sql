-- As before, but for how it sees whether another made the month while it waited for its turn: to_regclass() answers from what
-- this session knew before the wait, and both then made it, of whom one failed.
CREATE OR REPLACE FUNCTION make_month(partitioned text, month text, from_id uuid, to_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text := partitioned || '_' || month;
    -- Why: migrations/0006_ingest.sql
    storage text := CASE partitioned WHEN 'deliveries' THEN 'WITH (toast_tuple_target = 4096)' ELSE '' END;
    moved bigint;
BEGIN
    IF partitioned NOT IN ('deliveries', 'signature_issues') OR month !~ '^[0-9]{4}_[0-9]{2}$' THEN
        RAISE EXCEPTION 'make_month makes months of deliveries and signature_issues only' USING ERRCODE = '22023';
    END IF;
    -- Several receivers may try at once.
    PERFORM pg_advisory_xact_lock(8534150179911069300);
    IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'public'::regnamespace) THEN
        RETURN 0;
    END IF;
    -- Rather gives up than waits: behind who waits for a table to itself, everybody else waits for that table too.
    PERFORM set_config('lock_timeout', '200ms', true);
    -- The month is filled before it is attached, and attached with a check that is already proven, so that ingest waits
    -- only for the catalogue.
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL, CONSTRAINT %I CHECK (id >= %L AND id < %L)) %s',
        name, partitioned, name || '_month', from_id, to_id, storage);
    EXECUTE format('WITH astray AS (DELETE FROM %I WHERE id >= %L AND id < %L RETURNING *)
        INSERT INTO %I SELECT * FROM astray', partitioned || '_default', from_id, to_id, name);
    GET DIAGNOSTICS moved = ROW_COUNT;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partitioned, name, from_id, to_id);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', name, name || '_month');
    RETURN moved;
END
$$;
