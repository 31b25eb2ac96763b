//! Uploads by a server: ApplyUpload and CommitUpload of VOD's API, as the official SDKs for servers use them.

use serde::Deserialize;
use serde_json::json;

use super::{Announced, Intent, STORAGE_APP_ID, UgcRefusal, Uploader};
use crate::simulator::Simulator;
use crate::simulator::refusal::Refusal;
use crate::vod::objections::{MAX_SESSION_CONTEXT_BYTES, MAX_SOURCE_CONTEXT_BYTES};

/// The parameters of ApplyUpload that a local VOD knows.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(in crate::simulator) struct ApplyUpload {
    media_type: String,
    #[serde(default)]
    media_name: String,
    cover_type: Option<String>,
    #[serde(default)]
    procedure: String,
    expire_time: Option<String>,
    storage_region: Option<String>,
    #[serde(default)]
    class_id: i64,
    #[serde(default)]
    source_context: String,
    #[serde(default)]
    session_context: String,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
    #[serde(rename = "ExtInfo")]
    _ext_info: Option<String>,
}

/// The parameters of CommitUpload.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(in crate::simulator) struct CommitUpload {
    vod_session_key: String,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
    #[serde(rename = "ExtInfo")]
    _ext_info: Option<String>,
}

impl Simulator {
    /// Applies for an upload; the answer tells where it goes.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` for a parameter that is out of its limits.
    pub(in crate::simulator) fn apply_upload(
        &self,
        wanted: ApplyUpload,
    ) -> Result<String, Refusal> {
        let intent = self.server_intent(wanted)?;
        let now = self.inner.clock.now();
        let mut state = self.state();
        let session = state.uploads.open(intent, now, &self.inner.random);
        let mut answer = json!({
            "StorageBucket": format!("{}-{STORAGE_APP_ID}", session.bucket),
            "StorageRegion": session.intent.region,
            "VodSessionKey": session.key,
            "MediaStoragePath": format!("/{}", session.media.key),
            "TempCertificate": {
                "SecretId": session.credentials.secret_id,
                "SecretKey": session.credentials.secret_key,
                "Token": session.credentials.token,
                "ExpiredTime": session.expires_at().timestamp(),
            },
        });
        answer["CoverStoragePath"] = match &session.cover {
            Some(cover) => json!(format!("/{}", cover.key)),
            None => json!(""),
        };
        Ok(answer.to_string())
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` for a session that is not known or whose files are not there.
    pub(in crate::simulator) fn commit_server_upload(
        &self,
        wanted: &CommitUpload,
    ) -> Result<String, Refusal> {
        let session = self.commit_upload(&wanted.vod_session_key, self.sub_app_id)?;
        let cover = session.cover.as_ref();
        Ok(json!({
            "FileId": session.file_id,
            "MediaUrl": self.address_of(&session.media.key),
            "CoverUrl": cover.map_or_else(String::new, |cover| self.address_of(&cover.key)),
        })
        .to_string())
    }

    fn server_intent(&self, wanted: ApplyUpload) -> Result<Intent, UgcRefusal> {
        for (name, text, limit) in [
            (
                "SourceContext",
                &wanted.source_context,
                MAX_SOURCE_CONTEXT_BYTES,
            ),
            (
                "SessionContext",
                &wanted.session_context,
                MAX_SESSION_CONTEXT_BYTES,
            ),
        ] {
            if text.len() > limit {
                return Err(UgcRefusal::request(name));
            }
        }
        let most = self.inner.settings.max_file_bytes;
        let media = Announced::new("Media", wanted.media_name, wanted.media_type, None, most)?;
        let cover = match wanted.cover_type.filter(|kind| !kind.is_empty()) {
            Some(kind) => Some(Announced::new("Cover", String::new(), kind, None, most)?),
            None => None,
        };
        Ok(Intent {
            sub_app_id: self.sub_app_id,
            uploader: Uploader::Server,
            source_context: wanted.source_context,
            session_context: wanted.session_context,
            procedure: wanted.procedure,
            priority: 0,
            notify_mode: "Finish".to_owned(),
            class_id: wanted.class_id,
            region: super::region(wanted.storage_region.filter(|region| !region.is_empty()))?,
            media,
            cover,
            expires: wanted.expire_time.filter(|time| !time.is_empty()),
        })
    }
}
