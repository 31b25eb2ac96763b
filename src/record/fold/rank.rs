//! How much a fact's word weighs against another's.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::record::Door;
use crate::vod::event::{Event, Format, News};

/// A fact about the upload itself outranks one that merely names the file: a 2.0 upload event knows
/// better which task the upload started than a 3.0 event of some later task on the same file.
const ABOUT_THE_UPLOAD: i16 = 10;
/// What VOD's own API tells outranks every notification.
const VODS_OWN: i16 = 4;

/// How much a fact's word weighs against another's on the same file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// VOD's own API over 3.0 over hybrid over 2.0.
    pub strength: i16,
    /// The newer state of the media wins.
    pub update_time: Option<DateTime<Utc>>,
    /// An event goes before an answer; then the smaller digest wins: arbitrary, but the same everywhere.
    pub digest: Reverse<[u8; 16]>,
}

impl Rank {
    /// Weaker than any fact.
    pub const NONE: Self = Self {
        strength: 0,
        update_time: None,
        digest: Reverse([0xff; 16]),
    };

    pub(super) fn of(
        door: Door,
        event: &Event,
        news: News,
        update_time: Option<DateTime<Utc>>,
    ) -> Self {
        let by_source = match (door, event.format) {
            (Door::Pull | Door::Reconcile, _) => VODS_OWN,
            (Door::Push | Door::Replay, Format::V3) => 3,
            (Door::Push | Door::Replay, Format::Hybrid) => 2,
            (Door::Push | Door::Replay, Format::V2) => 1,
        };
        let about = if news == News::Uploaded {
            ABOUT_THE_UPLOAD
        } else {
            0
        };
        let mut digest = [0; 16];
        digest.copy_from_slice(&event.digest[..16]);
        // Of two words of VOD's own about one state of the media its event goes before its answer: if chance decided, the
        // answer about every second file would be news.
        if door == Door::Reconcile {
            digest[0] |= 0x80;
        } else {
            digest[0] &= 0x7f;
        }
        Self {
            strength: about + by_source,
            update_time,
            digest: Reverse(digest),
        }
    }

    /// Whether VOD itself said it, of the upload or of something that names the file.
    pub(super) fn is_from_vod(&self) -> bool {
        self.strength % ABOUT_THE_UPLOAD == VODS_OWN
    }

    /// Whether VOD itself said it of the upload: then no notification can say otherwise.
    pub(super) fn is_vods_word(&self) -> bool {
        self.strength >= ABOUT_THE_UPLOAD + VODS_OWN
    }
}

/// Which fact won each field of an upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks {
    /// The strongest fact told; it won every field that is not in `weaker`.
    pub top: Rank,
    /// Fields that the strongest fact left empty, and what won them.
    pub weaker: BTreeMap<Cow<'static, str>, Rank>,
}

impl Ranks {
    /// What won a field.
    pub(super) fn of(&self, field: &'static str) -> &Rank {
        self.weaker.get(field).unwrap_or(&self.top)
    }

    pub(super) fn won(&mut self, field: &'static str, rank: &Rank) {
        if *rank == self.top {
            self.weaker.remove(field);
        } else {
            self.weaker.insert(Cow::Borrowed(field), rank.clone());
        }
    }
}
