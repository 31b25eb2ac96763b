//! The same rows by the same statement, without HTTP: what Postgres and the wire allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use vod_receiver::config::AppName;
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::random::Random;
use vod_receiver::record::batch::{Batch, tickets_told};
use vod_receiver::record::{Delivery, Door, sql};
use vod_receiver::ticket::{IssuedTicket, UserId};
use vod_receiver::vod::notification;

use crate::Plan;
use crate::bodies;
use crate::load::now;
use crate::servers::Prepared;
use crate::templates::Templates;

/// How the statement is sent.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub connections: usize,
    pub batch: usize,
}

/// Finds the shape that writes most rows a second.
pub async fn calibrate(prepared: &Prepared, plan: Plan) -> Shape {
    let mut best = (
        Shape {
            connections: 2,
            batch: 1024,
        },
        0.0,
    );
    if !plan.calibrate {
        return best.0;
    }
    for connections in [1, 2, 4] {
        for batch in [64, 256, 1024, 4096] {
            let shape = Shape { connections, batch };
            let rate = rate(prepared, shape, Duration::from_secs(1)).await;
            eprintln!(
                "sql with {connections} connections, batches of {batch}: {rate:.0} rows a second"
            );
            if rate > best.1 {
                best = (shape, rate);
            }
        }
    }
    best.0
}

/// Rows a second; the batches are folded before the clock runs.
pub async fn rate(prepared: &Prepared, shape: Shape, time: Duration) -> f64 {
    prepared.empty().await;
    // More than can be written in the time: so many rows, and of small batches so many commits, a second.
    let rows_a_second = 80_000.min(4_000 * shape.batch * shape.connections);
    let wanted =
        (time.as_secs_f64() * rows_a_second as f64) as usize / shape.batch / shape.connections + 1;
    let rows = AtomicU64::new(0);
    let bodies = bodies::of_seeded_tickets();
    let queues: Vec<Vec<(Vec<Delivery>, Batch)>> = (0..shape.connections)
        .map(|n| {
            (0..wanted)
                .map(|m| folded(shape.batch, &bodies, (n * wanted + m) as u64))
                .collect()
        })
        .collect();
    let began = now();
    let each = queues.into_iter().map(|queue| {
        let rows = &rows;
        async move {
            let mut connection = prepared.pool.acquire().await.unwrap();
            let random = Random::system();
            for (deliveries, batch) in &queue {
                if now() - began > time {
                    break;
                }
                sql::write(
                    &mut connection,
                    deliveries,
                    batch,
                    Clock::system().now(),
                    &random,
                )
                .await
                .unwrap();
                rows.fetch_add(deliveries.len() as u64, Ordering::Relaxed);
            }
        }
    });
    futures_util::future::join_all(each).await;
    rows.into_inner() as f64 / (now() - began).as_secs_f64()
}

fn folded(size: usize, bodies: &Templates, number: u64) -> (Vec<Delivery>, Batch) {
    let mut random =
        bodies::Random(number.wrapping_mul(0x9e37_79b9) ^ u64::from(std::process::id()));
    let (clock, ids) = (Clock::system(), Random::system());
    let deliveries: Vec<Delivery> = (0..size)
        .map(|_| {
            let body = bodies.body(&mut random).2;
            let received_at = clock.now();
            let said = notification::read_item(&body).unwrap();
            Delivery {
                id: ids.uuid_v7(received_at),
                app: AppName::main(),
                door: Door::Push,
                received_at,
                body: body.into(),
                said: Ok(said),
            }
        })
        .collect();
    let mut batch = Batch::of(&deliveries);
    // What the service presumes most of the time, and has confirmed by the statement.
    batch.presume(tickets_told(&deliveries).into_iter().map(|ticket| {
        let user_id = UserId::parse(&format!("user {}", ticket.0)).unwrap();
        (
            ticket,
            Arc::new(IssuedTicket {
                app: "main".to_owned(),
                user_id: Some(user_id),
                last_expires_at: clock.now() + TimeDelta::hours(1),
            }),
        )
    }));
    batch.fold(&deliveries, clock.now());
    (deliveries, batch)
}
