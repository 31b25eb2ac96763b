//! What the app's backend asks for, and the rules of each field.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::ticket::{NotATicket, Ticket, UserId};

/// The longest that VOD lets a signature live: 90 days (protocol.md section 1).
const LONGEST: TimeDelta = TimeDelta::seconds(7_776_000);
/// Long enough to choose a file and begin, short enough to limit a leaked one.
const USUAL: TimeDelta = TimeDelta::hours(1);
/// A ticket is read with each upload: the app's own is to stay small.
const CONTEXT_MAX_BYTES: usize = 4096;
/// VOD documents no limit; its console allows far fewer.
const PROCEDURE_MAX_BYTES: usize = 128;
const REGION_MAX_BYTES: usize = 64;

/// A request for one upload signature.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureRequest {
    /// The app's own id of the user: 1 to 256 bytes of UTF-8 without control characters.
    #[schema(example = "user-42", min_length = 1, max_length = 256)]
    pub user_id: String,
    /// The app; may be left out if there is only one.
    #[schema(example = "main", pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    pub app: Option<String>,
    /// Another signature for the same upload: the ticket of the first answer. What is left out of
    /// `procedure`, `class_id`, `task_priority`, `task_notify_mode` and `storage_region` is as in the
    /// last signature of the ticket.
    #[schema(
        example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE",
        pattern = "^vt_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"
    )]
    pub ticket: Option<String>,
    /// For how many seconds an upload may begin with it; 3600 if left out.
    #[schema(minimum = 1, maximum = 7776000, example = 3600)]
    pub expires_in: Option<i64>,
    /// Whether VOD takes it only once; false if left out.
    #[schema(example = false)]
    pub one_time: Option<bool>,
    /// The task flow that VOD starts after the upload.
    #[schema(example = "LongVideoPreset")]
    pub procedure: Option<String>,
    /// VOD's media class.
    #[schema(minimum = 0, maximum = 2147483647, example = 0)]
    pub class_id: Option<i64>,
    /// Priority of the task flow; only with `procedure`.
    #[schema(minimum = -10, maximum = 10, example = json!(null))]
    pub task_priority: Option<i64>,
    /// When VOD tells of the task flow; only with `procedure`.
    pub task_notify_mode: Option<NotifyMode>,
    /// Where VOD is to store the file; must be enabled for the app there.
    #[schema(example = "ap-chongqing")]
    pub storage_region: Option<String>,
    /// Any JSON of the app's own, at most 4 KiB; given back with the upload.
    #[schema(value_type = Option<serde_json::Value>, example = json!({"order": 7}))]
    pub context: Option<Box<RawValue>>,
}

/// When VOD tells of a task flow (protocol.md section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum NotifyMode {
    /// When all of it has ended.
    Finish,
    /// At each change of a sub-task.
    Change,
    /// Never.
    None,
}

impl NotifyMode {
    /// As VOD spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finish => "Finish",
            Self::Change => "Change",
            Self::None => "None",
        }
    }

    /// Reads it back from the log.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Finish, Self::Change, Self::None]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }
}

/// A request that keeps every rule.
#[derive(Debug, Clone)]
pub struct Permission {
    pub user_id: UserId,
    /// Of an upload that is under way.
    pub ticket: Option<Ticket>,
    pub expires_in: TimeDelta,
    pub one_time: bool,
    pub asked: Asked,
    /// JSON, as it was written.
    pub context: Option<String>,
}

/// What a signature asks of VOD beside the upload itself.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub procedure: Option<String>,
    /// Only with a procedure.
    pub task_priority: Option<i16>,
    /// Only with a procedure.
    pub task_notify_mode: Option<NotifyMode>,
    pub class_id: Option<i32>,
    pub storage_region: Option<String>,
}

impl Asked {
    /// The same, with what an earlier signature of the ticket asked where this one does not say: which of
    /// an upload's signatures counts is undocumented, so they are kept equal (protocol.md section 9).
    pub fn inheriting(&self, earlier: &Self) -> Self {
        let flow = if self.procedure.is_some() {
            self
        } else {
            earlier
        };
        let region = self.storage_region.as_ref();
        Self {
            class_id: self.class_id.or(earlier.class_id),
            storage_region: region.or(earlier.storage_region.as_ref()).cloned(),
            ..flow.clone()
        }
    }
}

impl SignatureRequest {
    /// Checks each field against its rule.
    pub fn validate(self) -> Result<Permission, Problem> {
        let user_id = UserId::parse(&self.user_id)
            .map_err(|rule| Problem::field("user_id", rule.to_string()))?;
        let ticket = self.ticket.as_deref().map(str::parse).transpose();
        let asked = Asked {
            procedure: procedure(self.procedure)?,
            task_priority: within("task_priority", self.task_priority, -10, 10)?,
            task_notify_mode: self.task_notify_mode,
            class_id: within("class_id", self.class_id, 0, i64::from(i32::MAX))?,
            storage_region: storage_region(self.storage_region)?,
        };
        let only_with_procedure =
            |field| Problem::field(field, "is only allowed together with `procedure`");
        if asked.procedure.is_none() && asked.task_priority.is_some() {
            return Err(only_with_procedure("task_priority"));
        }
        if asked.procedure.is_none() && asked.task_notify_mode.is_some() {
            return Err(only_with_procedure("task_notify_mode"));
        }
        let seconds = within("expires_in", self.expires_in, 1, LONGEST.num_seconds())?;
        Ok(Permission {
            user_id,
            ticket: ticket
                .map_err(|rule: NotATicket| Problem::field("ticket", rule.to_string()))?,
            expires_in: seconds.map_or(USUAL, TimeDelta::seconds),
            one_time: self.one_time.unwrap_or(false),
            asked,
            context: context(self.context.as_deref())?,
        })
    }
}

fn within<T: TryFrom<i64>>(
    field: &str,
    value: Option<i64>,
    least: i64,
    most: i64,
) -> Result<Option<T>, Problem> {
    let fault = || Problem::field(field, format!("must be between {least} and {most}"));
    match value {
        None => Ok(None),
        Some(value) if (least..=most).contains(&value) => {
            T::try_from(value).map(Some).map_err(|_| fault())
        }
        Some(_) => Err(fault()),
    }
}

fn procedure(name: Option<String>) -> Result<Option<String>, Problem> {
    match name {
        Some(name)
            if !(1..=PROCEDURE_MAX_BYTES).contains(&name.len())
                || name.chars().any(char::is_control) =>
        {
            Err(Problem::field(
                "procedure",
                format!("must be 1 to {PROCEDURE_MAX_BYTES} bytes without control characters"),
            ))
        }
        name => Ok(name),
    }
}

fn storage_region(region: Option<String>) -> Result<Option<String>, Problem> {
    let fits = |region: &str| {
        (1..=REGION_MAX_BYTES).contains(&region.len())
            && region
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    match region {
        Some(region) if !fits(&region) => Err(Problem::field(
            "storage_region",
            "must be the name of a region such as ap-chongqing",
        )),
        region => Ok(region),
    }
}

fn context(json: Option<&RawValue>) -> Result<Option<String>, Problem> {
    let Some(json) = json.map(RawValue::get) else {
        return Ok(None);
    };
    if json.len() > CONTEXT_MAX_BYTES {
        return Err(Problem::field(
            "context",
            format!("must be at most {CONTEXT_MAX_BYTES} bytes of JSON"),
        ));
    }
    let value: serde_json::Value = serde_json::from_str(json)
        .map_err(|fault| Problem::field("context", format!("cannot be kept: {fault}")))?;
    if holds_nul(&value) {
        return Err(Problem::field(
            "context",
            "must not hold U+0000: Postgres cannot",
        ));
    }
    Ok(Some(json.to_owned()))
}

fn holds_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(holds_nul),
        serde_json::Value::Object(members) => members
            .iter()
            .any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}
