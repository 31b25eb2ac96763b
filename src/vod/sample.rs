//! Well-formed notifications, as VOD would send them: for `trigger`, the simulator and tests.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::callback_sign;

/// How far ahead VOD sets `T` (protocol.md section 2).
const SIGN_VALIDITY_S: i64 = 600;

/// An upload that never was, and what VOD would say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleUpload {
    /// Up to 20 digits.
    pub file_id: String,
    /// The file's name, without suffix.
    pub name: String,
    /// The text put into the upload signature; "" if there was none.
    pub source_context: String,
    /// The signature's session context; only the end of the procedure tells it.
    pub session_context: String,
    /// The task flow that the upload started; "" if none.
    pub procedure_task_id: String,
    /// The application it is in; part of its addresses.
    pub sub_app_id: u64,
    /// When it was complete.
    pub at: DateTime<Utc>,
}

impl SampleUpload {
    /// The push `NewFileUpload` in format 3.0.
    pub fn new_file_upload(&self) -> Value {
        let at = self.time();
        json!({
            "EventType": "NewFileUpload",
            "FileUploadEvent": {
                "FileId": self.file_id,
                "MediaBasicInfo": {
                    "Name": self.name,
                    "Description": "",
                    "CreateTime": at,
                    "UpdateTime": at,
                    "ExpireTime": "9999-12-31T23:59:59Z",
                    "ClassId": 0,
                    "ClassName": "其他",
                    "ClassPath": "其他",
                    "CoverUrl": "",
                    "Type": "mp4",
                    "MediaUrl": self.media_url(),
                    "SourceInfo": {"SourceType": "Upload", "SourceContext": self.source_context},
                    "StorageRegion": "ap-chongqing",
                    "TagSet": [],
                    "Vid": self.file_id,
                    "Category": "Video",
                    "Status": "Normal",
                    "StorageClass": "STANDARD",
                },
                "MetaData": meta_data(),
                "ProcedureTaskId": self.procedure_task_id,
                "ReviewAudioVideoTaskId": "",
            },
        })
    }

    /// The push `NewFileUpload` in legacy format 2.0.
    pub fn new_file_upload_v2(&self) -> Value {
        json!({
            "version": "4.0",
            "eventType": "NewFileUpload",
            "data": {
                "status": 0,
                "message": "",
                "vodTaskId": "",
                "fileId": self.file_id,
                "fileUrl": self.media_url(),
                "fileName": self.name,
                "continued": 0,
                "author": "",
                "sourceType": "ClientUpload",
                "sourceContext": self.source_context,
                "procedureTaskId": self.procedure_task_id,
                "metaData": {
                    "bitrate": 1_021_028, "container": "mov,mp4,m4a,3gp,3g2,mj2", "duration": 60,
                    "floatDuration": 60.04, "height": 480, "width": 640, "md5": "", "rotate": 0,
                    "size": 7_700_180, "totalSize": 7_700_180, "videoDuration": 60, "audioDuration": 59.99,
                    "videoStreamList": [{"bitrate": 637_174, "codec": "h264", "fps": 23, "height": 480, "width": 640}],
                    "audioStreamList": [{"bitrate": 383_854, "codec": "aac", "samplingRate": 48_000}],
                },
            },
        })
    }

    /// The push `ProcedureStateChanged` that ends the upload's task flow well.
    pub fn procedure_finished(&self) -> Value {
        json!({
            "EventType": "ProcedureStateChanged",
            "ProcedureStateChangeEvent": {
                "TaskId": self.procedure_task_id,
                "Status": "FINISH",
                "FileId": self.file_id,
                "FileName": self.name,
                "FileUrl": self.media_url(),
                "MetaData": meta_data(),
                "MediaProcessResultSet": [{
                    "Type": "CoverBySnapshot",
                    "CoverBySnapshotTask": {
                        "Status": "SUCCESS", "ErrCodeExt": "", "ErrCode": 0, "Message": "SUCCESS", "Progress": 100,
                        "Input": {"Definition": 10, "PositionType": "Time", "PositionValue": 0},
                        "Output": {"CoverUrl": format!("{}.100_0.jpg", self.media_url())},
                    },
                }],
                "TasksPriority": 0,
                "TasksNotifyMode": "Finish",
                "SessionContext": self.session_context,
                "SessionId": "",
                "Operator": "System",
                "OperationType": "TSC",
            },
        })
    }

    /// The push `FileDeleted`.
    pub fn file_deleted(&self) -> Value {
        json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": [self.file_id]}})
    }

    fn media_url(&self) -> String {
        format!(
            "https://{}.vod2.myqcloud.com/{}/f0.mp4",
            self.sub_app_id, self.file_id
        )
    }

    fn time(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

/// Signs a push, which is an object, as VOD does where a SignKey is set: `Sign` and `T` beside the event.
pub fn signed(mut push: Value, sign_key: &str, now_unix: i64) -> Value {
    let t = now_unix + SIGN_VALIDITY_S;
    push["Sign"] = json!(callback_sign::expected(sign_key, t));
    push["T"] = json!(t);
    push
}

fn meta_data() -> Value {
    json!({
        "Size": 7_700_180, "Container": "mov,mp4,m4a,3gp,3g2,mj2", "Bitrate": 1_021_028, "Height": 480, "Width": 640,
        "Duration": 60.04, "Rotate": 0, "VideoDuration": 60.04, "AudioDuration": 59.99, "Md5": "",
        "VideoStreamSet": [{"Bitrate": 637_174, "Height": 480, "Width": 640, "Codec": "h264", "Fps": 23}],
        "AudioStreamSet": [{"Codec": "aac", "SamplingRate": 48_000, "Bitrate": 383_854}],
    })
}
