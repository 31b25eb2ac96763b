//! Pull mode: takes an app's events from VOD's queue, records them, and only then takes them off it
//! (protocol.md section 5).
//!
//! What was pulled is hidden for 30 s and comes again if it is not confirmed until then: whoever is killed in
//! between loses nothing, and several receivers may pull at once.

mod failing;

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::config::{App, AppName};
use crate::ops::clock::Clock;
use crate::ops::lifecycle::Stop;
use crate::ops::metrics::{Metric, Metrics};
use crate::ops::random::Random;
use crate::record::{self, Delivery, Door, Outcome, Recorder};
use crate::vod::client::{ApiError, Client, MAX_EVENTS, PulledEvent};
use failing::Failing;

/// VOD waits 5 s for an event before it says that there is none; one that does not is asked this often.
const EMPTY_AT_LEAST: Duration = Duration::from_millis(500);
/// What was recorded when the service is told to stop is still confirmed, if that takes no longer.
const FINISH_WITHIN: Duration = Duration::from_millis(1_800);
/// So many events without a handle are remembered, lest they are recorded again each time they come.
const REMEMBERED: usize = 1_024;

/// Takes the events of one app from VOD's queue.
pub struct Puller {
    app: AppName,
    client: Client,
    recorder: Recorder,
    metrics: Metrics,
    clock: Clock,
    random: Random,
    failing: Failing,
    /// Hashes of events that cannot be confirmed, and were recorded.
    unconfirmable: HashSet<[u8; 32]>,
}

/// Why a round was not finished.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the queue could not be asked: {0}")]
    Pull(ApiError),
    #[error("what was recorded could not be confirmed and comes again: {0}")]
    Confirm(ApiError),
    #[error("neither Postgres nor the spool takes events now, they stay in VOD's queue")]
    NotDurable,
}

impl Puller {
    /// A puller for an app, which is not asked yet whether its events are to be pulled.
    ///
    /// # Errors
    ///
    /// Those of [`Client::new`].
    pub fn new(
        app: &App,
        recorder: Recorder,
        metrics: Metrics,
        clock: Clock,
        random: Random,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            app: app.name.clone(),
            client: Client::for_app(app, clock.clone(), random.clone())?,
            recorder,
            metrics,
            clock,
            failing: Failing::new(app.name.clone(), random.clone()),
            random,
            unconfirmable: HashSet::new(),
        })
    }

    /// Pulls until told to stop: without a pause while there are events, else as long as VOD lets it wait.
    pub async fn run(mut self, mut stop: Stop) {
        tracing::info!(app = %self.app, "events are pulled");
        loop {
            let began = Instant::now();
            // A poll that is dropped took nothing, or what comes again.
            let polled = tokio::select! {
                () = stop.wait() => return,
                polled = self.client.pull_events() => polled,
            };
            let mut until_stopped = stop.clone();
            let given_up = async {
                until_stopped.wait().await;
                tokio::time::sleep(FINISH_WITHIN).await;
            };
            let pause = tokio::select! {
                pause = self.take(polled, began) => pause,
                () = given_up => return,
            };
            tokio::select! {
                () = stop.wait() => return,
                () = tokio::time::sleep_until(pause) => {}
            }
        }
    }

    /// Deals with what a poll brought, and says until when to leave VOD alone.
    async fn take(
        &mut self,
        polled: Result<Vec<PulledEvent>, ApiError>,
        began: Instant,
    ) -> Instant {
        let result = match polled {
            Err(error) => {
                self.count(error.code());
                Err(Fault::Pull(error))
            }
            Ok(events) if events.is_empty() => {
                self.count("empty");
                self.failing.over();
                return began + EMPTY_AT_LEAST;
            }
            Ok(events) => self.record_and_confirm(events).await,
        };
        match result {
            Ok(()) => {
                self.failing.over();
                Instant::now()
            }
            Err(fault) => Instant::now() + self.failing.again(&fault),
        }
    }

    async fn record_and_confirm(&mut self, events: Vec<PulledEvent>) -> Result<(), Fault> {
        let mut handles = Vec::new();
        let mut bodies = Vec::new();
        let mut unconfirmable = Vec::new();
        for PulledEvent { handle, bytes } in events {
            match handle {
                Some(handle) => handles.push(handle),
                None => {
                    let digest: [u8; 32] = Sha256::digest(&bytes).into();
                    if self.unconfirmable.contains(&digest) {
                        continue;
                    }
                    unconfirmable.push(digest);
                }
            }
            bodies.push(bytes);
        }
        let recorded = self.record(bodies).await?;
        self.count("recorded");
        self.metrics.count(Metric::PullEvents, &[], recorded as u64);
        self.remember(unconfirmable);
        self.confirm(&handles).await
    }

    /// Makes events durable, poisonous ones aside from the rest; says how many.
    async fn record(&self, bodies: Vec<Bytes>) -> Result<usize, Fault> {
        if bodies.is_empty() {
            return Ok(0);
        }
        let deliveries = bodies.into_iter().map(|body| self.delivery(body)).collect();
        let outcomes = self.recorder.submit(deliveries).await.map_err(|_| {
            self.count("not_durable");
            Fault::NotDurable
        })?;
        let aside = outcomes.iter().filter(|&&o| o == Outcome::Quarantined);
        let aside = aside.count();
        if aside > 0 {
            tracing::info!(app = %self.app, aside, "pulled events were quarantined");
        }
        Ok(outcomes.len())
    }

    fn delivery(&self, body: Bytes) -> Delivery {
        let received_at = self.clock.now();
        Delivery {
            id: self.random.uuid_v7(received_at),
            app: self.app.clone(),
            door: Door::Pull,
            received_at,
            said: record::said(Door::Pull, &body),
            body,
        }
    }

    /// Takes recorded events off VOD's queue.
    async fn confirm(&self, handles: &[String]) -> Result<(), Fault> {
        let mut result = Ok(());
        for handles in handles.chunks(MAX_EVENTS) {
            let confirmed = match self.client.confirm_events(handles).await {
                // One handle that VOD does not like must not bring back its neighbours.
                Err(ApiError::Invalid { .. }) if handles.len() > 1 => {
                    self.one_by_one(handles).await
                }
                Err(error) => Err((error, handles.len())),
                Ok(()) => Ok(()),
            };
            if let Err((error, events)) = confirmed {
                let failed = Metric::PullUnconfirmed;
                self.metrics.count(failed, &[error.code()], events as u64);
                result = Err(Fault::Confirm(error));
            }
        }
        result
    }

    /// The last error, and how many events there were errors for.
    async fn one_by_one(&self, handles: &[String]) -> Result<(), (ApiError, usize)> {
        let mut failed = 0;
        let mut last = None;
        for handle in handles {
            let one = std::slice::from_ref(handle);
            if let Err(error) = self.client.confirm_events(one).await {
                failed += 1;
                last = Some(error);
            }
        }
        last.map_or(Ok(()), |error| Err((error, failed)))
    }

    fn remember(&mut self, recorded: Vec<[u8; 32]>) {
        if recorded.is_empty() {
            return;
        }
        let events = recorded.len();
        tracing::warn!(
            app = %self.app,
            events,
            "VOD sent events without a handle: they are kept, and cannot be confirmed"
        );
        if self.unconfirmable.len() + events > REMEMBERED {
            self.unconfirmable.clear();
        }
        self.unconfirmable.extend(recorded);
    }

    fn count(&self, outcome: &str) {
        self.metrics.count(Metric::PullPolls, &[outcome], 1);
    }
}
