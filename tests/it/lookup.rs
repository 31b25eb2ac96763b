//! `POST /v1/uploads/lookup`: many files at once.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::{TOKEN, TestApp, answer, named_app, new_file_upload, token_app};
use crate::keys::{key, with_key};
use crate::problems::{names_field, problem};

const PATH: &str = "/v1/uploads/lookup";

async fn asked(app: &TestApp, body: &Value) -> Response {
    let request = app.request(Method::POST, PATH).json(body);
    request.send().await.unwrap()
}

/// What is found, as `app/file_id`, and what is missing.
async fn looked_up(app: &TestApp, body: &Value) -> (Vec<String>, Value) {
    let (status, found) = answer(asked(app, body).await).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    let items = found["items"].as_array().unwrap();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let items = items
        .iter()
        .map(|item| format!("{}/{}", text(item, "app"), text(item, "file_id")));
    (items.collect(), found["missing"].clone())
}

#[actix_web::test]
async fn files_are_found_in_the_order_in_which_they_are_asked_for_and_once_an_app() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let body = json!({"user_id": "ann", "app": "main"});
    let ticket = app.post_signature(&body).await.1["ticket"].clone();
    for (name, file, context) in [
        ("main", "31", ticket.as_str().unwrap()),
        ("main", "32", ""),
        ("second", "32", ""),
        ("second", "33", ""),
    ] {
        let body = new_file_upload(file, context).to_string();
        let (status, _) = app.callback_to(&format!("{name}/{TOKEN}"), body).await;
        assert_eq!(status, StatusCode::OK);
    }
    // A row that no upload event announced is not an upload.
    let task = crate::uploads_list::procedure("34", "t-34", "FINISH");
    app.callback(task.to_string()).await;

    let body = json!({"file_ids": ["33", "x", "32", "31", "32", "34", "x"]});
    let found = looked_up(&app, &body).await;
    assert_eq!(
        found.0,
        ["second/33", "main/32", "second/32", "main/31"],
        "in the order of the question"
    );
    assert_eq!(found.1, json!(["x", "34"]));
    let body = json!({"app": "main", "file_ids": ["33", "32"]});
    let found = looked_up(&app, &body).await;
    assert_eq!(found, (vec!["main/32".to_owned()], json!(["33"])));

    // Each is shown as the list shows it.
    let (_, found) = answer(asked(&app, &json!({"file_ids": ["31"]})).await).await;
    assert_eq!(found["items"][0], app.upload("31").await);
    assert_eq!(found["items"][0]["user_id"], "ann");

    let bound = key(&app, "bound", &["read"], Some(&["second"])).await;
    let request = with_key(&app, &bound, Method::POST, PATH);
    let request = request.json(&json!({"file_ids": ["31", "33"]}));
    let (_, found) = answer(request.send().await.unwrap()).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        found["missing"],
        json!(["31"]),
        "of another app: as if it were not there"
    );
    let request = with_key(&app, &bound, Method::POST, PATH);
    let request = request.json(&json!({"app": "main", "file_ids": ["31"]}));
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    problem(refused).await;
}

#[actix_web::test]
async fn five_hundred_are_found_at_once_by_their_key() {
    let app = TestApp::start().await;
    let uploads = (0..500).map(|file| app.delivery(&new_file_upload(&format!("{file}"), "")));
    app.recorder.submit(uploads.collect()).await.unwrap();
    let longest: Vec<String> = (0..500).map(|file| format!("{file:0>64}")).collect();
    let (items, missing) = looked_up(&app, &json!({"file_ids": longest})).await;
    assert_eq!(items, [""; 0]);
    assert_eq!(missing, json!(longest), "as many as the body may hold");
    let ids: Vec<String> = (0..500).rev().map(|file| file.to_string()).collect();
    let (items, missing) = looked_up(&app, &json!({"file_ids": ids})).await;
    let wanted: Vec<String> = ids.iter().map(|id| format!("main/{id}")).collect();
    assert_eq!((items, missing), (wanted, json!([])));
}

#[actix_web::test]
async fn what_is_wrong_with_a_question_is_named() {
    let app = TestApp::start().await;
    let too_many: Vec<String> = (0..501).map(|file| file.to_string()).collect();
    for (body, field) in [
        (json!({}), "file_ids"),
        (json!({"file_ids": []}), "file_ids"),
        (json!({"file_ids": too_many}), "file_ids"),
        (json!({"file_ids": "31"}), "file_ids"),
        (json!({"file_ids": ["31", 32]}), "file_ids[1]"),
        (json!({"file_ids": [""]}), "file_ids[0]"),
        (json!({"file_ids": ["31", "3 1"]}), "file_ids[1]"),
        (json!({"file_ids": ["\u{0}"]}), "file_ids[0]"),
        (json!({"file_ids": ["3".repeat(65)]}), "file_ids[0]"),
        (json!({"file_ids": ["31"], "app": "Main"}), "app"),
        (json!({"file_ids": ["31"], "apps": "main"}), "apps"),
    ] {
        names_field(asked(&app, &body).await, field).await;
    }
    let request = app.request(Method::POST, &format!("{PATH}?app=main"));
    let request = request.json(&json!({"file_ids": ["31"]}));
    names_field(request.send().await.unwrap(), "app").await;
}
