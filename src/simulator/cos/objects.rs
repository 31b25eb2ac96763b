//! What COS holds: objects, and objects that come in parts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use md5::{Digest as _, Md5};

use super::disk::Kept;
use super::refusal::CosRefusal;

/// Parts are numbered 1 to this.
pub(super) const MOST_PARTS: u32 = 10_000;
/// A part is this large at least, but for the last.
const LEAST_PART_BYTES: u64 = 1 << 20;

/// Everything that was uploaded, whole or in part.
#[derive(Default)]
pub(in crate::simulator) struct Objects {
    whole: HashMap<String, Object>,
    /// By the id of the upload.
    in_parts: BTreeMap<String, InParts>,
}

/// A whole object: its pieces, one after the other.
#[derive(Clone)]
pub(in crate::simulator) struct Object {
    /// Without quotes.
    pub etag: String,
    pub bytes: u64,
    pub pieces: Vec<Arc<Kept>>,
    pub stored_at: DateTime<Utc>,
}

/// An object of which parts are there.
pub(super) struct InParts {
    pub key: String,
    pub begun_at: DateTime<Utc>,
    pub parts: BTreeMap<u32, Part>,
}

/// One part.
#[derive(Clone)]
pub(super) struct Part {
    pub kept: Arc<Kept>,
    pub stored_at: DateTime<Utc>,
}

impl Part {
    /// Without quotes.
    pub fn etag(&self) -> String {
        hex(&self.kept.digest)
    }
}

impl Objects {
    /// The whole object with this key.
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.whole.get(key)
    }

    pub(super) fn put(&mut self, key: &str, kept: Kept, now: DateTime<Utc>) -> String {
        let etag = hex(&kept.digest);
        let object = Object {
            etag: etag.clone(),
            bytes: kept.bytes,
            pieces: vec![Arc::new(kept)],
            stored_at: now,
        };
        self.whole.insert(key.to_owned(), object);
        etag
    }

    pub(super) fn begin(&mut self, upload_id: String, key: &str, now: DateTime<Utc>) {
        let begun = InParts {
            key: key.to_owned(),
            begun_at: now,
            parts: BTreeMap::new(),
        };
        self.in_parts.insert(upload_id, begun);
    }

    /// The uploads in parts of these keys.
    pub(super) fn begun<'a>(
        &'a self,
        is_wanted: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a str, &'a InParts)> {
        let all = self.in_parts.iter().map(|(id, begun)| (id.as_str(), begun));
        all.filter(move |(_, begun)| is_wanted(&begun.key))
    }

    /// One upload in parts.
    ///
    /// # Errors
    ///
    /// `NoSuchUpload` if it is not of this key, or is over.
    pub(super) fn in_parts(&self, upload_id: &str, key: &str) -> Result<&InParts, CosRefusal> {
        let begun = self.in_parts.get(upload_id);
        begun
            .filter(|begun| begun.key == key)
            .ok_or_else(CosRefusal::no_such_upload)
    }

    /// Takes a part, in place of the one with its number.
    ///
    /// # Errors
    ///
    /// As [`Objects::in_parts`]; `EntityTooLarge` when the parts are more than the object may have.
    pub(super) fn add_part(
        &mut self,
        (upload_id, number): (&str, u32),
        key: &str,
        part: Part,
        most_bytes: u64,
    ) -> Result<String, CosRefusal> {
        self.in_parts(upload_id, key)?;
        let begun = self.in_parts.get_mut(upload_id);
        let parts = &mut begun.ok_or_else(CosRefusal::no_such_upload)?.parts;
        let others = parts.iter().filter(|(other, _)| **other != number);
        let bytes: u64 = others.map(|(_, other)| other.kept.bytes).sum();
        if bytes + part.kept.bytes > most_bytes {
            return Err(CosRefusal::too_large());
        }
        let etag = part.etag();
        parts.insert(number, part);
        Ok(etag)
    }

    /// Makes an object of the named parts; its ETag.
    ///
    /// # Errors
    ///
    /// `InvalidPart` for one that is not there or another, `InvalidPartOrder`, `EntityTooSmall`; as
    /// [`Objects::in_parts`].
    pub(super) fn complete(
        &mut self,
        upload_id: &str,
        key: &str,
        named: &[(u32, String)],
        now: DateTime<Utc>,
    ) -> Result<String, CosRefusal> {
        let begun = self.in_parts(upload_id, key)?;
        if named.is_empty() {
            return Err(CosRefusal::malformed_xml());
        }
        if !named.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(CosRefusal::new(
                400,
                "InvalidPartOrder",
                "The parts are not in order.",
            ));
        }
        let (mut pieces, mut hash, mut bytes) = (Vec::new(), Md5::new(), 0);
        for (place, (number, etag)) in named.iter().enumerate() {
            let part = begun.parts.get(number).filter(|part| part.etag() == *etag);
            let part = part.ok_or_else(|| {
                CosRefusal::new(400, "InvalidPart", "A part is not there, or is another.")
            })?;
            if part.kept.bytes < LEAST_PART_BYTES && place + 1 < named.len() {
                let sentence = "A part but the last is smaller than 1 MB.";
                return Err(CosRefusal::new(400, "EntityTooSmall", sentence));
            }
            hash.update(part.kept.digest);
            bytes += part.kept.bytes;
            pieces.push(Arc::clone(&part.kept));
        }
        let etag = format!("{}-{}", hex(&hash.finalize()), named.len());
        let object = Object {
            etag: etag.clone(),
            bytes,
            pieces,
            stored_at: now,
        };
        self.whole.insert(key.to_owned(), object);
        self.in_parts.remove(upload_id);
        Ok(etag)
    }

    /// Drops an upload in parts.
    ///
    /// # Errors
    ///
    /// As [`Objects::in_parts`].
    pub(super) fn abort(&mut self, upload_id: &str, key: &str) -> Result<(), CosRefusal> {
        self.in_parts(upload_id, key)?;
        self.in_parts.remove(upload_id);
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
