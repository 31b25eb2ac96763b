-- The numbers of the change log are counted without a row that each batch writes anew. While somebody holds a snapshot (an
-- analyst, a backup, a forgotten session), no old version of such a row can be cleared away, and every batch went past all of
-- them: a thousand more a second.

-- Where the log goes on when all of it was trimmed: one row, written by the trim.
CREATE TABLE feed_floor (
    one boolean PRIMARY KEY DEFAULT true,
    seq bigint  NOT NULL,
    CONSTRAINT feed_floor_is_one_row CHECK (one)
);
INSERT INTO feed_floor (seq) SELECT seq FROM feed_head;

DROP FUNCTION take_seq(integer);
DROP TABLE feed_head;

-- The number of the last line.
CREATE VIEW feed_head AS
SELECT coalesce((SELECT max(seq) FROM changes), (SELECT seq FROM feed_floor)) AS seq;

-- The last step of a batch: waits for its turn, which it keeps until its commit, and gives the number of the last line. So the
-- order of `seq` is the order of commits. A function, because what is read in it is read after the wait.
CREATE FUNCTION take_seq() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(x'766f645f66656564'::bigint);
    SELECT seq INTO STRICT last FROM feed_head;
    RETURN last;
END
$$;
