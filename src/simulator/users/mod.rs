//! Users: devices that upload through a running receiver and a local VOD, and who was found to have uploaded what.

mod check;
mod device;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::config::Secret;
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use check::Check;
use device::Device;

/// Uploads on their way at once, unless told otherwise.
pub const AT_ONCE: usize = 256;
/// The receiver is asked again so often whether what is missing has come.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// Reasons of failures that are kept to be shown.
const REASONS_KEPT: usize = 5;

/// Who uploads, how much, through what.
#[derive(Clone)]
pub struct UsersSettings {
    /// The receiver: `http://127.0.0.1:8080`.
    pub receiver: String,
    /// An API key with the scopes `sign` and `read`.
    pub api_key: Secret,
    /// The app at the receiver; none: its only one.
    pub app: Option<String>,
    /// The local VOD: `http://127.0.0.1:9090`.
    pub vod: String,
    /// How many users there are; each upload is of one of them.
    pub users: u32,
    /// Uploads in all.
    pub uploads: u64,
    /// Uploads begun in a second.
    pub rate: f64,
    /// Uploads on their way at once; more wait, so that a slow receiver is not buried.
    pub at_once: usize,
    /// The bytes of each file.
    pub file_bytes: usize,
    /// The task flow that each upload starts.
    pub procedure: Option<String>,
    /// Whether each signature holds once only.
    pub one_time: bool,
    /// Which user uploads when; another seed, another order.
    pub seed: u64,
    /// How long to wait for uploads that the receiver does not know yet: for a reconcile, say.
    pub wait: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Uploads that VOD took.
    pub made: u64,
    /// Uploads that did not get as far: no signature, or VOD or COS refused.
    pub failed: u64,
    /// Attributed to the user who made them.
    pub right: u64,
    /// Attributed to another, or to nobody.
    pub wrong: u64,
    /// Not known to the receiver.
    pub missing: u64,
    /// Listed more than once.
    pub doubled: u64,
    /// Why uploads failed, the first few.
    pub reasons: Vec<String>,
}

impl Tally {
    /// Whether every upload was made, and each is its user's.
    pub fn is_right(&self) -> bool {
        self.made > 0
            && self.failed == 0
            && self.right == self.made
            && self.wrong + self.missing + self.doubled == 0
    }
}

/// How far a run is; read while it goes on.
#[derive(Default)]
pub struct Progress {
    made: AtomicU64,
    failed: AtomicU64,
    /// Uploads that the receiver does not know, once it was asked; before that, 0.
    missing: AtomicU64,
    is_asking: std::sync::atomic::AtomicBool,
}

impl Progress {
    /// Uploads made, failed, and missing so far; and whether all are made and the receiver is being asked.
    pub fn now(&self) -> (u64, u64, u64, bool) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let is_asking = self.is_asking.load(Ordering::Relaxed);
        (
            of(&self.made),
            of(&self.failed),
            of(&self.missing),
            is_asking,
        )
    }
}

/// One upload that VOD took.
struct Made {
    file_id: String,
    user: u32,
}

/// Plays all of them, then asks the receiver whose each file is, until all are known or the time is over.
///
/// # Errors
///
/// When the receiver cannot be asked.
pub async fn run(
    settings: &UsersSettings,
    progress: Arc<Progress>,
    clock: &Clock,
    random: &Random,
) -> Result<Tally, reqwest::Error> {
    let mark = random.uuid_v7(clock.now()).simple().to_string();
    let device = Arc::new(Device::new(settings, mark)?);
    let (made, reasons) = upload_all(settings, &device, &progress).await;
    progress.is_asking.store(true, Ordering::Relaxed);
    let mut check = Check::new(&device, settings);
    let deadline = Instant::now() + settings.wait;
    loop {
        let missing = check.ask(&made).await?;
        progress.missing.store(missing, Ordering::Relaxed);
        if missing == 0 || Instant::now() >= deadline {
            break;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
    let mut tally = check.tally(&made).await?;
    tally.failed = progress.failed.load(Ordering::Relaxed);
    tally.reasons = reasons;
    Ok(tally)
}

/// By user; and why some failed.
async fn upload_all(
    settings: &UsersSettings,
    device: &Arc<Device>,
    progress: &Arc<Progress>,
) -> (HashMap<u32, Vec<String>>, Vec<String>) {
    let file = Bytes::from(vec![0x47; settings.file_bytes]);
    let permits = Arc::new(Semaphore::new(settings.at_once));
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / settings.rate));
    // After a pause the rate is kept, not made up for at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut running = JoinSet::new();
    let mut results = Results::default();
    for nth in 0..settings.uploads {
        ticks.tick().await;
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            break;
        };
        let user = user_of(nth, settings);
        let (device, file, progress) = (Arc::clone(device), file.clone(), Arc::clone(progress));
        running.spawn(async move {
            let made = device.upload(user, nth, file).await;
            let count = if made.is_ok() {
                &progress.made
            } else {
                &progress.failed
            };
            count.fetch_add(1, Ordering::Relaxed);
            drop(permit);
            made.map(|file_id| Made { file_id, user })
        });
        while let Some(ended) = running.try_join_next() {
            results.take(ended);
        }
    }
    while let Some(ended) = running.join_next().await {
        results.take(ended);
    }
    (results.made, results.reasons)
}

#[derive(Default)]
struct Results {
    made: HashMap<u32, Vec<String>>,
    reasons: Vec<String>,
}

impl Results {
    fn take(&mut self, ended: Result<Result<Made, String>, tokio::task::JoinError>) {
        match ended {
            Ok(Ok(made)) => self.made.entry(made.user).or_default().push(made.file_id),
            Ok(Err(reason)) if self.reasons.len() < REASONS_KEPT => self.reasons.push(reason),
            _ => {}
        }
    }
}

/// Which user makes the n-th upload: the same for the same seed.
fn user_of(nth: u64, settings: &UsersSettings) -> u32 {
    let mixed = (settings.seed ^ nth)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31);
    let mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32;
    u32::try_from(mixed % u64::from(settings.users.max(1))).unwrap_or_default()
}
