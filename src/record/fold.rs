//! One row from many facts: pure, and the same whatever the order in which they come (design section 8).
//!
//! Each field of an upload takes the strongest non-empty value told. A row remembers one rank for
//! all its fields (nearly always one fact filled them all) and, apart, the fields that a weaker
//! fact had to fill. Flags only ever rise, and a task never goes back.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Delivery, Door};
use crate::attribute::{self, Claims, Method, Reason, Resolvers, Verdict};
use crate::ticket::{IssuedTicket, Ticket};
use crate::vod::event::{
    Event, FileFact, FileFields, Format, News, Output, TaskFact, TaskRole, TaskState,
};

/// A fact about the upload itself outranks one that merely names the file: a 2.0 upload event knows
/// better which task the upload started than a 3.0 event of some later task on the same file.
const ABOUT_THE_UPLOAD: i16 = 10;

/// How much a fact's word weighs against another's on the same file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// VOD's own API over 3.0 over hybrid over 2.0.
    pub strength: i16,
    /// The newer state of the media wins.
    pub update_time: Option<DateTime<Utc>>,
    /// The smaller digest wins: arbitrary, but the same everywhere.
    pub digest: Reverse<[u8; 16]>,
}

impl Rank {
    /// Weaker than any fact.
    pub const NONE: Self = Self {
        strength: 0,
        update_time: None,
        digest: Reverse([0xff; 16]),
    };

    fn of(door: Door, event: &Event, news: News, update_time: Option<DateTime<Utc>>) -> Self {
        let by_source = match (door, event.format) {
            (Door::Pull | Door::Reconcile, _) => 4,
            (Door::Push | Door::Replay, Format::V3) => 3,
            (Door::Push | Door::Replay, Format::Hybrid) => 2,
            (Door::Push | Door::Replay, Format::V2) => 1,
        };
        let about = if news == News::Uploaded {
            ABOUT_THE_UPLOAD
        } else {
            0
        };
        let mut digest = [0; 16];
        digest.copy_from_slice(&event.digest[..16]);
        Self {
            strength: about + by_source,
            update_time,
            digest: Reverse(digest),
        }
    }
}

/// Which fact won each field of an upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks {
    /// The strongest fact told; it won every field that is not in `weaker`.
    pub top: Rank,
    /// Fields that the strongest fact left empty, and what won them.
    pub weaker: BTreeMap<Cow<'static, str>, Rank>,
}

impl Ranks {
    fn of(&self, field: &'static str) -> &Rank {
        self.weaker.get(field).unwrap_or(&self.top)
    }

    fn won(&mut self, field: &'static str, rank: &Rank) {
        if *rank == self.top {
            self.weaker.remove(field);
        } else {
            self.weaker.insert(Cow::Borrowed(field), rank.clone());
        }
    }
}

/// Joins what a fact tells to what is held, field by field.
macro_rules! join_fields {
    ($held:expr, $told:expr, $ranks:expr, $rank:expr; $($field:ident),+ $(,)?) => {
        if $rank > $ranks.top {
            $(if $held.$field.is_some() {
                let before = $ranks.top.clone();
                $ranks.weaker.entry(Cow::Borrowed(stringify!($field))).or_insert(before);
            })+
            $ranks.top = $rank.clone();
        }
        $(if let Some(told) = &$told.$field
            && ($held.$field.is_none() || $rank > *$ranks.of(stringify!($field)))
        {
            $held.$field = Some(told.clone());
            $ranks.won(stringify!($field), &$rank);
        })+
    };
}

/// Who said that the file was uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confirmed {
    /// Notifications only.
    Push,
    /// VOD itself, asked by us.
    Vod,
}

impl Confirmed {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Vod => "vod",
        }
    }
}

/// The current state of one file; a row of `uploads` without its bookkeeping.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    pub fields: FileFields,
    pub ranks: Ranks,
    /// An upload event came; until then the row only waits for it.
    pub announced: bool,
    pub confirmed: Confirmed,
    /// When its deletion first reached us.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Two different source contexts were told.
    pub contexts_differ: bool,
    /// How far the task `fields.procedure_task_id` is.
    pub procedure_state: Option<TaskState>,
    /// How far the task `fields.review_task_id` is.
    pub review_state: Option<TaskState>,
    pub verdict: Verdict,
    /// Of `verdict`.
    pub decided_at: DateTime<Utc>,
}

/// The tasks of one file by id, as far as a delivery names them.
pub type Tasks = HashMap<String, Task>;

impl Upload {
    /// A file of which nothing is known.
    pub fn unknown(now: DateTime<Utc>) -> Self {
        let verdict = Verdict {
            user_id: None,
            ticket: None,
            method: Method::None,
            reason: Reason::NoContext,
            detail: None,
        };
        Self {
            fields: FileFields::default(),
            ranks: Ranks {
                top: Rank::NONE,
                weaker: BTreeMap::new(),
            },
            announced: false,
            confirmed: Confirmed::Push,
            deleted_at: None,
            contexts_differ: false,
            procedure_state: None,
            review_state: None,
            verdict,
            decided_at: now,
        }
    }

    /// Joins one fact.
    pub fn absorb(&mut self, fact: &FileFact, event: &Event, delivery: &Delivery) {
        match fact.news {
            News::Uploaded => {
                self.announced = true;
                if matches!(delivery.door, Door::Pull | Door::Reconcile) {
                    self.confirmed = Confirmed::Vod;
                }
            }
            News::Deleted => {
                let told = delivery.received_at;
                self.deleted_at = Some(self.deleted_at.map_or(told, |held| held.min(told)));
            }
            News::Absent | News::PartsDeleted | News::Mentioned => {}
        }
        let (held, told) = (&mut self.fields, &fact.fields);
        if *told == FileFields::default() {
            return;
        }
        if let (Some(held), Some(told)) = (&held.source_context, &told.source_context) {
            self.contexts_differ |= held != told;
        }
        let rank = Rank::of(delivery.door, event, fact.news, fact.update_time);
        join_fields!(held, told, self.ranks, rank;
            source_type, source_context, session_context, name, media_type, media_url, cover_url,
            class_id, storage_region, size_bytes, duration_s, width, height, bitrate_bps,
            procedure_task_id, review_task_id, uploaded_at);
    }

    /// Draws the conclusions from what was joined: how far its tasks are, and whose it is.
    pub fn conclude(
        &mut self,
        app: &str,
        tasks: &Tasks,
        tickets: &HashMap<Ticket, Arc<IssuedTicket>>,
        resolvers: &Resolvers,
        now: DateTime<Utc>,
    ) {
        let state = |id: &Option<String>, held| match id {
            None => None,
            // A task that the delivery does not name did not move, and is the one that was held.
            Some(id) => tasks
                .get(id)
                .map(|task| task.state)
                .or(held)
                .or(Some(TaskState::Waiting)),
        };
        self.procedure_state = state(&self.fields.procedure_task_id, self.procedure_state);
        self.review_state = state(&self.fields.review_task_id, self.review_state);

        let claims = Claims {
            app,
            source_context: self.fields.source_context.as_deref(),
            session_context: self.fields.session_context.as_deref(),
            contexts_differ: self.contexts_differ,
            uploaded_at: self.fields.uploaded_at,
        };
        let verdict = attribute::attribute(&claims, tickets, resolvers);
        if self.verdict.method == Method::Manual {
            // The person decides whose it is; which ticket the context names is not theirs to say.
            self.verdict.ticket = verdict.ticket;
        } else if verdict != self.verdict {
            self.verdict = verdict;
            self.decided_at = now;
        }
    }

    /// How its processing goes, its task flow and its review taken together.
    pub fn processing(&self) -> &'static str {
        let states: Vec<TaskState> = self
            .procedure_state
            .into_iter()
            .chain(self.review_state)
            .collect();
        if states.is_empty() {
            "none"
        } else if states.iter().all(|state| *state == TaskState::Waiting) {
            "waiting"
        } else if states.iter().any(|state| !state.is_finished()) {
            "processing"
        } else if states.iter().all(|state| *state == TaskState::Succeeded) {
            "succeeded"
        } else if states.iter().all(|state| *state == TaskState::Failed) {
            "failed"
        } else {
            "partly_failed"
        }
    }

    /// Whether a reader of the API would see no difference.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.fields == other.fields
            && self.announced == other.announced
            && self.confirmed == other.confirmed
            && self.deleted_at.is_some() == other.deleted_at.is_some()
            && self.processing() == other.processing()
            && self.verdict == other.verdict
    }
}

/// The current state of one task, as it was told of one file; a row of `tasks` without its bookkeeping.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub role: TaskRole,
    /// The event type that told of it; `None` while an upload only announced it.
    pub event_type: Option<String>,
    pub state: TaskState,
    pub error_code: Option<String>,
    pub message: Option<String>,
    /// Of the fact that decided `state`.
    pub rank: Rank,
    /// Of the same fact.
    pub outputs: Vec<Output>,
}

impl Task {
    /// A task that an upload says it started.
    pub fn announced(role: TaskRole) -> Self {
        Self {
            role,
            event_type: None,
            state: TaskState::Waiting,
            error_code: None,
            message: None,
            rank: Rank::NONE,
            outputs: Vec::new(),
        }
    }

    /// A task of which an event tells for the first time.
    pub fn told(fact: &TaskFact, event: &Event, delivery: &Delivery) -> Self {
        Self {
            role: fact.role,
            event_type: Some(fact.task_type.clone()),
            state: fact.state,
            error_code: fact.error_code.clone(),
            message: fact.message.clone(),
            rank: Rank::of(delivery.door, event, News::Mentioned, None),
            outputs: fact.outputs.clone(),
        }
    }

    /// Whether a reader of the API would see no difference.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        let shown = |task: &Self| {
            (
                task.role,
                task.state,
                task.event_type.clone(),
                task.error_code.clone(),
                task.message.clone(),
            )
        };
        shown(self) == shown(other) && self.outputs == other.outputs
    }

    /// What decides between two facts: while a task runs, who tells of more that it made is the later one.
    fn weight(&self) -> (u8, i16, usize, &Rank) {
        let phase = phase(self.state);
        let made = if self.state.is_finished() {
            0
        } else {
            self.outputs.len()
        };
        (phase, self.rank.strength, made, &self.rank)
    }

    /// Joins what is known of a task elsewhere: the later state wins, then the stronger fact. The same fact again
    /// is taken as it is read today, so that `replay` fills what an earlier version did not read.
    pub fn join(&mut self, other: Self) {
        let role = self.role.min(other.role);
        if other.weight() >= self.weight() {
            *self = other;
        }
        self.role = role;
    }
}

/// Later phases never give way to earlier ones; which end a task came to is for the ranks to say.
fn phase(state: TaskState) -> u8 {
    match state {
        TaskState::Waiting => 0,
        TaskState::Processing => 1,
        TaskState::Failed | TaskState::PartlyFailed | TaskState::Succeeded => 2,
    }
}
