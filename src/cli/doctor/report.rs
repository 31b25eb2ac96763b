//! What the checks found, and how it is told: a page for people, an object for programs.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use serde_json::{Value, json};

use super::fix::Change;
use super::text::{Lang, Text, columns, padded, wrapped};
use crate::config::AppName;

/// In less the terminal may break the lines itself.
const FEWEST_COLUMNS: usize = 30;

/// What is looked at, one thing each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Postgres is reached, and takes writes.
    Database,
    /// Its schema is current.
    Migrations,
    /// The spool has a directory that lasts, takes writes and has room.
    Spool,
    /// It is known where VOD reaches us.
    PublicUrl,
    /// VOD's API answers.
    Api,
    /// Our clock and VOD's agree.
    Clock,
    /// VOD accepts the API key for this application.
    Credentials,
    /// VOD pushes where we take pushes, and keeps a queue where we pull.
    Mode,
    /// VOD tells of uploads and deletions at all.
    Switches,
    /// VOD posts to our address.
    Address,
    /// A SignKey is required of notifications.
    SignKey,
    /// Our receiver answers at that address.
    Callback,
    /// A sample upload comes out attributed.
    RoundTrip,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Ok(Text),
    Failed {
        what: Text,
        remedy: Text,
    },
    /// It cannot be told while the other one fails.
    Skipped(Check),
}

/// Checks that belong together: those of the service, or of one app.
pub struct Section {
    /// `None` is the service.
    pub app: Option<AppName>,
    pub findings: Vec<(Check, Outcome)>,
}

/// Everything that was found.
pub struct Report {
    pub sections: Vec<Section>,
    /// What was changed at VOD before.
    pub changed: Vec<(AppName, Change)>,
    pub lang: Lang,
}

/// How a page may look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    pub colours: bool,
    /// How wide lines may be; `None` is as wide as they are.
    columns: Option<usize>,
}

impl Check {
    /// Its stable name, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Migrations => "migrations",
            Self::Spool => "spool",
            Self::PublicUrl => "public_url",
            Self::Api => "api",
            Self::Clock => "clock",
            Self::Credentials => "credentials",
            Self::Mode => "mode",
            Self::Switches => "switches",
            Self::Address => "address",
            Self::SignKey => "sign_key",
            Self::Callback => "callback",
            Self::RoundTrip => "round_trip",
        }
    }

    fn title(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::Database => ("database", "数据库"),
            Self::Migrations => ("migrations", "数据库结构"),
            Self::Spool => ("spool disk", "暂存盘"),
            Self::PublicUrl => ("public address", "公网地址"),
            Self::Api => ("VOD's API", "VOD 的 API"),
            Self::Clock => ("clock", "时钟"),
            Self::Credentials => ("credentials", "API 密钥"),
            Self::Mode => ("mode at VOD", "VOD 的通知方式"),
            Self::Switches => ("switches at VOD", "VOD 的事件开关"),
            Self::Address => ("address at VOD", "VOD 的回调地址"),
            Self::SignKey => ("SignKey", "SignKey"),
            Self::Callback => ("callback", "回调可达"),
            Self::RoundTrip => ("round trip", "样例上传"),
        };
        lang.of(en, zh)
    }
}

impl Outcome {
    pub fn failed(what: Text, remedy: Text) -> Self {
        Self::Failed { what, remedy }
    }

    fn status(&self) -> &'static str {
        match self {
            Self::Ok(_) => "ok",
            Self::Failed { .. } => "failed",
            Self::Skipped(_) => "skipped",
        }
    }
}

impl Section {
    pub fn new(app: Option<AppName>) -> Self {
        Self {
            app,
            findings: Vec::new(),
        }
    }

    pub fn add(&mut self, check: Check, outcome: Outcome) {
        self.findings.push((check, outcome));
    }

    /// The check because of which one that needs these cannot run, if they were not all right.
    pub fn stops(&self, needed: &[Check]) -> Option<Check> {
        needed.iter().find_map(|needed| {
            let mut found = self.findings.iter();
            let (check, outcome) = found.find(|(check, _)| check == needed)?;
            match outcome {
                Outcome::Ok(_) => None,
                Outcome::Failed { .. } => Some(*check),
                Outcome::Skipped(because) => Some(*because),
            }
        })
    }
}

impl Report {
    /// Whether every check ran and found nothing wrong.
    pub fn is_all_right(&self) -> bool {
        let mut findings = self.sections.iter().flat_map(|section| &section.findings);
        findings.all(|(_, outcome)| matches!(outcome, Outcome::Ok(_)))
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let lang = self.lang;
        let checks: Vec<Value> = self
            .sections
            .iter()
            .flat_map(|section| section.findings.iter().map(move |found| (section, found)))
            .map(|(section, (check, outcome))| {
                let (detail, remedy, because) = match outcome {
                    Outcome::Ok(detail) => (Some(detail.told(lang)), None, None),
                    Outcome::Failed { what, remedy } => {
                        (Some(what.told(lang)), Some(remedy.told(lang)), None)
                    }
                    Outcome::Skipped(because) => (None, None, Some(because.name())),
                };
                json!({
                    "app": section.app.as_ref().map(AppName::as_str),
                    "check": check.name(),
                    "status": outcome.status(),
                    "detail": detail,
                    "remedy": remedy,
                    "because": because,
                })
            })
            .collect();
        let changed: Vec<Value> = self
            .changed
            .iter()
            .map(|(app, change)| {
                let (from, to) = (change.from.told(lang), change.to.told(lang));
                json!({"app": app.as_str(), "setting": change.setting, "from": from, "to": to})
            })
            .collect();
        json!({"ok": self.is_all_right(), "checks": checks, "changed": changed})
    }

    /// For people.
    pub fn page(&self, style: Style) -> String {
        let lang = self.lang;
        let findings = || self.sections.iter().flat_map(|section| &section.findings);
        let titles = findings().map(|(check, _)| columns(check.title(lang)));
        let layout = Layout {
            lang,
            title_columns: titles.max().unwrap_or_default(),
            style,
        };
        let mut page = String::new();
        for section in &self.sections {
            let heading = match &section.app {
                None => lang.of("Service", "服务").to_owned(),
                Some(app) => format!("{} {app}", lang.of("App", "应用")),
            };
            let _ = writeln!(page, "{heading}");
            for (check, outcome) in &section.findings {
                layout.finding(&mut page, *check, outcome);
            }
            page.push('\n');
        }
        page.push_str(&self.summary());
        page
    }

    fn summary(&self) -> String {
        let count = |status| {
            let findings = self.sections.iter().flat_map(|section| &section.findings);
            findings
                .filter(|(_, outcome)| outcome.status() == status)
                .count()
        };
        let (failed, skipped) = (count("failed"), count("skipped"));
        let text = match (failed, skipped) {
            (0, 0) => Text::new("All is right.\n", "一切正常。\n"),
            (failed, 0) => Text::new(
                format!("{failed} failed.\n"),
                format!("{failed} 项失败。\n"),
            ),
            (failed, skipped) => Text::new(
                format!("{failed} failed, {skipped} skipped because of that.\n"),
                format!("{failed} 项失败，{skipped} 项因此跳过。\n"),
            ),
        };
        text.told(self.lang).to_owned()
    }
}

impl Style {
    /// As what stdout is connected to shows it.
    pub fn of_stdout() -> Self {
        let stdout = std::io::stdout();
        if !stdout.is_terminal() {
            return Self::default();
        }
        let size = rustix::termios::tcgetwinsize(&stdout).ok();
        Self {
            colours: std::env::var_os("NO_COLOR").is_none(),
            columns: size.map(|size| size.ws_col.into()),
        }
    }
}

struct Layout {
    lang: Lang,
    title_columns: usize,
    style: Style,
}

impl Layout {
    /// One check: status, title, what there is to say; below it what to do.
    fn finding(&self, page: &mut String, check: Check, outcome: &Outcome) {
        let lang = self.lang;
        let (status, colour) = match outcome {
            Outcome::Ok(_) => (lang.of("ok", "正常"), "32"),
            Outcome::Failed { .. } => (lang.of("failed", "失败"), "31"),
            Outcome::Skipped(_) => (lang.of("skipped", "跳过"), "33"),
        };
        let status_columns = columns(lang.of("skipped", "跳过"));
        let mut shown = padded(status, status_columns);
        if self.style.colours {
            shown = format!("\u{1b}[{colour}m{shown}\u{1b}[0m");
        }
        let title = padded(check.title(lang), self.title_columns);
        let said = match outcome {
            Outcome::Ok(detail) => detail.told(lang).to_owned(),
            Outcome::Failed { what, .. } => what.told(lang).to_owned(),
            Outcome::Skipped(because) => {
                format!(
                    "{}{}",
                    lang.of("because of: ", "原因："),
                    because.title(lang)
                )
            }
        };
        let indent = 2 + status_columns + 2 + self.title_columns + 2;
        self.paragraph(page, &format!("  {shown}  {title}  "), indent, &said);
        if let Outcome::Failed { remedy, .. } = outcome {
            let arrow = format!("{:indent$}-> ", "");
            self.paragraph(page, &arrow, indent + 3, remedy.told(lang));
        }
    }

    /// A text behind what its first line begins with, the others under it.
    fn paragraph(&self, page: &mut String, begin: &str, indent: usize, text: &str) {
        let room = self.style.columns.map(|all| all.saturating_sub(indent));
        let lines = match room {
            Some(room) if room >= FEWEST_COLUMNS => wrapped(text, room),
            _ => vec![text.to_owned()],
        };
        for (number, line) in lines.iter().enumerate() {
            let _ = match number {
                0 => writeln!(page, "{begin}{line}"),
                _ => writeln!(page, "{:indent$}{line}", ""),
            };
        }
    }
}
