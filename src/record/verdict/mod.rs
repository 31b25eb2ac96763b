//! Verdicts that no delivery brings: a person's, and today's rules over old uploads.
//!
//! Both go by the version of the row, as a batch does: whoever comes first is read again by the other.

mod manual;
pub mod reattribute;
mod sql;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::attribute::{self, Claims, Method, Reason, Resolvers, Verdict, named_ticket};
use crate::erased::Known;
use crate::ticket::{IssuedTicket, Ticket};
pub use manual::{Decision, NotDecided};
pub(super) use sql::read_standing;

/// Of two writers that meet in a row one always goes on, so that so many turns mean a fault elsewhere.
const TURNS: usize = 200;

/// An announced upload, as far as it bears on whose it is.
#[derive(Debug, Clone)]
struct Held {
    app: String,
    file_id: String,
    recorded_at: DateTime<Utc>,
    source_context: Option<String>,
    session_context: Option<String>,
    contexts_differ: bool,
    uploaded_at: Option<DateTime<Utc>>,
    verdict: Verdict,
    version: i32,
}

/// A verdict in place of the one that an upload had.
struct Change<'a> {
    held: &'a Held,
    verdict: Verdict,
    /// What a person says of it.
    note: Option<&'a str>,
}

impl Held {
    /// The tickets that its contexts name.
    fn tickets(&self) -> impl Iterator<Item = Ticket> {
        let contexts = [&self.source_context, &self.session_context];
        contexts
            .into_iter()
            .filter_map(|context| named_ticket(context.as_deref()))
    }

    /// What the rules of today say, whoever decided before.
    fn by_rules(
        &self,
        tickets: &HashMap<Ticket, Arc<IssuedTicket>>,
        resolvers: &Resolvers,
        erased: &Known,
    ) -> Verdict {
        let claims = Claims {
            app: &self.app,
            source_context: self.source_context.as_deref(),
            session_context: self.session_context.as_deref(),
            contexts_differ: self.contexts_differ,
            uploaded_at: self.uploaded_at,
        };
        let verdict = attribute::attribute(&claims, tickets, resolvers);
        let named = verdict.ticket;
        let was_known = self.verdict.method == Method::Ticket && self.verdict.ticket == named;
        let is_gone = named.is_some_and(|ticket| !tickets.contains_key(&ticket));
        // A ticket that is no longer in the log, which is not kept for ever, was there when it decided.
        if was_known && is_gone {
            return self.verdict.clone();
        }
        // Whose it would be is not to be known any more: it stays nobody's.
        if verdict
            .user_id
            .as_deref()
            .is_some_and(|user| erased.holds(user))
        {
            return Verdict::erased(named);
        }
        verdict
    }

    /// Whether another verdict is one for the audit trail, and not the same in other words.
    fn is_another(&self, verdict: &Verdict) -> bool {
        let told = |verdict: &Verdict| -> (Method, Reason, Option<String>) {
            (verdict.method, verdict.reason, verdict.user_id.clone())
        };
        told(&self.verdict) != told(verdict)
    }
}

/// The tickets that uploads name.
fn named(held: &[Held]) -> BTreeSet<Ticket> {
    held.iter().flat_map(Held::tickets).collect()
}
