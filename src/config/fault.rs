//! What is wrong with a configuration, told in sentences.

use std::fmt;

/// One sentence: the variable or key, and what is wanted of it; never the value that was given.
///
/// The value is left out even where it is no secret: people paste secrets into the wrong line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub(super) String);

/// Everything that is wrong, at once, so that an operator restarts once and not once per mistake.
///
/// `Display` prints one fault per line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Adds one sentence.
    pub(super) fn tell(&mut self, sentence: impl Into<String>) {
        self.0.push(Fault(sentence.into()));
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
