//! A recount, a stretch a step: deliveries, with the uploads of which they tell; the other uploads; signatures; tickets.

mod sql;

use sqlx::PgConnection;
use uuid::Uuid;

use super::sql::{State, count_deliveries, count_signatures};
use super::{Touched, touch};

/// Rows of a stretch: half a second.
const STRETCH: i64 = 10_000;

/// Where a recount is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Walk {
    Deliveries(Uuid),
    /// File id and app.
    Uploads(String, String),
    Issues(Uuid),
    Tickets(Uuid),
}

impl Walk {
    /// Where it is; none if nothing is being recounted.
    pub(super) fn of(state: &State) -> Option<Self> {
        let text = |at: usize| state.walk_after.get(at).cloned().unwrap_or_default();
        let id = || Uuid::parse_str(&text(0)).unwrap_or_default();
        Some(match state.walk.as_deref()? {
            "deliveries" => Self::Deliveries(id()),
            "uploads" => Self::Uploads(text(0), text(1)),
            "issues" => Self::Issues(id()),
            _ => Self::Tickets(id()),
        })
    }

    /// How it is stored.
    pub(super) fn columns(walk: Option<&Self>) -> (Option<&'static str>, Vec<String>) {
        match walk {
            None => (None, Vec::new()),
            Some(Self::Deliveries(id)) => (Some("deliveries"), vec![id.to_string()]),
            Some(Self::Uploads(file_id, app)) => {
                (Some("uploads"), vec![file_id.clone(), app.clone()])
            }
            Some(Self::Issues(id)) => (Some("issues"), vec![id.to_string()]),
            Some(Self::Tickets(id)) => (Some("tickets"), vec![id.to_string()]),
        }
    }

    /// Goes through the next stretch, and tells where it is then; none at the end.
    pub(super) async fn go_on(
        self,
        connection: &mut PgConnection,
        generation: i32,
        touched: &mut Touched,
        tickets: &mut Vec<Uuid>,
    ) -> Result<Option<Self>, sqlx::Error> {
        let next = match self {
            Self::Deliveries(after) => {
                let stretch = sql::walk_deliveries(connection, after, STRETCH).await?;
                let counted =
                    count_deliveries(connection, &stretch.fresh, &stretch.released).await?;
                touch(touched, counted);
                match stretch.last {
                    Some(last) => Self::Deliveries(last),
                    None => Self::Uploads(String::new(), String::new()),
                }
            }
            Self::Uploads(file_id, app) => {
                let stretch =
                    sql::walk_uploads(connection, &file_id, &app, generation, STRETCH).await?;
                let last = stretch.last().map(|(key, _)| key.clone());
                for (key, _) in stretch.into_iter().filter(|(_, is_fresh)| *is_fresh) {
                    touched.entry(key).or_default();
                }
                match last {
                    Some((file_id, app)) => Self::Uploads(file_id, app),
                    None => Self::Issues(Uuid::nil()),
                }
            }
            Self::Issues(after) => {
                let stretch = sql::walk_issues(connection, after, STRETCH).await?;
                // Which tickets are open is found with the tickets.
                count_signatures(connection, &stretch.fresh, &[], stretch.since).await?;
                match stretch.last {
                    Some(last) => Self::Issues(last),
                    None => Self::Tickets(Uuid::nil()),
                }
            }
            Self::Tickets(after) => {
                let stretch = sql::walk_tickets(connection, after, STRETCH).await?;
                *tickets = count_signatures(connection, &[], &stretch.fresh, None).await?;
                match stretch.last {
                    Some(last) => Self::Tickets(last),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(next))
    }
}
