//! An upload as it is shown.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ticket::Ticket;

/// One uploaded file: whose it is, how we know, how its processing goes.
///
/// `deliveries` tells of the deliveries that named it, repeated ones included: how many in a list, which in a history.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Upload<D = i32> {
    /// Text: it exceeds what a JSON number keeps.
    #[schema(example = "5285890784273533167")]
    pub file_id: String,
    /// The app that it was uploaded to.
    #[schema(example = "main")]
    pub app: String,
    /// Null exactly when `attribution.method` is `none`.
    #[schema(example = "user-42")]
    pub user_id: Option<String>,
    /// The ticket that its context names, known here or not.
    #[schema(example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    pub ticket: Option<String>,
    /// What the backend attached to the ticket.
    #[schema(value_type = Option<serde_json::Value>, example = json!({"order": 7}))]
    pub context: Option<Json<Box<RawValue>>>,
    pub attribution: Attribution,
    /// `vod`: VOD itself told of it, its queue or its answer to `reconcile`; `push`: only notifications did; `refuted`:
    /// only notifications did, and VOD knows no such file: it is nobody's, and listed only if asked for.
    #[schema(example = "push")]
    pub confirmed: String,
    /// As VOD spells it: `Upload`, `Record`, `ClientUpload`, ...
    #[schema(example = "Upload")]
    pub source_type: Option<String>,
    /// The text that came back from the signature.
    #[schema(example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    pub source_context: Option<String>,
    /// What it is called at VOD.
    #[schema(example = "holiday")]
    pub name: Option<String>,
    /// The container suffix.
    #[schema(example = "mp4")]
    pub r#type: Option<String>,
    /// Where the original is.
    #[schema(example = "http://example.vod2.myqcloud.com/f0.mp4")]
    pub media_url: Option<String>,
    /// Where its cover is.
    #[schema(example = "http://example.vod2.myqcloud.com/cover.jpg")]
    pub cover_url: Option<String>,
    /// Its class at VOD.
    #[schema(example = 0)]
    pub class_id: Option<i64>,
    /// Where VOD keeps it.
    #[schema(example = "ap-chongqing")]
    pub storage_region: Option<String>,
    pub media: Media,
    /// The task that processes it.
    #[schema(example = "1400000000-procedurev2-acd135c")]
    pub procedure_task_id: Option<String>,
    /// The task that reviews it.
    #[schema(example = "1400000000-review-0f3d2a1")]
    pub review_task_id: Option<String>,
    /// `none`, `waiting`, `processing`, `succeeded`, `partly_failed` or `failed`.
    #[schema(example = "none")]
    pub processing: String,
    /// By VOD's clock.
    pub uploaded_at: Option<DateTime<Utc>>,
    /// First commit here.
    pub recorded_at: DateTime<Utc>,
    /// Last commit that changed something.
    pub updated_at: DateTime<Utc>,
    /// When its deletion was told; null while it lives.
    pub deleted_at: Option<DateTime<Utc>>,
    // No comment of the document's: utoipa would make of it a schema that nothing satisfies.
    #[schema(inline)]
    pub deliveries: D,
}

/// Whose it is: how that was decided, and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Attribution {
    /// `ticket`, `resolver`, `manual` or `none`.
    #[schema(example = "ticket")]
    pub method: String,
    /// `ticket`, `session_ticket`, `resolver`, `manual`, `no_context`, `foreign_context`, `erased`,
    /// `unknown_ticket`, `wrong_app`, `contexts_differ`, `refuted` or `erased`.
    #[schema(example = "ticket")]
    pub reason: String,
    /// The reason in words, where there is more to say.
    #[schema(example = json!(null))]
    pub detail: Option<String>,
    /// When that was decided.
    pub decided_at: DateTime<Utc>,
}

/// What VOD measured of the media; null until it did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Media {
    /// Of the original.
    #[schema(example = 7700180)]
    pub size_bytes: Option<i64>,
    /// How long it plays.
    #[schema(example = 60.04)]
    pub duration_s: Option<f64>,
    /// In pixels.
    #[schema(example = 640)]
    pub width: Option<i32>,
    /// In pixels.
    #[schema(example = 480)]
    pub height: Option<i32>,
    /// Bits a second.
    #[schema(example = 1021028)]
    pub bitrate_bps: Option<i64>,
}

/// An upload as it is stored, with its ticket's context.
#[derive(sqlx::FromRow)]
pub struct UploadRow {
    pub file_id: String,
    pub app: String,
    user_id: Option<String>,
    pub ticket: Option<Uuid>,
    context: Option<Json<Box<RawValue>>>,
    attribution_method: String,
    attribution_reason: String,
    attribution_detail: Option<String>,
    attribution_at: DateTime<Utc>,
    confirmed: String,
    source_type: Option<String>,
    source_context: Option<String>,
    name: Option<String>,
    r#type: Option<String>,
    media_url: Option<String>,
    cover_url: Option<String>,
    class_id: Option<i64>,
    storage_region: Option<String>,
    size_bytes: Option<i64>,
    duration_s: Option<f64>,
    width: Option<i32>,
    height: Option<i32>,
    bitrate_bps: Option<i64>,
    procedure_task_id: Option<String>,
    review_task_id: Option<String>,
    processing: String,
    pub uploaded_at: Option<DateTime<Utc>>,
    pub recorded_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    deliveries: i32,
}

impl UploadRow {
    /// Whether VOD knows no such file.
    pub fn is_refuted(&self) -> bool {
        self.confirmed == "refuted"
    }

    /// Shows it, with what is to be told of its deliveries.
    pub fn show<D>(self, deliveries: impl FnOnce(i32) -> D) -> Upload<D> {
        let row = self;
        Upload {
            file_id: row.file_id,
            app: row.app,
            user_id: row.user_id,
            ticket: row.ticket.map(|id| Ticket(id).to_string()),
            context: row.context,
            attribution: Attribution {
                method: row.attribution_method,
                reason: row.attribution_reason,
                detail: row.attribution_detail,
                decided_at: row.attribution_at,
            },
            confirmed: row.confirmed,
            source_type: row.source_type,
            source_context: row.source_context,
            name: row.name,
            r#type: row.r#type,
            media_url: row.media_url,
            cover_url: row.cover_url,
            class_id: row.class_id,
            storage_region: row.storage_region,
            media: Media {
                size_bytes: row.size_bytes,
                duration_s: row.duration_s,
                width: row.width,
                height: row.height,
                bitrate_bps: row.bitrate_bps,
            },
            procedure_task_id: row.procedure_task_id,
            review_task_id: row.review_task_id,
            processing: row.processing,
            uploaded_at: row.uploaded_at,
            recorded_at: row.recorded_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            deliveries: deliveries(row.deliveries),
        }
    }
}
