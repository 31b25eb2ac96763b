//! `--fix`: what is to be changed at VOD, shown before it is.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use super::address::{callback_addresses, shown};
use super::text::{Lang, Text};
use super::vod::wanted_mode;
use crate::config::{App, Events, Secret};
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::vod::client::{ApiError, Client, EventConfig, EventConfigChange, NotificationMode};

/// One setting at VOD, before and after; without the secrets in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// As VOD names it.
    pub setting: &'static str,
    pub from: Text,
    pub to: Text,
}

/// What is to be changed at VOD for one app.
pub struct Plan<'a> {
    pub app: &'a App,
    asked: EventConfigChange,
    pub changes: Vec<Change>,
    /// Somebody else is called now, and would not be any more.
    replaces_another: bool,
}

impl<'a> Plan<'a> {
    /// What of VOD's settings is not as the app's are here.
    ///
    /// The SignKey is always in it where there is one: VOD does not tell whether it has it.
    pub fn new(app: &'a App, public_url: Option<&str>, at_vod: &EventConfig) -> Self {
        let mut plan = Self {
            app,
            asked: EventConfigChange::default(),
            changes: Vec::new(),
            replaces_another: false,
        };
        let mode = wanted_mode(app);
        if at_vod.mode != Some(mode) {
            plan.asked.mode = Some(mode);
            let from = at_vod.mode.map_or("-", NotificationMode::as_str);
            plan.note("Mode", Text::same(from), Text::same(mode.as_str()));
        }
        if app.events == Events::Push {
            plan.set_address(public_url, at_vod.notification_url.as_deref());
        }
        if !at_vod.upload_media_complete {
            plan.asked.upload_media_complete = Some(true);
            plan.note_switch("UploadMediaCompleteEventSwitch");
        }
        if !at_vod.delete_media_complete {
            plan.asked.delete_media_complete = Some(true);
            plan.note_switch("DeleteMediaCompleteEventSwitch");
        }
        if app.events == Events::Push {
            plan.set_sign_key();
        }
        plan
    }

    fn set_address(&mut self, public_url: Option<&str>, at_vod: Option<&str>) {
        let at_vod = at_vod.unwrap_or_default();
        let Some(public_url) = public_url else {
            return;
        };
        // While one token replaces another the first is the new one, and VOD is to go on to it.
        let ours = callback_addresses(self.app, public_url);
        let Some(first) = ours.first().filter(|first| !first.matches(at_vod)) else {
            return;
        };
        self.asked.notification_url = Some(first.expose().to_owned());
        let from = match at_vod {
            "" => Text::new("none", "无"),
            address => Text::same(shown(address)),
        };
        self.note("NotificationUrl", from, Text::same(shown(first.expose())));
        self.replaces_another = !at_vod.is_empty() && !at_vod.starts_with(public_url);
    }

    fn set_sign_key(&mut self) {
        let Some(key) = self.app.sign_keys.first() else {
            return;
        };
        self.asked.sign_key = Some(Secret::clone(key));
        self.note(
            "SignKey",
            Text::new("VOD does not tell", "VOD 不透露"),
            Text::new("the one that is set here", "这里设置的值"),
        );
    }

    fn note_switch(&mut self, setting: &'static str) {
        self.note(setting, Text::same("OFF"), Text::same("ON"));
    }

    fn note(&mut self, setting: &'static str, from: Text, to: Text) {
        self.changes.push(Change { setting, from, to });
    }

    /// The changes, old and new.
    pub fn page(&self, lang: Lang) -> String {
        let heading = lang.of("To be changed at VOD, app", "将在 VOD 上修改，应用");
        let mut page = format!("{heading} {}", self.app.name);
        if let Some(id) = self.app.sub_app_id {
            let _ = write!(page, " (SubAppId {id})");
        }
        page.push('\n');
        for Change { setting, from, to } in &self.changes {
            let (from, to) = (from.told(lang), to.told(lang));
            let _ = writeln!(page, "  {setting:<30}  {from} -> {to}");
        }
        if self.replaces_another {
            let warning = lang.of(
                "  Whoever answers at the old address is told nothing any more.",
                "  原地址的服务从此不再收到任何通知。",
            );
            let _ = writeln!(page, "{warning}");
        }
        page
    }

    /// Changes it at VOD.
    pub async fn apply(&self) -> Result<(), ApiError> {
        let client = Client::for_app(self.app, Clock::system(), Random::system())?;
        client.modify_event_config(&self.asked).await
    }
}

/// Asks on the terminal whether to go on.
///
/// # Errors
///
/// If there is no terminal to ask on.
pub fn confirmed(lang: Lang) -> anyhow::Result<bool> {
    let has_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    anyhow::ensure!(
        has_terminal,
        "{}",
        lang.of(
            "nothing was changed: --fix asks on a terminal, and this is none; --yes answers for scripts",
            "没有修改：--fix 要在终端上确认，而这里不是终端；脚本中用 --yes"
        )
    );
    eprint!(
        "{}",
        lang.of("Change this at VOD? [y/N] ", "在 VOD 上修改吗？[y/N] ")
    );
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
