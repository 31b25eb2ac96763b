//! Reading the oldest segment while others are written. Everything here blocks.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::disk::{Name, Owner};
use super::fault::{DrainFault, IoFault};
use super::frame::Record;
use super::keep;
use super::ledger::Shared;
use super::reader::{Found, SegmentReader};
use super::recover;

/// Some records of one segment, to be confirmed together.
#[derive(Debug)]
pub struct Chunk {
    /// In the order in which they were written; the caller may take them out.
    pub records: Vec<Record>,
    segment: Name,
    from: u64,
    to: u64,
    count: u64,
    /// The time of the record that comes next in the segment; `None` after the last one.
    next_at_ms: Option<i64>,
}

/// How far the drain has come, and the right to drain.
pub struct Drain {
    /// `None` once it was closed.
    owner: Option<Owner>,
    cursor: Option<Cursor>,
}

/// A place in the oldest segment; all before it is confirmed.
struct Cursor {
    segment: Name,
    reader: SegmentReader<File>,
    confirmed: u64,
}

impl Drain {
    /// A drain at the beginning, which owns the directory.
    pub fn new(owner: Owner) -> Self {
        Self {
            owner: Some(owner),
            cursor: None,
        }
    }
}

/// The next chunk; see [`Spool::oldest`](super::Spool::oldest).
pub fn oldest(
    shared: &Shared,
    max_records: usize,
    max_bytes: usize,
) -> Result<Option<Chunk>, DrainFault> {
    let mut drain = shared.drain();
    if drain.owner.is_none() {
        return Err(DrainFault::Stopped);
    }
    while let Some(segment) = shared.seal_oldest() {
        let cursor = match &mut drain.cursor {
            Some(cursor) if cursor.segment == segment => cursor,
            other => match Cursor::open(&shared.dir, segment) {
                Ok(cursor) => other.insert(cursor),
                // Somebody took it away; the others are not to wait behind it.
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                    tracing::error!(segment = segment.file(), "a segment of the spool is gone");
                    shared.ledger().remove(segment);
                    continue;
                }
                Err(fault) => return Err(fault.into()),
            },
        };
        if let Some(chunk) = cursor.chunk(shared, max_records, max_bytes) {
            return Ok(Some(chunk));
        }
        // Nothing but damage in it.
        finish(shared, &mut drain, segment)?;
    }
    Ok(None)
}

/// Goes on behind a chunk; see [`Spool::confirm`](super::Spool::confirm).
pub fn confirm(shared: &Shared, chunk: &Chunk) -> Result<(), DrainFault> {
    let mut drain = shared.drain();
    if drain.owner.is_none() {
        return Err(DrainFault::Stopped);
    }
    let Some(cursor) = drain
        .cursor
        .as_mut()
        .filter(|cursor| cursor.segment == chunk.segment && cursor.confirmed == chunk.from)
    else {
        return Ok(());
    };
    cursor.confirmed = chunk.to;
    if let Some(segment) = shared.ledger().segment(chunk.segment) {
        // More may come up than was accepted.
        segment.records = segment.records.saturating_sub(chunk.count);
        segment.oldest_at_ms = chunk.next_at_ms;
    }
    if chunk.next_at_ms.is_none() {
        finish(shared, &mut drain, chunk.segment)?;
    }
    Ok(())
}

/// Lets go of the directory, once. Whoever drains later is told that it has stopped.
pub fn let_go(shared: &Shared) -> Result<(), DrainFault> {
    let mut drain = shared.drain();
    drain.cursor = None;
    drain.owner.take().map(drop).ok_or(DrainFault::Stopped)
}

/// Is done with a segment. If that fails it stays, and the next call tries again.
fn finish(shared: &Shared, drain: &mut Drain, segment: Name) -> Result<(), DrainFault> {
    keep::dispose(&shared.dir, segment, is_kept_whole(shared, segment))?;
    drain.cursor = None;
    shared.ledger().remove(segment);
    Ok(())
}

fn is_kept_whole(shared: &Shared, segment: Name) -> bool {
    let mut ledger = shared.ledger();
    ledger.segment(segment).is_some_and(|segment| segment.keep)
}

impl Cursor {
    fn open(dir: &Path, segment: Name) -> Result<Self, IoFault> {
        let path = dir.join(segment.file());
        Ok(Self {
            segment,
            reader: recover::open(&path, segment).map_err(IoFault::doing("open", &path))?,
            confirmed: 0,
        })
    }

    /// The records behind the last that was confirmed; `None` if there is none left.
    fn chunk(&mut self, shared: &Shared, max_records: usize, max_bytes: usize) -> Option<Chunk> {
        self.reader.go_to(self.confirmed);
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        let mut next_at_ms = None;
        let mut to = self.confirmed;
        while let Some(found) = self.reader.next() {
            match found {
                Found::Record(record) => {
                    let record_bytes = record.head.len() + record.body.len();
                    let full = records.len() >= max_records || bytes + record_bytes > max_bytes;
                    if full && !records.is_empty() {
                        next_at_ms = Some(record.at_ms);
                        break;
                    }
                    bytes += record_bytes;
                    records.push(record);
                    to = self.reader.position();
                }
                Found::Torn(_) => {}
                Found::Damage(at) => self.set_aside(shared, &at),
            }
        }
        (!records.is_empty()).then(|| Chunk {
            count: records.len() as u64,
            records,
            segment: self.segment,
            from: self.confirmed,
            to,
            next_at_ms,
        })
    }

    /// Keeps damaged bytes, unless they were kept at the start or when this was read before.
    fn set_aside(&self, shared: &Shared, at: &Range<u64>) {
        if is_kept_whole(shared, self.segment) || keep::is_copied(&shared.dir, self.segment, at) {
            return;
        }
        let kept = keep::copy(&shared.dir, self.segment, at);
        let mut ledger = shared.ledger();
        ledger.damages += 1;
        if let Some(segment) = ledger.segment(self.segment) {
            segment.keep |= kept.is_none();
        }
    }
}
