//! Event bodies from a stream, one a line.

use std::io::{BufRead, Read as _};

use anyhow::Context as _;

use crate::config::AppName;
use crate::ops::clock::Clock;
use crate::ops::random::Random;
use crate::record::replay::{Replay, deliveries_of};
use crate::record::{Delivery, Outcome};

/// As much as the push door takes.
const LIMIT_BYTES: u64 = 8 * 1024 * 1024;
/// Written together: so many deliveries, or so many bytes.
const BATCH_DELIVERIES: usize = 500;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Deliveries that wait to be written, each with the number of its line.
#[derive(Default)]
struct Batch {
    deliveries: Vec<Delivery>,
    lines: Vec<u64>,
    bytes: usize,
}

/// Runs each line as a body of an app that arrives now. One without an event harms only itself: it is kept in
/// quarantine, and told on stderr by the number of its line. An error if a line was too long to be kept.
pub async fn run(
    replay: &mut Replay,
    mut input: impl BufRead,
    app: &AppName,
    clock: &Clock,
    random: &Random,
) -> anyhow::Result<()> {
    let mut batch = Batch::default();
    let (mut number, mut too_long) = (0, 0);
    while let Some(line) = next(&mut input).context("cannot read stdin")? {
        number += 1;
        match line {
            Line::TooLong => {
                eprintln!("line {number}: longer than {LIMIT_BYTES} bytes, not kept");
                too_long += 1;
            }
            Line::Body(body) if body.trim_ascii().is_empty() => {}
            Line::Body(body) => {
                batch.bytes += body.len();
                let deliveries = deliveries_of(&body.into(), app, clock.now(), random);
                batch.lines.extend(deliveries.iter().map(|_| number));
                batch.deliveries.extend(deliveries);
            }
        }
        if batch.deliveries.len() >= BATCH_DELIVERIES || batch.bytes >= BATCH_BYTES {
            std::mem::take(&mut batch).run(replay).await?;
        }
    }
    batch.run(replay).await?;
    anyhow::ensure!(too_long == 0, "{too_long} lines were too long");
    Ok(())
}

impl Batch {
    async fn run(self, replay: &mut Replay) -> anyhow::Result<()> {
        if self.deliveries.is_empty() {
            return Ok(());
        }
        let faults: Vec<_> = self
            .deliveries
            .iter()
            .map(|delivery| delivery.said.as_ref().err().map(|aside| aside.0.clone()))
            .collect();
        let outcomes = replay.run(self.deliveries).await;
        for (number, fault) in self.lines.iter().zip(&faults) {
            if let Some(fault) = fault {
                eprintln!("line {number}: {fault}");
            }
        }
        for (number, (outcome, fault)) in self.lines.iter().zip(outcomes?.iter().zip(&faults)) {
            if *outcome == Outcome::Quarantined && fault.is_none() {
                eprintln!("line {number}: refused by the database");
            }
        }
        Ok(())
    }
}

enum Line {
    Body(Vec<u8>),
    TooLong,
}

/// The next line without its end; `None` at the end of the input. One that is too long is passed over.
fn next(input: &mut impl BufRead) -> std::io::Result<Option<Line>> {
    let mut line = Vec::new();
    // One byte for the end of the line.
    input
        .by_ref()
        .take(LIMIT_BYTES + 1)
        .read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        line.pop();
    } else if u64::try_from(line.len()).is_ok_and(|length| length > LIMIT_BYTES) {
        input.skip_until(b'\n')?;
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(Line::Body(line)))
}
