-- The last step of a batch: takes the next numbers of the change log, and with them the row that orders commits; gives the
-- number before the first. A function, because Postgres, once it has waited for another batch to let go of the row, looks
-- at it again with a copy of the plan: inside the statement of a batch that is all of it, here it is this one line.
CREATE FUNCTION take_seq(count integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
BEGIN
    UPDATE feed_head SET seq = seq + count RETURNING seq INTO STRICT last;
    RETURN last - count;
END
$$;
