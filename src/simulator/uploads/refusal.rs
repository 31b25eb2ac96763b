//! Why the upload API says no: a code and a sentence (protocol.md section 8).

use crate::simulator::refusal::Refusal;

/// An error of the upload API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct UgcRefusal {
    pub code: i64,
    pub message: String,
}

impl UgcRefusal {
    /// What was asked for is not what it should be.
    pub fn request(what: &str) -> Self {
        Self {
            code: 10001,
            message: format!("ugc upload | invalid request | {what}"),
        }
    }

    /// The signature is not genuine, not of now, or says what VOD does not take.
    pub fn signature() -> Self {
        Self {
            code: 10004,
            message: "ugc upload | invalid signature".to_owned(),
        }
    }

    /// A one-time signature that was used before. Its text is known, its number is not.
    pub fn duplicate() -> Self {
        Self {
            code: 10004,
            message: "ugc upload | duplicate vod signature".to_owned(),
        }
    }
}

/// The same said by the server API.
impl From<UgcRefusal> for Refusal {
    fn from(refusal: UgcRefusal) -> Self {
        Refusal::value(refusal.message)
    }
}
