//! What the checks found, and how it is told: a page for people, an object for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::fix::Change;
use super::text::{Lang, Text, columns, padded};
use crate::config::AppName;

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

    /// For people; in colours where they are shown.
    pub fn page(&self, colours: bool) -> String {
        let lang = self.lang;
        let mut page = String::new();
        for section in &self.sections {
            let heading = match &section.app {
                None => lang.of("Service", "服务").to_owned(),
                Some(app) => format!("{} {app}", lang.of("App", "应用")),
            };
            let _ = writeln!(page, "{heading}");
            let titles = self.sections.iter().flat_map(|section| &section.findings);
            let wide = titles.map(|(check, _)| columns(check.title(lang)));
            let wide = wide.max().unwrap_or_default();
            for (check, outcome) in &section.findings {
                line(&mut page, *check, outcome, (lang, wide, colours));
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

/// One check: status, title, what there is to say; below it what to do.
fn line(
    page: &mut String,
    check: Check,
    outcome: &Outcome,
    (lang, wide, colours): (Lang, usize, bool),
) {
    let (status, colour) = match outcome {
        Outcome::Ok(_) => (lang.of("ok", "正常"), "32"),
        Outcome::Failed { .. } => (lang.of("failed", "失败"), "31"),
        Outcome::Skipped(_) => (lang.of("skipped", "跳过"), "33"),
    };
    let status_wide = lang.of("skipped", "跳过");
    let mut shown = padded(status, columns(status_wide));
    if colours {
        shown = format!("\u{1b}[{colour}m{shown}\u{1b}[0m");
    }
    let title = padded(check.title(lang), wide);
    let said = match outcome {
        Outcome::Ok(detail) => detail.told(lang).to_owned(),
        Outcome::Failed { what, .. } => what.told(lang).to_owned(),
        Outcome::Skipped(because) => {
            let because = because.title(lang);
            lang.of("because of: {}", "原因：{}").replace("{}", because)
        }
    };
    let _ = writeln!(page, "  {shown}  {title}  {said}");
    if let Outcome::Failed { remedy, .. } = outcome {
        let indent = 2 + columns(status_wide) + 2 + wide + 2;
        let _ = writeln!(page, "{:indent$}-> {}", "", remedy.told(lang));
    }
}
