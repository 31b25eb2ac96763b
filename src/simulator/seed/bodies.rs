//! What VOD says of a seeded upload: true to its formats and as short as they allow, since millions of them are kept.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

/// A file that was uploaded.
#[derive(Debug, Clone)]
pub(super) struct Media {
    pub(super) file_id: String,
    pub(super) name: String,
    /// As JSON would write it, without its quotes.
    pub(super) source_context: String,
    /// "" for none.
    pub(super) session_context: String,
    /// "" for none.
    pub(super) procedure_task_id: String,
    pub(super) uploaded_at: DateTime<Utc>,
    pub(super) size_bytes: u64,
    pub(super) duration_s: u64,
}

/// How a task flow ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Well,
    Partly,
    Badly,
}

impl Media {
    /// `NewFileUpload` in format 3.0, as it is pushed; with a handle as it is pulled.
    pub(super) fn uploaded(&self, handle: Option<u64>) -> String {
        let handle = handle.map_or(String::new(), |handle| {
            format!(r#""EventHandle":"{handle:016x}","#)
        });
        format!(
            r#"{{{handle}"EventType":"NewFileUpload","FileUploadEvent":{{"FileId":"{}","MediaBasicInfo":{},"MetaData":{},"ProcedureTaskId":"{}","ReviewAudioVideoTaskId":""}}}}"#,
            self.file_id,
            self.basic_info(),
            self.meta_data(),
            self.procedure_task_id,
        )
    }

    /// `NewFileUpload` in format 2.0.
    pub(super) fn uploaded_v2(&self) -> String {
        format!(
            r#"{{"version":"4.0","eventType":"NewFileUpload","data":{{"status":0,"message":"","fileId":"{}","fileUrl":"{}","fileName":"{}","sourceType":"ClientUpload","sourceContext":"{}","procedureTaskId":"{}","metaData":{{"bitrate":1021028,"duration":{},"height":720,"width":1280,"size":{}}}}}}}"#,
            self.file_id,
            self.url(),
            self.name,
            self.source_context,
            self.procedure_task_id,
            self.duration_s,
            self.size_bytes,
        )
    }

    /// What VOD answers when it is asked for the file.
    pub(super) fn held(&self) -> String {
        let (basic, meta) = (self.basic_info(), self.meta_data());
        let file_id = &self.file_id;
        format!(r#"{{"FileId":"{file_id}","BasicInfo":{basic},"MetaData":{meta}}}"#)
    }

    /// `ProcedureStateChanged` at the end of its task flow: a transcoding and a cover.
    pub(super) fn processed(&self, end: End) -> String {
        let url = self.url();
        let good = r#""Status":"SUCCESS","ErrCodeExt":"","ErrCode":0,"Message":"SUCCESS""#;
        let bad = r#""Status":"FAIL","ErrCodeExt":"InvalidParameterValue.FileType","ErrCode":70000,"Message":"cannot be decoded""#;
        let (transcode, cover) = match end {
            End::Well => (good, good),
            End::Partly => (bad, good),
            End::Badly => (bad, bad),
        };
        format!(
            r#"{{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{{"TaskId":"{}","Status":"FINISH","FileId":"{}","FileName":"{}","MediaProcessResultSet":[{{"Type":"Transcode","TranscodeTask":{{{transcode},"Output":{{"Url":"{url}.20.mp4","Definition":20}}}}}},{{"Type":"CoverBySnapshot","CoverBySnapshotTask":{{{cover},"Output":{{"CoverUrl":"{url}.jpg"}}}}}}],"SessionContext":"{}","SessionId":""}}}}"#,
            self.procedure_task_id, self.file_id, self.name, self.session_context,
        )
    }

    fn basic_info(&self) -> String {
        let at = self.uploaded_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!(
            r#"{{"Name":"{}","CreateTime":"{at}","UpdateTime":"{at}","ClassId":0,"CoverUrl":"","Type":"mp4","MediaUrl":"{}","SourceInfo":{{"SourceType":"Upload","SourceContext":"{}"}},"StorageRegion":"ap-chongqing"}}"#,
            self.name,
            self.url(),
            self.source_context,
        )
    }

    fn meta_data(&self) -> String {
        format!(
            r#"{{"Size":{},"Bitrate":1021028,"Height":720,"Width":1280,"Duration":{}}}"#,
            self.size_bytes, self.duration_s
        )
    }

    fn url(&self) -> String {
        format!(
            "http://1500000001.vod2.myqcloud.com/{}/f0.mp4",
            self.file_id
        )
    }
}

/// `FileDeleted`, which may name several.
pub(super) fn deleted(file_ids: &[String]) -> String {
    json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": file_ids}}).to_string()
}

/// A file id of 19 digits, another for each number; neighbours in time are nowhere near each other.
pub(super) fn file_id(number: u64) -> String {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let spread = number.wrapping_mul(ODD) % (1 << 62);
    (1_000_000_000_000_000_000 + spread).to_string()
}
