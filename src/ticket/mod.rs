//! A ticket, one upload intent of one user, and the user it was given to.

mod known;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

pub use known::KnownTickets;

/// Crockford's alphabet: no I, L, O, U, so that a ticket can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What each byte stands for, in either case.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value: u8 = 0;
    while (value as usize) < ALPHABET.len() {
        let digit = ALPHABET[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_lowercase() as usize] = value;
        value += 1;
    }
    values
};
const NO_DIGIT: u8 = 0xff;
/// What every ticket begins with.
pub const TICKET_PREFIX: &str = "vt_";
/// How long after it was begun VOD lets an upload be resumed (protocol.md section 8).
pub const RESUMED_WITHIN: TimeDelta = TimeDelta::days(1);
/// 128 bits in groups of five; the first character holds three of them.
const DIGITS: usize = 26;
/// Fits a `sourceContext` many times over, and an index page.
const USER_ID_MAX_BYTES: usize = 256;

/// An opaque id for one upload intent: `vt_` and 26 characters of Crockford's base32 (a UUIDv7).
///
/// It is what goes into `sourceContext`. Short and ASCII, since the unit of VOD's limit of 250
/// is undocumented (protocol.md section 1); it tells the client nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub Uuid);

/// Why a text is not a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `vt_` followed by 26 characters of Crockford base32")]
pub struct NotATicket;

impl FromStr for Ticket {
    type Err = NotATicket;

    /// Reads a ticket in either case; nothing else is forgiven.
    fn from_str(text: &str) -> Result<Self, NotATicket> {
        let digits = text.strip_prefix(TICKET_PREFIX).ok_or(NotATicket)?;
        if digits.len() != DIGITS {
            return Err(NotATicket);
        }
        let mut bits: u128 = 0;
        for (i, digit) in digits.bytes().enumerate() {
            let value = VALUES[usize::from(digit)];
            if value == NO_DIGIT || (i == 0 && value > 7) {
                return Err(NotATicket);
            }
            bits = bits << 5 | u128::from(value);
        }
        Ok(Self(Uuid::from_u128(bits)))
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0.as_u128();
        f.write_str(TICKET_PREFIX)?;
        for i in (0..DIGITS).rev() {
            let digit = ALPHABET[(bits >> (5 * i)) as usize & 31];
            fmt::Write::write_char(f, char::from(digit))?;
        }
        Ok(())
    }
}

impl From<Uuid> for Ticket {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

/// What the log of permissions knows of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTicket {
    pub app: String,
    /// `None` once the user is erased.
    pub user_id: Option<UserId>,
    /// When the signature of it expires that lives longest; moves on with each further one.
    pub last_expires_at: DateTime<Utc>,
}

/// A user of the app, by the app's own id: 1 to 256 bytes of UTF-8 without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

/// Why a text is not a user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 256 bytes of UTF-8 without control characters")]
pub struct NotAUserId;

impl UserId {
    /// Takes the app's id of a user: emoji, `/` and quotes are fine.
    pub fn parse(text: &str) -> Result<Self, NotAUserId> {
        let fits =
            (1..=USER_ID_MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAUserId)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_ticket_is_written_in_crockford() {
        let ticket = Ticket("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap());
        assert_eq!(ticket.to_string(), "vt_01H455VB4PEX5VSKNK084SN02Q");
    }

    proptest! {
        #[test]
        fn a_ticket_survives_being_written_in_either_case(bits: u128) {
            let ticket = Ticket(Uuid::from_u128(bits));
            let text = ticket.to_string();
            prop_assert_eq!(text.len(), 29);
            prop_assert_eq!(text.parse(), Ok(ticket));
            prop_assert_eq!(format!("vt_{}", text[3..].to_lowercase()).parse(), Ok(ticket));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = text.parse::<Ticket>();
            let _ = format!("vt_{text}").parse::<Ticket>();
        }
    }

    #[test]
    fn what_only_looks_like_a_ticket_is_refused() {
        for text in [
            "",
            "vt_",
            "VT_01H455VB4PEX5VSKNK084SN02Q",
            "vt_01H455VB4PEX5VSKNK084SN02",
            "vt_01H455VB4PEX5VSKNK084SN02QQ",
            "vt_81H455VB4PEX5VSKNK084SN02Q",
            "vt_01H455VB4PEX5VSKNK084SN02U",
            " vt_01H455VB4PEX5VSKNK084SN02Q",
            "vt_01H455VB4PEX5VSKNK084SNé1",
        ] {
            assert_eq!(text.parse::<Ticket>(), Err(NotATicket), "{text:?}");
        }
    }

    #[test]
    fn user_ids_are_bounded_in_bytes_and_hold_no_control_characters() {
        for good in ["a", "用户/42", "\"'%2F..", "🎬", &"x".repeat(256)] {
            assert_eq!(UserId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a\0",
            "a\nb",
            "\u{7f}",
            "\u{85}",
            &"x".repeat(257),
            &"用".repeat(86),
        ] {
            assert_eq!(UserId::parse(bad), Err(NotAUserId), "{bad:?}");
        }
    }
}
