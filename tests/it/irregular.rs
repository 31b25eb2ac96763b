//! Bodies of our own for every irregularity that protocol.md lists in sections 3 and 4.

use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::door::{Answer, an_app_a_case, lines, places, with, without};
use crate::harness::{TestApp, new_file_upload};

/// What it is, the body, and the rows that it gives, as [`TestApp::rows_of`] writes them.
type Case = (&'static str, &'static str, &'static str);

/// Posts each body to an app of its own, and compares the rows.
async fn each_gives_its_rows(cases: &[Case]) {
    let app = TestApp::with(an_app_a_case(cases.len())).await;
    for (case, (title, body, rows)) in cases.iter().enumerate() {
        let name = format!("c{case}");
        let answer = app.push_to(&name, *body).await;
        assert_eq!(answer, Answer::receipt("recorded"), "{title}");
        assert_eq!(app.rows_of(&name).await, lines(rows), "{title}");
        let kept = app.kept_of(&name).await;
        assert_eq!(kept[0].body, body.as_bytes(), "{title}");
    }
}

#[actix_web::test]
async fn a_two_point_zero_envelope_around_three_point_zero_members_is_a_hybrid() {
    each_gives_its_rows(&[
        (
            "PascalCase data, as on the PullComplete page of 2018",
            r#"{"version":"4.0","eventType":"PullComplete","data":{"TaskId":"p1","ErrCode":0,"Message":"SUCCESS","FileId":"77",
                "MediaBasicInfo":{"Name":"n","MediaUrl":"http://m","SourceInfo":{"SourceType":"Upload","SourceContext":"c"}}}}"#,
            "delivery | PullComplete | hybrid | recorded
             upload | 77 | announced | n | http://m | c | none | live
             task | p1 | 77 | other | succeeded",
        ),
        (
            "MediaBasicInfo nested in itself, as on the page of 2020",
            r#"{"version":"4.0","eventType":"PullComplete","data":{"TaskId":"p1","ErrCode":0,"FileId":"77","MediaBasicInfo":{
                "FileId":"77","MediaBasicInfo":{"Name":"n","MediaUrl":"http://m","SourceInfo":{"SourceContext":"c"}}}}}"#,
            "delivery | PullComplete | hybrid | recorded
             upload | 77 | announced | n | http://m | c | none | live
             task | p1 | 77 | other | succeeded",
        ),
        (
            "the file id only in the outer MediaBasicInfo",
            r#"{"version":"4.0","eventType":"PullComplete","data":{"TaskId":"p1","ErrCode":0,"MediaBasicInfo":{
                "FileId":"77","MediaBasicInfo":{"Name":"n"}}}}"#,
            "delivery | PullComplete | hybrid | recorded
             upload | 77 | announced | n | - | - | none | live
             task | p1 | 77 | other | succeeded",
        ),
        (
            "a PascalCase upload, in the words of the older client guide",
            r#"{"version":"4.0","eventType":"NewFileUpload","data":{"FileId":"77","SourceType":"ClientUpload","SourceContext":"c",
                "ProcedureTaskId":"t1"}}"#,
            "delivery | NewFileUpload | hybrid | recorded
             upload | 77 | announced | - | - | c | waiting | live
             task | t1 | 77 | procedure | waiting",
        ),
        (
            "a whole 3.0 member in data",
            r#"{"version":4,"eventType":"NewFileUpload","data":{"FileUploadEvent":{"FileId":"77"}}}"#,
            "delivery | NewFileUpload | hybrid | recorded
             upload | 77 | announced | - | - | - | none | live",
        ),
        (
            "a 3.0 member beside a 2.0 type",
            r#"{"version":"4.0","eventType":"NewFileUpload","FileUploadEvent":{"FileId":"77"}}"#,
            "delivery | NewFileUpload | hybrid | recorded
             upload | 77 | announced | - | - | - | none | live",
        ),
        (
            "a 3.0 type around 2.0 data",
            r#"{"EventType":"NewFileUpload","data":{"fileId":"77","fileName":"n"}}"#,
            "delivery | NewFileUpload | hybrid | recorded
             upload | 77 | announced | n | - | - | none | live",
        ),
    ])
    .await;
}

#[actix_web::test]
async fn the_envelope_of_two_point_zero_may_look_otherwise() {
    const ROWS: &str = "delivery | NewFileUpload | 2.0 | recorded
                        upload | 77 | announced | n | http://m | c | none | live";
    each_gives_its_rows(&[
        (
            "the version is a number",
            r#"{"version":4,"eventType":"NewFileUpload","data":{"fileId":"77","fileName":"n","fileUrl":"http://m","sourceContext":"c"}}"#,
            ROWS,
        ),
        (
            "there is no version",
            r#"{"eventType":"NewFileUpload","data":{"fileId":"77","fileName":"n","fileUrl":"http://m","sourceContext":"c"}}"#,
            ROWS,
        ),
        (
            "the members come in another order",
            r#"{"data":{"sourceContext":"c","fileUrl":"http://m","fileName":"n","fileId":"77"},"eventType":"NewFileUpload","version":"4.0"}"#,
            ROWS,
        ),
        (
            "the file id is a number",
            r#"{"version":"4.0","eventType":"NewFileUpload","data":{"fileId":77,"fileName":"n","fileUrl":"http://m","sourceContext":"c"}}"#,
            ROWS,
        ),
        (
            "a byte order mark and white space stand before it",
            "\u{feff} \r\n\t{\"version\":\"4.0\",\"eventType\":\"NewFileUpload\",\"data\":{\"fileId\":\"77\",\"fileName\":\"n\",\"fileUrl\":\"http://m\",\"sourceContext\":\"c\"}}\n",
            ROWS,
        ),
        (
            "task ids are there and empty",
            r#"{"version":"4.0","eventType":"NewFileUpload","data":{"status":0,"message":"","vodTaskId":"","fileId":"77","fileName":"n",
                "fileUrl":"http://m","continued":0,"author":"","sourceType":"ClientUpload","sourceContext":"c","procedureTaskId":""}}"#,
            ROWS,
        ),
    ])
    .await;
}

#[actix_web::test]
async fn the_filled_member_says_what_it_is_and_irregular_names_do_no_harm() {
    each_gives_its_rows(&[
        (
            "EditMediaComplete without `Event`",
            r#"{"EventType":"EditMediaComplete","FileUploadEvent":null,"EditMediaComplete":{"TaskId":"e1","Status":"FINISH","ErrCode":0,
                "Input":{"InputType":"File"},"Output":{"FileId":"78","FileUrl":"http://m"}},"WechatPublishComplete":null}"#,
            "delivery | EditMediaComplete | 3.0 | recorded
             upload | 78 | unannounced | - | - | - | none | live
             task | e1 | 78 | other | succeeded",
        ),
        (
            "WechatPublishComplete without `Event`, and without a type",
            r#"{"EditMediaComplete":null,"WechatPublishComplete":{"TaskId":"w1","Status":"FINISH","ErrCode":0,"FileId":"78"}}"#,
            "delivery | WechatPublishComplete | 3.0 | recorded
             upload | 78 | unannounced | - | - | - | none | live
             task | w1 | 78 | other | succeeded",
        ),
        (
            "RestoreMediaComplete in lower camel case",
            r#"{"EventType":"RestoreMediaComplete","RestoreMediaCompleteEvent":{"fileId":"78","originalStorageClass":"ARCHIVE",
                "targetStorageClass":"STANDARD","restoreTier":"Expedited","restoreDay":1,"status":0,"message":""}}"#,
            "delivery | RestoreMediaComplete | 3.0 | recorded
             upload | 78 | unannounced | - | - | - | none | live",
        ),
        (
            "ComposeMediaComplete with its file id as a number beyond 2^53",
            r#"{"EventType":"ComposeMediaComplete","ComposeMediaCompleteEvent":{"TaskId":"c1","Status":"FINISH","ErrCode":0,"Message":"SUCCESS",
                "Input":{"Tracks":[]},"Output":{"FileType":"mp4","FileId":5285485487985271490,"FileUrl":"http://m"},"MetaData":null}}"#,
            "delivery | ComposeMediaComplete | 3.0 | recorded
             upload | 5285485487985271490 | unannounced | - | - | - | none | live
             task | c1 | 5285485487985271490 | other | succeeded",
        ),
        (
            "typed NewFileUpload, but only PullCompleteEvent is filled",
            r#"{"EventHandle":"h","EventType":"NewFileUpload","FileUploadEvent":null,"PullCompleteEvent":{"TaskId":"p1","ErrCode":0,
                "FileId":"78","MediaBasicInfo":{"Name":"n"}}}"#,
            "delivery | PullComplete | 3.0 | recorded
             upload | 78 | announced | n | - | - | none | live
             task | p1 | 78 | other | succeeded",
        ),
        (
            "an item without a type",
            r#"{"EventHandle":"h","FileUploadEvent":{"FileId":"78","MediaBasicInfo":{"Name":"n"}},"PullCompleteEvent":null}"#,
            "delivery | NewFileUpload | 3.0 | recorded
             upload | 78 | announced | n | - | - | none | live",
        ),
        (
            "a type that is null",
            r#"{"EventType":null,"FileDeleteEvent":{"FileIdSet":["78"]}}"#,
            "delivery | FileDeleted | 3.0 | recorded
             upload | 78 | unannounced | - | - | - | none | deleted",
        ),
        (
            "the member that public code invents",
            r#"{"EventType":"NewFileUpload","NewFileUploadEvent":{"FileId":"78"}}"#,
            "delivery | NewFileUpload | 3.0 | recorded
             upload | 78 | announced | - | - | - | none | live",
        ),
        (
            "the member spelled with the d that it lacks",
            r#"{"EventType":"ProcedureStateChanged","ProcedureStateChangedEvent":{"TaskId":"t1","Status":"FINISH","FileId":"78"}}"#,
            "delivery | ProcedureStateChanged | 3.0 | recorded
             upload | 78 | unannounced | - | - | - | succeeded | live
             task | t1 | 78 | procedure | succeeded",
        ),
    ])
    .await;
}

#[actix_web::test]
async fn deletions_tell_files_from_parts_of_files() {
    each_gives_its_rows(&[
        (
            "only transcodes of the second went",
            r#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["1","2"],"FileDeleteResultInfo":[
                {"FileId":"1","DeleteParts":[]},{"FileId":"2","DeleteParts":[{"Type":"TranscodeFiles","Definition":0}]}]}}"#,
            "delivery | FileDeleted | 3.0 | recorded
             upload | 1 | unannounced | - | - | - | none | deleted
             upload | 2 | unannounced | - | - | - | none | live",
        ),
        (
            "no result is told, or a null one",
            r#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["1",2],"FileDeleteResultInfo":null}}"#,
            "delivery | FileDeleted | 3.0 | recorded
             upload | 1 | unannounced | - | - | - | none | deleted
             upload | 2 | unannounced | - | - | - | none | deleted",
        ),
        (
            "parts that are null are no parts",
            r#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["1"],"FileDeleteResultInfo":[{"FileId":"1","DeleteParts":null}]}}"#,
            "delivery | FileDeleted | 3.0 | recorded
             upload | 1 | unannounced | - | - | - | none | deleted",
        ),
        (
            "format 2.0 that did not succeed",
            r#"{"version":"4.0","eventType":"FileDeleted","data":{"status":-1,"message":"no","fileInfo":[{"fileId":"1"}]}}"#,
            "delivery | FileDeleted | 2.0 | recorded
             upload | 1 | unannounced | - | - | - | none | live",
        ),
    ])
    .await;
}

#[actix_web::test]
async fn the_end_of_a_task_is_judged_by_its_parts() {
    each_gives_its_rows(&[
        (
            "FINISH with a part that failed",
            r#"{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{"TaskId":"t","Status":"FINISH","FileId":"1","MetaData":null,
                "MediaProcessResultSet":[{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS","ErrCode":0,"ErrCodeExt":""},"AnimatedGraphicTask":null},
                    {"Type":"ImageSprites","ImageSpriteTask":{"Status":"FAIL","ErrCodeExt":"InternalError","Output":null}}],
                "AiContentReviewResultSet":null,"AiAnalysisResultSet":null,"AiRecognitionResultSet":null,"TasksNotifyMode":""}}"#,
            "delivery | ProcedureStateChanged | 3.0 | recorded
             upload | 1 | unannounced | - | - | - | partly_failed | live
             task | t | 1 | procedure | partly_failed",
        ),
        (
            "FINISH where nothing succeeded",
            r#"{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{"TaskId":"t","Status":"FINISH","FileId":"1",
                "MediaProcessResultSet":[{"Type":"Transcode","TranscodeTask":{"Status":"FAIL","ErrCode":30000}}]}}"#,
            "delivery | ProcedureStateChanged | 3.0 | recorded
             upload | 1 | unannounced | - | - | - | failed | live
             task | t | 1 | procedure | failed",
        ),
        (
            "a deprecated ErrCode beside parts that succeeded",
            r#"{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{"TaskId":"t","Status":"FINISH","ErrCode":1,"FileId":"1",
                "MediaProcessResultSet":[{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS"}}]}}"#,
            "delivery | ProcedureStateChanged | 3.0 | recorded
             upload | 1 | unannounced | - | - | - | succeeded | live
             task | t | 1 | procedure | succeeded",
        ),
        (
            "mode Change: parts have ended, the task has not",
            r#"{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{"TaskId":"t","Status":"PROCESSING","FileId":"1",
                "TasksNotifyMode":"Change","MediaProcessResultSet":[{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS"}}]}}"#,
            "delivery | ProcedureStateChanged | 3.0 | recorded
             upload | 1 | unannounced | - | - | - | processing | live
             task | t | 1 | procedure | processing",
        ),
        (
            "a review alone ends as ReviewAudioVideoComplete",
            r#"{"EventType":"ReviewAudioVideoComplete","ReviewAudioVideoCompleteEvent":{"TaskId":"r","Status":"FINISH","ErrCodeExt":"",
                "Message":"","Input":{"FileId":"1"},"Output":{"Suggestion":"pass"}}}"#,
            "delivery | ReviewAudioVideoComplete | 3.0 | recorded
             upload | 1 | unannounced | - | - | - | succeeded | live
             task | r | 1 | review | succeeded",
        ),
        (
            "a pull that failed makes no upload",
            r#"{"EventType":"PullComplete","PullCompleteEvent":{"TaskId":"p","Status":"FINISH","ErrCode":70000,"Message":"no such url","FileId":"",
                "MediaBasicInfo":null,"FileUrl":""}}"#,
            "delivery | PullComplete | 3.0 | recorded
             task | p |  | other | failed",
        ),
        (
            "a pull of format 2.0 that failed",
            r#"{"version":"4.0","eventType":"PullComplete","data":{"status":-1,"message":"no","vodTaskId":"p","fileId":"","fileUrl":""}}"#,
            "delivery | PullComplete | 2.0 | recorded
             task | p |  | other | failed",
        ),
    ])
    .await;
}

/// Event type, its member, what is in it, the files that it names, its task.
type Known = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    Option<&'static str>,
);

/// Section 4, but for the types that the tests above go into.
#[rustfmt::skip]
const KNOWN: &[Known] = &[
    ("EditMediaComplete", "EditMediaCompleteEvent", r#"{"TaskId":"t","Status":"FINISH","Output":{"FileId":"2"},"ProcedureTaskId":"","ReviewAudioVideoTaskId":""}"#, &["2"], Some("t")),
    ("SplitMediaComplete", "SplitMediaCompleteEvent", r#"{"TaskId":"t","FileInfoSet":[{"Input":{"FileId":"1"},"Output":{"FileId":"2"}},{"Input":{"FileId":"1"},"Output":{"FileId":"3"}}]}"#, &["1", "2", "3"], Some("t")),
    ("ComposeMediaComplete", "ComposeMediaCompleteEvent", r#"{"TaskId":"t","Output":{"FileId":"2"}}"#, &["2"], Some("t")),
    ("RestoreMediaComplete", "RestoreMediaCompleteEvent", r#"{"FileId":"1","Status":0}"#, &["1"], None),
    ("WechatPublishComplete", "WechatPublishCompleteEvent", r#"{"TaskId":"t","FileId":"1"}"#, &["1"], Some("t")),
    ("WechatMiniProgramPublishComplete", "WechatMiniProgramPublishCompleteEvent", r#"{"TaskId":"t","FileId":"1"}"#, &["1"], Some("t")),
    ("RemoveWatermark", "RemoveWatermarkCompleteEvent", r#"{"TaskId":"t","Input":{"FileId":"1"},"Output":{"FileId":"2"}}"#, &["1", "2"], Some("t")),
    ("RebuildMediaComplete", "RebuildMediaCompleteEvent", r#"{"TaskId":"t","Input":{"FileId":"1"},"Output":{"FileId":"2"}}"#, &["1", "2"], Some("t")),
    ("ExtractTraceWatermarkComplete", "ExtractTraceWatermarkCompleteEvent", r#"{"TaskId":"t","Input":{"FileId":"1"}}"#, &["1"], Some("t")),
    ("ExtractCopyRightWatermarkComplete", "ExtractCopyRightWatermarkCompleteEvent", r#"{"TaskId":"t"}"#, &[], Some("t")),
    ("ReduceMediaBitrateComplete", "ReduceMediaBitrateCompleteEvent", r#"{"TaskId":"t","FileId":"1"}"#, &["1"], Some("t")),
    ("DescribeFileAttributesComplete", "DescribeFileAttributesCompleteEvent", r#"{"TaskId":"t","FileId":"1","Output":{"Md5":"m"}}"#, &["1"], Some("t")),
    ("QualityInspectComplete", "QualityInspectCompleteEvent", r#"{"TaskId":"t","Input":{"FileId":"1"}}"#, &["1"], Some("t")),
    ("QualityEnhanceComplete", "QualityEnhanceCompleteEvent", r#"{"TaskId":"t","Input":{"FileId":"1"},"Output":{"FileId":"2"}}"#, &["1", "2"], Some("t")),
    ("MediaCastStatusChanged", "MediaCastStatusChangedEvent", r#"{"CastId":"c","Status":"Idle"}"#, &[], None),
    ("PersistenceComplete", "PersistenceCompleteEvent", r#"{"FileId":"1","PersistenceSource":"s"}"#, &["1"], None),
    ("ComplexAdaptiveDynamicStreamingComplete", "ComplexAdaptiveDynamicStreamingCompleteEvent", r#"{"TaskId":"t","Status":"FINISH"}"#, &[], Some("t")),
    ("ProcessMediaByMPSComplete", "ProcessMediaByMPSCompleteEvent", r#"{"TaskId":"t","Status":"FINISH"}"#, &[], Some("t")),
    ("AigcImageTaskComplete", "AigcImageCompleteEvent", r#"{"TaskId":"t","Output":{"FileInfos":[{"FileId":"2"}]}}"#, &["2"], Some("t")),
    ("AigcVideoTaskComplete", "AigcVideoCompleteEvent", r#"{"TaskId":"t","Output":{"FileInfos":[{"FileId":"2"},{"FileId":"3"}]}}"#, &["2", "3"], Some("t")),
    ("AigcHunyuan3DTaskComplete", "AigcHunyuan3DCompleteEvent", r#"{"TaskId":"t","Output":{"FileInfos":[{"FileId":"2"}]}}"#, &["2"], Some("t")),
    ("DescribeAigcFaceInfoAsyncComplete", "DescribeAigcFaceInfoAsyncCompleteEvent", r#"{"TaskId":"t"}"#, &[], Some("t")),
    ("ExtractBlindWatermarkComplete", "ExtractBlindWatermarkComplete", r#"{"TaskId":"t","Input":{"FileId":"1"}}"#, &["1"], Some("t")),
    ("SceneAigcImageComplete", "SceneAigcImageCompleteEvent", r#"{"TaskId":"t","Output":{"FileInfos":[{"FileId":"2"}]}}"#, &["2"], Some("t")),
    ("ProcessImageAsyncComplete", "ProcessImageAsyncCompleteEvent", r#"{"TaskId":"t","Output":{"FileInfo":{"FileId":"2"}}}"#, &["2"], Some("t")),
    ("CreateAigcAdvancedCustomElementComplete", "CreateAigcAdvancedCustomElementCompleteEvent", r#"{"TaskId":"t"}"#, &[], Some("t")),
    ("CreateAigcCustomVoiceComplete", "CreateAigcCustomVoiceCompleteEvent", r#"{"TaskId":"t"}"#, &[], Some("t")),
    ("TranscodeComplete", "TranscodeCompleteEvent", r#"{"TaskId":"t","FileId":"1"}"#, &["1"], Some("t")),
    ("ConcatComplete", "ConcatCompleteEvent", r#"{"TaskId":"t","FileInfoSet":[{"FileId":"1"},{"FileId":"2"}]}"#, &["1", "2"], Some("t")),
    ("ClipComplete", "ClipCompleteEvent", r#"{"TaskId":"t","SrcFileId":"1","FileInfo":{"FileId":"2"}}"#, &["1", "2"], Some("t")),
    ("CreateImageSpriteComplete", "CreateImageSpriteCompleteEvent", r#"{"TaskId":"t","FileId":"1"}"#, &["1"], Some("t")),
    ("CreateSnapshotByTimeOffsetComplete", "SnapshotByTimeOffsetCompleteEvent", r#"{"TaskId":"t","FileId":"1"}"#, &["1"], Some("t")),
];

#[actix_web::test]
async fn every_known_event_type_is_kept_by_type_file_and_task_however_much_is_null_or_left_out() {
    let app = TestApp::with(an_app_a_case(KNOWN.len())).await;
    for (case, (event_type, member, inner, files, task)) in KNOWN.iter().enumerate() {
        let name = format!("c{case}");
        let (first, second): (Vec<_>, Vec<_>) = KNOWN
            .iter()
            .filter(|known| known.1 != *member)
            .map(|known| format!(r#""{}":null,"#, known.1))
            .enumerate()
            .partition(|(at, _)| at % 2 == 0);
        let some = |nulls: Vec<(usize, String)>| nulls.into_iter().map(|(_, null)| null);
        let bodies = [
            format!(r#"{{"EventType":"{event_type}","{member}":{inner}}}"#),
            format!(
                r#"{{"EventHandle":"h","EventType":"{event_type}",{}"{member}":{inner}}}"#,
                some(first).collect::<String>()
            ),
            format!(
                r#"{{{}"{member}":{inner},"EventType":"{event_type}"}}"#,
                some(second).collect::<String>()
            ),
            format!(r#"{{"{member}":{inner}}}"#),
        ];
        for (time, body) in bodies.iter().enumerate() {
            let answer = app.push_to(&name, body.clone()).await;
            // What names neither file nor task cannot be known already.
            let is_news = time == 0 || (files.is_empty() && task.is_none());
            let status = if is_news { "recorded" } else { "duplicate" };
            assert_eq!(answer, Answer::receipt(status), "{body}");
        }
        let mut rows = vec![format!("delivery | {event_type} | 3.0 | recorded"); bodies.len()];
        for file in *files {
            rows.push(format!(
                "upload | {file} | unannounced | - | - | - | none | live"
            ));
        }
        if let Some(task) = task {
            let subject = files.first().unwrap_or(&"");
            rows.push(format!("task | {task} | {subject} | other | succeeded"));
        }
        assert_eq!(app.rows_of(&name).await, rows, "{event_type}");
    }
}

/// What an upload's row shows of the file, and how it is attributed.
const SHOWN: &str = "SELECT jsonb_build_object('source_type', source_type, 'source_context', source_context, 'name', name, 'type', type,
    'media_url', media_url, 'cover_url', cover_url, 'class_id', class_id, 'storage_region', storage_region,
    'size_bytes', size_bytes, 'duration_s', duration_s, 'width', width, 'height', height, 'bitrate_bps', bitrate_bps,
    'uploaded_at', uploaded_at AT TIME ZONE 'UTC', 'procedure_task_id', procedure_task_id, 'review_task_id', review_task_id,
    'announced', announced_at IS NOT NULL, 'reason', attribution_reason)
    FROM uploads WHERE app = 'main' AND file_id = $1";

impl TestApp {
    async fn shown(&self, file_id: &str) -> Value {
        sqlx::query_scalar(SHOWN)
            .bind(file_id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

/// An upload with every member that section 3 lists, and the columns that each fills.
pub fn complete_upload() -> (Value, Value, &'static [(&'static str, &'static str)]) {
    let body = json!({
        "EventType": "NewFileUpload",
        "FileUploadEvent": {
            "FileId": "1",
            "MediaBasicInfo": {
                "Name": "holiday", "Description": "d", "CreateTime": "2026-11-23T07:59:00Z", "UpdateTime": "2026-11-23T07:59:02Z",
                "ExpireTime": "9999-12-31T23:59:59Z", "ClassId": 7, "ClassName": "c", "ClassPath": "-1", "CoverUrl": "http://cover",
                "Type": "mp4", "MediaUrl": "http://media",
                "SourceInfo": {
                    "SourceType": "Record", "SourceContext": "{\"UserId\":\"5\"}",
                    "LiveRecordInfo": {"Domain": "d", "Path": "p", "StreamId": "s", "RecordStartTime": "2026-11-23T07:00:00Z", "RecordEndTime": "2026-11-23T07:30:00Z"},
                    "TrtcRecordInfo": {"SdkAppId": 1, "RoomId": "r", "TaskId": "not-a-task", "UserIds": ["u"]},
                    "WebPageRecordInfo": {"RecordUrl": "u", "RecordTaskId": "not-a-task"}
                },
                "StorageRegion": "ap-chongqing", "StoragePath": "s", "TagSet": ["t"], "Vid": "1", "Category": "Video", "Status": "Normal",
                "StorageClass": "STANDARD"
            },
            "ProcedureTaskId": "1-Procedure-1", "ReviewAudioVideoTaskId": "1-Review-1",
            "MetaData": {
                "Size": 7_700_180, "Container": "mov", "Bitrate": 1_021_028, "Height": 480, "Width": 640, "Duration": 60.5, "Rotate": 0,
                "VideoStreamSet": [{"Bitrate": 637_174, "Height": 1, "Width": 2, "Codec": "h264", "Fps": 23}],
                "AudioStreamSet": [{"Bitrate": 383_854, "SamplingRate": 48_000, "Codec": "aac"}],
                "VideoDuration": 60.0, "AudioDuration": 59.99, "Md5": "m"
            }
        }
    });
    let shown = json!({
        "source_type": "Record", "source_context": "{\"UserId\":\"5\"}", "name": "holiday", "type": "mp4", "media_url": "http://media",
        "cover_url": "http://cover", "class_id": 7, "storage_region": "ap-chongqing", "size_bytes": 7_700_180, "duration_s": 60.5, "width": 640,
        "height": 480, "bitrate_bps": 1_021_028, "uploaded_at": "2026-11-23T07:59:00", "procedure_task_id": "1-Procedure-1",
        "review_task_id": "1-Review-1", "announced": true, "reason": "foreign_context"
    });
    let filled_by = &[
        ("/MediaBasicInfo/SourceInfo/SourceType", "source_type"),
        ("/MediaBasicInfo/SourceInfo/SourceContext", "source_context"),
        ("/MediaBasicInfo/Name", "name"),
        ("/MediaBasicInfo/Type", "type"),
        ("/MediaBasicInfo/MediaUrl", "media_url"),
        ("/MediaBasicInfo/CoverUrl", "cover_url"),
        ("/MediaBasicInfo/ClassId", "class_id"),
        ("/MediaBasicInfo/StorageRegion", "storage_region"),
        ("/MediaBasicInfo/CreateTime", "uploaded_at"),
        ("/MetaData/Size", "size_bytes"),
        ("/MetaData/Duration", "duration_s"),
        ("/MetaData/Width", "width"),
        ("/MetaData/Height", "height"),
        ("/MetaData/Bitrate", "bitrate_bps"),
        ("/ProcedureTaskId", "procedure_task_id"),
        ("/ReviewAudioVideoTaskId", "review_task_id"),
    ];
    (body, shown, filled_by)
}

/// The same of format 2.0: documented members, and those of real bodies.
pub fn complete_legacy_upload() -> (Value, Value, &'static [(&'static str, &'static str)]) {
    let body = json!({
        "version": "4.0",
        "eventType": "NewFileUpload",
        "data": {
            "status": 0, "message": "", "vodTaskId": "", "fileId": "1", "fileName": "holiday", "coverUrl": "http://cover",
            "fileUrl": "http://media", "author": "a", "sourceType": "ClientUpload", "sourceContext": "mine", "streamId": "s", "continued": 0,
            "procedureTaskId": "1-mango-1", "transcodeTaskId": "t", "porncheckTaskId": "p", "imageSpriteTaskId": "i",
            "metaData": {
                "audioDuration": 59, "audioStreamList": [], "bitrate": 1_021_028, "container": "mp4", "duration": 60, "floatDuration": 60.5,
                "height": 480, "md5": "", "rotate": 0, "size": 7_700_180, "totalSize": 9_999_999, "videoDuration": 60,
                "videoStreamList": [{"bitrate": 1, "codec": "h264", "fps": 24, "height": 2, "width": 3}], "width": 640
            }
        }
    });
    let shown = json!({
        "source_type": "ClientUpload", "source_context": "mine", "name": "holiday", "type": null, "media_url": "http://media",
        "cover_url": "http://cover", "class_id": null, "storage_region": null, "size_bytes": 7_700_180, "duration_s": 60.5, "width": 640,
        "height": 480, "bitrate_bps": 1_021_028, "uploaded_at": null, "procedure_task_id": "1-mango-1", "review_task_id": null,
        "announced": true, "reason": "foreign_context"
    });
    let filled_by = &[
        ("/sourceType", "source_type"),
        ("/sourceContext", "source_context"),
        ("/fileName", "name"),
        ("/fileUrl", "media_url"),
        ("/coverUrl", "cover_url"),
        ("/metaData/size", "size_bytes"),
        ("/metaData/floatDuration", "duration_s"),
        ("/metaData/width", "width"),
        ("/metaData/height", "height"),
        ("/metaData/bitrate", "bitrate_bps"),
        ("/procedureTaskId", "procedure_task_id"),
    ];
    (body, shown, filled_by)
}

/// Leaves out, and makes null, each member in turn: only the columns that it fills go.
async fn each_member_may_be_missing(
    root: &str,
    file_id: &str,
    (body, shown, filled_by): (Value, Value, &[(&str, &str)]),
) {
    let app = TestApp::start().await;
    let file_id = format!("{root}/{file_id}");
    let event = places(&body);
    let event: Vec<_> = event
        .iter()
        .filter_map(|place| place.strip_prefix(root))
        .filter(|place| !place.is_empty() && format!("{root}{place}") != file_id)
        .collect();
    let missing = |place: &str| {
        let mut shown = shown.clone();
        for (by, column) in filled_by {
            if by
                .strip_prefix(place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            {
                shown[column] = Value::Null;
            }
        }
        // 2.0 has a rounded duration beside the exact one.
        if place == "/metaData/floatDuration" {
            shown["duration_s"] = json!(60);
        }
        if shown["source_context"].is_null() {
            shown["reason"] = json!("no_context");
        }
        shown
    };
    let mut cases = vec![("nothing is missing".to_owned(), body.clone(), shown.clone())];
    for place in event {
        let at = format!("{root}{place}");
        cases.push((
            format!("without {place}"),
            without(&body, &at),
            missing(place),
        ));
        cases.push((
            format!("{place} is null"),
            with(&body, &at, Value::Null),
            missing(place),
        ));
    }
    for (case, (title, body, shown)) in cases.into_iter().enumerate() {
        let id = format!("77{case:03}");
        let body = with(&body, &file_id, json!(id)).to_string();
        assert_eq!(app.push(body).await, Answer::receipt("recorded"), "{title}");
        assert_eq!(app.shown(&id).await, shown, "{title}");
    }
}

#[actix_web::test]
async fn any_member_of_an_upload_but_its_file_id_may_be_absent_or_null() {
    each_member_may_be_missing("/FileUploadEvent", "FileId", complete_upload()).await;
}

#[actix_web::test]
async fn any_member_of_a_legacy_upload_but_its_file_id_may_be_absent_or_null() {
    each_member_may_be_missing("/data", "fileId", complete_legacy_upload()).await;
}

#[actix_web::test]
async fn the_flat_members_of_the_older_legacy_page_are_read() {
    let app = TestApp::start().await;
    let body = r#"{"version":"4.0","eventType":"NewFileUpload","data":{"status":0,"message":"","fileId":"1","fileName":"holiday",
        "fileUrl":"http://media","sourceType":"Pull","duration":12,"fileSize":"99","width":640,"height":480,"bitrate":5,
        "transcodeTaskId":"t","imageSpriteTaskId":"i"}}"#;
    assert_eq!(app.push(body).await, Answer::receipt("recorded"));
    let mut shown: Map<String, Value> = app.shown("1").await.as_object().unwrap().clone();
    shown.retain(|_, value| !value.is_null());
    assert_eq!(
        Value::Object(shown),
        json!({"source_type": "Pull", "name": "holiday", "media_url": "http://media", "size_bytes": 99, "duration_s": 12, "width": 640,
            "height": 480, "bitrate_bps": 5, "announced": true, "reason": "no_context"})
    );
}

#[actix_web::test]
async fn an_upload_with_nothing_but_its_file_id_is_recorded_in_either_format() {
    let app = TestApp::start().await;
    let nothing = json!({"source_type": null, "source_context": null, "name": null, "type": null, "media_url": null, "cover_url": null,
        "class_id": null, "storage_region": null, "size_bytes": null, "duration_s": null, "width": null, "height": null,
        "bitrate_bps": null, "uploaded_at": null, "procedure_task_id": null, "review_task_id": null, "announced": true,
        "reason": "no_context"});
    for (id, body) in [
        (
            "1",
            r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"1"}}"#,
        ),
        (
            "2",
            r#"{"version":"4.0","eventType":"NewFileUpload","data":{"fileId":"2"}}"#,
        ),
    ] {
        assert_eq!(app.push(body).await, Answer::receipt("recorded"), "{body}");
        assert_eq!(app.shown(id).await, nothing, "{body}");
    }
}

#[actix_web::test]
async fn an_empty_text_is_null() {
    let app = TestApp::start().await;
    let (body, mut shown, filled_by) = complete_upload();
    let mut body = with(&body, "/FileUploadEvent/FileId", json!("77"));
    for (place, column) in filled_by {
        let place = format!("/FileUploadEvent{place}");
        if body.pointer(&place).unwrap().is_string() {
            body = with(&body, &place, json!(""));
            shown[column] = Value::Null;
        }
    }
    shown["reason"] = json!("no_context");
    assert_eq!(
        app.push(body.to_string()).await,
        Answer::receipt("recorded")
    );
    assert_eq!(app.shown("77").await, shown);
}

#[actix_web::test]
async fn an_upload_is_ours_by_its_context_whatever_its_source_type() {
    let app = TestApp::start().await;
    let types = [
        json!("Upload"),
        json!("Record"),
        json!("VideoProcessing"),
        json!("TrtcRecord"),
        json!("WebPageRecord"),
        json!("Unknown"),
        json!("ClientUpload"),
        json!("ServerUpload"),
        json!("Pull"),
        json!("a new one"),
        json!(""),
        json!(null),
        json!(3),
        json!({}),
    ];
    for (case, source_type) in types.iter().enumerate() {
        let user = format!("user-{case}");
        let ticket = app.ticket(&user).await;
        let (three, two) = (format!("3{case:02}"), format!("2{case:02}"));
        for (id, body) in [
            (
                &three,
                json!({"EventType": "NewFileUpload", "FileUploadEvent": {"FileId": three, "MediaBasicInfo":
                {"SourceInfo": {"SourceType": source_type, "SourceContext": ticket}}}}),
            ),
            (
                &two,
                json!({"version": "4.0", "eventType": "NewFileUpload", "data":
                {"fileId": two, "sourceType": source_type, "sourceContext": ticket}}),
            ),
        ] {
            assert_eq!(
                app.push(body.to_string()).await,
                Answer::receipt("recorded"),
                "{body}"
            );
            let upload = app.upload(id).await;
            assert_eq!(upload["user_id"], user, "{body}");
            assert_eq!(upload["attribution"]["reason"], "ticket", "{body}");
        }
    }
}

#[actix_web::test]
async fn the_session_context_of_a_task_finds_the_user_before_the_upload_is_known() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let task = json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {"TaskId": "t", "Status": "FINISH", "FileId": "77",
        "SessionContext": ticket, "SessionId": "", "MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": {"Status": "SUCCESS"}}]}});
    assert_eq!(
        app.push(task.to_string()).await,
        Answer::receipt("recorded")
    );
    let (status, list) = app.get("/v1/uploads").await;
    assert_eq!(
        (status, list["items"].clone()),
        (StatusCode::OK, json!([])),
        "not announced yet"
    );
    let upload =
        r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"77","ProcedureTaskId":"t"}}"#;
    assert_eq!(app.push(upload).await, Answer::receipt("recorded"));
    let upload = app.upload("77").await;
    assert_eq!(upload["user_id"], "ann");
    assert_eq!(upload["attribution"]["reason"], "session_ticket");
    assert_eq!(upload["processing"], "succeeded");
}

#[actix_web::test]
async fn a_task_never_goes_back_from_finished_to_processing() {
    let app = TestApp::start().await;
    let told = |status: &str| {
        format!(
            r#"{{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{{"TaskId":"t","Status":"{status}","FileId":"77"}}}}"#
        )
    };
    assert_eq!(app.push(told("FINISH")).await, Answer::receipt("recorded"));
    assert_eq!(
        app.push(told("PROCESSING")).await,
        Answer::receipt("duplicate")
    );
    let rows = app.rows_of("main").await;
    assert_eq!(
        rows[2..],
        [
            "upload | 77 | unannounced | - | - | - | succeeded | live",
            "task | t | 77 | procedure | succeeded"
        ]
    );
}

#[actix_web::test]
async fn a_time_finer_than_postgres_holds_is_news_only_once() {
    let app = TestApp::start().await;
    for (case, time, shown) in [
        (
            0,
            "2026-11-23T07:59:02.123456789Z",
            "2026-11-23T07:59:02.123456",
        ),
        (1, "2016-12-31T23:59:60Z", "2017-01-01T00:00:00"),
        (2, "2026-11-23T15:59:02+08:00", "2026-11-23T07:59:02"),
    ] {
        let id = format!("77{case}");
        let mut body = new_file_upload(&id, "");
        body["FileUploadEvent"]["MediaBasicInfo"]["CreateTime"] = json!(time);
        body["FileUploadEvent"]["MediaBasicInfo"]["UpdateTime"] = json!(time);
        assert_eq!(
            app.push(body.to_string()).await,
            Answer::receipt("recorded"),
            "{time}"
        );
        assert_eq!(
            app.push(body.to_string()).await,
            Answer::receipt("duplicate"),
            "{time}"
        );
        assert_eq!(app.shown(&id).await["uploaded_at"], shown, "{time}");
    }
}
