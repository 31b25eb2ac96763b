//! The one thread that writes: everything queued in one go, one fsync, then all are told.
//!
//! **After a failed write or fsync the segment is never written again.** Linux reports a failed
//! writeback once and marks the pages clean, so that a second fsync would say success over data that
//! is not there (LWN 752063, "fsyncgate"). Those who waited are told an error, and the next group
//! begins a new file. What was accepted into the old one before stays there and is drained.

use std::fs::{self, File};
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;

use super::disk::{self, Name, Step};
use super::fault::{AppendFault, IoFault, OpenFault};
use super::frame::Mark;
use super::ledger::{Ask, Segment, Shared, State};

/// Small frames are gathered up to this before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// Starts the writer of a spool.
pub fn spawn(shared: &Arc<Shared>, salt: u64) -> Result<(), OpenFault> {
    let next = shared
        .ledger()
        .segments
        .back()
        .map_or(0, |newest| newest.name.sequence + 1);
    let mut writer = Writer {
        shared: Arc::clone(shared),
        salt,
        next,
        buffer: Vec::new(),
        failing: false,
    };
    thread::Builder::new()
        .name("spool-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(IoFault::doing("start the writer of", &shared.dir))?;
    Ok(())
}

struct Writer {
    shared: Arc<Shared>,
    salt: u64,
    /// The sequence number of the next segment.
    next: u64,
    buffer: Vec<u8>,
    /// Whether the last group failed: an outage is told once.
    failing: bool,
}

/// Tells that the thread has ended, also when it panicked.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    fn run(&mut self) {
        let _ended = Ended(Arc::clone(&self.shared));
        while let Some(group) = self.shared.next_group() {
            let outcome = self.store(&group).map_err(Arc::new);
            self.tell(&outcome);
            for ask in group {
                ask.answer(outcome.clone().map_err(AppendFault::NotWritten));
            }
        }
    }

    fn tell(&mut self, outcome: &Result<(), Arc<IoFault>>) {
        match outcome {
            Ok(()) if self.failing => {
                self.failing = false;
                tracing::info!("the spool can write again");
            }
            Err(error) if !self.failing => {
                self.failing = true;
                let error: &dyn std::error::Error = &**error;
                tracing::error!(error, "the spool cannot write; its callers are told");
            }
            _ => {}
        }
    }

    /// Writes a group to one segment and books what became of it.
    fn store(&mut self, group: &[Ask]) -> Result<(), IoFault> {
        let bytes = group.iter().map(|ask| ask.bytes).sum();
        let (name, mut file, from) = match self.segment() {
            Ok(segment) => segment,
            Err(fault) => {
                self.shared.settle(bytes, |_| {});
                return Err(fault);
            }
        };
        let path = self.shared.dir.join(name.file());
        match self.write(&mut file, group, name.mark) {
            Ok(()) => {
                self.shared.settle(bytes, |ledger| {
                    let Some(segment) = ledger.segment(name) else {
                        return;
                    };
                    let mut records = group.iter().flat_map(|ask| &ask.records);
                    segment.bytes += bytes;
                    segment.records += records.clone().count() as u64;
                    if segment.oldest_at_ms.is_none() {
                        segment.oldest_at_ms = records.next().map(|record| record.at_ms);
                    }
                    segment.state = match segment.state {
                        State::Writing { seal: false } => State::Open(file),
                        _ => State::Sealed,
                    };
                });
                Ok(())
            }
            Err(error) => {
                // On a full disk each attempt would leave a file: one in which nothing was accepted goes.
                let gone = from == 0 && fs::remove_file(&path).is_ok();
                let grown = file.metadata().map_or(from + bytes, |found| found.len());
                self.shared.settle(bytes, |ledger| {
                    if gone {
                        ledger.remove(name);
                    } else if let Some(segment) = ledger.segment(name) {
                        segment.bytes = grown;
                        segment.state = State::Sealed;
                    }
                });
                Err(IoFault::doing("write", &path)(error))
            }
        }
    }

    /// The segment to write to, where its end is: the last one while it has room, else a new one.
    fn segment(&mut self) -> Result<(Name, File, u64), IoFault> {
        let limit = self.shared.limits.segment_bytes;
        if let Some(last) = self.shared.ledger().segments.back_mut() {
            let before = std::mem::replace(&mut last.state, State::Sealed);
            if let State::Open(file) = before
                && last.bytes < limit
            {
                last.state = State::Writing { seal: false };
                return Ok((last.name, file, last.bytes));
            }
        }
        let name = Name {
            sequence: self.next,
            mark: Mark::of(self.salt, self.next),
        };
        let path = self.shared.dir.join(name.file());
        let faults = &self.shared.faults;
        let file = faults
            .at(Step::Create)
            .and_then(|()| disk::create_file(&path))
            .map_err(IoFault::doing("create", &path))?;
        self.next += 1;
        // Without this a crash could take the whole file, fsynced or not.
        let named = faults
            .at(Step::SyncDir)
            .and_then(|()| disk::sync_dir(&self.shared.dir));
        if let Err(error) = named {
            // Whether it is removed or found empty at the next start makes no difference.
            let _ = fs::remove_file(&path);
            return Err(IoFault::doing("sync", &self.shared.dir)(error));
        }
        self.shared.ledger().segments.push_back(Segment {
            name,
            state: State::Writing { seal: false },
            bytes: 0,
            records: 0,
            oldest_at_ms: None,
            keep: false,
        });
        Ok((name, file, 0))
    }

    fn write(&mut self, file: &mut File, group: &[Ask], mark: Mark) -> io::Result<()> {
        self.buffer.clear();
        for record in group.iter().flat_map(|ask| &ask.records) {
            self.buffer.extend_from_slice(&record.header(mark));
            self.buffer.extend_from_slice(&record.head);
            if record.body.len() < BUFFER_BYTES {
                self.buffer.extend_from_slice(&record.body);
            } else {
                self.flush(file)?;
                file.write_all(&record.body)?;
            }
            if self.buffer.len() >= BUFFER_BYTES {
                self.flush(file)?;
            }
        }
        self.flush(file)?;
        self.shared.faults.at(Step::Sync)?;
        // The length is part of what fdatasync makes durable.
        file.sync_data()
    }

    fn flush(&mut self, file: &mut File) -> io::Result<()> {
        if let Err(error) = self.shared.faults.at(Step::Write) {
            // As a disk that fills up does: some of it is written.
            file.write_all(&self.buffer[..self.buffer.len() / 2])?;
            return Err(error);
        }
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
