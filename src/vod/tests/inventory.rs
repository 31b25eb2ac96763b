//! What VOD answers when it is asked what it holds.

use super::*;
use crate::vod::event::{Event, TaskFact, TaskRole, TaskState};
use crate::vod::inventory::{is_held, read};
use serde_json::json;

fn of(body: &Value) -> Event {
    read(body.to_string().as_bytes()).unwrap()
}

/// What `Response` of a fixture holds.
fn response(name: &str) -> Value {
    let mut body: Value = serde_json::from_str(&fixture(&format!("payloads/{name}"))).unwrap();
    body["Response"].take()
}

/// What the answer about a task says of it.
fn task(status: &str, member: &str, task: &Value) -> TaskFact {
    of(&json!({"TaskType": "any", "Status": status, member: task}))
        .task
        .unwrap()
}

#[test]
fn an_element_of_a_list_of_media_is_an_upload_with_all_its_fields() {
    let body = response("api-SearchMedia-response.json")["MediaInfoSet"][0].take();
    let event = of(&body);
    assert_eq!(event.event_type, "MediaInfo");
    assert!(event.task.is_none() && is_held(&event));
    let fact = only_file(&event);
    assert_eq!(fact.file_id.as_str(), body["FileId"]);
    assert_eq!(fact.news, News::Uploaded);
    assert_eq!(fact.fields.name.as_deref(), Some("Sport file"));
    assert_eq!(fact.fields.size_bytes, Some(10556));
    assert_eq!(fact.fields.width, Some(640));
    assert!(fact.update_time.is_some() && fact.fields.uploaded_at.is_some());
}

#[test]
fn a_push_and_the_list_say_the_same_of_a_file() {
    let mut body: Value =
        serde_json::from_str(&fixture("payloads/v3-push-NewFileUpload-doc2026.json")).unwrap();
    let told = &mut body["FileUploadEvent"];
    let mut media = json!({"FileId": told["FileId"], "BasicInfo": told["MediaBasicInfo"]});
    if let Some(meta) = told.get("MetaData") {
        media["MetaData"] = meta.clone();
    }
    let told = event(body.to_string());
    let mut pushed = only_file(&told).clone();
    // Of its tasks a list of media does not tell.
    pushed.fields.procedure_task_id = None;
    pushed.fields.review_task_id = None;
    assert_eq!(*only_file(&of(&media)), pushed);
}

#[test]
fn odd_members_hide_no_file() {
    let body = r#"{"Unknown":{"FileId":7},"FileId":14508071098244959037,"MetaData":null,
        "BasicInfo":{"Name":"a\u0000b\ud800","CreateTime":7,"UpdateTime":"never","ClassId":"x","SourceInfo":null}}"#;
    let event = read(body.as_bytes()).unwrap();
    let fact = only_file(&event);
    assert_eq!(fact.file_id.as_str(), "14508071098244959037");
    assert_eq!(fact.news, News::Uploaded);
    assert_eq!(fact.fields.name.as_deref(), Some("a\u{fffd}b\u{fffd}"));
    assert_eq!((fact.update_time, fact.fields.uploaded_at), (None, None));
    assert_eq!(fact.fields.source_context, None);
}

#[test]
fn a_file_without_its_basic_info_is_only_mentioned() {
    for body in [
        r#"{"FileId":"7","BasicInfo":null}"#,
        r#"{"FileId":"7"}"#,
        r#"{"FileId":"7","BasicInfo":"x"}"#,
    ] {
        let event = read(body.as_bytes()).unwrap();
        assert_eq!(news(&event), [("7", News::Mentioned)]);
        assert!(!is_held(&event));
    }
}

#[test]
fn files_that_vod_does_not_know_are_absent_each_once() {
    let event = of(&json!({"NotExistFileIdSet": ["7", 8, "7", null, {}, "a b"]}));
    assert_eq!(event.event_type, "FileNotExist");
    assert_eq!(news(&event), [("7", News::Absent), ("8", News::Absent)]);
    assert!(only_fields_are_empty(&event));
    for none in [json!([]), json!([null]), json!("7")] {
        let body = json!({"NotExistFileIdSet": none}).to_string();
        assert_eq!(read(body.as_bytes()), Err(Fault::NoFileId));
    }
    let many: Vec<u32> = (0..1001).collect();
    let body = json!({"NotExistFileIdSet": many}).to_string();
    assert_eq!(read(body.as_bytes()), Err(Fault::TooManyFiles));
}

fn only_fields_are_empty(event: &Event) -> bool {
    event.files.iter().all(|fact| fact.fields == no_fields())
}

#[test]
fn a_task_is_told_as_the_event_that_was_lost() {
    let told = response("api-DescribeTaskDetail-Procedure-response.json");
    let asked = of(&told);
    let pushed = event(
        json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": told["ProcedureTask"]})
            .to_string(),
    );
    assert_eq!(asked.event_type, pushed.event_type);
    assert_eq!(asked.files, pushed.files);
    assert_eq!(asked.task, pushed.task);
    let transcode = of(&response("api-DescribeTaskDetail-Transcode-response.json"));
    assert_eq!(transcode.event_type, "TranscodeComplete");
    let fact = transcode.task.unwrap();
    assert_eq!(fact.state, TaskState::Succeeded);
    assert!(!fact.outputs.is_empty());
    let publish = response("api-DescribeTaskDetail-WechatMiniProgramPublish-response.json");
    assert_eq!(of(&publish).event_type, "WechatMiniProgramPublishComplete");
}

#[test]
fn every_kind_of_task_is_called_as_its_event_is() {
    for (member, event_type) in [
        ("ProcedureTask", "ProcedureStateChanged"),
        ("ReviewAudioVideoTask", "ReviewAudioVideoComplete"),
        ("PullUploadTask", "PullComplete"),
        ("RemoveWatermarkTask", "RemoveWatermark"),
        ("EditMediaTask", "EditMediaComplete"),
        ("CreateImageSpriteTask", "CreateImageSpriteComplete"),
        (
            "SnapshotByTimeOffsetTask",
            "CreateSnapshotByTimeOffsetComplete",
        ),
        ("AigcVideoTask", "AigcVideoTaskComplete"),
        ("SomethingNewTask", "SomethingNewComplete"),
    ] {
        let fact = task("FINISH", member, &json!({"TaskId": "t", "FileId": "7"}));
        assert_eq!(fact.task_type, event_type);
    }
    let review =
        json!({"TaskId": "r", "Status": "FINISH", "ErrCodeExt": "", "Input": {"FileId": "7"}});
    let event = of(
        &json!({"TaskType": "ReviewAudioVideo", "Status": "FINISH", "ReviewAudioVideoTask": review}),
    );
    assert_eq!(event.task.as_ref().unwrap().role, TaskRole::Review);
    assert_eq!(
        only_file(&event).fields.review_task_id.as_deref(),
        Some("r")
    );
}

#[test]
fn of_several_members_the_type_chooses() {
    let tasks =
        json!({"Status": "FINISH", "ClipTask": {"TaskId": "c"}, "ConcatTask": {"TaskId": "d"}});
    for (said, task_id) in [("Clip", "c"), ("ConcatTask", "d"), ("x", "d")] {
        let mut body = tasks.clone();
        body["TaskType"] = json!(said);
        assert_eq!(of(&body).task.unwrap().task_id, task_id);
    }
}

#[test]
fn the_status_beside_the_member_says_what_the_member_does_not() {
    use TaskState::{Failed, Processing, Succeeded, Waiting};
    for (outer, inner, state) in [
        ("WAITING", json!(""), Waiting),
        ("PROCESSING", json!(null), Processing),
        ("ABORTED", json!("PROCESSING"), Failed),
        ("FINISH", json!("FINISH"), Succeeded),
        ("FINISH", json!("PROCESSING"), Processing),
        ("", json!("FINISH"), Succeeded),
    ] {
        let told = json!({"TaskId": "t", "FileId": "7", "Status": inner});
        assert_eq!(task(outer, "ProcedureTask", &told).state, state, "{outer}");
    }
}

#[test]
fn a_pull_that_runs_is_no_upload_yet() {
    let pull = json!({"TaskId": "t", "FileId": "7", "ErrCode": 0, "MediaBasicInfo": {"Name": "n"}});
    for (status, files) in [("PROCESSING", 0), ("FINISH", 1), ("ABORTED", 0)] {
        let event =
            of(&json!({"TaskType": "PullUpload", "Status": status, "PullUploadTask": pull}));
        assert_eq!(event.event_type, "PullComplete");
        assert_eq!(event.files.len(), files, "{status}");
    }
}

#[test]
fn what_tells_of_neither_file_nor_task_is_no_event() {
    for body in [
        r#"{}"#,
        r#"{"RequestId":"r"}"#,
        r#"{"TaskType":"Procedure","Status":"WAITING","ProcedureTask":null}"#,
        r#"{"Task":{"TaskId":"t"}}"#,
        r#"{"TaskType":"Transcode","TranscodeTask":{"FileId":"7"}}"#,
    ] {
        assert_eq!(read(body.as_bytes()), Err(Fault::NoEvent), "{body}");
    }
    assert_eq!(read(br#"{"FileId":"a b"}"#), Err(Fault::NoFileId));
    assert_eq!(read(b"[]"), Err(Fault::NotAnObject));
    assert_eq!(read(b""), Err(Fault::Empty));
}

#[test]
fn asked_twice_it_says_the_same() {
    let one = r#"{"Status":"FINISH","ClipTask":{"TaskId":"t"},"RequestId":"1"}"#;
    let two = r#"{"Status":"FINISH","ClipTask":{"TaskId":"t"},"RequestId":"2"}"#;
    assert_eq!(read(one.as_bytes()), read(two.as_bytes()));
}
