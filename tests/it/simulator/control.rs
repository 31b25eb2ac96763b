//! The door for scripts.

use super::*;

impl Vod {
    async fn script(&self, method: reqwest::Method, path: &str, body: &str) -> (u16, String) {
        let address = format!("{}/_simulator/{path}", self.serving.url());
        let request = self.client.request(method, address);
        // As curl sends it.
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[actix_web::test]
async fn scripts_set_the_scene_and_see_what_happened() {
    use reqwest::Method;
    let vod = vod();
    let done = (204, String::new());
    for (method, path, body) in [
        (Method::POST, "events", r#"[{"N":1.50},7]"#),
        (Method::POST, "events", r#"{"EventType":"NewFileUpload"}"#),
        (Method::POST, "events?sub_app_id=5", "no JSON"),
        (Method::POST, "media", r#"[{"FileId":"1"},{"FileId":"2"}]"#),
        (Method::POST, "media", r#"{"FileId":"3"}"#),
        (Method::DELETE, "media/2", ""),
        (Method::PUT, "tasks/t-1", r#"{"Status":"FINISH"}"#),
        (Method::POST, "faults", r#"{"kind":{"delay":1},"times":2}"#),
        (
            Method::POST,
            "faults",
            r#"{"action":"PullEvents","kind":"hang_up"}"#,
        ),
        (Method::PUT, "knobs", r#"{"lose":20,"seed":7}"#),
        (
            Method::PUT,
            "event_config?sub_app_id=5",
            r#"{"mode":"PULL"}"#,
        ),
    ] {
        assert_eq!(vod.script(method, path, body).await, done, "{path} {body}");
    }
    for (method, path, body, status) in [
        (Method::DELETE, "media/2", "", 404),
        (Method::POST, "faults", r#"{"kind":"bad_luck"}"#, 400),
        (
            Method::POST,
            "faults",
            r#"{"kind":"hang_up","time":1}"#,
            400,
        ),
        (Method::POST, "events?app=main", "{}", 400),
        (Method::PUT, "knobs", r#"{"lose":101}"#, 400),
        (Method::PUT, "knobs", r#"{"lost":1}"#, 400),
        (Method::PUT, "event_config", r#"{"Mode":"PULL"}"#, 400),
        (Method::POST, "disaster", "{}", 404),
    ] {
        assert_eq!(
            vod.script(method, path, body).await.0,
            status,
            "{path} {body}"
        );
    }
    let task = vod
        .ask("DescribeTaskDetail", json!({"TaskId": "t-1"}))
        .await;
    assert_eq!(task["Status"], "FINISH");
    let (_, state) = vod.script(Method::GET, "state", "").await;
    let state: Value = serde_json::from_str(&state).unwrap();
    let main = &state["sub_apps"]["0"];
    assert_eq!(
        (&main["queued"], &main["unconfirmed"]),
        (&json!(3), &json!(3))
    );
    assert_eq!((&main["media"], &main["tasks"]), (&json!(2), &json!(1)));
    assert_eq!(main["event_config"]["mode"], "PUSH");
    assert_eq!(state["sub_apps"]["5"]["queued"], 1);
    assert_eq!(state["calls"], json!({"DescribeTaskDetail": 1}));
    assert_eq!(state["faults_left"], 2);
    assert_eq!(
        (&state["knobs"]["lose"], &state["knobs"]["seed"]),
        (&json!(20.0), &json!(7))
    );
    assert_eq!(state["sub_apps"]["5"]["event_config"]["mode"], "PULL");
    let (_, requests) = vod.script(Method::GET, "requests", "").await;
    let requests: Value = serde_json::from_str(&requests).unwrap();
    assert_eq!(requests[0]["body"], r#"{"TaskId":"t-1"}"#);
    assert!(!requests.to_string().contains(SECRET_KEY));
}
