//! Texts that no column can hold, and bytes that are no text: end users choose file names.

use serde_json::json;

use super::{nested, upload_with};
use crate::door::Answer;
use crate::harness::TestApp;

impl TestApp {
    /// A value of an upload's row.
    async fn column(&self, column: &'static str, file_id: &str) -> Option<String> {
        let row =
            "SELECT to_jsonb(uploads) ->> $1 FROM uploads WHERE app = 'main' AND file_id = $2";
        sqlx::query_scalar(row)
            .bind(column)
            .bind(file_id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

#[actix_web::test]
async fn no_text_hides_an_upload_or_its_user() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    let context = format!("\"{ticket}\"");
    let long = "字".repeat(100_000 / 3);
    let cut = &long[..65_535];
    for (case, (name, read)) in [
        (r#""\u0000""#, Some("\u{fffd}")),
        (r#""a\u0000b.mp4""#, Some("a\u{fffd}b.mp4")),
        (r#""\ud800""#, Some("\u{fffd}")),
        (r#""a\udc00\ud800b""#, Some("a\u{fffd}\u{fffd}b")),
        (r#""\ud83dx""#, Some("\u{fffd}x")),
        (r#""\ud83c\udfa5""#, Some("\u{1f3a5}")),
        (r#""\"},\"FileId\":\"8""#, Some("\"},\"FileId\":\"8")),
        (
            r#""'; DROP TABLE uploads; --""#,
            Some("'; DROP TABLE uploads; --"),
        ),
        (r#""{0},(1)\\,NULL""#, Some("{0},(1)\\,NULL")),
        (r#""\\u0000""#, Some("\\u0000")),
        (r#""\r\n\t""#, Some("\r\n\t")),
        (
            "\"\u{202e}\u{feff}\u{1f468}\u{200d}\u{1f469}\"",
            Some("\u{202e}\u{feff}\u{1f468}\u{200d}\u{1f469}"),
        ),
        (&format!("\"{long}\""), Some(cut)),
        ("12", Some("12")),
        ("null", None),
        ("{}", None),
        (&nested("[", "", "]"), None),
        (&nested(r#"{"Name":"#, "1", "}"), None),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("77{case}");
        let title = &name[..name.floor_char_boundary(40)];
        app.records(title, upload_with(&format!("\"{id}\""), name, &context))
            .await;
        assert!(app.column("name", &id).await.as_deref() == read, "{title}");
        let upload = app.upload(&id).await;
        assert_eq!(
            (&upload["user_id"], &upload["name"]),
            (&json!("ann"), &json!(read)),
            "{title}"
        );
        // Once more, it is the same.
        let again = app
            .push(upload_with(&format!("\"{id}\""), name, &context))
            .await;
        assert_eq!(again, Answer::receipt("duplicate"), "{title}");
    }
    app.works_as_before().await;
}

#[actix_web::test]
async fn what_no_column_can_hold_is_replaced_in_every_text_that_is_stored() {
    let app = TestApp::start().await;
    const ODD: &str = r"x\u0000\ud800y";
    const READ: &str = "x\u{fffd}\u{fffd}y";
    let body = format!(
        r#"{{"EventType":"NewFileUpload","\u0000":1,"\ud800":2,"FileUploadEvent":{{"FileId":"77","MediaBasicInfo":{{"Name":"{ODD}","CoverUrl":"{ODD}",
        "Type":"{ODD}","MediaUrl":"{ODD}","StorageRegion":"{ODD}","SourceInfo":{{"SourceType":"{ODD}","SourceContext":"{ODD}"}}}},
        "ProcedureTaskId":"{ODD}","ReviewAudioVideoTaskId":"r{ODD}"}}}}"#
    );
    app.records("upload", body).await;
    for column in [
        "name",
        "cover_url",
        "type",
        "media_url",
        "storage_region",
        "source_type",
        "source_context",
        "procedure_task_id",
    ] {
        assert_eq!(
            app.column(column, "77").await.as_deref(),
            Some(READ),
            "{column}"
        );
    }
    let body = format!(
        r#"{{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{{"TaskId":"{ODD}","Status":"FINISH","FileId":"77",
        "ErrCodeExt":"{ODD}","Message":"{ODD}","SessionContext":"{ODD}"}}}}"#
    );
    app.records("task", body).await;
    assert_eq!(
        app.column("session_context", "77").await.as_deref(),
        Some(READ)
    );
    assert_eq!(
        app.column("processing", "77").await.as_deref(),
        Some("processing"),
        "the review waits"
    );
    let told = "SELECT count(*) FROM tasks WHERE error_code = E'x\\uFFFD\\uFFFDy' AND message = error_code AND task_id = error_code";
    assert_eq!(app.count(told).await, 1);
    app.records("type", format!(r#"{{"EventType":"{ODD}","TaskId":"t2"}}"#))
        .await;
    assert_eq!(app.kept().await[2].event_type.as_deref(), Some(READ));
    let (status, history) = app.get("/v1/uploads/77").await;
    assert_eq!((status.as_u16(), &history["name"]), (200, &json!(READ)));
    app.works_as_before().await;
}

#[actix_web::test]
async fn bytes_that_are_no_utf_8_are_kept_and_the_upload_is_recorded() {
    let app = TestApp::start().await;
    let ticket = app.ticket("ann").await;
    for (case, (name, read)) in [
        (&b"\xff"[..], "\u{fffd}"),
        (b"a\xc3", "a\u{fffd}"),
        (b"\xc0\x80", "\u{fffd}\u{fffd}"), // an overlong NUL
        (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"), // a surrogate
        (
            b"\xb6\xaf\xce\xef.mp4",
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}.mp4",
        ), // GBK
        ("动\u{fe0f}".as_bytes(), "动\u{fe0f}"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("77{case}");
        let text = upload_with(&format!("\"{id}\""), "\"@\"", &format!("\"{ticket}\""));
        let (before, after) = text.split_once('@').unwrap();
        let body = [before.as_bytes(), name, after.as_bytes()].concat();
        app.records(&id, body.clone()).await;
        let upload = app.upload(&id).await;
        assert_eq!(
            (&upload["user_id"], &upload["name"]),
            (&json!("ann"), &json!(read)),
            "{name:?}"
        );

        // In a list every item is cut out exactly, those behind it too.
        let tail = br#"{"EventType":"Ping"}"#;
        let list = [br#"{"EventSet":[ "#, &body[..], b" , ", tail, b"]}"].concat();
        assert_eq!(app.push(list).await, Answer::receipt("recorded"));
        let kept = app.kept().await;
        assert!(kept[kept.len() - 2].body == body, "{name:?}");
        assert!(kept[kept.len() - 1].body == tail, "{name:?}");
    }
    app.works_as_before().await;
}
