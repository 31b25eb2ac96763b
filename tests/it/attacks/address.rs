//! What an address and a user id may hold.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::statements::percent;
use crate::harness::{ADMIN_KEY, TestApp, new_file_upload};
use crate::openapi::{body_for, filled, operations};
use crate::problems::{names_field, problem};
use crate::uploads_list::raw_get;

/// User ids that mean something to an address, a shell, a browser or SQL, and are user ids all the same.
const ODD_USERS: [&str; 14] = [
    "a/b",
    "%2F",
    "a%2Fb",
    ".",
    "..",
    "../../etc/passwd",
    "..%2f..%2fv1",
    "%00",
    "\\u0000",
    "a?app=other#c",
    "a&user_id=b",
    "a+b c",
    "' OR '1'='1",
    "李\u{1f3ac}\"<script>",
];

#[actix_web::test]
async fn a_key_anywhere_but_in_its_header_opens_nothing() {
    let app = TestApp::start().await;
    let names = [
        "key",
        "api_key",
        "access_token",
        "token",
        "authorization",
        "Authorization",
    ];
    let mut asked = 0;
    for (method, path) in operations() {
        if !path.starts_with("/v1/") {
            continue;
        }
        let url = format!("{}{}", app.url, filled(&path));
        let request = |url: String| {
            app.client
                .request(method.clone(), url)
                .json(&body_for(&path))
        };
        let mut requests: Vec<_> = names
            .iter()
            .flat_map(|name| {
                [
                    format!("{url}?{name}={ADMIN_KEY}"),
                    format!("{url}?{name}=Bearer%20{ADMIN_KEY}"),
                ]
            })
            .map(request)
            .collect();
        requests.push(request(url.replace("://", &format!("://{ADMIN_KEY}:@"))));
        requests.push(request(
            url.replace("://", &format!("://admin:{ADMIN_KEY}@")),
        ));
        requests.push(request(url.clone()).header("X-API-Key", ADMIN_KEY));
        requests.push(
            request(url.clone()).header("Cookie", format!("session={ADMIN_KEY}; key={ADMIN_KEY}")),
        );
        requests.push(
            request(url.clone()).header("Proxy-Authorization", format!("Bearer {ADMIN_KEY}")),
        );
        for request in requests {
            let response = request.send().await.unwrap();
            assert_eq!(
                response.status(),
                StatusCode::UNAUTHORIZED,
                "{method} {path}"
            );
            let told = problem(response).await.to_string();
            assert!(!told.contains(ADMIN_KEY));
            asked += 1;
        }
    }
    assert!(asked > 200, "{asked}");
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 0);
}

#[actix_web::test]
async fn a_user_id_is_text_and_leads_nowhere() {
    let app = TestApp::start().await;
    for (number, user) in ODD_USERS.into_iter().enumerate() {
        let file_id = format!("68{number:02}");
        let ticket = app.ticket(user).await;
        app.callback(new_file_upload(&file_id, &ticket).to_string())
            .await;
        assert_eq!(app.upload(&file_id).await["user_id"], user);
        // Found by exactly this id, and nobody else's is.
        for (path, id) in [("/v1/uploads", "file_id"), ("/v1/signatures", "ticket")] {
            let path = format!("{path}?user_id={}", percent(user));
            let request = app.request(Method::GET, &path);
            let page: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
            let wanted = if id == "ticket" { &ticket } else { &file_id };
            let items = page["items"].as_array().unwrap();
            assert_eq!(items.len(), 1, "{user} {page}");
            assert_eq!(&items[0][id], wanted, "{user}");
        }
        let (_, shown) = app.get(&format!("/v1/tickets/{ticket}")).await;
        assert_eq!(shown["user_id"], user);
    }
    let users = i64::try_from(ODD_USERS.len()).unwrap();
    assert_eq!(
        app.count("SELECT count(DISTINCT user_id) FROM uploads")
            .await,
        users
    );
}

#[actix_web::test]
async fn a_user_id_with_a_nul_is_refused_by_name_wherever_it_is_given() {
    let app = TestApp::start().await;
    app.callback(new_file_upload("6900", "").to_string()).await;
    for user in ["\u{0}", "a\u{0}b", "a\u{0}"] {
        for request in [
            app.request(Method::POST, "/v1/signatures")
                .json(&json!({"user_id": user})),
            app.request(Method::PUT, "/v1/uploads/6900/attribution")
                .json(&json!({"user_id": user, "reason": "case 1"})),
            app.request(
                Method::GET,
                &format!("/v1/uploads?user_id={}", percent(user)),
            ),
            app.request(
                Method::GET,
                &format!("/v1/signatures?user_id={}", percent(user)),
            ),
            app.request(
                Method::GET,
                &format!("/v1/uploads/changes?user_id={}", percent(user)),
            ),
            app.request(
                Method::GET,
                &format!("/v1/uploads/live?user_id={}", percent(user)),
            ),
        ] {
            names_field(request.send().await.unwrap(), "user_id").await;
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 0);
}

#[actix_web::test]
async fn an_address_that_climbs_reaches_nothing() {
    let app = TestApp::start().await;
    app.ticket("ann").await;
    // Written by hand: a client of ours would tidy the address up.
    for address in [
        "/v1/uploads/../signatures",
        "/v1/uploads/..%2Fsignatures",
        "/v1/uploads/..%2f..%2fv1%2fsignatures",
        "/v1/uploads/%2e%2e/signatures",
        "/v1/tickets/..%2f..%2fmetrics",
        "/v1//signatures",
        "//v1/signatures",
        "/v1/signatures/",
        "/v1/signatures%00",
        "/v1/signatures;/",
        "/docs/../v1/signatures",
        "/docs/..%2f..%2fCargo.toml",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
    ] {
        let (status, told) = raw_get(&app, address).await;
        assert!([400, 404].contains(&status), "{address}: {status} {told}");
        assert!(
            !told.contains("ann") && !told.contains("root:"),
            "{address}: {told}"
        );
    }
}
