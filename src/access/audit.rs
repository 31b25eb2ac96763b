//! The audit trail: who did what that only admins may.
//!
//! A line is committed before the thing is done, and without it the thing is not done: so none is missing, and one may
//! tell of something that then failed. No line holds a user id.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::sql;
use crate::ops::clock::Clock;
use crate::ops::random::Random;

/// What an admin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A key is made; the subject is its name.
    CreateKey,
    /// A key gets a successor; the subject is its name.
    RotateKey,
    /// A key is ended; the subject is its name.
    RevokeKey,
    /// A person decides whose an upload is; the subject is its file id.
    DecideAttribution,
    /// The raw body of a delivery is looked at; the subject is its id.
    ReadDelivery,
    /// One delivery is run again; the subject is its id.
    ReplayDelivery,
    /// Deliveries are run again by the command.
    Replay,
    /// Today's rules are run over old uploads.
    Reattribute,
    /// A person is erased; the subject is the erasure.
    Erase,
    /// An erased person is let in again.
    LiftErasure,
}

impl Action {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateKey => "key.create",
            Self::RotateKey => "key.rotate",
            Self::RevokeKey => "key.revoke",
            Self::DecideAttribution => "attribution.decide",
            Self::ReadDelivery => "delivery.read",
            Self::ReplayDelivery => "delivery.replay",
            Self::Replay => "replay",
            Self::Reattribute => "reattribute",
            Self::Erase => "erasure.create",
            Self::LiftErasure => "erasure.lift",
        }
    }
}

/// Who does it.
#[derive(Debug, Clone)]
pub enum Actor<'a> {
    /// A key, by its name; the one of the configuration has no id.
    Key { name: &'a str, id: Option<Uuid> },
    /// The command line, by the user of the system who runs it.
    Cli { user: &'a str },
}

/// A line of the trail that is to be written.
#[derive(Debug, Clone)]
pub struct Deed<'a> {
    pub action: Action,
    pub app: Option<&'a str>,
    pub subject: &'a str,
    pub detail: Option<&'a str>,
}

/// A line of the trail as it is shown.
#[derive(Debug, Serialize)]
pub struct Line {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub app: Option<String>,
    pub subject: String,
    pub detail: Option<String>,
}

impl<'a> Deed<'a> {
    /// An action on something, of no app and with nothing more to say.
    pub fn new(action: Action, subject: &'a str) -> Self {
        Self {
            action,
            app: None,
            subject,
            detail: None,
        }
    }

    /// The same, of an app.
    pub fn of_app(self, app: &'a str) -> Self {
        Self {
            app: Some(app),
            ..self
        }
    }

    /// The same, with more to say; never a user id.
    pub fn saying(self, detail: &'a str) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }
}

/// Writes a line.
pub async fn note(
    connection: &mut PgConnection,
    actor: &Actor<'_>,
    deed: &Deed<'_>,
    clock: &Clock,
    random: &Random,
) -> Result<(), sqlx::Error> {
    let (actor, key_id) = match actor {
        Actor::Key { name, id } => (format!("key {name}"), *id),
        Actor::Cli { user } => (format!("cli {user}"), None),
    };
    let now = clock.now();
    sql::insert_action(connection, random.uuid_v7(now), now, &actor, key_id, deed).await
}

/// The lines since a time, oldest first, after one that was shown already; at most a thousand.
pub async fn since(
    connection: &mut PgConnection,
    since: DateTime<Utc>,
    after: Option<Uuid>,
) -> Result<Vec<Line>, sqlx::Error> {
    sql::actions(connection, since, after).await
}
