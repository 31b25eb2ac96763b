//! How an answer gets on the wire: its envelope, and the ways in which it does not get there whole.

use std::io;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::DATE;
use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::faults::FaultKind;
use super::refusal::Refusal;

/// Long enough for half an answer to be on its way before the connection closes.
const CUT_AFTER: Duration = Duration::from_millis(20);

/// An answer made at that time, as far as a fault lets it through.
pub(super) fn sent(fault: Option<&FaultKind>, text: String, at: DateTime<Utc>) -> HttpResponse {
    match fault {
        Some(FaultKind::HangUp) => nothing(),
        Some(FaultKind::Status(status)) => not_the_api(*status),
        Some(FaultKind::CutBody) => half(&text, CUT_AFTER),
        Some(FaultKind::StallBody(by)) => half(&text, *by),
        _ => whole(text, at),
    }
}

/// The body of an answer: the members of an object, or an error, beside the request's id (protocol.md section 5).
pub(super) fn envelope(answer: Result<String, Refusal>, request_id: &str) -> String {
    let members = answer.unwrap_or_else(|refusal| {
        json!({"Error": {"Code": refusal.code, "Message": refusal.message}}).to_string()
    });
    let members = members.trim_end().strip_suffix('}').unwrap_or("{");
    let comma = if members.ends_with('{') { "" } else { "," };
    format!(r#"{{"Response":{members}{comma}"RequestId":"{request_id}"}}}}"#)
}

/// The same answer with every set null or empty.
pub(super) fn without_sets(answer: &str, set: &Value) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(answer) else {
        return answer.to_owned();
    };
    for (name, value) in &mut members {
        if name.ends_with("Set") {
            *value = set.clone();
        }
    }
    Value::Object(members).to_string()
}

/// The same answer with members in every object that nobody knows.
pub(super) fn with_unknown_members(answer: &str) -> String {
    match serde_json::from_str(answer) {
        Ok(mut value) => {
            add_unknown_members(&mut value);
            value.to_string()
        }
        Err(_) => answer.to_owned(),
    }
}

fn add_unknown_members(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(add_unknown_members);
            members.insert("MemberOfTomorrow".to_owned(), json!("a text"));
            members.insert("StructOfTomorrow".to_owned(), json!({"Set": [1, null, {}]}));
        }
        Value::Array(items) => items.iter_mut().for_each(add_unknown_members),
        _ => {}
    }
}

/// A whole answer, made at that time; errors too are 200.
fn whole(body: String, at: DateTime<Utc>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((DATE, at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()))
        .body(body)
}

/// What a proxy in between says.
pub(super) fn not_the_api(status: u16) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    HttpResponse::build(status)
        .content_type("text/html")
        .body(format!("<html><body><h1>{status}</h1></body></html>"))
}

/// No answer: the connection closes.
pub(super) fn nothing() -> HttpResponse {
    // The body fails before the headers left, and so they never do.
    let body = stream::once(async { Err::<Bytes, _>(closed()) });
    HttpResponse::Ok().body(SizedStream::new(1, body))
}

/// The headers and half of an answer; after that long the connection closes.
fn half(body: &str, close_after: Duration) -> HttpResponse {
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let end = stream::once(async move {
        tokio::time::sleep(close_after).await;
        Err(closed())
    });
    let body = stream::once(async { Ok::<_, io::Error>(half) }).chain(end);
    HttpResponse::Ok()
        .content_type("application/json")
        .body(SizedStream::new(length, Box::pin(body)))
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "closed as scripted")
}
