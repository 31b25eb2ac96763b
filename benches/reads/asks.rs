//! What is asked: each time about something else, drawn from what the database holds.

use std::net::SocketAddr;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

use crate::load;
use crate::templates::Random;

/// So many files and tickets are drawn.
const DRAWN: f64 = 20_000.0;
/// So many hundredth pages are gone to, of uploads up to some time.
const WALKS: usize = 20;
/// The page that is meant; 50 uploads each, as is usual.
const PAGE: usize = 100;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Of any user: most have a dozen uploads, some thousands.
    FirstPage,
    /// Of the user who has most.
    HundredthPage,
    HundredthOfAll,
    /// With its history: issues, deliveries, tasks.
    File,
    Ticket,
    /// The fifty up to some time.
    Time,
}

pub const KINDS: [Kind; 6] = [
    Kind::FirstPage,
    Kind::HundredthPage,
    Kind::HundredthOfAll,
    Kind::File,
    Kind::Ticket,
    Kind::Time,
];

/// Of what there is to ask in a seeded database.
pub struct Asks {
    pub uploads: u64,
    users: u64,
    files: Vec<(String, Option<String>)>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    of_user: Vec<String>,
    of_all: Vec<String>,
}

impl Asks {
    /// Draws files, and goes to the hundredth pages.
    pub async fn prepare(url: &str, address: SocketAddr) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let uploads: f32 =
            sqlx::query_scalar("SELECT reltuples FROM pg_class WHERE oid = 'uploads'::regclass")
                .fetch_one(&mut connection)
                .await
                .unwrap();
        assert!(uploads > 0.0, "it is seeded and analysed");
        let share = (DRAWN * 100.0 / f64::from(uploads)).min(100.0);
        let mut files: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT file_id, ticket_text(ticket) FROM uploads TABLESAMPLE BERNOULLI ($1) REPEATABLE (1)
            WHERE announced_at IS NOT NULL",
        )
        .bind(share)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let mut random = Random(1);
        for at in (1..files.len()).rev() {
            files.swap(at, random.next() as usize % (at + 1));
        }
        let (from, to) = sqlx::query_as(
            "SELECT min(recorded_at), max(recorded_at) FROM uploads WHERE announced_at IS NOT NULL",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        let mut asks = Self {
            uploads: uploads as u64,
            // `simulate seed` makes so many where nothing else is said.
            users: uploads as u64 / 50,
            files,
            from,
            to,
            of_user: Vec::new(),
            of_all: Vec::new(),
        };
        for order in ["desc", "asc"] {
            let path = format!("/v1/uploads?user_id=user-1&order={order}");
            asks.of_user.push(walk(address, &path).await);
        }
        for _ in 0..WALKS {
            let path = format!("/v1/uploads?to={}", asks.time(&mut random));
            asks.of_all.push(walk(address, &path).await);
        }
        asks
    }

    /// The path of the next question of a kind.
    pub fn path(&self, kind: Kind, random: &mut Random) -> String {
        let any = |paths: &[String], random: &mut Random| {
            paths[random.next() as usize % paths.len()].clone()
        };
        match kind {
            Kind::FirstPage => {
                format!(
                    "/v1/uploads?user_id=user-{}",
                    1 + random.next() % self.users
                )
            }
            Kind::HundredthPage => any(&self.of_user, random),
            Kind::HundredthOfAll => any(&self.of_all, random),
            Kind::File => format!("/v1/uploads/{}", self.file(random).0),
            Kind::Ticket => loop {
                if let Some(ticket) = &self.file(random).1 {
                    return format!("/v1/uploads?ticket={ticket}");
                }
            },
            Kind::Time => format!("/v1/uploads?to={}", self.time(random)),
        }
    }

    /// The path of the figures of so many days.
    pub fn stats_of(&self, days: i64) -> String {
        let (from, to) = (self.to - TimeDelta::days(days), self.to);
        format!("/v1/stats?from={}&to={}", written(from), written(to))
    }

    /// A ticket for each number; another for most.
    pub fn ticket(&self, number: usize) -> String {
        let tickets = self.files.iter().filter_map(|(_, ticket)| ticket.as_ref());
        let ticket = tickets.cycle().nth(number % self.files.len());
        ticket.unwrap().clone()
    }

    fn file(&self, random: &mut Random) -> &(String, Option<String>) {
        &self.files[random.next() as usize % self.files.len()]
    }

    /// A time of the later three quarters, so that a hundred pages lie before it.
    fn time(&self, random: &mut Random) -> String {
        let quarter = (self.to - self.from) / 4;
        let micros = (quarter * 3).num_microseconds().unwrap() as u64;
        let after = TimeDelta::microseconds((random.next() % micros) as i64);
        written(self.from + quarter + after)
    }
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Goes to the hundredth page of a list, or to the last one that is full; the path by which it is asked for.
async fn walk(address: SocketAddr, path: &str) -> String {
    let mut asked = path.to_owned();
    for _ in 1..PAGE {
        let page: Value = serde_json::from_str(&load::ask_once(address, &asked).await.1).unwrap();
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        asked = format!("{path}&cursor={cursor}");
    }
    asked
}
