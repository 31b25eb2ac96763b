-- Roll-ups: what happened in each quarter hour of UTC, so that the days of any time zone can be made of them. One worker
-- folds them (src/keep/rollups/), never the transaction of a delivery.

-- What is yet to be counted, a row a batch, written by the batch. The worker takes rows away as it counts them, in the
-- same transaction: that is its watermark. Ids tell when something reached the door, not when it was committed (a spool may
-- bring it hours later), and what is visible in the order of neither is still visible here.
CREATE TABLE uncounted (
    xid        xid8   NOT NULL DEFAULT pg_current_xact_id(), -- to pass over what is counted and not vacuumed yet
    deliveries uuid[],                                -- inserted
    released   uuid[],                                -- of them, taken out of quarantine
    issues     uuid[],                                -- signatures
    tickets    uuid[]                                 -- opened with them
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
-- Of random bits: to compress them is lost time.
ALTER TABLE uncounted ALTER deliveries SET STORAGE EXTERNAL, ALTER issues SET STORAGE EXTERNAL,
    ALTER tickets SET STORAGE EXTERNAL, ALTER released SET STORAGE EXTERNAL;
CREATE INDEX uncounted_by_xid ON uncounted (xid);

-- When it was taken out of quarantine; null for nearly all.
ALTER TABLE deliveries ADD COLUMN released_at timestamptz;

-- How far the roll-ups are: one row.
CREATE TABLE rollup_state (
    one         boolean     PRIMARY KEY DEFAULT true,
    seq         bigint      NOT NULL,                 -- the changes up to there are counted
    low_xid     xid8        NOT NULL,                 -- no row of `uncounted` before it
    generation  integer     NOT NULL,                 -- a recount makes a new one; what older ones counted counts nothing
    walk        text,                                 -- what a recount goes through now; null when all is counted
    walk_after  text[]      NOT NULL,                 -- the key that it got to
    fresh_until timestamptz,                          -- all that was committed before is in the roll-ups; null: not yet
    counted_at  timestamptz,                          -- when the last recount ended
    deliveries_since timestamptz,                     -- the months before were dropped: their counts stay; null: none was
    issues_since     timestamptz,
    CONSTRAINT rollup_state_is_one_row CHECK (one),
    CONSTRAINT rollup_state_walk CHECK (walk IN ('deliveries', 'uploads', 'issues', 'tickets'))
);

-- What was counted of each upload: to be taken back when it changes. So the fold of a change is the same however often it
-- is done, and what a change was before need not be told by who wrote it. A narrow copy of `uploads` for analysts too.
CREATE TABLE counted_uploads (
    file_id           text        NOT NULL,
    app               text        NOT NULL,
    generation        integer     NOT NULL,
    at                timestamptz,                    -- told_at, else recorded_at; null: announced by nothing that is counted
    told_at           timestamptz,                    -- uploaded_at, if that can be
    recorded_at       timestamptz,
    user_id           text,
    ticket            uuid,                           -- that it uses: issued here, for this app, and not refuted
    method            text,
    reason            text,
    confirmed         text,
    processing        text,
    deleted           boolean,
    size_bytes        bigint,
    duration_ms       bigint,
    first_id          uuid,                           -- of the deliveries that told of the upload
    first_received_at timestamptz,
    first_door        text,
    CONSTRAINT counted_uploads_pkey PRIMARY KEY (file_id, app)
) WITH (fillfactor = 90);
-- The uploads of a day.
CREATE INDEX counted_uploads_by_time ON counted_uploads (at) WHERE at IS NOT NULL;
-- Those of a user.
CREATE INDEX counted_uploads_by_user ON counted_uploads (user_id, at) WHERE user_id IS NOT NULL;
-- Whether a ticket is used.
CREATE INDEX counted_uploads_by_ticket ON counted_uploads (ticket) WHERE ticket IS NOT NULL;

-- The tickets that an upload may come of yet: known to be unused, and not over.
CREATE TABLE open_tickets (
    ticket        uuid        PRIMARY KEY,
    app           text        NOT NULL,
    quarter       timestamptz NOT NULL,
    pending_until timestamptz NOT NULL
);
CREATE INDEX open_tickets_by_end ON open_tickets (pending_until);

-- Uploads by the quarter hour of `at`; those that VOD contradicts only in `refuted`.
CREATE TABLE upload_quarters (
    quarter       timestamptz NOT NULL,
    app           text        NOT NULL,
    method        text        NOT NULL,
    reason        text        NOT NULL,
    uploads       bigint      NOT NULL,
    refuted       bigint      NOT NULL,
    deleted       bigint      NOT NULL,
    by_vod        bigint      NOT NULL,               -- told by VOD itself
    size_bytes    numeric     NOT NULL,
    duration_ms   numeric     NOT NULL,
    waiting       bigint      NOT NULL,
    processing    bigint      NOT NULL,
    succeeded     bigint      NOT NULL,
    partly_failed bigint      NOT NULL,
    failed        bigint      NOT NULL,
    CONSTRAINT upload_quarters_pkey PRIMARY KEY (quarter, app, method, reason)
) WITH (fillfactor = 70);

-- Tickets by the quarter hour of their first signature.
CREATE TABLE ticket_quarters (
    quarter    timestamptz NOT NULL,
    app        text        NOT NULL,
    tickets    bigint      NOT NULL DEFAULT 0,
    signatures bigint      NOT NULL DEFAULT 0,        -- of these tickets, whenever they were given out
    used       bigint      NOT NULL DEFAULT 0,
    pending    bigint      NOT NULL DEFAULT 0,
    CONSTRAINT ticket_quarters_pkey PRIMARY KEY (quarter, app)
) WITH (fillfactor = 70);

-- Deliveries by the quarter hour in which they came.
CREATE TABLE delivery_quarters (
    quarter     timestamptz NOT NULL,
    app         text        NOT NULL,
    door        text        NOT NULL,
    deliveries  bigint      NOT NULL DEFAULT 0,
    quarantined bigint      NOT NULL DEFAULT 0,       -- of them, kept aside until now
    notices     bigint      NOT NULL DEFAULT 0,       -- of them, that tell of an upload
    late        bigint      NOT NULL DEFAULT 0,       -- of them, in Postgres only 5 s later: from the spool
    firsts      bigint      NOT NULL DEFAULT 0,       -- uploads of which this door told first, then
    CONSTRAINT delivery_quarters_pkey PRIMARY KEY (quarter, app, door)
) WITH (fillfactor = 70);

-- How long VOD took to tell by push or pull, by the quarter hour in which it did.
CREATE TABLE delay_quarters (
    quarter timestamptz NOT NULL,
    app     text        NOT NULL,
    bucket  smallint    NOT NULL,                     -- delay_bucket()
    uploads bigint      NOT NULL,
    CONSTRAINT delay_quarters_pkey PRIMARY KEY (quarter, app, bucket)
) WITH (fillfactor = 70);

CREATE FUNCTION quarter_of(at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT date_bin('15 minutes', at, '2000-01-01 00:00:00+00')
$$;

-- Four buckets to each doubling: 0 is up to a second, b is up to 2 ^ (b/4) seconds, the last one all above 34 years.
CREATE FUNCTION delay_bucket(delay interval) RETURNS smallint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN delay < '1 second' THEN 0
        ELSE least(ceil(4 * ln(date_part('epoch', delay)) / ln(2::float8)), 120) END::smallint
$$;

-- The seconds in the middle of a bucket: what is in it is at most 9.1 % more or less, in the first one at most a second.
CREATE FUNCTION delay_seconds(bucket smallint) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN bucket = 0 THEN 0.5 ELSE round(power(2::float8, (bucket - 0.5) / 4)::numeric, 2) END
$$;

-- When an upload was made, as far as that can be believed: VOD is not older, and its clock is not a day ahead.
CREATE FUNCTION told_time(uploaded_at timestamptz, recorded_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN uploaded_at >= '2012-01-01 00:00:00+00' AND uploaded_at < recorded_at + '1 day'::interval THEN uploaded_at END
$$;

-- Analysts' days: of the zone in the settings. A table, so that a condition on a day becomes a range of an index.
CREATE TABLE analyst_settings (
    one       boolean PRIMARY KEY DEFAULT true,
    time_zone text    NOT NULL,
    CONSTRAINT analyst_settings_is_one_row CHECK (one)
);
CREATE TABLE analyst_days (
    day       date        PRIMARY KEY,
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL,
    starts_id uuid        NOT NULL,                   -- the ids that are made of times, too
    ends_id   uuid        NOT NULL
);
CREATE INDEX analyst_days_by_time ON analyst_days (starts_at);

-- The smallest UUIDv7 of a time.
CREATE FUNCTION first_uuid_v7(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT rpad(lpad(to_hex(ceil(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Makes the days that are missing, up to the one after a time.
CREATE FUNCTION make_analyst_days(until timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO analyst_days
    SELECT d::date, starts_at, ends_at, first_uuid_v7(starts_at), first_uuid_v7(ends_at)
    FROM analyst_settings s, generate_series(
        coalesce((SELECT max(day) + 1 FROM analyst_days), '2011-12-30')::timestamp,
        ((until AT TIME ZONE s.time_zone)::date + 2)::timestamp, '1 day'
    ) AS d, LATERAL (
        SELECT d AT TIME ZONE s.time_zone AS starts_at, (d + '1 day'::interval) AT TIME ZONE s.time_zone AS ends_at
    ) AS b
    ON CONFLICT DO NOTHING
$$;

-- Another zone has other days; one that Postgres does not know is refused here.
CREATE FUNCTION remake_analyst_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM analyst_days;
    PERFORM make_analyst_days(now());
    RETURN NULL;
END
$$;
CREATE TRIGGER analyst_settings_changed AFTER INSERT OR UPDATE ON analyst_settings
FOR EACH ROW EXECUTE FUNCTION remake_analyst_days();
INSERT INTO analyst_settings (time_zone) VALUES ('Asia/Shanghai');

-- What is there already is gone through first.
INSERT INTO rollup_state (seq, low_xid, generation, walk, walk_after)
SELECT seq, '0', 1, 'deliveries', '{}' FROM feed_head;
