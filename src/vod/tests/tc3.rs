//! Signatures of API requests against the known vectors, those of the official Python SDK among them.

use super::*;
use crate::vod::tc3::{Authorization, Request};

/// What the published vectors, which do not say it, were made with.
const PUBLISHED_CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// Each vector with its request; `x-tc-action` is the one further header that any of them signs.
fn each(mut check: impl FnMut(&str, &Value, &Request<'_>)) {
    let vectors = vectors();
    let vectors = vectors["tc3"].as_array().unwrap();
    assert!(vectors.len() >= 4);
    for vector in vectors {
        let text = |name: &str| vector["inputs"][name].as_str();
        let signed = vector["inputs"]["signed"].as_array().unwrap();
        let action = [("X-TC-Action", text("action").unwrap())];
        let request = Request {
            timestamp: vector["inputs"]["ts"].as_i64().unwrap(),
            service: text("service").unwrap(),
            host: text("host").unwrap(),
            content_type: text("ct").unwrap_or(PUBLISHED_CONTENT_TYPE),
            extra: &action[..signed.len() - 2],
            body: text("payload").unwrap().as_bytes(),
        };
        check(text("sk").unwrap(), vector, &request);
    }
}

#[test]
fn the_vectors_are_reproduced() {
    each(|key, vector, request| {
        let secret_id = vector["inputs"]["sid"].as_str().unwrap();
        assert_eq!(request.canonical(), vector["canonical_request"]);
        assert_eq!(request.string_to_sign(), vector["string_to_sign"]);
        assert_eq!(request.signature(key), vector["signature"]);
        assert_eq!(
            request.authorization(secret_id, key),
            vector["authorization"]
        );
    });
}

#[test]
fn a_header_is_taken_apart_and_checked_against_what_was_sent() {
    each(|key, vector, request| {
        let header = vector["authorization"].as_str().unwrap();
        let given = Authorization::parse(header).unwrap();
        assert_eq!(given.secret_id, vector["inputs"]["sid"]);
        assert_eq!(given.date, vector["inputs"]["date"]);
        assert!(given.is_of(request, key));
        assert!(!given.is_of(request, "another key"));
        let changed = Request {
            body: b"{ }",
            ..*request
        };
        assert!(!given.is_of(&changed, key));
        let later = Request {
            timestamp: request.timestamp + 1,
            ..*request
        };
        assert!(!given.is_of(&later, key));
        let unsigned = Authorization::parse(&header.replace("content-type;", "")).unwrap();
        assert!(!unsigned.is_of(request, key));
        assert!(!format!("{given:?}").contains(vector["signature"].as_str().unwrap()));
    });
}

#[test]
fn what_is_no_such_header_is_none() {
    for header in [
        "",
        "Bearer abc",
        "TC3-HMAC-SHA256 Credential=a/2025-12-01/vod, SignedHeaders=host, Signature=00",
        "TC3-HMAC-SHA256 Credential=a/2025-12-01/vod/tc3_request, SignedHeaders=host",
        "TC3-HMAC-SHA256 Credential=a/2025-12-01/vod/tc4_request, SignedHeaders=host, Signature=00",
        "TC3-HMAC-SHA256 Credential=a/2025-12-01/vod/tc3_request/x, SignedHeaders=host, Signature=00",
    ] {
        assert_eq!(Authorization::parse(header), None, "{header}");
    }
    // Blanks after the commas are usual, and not needed.
    let tight = "TC3-HMAC-SHA256 Credential=a/2025-12-01/vod/tc3_request,SignedHeaders=content-type;host,Signature=00";
    let headers = Authorization::parse(tight).unwrap().signed_headers;
    assert_eq!(headers, ["content-type", "host"]);
}
