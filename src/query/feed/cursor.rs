//! Where a reader of the feed is.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// So that a later kind of cursor can be told from this one.
const KIND: u8 = 1;

/// The number of the last change that a reader was told; opaque to whoever holds it, and the same for every
/// receiver on a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub i64);

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a cursor of this feed, unchanged")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [KIND; 9];
        bytes[1..].copy_from_slice(&self.0.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let (kind, seq) = bytes.split_first().ok_or(NotACursor)?;
        let seq = i64::from_be_bytes(seq.try_into().map_err(|_| NotACursor)?);
        if *kind == KIND && seq >= 0 {
            Ok(Self(seq))
        } else {
            Err(NotACursor)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_being_written(seq in 0..=i64::MAX) {
            let text = Cursor(seq).to_string();
            prop_assert_eq!(text.parse(), Ok(Cursor(seq)));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn what_we_did_not_write_is_refused() {
        let negative = URL_SAFE_NO_PAD.encode([KIND, 255, 255, 255, 255, 255, 255, 255, 255]);
        let other_kind = URL_SAFE_NO_PAD.encode([2, 0, 0, 0, 0, 0, 0, 0, 1]);
        let short = URL_SAFE_NO_PAD.encode([KIND, 1]);
        for text in ["", "0", "17", "null", &negative, &other_kind, &short] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }
}
