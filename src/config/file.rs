//! The layer of the file: TOML, read by hand so that one fault does not hide the next.
//!
//! Deserialising into structs would stop at the first fault, and quotes the line it stopped at.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::apps::{AppName, AppTable};
use super::fault::Faults;
use super::names;
use super::settings::{APP, APP_TABLES, Kind, NAME, SERVICE, Setting};
use super::sources::Sources;
use super::values::{Given, Values};

/// What the file says.
pub struct File {
    /// About the service.
    pub service: Values,
    /// About each app; `None` if that could not be read, and nothing about apps can be judged.
    pub apps: Option<Vec<AppTable>>,
}

/// Reads the file, if there is one, and tells what is wrong with it.
pub fn read(sources: &Sources, faults: &mut Faults) -> File {
    let nothing = |apps| File {
        service: Values::default(),
        apps,
    };
    let (path, text) = match text(sources) {
        Ok(Some(found)) => found,
        Ok(None) => return nothing(Some(Vec::new())),
        Err(sentence) => {
            faults.tell(sentence);
            return nothing(None);
        }
    };
    let place = format!("{}: ", path.display());
    match text.parse::<Table>() {
        Ok(table) => {
            let apps = app_tables(&table, &path, sources, faults);
            File {
                service: values(&table, &SERVICE, &place, sources, faults),
                apps,
            }
        }
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            // Only the message: `Display` quotes the line, which may hold a secret.
            faults.tell(format!(
                "{place}line {line} is not TOML: {}.",
                error.message()
            ));
            nothing(None)
        }
    }
}

/// The file that is to be read and its text; `None` if there is none and none was asked for.
fn text(sources: &Sources) -> Result<Option<(PathBuf, String)>, String> {
    let named = sources.named_file();
    let must_exist = named.is_some();
    let path = named.unwrap_or_else(|| sources.default_file());
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => Ok(None),
        Err(error) => Err(format!("{} cannot be read: {error}.", path.display())),
    }
}

/// The tables of the apps; `None` if they are not written as such.
fn app_tables(
    table: &Table,
    path: &Path,
    sources: &Sources,
    faults: &mut Faults,
) -> Option<Vec<AppTable>> {
    let tables = match table.get(APP_TABLES) {
        None => return Some(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(Value::as_table).collect(),
        Some(_) => None,
    };
    let Some(tables): Option<Vec<&Table>> = tables else {
        let path = path.display();
        faults.tell(format!(
            "{path}: {APP_TABLES} must be tables, each headed [[{APP_TABLES}]]."
        ));
        return None;
    };
    let read = |(index, table): (usize, &Table)| {
        let name = table.get(NAME.key).and_then(Value::as_str);
        let which = match name.and_then(|name| name.parse::<AppName>().ok()) {
            Some(name) => format!("[[{APP_TABLES}]] {name}"),
            None => format!("[[{APP_TABLES}]] number {}", index + 1),
        };
        let place = format!("{}: {which}: ", path.display());
        let values = values(table, &APP, &place, sources, faults);
        AppTable { place, values }
    };
    Some(tables.into_iter().enumerate().map(read).collect())
}

/// What one table says about some settings.
fn values(
    table: &Table,
    settings: &[&'static Setting],
    place: &str,
    sources: &Sources,
    faults: &mut Faults,
) -> Values {
    refuse_unknown(table, settings, place, faults);
    let mut values = Values::default();
    for setting in settings {
        let value = given(table, setting.key, setting.kind, place, faults);
        let file = if setting.secret {
            given(table, &setting.file_key(), Kind::Text, place, faults)
        } else {
            None
        };
        values.note(setting, value, file, &sources.working_dir, faults);
    }
    values
}

/// Refuses every key that is no setting of this table.
fn refuse_unknown(table: &Table, settings: &[&Setting], place: &str, faults: &mut Faults) {
    let known = keys(settings);
    // Told apart by what they hold: only the top of the file can hold the tables of the apps.
    let top = !known.iter().any(|key| key == NAME.key);
    let (elsewhere, where_to) = if top {
        (keys(&APP), format!("it belongs below [[{APP_TABLES}]]"))
    } else {
        (
            keys(&SERVICE),
            format!("it belongs above the first [[{APP_TABLES}]]"),
        )
    };
    for key in table.keys() {
        if known.contains(key) || (top && key == APP_TABLES) {
            continue;
        }
        let end = if elsewhere.contains(key) {
            format!("; {where_to}.")
        } else {
            names::closest(key, &known, "")
        };
        faults.tell(format!(
            "{place}{} is no setting here{end}",
            key.escape_debug()
        ));
    }
}

/// Every key that some settings can be given by.
fn keys(settings: &[&Setting]) -> Vec<String> {
    let files = settings
        .iter()
        .filter(|setting| setting.secret)
        .map(|setting| setting.file_key());
    settings
        .iter()
        .map(|setting| setting.key.to_owned())
        .chain(files)
        .collect()
}

/// What is written at a key, as the text that a variable would hold; empty counts as unset.
fn given(table: &Table, key: &str, kind: Kind, place: &str, faults: &mut Faults) -> Option<Given> {
    let text = match (kind, table.get(key)?) {
        (Kind::Text | Kind::List | Kind::Lines, Value::String(text)) => Some(text.clone()),
        (Kind::List | Kind::Lines, Value::Array(items)) => {
            let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            let between = if kind == Kind::List { "," } else { "\n" };
            items.map(|items| items.join(between))
        }
        (Kind::Whole, Value::Integer(number)) => Some(number.to_string()),
        (Kind::Flag, Value::Boolean(flag)) => Some(flag.to_string()),
        _ => None,
    };
    if text.is_none() {
        let form = match kind {
            Kind::Text => "a string in quotes",
            Kind::Whole => "a number without quotes",
            Kind::Flag => "true or false without quotes",
            Kind::List | Kind::Lines => "a string in quotes, or an array of such strings",
        };
        faults.tell(format!("{place}{key} must be written as {form}."));
    }
    let empty = text.as_deref() == Some("");
    (!empty).then(|| Given {
        place: place.to_owned(),
        name: key.to_owned(),
        text,
    })
}

/// The number of the line that a byte is in.
fn line_of(text: &str, byte: usize) -> usize {
    1 + text
        .bytes()
        .take(byte)
        .filter(|&byte| byte == b'\n')
        .count()
}
