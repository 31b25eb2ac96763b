//! The months of the two tables that grow for ever, by the time in their UUIDv7 ids.

use std::time::Duration;

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::sql;
use crate::config::KeepDays;

/// This month and the next two.
const MONTHS: u32 = 3;
/// A month is made or dropped between two statements of others. Who reads for long is given half a minute, then the
/// next minute.
const ATTEMPTS: usize = 60;
const PAUSE: Duration = Duration::from_millis(300);

/// The tables that are partitioned by month.
#[derive(Debug, Clone, Copy)]
pub enum Table {
    Deliveries,
    SignatureIssues,
}

impl Table {
    const ALL: [Self; 2] = [Self::Deliveries, Self::SignatureIssues];

    /// Its name, which begins the names of its partitions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::SignatureIssues => "signature_issues",
        }
    }
}

/// One month of a table: ids from the first of its first millisecond to that of the next month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// `2026_11`
    pub name: String,
    pub from: Uuid,
    pub to: Uuid,
    /// When the next one begins.
    pub ends_at: DateTime<Utc>,
}

impl Month {
    fn beginning(first: NaiveDate) -> Self {
        let next = first + Months::new(1);
        Self {
            name: first.format("%Y_%m").to_string(),
            from: first_id(first),
            to: first_id(next),
            ends_at: next.and_time(chrono::NaiveTime::MIN).and_utc(),
        }
    }

    /// The month of this name.
    fn named(name: &str) -> Option<Self> {
        let first = NaiveDate::parse_from_str(&format!("{name}_01"), "%Y_%m_%d").ok()?;
        Some(Self::beginning(first))
    }
}

/// Makes this month and the next two where they are missing, and moves there what the default
/// partition caught meanwhile.
pub async fn ensure(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    for table in Table::ALL {
        for month in months(now) {
            let moved = make(connection, table, &month).await?;
            if moved > 0 {
                tracing::warn!(
                    table = table.name(),
                    month = month.name,
                    moved,
                    "rows had no month of their own"
                );
            }
        }
        let astray = sql::rows_astray(connection, table).await?;
        if astray {
            tracing::warn!(
                table = table.name(),
                "the default partition holds rows of a month that is not made"
            );
        }
    }
    Ok(())
}

async fn make(
    connection: &mut PgConnection,
    table: Table,
    month: &Month,
) -> Result<u64, sqlx::Error> {
    for _ in 1..ATTEMPTS {
        match sql::ensure_month(connection, table, month).await {
            Err(error) if sql::gave_up(&error) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    sql::ensure_month(connection, table, month).await
}

/// Drops the months that ended longer ago than they are to be kept. What was counted of them stays counted.
pub async fn drop_old(
    connection: &mut PgConnection,
    keep: KeepDays,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    for (table, days) in [
        (Table::Deliveries, keep.deliveries),
        (Table::SignatureIssues, keep.issues),
    ] {
        let Some(days) = days else { continue };
        let before = now - TimeDelta::days(i64::from(days));
        let held = sql::months(connection, table).await?;
        let held = held.iter().filter_map(|name| Month::named(name));
        for month in held.filter(|month| month.ends_at <= before) {
            let (table_name, name) = (table.name(), month.name.as_str());
            if drop_one(connection, table, &month, now).await? {
                tracing::info!(
                    table = table_name,
                    month = name,
                    days,
                    "a month was dropped"
                );
            } else {
                tracing::warn!(
                    table = table_name,
                    month = name,
                    "a month is kept until all of it is counted"
                );
            }
        }
    }
    Ok(())
}

async fn drop_one(
    connection: &mut PgConnection,
    table: Table,
    month: &Month,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    for _ in 1..ATTEMPTS {
        match sql::drop_month(connection, table, month, now).await {
            Err(error) if sql::gave_up(&error) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    sql::drop_month(connection, table, month, now).await
}

fn months(now: DateTime<Utc>) -> impl Iterator<Item = Month> {
    let first = NaiveDate::from_ymd_opt(now.year(), now.month(), 1).unwrap_or_default();
    (0..MONTHS).map(move |ahead| Month::beginning(first + Months::new(ahead)))
}

/// The smallest UUIDv7 of a day.
fn first_id(day: NaiveDate) -> Uuid {
    let millis = day
        .and_time(chrono::NaiveTime::MIN)
        .and_utc()
        .timestamp_millis();
    Uuid::from_u128(u128::try_from(millis).unwrap_or(0) << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_touch_and_run_over_the_year() {
        let november: DateTime<Utc> = "2026-11-30T23:59:59Z".parse().unwrap();
        let months: Vec<Month> = months(november).collect();
        let names: Vec<&str> = months.iter().map(|month| month.name.as_str()).collect();
        assert_eq!(names, ["2026_11", "2026_12", "2027_01"]);
        assert_eq!(months[0].to, months[1].from);
        assert_eq!(months[1].to, months[2].from);
        let id = crate::ops::random::Random::system().uuid_v7(november);
        assert!(months[0].from <= id && id < months[0].to);
        assert_eq!(Month::named("2026_12"), Some(months[1].clone()));
        assert_eq!(Month::named("2026_13"), None);
        assert_eq!(Month::named("default"), None);
    }
}
