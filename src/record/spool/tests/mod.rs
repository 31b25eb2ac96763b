//! What the spool promises, tried on real files.

mod crash;
mod damage;
mod disk_faults;
mod draining;
mod owning;
mod reading;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::disk::{Faults, Step};
use super::{Limits, Record, Spool};

/// A directory of a test's own, gone at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let count = MADE.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("vod-spool-{}-{count}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        Self(dir)
    }

    /// The names of files that end so, in order.
    fn files(&self, ending: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(ending))
            .collect();
        names.sort();
        names
    }

    fn segments(&self) -> Vec<String> {
        self.files(".segment")
    }

    /// Changes the bytes of a file.
    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.0.join(name);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where tests run the directory may well be volatile; only one test is about that.
fn open(dir: &Path) -> Spool {
    open_within(dir, Limits::default())
}

fn open_within(dir: &Path, limits: Limits) -> Spool {
    Spool::open(dir, limits, true, 0x5eed).unwrap()
}

/// A spool whose disk fails where its faults say so.
fn open_failing(dir: &Path) -> (Spool, Faults) {
    super::disk::create_dir(dir).unwrap();
    let faults = Faults::default();
    let spool = Spool::start(dir, Limits::default(), 0x5eed, faults.clone()).unwrap();
    (spool, faults)
}

fn fail(faults: &Faults, steps: &[Step]) {
    faults.next.lock().unwrap().extend_from_slice(steps);
}

/// A record that can be told from others, its time its number.
fn record(number: u64) -> Record {
    let length = usize::try_from(number % 7).unwrap() * 40;
    Record {
        at_ms: i64::try_from(number).unwrap(),
        head: Bytes::from(number.to_string()),
        body: Bytes::from(vec![b'b'; length]),
    }
}

fn number(record: &Record) -> u64 {
    let number = std::str::from_utf8(&record.head).unwrap().parse().unwrap();
    assert_eq!(record, &self::record(number), "its bytes are as given");
    number
}

/// Takes everything out, in chunks of three.
async fn drain(spool: &Spool) -> Vec<u64> {
    let mut drained = Vec::new();
    while let Some(chunk) = spool.oldest(3, usize::MAX).await.unwrap() {
        drained.extend(chunk.records.iter().map(number));
        spool.confirm(chunk).await.unwrap();
    }
    drained
}
