//! The SQL of explanations.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::Owner;
use crate::ticket::Ticket;

/// Whose these tickets are, by their key.
#[tracing::instrument(name = "db.tickets.owners", level = "debug", skip_all)]
pub async fn owners(
    connection: &mut PgConnection,
    tickets: &[Ticket],
) -> Result<HashMap<Ticket, Owner>, sqlx::Error> {
    let ids: Vec<Uuid> = tickets.iter().map(|ticket| ticket.0).collect();
    let rows = sqlx::query!(
        "SELECT id, app, user_id FROM tickets WHERE id = ANY($1)",
        &ids
    )
    .fetch_all(connection)
    .await?;
    let owner = |app, user_id| Owner { app, user_id };
    Ok(rows
        .into_iter()
        .map(|row| (Ticket(row.id), owner(row.app, row.user_id)))
        .collect())
}
