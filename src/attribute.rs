//! Whose upload it is: a pure function from what is known of a file to a verdict with a reason.

mod resolve;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::ticket::{IssuedTicket, RESUMED_WITHIN, TICKET_PREFIX, Ticket, UserId};
pub use resolve::Resolvers;

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
    /// When it was uploaded, by VOD's clock.
    pub uploaded_at: Option<DateTime<Utc>>,
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

impl Verdict {
    /// Whose it was is not known any more, and never will be.
    pub fn erased(ticket: Option<Ticket>) -> Self {
        Self {
            user_id: None,
            ticket,
            method: Method::None,
            reason: Reason::Erased,
            detail: None,
        }
    }
}

/// How the user of an upload is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Its context names a ticket that we issued.
    Ticket,
    /// A resolver of the app reads it from a context of the app's own.
    Resolver,
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
            Self::Resolver => "resolver",
            Self::Manual => "manual",
            Self::None => "none",
        }
    }

    /// Reads a stored code.
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Ticket, Self::Resolver, Self::Manual, Self::None]
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
    /// A resolver of the app found the user in one of the two.
    Resolver,
    /// A person decided.
    Manual,
    /// No context at all.
    NoContext,
    /// A context that is not a ticket, and in which no resolver finds a user: a console upload, another
    /// system, the app's own text.
    ForeignContext,
    /// A well-formed ticket that we never issued.
    UnknownTicket,
    /// A ticket that was issued for another app.
    WrongApp,
    /// Two different contexts were told; the strongest decided.
    ContextsDiffer,
    /// VOD knows no such file, and only notifications told of it.
    Refuted,
    /// It is an erased person's.
    Erased,
}

impl Reason {
    pub const ALL: [Self; 11] = [
        Self::Ticket,
        Self::SessionTicket,
        Self::Resolver,
        Self::Manual,
        Self::NoContext,
        Self::ForeignContext,
        Self::UnknownTicket,
        Self::WrongApp,
        Self::ContextsDiffer,
        Self::Refuted,
        Self::Erased,
    ];

    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::SessionTicket => "session_ticket",
            Self::Resolver => "resolver",
            Self::Manual => "manual",
            Self::NoContext => "no_context",
            Self::ForeignContext => "foreign_context",
            Self::UnknownTicket => "unknown_ticket",
            Self::WrongApp => "wrong_app",
            Self::ContextsDiffer => "contexts_differ",
            Self::Refuted => "refuted",
            Self::Erased => "erased",
        }
    }

    /// Reads a stored code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == code)
    }
}

/// Reads a context as a ticket.
pub fn named_ticket(context: Option<&str>) -> Option<Ticket> {
    context?.parse().ok()
}

/// Decides whose a file is. Tickets speak first, the source context before the session context; the app's
/// resolvers are asked only where neither is a ticket.
pub fn attribute(
    claims: &Claims,
    tickets: &HashMap<Ticket, Arc<IssuedTicket>>,
    resolvers: &Resolvers,
) -> Verdict {
    let source = by_ticket(claims, claims.source_context, tickets);
    let session = by_ticket(claims, claims.session_context, tickets).map(in_session);
    let (mut verdict, two_differ) = match (source, session) {
        (None, None) => by_resolvers(claims, resolvers),
        (Some(one), None) | (None, Some(one)) => (one, false),
        (Some(source), Some(session)) => {
            let two_differ = source.ticket != session.ticket;
            match (source.method, session.method) {
                (Method::None, Method::Ticket) => (session, two_differ),
                _ => (source, two_differ),
            }
        }
    };
    if verdict.reason == Reason::Erased {
        return verdict;
    }
    if claims.contexts_differ || two_differ {
        let decided = match verdict.method {
            Method::None => "different contexts were told; the strongest names no user",
            _ => "different contexts were told; the strongest decided",
        };
        let more = verdict.detail.filter(|_| verdict.method != Method::None);
        let more = more.map_or(String::new(), |detail| format!("; {detail}"));
        verdict.detail = Some(format!("{decided}{more}"));
        verdict.reason = Reason::ContextsDiffer;
    }
    verdict
}

/// The same verdict, said of the session context.
fn in_session(mut verdict: Verdict) -> Verdict {
    if verdict.reason == Reason::Ticket {
        verdict.reason = Reason::SessionTicket;
    }
    verdict
}

/// The verdict by a context that is a ticket; `None` if it is none.
fn by_ticket(
    claims: &Claims,
    context: Option<&str>,
    tickets: &HashMap<Ticket, Arc<IssuedTicket>>,
) -> Option<Verdict> {
    let ticket = named_ticket(context)?;
    let nobody = |reason, detail: String| Verdict {
        user_id: None,
        ticket: Some(ticket),
        method: Method::None,
        reason,
        detail: Some(detail),
    };
    Some(match tickets.get(&ticket) {
        None => nobody(
            Reason::UnknownTicket,
            "no such ticket was issued here".to_owned(),
        ),
        Some(issued) if issued.app != claims.app => nobody(
            Reason::WrongApp,
            format!("the ticket was issued for app `{}`", issued.app),
        ),
        Some(issued) => match &issued.user_id {
            None => Verdict::erased(Some(ticket)),
            Some(user_id) => Verdict {
                user_id: Some(user_id.as_str().to_owned()),
                ticket: Some(ticket),
                method: Method::Ticket,
                reason: Reason::Ticket,
                detail: lateness(claims, issued).map(str::to_owned),
            },
        },
    })
}

/// What is to be said of an upload after the last signature of its ticket expired. It stays the user's: an
/// upload that was begun in time may be resumed.
fn lateness(claims: &Claims, issued: &IssuedTicket) -> Option<&'static str> {
    let late = claims.uploaded_at? - issued.last_expires_at;
    if late > RESUMED_WITHIN {
        Some(
            "uploaded more than a day after the ticket's last signature expired, longer than an upload can be resumed",
        )
    } else if late > TimeDelta::zero() {
        Some("uploaded after the ticket's last signature expired, as a resumed upload is")
    } else {
        None
    }
}

/// The verdict by contexts that are no tickets, and whether they name two users.
fn by_resolvers(claims: &Claims, resolvers: &Resolvers) -> (Verdict, bool) {
    let found = |context: Option<&str>| context.map(|text| resolvers.resolve(claims.app, text));
    let verdict = |user_id, reason, detail| Verdict {
        method: match user_id {
            Some(_) => Method::Resolver,
            None => Method::None,
        },
        user_id,
        ticket: None,
        reason,
        detail,
    };
    let resolved =
        |user: &UserId, detail| verdict(Some(user.as_str().to_owned()), Reason::Resolver, detail);
    match (found(claims.source_context), found(claims.session_context)) {
        (None, None) => (verdict(None, Reason::NoContext, None), false),
        (Some(Ok(user)), Some(Ok(other))) => (resolved(&user, None), user != other),
        (Some(Ok(user)), _) => (resolved(&user, None), false),
        (_, Some(Ok(user))) => {
            let detail = Some("found in the session context".to_owned());
            (resolved(&user, detail), false)
        }
        (Some(Err(why)), _) | (None, Some(Err(why))) => {
            let context = claims.source_context.or(claims.session_context);
            let cut = context.is_some_and(|context| context.starts_with(TICKET_PREFIX));
            let detail = if cut {
                Some("it begins like a ticket but is not one".to_owned())
            } else {
                why
            };
            (verdict(None, Reason::ForeignContext, detail), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::UserId;

    const A: &str = "vt_01H455VB4PEX5VSKNK084SN02Q";
    const B: &str = "vt_01H455VB4PEX5VSKNK084SN02R";
    const OTHER_APP: &str = "vt_01H455VB4PEX5VSKNK084SN02S";
    const NEVER: &str = "vt_01H455VB4PEX5VSKNK084SN02T";

    const EXPIRY: &str = "2026-11-23T09:00:00Z";

    fn tickets() -> HashMap<Ticket, Arc<IssuedTicket>> {
        [
            (A, "main", "ann"),
            (B, "main", "bob"),
            (OTHER_APP, "second", "cat"),
        ]
        .map(|(ticket, app, user)| {
            let issued = IssuedTicket {
                app: app.to_owned(),
                user_id: Some(UserId::parse(user).unwrap()),
                last_expires_at: EXPIRY.parse().unwrap(),
            };
            (ticket.parse().unwrap(), Arc::new(issued))
        })
        .into()
    }

    fn resolvers() -> Resolvers {
        Resolvers::by_name([("main", vec!["regex:^uid=(?<user>.*)".parse().unwrap()])])
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
            (
                Some("mine"),
                Some(NEVER),
                false,
                None,
                Some(NEVER),
                UnknownTicket,
            ),
            (
                Some(NEVER),
                Some(OTHER_APP),
                false,
                None,
                Some(NEVER),
                ContextsDiffer,
            ),
            (Some("uid=7"), None, false, Some("7"), None, Resolver),
            (
                Some("uid=7"),
                Some("uid=7"),
                false,
                Some("7"),
                None,
                Resolver,
            ),
            (None, Some("uid=7"), false, Some("7"), None, Resolver),
            (
                Some("mine"),
                Some("uid=7"),
                false,
                Some("7"),
                None,
                Resolver,
            ),
            (
                Some("uid=7"),
                Some("uid=8"),
                false,
                Some("7"),
                None,
                ContextsDiffer,
            ),
            (Some("uid=7"), None, true, Some("7"), None, ContextsDiffer),
            // A ticket goes before a resolver, wherever it is and whatever is known of it.
            (
                Some("uid=7"),
                Some(A),
                false,
                Some("ann"),
                Some(A),
                SessionTicket,
            ),
            (Some(A), Some("uid=7"), false, Some("ann"), Some(A), Ticket),
            (
                Some(NEVER),
                Some("uid=7"),
                false,
                None,
                Some(NEVER),
                UnknownTicket,
            ),
            (
                Some("uid=7"),
                Some(OTHER_APP),
                false,
                None,
                Some(OTHER_APP),
                WrongApp,
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
                uploaded_at: None,
            };
            let verdict = attribute(&claims, &tickets(), &resolvers());
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

    #[test]
    fn a_late_upload_stays_its_users_and_says_so() {
        for (uploaded_at, told) in [
            (None, None),
            (Some("2026-11-23T09:00:00Z"), None),
            (Some("2026-11-23T09:00:01Z"), Some("uploaded after")),
            (Some("2026-11-24T09:00:00Z"), Some("uploaded after")),
            (
                Some("2026-11-24T09:00:01Z"),
                Some("uploaded more than a day after"),
            ),
        ] {
            for contexts_differ in [false, true] {
                let claims = Claims {
                    app: "main",
                    source_context: Some(A),
                    session_context: None,
                    contexts_differ,
                    uploaded_at: uploaded_at.map(|at| at.parse().unwrap()),
                };
                let verdict = attribute(&claims, &tickets(), &Resolvers::default());
                assert_eq!(verdict.user_id.as_deref(), Some("ann"));
                let detail = verdict.detail.unwrap_or_default();
                assert_eq!(detail.contains("uploaded"), told.is_some());
                assert!(detail.contains(told.unwrap_or_default()), "{detail}");
            }
        }
    }
}
