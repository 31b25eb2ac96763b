//! How a notification was answered: for the caller, and for the metrics.

use serde::Serialize;
use utoipa::ToSchema;

use super::authentic::Refused;
use crate::http::problem::{Problem, ProblemBody};
use crate::ops::metrics::{Metric, Metrics};
use crate::record::Outcome;

/// What became of a notification; only told once it is durable.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// `recorded`: it said something new; `duplicate`: all of it was known; `spooled`: it is on the
    /// local disk, and will be recorded when Postgres can take it.
    #[schema(example = "recorded")]
    status: &'static str,
}

impl Receipt {
    /// For a body whose deliveries came to this.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let any = |outcome| outcomes.contains(&outcome);
        let status = if any(Outcome::Spooled) {
            "spooled"
        } else if any(Outcome::Recorded) || any(Outcome::Quarantined) {
            "recorded"
        } else {
            "duplicate"
        };
        Self { status }
    }
}

/// How the door answers; for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub enum DoorAnswers {
    /// It is durable
    #[response(status = 200)]
    Durable(#[to_schema] Receipt),
    /// There is no event in it; the bytes are kept
    #[response(status = 400, content_type = "application/problem+json")]
    NoEvent(ProblemBody),
    /// Not authenticated; nothing is told
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemBody),
    /// The body is larger than 8 MiB
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// A bug; the log tells of it under the answer's `X-Request-Id`
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemBody),
    /// It could not be made durable within 6 s
    #[response(status = 503, content_type = "application/problem+json", headers(
        ("Retry-After" = u32, description = "Seconds to wait"),
    ))]
    Unavailable(ProblemBody),
}

/// Why there is no receipt.
pub enum TurnedAway {
    /// It is not authentic.
    Refused(Refused),
    /// There is no event in it, by this code; its bytes are kept.
    Quarantined(String),
    /// Anything else.
    Problem(Problem),
}

impl From<Refused> for TurnedAway {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Problem> for TurnedAway {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<TurnedAway> for Problem {
    fn from(turned_away: TurnedAway) -> Self {
        match turned_away {
            TurnedAway::Refused(refused) => refused.into(),
            TurnedAway::Quarantined(fault) => {
                tracing::info!(reason = fault, "a notification was quarantined");
                Self::InvalidRequest(format!(
                    "no event can be read from the body ({fault}); its bytes are kept"
                ))
            }
            TurnedAway::Problem(problem) => problem,
        }
    }
}

/// A notification that is being answered: counted once, as abandoned if its connection breaks before.
pub struct Unanswered<'a> {
    metrics: &'a Metrics,
    outcome: &'static str,
}

impl<'a> Unanswered<'a> {
    pub fn new(metrics: &'a Metrics) -> Self {
        Self {
            metrics,
            outcome: "abandoned",
        }
    }

    /// Counts the answer.
    pub fn answered(mut self, answer: &Result<Receipt, TurnedAway>) {
        self.outcome = match answer {
            Ok(receipt) => receipt.status,
            Err(TurnedAway::Refused(Refused(reason))) => {
                let metric = Metric::CallbacksUnauthenticated;
                self.metrics.count(metric, &[reason], 1);
                "unauthenticated"
            }
            Err(TurnedAway::Quarantined(_)) => "quarantined",
            Err(TurnedAway::Problem(problem)) => match problem {
                Problem::PayloadTooLarge { .. } => "too_large",
                Problem::Unavailable => "unavailable",
                Problem::Internal => "internal",
                _ => "invalid",
            },
        };
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.metrics.count(Metric::Callbacks, &[self.outcome], 1);
    }
}
