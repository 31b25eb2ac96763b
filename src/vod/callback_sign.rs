//! The signature of a push: `Sign` = hex(MD5(SignKey + T)), `T` = the Unix time until which it holds.
//!
//! It covers only key and time, not the body: whoever sees one pair can send any body until T (protocol.md
//! section 2). Where VOD puts the two is not documented, nor the case of the names or of the hex, so all are taken.

use std::fmt;

use md5::{Digest, Md5};
use subtle::{Choice, ConstantTimeEq};

use super::json::Object;

/// How far ahead T may be: VOD sets 10 minutes (protocol.md section 2), the other 5 are for clocks that differ.
///
/// A T that is past gets no such allowance: VOD's own 10 minutes are one, and its text says to refuse it.
pub const MAX_AHEAD_S: i64 = 15 * 60;

/// A `Sign` and its `T` as they came; until `T` it opens the door to any body, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackSign {
    sign: String,
    t: String,
}

/// Why a callback's signature is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// T is missing or no number, or Sign is no MD5.
    #[error("The callback's Sign or T is malformed.")]
    Malformed,
    /// No key makes this Sign of this T.
    #[error("The callback's Sign is wrong.")]
    Wrong,
    /// It was right, until T.
    #[error("The callback's Sign has expired.")]
    Expired,
    /// It is right, for longer than VOD would make one.
    #[error("The callback's T is too far ahead.")]
    TooFarAhead,
}

impl fmt::Debug for CallbackSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackSign")
            .field("t", &self.t)
            .finish_non_exhaustive()
    }
}

impl Refusal {
    /// Its stable name, as counted in the metrics.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Malformed => "sign_malformed",
            Refusal::Wrong => "sign_wrong",
            Refusal::Expired => "sign_expired",
            Refusal::TooFarAhead => "sign_too_far_ahead",
        }
    }
}

impl CallbackSign {
    /// Takes the values of query parameters or headers; `None` without a `sign`, for then it is not signed.
    pub fn from_parts(sign: Option<&str>, t: Option<&str>) -> Option<Self> {
        let sign = sign.map(str::trim).filter(|sign| !sign.is_empty())?;
        Some(Self {
            sign: sign.to_owned(),
            t: t.unwrap_or_default().trim().to_owned(),
        })
    }

    /// Finds it in a body: at the top, else in the event's member or in `data`.
    pub(super) fn find(top: &Object<'_>) -> Option<Self> {
        Self::directly_in(top).or_else(|| {
            let mut inner = top.members().filter_map(|(_, value)| Object::of(value));
            inner.find_map(|object| Self::directly_in(&object))
        })
    }

    /// Accepts it if one of the keys makes it and `now` is not past T.
    pub fn check(&self, sign_keys: &[&str], now_unix: i64) -> Result<(), Refusal> {
        let is_md5 = self.sign.len() == 32 && self.sign.bytes().all(|b| b.is_ascii_hexdigit());
        let t: i64 = self
            .t
            .parse()
            .ok()
            .filter(|_| is_md5)
            .ok_or(Refusal::Malformed)?;
        let sign = self.sign.to_ascii_lowercase();
        let mut matches = Choice::from(0);
        // An empty key would make a signature that anyone can; every key is tried, so that time tells nothing.
        for key in sign_keys.iter().filter(|key| !key.is_empty()) {
            matches |= expected(key, t).as_bytes().ct_eq(sign.as_bytes());
        }
        if !bool::from(matches) {
            Err(Refusal::Wrong)
        } else if now_unix > t {
            Err(Refusal::Expired)
        } else if t.saturating_sub(now_unix) > MAX_AHEAD_S {
            Err(Refusal::TooFarAhead)
        } else {
            Ok(())
        }
    }

    fn directly_in(object: &Object<'_>) -> Option<Self> {
        let sign = object.text(&["Sign", "SIGN"]);
        let t = object
            .integer(&["T"])
            .map(|t| t.to_string())
            .or_else(|| object.text(&["T"]));
        Self::from_parts(sign.as_deref(), t.as_deref())
    }
}

/// The `Sign` that VOD sends with `t` when it holds this key, in lower case.
pub fn expected(sign_key: &str, t: i64) -> String {
    let digest = Md5::new()
        .chain_update(sign_key)
        .chain_update(t.to_string())
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "vodcallbackkey01";
    const T: i64 = 1_764_579_600;
    const SIGN: &str = "bf38939e1bf360dd786a5eb14f523445";

    fn signed(sign: &str, t: &str) -> CallbackSign {
        CallbackSign::from_parts(Some(sign), Some(t)).unwrap()
    }

    #[test]
    fn the_known_vector_is_reproduced() {
        assert_eq!(expected(KEY, T), SIGN);
        assert_eq!(signed(SIGN, "1764579600").check(&[KEY], T - 600), Ok(()));
        assert_eq!(
            signed(&SIGN.to_uppercase(), "1764579600").check(&["other", KEY], T - 600),
            Ok(())
        );
    }

    #[test]
    fn it_holds_until_t_and_not_for_longer_than_vod_would_sign() {
        let sign = signed(SIGN, "1764579600");
        for (now, verdict) in [
            (T, Ok(())),
            (T + 1, Err(Refusal::Expired)),
            (T - MAX_AHEAD_S, Ok(())),
            (T - MAX_AHEAD_S - 1, Err(Refusal::TooFarAhead)),
            (i64::MAX, Err(Refusal::Expired)),
            (i64::MIN, Err(Refusal::TooFarAhead)),
        ] {
            assert_eq!(sign.check(&[KEY], now), verdict, "{now}");
        }
    }

    #[test]
    fn a_wrong_key_or_another_t_is_wrong() {
        assert_eq!(
            signed(SIGN, "1764579600").check(&["other"], T),
            Err(Refusal::Wrong)
        );
        assert_eq!(
            signed(SIGN, "1764579600").check(&[], T),
            Err(Refusal::Wrong)
        );
        assert_eq!(
            signed(SIGN, "1764579601").check(&[KEY], T),
            Err(Refusal::Wrong)
        );
        assert_eq!(
            signed(&expected("", T), "1764579600").check(&["", KEY], T),
            Err(Refusal::Wrong)
        );
    }

    #[test]
    fn what_is_no_signature_is_malformed() {
        for (sign, t) in [
            (SIGN, ""),
            (SIGN, "soon"),
            ("bf38", "1764579600"),
            (&SIGN.replace('b', "x"), "1764579600"),
        ] {
            assert_eq!(
                signed(sign, t).check(&[KEY], T),
                Err(Refusal::Malformed),
                "{sign} {t}"
            );
        }
        assert_eq!(CallbackSign::from_parts(None, Some("1")), None);
        assert_eq!(CallbackSign::from_parts(Some(" "), Some("1")), None);
    }

    #[test]
    fn its_debug_print_does_not_show_it() {
        assert_eq!(
            format!("{:?}", signed(SIGN, "17")),
            r#"CallbackSign { t: "17", .. }"#
        );
    }

    #[test]
    fn it_is_found_wherever_vod_might_put_it() {
        for body in [
            format!(r#"{{"EventType":"X","Sign":"{SIGN}","T":{T}}}"#),
            format!(r#"{{"EventType":"X","sign":"{SIGN}","t":"{T}"}}"#),
            format!(r#"{{"SIGN":"{SIGN}","T":{T}.0}}"#),
            format!(r#"{{"EventType":"X","FileUploadEvent":{{"Sign":"{SIGN}","T":{T}}}}}"#),
            format!(r#"{{"version":"4.0","data":{{"sign":"{SIGN}","t":{T}}}}}"#),
        ] {
            let found = CallbackSign::find(&Object::read(&body).unwrap());
            assert_eq!(found, Some(signed(SIGN, "1764579600")), "{body}");
        }
        assert_eq!(
            CallbackSign::find(&Object::read(r#"{"T":1,"FileUploadEvent":{}}"#).unwrap()),
            None
        );
    }
}
