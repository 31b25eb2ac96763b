//! PullEvents, ConfirmEvents, DescribeEventsState (protocol.md section 5).

use super::*;

fn upload(file_id: &str) -> Value {
    json!({"EventType": "NewFileUpload", "FileUploadEvent": {"FileId": file_id}})
}

#[actix_web::test]
async fn what_is_not_confirmed_comes_again_after_30_s_under_another_handle() {
    let vod = vod();
    vod.simulator.emit(upload("1"));
    let first = vod.pull().await;
    assert_eq!(first[0]["FileUploadEvent"]["FileId"], "1");
    assert_eq!(vod.simulator.queued(), 0);
    assert_eq!(vod.simulator.unconfirmed(), 1);

    vod.clock.advance(TimeDelta::milliseconds(29_999));
    assert!(vod.pull().await.is_empty(), "hidden for 30 s");
    vod.clock.advance(TimeDelta::milliseconds(1));
    let late = json!({"EventHandles": handles(&first)});
    let refused = vod.refusal("ConfirmEvents", late.clone()).await;
    assert_eq!(refused, "InvalidParameterValue", "its time is over");

    let second = vod.pull().await;
    assert_eq!(second[0]["FileUploadEvent"]["FileId"], "1");
    assert_ne!(handles(&first), handles(&second));
    let refused = vod.refusal("ConfirmEvents", late).await;
    assert_eq!(refused, "InvalidParameterValue", "an older handle");
    let confirmed = json!({"EventHandles": handles(&second)});
    let answer = vod.ask("ConfirmEvents", confirmed.clone()).await;
    assert_eq!(answer["Error"], Value::Null);
    assert_eq!(vod.simulator.unconfirmed(), 0);
    assert_eq!(vod.simulator.confirmed(), 1);
    let refused = vod.refusal("ConfirmEvents", confirmed).await;
    assert_eq!(refused, "InvalidParameterValue", "confirmed already");

    vod.clock.advance(TimeDelta::days(1));
    assert!(vod.pull().await.is_empty());
    assert_eq!(vod.simulator.calls("PullEvents"), 4);
}

#[actix_web::test]
async fn a_pull_brings_16_at_most_and_a_confirmation_takes_no_more() {
    let vod = vod();
    for file in 0..20 {
        vod.simulator.emit(upload(&file.to_string()));
    }
    let state = vod.ask("DescribeEventsState", json!({})).await;
    assert_eq!(state["CountOfEventsToPull"], 20);
    let (first, second) = (vod.pull().await, vod.pull().await);
    assert_eq!((first.len(), second.len()), (16, 4));
    let all = [handles(&first), handles(&second)].concat();
    for handles in [json!(all), json!([]), json!(["8078360634045903972"])] {
        let body = json!({ "EventHandles": handles });
        let refused = vod.refusal("ConfirmEvents", body).await;
        assert_eq!(refused, "InvalidParameterValue");
    }
    let mixed = json!({"EventHandles": [all[0], "8078360634045903972"]});
    vod.refusal("ConfirmEvents", mixed).await;
    assert_eq!(vod.simulator.unconfirmed(), 20, "all or none");
    vod.ask("ConfirmEvents", json!({ "EventHandles": &all[..16] }))
        .await;
    vod.ask("ConfirmEvents", json!({ "EventHandles": &all[16..] }))
        .await;
    assert_eq!(vod.simulator.unconfirmed(), 0);
}

#[actix_web::test]
async fn a_pull_waits_for_an_event_and_is_told_at_once() {
    let vod = vod_with(SimulatorSettings {
        long_poll: Duration::from_secs(60),
        ..SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY))
    });
    let emitted = async {
        while vod.simulator.calls("PullEvents") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        vod.simulator.emit(upload("1"));
    };
    let both = async { tokio::join!(vod.pull(), emitted) };
    let (events, ()) = tokio::time::timeout(Duration::from_secs(30), both)
        .await
        .unwrap();
    assert_eq!(events.len(), 1);
}

#[actix_web::test]
async fn an_event_is_passed_on_byte_for_byte_whatever_it_is() {
    let vod = vod();
    for text in [
        r#"{"EventType":"ComposeMediaComplete","N":5285485487985271490123456789.50,"S":"\u0000\ud800"}"#,
        r#"{"A": 1.50, "EventHandle": "EventHandle.N", "B":2}"#,
        "{}",
        "\"a text\"",
    ] {
        vod.simulator.emit_raw(text);
    }
    let answer = vod.send("PullEvents", &json!({})).await.unwrap();
    let text = answer.text().await.unwrap();
    assert!(text.contains(r#""N":5285485487985271490123456789.50,"S":"\u0000\ud800"}"#));
    assert!(text.contains(r#"},{"A": 1.50, "EventHandle": "8"#));
    assert!(text.contains(r#"", "B":2},{"EventHandle":"8"#));
    assert!(!text.contains("EventHandle.N"));
    assert!(text.contains(r#""},"a text"],"#), "{text}");
}

#[actix_web::test]
async fn sub_applications_share_nothing_and_four_days_are_enough() {
    let vod = vod();
    let other = vod.simulator.for_sub_app(1_500_000_001);
    other.emit(upload("1"));
    assert!(vod.pull().await.is_empty());
    let answer = vod
        .ask("PullEvents", json!({"SubAppId": 1_500_000_001}))
        .await;
    assert_eq!(answer["EventSet"][0]["FileUploadEvent"]["FileId"], "1");
    vod.clock.advance(TimeDelta::days(4));
    assert_eq!(other.queued(), 1);
    vod.clock.advance(TimeDelta::seconds(1));
    assert_eq!((other.queued(), other.unconfirmed()), (0, 0));
}
