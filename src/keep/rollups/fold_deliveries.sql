-- Counts deliveries: those of $1, and of them those of $2 as taken out of quarantine. What came quarantined counts as that
-- first, even if it is taken out by now. Gives, for each file of whose upload they tell, the first that did.
WITH told AS MATERIALIZED (
    SELECT
        d.id, d.app, d.door, d.received_at, d.file_id, k.is_new,
        d.state = 'recorded' AND (d.released_at IS NULL OR NOT k.is_new) AS acts,
        d.event_type IN ('NewFileUpload', 'PullComplete', 'MediaInfo') AND d.file_id IS NOT NULL AS notifies,
        d.recorded_at - d.received_at > '5 seconds'::interval AS late
    FROM (
        SELECT unnest($1::uuid[]) AS id, true AS is_new
        UNION ALL
        SELECT unnest($2::uuid[]), false
    ) AS k,
    LATERAL (
        SELECT id, app, door, state, received_at, recorded_at, released_at, file_id, event_type FROM deliveries
        WHERE id = k.id OFFSET 0
    ) AS d
),
counted AS (
    INSERT INTO delivery_quarters AS q (quarter, app, door, deliveries, quarantined, notices, late)
    SELECT quarter_of(received_at), app, door,
        count(*) FILTER (WHERE is_new),
        count(*) FILTER (WHERE is_new AND NOT acts) - count(*) FILTER (WHERE NOT is_new),
        count(*) FILTER (WHERE acts AND notifies),
        count(*) FILTER (WHERE acts AND late)
    FROM told
    GROUP BY 1, 2, 3
    ON CONFLICT (quarter, app, door) DO UPDATE SET
        deliveries = q.deliveries + EXCLUDED.deliveries, quarantined = q.quarantined + EXCLUDED.quarantined,
        notices = q.notices + EXCLUDED.notices, late = q.late + EXCLUDED.late
)
SELECT DISTINCT ON (file_id, app)
    app AS "app!", file_id AS "file_id!", id AS "id!", received_at AS "received_at!", door AS "door!"
FROM told
WHERE acts AND notifies
ORDER BY file_id, app, id
