//! `GET /docs`: the OpenAPI document, to read and to try out. All of it is in the binary: nothing is loaded from elsewhere.

use std::sync::{Arc, LazyLock};

use actix_web::HttpResponse;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Path;
use utoipa_swagger_ui::Config;

use crate::http::problem::Problem;

/// Where the page is; its files are named relative to it.
pub const PATH: &str = "/docs/";
pub const PATH_WITHOUT_SLASH: &str = "/docs";
pub const FILE_PATH: &str = "/docs/{file}";

/// What the page consists of; the distribution holds more.
const FILES: [&str; 8] = [
    "index.html",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// Scripts and requests to this origin only, and no frame around it: keys are pasted here. Swagger UI sets styles on
/// its elements, and draws its arrows from `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A key is asked for again at each visit. The validator would be asked over the network.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["../openapi.json"])
        .persist_authorization(false)
        .display_request_duration(true)
        .validator_url("none");
    Arc::new(config)
});

/// The page.
pub async fn page() -> Result<HttpResponse, Problem> {
    file("index.html")
}

/// The address that people type.
pub async fn add_slash() -> HttpResponse {
    let mut response = HttpResponse::PermanentRedirect();
    response.insert_header((LOCATION, "docs/")).finish()
}

/// A file of the page.
pub async fn read_file(path: Path<String>) -> Result<HttpResponse, Problem> {
    file(&path)
}

fn file(name: &str) -> Result<HttpResponse, Problem> {
    let not_found = || Problem::NotFound("nothing is here".to_owned());
    if !FILES.contains(&name) {
        return Err(not_found());
    }
    let file = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).map_err(|error| {
        tracing::error!(error, name, "a file of /docs cannot be made");
        Problem::Internal
    })?;
    let file = file.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .body(file.bytes.into_owned()))
}
