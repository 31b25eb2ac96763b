//! A file that was uploaded, as VOD tells of it: in events, in the list of files, as a task.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Notice;
use crate::simulator::Simulator;
use crate::simulator::uploads::{Session, Uploader, app_id};
use crate::vod::sample::SampleUpload;

/// An uploaded file. How long and how large its picture is nobody looked: these are a sample's.
pub(super) struct Uploaded {
    sample: SampleUpload,
    session: Session,
    bytes: u64,
    media_url: String,
    cover_url: String,
    at: DateTime<Utc>,
}

impl Uploaded {
    pub fn new(simulator: &Simulator, session: &Session, bytes: u64) -> Self {
        let intent = &session.intent;
        let app_id = app_id(intent.sub_app_id);
        let at = simulator.inner.clock.now();
        let task_id = if intent.procedure.is_empty() {
            String::new()
        } else {
            format!(
                "{app_id}-procedurev2-{:016x}t0",
                simulator.inner.random.u64()
            )
        };
        let cover = session.cover.as_ref();
        Self {
            sample: SampleUpload {
                file_id: session.file_id.clone(),
                name: intent.media.name.clone(),
                source_context: intent.source_context.clone(),
                session_context: intent.session_context.clone(),
                procedure_task_id: task_id,
                sub_app_id: app_id,
                at,
            },
            media_url: simulator.address_of(&session.media.key),
            cover_url: cover.map_or_else(String::new, |cover| simulator.address_of(&cover.key)),
            session: session.clone(),
            bytes,
            at,
        }
    }

    pub fn has_procedure(&self) -> bool {
        !self.sample.procedure_task_id.is_empty()
    }

    pub fn task_id(&self) -> &str {
        &self.sample.procedure_task_id
    }

    pub fn notify_mode(&self) -> &str {
        &self.session.intent.notify_mode
    }

    /// `NewFileUpload`.
    pub fn new_file_upload(&self) -> Notice {
        let mut v3 = self.sample.new_file_upload();
        let told = &mut v3["FileUploadEvent"];
        let basic = &mut told["MediaBasicInfo"];
        let intent = &self.session.intent;
        basic["ClassId"] = json!(intent.class_id);
        basic["CoverUrl"] = json!(self.cover_url);
        basic["Type"] = json!(intent.media.kind);
        basic["MediaUrl"] = json!(self.media_url);
        basic["StorageRegion"] = json!(intent.region);
        basic["StoragePath"] = json!(format!("/{}", self.session.media.key));
        if let Some(expires) = &intent.expires {
            basic["ExpireTime"] = json!(expires);
        }
        told["MetaData"]["Size"] = json!(self.bytes);
        let mut v2 = self.sample.new_file_upload_v2();
        let told = &mut v2["data"];
        told["fileUrl"] = json!(self.media_url);
        told["coverUrl"] = json!(self.cover_url);
        told["metaData"]["size"] = json!(self.bytes);
        told["metaData"]["totalSize"] = json!(self.bytes);
        told["sourceType"] = json!(match intent.uploader {
            Uploader::Client => "ClientUpload",
            Uploader::Server => "ServerUpload",
        });
        Notice { v3, v2 }
    }

    /// The file in `MediaInfoSet`.
    pub fn media_info(&self) -> Value {
        let mut told = self.new_file_upload().v3["FileUploadEvent"].take();
        json!({
            "FileId": self.sample.file_id,
            "BasicInfo": told["MediaBasicInfo"].take(),
            "MetaData": told["MetaData"].take(),
        })
    }

    /// `ProcedureStateChanged`: the cover is made, the transcoding goes on until the end.
    pub fn procedure_changed(&self, status: &str) -> Notice {
        let mut v3 = self.sample.procedure_finished();
        let told = &mut v3["ProcedureStateChangeEvent"];
        told["Status"] = json!(status);
        told["FileUrl"] = json!(self.media_url);
        told["MetaData"]["Size"] = json!(self.bytes);
        told["TasksPriority"] = json!(self.session.intent.priority);
        told["TasksNotifyMode"] = json!(self.notify_mode());
        if let Some(results) = told["MediaProcessResultSet"].as_array_mut() {
            results.push(self.transcoding(status));
        }
        let done = status == "FINISH";
        let v2 = json!({
            "version": "4.0",
            "eventType": "ProcedureStateChanged",
            "data": {
                "vodTaskId": self.task_id(),
                "status": status,
                "message": "",
                "errCode": 0,
                "fileId": self.sample.file_id,
                "sessionContext": self.sample.session_context,
                "processTaskList": [{
                    "taskType": "Transcode",
                    "status": if done { "SUCCESS" } else { "PROCESSING" },
                    "errCode": 0,
                    "message": "",
                    "input": {"definition": 20, "watermark": 0},
                    "output": if done { json!({"url": self.transcoded_url(), "size": self.bytes}) } else { Value::Null },
                }],
            },
        });
        Notice { v3, v2 }
    }

    /// The answer to DescribeTaskDetail.
    pub fn task(&self, status: &str) -> Value {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut event = self.procedure_changed(status).v3;
        let finished = if status == "FINISH" {
            at.as_str()
        } else {
            "0001-01-01T00:00:00Z"
        };
        json!({
            "TaskType": "Procedure",
            "Status": status,
            "CreateTime": at,
            "BeginProcessTime": at,
            "FinishTime": finished,
            "ProcedureTask": event["ProcedureStateChangeEvent"].take(),
        })
    }

    fn transcoding(&self, status: &str) -> Value {
        let is_done = status == "FINISH";
        let output = json!({
            "Url": self.transcoded_url(), "Size": self.bytes, "Container": "mov,mp4,m4a,3gp,3g2,mj2",
            "Height": 480, "Width": 640, "Bitrate": 552_218, "Duration": 60.04, "Definition": 20,
        });
        json!({
            "Type": "Transcode",
            "TranscodeTask": {
                "Status": if is_done { "SUCCESS" } else { "PROCESSING" },
                "ErrCodeExt": "", "ErrCode": 0,
                "Message": if is_done { "SUCCESS" } else { "" },
                "Progress": if is_done { 100 } else { 50 },
                "Input": {"Definition": 20},
                "Output": if is_done { output } else { Value::Null },
            },
        })
    }

    /// Nothing is transcoded: this address leads to nothing.
    fn transcoded_url(&self) -> String {
        format!("{}.f20.mp4", self.media_url)
    }
}
