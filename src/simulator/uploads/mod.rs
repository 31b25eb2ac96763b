//! Uploads on their way: applied for, sent to COS, committed (protocol.md section 8).

mod door;
mod permission;
mod refusal;
mod server;
mod session;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

pub(super) use door::routes;
pub(super) use refusal::UgcRefusal;
pub(super) use session::{Announced, Intent, Session, Target, Temporary, Uploader};

use super::cos::Objects;
use super::{Simulator, State};
use crate::ops::random::Random;
use permission::Permission;

/// The app id of the main application, as Tencent's samples have it.
pub(super) const MAIN_APP_ID: u64 = 1_256_768_367;
/// Whose buckets VOD keeps its files in.
pub(super) const STORAGE_APP_ID: u64 = 10_022_853;
/// Where files can go, the first unless another is asked for.
pub(super) const REGIONS: [&str; 2] = ["ap-chongqing", "ap-guangzhou"];
/// One-time signatures and sessions that are over are looked for when there are so many.
const TIDY_AT: usize = 1_024;

/// The app id that stands in addresses.
pub(super) fn app_id(sub_app_id: u64) -> u64 {
    if sub_app_id == 0 {
        MAIN_APP_ID
    } else {
        sub_app_id
    }
}

/// Uploads of all applications, and the one-time signatures that were used.
#[derive(Default)]
pub(super) struct Uploads {
    sessions: HashMap<String, Session>,
    /// The session that each COS token belongs to.
    tokens: HashMap<String, String>,
    /// What was signed once, until when it would hold.
    used: HashMap<String, i64>,
}

impl Uploads {
    /// Takes a one-time signature; others may be used as often as they like.
    ///
    /// # Errors
    ///
    /// `duplicate vod signature`: it was taken before.
    fn use_up(&mut self, permission: &Permission, now: DateTime<Utc>) -> Result<(), UgcRefusal> {
        let Some((signed, expires)) = &permission.one_time else {
            return Ok(());
        };
        if self.used.len() >= TIDY_AT {
            self.used.retain(|_, expires| *expires > now.timestamp());
        }
        match self.used.insert(signed.clone(), *expires) {
            Some(_) => Err(UgcRefusal::duplicate()),
            None => Ok(()),
        }
    }

    /// A new upload.
    pub fn open(&mut self, intent: Intent, now: DateTime<Utc>, random: &Random) -> &Session {
        self.tidy(now);
        let file_id = file_id(random);
        let bucket = format!("{:08x}vodcq{}", 0x5ea1_f00d_u32, app_id(intent.sub_app_id));
        let folder = format!("{bucket}/{:08x}{file_id}", random.u32());
        let media = Target {
            key: format!("{folder}/{:012x}.{}", random.u64() >> 16, intent.media.kind),
            size: intent.media.size,
        };
        let cover = intent.cover.as_ref().map(|cover| Target {
            key: format!("{folder}/{:012x}.{}", random.u64() >> 16, cover.kind),
            size: cover.size,
        });
        let session = Session {
            key: random.key("vodsession"),
            file_id,
            bucket,
            media,
            cover,
            credentials: Temporary {
                secret_id: random.key("AKIDtemp"),
                secret_key: random.key(""),
                token: random.key("token"),
            },
            opened_at: now,
            is_committed: false,
            intent,
        };
        let token = session.credentials.token.clone();
        self.tokens.insert(token, session.key.clone());
        self.sessions.entry(session.key.clone()).or_insert(session)
    }

    /// The upload to go on with.
    ///
    /// # Errors
    ///
    /// 10001 if there is none of this application, or its day is over.
    pub fn resume(
        &self,
        key: &str,
        sub_app_id: u64,
        now: DateTime<Utc>,
    ) -> Result<&Session, UgcRefusal> {
        self.sessions
            .get(key)
            .filter(|session| session.intent.sub_app_id == sub_app_id && !session.is_over(now))
            .ok_or_else(|| UgcRefusal::request("vodSessionKey"))
    }

    /// The upload that these credentials are for.
    pub fn of_token(&self, token: &str, now: DateTime<Utc>) -> Option<&Session> {
        let session = self.sessions.get(self.tokens.get(token)?)?;
        (!session.is_over(now)).then_some(session)
    }

    /// Ends an upload whose files are there; whether this commit is its first.
    ///
    /// # Errors
    ///
    /// 10001 if it is not known, or a file is missing.
    pub fn commit(
        &mut self,
        key: &str,
        sub_app_id: u64,
        objects: &Objects,
        now: DateTime<Utc>,
    ) -> Result<(Session, bool), UgcRefusal> {
        let session = self.resume(key, sub_app_id, now)?;
        for target in session.targets() {
            let object = objects.get(&target.key);
            let is_whole =
                object.is_some_and(|object| target.size.is_none_or(|size| size == object.bytes));
            if !is_whole {
                return Err(UgcRefusal::request("a file is not uploaded"));
            }
        }
        let committed = Session {
            is_committed: true,
            ..session.clone()
        };
        let before = self
            .sessions
            .insert(committed.key.clone(), committed.clone());
        let is_first = before.is_some_and(|before| !before.is_committed);
        Ok((committed, is_first))
    }

    fn tidy(&mut self, now: DateTime<Utc>) {
        // Only at powers of two, so that it costs little however many there are.
        let count = self.sessions.len();
        if count < TIDY_AT || !count.is_power_of_two() {
            return;
        }
        self.sessions.retain(|_, session| !session.is_over(now));
        let Self {
            sessions, tokens, ..
        } = self;
        tokens.retain(|_, key| sessions.contains_key(key));
    }
}

/// 19 or 20 digits: VOD's are above what an i64 holds as often as not.
fn file_id(random: &Random) -> String {
    let number = random.u64();
    let front = if number.is_multiple_of(2) { "5" } else { "14" };
    format!("{front}{:018}", (number >> 1) % 1_000_000_000_000_000_000)
}

/// The region that was asked for, else the first.
///
/// # Errors
///
/// 10001 for one that is not enabled.
fn region(wanted: Option<String>) -> Result<String, UgcRefusal> {
    let region = wanted.unwrap_or_else(|| REGIONS[0].to_owned());
    if REGIONS.contains(&region.as_str()) {
        Ok(region)
    } else {
        Err(UgcRefusal::request("storageRegion"))
    }
}

impl Simulator {
    /// Ends an upload; the first time, the file is listed and told.
    ///
    /// # Errors
    ///
    /// As [`Uploads::commit`].
    fn commit_upload(&self, key: &str, sub_app_id: u64) -> Result<Session, UgcRefusal> {
        let now = self.inner.clock.now();
        let (session, is_first, bytes) = {
            let mut state = self.state();
            let State {
                uploads,
                objects,
                public,
                ..
            } = &mut *state;
            let (session, is_first) = uploads.commit(key, sub_app_id, objects, now)?;
            public.extend(session.targets().map(|target| target.key.clone()));
            let bytes = objects
                .get(&session.media.key)
                .map_or(0, |object| object.bytes);
            (session, is_first, bytes)
        };
        if is_first {
            self.for_sub_app(sub_app_id).uploaded(&session, bytes);
        }
        Ok(session)
    }

    /// Where a file is to be had, by whoever reaches the simulator.
    pub(super) fn address_of(&self, key: &str) -> String {
        format!("{}/{key}", self.public_url())
    }
}
