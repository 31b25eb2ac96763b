//! One row from many facts: pure, and the same whatever the order in which they come (design section 8).
//!
//! Each field of an upload takes the strongest non-empty value told. A row remembers one rank for
//! all its fields (nearly always one fact filled them all) and, apart, the fields that a weaker
//! fact had to fill. Flags only ever rise, and a task never goes back.
//!
//! What VOD answers when it is asked is told in the order in which it said so: whether it knows a file now is
//! for its last word to say. All else may come in any order, and everything may come again.

mod rank;
mod task;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Delivery, Door};
use crate::attribute::{self, Claims, Method, Reason, Resolvers, Verdict};
use crate::erased::Known;
use crate::ticket::{IssuedTicket, Ticket};
use crate::vod::event::{Event, FileFact, FileFields, News, TaskState};
pub use rank::{Rank, Ranks};
pub use task::Task;

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
    /// Notifications only, and VOD does not know such a file, nor was its deletion told.
    Refuted,
    /// Notifications only.
    Push,
    /// VOD itself: its queue, or its answer to a question of ours.
    Vod,
}

impl Confirmed {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuted => "refuted",
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
    /// VOD itself told of the upload.
    pub told_by_vod: bool,
    /// When its deletion first reached us.
    pub deletion_told_at: Option<DateTime<Utc>>,
    /// When VOD, asked, first said that it knows no such file, since it last described it; of no meaning, and
    /// `None`, once a deletion is told.
    pub absent_at: Option<DateTime<Utc>>,
    /// When VOD, asked, last described it, as far as that told something new: a description that does not is not
    /// kept, so this is a lower bound, and no part of what is promised to be the same.
    pub seen_at: Option<DateTime<Utc>>,
    /// Two different source contexts were told, by VOD itself if it told one, else by notifications.
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
            told_by_vod: false,
            deletion_told_at: None,
            absent_at: None,
            seen_at: None,
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
                self.told_by_vod |= matches!(delivery.door, Door::Pull | Door::Reconcile);
                if delivery.door == Door::Reconcile {
                    self.describe(delivery.received_at);
                }
            }
            News::Deleted => {
                let told = delivery.received_at;
                self.deletion_told_at =
                    Some(self.deletion_told_at.map_or(told, |held| held.min(told)));
                self.absent_at = None;
            }
            News::Absent => self.miss(delivery.received_at),
            News::PartsDeleted | News::Mentioned => {}
        }
        if fact.fields == FileFields::default() {
            return;
        }
        let rank = Rank::of(delivery.door, event, fact.news, fact.update_time);
        self.compare_contexts(&fact.fields, &rank);
        let (held, told) = (&mut self.fields, &fact.fields);
        join_fields!(held, told, self.ranks, rank;
            source_type, source_context, session_context, name, media_type, media_url, cover_url,
            class_id, storage_region, size_bytes, duration_s, width, height, bitrate_bps,
            procedure_task_id, review_task_id, uploaded_at);
        if self.vods_context() == Some(None) {
            self.fields.source_context = None;
            self.ranks.weaker.remove("source_context");
        }
    }

    /// VOD, asked, described it then.
    fn describe(&mut self, at: DateTime<Utc>) {
        self.seen_at = self.seen_at.max(Some(at));
        if self.absent_at.is_some_and(|absent| absent <= at) {
            self.absent_at = None;
        }
    }

    /// VOD, asked, knew no such file then; a pulled event tells of the past and says nothing against it.
    fn miss(&mut self, at: DateTime<Utc>) {
        let is_age = self.seen_at.is_some_and(|seen| seen >= at);
        if self.deletion_told_at.is_none() && !is_age {
            self.absent_at = Some(self.absent_at.map_or(at, |held| held.min(at)));
        }
    }

    /// Notes whether source contexts contradict each other; what VOD itself says is settled among its own words.
    fn compare_contexts(&mut self, told: &FileFields, rank: &Rank) {
        let says_none = told.source_context.is_none() && told.source_type.is_some();
        match (self.vods_context(), rank.is_vods_word()) {
            (Some(_), false) => {}
            (None, true) if told.source_context.is_some() || says_none => {
                self.contexts_differ = false;
            }
            _ => {
                let held = self.fields.source_context.as_ref();
                let pair = held.zip(told.source_context.as_ref());
                self.contexts_differ |= pair.is_some_and(|(held, told)| held != told);
            }
        }
    }

    /// The source context that VOD itself told; `Some(None)` if it spoke of the source and told none.
    pub fn vods_context(&self) -> Option<Option<&str>> {
        let (source_type, context) = (&self.fields.source_type, &self.fields.source_context);
        if context.is_some() && self.ranks.of("source_context").is_vods_word() {
            Some(context.as_deref())
        } else {
            let spoke = source_type.is_some() && self.ranks.of("source_type").is_vods_word();
            spoke.then_some(None)
        }
    }

    /// Who says that it was uploaded.
    pub fn confirmed(&self) -> Confirmed {
        if self.told_by_vod {
            Confirmed::Vod
        } else if self.announced && self.absent_at.is_some() {
            Confirmed::Refuted
        } else {
            Confirmed::Push
        }
    }

    /// Since when it is gone: its deletion was told, or VOD knew it once and does so no more.
    pub fn deleted_at(&self) -> Option<DateTime<Utc>> {
        let vanished = self.absent_at.filter(|_| self.told_by_vod);
        self.deletion_told_at.or(vanished)
    }

    /// Draws the conclusions from what was joined: how far its tasks are, and whose it is.
    pub fn conclude(
        &mut self,
        app: &str,
        tasks: &Tasks,
        tickets: &HashMap<Ticket, Arc<IssuedTicket>>,
        resolvers: &Resolvers,
        erased: &Known,
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

        if self.is_erased() {
            // For ever, whatever is told.
            return self.forget_person();
        }
        let claims = Claims {
            app,
            source_context: self.fields.source_context.as_deref(),
            session_context: self
                .fields
                .session_context
                .as_deref()
                .filter(|_| !self.is_settled(app, tickets)),
            contexts_differ: self.contexts_differ,
            uploaded_at: self.fields.uploaded_at,
        };
        let mut verdict = attribute::attribute(&claims, tickets, resolvers);
        if self.confirmed() == Confirmed::Refuted {
            verdict = Verdict {
                user_id: None,
                ticket: verdict.ticket,
                method: Method::None,
                reason: Reason::Refuted,
                detail: Some("VOD knows no such file".to_owned()),
            };
        }
        let manual = self.verdict.method == Method::Manual;
        let decided = if manual { &self.verdict } else { &verdict };
        let is_theirs = decided
            .user_id
            .as_deref()
            .is_some_and(|user| erased.holds(user));
        let is_nobodys = decided.method == Method::None;
        // A context that no resolver reads may name them too.
        if self.forget_contexts(erased) && is_nobodys || is_theirs {
            self.verdict = Verdict::erased(verdict.ticket);
            self.decided_at = now;
        } else if manual {
            // The person decides whose it is; which ticket the context names is not theirs to say.
            self.verdict.ticket = verdict.ticket;
        } else if verdict != self.verdict {
            self.verdict = verdict;
            self.decided_at = now;
        }
        if self.is_erased() {
            self.forget_person();
        }
    }

    /// Whether VOD itself told a ticket of this app: then the session context of a notification cannot contradict it.
    fn is_settled(&self, app: &str, tickets: &HashMap<Ticket, Arc<IssuedTicket>>) -> bool {
        let ticket = attribute::named_ticket(self.vods_context().flatten());
        let issued = ticket.and_then(|ticket| tickets.get(&ticket));
        let session = self.ranks.of("session_context");
        issued.is_some_and(|issued| issued.app == app) && !session.is_from_vod()
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
            && self.confirmed() == other.confirmed()
            && self.deleted_at() == other.deleted_at()
            && self.processing() == other.processing()
            && self.verdict == other.verdict
    }

    /// Whether it is the same row, but for when VOD last said so.
    pub fn is_the_same(&self, other: &Self) -> bool {
        let seen_alike = Self {
            seen_at: other.seen_at,
            ..self.clone()
        };
        seen_alike == *other
    }
}
