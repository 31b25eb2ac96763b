-- One row: in which time zone days are counted, and how far the roll-ups are.
CREATE OR REPLACE VIEW analyst.settings AS
SELECT s.time_zone, r.fresh_until, r.walk IS NOT NULL AS is_recounting, r.counted_at AS recounted_at
FROM public.analyst_settings s, public.rollup_state r;

COMMENT ON VIEW analyst.settings IS 'One row: the time zone of all days, and how far the counts are.';
COMMENT ON COLUMN analyst.settings.time_zone IS 'The zone whose days every column named day means. An operator changes it: UPDATE public.analyst_settings SET time_zone = ''Europe/Berlin''.';
COMMENT ON COLUMN analyst.settings.fresh_until IS 'What was committed before then is in every count; usually some seconds ago. Null until the first count has ended.';
COMMENT ON COLUMN analyst.settings.is_recounting IS 'Whether all is being counted anew; the counts are incomplete meanwhile.';
COMMENT ON COLUMN analyst.settings.recounted_at IS 'When all was last counted anew.';
