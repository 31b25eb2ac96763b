//! A body of our own for every irregularity of protocol.md section 4.

use super::*;
use crate::vod::event::{Format, TaskState};

#[test]
fn a_v2_envelope_with_pascal_case_data_is_a_hybrid() {
    let event = event(
        r#"{"version":4,"eventType":"PullComplete","data":{"TaskId":"p1","Status":"FINISH","ErrCode":0,"FileId":"77",
            "MediaBasicInfo":{"MediaBasicInfo":{"Name":"n","UpdateTime":"2019-01-09T16:36:24Z",
            "SourceInfo":{"SourceType":"Upload","SourceContext":"vt_1"}}},"FileUrl":"http://u"}}"#,
    );
    assert_eq!(event.format, Format::Hybrid);
    assert_eq!(news(&event), [("77", News::Uploaded)]);
    let fields = &only_file(&event).fields;
    assert_eq!(fields.source_context.as_deref(), Some("vt_1"));
    assert_eq!(fields.media_url.as_deref(), Some("http://u"));
    assert_eq!(event.task.unwrap().task_id, "p1");
}

#[test]
fn data_that_holds_a_v3_member_is_a_hybrid() {
    for body in [
        r#"{"version":"4.0","eventType":"NewFileUpload","data":{"FileUploadEvent":{"FileId":"77"}}}"#,
        r#"{"version":"4.0","data":{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"77"}}}"#,
        r#"{"version":"4.0","data":{"FileUploadEvent":{"FileId":"77"}}}"#,
        r#"{"version":"4.0","eventType":"NewFileUpload","FileUploadEvent":{"FileId":"77"}}"#,
        r#"{"EventType":"NewFileUpload","data":{"fileId":"77"}}"#,
        r#"{"version":"4.0","eventType":"NewFileUpload","FileId":"77"}"#,
    ] {
        let event = event(body);
        assert_eq!(event.format, Format::Hybrid, "{body}");
        assert_eq!(event.event_type, "NewFileUpload", "{body}");
        assert_eq!(news(&event), [("77", News::Uploaded)], "{body}");
    }
}

#[test]
fn every_irregular_member_is_found_with_and_without_type_and_suffix() {
    for (event_type, member) in [
        ("NewFileUpload", "FileUploadEvent"),
        ("ProcedureStateChanged", "ProcedureStateChangeEvent"),
        ("FileDeleted", "FileDeleteEvent"),
        ("PullComplete", "PullCompleteEvent"),
        ("EditMediaComplete", "EditMediaCompleteEvent"),
        ("WechatPublishComplete", "WechatPublishCompleteEvent"),
        ("RemoveWatermark", "RemoveWatermarkCompleteEvent"),
        ("AigcImageTaskComplete", "AigcImageCompleteEvent"),
        ("AigcVideoTaskComplete", "AigcVideoCompleteEvent"),
        ("AigcHunyuan3DTaskComplete", "AigcHunyuan3DCompleteEvent"),
        (
            "ExtractBlindWatermarkComplete",
            "ExtractBlindWatermarkComplete",
        ),
        ("MediaCastStatusChanged", "MediaCastStatusChangedEvent"),
        (
            "CreateSnapshotByTimeOffsetComplete",
            "SnapshotByTimeOffsetCompleteEvent",
        ),
    ] {
        let without_suffix = member.trim_end_matches("Event");
        let told = |head: &str, member: &str| {
            event(format!(
                r#"{{{head}"OtherEvent":null,"{member}":{{"FileId":"7","TaskId":"t"}}}}"#
            ))
            .event_type
        };
        assert_eq!(told("", member), event_type, "no type, {member}");
        assert_eq!(
            told(r#""EventType":null,"#, member),
            event_type,
            "null type, {member}"
        );
        let head = format!(r#""EventType":"{event_type}","#);
        assert_eq!(told(&head, member), event_type, "{member}");
        assert_eq!(told(&head, without_suffix), event_type, "{without_suffix}");
        assert_eq!(
            told(&head, &format!("{event_type}Event")),
            event_type,
            "as public code misnames it"
        );
    }
}

#[test]
fn the_filled_member_decides_against_the_type() {
    let pull = event(
        r#"{"EventHandle":"1","EventType":"NewFileUpload","FileUploadEvent":null,
            "PullCompleteEvent":{"TaskId":"p","ErrCode":0,"FileId":"7"}}"#,
    );
    assert_eq!(pull.event_type, "PullComplete");
    assert_eq!(pull.task.unwrap().task_id, "p");
    let upload = event(r#"{"EventType":"TranscodeComplete","FileUploadEvent":{"FileId":"7"}}"#);
    assert_eq!(news(&upload), [("7", News::Uploaded)]);
}

#[test]
fn the_type_decides_between_several_filled_members() {
    let several =
        r#""FileUploadEvent":{"FileId":"1"},"FileDeleteEvent":{"FileIdSet":["2"]},"Extra":{"x":1}"#;
    let told = |event_type| event(format!(r#"{{"EventType":"{event_type}",{several}}}"#));
    assert_eq!(news(&told("NewFileUpload")), [("1", News::Uploaded)]);
    assert_eq!(news(&told("FileDeleted")), [("2", News::Deleted)]);
    let aigc = event(
        r#"{"EventType":"AigcImageTaskComplete","AigcImageCompleteEvent":{"TaskId":"a"},"ZEvent":{"TaskId":"z"}}"#,
    );
    assert_eq!(aigc.task.unwrap().task_id, "a");
}

#[test]
fn of_a_repeated_member_the_last_counts() {
    let twice = event(
        r#"{"FileUploadEvent":{"FileId":"1"},"FileUploadEvent":{"FileId":"2","FileId":"3"}}"#,
    );
    assert_eq!(news(&twice), [("3", News::Uploaded)]);
    let typed = r#""EventType":"NewFileUpload""#;
    let twice = event(format!(
        r#"{{"FileUploadEvent":{{"FileId":"1"}},"FileUploadEvent":{{"FileId":"2"}},{typed}}}"#
    ));
    assert_eq!(news(&twice), [("2", News::Uploaded)]);
}

#[test]
fn restore_media_in_lower_camel_case_is_read() {
    let event = event(
        r#"{"EventType":"RestoreMediaComplete","RestoreMediaCompleteEvent":{"fileId":"7","status":0,"message":"","restoreDay":2}}"#,
    );
    assert_eq!(news(&event), [("7", News::Mentioned)]);
    assert_eq!(event.task, None);
}

#[test]
fn a_file_id_that_is_a_number_keeps_every_digit() {
    let compose = event(
        r#"{"EventType":"ComposeMediaComplete","ComposeMediaCompleteEvent":{"TaskId":"c","Status":"FINISH","ErrCode":0,
            "Input":{"Tracks":[{"Type":"Video"}]},"Output":{"FileType":"mp4","FileId":5285485487985271490}}}"#,
    );
    assert_eq!(news(&compose), [("5285485487985271490", News::Mentioned)]);
    assert_eq!(
        compose.task.unwrap().file_id.unwrap().as_str(),
        "5285485487985271490"
    );
    let upload =
        event(r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":15517827183909093239}}"#);
    assert_eq!(news(&upload), [("15517827183909093239", News::Uploaded)]);
    for unreadable in ["1e3", "1.5", "-5", "true", "null", "{}", "\"\"", "\"a b\""] {
        let body = format!(
            r#"{{"EventType":"NewFileUpload","FileUploadEvent":{{"FileId":{unreadable}}}}}"#
        );
        assert_eq!(fault(body), Fault::NoFileId, "{unreadable}");
    }
}

#[test]
fn files_are_found_wherever_an_event_names_them() {
    for (member, ids) in [
        (
            r#""Input":{"FileId":"1"},"Output":{"FileId":"2"}"#,
            vec!["1", "2"],
        ),
        (
            r#""Output":{"FileInfos":[{"FileId":"1"},{"FileId":"2"},{"FileId":"1"}]}"#,
            vec!["1", "2"],
        ),
        (
            r#""FileInfoSet":[{"Input":{"FileId":"1"},"Output":{"FileId":"2"}}]"#,
            vec!["1", "2"],
        ),
        (
            r#""SrcFileId":"1","FileInfo":{"FileId":"2"}"#,
            vec!["1", "2"],
        ),
        (
            r#""fileInfo":[{"fileId":"1"},{"fileId":2}]"#,
            vec!["1", "2"],
        ),
        (
            r#""Input":{"InputType":"File","FileInfoSet":[{"FileId":"1"}]}"#,
            vec!["1"],
        ),
        (r#""FileId":"""#, vec![]),
    ] {
        let event = event(format!(
            r#"{{"EventType":"SomethingNewComplete","SomethingNewCompleteEvent":{{{member}}}}}"#
        ));
        assert_eq!(
            event
                .files
                .iter()
                .map(|file| file.file_id.as_str())
                .collect::<Vec<_>>(),
            ids,
            "{member}"
        );
        assert!(
            event
                .files
                .iter()
                .all(|file| file.news == News::Mentioned && file.fields == no_fields())
        );
    }
}

#[test]
fn an_unknown_event_is_kept_by_its_type() {
    let odd = event(
        r#"{"EventType":"MoonPhaseChanged","Moon":{"FileId":"7","TaskId":"m","Status":"PROCESSING"}}"#,
    );
    assert_eq!(odd.event_type, "MoonPhaseChanged");
    assert_eq!(news(&odd), [("7", News::Mentioned)]);
    assert_eq!(odd.task.unwrap().state, TaskState::Processing);
    let cast = event(
        r#"{"EventType":"MediaCastStatusChanged","MediaCastStatusChangedEvent":{"CastId":"c","Status":"Idle"}}"#,
    );
    assert_eq!((cast.files.len(), cast.task), (0, None));
    let bare = event(r#"{"EventType":"Ping"}"#);
    assert_eq!(
        (bare.event_type.as_str(), bare.format, bare.files.len()),
        ("Ping", Format::V3, 0)
    );
}

#[test]
fn facts_beside_the_type_are_read_too() {
    let flat = event(r#"{"EventType":"NewFileUpload","FileId":"7","MediaBasicInfo":{"Name":"n"}}"#);
    assert_eq!(only_file(&flat).fields.name.as_deref(), Some("n"));
    let flat = event(r#"{"version":"4.0","eventType":"NewFileUpload","fileId":"7"}"#);
    assert_eq!(
        (flat.format, news(&flat)),
        (Format::V2, vec![("7", News::Uploaded)])
    );
}

#[test]
fn real_v2_metadata_and_the_older_flat_members_are_read() {
    let real = event(
        r#"{"version":"4.0","eventType":"NewFileUpload","data":{"status":0,"vodTaskId":"","fileId":"7","continued":0,
            "sourceType":"ClientUpload","sourceContext":"{\"user\":1}","metaData":{"bitrate":1021028,"duration":60,
            "floatDuration":60.04,"height":480,"width":640,"size":7700180,"md5":""}}}"#,
    );
    let fields = &only_file(&real).fields;
    assert_eq!(fields.source_type.as_deref(), Some("ClientUpload"));
    assert_eq!(fields.source_context.as_deref(), Some(r#"{"user":1}"#));
    assert_eq!(
        (fields.duration_s, fields.size_bytes),
        (Some(60.04), Some(7_700_180))
    );
    let flat = event(
        r#"{"version":"4.0","eventType":"NewFileUpload","data":{"fileId":"7","duration":12,"fileSize":"99","width":-1,
            "height":99999999999,"bitrate":5}}"#,
    );
    let fields = &only_file(&flat).fields;
    assert_eq!(
        (fields.duration_s, fields.size_bytes, fields.bitrate_bps),
        (Some(12.0), Some(99), Some(5))
    );
    assert_eq!(
        (fields.width, fields.height),
        (None, None),
        "neither can be a picture's"
    );
}

#[test]
fn a_deletion_of_parts_leaves_the_file() {
    let event = event(
        r#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["1","2",3],"FileDeleteResultInfo":[
            {"FileId":"2","DeleteParts":[{"Type":"TranscodeFiles","Definition":0}]},{"FileId":"1","DeleteParts":[]},
            {"FileId":"4","DeleteParts":null},{"FileId":"5","DeleteParts":[{"Type":"OriginalFiles"}]},
            {"FileId":"6","DeleteParts":[{"Type":"TranscodeFiles"}]},{"FileId":"6"}]}}"#,
    );
    use News::{Deleted, PartsDeleted};
    assert_eq!(
        news(&event),
        [
            ("1", Deleted),
            ("2", PartsDeleted),
            ("3", Deleted),
            ("4", Deleted),
            ("5", PartsDeleted),
            ("6", Deleted),
        ]
    );
    assert_eq!(
        fault(r#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":[]}}"#),
        Fault::NoFileId
    );
}

#[test]
fn a_v2_deletion_that_failed_deletes_nothing() {
    let failed = event(
        r#"{"version":"4.0","eventType":"FileDeleted","data":{"status":-1,"message":"no","fileInfo":[{"fileId":"1"}]}}"#,
    );
    assert_eq!(news(&failed), [("1", News::Mentioned)]);
}
