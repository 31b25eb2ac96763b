//! A bounded queue in front of one or a few writers, each of which takes everything that is queued.
//!
//! There is no timer: a lone item goes at once, and while a batch is being written the next one
//! gathers. So batches grow with the load and nothing waits without a reason.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lifecycle::Stop;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// How much may be queued, and how much one batch may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub queued_items: usize,
    pub queued_bytes: usize,
    pub batch_items: usize,
    pub batch_bytes: usize,
}

/// The near end: items go in, and each group of them is answered.
pub struct Queue<T, O> {
    entries: mpsc::Sender<Entry<T, O>>,
    bytes: Arc<Semaphore>,
    bounds: Bounds,
    items: Arc<AtomicUsize>,
}

/// The far end: batches come out.
pub struct Batches<T, O> {
    entries: Arc<Mutex<mpsc::Receiver<Entry<T, O>>>>,
    bounds: Bounds,
}

/// What becomes of items that were queued together: one outcome each, or they are given back, all of them.
pub type Answer<T, O> = Result<Vec<O>, Vec<T>>;

/// What was queued together.
struct Entry<T, O> {
    items: Vec<T>,
    bytes: usize,
    answer: oneshot::Sender<Answer<T, O>>,
    _room: Room,
}

/// What a group takes up until it is answered.
struct Room {
    items: usize,
    taken_up: Arc<AtomicUsize>,
    _bytes: OwnedSemaphorePermit,
}

/// Everything that was queued, up to the bounds, and whom to answer.
pub struct Taken<T, O> {
    pub items: Vec<T>,
    waiting: Vec<(usize, oneshot::Sender<Answer<T, O>>)>,
    _room: Vec<Room>,
}

/// The queue is full; the items are given back.
#[derive(Debug)]
pub struct Full<T>(pub Vec<T>);

/// Makes both ends.
pub fn queue<T, O>(bounds: Bounds) -> (Queue<T, O>, Batches<T, O>) {
    let (near, far) = mpsc::channel(bounds.queued_items);
    let bytes = Arc::new(Semaphore::new(bounds.queued_bytes));
    (
        Queue {
            entries: near,
            bytes,
            bounds,
            items: Arc::default(),
        },
        Batches {
            entries: Arc::new(Mutex::new(far)),
            bounds,
        },
    )
}

impl<T, O> Queue<T, O> {
    /// Queues items of so many bytes together.
    pub fn push(
        &self,
        items: Vec<T>,
        bytes: usize,
    ) -> Result<oneshot::Receiver<Answer<T, O>>, Full<T>> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.bytes).try_acquire_many_owned(permits) else {
            return Err(Full(items));
        };
        let room = Room::take_up(&self.items, items.len(), permit);
        let (answer, answered) = oneshot::channel();
        match self.entries.try_send(Entry {
            items,
            bytes,
            answer,
            _room: room,
        }) {
            Ok(()) => Ok(answered),
            Err(
                mpsc::error::TrySendError::Full(entry) | mpsc::error::TrySendError::Closed(entry),
            ) => Err(Full(entry.items)),
        }
    }

    /// How many items, and how many bytes, are queued or being written.
    pub fn load(&self) -> (usize, usize) {
        let bytes = self.bounds.queued_bytes - self.bytes.available_permits();
        (self.items.load(Ordering::Relaxed), bytes)
    }
}

impl Room {
    fn take_up(taken_up: &Arc<AtomicUsize>, items: usize, bytes: OwnedSemaphorePermit) -> Self {
        taken_up.fetch_add(items, Ordering::Relaxed);
        Self {
            items,
            taken_up: Arc::clone(taken_up),
            _bytes: bytes,
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.taken_up.fetch_sub(self.items, Ordering::Relaxed);
    }
}

impl<T, O> Clone for Batches<T, O> {
    fn clone(&self) -> Self {
        Self {
            entries: Arc::clone(&self.entries),
            bounds: self.bounds,
        }
    }
}

impl<T, O> Batches<T, O> {
    /// Waits for the next batch. Once told to stop, nothing more is taken in; `None` comes when all that
    /// was queued is taken.
    pub async fn next(&self, stop: &mut Stop) -> Option<Taken<T, O>> {
        tokio::select! {
            taken = self.take() => return taken,
            () = stop.wait() => self.entries.lock().await.close(),
        }
        self.take().await
    }

    /// Waits for something to be queued and takes everything, up to the bounds of a batch; `None`
    /// once the near end is gone and all is taken.
    async fn take(&self) -> Option<Taken<T, O>> {
        let mut entries = self.entries.lock().await;
        let first = entries.recv().await?;
        let mut taken = Taken {
            items: Vec::new(),
            waiting: Vec::new(),
            _room: Vec::new(),
        };
        let mut bytes = taken.add(first);
        while taken.items.len() < self.bounds.batch_items && bytes < self.bounds.batch_bytes {
            match entries.try_recv() {
                Ok(entry) => bytes += taken.add(entry),
                Err(_) => break,
            }
        }
        Some(taken)
    }
}

impl<T, O> Taken<T, O> {
    fn add(&mut self, entry: Entry<T, O>) -> usize {
        self.waiting.push((entry.items.len(), entry.answer));
        self.items.extend(entry.items);
        self._room.push(entry._room);
        entry.bytes
    }

    /// Answers everyone, with one outcome an item in their order; a group of which an item has none
    /// gets its items back.
    pub fn answer(self, outcomes: Vec<Option<O>>) {
        let mut items = self.items.into_iter();
        let mut outcomes = outcomes.into_iter();
        for (count, waiting) in self.waiting {
            let of_group: Vec<O> = outcomes.by_ref().take(count).flatten().collect();
            let group = items.by_ref().take(count);
            let answer = if of_group.len() == count {
                group.for_each(drop);
                Ok(of_group)
            } else {
                Err(group.collect())
            };
            // Who no longer waits has given up; what it brought is recorded all the same.
            let _ = waiting.send(answer);
        }
    }
}

/// The parts of a batch that are still to be written, halved where one was refused: so that the one
/// item that is at fault is found in few turns and its neighbours are not harmed.
pub struct Halves(Vec<Range<usize>>);

impl Halves {
    /// A batch of so many items, whole.
    pub fn of(items: usize) -> Self {
        let everything = 0..items;
        Self(vec![everything])
    }

    /// Splits a part that was refused; false if it is a single item, and so the one at fault.
    pub fn split(&mut self, part: &Range<usize>) -> bool {
        if part.len() < 2 {
            return false;
        }
        let middle = part.start + part.len() / 2;
        self.0.extend([middle..part.end, part.start..middle]);
        true
    }

    /// Puts a part back, to be written next.
    pub fn again(&mut self, part: Range<usize>) {
        self.0.push(part);
    }
}

impl Iterator for Halves {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.pop().filter(|part| !part.is_empty())
    }
}
