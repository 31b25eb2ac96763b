//! What the app's backend asks for, and the rules of each field.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::ticket::{Ticket, UserId};

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
    #[schema(example = "main")]
    pub app: Option<String>,
    /// Another signature for the same upload: the ticket of the first answer.
    #[schema(example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    pub ticket: Option<String>,
    /// For how many seconds an upload may begin with it; 3600 if left out.
    #[schema(minimum = 1, maximum = 7776000, example = 3600)]
    pub expires_in: Option<i64>,
    /// Whether VOD takes it only once; false if left out.
    pub one_time: Option<bool>,
    /// The task flow that VOD starts after the upload.
    #[schema(example = "LongVideoPreset")]
    pub procedure: Option<String>,
    /// VOD's media class.
    #[schema(minimum = 0, maximum = 2147483647)]
    pub class_id: Option<i64>,
    /// Priority of the task flow; only with `procedure`.
    #[schema(minimum = -10, maximum = 10)]
    pub task_priority: Option<i64>,
    /// When VOD tells of the task flow; only with `procedure`.
    pub task_notify_mode: Option<NotifyMode>,
    /// Where VOD is to store the file; must be enabled for the app there.
    #[schema(example = "ap-chongqing")]
    pub storage_region: Option<String>,
    /// Any JSON of the app's own, at most 4 KiB; given back with the upload.
    #[schema(value_type = Option<serde_json::Value>)]
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
}

/// A request that keeps every rule.
#[derive(Debug, Clone)]
pub struct Permission {
    pub user_id: UserId,
    /// Of an upload that is under way.
    pub ticket: Option<Ticket>,
    pub expires_in: TimeDelta,
    pub one_time: bool,
    pub procedure: Option<String>,
    pub class_id: Option<i32>,
    pub task_priority: Option<i16>,
    pub task_notify_mode: Option<NotifyMode>,
    pub storage_region: Option<String>,
    /// JSON, as it was written.
    pub context: Option<String>,
}

impl SignatureRequest {
    /// Checks each field against its rule.
    pub fn validate(self) -> Result<Permission, Problem> {
        let user_id = UserId::parse(&self.user_id)
            .map_err(|rule| Problem::field("user_id", rule.to_string()))?;
        let ticket = self.ticket.as_deref().map(str::parse).transpose();
        let permission = Permission {
            ticket: ticket.map_err(|rule: crate::ticket::NotATicket| {
                Problem::field("ticket", rule.to_string())
            })?,
            expires_in: match self.expires_in {
                None => USUAL,
                Some(_) => TimeDelta::seconds(
                    within("expires_in", self.expires_in, 1, LONGEST.num_seconds())?.unwrap_or(0),
                ),
            },
            one_time: self.one_time.unwrap_or(false),
            class_id: within("class_id", self.class_id, 0, i64::from(i32::MAX))?,
            task_priority: within("task_priority", self.task_priority, -10, 10)?,
            task_notify_mode: self.task_notify_mode,
            procedure: procedure(self.procedure)?,
            storage_region: storage_region(self.storage_region)?,
            context: context(self.context.as_deref())?,
            user_id,
        };
        let only_with_procedure = |field| {
            Err(Problem::field(
                field,
                "is only allowed together with `procedure`",
            ))
        };
        match &permission {
            Permission {
                procedure: None,
                task_priority: Some(_),
                ..
            } => only_with_procedure("task_priority"),
            Permission {
                procedure: None,
                task_notify_mode: Some(_),
                ..
            } => only_with_procedure("task_notify_mode"),
            _ => Ok(permission),
        }
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
