//! How the processing of an upload goes, whatever VOD was asked to tell of it and in whatever order it comes
//! (protocol.md section 6).

use serde_json::{Value, json};
use vod_receiver::record::Outcome;

use crate::harness::{TestApp, new_file_upload};

/// An event about a file whose id is put in later.
type Told = fn(&str) -> Value;

/// What is told, in VOD's usual order, and how the processing goes after each.
type Case = (&'static str, &'static [(Told, &'static str)]);

fn upload(file: &str, procedure: &str, review: &str) -> Value {
    let mut upload = new_file_upload(file, "");
    upload["FileUploadEvent"]["ProcedureTaskId"] = json!(procedure);
    upload["FileUploadEvent"]["ReviewAudioVideoTaskId"] = json!(review);
    upload
}

/// A `ProcedureStateChanged` of task `p` as its newest sample is: without ErrCode and Message.
fn procedure(file: &str, mode: &str, status: &str, parts: &[&str]) -> Value {
    let parts: Vec<Value> = parts
        .iter()
        .map(|status| {
            let code = if *status == "FAIL" {
                "InternalError"
            } else {
                ""
            };
            json!({"Type": "Transcode", "TranscodeTask": {"Status": status, "ErrCodeExt": code}})
        })
        .collect();
    json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
        "TaskId": "p", "Status": status, "FileId": file, "MediaProcessResultSet": parts,
        "AiContentReviewResultSet": null, "TasksNotifyMode": mode}})
}

fn review(file: &str, code: &str) -> Value {
    json!({"EventType": "ReviewAudioVideoComplete", "ReviewAudioVideoCompleteEvent": {
        "TaskId": "r", "Status": "FINISH", "ErrCodeExt": code, "Message": "", "Input": {"FileId": file}}})
}

const CASES: &[Case] = &[
    (
        "nothing was asked for",
        &[(|file| upload(file, "", ""), "none")],
    ),
    (
        "mode Finish tells of the end alone",
        &[
            (|file| upload(file, "p", ""), "waiting"),
            (
                |file| procedure(file, "Finish", "FINISH", &["SUCCESS", "SUCCESS"]),
                "succeeded",
            ),
        ],
    ),
    (
        "mode Change tells of each sub-task, and the end is mixed",
        &[
            (|file| upload(file, "p", ""), "waiting"),
            (
                |file| procedure(file, "Change", "PROCESSING", &["PROCESSING"]),
                "processing",
            ),
            (
                |file| procedure(file, "Change", "PROCESSING", &["SUCCESS", "PROCESSING"]),
                "processing",
            ),
            (
                |file| procedure(file, "Change", "FINISH", &["SUCCESS", "FAIL"]),
                "partly_failed",
            ),
        ],
    ),
    (
        "mode None tells nothing: it waits until VOD is asked",
        &[(|file| upload(file, "p", ""), "waiting")],
    ),
    (
        "no mode is told, and FINISH is no success",
        &[
            (|file| upload(file, "p", ""), "waiting"),
            (
                |file| procedure(file, "", "FINISH", &["FAIL", "FAIL"]),
                "failed",
            ),
        ],
    ),
    (
        "a template that only reviews has no ProcedureStateChanged",
        &[
            (|file| upload(file, "", "r"), "waiting"),
            (|file| review(file, ""), "succeeded"),
        ],
    ),
    (
        "a review that failed",
        &[
            (|file| upload(file, "", "r"), "waiting"),
            (|file| review(file, "FailedOperation"), "failed"),
        ],
    ),
    (
        "a procedure and a review: both have to end",
        &[
            (|file| upload(file, "p", "r"), "waiting"),
            (
                |file| procedure(file, "Finish", "FINISH", &["SUCCESS"]),
                "processing",
            ),
            (|file| review(file, ""), "succeeded"),
        ],
    ),
    (
        "a procedure that succeeded and a review that failed",
        &[
            (|file| upload(file, "p", "r"), "waiting"),
            (|file| review(file, "FailedOperation"), "processing"),
            (
                |file| procedure(file, "Finish", "FINISH", &["SUCCESS"]),
                "partly_failed",
            ),
        ],
    ),
    (
        "a later task on the file is not the one that the upload started",
        &[
            (|file| upload(file, "p", ""), "waiting"),
            (
                |file| procedure(file, "Finish", "FINISH", &["SUCCESS"]),
                "succeeded",
            ),
            (
                |file| {
                    let mut later = procedure(file, "Finish", "FINISH", &["FAIL"]);
                    later["ProcedureStateChangeEvent"]["TaskId"] = json!("later");
                    later
                },
                "succeeded",
            ),
        ],
    ),
    (
        "format 2.0",
        &[
            (
                |file| {
                    json!({"version": "4.0", "eventType": "NewFileUpload",
                        "data": {"fileId": file, "procedureTaskId": "p"}})
                },
                "waiting",
            ),
            (
                |file| {
                    json!({"version": "4.0", "eventType": "ProcedureStateChanged", "data": {
                        "vodTaskId": "p", "status": "PROCESSING", "fileId": file, "errCode": 0,
                        "processTaskList": [{"taskType": "Transcode", "status": "SUCCESS", "errCode": 0}]}})
                },
                "processing",
            ),
            (
                |file| {
                    json!({"version": "4.0", "eventType": "ProcedureStateChanged", "data": {
                        "vodTaskId": "p", "status": "FINISH", "fileId": file,
                        "processTaskList": [{"taskType": "Transcode", "status": "SUCCESS"}, {"status": "FAIL", "errCode": 1}]}})
                },
                "partly_failed",
            ),
        ],
    ),
];

#[actix_web::test]
async fn processing_is_right_after_each_event_in_vods_order() {
    let app = TestApp::start().await;
    for (case, (name, steps)) in CASES.iter().enumerate() {
        let file = format!("66{case:02}");
        for (told, processing) in *steps {
            let outcome = app.recorder.submit(vec![app.delivery(&told(&file))]).await;
            assert_ne!(outcome.unwrap(), [Outcome::Quarantined], "{name}");
            let upload = app.upload(&file).await;
            assert_eq!(upload["processing"], *processing, "{name}");
        }
    }
}

#[actix_web::test]
async fn processing_ends_the_same_in_every_order_of_the_events() {
    let app = TestApp::start().await;
    for (case, (name, steps)) in CASES.iter().enumerate() {
        let processing = steps.last().unwrap().1;
        for (turn, order) in orders(steps.len()).into_iter().enumerate() {
            let file = format!("67{case:02}{turn:02}");
            for at in &order {
                app.callback(steps[*at].0(&file).to_string()).await;
            }
            let upload = app.upload(&file).await;
            assert_eq!(upload["processing"], processing, "{name}: {order:?}");
        }
    }
}

/// Every order of so many things.
fn orders(length: usize) -> Vec<Vec<usize>> {
    let Some(last) = length.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let shorter = orders(last).into_iter();
    shorter
        .flat_map(|order| {
            (0..length).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, last);
                longer
            })
        })
        .collect()
}
