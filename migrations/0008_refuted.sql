-- What VOD itself says, against what notifications say (src/record/fold.rs, src/record/refute/). None of these columns
-- is written with a plain new upload.

-- Why VOD contradicts the delivery: `other_context`, `unknown_file`; null for nearly all. Set by mark_refuted() alone;
-- no CHECK, which every delivery would pay for.
ALTER TABLE deliveries ADD COLUMN refuted text;

ALTER TABLE uploads
    ADD COLUMN seen_at   timestamptz,                 -- when VOD, asked, last described it and that told something new
    ADD COLUMN absent_at timestamptz;                 -- when VOD, asked, said that it knows no such file; null once its
                                                      -- deletion is told, or VOD describes it again

-- GET /v1/uploads?confirmed=refuted, by time; nearly empty.
CREATE INDEX uploads_refuted ON uploads (recorded_at, app, file_id) WHERE announced_at IS NOT NULL AND confirmed = 'refuted';

-- Notes which deliveries VOD contradicts. A function, so that a write that marks nothing does not get ready to update
-- every month of deliveries.
CREATE FUNCTION mark_refuted(ids uuid[], reasons text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    marked bigint;
BEGIN
    UPDATE deliveries d SET refuted = m.refuted
    FROM unnest(ids, reasons) AS m (id, refuted)
    WHERE d.id = m.id AND d.refuted IS DISTINCT FROM m.refuted;
    GET DIAGNOSTICS marked = ROW_COUNT;
    RETURN marked;
END
$$;
