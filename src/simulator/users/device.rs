//! One device: asks its backend for signatures, and uploads as the web SDK does (protocol.md section 8).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::UsersSettings;
use crate::vod::cos_sign;

/// Attempts at an apply or a commit, and the pause between them: the web SDK's.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
/// What an answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A device of any user, with its backend's API key in it.
pub(super) struct Device {
    pub client: reqwest::Client,
    settings: UsersSettings,
    /// Part of each user's id, so that each run has users of its own.
    mark: String,
}

impl Device {
    pub fn new(settings: &UsersSettings, mark: String) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: reqwest::Client::builder().timeout(TIMEOUT).build()?,
            settings: settings.clone(),
            mark,
        })
    }

    /// The id of a user at the receiver.
    pub fn user_id(&self, user: u32) -> String {
        format!("simulated-{}-{user:05}", self.mark)
    }

    /// Uploads one file; its id.
    ///
    /// # Errors
    ///
    /// A sentence that tells where it ended.
    pub async fn upload(&self, user: u32, nth: u64, file: Bytes) -> Result<String, String> {
        let mut ticket = None;
        let apply = json!({
            // Everybody has a video of the same name.
            "videoName": format!("video {}", nth % 7),
            "videoType": "mp4",
            "videoSize": file.len(),
            "uploadFromWeb": true,
        });
        let applied = self
            .ask("ApplyUploadUGC", &apply, user, &mut ticket)
            .await?;
        self.put(&applied, file).await?;
        let commit = json!({"vodSessionKey": applied["vodSessionKey"]});
        let committed = self
            .ask("CommitUploadUGC", &commit, user, &mut ticket)
            .await?;
        let file_id = committed["fileId"].as_str();
        file_id
            .map(str::to_owned)
            .ok_or_else(|| "The commit tells no file id.".to_owned())
    }

    /// One call of the upload API, each attempt with a signature of its own.
    async fn ask(
        &self,
        action: &str,
        body: &Value,
        user: u32,
        ticket: &mut Option<String>,
    ) -> Result<Value, String> {
        let mut reason = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let asked = async {
                let mut body = body.clone();
                body["signature"] = json!(self.sign(user, ticket).await?);
                let address = format!("{}/v3/index.php?Action={action}", self.settings.vod);
                let answer = self
                    .client
                    .post(address)
                    .json(&body)
                    .send()
                    .await
                    .map_err(|fault| told(&fault))?;
                let mut answer: Value = answer.json().await.map_err(|fault| told(&fault))?;
                if answer["code"] == 0 {
                    Ok(answer["data"].take())
                } else {
                    Err(format!(
                        "{action}: {} {}",
                        answer["code"], answer["message"]
                    ))
                }
            };
            match asked.await {
                Ok(data) => return Ok(data),
                Err(fault) => reason = fault,
            }
        }
        Err(reason)
    }

    async fn sign(&self, user: u32, ticket: &mut Option<String>) -> Result<String, String> {
        let settings = &self.settings;
        let body = json!({
            "user_id": self.user_id(user),
            "ticket": ticket,
            "app": settings.app,
            "one_time": settings.one_time,
            "procedure": settings.procedure,
            "expires_in": 600,
        });
        let answer = self
            .client
            .post(format!("{}/v1/signatures", settings.receiver))
            .bearer_auth(settings.api_key.expose())
            .json(&body)
            .send()
            .await
            .map_err(|fault| told(&fault))?;
        let status = answer.status();
        let mut issued: Value = answer.json().await.map_err(|fault| told(&fault))?;
        match (issued["signature"].take(), issued["ticket"].take()) {
            (Value::String(signature), Value::String(named)) => {
                *ticket = Some(named);
                Ok(signature)
            }
            _ => Err(format!(
                "The receiver gives no signature: {status} {}",
                issued["detail"]
            )),
        }
    }

    async fn put(&self, applied: &Value, file: Bytes) -> Result<(), String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let path = text(&applied["video"]["storagePath"]);
        let temporary = &applied["tempCertificate"];
        let none = BTreeMap::new();
        let request = cos_sign::Request {
            method: "put",
            path: &path,
            query: &none,
            headers: &none,
        };
        let time = |value: &Value| value.as_i64().unwrap_or_default();
        let authorization = request.authorization(
            &text(&temporary["secretId"]),
            &text(&temporary["secretKey"]),
            (time(&applied["timestamp"]), time(&temporary["expiredTime"])),
        );
        let answer = self
            .client
            .put(format!("{}{path}", self.settings.vod))
            .header("Authorization", authorization)
            .header("x-cos-security-token", text(&temporary["token"]))
            .body(file)
            .send()
            .await
            .map_err(|fault| told(&fault))?;
        let status = answer.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!(
                "COS: {status} {}",
                answer.text().await.unwrap_or_default()
            ))
        }
    }
}

/// A fault with its causes: reqwest's own sentence says only that something failed.
fn told(fault: &reqwest::Error) -> String {
    let mut sentence = fault.to_string();
    let mut cause = std::error::Error::source(fault);
    while let Some(deeper) = cause {
        sentence = format!("{sentence}: {deeper}");
        cause = deeper.source();
    }
    sentence
}
