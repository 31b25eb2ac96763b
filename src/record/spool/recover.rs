//! What a spool finds in its directory at start.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::disk::{self, Name};
use super::fault::IoFault;
use super::keep;
use super::ledger::{Segment, State};
use super::reader::{Found, SegmentReader};

/// ENOMEM, ENFILE, EMFILE: not the file's fault. Better no start than a good segment set aside.
const OUT_OF: [i32; 3] = [12, 23, 24];

/// What was found when a spool was opened.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Intact, and to be drained.
    pub records: u64,
    /// Of all segments.
    pub bytes: u64,
    /// Segments that ended in a write cut short: what a kill leaves behind, nothing that was accepted.
    pub torn: u64,
    /// Bytes that were no record: rot, or what a power cut left of a group that was not accepted yet.
    pub damages: Vec<Damage>,
    /// Segments that could not be read at all, under their new names.
    pub set_aside: Vec<PathBuf>,
}

/// A place in a segment that held no intact record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub segment: String,
    pub at: Range<u64>,
    /// The copy of its bytes; without one the whole segment is kept when the rest is drained.
    pub kept: Option<PathBuf>,
}

/// Reads every segment of a directory that nobody else has.
pub fn recover(dir: &Path) -> Result<(VecDeque<Segment>, Recovered), IoFault> {
    let mut recovered = Recovered::default();
    let mut segments = VecDeque::new();
    for name in names(dir).map_err(IoFault::doing("list", dir))? {
        let path = dir.join(name.file());
        match open(&path, name) {
            Ok(reader) => segments.extend(read(dir, name, reader, &mut recovered)),
            Err(error)
                if error
                    .raw_os_error()
                    .is_some_and(|code| OUT_OF.contains(&code)) =>
            {
                return Err(IoFault::doing("open", &path)(error));
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                let to = dir.join(name.set_aside());
                fs::rename(&path, &to).map_err(IoFault::doing("set aside", &path))?;
                tracing::error!(
                    error,
                    "a segment of the spool cannot be read; it is now {}",
                    to.display()
                );
                recovered.set_aside.push(to);
            }
        }
    }
    disk::sync_dir(dir).map_err(IoFault::doing("sync", dir))?;
    if recovered.records > 0 {
        tracing::info!(
            records = recovered.records,
            torn = recovered.torn,
            "the spool holds records of an earlier run"
        );
    }
    Ok((segments, recovered))
}

/// A reader of a segment; nothing but a plain file is opened, since opening a pipe would wait for ever.
pub fn open(path: &Path, name: Name) -> io::Result<SegmentReader<File>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    SegmentReader::new(File::open(path)?, name.mark)
}

/// The segments in a directory, oldest first.
fn names(dir: &Path) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().to_str().and_then(Name::parse));
    }
    names.sort_by_key(|name| name.sequence);
    Ok(names)
}

/// Counts what a segment holds; one that holds no record is dropped at once.
fn read(
    dir: &Path,
    name: Name,
    reader: SegmentReader<File>,
    recovered: &mut Recovered,
) -> Option<Segment> {
    let mut segment = Segment {
        name,
        state: State::Sealed,
        bytes: reader.end(),
        records: 0,
        oldest_at_ms: None,
        keep: false,
    };
    for found in reader {
        match found {
            Found::Record(record) => {
                segment.records += 1;
                segment.oldest_at_ms.get_or_insert(record.at_ms);
            }
            Found::Torn(_) => recovered.torn += 1,
            Found::Damage(at) => {
                let kept = keep::copy(dir, name, &at);
                segment.keep |= kept.is_none();
                recovered.damages.push(Damage {
                    segment: name.file(),
                    at,
                    kept,
                });
            }
        }
    }
    if segment.records == 0 && keep::dispose(dir, name, segment.keep).is_ok() {
        return None;
    }
    recovered.records += segment.records;
    recovered.bytes += segment.bytes;
    Some(segment)
}
