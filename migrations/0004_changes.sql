-- The change log: what happened to announced uploads, in commit order without gaps.

-- One row. A batch bumps it in its last step, so that the order of `seq` is the order of commits.
CREATE TABLE feed_head (
    one boolean PRIMARY KEY DEFAULT true,
    seq bigint  NOT NULL,
    CONSTRAINT feed_head_is_one_row CHECK (one)
);
INSERT INTO feed_head (seq) VALUES (0);

CREATE TABLE changes (
    seq         bigint      PRIMARY KEY,
    at          timestamptz NOT NULL,
    kind        text        NOT NULL,
    app         text        NOT NULL,
    file_id     text        NOT NULL,
    ticket      uuid,
    user_before text,
    user_after  text,
    CONSTRAINT changes_kind CHECK (kind IN ('recorded', 'updated', 'deleted'))
);

-- Ends a batch one of whose rows changed after it was read (src/record/): nothing of it stays,
-- and the writer folds again. 40001 is what Postgres itself raises for this.
CREATE FUNCTION refuse_stale_batch() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a row of the batch changed after it was read' USING ERRCODE = 'serialization_failure';
END
$$;
