//! Bytes that rot, are cut, or cannot be read: every intact record is still read, and nothing else.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::frame::{HEADER_BYTES, Mark};
use super::super::reader::{Found, SegmentReader};
use super::*;

const MARK: Mark = Mark(0x0123_4567_89ab_cdef);

/// Records as a segment holds them, and where each lies.
fn segment(records: &[Record]) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut bytes = Vec::new();
    let mut places = Vec::new();
    for record in records {
        let from = bytes.len();
        bytes.extend_from_slice(&record.header(MARK));
        bytes.extend_from_slice(&record.head);
        bytes.extend_from_slice(&record.body);
        places.push(from..bytes.len());
    }
    (bytes, places)
}

fn read(bytes: &[u8]) -> Vec<Found> {
    SegmentReader::new(Cursor::new(bytes), MARK)
        .unwrap()
        .collect()
}

fn intact(found: &[Found]) -> Vec<Record> {
    let record = |found: &Found| match found {
        Found::Record(record) => Some(record.clone()),
        _ => None,
    };
    found.iter().filter_map(record).collect()
}

prop_compose! {
    fn any_record()(at_ms: i64, head in vec(any::<u8>(), 0..20), body in vec(any::<u8>(), 0..200)) -> Record {
        Record { at_ms, head: head.into(), body: body.into() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn cut_at_any_byte_all_before_is_read_and_the_cut_is_no_damage(records in vec(any_record(), 1..6)) {
        let (bytes, places) = segment(&records);
        for cut in 0..=bytes.len() {
            let whole = places.iter().take_while(|place| place.end <= cut).count();
            let found = read(&bytes[..cut]);
            prop_assert_eq!(intact(&found), &records[..whole]);
            let torn = places.iter().any(|place| place.start < cut && cut < place.end);
            prop_assert_eq!(found.len(), whole + usize::from(torn));
            let damaged = found.iter().any(|found| matches!(found, Found::Damage(_)));
            prop_assert!(!damaged, "cut at {}", cut);
        }
    }

    #[test]
    fn with_any_byte_changed_all_other_records_are_read(
        records in vec(any_record(), 1..6),
        change in 1..=u8::MAX,
    ) {
        let (bytes, places) = segment(&records);
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= change;
            let hit = places.iter().position(|place| place.contains(&at)).unwrap();
            let mut others = records.clone();
            others.remove(hit);
            let found = read(&bytes);
            prop_assert_eq!(intact(&found), others);
            let Range { start, end } = places[hit];
            prop_assert_eq!(&found[hit], &Found::Damage(start as u64..end as u64));
        }
    }

    /// Lost, foreign and doubled bytes, frames of another segment among them.
    #[test]
    fn whatever_replaces_a_stretch_all_records_outside_it_are_read(
        records in vec(any_record(), 1..12),
        stretch in any::<(prop::sample::Index, prop::sample::Index)>(),
        noise in vec(any::<u8>(), 0..300),
        foreign in vec(any_record(), 0..3),
    ) {
        let (mut bytes, places) = segment(&records);
        let (one, other) = (stretch.0.index(bytes.len()), stretch.1.index(bytes.len()));
        let stretch = one.min(other)..one.max(other);
        let mut filling = noise;
        for record in &foreign {
            filling.extend_from_slice(&record.header(Mark(7)));
            filling.extend_from_slice(&record.head);
            filling.extend_from_slice(&record.body);
        }
        bytes.splice(stretch.clone(), filling);
        let outside: Vec<_> = places
            .iter()
            .zip(&records)
            .filter(|(place, _)| place.end <= stretch.start || place.start >= stretch.end)
            .map(|(_, record)| record.clone())
            .collect();
        let found = intact(&read(&bytes));
        prop_assert!(found.iter().all(|record| records.contains(record)));
        let mut rest = found.iter();
        prop_assert!(outside.iter().all(|record| rest.any(|found| found == record)));
    }

    #[test]
    fn any_bytes_are_read_to_the_end(noise in vec(any::<u8>(), 0..2_000), marks in vec(any::<prop::sample::Index>(), 0..5)) {
        let mut bytes = noise;
        for mark in marks {
            let at = mark.index(bytes.len() + 1);
            bytes.splice(at..at, MARK.0.to_le_bytes());
        }
        let found = read(&bytes);
        prop_assert_eq!(intact(&found), []);
        prop_assert_eq!(found.len(), usize::from(!bytes.is_empty()), "all of it is one place");
    }
}

#[test]
fn a_frame_inside_a_broken_body_is_only_read_with_the_segments_mark() {
    let forged = record(13);
    let body = |mark| {
        let mut body = forged.header(mark).to_vec();
        body.extend_from_slice(&forged.head);
        body.extend_from_slice(&forged.body);
        Record {
            body: body.into(),
            ..record(1)
        }
    };
    let foreign = body(Mark(u64::MAX));
    let (mut bytes, places) = segment(&[foreign.clone(), record(2)]);
    bytes[HEADER_BYTES - 1] ^= 1;
    assert_eq!(intact(&read(&bytes)), [record(2)]);

    // Nor where a frame is expected.
    bytes.splice(places[0].clone(), foreign.body);
    assert_eq!(intact(&read(&bytes)), [record(2)]);
}

#[test]
fn damage_longer_than_the_window_is_crossed() {
    let large = Record {
        body: vec![7; 1_000_000].into(),
        ..record(1)
    };
    for flipped in [0, HEADER_BYTES + 500_000] {
        let (mut bytes, places) = segment(&[record(0), large.clone(), record(2)]);
        bytes[places[1].start + flipped] ^= 1;
        let found = read(&bytes);
        let Range { start, end } = places[1];
        assert_eq!(found[1], Found::Damage(start as u64..end as u64));
        assert_eq!(intact(&found), [record(0), record(2)]);
    }
}

/// The search goes on in steps of 256 KiB.
#[test]
fn a_record_that_begins_across_the_step_of_a_search_is_found() {
    for bytes in (256 << 10) - 50..(256 << 10) + 10 {
        let large = Record {
            at_ms: 0,
            head: Bytes::new(),
            body: vec![7; bytes].into(),
        };
        let (mut bytes, _) = segment(&[large, record(2)]);
        bytes[0] ^= 1;
        assert_eq!(intact(&read(&bytes)), [record(2)]);
    }
}

#[test]
fn space_that_was_never_written_is_no_damage() {
    let (mut bytes, _) = segment(&[record(1)]);
    let end = bytes.len();
    bytes.resize(end + 700_000, 0);
    assert_eq!(
        read(&bytes)[1..],
        [Found::Torn(end as u64..end as u64 + 700_000)]
    );
}

/// A disk on which a stretch cannot be read.
struct Broken(Cursor<Vec<u8>>, Range<u64>);

impl Read for Broken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let from = self.0.position();
        if from < self.1.end && from + into.len() as u64 > self.1.start {
            return Err(io::Error::other("input/output error"));
        }
        self.0.read(into)
    }
}

impl Seek for Broken {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// The reading goes on behind it from anywhere, in blocks that are not the disk's unless care is taken.
#[test]
fn what_the_disk_still_gives_around_a_bad_block_is_read() {
    let records: Vec<_> = (0..4_000).map(record).collect();
    let (bytes, places) = segment(&records);
    assert!(bytes.len() > 600_000);
    for block in [2, 100] {
        let bad = block * 4_096..(block + 1) * 4_096;
        let disk = Broken(Cursor::new(bytes.clone()), bad.clone());
        let found: Vec<_> = SegmentReader::new(disk, MARK).unwrap().collect();
        let outside: Vec<_> = records
            .iter()
            .zip(&places)
            .filter(|(_, place)| place.end as u64 <= bad.start || place.start as u64 >= bad.end)
            .map(|(record, _)| record.clone())
            .collect();
        assert_eq!(intact(&found), outside, "block {block}");
    }
}

#[test]
fn a_bad_block_at_the_end_does_not_pass_for_space_that_was_never_written() {
    let (bytes, _) = segment(&[record(1), record(2)]);
    let (from, end) = (record(1).frame_bytes(), bytes.len() as u64);
    let reader = SegmentReader::new(Broken(Cursor::new(bytes), from..end), MARK).unwrap();
    assert_eq!(
        reader.last(),
        Some(Found::Damage(0..end)),
        "in pieces of a block"
    );
}
