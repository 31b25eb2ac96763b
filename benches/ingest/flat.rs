//! Whether a delivery costs on a full table what it costs on an empty one.

use std::path::PathBuf;

use vod_receiver::ops::cluster::Cluster;

use crate::load::{Load, now};
use crate::seed;
use crate::servers::{self, Measured};

/// Measures on empty tables, on so many uploads, and on empty ones again: the machine has moods. Each time after a
/// run that is not measured, in which most pages are touched for the first time since the checkpoint.
pub async fn measure(dir: PathBuf, uploads: u64, load: Load) {
    let at = dir.clone();
    let cluster = actix_web::rt::task::spawn_blocking(move || Cluster::start(&at, &servers::LARGE))
        .await
        .unwrap()
        .unwrap();
    let database = servers::prepare(&cluster, &dir).await;
    let load = Load {
        issued_here: true,
        ..load
    };
    let twice = async || {
        servers::ours_on_what_is_there(&database, load).await;
        servers::ours_on_what_is_there(&database, load).await
    };
    database.empty().await;
    let empty = twice().await;
    print("empty", &empty);
    database.empty().await;
    let began = now();
    seed::fill(&database.pool, uploads).await;
    eprintln!(
        "{uploads} uploads seeded in {:.0} s",
        (now() - began).as_secs_f64()
    );
    let full = twice().await;
    print("full", &full);
    database.empty().await;
    let again = twice().await;
    print("empty again", &again);
    let of_empty =
        |figure: fn(&Measured) -> f64| figure(&full) / (figure(&empty) + figure(&again)) * 2.0;
    println!(
        "full / empty: CPU {:.2}, throughput {:.2}",
        of_empty(|measured| measured.cpu.sum()),
        of_empty(|measured| measured.answered.per_second)
    );
    database.pool.close().await;
    cluster.stop().unwrap();
    let _ = std::fs::remove_dir_all(dir);
}

fn print(name: &str, measured: &Measured) {
    let Measured { answered, cpu } = measured;
    println!(
        "{name:<12} {:>7.0} a second, CPU of a delivery {:.1} us (Postgres {:.1}, service {:.1})",
        answered.per_second,
        cpu.sum(),
        cpu.postgres,
        cpu.service
    );
}
