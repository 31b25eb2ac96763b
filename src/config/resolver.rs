//! How a user is read from a context that is the app's own text.

use std::str::FromStr;

use regex::{Regex, RegexBuilder};

/// More formats than an app ever had; each unmatched context is held against all of them.
const MOST_RESOLVERS: usize = 8;
/// Far longer than a pointer or an expression that reads 250 characters has to be.
const LONGEST_CHARS: usize = 1_000;
/// What a compiled expression may take. `(\w{1000}){1000}` is refused here, not met at run time.
const COMPILED_BYTES: usize = 1024 * 1024;
/// The group of a regular expression that holds the user id.
const GROUP: &str = "user";

/// One way to read a user id from a context that is no ticket.
#[derive(Clone, Debug)]
pub enum Resolver {
    /// The context is the user id.
    Text,
    /// The context is JSON, and the user id a value in it.
    Json(JsonPointer),
    /// A part of the context is the user id.
    Pattern(UserPattern),
}

/// A JSON pointer (RFC 6901) to a value within a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPointer(String);

/// A regular expression that captures a user id; matching takes time linear in the text.
#[derive(Clone, Debug)]
pub struct UserPattern(Regex);

/// Why a text is no resolver, in words that do not repeat it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResolver {
    #[error("is none of them")]
    Unknown,
    #[error("is longer than {LONGEST_CHARS} characters")]
    TooLong,
    #[error(
        "has no JSON pointer: `/`, then names with `/` between them, `~` written ~0 and `/` written ~1"
    )]
    NotAPointer,
    #[error("does not compile: {0}")]
    NotAPattern(String),
    #[error("would take more than {COMPILED_BYTES} bytes compiled")]
    TooLarge,
    #[error("has no group named user: write (?<user>...) around what the user id is")]
    NoUserGroup,
}

impl JsonPointer {
    /// The pointer as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserPattern {
    /// What the group `user` holds in the first match; `None` where nothing matches.
    pub fn user_in<'a>(&self, context: &'a str) -> Option<&'a str> {
        let captures = self.0.captures(context)?;
        captures.name(GROUP).map(|group| group.as_str())
    }
}

impl FromStr for Resolver {
    type Err = InvalidResolver;

    /// Reads `text`, `json:<pointer>` or `regex:<expression>`.
    fn from_str(text: &str) -> Result<Self, InvalidResolver> {
        if text.chars().count() > LONGEST_CHARS {
            return Err(InvalidResolver::TooLong);
        }
        if text == "text" {
            Ok(Self::Text)
        } else if let Some(pointer) = text.strip_prefix("json:") {
            pointer.parse().map(Self::Json)
        } else if let Some(pattern) = text.strip_prefix("regex:") {
            pattern.parse().map(Self::Pattern)
        } else {
            Err(InvalidResolver::Unknown)
        }
    }
}

impl FromStr for JsonPointer {
    type Err = InvalidResolver;

    fn from_str(text: &str) -> Result<Self, InvalidResolver> {
        let escapes = |token: &str| {
            let mut rest = token.split('~');
            rest.next();
            rest.all(|after| after.starts_with(['0', '1']))
        };
        if text.starts_with('/') && text.split('/').all(escapes) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidResolver::NotAPointer)
        }
    }
}

impl FromStr for UserPattern {
    type Err = InvalidResolver;

    fn from_str(text: &str) -> Result<Self, InvalidResolver> {
        let built = RegexBuilder::new(text).size_limit(COMPILED_BYTES).build();
        let regex = built.map_err(|fault| match fault {
            regex::Error::CompiledTooBig(_) => InvalidResolver::TooLarge,
            // It quotes the expression, and says what is wrong with it last.
            fault => {
                let told = fault.to_string();
                let last = told.rsplit_once("error: ").map(|(_, what)| what.trim());
                InvalidResolver::NotAPattern(last.unwrap_or("it cannot be read").to_owned())
            }
        })?;
        if regex.capture_names().flatten().any(|name| name == GROUP) {
            Ok(Self(regex))
        } else {
            Err(InvalidResolver::NoUserGroup)
        }
    }
}

/// Reads resolvers, one a line; a fault says which one is meant.
pub(super) fn read_lines(text: &str) -> Result<Vec<Resolver>, String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if lines.len() > MOST_RESOLVERS {
        return Err(format!("There are {}.", lines.len()));
    }
    let read = |(index, line): (usize, &&str)| {
        let read = line.parse::<Resolver>();
        read.map_err(|fault| format!("Number {} {fault}.", index + 1))
    };
    lines.iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_resolver_is_told_without_repeating_it() {
        let long = format!("regex:(?<user>{})", "secret".repeat(200));
        for (text, told) in [
            ("user_id", "Number 1 is none of them."),
            ("text\nTEXT", "Number 2 is none of them."),
            ("json:uid", "Number 1 has no JSON pointer"),
            ("json:", "Number 1 has no JSON pointer"),
            ("json:/a~2", "Number 1 has no JSON pointer"),
            ("json:/a~", "Number 1 has no JSON pointer"),
            (
                "regex:secret(",
                "Number 1 does not compile: unclosed group.",
            ),
            ("regex:^secret$", "Number 1 has no group named user"),
            ("regex:(?<uid>secret)", "Number 1 has no group named user"),
            (
                r"regex:(?<user>(\w{1000}){1000})",
                "Number 1 would take more than 1048576 bytes compiled.",
            ),
            (&long, "Number 1 is longer than 1000 characters."),
            (&["text"; 9].join("\n"), "There are 9."),
        ] {
            let fault = read_lines(text).unwrap_err();
            assert!(fault.starts_with(told), "{text}: {fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
    }

    #[test]
    fn commas_and_spaces_stay_within_a_line() {
        let read = read_lines("json:/a,b/~1c\r\nregex:^u (?<user>\\d{1,3}), $\n\ntext\n").unwrap();
        let [
            Resolver::Json(pointer),
            Resolver::Pattern(pattern),
            Resolver::Text,
        ] = &read[..]
        else {
            panic!("{read:?}");
        };
        assert_eq!(pointer.as_str(), "/a,b/~1c");
        assert_eq!(pattern.user_in("u 42, "), Some("42"));
        assert_eq!(pattern.user_in("u 4242, "), None);
    }
}
