//! The list of files: SearchMedia, DescribeMediaInfos (protocol.md section 7).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// `Offset + Limit` reaches no further, and `TotalCount` counts no further.
const REACH: usize = 5_000;
const DEFAULT_LIMIT: usize = 10;
/// `FileIds` of SearchMedia.
const SEARCHED_FILES: usize = 10;
/// `FileIds` of DescribeMediaInfos.
const DESCRIBED_FILES: usize = 20;
/// The parts of a file, as `Filters` names them.
const PARTS: [&str; 12] = [
    "basicInfo",
    "metaData",
    "transcodeInfo",
    "animatedGraphicsInfo",
    "imageSpriteInfo",
    "snapshotByTimeOffsetInfo",
    "sampleSnapshotInfo",
    "keyFrameDescInfo",
    "adaptiveDynamicStreamingInfo",
    "miniProgramReviewInfo",
    "subtitleInfo",
    "reviewInfo",
];

/// The files of one sub application, by when they were created.
#[derive(Default)]
pub(super) struct Library {
    files: BTreeMap<Place, Value>,
    created: HashMap<String, DateTime<Utc>>,
    hidden: HashSet<String>,
}

impl Library {
    pub fn put(&mut self, info: Value, now: DateTime<Utc>) {
        let Some(file_id) = info["FileId"].as_str().map(str::to_owned) else {
            return;
        };
        let created = info["BasicInfo"]["CreateTime"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or(now);
        self.remove(&file_id);
        self.created.insert(file_id.clone(), created);
        self.files.insert((created, file_id), info);
    }

    pub fn remove(&mut self, file_id: &str) -> bool {
        self.hidden.remove(file_id);
        let created = self.created.remove(file_id);
        created.is_some_and(|at| self.files.remove(&(at, file_id.to_owned())).is_some())
    }

    pub fn hide(&mut self, file_id: &str) {
        self.hidden.insert(file_id.to_owned());
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// One page of what fits.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` for what is out of bounds.
    pub fn search(&self, wanted: &Search) -> Result<String, Refusal> {
        let (offset, limit) = wanted.page()?;
        check_count("FileIds", &wanted.file_ids, 0, SEARCHED_FILES)?;
        check_parts(&wanted.filters)?;
        let range = wanted.create_time.range();
        let found: Vec<(&str, &Value)> = if range.is_empty() {
            Vec::new()
        } else {
            let fits = |(file_id, info): &(&str, &Value)| {
                !self.hidden.contains(*file_id) && wanted.fits(file_id, info)
            };
            self.files
                .range(range.bounds())
                .map(|((_, file_id), info)| (file_id.as_str(), info))
                .filter(fits)
                .collect()
        };
        let total = found.len().min(REACH);
        let in_order: Box<dyn Iterator<Item = &(&str, &Value)>> = if wanted.sort.is_ascending()? {
            Box::new(found.iter())
        } else {
            Box::new(found.iter().rev())
        };
        let page: Vec<Value> = in_order
            .skip(offset)
            .take(limit)
            .map(|(_, info)| parts(info, &wanted.filters))
            .collect();
        Ok(json!({"TotalCount": total, "MediaInfoSet": page}).to_string())
    }

    /// These files, and which of them are not there.
    ///
    /// # Errors
    ///
    /// `InvalidParameterValue` for what is out of bounds.
    pub fn describe(&self, wanted: &Describe) -> Result<String, Refusal> {
        check_count("FileIds", &wanted.file_ids, 1, DESCRIBED_FILES)?;
        check_parts(&wanted.filters)?;
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        for file_id in &wanted.file_ids {
            let key = self.created.get(file_id).map(|at| (*at, file_id.clone()));
            match key.and_then(|key| self.files.get(&key)) {
                Some(info) => found.push(parts(info, &wanted.filters)),
                None => absent.push(file_id),
            }
        }
        Ok(json!({"MediaInfoSet": found, "NotExistFileIdSet": absent}).to_string())
    }
}

/// The file with all its parts, null where there is none or where it was not asked for.
fn parts(info: &Value, filters: &[String]) -> Value {
    let mut shown = Map::new();
    shown.insert("FileId".to_owned(), info["FileId"].clone());
    for part in PARTS {
        let is_wanted = filters.is_empty() || filters.iter().any(|filter| filter == part);
        let name = format!("{}{}", part[..1].to_ascii_uppercase(), &part[1..]);
        let value = info.get(&name).filter(|_| is_wanted);
        shown.insert(name, value.cloned().unwrap_or(Value::Null));
    }
    Value::Object(shown)
}

fn check_parts(filters: &[String]) -> Result<(), Refusal> {
    match filters.iter().find(|name| !PARTS.contains(&name.as_str())) {
        Some(name) => Err(Refusal::value(format!("Filters: there is no {name}."))),
        None => Ok(()),
    }
}

fn check_count(name: &str, list: &[String], least: usize, most: usize) -> Result<(), Refusal> {
    if list.len() < least || list.len() > most {
        return Err(Refusal::value(format!("{name} takes {least} to {most}.")));
    }
    Ok(())
}

/// The parameters of SearchMedia that a local VOD knows.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Search {
    #[serde(default)]
    file_ids: Vec<String>,
    #[serde(default)]
    source_types: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    class_ids: Vec<i64>,
    #[serde(default)]
    name_prefixes: Vec<String>,
    #[serde(default)]
    create_time: TimeRange,
    #[serde(default)]
    sort: SortBy,
    offset: Option<usize>,
    limit: Option<usize>,
    #[serde(default)]
    filters: Vec<String>,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
}

impl Search {
    fn page(&self) -> Result<(usize, usize), Refusal> {
        let (offset, limit) = (
            self.offset.unwrap_or(0),
            self.limit.unwrap_or(DEFAULT_LIMIT),
        );
        if offset.saturating_add(limit) > REACH {
            return Err(Refusal::value("Offset + Limit is at most 5000."));
        }
        Ok((offset, limit))
    }

    fn fits(&self, file_id: &str, info: &Value) -> bool {
        let basic = &info["BasicInfo"];
        let named = |list: &[String], value: &Value| {
            list.is_empty()
                || value
                    .as_str()
                    .is_some_and(|text| list.iter().any(|one| one == text))
        };
        let begins = |prefix: &String| {
            basic["Name"]
                .as_str()
                .is_some_and(|name| name.starts_with(prefix))
        };
        (self.file_ids.is_empty() || self.file_ids.iter().any(|one| one == file_id))
            && named(&self.source_types, &basic["SourceInfo"]["SourceType"])
            && named(&self.categories, &basic["Category"])
            && (self.class_ids.is_empty()
                || basic["ClassId"]
                    .as_i64()
                    .is_some_and(|id| self.class_ids.contains(&id)))
            && (self.name_prefixes.is_empty() || self.name_prefixes.iter().any(begins))
    }
}

/// From `After` to `Before`, both included.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TimeRange {
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
}

/// Where a file stands in the library.
type Place = (DateTime<Utc>, String);

/// The same as keys of the library: a file id follows each time.
struct KeyRange(Bound<Place>, Bound<Place>);

impl TimeRange {
    /// Whether it has a time; times are told in seconds, and the whole last one belongs to it.
    pub fn has(&self, at: DateTime<Utc>) -> bool {
        self.after.is_none_or(|from| from <= at)
            && self
                .before
                .is_none_or(|to| at < to + chrono::TimeDelta::seconds(1))
    }

    fn range(&self) -> KeyRange {
        let from = self.after.map(|at| (at, String::new()));
        // Times are told in seconds; the whole last one belongs to the range.
        let to = self
            .before
            .map(|at| (at + chrono::TimeDelta::seconds(1), String::new()));
        KeyRange(
            from.map_or(Bound::Unbounded, Bound::Included),
            to.map_or(Bound::Unbounded, Bound::Excluded),
        )
    }
}

impl KeyRange {
    /// Whether it ends before it begins, which a map would not forgive.
    fn is_empty(&self) -> bool {
        match (&self.0, &self.1) {
            (Bound::Included(from), Bound::Excluded(to)) => from >= to,
            _ => false,
        }
    }

    fn bounds(self) -> (Bound<Place>, Bound<Place>) {
        (self.0, self.1)
    }
}

/// In which order a search answers; the newest first unless it says otherwise.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SortBy {
    field: Option<String>,
    order: Option<String>,
}

impl SortBy {
    pub fn is_ascending(&self) -> Result<bool, Refusal> {
        if self
            .field
            .as_deref()
            .is_some_and(|field| field != "CreateTime")
        {
            return Err(Refusal::value("Sort.Field is CreateTime."));
        }
        match self.order.as_deref() {
            Some("Asc") => Ok(true),
            Some("Desc") | None => Ok(false),
            Some(_) => Err(Refusal::value("Sort.Order is Asc or Desc.")),
        }
    }
}

/// The parameters of DescribeMediaInfos.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    file_ids: Vec<String>,
    #[serde(default)]
    filters: Vec<String>,
    #[serde(rename = "SubAppId")]
    _sub_app_id: Option<u64>,
}
