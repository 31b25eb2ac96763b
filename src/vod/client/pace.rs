//! What can be asked of VOD's API, and how often.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// The actions that the client knows (protocol.md sections 2, 5 and 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    PullEvents,
    ConfirmEvents,
    SearchMedia,
    DescribeMediaInfos,
    DescribeTaskDetail,
    DescribeTasks,
    DescribeEventConfig,
    ModifyEventConfig,
}

const ACTIONS: usize = 8;

impl Action {
    /// As VOD spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PullEvents => "PullEvents",
            Self::ConfirmEvents => "ConfirmEvents",
            Self::SearchMedia => "SearchMedia",
            Self::DescribeMediaInfos => "DescribeMediaInfos",
            Self::DescribeTaskDetail => "DescribeTaskDetail",
            Self::DescribeTasks => "DescribeTasks",
            Self::DescribeEventConfig => "DescribeEventConfig",
            Self::ModifyEventConfig => "ModifyEventConfig",
        }
    }

    /// How long one attempt may take. PullEvents holds the line for 5 s and wants 10 at least; what is to be
    /// confirmed has to be so within 30 s of the pull, attempts and pauses included.
    pub(super) fn within(self) -> Duration {
        Duration::from_secs(match self {
            Self::PullEvents => 12,
            Self::ConfirmEvents => 6,
            _ => 15,
        })
    }

    /// How often it is tried. Who pulls does so in a loop, which is the retry.
    pub(super) fn attempts(self) -> u32 {
        match self {
            Self::PullEvents => 1,
            Self::ConfirmEvents => 3,
            _ => 4,
        }
    }

    /// Between two calls: 100 a second for the queue, and documented for DescribeTasks too; 20 for the rest, documented
    /// for ModifyEventConfig only.
    fn apart(self) -> Duration {
        Duration::from_millis(match self {
            Self::PullEvents | Self::ConfirmEvents | Self::DescribeTasks => 10,
            _ => 50,
        })
    }
}

/// Keeps the calls of one client apart, action by action.
///
/// Other receivers with the same account are not seen: what they use up VOD tells by `RequestLimitExceeded`.
#[derive(Default)]
pub(super) struct Pace {
    next: Mutex<[Option<Instant>; ACTIONS]>,
}

impl Pace {
    /// Ends when it is this call's turn.
    pub(super) async fn turn(&self, action: Action) {
        let turn = self.take(action, Instant::now());
        tokio::time::sleep_until(turn).await;
    }

    fn take(&self, action: Action, now: Instant) -> Instant {
        let mut next = self
            .next
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        let slot = &mut next[action as usize];
        let turn = slot.map_or(now, |next| next.max(now));
        *slot = Some(turn + action.apart());
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_keep_their_distance_by_action() {
        let pace = Pace::default();
        let now = Instant::now();
        let turns = |action| [(); 21].map(|()| pace.take(action, now) - now);
        assert_eq!(turns(Action::SearchMedia)[20], Duration::from_secs(1));
        assert_eq!(turns(Action::PullEvents)[20], Duration::from_millis(200));
        let later = now + Duration::from_secs(60);
        assert_eq!(pace.take(Action::SearchMedia, later), later);
    }
}
