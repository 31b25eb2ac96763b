//! `GET /`: the page that people look at. All of it is in the binary, written as it is served: nothing is built or
//! loaded from elsewhere.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::LazyLock;

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::http::problem::Problem;

/// Where the page is; which of its views is shown stands after the `#`, which browsers keep to themselves: no log of a
/// proxy learns a user's id from it.
pub const PATH: &str = "/";
/// Its files, by the version of all of them, so that they may be kept for ever.
pub const FILE_PATH: &str = "/assets/{version}/{file:.*}";

/// Scripts, styles and requests of this origin only, nothing inline, no frame around it, no text that becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// What stands for the version in `index.html`.
const VERSION_MARK: &str = "{version}";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! files {
    ($($name:literal: $kind:ident),+ $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("../../web/", $name)))),+]
    };
}

const INDEX: &str = include_str!("../../web/index.html");
/// Name, type and text of each.
const SOURCES: &[(&str, &str, &str)] = files![
    "api.js": SCRIPT,
    "app.js": SCRIPT,
    "chart.js": SCRIPT,
    "dom.js": SCRIPT,
    "feed.js": SCRIPT,
    "fields.js": SCRIPT,
    "first.js": SCRIPT,
    "i18n.js": SCRIPT,
    "json.js": SCRIPT,
    "list.js": SCRIPT,
    "parts.js": SCRIPT,
    "places.js": SCRIPT,
    "taste.js": SCRIPT,
    "view-deliveries.js": SCRIPT,
    "view-delivery.js": SCRIPT,
    "view-find.js": SCRIPT,
    "view-inspect.js": SCRIPT,
    "view-overview.js": SCRIPT,
    "view-sign-in.js": SCRIPT,
    "view-signatures.js": SCRIPT,
    "view-ticket.js": SCRIPT,
    "view-upload.js": SCRIPT,
    "view-uploads.js": SCRIPT,
    "view-user.js": SCRIPT,
    "words-en.js": SCRIPT,
    "words-zh.js": SCRIPT,
    "style.css": STYLE,
    "icon.svg": IMAGE,
    "vendor/uplot.js": SCRIPT,
    "vendor/uplot.css": STYLE,
    "vendor/uplot.LICENSE": TEXT,
];

/// A file as it is sent.
struct File {
    content_type: &'static str,
    plain: Bytes,
    gzip: Bytes,
    etag: String,
}

/// Everything, compressed at the first visit: some 100 kB, in milliseconds.
struct Site {
    version: String,
    index: File,
    files: HashMap<&'static str, File>,
}

static SITE: LazyLock<Site> = LazyLock::new(Site::made);

impl Site {
    fn made() -> Self {
        let all = SOURCES
            .iter()
            .fold(Sha256::new_with_prefix(INDEX), |all, (name, _, text)| {
                all.chain_update(name).chain_update(text)
            });
        let version = hex(&all.finalize());
        let index = File::of(HTML, INDEX.replace(VERSION_MARK, &version));
        let files = SOURCES
            .iter()
            .map(|(name, content_type, text)| (*name, File::of(content_type, (*text).to_owned())));
        Self {
            index,
            files: files.collect(),
            version,
        }
    }
}

impl File {
    fn of(content_type: &'static str, text: String) -> Self {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail; an empty one is not sent.
        let gzip = match gzip.write_all(text.as_bytes()) {
            Ok(()) => gzip.finish().unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        Self {
            content_type,
            etag: format!("\"{}\"", hex(&Sha256::digest(&text))),
            plain: text.into(),
            gzip: gzip.into(),
        }
    }

    fn answer(&self, request: &HttpRequest, kept: &'static str) -> HttpResponse {
        let says = |name, what: &str| {
            let value = request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.is_some_and(|value| value.contains(what))
        };
        let is_known = says(IF_NONE_MATCH, &self.etag);
        let mut response = match is_known {
            true => HttpResponse::NotModified(),
            false => HttpResponse::Ok(),
        };
        response
            .insert_header((CACHE_CONTROL, kept))
            .insert_header((ETAG, self.etag.as_str()))
            .insert_header((VARY, "Accept-Encoding"))
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((REFERRER_POLICY, "no-referrer"));
        if is_known {
            return response.finish();
        }
        response.content_type(self.content_type);
        if says(ACCEPT_ENCODING, "gzip") && !self.gzip.is_empty() {
            response.insert_header((CONTENT_ENCODING, "gzip"));
            response.body(self.gzip.clone())
        } else {
            response.body(self.plain.clone())
        }
    }
}

fn hex(digest: &[u8]) -> String {
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The page itself; asked for anew each time, which costs a few bytes where it is known.
pub async fn page(request: HttpRequest) -> HttpResponse {
    SITE.index.answer(&request, "no-cache")
}

/// A file of the page.
pub async fn read_file(
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (version, name) = path.into_inner();
    let file = SITE.files.get(name.as_str());
    let file = file.ok_or_else(|| Problem::NotFound("nothing is here".to_owned()))?;
    // While receivers of two versions run side by side, a page may be given by one and its files by the other.
    let kept = match version == SITE.version {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    Ok(file.answer(&request, kept))
}
