//! Why VOD's API gave no answer, told apart by what one can do about it.

use std::time::Duration;

use super::MAX_ANSWER_BYTES;

/// Texts of VOD's are cut here before they are told.
const LONGEST_MESSAGE_CHARS: usize = 300;

/// Why a call to VOD's API failed; holds neither key nor token (protocol.md section 5).
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The key pair, its token or its signature is not accepted (`AuthFailure.*`).
    #[error(
        "VOD does not accept the API key ({code}): check secret_id, secret_key and secret_token"
    )]
    Unauthentic { code: String },
    /// Our clock and VOD's are more than 5 minutes apart (`AuthFailure.SignatureExpire`): the key may be right.
    #[error("{}", skew(*.ahead_s))]
    ClockSkew {
        /// Seconds that our clock is ahead of VOD's, by the `Date` of the answer; negative if it is behind.
        ahead_s: Option<i64>,
    },
    /// More calls than VOD allows in a second (`RequestLimitExceeded*`).
    #[error("VOD wants fewer calls a second ({code})")]
    RateLimited { code: String },
    /// There is no such thing at VOD (`ResourceNotFound*`).
    #[error("VOD knows no such thing ({code}: {message})")]
    NotFound { code: String, message: String },
    /// VOD objects to what it was asked (`InvalidParameter*`, `MissingParameter`, `UnknownParameter`, ...).
    #[error("VOD objects to the request ({code}: {message})")]
    Invalid { code: String, message: String },
    /// VOD failed (`InternalError*`).
    #[error("VOD failed ({code})")]
    Internal { code: String },
    /// Any other error that VOD names; `UnauthorizedOperation` is one: a key that may not do this.
    #[error("VOD refuses the request ({code}: {message})")]
    Other { code: String, message: String },
    /// No whole answer came.
    #[error("VOD was not reached: {0}")]
    Transport(#[from] Transport),
    /// An answer came, and it is none of VOD's.
    #[error("VOD's answer cannot be read: {0}")]
    BadAnswer(&'static str),
    /// More at once than the API takes in one call; nothing was sent.
    #[error("{given} at once are more than the {most} that one call takes")]
    TooMany { given: usize, most: usize },
    /// The endpoint is no http or https address, or this machine cannot speak TLS; nothing was sent.
    #[error("{0}")]
    Setup(&'static str),
}

/// Where on the way a call was lost; whether VOD acted on it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Transport {
    /// No connection: name, route, port or TLS.
    #[error("no connection (name, network or TLS)")]
    Connect,
    /// No whole answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection broke, perhaps in the middle of the answer.
    #[error("the connection broke")]
    CutOff,
    /// Something on the way answered, with this HTTP status; VOD says 200 even to errors.
    #[error("HTTP status {0}")]
    Status(u16),
    /// An answer larger than any of VOD's.
    #[error("an answer of more than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
}

impl ApiError {
    /// For an `Error` of VOD's; `ahead_s` as in [`ApiError::ClockSkew`].
    pub(super) fn of(code: String, message: &str, ahead_s: Option<i64>) -> Self {
        // The part before the dot is the kind, what follows says more.
        let kind = code.split('.').next().unwrap_or_default();
        match kind {
            "AuthFailure" if code == "AuthFailure.SignatureExpire" => Self::ClockSkew { ahead_s },
            "AuthFailure" => Self::Unauthentic { code },
            "RequestLimitExceeded" => Self::RateLimited { code },
            "ResourceNotFound" => Self::NotFound {
                message: cut(message),
                code,
            },
            "InvalidParameter"
            | "InvalidParameterValue"
            | "MissingParameter"
            | "UnknownParameter" => Self::Invalid {
                message: cut(message),
                code,
            },
            "InternalError" => Self::Internal { code },
            _ => Self::Other {
                message: cut(message),
                code,
            },
        }
    }

    /// Whether the same call may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Internal { .. } | Self::Transport(_)
        )
    }

    /// Its stable name, as counted in the metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthentic { .. } => "unauthentic",
            Self::ClockSkew { .. } => "clock_skew",
            Self::RateLimited { .. } => "rate_limited",
            Self::NotFound { .. } => "not_found",
            Self::Invalid { .. } | Self::TooMany { .. } => "invalid",
            Self::Internal { .. } => "internal",
            Self::Other { .. } => "refused",
            Self::Transport(_) | Self::Setup(_) => "transport",
            Self::BadAnswer(_) => "bad_answer",
        }
    }
}

fn cut(message: &str) -> String {
    message.chars().take(LONGEST_MESSAGE_CHARS).collect()
}

fn skew(ahead_s: Option<i64>) -> String {
    let by = match ahead_s {
        None => "and VOD's are more than 5 minutes apart".to_owned(),
        Some(s) if s < 0 => format!("is {} s behind VOD's", s.unsigned_abs()),
        Some(s) => format!("is {s} s ahead of VOD's"),
    };
    format!("this machine's clock {by}: VOD refuses every signature until it is set right")
}
