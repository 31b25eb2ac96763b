//! The client of VOD's API against the local VOD, which checks who asks as VOD does: every call it can make.

use serde_json::json;
use vod_receiver::vod::client::{
    ApiError, Client, EventConfigChange, MediaSearch, NotificationMode,
};
use vod_receiver::vod::event::FileId;

use super::*;

/// A client for an app, at a time that may differ from VOD's.
fn client(app: &App, at: &str) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::set_to(at.parse().unwrap());
    Client::for_app(app, clock, Random::system()).unwrap()
}

#[actix_web::test]
async fn a_wrong_key_is_told_apart_from_a_wrong_clock() {
    let vod = vod();
    let right = vod.app();
    client(&right, NOW).describe_event_config().await.unwrap();
    let wrong_key = App {
        secret_key: Secret::new("another"),
        ..vod.app()
    };
    let unknown = App {
        secret_id: "AKIDunknown".to_owned(),
        ..vod.app()
    };
    for app in [wrong_key, unknown] {
        let told = client(&app, NOW).describe_event_config().await.unwrap_err();
        assert!(matches!(told, ApiError::Unauthentic { .. }), "{told:?}");
        assert!(!format!("{told} {told:?}").contains("another"));
    }
    let ten_minutes_late = client(&right, "2026-11-23T08:10:00Z");
    let told = ten_minutes_late.describe_event_config().await.unwrap_err();
    assert!(matches!(told, ApiError::ClockSkew { .. }), "{told:?}");
    let a_little_late = client(&right, "2026-11-23T08:04:00Z");
    a_little_late.describe_event_config().await.unwrap();
}

#[actix_web::test]
async fn a_temporary_key_needs_its_token() {
    let clock = Clock::set_to(NOW.parse().unwrap());
    let settings = SimulatorSettings {
        token: Some(Secret::new("temporary")),
        ..SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY))
    };
    let simulator = Simulator::new(settings, clock.clone(), Random::system());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let serving = simulator.serve(listener).unwrap();
    let vod = Vod {
        simulator,
        clock,
        serving,
    };
    let without = client(&vod.app(), NOW).describe_event_config().await;
    assert!(matches!(without, Err(ApiError::Unauthentic { .. })));
    let with = App {
        secret_token: Some(Secret::new("temporary")),
        ..vod.app()
    };
    client(&with, NOW).describe_event_config().await.unwrap();
}

#[actix_web::test]
async fn files_are_listed_page_by_page_and_looked_up_by_id() {
    let vod = vod();
    for second in 0..25 {
        vod.simulator.add_media(json!({
            "FileId": format!("14508071098244959{second:03}"),
            "BasicInfo": {"CreateTime": format!("2026-11-23T07:00:{second:02}Z")},
        }));
    }
    let client = client(&vod.app(), NOW);
    let mut search = MediaSearch {
        created_from: "2026-11-23T07:00:00Z".parse().unwrap(),
        created_to: "2026-11-23T07:30:00Z".parse().unwrap(),
        offset: 0,
        limit: 10,
    };
    let mut found = Vec::new();
    loop {
        let page = client.search_media(&search).await.unwrap();
        assert_eq!(page.total, 25);
        assert_eq!(page.listed, page.media.len());
        found.extend(page.media);
        if page.listed < search.limit {
            break;
        }
        search.offset += page.listed;
    }
    assert_eq!(found.len(), 25);
    assert!(found.is_sorted_by_key(|media| media.created));
    let absent = FileId::parse("7").unwrap();
    let wanted = [found[3].file_id.clone(), absent.clone()];
    let infos = client.describe_media(&wanted).await.unwrap();
    assert_eq!(infos.missing, [absent]);
    assert_eq!(infos.found.len(), 1);
    assert_eq!(infos.found[0].file_id, wanted[0]);
}

#[actix_web::test]
async fn tasks_and_the_event_configuration_are_read_and_changed() {
    let vod = vod();
    let client = client(&vod.app(), NOW);
    vod.simulator.set_task("1-t", json!({"Status": "FINISH"}));
    let task = client.describe_task("1-t").await.unwrap();
    let task: serde_json::Value = serde_json::from_slice(&task).unwrap();
    assert_eq!(task["Status"], "FINISH");
    let unknown = client.describe_task("2-t").await.unwrap_err();
    assert!(matches!(unknown, ApiError::NotFound { .. }), "{unknown:?}");

    let before = client.describe_event_config().await.unwrap();
    assert_eq!(before.mode, Some(NotificationMode::Push));
    assert!(!before.upload_media_complete);
    let change = EventConfigChange {
        mode: Some(NotificationMode::Pull),
        upload_media_complete: Some(true),
        sign_key: Some(Secret::new("vodcallbackkey01")),
        ..EventConfigChange::default()
    };
    client.modify_event_config(&change).await.unwrap();
    let after = client.describe_event_config().await.unwrap();
    assert_eq!(after.mode, Some(NotificationMode::Pull));
    assert!(after.upload_media_complete && !after.delete_media_complete);
    assert_eq!(vod.simulator.event_config().sign_key, "vodcallbackkey01");
}
