//! Whether the process lives, and whether it is ready.

use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ops::database::Database;

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or what is missing.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Tells that the process lives; asks nobody.
#[utoipa::path(tag = "health", responses((status = 200, description = "It lives", body = Health)))]
#[get("/livez")]
pub async fn livez() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Tells whether Postgres answers and its schema is current.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 503, description = "The database does not answer, or is not migrated", body = Health),
    ),
)]
#[get("/readyz")]
pub async fn readyz(database: Data<Database>) -> HttpResponse {
    if database.answers().await {
        HttpResponse::Ok().json(Health { status: "ok" })
    } else {
        let mut response = HttpResponse::ServiceUnavailable();
        response.insert_header((RETRY_AFTER, "5"));
        response.json(Health {
            status: "the database is not available",
        })
    }
}
