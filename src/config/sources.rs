//! Where settings come from: a file, the environment, flags.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::LogFormat;
use super::settings::{CONFIG_VARIABLE, DATABASE_URL, DEFAULT_FILE};

/// The prefix that all our variables share, but for the database's.
const PREFIX: &str = "VOD_";

/// Everything that a configuration is made from, and nothing else is looked at.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file that `--config` names.
    pub file: Option<PathBuf>,
    /// The variables of the environment.
    pub environment: BTreeMap<String, String>,
    /// What the command line sets.
    pub flags: Flags,
    /// Where relative paths start; empty for the process's own working directory.
    pub working_dir: PathBuf,
}

/// The settings that are also flags. No secret is: other users can read a command line.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--log`
    pub log: Option<String>,
    /// `--log-format`
    pub log_format: Option<LogFormat>,
}

impl Sources {
    /// The process's environment and working directory, with the file that `--config` names.
    ///
    /// Bytes that are not UTF-8 become U+FFFD, which the rules of every secret refuse.
    pub fn from_process(config_flag: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
            .filter(|(name, _)| is_ours(name))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        Self {
            file: config_flag,
            environment,
            ..Self::default()
        }
    }

    /// The value of a variable; an empty one counts as unset.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Every variable that is set and was not put there by Kubernetes.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.environment
            .iter()
            .filter(|(name, value)| !value.is_empty() && !is_kubernetes_link(name, value))
            .map(|(name, _)| name.as_str())
    }

    /// The file that was asked for by flag or variable, which then has to exist.
    pub(super) fn named_file(&self) -> Option<PathBuf> {
        let named = self.variable(CONFIG_VARIABLE).map(PathBuf::from);
        self.file
            .clone()
            .or(named)
            .map(|path| self.working_dir.join(path))
    }

    /// The file that is read if it happens to exist.
    pub(super) fn default_file(&self) -> PathBuf {
        self.working_dir.join(DEFAULT_FILE)
    }
}

/// Whether there is neither a file nor a database nor any `VOD_*` variable, so that nobody can
/// have meant anything but to try the service out.
pub fn nothing_configured(sources: &Sources) -> bool {
    // A file that cannot even be looked for may well be there.
    let file =
        || sources.named_file().is_some() || sources.default_file().try_exists().unwrap_or(true);
    !sources.variables().any(is_ours) && !file()
}

/// Whether a variable is ours by its name.
fn is_ours(name: &str) -> bool {
    let database = DATABASE_URL.variable.unwrap_or_default();
    name.starts_with(PREFIX)
        || name
            .strip_prefix(database)
            .is_some_and(|rest| matches!(rest, "" | "_FILE"))
}

/// Whether Kubernetes put this variable into the container, to link it to a Service.
///
/// In a namespace with a Service `vod-receiver`, every pod gets `VOD_RECEIVER_SERVICE_HOST`,
/// `VOD_RECEIVER_PORT=tcp://10.0.0.1:80`, `VOD_RECEIVER_PORT_80_TCP_ADDR` and more; taking them
/// for misspelt settings would keep the pod from starting.
fn is_kubernetes_link(name: &str, value: &str) -> bool {
    let numbered_port = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
        || name
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| numbered_port(rest))
}

#[cfg(test)]
mod tests {
    use super::{Sources, nothing_configured};
    use std::path::PathBuf;

    fn sources(variables: &[(&str, &str)]) -> Sources {
        Sources {
            environment: variables
                .iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect(),
            working_dir: PathBuf::from("/nonexistent"),
            ..Sources::default()
        }
    }

    #[test]
    fn only_an_untouched_environment_counts_as_nothing_configured() {
        let cases: [(&[(&str, &str)], bool); 9] = [
            (&[], true),
            (
                &[("HOME", "/root"), ("DATABASE_URLS", "x"), ("VODKA", "x")],
                true,
            ),
            (&[("DATABASE_URL", ""), ("VOD_SIGN_KEY", "")], true),
            (
                &[
                    ("VOD_RECEIVER_SERVICE_HOST", "10.0.0.1"),
                    ("VOD_RECEIVER_PORT", "tcp://a:1"),
                ],
                true,
            ),
            (&[("DATABASE_URL", "postgres://h/d")], false),
            (&[("DATABASE_URL_FILE", "/run/secrets/d")], false),
            (&[("VOD_RECEIVER_LOG", "debug")], false),
            (&[("VOD_SOMETHING", "x")], false),
            (&[("VOD_RECEIVER_CONFIG", "x.toml")], false),
        ];
        for (variables, nothing) in cases {
            assert_eq!(
                nothing_configured(&sources(variables)),
                nothing,
                "{variables:?}"
            );
        }
        let named = Sources {
            file: Some("x.toml".into()),
            ..sources(&[])
        };
        assert!(!nothing_configured(&named));
    }

    #[test]
    fn the_process_gives_only_variables_that_are_ours() {
        let names = Sources::from_process(None).environment.into_keys();
        assert_eq!(names.filter(|name| !super::is_ours(name)).count(), 0);
    }
}
