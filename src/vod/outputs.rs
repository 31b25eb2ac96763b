//! The addresses of what a task made (protocol.md sections 4 and 6): looked for where they are known to be, by
//! what a member's name ends with, since each kind of task spells them its own way.

use super::event::{FileId, Output};
use super::json::{self, Object};
use super::task_fact;

/// Outputs kept of one task, the first ones: snapshots come by the dozen, and one row holds them all.
const MAX_OUTPUTS: usize = 200;

/// Addresses at VOD take about 150 bytes; a longer one than this is left out, since cut off it leads nowhere.
const MAX_URL_BYTES: usize = 1024;

/// VOD's longest type of a sub-task has 24 letters.
const MAX_KIND_CHARS: usize = 64;

/// How deep below an output addresses are looked for: `Output.FileInfos[].FileUrl` is the deepest known.
const MAX_DEPTH: u32 = 2;

/// Results of sub-tasks, each with its type: 3.0, 2.0, and those of the analysis (covers, highlights).
const SUB_TASKS: [&str; 5] = [
    "MediaProcessResultSet",
    "ProcessTaskList",
    "AiAnalysisResultSet",
    "AIAnalysisList",
    "SubTaskSet",
];

/// Lists of files or pictures that an event has itself: splitting, and the tasks of 2017.
const LISTS: [&str; 6] = [
    "FileInfoSet",
    "FileInfo",
    "PlayInfoSet",
    "PlaySet",
    "SnapshotInfoSet",
    "PicInfo",
];

/// What an event's task made, in the order of the body; nothing of an upload and nothing of a review, whose
/// addresses are its evidence.
pub(super) fn read(event_type: &str, member: &Object<'_>) -> Vec<Output> {
    let mut found = Found::default();
    if matches!(event_type, "PullComplete" | "ReviewAudioVideoComplete") {
        return found.0;
    }
    for element in SUB_TASKS.iter().flat_map(|name| elements(member, name)) {
        found.of_sub_task(&element);
    }
    let kind = snake_case(event_type.strip_suffix("Complete").unwrap_or(event_type));
    let made = Made {
        kind: &kind,
        definition: member.integer(&["Definition"]),
        file_id: None,
    };
    for element in elements(member, "Output") {
        found.gather(&element, &made, MAX_DEPTH);
    }
    for element in LISTS.iter().flat_map(|name| elements(member, name)) {
        if !task_fact::has_failed(&element) {
            let output = element.object(&["Output"]);
            let made = made.within(&element);
            found.gather(output.as_ref().unwrap_or(&element), &made, 0);
        }
    }
    match event_type {
        "CreateImageSpriteComplete" => found.gather_as(member, &made, 0),
        // Its other addresses are in its list.
        "TranscodeComplete" => found.add(
            member.text(&["CoverUrl"]),
            &Made {
                kind: "cover",
                definition: None,
                file_id: None,
            },
        ),
        _ => {}
    }
    found.0
}

/// The objects of a member: it, or its elements.
fn elements<'a>(object: &Object<'a>, name: &str) -> Vec<Object<'a>> {
    match object.object(&[name]) {
        Some(single) => vec![single],
        None => {
            let elements = object.array(&[name]).unwrap_or_default();
            elements.into_iter().filter_map(Object::of).collect()
        }
    }
}

/// What is known of an address beside itself.
#[derive(Clone)]
struct Made<'a> {
    kind: &'a str,
    definition: Option<i64>,
    file_id: Option<FileId>,
}

impl Made<'_> {
    /// The same, with what an object says of what is in it.
    fn within(&self, object: &Object<'_>) -> Self {
        Self {
            kind: self.kind,
            definition: object.integer(&["Definition"]).or(self.definition),
            file_id: object.file_id(&["FileId"]).or_else(|| self.file_id.clone()),
        }
    }
}

/// Outputs found so far.
#[derive(Default)]
struct Found(Vec<Output>);

impl Found {
    /// What a sub-task made that succeeded. 2.0 keeps its result in the element, 3.0 in its one filled `...Task` member.
    fn of_sub_task(&mut self, element: &Object<'_>) {
        let kind = element.text(&["Type", "TaskType"]);
        let kind = kind.map_or_else(|| "other".to_owned(), |kind| snake_case(&kind));
        if element.has(&["Status"]) {
            return self.of_result(&kind, element);
        }
        for result in element.members().filter_map(|(_, value)| Object::of(value)) {
            self.of_result(&kind, &result);
        }
    }

    fn of_result(&mut self, kind: &str, result: &Object<'_>) {
        if !task_fact::has_succeeded(result) {
            return;
        }
        // The output of one official sample says 0 where the input names the template.
        let asked = result
            .object(&["Input"])
            .and_then(|input| input.integer(&["Definition"]));
        for output in elements(result, "Output") {
            let made = Made {
                kind,
                definition: asked.or_else(|| output.integer(&["Definition"])),
                file_id: output.file_id(&["FileId"]),
            };
            self.gather_as(&output, &made, MAX_DEPTH);
        }
    }

    /// Every address in an object, with what the object says of it.
    fn gather(&mut self, object: &Object<'_>, made: &Made<'_>, depth: u32) {
        self.gather_as(object, &made.within(object), depth);
    }

    fn gather_as(&mut self, object: &Object<'_>, made: &Made<'_>, depth: u32) {
        for (key, value) in object.members() {
            let elements = json::array(value).unwrap_or_default();
            if is_of_addresses(key) {
                self.add(json::text(value), made);
                for element in &elements {
                    self.add(json::text(element), made);
                }
            }
            if depth > 0 && !key.eq_ignore_ascii_case(b"Input") {
                let inner = std::iter::once(value).chain(elements);
                for object in inner.filter_map(Object::of) {
                    self.gather(&object, made, depth - 1);
                }
            }
        }
    }

    fn add(&mut self, url: Option<String>, made: &Made<'_>) {
        let url = url.filter(|url| {
            url.len() <= MAX_URL_BYTES
                && (url.starts_with("http://") || url.starts_with("https://"))
        });
        if let Some(url) = url
            && self.0.len() < MAX_OUTPUTS
        {
            self.0.push(Output {
                kind: made.kind.to_owned(),
                definition: made.definition,
                url,
                file_id: made.file_id.as_ref().map(|id| id.as_str().to_owned()),
            });
        }
    }
}

/// `Url`, `FileUrl`, `CoverUrl`, `WebVttUrl`, `ImageSpriteUrl`; `ImageUrlSet`, `ImageSpriteUrlSet`, `imageUrls`.
fn is_of_addresses(key: &[u8]) -> bool {
    key == b"url"
        || [&b"Url"[..], b"UrlSet", b"Urls"]
            .iter()
            .any(|end| key.ends_with(end))
}

/// `ImageSprites` as `image_sprites`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut after_small = false;
    for letter in name.chars().take(MAX_KIND_CHARS) {
        if letter.is_ascii_uppercase() && after_small {
            snake.push('_');
        }
        after_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        snake.push(match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => letter,
            _ => '_',
        });
    }
    snake
}
