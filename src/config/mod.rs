//! The configuration: every setting, its default and its reason, and the secret type.
//!
//! Layers: defaults < file < environment < flags. Unknown names are refused, and everything that is
//! wrong is told at once, in sentences that never repeat a value. To read on: `settings` is the one
//! table of what can be set, `sources` is where it comes from, `file` and `environment` turn each
//! layer into `values`, and here and in `apps` the values become a `Config` that cannot be wrong.

mod apps;
mod environment;
mod fault;
mod file;
mod names;
mod reference;
mod resolver;
mod rules;
mod secret;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::str::FromStr;

pub use apps::{App, AppName, Events, InvalidAppName};
pub use fault::{Fault, Faults};
pub use reference::{example_toml, reference_markdown};
pub use resolver::{InvalidResolver, JsonPointer, Resolver, UserPattern};
pub use secret::Secret;
pub use settings::SHORTEST_TOKEN_CHARS;
pub use sources::{Flags, Sources, nothing_configured};

use settings::{
    ADMIN_KEY, ALLOW_VOLATILE_SPOOL, DATA_DIR, DATABASE_URL, KEEP_DELIVERIES_DAYS,
    KEEP_ISSUES_DAYS, LISTEN, LOG, LOG_FORMAT, METRICS_LISTEN, PUBLIC_URL, SPOOL_MAX_MB,
};

/// Everything that an operator decides about one instance.
#[derive(Clone)]
pub struct Config {
    /// Where the service listens.
    pub listen: SocketAddr,
    /// Whether nobody chose that address, so that the try-out mode may take another port.
    pub listen_is_default: bool,
    /// Where `/metrics` is served, if not there.
    pub metrics_listen: Option<SocketAddr>,
    /// Where VOD reaches the service, without a slash at the end.
    pub public_url: Option<String>,
    /// Where files are kept, if somebody chose.
    pub data_dir: Option<PathBuf>,
    /// How much the spool may hold, in bytes.
    pub spool_max_bytes: u64,
    /// Whether the spool may lie on a disk that does not outlive the machine.
    pub allow_volatile_spool: bool,
    /// How long rows are kept that are dropped by the month.
    pub keep: KeepDays,
    /// The address of the Postgres database, with its password.
    pub database_url: Option<Secret>,
    /// An API key with every scope.
    pub admin_key: Option<Secret>,
    /// The log filter; whether its directives make sense only the log can tell.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// The VOD applications that are served.
    pub apps: Vec<App>,
}

/// How many days rows are kept that are dropped by the month; for ever where none is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepDays {
    pub deliveries: Option<u32>,
    /// Signatures.
    pub issues: Option<u32>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For a log collector, one object per line.
    Json,
}

/// A text that is no log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a log format must be {}", LOG_FORMAT.wanted)]
pub struct InvalidLogFormat;

impl Config {
    /// Reads all layers, and tells everything that is wrong with them.
    ///
    /// A value that a later layer overrides is not judged: it has no effect.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        Self::judge(sources, Purpose::Command)
    }

    /// The same for a service, which cannot do without a database and an app.
    pub fn load_for_service(sources: &Sources) -> Result<Self, Faults> {
        Self::judge(sources, Purpose::Service)
    }

    fn judge(sources: &Sources, purpose: Purpose) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let environment = environment::read(sources, &mut faults);
        let file = file::read(sources, &mut faults);

        let mut service = file.service;
        service.override_with(environment.service);
        let flags = &sources.flags;
        let listen_is_default = flags.listen.is_none() && !service.has(&LISTEN);
        let listen = flags
            .listen
            .or_else(|| service.parse(&LISTEN, |text| text.parse().ok(), &mut faults));
        let metrics_listen = service.parse(&METRICS_LISTEN, |text| text.parse().ok(), &mut faults);
        let public_url = service.parse(&PUBLIC_URL, rules::public_url, &mut faults);
        let data_dir = flags.data_dir.clone().or_else(|| {
            service.parse(
                &DATA_DIR,
                |text| rules::filled(text).map(PathBuf::from),
                &mut faults,
            )
        });
        let spool_max_bytes = service.parse(&SPOOL_MAX_MB, rules::megabytes, &mut faults);
        let allow_volatile_spool = service.parse(&ALLOW_VOLATILE_SPOOL, rules::flag, &mut faults);
        let keep = KeepDays {
            deliveries: service.parse(
                &KEEP_DELIVERIES_DAYS,
                rules::days_of_deliveries,
                &mut faults,
            ),
            issues: service.parse(&KEEP_ISSUES_DAYS, rules::days_of_issues, &mut faults),
        };
        let database_url = service.secret(&DATABASE_URL, rules::is_database_url, &mut faults);
        let admin_key = service.secret(&ADMIN_KEY, rules::is_api_key, &mut faults);
        let log = flags
            .log
            .clone()
            .or_else(|| service.parse(&LOG, rules::filled, &mut faults));
        let log_format = flags
            .log_format
            .or_else(|| service.parse(&LOG_FORMAT, |text| text.parse().ok(), &mut faults));
        // Of a file that cannot be read nobody knows what it lacks.
        if let (Purpose::Service, Some(tables)) = (purpose, &file.apps) {
            if !service.has(&DATABASE_URL) {
                faults.0.push(no_database());
            }
            if tables.is_empty() && environment.app.is_empty() {
                faults.tell("VOD_SECRET_ID and VOD_SECRET_KEY must be set: no app is configured.");
            }
        }
        let apps = match file.apps {
            Some(tables) => apps::build(tables, environment.app, &mut faults),
            None => Vec::new(),
        };

        let chosen = (
            listen,
            spool_max_bytes,
            allow_volatile_spool,
            log,
            log_format,
        );
        match chosen {
            (
                Some(listen),
                Some(spool_max_bytes),
                Some(allow_volatile_spool),
                Some(log),
                Some(log_format),
            ) if faults.0.is_empty() => Ok(Self {
                listen,
                listen_is_default,
                metrics_listen,
                public_url,
                data_dir,
                spool_max_bytes,
                allow_volatile_spool,
                keep,
                database_url,
                admin_key,
                log,
                log_format,
                apps,
            }),
            _ => Err(faults),
        }
    }

    /// Where files are kept: chosen, or usual.
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(usual_data_dir)
    }

    /// The database, for a command that cannot do without; the fault names `DATABASE_URL`.
    pub fn require_database(&self) -> Result<&Secret, Fault> {
        self.database_url.as_ref().ok_or_else(no_database)
    }

    /// The app of this name, if there is one.
    pub fn app(&self, name: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.name.as_str() == name)
    }
}

/// Where files are kept if nobody chooses. Root's home is closed to the user whom the try-out Postgres runs as.
pub fn usual_data_dir() -> PathBuf {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    PathBuf::from(if is_root {
        "/var/lib/vod-receiver"
    } else {
        "data"
    })
}

/// What a configuration is to serve for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A command that says itself what it needs.
    Command,
    /// A service.
    Service,
}

fn no_database() -> Fault {
    let variable = DATABASE_URL.variable.unwrap_or(DATABASE_URL.key);
    Fault(format!("{variable} must be set: {}.", DATABASE_URL.wanted))
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("listen_is_default", &self.listen_is_default)
            .field("metrics_listen", &self.metrics_listen)
            .field("public_url", &self.public_url)
            .field("data_dir", &self.data_dir)
            .field("spool_max_bytes", &self.spool_max_bytes)
            .field("allow_volatile_spool", &self.allow_volatile_spool)
            .field("keep", &self.keep)
            .field("database_url_is_set", &self.database_url.is_some())
            .field("admin_key_is_set", &self.admin_key.is_some())
            .field("log", &self.log)
            .field("log_format", &self.log_format)
            .field("apps", &self.apps)
            .finish()
    }
}

impl FromStr for LogFormat {
    type Err = InvalidLogFormat;

    fn from_str(text: &str) -> Result<Self, InvalidLogFormat> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(InvalidLogFormat),
        }
    }
}
