//! What goes wrong, as it was scripted.

use super::*;

fn upload() -> Value {
    json!({"EventType": "NewFileUpload", "FileUploadEvent": {"FileId": "1"}})
}

#[actix_web::test]
async fn faults_are_met_in_order_each_by_the_calls_it_is_meant_for() {
    let vod = vod();
    vod.simulator.emit(upload());
    vod.simulator
        .fail(Fault::code("RequestLimitExceeded").on("SearchMedia"));
    vod.simulator.fail(Fault::code("InternalError").times(2));
    vod.simulator
        .fail(Fault::code("AuthFailure.SignatureExpire").on("PullEvents"));
    assert_eq!(vod.simulator.faults_left(), 4);
    for code in [
        "InternalError",
        "InternalError",
        "AuthFailure.SignatureExpire",
    ] {
        assert_eq!(vod.refusal("PullEvents", json!({})).await, code);
    }
    assert_eq!(vod.pull().await.len(), 1);
    assert_eq!(
        vod.refusal("SearchMedia", json!({})).await,
        "RequestLimitExceeded"
    );
    assert_eq!(vod.simulator.faults_left(), 0);
}

#[actix_web::test]
async fn a_hang_up_answers_nothing_and_does_nothing() {
    let vod = vod();
    vod.simulator.emit(upload());
    vod.simulator.fail(Fault::once(FaultKind::HangUp));
    let failed = vod.send("PullEvents", &json!({})).await.unwrap_err();
    assert!(failed.is_request(), "{failed:?}");
    assert_eq!(vod.simulator.queued(), 1);
    assert_eq!(vod.pull().await.len(), 1);
}

#[actix_web::test]
async fn a_cut_body_has_its_headers_and_half_of_what_was_done() {
    let vod = vod();
    vod.simulator.emit(upload());
    vod.simulator.fail(Fault::once(FaultKind::CutBody));
    let mut answer = vod.send("PullEvents", &json!({})).await.unwrap();
    let length = answer.content_length().unwrap();
    let half = answer.chunk().await.unwrap().unwrap();
    assert_eq!(u64::try_from(half.len()).unwrap(), length / 2);
    assert!(answer.chunk().await.is_err());
    assert_eq!(vod.simulator.queued(), 0, "it was handed out");
    assert_eq!(vod.simulator.unconfirmed(), 1);
}

#[actix_web::test]
async fn a_stalled_body_and_a_late_answer_come_later() {
    let vod = vod();
    let second = Duration::from_secs(1);
    vod.simulator
        .fail(Fault::once(FaultKind::StallBody(60 * second)));
    let mut answer = vod.send("SearchMedia", &json!({})).await.unwrap();
    answer.chunk().await.unwrap().unwrap();
    let rest = tokio::time::timeout(Duration::from_millis(200), answer.chunk());
    assert!(rest.await.is_err(), "nothing came");
    vod.simulator
        .fail(Fault::once(FaultKind::Delay(60 * second)));
    let body = json!({});
    let late = vod.send("SearchMedia", &body);
    let late = tokio::time::timeout(Duration::from_millis(200), late);
    assert!(late.await.is_err(), "nothing came");
}

#[actix_web::test]
async fn sets_are_null_or_empty_and_members_unknown() {
    let vod = vod();
    vod.simulator.emit(upload());
    for (kind, set) in [
        (FaultKind::NullSet, Value::Null),
        (FaultKind::EmptySet, json!([])),
    ] {
        for action in ["PullEvents", "SearchMedia", "DescribeMediaInfos"] {
            vod.simulator.fail(Fault::once(kind.clone()).on(action));
        }
        let answer = vod.ask("PullEvents", json!({})).await;
        assert_eq!(answer.get("EventSet"), Some(&set));
        let answer = vod.ask("SearchMedia", json!({})).await;
        assert_eq!(answer.get("MediaInfoSet"), Some(&set));
        let answer = vod
            .ask("DescribeMediaInfos", json!({"FileIds": ["1"]}))
            .await;
        assert_eq!(answer.get("MediaInfoSet"), Some(&set));
        assert_eq!(answer.get("NotExistFileIdSet"), Some(&set));
    }
    vod.simulator.fail(Fault::once(FaultKind::UnknownMembers));
    let answer = vod.ask("PullEvents", json!({})).await;
    assert!(answer["StructOfTomorrow"].is_object());
    let event = &answer["EventSet"][0]["FileUploadEvent"];
    assert_eq!(event["FileId"], "1");
    assert_eq!(event["MemberOfTomorrow"], "a text");
}

#[actix_web::test]
async fn what_stands_between_may_answer_in_its_place() {
    let vod = vod();
    vod.simulator.fail(Fault::once(FaultKind::Status(502)));
    let answer = vod.send("PullEvents", &json!({})).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().starts_with("<html>"));
}
