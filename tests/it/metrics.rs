//! `GET /metrics`: everything is there at zero, and each thing that happens moves what it should and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use vod_receiver::config::{App, Secret};
use vod_receiver::ops::metrics::names::{Kind, Metric, OTHER};
use vod_receiver::vod::callback_sign::expected;
use vod_receiver::vod::notification::Fault;

use crate::harness::{SIGN_KEY, TOKEN, TestApp, eventually, named_app, new_file_upload, token_app};
use crate::openapi::operations;

mod away;
mod told;

const LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// Each series, as it is written, and its value.
pub type Series = BTreeMap<String, f64>;

pub fn read(text: &str) -> Series {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series: Vec<(String, f64)> = lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect();
    let count = series.len();
    let series: Series = series.into_iter().collect();
    assert_eq!(series.len(), count, "a series is told twice");
    series
}

/// What moved that only grows, but for requests and batches: `name{labels} +n`, without the prefix.
fn moved(before: &Series, after: &Series) -> Vec<String> {
    let counters = after
        .iter()
        .filter(|(name, _)| name.split('{').next().unwrap().ends_with("_total"))
        .filter(|(name, _)| !name.contains("_http_") && !name.contains("_batches_"));
    counters
        .filter(|(name, value)| before[*name] != **value)
        .map(|(name, value)| {
            let name = name.strip_prefix("vod_receiver_").unwrap();
            format!(
                "{name} +{}",
                value - before[&format!("vod_receiver_{name}")]
            )
        })
        .collect()
}

impl TestApp {
    pub async fn metrics_text(&self) -> String {
        let response = self.client.get(format!("{}/metrics", self.url)).send();
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; version=0.0.4"
        );
        response.text().await.unwrap()
    }

    pub async fn metrics(&self) -> Series {
        read(&self.metrics_text().await)
    }

    pub async fn metric(&self, name: &str) -> f64 {
        self.metrics().await[&format!("vod_receiver_{name}")]
    }

    /// Posts a body, and tells the status and what moved.
    async fn what_moves(&self, rest: &str, body: impl Into<reqwest::Body>) -> (u16, Vec<String>) {
        let before = self.metrics().await;
        let (status, _) = self.callback_to(rest, body).await;
        (status.as_u16(), moved(&before, &self.metrics().await))
    }
}

/// `main` with a token, `both` with a token and a SignKey.
fn apps() -> Vec<App> {
    let both = App {
        sign_keys: vec![Secret::new(SIGN_KEY)],
        ..named_app("both")
    };
    vec![token_app(), both]
}

#[actix_web::test]
async fn every_series_is_there_at_zero_before_anything_happens() {
    let app = TestApp::start().await;
    let series = app.metrics().await;
    let mut wanted = BTreeSet::new();
    let mut add = |metric: Metric, labels: &[&str]| {
        let pairs = metric.labels().names.iter().zip(labels);
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        let with = |suffix: &str, more: Option<String>| {
            let pairs: Vec<String> = pairs.iter().cloned().chain(more).collect();
            let labels = match pairs.as_slice() {
                [] => String::new(),
                pairs => format!("{{{}}}", pairs.join(",")),
            };
            format!("{}{suffix}{labels}", metric.name())
        };
        if let Kind::Histogram(bounds) = metric.kind() {
            let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            wanted.extend(bounds.map(|le| with("_bucket", Some(format!("le=\"{le}\"")))));
            wanted.extend([with("_sum", None), with("_count", None)]);
        } else {
            wanted.insert(with("", None));
        }
    };
    let mut endpoints: Vec<(String, String)> = operations()
        .into_iter()
        .map(|(method, path)| (method.to_string(), path))
        .collect();
    let beside = [
        "/openapi.json",
        "/",
        "/assets/{version}/{file:.*}",
        "/docs",
        "/docs/",
        "/docs/{file}",
    ];
    endpoints.extend(beside.map(|route| ("GET".to_owned(), route.to_owned())));
    endpoints.push(("none".to_owned(), "none".to_owned()));
    for &metric in Metric::ALL {
        match metric {
            Metric::HttpRequests => {
                for (method, route) in &endpoints {
                    for status in ["2xx", "4xx", "5xx"] {
                        add(metric, &[method, route, status]);
                    }
                }
            }
            Metric::HttpRequestDuration => {
                for (method, route) in &endpoints {
                    add(metric, &[method, route]);
                }
            }
            _ => metric.labels().rows.iter().for_each(|row| add(metric, row)),
        }
    }
    let held: BTreeSet<String> = series.keys().cloned().collect();
    let differ: Vec<&String> = held.symmetric_difference(&wanted).collect();
    assert!(differ.is_empty(), "{differ:#?}");
    let not_zero: Vec<&str> = series
        .iter()
        .filter(|(_, value)| **value != 0.0)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        not_zero,
        [
            "process_resident_memory_bytes",
            "process_start_time_seconds",
            "vod_receiver_build_info{version=\"0.1.0\"}",
            "vod_receiver_postgres_up",
        ]
    );
    assert!(series["process_resident_memory_bytes"] > 1e6);
    assert_eq!(
        series["process_start_time_seconds"],
        app.now().timestamp() as f64
    );
}

#[actix_web::test]
async fn each_family_tells_its_kind_and_what_it_is() {
    let app = TestApp::start().await;
    let text = app.metrics_text().await;
    for metric in Metric::ALL {
        let kind = match metric.kind() {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let name = metric.name();
        let head = format!(
            "# HELP {name} {}\n# TYPE {name} {kind}\n{name}",
            metric.help()
        );
        assert_eq!(text.matches(&head).count(), 1, "{head}");
    }
    assert_eq!(text.matches("# TYPE ").count(), Metric::ALL.len());
}

#[actix_web::test]
async fn what_is_taken_moves_outcome_door_and_verdict() {
    let app = TestApp::with(apps()).await;
    let wanted = json!({"user_id": "ann", "app": "main"});
    let (_, issued) = app.post_signature(&wanted).await;
    let ticket = issued["ticket"].as_str().unwrap().to_owned();
    let main = format!("main/{TOKEN}");
    let upload = |file_id: &str, context: &str| new_file_upload(file_id, context).to_string();
    let recorded = |method: &str, reason: &str| {
        vec![
            "callbacks_total{outcome=\"recorded\"} +1".to_owned(),
            "deliveries_total{door=\"push\",outcome=\"recorded\"} +1".to_owned(),
            format!("uploads_recorded_total{{method=\"{method}\",reason=\"{reason}\"}} +1"),
        ]
    };
    for (file_id, context, method, reason) in [
        ("9501", ticket.as_str(), "ticket", "ticket"),
        ("9502", "", "none", "no_context"),
        ("9503", "somebody's", "none", "foreign_context"),
        (
            "9504",
            "vt_01H455VB4PEX5VSKNK084SN02Q",
            "none",
            "unknown_ticket",
        ),
    ] {
        let told = app.what_moves(&main, upload(file_id, context)).await;
        assert_eq!(told, (200, recorded(method, reason)), "{context}");
    }
    let told = app.what_moves(&main, upload("9501", &ticket)).await;
    let duplicate = [
        "callbacks_total{outcome=\"duplicate\"} +1",
        "deliveries_total{door=\"push\",outcome=\"duplicate\"} +1",
    ];
    assert_eq!(told, (200, duplicate.map(str::to_owned).to_vec()));

    let t = app.now().timestamp() + 600;
    let mut signed = new_file_upload("9505", &ticket);
    signed["Sign"] = json!(expected(SIGN_KEY, t));
    signed["T"] = json!(t);
    let told = app
        .what_moves(&format!("both/{TOKEN}"), signed.to_string())
        .await;
    assert_eq!(told, (200, recorded("none", "wrong_app")));

    // A task of a file that is not announced is no upload yet; the upload then has its session's ticket.
    let task = json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
        "TaskId": "t1", "Status": "FINISH", "FileId": "9506", "SessionContext": ticket,
        "MediaProcessResultSet": []}});
    let (status, told) = app.what_moves(&main, task.to_string()).await;
    assert_eq!((status, told.len()), (200, 2), "{told:?}");
    let told = app.what_moves(&main, upload("9506", "")).await;
    assert_eq!(told, (200, recorded("ticket", "session_ticket")));

    let series = app.metrics().await;
    for name in ["batch_deliveries", "commit_duration_seconds"] {
        let name = format!("vod_receiver_{name}_count");
        assert_eq!(series[&name], 8.0, "{name}");
    }
    assert_eq!(series["vod_receiver_batch_deliveries_sum"], 8.0);
    assert_eq!(
        series["vod_receiver_batches_total{outcome=\"committed\"}"],
        8.0
    );
    assert_eq!(series["vod_receiver_signatures_issued_total"], 1.0);
    let requests = "vod_receiver_http_requests_total{method=\"POST\",route=\"/callbacks/{app}/{token}\",status=\"2xx\"}";
    assert_eq!(series[requests], 8.0);
    let durations = "vod_receiver_http_request_duration_seconds_count{method=\"POST\",route=\"/callbacks/{app}/{token}\"}";
    assert_eq!(series[durations], 8.0);
}

#[actix_web::test]
async fn what_is_not_authentic_moves_its_reason_and_is_kept_only_with_the_token() {
    let app = TestApp::with(apps()).await;
    let now = app.now().timestamp();
    let upload = |sign: Option<(String, i64)>| {
        let mut body = new_file_upload("9511", "");
        if let Some((sign, t)) = sign {
            body["Sign"] = json!(sign);
            body["T"] = json!(t);
        }
        body.to_string()
    };
    let right = |t: i64| Some((expected(SIGN_KEY, t), t));
    let both = format!("both/{TOKEN}");
    for (rest, sign, reason) in [
        (format!("nope/{TOKEN}"), None, "unknown_app"),
        ("main".to_owned(), None, "token_missing"),
        ("main/wrong".to_owned(), None, "token_wrong"),
        (both.clone(), None, "sign_missing"),
        (
            both.clone(),
            Some(("short".to_owned(), now)),
            "sign_malformed",
        ),
        (
            both.clone(),
            Some((expected("other", now), now)),
            "sign_wrong",
        ),
        (both.clone(), right(now - 1), "sign_expired"),
        (both, right(now + 86_400), "sign_too_far_ahead"),
    ] {
        let mut wanted = vec![
            "callbacks_total{outcome=\"unauthenticated\"} +1".to_owned(),
            format!("callbacks_unauthenticated_total{{reason=\"{reason}\"}} +1"),
        ];
        if reason.starts_with("sign_") {
            wanted.push(format!(
                "deliveries_quarantined_total{{reason=\"{reason}\"}} +1"
            ));
            wanted.push("deliveries_total{door=\"push\",outcome=\"quarantined\"} +1".to_owned());
        }
        let told = app.what_moves(&rest, upload(sign)).await;
        assert_eq!(told, (401, wanted), "{reason}");
    }
    let moved = app.metrics().await;
    let reasons = Metric::CallbacksUnauthenticated.labels().rows;
    // An app whose events are pulled would move what tells of that, too: `pull.rs` has it.
    for reason in reasons.iter().filter(|row| row[0] != "events_are_pulled") {
        let name = Metric::CallbacksUnauthenticated.name();
        assert_eq!(moved[&format!("{name}{{reason=\"{}\"}}", reason[0])], 1.0);
    }
}

#[actix_web::test]
async fn what_holds_no_event_moves_the_reason_of_its_quarantine() {
    let app = TestApp::start().await;
    let main = format!("main/{TOKEN}");
    let many = |count: usize, member: &dyn Fn(usize) -> String| {
        (0..count).map(member).collect::<Vec<_>>().join(",")
    };
    let delete = |files: usize| {
        let ids = many(files, &|n| format!("\"{n}\""));
        format!(r#"{{"EventType":"FileDeleted","FileDeleteEvent":{{"FileIdSet":[{ids}]}}}}"#)
    };
    let mut seen = BTreeSet::new();
    for (body, fault) in [
        (String::new(), Fault::Empty),
        ("not JSON".to_owned(), Fault::NotJson),
        ("[1]".to_owned(), Fault::NotAnObject),
        (
            format!("{{{}}}", many(1_025, &|n| format!("\"{n}\":1"))),
            Fault::TooManyMembers,
        ),
        (
            format!(r#"{{"EventSet":[{}]}}"#, many(1_001, &|_| "{}".to_owned())),
            Fault::TooManyItems,
        ),
        (delete(1_001), Fault::TooManyFiles),
        ("{}".to_owned(), Fault::NoEvent),
        (
            r#"{"EventType":"NewFileUpload","FileUploadEvent":{}}"#.to_owned(),
            Fault::NoFileId,
        ),
    ] {
        let code = fault.code();
        seen.insert(code);
        let wanted = vec![
            "callbacks_total{outcome=\"quarantined\"} +1".to_owned(),
            format!("deliveries_quarantined_total{{reason=\"{code}\"}} +1"),
            "deliveries_total{door=\"push\",outcome=\"quarantined\"} +1".to_owned(),
        ];
        let told = app.what_moves(&main, body).await;
        assert_eq!(told, (400, wanted), "{code}");
    }
    // The other reasons are moved by the tests beside this one.
    let elsewhere = |reason: &str| {
        reason.starts_with("sign_")
            || [OTHER, "refused_by_database", "spool_head_unreadable"].contains(&reason)
    };
    let rows = Metric::DeliveriesQuarantined.labels().rows;
    let mut reasons: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    reasons.retain(|reason| !elsewhere(reason));
    assert_eq!(reasons, seen);
}

#[actix_web::test]
async fn what_postgres_refuses_and_what_meets_another_writer_is_told() {
    let app = TestApp::start().await;
    // The first write of all meets another writer, a file is refused for ever.
    sqlx::raw_sql(
        "CREATE SEQUENCE writes;
        CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('writes') = 1 THEN RAISE EXCEPTION 'odd' USING ERRCODE = '40001'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER odd BEFORE INSERT ON uploads FOR EACH ROW EXECUTE FUNCTION odd();
        ALTER TABLE uploads ADD CONSTRAINT odd CHECK (file_id <> '9521')",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let main = format!("main/{TOKEN}");
    let batches = async || {
        let series = app.metrics().await;
        ["committed", "contended", "refused", "unavailable"]
            .map(|outcome| series[&format!("vod_receiver_batches_total{{outcome=\"{outcome}\"}}")])
    };
    let (status, _) = app
        .what_moves(&main, new_file_upload("9520", "").to_string())
        .await;
    assert_eq!(status, 200);
    assert_eq!(batches().await, [1.0, 1.0, 0.0, 0.0]);
    let told = app
        .what_moves(&main, new_file_upload("9521", "").to_string())
        .await;
    let wanted = [
        "callbacks_total{outcome=\"recorded\"} +1",
        "deliveries_quarantined_total{reason=\"refused_by_database\"} +1",
        "deliveries_total{door=\"push\",outcome=\"quarantined\"} +1",
    ];
    assert_eq!(told, (200, wanted.map(str::to_owned).to_vec()));
    assert_eq!(batches().await, [2.0, 1.0, 1.0, 0.0]);
}

#[actix_web::test]
async fn what_does_not_arrive_whole_or_is_too_large_is_told() {
    let app = TestApp::start().await;
    let main = format!("main/{TOKEN}");
    let too_large = vec![b' '; LIMIT_BYTES + 1];
    let told = app.what_moves(&main, too_large).await;
    let wanted = "callbacks_total{outcome=\"too_large\"} +1".to_owned();
    assert_eq!(told, (413, vec![wanted]));
    assert_eq!(app.metric("bodies_in_flight_bytes").await, 0.0);

    // One that ends in the middle, and one whose connection is reset there.
    for (is_reset, outcome) in [(false, "invalid"), (true, "abandoned")] {
        let address = app.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head =
            format!("POST /callbacks/{main} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(b"{\"a\"").await.unwrap();
        eventually("the first bytes are there", async || {
            app.metric("bodies_in_flight_bytes").await == 4.0
        })
        .await;
        if is_reset {
            stream.set_zero_linger().unwrap();
        }
        drop(stream);
        let outcome = format!("callbacks_total{{outcome=\"{outcome}\"}}");
        eventually(&outcome, async || app.metric(&outcome).await == 1.0).await;
    }
    assert_eq!(app.metric("bodies_in_flight_bytes").await, 0.0);
}
