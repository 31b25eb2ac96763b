//! What VOD would object to in an upload signature, for people who debug "invalid signature" (protocol.md 1, 9).

use super::signature::DecodedSignature;

/// VOD's cap on a signature's validity: 90 days.
pub const MAX_VALIDITY_S: i64 = 7_776_000;

/// VOD says 250 characters, its legacy page 256 bytes; whoever keeps to 250 bytes keeps to both.
pub const MAX_SOURCE_CONTEXT_BYTES: usize = 250;

/// VOD says 1000 characters; counted in bytes for the same reason.
pub const MAX_SESSION_CONTEXT_BYTES: usize = 1000;

/// Later than this, in the year 5138, is a time in milliseconds.
const LAST_PLAUSIBLE_S: i64 = 100_000_000_000;

const KNOWN: [&str; 13] = [
    "secretId",
    "currentTimeStamp",
    "expireTime",
    "random",
    "classId",
    "procedure",
    "taskPriority",
    "taskNotifyMode",
    "sourceContext",
    "oneTimeValid",
    "vodSubAppId",
    "sessionContext",
    "storageRegion",
];

/// One thing that VOD would refuse, or read differently from what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The parameter's name.
    pub parameter: String,
    /// What is wrong with it, for programs; stable.
    pub code: &'static str,
    /// What is wrong with it, one sentence.
    pub sentence: String,
    /// Whether VOD takes no signature that has it; else it is read all the same, perhaps not as it was meant.
    pub refuses: bool,
}

impl DecodedSignature {
    /// Everything that VOD would object to at this time; the HMAC is [`verify`](Self::verify)'s business.
    pub fn objections(&self, now_unix: i64) -> Vec<Objection> {
        let mut found = Objections(Vec::new());
        self.look_at_names(&mut found);
        self.look_at_times(now_unix, &mut found);
        self.look_at_numbers(&mut found);
        self.look_at_texts(&mut found);
        found.0
    }

    fn look_at_names(&self, found: &mut Objections) {
        for required in &KNOWN[..4] {
            if self.text(required).is_none() {
                found.add(required, "missing", "is required, but missing or empty");
            }
        }
        for (at, parameter) in self.parameters.iter().enumerate() {
            let name = parameter.name.as_str();
            if !KNOWN.contains(&name) {
                found.add(name, "unknown", "is not a parameter of upload signatures; is there a raw `&` in the value before it");
            } else if self.parameters[..at]
                .iter()
                .any(|earlier| earlier.name == name)
            {
                found.add(name, "repeated", "is given more than once");
            }
            if !is_encoded(&parameter.raw) {
                found.note(
                    name,
                    "not_encoded",
                    "holds characters that must be percent-encoded",
                );
            }
        }
    }

    fn look_at_times(&self, now_unix: i64, found: &mut Objections) {
        let issued = self.time("currentTimeStamp", found);
        let expires = self.time("expireTime", found);
        if let Some(issued) = issued
            && issued > now_unix
        {
            found.add(
                "currentTimeStamp",
                "in_the_future",
                format!("is {} s in the future", issued.saturating_sub(now_unix)),
            );
        }
        if let Some(expires) = expires
            && expires <= now_unix
        {
            found.add(
                "expireTime",
                "expired",
                format!("is past by {} s", now_unix.saturating_sub(expires)),
            );
        }
        match (issued, expires) {
            (Some(issued), Some(expires)) if expires <= issued => {
                found.add(
                    "expireTime",
                    "not_after_issue",
                    "is not after currentTimeStamp",
                );
            }
            (Some(issued), Some(expires)) if expires - issued > MAX_VALIDITY_S => {
                let sentence = format!(
                    "is {} s after currentTimeStamp; VOD allows {MAX_VALIDITY_S}",
                    expires - issued
                );
                found.add("expireTime", "valid_too_long", sentence);
            }
            _ => {}
        }
    }

    /// A time stamp, if it is whole Unix seconds.
    fn time(&self, name: &str, found: &mut Objections) -> Option<i64> {
        let text = self.text(name)?;
        let Some(seconds) = text.parse::<i64>().ok().filter(|seconds| *seconds >= 0) else {
            found.add(name, "not_seconds", "is not a whole number of Unix seconds");
            return None;
        };
        if seconds > LAST_PLAUSIBLE_S {
            found.add(
                name,
                "milliseconds",
                "looks like milliseconds; VOD wants seconds",
            );
            return None;
        }
        Some(seconds)
    }

    fn look_at_numbers(&self, found: &mut Objections) {
        for (name, wrong, fits) in [
            (
                "random",
                "is not a whole number of at most 4294967295",
                in_range(0, i64::from(u32::MAX)),
            ),
            (
                "classId",
                "is not a whole number",
                in_range(i64::MIN, i64::MAX),
            ),
            (
                "vodSubAppId",
                "is not a whole number",
                in_range(0, i64::MAX),
            ),
            ("oneTimeValid", "is neither 0 nor 1", in_range(0, 1)),
            (
                "taskPriority",
                "is not a whole number from -10 to 10",
                in_range(-10, 10),
            ),
        ] {
            if self
                .text(name)
                .is_some_and(|text| !text.parse().is_ok_and(&fits))
            {
                found.add(name, "not_in_range", wrong);
            }
        }
    }

    fn look_at_texts(&self, found: &mut Objections) {
        for (name, limit) in [
            ("sourceContext", MAX_SOURCE_CONTEXT_BYTES),
            ("sessionContext", MAX_SESSION_CONTEXT_BYTES),
        ] {
            let bytes = self.text(name).map_or(0, str::len);
            if bytes > limit {
                found.add(
                    name,
                    "too_long",
                    format!("is {bytes} bytes long; VOD allows {limit}"),
                );
            }
        }
        if self
            .text("taskNotifyMode")
            .is_some_and(|mode| !["Finish", "Change", "None"].contains(&mode))
        {
            found.add(
                "taskNotifyMode",
                "not_in_range",
                "is none of Finish, Change and None",
            );
        }
        for name in ["taskPriority", "taskNotifyMode", "sessionContext"] {
            if self.text(name).is_some() && self.text("procedure").is_none() {
                found.note(name, "without_procedure", "has no effect without procedure");
            }
        }
    }
}

struct Objections(Vec<Objection>);

impl Objections {
    fn add(&mut self, parameter: &str, code: &'static str, what: impl Into<String>) {
        self.push(parameter, code, what, true);
    }

    /// For what VOD reads all the same: its own samples encode nothing, and leave such parameters in.
    fn note(&mut self, parameter: &str, code: &'static str, what: impl Into<String>) {
        self.push(parameter, code, what, false);
    }

    fn push(
        &mut self,
        parameter: &str,
        code: &'static str,
        what: impl Into<String>,
        refuses: bool,
    ) {
        let sentence = format!("`{parameter}` {}.", what.into());
        self.0.push(Objection {
            parameter: parameter.to_owned(),
            code,
            sentence,
            refuses,
        });
    }
}

fn in_range(from: i64, to: i64) -> impl Fn(i64) -> bool {
    move |number| (from..=to).contains(&number)
}

/// Whether a raw value holds only what some official sample's encoder leaves as it is.
fn is_encoded(raw: &str) -> bool {
    let mut rest = raw.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'%' if after.len() >= 2 && after[..2].iter().all(u8::is_ascii_hexdigit) => &after[2..],
            b'-' | b'_' | b'.' | b'~' | b'!' | b'*' | b'\'' | b'(' | b')' | b'+' => after,
            byte if byte.is_ascii_alphanumeric() => after,
            _ => return false,
        };
    }
    true
}
