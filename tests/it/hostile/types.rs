//! A value of the wrong type, in the place of every value of every sample.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::upload_of;
use crate::door::{Answer, an_app_a_case, places, with};
use crate::harness::TestApp;
use crate::irregular::{complete_legacy_upload, complete_upload};

/// What is put in the place of each value.
#[rustfmt::skip]
const ODD: [&str; 14] = [
    "null", "true", "0", "-1", "1.5", "1e999", "99999999999999999999999999999999", r#""""#, r#""text""#, r#""\u0000\ud800""#, "[]", "[[1],{}]",
    "{}", r#"{"a":{"FileId":[]}}"#,
];

/// A sample with each of its values replaced in turn: where, and the body.
fn replaced(sample: &Value) -> Vec<(String, String)> {
    let all = places(sample).into_iter().flat_map(|place| {
        let marked = with(sample, &place, json!("@@")).to_string();
        ODD.map(|odd| (place.clone(), marked.replace("\"@@\"", odd)))
    });
    all.collect()
}

#[actix_web::test]
async fn a_value_of_the_wrong_type_costs_no_more_than_itself() {
    let (three, ..) = complete_upload();
    let (two, ..) = complete_legacy_upload();
    for (sample, of_id) in [(three, "/FileUploadEvent/FileId"), (two, "/data/fileId")] {
        let app = TestApp::start().await;
        let cases: Vec<_> = replaced(&sample)
            .into_iter()
            .enumerate()
            .map(|(case, (place, body))| {
                let id = format!("77{case:05}");
                // The first is the file's own.
                let body = body.replacen(r#"Id":"1""#, &format!(r#"Id":"{id}""#), 1);
                (id, place, body)
            })
            .collect();
        // What holds the file id, or alone says that it is an upload.
        let hides = |place: &str| of_id.starts_with(place) || place == "/eventType";
        let mut sent = BTreeMap::<Vec<u8>, usize>::new();
        for some in cases.chunks(16) {
            let answers = join_all(some.iter().map(|(.., body)| app.push(body.clone()))).await;
            for ((_, place, body), answer) in some.iter().zip(answers) {
                *sent.entry(body.clone().into_bytes()).or_default() += 1;
                if hides(place) {
                    assert!([200, 400].contains(&answer.status), "{answer:?}: {body}");
                } else {
                    assert_eq!(answer, Answer::receipt("recorded"), "{body}");
                }
            }
        }
        let mut kept = BTreeMap::<Vec<u8>, usize>::new();
        for delivery in app.kept().await {
            *kept.entry(delivery.body).or_default() += 1;
        }
        assert!(kept == sent, "every body is kept, byte for byte");
        let announced = "SELECT file_id FROM uploads WHERE announced_at IS NOT NULL";
        let announced: Vec<String> = sqlx::query_scalar(announced)
            .fetch_all(&app.pool)
            .await
            .unwrap();
        let announced: HashSet<_> = announced.iter().collect();
        for (id, place, body) in &cases {
            assert!(hides(place) || announced.contains(id), "{body}");
        }
        app.works_as_before().await;
    }
}

#[actix_web::test]
async fn no_wrong_type_in_any_other_event_is_an_error_of_ours() {
    let upload = r#"{"FileId":"1","ProcedureTaskId":"t"}"#;
    let samples = [
        r#"{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{"TaskId":"t","Status":"FINISH","ErrCode":0,"FileId":"1","FileName":"n",
            "FileUrl":"u","MetaData":{"Size":1,"Duration":1.5},"MediaProcessResultSet":[{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS",
            "ErrCodeExt":"","Message":"m"}}],"SessionContext":"c"}}"#.to_owned(),
        r#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["1","2"],"FileDeleteResultInfo":[{"FileId":"1","DeleteParts":[{"Type":"T"}]}]}}"#.to_owned(),
        r#"{"version":"4.0","eventType":"PullComplete","data":{"TaskId":"p","ErrCode":0,"FileId":"1","MediaBasicInfo":{"MediaBasicInfo":{"Name":"n"}}}}"#.to_owned(),
        r#"{"EventType":"ConcatComplete","ConcatCompleteEvent":{"TaskId":"t","FileInfoSet":[{"ErrCode":0,"FileId":"1"}]},"Sign":"s","T":1}"#.to_owned(),
        format!(r#"{{"Response":{{"EventSet":[{{"EventHandle":"h","EventType":"NewFileUpload","FileUploadEvent":{upload},"PullCompleteEvent":null}}]}}}}"#),
        r#"{"code":0,"eventList":[{"msgHandle":"m","eventContent":{"version":4,"eventType":"NewFileUpload","data":{"fileId":"1"}}}]}"#.to_owned(),
    ];
    let app = TestApp::with(an_app_a_case(samples.len())).await;
    for (case, sample) in samples.iter().enumerate() {
        let name = format!("c{case}");
        let cases = replaced(&serde_json::from_str(sample).unwrap());
        for some in cases.chunks(16) {
            let answers = join_all(
                some.iter()
                    .map(|(_, body)| app.push_to(&name, body.clone())),
            )
            .await;
            for ((_, body), answer) in some.iter().zip(answers) {
                let code = answer.body.get("code");
                assert!(
                    answer.status == 200 || code == Some(&json!("invalid_request")),
                    "{answer:?}: {body}"
                );
            }
        }
        let kept = app.kept_of(&name).await;
        assert!(kept.len() >= cases.len(), "{sample}");
        for delivery in kept {
            let body = String::from_utf8(delivery.body).unwrap();
            assert!(cases.iter().any(|(_, sent)| sent.contains(&body)), "{body}");
        }
    }
    for case in 0..samples.len() {
        let answer = app
            .push_to(&format!("c{case}"), upload_of("9000000000000000001"))
            .await;
        assert_eq!(answer, Answer::receipt("recorded"));
    }
}
