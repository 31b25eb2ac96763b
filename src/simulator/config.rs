//! The event configuration: DescribeEventConfig, ModifyEventConfig (protocol.md section 2).

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::refusal::Refusal;

/// A SignKey is letters and digits, at most so many.
const SIGN_KEY_LETTERS: usize = 32;

/// How one sub application wants its events; at first as VOD sets it: pushes to nowhere, uploads not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventConfig {
    /// `PUSH` or `PULL`.
    pub mode: String,
    /// Where pushes of format 3.0 go; empty: nowhere.
    pub notification_url: String,
    /// Where pushes of the legacy format 2.0 go; empty: nowhere. Only the console sets it.
    pub notification_url_v2: String,
    /// `ON` or `OFF`: NewFileUpload.
    pub upload_media_complete_event_switch: String,
    /// `ON` or `OFF`: FileDeleted.
    pub delete_media_complete_event_switch: String,
    /// `ON` or `OFF`: PersistenceComplete.
    pub persistence_complete_event_switch: String,
    /// What pushes are signed with; empty: they are not. A local VOD's key opens nothing.
    pub sign_key: String,
}

impl Default for EventConfig {
    fn default() -> Self {
        let off = || "OFF".to_owned();
        Self {
            mode: "PUSH".to_owned(),
            notification_url: String::new(),
            notification_url_v2: String::new(),
            upload_media_complete_event_switch: off(),
            delete_media_complete_event_switch: off(),
            persistence_complete_event_switch: off(),
            sign_key: String::new(),
        }
    }
}

impl EventConfig {
    /// The answer to DescribeEventConfig: everything but the SignKey.
    pub(super) fn describe(&self) -> String {
        json!({
            "Mode": self.mode,
            "NotificationUrl": self.notification_url,
            "UploadMediaCompleteEventSwitch": self.upload_media_complete_event_switch,
            "DeleteMediaCompleteEventSwitch": self.delete_media_complete_event_switch,
            "PersistenceCompleteEventSwitch": self.persistence_complete_event_switch,
        })
        .to_string()
    }

    /// Changes what is named; what is not stays.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` for a value that is none; then nothing has changed.
    pub(super) fn modify(&mut self, wanted: Modify) -> Result<(), Refusal> {
        one_of("Mode", wanted.mode.as_deref(), ["PUSH", "PULL"])?;
        for (name, switch) in [
            (
                "UploadMediaCompleteEventSwitch",
                &wanted.upload_media_complete_event_switch,
            ),
            (
                "DeleteMediaCompleteEventSwitch",
                &wanted.delete_media_complete_event_switch,
            ),
            (
                "PersistenceCompleteEventSwitch",
                &wanted.persistence_complete_event_switch,
            ),
        ] {
            one_of(name, switch.as_deref(), ["ON", "OFF"])?;
        }
        if wanted
            .sign_key
            .as_deref()
            .is_some_and(|key| !is_sign_key(key))
        {
            return Err(Refusal::value(
                "SignKey takes letters and digits, at most 32.",
            ));
        }
        for (now, then) in [
            (&mut self.mode, wanted.mode),
            (&mut self.notification_url, wanted.notification_url),
            (
                &mut self.upload_media_complete_event_switch,
                wanted.upload_media_complete_event_switch,
            ),
            (
                &mut self.delete_media_complete_event_switch,
                wanted.delete_media_complete_event_switch,
            ),
            (
                &mut self.persistence_complete_event_switch,
                wanted.persistence_complete_event_switch,
            ),
            (&mut self.sign_key, wanted.sign_key),
        ] {
            if let Some(then) = then {
                *now = then;
            }
        }
        Ok(())
    }
}

fn is_sign_key(key: &str) -> bool {
    key.len() <= SIGN_KEY_LETTERS && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn one_of(name: &str, value: Option<&str>, allowed: [&str; 2]) -> Result<(), Refusal> {
    match value {
        Some(value) if !allowed.contains(&value) => Err(Refusal::value(format!(
            "{name} is {} or {}.",
            allowed[0], allowed[1]
        ))),
        _ => Ok(()),
    }
}

/// The parameters of DescribeEventConfig.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
}

/// The parameters of ModifyEventConfig.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    mode: Option<String>,
    notification_url: Option<String>,
    upload_media_complete_event_switch: Option<String>,
    delete_media_complete_event_switch: Option<String>,
    persistence_complete_event_switch: Option<String>,
    sign_key: Option<String>,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
}
