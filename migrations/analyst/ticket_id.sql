-- The id of a ticket as it is written outside: what public.ticket_text() makes a text of; null for what is no ticket. Of a
-- constant it is worked out once, so that the indexes of ids serve.
CREATE OR REPLACE FUNCTION analyst.ticket_id(ticket text) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN ticket ~ '^vt_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$' THEN (
        SELECT (
            lpad(to_hex(substring(bits FROM 3 FOR 32)::bit(32)::bigint), 8, '0')
            || lpad(to_hex(substring(bits FROM 35 FOR 32)::bit(32)::bigint), 8, '0')
            || lpad(to_hex(substring(bits FROM 67 FOR 32)::bit(32)::bigint), 8, '0')
            || lpad(to_hex(substring(bits FROM 99 FOR 32)::bit(32)::bigint), 8, '0')
        )::uuid
        FROM (
            SELECT string_agg(
                (strpos('0123456789ABCDEFGHJKMNPQRSTVWXYZ', upper(substr(ticket, 3 + i, 1))) - 1)::bit(5)::text, '' ORDER BY i
            )::varbit AS bits
            FROM generate_series(1, 26) AS i
        ) AS written
    ) END
$$;
COMMENT ON FUNCTION analyst.ticket_id(text) IS 'The id of a ticket as it is written outside, vt_...: what ticket_id is to be compared with. Null for what is no ticket.';
