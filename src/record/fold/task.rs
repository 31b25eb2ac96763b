//! The current state of one task, joined from what events tell of it.

use super::Rank;
use crate::record::Delivery;
use crate::vod::event::{Event, News, Output, TaskFact, TaskRole, TaskState};

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
