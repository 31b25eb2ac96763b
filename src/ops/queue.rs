//! A bounded queue in front of one or a few writers, each of which takes everything that is queued.
//!
//! There is no timer: a lone item goes at once, and while a batch is being written the next one
//! gathers. So batches grow with the load and nothing waits without a reason.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lifecycle::Stop;
use tokio::sync::{Notify, oneshot};

/// How much may be queued, and how much one batch may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Being written included.
    pub queued_items: usize,
    /// Being written included.
    pub queued_bytes: usize,
    pub batch_items: usize,
    pub batch_bytes: usize,
    /// So many items are worth a batch beside one that is being written: what a batch costs is much the same for one
    /// item and for fifty.
    pub beside_items: usize,
}

/// The near end: items go in, and each group of them is answered.
pub struct Queue<T, O>(Arc<Shared<T, O>>);

/// The far end: batches come out.
pub struct Batches<T, O>(Arc<Shared<T, O>>);

/// What becomes of items that were queued together: one outcome each, or they are given back, all of them.
pub type Answer<T, O> = Result<Vec<O>, Vec<T>>;

/// The queue is full, or nobody takes from it any more; the items are given back.
#[derive(Debug)]
pub struct Full<T>(pub Vec<T>);

struct Shared<T, O> {
    bounds: Bounds,
    line: Mutex<Line<T, O>>,
    /// A batch may be worth taking.
    worth: Notify,
}

/// Who waits.
struct Line<T, O> {
    entries: VecDeque<Entry<T, O>>,
    queued: Load,
    /// Batches that were taken and not answered yet.
    batches: usize,
    written: Load,
    is_closed: bool,
}

/// What was queued together.
struct Entry<T, O> {
    items: Vec<T>,
    bytes: usize,
    answer: oneshot::Sender<Answer<T, O>>,
}

/// How many items, and of how many bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    items: usize,
    bytes: usize,
}

/// Everything that was queued, up to the bounds, and whom to answer.
pub struct Taken<T, O> {
    pub items: Vec<T>,
    waiting: Vec<(usize, oneshot::Sender<Answer<T, O>>)>,
    of: Turn<T, O>,
}

/// What a batch takes up until it is answered.
struct Turn<T, O> {
    shared: Arc<Shared<T, O>>,
    load: Load,
}

/// Makes both ends.
pub fn queue<T, O>(bounds: Bounds) -> (Queue<T, O>, Batches<T, O>) {
    let shared = Arc::new(Shared {
        bounds,
        line: Mutex::new(Line {
            entries: VecDeque::new(),
            queued: Load::default(),
            batches: 0,
            written: Load::default(),
            is_closed: false,
        }),
        worth: Notify::new(),
    });
    (Queue(Arc::clone(&shared)), Batches(shared))
}

impl<T, O> Queue<T, O> {
    /// Queues items of so many bytes together.
    pub fn push(
        &self,
        items: Vec<T>,
        bytes: usize,
    ) -> Result<oneshot::Receiver<Answer<T, O>>, Full<T>> {
        let Self(shared) = self;
        let load = Load {
            items: items.len(),
            bytes,
        };
        let (answer, answered) = oneshot::channel();
        let mut line = shared.line();
        if line.is_closed || !line.has_room_for(load, &shared.bounds) {
            return Err(Full(items));
        }
        line.queued.add(load);
        line.entries.push_back(Entry {
            items,
            bytes,
            answer,
        });
        shared.tell_if_worth(line);
        Ok(answered)
    }

    /// How many items, and how many bytes, are queued or being written.
    pub fn load(&self) -> (usize, usize) {
        let Line {
            queued, written, ..
        } = *self.0.line();
        (queued.items + written.items, queued.bytes + written.bytes)
    }
}

impl<T, O> Drop for Queue<T, O> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T, O> Batches<T, O> {
    /// Waits for the next batch. Once told to stop, nothing more is taken in; `None` comes when all that
    /// was queued is taken.
    pub async fn next(&self, stop: &mut Stop) -> Option<Taken<T, O>> {
        tokio::select! {
            taken = self.take() => return taken,
            () = stop.wait() => self.0.close(),
        }
        self.take().await
    }

    /// Waits until a batch is worth taking, and takes it; `None` once the queue is closed and all is taken.
    async fn take(&self) -> Option<Taken<T, O>> {
        let Self(shared) = self;
        loop {
            {
                let mut line = shared.line();
                if line.is_worth_a_batch(&shared.bounds) {
                    let taken = line.take(shared);
                    shared.tell_if_worth(line);
                    return Some(taken);
                }
                if line.is_closed && line.entries.is_empty() {
                    return None;
                }
            }
            shared.worth.notified().await;
        }
    }
}

impl<T, O> Drop for Batches<T, O> {
    /// Nobody will take what is queued: it is dropped, and with it whom to answer.
    fn drop(&mut self) {
        self.0.close();
        let mut line = self.0.line();
        line.queued = Load::default();
        line.entries.clear();
    }
}

impl<T, O> Shared<T, O> {
    fn line(&self) -> MutexGuard<'_, Line<T, O>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes one writer if there is something to be taken.
    fn tell_if_worth(&self, line: MutexGuard<'_, Line<T, O>>) {
        let is_worth = line.is_worth_a_batch(&self.bounds);
        drop(line);
        if is_worth {
            self.worth.notify_one();
        }
    }

    fn close(&self) {
        self.line().is_closed = true;
        self.worth.notify_waiters();
        self.worth.notify_one();
    }
}

impl<T, O> Line<T, O> {
    fn has_room_for(&self, more: Load, bounds: &Bounds) -> bool {
        let items = self.queued.items + self.written.items + more.items;
        let bytes = self.queued.bytes + self.written.bytes + more.bytes;
        items <= bounds.queued_items && bytes <= bounds.queued_bytes
    }

    fn is_worth_a_batch(&self, bounds: &Bounds) -> bool {
        let is_large =
            self.queued.items >= bounds.beside_items || self.queued.bytes >= bounds.batch_bytes;
        !self.entries.is_empty() && (self.batches == 0 || is_large || self.is_closed)
    }

    /// Takes everything, up to the bounds of a batch.
    fn take(&mut self, shared: &Arc<Shared<T, O>>) -> Taken<T, O> {
        let bounds = &shared.bounds;
        let mut taken = Taken {
            items: Vec::new(),
            waiting: Vec::new(),
            of: Turn {
                shared: Arc::clone(shared),
                load: Load::default(),
            },
        };
        let load = &mut taken.of.load;
        while load.items < bounds.batch_items
            && load.bytes < bounds.batch_bytes
            && let Some(entry) = self.entries.pop_front()
        {
            load.add(Load {
                items: entry.items.len(),
                bytes: entry.bytes,
            });
            taken.waiting.push((entry.items.len(), entry.answer));
            taken.items.extend(entry.items);
        }
        self.queued.subtract(*load);
        self.written.add(*load);
        self.batches += 1;
        taken
    }
}

impl Load {
    fn add(&mut self, other: Self) {
        self.items += other.items;
        self.bytes += other.bytes;
    }

    fn subtract(&mut self, other: Self) {
        self.items -= other.items;
        self.bytes -= other.bytes;
    }
}

impl<T, O> Drop for Turn<T, O> {
    fn drop(&mut self) {
        let mut line = self.shared.line();
        line.batches -= 1;
        line.written.subtract(self.load);
        self.shared.tell_if_worth(line);
    }
}

impl<T, O> Taken<T, O> {
    /// Answers everyone, with one outcome an item in their order; a group of which an item has none
    /// gets its items back.
    pub fn answer(self, outcomes: Vec<Option<O>>) {
        // What waits is taken before those who were answered ask again.
        drop(self.of);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::lifecycle::Lifecycle;

    const BOUNDS: Bounds = Bounds {
        queued_items: 10,
        queued_bytes: 100,
        batch_items: 4,
        batch_bytes: 50,
        beside_items: 3,
    };

    fn push(queue: &Queue<u8, u8>, item: u8) -> oneshot::Receiver<Answer<u8, u8>> {
        queue.push(vec![item], 1).unwrap()
    }

    /// What is taken at once; none if it has to be waited for.
    async fn taken(batches: &Batches<u8, u8>) -> Option<Taken<u8, u8>> {
        let now = std::future::ready(());
        tokio::select! {
            biased;
            taken = batches.take() => taken,
            () = now => None,
        }
    }

    #[tokio::test]
    async fn a_lone_item_goes_at_once_and_a_second_batch_when_it_is_worth_it() {
        let (queue, batches) = queue(BOUNDS);
        let _answers = [push(&queue, 1), push(&queue, 2)];
        let first = taken(&batches).await.unwrap();
        assert_eq!(first.items, [1, 2]);

        let _answers = [push(&queue, 3), push(&queue, 4)];
        assert!(taken(&batches).await.is_none());
        let _answer = push(&queue, 5);
        let second = taken(&batches).await.unwrap();
        assert_eq!(second.items, [3, 4, 5]);

        let _answer = push(&queue, 6);
        assert!(taken(&batches).await.is_none());
        drop(second);
        assert!(taken(&batches).await.is_none());
        drop(first);
        assert_eq!(taken(&batches).await.unwrap().items, [6]);
    }

    #[tokio::test]
    async fn a_writer_that_waits_is_woken_by_the_end_of_the_batch_before() {
        let (queue, batches) = queue(BOUNDS);
        let _answer = push(&queue, 1);
        let first = taken(&batches).await.unwrap();
        let _answer = push(&queue, 2);
        let second = async { batches.take().await.unwrap().items.clone() };
        let ends = async {
            tokio::task::yield_now().await;
            first.answer(vec![Some(1)]);
        };
        assert_eq!(tokio::join!(second, ends).0, [2]);
    }

    #[tokio::test]
    async fn a_batch_and_the_queue_keep_their_bounds() {
        let (queue, batches) = queue(BOUNDS);
        let answers: Vec<_> = (0..10).map(|item| push(&queue, item)).collect();
        assert_eq!(queue.push(vec![10], 1).unwrap_err().0, [10]);
        let first = taken(&batches).await.unwrap();
        assert_eq!(first.items, [0, 1, 2, 3]);
        // What is being written still takes up room.
        assert_eq!(queue.load(), (10, 10));
        assert!(queue.push(vec![10], 1).is_err());
        first.answer(vec![Some(7); 4]);
        assert_eq!(queue.load(), (6, 6));
        assert!(queue.push(vec![10], 95).is_err());
        let _answer = queue.push(vec![10], 94).unwrap();
        for answer in answers.into_iter().take(4) {
            assert_eq!(answer.await.unwrap().unwrap(), [7]);
        }
    }

    #[tokio::test]
    async fn a_group_of_which_one_item_has_no_outcome_is_given_back() {
        let (queue, batches) = queue(BOUNDS);
        let pair = queue.push(vec![1, 2], 2).unwrap();
        let other = push(&queue, 3);
        let taken = taken(&batches).await.unwrap();
        taken.answer(vec![Some(1), None, Some(3)]);
        assert_eq!(pair.await.unwrap().unwrap_err(), [1, 2]);
        assert_eq!(other.await.unwrap().unwrap(), [3]);
    }

    #[tokio::test]
    async fn once_told_to_stop_all_that_is_queued_is_taken_and_nothing_more() {
        let (queue, batches) = queue(BOUNDS);
        let mut tasks = Lifecycle::default();
        let (tell, told) = oneshot::channel();
        let _answers: Vec<_> = (0..6).map(|item| push(&queue, item)).collect();
        tasks.spawn("a writer", |mut stop| async move {
            let mut batches_taken = Vec::new();
            // Unanswered, so that each would wait for the one before if it were not the end.
            while let Some(taken) = batches.next(&mut stop).await {
                batches_taken.push(taken);
            }
            let items: Vec<u8> = batches_taken.iter().flat_map(|b| b.items.clone()).collect();
            tell.send(items).unwrap();
        });
        tasks.stop().await;
        assert_eq!(told.await.unwrap(), [0, 1, 2, 3, 4, 5]);
        assert!(queue.push(vec![9], 1).is_err());
    }

    #[tokio::test]
    async fn without_a_writer_nobody_waits() {
        let (queue, batches) = queue(BOUNDS);
        let answer = push(&queue, 1);
        drop(batches);
        assert!(answer.await.is_err());
        assert_eq!(queue.push(vec![2], 1).unwrap_err().0, [2]);
    }
}
