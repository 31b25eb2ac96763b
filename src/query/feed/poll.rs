//! The one who reads the change log for all.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::change;
use super::sql;
use super::{Feed, Hub};
use crate::ops::lifecycle::Stop;
use crate::ops::line::Line;
use crate::ops::metrics::Metric;

/// How long what another receiver committed waits to be seen, at most.
const EVERY: Duration = Duration::from_millis(20);
/// Own commits wake at once; under load hundreds a second do, which one look after a pause serves as well.
const NO_SOONER: Duration = Duration::from_millis(4);
/// The pause is so much longer for each reader. To write to one costs some 25 us of a core, however much there is to
/// write, so that however many there are, they leave two thirds of two cores to others.
const LONGER_A_READER: Duration = Duration::from_micros(40);
/// After a fault.
const AGAIN: Duration = Duration::from_millis(250);
/// A server that takes longer has failed.
const WITHIN: Duration = Duration::from_secs(5);
/// How many changes are read at a time.
const STRETCH: usize = 1_000;

/// What a look into the log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Something,
    /// As much as is read at a time: there may be more.
    Plenty,
}

impl Feed {
    /// Reads on while anybody waits, until told to stop.
    pub async fn run(self, mut stop: Stop) {
        let mut line = Line::new(self.0.database.clone());
        tokio::select! {
            never = self.0.read_on(&mut line) => match never {},
            () = stop.wait() => {}
        }
        line.close().await;
    }
}

impl Hub {
    async fn read_on(&self, line: &mut Line) -> std::convert::Infallible {
        let mut failing = false;
        loop {
            if !self.is_wanted() {
                self.ring().rest();
                self.wanted.notified().await;
                continue;
            }
            self.database.breaker().wait_until_closed().await;
            match self.look(line).await {
                Ok(found) => {
                    failing = false;
                    self.rest(found).await;
                }
                Err(error) => {
                    self.metrics.count(Metric::FeedPolls, &["failed"], 1);
                    if !std::mem::replace(&mut failing, true) {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "the change log could not be read");
                    }
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// Waits until it is time to look again.
    async fn rest(&self, found: Found) {
        if found == Found::Plenty {
            return;
        }
        let until = Instant::now() + EVERY;
        let readers = self.readers.load(Ordering::Relaxed);
        let readers = u32::try_from(readers).unwrap_or(u32::MAX);
        sleep(NO_SOONER + LONGER_A_READER.saturating_mul(readers)).await;
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = self.committed.notified() => {}
        }
    }

    /// Looks what was committed since, and tells it.
    async fn look(&self, line: &mut Line) -> Result<Found, sqlx::Error> {
        let (begun, after) = {
            let ring = self.ring();
            (ring.has_begun(), ring.head())
        };
        let is_read = self.readers.load(Ordering::SeqCst) > 0;
        let looked = timeout(WITHIN, async {
            let connection = line.open().await?;
            let stretch = sql::stretch(connection, after, STRETCH).await?;
            let follows = stretch
                .lines
                .first()
                .is_none_or(|line| line.seq == after + 1);
            let is_far = stretch.head < after || self.ring().is_far_from(stretch.head);
            if !begun || !follows || is_far {
                return Ok((stretch, None));
            }
            // First: each of them is told once, readers all the time.
            self.tell_waiting(connection, &stretch.lines).await?;
            let told = if is_read {
                change::tell(connection, &stretch.lines).await?
            } else {
                Vec::new()
            };
            Ok((stretch, Some(told)))
        })
        .await;
        let (stretch, told) = line.settle(looked)?;
        let Some(told) = told else {
            self.begin_at(stretch.head);
            return Ok(Found::Something);
        };
        let Some(last) = stretch.lines.last() else {
            self.metrics.count(Metric::FeedPolls, &["nothing"], 1);
            return Ok(Found::Nothing);
        };
        if is_read {
            self.ring().push(told);
        } else {
            self.ring().pass_to(last.seq);
        }
        self.announce(&stretch, last.seq);
        if stretch.lines.len() == STRETCH {
            Ok(Found::Plenty)
        } else {
            Ok(Found::Something)
        }
    }

    fn begin_at(&self, head: i64) {
        self.ring().begin_at(head);
        self.head.send_replace(head);
        self.wake_all();
        self.metrics.count(Metric::FeedPolls, &["found"], 1);
    }

    fn announce(&self, stretch: &sql::Stretch, last: i64) {
        self.head.send_replace(last);
        self.metrics.count(Metric::FeedPolls, &["found"], 1);
        if let Some(oldest) = stretch.lines.iter().map(|line| line.at).min() {
            let waited = (self.clock.now() - oldest).as_seconds_f64();
            self.metrics.observe(Metric::FeedDelay, waited.max(0.0));
        }
    }
}
