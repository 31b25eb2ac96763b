//! Every metric, once: its name, what kind it is, which values its labels take, and what it tells.
//!
//! From this table come the series that are there at start, the HELP lines and `docs/metrics.md`. No
//! label may hold what a caller chose: no path (it ends in the token), no user, no file id.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows, but for a restart.
    Counter,
    /// As it is at the scrape.
    Gauge,
    /// Counts of values up to each of these bounds.
    Histogram(&'static [f64]),
}

/// The labels of a metric: their names, and every combination of values that there is.
#[derive(Debug, Clone, Copy)]
pub struct Labels {
    pub names: &'static [&'static str],
    /// None where they come from the route table.
    pub rows: &'static [&'static [&'static str]],
}

/// VOD gives up after 5 s, and what is held is answered after 6.
const REQUEST_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// A batch that takes longer than 2 s is spooled; only a drained one may take up to 60.
const COMMIT_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 10.0, 60.0,
];
/// What another receiver commits is seen within 20 ms.
const FEED_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// A batch takes no more in once it holds 2,048.
const BATCH_DELIVERIES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0,
];

const NO_LABELS: Labels = Labels {
    names: &[],
    rows: &[&[]],
};
const CALLBACK_OUTCOMES: Labels = Labels {
    names: &["outcome"],
    rows: &[
        &["recorded"],
        &["duplicate"],
        &["spooled"],
        &["quarantined"],
        &["unauthenticated"],
        &["invalid"],
        &["too_large"],
        &["unavailable"],
        &["internal"],
        &["abandoned"],
    ],
};
const REFUSALS: Labels = Labels {
    names: &["reason"],
    rows: &[
        &["unknown_app"],
        &["events_are_pulled"],
        &["token_missing"],
        &["token_wrong"],
        &["sign_missing"],
        &["sign_malformed"],
        &["sign_wrong"],
        &["sign_expired"],
        &["sign_too_far_ahead"],
    ],
};
const PULL_OUTCOMES: Labels = Labels {
    names: &["outcome"],
    rows: &[
        &["recorded"],
        &["empty"],
        &["not_durable"],
        &["unauthentic"],
        &["clock_skew"],
        &["rate_limited"],
        &["not_found"],
        &["invalid"],
        &["internal"],
        &["refused"],
        &["transport"],
        &["bad_answer"],
    ],
};
const API_ERRORS: Labels = Labels {
    names: &["reason"],
    rows: &[
        &["unauthentic"],
        &["clock_skew"],
        &["rate_limited"],
        &["not_found"],
        &["invalid"],
        &["internal"],
        &["refused"],
        &["transport"],
        &["bad_answer"],
    ],
};
const RECONCILE_OUTCOMES: Labels = Labels {
    names: &["outcome"],
    rows: &[
        &["done"],
        &["incomplete"],
        &["elsewhere"],
        &["postgres_away"],
        &["not_durable"],
        &["unauthentic"],
        &["clock_skew"],
        &["rate_limited"],
        &["not_found"],
        &["invalid"],
        &["internal"],
        &["refused"],
        &["transport"],
        &["bad_answer"],
    ],
};
const REPAIRS: Labels = Labels {
    names: &["what"],
    rows: &[&["upload"], &["confirmed"], &["task"], &["deletion"]],
};
const BATCH_OUTCOMES: Labels = Labels {
    names: &["outcome"],
    rows: &[
        &["committed"],
        &["contended"],
        &["refused"],
        &["unavailable"],
    ],
};
const DOORS_AND_OUTCOMES: Labels = Labels {
    names: &["door", "outcome"],
    rows: &[
        &["push", "recorded"],
        &["push", "duplicate"],
        &["push", "quarantined"],
        &["pull", "recorded"],
        &["pull", "duplicate"],
        &["pull", "quarantined"],
        &["reconcile", "recorded"],
        &["reconcile", "quarantined"],
        &["replay", "recorded"],
        &["replay", "duplicate"],
        &["replay", "quarantined"],
    ],
};
const DRAINED_OUTCOMES: Labels = Labels {
    names: &["outcome"],
    rows: &[&["recorded"], &["duplicate"], &["quarantined"]],
};
/// What stands for a reason that this version does not know: the spool may be another's.
pub const OTHER: &str = "other";
const QUARANTINE_REASONS: Labels = Labels {
    names: &["reason"],
    rows: &[
        &["empty"],
        &["not_json"],
        &["not_an_object"],
        &["too_many_members"],
        &["too_many_items"],
        &["too_many_files"],
        &["no_event"],
        &["no_file_id"],
        &["sign_missing"],
        &["sign_malformed"],
        &["sign_wrong"],
        &["sign_expired"],
        &["sign_too_far_ahead"],
        &["refused_by_database"],
        &["spool_head_unreadable"],
        &[OTHER],
    ],
};
const REFUTATIONS: Labels = Labels {
    names: &["reason"],
    rows: &[&["other_context"], &["unknown_file"]],
};
const VERDICTS: Labels = Labels {
    names: &["method", "reason"],
    rows: &[
        &["ticket", "ticket"],
        &["ticket", "session_ticket"],
        &["ticket", "contexts_differ"],
        &["resolver", "resolver"],
        &["resolver", "contexts_differ"],
        &["manual", "manual"],
        &["none", "no_context"],
        &["none", "foreign_context"],
        &["none", "unknown_ticket"],
        &["none", "wrong_app"],
        &["none", "contexts_differ"],
        &["none", "refuted"],
        &["none", "erased"],
    ],
};
const SIGNS_OF_MISUSE: Labels = Labels {
    names: &["sign"],
    rows: &[
        &["ticket_reused"],
        &["one_time_ticket_reused"],
        &["long_after_expiry"],
    ],
};
const ENDPOINTS_AND_STATUS: Labels = Labels {
    names: &["method", "route", "status"],
    rows: &[],
};
const ENDPOINTS: Labels = Labels {
    names: &["method", "route"],
    rows: &[],
};
const FEED_POLLS: Labels = Labels {
    names: &["outcome"],
    rows: &[&["found"], &["nothing"], &["failed"]],
};
const FEED_ENDS: Labels = Labels {
    names: &["reason"],
    rows: &[&["renew"], &["shutting_down"], &["too_slow"], &["gone"]],
};
const CONNECTION_STATES: Labels = Labels {
    names: &["state"],
    rows: &[&["in_use"], &["idle"]],
};
const VERSION: Labels = Labels {
    names: &["version"],
    rows: &[&[env!("CARGO_PKG_VERSION")]],
};

/// Makes the enum and what is known of each of its variants; what documents a variant is its HELP.
macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $metric:ident = $name:literal, $kind:expr, $labels:expr;)+) => {
        /// Every metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Metric { $($(#[doc = $help])+ $metric),+ }

        impl Metric {
            /// In the order in which they are told.
            pub const ALL: &[Self] = &[$(Self::$metric),+];

            /// Its name, as Prometheus knows it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$metric => $name),+ }
            }

            pub const fn kind(self) -> Kind {
                match self { $(Self::$metric => $kind),+ }
            }

            pub const fn labels(self) -> Labels {
                match self { $(Self::$metric => $labels),+ }
            }

            /// What it tells.
            pub fn help(self) -> &'static str {
                match self { $(Self::$metric => concat!($($help),+).trim()),+ }
            }
        }
    };
}

metrics! {
    /// Notifications at the push door, by how they were answered. `quarantined`: 400, no event in it, its bytes are kept.
    /// `invalid`: 400, it did not arrive whole. `unavailable`: 503, not durable within 6 s, or no room.
    /// `abandoned`: the connection broke before the answer. `internal`: a bug.
    Callbacks = "vod_receiver_callbacks_total", Kind::Counter, CALLBACK_OUTCOMES;
    /// Notifications that were answered 401, by the reason, which the caller is not told.
    CallbacksUnauthenticated = "vod_receiver_callbacks_unauthenticated_total", Kind::Counter, REFUSALS;
    /// Notifications that can be neither recorded nor spooled at the moment and wait for it; at most 2,000.
    CallbacksHeld = "vod_receiver_callbacks_held", Kind::Gauge, NO_LABELS;
    /// Bytes of the notifications that are being read or recorded; at most 64 MiB.
    BodiesInFlight = "vod_receiver_bodies_in_flight_bytes", Kind::Gauge, NO_LABELS;
    /// Polls of VOD's queue for apps whose events are pulled, by what came of them. `recorded`: it held events, and they
    /// are durable. `not_durable`: it held some, and neither Postgres nor the spool could take them: they come again. `clock_skew`: this
    /// machine's clock is off by 5 minutes. The rest: VOD's error, or none of its answers came.
    PullPolls = "vod_receiver_pull_polls_total", Kind::Counter, PULL_OUTCOMES;
    /// Events taken from VOD's queue and made durable, repeated ones included.
    PullEvents = "vod_receiver_pull_events_total", Kind::Counter, NO_LABELS;
    /// Events that were made durable and could not be taken off VOD's queue, by the reason: they come again after 30 s.
    PullUnconfirmed = "vod_receiver_pull_unconfirmed_total", Kind::Counter, API_ERRORS;
    /// Scheduled runs that compared what VOD holds with what is recorded, by what came of them. `incomplete`: VOD gave answers
    /// that could not be read, or created more files in a second than it lists. `elsewhere`: another receiver was at it.
    /// `postgres_away`, `not_durable`: it goes on where it was. The rest: VOD's error, or none of its answers came.
    ReconcileRuns = "vod_receiver_reconcile_runs_total", Kind::Counter, RECONCILE_OUTCOMES;
    /// What scheduled runs recorded. `upload`: it was missing, or VOD corrected itself. `confirmed`: only notifications had
    /// spoken for the upload. `task`: VOD told more of it than was known. `deletion`: VOD does not know the file any more.
    ReconcileRepaired = "vod_receiver_reconcile_repaired_total", Kind::Counter, REPAIRS;
    /// How far behind the checkpoint is, of the app that is furthest behind among those that are reconciled on a schedule;
    /// before its first run, how long this process has been running. 0 if none is.
    ReconcileCheckpointAge = "vod_receiver_reconcile_checkpoint_age_seconds", Kind::Gauge, NO_LABELS;
    /// Requests, by route and class of the status. The route is the template, never the path; `none`: no such route.
    HttpRequests = "vod_receiver_http_requests_total", Kind::Counter, ENDPOINTS_AND_STATUS;
    /// Requests whose handler panicked, which is a bug: they were answered 500, and the log tells where.
    HandlerPanics = "vod_receiver_handler_panics_total", Kind::Counter, NO_LABELS;
    /// Time from the head of a request to the head of its answer.
    HttpRequestDuration = "vod_receiver_http_request_duration_seconds", Kind::Histogram(REQUEST_SECONDS), ENDPOINTS;
    /// Upload signatures given out by `POST /v1/signatures`.
    SignaturesIssued = "vod_receiver_signatures_issued_total", Kind::Counter, NO_LABELS;
    /// Deliveries that are queued or being written.
    QueueDeliveries = "vod_receiver_queue_deliveries", Kind::Gauge, NO_LABELS;
    /// Bytes of the deliveries that are queued or being written; at most 32 MiB.
    QueueBytes = "vod_receiver_queue_bytes", Kind::Gauge, NO_LABELS;
    /// Attempts to write a batch. `contended`: another writer came between, or something was presumed that is not so: it
    /// is tried again at once.
    /// `refused`: Postgres will not take a row of it, it is halved until that one is found.
    /// `unavailable`: Postgres cannot take it now, it goes to the spool.
    Batches = "vod_receiver_batches_total", Kind::Counter, BATCH_OUTCOMES;
    /// Deliveries in each batch that was committed, drained ones included.
    BatchDeliveries = "vod_receiver_batch_deliveries", Kind::Histogram(BATCH_DELIVERIES), NO_LABELS;
    /// Time to read, fold, write and commit a batch, attempts that met another writer included.
    CommitDuration = "vod_receiver_commit_duration_seconds", Kind::Histogram(COMMIT_SECONDS), NO_LABELS;
    /// Deliveries committed to Postgres, drained ones included. `duplicate`: all that it says was known; what VOD answers
    /// to a question (`reconcile`) is kept only if it is none.
    Deliveries = "vod_receiver_deliveries_total", Kind::Counter, DOORS_AND_OUTCOMES;
    /// Deliveries committed to Postgres that are kept but not acted on, by the reason.
    DeliveriesQuarantined = "vod_receiver_deliveries_quarantined_total", Kind::Counter, QUARANTINE_REASONS;
    /// Notifications that VOD itself was found to contradict: forged ones, most likely. `other_context`: it tells another
    /// source context of the file. `unknown_file`: it knows no such file, and no deletion was told.
    DeliveriesRefuted = "vod_receiver_deliveries_refuted_total", Kind::Counter, REFUTATIONS;
    /// Uploads that became known, by how their user is known and why.
    UploadsRecorded = "vod_receiver_uploads_recorded_total", Kind::Counter, VERDICTS;
    /// Uploads of the last hour, the newest 50,000 of them, that show a sign of misuse as the history of an upload tells
    /// it; looked up in the database every five minutes. Each receiver tells the same: do not sum, take the largest.
    MisuseUploads = "vod_receiver_misuse_uploads", Kind::Gauge, SIGNS_OF_MISUSE;
    /// Who waits for something to happen to a ticket at the moment; at most 20,000.
    TicketWaiters = "vod_receiver_ticket_waiters", Kind::Gauge, NO_LABELS;
    /// Who reads the feed of changes at the moment, live or waiting for the next; at most 2,000.
    FeedReaders = "vod_receiver_feed_readers", Kind::Gauge, NO_LABELS;
    /// Looks into the change log on behalf of all who wait and read; none while nobody does.
    FeedPolls = "vod_receiver_feed_polls_total", Kind::Counter, FEED_POLLS;
    /// From the time of a change to when this receiver tells it: the oldest one of each look that found some. By the clocks
    /// of two receivers, if another recorded it.
    FeedDelay = "vod_receiver_feed_delay_seconds", Kind::Histogram(FEED_SECONDS), NO_LABELS;
    /// Live feeds that this receiver ended, by the reason that their last event tells. `too_slow`: the reader fell behind by
    /// 16 MiB or 16,384 changes. `gone`: what came next for it was not kept any more.
    FeedReadersEnded = "vod_receiver_feed_readers_ended_total", Kind::Counter, FEED_ENDS;
    /// When the newest delivery came that this process made durable, in Postgres or in the spool; 0 before the first. What
    /// VOD answers to `reconcile` does not count.
    NewestDelivery = "vod_receiver_newest_delivery_timestamp_seconds", Kind::Gauge, NO_LABELS;
    /// How long ago the newest delivery came; before the first, how long this process has been running.
    NewestDeliveryAge = "vod_receiver_newest_delivery_age_seconds", Kind::Gauge, NO_LABELS;
    /// Deliveries in the spool that are not in Postgres yet.
    SpoolRecords = "vod_receiver_spool_records", Kind::Gauge, NO_LABELS;
    /// Bytes of the spool's files; a file goes when all of it is in Postgres.
    SpoolBytes = "vod_receiver_spool_bytes", Kind::Gauge, NO_LABELS;
    /// How many bytes the spool may hold.
    SpoolLimit = "vod_receiver_spool_limit_bytes", Kind::Gauge, NO_LABELS;
    /// How long ago the delivery came that is drained next; 0 if there is none.
    SpoolOldestAge = "vod_receiver_spool_oldest_age_seconds", Kind::Gauge, NO_LABELS;
    /// Places in the spool that were found damaged; their bytes are kept beside it as `*.corrupt`.
    SpoolDamages = "vod_receiver_spool_damages_total", Kind::Counter, NO_LABELS;
    /// Deliveries that were put into the spool.
    SpoolAppended = "vod_receiver_spool_appended_total", Kind::Counter, NO_LABELS;
    /// Deliveries that went from the spool to Postgres.
    SpoolDrained = "vod_receiver_spool_drained_total", Kind::Counter, DRAINED_OUTCOMES;
    /// 1 while Postgres takes writes and its schema is current; 0 while the breaker is open: all goes to the spool.
    PostgresUp = "vod_receiver_postgres_up", Kind::Gauge, NO_LABELS;
    /// Connections of the pool that `/v1` uses; at most 16. The writer and the drain have one each beside it.
    PoolConnections = "vod_receiver_pool_connections", Kind::Gauge, CONNECTION_STATES;
    /// Resident memory; NaN where the system has no /proc.
    ResidentMemory = "process_resident_memory_bytes", Kind::Gauge, NO_LABELS;
    /// When this process started.
    StartTime = "process_start_time_seconds", Kind::Gauge, NO_LABELS;
    /// Always 1; the label tells the version.
    BuildInfo = "vod_receiver_build_info", Kind::Gauge, VERSION;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_kind_and_which_unit() {
        for metric in Metric::ALL {
            let name = metric.name();
            assert!(
                name.starts_with("vod_receiver_") || name.starts_with("process_"),
                "{name}"
            );
            let counter = metric.kind() == Kind::Counter;
            assert_eq!(counter, name.ends_with("_total"), "{name}");
            assert_eq!(
                Metric::ALL
                    .iter()
                    .filter(|other| other.name() == name)
                    .count(),
                1
            );
            assert!(metric.help().ends_with('.') && !metric.help().contains(['|', '\n']));
            for row in metric.labels().rows {
                assert_eq!(row.len(), metric.labels().names.len(), "{name}");
            }
        }
    }

    #[test]
    fn bounds_rise() {
        for metric in Metric::ALL {
            if let Kind::Histogram(bounds) = metric.kind() {
                assert!(bounds.len() > 5 && bounds.is_sorted_by(|a, b| a < b));
            }
        }
    }
}
