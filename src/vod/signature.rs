//! The client upload signature: base64(HMAC-SHA1(secret key, original) ++ original) (protocol.md section 1).
//!
//! `original` is `name=value&...`, percent-encoded, and travels inside, so any order is right, and whoever holds a
//! signature can read it: it proves, it does not hide.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha1::Sha1;

/// RFC 3986's unreserved characters stay; the one encoding that every decoder VOD may use reads alike.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// HMAC-SHA1 makes 20 bytes.
const MAC_BYTES: usize = 20;

/// Standard base64, but not particular about the padding, which is easily lost in copying.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Everything that an upload signature can say; what is `None` or false is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadParams {
    /// The credentials' id; public.
    pub secret_id: String,
    /// Unix seconds.
    pub current_time_stamp: i64,
    /// Unix seconds; at most 90 days later.
    pub expire_time: i64,
    /// Makes signatures differ; VOD takes no more than 32 bits.
    pub random: u32,
    /// The media class; VOD's default is 0.
    pub class_id: Option<i64>,
    /// The name of the task flow that is started by the upload.
    pub procedure: Option<String>,
    /// -10 to 10; only with a procedure.
    pub task_priority: Option<i32>,
    /// `Finish`, `Change` or `None`; only with a procedure.
    pub task_notify_mode: Option<String>,
    /// Comes back with the upload; at most 250 bytes.
    pub source_context: Option<String>,
    /// Whether VOD takes it once only.
    pub one_time_valid: bool,
    /// The app; accounts opened since 2023-12-25 must give it.
    pub vod_sub_app_id: Option<u64>,
    /// Comes back with the end of the procedure; at most 1000 bytes, only with a procedure.
    pub session_context: Option<String>,
    /// A region that is enabled for the app, `ap-chongqing` say.
    pub storage_region: Option<String>,
}

/// A signature taken apart; that it decodes does not mean that it is genuine, see [`DecodedSignature::verify`].
///
/// It still permits uploads, so `Debug` shows its parameters only.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodedSignature {
    mac: [u8; MAC_BYTES],
    original: Vec<u8>,
    /// In the order of the original, unknown and repeated ones included.
    pub parameters: Vec<Parameter>,
}

/// One `name=value` of a signature's original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Decoded too.
    pub name: String,
    /// Decoded: `%XX` and, as in forms, `+`.
    pub value: String,
    /// As it stands in the original.
    pub raw: String,
}

/// Why a text is no upload signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeFault {
    /// Nor is it base64 with its padding lost.
    #[error("The signature is not base64.")]
    NotBase64,
    /// 20 bytes or fewer.
    #[error("The signature is too short to hold an HMAC-SHA1 and what it signs.")]
    TooShort,
    /// The signed text has no `=` in it.
    #[error("The signature holds no name=value pairs.")]
    NoParameters,
}

impl fmt::Debug for DecodedSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodedSignature")
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

impl UploadParams {
    /// Makes the signature, ready to be handed to the device.
    pub fn sign(&self, secret_key: &str) -> String {
        let original = self.original();
        let mut signed = mac(secret_key, original.as_bytes())
            .finalize()
            .into_bytes()
            .to_vec();
        signed.extend_from_slice(original.as_bytes());
        general_purpose::STANDARD.encode(signed)
    }

    /// The text that is signed.
    pub fn original(&self) -> String {
        let text = |value: &Option<String>| value.clone();
        let pairs = [
            ("secretId", Some(self.secret_id.clone())),
            (
                "currentTimeStamp",
                Some(self.current_time_stamp.to_string()),
            ),
            ("expireTime", Some(self.expire_time.to_string())),
            ("random", Some(self.random.to_string())),
            ("classId", self.class_id.map(|id| id.to_string())),
            ("procedure", text(&self.procedure)),
            (
                "taskPriority",
                self.task_priority.map(|priority| priority.to_string()),
            ),
            ("taskNotifyMode", text(&self.task_notify_mode)),
            ("sourceContext", text(&self.source_context)),
            ("oneTimeValid", self.one_time_valid.then(|| "1".to_owned())),
            ("vodSubAppId", self.vod_sub_app_id.map(|id| id.to_string())),
            ("sessionContext", text(&self.session_context)),
            ("storageRegion", text(&self.storage_region)),
        ];
        let set = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let encoded =
            set.map(|(name, value)| format!("{name}={}", utf8_percent_encode(&value, ENCODED)));
        encoded.collect::<Vec<_>>().join("&")
    }
}

/// Takes a signature apart; white space around and in it, as line-wrapping encoders leave, is passed over.
pub fn decode(signature: &str) -> Result<DecodedSignature, DecodeFault> {
    let compact: String = signature.split_ascii_whitespace().collect();
    let signed = BASE64.decode(compact).map_err(|_| DecodeFault::NotBase64)?;
    let (mac, original) = signed
        .split_first_chunk::<MAC_BYTES>()
        .ok_or(DecodeFault::TooShort)?;
    let text = String::from_utf8_lossy(original);
    let parameters: Vec<_> = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(parameter)
        .collect();
    if original.is_empty() {
        Err(DecodeFault::TooShort)
    } else if !text.contains('=') {
        Err(DecodeFault::NoParameters)
    } else {
        Ok(DecodedSignature {
            mac: *mac,
            original: original.to_vec(),
            parameters,
        })
    }
}

impl DecodedSignature {
    /// Whether this secret key made it, over exactly these bytes.
    pub fn verify(&self, secret_key: &str) -> bool {
        mac(secret_key, &self.original)
            .verify_slice(&self.mac)
            .is_ok()
    }

    /// The signed text; bytes that are not UTF-8 show as U+FFFD.
    pub fn original(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.original)
    }

    /// A parameter's value; of a repeated one the first, `None` if it is missing or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let parameter = self
            .parameters
            .iter()
            .find(|parameter| parameter.name == name)?;
        Some(parameter.value.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter's value as a number; a fraction, which VOD refuses, is cut off.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction is to be cut off, and larger numbers are not cast"
    )]
    pub fn integer(&self, name: &str) -> Option<i64> {
        let text = self.text(name)?.trim();
        text.parse().ok().or_else(|| {
            let number: f64 = text.parse().ok()?;
            // Up to here floats hold every whole number; no parameter of a signature is larger.
            (number.abs() < 1e15).then_some(number as i64)
        })
    }
}

fn mac(secret_key: &str, original: &[u8]) -> Hmac<Sha1> {
    let keyed = Hmac::<Sha1>::new_from_slice(secret_key.as_bytes());
    keyed
        .expect("HMAC takes keys of any length")
        .chain_update(original)
}

fn parameter(pair: &str) -> Parameter {
    let (name, raw) = pair.split_once('=').unwrap_or((pair, ""));
    Parameter {
        name: form_decoded(name),
        value: form_decoded(raw),
        raw: raw.to_owned(),
    }
}

fn form_decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
