//! What the system lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside connections: pool and lines to Postgres, spool, calls of VOD, threads.
const FILES_OF_THE_REST: u64 = 256;
/// What the server allows a worker if nobody says otherwise; a connection that waits takes some 10 KB.
const CONNECTIONS_A_WORKER: usize = 25_600;

/// Lets this process open as many files as it may allow itself, and tells how many; `None` is any number.
///
/// Each who waits for an upload holds a connection, which is a file. The usual 1,024 are for programs that cannot take more.
pub fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

/// How many connections each of some workers may hold, of so many files that may be open (`None`: any number).
///
/// What is left is for the rest: a receiver whose connections took every file could neither reach Postgres again nor begin
/// a file of its spool. Whoever comes when all are taken waits in the system's queue until one is free.
pub fn connections_a_worker(open_files: Option<u64>, workers: usize) -> usize {
    let Some(files) = open_files else {
        return CONNECTIONS_A_WORKER;
    };
    let connections = files - FILES_OF_THE_REST.min(files / 2);
    let each = usize::try_from(connections).unwrap_or(usize::MAX) / workers.max(1);
    each.clamp(1, CONNECTIONS_A_WORKER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_the_files_of_the_rest() {
        for (files, workers, each) in [
            (None, 2, 25_600),
            (Some(1 << 20), 2, 25_600),
            (Some(20_000), 2, 9_872),
            (Some(1_024), 4, 192),
            (Some(300), 1, 150),
            (Some(4), 2, 1),
            (Some(0), 2, 1),
        ] {
            assert_eq!(connections_a_worker(files, workers), each, "{files:?}");
        }
    }
}
