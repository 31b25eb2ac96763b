//! The process is killed while it appends: what it was told is stored is stored.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

/// Names the directory to the child, which is this test run again.
const CHILD_DIR: &str = "VOD_TEST_SPOOL_CHILD_DIR";
/// What the child writes before each number that was accepted; the test harness writes to stdout as well.
const ACCEPTED: &str = "accepted ";
const ROUNDS: u64 = 8;

#[test]
fn killed_at_any_moment_nothing_that_was_accepted_is_lost() {
    if let Some(dir) = std::env::var_os(CHILD_DIR) {
        append_until_killed(Path::new(&dir));
    }
    let this = module_path!()
        .split_once("::")
        .map(|(_, path)| format!("{path}::killed_at_any_moment_nothing_that_was_accepted_is_lost"))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for round in 0..ROUNDS {
        let scratch = Scratch::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &this, "--nocapture"])
            .env(CHILD_DIR, &scratch.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // After some number of answers, in the middle of whatever the others are at.
        let answers = 1 + round * round * 61 % 2_000;
        let mut accepted = HashSet::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let Some((_, number)) = line.split_once(ACCEPTED) else {
                continue;
            };
            accepted.insert(number.parse::<u64>().unwrap());
            if accepted.len() as u64 == answers {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(
            accepted.len() as u64 >= answers,
            "the child ended by itself"
        );

        let spool = open(&scratch.0);
        assert_eq!(spool.recovered().damages, []);
        let stored = runtime.block_on(drain(&spool));
        let once: HashSet<u64> = stored.iter().copied().collect();
        assert_eq!(once.len(), stored.len(), "none came up twice");
        let lost: Vec<_> = accepted.difference(&once).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?} were accepted");
    }
}

/// Appends from many tasks, over many segments, drained meanwhile by nobody.
fn append_until_killed(dir: &Path) -> ! {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let limits = Limits {
            segment_bytes: 20_000,
            ..Limits::default()
        };
        let spool = open_within(dir, limits);
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..16 {
            let spool = spool.clone();
            tasks.spawn(async move {
                for turn in 0.. {
                    let number = task + 16 * turn;
                    spool.append(vec![record(number)]).await.unwrap();
                    // One write, so that a kill cannot leave half a line.
                    let line = format!("\n{ACCEPTED}{number}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        tasks.join_all().await;
    });
    unreachable!("it is killed");
}
