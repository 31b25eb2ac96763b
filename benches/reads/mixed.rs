//! Reads while notifications come in, and notifications while somebody reads.
//!
//! On a copy of a seeded database, which is dropped afterwards. First what the service can take: of notifications with 64
//! connections, of reads of all kinds in turn with 8. Then, three rounds in turn: reads, notifications at half of that, and
//! both; with as many reads as many backends ask, and once more with a quarter of what the service can take, when the
//! cores are short. How much longer half of the requests wait, and the slowest hundredth, is the ratio.

use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use vod_receiver::ops::clock::Clock;

use crate::load::{Load, Waits, What};
use crate::templates::Templates;
use crate::{Side, side};

const READERS: usize = 8;
const NOTIFIERS: usize = 64;
const ROUNDS: usize = 3;
/// So many reads a second: 180,000 an hour.
const READS_A_SECOND: f64 = 50.0;
/// How much of what the service can take is asked of it.
const MANY_READS: f64 = 0.25;
const NOTIFICATIONS: f64 = 0.5;

const COUNTED_WITHIN: Duration = Duration::from_secs(300);

pub async fn measure(url: &str, dir: &Path, seconds: f64) -> Value {
    let options = PgConnectOptions::from_str(url).unwrap();
    let template = options.get_database().unwrap().to_owned();
    let copy = format!("{template}_mixed");
    let admin = options.clone().database("postgres");
    run(&admin, format!("DROP DATABASE IF EXISTS {copy}")).await;
    let create = format!("CREATE DATABASE {copy} TEMPLATE {template} STRATEGY file_copy");
    run(&admin, create).await;
    let url = options.database(&copy).to_url_lossy().to_string();
    let mixed = side("mixed", &url, dir).await;
    let at = admin.clone().database(&copy);
    let result = both(&mixed, &at, Duration::from_secs_f64(seconds * 4.0)).await;
    drop(mixed);
    run(&admin, format!("DROP DATABASE {copy} WITH (FORCE)")).await;
    result
}

async fn both(side: &Side, database: &PgConnectOptions, time: Duration) -> Value {
    let reads = Load {
        what: What::Read(None, Arc::clone(&side.asks)),
        address: side.receiver.address,
        connections: READERS,
        per_second: None,
    };
    let notifications = Load {
        what: What::Notify(Arc::new(Templates::naming(|number, _| {
            side.asks.ticket(number)
        }))),
        connections: NOTIFIERS,
        ..reads.clone()
    };
    // Once to warm up.
    reads.run(time).await;
    let reads_most = reads.run(time).await.per_second();
    notifications.run(time).await;
    let notifications_most = notifications.run(time).await.per_second();
    let notifications = Load {
        per_second: Some(notifications_most * NOTIFICATIONS),
        ..notifications
    };
    let mut result = json!({
        "reads_most_per_second": reads_most, "notifications_most_per_second": notifications_most,
    });
    for (name, per_second) in [
        ("few_reads", READS_A_SECOND),
        ("many_reads", reads_most * MANY_READS),
    ] {
        let reads = Load {
            per_second: Some(per_second),
            ..reads.clone()
        };
        counted(database).await;
        result[name] = alone_and_beside(&reads, &notifications, time).await;
    }
    result
}

/// Waits until the roll-ups have counted all there is: what the full load left behind is no part of half of it.
async fn counted(database: &PgConnectOptions) {
    let mut connection = database.connect().await.unwrap();
    let asked = Clock::system().now();
    let counted = async {
        let fresh = "SELECT coalesce(fresh_until > $1, false) FROM rollup_state";
        while !sqlx::query_scalar::<_, bool>(fresh)
            .bind(asked)
            .fetch_one(&mut connection)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(COUNTED_WITHIN, counted)
        .await
        .expect("the roll-ups are counted");
}

/// Each alone and both at a time, in turn.
async fn alone_and_beside(reads: &Load, notifications: &Load, time: Duration) -> Value {
    let mut waits: [Waits; 4] = std::array::from_fn(|_| Waits::default());
    for _ in 0..ROUNDS {
        let [reads_alone, notified_alone, reads_beside, notified_beside] = &mut waits;
        reads_alone.add(reads.run(time).await);
        notified_alone.add(notifications.run(time).await);
        let (beside, notified) = tokio::join!(reads.run(time), notifications.run(time));
        reads_beside.add(beside);
        notified_beside.add(notified);
    }
    let [reads_alone, notified_alone, reads_beside, notified_beside] =
        waits.map(|waits| waits.told());
    json!({
        "reads": slower(&reads_beside, &reads_alone),
        "notifications": slower(&notified_beside, &notified_alone),
    })
}

fn slower(beside: &Value, alone: &Value) -> Value {
    let ratio = |at: &str| beside[at].as_f64().unwrap() / alone[at].as_f64().unwrap();
    json!({
        "alone": alone, "beside": beside,
        "slower_p50": ratio("p50_ms"), "slower_p99": ratio("p99_ms"),
    })
}

async fn run(options: &PgConnectOptions, sql: String) {
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
}
