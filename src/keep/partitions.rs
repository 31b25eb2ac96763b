//! The months of the two tables that grow for ever, by the time in their UUIDv7 ids.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::sql;

/// This month and the next two.
const MONTHS: u32 = 3;

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
}

/// Makes this month and the next two where they are missing, and moves there what the default
/// partition caught meanwhile.
pub async fn ensure(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    for table in Table::ALL {
        for month in months(now) {
            let moved = sql::ensure_month(connection, table, &month).await?;
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

fn months(now: DateTime<Utc>) -> impl Iterator<Item = Month> {
    let first = NaiveDate::from_ymd_opt(now.year(), now.month(), 1).unwrap_or_default();
    (0..MONTHS).map(move |ahead| {
        let month = first + Months::new(ahead);
        Month {
            name: month.format("%Y_%m").to_string(),
            from: first_id(month),
            to: first_id(month + Months::new(1)),
        }
    })
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
    }
}
