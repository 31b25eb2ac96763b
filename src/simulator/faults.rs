//! What goes wrong: a script of faults, each met by so many calls.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;

/// Something that goes wrong for the next calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// For calls of this action alone; none: of any.
    #[serde(default)]
    pub action: Option<String>,
    /// What it is.
    pub kind: FaultKind,
    /// How many calls meet it.
    #[serde(default = "once")]
    pub times: u32,
}

/// What can go wrong. In scripts: `"hang_up"`, `{"error_code": "InternalError"}`, `{"delay": 2000}` and so on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// VOD answers with this error, and does nothing.
    ErrorCode(String),
    /// The connection closes without an answer; nothing was done.
    HangUp,
    /// What was asked is done, and the connection closes in the middle of the answer.
    CutBody,
    /// What was asked is done, and the answer stops in the middle for so long (milliseconds in scripts); then the
    /// connection closes.
    StallBody(#[serde(deserialize_with = "milliseconds")] Duration),
    /// The answer comes so much later (milliseconds in scripts).
    Delay(#[serde(deserialize_with = "milliseconds")] Duration),
    /// Every set in the answer is null; nothing was taken from the queue.
    NullSet,
    /// Every set in the answer is empty; nothing was taken from the queue.
    EmptySet,
    /// Every object in the answer has members that nobody knows.
    UnknownMembers,
    /// An answer that is not the API's: this HTTP status, and HTML.
    Status(u16),
}

impl Fault {
    /// Met by the next call.
    pub fn once(kind: FaultKind) -> Self {
        Self {
            action: None,
            kind,
            times: 1,
        }
    }

    /// The next call is answered with this error.
    pub fn code(code: &str) -> Self {
        Self::once(FaultKind::ErrorCode(code.to_owned()))
    }

    /// The same for this action alone.
    #[must_use]
    pub fn on(self, action: &str) -> Self {
        Self {
            action: Some(action.to_owned()),
            ..self
        }
    }

    /// The same for so many calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }
}

fn once() -> u32 {
    1
}

fn milliseconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}

/// The faults that nobody has met yet, in order.
#[derive(Default)]
pub(super) struct Faults(VecDeque<Fault>);

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        if fault.times > 0 {
            self.0.push_back(fault);
        }
    }

    /// The first fault that is meant for this action, once less to come.
    pub fn meet(&mut self, action: &str) -> Option<FaultKind> {
        let is_meant = |fault: &Fault| fault.action.as_deref().is_none_or(|only| only == action);
        let place = self.0.iter().position(is_meant)?;
        let fault = &mut self.0[place];
        fault.times -= 1;
        let kind = fault.kind.clone();
        if fault.times == 0 {
            self.0.remove(place);
        }
        Some(kind)
    }

    pub fn left(&self) -> u64 {
        self.0.iter().map(|fault| u64::from(fault.times)).sum()
    }
}
