//! The queue of reliable notifications: PullEvents, ConfirmEvents, DescribeEventsState (protocol.md section 5).

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::refusal::Refusal;
use crate::ops::random::Random;

/// Events in one answer, and handles in one confirmation.
const AT_ONCE: usize = 16;
/// Events that nobody confirms are dropped then.
const KEPT_DAYS: i64 = 4;
/// Handles are decimal numbers of 19 digits in practice.
const HANDLE_DIGITS: u64 = 1_000_000_000_000_000_000;

/// The events of one sub application that were not confirmed.
#[derive(Default)]
pub(super) struct Queue {
    items: BTreeMap<u64, Item>,
    /// Items in the order in which they came.
    next: u64,
    confirmed: u64,
}

struct Item {
    text: String,
    put_at: DateTime<Utc>,
    pulled: Option<Pulled>,
}

struct Pulled {
    handle: String,
    until: DateTime<Utc>,
}

impl Item {
    fn is_visible(&self, now: DateTime<Utc>) -> bool {
        self.pulled
            .as_ref()
            .is_none_or(|pulled| pulled.until <= now)
    }
}

impl Queue {
    pub fn put(&mut self, text: String, now: DateTime<Utc>) {
        let item = Item {
            text,
            put_at: now,
            pulled: None,
        };
        self.items.insert(self.next, item);
        self.next += 1;
    }

    /// The elements of an `EventSet`, each with a new handle; none if there is nothing to pull.
    pub fn pull(
        &mut self,
        now: DateTime<Utc>,
        visibility: Duration,
        random: &Random,
    ) -> Option<String> {
        self.forget(now);
        let until = now + TimeDelta::from_std(visibility).unwrap_or(TimeDelta::MAX);
        let mut elements = Vec::new();
        for item in self.items.values_mut().filter(|item| item.is_visible(now)) {
            let handle = format!("8{:018}", random.u64() % HANDLE_DIGITS);
            elements.push(with_handle(&item.text, &handle));
            item.pulled = Some(Pulled { handle, until });
            if elements.len() == AT_ONCE {
                break;
            }
        }
        (!elements.is_empty()).then(|| format!(r#"{{"EventSet":[{}]}}"#, elements.join(",")))
    }

    /// Takes events out of the queue: all of them, or none if one handle is not good.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` for more than 16 handles, none, or one that is unknown or whose time is over.
    pub fn confirm(&mut self, handles: &[String], now: DateTime<Utc>) -> Result<(), Refusal> {
        if handles.is_empty() || handles.len() > AT_ONCE {
            return Err(Refusal::value("EventHandles takes 1 to 16 handles."));
        }
        let mut confirmed = Vec::new();
        for handle in handles {
            let found = self.items.iter().find(|(_, item)| {
                item.pulled
                    .as_ref()
                    .is_some_and(|pulled| pulled.handle == *handle && now < pulled.until)
            });
            let (&place, _) = found.ok_or_else(|| {
                Refusal::value(format!("EventHandle {handle} is unknown or has expired."))
            })?;
            confirmed.push(place);
        }
        for place in confirmed {
            if self.items.remove(&place).is_some() {
                self.confirmed += 1;
            }
        }
        Ok(())
    }

    /// What the next pulls would bring.
    pub fn visible(&self, now: DateTime<Utc>) -> usize {
        let is_there = |item: &&Item| item.is_visible(now) && !is_over(item, now);
        self.items.values().filter(is_there).count()
    }

    /// What was not confirmed and not dropped.
    pub fn kept(&self, now: DateTime<Utc>) -> usize {
        self.items
            .values()
            .filter(|item| !is_over(item, now))
            .count()
    }

    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        self.items.retain(|_, item| !is_over(item, now));
    }
}

fn is_over(item: &Item, now: DateTime<Utc>) -> bool {
    now - item.put_at > TimeDelta::days(KEPT_DAYS)
}

/// The element as it is but for its handle: in place of the one that it has, else as first member if it begins
/// an object.
fn with_handle(text: &str, handle: &str) -> String {
    #[derive(Deserialize)]
    struct Only<'a> {
        #[serde(borrow, rename = "EventHandle")]
        handle: Option<&'a RawValue>,
    }
    let own = serde_json::from_str::<Only<'_>>(text).ok();
    if let Some(own) = own.and_then(|only| only.handle) {
        let from = own.get().as_ptr().addr() - text.as_ptr().addr();
        let (before, after) = (&text[..from], &text[from + own.get().len()..]);
        return format!(r#"{before}"{handle}"{after}"#);
    }
    let Some(members) = text.trim_start().strip_prefix('{') else {
        return text.to_owned();
    };
    let comma = if members.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    format!(r#"{{"EventHandle":"{handle}"{comma}{members}"#)
}

/// The parameters of PullEvents and DescribeEventsState.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Pull {
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
    #[serde(rename = "ExtInfo")]
    _ext_info: Option<String>,
}

/// The parameters of ConfirmEvents.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Confirm {
    pub event_handles: Vec<String>,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
    #[serde(rename = "ExtInfo")]
    _ext_info: Option<String>,
}

/// The answer to DescribeEventsState.
pub(super) fn state(queue: &Queue, now: DateTime<Utc>) -> String {
    json!({"CountOfEventsToPull": queue.visible(now)}).to_string()
}
