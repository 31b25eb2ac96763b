-- No body of these files is left: what their tasks made and what persons said of them is forgotten, and they are done with.
WITH told AS (
    SELECT unnest($2::text[]) AS app, unnest($3::text[]) AS file_id
),
tasks_forgotten AS (
    UPDATE tasks AS t SET message = NULL, outputs = NULL, version = t.version + 1
    FROM told
    -- `tasks_by_file` has none without a file, and is used only where that is said.
    WHERE t.file_id = told.file_id AND t.app = told.app AND t.file_id <> '' AND (t.message IS NOT NULL OR t.outputs IS NOT NULL)
),
words_forgotten AS (
    UPDATE attribution_changes AS c SET note = NULL
    FROM told
    WHERE c.file_id = told.file_id AND c.app = told.app AND c.note IS NOT NULL
)
-- Compared so that files are looked up by their key, and not all that are of the erasure.
UPDATE erased_files AS f SET blanked = true
FROM told
WHERE f.file_id = told.file_id AND f.app = told.app AND f.erasure IS NOT DISTINCT FROM $1
