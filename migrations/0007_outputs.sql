-- What a task made: addresses of transcoded files, covers, snapshots; null where it made nothing that is told.
ALTER TABLE tasks ADD COLUMN outputs jsonb;           -- [{kind, definition?, url, file_id?}], of the fact that decided the state
