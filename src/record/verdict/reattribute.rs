//! The rules of today over old uploads: tickets that became known later, resolvers that are new.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::attribute::{Method, Reason, Resolvers, Verdict};
use crate::config::AppName;
use crate::erased::ErasedUsers;
use crate::ops::clock::Clock;
use crate::ops::database::{Database, Fault, classify};
use crate::ops::random::Random;

use super::{Change, Held, TURNS, named, sql};

/// Who decided, in the audit trail.
const DECIDED_BY: &str = "reattribute";

/// Which uploads are meant.
#[derive(Debug, Clone)]
pub struct Range {
    /// Recorded at this time or later.
    pub since: DateTime<Utc>,
    /// Recorded before this time.
    pub until: DateTime<Utc>,
    /// Those of these apps: the rules of another are not known here.
    pub apps: Vec<AppName>,
}

/// What became of the uploads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Uploads that were judged anew; those that a person decided are not.
    pub looked_at: u64,
    /// How many got which verdict in place of which.
    pub changed: BTreeMap<Transition, u64>,
    /// All that was recorded before then is done.
    pub done_until: Option<DateTime<Utc>>,
}

/// From one verdict to another, as the codes that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transition {
    /// Method and reason.
    pub from: (&'static str, &'static str),
    /// Method and reason.
    pub to: (&'static str, &'static str),
    pub user: UserChange,
}

/// What a new verdict means for the user of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserChange {
    /// It was nobody's.
    Found,
    /// It was another user's.
    Another,
    /// It is nobody's now.
    Lost,
    /// Only how it is known, or what is said of it.
    Same,
}

/// Why not everything was judged; what was before that is durable.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("uploads met other writers {TURNS} times in a row")]
    Contended,
}

/// Judges old uploads anew.
pub struct Reattribute {
    resolvers: Resolvers,
    erased: ErasedUsers,
    clock: Clock,
    random: Random,
    /// Only tells what would change.
    dry_run: bool,
    pub report: Report,
}

impl UserChange {
    /// The code under which it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Another => "another",
            Self::Lost => "lost",
            Self::Same => "same",
        }
    }
}

impl Reattribute {
    /// With the rules of today.
    pub fn new(resolvers: Resolvers, clock: Clock, random: Random, dry_run: bool) -> Self {
        Self {
            resolvers,
            erased: ErasedUsers::default(),
            clock,
            random,
            dry_run,
            report: Report::default(),
        }
    }

    /// Judges the uploads of a range, oldest first, a thousand at a time, each thousand in a transaction of
    /// its own. It may be run again, and beside receivers and others of its kind.
    pub async fn run(
        &mut self,
        database: &Database,
        range: &Range,
        mut progress: impl FnMut(&Report),
    ) -> Result<(), Interrupted> {
        let mut connection = database.connect().await?;
        let mut after = (range.since, String::new(), String::new());
        loop {
            let Some(last) = self.step(&mut connection, &after, range).await? else {
                return Ok(());
            };
            self.report.done_until = Some(last.0);
            after = last;
            progress(&self.report);
        }
    }

    /// Judges one page, until none of its rows moved in between; tells its last key.
    async fn step(
        &mut self,
        connection: &mut PgConnection,
        after: &sql::Key,
        range: &Range,
    ) -> Result<Option<sql::Key>, Interrupted> {
        let mut looked_at = 0;
        for turn in 0..TURNS {
            let page = sql::page(connection, after, range.until).await?;
            let Some(last) = page.last() else {
                return Ok(None);
            };
            let last = (last.recorded_at, last.app.clone(), last.file_id.clone());
            let page: Vec<Held> = page
                .into_iter()
                .filter(|held| is_meant(held, range))
                .collect();
            if turn == 0 {
                looked_at = page.len() as u64;
            }
            if self.judge(connection, &page).await? {
                self.report.looked_at += looked_at;
                return Ok(Some(last));
            }
        }
        Err(Interrupted::Contended)
    }

    /// Whether all of these have the verdict of today now.
    async fn judge(
        &mut self,
        connection: &mut PgConnection,
        page: &[Held],
    ) -> Result<bool, sqlx::Error> {
        let erased = self.erased.refresh(connection).await?;
        let tickets = sql::tickets(connection, &named(page)).await?;
        let verdicts = page
            .iter()
            .map(|held| (held, held.by_rules(&tickets, &self.resolvers, &erased)));
        let mut changes: Vec<Change> = verdicts
            .filter(|(held, verdict)| held.verdict != *verdict)
            .map(|(held, verdict)| Change {
                held,
                verdict,
                note: None,
            })
            .collect();
        // Rows are locked in the order in which a batch locks them.
        changes.sort_by_key(|change| (&change.held.app, &change.held.file_id));
        let written = if self.dry_run {
            (0..changes.len()).collect()
        } else {
            let now = self.clock.now();
            match sql::write(connection, &changes, DECIDED_BY, &erased, now, &self.random).await {
                // Somebody was erased in between.
                Err(fault) if classify(&fault) == Fault::Contended => return Ok(false),
                written => written?,
            }
        };
        for &position in &written {
            let change = &changes[position];
            let transition = transition(&change.held.verdict, &change.verdict);
            *self.report.changed.entry(transition).or_default() += 1;
        }
        Ok(written.len() == changes.len())
    }
}

/// A person's verdict stands, and who is erased stays so.
fn is_meant(held: &Held, range: &Range) -> bool {
    let stands = held.verdict.method == Method::Manual || held.verdict.reason == Reason::Erased;
    !stands && range.apps.iter().any(|app| app.as_str() == held.app)
}

fn transition(from: &Verdict, to: &Verdict) -> Transition {
    let codes = |verdict: &Verdict| (verdict.method.as_str(), verdict.reason.as_str());
    let user = match (&from.user_id, &to.user_id) {
        (None, Some(_)) => UserChange::Found,
        (Some(_), None) => UserChange::Lost,
        (from, to) if from == to => UserChange::Same,
        _ => UserChange::Another,
    };
    Transition {
        from: codes(from),
        to: codes(to),
        user,
    }
}
