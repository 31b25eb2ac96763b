//! The door of the upload API, as the web SDK knocks at it: `POST /v3/index.php?Action=` (protocol.md section 8).

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, Data, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::permission::Permission;
use super::{Announced, Intent, Session, UgcRefusal, Uploader};
use super::{REGIONS, STORAGE_APP_ID, app_id};
use crate::simulator::faults::FaultKind;
use crate::simulator::{Simulator, cos, wire};

/// A signature, a name, a session key: more is no request of an SDK.
const BODY_LIMIT_BYTES: usize = 64 << 10;
/// The code of a fault that a script gave another name than a number.
const FAULT_CODE: i64 = 500;

/// `POST /v3/index.php`.
pub(in crate::simulator) fn routes(service: &mut web::ServiceConfig) {
    service
        .service(
            web::resource("/v3/index.php")
                .app_data(web::PayloadConfig::new(BODY_LIMIT_BYTES))
                .route(web::post().to(answer))
                .route(web::method(actix_web::http::Method::OPTIONS).to(cos::preflight)),
        )
        // What the SDK tells Tencent of its uploads.
        .route("/ugcupload_new", web::post().to(HttpResponse::NoContent));
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "Action")]
    action: String,
}

/// The parameters of all three actions; others are passed over, as VOD does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    signature: String,
    vod_session_key: Option<String>,
    video_name: Option<String>,
    video_type: Option<String>,
    video_size: Option<u64>,
    cover_name: Option<String>,
    cover_type: Option<String>,
    cover_size: Option<u64>,
    storage_region: Option<String>,
    #[serde(rename = "ExpireTime")]
    expire_time: Option<String>,
}

async fn answer(named: Query<Named>, body: Bytes, simulator: Data<Simulator>) -> HttpResponse {
    let fault = simulator.meet(&named.action).await;
    let answered = match &fault {
        Some(FaultKind::HangUp | FaultKind::Status(_)) => Ok(Value::Null),
        Some(FaultKind::ErrorCode(code)) => Err(UgcRefusal {
            code: code.parse().unwrap_or(FAULT_CODE),
            message: "A scripted fault.".to_owned(),
        }),
        _ => simulator.act_ugc(&named.action, &body),
    };
    let answer = match answered {
        Ok(data) => json!({"code": 0, "message": "成功", "data": data}),
        Err(refusal) => json!({"code": refusal.code, "message": refusal.message}),
    };
    wire::sent(
        fault.as_ref(),
        answer.to_string(),
        simulator.inner.clock.now(),
    )
}

impl Simulator {
    fn act_ugc(&self, action: &str, body: &[u8]) -> Result<Value, UgcRefusal> {
        let asked: Asked = serde_json::from_slice(body).map_err(|_| UgcRefusal::request("body"))?;
        let now = self.inner.clock.now();
        let permission = Permission::read(&asked.signature, &self.inner.settings, now)?;
        if action == "PrepareUploadUGC" {
            // Whether this uses up a one-time signature is not known; here it does not.
            return Ok(prepared(&permission));
        }
        self.state().uploads.use_up(&permission, now)?;
        match action {
            "ApplyUploadUGC" => self.apply_ugc(permission, asked),
            "CommitUploadUGC" => {
                let key = asked.vod_session_key.unwrap_or_default();
                let session = self.commit_upload(&key, permission.sub_app_id)?;
                Ok(self.committed(&session))
            }
            _ => Err(UgcRefusal::request("Action")),
        }
    }

    fn apply_ugc(&self, permission: Permission, asked: Asked) -> Result<Value, UgcRefusal> {
        let now = self.inner.clock.now();
        if let Some(key) = asked
            .vod_session_key
            .as_deref()
            .filter(|key| !key.is_empty())
        {
            let state = self.state();
            let session = state.uploads.resume(key, permission.sub_app_id, now)?;
            return Ok(applied(session, now.timestamp()));
        }
        let intent = self.intent(permission, asked)?;
        let mut state = self.state();
        let session = state.uploads.open(intent, now, &self.inner.random);
        Ok(applied(session, now.timestamp()))
    }

    fn intent(&self, permission: Permission, asked: Asked) -> Result<Intent, UgcRefusal> {
        let most = self.inner.settings.max_file_bytes;
        let needed =
            |what: Option<String>, name: &str| what.ok_or_else(|| UgcRefusal::request(name));
        let size = asked
            .video_size
            .ok_or_else(|| UgcRefusal::request("videoSize"))?;
        let media = Announced::new(
            "video",
            needed(asked.video_name, "videoName")?,
            needed(asked.video_type, "videoType")?,
            Some(size),
            most,
        )?;
        let cover = match asked.cover_type {
            Some(kind) => {
                let name = asked.cover_name.unwrap_or_default();
                Some(Announced::new("cover", name, kind, asked.cover_size, most)?)
            }
            None => None,
        };
        // What the signature says binds the device.
        let region = permission.storage_region.or(asked.storage_region);
        Ok(Intent {
            sub_app_id: permission.sub_app_id,
            uploader: Uploader::Client,
            source_context: permission.source_context,
            session_context: permission.session_context,
            procedure: permission.procedure,
            priority: permission.priority,
            notify_mode: permission.notify_mode,
            class_id: permission.class_id,
            region: super::region(region)?,
            media,
            cover,
            expires: asked.expire_time,
        })
    }

    fn committed(&self, session: &Session) -> Value {
        let proved = |url: String| {
            // Signed with a key that only Tencent's support gives out; nobody can check one from here.
            json!({"url": url, "verify_content": ""})
        };
        let mut data = json!({
            "video": proved(self.address_of(&session.media.key)),
            "fileId": session.file_id,
        });
        if let Some(cover) = &session.cover {
            data["cover"] = proved(self.address_of(&cover.key));
        }
        data
    }
}

fn prepared(permission: &Permission) -> Value {
    let region = |region: &&str| {
        let domain = format!("vodprepare-{STORAGE_APP_ID}.cos.{region}.myqcloud.com");
        json!({"region": region, "domain": domain, "isAcc": 0})
    };
    let only = permission.storage_region.as_deref();
    let regions: Vec<Value> = REGIONS
        .iter()
        .filter(|region| only.is_none_or(|only| only == **region))
        .map(region)
        .collect();
    json!({"appId": app_id(permission.sub_app_id), "cosRegionList": regions})
}

fn applied(session: &Session, now_unix: i64) -> Value {
    let path = |key: &str| json!({"storageSignature": "", "storagePath": format!("/{key}")});
    let region = &session.intent.region;
    let mut data = json!({
        "video": path(&session.media.key),
        "storageAppId": STORAGE_APP_ID,
        "storageBucket": session.bucket,
        "storageRegion": if region == "ap-chongqing" { "cq" } else { "gz" },
        "storageRegionV5": region,
        "StorageRegionV5": region,
        "domain": "vod2.qcloud.com",
        "vodSessionKey": session.key,
        "tempCertificate": {
            "secretId": session.credentials.secret_id,
            "secretKey": session.credentials.secret_key,
            "token": session.credentials.token,
            "expiredTime": session.expires_at().timestamp(),
        },
        "appId": app_id(session.intent.sub_app_id),
        "timestamp": now_unix,
    });
    if let Some(cover) = &session.cover {
        data["cover"] = path(&cover.key);
    }
    data
}
