//! The steps of an erasure, in their order. Each call does a bounded piece of one, and moves on where nothing is left.

mod sql;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::sql::{Running, finish, go_to, walk_on};
use crate::erased::mention;
use crate::ops::random::Random;
use crate::record::erase::sql as record;
use crate::ticket::Ticket;

/// Lines of the change log that are looked at together.
const STRETCH: i64 = 10_000;
/// Files whose bodies are looked into together.
const FILES: usize = 50;

/// Does a piece of an erasure.
pub async fn step(
    connection: &mut PgConnection,
    running: &Running,
    now: DateTime<Utc>,
    random: &Random,
) -> Result<(), sqlx::Error> {
    let work = Work {
        running,
        now,
        random,
    };
    let next = match running.step.as_str() {
        "tickets" => work.tickets(connection).await?,
        "old_tickets" => work.old_tickets(connection).await?,
        "uploads" => work.uploads(connection).await?,
        "verdicts" => work.verdicts(connection).await?,
        "contexts" => work.contexts(connection).await?,
        "differing" => work.differing(connection).await?,
        "files" => work.files(connection).await?,
        "aside" => work.aside(connection).await?,
        "changes" => work.changes(connection).await?,
        _ => work.rollups(connection).await?,
    };
    match next {
        Next::More => Ok(()),
        Next::After(key) => walk_on(connection, running.id, &key).await,
        Next::Step("done") => finish(connection, running.id, now).await,
        Next::Step(step) => go_to(connection, running.id, step).await,
    }
}

/// What is to be done next.
enum Next {
    /// The same again: something is left.
    More,
    /// The same, from there on.
    After(Vec<String>),
    Step(&'static str),
}

struct Work<'a> {
    running: &'a Running,
    now: DateTime<Utc>,
    random: &'a Random,
}

impl Work<'_> {
    /// The log of permissions, and what was uploaded by them, even where it was nobody's.
    async fn tickets(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        let issues = sql::issues(connection, &self.running.user_id).await?;
        if issues.is_empty() {
            return Ok(Next::Step("old_tickets"));
        }
        let tickets: Vec<Uuid> = issues.iter().map(|issue| issue.ticket).collect();
        loop {
            let keys = sql::uploads_of_tickets(connection, &tickets, &self.running.user_id).await?;
            if keys.is_empty() || self.erase(connection, keys).await? == 0 {
                break;
            }
        }
        let ids: Vec<Uuid> = issues.iter().map(|issue| issue.id).collect();
        let Running { id, user_id, .. } = self.running;
        sql::forget_issues(connection, *id, user_id, &ids, &tickets).await?;
        Ok(Next::More)
    }

    /// Tickets whose signatures went with a month of the log; without any such month there are none.
    async fn old_tickets(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        let Running {
            id, user_id, after, ..
        } = self.running;
        let from = after.first().and_then(|id| id.parse().ok());
        let page = sql::old_tickets(connection, from.unwrap_or(Uuid::nil()), user_id).await?;
        let Some((last, _)) = page.last() else {
            return Ok(Next::Step("uploads"));
        };
        let theirs = page.iter().filter(|(_, is_theirs)| *is_theirs);
        let theirs: Vec<Uuid> = theirs.map(|(ticket, _)| *ticket).collect();
        if !theirs.is_empty() {
            sql::forget_issues(connection, *id, user_id, &[], &theirs).await?;
        }
        Ok(Next::After(vec![last.to_string()]))
    }

    /// What is theirs by a resolver or a person's verdict, and what waits for its upload.
    async fn uploads(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        let keys = sql::uploads_of_user(connection, &self.running.user_id).await?;
        if keys.is_empty() {
            return Ok(Next::Step("verdicts"));
        }
        self.erase(connection, keys).await?;
        Ok(Next::More)
    }

    /// What was theirs once: if it is nobody's now it goes with them, if it is another's they are taken out of its history.
    async fn verdicts(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        let Running { id, user_id, .. } = self.running;
        let verdicts = sql::verdicts(connection, user_id).await?;
        if verdicts.is_empty() {
            return Ok(Next::Step("contexts"));
        }
        // Forgotten last: who is killed before that finds them again.
        let (ids, mut keys): (Vec<_>, Vec<_>) = verdicts.into_iter().unzip();
        keys.sort_unstable();
        keys.dedup();
        for keys in keys.chunks(FILES) {
            let bodies = sql::bodies_of(connection, keys).await?;
            self.blank_naming(connection, bodies).await?;
        }
        self.erase(connection, keys).await?;
        record::verdicts(connection, *id, user_id, &ids).await?;
        Ok(Next::More)
    }

    /// What is nobody's, but has a context that names them: other systems', or of before there was a resolver.
    async fn contexts(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        let page = sql::nobodys(connection, &self.running.after).await?;
        let Some(last) = page.last() else {
            return Ok(Next::Step("differing"));
        };
        let after = vec![
            last.recorded_at.to_rfc3339(),
            last.app.clone(),
            last.file_id.clone(),
        ];
        let names = |context: &Option<String>| {
            context
                .as_ref()
                .is_some_and(|text| mention::names(text.as_bytes(), &self.running.user_id))
        };
        let theirs = page
            .into_iter()
            .filter(|row| names(&row.source_context) || names(&row.session_context))
            .map(|row| (row.app, row.file_id));
        self.erase(connection, theirs.collect()).await?;
        Ok(Next::After(after))
    }

    /// What two contexts were told of: one of them may name another than whose it is.
    async fn differing(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        let keys = sql::contexts_differ(connection, &self.running.after, FILES).await?;
        let Some((app, file_id)) = keys.last() else {
            return Ok(Next::Step("files"));
        };
        let bodies = sql::bodies_of(connection, &keys).await?;
        self.blank_naming(connection, bodies).await?;
        Ok(Next::After(vec![file_id.clone(), app.clone()]))
    }

    /// The bodies that told of all those files.
    async fn files(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        match record::files(connection, self.running.id).await? {
            true => Ok(Next::More),
            false => Ok(Next::Step("aside")),
        }
    }

    /// Bodies that lead to no file: kept aside, of no file, or contradicted by VOD.
    async fn aside(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        let after = self.running.after.first().and_then(|id| id.parse().ok());
        let page = sql::aside(connection, after.unwrap_or(Uuid::nil())).await?;
        let Some(last) = page.last() else {
            return Ok(Next::Step("changes"));
        };
        let after = vec![last.id.to_string()];
        self.blank_naming(connection, page).await?;
        Ok(Next::After(after))
    }

    async fn changes(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        let Running {
            id, user_id, after, ..
        } = self.running;
        let held = after.first().and_then(|seq| seq.parse::<i64>().ok());
        let end = after.get(1).and_then(|seq| seq.parse::<i64>().ok());
        // What is written from here on names nobody who is erased.
        let (from, end) = match held.zip(end) {
            Some(bounds) => bounds,
            None => {
                let (first, last) = record::bounds(connection).await?;
                (first - 1, last)
            }
        };
        if from >= end {
            return Ok(Next::Step("rollups"));
        }
        let to = end.min(from + STRETCH);
        record::changes(connection, *id, user_id, from, to).await?;
        Ok(Next::After(vec![to.to_string(), end.to_string()]))
    }

    /// What was counted of each upload. The counts are by no user, and follow from the change log within seconds.
    async fn rollups(&self, connection: &mut PgConnection) -> Result<Next, sqlx::Error> {
        match sql::forget_counted(connection, &self.running.user_id).await? {
            0 => Ok(Next::Step("done")),
            _ => Ok(Next::More),
        }
    }

    async fn erase(
        &self,
        connection: &mut PgConnection,
        keys: Vec<record::Key>,
    ) -> Result<u64, sqlx::Error> {
        if keys.is_empty() {
            return Ok(0);
        }
        let Running { id, user_id, .. } = self.running;
        record::uploads(connection, *id, user_id, keys, self.now, self.random).await
    }

    /// Blanks those of some bodies that name the person, or a ticket of an erased one.
    async fn blank_naming(
        &self,
        connection: &mut PgConnection,
        bodies: Vec<sql::Body>,
    ) -> Result<(), sqlx::Error> {
        let user_id = self.running.user_id.clone();
        let read = move || -> (Vec<Uuid>, Vec<(Uuid, Vec<Uuid>)>) {
            let (mut theirs, mut perhaps) = (Vec::new(), Vec::new());
            for sql::Body { id, body } in bodies {
                if mention::names(&body, &user_id) {
                    theirs.push(id);
                    continue;
                }
                let values = mention::values(&body);
                let tickets = values
                    .iter()
                    .filter_map(|value| value.parse::<Ticket>().ok());
                perhaps.push((id, tickets.map(|ticket| ticket.0).collect()));
            }
            (theirs, perhaps)
        };
        // Large bodies take their time.
        let read = tokio::task::spawn_blocking(read).await;
        let (mut theirs, perhaps) = read.map_err(|_| sqlx::Error::WorkerCrashed)?;
        let tickets: Vec<Uuid> = perhaps
            .iter()
            .flat_map(|(_, tickets)| tickets.clone())
            .collect();
        if !tickets.is_empty() {
            let erased = sql::erased_tickets(connection, &tickets).await?;
            let named = perhaps
                .iter()
                .filter(|(_, tickets)| tickets.iter().any(|ticket| erased.contains(ticket)));
            theirs.extend(named.map(|(id, _)| *id));
        }
        if theirs.is_empty() {
            return Ok(());
        }
        record::bodies(connection, self.running.id, &theirs).await
    }
}
