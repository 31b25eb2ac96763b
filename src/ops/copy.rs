//! Rows in the binary form of `COPY ... FROM STDIN (FORMAT binary)`: what many millions of them are loaded by.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// What stands before the first row: a signature, no flags, no extension.
pub const BEGIN: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands behind the last row.
pub const END: &[u8] = &[0xff, 0xff];

/// Where Postgres begins to count time: 2000-01-01, in microseconds since the Unix epoch.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The type of the elements of `text[]`, by its oid.
const TEXT: i32 = 25;

/// A value of a column, in the form in which its type is received.
pub trait Cell {
    /// Appends the value; `false`, and nothing, for NULL.
    fn put(&self, out: &mut Vec<u8>) -> bool;
}

/// A row of several cells.
pub trait Cells {
    /// How many there are.
    const COUNT: usize;

    /// Appends each, with its length.
    fn put_all(&self, out: &mut Vec<u8>);
}

/// Appends a row, and cells that it does not have itself behind its own.
pub fn row<R: Cells>(out: &mut Vec<u8>, cells: &R, more: &[&dyn Cell]) {
    // A table has at most 1,600 columns.
    let count = i16::try_from(R::COUNT + more.len()).unwrap_or(i16::MAX);
    out.extend(count.to_be_bytes());
    cells.put_all(out);
    more.iter().for_each(|more| cell(out, *more));
}

/// Appends one value with its length.
pub fn cell(out: &mut Vec<u8>, value: &dyn Cell) {
    let at = out.len();
    out.extend((-1_i32).to_be_bytes());
    if value.put(out) {
        let length = i32::try_from(out.len() - at - 4).unwrap_or(i32::MAX);
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// A row of nothing but the cells that follow it.
pub struct Nothing;

impl Cells for Nothing {
    const COUNT: usize = 0;

    fn put_all(&self, _: &mut Vec<u8>) {}
}

impl<T: Cell> Cell for Option<T> {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        self.as_ref().is_some_and(|value| value.put(out))
    }
}

macro_rules! numbers {
    ($($type:ty),+) => { $(impl Cell for $type {
        fn put(&self, out: &mut Vec<u8>) -> bool {
            out.extend(self.to_be_bytes());
            true
        }
    })+ };
}

numbers!(i16, i32, i64, f64);

impl Cell for bool {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        out.push(u8::from(*self));
        true
    }
}

impl Cell for &[u8] {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(self);
        true
    }
}

impl Cell for &str {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        self.as_bytes().put(out)
    }
}

impl Cell for String {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        self.as_str().put(out)
    }
}

impl Cell for Cow<'_, str> {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        self.as_bytes().put(out)
    }
}

impl Cell for Uuid {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        self.as_bytes().as_slice().put(out)
    }
}

/// As `timestamptz`.
impl Cell for DateTime<Utc> {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        (self.timestamp_micros() - EPOCH_MICROS).put(out)
    }
}

/// As `jsonb`, of which there is one version; text will do for `json`.
impl Cell for Value {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        out.push(1);
        self.to_string().put(out)
    }
}

/// As `text[]`.
impl Cell for Vec<&str> {
    fn put(&self, out: &mut Vec<u8>) -> bool {
        let length = i32::try_from(self.len()).unwrap_or(i32::MAX);
        // One dimension, no NULL in it, counted from 1.
        for number in [1, 0, TEXT, length, 1] {
            number.put(out);
        }
        self.iter().for_each(|text| cell(out, text));
        true
    }
}
