//! `GET /v1/deliveries`: what arrived, byte for byte, and running it again.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vod_receiver::record::Door;

use crate::harness::{SIGN_KEY, TOKEN, TestApp, answer, named_app, new_file_upload, token_app};
use crate::keys::{get_with, key, with_key};
use crate::problems::{names_field, problem, whole};
use crate::uploads_list::{deletion, delivery, procedure};

/// What a list holds, each by the second in which it came; every page of `limit`.
async fn listed(app: &TestApp, query: &str, limit: usize) -> Vec<i64> {
    let began = crate::harness::NOW.parse::<chrono::DateTime<chrono::Utc>>();
    let began = began.unwrap().timestamp();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/deliveries?limit={limit}&{query}{cursor}");
        let (status, page) = app.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{query} {page}");
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        seen.extend(items.iter().map(|item| {
            let at = item["received_at"].as_str().unwrap();
            at.parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap()
                .timestamp()
                - began
        }));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

async fn first_id(app: &TestApp, query: &str) -> String {
    let (_, page) = app.get(&format!("/v1/deliveries?{query}")).await;
    page["items"][0]["id"].as_str().unwrap().to_owned()
}

/// One of each kind, a second apart; what the app is told of each is in the table of the test below.
async fn told_all_sorts(app: &TestApp) {
    let push = async |name: &str, body: String| {
        app.callback_to(&format!("{name}/{TOKEN}"), body).await;
        app.clock.advance(TimeDelta::seconds(1));
    };
    push("main", new_file_upload("41", "").to_string()).await; // 0
    push("main", new_file_upload("41", "").to_string()).await; // 1
    push("second", new_file_upload("41", "").to_string()).await; // 2
    push("main", procedure("42", "t-42", "FINISH").to_string()).await; // 3
    push("main", deletion(&["43", "41", "44"]).to_string()).await; // 4
    push("main", "no json".to_owned()).await; // 5
    push("second", "{}".to_owned()).await; // 6
    let pulled = delivery(app, Door::Pull, &new_file_upload("45", ""));
    app.recorder.submit(vec![pulled]).await.unwrap(); // 7
}

#[actix_web::test]
async fn the_list_is_filtered_by_each_parameter_and_paged_in_both_orders() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    told_all_sorts(&app).await;
    for (query, wanted) in [
        ("", &[7, 6, 5, 4, 3, 2, 1, 0][..]),
        ("order=asc", &[0, 1, 2, 3, 4, 5, 6, 7]),
        ("app=main", &[7, 5, 4, 3, 1, 0]),
        ("app=second&order=asc", &[2, 6]),
        ("app=unknown", &[]),
        ("door=push", &[6, 5, 4, 3, 2, 1, 0]),
        ("door=pull", &[7]),
        ("door=replay", &[]),
        ("state=recorded", &[7, 4, 3, 2, 1, 0]),
        ("state=quarantined", &[6, 5]),
        ("state=quarantined&app=main", &[5]),
        ("quarantine_reason=not_json", &[5]),
        ("quarantine_reason=not_json&state=quarantined", &[5]),
        ("quarantine_reason=other", &[]),
        ("event_type=NewFileUpload", &[7, 2, 1, 0]),
        ("event_type=FileDeleted&order=asc", &[4]),
        ("event_type=newfileupload", &[]),
        ("file_id=41", &[4, 2, 1, 0]),
        ("file_id=41&order=asc", &[0, 1, 2, 4]),
        ("file_id=41&app=main&event_type=NewFileUpload", &[1, 0]),
        ("file_id=44", &[4]),
        ("file_id=49", &[]),
        ("from=2026-11-23T08:00:06Z", &[7, 6]),
        ("from=2026-11-23T08:00:06.000001Z", &[7]),
        ("to=2026-11-23T08:00:02Z", &[1, 0]),
        ("to=2026-11-23T08:00:02.000001Z", &[2, 1, 0]),
        (
            "from=2026-11-23T08:00:01Z&to=2026-11-23T08:00:03Z&order=asc",
            &[1, 2],
        ),
    ] {
        for limit in [200, 3, 1] {
            assert_eq!(listed(&app, query, limit).await, wanted, "{query}");
        }
    }
    let bound = key(&app, "bound", &["admin"], Some(&["second"])).await;
    let (_, page) = get_with(&app, &bound, "/v1/deliveries").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let (status, _) = get_with(&app, &bound, "/v1/deliveries?app=main").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let id = first_id(&app, "app=main").await;
    for (method, rest) in [
        (Method::GET, ""),
        (Method::GET, "/body"),
        (Method::POST, "/replay"),
    ] {
        let request = with_key(&app, &bound, method, &format!("/v1/deliveries/{id}{rest}"));
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        problem(refused).await;
    }
}

#[actix_web::test]
async fn a_page_that_looked_at_enough_ends_and_the_list_goes_on() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    app.callback_to(&format!("second/{TOKEN}"), "{}").await;
    app.clock.advance(TimeDelta::seconds(100));
    // Many of one app between two of the other.
    app.run(
        "INSERT INTO deliveries (id, app, door, received_at, recorded_at, state)
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid,
            'main', 'push', at, at, 'recorded'
        FROM generate_series(1, 40500) n, LATERAL (SELECT timestamptz '2026-11-23T08:00:01Z' + n * interval '1 ms') t (at)"
            .to_owned(),
    )
    .await;
    app.callback_to(&format!("second/{TOKEN}"), "{}").await;
    let (_, first) = app.get("/v1/deliveries?app=second").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    assert!(first["next_cursor"].is_string(), "it goes on");
    for order in ["desc", "asc"] {
        let (mut pages, mut found, mut cursor) = (0, 0, String::new());
        loop {
            let path = format!("/v1/deliveries?app=second&order={order}{cursor}");
            let (_, page) = app.get(&path).await;
            pages += 1;
            found += page["items"].as_array().unwrap().len();
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((pages, found), (3, 2), "{order}");
    }
    // Where an index tells which are meant, nothing ends before its end.
    let (_, aside) = app
        .get("/v1/deliveries?app=second&state=quarantined&order=asc")
        .await;
    assert_eq!(aside["items"].as_array().unwrap().len(), 2);
    assert_eq!(aside["next_cursor"], Value::Null);
}

#[actix_web::test]
async fn a_delivery_is_shown_with_its_body_and_without_its_token() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let body = new_file_upload("51", &ticket).to_string();
    app.callback(body.clone()).await;
    let id = first_id(&app, "").await;
    let response = app
        .request(Method::GET, "/v1/deliveries")
        .send()
        .await
        .unwrap();
    insta::assert_snapshot!(whole(response).await.replace(&id, "<id>"), @r#"
    200 OK
    cache-control: no-store
    content-length: 337
    content-type: application/json
    x-request-id: <uuid>

    {
      "items": [
        {
          "id": "<id>",
          "app": "main",
          "door": "push",
          "received_at": "2026-11-23T08:00:00Z",
          "recorded_at": "2026-11-23T08:00:00Z",
          "state": "recorded",
          "quarantine_reason": null,
          "event_type": "NewFileUpload",
          "format": "3.0",
          "file_id": "51",
          "files": 1,
          "task_id": null,
          "refuted": null,
          "body_bytes": 386
        }
      ],
      "next_cursor": null
    }
    "#);
    let (status, shown) = app.get(&format!("/v1/deliveries/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shown["body"], json!({"encoding": "text", "content": body}));
    assert_eq!(shown["file_ids"], json!(["51"]));
    assert_eq!(shown["event_type"], "NewFileUpload");
    assert!(!shown.to_string().contains(TOKEN));
}

#[actix_web::test]
async fn the_bytes_of_a_body_are_given_back_as_they_came() {
    let app = TestApp::start().await;
    for (body, encoding) in [
        (&b"\xff\xfe not text"[..], "base64"),
        (b"{\"a\":\"nul \x00 and bell \x07\"}", "base64"),
        (b"", "text"),
        (b"<script>alert(1)</script>\r\n\t\xf0\x9f\x8e\xac", "text"),
    ] {
        app.callback(body.to_vec()).await;
        app.clock.advance(TimeDelta::seconds(1));
        let id = first_id(&app, "state=quarantined").await;
        let path = format!("/v1/deliveries/{id}/body");
        let response = app.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/octet-stream");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(
            header("content-disposition"),
            format!("attachment; filename=\"delivery-{id}.bin\"")
        );
        assert_eq!(response.bytes().await.unwrap(), body);
        let (_, shown) = app.get(&format!("/v1/deliveries/{id}")).await;
        assert_eq!(shown["body"]["encoding"], encoding);
        assert_eq!(shown["body_bytes"], body.len());
        let content = shown["body"]["content"].as_str().unwrap();
        let read = match encoding {
            "text" => content.as_bytes().to_vec(),
            _ => {
                use base64::Engine;
                let standard = base64::engine::general_purpose::STANDARD;
                standard.decode(content).unwrap()
            }
        };
        assert_eq!(read, body);
    }
}

#[actix_web::test]
async fn a_delivery_that_is_replayed_repairs_what_is_missing_and_else_changes_nothing() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    app.callback(new_file_upload("61", &ticket).to_string())
        .await;
    let id = first_id(&app, "").await;
    let replay = async |id: &str| {
        let path = format!("/v1/deliveries/{id}/replay");
        answer(app.request(Method::POST, &path).send().await.unwrap()).await
    };
    let (status, told) = replay(&id).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told, json!({"id": id, "outcome": "duplicate"}));
    assert_eq!(app.upload("61").await["deliveries"], 1);

    app.run("DELETE FROM uploads".to_owned()).await;
    assert_eq!(replay(&id).await.1["outcome"], "recorded");
    assert_eq!(app.upload("61").await["user_id"], "ann");
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 1);

    app.callback("{}").await;
    let aside = first_id(&app, "state=quarantined").await;
    assert_eq!(replay(&aside).await.1["outcome"], "quarantined");

    app.run("UPDATE deliveries SET body = NULL".to_owned())
        .await;
    let (status, shown) = app.get(&format!("/v1/deliveries/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&shown["body"], &shown["body_bytes"]),
        (&Value::Null, &Value::Null)
    );
    for (method, rest) in [(Method::GET, "body"), (Method::POST, "replay")] {
        let path = format!("/v1/deliveries/{id}/{rest}");
        let gone = app.request(method, &path).send().await.unwrap();
        assert_eq!(gone.status(), StatusCode::GONE);
        problem(gone).await;
    }
}

#[actix_web::test]
async fn one_kept_aside_for_its_sign_becomes_an_upload_when_it_is_replayed() {
    let signed = vod_receiver::config::App {
        sign_keys: vec![vod_receiver::config::Secret::new(SIGN_KEY)],
        ..token_app()
    };
    let app = TestApp::with(vec![signed]).await;
    let ticket = app.ticket("ann").await;
    let body = new_file_upload("71", &ticket).to_string();
    assert_eq!(app.callback(body).await.0, StatusCode::UNAUTHORIZED);
    let id = first_id(&app, "quarantine_reason=sign_missing").await;
    let path = format!("/v1/deliveries/{id}/replay");
    for outcome in ["recorded", "duplicate"] {
        let request = app.request(Method::POST, &path);
        let (_, told) = answer(request.send().await.unwrap()).await;
        assert_eq!(told["outcome"], outcome);
        assert_eq!(app.upload("71").await["user_id"], "ann");
        let (_, shown) = app.get(&format!("/v1/deliveries/{id}")).await;
        assert_eq!(shown["state"], "recorded");
        assert_eq!(shown["quarantine_reason"], Value::Null);
    }
}

#[actix_web::test]
async fn what_is_wrong_with_a_question_is_named_and_what_is_not_there_is_a_404() {
    let app = TestApp::start().await;
    let long = format!("event_type={}", "a".repeat(129));
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("order=up", "order"),
        ("app=Main", "app"),
        ("door=window", "door"),
        ("door=", "door"),
        ("state=lost", "state"),
        ("quarantine_reason=", "quarantine_reason"),
        ("quarantine_reason=%00", "quarantine_reason"),
        (
            "quarantine_reason=not_json&state=recorded",
            "quarantine_reason",
        ),
        ("event_type=", "event_type"),
        ("event_type=a%0Ab", "event_type"),
        (long.as_str(), "event_type"),
        ("file_id=a%20b", "file_id"),
        ("from=yesterday", "from"),
        ("to=", "to"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=WyJhIl0", "cursor"),
    ] {
        let request = app.request(Method::GET, &format!("/v1/deliveries?{query}"));
        names_field(request.send().await.unwrap(), name).await;
    }
    for (status, id) in [
        (400, "1"),
        (400, "%00"),
        (400, "019a000000007000800000000000000"),
        (400, "019a0000000070008000000000000001"),
        (404, "019a0000-0000-7000-8000-000000000001"),
        (404, "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
    ] {
        for (method, rest) in [
            (Method::GET, ""),
            (Method::GET, "/body"),
            (Method::POST, "/replay"),
        ] {
            let path = format!("/v1/deliveries/{id}{rest}");
            let response = app.request(method, &path).send().await.unwrap();
            assert_eq!(response.status(), status, "{path}");
            problem(response).await;
        }
    }
}
