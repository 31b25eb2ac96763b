//! Bodies that mean harm, or that something on the way has harmed: nothing authentic is lost, and nobody else is.

mod lists;
mod texts;
mod transport;
mod types;

use serde_json::{Value, json};

use crate::door::Answer;
use crate::harness::{TestApp, new_file_upload};

const DEEP: usize = 100_000;

/// `inner` behind so many opening brackets and before so many closing ones.
fn nested(open: &str, inner: &str, close: &str) -> String {
    open.repeat(DEEP) + inner + &close.repeat(DEEP)
}

fn upload_of(file_id: &str) -> Vec<u8> {
    new_file_upload(file_id, "").to_string().into_bytes()
}

/// A `NewFileUpload` whose file id and name are these literals, whatever they are.
fn upload_with(file_id: &str, name: &str, context: &str) -> String {
    format!(
        r#"{{"EventType":"NewFileUpload","FileUploadEvent":{{"FileId":{file_id},"MediaBasicInfo":{{"Name":{name},"SourceInfo":{{"SourceContext":{context}}}}}}}}}"#
    )
}

impl TestApp {
    /// Posts bodies in which no event can be found: each is told so, and is kept as it came.
    async fn keeps_aside(&self, cases: Vec<(&str, Vec<u8>, &str)>) {
        for (title, body, reason) in &cases {
            let answer = self.push(body.clone()).await;
            assert_eq!(answer, Answer::nothing_in_it(reason), "{title}");
        }
        let kept = self.kept().await;
        assert_eq!(kept.len(), cases.len());
        for (kept, (title, body, reason)) in kept.iter().zip(&cases) {
            assert_eq!(kept.state(), format!("quarantined: {reason}"), "{title}");
            assert!(kept.body == *body, "{title}: the bytes are not those sent");
            assert_eq!(
                (&kept.event_type, &kept.format, &kept.file_id),
                (&None, &None, &None),
                "{title}"
            );
        }
        assert_eq!(self.count("SELECT count(*) FROM uploads").await, 0);
        self.works_as_before().await;
    }

    /// Posts one body, and tells whether what is kept last are its bytes.
    async fn records(&self, title: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        assert_eq!(
            self.push(body.clone()).await,
            Answer::receipt("recorded"),
            "{title}"
        );
        let kept = self.kept().await.pop().unwrap();
        assert_eq!(kept.state(), "recorded", "{title}");
        assert!(kept.body == body, "{title}: the bytes are not those sent");
    }
}

#[actix_web::test]
async fn what_is_not_json_is_kept_aside_byte_for_byte() {
    let good = upload_of("77");
    let utf_16: Vec<u8> = good.iter().flat_map(|byte| [*byte, 0]).collect();
    let noise: Vec<u8> = (0..4096_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let deep = format!(
        r#"{{"EventType":"NewFileUpload","FileUploadEvent":{}"#,
        "[".repeat(DEEP)
    );
    #[rustfmt::skip]
    let mut cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", b"".into(), "empty"),
        ("white space", b" \r\n\t ".into(), "empty"),
        ("a byte order mark alone", b"\xef\xbb\xbf".into(), "empty"),
        ("prose", b"hello".into(), "not_json"),
        ("a form", b"EventType=NewFileUpload&FileId=77".into(), "not_json"),
        ("XML", b"<xml><FileId>77</FileId></xml>".into(), "not_json"),
        ("single quotes", b"{'EventType':'NewFileUpload'}".into(), "not_json"),
        ("a comment", b"{/* */\"EventType\":\"NewFileUpload\"}".into(), "not_json"),
        ("a comma too many", b"{\"EventType\":\"NewFileUpload\",}".into(), "not_json"),
        ("a number that is none", b"{\"EventType\":\"NewFileUpload\",\"x\":NaN}".into(), "not_json"),
        ("a number with a zero before it", b"{\"EventType\":\"NewFileUpload\",\"x\":01}".into(), "not_json"),
        ("a control character in a text", b"{\"EventType\":\"New\nFileUpload\"}".into(), "not_json"),
        ("an escape that is none", br#"{"EventType":"\x4e"}"#.into(), "not_json"),
        ("half a unicode escape", br#"{"EventType":"\u00"}"#.into(), "not_json"),
        ("two objects", [good.clone(), good.clone()].concat(), "not_json"),
        ("something behind it", [good.clone(), b"x".to_vec()].concat(), "not_json"),
        ("a NUL behind it", [good.clone(), b"\0".to_vec()].concat(), "not_json"),
        ("UTF-16", utf_16, "not_json"),
        ("noise", noise, "not_json"),
        ("NULs", vec![0; 1024], "not_json"),
        ("100,000 levels that do not end", deep.into(), "not_json"),
        ("100,000 objects that do not end", "{\"a\":".repeat(DEEP).into(), "not_json"),
        ("100,000 brackets that only close", "]".repeat(DEEP).into(), "not_json"),
    ];
    // Cut off anywhere.
    for end in (1..good.len()).step_by(7) {
        cases.push(("truncated", good[..end].to_vec(), "not_json"));
    }
    TestApp::start().await.keeps_aside(cases).await;
}

#[actix_web::test]
async fn json_without_an_event_is_kept_aside_byte_for_byte() {
    let wide: String = (0..1025).map(|n| format!(r#""m{n}":0,"#)).collect();
    let item = r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"77"}}"#;
    let list = |count: usize| {
        format!(
            r#"{{"Response":{{"EventSet":[{}]}}}}"#,
            vec![item; count].join(",")
        )
    };
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("an array", b"[]".into(), "not_an_object"),
        ("an array of events", format!("[{item}]").into(), "not_an_object"),
        ("a text", b"\"NewFileUpload\"".into(), "not_an_object"),
        ("an event in a text", Value::from(item).to_string().into(), "not_an_object"),
        ("a number", b"77".into(), "not_an_object"),
        ("null", b"null".into(), "not_an_object"),
        ("100,000 arrays", nested("[", "", "]").into(), "not_an_object"),
        ("no members", b"{}".into(), "no_event"),
        ("a type that is null", br#"{"EventType":null}"#.into(), "no_event"),
        ("a type that is empty", br#"{"EventType":""}"#.into(), "no_event"),
        ("a type that is an object", br#"{"EventType":{"x":1}}"#.into(), "no_event"),
        ("members of no event", br#"{"hello":{"FileId":"77"}}"#.into(), "no_event"),
        ("data without a type", br#"{"version":"4.0","data":{"fileId":"77"}}"#.into(), "no_event"),
        ("an error of the API", br#"{"Response":{"Error":{"Code":"ResourceNotFound","Message":"m"},"RequestId":"r"}}"#.into(), "no_event"),
        ("an empty list", br#"{"Response":{"EventSet":[],"RequestId":"r"}}"#.into(), "no_event"),
        ("a list that is null", br#"{"Response":{"EventSet":null,"RequestId":"r"}}"#.into(), "no_event"),
        ("a legacy list that is empty", br#"{"code":0,"message":"","eventList":[]}"#.into(), "no_event"),
        ("100,000 objects", nested(r#"{"a":"#, "1", "}").into(), "no_event"),
        ("a legacy content that is no JSON", br#"{"msgHandle":"m","eventContent":"hello"}"#.into(), "not_json"),
        ("1,025 members", format!("{{{wide}{}", &item[1..]).into(), "too_many_members"),
        ("1,001 items", list(1001).into(), "too_many_items"),
        ("50,000 items", list(50_000).into(), "too_many_items"),
        ("an upload without its member", br#"{"EventType":"NewFileUpload"}"#.into(), "no_file_id"),
        ("an upload whose member is null", br#"{"EventType":"NewFileUpload","FileUploadEvent":null}"#.into(), "no_file_id"),
        ("an upload whose member is empty", br#"{"EventType":"NewFileUpload","FileUploadEvent":{}}"#.into(), "no_file_id"),
        ("everything is null", br#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":null,"MediaBasicInfo":null,"MetaData":null}}"#.into(), "no_file_id"),
        ("a member in itself, 100,000 times", nested(r#"{"FileUploadEvent":"#, "{}", "}").into(), "no_file_id"),
        ("a legacy upload without data", br#"{"version":"4.0","eventType":"NewFileUpload","data":{}}"#.into(), "no_file_id"),
        ("a deletion of nothing", br#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":[]}}"#.into(), "no_file_id"),
        ("a task flow of nothing", br#"{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{"Status":"FINISH"}}"#.into(), "no_file_id"),
    ];
    TestApp::start().await.keeps_aside(cases).await;
}

#[actix_web::test]
async fn an_upload_whose_file_id_cannot_be_one_is_kept_aside() {
    let (longest, too_long) = ("7".repeat(64), format!("\"{}\"", "7".repeat(65)));
    #[rustfmt::skip]
    let literals = [
        "null", "true", "{}", "[]", "[77]", r#"{"FileId":"77"}"#, "-5", "-0", "1.5", "1e3", "77.0", r#""""#, r#"" ""#, r#"" 77""#, r#""7 7""#,
        r#""7\u00007""#, r#""77\ud800""#, r#""７７""#, r#""../../etc/passwd""#, r#""7/7""#, r#""7%37""#, r#""7'; DROP TABLE uploads; --""#,
        r#""<b>7</b>""#, r#""7\n7""#, "\"7\u{202e}7\"", "\"\u{1f3a5}\"", &too_long, &too_long[1..66],
    ];
    let bodies = literals.map(|literal| upload_with(literal, "\"n\"", "\"c\"").into_bytes());
    let cases = literals
        .iter()
        .zip(bodies)
        .map(|(literal, body)| (*literal, body, "no_file_id"));
    TestApp::start().await.keeps_aside(cases.collect()).await;

    let app = TestApp::start().await;
    for id in ["7", "0", "007", "145080710982449590xx", "a-b_C", &longest] {
        app.records(id, upload_of(id)).await;
        assert_eq!(app.upload(id).await["file_id"], id);
    }
}

#[actix_web::test]
async fn a_file_id_that_is_a_number_keeps_every_digit_however_large() {
    let app = TestApp::start().await;
    for id in [
        "9007199254740991",
        "9007199254740992",
        "9007199254740993", // around 2^53
        "9223372036854775807",
        "9223372036854775808", // i64
        "14508071098244959037",
        "18446744073709551615",
        "18446744073709551616", // u64
        "99999999999999999999999999999999999999999999999999999999999999",
    ] {
        app.records(id, upload_with(id, "\"n\"", "\"c\"")).await;
        let upload = app.upload(id).await;
        assert_eq!(
            (&upload["file_id"], &upload["name"]),
            (&json!(id), &json!("n"))
        );
        // Written as text, or in format 2.0, it is the same file.
        for again in [
            upload_with(&format!("\"{id}\""), "\"n\"", "\"c\""),
            format!(
                r#"{{"version":4,"eventType":"NewFileUpload","data":{{"fileId":{id},"fileName":"n","sourceContext":"c"}}}}"#
            ),
        ] {
            assert_eq!(app.push(again).await, Answer::receipt("duplicate"), "{id}");
        }
        assert_eq!(app.upload(id).await["deliveries"], 3);
    }
    let deleted = r#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":[9007199254740993,18446744073709551616]}}"#;
    app.records("deletion", deleted).await;
    assert_eq!(
        app.upload("9007199254740992").await["deleted_at"],
        json!(null)
    );
    assert_ne!(
        app.upload("9007199254740993").await["deleted_at"],
        json!(null)
    );
    assert_ne!(
        app.upload("18446744073709551616").await["deleted_at"],
        json!(null)
    );
}

#[actix_web::test]
async fn of_repeated_members_the_last_counts_and_all_are_kept() {
    let app = TestApp::start().await;
    for (title, body, id) in [
        (
            "file id",
            r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"1","FileId":"2"}}"#,
            "2",
        ),
        (
            "member",
            r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"3"},"FileUploadEvent":{"FileId":"4"}}"#,
            "4",
        ),
        (
            "type",
            r#"{"EventType":"FileDeleted","EventType":"NewFileUpload","FileUploadEvent":{"FileId":"5"}}"#,
            "5",
        ),
        (
            "escaped name",
            r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"6","\u0046ileId":"7"}}"#,
            "7",
        ),
        (
            "legacy",
            r#"{"eventType":"NewFileUpload","data":{"fileId":"8"},"data":{"fileId":"9","fileId":"10"}}"#,
            "10",
        ),
    ] {
        app.records(title, body).await;
        assert_eq!(app.upload(id).await["deliveries"], 1, "{title}");
    }
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 5);
    app.works_as_before().await;
}

#[actix_web::test]
async fn an_event_of_an_unknown_type_is_kept_by_it() {
    let app = TestApp::start().await;
    let long = "X".repeat(100_000);
    let cases = [
        ("MoonPhaseChanged", r#"{"EventType":"MoonPhaseChanged","Moon":{"FileId":"77","TaskId":"m","Status":"PROCESSING"}}"#.to_owned(), Some("77")),
        ("Ping", r#"{"EventType":"Ping"}"#.to_owned(), None),
        ("月相", r#"{"eventType":"月相","data":{"fileId":"78"}}"#.to_owned(), Some("78")),
        ("12", r#"{"EventType":12}"#.to_owned(), None),
        (&long[..65_536], format!(r#"{{"EventType":"{long}"}}"#), None),
        ("Deep", format!(r#"{{"EventType":"Deep","Deep":{}}}"#, nested(r#"{"FileId":"79","x":"#, "1", "}")), Some("79")),
    ];
    for (event_type, body, file_id) in cases {
        let title = &event_type[..event_type.len().min(40)];
        let body = body.into_bytes();
        assert_eq!(app.push(body.clone()).await.status, 200, "{title}");
        let kept = app.kept().await.pop().unwrap();
        assert_eq!(
            (kept.state().as_str(), kept.file_id.as_deref()),
            ("recorded", file_id),
            "{title}"
        );
        assert!(
            kept.event_type.as_deref() == Some(event_type) && kept.body == body,
            "{title}"
        );
    }
    assert_eq!(
        app.count("SELECT count(*) FROM uploads WHERE announced_at IS NOT NULL")
            .await,
        0
    );
    app.works_as_before().await;
}
