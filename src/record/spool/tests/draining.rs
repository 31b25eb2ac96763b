//! What went in comes out, in order and in bounded pieces, while more goes in.

use super::super::ledger::{Ask, Shared};
use super::super::{AppendFault, Depth, DrainFault, MAX_BODY_BYTES, Recovered};
use super::*;

/// So small that two of the larger records fill a segment.
const SMALL: Limits = Limits {
    quota_bytes: 1 << 30,
    queue_bytes: 1 << 20,
    segment_bytes: 300,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_append_at_once_is_there_once_after_a_restart() {
    for limits in [Limits::default(), SMALL] {
        let scratch = Scratch::new();
        let spool = open_within(&scratch.0, limits);
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..32 {
            let spool = spool.clone();
            tasks.spawn(async move {
                for turn in 0..20 {
                    let first = task * 60 + turn * 3;
                    let some = (first..first + 3).map(record).collect();
                    spool.append(some).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(spool.depth().records, 32 * 60);
        spool.close().await;

        let spool = open_within(&scratch.0, limits);
        assert_eq!(spool.depth().records, 32 * 60);
        let mut stored = drain(&spool).await;
        let triples = stored.chunks(3).all(|three| three[0] + 2 == three[2]);
        assert!(triples, "records of one call stay together, in order");
        stored.sort_unstable();
        assert!(stored.into_iter().eq(0..32 * 60));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drained_while_others_append_each_comes_up_once_and_room_is_given_back() {
    let scratch = Scratch::new();
    let spool = open_within(&scratch.0, SMALL);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let spool = spool.clone();
        tasks.spawn(async move {
            for turn in 0..50 {
                let number = task * 50 + turn;
                spool.append(vec![record(number)]).await.unwrap();
            }
        });
    }
    let mut drained = Vec::new();
    while drained.len() < 400 {
        drained.extend(drain(&spool).await);
        tokio::task::yield_now().await;
    }
    tasks.join_all().await;
    drained.sort_unstable();
    assert!(drained.into_iter().eq(0..400));
    assert_eq!(spool.depth(), Depth::default());
    assert_eq!(scratch.segments(), [""; 0]);
}

#[tokio::test]
async fn chunks_keep_to_their_bounds_but_one_record_always_passes() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append((10..20).map(record).collect()).await.unwrap();
    let chunk = spool.oldest(4, usize::MAX).await.unwrap().unwrap();
    assert_eq!(chunk.records.len(), 4);
    let (first, second) = (&chunk.records[0], &chunk.records[1]);
    let two = first.head.len() + first.body.len() + second.head.len() + second.body.len();
    let chunk = spool.oldest(4, two).await.unwrap().unwrap();
    assert_eq!(chunk.records.len(), 2);
    let chunk = spool.oldest(0, 0).await.unwrap().unwrap();
    assert_eq!(chunk.records.len(), 1);
}

#[tokio::test]
async fn unconfirmed_comes_up_again_and_confirming_twice_does_nothing() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append((0..5).map(record).collect()).await.unwrap();
    let once = spool.oldest(2, usize::MAX).await.unwrap().unwrap();
    let again = spool.oldest(2, usize::MAX).await.unwrap().unwrap();
    assert_eq!(once.records, again.records);
    assert_eq!(spool.depth().oldest_at_ms, Some(0));
    spool.confirm(once).await.unwrap();
    assert_eq!(spool.depth().oldest_at_ms, Some(2));
    assert_eq!(spool.depth().records, 3);
    spool.confirm(again).await.unwrap();
    assert_eq!(spool.depth().records, 3);

    // Where a drain stands is not kept.
    spool.close().await;
    let spool = open(&scratch.0);
    spool.append(vec![record(5)]).await.unwrap();
    assert_eq!(drain(&spool).await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(spool.depth(), Depth::default());
}

#[tokio::test]
async fn a_drain_closes_the_segment_that_it_reaches() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append(vec![record(1), record(2)]).await.unwrap();
    let chunk = spool.oldest(1, usize::MAX).await.unwrap().unwrap();
    spool.append(vec![record(3)]).await.unwrap();
    assert_eq!(scratch.segments().len(), 2);
    spool.confirm(chunk).await.unwrap();
    let chunk = spool.oldest(1, usize::MAX).await.unwrap().unwrap();
    assert_eq!(chunk.records, [record(2)]);
    spool.confirm(chunk).await.unwrap();
    assert_eq!(scratch.segments().len(), 1, "one is done with");
    assert_eq!(drain(&spool).await, [3]);
}

#[tokio::test]
async fn a_segment_that_has_grown_enough_is_followed_by_another() {
    let scratch = Scratch::new();
    let spool = open_within(&scratch.0, SMALL);
    for turn in 1..=4 {
        spool.append(vec![record(6)]).await.unwrap();
        assert_eq!(scratch.segments().len(), 1 + (turn - 1) / 2);
    }
    assert_eq!(drain(&spool).await, [6; 4]);
}

#[tokio::test]
async fn the_quota_refuses_until_a_drain_makes_room() {
    let scratch = Scratch::new();
    let limits = Limits {
        quota_bytes: 3 * record(6).frame_bytes(),
        ..Limits::default()
    };
    let spool = open_within(&scratch.0, limits);
    for _ in 0..3 {
        spool.append(vec![record(6)]).await.unwrap();
    }
    assert!(matches!(
        spool.append(vec![record(0)]).await,
        Err(AppendFault::Full)
    ));
    assert_eq!(drain(&spool).await, [6, 6, 6]);
    spool.append(vec![record(0)]).await.unwrap();
    spool.close().await;

    let smaller = Limits {
        quota_bytes: 1,
        ..limits
    };
    let spool = open_within(&scratch.0, smaller);
    assert!(matches!(
        spool.append(vec![record(0)]).await,
        Err(AppendFault::Full)
    ));
    assert_eq!(drain(&spool).await, [0]);
}

#[test]
fn too_much_in_the_queue_is_refused_but_one_ask_of_any_size_is_taken() {
    let scratch = Scratch::new();
    super::super::disk::create_dir(&scratch.0).unwrap();
    let owner = super::super::disk::lock(&scratch.0).unwrap();
    let limits = Limits {
        queue_bytes: 10,
        ..Limits::default()
    };
    // Without a writer, so that nothing leaves the queue.
    let shared = Shared::new(
        scratch.0.clone(),
        limits,
        Faults::default(),
        owner,
        std::collections::VecDeque::new(),
        &Recovered::default(),
    );
    let ask = || {
        let (done, outcome) = tokio::sync::oneshot::channel();
        (Ask::new(vec![record(1)], done), outcome)
    };
    let (large, mut outcome) = ask();
    shared.enqueue(large).unwrap();
    assert!(matches!(shared.enqueue(ask().0), Err(AppendFault::Busy)));

    // Should the writer die, those who wait are told.
    shared.abandon();
    let told = outcome.try_recv();
    assert_eq!(
        told.unwrap_err(),
        tokio::sync::oneshot::error::TryRecvError::Closed
    );
}

#[tokio::test]
async fn the_largest_record_passes_and_a_larger_one_does_not() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    let large = |bytes: usize| Record {
        body: vec![b'l'; bytes].into(),
        ..record(0)
    };
    let refused = spool.append(vec![large(MAX_BODY_BYTES + 1)]).await;
    assert!(matches!(refused, Err(AppendFault::TooLarge)));
    let some = vec![record(1), large(MAX_BODY_BYTES), record(2)];
    spool.append(some.clone()).await.unwrap();
    let chunk = spool.oldest(9, usize::MAX).await.unwrap().unwrap();
    assert_eq!(chunk.records, some);
}

#[tokio::test]
async fn closing_stores_what_is_queued_and_then_refuses() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50 {
        let spool = spool.clone();
        tasks.spawn(async move { spool.append(vec![record(number)]).await.is_ok() });
    }
    tokio::task::yield_now().await;
    spool.close().await;
    spool.close().await;
    let accepted = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|told| *told)
        .count();
    assert!(matches!(
        spool.append(vec![record(1)]).await,
        Err(AppendFault::Stopped)
    ));
    assert!(matches!(spool.oldest(1, 1).await, Err(DrainFault::Stopped)));

    let spool = open(&scratch.0);
    assert_eq!(drain(&spool).await.len(), accepted);
}

#[tokio::test]
async fn a_writer_that_dies_leaves_nobody_waiting() {
    let scratch = Scratch::new();
    let spool = open(&scratch.0);
    spool.append(vec![record(1)]).await.unwrap();
    // What its guard does when it panics.
    spool.0.shared.abandon();
    spool.ended().await;
    assert!(matches!(
        spool.append(vec![record(2)]).await,
        Err(AppendFault::Stopped)
    ));
    assert_eq!(drain(&spool).await, [1]);
}
