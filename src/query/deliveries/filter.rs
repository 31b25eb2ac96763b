//! Which deliveries are wanted.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::access::{Admin, Caller};
use crate::http::page::{self, Order};
use crate::http::params;
use crate::http::problem::Problem;
use crate::query::filter::{codes, file_id};
use crate::vod::event::FileId;

/// Longer than every code and every event type there is.
const CODE_MAX_BYTES: usize = 128;

/// Which deliveries are wanted, as it is asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// The app.
    #[param(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    app: Option<String>,
    /// By which way it came.
    #[param(inline, example = "push")]
    door: Option<DoorFilter>,
    /// Whether it was acted on, or kept aside.
    #[param(inline, example = "quarantined")]
    state: Option<StateFilter>,
    /// Why it was kept aside: `not_json`, `no_event`, `sign_missing`, ...
    #[param(example = "not_json", min_length = 1, max_length = 128)]
    quarantine_reason: Option<String>,
    /// As VOD names it.
    #[param(example = "NewFileUpload", min_length = 1, max_length = 128)]
    event_type: Option<String>,
    /// Those that name this file.
    #[param(example = "5285890784273533167", pattern = "^[A-Za-z0-9_-]{1,64}$")]
    file_id: Option<String>,
    /// Received at or after.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-23T08:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Received before.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-24T08:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// `desc`, newest first, if left out.
    #[serde(default)]
    #[param(inline, example = "desc")]
    order: Order,
    /// 1 to 200, 50 if left out.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before; ask for the same deliveries in the same order.
    cursor: Option<String>,
}

codes! {
    /// By which way a delivery came.
    DoorFilter { Push => "push", Pull => "pull", Reconcile => "reconcile", Replay => "replay" }
}

/// Whether a delivery was acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateFilter {
    Recorded,
    Quarantined,
}

/// Which deliveries are wanted, checked.
pub struct Filter {
    pub apps: Option<Vec<String>>,
    pub door: Option<DoorFilter>,
    pub state: Option<StateFilter>,
    pub quarantine_reason: Option<String>,
    pub event_type: Option<String>,
    pub file_id: Option<FileId>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub order: Order,
    pub after: Option<Uuid>,
    pub limit: usize,
}

impl DeliveriesQuery {
    /// Checks each parameter, and narrows the list to what the caller may see.
    pub fn validate(self, caller: &Caller<Admin>) -> Result<Filter, Problem> {
        let state = match (self.state, &self.quarantine_reason) {
            (Some(StateFilter::Recorded), Some(_)) => {
                let rule = "is of deliveries in quarantine, and `state` asks for others";
                return Err(Problem::field("quarantine_reason", rule));
            }
            (None, Some(_)) => Some(StateFilter::Quarantined),
            (state, _) => state,
        };
        Ok(Filter {
            apps: caller.narrow(self.app)?,
            door: self.door,
            state,
            quarantine_reason: code("quarantine_reason", self.quarantine_reason)?,
            event_type: code("event_type", self.event_type)?,
            file_id: self
                .file_id
                .as_deref()
                .map(file_id)
                .transpose()
                .map_err(|rule| Problem::field("file_id", rule))?,
            from: self.from,
            to: self.to,
            order: self.order,
            after: page::position(self.cursor.as_deref())?,
            limit: page::limit(self.limit)?,
        })
    }
}

impl Filter {
    /// Whether Postgres may have to pass over any number of rows before it finds one: those of a file, and those in
    /// quarantine, have indexes of their own.
    pub fn is_sparse(&self) -> bool {
        let has_index = self.file_id.is_some() || self.state == Some(StateFilter::Quarantined);
        let narrows = self.apps.is_some() || self.door.is_some() || self.event_type.is_some();
        narrows && !has_index
    }
}

fn code(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text)
            if !(1..=CODE_MAX_BYTES).contains(&text.len())
                || text.chars().any(char::is_control) =>
        {
            let rule = format!("must be 1 to {CODE_MAX_BYTES} bytes without control characters");
            Err(Problem::field(name, rule))
        }
        text => Ok(text),
    }
}
