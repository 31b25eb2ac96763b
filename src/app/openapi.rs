//! The OpenAPI document, generated from the handlers.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;

use super::routes;

/// What the document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "vod-receiver",
        description = "Issues Tencent Cloud VOD upload signatures, takes VOD's notifications, and tells which user uploaded which file.",
    ),
    modifiers(&ApiKey),
    tags(
        (name = "signatures", description = "Permissions: given out, and logged"),
        (name = "tickets", description = "Upload intents, and what came of them"),
        (name = "uploads", description = "Who uploaded what"),
        (name = "deliveries", description = "What arrived, byte for byte, and running it again"),
        (name = "stats", description = "The figures that the page draws"),
        (name = "decode", description = "What a signature, a ticket or an event says"),
        (name = "session", description = "For the page: a cookie in place of the key, on every route of `/v1`"),
        (name = "callbacks", description = "VOD's push door"),
        (name = "health", description = "For orchestrators and monitoring"),
    ),
)]
struct Description;

struct ApiKey;

impl Modify for ApiKey {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An API key: `vod-receiver keys create --name backend --scope sign,read`",
            ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(bearer.build()));
    }
}

/// The whole document; needs neither socket nor database.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, routes) = actix_web::App::new()
        .into_utoipa_app()
        .configure(routes::api)
        .split_for_parts();
    let mut document = Description::openapi();
    document.merge(routes);
    document
}

/// The document as it is committed: indented, with a line end.
pub fn text() -> String {
    let mut text = document().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
