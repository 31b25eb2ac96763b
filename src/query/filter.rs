//! Which uploads are wanted.

use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::access::{Caller, Read};
use crate::config::AppName;
use crate::http::page::{self, Order};
use crate::http::params;
use crate::http::problem::Problem;
use crate::ticket::{NotATicket, Ticket, UserId};
use crate::vod::event::FileId;

/// Which uploads are wanted, as it is asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UploadsQuery {
    /// Whose: exactly this user id.
    #[param(example = "user-42", min_length = 1, max_length = 256)]
    user_id: Option<String>,
    /// Only this app; without it every app of the key.
    #[param(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    app: Option<String>,
    /// The file, by VOD's id.
    #[param(example = "5285890784273533167", pattern = "^[A-Za-z0-9_-]{1,64}$")]
    file_id: Option<String>,
    /// The ticket that its context names.
    #[param(
        example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE",
        pattern = "^vt_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"
    )]
    ticket: Option<String>,
    /// The id of its processing or review task.
    #[param(
        example = "1400000000-procedurev2-acd135c",
        min_length = 1,
        max_length = 256
    )]
    task: Option<String>,
    /// How its user is known.
    #[param(inline, example = "ticket")]
    attribution: Option<AttributionFilter>,
    /// Why it is its user's, or nobody's.
    #[param(inline, example = "ticket")]
    reason: Option<ReasonFilter>,
    /// How its processing goes.
    #[param(inline, example = "succeeded")]
    processing: Option<ProcessingFilter>,
    /// Who says that it was uploaded; those that are `refuted` are listed only if asked for.
    #[param(inline, example = "push")]
    confirmed: Option<ConfirmedFilter>,
    /// Recorded at or after.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-23T08:00:00Z")]
    from: Option<DateTime<Utc>>,
    /// Recorded before.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-24T08:00:00Z")]
    to: Option<DateTime<Utc>>,
    /// Uploaded, by VOD's clock, at or after.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-23T08:00:00Z")]
    uploaded_from: Option<DateTime<Utc>>,
    /// Uploaded, by VOD's clock, before.
    #[serde(default, deserialize_with = "params::time")]
    #[param(value_type = Option<DateTime<Utc>>, example = "2026-11-24T08:00:00Z")]
    uploaded_to: Option<DateTime<Utc>>,
    /// Only deleted ones, or only those that live; both if left out.
    #[param(example = false)]
    deleted: Option<bool>,
    /// `desc`, newest first, if left out.
    #[serde(default)]
    #[param(inline, example = "desc")]
    order: Order,
    /// 1 to 200, 50 if left out.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before; ask for the same uploads in the same order.
    cursor: Option<String>,
}

/// An enum of codes, as they are asked for and as they are stored.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($variant:ident => $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// The code as it is stored.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}

pub(super) use codes;

codes! {
    /// How the user of an upload is known.
    AttributionFilter { Ticket => "ticket", Resolver => "resolver", Manual => "manual", None => "none" }
}
codes! {
    /// Why an upload is its user's, or nobody's.
    ReasonFilter {
        Ticket => "ticket", SessionTicket => "session_ticket", Resolver => "resolver", Manual => "manual",
        NoContext => "no_context", ForeignContext => "foreign_context", UnknownTicket => "unknown_ticket",
        WrongApp => "wrong_app", ContextsDiffer => "contexts_differ", Refuted => "refuted", Erased => "erased",
    }
}

impl ReasonFilter {
    /// Whether few uploads have it: they have an index of their own.
    pub fn is_rare(self) -> bool {
        !matches!(self, Self::Ticket | Self::Resolver)
    }
}

codes! {
    /// How the processing of an upload goes.
    ProcessingFilter {
        None => "none", Waiting => "waiting", Processing => "processing",
        Succeeded => "succeeded", PartlyFailed => "partly_failed", Failed => "failed",
    }
}
codes! {
    /// Who says that a file was uploaded.
    ConfirmedFilter { Vod => "vod", Push => "push", Refuted => "refuted" }
}

/// Which uploads are wanted, checked.
pub struct Filter {
    pub apps: Option<Vec<String>>,
    pub user_id: Option<UserId>,
    pub file_id: Option<FileId>,
    pub ticket: Option<Ticket>,
    pub task: Option<String>,
    pub attribution: Option<AttributionFilter>,
    pub reason: Option<ReasonFilter>,
    pub processing: Option<ProcessingFilter>,
    pub confirmed: Option<ConfirmedFilter>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub uploaded_from: Option<DateTime<Utc>>,
    pub uploaded_to: Option<DateTime<Utc>>,
    pub deleted: Option<bool>,
    pub order: Order,
    pub after: Option<Key>,
    pub limit: usize,
}

/// Our clock was never outside them when it wrote a row.
const YEARS_OF_ROWS: std::ops::Range<i32> = 1970..10_000;

/// By what a list of uploads runs; unique, and all of it in one direction.
pub type Key = (DateTime<Utc>, String, String);

impl UploadsQuery {
    /// Checks each parameter, and narrows the list to what the caller may see.
    pub fn validate(self, caller: &Caller<Read>) -> Result<Filter, Problem> {
        Ok(Filter {
            apps: caller.narrow(self.app)?,
            user_id: parsed("user_id", self.user_id.as_deref(), |id| {
                UserId::parse(id).map_err(|rule| rule.to_string())
            })?,
            file_id: parsed("file_id", self.file_id.as_deref(), file_id)?,
            ticket: parsed("ticket", self.ticket.as_deref(), |text| {
                text.parse().map_err(|rule: NotATicket| rule.to_string())
            })?,
            task: parsed("task", self.task.as_deref(), task_id)?,
            attribution: self.attribution,
            reason: self.reason,
            processing: self.processing,
            confirmed: self.confirmed,
            from: self.from,
            to: self.to,
            uploaded_from: self.uploaded_from,
            uploaded_to: self.uploaded_to,
            deleted: self.deleted,
            order: self.order,
            after: position(self.cursor.as_deref())?,
            limit: page::limit(self.limit)?,
        })
    }
}

impl Filter {
    /// Whether it asks for what no index tells, so that any number of uploads may have to be passed over.
    pub fn is_sparse(&self) -> bool {
        let is_looked_up = self.ticket.is_some() || self.task.is_some() || self.file_id.is_some();
        let has_no_index = self.processing.is_some()
            || self.deleted.is_some()
            || self.uploaded_from.is_some()
            || self.uploaded_to.is_some()
            || self.apps.is_some() && self.user_id.is_none()
            || self.reason.is_some_and(|reason| !reason.is_rare())
            || !matches!(self.attribution, None | Some(AttributionFilter::None))
            || !matches!(self.confirmed, None | Some(ConfirmedFilter::Refuted));
        has_no_index && !is_looked_up
    }
}

/// Reads where the last page ended. A cursor is no secret, so one written by hand may hold what no row
/// does, and Postgres would refuse a NUL or the year -262143.
fn position(cursor: Option<&str>) -> Result<Option<Key>, Problem> {
    let key: Option<Key> = page::position(cursor)?;
    let is_ours = |(at, app, file_id): &Key| {
        YEARS_OF_ROWS.contains(&at.year())
            && app.parse::<AppName>().is_ok()
            && FileId::parse(file_id).is_some()
    };
    match key {
        Some(key) if !is_ours(&key) => Err(page::not_ours()),
        key => Ok(key),
    }
}

fn parsed<T>(
    name: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Problem> {
    text.map(parse)
        .transpose()
        .map_err(|rule| Problem::field(name, rule))
}

/// Reads a file id of a path or a parameter.
pub fn file_id(text: &str) -> Result<FileId, String> {
    FileId::parse(text)
        .ok_or_else(|| "must be a file id: 1 to 64 letters, digits, `_` or `-`".to_owned())
}

fn task_id(text: &str) -> Result<String, String> {
    let fits = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 256 bytes without control characters".to_owned())
    }
}
