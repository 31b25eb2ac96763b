//! Our client asks the local VOD everything that it can ask, for `./dev test sdk`: that compares what it sent with
//! what the official Python SDK would have sent (tests/sdk/check.py).

use vod_receiver::config::Secret;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::random::Random;
use vod_receiver::vod::client::{
    Client, Credentials, EventConfigChange, MediaSearch, NotificationMode,
};
use vod_receiver::vod::event::FileId;

/// Where the local VOD is and what it knows us by: the settings that `simulate` prints.
fn client(sub_app_id: Option<u64>, token: Option<&str>) -> Client {
    let setting = |name: &str| std::env::var(name).unwrap();
    let credentials = Credentials {
        secret_id: setting("VOD_SECRET_ID"),
        secret_key: Secret::new(setting("VOD_SECRET_KEY")),
        token: token.map(Secret::new),
    };
    let endpoint = setting("VOD_API_ENDPOINT");
    let (clock, random) = (Clock::system(), Random::system());
    Client::new(credentials, &endpoint, sub_app_id, clock, random).unwrap()
}

#[actix_web::test]
#[ignore = "wants a local VOD at VOD_API_ENDPOINT: ./dev test sdk runs it"]
async fn the_client_asks_everything_that_it_can_ask() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The largest id that JSON's numbers hold everywhere.
    for sub_app_id in [None, Some(1_500_000_001), Some((1 << 53) - 1)] {
        let client = client(sub_app_id, None);
        assert!(client.pull_events().await.unwrap().is_empty());
        let handles: Vec<String> = (1..=16).map(|n| format!("80783606340459{n:05}")).collect();
        client.confirm_events(&handles).await.unwrap_err();
        let search = MediaSearch {
            created_from: "2026-02-28T23:59:59.9Z".parse().unwrap(),
            created_to: "2026-03-01T00:00:00Z".parse().unwrap(),
            offset: 4_000,
            limit: 1_000,
        };
        assert_eq!(client.search_media(&search).await.unwrap().total, 0);
        let file = FileId::parse("14508071098244959037").unwrap();
        let told = client.describe_media(&[file]).await.unwrap();
        assert_eq!(told.missing.len(), 1);
        for task in [
            "1256768367-procedurev2-0f1et0",
            "a \"task\" of 任务 \u{1f3ac}\u{7f}\\",
        ] {
            client.describe_task(task).await.unwrap_err();
        }
        let (from, to) = (search.created_from, search.created_to);
        assert!(
            client
                .list_tasks(from, to, None)
                .await
                .unwrap()
                .next
                .is_none()
        );
        client
            .list_tasks(from, to, Some("1256768367-t"))
            .await
            .unwrap_err();
        let change = EventConfigChange {
            mode: Some(NotificationMode::Pull),
            notification_url: Some("https://例子.example/callbacks/main/a?b=c&d=%20".to_owned()),
            upload_media_complete: Some(true),
            delete_media_complete: Some(false),
            persistence_complete: Some(true),
            sign_key: Some(Secret::new("SignKey01")),
        };
        client.modify_event_config(&change).await.unwrap();
        let told = client.describe_event_config().await.unwrap();
        assert_eq!(told.mode, Some(NotificationMode::Pull));
        assert_eq!(told.notification_url, change.notification_url);
    }
    // The local VOD has no temporary credentials; how they are sent shows all the same.
    let temporary = client(None, Some("session-token"));
    temporary.describe_event_config().await.unwrap_err();
}
