//! Bodies that try to break the reader, and what it promises of them.

use proptest::prelude::*;

use super::*;
use crate::vod::notification::{MAX_ITEMS, read_item};

#[test]
fn no_name_hides_an_upload() {
    for (name, read) in [
        (r#""a\ud800""#, Some("a\u{fffd}")),
        (r#""\u0000.mp4""#, Some("\u{fffd}.mp4")),
        (r#""\"},{\"FileId\":\"8""#, Some(r#""},{"FileId":"8"#)),
        ("\"\u{202e}\u{1f600}\"", Some("\u{202e}\u{1f600}")),
        ("12", Some("12")),
        ("[[]]", None),
        ("null", None),
    ] {
        let body = format!(
            r#"{{"EventType":"NewFileUpload","FileUploadEvent":{{"FileId":"7","\udfff":1,"MediaBasicInfo":{{"Name":{name}}}}}}}"#
        );
        let event = event(body);
        assert_eq!(news(&event), [("7", News::Uploaded)]);
        assert_eq!(only_file(&event).fields.name.as_deref(), read);
    }
}

/// Found by fuzzing: an upload of which Postgres refused the type.
#[test]
fn a_type_that_a_members_name_tells_can_be_stored() {
    for (name, read) in [
        (r"FileUpload\u0000Event", "FileUpload\u{fffd}"),
        ("FileUpload\0Event", "FileUpload\u{fffd}"),
        (r"\ud800Complete", "\u{fffd}Complete"),
        (r"\u007fEvent", "\u{fffd}"),
    ] {
        for said in ["", r#""EventType":"NewFileUpload","#] {
            let event = event(format!(r#"{{{said}"{name}":{{"FileId":"7"}}}}"#));
            assert_eq!(event.event_type, read);
            assert_eq!(news(&event), [("7", News::Mentioned)]);
        }
    }
    // A name beyond what a text may be is no event's.
    let long = "a".repeat(64 * 1024);
    assert_eq!(
        fault(format!(r#"{{"{long}Event":{{"FileId":"7"}}}}"#)),
        Fault::NoEvent
    );
}

#[test]
fn members_of_the_wrong_type_are_passed_over() {
    let event = event(
        r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"7","MediaBasicInfo":[],"MetaData":"x",
            "ProcedureTaskId":{},"ReviewAudioVideoTaskId":["r"]},"PullCompleteEvent":[1]}"#,
    );
    assert_eq!(only_file(&event).fields, no_fields());
}

#[test]
fn bytes_that_are_not_utf_8_are_split_exactly() {
    let body = b"{\"EventSet\":[ {\"EventType\":\"NewFileUpload\",\"FileUploadEvent\":{\"FileId\":\"7\",\"MediaBasicInfo\":{\"Name\":\"\xff\xe5\"}}} ,{\"EventType\":\"A\"}]}";
    let items = read(body).unwrap().items;
    let kept = &body[items[0].range.clone()];
    assert!(kept.starts_with(b"{\"EventType\":\"New") && kept.ends_with(b"\xff\xe5\"}}}"));
    assert_eq!(
        only_file(items[0].event.as_ref().unwrap())
            .fields
            .name
            .as_deref(),
        Some("\u{fffd}\u{fffd}")
    );
    assert_eq!(&body[items[1].range.clone()], b"{\"EventType\":\"A\"}");
}

#[test]
fn a_bad_item_harms_only_itself() {
    let body = "\u{feff}{\"Response\":{\"EventSet\":[null,{\"EventType\":\"NewFileUpload\"},{\"EventType\":\"A\"},[],{}]}}";
    let items = read(body.as_bytes()).unwrap().items;
    let told: Vec<_> = items
        .iter()
        .map(|item| (&body[item.range.clone()], item.event.as_ref().err()))
        .collect();
    assert_eq!(
        told,
        [
            ("null", Some(&Fault::NotAnObject)),
            (r#"{"EventType":"NewFileUpload"}"#, Some(&Fault::NoFileId)),
            (r#"{"EventType":"A"}"#, None),
            ("[]", Some(&Fault::NotAnObject)),
            ("{}", Some(&Fault::NoEvent)),
        ]
    );
}

#[test]
fn a_list_is_split_up_to_its_limit() {
    let list = |count: usize| {
        format!(
            r#"{{"EventSet":[{}]}}"#,
            vec![r#"{"EventType":"A"}"#; count].join(",")
        )
    };
    assert_eq!(
        read(list(MAX_ITEMS).as_bytes()).unwrap().items.len(),
        MAX_ITEMS
    );
    assert_eq!(fault(list(MAX_ITEMS + 1)), Fault::TooManyItems);
}

#[test]
fn an_event_that_names_too_many_files_is_refused_and_not_cut_off() {
    let deletion = |files: usize| {
        let ids: Vec<_> = (1..=files).map(|n| format!("\"{n}\"")).collect();
        format!(
            r#"{{"EventType":"FileDeleted","FileDeleteEvent":{{"FileIdSet":[{}]}}}}"#,
            ids.join(",")
        )
    };
    assert_eq!(event(deletion(1000)).files.len(), 1000);
    assert_eq!(fault(deletion(1001)), Fault::TooManyFiles);
}

#[test]
fn a_body_without_an_event_says_so() {
    for body in [
        "{}",
        r#"{"hello":{"FileId":"7"}}"#,
        r#"{"Response":{"Error":{"Code":"ResourceNotFound","Message":"x"},"RequestId":"r"}}"#,
        r#"{"Response":{"EventSet":[],"RequestId":"r"}}"#,
        r#"{"Response":{"EventSet":null,"RequestId":"r"}}"#,
        r#"{"code":0,"message":"","eventList":[]}"#,
        r#"{"code":0,"message":"","eventList":null}"#,
        r#"{"version":"4.0","data":{"fileId":"7"}}"#,
    ] {
        assert_eq!(fault(body), Fault::NoEvent, "{body}");
    }
    for (body, fault_read) in [
        ("", Fault::Empty),
        ("x", Fault::NotJson),
        ("[]", Fault::NotAnObject),
    ] {
        assert_eq!(read(body.as_bytes()), Err(fault_read), "{body}");
    }
    let sealed = read(br#"{"Sign":"s","T":1}"#).unwrap();
    assert!(
        sealed.sign.is_some(),
        "who sent it can be told even where there is no event"
    );
}

#[test]
fn one_item_of_the_legacy_queue_is_an_event() {
    let content = r#"{"version":"4.0","eventType":"NewFileUpload","data":{"fileId":"7"}}"#;
    let object = event(format!(r#"{{"msgHandle":"m1","eventContent":{content}}}"#));
    let text = event(format!(
        r#"{{"msgHandle":"m1","eventContent":{}}}"#,
        Value::from(content)
    ));
    assert_eq!(news(&object), [("7", News::Uploaded)]);
    assert_eq!(object, text);
    assert_eq!(
        object.digest,
        event(content).digest,
        "the handle is of the sending"
    );
    assert_eq!(fault(r#"{"eventContent":"not json"}"#), Fault::NotJson);
}

#[test]
fn the_digest_is_of_what_is_said_not_of_the_sending() {
    let bare = event(r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"7"}}"#).digest;
    for other in [
        r#"{"Sign":"s","T":1,"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"7"}}"#,
        r#"{"EventHandle":"1","EventType":"NewFileUpload","FileUploadEvent":{"FileId":"7"},"sign":"s","t":"2"}"#,
    ] {
        assert_eq!(event(other).digest, bare, "{other}");
    }
    for other in [
        r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"8"}}"#,
        r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId":"7"},"x":1}"#,
        r#"{"EventTyp":"x","EventType":"NewFileUpload","FileUploadEvent":{"FileId":"7"}}"#,
    ] {
        assert_ne!(event(other).digest, bare, "{other}");
    }
    let split = |member: &str| event(format!(r#"{{"EventType":"A",{member}}}"#)).digest;
    assert_ne!(
        split(r#""x":12"#),
        split(r#""x1":2"#),
        "lengths are part of it"
    );
}

#[test]
fn depth_and_width_cost_little() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let nested = r#"{"FileInfo":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
    for odd in [
        deep,
        nested,
        "\"".to_owned() + &"x".repeat(1 << 20) + "\"",
        format!("[{}0]", "{},".repeat(1 << 20)),
    ] {
        let body = format!(
            r#"{{"EventType":"EditMediaComplete","EditMediaCompleteEvent":{{"FileId":"7","Odd":{odd}}}}}"#
        );
        assert_eq!(news(&event(body)), [("7", News::Mentioned)]);
    }
    let deep_body = "{\"a\":".repeat(100_000);
    assert_eq!(read(deep_body.as_bytes()), Err(Fault::NotJson));
}

fn seeds() -> Vec<Vec<u8>> {
    [
        "v3-push-NewFileUpload-doc2026",
        "v3-pull-FileDeleted-doc2020",
        "v2-pull-PullEvent-doc2020-0",
        "v3-push-ProcedureStateChanged-doc2020",
    ]
    .map(|name| fixture(&format!("payloads/{name}.json")).into_bytes())
    .to_vec()
}

fn holds_promises(body: &[u8]) -> Result<(), TestCaseError> {
    let Ok(notification) = read(body) else {
        return Ok(());
    };
    prop_assert!(!notification.items.is_empty());
    for item in notification.items {
        let kept = body.get(item.range.clone());
        prop_assert!(kept.is_some(), "{:?} is not in the body", item.range);
        if item.range != (0..body.len()) {
            prop_assert_eq!(read_item(kept.unwrap()), item.event.clone());
        }
        for file in item.event.iter().flat_map(|event| &event.files) {
            prop_assert!(
                file.fields
                    .name
                    .as_ref()
                    .is_none_or(|name| !name.contains('\0'))
            );
            prop_assert!(
                file.fields
                    .duration_s
                    .is_none_or(|seconds| seconds.is_finite() && seconds >= 0.0)
            );
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
        holds_promises(&body)?;
    }

    #[test]
    fn mutated_samples_are_read_without_panic(
        seed in prop::sample::select(seeds()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let mut body = seed;
        for (at, byte, edit) in edits {
            let at = at.index(body.len());
            match edit {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => { body.remove(at); }
            }
        }
        holds_promises(&body)?;
    }

    #[test]
    fn any_json_where_texts_should_be_is_read_without_panic(
        value in prop::sample::select(vec!["null", "[]", "{}", "1e999", "-0", "\"\\ud800\"", "[[{}]]", "true", "{\"FileId\":[]}"]),
        seed in prop::sample::select(seeds()),
        at in any::<prop::sample::Index>(),
    ) {
        // A value of a sample, chosen by its colon, is replaced by an odd one.
        let text = String::from_utf8(seed).unwrap();
        let colons: Vec<_> = text.match_indices("\": \"").map(|(at, _)| at + 3).collect();
        let start = colons[at.index(colons.len())];
        let end = start + 2 + text[start + 1..].find('"').unwrap();
        holds_promises(format!("{}{value}{}", &text[..start], &text[end..]).as_bytes())?;
    }
}
