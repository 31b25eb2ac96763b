//! What a text says, as far as it says it itself.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::Owner;
use crate::config::App;
use crate::ticket::Ticket;
use crate::vod::event::{Event, FileFact, News, TaskFact};
use crate::vod::{notification, signature};

/// How keys and tokens of this service begin: what is pasted by mistake is not looked at.
const SECRET_PREFIXES: [&str; 3] = ["vk_", "vc_", "vs_"];

/// What a text is, and what it says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Explained {
    Ticket(TicketExplained),
    Signature(SignatureExplained),
    Notification(NotificationExplained),
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketExplained {
    /// By its own id.
    made_at: Option<DateTime<Utc>>,
    /// The user whom it was issued for.
    whose: Whose,
}

/// An upload signature.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignatureExplained {
    /// In the order in which they are signed.
    parameters: Vec<ParameterExplained>,
    /// `currentTimeStamp`.
    issued_at: Option<DateTime<Utc>>,
    /// `expireTime`.
    expires_at: Option<DateTime<Utc>>,
    /// The app whose key made it; null if none of the configured keys did.
    #[schema(example = "main")]
    signed_by: Option<String>,
    /// By its source context.
    whose: Whose,
    /// What VOD would object to, now.
    vod_would_object: Vec<ObjectionExplained>,
}

/// One `name=value` of a signature.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParameterExplained {
    /// As the signature spells it.
    #[schema(example = "sourceContext")]
    name: String,
    /// Decoded.
    #[schema(example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    value: String,
}

/// One thing that VOD would refuse, or read differently from what was meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct ObjectionExplained {
    /// The parameter.
    #[schema(example = "expireTime")]
    parameter: String,
    /// What is wrong with it, for programs.
    #[schema(example = "expired")]
    code: &'static str,
    /// What is wrong with it, for people.
    #[schema(example = "`expireTime` is past by 60 s.")]
    sentence: String,
    /// Whether VOD takes no signature that has it.
    #[schema(example = true)]
    refuses: bool,
}

/// The body of a notification.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationExplained {
    /// Whether it carries a `Sign`.
    #[schema(example = false)]
    signed: bool,
    /// In the order of the body; a body without one has one, with its fault.
    events: Vec<EventExplained>,
}

/// One event, as it is understood here; or why none can be read.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct EventExplained {
    /// As VOD names it.
    #[schema(example = "NewFileUpload")]
    event_type: Option<String>,
    /// `3.0`, `2.0` or `hybrid`.
    #[schema(example = "3.0")]
    format: Option<&'static str>,
    /// What it says of files.
    files: Vec<FileExplained>,
    /// What it says of a task.
    task: Option<TaskExplained>,
    /// Why it would be quarantined: `no_event`, `no_file_id`, ...; null where it is an event.
    #[schema(example = json!(null))]
    fault: Option<&'static str>,
    /// The same in words.
    #[schema(example = json!(null))]
    fault_in_words: Option<String>,
}

/// What an event says of a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileExplained {
    /// The file.
    #[schema(example = "5285890784273533167")]
    file_id: String,
    /// `uploaded`, `deleted`, `parts_deleted`, `absent` or `mentioned`.
    #[schema(example = "uploaded")]
    news: &'static str,
    /// What it is called at VOD.
    #[schema(example = "holiday")]
    name: Option<String>,
    /// As VOD spells it: `Upload`, `Record`, ...
    #[schema(example = "Upload")]
    source_type: Option<String>,
    /// The text that comes back from the signature.
    #[schema(example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    source_context: Option<String>,
    /// The same of the session context.
    #[schema(example = json!(null))]
    session_context: Option<String>,
    /// The task that processes it.
    #[schema(example = json!(null))]
    procedure_task_id: Option<String>,
    /// The task that reviews it.
    #[schema(example = json!(null))]
    review_task_id: Option<String>,
    /// By VOD's clock.
    uploaded_at: Option<DateTime<Utc>>,
    /// By its source context, else its session context.
    whose: Whose,
}

/// What an event says of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskExplained {
    /// The task.
    #[schema(example = "1400000000-procedurev2-acd135c")]
    task_id: String,
    /// `waiting`, `processing`, `succeeded`, `partly_failed` or `failed`.
    #[schema(example = "succeeded")]
    state: &'static str,
    /// What VOD says went wrong.
    #[schema(example = json!(null))]
    error_code: Option<String>,
    /// The same in words.
    #[schema(example = json!(null))]
    message: Option<String>,
}

/// Whose it is, by the ticket that its context names.
#[derive(Debug, Serialize, ToSchema)]
pub struct Whose {
    /// Null where `reason` is not `ticket`.
    #[schema(example = "user-42")]
    user_id: Option<String>,
    /// The app that its ticket is for.
    #[schema(example = "main")]
    app: Option<String>,
    /// The ticket that its context names.
    #[schema(value_type = Option<String>, example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    ticket: Option<String>,
    /// `ticket`; or why nobody is known: `no_context`, `foreign_context` (no ticket, and perhaps a resolver's matter),
    /// `unknown_ticket`, `another_app`, `erased`, `not_looked_up`.
    #[schema(example = "ticket")]
    reason: &'static str,
    #[serde(skip)]
    id: Option<Ticket>,
}

/// Why a text is not explained; never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotExplained {
    #[error("is neither an upload signature, nor a ticket, nor the body of a notification")]
    Unknown,
    #[error(
        "looks like a key or token of this service, and was not looked at: if others saw it, replace it"
    )]
    Secret,
}

/// Explains a text; of tickets it says whose they are once it is [told](Explained::tell_owners).
///
/// # Errors
///
/// [`NotExplained`].
pub fn explain(text: &[u8], apps: &[App], now: DateTime<Utc>) -> Result<Explained, NotExplained> {
    let words = String::from_utf8_lossy(text);
    let words = words.trim();
    if SECRET_PREFIXES
        .iter()
        .any(|prefix| words.starts_with(prefix))
    {
        return Err(NotExplained::Secret);
    }
    if let Ok(ticket) = words.parse::<Ticket>() {
        return Ok(Explained::Ticket(TicketExplained::of(ticket)));
    }
    if words.starts_with(['{', '[']) {
        let read = notification::read(text).map_err(|_| NotExplained::Unknown)?;
        return Ok(Explained::Notification(NotificationExplained::of(&read)));
    }
    let decoded = signature::decode(words).map_err(|_| NotExplained::Unknown)?;
    Ok(Explained::Signature(SignatureExplained::of(
        &decoded, apps, now,
    )))
}

impl Explained {
    /// The tickets that it names.
    pub fn tickets(&self) -> Vec<Ticket> {
        let whose: Vec<&Whose> = match self {
            Self::Ticket(ticket) => vec![&ticket.whose],
            Self::Signature(signature) => vec![&signature.whose],
            Self::Notification(read) => {
                let files = read.events.iter().flat_map(|event| &event.files);
                files.map(|file| &file.whose).collect()
            }
        };
        whose.into_iter().filter_map(|whose| whose.id).collect()
    }

    /// Says whose its tickets are, of apps that may be told of.
    pub fn tell_owners(
        &mut self,
        owners: &HashMap<Ticket, Owner>,
        may_be_told: impl Fn(&str) -> bool,
    ) {
        let whose: Vec<&mut Whose> = match self {
            Self::Ticket(ticket) => vec![&mut ticket.whose],
            Self::Signature(signature) => vec![&mut signature.whose],
            Self::Notification(read) => {
                let files = read.events.iter_mut().flat_map(|event| &mut event.files);
                files.map(|file| &mut file.whose).collect()
            }
        };
        for whose in whose {
            let Some(ticket) = whose.id else {
                continue;
            };
            match owners.get(&ticket) {
                None => whose.reason = "unknown_ticket",
                Some(owner) if !may_be_told(&owner.app) => whose.reason = "another_app",
                Some(owner) => {
                    whose.reason = match owner.user_id {
                        Some(_) => "ticket",
                        None => "erased",
                    };
                    whose.user_id = owner.user_id.clone();
                    whose.app = Some(owner.app.clone());
                }
            }
        }
    }
}

impl Whose {
    fn of(context: Option<&str>) -> Self {
        let id: Option<Ticket> = context.and_then(|context| context.parse().ok());
        Self {
            user_id: None,
            app: None,
            ticket: id.map(|ticket| ticket.to_string()),
            reason: match (context, id) {
                (None, _) => "no_context",
                (Some(_), None) => "foreign_context",
                (Some(_), Some(_)) => "not_looked_up",
            },
            id,
        }
    }
}

impl TicketExplained {
    fn of(ticket: Ticket) -> Self {
        let made_at = ticket.0.get_timestamp().and_then(|at| {
            let (seconds, nanos) = at.to_unix();
            DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
        });
        Self {
            made_at,
            whose: Whose::of(Some(&ticket.to_string())),
        }
    }
}

impl SignatureExplained {
    fn of(decoded: &signature::DecodedSignature, apps: &[App], now: DateTime<Utc>) -> Self {
        let at = |name| {
            let seconds = decoded.integer(name)?;
            DateTime::from_timestamp(seconds, 0)
        };
        let signer = apps
            .iter()
            .find(|app| decoded.verify(app.secret_key.expose()));
        let parameters = decoded
            .parameters
            .iter()
            .map(|parameter| ParameterExplained {
                name: parameter.name.clone(),
                value: parameter.value.clone(),
            });
        let objections = decoded.objections(now.timestamp()).into_iter();
        let objections = objections.map(|objection| ObjectionExplained {
            parameter: objection.parameter,
            code: objection.code,
            sentence: objection.sentence,
            refuses: objection.refuses,
        });
        Self {
            parameters: parameters.collect(),
            issued_at: at("currentTimeStamp"),
            expires_at: at("expireTime"),
            signed_by: signer.map(|app| app.name.to_string()),
            whose: Whose::of(decoded.text("sourceContext")),
            vod_would_object: objections.collect(),
        }
    }
}

impl NotificationExplained {
    fn of(read: &notification::Notification) -> Self {
        let events = read.items.iter().map(|item| match &item.event {
            Ok(event) => EventExplained::of(event),
            Err(fault) => EventExplained {
                fault: Some(fault.code()),
                fault_in_words: Some(fault.to_string()),
                ..EventExplained::default()
            },
        });
        Self {
            signed: read.sign.is_some(),
            events: events.collect(),
        }
    }
}

impl EventExplained {
    fn of(event: &Event) -> Self {
        Self {
            event_type: Some(event.event_type.clone()),
            format: Some(event.format.as_str()),
            files: event.files.iter().map(FileExplained::of).collect(),
            task: event.task.as_ref().map(TaskExplained::of),
            ..Self::default()
        }
    }
}

impl FileExplained {
    fn of(fact: &FileFact) -> Self {
        let fields = &fact.fields;
        let context = fields.source_context.as_deref();
        Self {
            file_id: fact.file_id.to_string(),
            news: match fact.news {
                News::Uploaded => "uploaded",
                News::Deleted => "deleted",
                News::PartsDeleted => "parts_deleted",
                News::Absent => "absent",
                News::Mentioned => "mentioned",
            },
            name: fields.name.clone(),
            source_type: fields.source_type.clone(),
            source_context: fields.source_context.clone(),
            session_context: fields.session_context.clone(),
            procedure_task_id: fields.procedure_task_id.clone(),
            review_task_id: fields.review_task_id.clone(),
            uploaded_at: fields.uploaded_at,
            whose: Whose::of(context.or(fields.session_context.as_deref())),
        }
    }
}

impl TaskExplained {
    fn of(task: &TaskFact) -> Self {
        Self {
            task_id: task.task_id.clone(),
            state: task.state.as_str(),
            error_code: task.error_code.clone(),
            message: task.message.clone(),
        }
    }
}
