//! The figures, as they are told.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;

use super::window::Bucket;

/// The figures of a window.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    /// The window begins there.
    pub from: DateTime<Utc>,
    /// The window ends before that.
    pub to: DateTime<Utc>,
    /// How long each entry of `buckets` is; one begins at `at`, in UTC, and where nothing happened there is none.
    pub bucket: Bucket,
    pub uploads: Uploads,
    pub permissions: Permissions,
    pub deliveries: Deliveries,
    pub receiver: Receiver,
}

/// Uploads by the time they were recorded, in roll-ups by the time of the upload; those that VOD contradicts are only in
/// `refuted`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploads {
    /// From when on they are counted: `from`, or its quarter of an hour; later where the window holds more than 100,000
    /// and there are no roll-ups of it yet.
    pub since: DateTime<Utc>,
    /// Before when: `to`, or the end of its quarter of an hour.
    pub until: DateTime<Utc>,
    /// Null where rows are counted. Where the window holds more than 10,000 of them, roll-ups are: whatever was
    /// committed before this time is in them, and up to 10,000 of what came since is added.
    pub fresh_until: Option<DateTime<Utc>>,
    /// All of them.
    #[schema(example = 120)]
    pub total: i64,
    /// How many of them are deleted by now.
    #[schema(example = 1)]
    pub deleted: i64,
    /// Told of by notifications only, and unknown to VOD.
    #[schema(example = 0)]
    pub refuted: i64,
    #[schema(value_type = Vec<UploadsBucket>)]
    pub buckets: Json<Vec<UploadsBucket>>,
    /// By how and why they are somebody's or nobody's, the most frequent first.
    #[schema(value_type = Vec<ReasonCount>)]
    pub reasons: Json<Vec<ReasonCount>>,
    /// By how their processing goes, the most frequent first.
    #[schema(value_type = Vec<ProcessingCount>)]
    pub processing: Json<Vec<ProcessingCount>>,
    /// From the upload, by VOD's clock, to its commit here; in roll-ups to when VOD told of it first, within 9.1 %. Null
    /// where no upload tells its time.
    pub delay: Option<Delay>,
}

/// Uploads by how their user is known.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UploadsBucket {
    /// When the bucket begins.
    pub at: DateTime<Utc>,
    /// Somebody's by their ticket.
    #[schema(example = 1)]
    pub ticket: i64,
    /// Somebody's by a resolver.
    #[schema(example = 0)]
    pub resolver: i64,
    /// Somebody's because a person said so.
    #[schema(example = 0)]
    pub manual: i64,
    /// Nobody's.
    #[schema(example = 0)]
    pub none: i64,
}

/// How many uploads have this verdict.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReasonCount {
    /// As `attribution.method` of an upload.
    #[schema(example = "ticket")]
    pub method: String,
    /// As `attribution.reason` of an upload.
    #[schema(example = "ticket")]
    pub reason: String,
    /// How many.
    #[schema(example = 118)]
    pub uploads: i64,
}

/// How many uploads are processed so far.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProcessingCount {
    /// As `processing` of an upload.
    #[schema(example = "none")]
    pub state: String,
    /// How many.
    #[schema(example = 120)]
    pub uploads: i64,
}

/// Percentiles, in seconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delay {
    /// Half of them took no longer.
    #[schema(example = 1.2)]
    pub p50_s: f64,
    /// Of a hundred, 95 took no longer.
    #[schema(example = 3.4)]
    pub p95_s: f64,
    /// Of a hundred, 99 took no longer.
    #[schema(example = 9.1)]
    pub p99_s: f64,
}

/// Tickets by the time of their first signature, and what became of them by now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Permissions {
    /// From when on they are counted: `from`, or its quarter of an hour; later where the window holds more than 100,000
    /// and there are no roll-ups of it yet.
    pub since: DateTime<Utc>,
    /// Before when: `to`, or the end of its quarter of an hour.
    pub until: DateTime<Utc>,
    /// Null where rows are counted. Where the window holds more than 10,000 of them, roll-ups are: whatever was
    /// committed before this time is in them, and up to 10,000 of what came since is added.
    pub fresh_until: Option<DateTime<Utc>>,
    /// All of them.
    #[schema(example = 130)]
    pub tickets: i64,
    /// Some upload came of it.
    #[schema(example = 118)]
    pub used: i64,
    /// None yet, and one may come: a signature is valid, or expired less than a day ago, since uploads are resumed for
    /// a day.
    #[schema(example = 10)]
    pub pending: i64,
    /// No upload came of it, and none will.
    #[schema(example = 2)]
    pub never_used: i64,
    /// Signatures given out, at most 100,000; in roll-ups all of these tickets: several belong to one.
    #[schema(example = 301)]
    pub signatures: i64,
    #[schema(value_type = Vec<TicketsBucket>)]
    pub buckets: Json<Vec<TicketsBucket>>,
}

/// Tickets by what became of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketsBucket {
    /// When the bucket begins.
    pub at: DateTime<Utc>,
    /// All of them.
    #[schema(example = 1)]
    pub tickets: i64,
    /// Some upload came of it.
    #[schema(example = 1)]
    pub used: i64,
    /// One may come still.
    #[schema(example = 0)]
    pub pending: i64,
    /// None will.
    #[schema(example = 0)]
    pub never_used: i64,
}

/// Deliveries by the time they were received, repeated ones included.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deliveries {
    /// From when on they are counted: `from`, or its quarter of an hour; later where the window holds more than 100,000
    /// and there are no roll-ups of it yet.
    pub since: DateTime<Utc>,
    /// Before when: `to`, or the end of its quarter of an hour.
    pub until: DateTime<Utc>,
    /// Null where rows are counted. Where the window holds more than 10,000 of them, roll-ups are: whatever was
    /// committed before this time is in them, and up to 10,000 of what came since is added.
    pub fresh_until: Option<DateTime<Utc>>,
    /// All of them.
    #[schema(example = 131)]
    pub total: i64,
    #[schema(value_type = Vec<DeliveriesBucket>)]
    pub buckets: Json<Vec<DeliveriesBucket>>,
    /// By door and state, the most frequent first.
    #[schema(value_type = Vec<DoorCount>)]
    pub doors: Json<Vec<DoorCount>>,
    /// What is in quarantine, of any time, the newest 10,000: by reason, the most frequent first.
    #[schema(value_type = Vec<QuarantineCount>)]
    pub quarantine: Json<Vec<QuarantineCount>>,
    /// Those that told again what one before had told; in roll-ups, those that told of an upload.
    #[schema(example = 12)]
    pub repeated: i64,
    /// When VOD last told something by push or pull, in any window; null if nothing among the newest 10,000 is.
    pub newest_at: Option<DateTime<Utc>>,
    /// How long ago that was, in seconds.
    #[schema(example = 4.2)]
    pub newest_age_s: Option<f64>,
}

/// Deliveries by their door; those in quarantine are counted by their door too.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeliveriesBucket {
    /// When the bucket begins.
    pub at: DateTime<Utc>,
    /// VOD posted it.
    #[schema(example = 1)]
    pub push: i64,
    /// It was taken from VOD's queue.
    #[schema(example = 0)]
    pub pull: i64,
    /// We asked VOD what it holds.
    #[schema(example = 0)]
    pub reconcile: i64,
    /// A person ran it.
    #[schema(example = 0)]
    pub replay: i64,
    /// Kept, and not acted on.
    #[schema(example = 0)]
    pub quarantined: i64,
}

/// How many deliveries came by a door and were acted on, or kept aside.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DoorCount {
    /// `push`, `pull`, `reconcile` or `replay`.
    #[schema(example = "push")]
    pub door: String,
    /// `recorded` or `quarantined`.
    #[schema(example = "recorded")]
    pub state: String,
    /// How many.
    #[schema(example = 130)]
    pub deliveries: i64,
}

/// How many deliveries are in quarantine for a reason.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct QuarantineCount {
    /// As `quarantine_reason` of a delivery.
    #[schema(example = "not_json")]
    pub reason: String,
    /// How many.
    #[schema(example = 1)]
    pub deliveries: i64,
}

/// What waits in the receiver that answers; others have their own.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receiver {
    /// Deliveries queued or being written.
    #[schema(example = 0)]
    pub queue_deliveries: usize,
    /// Their bytes.
    #[schema(example = 0)]
    pub queue_bytes: usize,
    /// Deliveries on the local disk that are not in Postgres yet.
    #[schema(example = 0)]
    pub spool_records: u64,
    /// Bytes of its files.
    #[schema(example = 0)]
    pub spool_bytes: u64,
    /// How many bytes those may take.
    #[schema(example = 1073741824)]
    pub spool_limit_bytes: u64,
}
