//! What a local VOD tells of an upload: pushes, the queue, and how both suffer (protocol.md sections 2, 3 and 6).

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, HttpServer, web};
use vod_receiver::simulator::Knobs;
use vod_receiver::vod::callback_sign;

use super::uploads::signature;
use super::*;
use crate::harness::{SIGN_KEY, TOKEN, TestApp, eventually};

/// A receiver that keeps what it gets, and answers with a status, at once or never.
struct Listener {
    url: String,
    got: Arc<Mutex<Vec<Value>>>,
    server: actix_web::dev::ServerHandle,
}

fn listener(status: Option<u16>) -> Listener {
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&got);
    let server = HttpServer::new(move || {
        let kept = Arc::clone(&kept);
        App::new().default_service(web::to(move |body: web::Bytes| {
            kept.lock()
                .unwrap()
                .push(serde_json::from_slice(&body).unwrap());
            async move {
                match status.map(|status| status.try_into().unwrap()) {
                    Some(status) => HttpResponse::build(status).finish(),
                    None => std::future::pending().await,
                }
            }
        }))
    })
    .workers(1)
    .shutdown_timeout(0)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let url = format!("http://{}/", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Listener {
        url,
        got,
        server: handle,
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Listener {
    fn got(&self) -> Vec<Value> {
        self.got.lock().unwrap().clone()
    }

    async fn gets(&self, count: usize) -> Vec<Value> {
        eventually("pushes", || async { self.got().len() >= count }).await;
        self.got()
    }
}

fn pushed_to(url: &str) -> EventConfig {
    EventConfig {
        notification_url: url.to_owned(),
        upload_media_complete_event_switch: "ON".to_owned(),
        ..EventConfig::default()
    }
}

/// A local VOD whose procedures take no time, and which is patient with whoever does.
fn quick() -> Vod {
    waiting(Duration::from_secs(30))
}

/// The same, whose pushes wait so long.
fn waiting(push_timeout: Duration) -> Vod {
    vod_with(SimulatorSettings {
        long_poll: Duration::from_millis(100),
        push_timeout,
        overtaken_within: Duration::from_secs(20),
        procedure_time: Duration::ZERO,
        ..SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY))
    })
}

#[actix_web::test]
async fn an_upload_is_pushed_in_both_formats_where_the_switch_is_on() {
    let vod = quick();
    let (third, second) = (listener(Some(500)), listener(Some(200)));
    vod.simulator.set_event_config(EventConfig {
        upload_media_complete_event_switch: "OFF".to_owned(),
        ..pushed_to(&third.url)
    });
    vod.upload(&signature(&vod, |_| ())).await;
    assert_eq!(
        vod.simulator.told().due,
        0,
        "it is off unless somebody ticks it"
    );
    vod.simulator.set_event_config(EventConfig {
        notification_url_v2: second.url.clone(),
        sign_key: SIGN_KEY.to_owned(),
        ..pushed_to(&third.url)
    });
    let context = signature(&vod, |params| {
        params.source_context = Some("vt_x".to_owned());
    });
    let file_id = vod.upload(&context).await;
    let [push] = third.gets(1).await.try_into().unwrap();
    let told = &push["FileUploadEvent"];
    assert_eq!(
        (&push["EventType"], &told["FileId"]),
        (&json!("NewFileUpload"), &json!(file_id))
    );
    assert_eq!(
        told["MediaBasicInfo"]["SourceInfo"]["SourceContext"],
        "vt_x"
    );
    assert_eq!(told["ProcedureTaskId"], "");
    let t = push["T"].as_i64().unwrap();
    assert_eq!(t, vod.clock.now().timestamp() + 600);
    assert_eq!(push["Sign"], callback_sign::expected(SIGN_KEY, t));
    let [push] = second.gets(1).await.try_into().unwrap();
    assert_eq!(push["eventType"], "NewFileUpload");
    assert_eq!(push["data"]["sourceContext"], "vt_x");
    assert_eq!(push["data"]["sourceType"], "ClientUpload");
    assert_eq!(push.get("Sign"), None);
    eventually("both answers", || async {
        vod.simulator.told().answered == 2
    })
    .await;
    assert_eq!(third.got().len(), 1, "a status of 500 brings no other send");
}

#[actix_web::test]
async fn a_push_that_is_not_answered_in_time_is_sent_three_times_and_one_that_is_not_taken_once() {
    let vod = waiting(Duration::from_secs(2));
    let never = listener(None);
    vod.simulator.set_event_config(pushed_to(&never.url));
    vod.upload(&signature(&vod, |_| ())).await;
    eventually("three timeouts", || async {
        vod.simulator.told().timed_out == 3
    })
    .await;
    assert_eq!(never.gets(3).await.len(), 3);
    vod.simulator
        .set_event_config(pushed_to("http://127.0.0.1:1/"));
    vod.upload(&signature(&vod, |_| ())).await;
    eventually("a failure", || async { vod.simulator.told().failed == 1 }).await;
    assert_eq!(vod.simulator.told().timed_out, 3);
}

#[actix_web::test]
async fn a_procedure_is_told_in_its_mode_and_its_task_can_be_asked_for() {
    let vod = quick();
    vod.simulator.set_event_config(pulled());
    for (mode, statuses) in [
        (None, vec!["FINISH"]),
        (Some("Finish"), vec!["FINISH"]),
        (Some("Change"), vec!["PROCESSING", "FINISH"]),
        (Some("None"), vec![]),
    ] {
        let procedure = signature(&vod, |params| {
            params.procedure = Some("LongVideoPreset".to_owned());
            params.task_notify_mode = mode.map(str::to_owned);
            params.session_context = Some("vt_s".to_owned());
        });
        let file_id = vod.upload(&procedure).await;
        let seen = Mutex::new(Vec::new());
        eventually("its events", || async {
            let pulled = vod.pull().await;
            let mut seen = seen.lock().unwrap();
            seen.extend(pulled);
            seen.len() > statuses.len()
        })
        .await;
        let seen = seen.into_inner().unwrap();
        let task_id = &seen[0]["FileUploadEvent"]["ProcedureTaskId"];
        assert_eq!(seen[0]["FileUploadEvent"]["FileId"], file_id);
        let told: Vec<&str> = seen[1..]
            .iter()
            .map(|event| {
                let told = &event["ProcedureStateChangeEvent"];
                assert_eq!(
                    (&told["TaskId"], &told["SessionContext"]),
                    (task_id, &json!("vt_s"))
                );
                told["Status"].as_str().unwrap()
            })
            .collect();
        assert_eq!(told, statuses, "{mode:?}");
        eventually("the end of the task", || async {
            let told = vod
                .ask("DescribeTaskDetail", json!({"TaskId": task_id}))
                .await;
            told["Status"] == "FINISH" && told["ProcedureTask"]["FileId"] == file_id
        })
        .await;
    }
}

#[actix_web::test]
async fn what_is_lost_is_listed_all_the_same_and_what_is_doubled_comes_twice() {
    let vod = quick();
    let receiver = listener(Some(200));
    vod.simulator.set_event_config(pushed_to(&receiver.url));
    let turn = |knobs: Knobs| vod.simulator.turn(knobs).unwrap();
    turn(Knobs {
        lose: 100.0,
        ..Knobs::default()
    });
    let lost = vod.upload(&signature(&vod, |_| ())).await;
    let found = vod.ask("SearchMedia", json!({"FileIds": [lost]})).await;
    assert_eq!(found["TotalCount"], 1);
    turn(Knobs {
        cut: 100.0,
        ..Knobs::default()
    });
    vod.upload(&signature(&vod, |_| ())).await;
    turn(Knobs {
        duplicate: 100.0,
        delay: 100.0,
        delay_ms: 20,
        ..Knobs::default()
    });
    let doubled = vod.upload(&signature(&vod, |_| ())).await;
    let got = receiver.gets(2).await;
    assert_eq!(got[0], got[1]);
    assert_eq!(got[0]["FileUploadEvent"]["FileId"], doubled);
    let told = vod.simulator.told();
    assert_eq!(
        (told.due, told.lost, told.cut, told.doubled, told.delayed),
        (3, 1, 1, 1, 1)
    );
    assert_eq!(
        vod.simulator.turn(Knobs {
            lose: 101.0,
            ..Knobs::default()
        }),
        Err("lose")
    );
}

#[actix_web::test]
async fn a_notification_is_overtaken_by_the_next_in_the_queue_too() {
    let vod = quick();
    vod.simulator.set_event_config(pulled());
    vod.simulator
        .turn(Knobs {
            reorder: 100.0,
            ..Knobs::default()
        })
        .unwrap();
    let first = vod.upload(&signature(&vod, |_| ())).await;
    vod.simulator
        .turn(Knobs {
            delay: 100.0,
            delay_ms: 1,
            ..Knobs::default()
        })
        .unwrap();
    let second = vod.upload(&signature(&vod, |_| ())).await;
    eventually("both", || async { vod.simulator.queued() == 2 }).await;
    let ids: Vec<Value> = vod
        .pull()
        .await
        .iter()
        .map(|event| event["FileUploadEvent"]["FileId"].clone())
        .collect();
    assert_eq!(ids, [json!(second), json!(first)]);
}

#[actix_web::test]
async fn a_receiver_attributes_what_a_device_uploads_with_its_signature() {
    let vod = quick();
    let app = TestApp::start().await;
    vod.simulator
        .set_event_config(pushed_to(&format!("{}/callbacks/main/{TOKEN}", app.url)));
    let (_, issued) = app
        .post_signature(&json!({"user_id": "alice", "one_time": true, "procedure": "p"}))
        .await;
    let file_id = vod.upload(issued["signature"].as_str().unwrap()).await;
    let path = format!("/v1/uploads/{file_id}");
    eventually("the upload", || async {
        let (_, upload) = app.get(&path).await;
        upload["user_id"] == "alice" && upload["processing"] == "succeeded"
    })
    .await;
    let upload = app.upload(&file_id).await;
    assert_eq!(upload["attribution"]["method"], "ticket");
    assert_eq!(upload["ticket"], issued["ticket"]);
    assert_eq!(upload["media"]["size_bytes"], 3);
}
