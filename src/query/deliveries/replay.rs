//! `POST /v1/deliveries/{id}/replay`: one delivery is run again.

use actix_web::post;
use actix_web::web::{Data, Json, Path};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::one::{blanked, parse, unknown};
use super::sql;
use crate::access::audit::{Action, Deed};
use crate::access::{Admin, Caller};
use crate::http::params::{NoQuery, Params};
use crate::http::problem::{AdminFaults, Problem, ProblemBody};
use crate::ops::database::Database;
use crate::record::replay::{Interrupted, Ran};
use crate::record::{Outcome, Recorder};

/// What became of a delivery that was run again; it is durable.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    /// The delivery.
    id: Uuid,
    /// `recorded`: it said something that was not known; `duplicate`: everything it says was known, and nothing
    /// changed; `quarantined`: no event can be read in it still.
    #[schema(example = "duplicate")]
    outcome: &'static str,
}

/// Runs one delivery again, through the same door and under its own id and time.
///
/// What is known already changes nothing, so that it may be asked any number of times. One in quarantine is taken out
/// of it if an event can be read in it now; `Sign` and `T` are not looked at again: whoever asks vouches for it.
#[utoipa::path(
    tag = "deliveries",
    params(("id" = Uuid, Path, description = "The delivery", example = "019ad52e-3c00-7000-8000-000000000001")),
    responses(
        (status = 200, description = "What became of it", body = Replayed),
        (status = 404, description = "No such delivery is kept", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "Its body is blanked", body = ProblemBody, content_type = "application/problem+json"),
        AdminFaults,
    ),
    security(("api_key" = [])),
)]
#[post("/v1/deliveries/{id}/replay")]
pub async fn replay_delivery(
    caller: Caller<Admin>,
    path: Path<String>,
    query: Params<NoQuery>,
    database: Data<Database>,
    recorder: Data<Recorder>,
) -> Result<Json<Replayed>, Problem> {
    let NoQuery {} = query.0?;
    let id = parse(&path)?;
    let app = sql::app(&mut *database.pool()?.acquire().await?, id).await?;
    let app = app.ok_or_else(unknown)?;
    caller.may_use(&app)?;
    let deed = Deed::new(Action::ReplayDelivery, &path).of_app(&app);
    caller.note(deed).await?;
    let ran = recorder.replay(id).await.map_err(not_run)?;
    tracing::info!(%id, key = caller.name, "a delivery was replayed");
    match ran.ok_or_else(unknown)? {
        Ran::Blanked => Err(blanked()),
        Ran::Through(outcome) => Ok(Json(Replayed {
            id,
            outcome: match outcome {
                Outcome::Recorded => "recorded",
                Outcome::Quarantined => "quarantined",
                // A replay spools nothing.
                Outcome::Duplicate | Outcome::Spooled => "duplicate",
            },
        })),
    }
}

fn not_run(interrupted: Interrupted) -> Problem {
    match interrupted {
        Interrupted::Away(away) => away.into(),
        Interrupted::Unread(error) => error.into(),
        Interrupted::NotTaken | Interrupted::Ended => Problem::Unavailable,
        Interrupted::Unknown(id) => {
            tracing::error!(%id, "a delivery has an app or a door that this version does not know");
            Problem::Internal
        }
    }
}
