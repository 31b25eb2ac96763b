//! One record as bytes: a header of 32 bytes, then what the caller gave.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | the segment's mark |
//! | 4, 4 | length of the head, of the body |
//! | 8 | the caller's time, ms |
//! | 4 | CRC-32C of head and body |
//! | 4 | CRC-32C of all the above |
//!
//! All little-endian. A header with a checksum of its own means that a length is only believed when
//! it is right, so that a damaged one cannot swallow the records behind it.
//!
//! **The mark** is 64 random bits per segment, kept in the file's *name*, which no damage to its
//! content reaches. After damage the reader looks for the next mark, also inside the body of a broken
//! record. Bodies come from strangers: with a fixed magic one could post a body that holds a frame,
//! and have it drained, past authentication, once a bit flips before it.

use bytes::Bytes;
use crc::{CRC_32_ISCSI, Crc, Table};

/// What the service takes in at most (a body of 8 MiB).
pub const MAX_BODY_BYTES: usize = 8 << 20;
/// The caller's own words about the body: an id, a name, some codes.
pub const MAX_HEAD_BYTES: usize = 64 << 10;
/// Before head and body.
pub const HEADER_BYTES: usize = 32;
/// Of the header, what its own checksum covers.
const CHECKED_BYTES: usize = HEADER_BYTES - 4;
/// CRC-32C, as iSCSI, ext4 and RocksDB: finds any burst up to 32 bits. From a crate that sqlx brings anyway.
const CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// One thing to keep: opaque bytes, and when its caller says it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Milliseconds since the Unix epoch; only told in [`Depth`](super::Depth), never acted on.
    pub at_ms: i64,
    /// What the caller needs to know about the body.
    pub head: Bytes,
    pub body: Bytes,
}

impl Record {
    /// Whether it is within [`MAX_HEAD_BYTES`] and [`MAX_BODY_BYTES`].
    pub fn fits(&self) -> bool {
        self.head.len() <= MAX_HEAD_BYTES && self.body.len() <= MAX_BODY_BYTES
    }

    /// What it takes on disk.
    pub fn frame_bytes(&self) -> u64 {
        (HEADER_BYTES + self.head.len() + self.body.len()) as u64
    }

    /// The header for this record; it is to [`fit`](Self::fits).
    pub fn header(&self, mark: Mark) -> [u8; HEADER_BYTES] {
        let mut payload = CRC.digest();
        payload.update(&self.head);
        payload.update(&self.body);
        let mut header = [0; HEADER_BYTES];
        header[0..8].copy_from_slice(&mark.0.to_le_bytes());
        header[8..12].copy_from_slice(&length(&self.head).to_le_bytes());
        header[12..16].copy_from_slice(&length(&self.body).to_le_bytes());
        header[16..24].copy_from_slice(&self.at_ms.to_le_bytes());
        header[24..28].copy_from_slice(&payload.finalize().to_le_bytes());
        let checksum = CRC.checksum(&header[..CHECKED_BYTES]);
        header[CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        header
    }
}

/// What begins every frame of one segment, and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u64);

impl Mark {
    /// The mark of a segment: splitmix64, so that one secret number gives many that tell nothing of each other.
    pub fn of(salt: u64, sequence: u64) -> Self {
        let mut mixed = salt.wrapping_add(sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(mixed ^ (mixed >> 31))
    }
}

/// A header whose checksum was right.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    at_ms: i64,
    head_bytes: usize,
    body_bytes: usize,
    checksum: u32,
}

impl Header {
    /// The header that bytes begin with, if there is one that is intact.
    pub fn read(mark: Mark, bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.get(..HEADER_BYTES)?.try_into().ok()?;
        let u32_at = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        if bytes[..8] != mark.0.to_le_bytes()
            || u32_at(CHECKED_BYTES) != CRC.checksum(&bytes[..CHECKED_BYTES])
        {
            return None;
        }
        let header = Self {
            at_ms: i64::from(u32_at(16)) | (i64::from(u32_at(20)) << 32),
            head_bytes: usize::try_from(u32_at(8)).ok()?,
            body_bytes: usize::try_from(u32_at(12)).ok()?,
            checksum: u32_at(24),
        };
        (header.head_bytes <= MAX_HEAD_BYTES && header.body_bytes <= MAX_BODY_BYTES)
            .then_some(header)
    }

    /// What follows the header.
    pub fn payload_bytes(&self) -> usize {
        self.head_bytes + self.body_bytes
    }

    /// The record, if what follows the header is whole and intact.
    pub fn record(&self, payload: &[u8]) -> Option<Record> {
        if payload.len() != self.payload_bytes() || CRC.checksum(payload) != self.checksum {
            return None;
        }
        // One allocation for both; a drain holds them together anyway.
        let mut head = Bytes::copy_from_slice(payload);
        let body = head.split_off(self.head_bytes);
        Some(Record {
            at_ms: self.at_ms,
            head,
            body,
        })
    }
}

/// Of a part that fits, so that it never saturates.
fn length(part: &[u8]) -> u32 {
    u32::try_from(part.len()).unwrap_or(u32::MAX)
}
