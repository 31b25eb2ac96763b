//! Bodies at the push door, and answers of VOD: whatever they hold, what is read of them is fit for Postgres, and read
//! alike each time.

#![no_main]

use std::collections::HashSet;

use chrono::{DateTime, Datelike as _, Utc};
use libfuzzer_sys::fuzz_target;
use vod_receiver::vod::event::{Event, FileFact, FileFields, FileId, TaskFact};
use vod_receiver::vod::inventory;
use vod_receiver::vod::notification::{
    self, Fault, Item, MAX_FILES, MAX_ITEMS, Notification, read_item,
};

/// Of texts and names of types, as `vod::json` cuts them.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Of the files of one event, as `vod::file_facts` refuses more.
const MAX_FILES_OF_AN_EVENT: usize = 1000;
const MAX_TASK_ID_BYTES: usize = 256;

fuzz_target!(|body: &[u8]| {
    let read = notification::read(body);
    assert_eq!(
        read,
        notification::read(body),
        "read twice, it says the same"
    );
    // What is cut out, or lay in the spool, is read by this one.
    let alone = read_item(body);
    if let Ok(event) = &alone {
        check_event(event);
    }
    let answer = inventory::read(body);
    assert_eq!(answer, inventory::read(body));
    if let Ok(event) = &answer {
        check_event(event);
        assert!(event.task.is_some() || !event.files.is_empty());
    }
    match read {
        // Neither is then an object.
        Err(fault) => assert_eq!(alone, Err(fault)),
        Ok(notification) => {
            check_items(body, &notification);
            check_sending(body, &notification);
        }
    }
});

fn check_items(body: &[u8], notification: &Notification) {
    let items = &notification.items;
    assert!((1..=MAX_ITEMS).contains(&items.len()));
    let mut end = 0;
    let mut files = 0;
    for item in items {
        let Item { range, event } = item;
        assert!(end <= range.start && range.start < range.end && range.end <= body.len());
        end = range.end;
        if let Ok(event) = event {
            check_event(event);
            files += event.files.len();
        }
        // A fault of the list is that of the whole, not of the event that the whole might be as well.
        let is_of_the_list = matches!(
            event,
            Err(Fault::TooManyItems | Fault::TooManyFiles | Fault::NoEvent)
        ) && *range == (0..body.len());
        if !is_of_the_list {
            assert_eq!(
                &read_item(&body[range.clone()]),
                event,
                "cut out, it says the same"
            );
        }
    }
    assert!(files <= MAX_FILES);
}

/// The members that change from one sending to the next change nothing of what is said.
fn check_sending(body: &[u8], notification: &Notification) {
    let [
        Item {
            range,
            event: Ok(event),
        },
    ] = &notification.items[..]
    else {
        return;
    };
    if *range != (0..body.len()) {
        return;
    }
    let brace = body
        .iter()
        .position(|byte| *byte == b'{')
        .expect("an object");
    // In front, so that what is there already still counts.
    let members = br#""Sign":"bf38939e1bf360dd786a5eb14f523445","T":1764579600,"EventHandle":"a.b","msgHandle":"c","#;
    let mut sent = body[..=brace].to_vec();
    sent.extend_from_slice(members);
    sent.extend_from_slice(&body[brace + 1..]);
    match notification::read(&sent) {
        Ok(again) => {
            assert!(again.sign.is_some());
            assert_eq!(again.items.len(), 1);
            match &again.items[0].event {
                Ok(again) => assert_eq!(again, event),
                Err(fault) => panic!("sent with a Sign it is refused: {fault}"),
            }
        }
        // It had nearly as many as are taken.
        Err(fault) => assert_eq!(fault, Fault::TooManyMembers),
    }
}

fn check_event(event: &Event) {
    let Event {
        event_type,
        format: _,
        digest: _,
        files,
        task,
    } = event;
    check_text(event_type);
    assert!(files.len() <= MAX_FILES_OF_AN_EVENT);
    let ids: HashSet<_> = files.iter().map(|fact| &fact.file_id).collect();
    assert_eq!(ids.len(), files.len(), "each file once");
    for FileFact {
        file_id,
        news: _,
        update_time,
        fields,
    } in files
    {
        check_file_id(file_id);
        assert!(update_time.is_none_or(is_storable_time));
        check_fields(fields);
    }
    if let Some(TaskFact {
        task_id,
        task_type,
        role: _,
        state: _,
        error_code,
        message,
        file_id,
        session_context,
        outputs,
    }) = task
    {
        check_task_id(task_id);
        assert!(outputs.len() <= 200 && outputs.iter().all(|output| output.url.len() <= 1024));
        assert_eq!(task_type, event_type);
        file_id.iter().for_each(check_file_id);
        [error_code, message, session_context]
            .into_iter()
            .flatten()
            .for_each(check_text);
    }
}

fn check_fields(fields: &FileFields) {
    let FileFields {
        source_type,
        source_context,
        session_context,
        name,
        media_type,
        media_url,
        cover_url,
        class_id: _,
        storage_region,
        size_bytes,
        duration_s,
        width,
        height,
        bitrate_bps,
        procedure_task_id,
        review_task_id,
        uploaded_at,
    } = fields;
    [
        source_type,
        source_context,
        session_context,
        name,
        media_type,
        media_url,
        cover_url,
        storage_region,
    ]
    .into_iter()
    .flatten()
    .for_each(check_text);
    [procedure_task_id, review_task_id]
        .into_iter()
        .flatten()
        .for_each(check_task_id);
    assert!(size_bytes.is_none_or(|bytes| bytes >= 0));
    assert!(bitrate_bps.is_none_or(|rate| rate >= 0));
    assert!(width.is_none_or(|pixels| pixels >= 0));
    assert!(height.is_none_or(|pixels| pixels >= 0));
    assert!(duration_s.is_none_or(|seconds| seconds.is_finite() && seconds >= 0.0));
    assert!(uploaded_at.is_none_or(is_storable_time));
}

/// What a column of Postgres holds: no NUL, nothing that is no text, of a bounded size.
fn check_text(text: &String) {
    assert!(!text.is_empty());
    assert!(!text.contains('\0'), "a NUL in {text:?}");
    assert!(text.len() <= MAX_TEXT_BYTES, "{} bytes", text.len());
}

fn check_task_id(task_id: &String) {
    check_text(task_id);
    assert!(task_id.len() <= MAX_TASK_ID_BYTES);
}

fn check_file_id(file_id: &FileId) {
    assert_eq!(FileId::parse(file_id.as_str()).as_ref(), Some(file_id));
}

/// Read back from Postgres it is the same: whole microseconds, and a year of four digits.
fn is_storable_time(time: DateTime<Utc>) -> bool {
    (2..=9999).contains(&time.year()) && time.timestamp_subsec_nanos().is_multiple_of(1000)
}
