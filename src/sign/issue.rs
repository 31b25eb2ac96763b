//! The log of permissions is written in batches: what is asked for while one is written shares the next.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use tokio::time::timeout;
use uuid::Uuid;

use super::{Asked, sql};
use crate::config::AppName;
use crate::erased::ErasedUsers;
use crate::http::problem::Problem;
use crate::ops::database::{self, Database, Fault};
use crate::ops::lifecycle::Stop;
use crate::ops::line::Line;
use crate::ops::queue::{self, Batches, Bounds, Halves, Queue, Taken};
use crate::ticket::{IssuedTicket, KnownTickets, Ticket, UserId};

/// A second of the highest load that was measured; a backend that asks for more is told to come again.
const BOUNDS: Bounds = Bounds {
    queued_items: 16_384,
    queued_bytes: 16 * 1024 * 1024,
    batch_items: 2_048,
    batch_bytes: 4 * 1024 * 1024,
    // There is one writer.
    beside_items: usize::MAX,
};
/// Of two writers that meet in a ticket one always goes on, so that so many turns mean a fault elsewhere.
const TURNS: usize = 200;
/// What an issue costs beside its context, roughly.
const ROW_BYTES: usize = 512;

/// One signature that is about to be given out: a line of the log.
#[derive(Debug, Clone)]
pub struct Issue {
    pub id: Uuid,
    pub ticket: Ticket,
    /// Whether the ticket is to be there already.
    pub continues: bool,
    pub app: AppName,
    pub user_id: UserId,
    /// JSON of the app's own, as it was written.
    pub context: Option<String>,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub secret_id: String,
    pub random: u32,
    pub one_time: bool,
    pub sub_app_id: Option<u64>,
    pub asked: Asked,
    /// Name of the key that asked.
    pub issued_to: String,
}

/// What became of an issue: it is in the log, asking this of VOD; or the ticket does not allow it.
pub type Logged = Result<Asked, Problem>;

/// What the log holds of a ticket.
pub struct HeldTicket {
    pub app: String,
    /// `None` once the user is erased.
    pub user_id: Option<UserId>,
    pub context: Option<String>,
    /// What its last signature asked of VOD.
    pub asked: Asked,
}

/// The near end of the log.
pub struct Issuer {
    database: Database,
    queue: Queue<Issue, Logged>,
}

/// The far end: has to run for the near one.
pub struct IssueWriter {
    database: Database,
    tickets: KnownTickets,
    erased: ErasedUsers,
    batches: Batches<Issue, Logged>,
}

impl Issuer {
    /// Both ends of the log in a database that may not be there yet.
    ///
    /// The tickets that are committed are noted where the recorder looks for them.
    pub fn new(database: Database, tickets: KnownTickets) -> (Self, IssueWriter) {
        let (queue, batches) = queue::queue(BOUNDS);
        let writer = IssueWriter {
            database: database.clone(),
            tickets,
            erased: ErasedUsers::default(),
            batches,
        };
        (Self { database, queue }, writer)
    }

    /// Commits an issue to the log, with its ticket.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFound`] and [`Problem::Conflict`] for a ticket that it may not continue;
    /// [`Problem::Unavailable`] while Postgres is away, or if too much is queued.
    pub async fn log(&self, issue: Issue) -> Logged {
        if !self.database.breaker().closed() {
            return Err(Problem::Unavailable);
        }
        let bytes = ROW_BYTES + issue.context.as_ref().map_or(0, String::len);
        let queued = self.queue.push(vec![issue], bytes);
        let answer = queued.map_err(|_| Problem::Unavailable)?.await;
        // It is given back, or the writer is gone and the process with it.
        let logged = answer
            .ok()
            .and_then(Result::ok)
            .and_then(|mut of_one| of_one.pop());
        logged.unwrap_or(Err(Problem::Unavailable))
    }
}

impl IssueWriter {
    /// Writes until told to stop, and then what is still queued.
    pub async fn run(self, mut stop: Stop) {
        let mut line = Line::new(self.database.clone());
        while let Some(taken) = self.batches.next(&mut stop).await {
            self.write(&mut line, taken).await;
        }
        line.close().await;
    }

    /// Writes a batch. One that Postgres refuses is found by halving; its neighbours are logged.
    async fn write(&self, line: &mut Line, taken: Taken<Issue, Logged>) {
        let breaker = self.database.breaker();
        let mut outcomes: Vec<Option<Logged>> = Vec::new();
        outcomes.resize_with(taken.items.len(), || None);
        let mut parts = Halves::of(taken.items.len());
        let mut turns = 0;
        while let Some(part) = parts.next().filter(|_| breaker.closed()) {
            let written = timeout(self.database.patience(), async {
                log(line.open().await?, &taken.items[part.clone()], &self.erased).await
            })
            .await;
            match line.settle(written) {
                Ok(done) => {
                    self.note(&taken.items[part.clone()], &done);
                    for (outcome, logged) in outcomes[part].iter_mut().zip(done) {
                        *outcome = Some(logged);
                    }
                }
                Err(error) => match database::classify(&error) {
                    // A ticket that two receivers continue at once: the other one has it now. Or a user was erased.
                    Fault::Contended if turns < TURNS => {
                        self.look_again(line).await;
                        turns += 1;
                        parts.again(part);
                    }
                    Fault::Refused if parts.split(&part) => {}
                    Fault::Refused => {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(error, "a signature cannot be logged");
                        outcomes[part.start] = Some(Err(Problem::Internal));
                    }
                    Fault::Contended | Fault::Unavailable => {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "signatures were not logged");
                        breaker.open();
                    }
                },
            }
        }
        taken.answer(outcomes);
    }
}

impl IssueWriter {
    /// Reads who was erased since; if that fails, the next turn does too.
    async fn look_again(&self, line: &mut Line) {
        let looked = timeout(self.database.patience(), async {
            self.erased.refresh(line.open().await?).await.map(drop)
        })
        .await;
        let _ = line.settle(looked);
    }

    /// Notes whose the tickets are that were opened.
    fn note(&self, issues: &[Issue], logged: &[Logged]) {
        let opened = issues.iter().zip(logged);
        let opened = opened.filter(|(issue, logged)| logged.is_ok() && !issue.continues);
        self.tickets.note(opened.map(|(issue, _)| {
            let issued = IssuedTicket {
                app: issue.app.as_str().to_owned(),
                user_id: Some(issue.user_id.clone()),
                last_expires_at: issue.expires_at,
            };
            (issue.ticket, Arc::new(issued))
        }));
    }
}

/// Commits issues to the log in one statement, but for those whose tickets do not allow it, or whose users are erased.
/// Fails with 40001 if somebody was erased whom `erased` does not hold yet.
pub async fn log(
    connection: &mut PgConnection,
    issues: &[Issue],
    erased: &ErasedUsers,
) -> Result<Vec<Logged>, sqlx::Error> {
    let mut known = erased.known();
    if issues
        .iter()
        .any(|issue| known.holds(issue.user_id.as_str()))
    {
        // Perhaps let in again: nothing that is written would notice.
        known = erased.refresh(connection).await?;
    }
    let continued: Vec<Uuid> = issues
        .iter()
        .filter(|issue| issue.continues)
        .map(|issue| issue.ticket.0)
        .collect();
    let held = if continued.is_empty() {
        HashMap::new()
    } else {
        sql::tickets(connection, &continued).await?
    };
    let verdicts: Vec<Logged> = issues
        .iter()
        .map(|issue| match issue.continues {
            _ if known.holds(issue.user_id.as_str()) => Err(Problem::user_erased()),
            true => Ok(issue
                .asked
                .inheriting(continues(held.get(&issue.ticket), issue)?)),
            false => Ok(issue.asked.clone()),
        })
        .collect();
    let allowed: Vec<(&Issue, &Asked)> = issues
        .iter()
        .zip(&verdicts)
        .filter_map(|(issue, verdict)| Some((issue, verdict.as_ref().ok()?)))
        .collect();
    if !allowed.is_empty() {
        sql::write(connection, &allowed, &tickets_of(&allowed), &known).await?;
    }
    Ok(verdicts)
}

/// What issues make of their tickets: one row each, in the order of the ids.
fn tickets_of<'a>(issues: &[(&'a Issue, &'a Asked)]) -> BTreeMap<Ticket, Issue> {
    let mut tickets = BTreeMap::<Ticket, Issue>::new();
    for (issue, _) in issues {
        let ticket = tickets
            .entry(issue.ticket)
            .or_insert_with(|| Issue::clone(issue));
        ticket.one_time |= issue.one_time;
        ticket.expires_at = ticket.expires_at.max(issue.expires_at);
    }
    tickets
}

/// Whether a ticket may have another signature, and if so what the last one asked of VOD.
fn continues<'a>(held: Option<&'a HeldTicket>, issue: &Issue) -> Result<&'a Asked, Problem> {
    let held =
        held.ok_or_else(|| Problem::NotFound("no such ticket was issued here".to_owned()))?;
    let Some(user_id) = &held.user_id else {
        return Err(Problem::user_erased());
    };
    if held.app != issue.app.as_str() || *user_id != issue.user_id {
        return Err(Problem::Conflict(
            "the ticket belongs to another user or another app".to_owned(),
        ));
    }
    let parsed = |json: &str| serde_json::from_str::<serde_json::Value>(json).ok();
    match (&issue.context, &held.context) {
        (Some(given), Some(told)) if parsed(given) == parsed(told) => Ok(&held.asked),
        (None, _) => Ok(&held.asked),
        (Some(_), _) => Err(Problem::Conflict(
            "the ticket was opened with another context".to_owned(),
        )),
    }
}
