//! The walk: every file that VOD created in a stretch of time, although a search lists no more than 5,000.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::mem;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Interrupted, Progress, Run, Watch};
use crate::vod::client::{ApiError, MAX_PAGE, MediaSearch};
use crate::vod::event::FileId;

/// `Offset` and `Limit` of a search reach no further, and its `TotalCount` counts no further (protocol.md section 7).
const REACH: usize = 5_000;
/// How long the first window is; each following one as its files allow.
const FIRST_WIDTH: TimeDelta = TimeDelta::hours(1);
/// How far a window reaches back into the one before it, unless it is short.
const OVERLAP: TimeDelta = TimeDelta::minutes(3);
/// A short one reaches back by this part of itself.
const OVERLAP_PART: i32 = 20;
/// So many files of a run are remembered: 40 MB.
const REMEMBERED: usize = 1 << 21;
/// So many files of a page are asked for again with the next: a file that is deleted meanwhile moves up all behind it.
const PAGE_OVERLAP: usize = 16;

/// A stretch of time, in whole seconds, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

/// The files that VOD told of.
#[derive(Default)]
pub(super) struct Seen {
    now: HashSet<FileId>,
    /// In the window before, which this one overlaps.
    before: HashSet<FileId>,
    /// In all windows, as hashes: what an earlier one listed need not be asked for. Begun anew once it is large.
    of_run: HashSet<u64>,
    hasher: RandomState,
}

/// What became of listing a window.
enum Listed {
    /// So many files, all that there are.
    All(usize),
    /// There are more than a search lists.
    TooMany,
}

impl Window {
    /// Its first half; a single second has none.
    fn half(&self) -> Option<Self> {
        let seconds = (self.to - self.from).num_seconds();
        (seconds > 1).then(|| Self {
            from: self.from,
            to: self.from + TimeDelta::seconds(seconds / 2),
        })
    }

    /// The one after it, wider if this one held few files.
    fn next(&self, files: usize, until: DateTime<Utc>) -> Self {
        let width = self.to - self.from;
        let width = if files < REACH / 2 { width * 2 } else { width };
        Self {
            from: self.to,
            to: (self.to + width).min(until),
        }
    }

    /// What to ask for: whether VOD counts the bounds in is not clear. A single second is asked for as it is, since
    /// there may be nothing to spare.
    pub fn asked(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let width = self.to - self.from;
        let second = TimeDelta::seconds(1);
        if width <= second {
            return (self.from, self.to);
        }
        let overlap = (width / OVERLAP_PART).min(OVERLAP).max(second);
        (self.from - overlap, self.to + second)
    }
}

impl Seen {
    /// Notes a file; false if it was seen already in this window or the one before.
    pub fn add(&mut self, file_id: &FileId) -> bool {
        if self.of_run.len() >= REMEMBERED {
            self.of_run.clear();
        }
        self.of_run.insert(self.hasher.hash_one(file_id));
        self.now.insert(file_id.clone()) && !self.before.contains(file_id)
    }

    /// Whether VOD told of a file in this run, as far as that is remembered.
    pub fn has(&self, file_id: &FileId) -> bool {
        self.of_run.contains(&self.hasher.hash_one(file_id))
            || self.now.contains(file_id)
            || self.before.contains(file_id)
    }

    /// A window is done.
    fn turn(&mut self) {
        self.before = mem::take(&mut self.now);
    }
}

impl Run {
    /// Compares everything that VOD created in the time of the run, window by window, and moves the checkpoint with
    /// each.
    pub(super) async fn walk(&mut self, watch: &mut Watch) -> Result<(), Interrupted> {
        let mut seen = Seen::default();
        let mut window = Window {
            from: self.from,
            to: (self.from + FIRST_WIDTH).min(self.until),
        };
        while window.from < self.until {
            let files = match (self.list(&window, &mut seen, watch).await?, window.half()) {
                (Listed::All(files), _) => files,
                (Listed::TooMany, Some(half)) => {
                    window = half;
                    continue;
                }
                (Listed::TooMany, None) => {
                    tracing::warn!(
                        app = %self.of.app.name,
                        second = %window.from,
                        "more files were created in one second than VOD lists; those beyond {REACH} are not seen"
                    );
                    self.counts.dense_seconds += 1;
                    REACH
                }
            };
            self.ask_what_was_left_out(&window, &mut seen).await?;
            self.ask_new_tasks(&window).await?;
            self.move_checkpoint(window.to, None).await?;
            self.tell(window.to, watch);
            seen.turn();
            window = window.next(files, self.until);
        }
        Ok(())
    }

    /// Lists the files of a window and fills in what is missing of them.
    async fn list(
        &mut self,
        window: &Window,
        seen: &mut Seen,
        watch: &mut Watch,
    ) -> Result<Listed, Interrupted> {
        let (created_from, created_to) = window.asked();
        let mut offset = 0;
        loop {
            let search = MediaSearch {
                created_from,
                created_to,
                offset,
                limit: MAX_PAGE.min(REACH - offset),
            };
            let page = self.of.client.search_media(&search).await?;
            let total = usize::try_from(page.total).unwrap_or(REACH);
            // Nothing is filled in that is listed again a moment later.
            if total >= REACH && offset == 0 && window.half().is_some() {
                return Ok(Listed::TooMany);
            }
            let end = offset + page.listed;
            let reached = page.media.iter().filter_map(|media| media.created).max();
            self.fill(page.media, seen).await?;
            self.tell(reached.unwrap_or(window.from), watch);
            if end >= REACH {
                return Ok(Listed::TooMany);
            }
            // A short page is the end, but for one that is short because something in it is null.
            if page.listed < search.limit && end >= total {
                return Ok(Listed::All(end));
            }
            if page.listed == 0 {
                let early = "a page of a list of files is empty before its end";
                return Err(ApiError::BadAnswer(early).into());
            }
            offset = end - PAGE_OVERLAP.min(page.listed / 2);
        }
    }

    fn tell(&self, at: DateTime<Utc>, watch: &mut Watch) {
        watch(Progress {
            from: self.from,
            until: self.until,
            at: at.clamp(self.from, self.until),
            counts: &self.counts,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: i64, to: i64) -> Window {
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        Window {
            from: at(from),
            to: at(to),
        }
    }

    #[test]
    fn halving_ends_at_a_second() {
        let mut at = window(1_000, 1_000 + 86_400);
        let mut times = 0;
        while let Some(half) = at.half() {
            assert_eq!(half.from, at.from);
            at = half;
            times += 1;
        }
        assert_eq!((at, times), (window(1_000, 1_001), 16));
    }

    #[test]
    fn windows_follow_each_other_without_a_gap_and_grow_where_there_is_little() {
        let until = window(0, 100_000).to;
        let next = window(0, 3_600).next(10, until);
        assert_eq!(next, window(3_600, 10_800));
        assert_eq!(next.next(4_999, until), window(10_800, 18_000));
        assert_eq!(window(0, 90_000).next(0, until), window(90_000, 100_000));
    }

    #[test]
    fn what_is_asked_overlaps_by_minutes_but_where_there_is_no_room() {
        for ((from, to), asked) in [
            ((10_000, 96_400), (9_820, 96_401)),
            ((10_000, 10_600), (9_970, 10_601)),
            ((10_000, 10_002), (9_999, 10_003)),
            ((10_000, 10_001), (10_000, 10_001)),
        ] {
            let asked = window(asked.0, asked.1);
            assert_eq!(window(from, to).asked(), (asked.from, asked.to));
        }
    }

    #[test]
    fn a_file_is_seen_once_in_two_windows() {
        let file = FileId::parse("7").unwrap();
        let mut seen = Seen::default();
        assert!(seen.add(&file) && !seen.add(&file));
        seen.turn();
        assert!(seen.has(&file) && !seen.add(&file));
        seen.turn();
        assert!(!seen.add(&file));
        seen.turn();
        seen.turn();
        assert!(seen.has(&file) && seen.add(&file));
    }
}
