//! What the layers say about each setting, before it is parsed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::fault::Faults;
use super::secret::Secret;
use super::settings::{Preset, Setting};

/// A text that somebody gave, and the name it was given by.
pub struct Given {
    /// What its name is preceded by in a fault: empty, or `vod-receiver.toml: `.
    pub place: String,
    /// A variable or a key.
    pub name: String,
    /// `None` if something about it was wrong, which is then told already.
    pub text: Option<String>,
}

/// The settings of the service, or of one app, that some layer gave.
#[derive(Default)]
pub struct Values(BTreeMap<&'static str, Given>);

impl Values {
    /// Notes what one layer says about a setting: its value, or the file that holds it.
    pub fn note(
        &mut self,
        setting: &Setting,
        value: Option<Given>,
        file: Option<Given>,
        working_dir: &Path,
        faults: &mut Faults,
    ) {
        let given = match (value, file) {
            (None, None) => return,
            (Some(value), None) => value,
            (None, Some(file)) => file.contents(working_dir, faults),
            (Some(value), Some(file)) => {
                faults.tell(format!(
                    "{value} and {} are both set; keep one of them.",
                    file.name
                ));
                Given {
                    text: None,
                    ..value
                }
            }
        };
        self.0.insert(setting.key, given);
    }

    /// Puts a later layer on top of this one.
    pub fn override_with(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Whether no layer gave anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some layer gave this setting, rightly or wrongly.
    pub fn has(&self, setting: &Setting) -> bool {
        self.0.contains_key(setting.key)
    }

    /// The names that were used, as in faults.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.values().map(Given::to_string)
    }

    /// The parsed value of a setting, or of its default; a fault if the rule refuses it.
    pub fn parse<T>(
        &self,
        setting: &Setting,
        rule: impl FnOnce(&str) -> Option<T>,
        faults: &mut Faults,
    ) -> Option<T> {
        let rule = |text: &str| rule(text).ok_or_else(String::new);
        self.judge(setting, rule, faults)
    }

    /// The same by a rule that says more of what it refuses: a sentence to follow, without the value.
    pub fn judge<T>(
        &self,
        setting: &Setting,
        rule: impl FnOnce(&str) -> Result<T, String>,
        faults: &mut Faults,
    ) -> Option<T> {
        let Some(given) = self.0.get(setting.key) else {
            return match setting.default {
                Preset::Value(default) => rule(default).ok(),
                Preset::Required | Preset::Unset | Preset::Usually(_) => None,
            };
        };
        match rule(given.text.as_deref()?) {
            Ok(value) => Some(value),
            Err(more) => {
                let stop = if more.is_empty() { "." } else { ". " };
                faults.tell(format!("{given} must be {}{stop}{more}", setting.wanted));
                None
            }
        }
    }

    /// The secret that a setting holds.
    pub fn secret(
        &self,
        setting: &Setting,
        rule: impl Fn(&str) -> bool,
        faults: &mut Faults,
    ) -> Option<Secret> {
        self.parse(
            setting,
            |text| rule(text).then(|| Secret::new(text)),
            faults,
        )
    }

    /// The secrets that a setting holds, with commas between them.
    pub fn secrets(
        &self,
        setting: &Setting,
        rule: impl Fn(&str) -> bool,
        faults: &mut Faults,
    ) -> Vec<Secret> {
        let one = |item: &str| rule(item).then(|| Secret::new(item));
        let all = |text: &str| text.split(',').map(str::trim).map(one).collect();
        self.parse(setting, all, faults).unwrap_or_default()
    }
}

impl Given {
    /// What the file that this text names holds, without the newline that editors put at its end.
    fn contents(self, working_dir: &Path, faults: &mut Faults) -> Self {
        let text = self.text.as_deref().and_then(|path| {
            match std::fs::read_to_string(working_dir.join(path)) {
                Ok(text) => {
                    let line = text.strip_suffix('\n').unwrap_or(&text);
                    let line = line.strip_suffix('\r').unwrap_or(line);
                    if line.is_empty() {
                        faults.tell(format!("{self} names {}, which is empty.", shown(path)));
                    }
                    (!line.is_empty()).then(|| line.to_owned())
                }
                Err(error) => {
                    let file = shown(path);
                    faults.tell(format!(
                        "{self} names {file}, which cannot be read: {error}."
                    ));
                    None
                }
            }
        });
        Self { text, ..self }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.name)
    }
}

/// A path as it may be told.
///
/// Who takes `NAME_FILE` for `NAME` puts the secret itself there (`postgres://user:password@...`),
/// so only what cannot be anything but a path is shown.
fn shown(path: &str) -> String {
    if ["/", "./", "../"]
        .iter()
        .any(|start| path.starts_with(start))
    {
        path.to_owned()
    } else {
        String::from("a file (not shown, since it may be the secret itself: write /path or ./path)")
    }
}
