-- The quarters summed into the days of the zone in the settings: a year of quarters is some 250,000 rows (8 ms a day), a year
-- of days some thousands. Triggers of the quarters keep them, so that they are right whoever writes a quarter: a receiver
-- of an older version during an upgrade, too.

-- First the turn (TURN in src/keep/rollups/sql.rs), then tables, as who counts takes them.
SELECT pg_advisory_xact_lock(8534150179994954860);

CREATE TABLE upload_days (
    day           date    NOT NULL,
    app           text    NOT NULL,
    method        text    NOT NULL,
    reason        text    NOT NULL,
    uploads       bigint  NOT NULL,
    refuted       bigint  NOT NULL,
    deleted       bigint  NOT NULL,
    by_vod        bigint  NOT NULL,
    size_bytes    numeric NOT NULL,
    duration_ms   numeric NOT NULL,
    waiting       bigint  NOT NULL,
    processing    bigint  NOT NULL,
    succeeded     bigint  NOT NULL,
    partly_failed bigint  NOT NULL,
    failed        bigint  NOT NULL,
    CONSTRAINT upload_days_pkey PRIMARY KEY (day, app, method, reason)
) WITH (fillfactor = 70);

CREATE TABLE ticket_days (
    day        date   NOT NULL,
    app        text   NOT NULL,
    tickets    bigint NOT NULL,
    signatures bigint NOT NULL,
    used       bigint NOT NULL,
    pending    bigint NOT NULL,
    CONSTRAINT ticket_days_pkey PRIMARY KEY (day, app)
) WITH (fillfactor = 70);

CREATE TABLE delay_days (
    day     date     NOT NULL,
    app     text     NOT NULL,
    bucket  smallint NOT NULL,
    uploads bigint   NOT NULL,
    CONSTRAINT delay_days_pkey PRIMARY KEY (day, app, bucket)
) WITH (fillfactor = 70);

-- What a statement did to quarters, done to their days: `gone` are the rows as they were, `come` as they are.
CREATE FUNCTION add_to_upload_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO upload_days AS t
        SELECT (quarter AT TIME ZONE s.time_zone)::date, app, method, reason, -sum(uploads), -sum(refuted), -sum(deleted),
            -sum(by_vod), -sum(size_bytes), -sum(duration_ms), -sum(waiting), -sum(processing), -sum(succeeded),
            -sum(partly_failed), -sum(failed)
        FROM gone, analyst_settings s GROUP BY 1, 2, 3, 4
        ON CONFLICT (day, app, method, reason) DO UPDATE SET
            uploads = t.uploads + EXCLUDED.uploads, refuted = t.refuted + EXCLUDED.refuted,
            deleted = t.deleted + EXCLUDED.deleted, by_vod = t.by_vod + EXCLUDED.by_vod,
            size_bytes = t.size_bytes + EXCLUDED.size_bytes, duration_ms = t.duration_ms + EXCLUDED.duration_ms,
            waiting = t.waiting + EXCLUDED.waiting, processing = t.processing + EXCLUDED.processing,
            succeeded = t.succeeded + EXCLUDED.succeeded, partly_failed = t.partly_failed + EXCLUDED.partly_failed,
            failed = t.failed + EXCLUDED.failed;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO upload_days AS t
        SELECT (quarter AT TIME ZONE s.time_zone)::date, app, method, reason, sum(uploads), sum(refuted), sum(deleted),
            sum(by_vod), sum(size_bytes), sum(duration_ms), sum(waiting), sum(processing), sum(succeeded),
            sum(partly_failed), sum(failed)
        FROM come, analyst_settings s GROUP BY 1, 2, 3, 4
        ON CONFLICT (day, app, method, reason) DO UPDATE SET
            uploads = t.uploads + EXCLUDED.uploads, refuted = t.refuted + EXCLUDED.refuted,
            deleted = t.deleted + EXCLUDED.deleted, by_vod = t.by_vod + EXCLUDED.by_vod,
            size_bytes = t.size_bytes + EXCLUDED.size_bytes, duration_ms = t.duration_ms + EXCLUDED.duration_ms,
            waiting = t.waiting + EXCLUDED.waiting, processing = t.processing + EXCLUDED.processing,
            succeeded = t.succeeded + EXCLUDED.succeeded, partly_failed = t.partly_failed + EXCLUDED.partly_failed,
            failed = t.failed + EXCLUDED.failed;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER upload_quarters_inserted AFTER INSERT ON upload_quarters
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION add_to_upload_days();
CREATE TRIGGER upload_quarters_updated AFTER UPDATE ON upload_quarters
    REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION add_to_upload_days();
CREATE TRIGGER upload_quarters_deleted AFTER DELETE ON upload_quarters
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION add_to_upload_days();

CREATE FUNCTION add_to_ticket_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO ticket_days AS t
        SELECT (quarter AT TIME ZONE s.time_zone)::date, app, -sum(tickets), -sum(signatures), -sum(used), -sum(pending)
        FROM gone, analyst_settings s GROUP BY 1, 2
        ON CONFLICT (day, app) DO UPDATE SET
            tickets = t.tickets + EXCLUDED.tickets, signatures = t.signatures + EXCLUDED.signatures,
            used = t.used + EXCLUDED.used, pending = t.pending + EXCLUDED.pending;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO ticket_days AS t
        SELECT (quarter AT TIME ZONE s.time_zone)::date, app, sum(tickets), sum(signatures), sum(used), sum(pending)
        FROM come, analyst_settings s GROUP BY 1, 2
        ON CONFLICT (day, app) DO UPDATE SET
            tickets = t.tickets + EXCLUDED.tickets, signatures = t.signatures + EXCLUDED.signatures,
            used = t.used + EXCLUDED.used, pending = t.pending + EXCLUDED.pending;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER ticket_quarters_inserted AFTER INSERT ON ticket_quarters
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION add_to_ticket_days();
CREATE TRIGGER ticket_quarters_updated AFTER UPDATE ON ticket_quarters
    REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION add_to_ticket_days();
CREATE TRIGGER ticket_quarters_deleted AFTER DELETE ON ticket_quarters
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION add_to_ticket_days();

CREATE FUNCTION add_to_delay_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO delay_days AS t
        SELECT (quarter AT TIME ZONE s.time_zone)::date, app, bucket, -sum(uploads)
        FROM gone, analyst_settings s GROUP BY 1, 2, 3
        ON CONFLICT (day, app, bucket) DO UPDATE SET uploads = t.uploads + EXCLUDED.uploads;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO delay_days AS t
        SELECT (quarter AT TIME ZONE s.time_zone)::date, app, bucket, sum(uploads)
        FROM come, analyst_settings s GROUP BY 1, 2, 3
        ON CONFLICT (day, app, bucket) DO UPDATE SET uploads = t.uploads + EXCLUDED.uploads;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER delay_quarters_inserted AFTER INSERT ON delay_quarters
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION add_to_delay_days();
CREATE TRIGGER delay_quarters_updated AFTER UPDATE ON delay_quarters
    REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION add_to_delay_days();
CREATE TRIGGER delay_quarters_deleted AFTER DELETE ON delay_quarters
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION add_to_delay_days();

-- All days anew, of the quarters: seconds, for a year of them. Meanwhile nothing is counted.
CREATE OR REPLACE FUNCTION remake_analyst_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(8534150179994954860);
    DELETE FROM analyst_days;
    PERFORM make_analyst_days(now());
    DELETE FROM upload_days;
    INSERT INTO upload_days
    SELECT (quarter AT TIME ZONE s.time_zone)::date, app, method, reason, sum(uploads), sum(refuted), sum(deleted),
        sum(by_vod), sum(size_bytes), sum(duration_ms), sum(waiting), sum(processing), sum(succeeded), sum(partly_failed),
        sum(failed)
    FROM upload_quarters, analyst_settings s GROUP BY 1, 2, 3, 4;
    DELETE FROM ticket_days;
    INSERT INTO ticket_days
    SELECT (quarter AT TIME ZONE s.time_zone)::date, app, sum(tickets), sum(signatures), sum(used), sum(pending)
    FROM ticket_quarters, analyst_settings s GROUP BY 1, 2;
    DELETE FROM delay_days;
    INSERT INTO delay_days
    SELECT (quarter AT TIME ZONE s.time_zone)::date, app, bucket, sum(uploads)
    FROM delay_quarters, analyst_settings s GROUP BY 1, 2, 3;
    RETURN NULL;
END
$$;
UPDATE analyst_settings SET time_zone = time_zone;

-- Not STRICT any more: such a function is called for each row, in place of being a part of the query (7 us a row).
CREATE OR REPLACE FUNCTION delay_bucket(delay interval) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN delay < '1 second' THEN 0 WHEN delay IS NOT NULL
        THEN least(ceil(4 * ln(date_part('epoch', delay)) / ln(2::float8)), 120) END::smallint
$$;
CREATE OR REPLACE FUNCTION delay_seconds(bucket smallint) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN bucket = 0 THEN 0.5 ELSE round(power(2::float8, (bucket - 0.5) / 4)::numeric, 2) END
$$;
-- The same as it was, of functions that do not depend on the session's zone: only so it becomes a part of the query.
CREATE OR REPLACE FUNCTION told_time(uploaded_at timestamptz, recorded_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN uploaded_at >= '2012-01-01 00:00:00+00' AND uploaded_at - recorded_at < '1 day' THEN uploaded_at END
$$;
