//! How requests to COS, where the bytes of an upload go, are signed: `q-sign-algorithm=sha1`, as COS's SDKs make it.
//!
//! SignKey = HMAC-SHA1(SecretKey, KeyTime); the signature is HMAC-SHA1(SignKey, "sha1", KeyTime and the SHA-1 of
//! method, path, and the query parameters and headers that are named in it), all in hex.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq;

/// RFC 3986's unreserved characters stay.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// In any case.
    pub method: &'a str,
    /// Decoded, with its `/`.
    pub path: &'a str,
    /// By name in lower case, decoded.
    pub query: &'a BTreeMap<String, String>,
    /// By name in lower case.
    pub headers: &'a BTreeMap<String, String>,
}

impl Request<'_> {
    /// The `Authorization` of a request of which no header is signed.
    pub fn authorization(&self, secret_id: &str, secret_key: &str, time: (i64, i64)) -> String {
        let time = format!("{};{}", time.0, time.1);
        let names: Vec<&str> = self.query.keys().map(String::as_str).collect();
        let signature = self.signature(secret_key, &time, &names, &[]);
        let names = names.join(";");
        format!(
            "q-sign-algorithm=sha1&q-ak={secret_id}&q-sign-time={time}&q-key-time={time}&q-header-list=\
             &q-url-param-list={names}&q-signature={signature}"
        )
    }

    /// Whether this key made this `Authorization` of the request, and it is good now.
    pub fn is_authorized(
        &self,
        authorization: &str,
        secret_id: &str,
        secret_key: &str,
        now_unix: i64,
    ) -> bool {
        let part = |name: &str| {
            let mut parts = authorization.split('&').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let time = part("q-key-time").unwrap_or_default();
        let list = |name: &str| -> Vec<&str> {
            let names = part(name).unwrap_or_default().split(';');
            names.filter(|name| !name.is_empty()).collect()
        };
        let (query, headers) = (list("q-url-param-list"), list("q-header-list"));
        let is_now = time.split_once(';').is_some_and(|(from, to)| {
            let is_past = from.parse().is_ok_and(|from: i64| from <= now_unix + 300);
            is_past && to.parse().is_ok_and(|to: i64| now_unix <= to)
        });
        let signature = self.signature(secret_key, time, &query, &headers);
        let is_same: bool = signature
            .as_bytes()
            .ct_eq(part("q-signature").unwrap_or_default().as_bytes())
            .into();
        part("q-ak") == Some(secret_id) && is_now && is_same
    }

    fn signature(&self, key: &str, time: &str, query: &[&str], headers: &[&str]) -> String {
        let http = format!(
            "{}\n{}\n{}\n{}\n",
            self.method.to_ascii_lowercase(),
            self.path,
            pairs(self.query, query),
            pairs(self.headers, headers)
        );
        let signed = format!("sha1\n{time}\n{}\n", hex(&Sha1::digest(http)));
        hex(&mac(hex(&mac(key.as_bytes(), time)).as_bytes(), &signed))
    }
}

/// `name=value&...` of these, by name.
fn pairs(all: &BTreeMap<String, String>, names: &[&str]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    let pairs = names.iter().map(|name| {
        let plain = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        let value = all.get(plain.as_ref()).map_or("", |value| value.trim());
        format!(
            "{}={}",
            encoded(&plain).to_ascii_lowercase(),
            encoded(value)
        )
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn mac(key: &[u8], text: &str) -> [u8; 20] {
    let keyed = Hmac::<Sha1>::new_from_slice(key);
    let mac = keyed.expect("HMAC takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of COS's documentation of the request signature ("uploading an object"), as published.
    #[test]
    fn the_published_example_is_reproduced() {
        let headers = [
            ("date", "Thu, 16 May 2019 06:45:51 GMT"),
            (
                "host",
                "examplebucket-1250000000.cos.ap-beijing.myqcloud.com",
            ),
            ("content-type", "text/plain"),
            ("content-length", "13"),
            ("content-md5", "mQ/fVh815F3k6TAUm8m0eg=="),
            ("x-cos-acl", "private"),
            ("x-cos-grant-read", "uin=\"100000000011\""),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request {
            method: "PUT",
            path: "/exampleobject(腾讯云)",
            query: &BTreeMap::new(),
            headers: &headers.into(),
        };
        let (id, key) = (
            "AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q",
            "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz",
        );
        let authorization = format!(
            "q-sign-algorithm=sha1&q-ak={id}&q-sign-time=1557989151;1557996351&q-key-time=1557989151;1557996351\
             &q-header-list=content-length;content-md5;content-type;date;host;x-cos-acl;x-cos-grant-read\
             &q-url-param-list=&q-signature=3b8851a11a569213c17ba8fa7dcf2abec6935172"
        );
        assert!(request.is_authorized(&authorization, id, key, 1_557_990_000));
        assert!(!request.is_authorized(&authorization, id, key, 1_557_996_352));
        assert!(!request.is_authorized(&authorization, id, "another", 1_557_990_000));
        assert!(!request.is_authorized("", id, key, 1_557_990_000));
    }

    #[test]
    fn what_is_signed_here_is_accepted_here_and_nothing_else_is() {
        let query = |number: &str| {
            BTreeMap::from([
                ("partnumber".to_owned(), number.to_owned()),
                ("uploadid".to_owned(), "a/b+c".to_owned()),
            ])
        };
        let headers = BTreeMap::new();
        let request = |query| Request {
            method: "put",
            path: "/key",
            query,
            headers: &headers,
        };
        let (first, second) = (query("1"), query("2"));
        let authorization = request(&first).authorization("id", "key", (10, 20));
        assert!(request(&first).is_authorized(&authorization, "id", "key", 15));
        assert!(!request(&second).is_authorized(&authorization, "id", "key", 15));
        assert!(!request(&first).is_authorized(&authorization, "other", "key", 15));
    }
}
