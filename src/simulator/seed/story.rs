//! What happens around some uploads, from the first signature to what VOD says of them months later.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::bodies::{End, Media, deleted, file_id};
use super::permissions::{Permissions, Wanted};
use super::shape::{Shape, happens, unit, within};
use super::{CLIPS, MAIN};
use crate::attribute::Resolvers;
use crate::config::AppName;
use crate::ops::random::Random;
use crate::record::bulk::{History, Rows};
use crate::record::{self, Delivery, Door};
use crate::ticket::{IssuedTicket, Ticket, UserId};
use crate::vod::event::FileId;
use crate::vod::inventory;

/// What kinds of uploads there are, each with its share of them; the rest is like the last.
const KINDS: [(Kind, f64); 11] = [
    (Kind::Console, 0.015),
    (Kind::Resolved, 0.015),
    (Kind::Foreign, 0.007),
    (Kind::UnknownTicket, 0.003),
    (Kind::InSession, 0.003),
    (Kind::TicketReused, 0.002),
    (Kind::WrongApp, 0.001),
    (Kind::ContextsDiffer, 0.001),
    (Kind::DeletedTogether, 0.001),
    (Kind::Refuted, 0.0005),
    (Kind::Ticket, 1.0),
];
/// Tickets that were issued and never used, for each upload.
const UNUSED: f64 = 0.2;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ticket,
    /// Uploaded in VOD's console: no context at all.
    Console,
    /// The context is the app's own, and a resolver reads it.
    Resolved,
    Foreign,
    UnknownTicket,
    /// Only the session context is the ticket.
    InSession,
    /// Two files came by one ticket.
    TicketReused,
    WrongApp,
    ContextsDiffer,
    /// One deletion names three files.
    DeletedTogether,
    /// VOD, asked, knows no such file.
    Refuted,
}

/// What does not differ from one upload to the next.
pub(super) struct World {
    pub(super) until: DateTime<Utc>,
    pub(super) shape: Shape,
    pub(super) uploads: u64,
    pub(super) resolvers: Resolvers,
    pub(super) apps: [AppName; 2],
}

/// Tells of a stretch of uploads.
pub(super) struct Teller<'a> {
    pub(super) world: &'a World,
    pub(super) random: Random,
    pub(super) permissions: Permissions,
    pub(super) rows: Rows,
}

/// What is still to happen.
struct Step {
    at: DateTime<Utc>,
    what: What,
}

enum What {
    /// A body reaches us by a door.
    Reaches(Door, String),
    /// A person decides that it is this user's.
    Decided(UserId),
}

/// One upload while its story is made.
struct Plot<'a> {
    app: &'static str,
    user: &'a UserId,
    media: Media,
    is_processed: bool,
    steps: &'a mut Vec<Step>,
}

impl Teller<'_> {
    /// Tells of the upload with a number, and perhaps of a few that follow, but not beyond the end; gives the next number.
    pub(super) fn tell(&mut self, number: u64, end: u64) -> u64 {
        let kind = self.kind();
        let files = match kind {
            Kind::TicketReused => 2,
            Kind::DeletedTogether => 3,
            _ => 1,
        };
        let next = (number + files).min(end);
        let rank = self.world.shape.user(&self.random);
        let app = if rank.is_multiple_of(10) { CLIPS } else { MAIN };
        let Ok(user) = UserId::parse(&format!("user-{rank}")) else {
            return next;
        };
        let mut tickets = HashMap::new();
        let mut steps = Vec::new();
        let mut file_ids = Vec::new();
        for number in number..next {
            let media = self.media(number);
            file_ids.push(media.file_id.clone());
            let is_processed = happens(&self.random, 0.08) || kind == Kind::InSession;
            let mut plot = Plot {
                app,
                user: &user,
                media,
                is_processed,
                steps: &mut steps,
            };
            self.permit(kind, &mut plot, &mut tickets);
            self.upload(kind, &mut plot);
        }
        if kind == Kind::DeletedTogether {
            let last = self.world.shape.time(next - 1);
            let at = last + within(&self.random, HOUR, 30.0 * DAY);
            steps.push(Step::reaches(at, door(app), deleted(&file_ids)));
        }
        self.aside(number, app, &user);
        self.happen(app, &file_ids[0], tickets, steps);
        next
    }

    fn kind(&self) -> Kind {
        let mut drawn = unit(&self.random);
        let found = KINDS.iter().find(|(_, share)| {
            drawn -= share;
            drawn < 0.0
        });
        found.map_or(Kind::Ticket, |(kind, _)| *kind)
    }

    fn media(&self, number: u64) -> Media {
        let random = &self.random;
        let uploaded_at = self.world.shape.time(number);
        let duration_s = 5 + u64::from(random.u32() % 600);
        Media {
            file_id: file_id(number),
            name: format!("holiday {}", random.u32() % 100_000),
            source_context: String::new(),
            session_context: String::new(),
            procedure_task_id: String::new(),
            uploaded_at,
            size_bytes: duration_s * 127_000 + u64::from(random.u32() % 100_000),
            duration_s,
        }
    }

    /// What was put into its signature, and the permission for it.
    fn permit(
        &mut self,
        kind: Kind,
        plot: &mut Plot<'_>,
        tickets: &mut HashMap<Ticket, Arc<IssuedTicket>>,
    ) {
        let begun = plot.media.uploaded_at - within(&self.random, 30.0, 15.0 * MINUTE);
        if happens(&self.random, UNUSED) {
            let at = begun - within(&self.random, 1.0, HOUR);
            let (app, user) = (plot.app, plot.user);
            let wanted = Wanted {
                app,
                user,
                at,
                is_used: false,
                has_procedure: false,
            };
            self.permissions.issue(&wanted, &self.random);
        }
        if plot.is_processed {
            plot.media.procedure_task_id =
                format!("1500000001-Procedure-{:016x}", self.random.u64());
        }
        plot.media.source_context = match kind {
            Kind::Console => return,
            Kind::Resolved => format!(r#"{{\"uid\":\"{}\"}}"#, plot.user),
            Kind::Foreign => format!("migrated-{}", self.random.u32()),
            Kind::UnknownTicket => Ticket(self.random.uuid_v7(begun)).to_string(),
            Kind::TicketReused if !tickets.is_empty() => {
                let first = tickets.keys().next().map(Ticket::to_string);
                first.unwrap_or_default()
            }
            _ => {
                let app = match (kind, plot.app) {
                    (Kind::WrongApp, MAIN) => CLIPS,
                    (Kind::WrongApp, _) => MAIN,
                    (_, app) => app,
                };
                let wanted = Wanted {
                    app,
                    user: plot.user,
                    at: begun,
                    is_used: true,
                    has_procedure: plot.is_processed,
                };
                let (ticket, issued) = self.permissions.issue(&wanted, &self.random);
                tickets.insert(ticket, issued);
                ticket.to_string()
            }
        };
        if plot.is_processed {
            plot.media
                .session_context
                .clone_from(&plot.media.source_context);
        }
        if kind == Kind::InSession {
            plot.media.source_context.clear();
        }
    }

    /// How we are told that it was uploaded.
    fn upload(&mut self, kind: Kind, plot: &mut Plot<'_>) {
        let random = &self.random;
        let late = happens(random, 0.01);
        let delay = if late {
            within(random, MINUTE, HOUR)
        } else {
            within(random, 1.0, 6.0)
        };
        let latest = self.latest();
        let told = (plot.media.uploaded_at + delay).min(latest);
        let asked = told + within(random, 10.0 * MINUTE, 6.0 * HOUR);
        let door = door(plot.app);
        let media = &plot.media;
        let body = if door == Door::Pull {
            media.uploaded(Some(random.u64()))
        } else if happens(random, 0.03) {
            media.uploaded_v2()
        } else {
            media.uploaded(None)
        };
        let is_lost = kind == Kind::Ticket && happens(random, 0.01) && asked < latest;
        if is_lost {
            plot.steps
                .push(Step::reaches(asked, Door::Reconcile, media.held()));
        } else {
            if happens(random, 0.05) {
                let again = told + within(random, 5.0, 12.0);
                plot.steps.push(Step::reaches(again, door, body.clone()));
            }
            plot.steps.push(Step::reaches(told, door, body));
            if kind != Kind::Refuted && happens(random, 0.02) {
                plot.steps
                    .push(Step::reaches(asked, Door::Reconcile, media.held()));
            }
        }
        if kind == Kind::Refuted
            && let Some(file_id) = FileId::parse(&media.file_id)
        {
            let body = inventory::not_exist(&file_id);
            plot.steps.push(Step::reaches(asked, Door::Reconcile, body));
        }
        if kind == Kind::ContextsDiffer {
            let mut other = media.clone();
            other.source_context = Ticket(random.uuid_v7(told)).to_string();
            let at = told + within(random, 1.0, 60.0);
            plot.steps
                .push(Step::reaches(at, door, other.uploaded_v2()));
        }
        self.later(kind, told, plot);
    }

    /// What becomes of it: its task flow, a person's decision, its end.
    fn later(&self, kind: Kind, told: DateTime<Utc>, plot: &mut Plot<'_>) {
        let random = &self.random;
        let door = door(plot.app);
        if plot.is_processed && (kind == Kind::InSession || !happens(random, 0.005)) {
            // Now and then the task is quicker than the upload.
            let took = if happens(random, 0.02) {
                TimeDelta::milliseconds(-500)
            } else {
                within(random, 15.0, 400.0)
            };
            let end = match unit(random) {
                share if share < 0.94 => End::Well,
                share if share < 0.96 => End::Partly,
                _ => End::Badly,
            };
            let body = plot.media.processed(end);
            plot.steps.push(Step::reaches(told + took, door, body));
        }
        if kind != Kind::DeletedTogether && happens(random, 0.04) {
            let body = deleted(std::slice::from_ref(&plot.media.file_id));
            let at = told + within(random, HOUR, 60.0 * DAY);
            plot.steps.push(Step::reaches(at, door, body));
        }
        if kind == Kind::Console && happens(random, 0.1) {
            let at = told + within(random, HOUR, 5.0 * DAY);
            let what = What::Decided(plot.user.clone());
            plot.steps.push(Step { at, what });
        }
    }

    /// What arrives then has a moment to be recorded.
    fn latest(&self) -> DateTime<Utc> {
        self.world.until - TimeDelta::milliseconds(50)
    }

    /// What arrives beside the uploads: what is no event, and a task of a file whose upload nobody told.
    fn aside(&mut self, number: u64, app: &'static str, user: &UserId) {
        let at = self.world.shape.time(number) + within(&self.random, 1.0, MINUTE);
        let at = at.min(self.latest());
        let mut steps = Vec::new();
        if happens(&self.random, 0.0005) {
            let body = if happens(&self.random, 0.5) {
                "no JSON".to_owned()
            } else {
                r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":""}}"#.to_owned()
            };
            steps.push(Step::reaches(at, Door::Push, body));
        }
        let mut media = self.media(self.world.uploads + number);
        if happens(&self.random, 0.0005) {
            media.procedure_task_id = format!("1500000001-Procedure-{:016x}", self.random.u64());
            media.source_context = user.to_string();
            steps.push(Step::reaches(at, door(app), media.processed(End::Well)));
        }
        if !steps.is_empty() {
            self.happen(app, &media.file_id, HashMap::new(), steps);
        }
    }

    /// Lets the steps happen, in the order of time, as far as it has come.
    fn happen(
        &mut self,
        app: &'static str,
        file_id: &str,
        tickets: HashMap<Ticket, Arc<IssuedTicket>>,
        mut steps: Vec<Step>,
    ) {
        let world = self.world;
        let latest = self.latest();
        steps.retain(|step| step.at <= latest);
        steps.sort_by_key(|step| step.at);
        let name = &world.apps[usize::from(app == CLIPS)];
        let mut history = History::new(tickets, &world.resolvers, &self.random);
        let mut recorded_at = DateTime::<Utc>::MIN_UTC;
        for Step { at, what } in steps {
            let took = within(&self.random, 0.002, 0.015);
            // Of two deliveries of one moment the second is recorded later.
            recorded_at = (at + took).max(recorded_at + TimeDelta::microseconds(1));
            match what {
                What::Reaches(door, body) => {
                    let said = record::said(door, body.as_bytes());
                    let delivery = Delivery {
                        id: self.random.uuid_v7(at),
                        app: name.clone(),
                        door,
                        received_at: at,
                        body: Bytes::from(body),
                        said,
                    };
                    history.record(delivery, recorded_at);
                }
                What::Decided(user) => {
                    let key = (app.to_owned(), file_id.to_owned());
                    history.decide(&key, &user, "the user asked support", recorded_at);
                }
            }
        }
        history.write(&mut self.rows);
    }
}

impl Step {
    fn reaches(at: DateTime<Utc>, door: Door, body: String) -> Self {
        let what = What::Reaches(door, body);
        Self { at, what }
    }
}

/// By which door an app is told: one pulls, the other is pushed to.
fn door(app: &str) -> Door {
    if app == CLIPS { Door::Pull } else { Door::Push }
}
