//! A person decides whose an upload is, or takes that back.

use crate::attribute::{Method, Reason, Verdict};
use crate::config::AppName;
use crate::erased::Known;
use crate::http::problem::Problem;
use crate::ops::database::{Fault, classify};
use crate::record::Recorder;
use crate::ticket::UserId;
use crate::vod::event::FileId;

use super::{Change, TURNS, named, sql};

/// What a person decides of one upload.
#[derive(Debug, Clone)]
pub struct Decision {
    pub app: AppName,
    pub file_id: FileId,
    /// Whose it is; `None` leaves it to the rules again.
    pub user_id: Option<UserId>,
    /// Why, in the person's words.
    pub reason: String,
    /// Name of the API key.
    pub key: String,
}

/// Why a decision was not made.
#[derive(Debug)]
pub enum NotDecided {
    /// No such upload is known.
    Unknown,
    /// The user is erased.
    Erased,
    /// Postgres cannot take it now, or something is wrong on our side.
    Failed(Problem),
}

impl Recorder {
    /// Writes a person's verdict: nothing but another person's takes it back. The same decision again
    /// changes nothing.
    pub async fn decide(&self, decision: &Decision) -> Result<(), NotDecided> {
        let failed = NotDecided::Failed;
        let pool = self.database.pool().map_err(|away| failed(away.into()))?;
        let acquired = pool.acquire().await;
        let mut connection = acquired.map_err(|fault| failed(fault.into()))?;
        for _ in 0..TURNS {
            let erased = self.erased.refresh(&mut connection).await;
            let erased = erased.map_err(|fault| failed(fault.into()))?;
            let user = decision.user_id.as_ref();
            if user.is_some_and(|user| erased.holds(user.as_str())) {
                return Err(NotDecided::Erased);
            }
            match self.try_decide(&mut connection, decision, &erased).await {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) => {}
                Ok(None) => return Err(NotDecided::Unknown),
                // Somebody was erased in between.
                Err(fault) if classify(&fault) == Fault::Contended => {}
                Err(fault) => return Err(failed(fault.into())),
            }
        }
        tracing::error!("a decision met other writers {TURNS} times in a row");
        Err(failed(Problem::Unavailable))
    }

    /// Whether the verdict is in place now; not if the row moved in between. `None` if there is no upload.
    async fn try_decide(
        &self,
        connection: &mut sqlx::PgConnection,
        decision: &Decision,
        erased: &Known,
    ) -> Result<Option<bool>, sqlx::Error> {
        let app = decision.app.as_str();
        let Some(held) = sql::find(connection, app, decision.file_id.as_str()).await? else {
            return Ok(None);
        };
        let verdict = match &decision.user_id {
            Some(user_id) => Verdict {
                user_id: Some(user_id.as_str().to_owned()),
                ticket: held.verdict.ticket,
                method: Method::Manual,
                reason: Reason::Manual,
                detail: Some(decision.reason.clone()),
            },
            // Nobody's decision is there to be taken back.
            None if held.verdict.method != Method::Manual => return Ok(Some(true)),
            None => {
                let tickets = sql::tickets(connection, &named(std::slice::from_ref(&held))).await?;
                held.by_rules(&tickets, &self.resolvers, erased)
            }
        };
        if verdict == held.verdict {
            return Ok(Some(true));
        }
        let change = Change {
            held: &held,
            verdict,
            note: Some(&decision.reason),
        };
        let by = format!("key {}", decision.key);
        let now = self.clock.now();
        let written = sql::write(connection, &[change], &by, erased, now, &self.random).await?;
        Ok(Some(!written.is_empty()))
    }
}
