//! What a request to COS is about: its key, its query, its headers, its host.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;

use super::objects::MOST_PARTS;
use super::refusal::CosRefusal;
use crate::simulator::uploads::{STORAGE_APP_ID, Session, Target};
use crate::vod::cos_sign;

/// A host that names a bucket ends so.
const BUCKET_HOSTS: &str = ".myqcloud.com";

/// A request to COS, read.
pub(super) struct Asked {
    /// Decoded, without the `/` before it; empty: it is about the bucket.
    pub key: String,
    /// The same as it was sent.
    path: String,
    /// By name in lower case.
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

impl Asked {
    /// # Errors
    ///
    /// `InvalidURI` for a path that is not UTF-8.
    pub fn read(request: &HttpRequest) -> Result<Self, CosRefusal> {
        let path = percent_decode_str(request.uri().path())
            .decode_utf8()
            .map_err(|_| CosRefusal::new(400, "InvalidURI", "The path is not UTF-8."))?
            .into_owned();
        let query = form_urlencoded::parse(request.query_string().as_bytes())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.into_owned()))
            .collect();
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let key = path.trim_start_matches('/');
        // Path style: the bucket with its app id, then the key.
        let key = match key.split_once('/') {
            Some((bucket, key)) if bucket.ends_with(&format!("-{STORAGE_APP_ID}")) => key,
            _ => key,
        };
        Ok(Self {
            key: key.to_owned(),
            path,
            query,
            headers,
        })
    }

    pub fn has(&self, name: &str) -> bool {
        self.query.contains_key(name)
    }

    /// A parameter of the query; empty if it is not there.
    pub fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// A header by its name in lower case; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn upload_id(&self) -> Option<&str> {
        self.query.get("uploadid").map(String::as_str)
    }

    pub fn is_about_parts(&self) -> bool {
        self.has("uploads") || self.has("uploadid")
    }

    /// The part that it is about, if it is about one.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for what is no number from 1 to 10,000.
    pub fn part_number(&self) -> Result<Option<u32>, CosRefusal> {
        let Some(text) = self.query.get("partnumber") else {
            return Ok(None);
        };
        let number = text.parse().ok();
        match number.filter(|number| (1..=MOST_PARTS).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(CosRefusal::argument(
                "partNumber is a number from 1 to 10000.",
            )),
        }
    }

    /// The file of this upload that the request is about.
    ///
    /// # Errors
    ///
    /// `AccessDenied` for any other key.
    pub fn target<'a>(&self, session: &'a Session) -> Result<&'a Target, CosRefusal> {
        let target = session.target(&self.key);
        target.ok_or_else(|| CosRefusal::denied("The credentials are not for this object."))
    }

    /// Whether a host that names a bucket names that of the upload, in its region.
    ///
    /// # Errors
    ///
    /// `NoSuchBucket` if not.
    pub fn check_host(&self, session: &Session) -> Result<(), CosRefusal> {
        let host = self.header("host").split(':').next().unwrap_or_default();
        let Some((bucket, region)) = host
            .strip_suffix(BUCKET_HOSTS)
            .and_then(|host| host.split_once(".cos."))
        else {
            return Ok(());
        };
        let is_it = bucket.strip_prefix(&session.bucket) == Some(&format!("-{STORAGE_APP_ID}"));
        if is_it && region == session.intent.region {
            return Ok(());
        }
        let sentence = "There is no such bucket in this region.";
        Err(CosRefusal::new(404, "NoSuchBucket", sentence))
    }

    /// Whether it is signed with the credentials of this upload, and good now.
    pub fn is_signed_for(&self, method: &str, session: &Session, now_unix: i64) -> bool {
        // COS's own hosts show no port, and its Python SDK signs none.
        let mut without_port = self.headers.clone();
        if let Some(host) = without_port.get_mut("host") {
            host.truncate(host.find(':').unwrap_or(host.len()));
        }
        [&self.headers, &without_port].into_iter().any(|headers| {
            let request = cos_sign::Request {
                method,
                path: &self.path,
                query: &self.query,
                headers,
            };
            let credentials = &session.credentials;
            let (id, key) = (&credentials.secret_id, &credentials.secret_key);
            request.is_authorized(self.header("authorization"), id, key, now_unix)
        })
    }
}
