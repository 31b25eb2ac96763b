//! Segments of the spool, whatever became of their bytes: every frame that is whole is read, and no other.

#![no_main]

use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use vod_receiver::record::spool::Record;
use vod_receiver::record::spool::frame::Mark;
use vod_receiver::record::spool::reader::{Found, SegmentReader};

/// Of the segment that any bytes are read as; the dictionary has frames with it. Here the fuzzer may forge.
const MARK: Mark = Mark(0x0123_4567_89ab_cdef);
/// Of what a stranger may post: he does not know the mark of the segment, which is random.
const FOREIGN: Mark = Mark(0xfedc_ba98_7654_3210);
/// What a disk loses at once.
const PAGE_BYTES: u64 = 4 << 10;
/// Of bytes that belong to no record.
const NOBODY: u32 = u32::MAX;
/// So that a few bytes of input make a frame that is longer than what is read at once.
const LONG_BYTES: usize = 300 << 10;

fuzz_target!(|data: &[u8]| {
    check_reading(data, MARK);
    if let Ok(segment) = Segment::arbitrary(&mut Unstructured::new(data)) {
        // Of the whole input, so that no input can hold it: to know the mark is to be able to forge a frame.
        let mut salt = DefaultHasher::new();
        salt.write(data);
        segment.check(Mark::of(salt.finish(), 0));
    }
});

/// What holds of any bytes: all of them are accounted for, in order, and a record is what stands there.
fn check_reading(bytes: &[u8], mark: Mark) -> Vec<Found> {
    let mut reader = SegmentReader::new(Cursor::new(bytes), mark).expect("memory can be read");
    assert_eq!(reader.end(), bytes.len() as u64);
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(found) = reader.next() {
        let to = reader.position();
        match &found {
            Found::Record(record) => {
                let place = usize::try_from(at).unwrap()..usize::try_from(to).unwrap();
                assert_eq!(frame(record, mark), bytes[place], "nothing is invented");
            }
            Found::Damage(range) => assert_eq!(*range, at..to),
            Found::Torn(range) => {
                assert_eq!(*range, at..to);
                assert_eq!(to, reader.end(), "only the end is torn");
            }
        }
        assert!(at < to, "it goes on");
        // As the drain does after a chunk that failed.
        reader.go_to(at);
        assert_eq!(
            reader.next().as_ref(),
            Some(&found),
            "read again, it says the same"
        );
        assert_eq!(reader.position(), to);
        at = to;
        all.push(found);
    }
    assert_eq!(at, reader.end(), "all of it was looked at");
    all
}

fn frame(record: &Record, mark: Mark) -> Vec<u8> {
    [&record.header(mark)[..], &record.head, &record.body].concat()
}

/// A segment as it was written, and what happened to it then.
#[derive(Debug, Arbitrary)]
struct Segment {
    records: Vec<Written>,
    damages: Vec<Damage>,
}

#[derive(Debug, Arbitrary)]
struct Written {
    at_ms: i64,
    head: Vec<u8>,
    body: Body,
}

#[derive(Debug, Arbitrary)]
enum Body {
    Bytes(Vec<u8>),
    /// One byte, 20 times this often, or, rarely since it takes long, more often than is read at once.
    Same(u8, u8),
    /// A frame of another segment, as somebody might post it.
    Frame(i64, Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Damage {
    Flip(u32, u8),
    Zero(u32, u16),
    Overwrite(u32, Vec<u8>),
    Insert(u32, Vec<u8>),
    Remove(u32, u16),
    Unreadable(u32, u16),
    Cut(u32),
    /// The file had grown by 20 times this, its bytes had not arrived.
    Grow(u8),
}

impl Written {
    fn record(&self) -> Record {
        let body = match &self.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Same(byte, u8::MAX) => vec![*byte; LONG_BYTES],
            Body::Same(byte, count) => vec![*byte; 20 * usize::from(*count)],
            Body::Frame(at_ms, body) => {
                let inner = Record {
                    at_ms: *at_ms,
                    head: Vec::new().into(),
                    body: body.clone().into(),
                };
                frame(&inner, FOREIGN)
            }
        };
        Record {
            at_ms: self.at_ms,
            head: self.head.clone().into(),
            body: body.into(),
        }
    }
}

impl Segment {
    fn check(&self, mark: Mark) {
        let is_long = |written: &&Written| matches!(written.body, Body::Same(_, u8::MAX));
        if self.records.iter().filter(is_long).count() > 1 {
            return; // which finds nothing that one does not, slowly
        }
        let records: Vec<_> = self.records.iter().map(Written::record).collect();
        let mut disk = Disk::default();
        for (number, record) in records.iter().enumerate() {
            disk.bytes.extend(frame(record, mark));
            disk.origins
                .resize(disk.bytes.len(), u32::try_from(number).unwrap());
        }
        self.damages.iter().for_each(|damage| disk.suffer(damage));
        if disk.unreadable.is_empty() {
            check_reading(&disk.bytes, mark);
        }
        let whole = disk.whole(&records);
        // A frame that was cut and then grew again is as little known for a cut write as for rot.
        let all_are = |is_it: fn(&Damage) -> bool| self.damages.iter().all(is_it);
        let is_only_cut = all_are(|damage| matches!(damage, Damage::Cut(_)))
            || all_are(|damage| matches!(damage, Damage::Grow(_)));
        let end = disk.bytes.len() as u64;
        let found: Vec<_> = SegmentReader::new(disk, mark)
            .expect("it has an end")
            .collect();

        let read: Vec<_> = found
            .iter()
            .filter_map(|found| match found {
                Found::Record(record) => Some(record),
                _ => None,
            })
            .collect();
        let mut written = records.iter();
        for record in &read {
            assert!(
                written.any(|written| written == *record),
                "a record that nobody wrote, or out of order"
            );
        }
        let mut read = read.into_iter();
        for number in whole {
            assert!(
                read.any(|record| *record == records[number]),
                "record {number} is whole, and was not read"
            );
        }
        if is_only_cut {
            assert!(
                !found.iter().any(|found| matches!(found, Found::Damage(_))),
                "a write cut short is no damage"
            );
        }
        let torn = found
            .iter()
            .position(|found| matches!(found, Found::Torn(_)));
        assert!(torn.is_none_or(|at| at + 1 == found.len()));
        let last = found.last().map(|last| match last {
            Found::Damage(range) | Found::Torn(range) => range.end,
            Found::Record(_) => end,
        });
        assert!(last.is_none_or(|last| last == end));
    }
}

/// The bytes of a segment, each with the number of the record it was written for, and places that cannot be read.
#[derive(Default)]
struct Disk {
    bytes: Vec<u8>,
    origins: Vec<u32>,
    unreadable: Vec<Range<u64>>,
    at: u64,
}

impl Disk {
    fn suffer(&mut self, damage: &Damage) {
        let len = self.bytes.len();
        let place = |at: u32, count: usize| {
            let at = usize::try_from(at).unwrap() % (len + 1);
            at..len.min(at + count)
        };
        match damage {
            Damage::Flip(at, bits) => {
                let place = place(*at, usize::from(*bits != 0));
                self.bytes[place.clone()]
                    .iter_mut()
                    .for_each(|byte| *byte ^= bits);
                self.origins[place].fill(NOBODY);
            }
            Damage::Zero(at, count) => {
                let place = place(*at, (*count).into());
                self.bytes[place.clone()].fill(0);
                self.origins[place].fill(NOBODY);
            }
            Damage::Overwrite(at, bytes) => {
                let place = place(*at, bytes.len());
                self.bytes[place.clone()].copy_from_slice(&bytes[..place.len()]);
                self.origins[place].fill(NOBODY);
            }
            Damage::Insert(at, bytes) => {
                let place = place(*at, 0);
                self.bytes.splice(place.clone(), bytes.iter().copied());
                self.origins.splice(place, bytes.iter().map(|_| NOBODY));
            }
            Damage::Remove(at, count) => {
                let place = place(*at, (*count).into());
                self.bytes.drain(place.clone());
                self.origins.drain(place);
            }
            Damage::Unreadable(at, count) => {
                let place = place(*at, (*count).into());
                let (from, to) = (place.start as u64, place.end as u64);
                let page = |at: u64| at / PAGE_BYTES * PAGE_BYTES;
                self.unreadable.push(page(from)..page(to) + PAGE_BYTES);
            }
            Damage::Cut(at) => {
                let place = place(*at, 0);
                self.bytes.truncate(place.start);
                self.origins.truncate(place.start);
            }
            Damage::Grow(count) => {
                self.bytes.resize(len + 20 * usize::from(*count), 0);
                self.origins.resize(self.bytes.len(), NOBODY);
            }
        }
    }

    /// The records of whose frame all bytes are still together, and can be read.
    fn whole(&self, records: &[Record]) -> Vec<usize> {
        let mut whole = Vec::new();
        let mut at = 0;
        for run in self.origins.chunk_by(|one, next| one == next) {
            let place = at..at + run.len() as u64;
            at = place.end;
            let number = run[0] as usize;
            // Damage only takes away: what is left of a frame is shorter than it was.
            let is_together = |record: &Record| record.frame_bytes() == run.len() as u64;
            if records.get(number).is_some_and(is_together) && !self.is_bad(&place) {
                whole.push(number);
            }
        }
        whole
    }

    fn is_bad(&self, place: &Range<u64>) -> bool {
        let mut bad = self.unreadable.iter();
        bad.any(|bad| bad.start < place.end && place.start < bad.end)
    }
}

impl Read for Disk {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.len() as u64 - self.at.min(self.bytes.len() as u64);
        let count = left.min(into.len() as u64);
        if self.is_bad(&(self.at..self.at + count)) {
            return Err(io::Error::other("input/output error"));
        }
        let from = usize::try_from(self.at).unwrap();
        let count = usize::try_from(count).unwrap();
        into[..count].copy_from_slice(&self.bytes[from..from + count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.bytes.len() as u64;
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(past) => end.saturating_add_signed(past),
            SeekFrom::Current(past) => self.at.saturating_add_signed(past),
        };
        Ok(self.at)
    }
}
