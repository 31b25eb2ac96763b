-- Reconcile: how far VOD was asked what it holds (src/receive/reconcile/), and the tasks whose end was not told.

CREATE TABLE reconcile_checkpoints (
    app           text        NOT NULL,
    reconciled_to timestamptz NOT NULL,               -- files created before then were compared; the next run begins there
    ran_at        timestamptz,                        -- when a run last came to its end; null while none has
    CONSTRAINT reconcile_checkpoints_pkey PRIMARY KEY (app)
);

-- Reconcile: the tasks of the last three days that are not over, by time. A plain upload has no task.
CREATE INDEX tasks_unfinished ON tasks (app, recorded_at, task_id, file_id) WHERE state IN ('waiting', 'processing');
