//! A lazy reader of JSON that never refuses a body for what one of its members holds.
//!
//! End users choose file names, so a name must not be able to hide an upload (design.md section 6, promise 3).
//! Values stay unread [`RawValue`]s until someone asks for them; a value of the wrong type is then `None`, not an
//! error. Skipping a value takes no stack, however deep it is nested.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Datelike, Utc};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::event::FileId;
use super::fault::Fault;

/// VOD's widest object, a PULL item, has 40 members; a limit keeps a hostile body from growing 16-fold in memory.
pub(super) const MAX_MEMBERS: usize = 1024;

/// Elements of an array that are looked at, the first ones; above every limit on what is in it.
pub(super) const MAX_ELEMENTS: usize = 4096;

/// Texts are cut here: 65 times the longest that VOD documents (a session context), and small enough to store.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Stands in a body for a byte that was not UTF-8; like NUL it is no text, so both are read as U+FFFD.
const LOST_BYTE: char = '\u{7f}';

/// One JSON object: its members in the order of the body, unread.
#[derive(Default)]
pub(super) struct Object<'a> {
    members: Vec<(Cow<'a, [u8]>, &'a RawValue)>,
}

/// The body as text of exactly the same length, so that places in the one are places in the other.
pub(super) fn legible(body: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n(LOST_BYTE, chunk.invalid().len()));
    }
    Cow::Owned(text)
}

impl<'a> Object<'a> {
    /// Reads a whole text as one object; a byte order mark before it is skipped.
    pub(super) fn read(text: &'a str) -> Result<Self, Fault> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii();
        if text.is_empty() {
            return Err(Fault::Empty);
        }
        serde_json::from_str(text).map_err(|error| match (error.is_data(), text.starts_with('{')) {
            (true, true) => Fault::TooManyMembers,
            (true, false) if serde_json::from_str::<&RawValue>(text).is_ok() => Fault::NotAnObject,
            _ => Fault::NotJson,
        })
    }

    /// A value as an object; `None` if it is something else.
    pub(super) fn of(value: &'a RawValue) -> Option<Self> {
        if !value.get().starts_with('{') {
            return None;
        }
        serde_json::from_str(value.get()).ok()
    }

    /// Its members in the order of the body, repeated ones included.
    pub(super) fn members(&self) -> impl DoubleEndedIterator<Item = (&[u8], &'a RawValue)> {
        self.members
            .iter()
            .map(|(key, value)| (key.as_ref(), *value))
    }

    /// The same object with one more member, which counts before others of its name.
    pub(super) fn with(mut self, name: &'static [u8], value: &'a RawValue) -> Self {
        self.members.push((Cow::Borrowed(name), value));
        self
    }

    /// The member of exactly this name; of repeated ones the last.
    pub(super) fn member(&self, name: &[u8]) -> Option<&'a RawValue> {
        self.last(|key| key == name)
    }

    /// The first of `names` that holds a scalar, as [`text`].
    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        self.values(names).find_map(text)
    }

    /// The first of `names` that holds a whole number, or a text that spells one.
    pub(super) fn integer(&self, names: &[&str]) -> Option<i64> {
        self.values(names).find_map(|value| integer(&text(value)?))
    }

    /// The first of `names` that holds a finite number, or a text that spells one.
    pub(super) fn float(&self, names: &[&str]) -> Option<f64> {
        self.values(names).find_map(|value| {
            text(value)?
                .trim()
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
        })
    }

    /// The first of `names` that holds a point in time, cut to what Postgres holds: microseconds, no leap
    /// seconds. Finer, it would differ from its own row each time it is told again.
    ///
    /// Year 1 is VOD's "not yet" (protocol.md section 7).
    pub(super) fn time(&self, names: &[&str]) -> Option<DateTime<Utc>> {
        self.values(names).find_map(|value| {
            let time = DateTime::parse_from_rfc3339(text(value)?.trim()).ok()?;
            let time = DateTime::from_timestamp_micros(time.timestamp_micros())?;
            (2..=9999).contains(&time.year()).then_some(time)
        })
    }

    /// The first of `names` that holds a file id.
    pub(super) fn file_id(&self, names: &[&str]) -> Option<FileId> {
        self.values(names).find_map(file_id)
    }

    /// The first of `names` that holds an object.
    pub(super) fn object(&self, names: &[&str]) -> Option<Object<'a>> {
        self.values(names).find_map(Object::of)
    }

    /// The elements of the first of `names` that holds an array.
    pub(super) fn array(&self, names: &[&str]) -> Option<Vec<&'a RawValue>> {
        self.values(names).find_map(array)
    }

    /// Whether one of `names` is there and not null.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.values(names).any(|value| value.get() != "null")
    }

    /// What stands under the names, each tried as given (3.0), then with a small first letter (2.0).
    fn values(&self, names: &[&str]) -> impl Iterator<Item = &'a RawValue> {
        let spellings = names
            .iter()
            .flat_map(|name| [(*name, false), (*name, true)]);
        spellings.filter_map(|(name, is_small)| {
            let (first, rest) = name.as_bytes().split_first()?;
            let first = if is_small {
                first.to_ascii_lowercase()
            } else {
                *first
            };
            self.last(|key| key.split_first() == Some((&first, rest)))
        })
    }

    fn last(&self, is_it: impl Fn(&[u8]) -> bool) -> Option<&'a RawValue> {
        self.members()
            .rev()
            .find(|(key, _)| is_it(key))
            .map(|(_, value)| value)
    }
}

/// A text, number or boolean as text; `None` for null, the empty text, objects and arrays.
///
/// What no column could hold, U+0000 and lone surrogates, is read as U+FFFD.
pub(super) fn text(value: &RawValue) -> Option<String> {
    let literal = value.get();
    let text = match literal.as_bytes().first()? {
        b'"' => readable(
            serde_json::from_str::<Characters>(literal)
                .ok()?
                .0
                .into_owned(),
        ),
        b'{' | b'[' | b'n' => return None,
        _ => literal.to_owned(),
    };
    let text = cut(text);
    (!text.is_empty()).then_some(text)
}

/// A member's name, read as [`text`] reads a text: what it tells is stored too.
pub(super) fn name(key: &[u8]) -> String {
    cut(readable(key.to_vec()))
}

/// A file id, which never passes through a number: `1e3` and `1.5` are numbers, but no ids.
pub(super) fn file_id(value: &RawValue) -> Option<FileId> {
    let literal = value.get();
    let is_text = literal.starts_with('"');
    let is_whole = literal.bytes().all(|b| b.is_ascii_digit());
    if is_text || is_whole {
        FileId::parse(&text(value)?)
    } else {
        None
    }
}

/// The elements of an array, at most [`MAX_ELEMENTS`]; `None` if it is something else.
pub(super) fn array(value: &RawValue) -> Option<Vec<&RawValue>> {
    if !value.get().starts_with('[') {
        return None;
    }
    serde_json::from_str::<Elements>(value.get())
        .ok()
        .map(|elements| elements.0)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "only whole numbers that fit are cast"
)]
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    let number: f64 = text.parse().ok()?;
    // 2^63 itself is the first float that does not fit; below it the cast is exact.
    (number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0).then_some(number as i64)
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}

/// Makes text of what `serde_json` hands out as bytes: UTF-8, but for lone surrogates as `ED A0..BF xx`.
fn readable(mut bytes: Vec<u8>) -> String {
    for at in 1..bytes.len().saturating_sub(1) {
        // No other UTF-8 has these two bytes in a row; U+FFFD is three bytes long too.
        if bytes[at - 1] == 0xED && bytes[at] >= 0xA0 {
            bytes[at - 1..=at + 1].copy_from_slice("\u{fffd}".as_bytes());
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    text.replace(['\0', LOST_BYTE], "\u{fffd}")
}

/// The characters of a JSON text or key, lone surrogates included.
struct Characters<'a>(Cow<'a, [u8]>);

impl<'de> Deserialize<'de> for Characters<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsBytes;
        impl<'de> Visitor<'de> for AsBytes {
            type Value = Characters<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Characters(Cow::Borrowed(bytes)))
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Characters(Cow::Owned(bytes.to_vec())))
            }
        }
        deserializer.deserialize_bytes(AsBytes)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Characters(key), value)) = map.next_entry()? {
                    if members.len() == MAX_MEMBERS {
                        return Err(A::Error::custom("too many members"));
                    }
                    members.push((key, value));
                }
                Ok(Object { members })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = Elements<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while elements.len() < MAX_ELEMENTS
                    && let Some(element) = seq.next_element()?
                {
                    elements.push(element);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(First)
    }
}

#[cfg(test)]
mod tests;
