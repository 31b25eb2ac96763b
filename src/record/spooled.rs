//! A delivery as a record of the spool, and back.
//!
//! The head holds what was made at the door, as JSON; what the body says is read from it again.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::spool::Record;
use super::{Delivery, Door, Quarantine};
use crate::config::AppName;

/// A head that this version cannot read: its body is kept aside, under an id made of what is there.
const UNREADABLE: &str = "spool_head_unreadable";

/// What is known of a delivery beside its body.
#[derive(Serialize, Deserialize)]
struct Head {
    id: Uuid,
    app: String,
    door: String,
    received_at: DateTime<Utc>,
    /// Why it is not to be acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quarantine: Option<String>,
}

/// The record that stands for a delivery.
pub fn record(delivery: &Delivery) -> Record {
    let head = Head {
        id: delivery.id,
        app: delivery.app.as_str().to_owned(),
        door: delivery.door.as_str().to_owned(),
        received_at: delivery.received_at,
        quarantine: delivery
            .said
            .as_ref()
            .err()
            .map(|quarantine| quarantine.0.to_string()),
    };
    Record {
        at_ms: delivery.received_at.timestamp_millis(),
        // Text, numbers and times: nothing in it can fail to be written.
        head: serde_json::to_vec(&head).unwrap_or_default().into(),
        body: delivery.body.clone(),
    }
}

/// The delivery that a record stands for.
pub fn delivery(record: &Record) -> Delivery {
    read(record).unwrap_or_else(|| unreadable(record))
}

fn read(record: &Record) -> Option<Delivery> {
    let head: Head = serde_json::from_slice(&record.head).ok()?;
    let door = Door::parse(&head.door)?;
    Some(Delivery {
        id: head.id,
        app: head.app.parse().ok()?,
        door,
        received_at: head.received_at,
        said: match head.quarantine {
            Some(code) => Err(Quarantine(code.into())),
            None => super::said(door, &record.body),
        },
        body: record.body.clone(),
    })
}

/// Read twice, it has the same id twice.
fn unreadable(record: &Record) -> Delivery {
    tracing::error!(
        "a record of the spool has a head that this version cannot read; its body is quarantined"
    );
    let digest = Sha256::new()
        .chain_update(&record.head)
        .chain_update(&record.body)
        .finalize();
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    let at = DateTime::from_timestamp_millis(record.at_ms).unwrap_or_default();
    let millis = u64::try_from(record.at_ms).unwrap_or(0);
    Delivery {
        id: Builder::from_unix_timestamp_millis(millis, &random).into_uuid(),
        app: AppName::main(),
        door: Door::Push,
        received_at: at,
        body: body_with_head(record),
        said: Err(Quarantine(UNREADABLE.into())),
    }
}

/// Nothing of it is lost: the head may be all that tells where the body came from.
fn body_with_head(record: &Record) -> Bytes {
    [&record.head[..], b"\n", &record.body[..]].concat().into()
}
