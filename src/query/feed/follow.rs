//! One reader of the feed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::change::{self, Told, Wanted};
use super::cursor::Cursor;
use super::ring::Held;
use super::sql::{self, Line};
use super::{Feed, MOST_READERS, Seat};
use crate::http::problem::Problem;

/// How many lines of the log are read at a time by whoever is further back than the ring.
const STRETCH: usize = 1_000;
/// After Postgres could not be asked.
const AGAIN: Duration = Duration::from_millis(500);

/// A reader: the number of the last change that it was told or that it does not want, and what it wants.
pub struct Follower {
    feed: Feed,
    wanted: Wanted,
    position: i64,
    /// It was served by the ring: if it lacks what the ring held since, it was too slow.
    is_live: bool,
    jumps: u64,
    set_back: u64,
    head: watch::Receiver<i64>,
    ending: watch::Receiver<bool>,
    seat: Option<Seat>,
}

/// Why a reader is told nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It took what it was told more slowly than it came.
    TooSlow,
    /// What comes next for it is not kept any more.
    Gone,
    /// The service stops.
    Stopping,
}

fn gone() -> Problem {
    Problem::Gone(
        "what came after this cursor is not kept any more: read the uploads anew, from a cursor of now".to_owned(),
    )
}

impl Feed {
    /// A reader that begins after a change, or now; with it, whether there is anything for it to read at once.
    ///
    /// # Errors
    ///
    /// [`Problem::Gone`] where the log does not hold what comes next, [`Problem::Unavailable`].
    pub async fn follow(
        &self,
        wanted: Wanted,
        after: Option<Cursor>,
    ) -> Result<(Follower, bool), Problem> {
        let hub = &self.0;
        let (jumps, set_back) = {
            let ring = hub.ring();
            (ring.jumps(), ring.set_back())
        };
        let (head, ending) = (hub.head.subscribe(), hub.ending.subscribe());
        let pool = hub.database.pool()?;
        let stretch = {
            let _turn = hub.reads.acquire().await;
            let from = after.map_or(i64::MAX, |cursor| cursor.0);
            sql::stretch(&mut *pool.acquire().await?, from, 1).await?
        };
        let position = after.map_or(stretch.head, |cursor| cursor.0);
        if !follows(position, stretch.head, stretch.lines.first()) {
            return Err(gone());
        }
        let follower = Follower {
            feed: self.clone(),
            wanted,
            position,
            is_live: false,
            jumps,
            set_back,
            head,
            ending,
            seat: None,
        };
        Ok((follower, position < stretch.head))
    }
}

/// Whether a log that ends there and goes on with this line has all that comes after a position.
fn follows(position: i64, head: i64, next: Option<&Line>) -> bool {
    match next {
        Some(next) => next.seq == position + 1,
        None => position == head,
    }
}

impl Follower {
    /// Where it is.
    pub fn cursor(&self) -> Cursor {
        Cursor(self.position)
    }

    /// Counts it among those for whom the log is read.
    ///
    /// # Errors
    ///
    /// [`Problem::Unavailable`] if there are as many as may be.
    pub fn stay(&mut self) -> Result<(), Problem> {
        let seat = Seat::take(&self.feed.0, |hub| &hub.readers, MOST_READERS)?;
        self.seat = Some(seat);
        Ok(())
    }

    /// The next changes that it wants, at most so many, once there are any; to be called only after
    /// [`Follower::stay`]. Dropped before it ends, nothing is lost.
    pub async fn next(&mut self, at_most: usize) -> Result<Vec<Arc<Told>>, End> {
        loop {
            if *self.ending.borrow() {
                return Err(End::Stopping);
            }
            self.head.borrow_and_update();
            match self.held(at_most)? {
                Held::Some(told) => return Ok(told),
                Held::Nothing => {
                    self.is_live = true;
                    tokio::select! {
                        // The senders live in the hub, and that in here: neither fails.
                        _ = self.head.changed() => {}
                        _ = self.ending.wait_for(|ending| *ending) => {}
                    }
                }
                Held::Behind => match self.read(at_most).await {
                    Ok((told, _)) if told.is_empty() => {}
                    Ok((told, _)) => return Ok(told),
                    Err(Problem::Gone(_)) => return Err(End::Gone),
                    // It is told once it is back: whoever hangs up on a reader makes all of them come again at once.
                    Err(_) => sleep(AGAIN).await,
                },
            }
        }
    }

    /// The next changes that it wants as the log holds them now, at most so many. None if there are none, or if the
    /// log was not looked through within a time: then its cursor has moved.
    pub async fn look(
        &mut self,
        at_most: usize,
        deadline: Instant,
    ) -> Result<Vec<Arc<Told>>, Problem> {
        while Instant::now() < deadline {
            let (told, is_all) = match timeout_at(deadline, self.read(at_most)).await {
                Ok(read) => read?,
                Err(_) => break,
            };
            if is_all || !told.is_empty() {
                return Ok(told);
            }
        }
        Ok(Vec::new())
    }

    /// What the ring has for it.
    fn held(&mut self, at_most: usize) -> Result<Held, End> {
        let ring = self.feed.0.ring();
        if ring.set_back() != self.set_back {
            return Err(End::Gone);
        }
        let held = ring.after(&mut self.position, &self.wanted, at_most);
        let jumped = ring.jumps() != self.jumps;
        self.jumps = ring.jumps();
        match held {
            Held::Behind if self.is_live && !jumped => return Err(End::TooSlow),
            Held::Behind => self.is_live = false,
            Held::Some(_) => self.is_live = true,
            Held::Nothing => {}
        }
        Ok(held)
    }

    /// Reads on in the log; tells whether that was all of it.
    async fn read(&mut self, at_most: usize) -> Result<(Vec<Arc<Told>>, bool), Problem> {
        let hub = Arc::clone(&self.feed.0);
        let _turn = hub.reads.acquire().await;
        let mut connection = hub.database.pool()?.acquire().await?;
        let stretch = sql::stretch(&mut connection, self.position, STRETCH).await?;
        if !follows(self.position, stretch.head, stretch.lines.first()) {
            return Err(gone());
        }
        let mut position = self.position;
        let mut lines = Vec::new();
        for line in stretch.lines {
            position = line.seq;
            if self.wanted.holds_line(&line) {
                lines.push(line);
                if lines.len() == at_most {
                    break;
                }
            }
        }
        let told = change::tell(&mut connection, &lines).await?;
        self.position = position;
        let told = told.into_iter().map(Arc::new).collect();
        Ok((told, position >= stretch.head))
    }
}
