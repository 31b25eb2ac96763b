//! Whose upload it is: a pure function from what is known of a file to a verdict with a reason.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ticket::{IssuedTicket, Ticket};

/// What is known of a file that bears on whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Claims<'a> {
    /// The app by whose door it came.
    pub app: &'a str,
    /// The strongest `SourceContext` told.
    pub source_context: Option<&'a str>,
    /// The strongest `SessionContext` told; only task events carry it.
    pub session_context: Option<&'a str>,
    /// Whether two different source contexts were told.
    pub contexts_differ: bool,
}

/// Whose an upload is and how we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `None` exactly when the method is [`Method::None`].
    pub user_id: Option<String>,
    /// The ticket that the context names, known or not: one that turns up later attributes by it.
    pub ticket: Option<Ticket>,
    pub method: Method,
    pub reason: Reason,
    /// The reason in words, where there is more to say.
    pub detail: Option<String>,
}

/// How the user of an upload is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Its context names a ticket that we issued.
    Ticket,
    /// A person decided.
    Manual,
    /// It is not known.
    None,
}

impl Method {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Manual => "manual",
            Self::None => "none",
        }
    }

    /// Reads a stored code.
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Ticket, Self::Manual, Self::None]
            .into_iter()
            .find(|method| method.as_str() == code)
    }
}

/// Why it was decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `SourceContext` is a ticket.
    Ticket,
    /// Only `SessionContext` is a ticket.
    SessionTicket,
    /// A person decided.
    Manual,
    /// No context at all.
    NoContext,
    /// A context that is not a ticket: a console upload, another system, the app's own text.
    ForeignContext,
    /// A well-formed ticket that we never issued.
    UnknownTicket,
    /// A ticket that was issued for another app.
    WrongApp,
    /// Two different contexts were told; the strongest decided.
    ContextsDiffer,
    /// VOD knows no such file, and only notifications told of it.
    Refuted,
}

impl Reason {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::SessionTicket => "session_ticket",
            Self::Manual => "manual",
            Self::NoContext => "no_context",
            Self::ForeignContext => "foreign_context",
            Self::UnknownTicket => "unknown_ticket",
            Self::WrongApp => "wrong_app",
            Self::ContextsDiffer => "contexts_differ",
            Self::Refuted => "refuted",
        }
    }

    /// Reads a stored code.
    pub fn parse(code: &str) -> Option<Self> {
        [
            Self::Ticket,
            Self::SessionTicket,
            Self::Manual,
            Self::NoContext,
            Self::ForeignContext,
            Self::UnknownTicket,
            Self::WrongApp,
            Self::ContextsDiffer,
            Self::Refuted,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == code)
    }
}

/// Reads a context as a ticket.
pub fn named_ticket(context: Option<&str>) -> Option<Ticket> {
    context?.parse().ok()
}

/// Decides whose a file is. The source context speaks first, the session context where it names nobody.
pub fn attribute(claims: &Claims, tickets: &HashMap<Ticket, Arc<IssuedTicket>>) -> Verdict {
    let by_source = by_context(claims.app, claims.source_context, tickets);
    let by_session = by_context(claims.app, claims.session_context, tickets);
    let disagree = claims.contexts_differ || two_tickets(&by_source, &by_session);

    let mut verdict = if by_source.method == Method::None && by_session.method == Method::Ticket {
        Verdict {
            reason: Reason::SessionTicket,
            ..by_session
        }
    } else if claims.source_context.is_none() && claims.session_context.is_some() {
        by_session
    } else {
        by_source
    };
    if disagree {
        verdict.detail = Some(match verdict.method {
            Method::None => "different contexts were told; the strongest names no user".to_owned(),
            _ => "different contexts were told; the strongest decided".to_owned(),
        });
        verdict.reason = Reason::ContextsDiffer;
    }
    verdict
}

fn by_context(
    app: &str,
    context: Option<&str>,
    tickets: &HashMap<Ticket, Arc<IssuedTicket>>,
) -> Verdict {
    let nobody = |reason, ticket, detail: Option<&str>| Verdict {
        user_id: None,
        ticket,
        method: Method::None,
        reason,
        detail: detail.map(str::to_owned),
    };
    let Some(context) = context else {
        return nobody(Reason::NoContext, None, None);
    };
    let Ok(ticket) = context.parse::<Ticket>() else {
        let detail = context
            .starts_with("vt_")
            .then_some("it begins like a ticket but is not one");
        return nobody(Reason::ForeignContext, None, detail);
    };
    match tickets.get(&ticket) {
        None => nobody(
            Reason::UnknownTicket,
            Some(ticket),
            Some("no such ticket was issued here"),
        ),
        Some(issued) if issued.app != app => Verdict {
            detail: Some(format!("the ticket was issued for app `{}`", issued.app)),
            ..nobody(Reason::WrongApp, Some(ticket), None)
        },
        Some(issued) => Verdict {
            user_id: Some(issued.user_id.as_str().to_owned()),
            ticket: Some(ticket),
            method: Method::Ticket,
            reason: Reason::Ticket,
            detail: None,
        },
    }
}

/// An app's own text in one of the two is normal; two tickets that differ are a contradiction.
fn two_tickets(source: &Verdict, session: &Verdict) -> bool {
    matches!((source.ticket, session.ticket), (Some(a), Some(b)) if a != b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::UserId;

    const A: &str = "vt_01H455VB4PEX5VSKNK084SN02Q";
    const B: &str = "vt_01H455VB4PEX5VSKNK084SN02R";
    const OTHER_APP: &str = "vt_01H455VB4PEX5VSKNK084SN02S";
    const NEVER: &str = "vt_01H455VB4PEX5VSKNK084SN02T";

    fn tickets() -> HashMap<Ticket, Arc<IssuedTicket>> {
        [
            (A, "main", "ann"),
            (B, "main", "bob"),
            (OTHER_APP, "second", "cat"),
        ]
        .map(|(ticket, app, user)| {
            let issued = IssuedTicket {
                app: app.to_owned(),
                user_id: UserId::parse(user).unwrap(),
            };
            (ticket.parse().unwrap(), Arc::new(issued))
        })
        .into()
    }

    #[test]
    fn each_pair_of_contexts_has_its_verdict() {
        use Reason::*;
        let table = [
            // source, session, differ -> user, ticket, reason
            (None, None, false, None, None, NoContext),
            (Some(A), None, false, Some("ann"), Some(A), Ticket),
            (None, Some(A), false, Some("ann"), Some(A), SessionTicket),
            (Some(A), Some(A), false, Some("ann"), Some(A), Ticket),
            (Some(A), Some("mine"), false, Some("ann"), Some(A), Ticket),
            (
                Some("{\"UserId\":1}"),
                None,
                false,
                None,
                None,
                ForeignContext,
            ),
            (
                Some("mine"),
                Some(A),
                false,
                Some("ann"),
                Some(A),
                SessionTicket,
            ),
            (None, Some("mine"), false, None, None, ForeignContext),
            (Some(NEVER), None, false, None, Some(NEVER), UnknownTicket),
            (
                Some(OTHER_APP),
                None,
                false,
                None,
                Some(OTHER_APP),
                WrongApp,
            ),
            (
                None,
                Some(OTHER_APP),
                false,
                None,
                Some(OTHER_APP),
                WrongApp,
            ),
            (
                Some(A),
                Some(B),
                false,
                Some("ann"),
                Some(A),
                ContextsDiffer,
            ),
            (
                Some(NEVER),
                Some(B),
                false,
                Some("bob"),
                Some(B),
                ContextsDiffer,
            ),
            (Some(A), None, true, Some("ann"), Some(A), ContextsDiffer),
            (Some("mine"), None, true, None, None, ContextsDiffer),
        ];
        for (source_context, session_context, contexts_differ, user, ticket, reason) in table {
            let claims = Claims {
                app: "main",
                source_context,
                session_context,
                contexts_differ,
            };
            let verdict = attribute(&claims, &tickets());
            assert_eq!(verdict.user_id.as_deref(), user, "{claims:?}");
            assert_eq!(
                verdict.ticket.map(|t| t.to_string()).as_deref(),
                ticket,
                "{claims:?}"
            );
            assert_eq!(verdict.reason, reason, "{claims:?}");
            assert_eq!(verdict.method == Method::None, user.is_none(), "{claims:?}");
        }
    }
}
