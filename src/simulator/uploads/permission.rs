//! Whether an upload signature lets its holder in, and what it says of the upload (protocol.md section 1).

use chrono::{DateTime, Utc};

use super::refusal::UgcRefusal;
use crate::simulator::SimulatorSettings;
use crate::vod::signature::{self, DecodedSignature};

/// How far the signer's clock may be ahead. What VOD allows is not documented; TC3 allows as much.
const AHEAD_SECONDS: i64 = 300;

/// What a genuine signature permits.
#[derive(Debug, Clone)]
pub(super) struct Permission {
    /// 0 is the main application.
    pub sub_app_id: u64,
    pub source_context: String,
    pub session_context: String,
    /// Empty: none is started.
    pub procedure: String,
    pub priority: i64,
    /// `Finish`, `Change` or `None`.
    pub notify_mode: String,
    pub class_id: i64,
    pub storage_region: Option<String>,
    /// Of a one-time signature: what was signed, and until when that holds.
    pub one_time: Option<(String, i64)>,
}

impl Permission {
    /// Reads a signature as VOD does: its form, its key, its times and limits, its application.
    ///
    /// # Errors
    ///
    /// 10004, the one code that is known for all of it.
    pub fn read(
        text: &str,
        settings: &SimulatorSettings,
        now: DateTime<Utc>,
    ) -> Result<Self, UgcRefusal> {
        let signature = signature::decode(text).map_err(|_| UgcRefusal::signature())?;
        let is_ours = signature.text("secretId") == Some(settings.secret_id.as_str())
            && signature.verify(settings.secret_key.expose());
        if !is_ours || !is_good_at(&signature, now.timestamp()) {
            return Err(UgcRefusal::signature());
        }
        let text = |name: &str| signature.text(name).unwrap_or_default().to_owned();
        let integer = |name: &str| signature.integer(name).unwrap_or_default();
        let sub_app_id = u64::try_from(integer("vodSubAppId")).unwrap_or_default();
        if !settings.has_sub_app(sub_app_id) {
            return Err(UgcRefusal::signature());
        }
        let procedure = text("procedure");
        // They have no effect without one.
        let with_procedure = |value: String| {
            if procedure.is_empty() {
                String::new()
            } else {
                value
            }
        };
        let is_one_time = integer("oneTimeValid") == 1;
        Ok(Self {
            sub_app_id,
            source_context: text("sourceContext"),
            session_context: with_procedure(text("sessionContext")),
            priority: integer("taskPriority"),
            notify_mode: Some(text("taskNotifyMode"))
                .filter(|mode| !mode.is_empty())
                .unwrap_or_else(|| "Finish".to_owned()),
            class_id: integer("classId"),
            storage_region: signature.text("storageRegion").map(str::to_owned),
            one_time: is_one_time
                .then(|| (signature.original().into_owned(), integer("expireTime"))),
            procedure,
        })
    }
}

/// Whether nothing in it makes VOD refuse it; a clock that is a little ahead does not.
fn is_good_at(signature: &DecodedSignature, now_unix: i64) -> bool {
    let objects = |at: i64, is_looked_at: fn(&str) -> bool| {
        let objections = signature.objections(at);
        objections
            .iter()
            .any(|one| one.refuses && is_looked_at(&one.parameter))
    };
    !objects(now_unix, |parameter| parameter != "currentTimeStamp")
        && !objects(now_unix + AHEAD_SECONDS, |parameter| {
            parameter == "currentTimeStamp"
        })
}
