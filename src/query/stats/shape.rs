//! The figures, as they are told.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;

use super::window::Bucket;

/// The figures of a window.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// How long each entry of `buckets` is; one begins at `at`, in UTC, and where nothing happened there is none.
    pub bucket: Bucket,
    pub uploads: Uploads,
    pub permissions: Permissions,
    pub deliveries: Deliveries,
    pub receiver: Receiver,
}

/// Uploads by the time they were recorded; those that VOD contradicts are only in `refuted`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploads {
    /// From when on they are counted: `from`, or later where the window holds more than 100,000.
    pub since: DateTime<Utc>,
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
    /// From the upload, by VOD's clock, to its commit here; null where no upload tells its time.
    pub delay: Option<Delay>,
}

/// Uploads by how their user is known.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UploadsBucket {
    pub at: DateTime<Utc>,
    pub ticket: i64,
    pub resolver: i64,
    pub manual: i64,
    /// Nobody's.
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
    #[schema(example = 118)]
    pub uploads: i64,
}

/// How many uploads are processed so far.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProcessingCount {
    /// As `processing` of an upload.
    #[schema(example = "none")]
    pub state: String,
    #[schema(example = 120)]
    pub uploads: i64,
}

/// Percentiles, in seconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delay {
    #[schema(example = 1.2)]
    pub p50_s: f64,
    #[schema(example = 3.4)]
    pub p95_s: f64,
    #[schema(example = 9.1)]
    pub p99_s: f64,
}

/// Tickets by the time of their first signature, and what became of them by now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Permissions {
    /// From when on they are counted: `from`, or later where the window holds more than 100,000.
    pub since: DateTime<Utc>,
    #[schema(example = 130)]
    pub tickets: i64,
    /// Some upload came of it.
    #[schema(example = 118)]
    pub used: i64,
    /// None yet, and one may come: a signature is valid, or expired less than a day ago, since uploads are resumed for
    /// a day.
    #[schema(example = 10)]
    pub pending: i64,
    #[schema(example = 2)]
    pub never_used: i64,
    /// Signatures given out, at most 100,000: several belong to one ticket.
    #[schema(example = 301)]
    pub signatures: i64,
    #[schema(value_type = Vec<TicketsBucket>)]
    pub buckets: Json<Vec<TicketsBucket>>,
}

/// Tickets by what became of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketsBucket {
    pub at: DateTime<Utc>,
    pub tickets: i64,
    pub used: i64,
    pub pending: i64,
    pub never_used: i64,
}

/// Deliveries by the time they were received, repeated ones included.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deliveries {
    /// From when on they are counted: `from`, or later where the window holds more than 100,000.
    pub since: DateTime<Utc>,
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
    /// When VOD last told something by push or pull, in any window; null if nothing among the newest 10,000 is.
    pub newest_at: Option<DateTime<Utc>>,
    /// How long ago that was, in seconds.
    #[schema(example = 4.2)]
    pub newest_age_s: Option<f64>,
}

/// Deliveries by their door; those in quarantine are counted by their door too.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeliveriesBucket {
    pub at: DateTime<Utc>,
    pub push: i64,
    pub pull: i64,
    pub reconcile: i64,
    pub replay: i64,
    pub quarantined: i64,
}

/// How many deliveries came by a door and were acted on, or kept aside.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DoorCount {
    #[schema(example = "push")]
    pub door: String,
    /// `recorded` or `quarantined`.
    #[schema(example = "recorded")]
    pub state: String,
    #[schema(example = 130)]
    pub deliveries: i64,
}

/// How many deliveries are in quarantine for a reason.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct QuarantineCount {
    #[schema(example = "not_json")]
    pub reason: String,
    #[schema(example = 1)]
    pub deliveries: i64,
}

/// What waits in the receiver that answers; others have their own.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receiver {
    /// Deliveries queued or being written.
    #[schema(example = 0)]
    pub queue_deliveries: usize,
    #[schema(example = 0)]
    pub queue_bytes: usize,
    /// Deliveries on the local disk that are not in Postgres yet.
    #[schema(example = 0)]
    pub spool_records: u64,
    #[schema(example = 0)]
    pub spool_bytes: u64,
    #[schema(example = 1073741824)]
    pub spool_limit_bytes: u64,
}
