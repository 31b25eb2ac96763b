//! The addresses of what tasks made.

use super::*;

/// What the task of a body made: `kind definition file url`, short.
fn made(body: impl AsRef<[u8]>) -> Vec<String> {
    let outputs = event(body).task.unwrap().outputs;
    outputs
        .into_iter()
        .map(|output| {
            let definition = output
                .definition
                .map_or("-".to_owned(), |id| id.to_string());
            let file = output.file_id.unwrap_or_else(|| "-".to_owned());
            let name = output.url.rsplit('/').next().unwrap_or_default();
            format!("{} {definition} {file} {name}", output.kind)
        })
        .collect()
}

fn procedure(results: &str) -> String {
    format!(
        r#"{{"EventType":"ProcedureStateChanged","ProcedureStateChangeEvent":{{"TaskId":"t","FileId":"7",
            "FileUrl":"http://h/source.mp4","Status":"FINISH","MediaProcessResultSet":[{results}]}}}}"#
    )
}

#[test]
fn the_samples_tell_what_their_tasks_made() {
    for (name, wanted) in [
        (
            "v3-push-ProcedureStateChanged-doc2020",
            &[
                "transcode 20 - v.f20.mp4",
                "cover_by_snapshot 10 - xxx.100_0.jpg",
            ][..],
        ),
        (
            "v2-push-ProcedureStateChanged-doc2020-historyformat",
            &[
                "transcode 20 - f20.mp4",
                "sample_snapshot 10 - xx1.png",
                "sample_snapshot 10 - xx2.png",
                "sample_snapshot 10 - xx3.png",
            ],
        ),
        (
            "v3-push-TranscodeComplete-doc2020",
            &[
                "transcode 0 - f0.mp4",
                "transcode 10 - f10.mp4",
                "transcode 20 - f20.mp4",
                "transcode 30 - f30.mp4",
                "cover - - 640.jpg",
            ],
        ),
        (
            "v2-push-TranscodeComplete-doc2020-historyformat",
            &[
                "transcode 0 - f0.mp4",
                "transcode 10 - f10.mp4",
                "transcode 20 - f20.mp4",
                "transcode 30 - f30.mp4",
                "cover - - 640",
            ],
        ),
        (
            "v3-push-CreateSnapshotByTimeOffsetComplete-doc2020",
            &[
                "create_snapshot_by_time_offset 10 - 1.png",
                "create_snapshot_by_time_offset 10 - 2.png",
            ],
        ),
        (
            "v2-push-CreateSnapshotByTimeOffsetComplete-doc2020-historyformat",
            &[
                "create_snapshot_by_time_offset 10 - 1.png",
                "create_snapshot_by_time_offset 10 - 2.png",
            ],
        ),
        (
            "v3-push-CreateImageSpriteComplete-doc2020",
            &[
                "create_image_sprite 10 - 1.png",
                "create_image_sprite 10 - 2.png",
                "create_image_sprite 10 - xxx.vtt",
            ],
        ),
        (
            "v2-push-CreateImageSpriteComplete-doc2020-historyformat",
            &[
                "create_image_sprite 10 - 1.png",
                "create_image_sprite 10 - 2.png",
                "create_image_sprite 10 - xxx.vtt",
            ],
        ),
        (
            "v3-push-ClipComplete-doc2020",
            &["clip - 14508071098244929440 f0.mp4"],
        ),
        (
            "v3-push-ConcatComplete-doc2020",
            &[
                "concat - 14508071098244931831 playlist.f6.m3u8",
                "concat - 14508071098244929440 f0.mp4",
            ],
        ),
        (
            "v2-push-ConcatComplete-doc2020-historyformat",
            &[
                "concat - 14508071098244931831 playlist.f6.m3u8",
                "concat - 14508071098244929440 f0.mp4",
            ],
        ),
        ("v3-push-PullComplete-doc2026", &[]),
    ] {
        assert_eq!(
            made(fixture(&format!("payloads/{name}.json"))),
            wanted,
            "{name}"
        );
    }
}

#[test]
fn every_kind_of_sub_task_tells_what_it_made() {
    for (element, wanted) in [
        (
            r#"{"Type":"AnimatedGraphics","TranscodeTask":null,"AnimatedGraphicTask":{"Status":"SUCCESS","ErrCodeExt":"",
                "Input":{"Definition":20000},"Output":{"Url":"http://h/a.gif","Definition":20000}}}"#,
            &["animated_graphics 20000 - a.gif"][..],
        ),
        (
            r#"{"Type":"SnapshotByTimeOffset","SnapshotByTimeOffsetTask":{"Status":"SUCCESS","Output":{"Definition":10,
                "PicInfoSet":[{"TimeOffset":1,"Url":"http://h/1.jpg"},{"TimeOffset":2,"Url":"http://h/2.jpg"}]}}}"#,
            &[
                "snapshot_by_time_offset 10 - 1.jpg",
                "snapshot_by_time_offset 10 - 2.jpg",
            ],
        ),
        (
            r#"{"Type":"SampleSnapshot","SampleSnapshotTask":{"Status":"SUCCESS","Output":{"Definition":10,
                "ImageUrlSet":["http://h/1.jpg","http://h/2.jpg"]}}}"#,
            &["sample_snapshot 10 - 1.jpg", "sample_snapshot 10 - 2.jpg"],
        ),
        (
            r#"{"Type":"ImageSprites","ImageSpriteTask":{"Status":"SUCCESS","Output":{"Definition":10,"TotalCount":2,
                "ImageUrlSet":["http://h/1.png"],"WebVttUrl":"http://h/s.vtt"}}}"#,
            &["image_sprites 10 - 1.png", "image_sprites 10 - s.vtt"],
        ),
        (
            r#"{"Type":"AdaptiveDynamicStreaming","AdaptiveDynamicStreamingTask":{"Status":"SUCCESS",
                "Output":{"Definition":12,"Package":"HLS","Url":"https://h/adp.m3u8"}}}"#,
            &["adaptive_dynamic_streaming 12 - adp.m3u8"],
        ),
        // Not finished, failed, made nothing, no address.
        (
            r#"{"Type":"Transcode","TranscodeTask":{"Status":"PROCESSING","Output":{"Url":"http://h/p.mp4"}}}"#,
            &[],
        ),
        (
            r#"{"Type":"Transcode","TranscodeTask":{"Status":"FAIL","Output":{"Url":"http://h/f.mp4"}}}"#,
            &[],
        ),
        (
            r#"{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS","Output":null}}"#,
            &[],
        ),
        (
            r#"{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS","Output":{"Url":"javascript:alert(1)"}}}"#,
            &[],
        ),
        (
            r#"{"Type":"Transcode","TranscodeTask":{"Status":"SUCCESS","Output":{"Url":7}}}"#,
            &[],
        ),
    ] {
        assert_eq!(made(procedure(element)), wanted, "{element}");
    }
}

#[test]
fn files_of_their_own_are_named() {
    for (name, member, wanted) in [
        (
            "EditMediaComplete",
            r#""Output":{"FileType":"mp4","FileId":"9","FileUrl":"http://h/e.mp4"}"#,
            &["edit_media - 9 e.mp4"][..],
        ),
        (
            "SplitMediaComplete",
            r#""FileInfoSet":[{"Input":{"FileId":"1","Url":"http://h/in"},"Output":{"FileId":"9","FileUrl":"http://h/s.mp4"}}]"#,
            &["split_media - 9 s.mp4"],
        ),
        (
            "AigcImageTaskComplete",
            r#""Output":{"FileInfos":[{"FileId":"9","FileUrl":"http://h/1.png"},{"FileUrl":"http://h/2.png"}]}"#,
            &["aigc_image_task - 9 1.png", "aigc_image_task - - 2.png"],
        ),
        (
            "RemoveWatermark",
            r#""Input":{"FileId":"1"},"Output":{"FileId":"9","FileUrl":"http://h/r.mp4"}"#,
            &["remove_watermark - 9 r.mp4"],
        ),
        (
            "ReviewAudioVideoComplete",
            r#""Input":{"FileId":"1"},"Output":{"SegmentSet":[{"Url":"http://h/evidence.jpg"}]}"#,
            &[],
        ),
    ] {
        let body = format!(r#"{{"EventType":"{name}","{name}Event":{{"TaskId":"t",{member}}}}}"#);
        assert_eq!(made(body), wanted, "{name}");
    }
}

#[test]
fn outputs_are_bounded_in_number_and_length() {
    let urls = |length: usize, number: usize| {
        let url = format!(r#""http://h/{}""#, "u".repeat(length - "http://h/".len()));
        let set = vec![url; number].join(",");
        let kind = "K".repeat(100);
        procedure(&format!(
            r#"{{"Type":"{kind}","XTask":{{"Status":"SUCCESS","Output":{{"ImageUrlSet":[{set}]}}}}}}"#
        ))
    };
    let outputs = event(urls(1024, 300)).task.unwrap().outputs;
    assert_eq!(outputs.len(), 200);
    assert_eq!(outputs[0].kind.len(), 64);
    assert!(event(urls(1025, 1)).task.unwrap().outputs.is_empty());
}
