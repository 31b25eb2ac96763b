//! How the end of a task is judged.

use super::*;
use crate::vod::event::{TaskFact, TaskRole, TaskState};
use TaskState::{Failed, PartlyFailed, Processing, Succeeded, Waiting};

fn procedure(members: &str) -> TaskFact {
    let member = format!(r#"{{"TaskId":"t","FileId":"7",{members}}}"#);
    let event = event(format!(
        r#"{{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{member}}}"#
    ));
    event.task.unwrap()
}

#[test]
fn a_procedure_is_as_good_as_its_finished_sub_tasks() {
    const OK: &str = r#"{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS","ErrCodeExt":"","ErrCode":0},"ImageSpriteTask":null}"#;
    const BAD: &str = r#"{"Type":"ImageSprites","TranscodeTask":null,"ImageSpriteTask":{"Status":"FAIL","ErrCodeExt":"InternalError.X","Message":"broken"}}"#;
    const RUNS: &str =
        r#"{"Type":"Transcode","TranscodeTask":{"Status":"PROCESSING","Progress":3}}"#;
    for (status, sets, state) in [
        (
            "PROCESSING",
            format!(r#""MediaProcessResultSet":[{BAD}]"#),
            Processing,
        ),
        ("WAITING", r#""ErrCode":0"#.to_owned(), Waiting),
        (
            "ABORTED",
            format!(r#""MediaProcessResultSet":[{OK}]"#),
            Failed,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{OK},{OK}],"AiAnalysisResultSet":null"#),
            Succeeded,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{OK}],"ErrCode":70000"#),
            Succeeded,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{BAD},{BAD}]"#),
            Failed,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{OK},{BAD}]"#),
            PartlyFailed,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{OK},{RUNS}]"#),
            Succeeded,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{BAD},{RUNS}]"#),
            Failed,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{OK}],"AiRecognitionResultSet":[{BAD}]"#),
            PartlyFailed,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{OK}],"AiContentReviewResultSet":[{BAD}]"#),
            PartlyFailed,
        ),
        (
            "FINISH",
            format!(r#""MediaProcessResultSet":[{OK}],"AiAnalysisResultSet":[{BAD}]"#),
            PartlyFailed,
        ),
        (
            "FINISH",
            r#""MediaProcessResultSet":[]"#.to_owned(),
            Succeeded,
        ),
        (
            "FINISH",
            r#""ErrCode":70000,"Message":"gone""#.to_owned(),
            Failed,
        ),
        (
            "FINISH",
            r#""ErrCode":70000,"ErrCodeExt":"""#.to_owned(),
            Succeeded,
        ),
        (
            "FINISH",
            r#""ErrCode":0,"ErrCodeExt":"Failed.Y""#.to_owned(),
            Failed,
        ),
    ] {
        let task = procedure(&format!(r#""Status":"{status}",{sets}"#));
        assert_eq!(task.state, state, "{status} {sets}");
        assert!(
            task.error_code.is_none() || matches!(state, Failed | PartlyFailed),
            "{status} {sets}"
        );
        assert_eq!(task.role, TaskRole::Procedure);
    }
}

#[test]
fn a_failure_says_why() {
    let failed_part = r#"{"TranscodeTask":{"Status":"FAIL","ErrCodeExt":"InternalError.X","ErrCode":60000,"Message":"broken"}}"#;
    let task = procedure(&format!(
        r#""Status":"FINISH","SessionContext":"vt_1","MediaProcessResultSet":[{failed_part}]"#
    ));
    assert_eq!(task.error_code.as_deref(), Some("InternalError.X"));
    assert_eq!(task.message.as_deref(), Some("broken"));
    assert_eq!(task.session_context.as_deref(), Some("vt_1"));
    assert_eq!(task.file_id.unwrap().as_str(), "7");
    let own = procedure(r#""Status":"FINISH","ErrCode":70000,"Message":"gone""#);
    assert_eq!(
        (own.error_code.as_deref(), own.message.as_deref()),
        (Some("70000"), Some("gone"))
    );
}

#[test]
fn a_v2_procedure_is_judged_by_its_lists() {
    for (lists, state) in [
        (
            r#""processTaskList":[{"taskType":"Transcode","status":"SUCCESS","errCode":0}]"#,
            Succeeded,
        ),
        (
            r#""processTaskList":[{"status":"SUCCESS"},{"status":"FAIL","errCode":1,"message":"m"}]"#,
            PartlyFailed,
        ),
        (r#""contentReviewList":[{"status":"FAIL"}]"#, Failed),
        (
            r#""processTaskList":[{"status":"SUCCESS"}],"aIAnalysisList":[{"status":"FAIL"}]"#,
            PartlyFailed,
        ),
        (
            r#""aiReview":{"definition":1,"riskType":["Porn"]}"#,
            Succeeded,
        ),
        (r#""aiReview":{"status":"FAIL"}"#, Failed),
        (r#""errCode":5"#, Failed),
    ] {
        let data = format!(r#"{{"vodTaskId":"t","fileId":"7","status":"FINISH",{lists}}}"#);
        let event = event(format!(
            r#"{{"version":"4.0","eventType":"ProcedureStateChanged","data":{data}}}"#
        ));
        assert_eq!(event.task.unwrap().state, state, "{lists}");
    }
}

#[test]
fn a_review_tells_of_the_upload_it_reviewed() {
    let event = event(
        r#"{"EventType":"ReviewAudioVideoComplete","ReviewAudioVideoCompleteEvent":{"TaskId":"r","Status":"FINISH",
            "ErrCodeExt":"","Message":"SUCCESS","Input":{"FileId":"7"},"Output":{"Suggestion":"pass"},"SessionContext":"vt_1"}}"#,
    );
    assert_eq!(news(&event), [("7", News::Mentioned)]);
    let fields = &only_file(&event).fields;
    assert_eq!(fields.review_task_id.as_deref(), Some("r"));
    assert_eq!(fields.procedure_task_id, None);
    assert_eq!(fields.session_context.as_deref(), Some("vt_1"));
    let task = event.task.unwrap();
    assert_eq!(
        (task.role, task.state, task.error_code),
        (TaskRole::Review, Succeeded, None)
    );
}

#[test]
fn other_tasks_are_judged_by_what_they_carry() {
    for (members, state, code) in [
        (r#""Status":"FINISH","ErrCode":0"#, Succeeded, None),
        (
            r#""Status":"FINISH","ErrCode":60000"#,
            Failed,
            Some("60000"),
        ),
        (
            r#""ErrCodeExt":"Failed.Y","ErrCode":60000"#,
            Failed,
            Some("Failed.Y"),
        ),
        (r#""Status":"PROCESSING""#, Processing, None),
        (r#""status":0,"#, Succeeded, None),
        (r#""status":4"#, Failed, Some("4")),
        (r#""status":"4""#, Failed, Some("4")),
        (
            r#""FileInfoSet":[{"ErrCode":0,"FileId":"1"},{"ErrCode":9,"FileId":"2"}]"#,
            PartlyFailed,
            Some("9"),
        ),
        (
            r#""SnapshotInfoSet":[{"ErrCode":7,"TimeOffset":1}]"#,
            Failed,
            Some("7"),
        ),
        (
            r#""picInfo":[{"status":0,"url":"u"},{"status":7}]"#,
            PartlyFailed,
            Some("7"),
        ),
        (r#""fileInfo":{"status":7,"fileId":"1"}"#, Failed, Some("7")),
        (
            r#""status":4,"fileInfo":[{"fileId":"1"}]"#,
            Failed,
            Some("4"),
        ),
    ] {
        let members = members.trim_end_matches(',');
        let event = event(format!(
            r#"{{"EventType":"EditMediaComplete","EditMediaComplete":{{"TaskId":"e",{members}}}}}"#
        ));
        let task = event.task.unwrap();
        assert_eq!(
            (task.role, task.state, task.error_code.as_deref()),
            (TaskRole::Other, state, code),
            "{members}"
        );
    }
}

#[test]
fn a_pull_that_failed_or_still_runs_uploaded_nothing() {
    for (members, uploads, state) in [
        (
            r#""Status":"FINISH","ErrCode":0,"FileId":"7""#,
            1,
            Succeeded,
        ),
        (
            r#""Status":"FINISH","ErrCode":70000,"FileId":"7""#,
            0,
            Failed,
        ),
        (r#""ErrCodeExt":"Failed.Y","FileId":"7""#, 0, Failed),
        (r#""status":3,"fileId":"7""#, 0, Failed),
        (r#""Status":"PROCESSING","FileId":"7""#, 0, Processing),
        (r#""ErrCode":0,"FileId":"""#, 0, Succeeded),
    ] {
        let event = event(format!(
            r#"{{"EventType":"PullComplete","PullCompleteEvent":{{"TaskId":"p",{members}}}}}"#
        ));
        assert_eq!(event.files.len(), uploads, "{members}");
        assert_eq!(event.task.unwrap().state, state, "{members}");
    }
}

#[test]
fn a_task_id_that_is_too_long_is_none() {
    for (length, is_kept) in [(256, true), (257, false)] {
        let id = "t".repeat(length);
        let body = format!(
            r#"{{"EventType":"TranscodeComplete","TranscodeCompleteEvent":{{"TaskId":"{id}","FileId":"7"}}}}"#
        );
        assert_eq!(event(body).task.is_some(), is_kept);
        let body = format!(
            r#"{{"EventType":"NewFileUpload","FileUploadEvent":{{"FileId":"7","ProcedureTaskId":"{id}"}}}}"#
        );
        assert_eq!(
            only_file(&event(body)).fields.procedure_task_id.is_some(),
            is_kept
        );
    }
}

#[test]
fn a_task_event_of_an_upload_that_names_neither_is_a_fault() {
    for name in ["ProcedureStateChange", "ReviewAudioVideoComplete"] {
        assert_eq!(
            fault(format!(r#"{{"{name}Event":{{"Status":"FINISH"}}}}"#)),
            Fault::NoFileId,
            "{name}"
        );
        assert_eq!(
            event(format!(r#"{{"{name}Event":{{"TaskId":"t"}}}}"#))
                .files
                .len(),
            0,
            "{name}"
        );
    }
}

#[test]
fn an_upload_is_no_news_of_a_task() {
    let upload = event(
        r#"{"version":"4.0","eventType":"NewFileUpload","data":{"vodTaskId":"t","fileId":"7","procedureTaskId":"p"}}"#,
    );
    assert_eq!(upload.task, None);
    assert_eq!(
        only_file(&upload).fields.procedure_task_id.as_deref(),
        Some("p")
    );
}
