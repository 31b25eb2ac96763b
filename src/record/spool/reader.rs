//! Reads a segment in order, whatever happened to its bytes.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::frame::{HEADER_BYTES, Header, Mark, Record};

/// Read at once: many small records, or the step of a search.
const WINDOW_BYTES: usize = 256 << 10;
/// What a disk fails to give is left out in pieces of this size, which begin at multiples of it as the disk's own do.
const BLOCK_BYTES: u64 = 4 << 10;

/// What stands next in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A record, intact.
    Record(Record),
    /// Bytes that hold no intact record, up to the next one or the end.
    Damage(Range<u64>),
    /// The same at the end, where it looks like a write that was cut short: nothing that was accepted.
    Torn(Range<u64>),
}

/// A segment read from front to back. Never fails: what cannot be read counts as damage.
pub struct SegmentReader<R> {
    source: R,
    mark: Mark,
    /// Where the next frame is to begin.
    at: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    /// Whether the disk failed to give some of it so far.
    unreadable: bool,
}

impl<R: Read + Seek> SegmentReader<R> {
    /// A reader at the beginning of a segment, over what it holds now.
    pub fn new(mut source: R, mark: Mark) -> io::Result<Self> {
        Ok(Self {
            end: source.seek(SeekFrom::End(0))?,
            source,
            mark,
            at: 0,
            window: Vec::new(),
            window_at: 0,
            unreadable: false,
        })
    }

    /// Where the next frame begins, in bytes from the beginning.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Goes to where a frame begins: a former [`position`](Self::position).
    pub fn go_to(&mut self, position: u64) {
        self.at = position;
    }

    /// Where the segment ends.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The bytes from `from` on: as many as wanted, fewer only at the end.
    fn bytes(&mut self, from: u64, wanted: usize) -> &[u8] {
        let left = usize::try_from(self.end.saturating_sub(from)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        let held = from
            .checked_sub(self.window_at)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|skip| skip.saturating_add(wanted) <= self.window.len());
        let start = held.unwrap_or_else(|| {
            self.fill(from, wanted.max(WINDOW_BYTES).min(left));
            0
        });
        &self.window[start..start + wanted]
    }

    fn fill(&mut self, from: u64, bytes: usize) {
        self.window_at = from;
        self.window.clear();
        self.window.resize(bytes, 0);
        let whole = self
            .source
            .seek(SeekFrom::Start(from))
            .and_then(|_| self.source.read_exact(&mut self.window));
        if whole.is_ok() {
            return;
        }
        // Zeros stand for what cannot be read: no frame is intact where they fall.
        let mut at = from;
        let mut rest = &mut self.window[..];
        while !rest.is_empty() {
            let to_next = usize::try_from(BLOCK_BYTES - at % BLOCK_BYTES).unwrap_or(usize::MAX);
            let (block, behind) = rest.split_at_mut(to_next.min(rest.len()));
            let read = self
                .source
                .seek(SeekFrom::Start(at))
                .and_then(|_| self.source.read_exact(block));
            if read.is_err() {
                block.fill(0);
                self.unreadable = true;
            }
            at += block.len() as u64;
            rest = behind;
        }
    }

    fn header(&mut self, at: u64) -> Option<Header> {
        let mark = self.mark;
        Header::read(mark, self.bytes(at, HEADER_BYTES))
    }

    /// Where the next intact header is; the end if there is none.
    fn next_header(&mut self, from: u64) -> u64 {
        let mark = self.mark.0.to_le_bytes();
        let mut from = from;
        while from + HEADER_BYTES as u64 <= self.end {
            let window = self.bytes(from, WINDOW_BYTES);
            let Some(hit) = window.windows(mark.len()).position(|bytes| bytes == mark) else {
                from += (window.len() - mark.len() + 1) as u64;
                continue;
            };
            from += hit as u64;
            if self.header(from).is_some() {
                return from;
            }
            from += 1;
        }
        self.end
    }

    /// Whether what is left looks like a frame cut short, or was never written: a file grows before
    /// its bytes arrive.
    fn is_torn(&mut self, at: u64) -> bool {
        if let Some(header) = self.header(at) {
            let whole = at + (HEADER_BYTES + header.payload_bytes()) as u64;
            return whole > self.end;
        }
        let mark = self.mark.0.to_le_bytes();
        let left = self.bytes(at, HEADER_BYTES);
        let shown = left.len().min(mark.len());
        if left.len() < HEADER_BYTES && left[..shown] == mark[..shown] {
            return true;
        }
        let mut at = at;
        while at < self.end {
            let window = self.bytes(at, WINDOW_BYTES);
            if window.iter().any(|byte| *byte != 0) {
                return false;
            }
            at += window.len() as u64;
        }
        // Those may be the zeros that stand for what was there.
        !self.unreadable
    }
}

impl<R: Read + Seek> Iterator for SegmentReader<R> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let at = self.at;
        if at >= self.end {
            return None;
        }
        if let Some(header) = self.header(at) {
            let payload = at + HEADER_BYTES as u64;
            let record = header.record(self.bytes(payload, header.payload_bytes()));
            if let Some(record) = record {
                self.at += record.frame_bytes();
                return Some(Found::Record(record));
            }
        }
        let next = self.next_header(at + 1);
        self.at = next;
        if next == self.end && self.is_torn(at) {
            return Some(Found::Torn(at..next));
        }
        Some(Found::Damage(at..next))
    }
}
