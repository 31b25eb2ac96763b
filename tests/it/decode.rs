//! `POST /v1/decode`: what a pasted text says.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{ADMIN_KEY, TestApp, named_app, new_file_upload, token_app};
use crate::keys::{key, with_key};
use crate::problems::names_field;

async fn decode(app: &TestApp, text: &str) -> Value {
    let request = app
        .request(Method::POST, "/v1/decode")
        .json(&json!({"text": text}));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{text}");
    response.json().await.unwrap()
}

#[actix_web::test]
async fn a_signature_tells_its_parameters_its_user_and_what_vod_would_object_to() {
    let app = TestApp::start().await;
    let body = json!({"user_id": "ann", "procedure": "LongVideoPreset"});
    let (_, issued) = app.post_signature(&body).await;
    let signature = issued["signature"].as_str().unwrap();
    let ticket = issued["ticket"].as_str().unwrap();
    let told = decode(&app, &format!("\n {signature} ")).await;
    assert_eq!(told["what"], "signature");
    assert_eq!(told["signed_by"], "main");
    assert_eq!(told["issued_at"], "2026-11-23T08:00:00Z");
    assert_eq!(told["expires_at"], "2026-11-23T09:00:00Z");
    assert_eq!(
        told["whose"],
        json!({"user_id": "ann", "app": "main", "ticket": ticket, "reason": "ticket"})
    );
    assert_eq!(told["vod_would_object"], json!([]));
    let named = |name: &str| {
        let all = told["parameters"].as_array().unwrap();
        all.iter()
            .find(|parameter| parameter["name"] == name)
            .unwrap()["value"]
            .clone()
    };
    assert_eq!(named("procedure"), "LongVideoPreset");
    assert_eq!(named("sourceContext"), ticket);

    app.clock.advance(chrono::TimeDelta::hours(2));
    let told = decode(&app, signature).await;
    assert_eq!(
        told["vod_would_object"],
        json!([{"parameter": "expireTime", "code": "expired", "sentence": "`expireTime` is past by 3600 s.", "refuses": true}])
    );
}

#[actix_web::test]
async fn a_ticket_and_a_notification_tell_whose_they_are_and_nothing_is_recorded() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let told = decode(&app, &ticket).await;
    assert_eq!(
        (&told["what"], &told["made_at"]),
        (&json!("ticket"), &json!("2026-11-23T08:00:00Z"))
    );
    assert_eq!(told["whose"]["user_id"], "ann");

    let event = new_file_upload("14508071098244959037", &ticket);
    let told = decode(&app, &event.to_string()).await;
    assert_eq!(
        (&told["what"], &told["signed"]),
        (&json!("notification"), &json!(false))
    );
    let file = &told["events"][0]["files"][0];
    assert_eq!(file["file_id"], "14508071098244959037");
    assert_eq!(file["news"], "uploaded");
    assert_eq!(file["whose"]["user_id"], "ann");

    for (context, reason) in [
        ("", "no_context"),
        ("uid=7", "foreign_context"),
        ("vt_01H455VB4PEX5VSKNK084SN02Q", "unknown_ticket"),
    ] {
        let told = decode(&app, &new_file_upload("1", context).to_string()).await;
        assert_eq!(told["events"][0]["files"][0]["whose"]["reason"], reason);
    }
    let told = decode(&app, r#"{"no": "event"}"#).await;
    assert_eq!(told["events"][0]["fault"], "no_event");
    let pasted = json!({"Response": {"EventSet": [event, {"EventType": "NewFileUpload"}]}});
    let told = decode(&app, &pasted.to_string()).await;
    assert_eq!(told["events"].as_array().unwrap().len(), 2);
    assert_eq!(told["events"][1]["fault"], "no_file_id");
    assert_eq!(
        app.count("SELECT (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM uploads)")
            .await,
        0
    );
}

#[actix_web::test]
async fn what_is_none_of_these_is_refused_without_being_repeated() {
    let app = TestApp::start().await;
    for text in [
        "",
        "  ",
        "hello",
        "{",
        "[1, 2]",
        "vt_01",
        "c2VjcmV0",
        ADMIN_KEY,
        "vk_0123456789",
        "vc_0123456789",
        "vs_0123456789",
    ] {
        let request = app
            .request(Method::POST, "/v1/decode")
            .json(&json!({"text": text}));
        let told = names_field(request.send().await.unwrap(), "text").await;
        assert!(text.len() < 4 || !told.to_string().contains(text), "{told}");
    }
}

#[actix_web::test]
async fn a_key_of_one_app_is_not_told_whose_anothers_ticket_is() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let (_, issued) = app
        .post_signature(&json!({"user_id": "ann", "app": "second"}))
        .await;
    let key = key(&app, "main only", &["read"], Some(&["main"])).await;
    for text in [&issued["ticket"], &issued["signature"]] {
        let request = with_key(&app, &key, Method::POST, "/v1/decode").json(&json!({"text": text}));
        let told: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(told["whose"]["reason"], "another_app");
        assert_eq!(told["whose"]["user_id"], Value::Null);
    }
}
