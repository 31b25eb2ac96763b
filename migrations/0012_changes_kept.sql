-- The change log is kept for a while (src/keep/changes.rs): its oldest lines go, a stretch at a time. Those that come are
-- never touched again, so that what is to be vacuumed is what was deleted; a fifth of the table, as is usual, would be days.
ALTER TABLE changes SET (autovacuum_vacuum_scale_factor = 0.05);
