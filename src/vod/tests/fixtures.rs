//! Every sample body that was collected decodes, and says what its file shows.

use std::collections::BTreeSet;

use super::*;
use crate::vod::event::{Format, TaskRole, TaskState};
use crate::vod::notification::read_item;

/// Fixture, format, event type, files with their news, task id with its state.
type Row = (
    &'static str,
    Format,
    &'static str,
    &'static [(&'static str, News)],
    Option<(&'static str, TaskState)>,
);

use Format::{V2, V3};
use News::{Deleted, Mentioned, Uploaded};
use TaskState::{Processing, Succeeded};

const CLIP: &[(&str, News)] = &[
    ("16092504232103571364", Mentioned),
    ("14508071098244929440", Mentioned),
];
const CONCAT: &[(&str, News)] = &[
    ("14508071098244931831", Mentioned),
    ("14508071098244929440", Mentioned),
];
const SHOT: &[(&str, News)] = &[("14508071098244929440", Mentioned)];
const PULLED: &[(&str, News)] = &[("14508071098244959037", Uploaded)];
const GONE: &[(&str, News)] = &[
    ("24961954183381008", Deleted),
    ("24961954183381009", Deleted),
    ("24961954183381010", Deleted),
];
const SPRITE_TASK: &str = "CreateImageSprite-1edb7eb88a599d05abe451cfc541cfbd";
const SHOT_TASK: &str = "CreateSnapshotByTimeOffset-1edb7eb88a599d05abe451cfc541cfbd";
const CONCAT_TASK: &str = "Concat-1edb7eb88a599d05abe451cfc541cfbd";
const CLIP_TASK: &str = "clipVideo-0a78cf44c4285026a4c";
const PULL_TASK: &str = "Pull-f5ac8127b3b6b85cdc13f237c6005d8";

#[rustfmt::skip]
const SINGLE: &[Row] = &[
    ("v2-push-ClipComplete-doc2020-archive", V2, "ClipComplete", CLIP, Some((CLIP_TASK, Succeeded))),
    ("v2-push-ClipComplete-doc2020-historyformat", V2, "ClipComplete", CLIP, Some((CLIP_TASK, Succeeded))),
    ("v2-push-ConcatComplete-doc2020-archive", V2, "ConcatComplete", CONCAT, Some((CONCAT_TASK, Succeeded))),
    ("v2-push-ConcatComplete-doc2020-historyformat", V2, "ConcatComplete", CONCAT, Some((CONCAT_TASK, Succeeded))),
    ("v2-push-CreateImageSpriteComplete-doc2020-archive", V2, "CreateImageSpriteComplete", SHOT, Some((SPRITE_TASK, Succeeded))),
    ("v2-push-CreateImageSpriteComplete-doc2020-historyformat", V2, "CreateImageSpriteComplete", SHOT, Some((SPRITE_TASK, Succeeded))),
    ("v2-push-CreateSnapshotByTimeOffsetComplete-doc2020-archive", V2, "CreateSnapshotByTimeOffsetComplete", SHOT, Some((SHOT_TASK, Succeeded))),
    ("v2-push-CreateSnapshotByTimeOffsetComplete-doc2020-historyformat", V2, "CreateSnapshotByTimeOffsetComplete", SHOT, Some((SHOT_TASK, Succeeded))),
    ("v2-push-FileDeleted-doc2020-historyformat", V2, "FileDeleted", &[("24961954183381008", Deleted)], None),
    ("v2-push-NewFileUpload-doc2020-archive", V2, "NewFileUpload", &[("145080710982449590xx", Uploaded)], None),
    ("v2-push-NewFileUpload-doc2020-historyformat", V2, "NewFileUpload", &[("5285890784273533167", Uploaded)], None),
    ("v2-push-PorncheckComplete-doc2020-archive", V2, "PorncheckComplete", &[("14508071098244931831", Mentioned)], Some(("Porncheck-1edb7eb88a599d05abe451cfc541cfbd", Succeeded))),
    ("v2-push-ProcedureStateChanged-doc2018", V2, "ProcedureStateChanged", &[("123123123", Mentioned)], Some(("251000333-mango-c27bdf65ea06646171e714f25f5aac63", Processing))),
    ("v2-push-ProcedureStateChanged-doc2020-archive", V2, "ProcedureStateChanged", &[("123123123", Mentioned)], Some(("251000333-xxx-25f5aac63", Processing))),
    ("v2-push-ProcedureStateChanged-doc2020-historyformat", V2, "ProcedureStateChanged", &[("14508071098244959037", Mentioned)], Some(("125676836723-xxx-25f5aac63", Processing))),
    ("v2-push-PullComplete-doc2018", V2, "PullComplete", PULLED, Some((PULL_TASK, Succeeded))),
    ("v2-push-PullComplete-doc2020-archive", V2, "PullComplete", PULLED, Some((PULL_TASK, Succeeded))),
    ("v2-push-PullComplete-doc2020-historyformat", V2, "PullComplete", PULLED, Some((PULL_TASK, Succeeded))),
    ("v2-push-TranscodeComplete-doc2020-archive", V2, "TranscodeComplete", &[("14508071098244931831", Mentioned)], Some(("Transcode-1edb7eb88a599d05abe451cfc541cfbd", Succeeded))),
    ("v2-push-TranscodeComplete-doc2020-historyformat", V2, "TranscodeComplete", &[("14508071098244931831", Mentioned)], Some(("Transcode-1edb7eb88a599d05abe451cfc541cfbd", Succeeded))),
    ("v3-push-ClipComplete-doc2020", V3, "ClipComplete", CLIP, Some((CLIP_TASK, Succeeded))),
    ("v3-push-ConcatComplete-doc2020", V3, "ConcatComplete", CONCAT, Some((CONCAT_TASK, Succeeded))),
    ("v3-push-CreateImageSpriteComplete-doc2020", V3, "CreateImageSpriteComplete", SHOT, Some((SPRITE_TASK, Succeeded))),
    ("v3-push-CreateSnapshotByTimeOffsetComplete-doc2020", V3, "CreateSnapshotByTimeOffsetComplete", SHOT, Some((SHOT_TASK, Succeeded))),
    ("v3-push-FileDeleted-doc2020", V3, "FileDeleted", GONE, None),
    ("v3-push-NewFileUpload-doc2020", V3, "NewFileUpload", &[("5285890784273533167", Uploaded)], None),
    ("v3-push-NewFileUpload-doc2026", V3, "NewFileUpload", &[("5285890784273533167", Uploaded)], None),
    ("v3-push-ProcedureStateChanged-doc2020", V3, "ProcedureStateChanged", &[("5285890784246869930", Mentioned)], Some(("1256768367-Procedure-475b72xxxcb177t1", Succeeded))),
    ("v3-push-PullComplete-doc2026", V3, "PullComplete", PULLED, Some(("125676836723-Pull-f5ac8127b3b6b85cdc13f237c6005d8", Succeeded))),
    ("v3-push-TranscodeComplete-doc2020", V3, "TranscodeComplete", &[("24961954183923290", Mentioned)], Some(("Transcode-f5ac8127b3b6b85cdc13f237c6005d8", Succeeded))),
];

#[rustfmt::skip]
const LISTS: &[Row] = &[
    ("v2-pull-PullEvent-apidoc2020-0", V2, "NewFileUpload", PULLED, None),
    ("v2-pull-PullEvent-apidoc2020-0", V2, "ConcatComplete", CONCAT, Some(("concat-1edb7eb88a599d05abe451cfc541cfbd", Succeeded))),
    ("v2-pull-PullEvent-doc2020-0", V2, "NewFileUpload", PULLED, None),
    ("v2-pull-PullEvent-doc2020-0", V2, "ConcatComplete", CONCAT, Some(("concat-1edb7eb88a599d05abe451cfc541cfbd", Succeeded))),
    ("v3-pull-ClipComplete-doc2020", V3, "ClipComplete", CLIP, Some((CLIP_TASK, Succeeded))),
    ("v3-pull-ConcatComplete-doc2020", V3, "ConcatComplete", CONCAT, Some((CONCAT_TASK, Succeeded))),
    ("v3-pull-CreateImageSpriteComplete-doc2020", V3, "CreateImageSpriteComplete", SHOT, Some((SPRITE_TASK, Succeeded))),
    ("v3-pull-CreateSnapshotByTimeOffsetComplete-doc2020", V3, "CreateSnapshotByTimeOffsetComplete", SHOT, Some((SHOT_TASK, Succeeded))),
    ("v3-pull-FileDeleted-doc2020", V3, "FileDeleted", GONE, None),
    ("v3-pull-NewFileUpload-doc2020", V3, "NewFileUpload", &[("5285890784273533167", Uploaded)], None),
    ("v3-pull-ProcedureStateChanged-doc2020", V3, "ProcedureStateChanged", &[("5285890784246869930", Mentioned)], Some(("1256768367-Procedure-475b72xxxcb177t1", Succeeded))),
    ("v3-pull-PullComplete-doc2020", V3, "PullComplete", PULLED, Some((PULL_TASK, Succeeded))),
    ("v3-pull-TranscodeComplete-doc2020", V3, "TranscodeComplete", &[("24961954183923290", Mentioned)], Some(("Transcode-f5ac8127b3b6b85cdc13f237c6005d8", Succeeded))),
];

fn payload(name: &str) -> String {
    fixture(&format!("payloads/{name}.json"))
}

fn says(event: &Event, row: &Row) {
    let (name, format, event_type, files, task) = row;
    assert_eq!(event.format, *format, "{name}");
    assert_eq!(event.event_type, *event_type, "{name}");
    assert_eq!(news(event), *files, "{name}");
    let told = event
        .task
        .as_ref()
        .map(|task| (task.task_id.as_str(), task.state));
    assert_eq!(told, *task, "{name}");
    if let Some(task) = &event.task {
        assert_eq!(task.error_code, None, "{name}");
        assert_eq!(task.task_type, *event_type, "{name}");
        assert_eq!(
            task.role == TaskRole::Procedure,
            *event_type == "ProcedureStateChanged",
            "{name}"
        );
        assert_eq!(
            task.file_id,
            event.files.first().map(|file| file.file_id.clone()),
            "{name}"
        );
    }
}

#[test]
fn every_pushed_sample_says_what_it_shows() {
    for row in SINGLE {
        says(&event(payload(row.0)), row);
    }
}

#[test]
fn every_item_of_every_pulled_sample_says_what_it_shows_and_keeps_its_bytes() {
    for name in LISTS.iter().map(|row| row.0).collect::<BTreeSet<_>>() {
        let body = payload(name);
        let rows: Vec<_> = LISTS.iter().filter(|row| row.0 == name).collect();
        let items = read(body.as_bytes()).unwrap().items;
        assert_eq!(items.len(), rows.len(), "{name}");
        for (item, row) in items.iter().zip(rows) {
            says(item.event.as_ref().unwrap(), row);
            let kept = &body[item.range.clone()];
            assert!(kept.starts_with("{") && kept.ends_with("}"), "{kept}");
            assert!(
                kept.contains("EventHandle") || kept.contains("msgHandle"),
                "{kept}"
            );
            assert_eq!(read_item(kept.as_bytes()), item.event, "{name}");
        }
    }
}

#[test]
fn every_event_body_of_the_folder_is_in_a_table_and_no_api_answer_is_an_event() {
    let listed: BTreeSet<_> = SINGLE
        .iter()
        .chain(LISTS)
        .map(|row| row.0.to_owned())
        .collect();
    let folder = format!("{}/tests/fixtures/payloads", env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".json") else {
            continue;
        };
        if name.starts_with('v') {
            found.insert(name.to_owned());
        } else {
            assert_eq!(fault(payload(name)), Fault::NoEvent, "{name}");
        }
    }
    assert_eq!(found, listed);
}

#[test]
fn a_v3_upload_fills_its_fields() {
    let event = event(payload("v3-push-NewFileUpload-doc2026"));
    let file = only_file(&event);
    assert_eq!(
        file.update_time.unwrap().to_rfc3339(),
        "2019-01-09T16:36:24+00:00"
    );
    assert_eq!(
        file.fields,
        FileFields {
            source_type: Some("Upload".into()),
            name: Some("动物世界".into()),
            media_type: Some("mp4".into()),
            media_url: Some(
                "http://125676836723.vod2.myqcloud.com/xxx/xxx/q1BORBPQH1IA.mp4".into()
            ),
            class_id: Some(0),
            storage_region: Some("ap-chongqing".into()),
            uploaded_at: Some("2019-01-09T16:36:22Z".parse().unwrap()),
            ..no_fields()
        }
    );
}

#[test]
fn a_v2_upload_fills_its_fields() {
    let event = event(payload("v2-push-NewFileUpload-doc2020-historyformat"));
    assert_eq!(
        only_file(&event).fields,
        FileFields {
            source_type: Some("Record".into()),
            source_context: Some(
                "rtmp://54xx.livepush.myqcloud.com/live?bizid=54xx&record=mp4&xx".into()
            ),
            name: Some("动物世界".into()),
            media_url: Some("http://125676836723.vod2.myqcloud.com/xxx/xxx/f0.flv".into()),
            cover_url: Some("http://125676836723.vod2.myqcloud.com/xxx/xxx/xxx.jpg".into()),
            procedure_task_id: Some("125676836723-mango-fa2fdf6a0f850d673be119cf51a7603a".into()),
            ..no_fields()
        }
    );
}

#[test]
fn media_basic_info_nested_in_itself_is_read() {
    let body = payload("v3-pull-PullComplete-doc2020");
    let event = read(body.as_bytes())
        .unwrap()
        .items
        .remove(0)
        .event
        .unwrap();
    let fields = &only_file(&event).fields;
    assert_eq!(fields.name.as_deref(), Some("动物世界"));
    assert_eq!(fields.source_type.as_deref(), Some("Upload"));
    assert_eq!(fields.storage_region.as_deref(), Some("ap-guangzhou-2"));
}

#[test]
fn a_procedure_fills_the_fields_it_knows() {
    for (name, task_id, size, duration) in [
        (
            "v3-push-ProcedureStateChanged-doc2020",
            "1256768367-Procedure-475b72xxxcb177t1",
            7_700_180,
            60.0,
        ),
        (
            "v2-push-ProcedureStateChanged-doc2020-historyformat",
            "125676836723-xxx-25f5aac63",
            10_556,
            3601.0,
        ),
    ] {
        let event = event(payload(name));
        let fields = &only_file(&event).fields;
        assert_eq!(fields.procedure_task_id.as_deref(), Some(task_id), "{name}");
        assert_eq!(fields.size_bytes, Some(size), "{name}");
        assert_eq!(fields.duration_s, Some(duration), "{name}");
        assert_eq!(
            (fields.width, fields.height),
            (Some(640), Some(480)),
            "{name}"
        );
    }
}
