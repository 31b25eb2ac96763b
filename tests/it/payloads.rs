//! Every notification that was collected, posted to the door, gives the rows that its meaning calls for.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::door::{Answer, an_app_a_case, lines};
use crate::harness::{TestApp, token_app};

/// File, and the rows that it gives, as [`TestApp::rows_of`] writes them.
type Entry = (&'static str, &'static str);

#[rustfmt::skip]
const NOTIFICATIONS: &[Entry] = &[
    ("v2-pull-PullEvent-apidoc2020-0", "
        delivery | NewFileUpload | 2.0 | recorded
        delivery | ConcatComplete | 2.0 | recorded
        upload | 14508071098244929440 | unannounced | - | - | - | none | live
        upload | 14508071098244931831 | unannounced | - | - | - | none | live
        upload | 14508071098244959037 | announced | - | http://251000330.vod2.myqcloud.com/vod251000330/14508071098244959037/f0.flv | - | none | live
        task | concat-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244931831 | other | succeeded
    "),
    ("v2-pull-PullEvent-doc2020-0", "
        delivery | NewFileUpload | 2.0 | recorded
        delivery | ConcatComplete | 2.0 | recorded
        upload | 14508071098244929440 | unannounced | - | - | - | none | live
        upload | 14508071098244931831 | unannounced | - | - | - | none | live
        upload | 14508071098244959037 | announced | - | http://251000330.vod2.myqcloud.com/vod251000330/14508071098244959037/f0.flv | - | none | live
        task | concat-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244931831 | other | succeeded
    "),
    ("v2-push-ClipComplete-doc2020-archive", CLIP_V2),
    ("v2-push-ClipComplete-doc2020-historyformat", CLIP_V2),
    ("v2-push-ConcatComplete-doc2020-archive", CONCAT_V2),
    ("v2-push-ConcatComplete-doc2020-historyformat", CONCAT_V2),
    ("v2-push-CreateImageSpriteComplete-doc2020-archive", SPRITE_V2),
    ("v2-push-CreateImageSpriteComplete-doc2020-historyformat", SPRITE_V2),
    ("v2-push-CreateSnapshotByTimeOffsetComplete-doc2020-archive", SNAPSHOT_V2),
    ("v2-push-CreateSnapshotByTimeOffsetComplete-doc2020-historyformat", SNAPSHOT_V2),
    ("v2-push-FileDeleted-doc2020-historyformat", "
        delivery | FileDeleted | 2.0 | recorded
        upload | 24961954183381008 | unannounced | - | - | - | none | deleted
    "),
    ("v2-push-NewFileUpload-doc2020-archive", "
        delivery | NewFileUpload | 2.0 | recorded
        upload | 145080710982449590xx | announced | show title | http://12530394xx.vod2.myqcloud.com/vod251000330/14508071098244959037/f0.flv | rtmp://54xx.livepush.myqcloud.com/live?bizid=54xx&record=mp4&xx | waiting | live
        task | 12530394xx-mango-fa2fdf6a0f850d673be119cf51a7603a | 145080710982449590xx | procedure | waiting
    "),
    ("v2-push-NewFileUpload-doc2020-historyformat", "
        delivery | NewFileUpload | 2.0 | recorded
        upload | 5285890784273533167 | announced | 动物世界 | http://125676836723.vod2.myqcloud.com/xxx/xxx/f0.flv | rtmp://54xx.livepush.myqcloud.com/live?bizid=54xx&record=mp4&xx | waiting | live
        task | 125676836723-mango-fa2fdf6a0f850d673be119cf51a7603a | 5285890784273533167 | procedure | waiting
    "),
    ("v2-push-PorncheckComplete-doc2020-archive", "
        delivery | PorncheckComplete | 2.0 | recorded
        upload | 14508071098244931831 | unannounced | - | - | - | none | live
        task | Porncheck-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244931831 | other | succeeded
    "),
    ("v2-push-ProcedureStateChanged-doc2018", "
        delivery | ProcedureStateChanged | 2.0 | recorded
        upload | 123123123 | unannounced | - | - | - | processing | live
        task | 251000333-mango-c27bdf65ea06646171e714f25f5aac63 | 123123123 | procedure | processing
    "),
    ("v2-push-ProcedureStateChanged-doc2020-archive", "
        delivery | ProcedureStateChanged | 2.0 | recorded
        upload | 123123123 | unannounced | - | - | - | processing | live
        task | 251000333-xxx-25f5aac63 | 123123123 | procedure | processing
    "),
    ("v2-push-ProcedureStateChanged-doc2020-historyformat", "
        delivery | ProcedureStateChanged | 2.0 | recorded
        upload | 14508071098244959037 | unannounced | - | - | - | processing | live
        task | 125676836723-xxx-25f5aac63 | 14508071098244959037 | procedure | processing
    "),
    ("v2-push-PullComplete-doc2018", "
        delivery | PullComplete | 2.0 | recorded
        upload | 14508071098244959037 | announced | - | http://251000330.vod2.myqcloud.com/vod251000330/14508071098244959037/f0.flv | - | none | live
        task | Pull-f5ac8127b3b6b85cdc13f237c6005d8 | 14508071098244959037 | other | succeeded
    "),
    ("v2-push-PullComplete-doc2020-archive", "
        delivery | PullComplete | 2.0 | recorded
        upload | 14508071098244959037 | announced | - | http://251000330.vod2.myqcloud.com/vod251000330/14508071098244959037/f0.flv | - | none | live
        task | Pull-f5ac8127b3b6b85cdc13f237c6005d8 | 14508071098244959037 | other | succeeded
    "),
    ("v2-push-PullComplete-doc2020-historyformat", "
        delivery | PullComplete | 2.0 | recorded
        upload | 14508071098244959037 | announced | - | http://125676836723.vod2.myqcloud.com/xxx/xxx/f0.flv | - | none | live
        task | Pull-f5ac8127b3b6b85cdc13f237c6005d8 | 14508071098244959037 | other | succeeded
    "),
    ("v2-push-TranscodeComplete-doc2020-archive", TRANSCODE_V2),
    ("v2-push-TranscodeComplete-doc2020-historyformat", TRANSCODE_V2),
    ("v3-pull-ClipComplete-doc2020", CLIP_V3),
    ("v3-pull-ConcatComplete-doc2020", CONCAT_V3),
    ("v3-pull-CreateImageSpriteComplete-doc2020", SPRITE_V3),
    ("v3-pull-CreateSnapshotByTimeOffsetComplete-doc2020", SNAPSHOT_V3),
    ("v3-pull-FileDeleted-doc2020", DELETED_V3),
    ("v3-pull-NewFileUpload-doc2020", UPLOAD_V3),
    ("v3-pull-ProcedureStateChanged-doc2020", PROCEDURE_V3),
    ("v3-pull-PullComplete-doc2020", "
        delivery | PullComplete | 3.0 | recorded
        upload | 14508071098244959037 | announced | 动物世界 | http://125676836723.vod2.myqcloud.com/xxx/xxx/xxx.mp4 | - | none | live
        task | Pull-f5ac8127b3b6b85cdc13f237c6005d8 | 14508071098244959037 | other | succeeded
    "),
    ("v3-pull-TranscodeComplete-doc2020", TRANSCODE_V3),
    ("v3-push-ClipComplete-doc2020", CLIP_V3),
    ("v3-push-ConcatComplete-doc2020", CONCAT_V3),
    ("v3-push-CreateImageSpriteComplete-doc2020", SPRITE_V3),
    ("v3-push-CreateSnapshotByTimeOffsetComplete-doc2020", SNAPSHOT_V3),
    ("v3-push-FileDeleted-doc2020", DELETED_V3),
    ("v3-push-NewFileUpload-doc2020", UPLOAD_V3),
    ("v3-push-NewFileUpload-doc2026", UPLOAD_V3),
    ("v3-push-ProcedureStateChanged-doc2020", PROCEDURE_V3),
    ("v3-push-PullComplete-doc2026", "
        delivery | PullComplete | 3.0 | recorded
        upload | 14508071098244959037 | announced | 动物世界 | http://125676836723.vod2.myqcloud.com/xxx/xxx/xxx.mp4 | - | none | live
        task | 125676836723-Pull-f5ac8127b3b6b85cdc13f237c6005d8 | 14508071098244959037 | other | succeeded
    "),
    ("v3-push-TranscodeComplete-doc2020", TRANSCODE_V3),
];

const CLIP_V2: &str = "
    delivery | ClipComplete | 2.0 | recorded
    upload | 14508071098244929440 | unannounced | - | - | - | none | live
    upload | 16092504232103571364 | unannounced | - | - | - | none | live
    task | clipVideo-0a78cf44c4285026a4c | 16092504232103571364 | other | succeeded
";
const CLIP_V3: &str = "
    delivery | ClipComplete | 3.0 | recorded
    upload | 14508071098244929440 | unannounced | - | - | - | none | live
    upload | 16092504232103571364 | unannounced | - | - | - | none | live
    task | clipVideo-0a78cf44c4285026a4c | 16092504232103571364 | other | succeeded
";
const CONCAT_V2: &str = "
    delivery | ConcatComplete | 2.0 | recorded
    upload | 14508071098244929440 | unannounced | - | - | - | none | live
    upload | 14508071098244931831 | unannounced | - | - | - | none | live
    task | Concat-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244931831 | other | succeeded
";
const CONCAT_V3: &str = "
    delivery | ConcatComplete | 3.0 | recorded
    upload | 14508071098244929440 | unannounced | - | - | - | none | live
    upload | 14508071098244931831 | unannounced | - | - | - | none | live
    task | Concat-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244931831 | other | succeeded
";
const SPRITE_V2: &str = "
    delivery | CreateImageSpriteComplete | 2.0 | recorded
    upload | 14508071098244929440 | unannounced | - | - | - | none | live
    task | CreateImageSprite-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244929440 | other | succeeded
";
const SPRITE_V3: &str = "
    delivery | CreateImageSpriteComplete | 3.0 | recorded
    upload | 14508071098244929440 | unannounced | - | - | - | none | live
    task | CreateImageSprite-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244929440 | other | succeeded
";
const SNAPSHOT_V2: &str = "
    delivery | CreateSnapshotByTimeOffsetComplete | 2.0 | recorded
    upload | 14508071098244929440 | unannounced | - | - | - | none | live
    task | CreateSnapshotByTimeOffset-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244929440 | other | succeeded
";
const SNAPSHOT_V3: &str = "
    delivery | CreateSnapshotByTimeOffsetComplete | 3.0 | recorded
    upload | 14508071098244929440 | unannounced | - | - | - | none | live
    task | CreateSnapshotByTimeOffset-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244929440 | other | succeeded
";
const TRANSCODE_V2: &str = "
    delivery | TranscodeComplete | 2.0 | recorded
    upload | 14508071098244931831 | unannounced | - | - | - | none | live
    task | Transcode-1edb7eb88a599d05abe451cfc541cfbd | 14508071098244931831 | other | succeeded
";
const TRANSCODE_V3: &str = "
    delivery | TranscodeComplete | 3.0 | recorded
    upload | 24961954183923290 | unannounced | - | - | - | none | live
    task | Transcode-f5ac8127b3b6b85cdc13f237c6005d8 | 24961954183923290 | other | succeeded
";
const DELETED_V3: &str = "
    delivery | FileDeleted | 3.0 | recorded
    upload | 24961954183381008 | unannounced | - | - | - | none | deleted
    upload | 24961954183381009 | unannounced | - | - | - | none | deleted
    upload | 24961954183381010 | unannounced | - | - | - | none | deleted
";
const UPLOAD_V3: &str = "
    delivery | NewFileUpload | 3.0 | recorded
    upload | 5285890784273533167 | announced | 动物世界 | http://125676836723.vod2.myqcloud.com/xxx/xxx/q1BORBPQH1IA.mp4 | - | none | live
";
const PROCEDURE_V3: &str = "
    delivery | ProcedureStateChanged | 3.0 | recorded
    upload | 5285890784246869930 | unannounced | 动物世界 | https://1256768367.vod2.myqcloud.com/xxx/xxx/xxx.mp4 | - | succeeded | live
    task | 1256768367-Procedure-475b72xxxcb177t1 | 5285890784246869930 | procedure | succeeded
";

/// What lies beside the notifications, and is none: answers of VOD's API and of its upload service.
const ANSWERS: &[&str] = &[
    "api-ApplyUpload-response",
    "api-CommitUpload-response",
    "api-ConfirmEvents-response",
    "api-DescribeEventConfig-response",
    "api-DescribeEventsState-response",
    "api-DescribeMediaInfos-basicInfo-response",
    "api-DescribeTaskDetail-Procedure-response",
    "api-DescribeTaskDetail-Transcode-response",
    "api-DescribeTaskDetail-WechatMiniProgramPublish-response",
    "api-DescribeTasks-0-response",
    "api-DescribeTasks-1-response",
    "api-DescribeTasks-2-response",
    "api-PullUpload-response",
    "api-SearchMedia-response",
    "ugc-ApplyUploadUGC-response-sdktest2019",
    "ugc-CommitUploadUGC-response-sdktest2019",
    "ugc-error-invalid-signature",
];

/// The bodies that are posted for one file, and what is kept of them.
struct Sending {
    posted: Vec<Vec<u8>>,
    kept: Vec<Vec<u8>>,
}

/// An item of the legacy list.
#[derive(Deserialize)]
struct LegacyItem<'a> {
    #[serde(borrow, rename = "eventContent")]
    content: &'a RawValue,
}

fn folder() -> String {
    format!("{}/tests/fixtures/payloads", env!("CARGO_MANIFEST_DIR"))
}

fn payload(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}.json", folder())).unwrap()
}

/// The items of a PullEvents answer (`EventSet`) or of a legacy one (`eventList`), byte for byte.
fn items(body: &str) -> Option<Vec<&RawValue>> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow, rename = "EventSet", alias = "eventList")]
        items: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow, rename = "Response")]
        answer: Answer<'a>,
    }
    let answer = serde_json::from_str::<Envelope>(body)
        .map(|envelope| envelope.answer)
        .or_else(|_| serde_json::from_str(body));
    answer.ok().map(|answer| answer.items)
}

/// The ways in which one file can reach the door: as it is; item by item; the bare event of each.
fn sendings(body: &str) -> Vec<Sending> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let Some(items) = items(body) else {
        return vec![Sending {
            posted: vec![bytes(body)],
            kept: vec![bytes(body)],
        }];
    };
    let one_by_one: Vec<_> = items.iter().map(|item| bytes(item.get())).collect();
    let bare: Vec<_> = items
        .iter()
        .filter_map(|item| serde_json::from_str::<LegacyItem>(item.get()).ok())
        .map(|item| bytes(item.content.get()))
        .collect();
    let mut sendings = vec![
        Sending {
            posted: vec![bytes(body)],
            kept: one_by_one.clone(),
        },
        Sending {
            posted: one_by_one.clone(),
            kept: one_by_one,
        },
    ];
    if !bare.is_empty() {
        sendings.push(Sending {
            posted: bare.clone(),
            kept: bare,
        });
    }
    sendings
}

#[actix_web::test]
async fn every_notification_gives_the_rows_that_its_meaning_calls_for() {
    let cases: Vec<(Entry, Sending)> = NOTIFICATIONS
        .iter()
        .flat_map(|entry| {
            sendings(&payload(entry.0))
                .into_iter()
                .map(|sending| (*entry, sending))
        })
        .collect();
    let app = TestApp::with(an_app_a_case(cases.len())).await;
    for (case, ((file, expected), sending)) in cases.into_iter().enumerate() {
        let name = format!("c{case}");
        for body in &sending.posted {
            let answer = app.push_to(&name, body.clone()).await;
            assert_eq!(answer, Answer::receipt("recorded"), "{file}");
        }
        let rows = app.rows_of(&name).await;
        assert_eq!(rows, lines(expected), "{file}");
        let kept: Vec<_> = app.kept_of(&name).await;
        let kept: Vec<_> = kept.into_iter().map(|delivery| delivery.body).collect();
        assert_eq!(kept, sending.kept, "{file}");

        // Sent again, it is kept again, and says nothing new.
        for body in &sending.posted {
            let answer = app.push_to(&name, body.clone()).await;
            assert_eq!(answer, Answer::receipt("duplicate"), "{file}");
        }
        let of_state = |rows: Vec<String>| -> Vec<String> {
            let is_state = |row: &String| !row.starts_with("delivery");
            rows.into_iter().filter(is_state).collect()
        };
        assert_eq!(
            of_state(app.rows_of(&name).await),
            of_state(rows),
            "{file} again"
        );
        assert_eq!(app.kept_of(&name).await.len(), 2 * kept.len(), "{file}");
    }
}

#[actix_web::test]
async fn an_answer_of_vods_api_is_no_notification_and_is_kept_aside() {
    let app = TestApp::with(vec![token_app()]).await;
    for file in ANSWERS {
        let answer = app.push(payload(file)).await;
        assert_eq!(answer, Answer::nothing_in_it("no_event"), "{file}");
    }
    let kept = app.kept().await;
    assert_eq!(kept.len(), ANSWERS.len());
    for (file, delivery) in ANSWERS.iter().zip(kept) {
        assert_eq!(delivery.state(), "quarantined: no_event", "{file}");
        assert_eq!(delivery.body, payload(file).into_bytes(), "{file}");
    }
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 0);
    assert_eq!(app.count("SELECT count(*) FROM tasks").await, 0);
}

#[test]
fn every_file_of_the_folder_is_in_one_of_the_two_tables() {
    let listed: Vec<String> = NOTIFICATIONS
        .iter()
        .map(|entry| entry.0)
        .chain(ANSWERS.iter().copied())
        .map(|name| format!("{name}.json"))
        .chain(["README.md".to_owned()])
        .collect();
    let found: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found.len(), listed.len(), "one is listed twice");
    assert_eq!(found, listed.into_iter().collect());
}
