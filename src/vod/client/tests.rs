//! The client against a hand-made server that gives the answers of a script and keeps what it was asked.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::vod::tc3::{Authorization, Request};

const KEY: &str = "ExampleSecretKey0123456789abcdef";
const NOW: &str = "2025-12-01T09:00:00Z";

/// A server that takes one connection an answer.
struct Script {
    client: Client,
    host: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn of<const N: usize>(answers: [&str; N]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let credentials = Credentials {
            secret_id: "AKIDEXAMPLE".to_owned(),
            secret_key: Secret::new(KEY),
            token: Some(Secret::new("temporary-token")),
        };
        let clock = Clock::set_to(NOW.parse().unwrap());
        let client = Client::new(
            credentials,
            &format!("http://{host}"),
            Some(1_500_000_001),
            clock,
            Random::counting(),
        )
        .unwrap();
        let answers = answers.map(str::to_owned);
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                kept.lock().unwrap().push(request);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self {
            client,
            host,
            asked,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The bodies of what was asked.
    fn bodies(&self) -> Vec<String> {
        let body = |request: &String| request.split_once("\r\n\r\n").unwrap().1.to_owned();
        self.asked().iter().map(body).collect()
    }
}

/// Reads one request to the end of its body.
async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = header(head, "content-length").unwrap().parse().unwrap();
            if body.len() >= length {
                return text.into_owned();
            }
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
}

/// A whole answer with this body, of one minute before our now.
fn ok(body: &str) -> String {
    with_status("200 OK", body)
}

fn with_status(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nDate: Mon, 01 Dec 2025 08:50:00 GMT\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

fn error(code: &str) -> String {
    ok(&format!(
        r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"as said"}},"RequestId":"r"}}}}"#
    ))
}

#[tokio::test]
async fn a_request_is_signed_and_says_what_it_wants() {
    let server = Script::of([&ok(r#"{"Response":{"EventSet":null,"RequestId":"r"}}"#)]).await;
    assert_eq!(server.client.pull_events().await.unwrap(), []);
    let request = server.asked().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST / HTTP/1.1\r\n"));
    assert_eq!(body, r#"{"SubAppId":1500000001}"#);
    for (name, value) in [
        ("host", server.host.as_str()),
        ("content-type", "application/json"),
        ("x-tc-action", "PullEvents"),
        ("x-tc-version", "2018-07-17"),
        ("x-tc-timestamp", "1764579600"),
        ("x-tc-token", "temporary-token"),
    ] {
        assert_eq!(header(head, name).as_deref(), Some(value), "{name}");
    }
    let given = Authorization::parse(&header(head, "authorization").unwrap()).unwrap();
    let sent = Request {
        timestamp: 1_764_579_600,
        service: "vod",
        host: &server.host,
        content_type: "application/json",
        extra: &[],
        body: body.as_bytes(),
    };
    assert!(given.is_of(&sent, KEY));
}

#[tokio::test]
async fn events_are_given_byte_for_byte() {
    let first =
        r#"{ "EventHandle" : 8078360634045903972, "EventType":"NewFileUpload","a\u0000":null}"#;
    let second = r#"{"EventType":"X","New":[1]}"#;
    let server = Script::of([&ok(&format!(
        r#"{{"Response":{{"New":{{}},"EventSet":[{first}, null,{second},7],"RequestId":"r"}}}}"#
    ))])
    .await;
    let events = server.client.pull_events().await.unwrap();
    let pulled = |handle: Option<&str>, bytes: &str| PulledEvent {
        handle: handle.map(str::to_owned),
        bytes: Bytes::copy_from_slice(bytes.as_bytes()),
    };
    let expected = [
        pulled(Some("8078360634045903972"), first),
        pulled(None, second),
        pulled(None, "7"),
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn an_empty_queue_is_no_error_however_it_is_said() {
    for answer in [
        error("ResourceNotFound"),
        error("ResourceNotFound.NoEvent"),
        ok(r#"{"Response":{"EventSet":[]}}"#),
        ok(r#"{"Response":{"EventSet":null}}"#),
        ok(r#"{"Response":{}}"#),
    ] {
        let server = Script::of([&answer]).await;
        assert_eq!(server.client.pull_events().await.unwrap(), [], "{answer}");
    }
}

#[tokio::test]
async fn events_are_confirmed_sixteen_at_a_time_at_most() {
    let server = Script::of([&ok(r#"{"Response":{"RequestId":"r"}}"#)]).await;
    let handles = vec!["1".to_owned(); MAX_EVENTS + 1];
    let refused = server.client.confirm_events(&handles).await.unwrap_err();
    assert!(matches!(
        refused,
        ApiError::TooMany {
            given: 17,
            most: 16
        }
    ));
    server.client.confirm_events(&handles[..2]).await.unwrap();
    let asked = r#"{"EventHandles":["1","1"],"SubAppId":1500000001}"#;
    assert_eq!(server.bodies(), [asked]);
}

#[tokio::test]
async fn files_are_listed_with_their_exact_ids_and_bytes() {
    let one =
        r#"{"FileId":14508071098244959037,"BasicInfo":{"CreateTime":"2025-11-30T10:00:00Z"}}"#;
    let two = r#"{"FileId":"5285485487985271490","BasicInfo":null}"#;
    let server = Script::of([&ok(&format!(
        r#"{{"Response":{{"TotalCount":5000,"MediaInfoSet":[{one},{two},{{"FileId":1.5}}]}}}}"#
    ))])
    .await;
    let search = MediaSearch {
        created_from: "2025-11-30T00:00:00.7Z".parse().unwrap(),
        created_to: NOW.parse().unwrap(),
        offset: 40,
        limit: 100,
    };
    let page = server.client.search_media(&search).await.unwrap();
    assert_eq!((page.total, page.listed), (5000, 3));
    let media: Vec<_> = page
        .media
        .iter()
        .map(|media| (media.file_id.as_str(), media.bytes.as_ref()))
        .collect();
    let expected = [
        ("14508071098244959037", one.as_bytes()),
        ("5285485487985271490", two.as_bytes()),
    ];
    assert_eq!(media, expected);
    let created = "2025-11-30T10:00:00Z".parse().unwrap();
    assert_eq!(page.media[0].created, Some(created));
    assert_eq!(
        server.bodies(),
        [concat!(
            r#"{"CreateTime":{"After":"2025-11-30T00:00:00Z","Before":"2025-12-01T09:00:00Z"},"#,
            r#""Sort":{"Field":"CreateTime","Order":"Asc"},"Offset":40,"Limit":100,"#,
            r#""Filters":["basicInfo","metaData"],"SubAppId":1500000001}"#
        )]
    );
}

#[tokio::test]
async fn files_that_do_not_exist_are_told_apart_from_those_that_do() {
    let server = Script::of([
        &ok(
            r#"{"Response":{"MediaInfoSet":[{"FileId":"2","MetaData":null}],"NotExistFileIdSet":["1",3]}}"#,
        ),
        &ok(r#"{"Response":{"MediaInfoSet":null,"NotExistFileIdSet":null}}"#),
    ])
    .await;
    let file = |id: &str| FileId::parse(id).unwrap();
    let files = [file("1"), file("2"), file("3")];
    let infos = server.client.describe_media(&files).await.unwrap();
    assert_eq!(infos.missing, [file("1"), file("3")]);
    assert_eq!(infos.found.len(), 1);
    assert_eq!(
        infos.found[0].bytes,
        r#"{"FileId":"2","MetaData":null}"#.as_bytes()
    );
    let infos = server.client.describe_media(&files[..1]).await.unwrap();
    assert_eq!((infos.found.len(), infos.missing.len()), (0, 0));
    assert_eq!(
        server.bodies()[1],
        r#"{"FileIds":["1"],"Filters":["basicInfo","metaData"],"SubAppId":1500000001}"#
    );
}

#[tokio::test]
async fn a_task_is_given_byte_for_byte() {
    let response = r#"{"TaskType":"Procedure", "Status":"FINISH","RequestId":"r"}"#;
    let server = Script::of([
        &ok(&format!(r#" {{"Response": {response} }}"#)),
        &error("ResourceNotFound.TaskNotFound"),
    ])
    .await;
    let task = server.client.describe_task("1-procedurev2-ab").await;
    assert_eq!(task.unwrap(), response.as_bytes());
    let unknown = server.client.describe_task("2").await.unwrap_err();
    assert!(matches!(unknown, ApiError::NotFound { .. }));
}

#[tokio::test]
async fn tasks_are_listed_page_by_page() {
    let server = Script::of([
        &ok(concat!(
            r#"{"Response":{"TaskSet":[{"TaskId":"1","Status":"FINISH"},{"TaskId":"2","Status":"WAITING"},"#,
            r#"{"TaskId":"3","Status":"ABORTED"},{"Status":"FINISH"},null],"ScrollToken":"4"}}"#
        )),
        &ok(r#"{"Response":{"TaskSet":null,"ScrollToken":""}}"#),
    ])
    .await;
    let (from, to) = (
        "2025-11-30T00:00:00Z".parse().unwrap(),
        NOW.parse().unwrap(),
    );
    let page = server.client.list_tasks(from, to, None).await.unwrap();
    let told: Vec<_> = page
        .tasks
        .iter()
        .map(|task| (task.task_id.as_str(), task.is_over))
        .collect();
    assert_eq!(told, [("1", true), ("2", false), ("3", true)]);
    let last = server
        .client
        .list_tasks(from, to, page.next.as_deref())
        .await;
    assert_eq!(
        last.unwrap(),
        TaskPage {
            tasks: Vec::new(),
            next: None
        }
    );
    assert_eq!(
        server.bodies()[1],
        concat!(
            r#"{"CreateTime":{"After":"2025-11-30T00:00:00Z","Before":"2025-12-01T09:00:00Z"},"#,
            r#""Sort":{"Field":"CreateTime","Order":"Asc"},"Limit":100,"ScrollToken":"4","SubAppId":1500000001}"#
        )
    );
}

#[tokio::test]
async fn the_event_configuration_is_read_and_changed() {
    let server = Script::of([
        &ok(
            r#"{"Response":{"Mode":"PULL","NotificationUrl":"","UploadMediaCompleteEventSwitch":"ON","DeleteMediaCompleteEventSwitch":"OFF"}}"#,
        ),
        &ok(r#"{"Response":{}}"#),
    ])
    .await;
    let told = server.client.describe_event_config().await.unwrap();
    let expected = EventConfig {
        mode: Some(NotificationMode::Pull),
        notification_url: None,
        upload_media_complete: true,
        delete_media_complete: false,
        persistence_complete: false,
    };
    assert_eq!(told, expected);
    let change = EventConfigChange {
        mode: Some(NotificationMode::Push),
        upload_media_complete: Some(true),
        sign_key: Some(Secret::new("vodcallbackkey01")),
        ..EventConfigChange::default()
    };
    server.client.modify_event_config(&change).await.unwrap();
    assert_eq!(
        server.bodies()[1],
        r#"{"Mode":"PUSH","UploadMediaCompleteEventSwitch":"ON","SignKey":"vodcallbackkey01","SubAppId":1500000001}"#
    );
}

#[tokio::test]
async fn errors_are_told_apart_and_hold_no_secret() {
    for (code, kind) in [
        ("AuthFailure.SignatureFailure", "unauthentic"),
        ("AuthFailure.SecretIdNotFound", "unauthentic"),
        ("AuthFailure.TokenFailure", "unauthentic"),
        ("AuthFailure.SignatureExpire", "clock_skew"),
        ("UnauthorizedOperation", "refused"),
        ("FailedOperation.InvalidVodUser", "refused"),
        ("InvalidParameterValue.FileId", "invalid"),
        ("MissingParameter", "invalid"),
    ] {
        let server = Script::of([&error(code)]).await;
        let told = server.client.describe_task("1").await.unwrap_err();
        assert_eq!(told.code(), kind, "{code}");
        assert!(!told.is_passing());
        for text in [told.to_string(), format!("{told:?}")] {
            assert!(!text.contains(KEY) && !text.contains("temporary-token"));
        }
        // None of these is tried again.
        assert_eq!(server.asked().len(), 1, "{code}");
    }
    let server = Script::of([&error("AuthFailure.SignatureExpire")]).await;
    let skewed = server.client.pull_events().await.unwrap_err();
    assert_eq!(
        skewed.to_string(),
        "this machine's clock is 600 s ahead of VOD's: VOD refuses every signature until it is set right"
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_a_few_times() {
    let fine = ok(r#"{"Response":{"TaskType":"X"}}"#);
    let cut = ok(&" ".repeat(100)).replace(&" ".repeat(50), "");
    let server = Script::of([
        &error("RequestLimitExceeded.UinLimitExceeded"),
        &cut,
        &with_status("502 Bad Gateway", "<html>"),
        &fine,
    ])
    .await;
    server.client.describe_task("1").await.unwrap();
    assert_eq!(server.asked().len(), 4);

    let internal = error("InternalError.DB");
    let server = Script::of([internal.as_str(); 5]).await;
    let failed = server.client.describe_task("1").await.unwrap_err();
    assert!(matches!(failed, ApiError::Internal { .. }), "{failed:?}");
    assert_eq!(server.asked().len(), 4);
    // Pulling is a loop already.
    let server = Script::of([cut.as_str(); 2]).await;
    let failed = server.client.pull_events().await.unwrap_err();
    assert!(
        matches!(failed, ApiError::Transport(Transport::CutOff)),
        "{failed:?}"
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_none_of_vods_is_a_bad_one() {
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"Response":null}"#,
        r#"{"Response":{"EventSet":{}}}"#,
    ] {
        let server = Script::of([&ok(body)]).await;
        let told = server.client.pull_events().await.unwrap_err();
        assert!(matches!(told, ApiError::BadAnswer(_)), "{body}: {told:?}");
    }
}

#[test]
fn an_endpoint_is_an_address_without_a_path() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = |endpoint: &str| {
        let credentials = Credentials {
            secret_id: "a".to_owned(),
            secret_key: Secret::new(KEY),
            token: None,
        };
        let clock = Clock::set_to(NOW.parse().unwrap());
        Client::new(credentials, endpoint, None, clock, Random::counting()).map(|_| ())
    };
    for endpoint in ["", "vod.tencentcloudapi.com", "ftp://a", "https://a/b"] {
        let refused = client(endpoint).unwrap_err();
        assert!(matches!(refused, ApiError::Setup(_)), "{endpoint}");
    }
    for endpoint in ["https://vod.tencentcloudapi.com", "http://127.0.0.1:1"] {
        client(endpoint).unwrap();
    }
}
