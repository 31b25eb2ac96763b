//! The way of one upload, once.

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{TestApp, new_file_upload};

#[actix_web::test]
async fn an_upload_is_attributed_to_the_user_who_got_the_signature() {
    let app = TestApp::start().await;
    let ticket = app.ticket("user-42").await;
    let body = new_file_upload("5285890784273533167", &ticket).to_string();
    assert_eq!(
        app.callback(body.clone()).await,
        (StatusCode::OK, json!({"status": "recorded"}))
    );
    assert_eq!(
        app.callback(body).await,
        (StatusCode::OK, json!({"status": "duplicate"}))
    );
    let upload = app.upload("5285890784273533167").await;
    assert_eq!(upload["user_id"], "user-42");
    assert_eq!(upload["deliveries"], 2);
}
