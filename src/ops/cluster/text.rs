//! Words for the shell, for addresses and for people.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

/// The end of what was written to the log since `start`.
pub(super) fn last_words(log: &Path, start: u64) -> String {
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(start))?;
        file.read_to_end(&mut text)
    });
    if let Err(error) = read {
        return format!("({} cannot be read: {error})", log.display());
    }
    let text = String::from_utf8_lossy(&text);
    let lines = text.trim().lines().collect::<Vec<_>>();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// Bytes as part of an address (RFC 3986).
pub(super) fn percent_encoded(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    bytes
        .iter()
        .map(|b| {
            if plain(*b) {
                char::from(*b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// A word for a POSIX shell, quoted if it needs to be.
pub(super) fn quoted(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-@:+=".contains(&b));
    if plain {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
