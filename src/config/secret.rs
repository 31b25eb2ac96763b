//! A text that must never be printed: a key, a token, a password in an address.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// A secret text: wiped from memory when dropped, compared in constant time.
///
/// It has no `Debug`, `Display` or `Serialize` on purpose: a struct that holds one cannot derive
/// them either, so whoever wants to print such a struct has to decide field by field.
///
/// ```compile_fail,E0277
/// println!("{:?}", vod_receiver::config::Secret::new("hunter2"));
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether `other` is the same text; how long this takes tells nothing but the length.
    ///
    /// The length is no secret: random tokens of this service all have lengths that are documented.
    pub fn matches(&self, other: &str) -> bool {
        self.expose().as_bytes().ct_eq(other.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_matches_itself_and_nothing_else() {
        let secret = Secret::new("correct horse");
        assert_eq!(secret.expose(), "correct horse");
        assert!(secret.matches("correct horse"));
        for other in [
            "",
            "correct",
            "correct horsf",
            "correct horse ",
            "Correct horse",
        ] {
            assert!(!secret.matches(other), "{other:?} was accepted");
        }
    }
}
