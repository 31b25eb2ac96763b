//! What is held when it cannot be made durable: bounded, until VOD has given up and will send again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::problem::Problem;
use crate::record::{Delivery, NotDurable, Outcome, Recorder};

/// Only a timeout is documented to bring a re-send, and VOD gives up after 5 s (protocol.md section 2).
const HOLD: Duration = Duration::from_secs(6);
/// An answer after VOD gave up is of no use to it.
const RETRY_UNTIL: Duration = Duration::from_millis(4_500);
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// So many requests may be held (design section 6, promise 4).
const HELD_REQUESTS: usize = 2_000;
/// All bodies in flight share this.
const BODY_BUDGET_BYTES: usize = 64 * 1024 * 1024;

/// Bounds on what waits here: bodies in flight, and requests that are held.
#[derive(Clone)]
pub struct Hold {
    requests: Arc<Semaphore>,
    body_bytes: Arc<Semaphore>,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            requests: Arc::new(Semaphore::new(HELD_REQUESTS)),
            body_bytes: Arc::new(Semaphore::new(BODY_BUDGET_BYTES)),
        }
    }
}

impl Hold {
    /// How many requests are held.
    pub fn held(&self) -> usize {
        HELD_REQUESTS - self.requests.available_permits()
    }

    /// How many bytes of bodies are in flight.
    pub fn bytes_in_flight(&self) -> usize {
        BODY_BUDGET_BYTES - self.body_bytes.available_permits()
    }

    /// Room for some more bytes of a body, taken from the shared budget; `None` if it is used up.
    pub fn body_bytes(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.body_bytes)
            .try_acquire_many_owned(u32::try_from(bytes).ok()?)
            .ok()
    }

    /// Tries again and again to make deliveries durable while VOD still waits for the answer; then
    /// holds the request until VOD has given up, since only a timeout brings another send.
    ///
    /// # Errors
    ///
    /// [`Problem::Unavailable`]: after 6 s, or at once if too many requests are held already.
    pub async fn until_durable(
        &self,
        recorder: &Recorder,
        mut deliveries: Vec<Delivery>,
    ) -> Result<Vec<Outcome>, Problem> {
        let given_up = tokio::time::sleep(HOLD);
        let mut place = None;
        let attempts = async {
            loop {
                match recorder.submit(deliveries).await {
                    Ok(outcomes) => return Some(outcomes),
                    Err(NotDurable(given_back)) if given_back.is_empty() => return None,
                    Err(NotDurable(given_back)) => deliveries = given_back,
                }
                if place.is_none() {
                    place = Some(self.requests.try_acquire().ok()?);
                }
                tokio::time::sleep(RETRY_EVERY).await;
            }
        };
        match tokio::time::timeout(RETRY_UNTIL, attempts).await {
            Ok(Some(outcomes)) => Ok(outcomes),
            Ok(None) => Err(Problem::Unavailable),
            Err(_) => {
                given_up.await;
                drop(place);
                Err(Problem::Unavailable)
            }
        }
    }
}
