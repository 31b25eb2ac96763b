//! The disk fails: nobody is told that something is stored which is not, and it goes on afterwards.

use super::super::AppendFault;
use super::*;

#[tokio::test]
async fn after_a_failed_fsync_the_waiters_are_told_and_the_segment_is_left_alone() {
    let scratch = Scratch::new();
    let (spool, faults) = open_failing(&scratch.0);
    spool.append(vec![record(1)]).await.unwrap();
    let before = scratch.segments();

    fail(&faults, &[Step::Sync]);
    let told = spool.append(vec![record(2)]).await;
    assert!(matches!(told, Err(AppendFault::NotWritten(_))), "{told:?}");
    assert_eq!(spool.depth().records, 1);
    let abandoned = fs::read(scratch.0.join(&before[0])).unwrap();

    spool.append(vec![record(3)]).await.unwrap();
    assert_eq!(scratch.segments().len(), 2);
    assert_eq!(fs::read(scratch.0.join(&before[0])).unwrap(), abandoned);
    assert_eq!(spool.depth().records, 2);
    assert_eq!(
        spool.depth().bytes,
        (1..4)
            .map(|number| record(number).frame_bytes())
            .sum::<u64>()
    );
    // The second was written, only not known to be on disk: it may come up.
    assert_eq!(drain(&spool).await, [1, 2, 3]);
    assert_eq!(spool.depth(), super::super::Depth::default());
}

#[tokio::test]
async fn after_a_failed_write_what_was_accepted_before_and_after_comes_up() {
    let scratch = Scratch::new();
    let (spool, faults) = open_failing(&scratch.0);
    spool.append(vec![record(1)]).await.unwrap();
    fail(&faults, &[Step::Write]);
    assert!(spool.append(vec![record(2)]).await.is_err());
    spool.append(vec![record(3)]).await.unwrap();
    spool.close().await;

    let spool = open(&scratch.0);
    assert_eq!(spool.recovered().torn, 1);
    assert_eq!(spool.recovered().damages, []);
    assert_eq!(drain(&spool).await, [1, 3]);
}

#[tokio::test]
async fn a_disk_that_keeps_failing_is_not_filled_with_files() {
    let scratch = Scratch::new();
    let (spool, faults) = open_failing(&scratch.0);
    for step in [Step::Create, Step::SyncDir, Step::Write, Step::Sync] {
        fail(&faults, &[step; 5]);
        for _ in 0..5 {
            assert!(spool.append(vec![record(1)]).await.is_err(), "{step:?}");
        }
        assert_eq!(scratch.segments(), [""; 0], "{step:?}");
        assert_eq!(spool.depth().bytes, 0, "{step:?}");
    }
    spool.append(vec![record(2)]).await.unwrap();
    assert_eq!(drain(&spool).await, [2]);
}

#[tokio::test]
async fn a_group_that_fails_takes_nobody_elses_acceptance_with_it() {
    let scratch = Scratch::new();
    let (spool, faults) = open_failing(&scratch.0);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        if number % 20 == 10 {
            fail(
                &faults,
                &[if number % 40 == 10 {
                    Step::Sync
                } else {
                    Step::Write
                }],
            );
        }
        let spool = spool.clone();
        tasks.spawn(async move {
            spool
                .append(vec![record(number)])
                .await
                .ok()
                .map(|()| number)
        });
        tokio::task::yield_now().await;
    }
    let mut accepted: Vec<u64> = tasks.join_all().await.into_iter().flatten().collect();
    accepted.sort_unstable();
    spool.close().await;

    let spool = open(&scratch.0);
    let stored = drain(&spool).await;
    assert!(accepted.iter().all(|number| stored.contains(number)));
}
