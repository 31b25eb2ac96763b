//! `POST /v1/decode`: what a pasted signature, ticket or event says. Nothing of it is kept, logged or sent on.

mod explain;
mod sql;

use std::collections::HashMap;

use actix_web::post;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

pub use self::explain::{Explained, NotExplained, explain};
use crate::access::{Caller, Read};
use crate::config::Config;
use crate::http::body::JsonBody;
use crate::http::params::{NoQuery, Params};
use crate::http::problem::{BodyFaults, Problem, ReadFaults};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ticket::Ticket;

/// Whose a ticket is.
pub struct Owner {
    pub app: String,
    /// `None` once the user is erased.
    pub user_id: Option<String>,
}

/// What is to be explained.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecodeRequest {
    /// An upload signature, a ticket, or the body of a notification.
    #[schema(example = "vt_01KASBKQ0MF9XS2V2A4JX8N7RE")]
    text: String,
}

/// Explains an upload signature, a ticket or a notification: its fields, whose it is, what VOD would object to.
///
/// Nothing of it is recorded, kept or logged. A ticket of an app to which the key is not bound has the reason
/// `another_app`.
#[utoipa::path(
    tag = "decode",
    request_body = DecodeRequest,
    responses(
        (status = 200, description = "What it says", body = Explained),
        ReadFaults,
        BodyFaults,
    ),
    security(("api_key" = [])),
)]
#[post("/v1/decode")]
pub async fn decode_text(
    caller: Caller<Read>,
    query: Params<NoQuery>,
    body: JsonBody<DecodeRequest>,
    config: Data<Config>,
    database: Data<Database>,
    clock: Data<Clock>,
) -> Result<Json<Explained>, Problem> {
    let NoQuery {} = query.0?;
    let DecodeRequest { text } = body.0?;
    let mut explained = explain(text.as_bytes(), &config.apps, clock.now())
        .map_err(|fault| Problem::field("text", fault.to_string()))?;
    let mut connection = database.pool()?.acquire().await?;
    let owners = owners(&mut connection, &explained.tickets()).await?;
    explained.tell_owners(&owners, |app| caller.may_use(app).is_ok());
    Ok(Json(explained))
}

/// Whose these tickets are; those that were not issued here are missing.
pub async fn owners(
    connection: &mut PgConnection,
    tickets: &[Ticket],
) -> Result<HashMap<Ticket, Owner>, sqlx::Error> {
    match tickets {
        [] => Ok(HashMap::new()),
        tickets => sql::owners(connection, tickets).await,
    }
}
