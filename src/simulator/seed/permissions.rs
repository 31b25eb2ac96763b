//! Tickets that were issued, and their signatures: rows of the log.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::shape::{happens, unit, within};
use crate::ops::copy::{self, Nothing};
use crate::ops::random::Random;
use crate::ticket::{IssuedTicket, Ticket, UserId};

/// What the SDK asks a signature for, and what the API gives it for where nothing else is said.
const VALID: TimeDelta = TimeDelta::hours(1);
/// How many signatures a ticket has that was used: the web SDK asks for two or three, and again with each retry.
const SIGNATURES: [(u32, f64); 4] = [(2, 0.70), (3, 0.24), (4, 0.04), (6, 1.0)];
/// The same of one that was not: most who turn away do so before VOD is asked.
const SIGNATURES_UNUSED: [(u32, f64); 2] = [(1, 0.75), (2, 1.0)];

/// Rows of `tickets` and `signature_issues`, in the binary form of `COPY`.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    pub(super) tickets: Vec<u8>,
    pub(super) issues: Vec<u8>,
    pub(super) tickets_count: u64,
    pub(super) issues_count: u64,
}

/// Who was given a ticket, when, and for what.
pub(super) struct Wanted<'a> {
    pub(super) app: &'static str,
    pub(super) user: &'a UserId,
    pub(super) at: DateTime<Utc>,
    pub(super) is_used: bool,
    pub(super) has_procedure: bool,
}

impl Permissions {
    /// Issues a ticket with its signatures, some seconds apart.
    pub(super) fn issue(
        &mut self,
        wanted: &Wanted<'_>,
        random: &Random,
    ) -> (Ticket, Arc<IssuedTicket>) {
        let ticket = Ticket(random.uuid_v7(wanted.at));
        let one_time = happens(random, 0.05);
        let likely: &[(u32, f64)] = if wanted.is_used {
            &SIGNATURES
        } else {
            &SIGNATURES_UNUSED
        };
        let (mut at, mut drawn) = (wanted.at, unit(random));
        let mut count = 0;
        for (signatures, share) in likely {
            count = *signatures;
            drawn -= share;
            if drawn < 0.0 {
                break;
            }
        }
        for number in 0..count {
            if number > 0 {
                at += within(random, 0.2, 8.0);
            }
            self.sign(wanted, ticket, at, one_time, random);
        }
        let last_expires_at = at + VALID;
        let context = happens(random, 0.3).then(|| format!(r#"{{"post":{}}}"#, random.u32()));
        copy::row(
            &mut self.tickets,
            &Nothing,
            &[
                &ticket.0,
                &wanted.app,
                &wanted.user.as_str(),
                &context,
                &one_time,
                &wanted.at,
                &last_expires_at,
            ],
        );
        self.tickets_count += 1;
        let issued = IssuedTicket {
            app: wanted.app.to_owned(),
            user_id: Some(wanted.user.clone()),
            last_expires_at,
        };
        (ticket, Arc::new(issued))
    }

    fn sign(
        &mut self,
        wanted: &Wanted<'_>,
        ticket: Ticket,
        at: DateTime<Utc>,
        one_time: bool,
        random: &Random,
    ) {
        let procedure = wanted.has_procedure.then_some("LongVideoPreset");
        copy::row(
            &mut self.issues,
            &Nothing,
            &[
                &random.uuid_v7(at),
                &ticket.0,
                &wanted.app,
                &wanted.user.as_str(),
                &at,
                &(at + VALID),
                &"AKIDseeded",
                &i64::from(random.u32()),
                &one_time,
                &None::<i64>,
                &None::<i32>,
                &procedure,
                &None::<i16>,
                &None::<&str>,
                &None::<&str>,
                &"backend",
            ],
        );
        self.issues_count += 1;
    }
}
