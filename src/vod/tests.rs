//! Tests of the folder as a whole: bodies in, events out.

mod fixtures;
mod hostile;
mod inventory;
mod irregular;
mod outputs;
mod samples;
mod signatures;
mod tasks;
mod tc3;

use serde_json::Value;

use super::event::{Event, FileFact, FileFields, News};
use super::notification::{Fault, read};

/// The event of a body that is one event.
fn event(body: impl AsRef<[u8]>) -> Event {
    let body = body.as_ref();
    let mut items = read(body).unwrap().items;
    assert_eq!(items.len(), 1, "{}", String::from_utf8_lossy(body));
    assert_eq!(items[0].range, 0..body.len());
    items.remove(0).event.unwrap()
}

/// The fault of a body that holds no event.
fn fault(body: impl AsRef<[u8]>) -> Fault {
    let items = match read(body.as_ref()) {
        Err(fault) => return fault,
        Ok(notification) => notification.items,
    };
    assert_eq!(items.len(), 1);
    items[0].event.clone().unwrap_err()
}

/// What an event says of files, short: `(file id, news)`.
fn news(event: &Event) -> Vec<(&str, News)> {
    event
        .files
        .iter()
        .map(|file| (file.file_id.as_str(), file.news))
        .collect()
}

/// A fixture of `tests/fixtures`, which are copies of samples with their sources (`payloads/README.md`).
fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn only_file(event: &Event) -> &FileFact {
    assert_eq!(event.files.len(), 1, "{event:?}");
    &event.files[0]
}

fn no_fields() -> FileFields {
    FileFields::default()
}

fn vectors() -> Value {
    serde_json::from_str(&fixture("vectors.json")).unwrap()
}
