//! `GET /v1/deliveries/{id}`: one delivery and its body, to read or byte for byte.

use actix_web::http::header::{CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::list::Delivery;
use super::sql;
use crate::access::audit::{Action, Deed};
use crate::access::{Admin, Caller};
use crate::http::params::{NoQuery, Params};
use crate::http::problem::{AdminFaults, Problem, ProblemBody};
use crate::ops::database::Database;

/// A delivery, every file that it names, and its body.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryAndBody {
    #[serde(flatten)]
    delivery: Delivery,
    /// Every file that it names.
    #[schema(example = json!(["5285890784273533167"]))]
    file_ids: Vec<String>,
    /// Null once it is blanked.
    body: Option<Body>,
}

/// A body as it can be read.
#[derive(Debug, Serialize, ToSchema)]
pub struct Body {
    /// `text`: `content` is the body itself; `base64`: it holds bytes that are no text, and `content` is its base64.
    #[schema(example = "text")]
    encoding: &'static str,
    /// The body, or its base64.
    #[schema(example = "{\"EventType\":\"NewFileUpload\", ...}")]
    content: String,
}

/// A delivery as it is stored.
#[derive(sqlx::FromRow)]
pub struct Whole {
    #[sqlx(flatten)]
    pub delivery: Delivery,
    more_file_ids: Option<Vec<String>>,
    pub body: Option<Vec<u8>>,
}

impl Whole {
    fn show(self) -> DeliveryAndBody {
        let more = self.more_file_ids.unwrap_or_default();
        let file_ids = self.delivery.file_id.iter().cloned().chain(more).collect();
        DeliveryAndBody {
            delivery: self.delivery,
            file_ids,
            body: self.body.map(Body::of),
        }
    }
}

impl Body {
    fn of(bytes: Vec<u8>) -> Self {
        let is_text = |text: &String| {
            let mut letters = text.chars();
            letters.all(|letter| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r'))
        };
        match String::from_utf8(bytes) {
            Ok(content) if is_text(&content) => Self {
                encoding: "text",
                content,
            },
            Ok(text) => Self::base64(text.as_bytes()),
            Err(fault) => Self::base64(fault.as_bytes()),
        }
    }

    fn base64(bytes: &[u8]) -> Self {
        Self {
            encoding: "base64",
            content: STANDARD.encode(bytes),
        }
    }
}

/// Shows one delivery with its body, as text where it is text; kept in the audit trail.
#[utoipa::path(
    tag = "deliveries",
    params(("id" = Uuid, Path, description = "The delivery", example = "019ad52e-3c00-7000-8000-000000000001")),
    responses(
        (status = 200, description = "The delivery", body = DeliveryAndBody),
        (status = 404, description = "No such delivery is kept", body = ProblemBody, content_type = "application/problem+json"),
        AdminFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/deliveries/{id}")]
pub async fn read_delivery(
    caller: Caller<Admin>,
    path: Path<String>,
    query: Params<NoQuery>,
    database: Data<Database>,
) -> Result<Json<DeliveryAndBody>, Problem> {
    let NoQuery {} = query.0?;
    let whole = find(&caller, &path, &database).await?;
    Ok(Json(whole.show()))
}

/// Downloads the body of a delivery, byte for byte as it arrived; kept in the audit trail.
#[utoipa::path(
    tag = "deliveries",
    params(("id" = Uuid, Path, description = "The delivery", example = "019ad52e-3c00-7000-8000-000000000001")),
    responses(
        (status = 200, description = "The bytes, as an attachment", body = [u8], content_type = "application/octet-stream"),
        (status = 404, description = "No such delivery is kept", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "Its body is blanked", body = ProblemBody, content_type = "application/problem+json"),
        AdminFaults,
    ),
    security(("api_key" = [])),
)]
#[get("/v1/deliveries/{id}/body")]
pub async fn read_body(
    caller: Caller<Admin>,
    path: Path<String>,
    query: Params<NoQuery>,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    let NoQuery {} = query.0?;
    let whole = find(&caller, &path, &database).await?;
    let body = whole.body.ok_or_else(blanked)?;
    let name = format!(
        "attachment; filename=\"delivery-{}.bin\"",
        whole.delivery.id
    );
    // Whoever sent it chose the bytes: no browser is to make a page of them.
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body))
}

async fn find(caller: &Caller<Admin>, path: &str, database: &Database) -> Result<Whole, Problem> {
    let id = parse(path)?;
    let mut connection = database.pool()?.acquire().await?;
    let whole = sql::read(&mut connection, id).await?.ok_or_else(unknown)?;
    caller.may_use(&whole.delivery.app)?;
    // The connection goes back before another is asked for.
    drop(connection);
    let deed = Deed::new(Action::ReadDelivery, path).of_app(&whole.delivery.app);
    caller.note(deed).await?;
    Ok(whole)
}

/// Reads the id of a delivery.
pub fn parse(path: &str) -> Result<Uuid, Problem> {
    // Not the other ways to write one, which the document does not tell of.
    let is_hyphenated = path.len() == 36;
    let id = is_hyphenated.then(|| path.parse().ok()).flatten();
    id.ok_or_else(|| Problem::field("id", "must be the id of a delivery, a UUID"))
}

pub fn unknown() -> Problem {
    Problem::NotFound("no such delivery is kept".to_owned())
}

pub fn blanked() -> Problem {
    Problem::Gone("the body of this delivery is blanked: its bytes are gone".to_owned())
}
