//! One row from many facts, whatever their order: the pure part, on random histories.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use uuid::Uuid;
use vod_receiver::attribute::Resolvers;
use vod_receiver::config::AppName;
use vod_receiver::record::batch::{Batch, Stored, TaskKey};
use vod_receiver::record::fold::{Task, Upload};
use vod_receiver::record::refute::{self, Refuted};
use vod_receiver::record::{Delivery, Door};
use vod_receiver::ticket::{IssuedTicket, Ticket, UserId};
use vod_receiver::vod::event::{Event, FileFact, FileFields, FileId, Format, News};
use vod_receiver::vod::notification;

use crate::attribution::resolving;
use crate::harness::token_app;

pub const TICKETS: [&str; 3] = [
    "vt_01H455VB4PEX5VSKNK084SN02Q",
    "vt_01H455VB4PEX5VSKNK084SN02R",
    "vt_01H455VB4PEX5VSKNK084SN02S",
];

/// What the tables would hold.
#[derive(Debug, Clone, Default)]
struct Tables {
    files: BTreeMap<(String, String), Upload>,
    tasks: BTreeMap<TaskKey, Task>,
    /// With why VOD contradicts them.
    deliveries: BTreeMap<Uuid, (Delivery, Option<Refuted>)>,
}

impl Tables {
    /// Folds a batch the way the recorder does, with these tables in place of Postgres.
    fn record(&mut self, deliveries: &[Delivery]) {
        let mut batch = Batch::of(deliveries);
        for (key, file) in &mut batch.files {
            file.before = self.files.get(key).cloned().map(stored);
        }
        for (key, task) in &mut batch.tasks {
            task.before = self.tasks.get(key).cloned().map(stored);
        }
        batch.tickets = issued();
        batch.resolvers = resolvers();
        batch.fold(deliveries, now());
        self.judge(&mut batch);
        for (position, delivery) in deliveries.iter().enumerate() {
            if !batch.passed_over.contains(&position) {
                let kept = || (delivery.clone(), None);
                self.deliveries.entry(delivery.id).or_insert_with(kept);
            }
        }
        for (id, mark) in &batch.marks {
            self.deliveries.get_mut(id).unwrap().1 = *mark;
        }
        for (key, file) in batch.files {
            self.files.extend(file.after.map(|after| (key, after)));
        }
        for (key, task) in batch.tasks {
            self.tasks.extend(task.after.map(|after| (key, after)));
        }
    }

    fn judge(&self, batch: &mut Batch) {
        let due = batch.files.iter().filter(|(_, file)| refute::is_due(file));
        let due: Vec<_> = due.map(|(key, _)| key.clone()).collect();
        for key in &due {
            let names_it = |(kept, _): &&(Delivery, _)| {
                let mut files = kept.said.iter().flat_map(|event| &event.files);
                files.any(|fact| fact.file_id.as_str() == key.1)
            };
            for (kept, mark) in self.deliveries.values().filter(names_it) {
                batch.judge(key, kept, mark.map(Refuted::as_str));
            }
        }
    }

    /// What is promised to be the same: not when VOD last answered, nor which of its answers were kept.
    fn promised(mut self) -> Promised {
        for upload in self.files.values_mut() {
            upload.seen_at = None;
        }
        let kept = self.deliveries.values();
        let events = kept.filter(|(delivery, _)| delivery.door != Door::Reconcile);
        let marks = events.map(|(delivery, mark)| (delivery.id, *mark));
        (marks.collect(), self.files, self.tasks)
    }
}

type Promised = (
    BTreeMap<Uuid, Option<Refuted>>,
    BTreeMap<(String, String), Upload>,
    BTreeMap<TaskKey, Task>,
);

fn stored<T>(row: T) -> Stored<T> {
    Stored {
        row,
        version: 1,
        recorded_at: now(),
        updated_at: now(),
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

/// One of the contexts is no ticket but names a user.
fn resolvers() -> Resolvers {
    Resolvers::of(&[resolving(token_app(), &["regex:^uid=(?<user>.*)"])])
}

/// The first two tickets are ours, the third one never was.
fn issued() -> HashMap<Ticket, Arc<IssuedTicket>> {
    [(TICKETS[0], "main", "ann"), (TICKETS[1], "other", "bob")]
        .map(|(ticket, app, user)| {
            let user_id = UserId::parse(user).unwrap();
            (
                ticket.parse().unwrap(),
                Arc::new(IssuedTicket {
                    app: app.to_owned(),
                    user_id: Some(user_id),
                    last_expires_at: now(),
                }),
            )
        })
        .into()
}

fn delivery(body: &Value, door: Door, minute: i64) -> Delivery {
    let body = body.to_string();
    let event = notification::read_item(body.as_bytes());
    Delivery {
        id: Uuid::nil(),
        app: AppName::main(),
        door,
        received_at: now() + TimeDelta::minutes(minute),
        said: Ok(event.unwrap()),
        body: body.into(),
    }
}

/// VOD, asked, says that it knows no such files.
pub fn absent(files: &[&str]) -> Delivery {
    let fact = |file: &&str| FileFact {
        file_id: FileId::parse(file).unwrap(),
        news: News::Absent,
        update_time: None,
        fields: FileFields::default(),
    };
    Delivery {
        id: Uuid::nil(),
        app: AppName::main(),
        door: Door::Reconcile,
        received_at: now(),
        said: Ok(Event {
            event_type: "FileNotExist".to_owned(),
            format: Format::V3,
            digest: [7; 32],
            files: files.iter().map(fact).collect(),
            task: None,
        }),
        body: json!({"NotExistFileIdSet": files}).to_string().into(),
    }
}

/// Files of which nothing is known are not asked for: each was named before VOD answers anything about it.
pub fn named_first() -> [Delivery; 2] {
    ["1001", "1002"].map(|file| {
        let body = json!({"EventType": "RestoreMediaComplete", "RestoreMediaCompleteEvent": {"FileId": file}});
        delivery(&body, Door::Push, 0)
    })
}

/// Gives each its id, and answers of VOD the times at which they were given, one a minute.
pub fn number_them(told: &mut [Delivery]) {
    for (number, delivery) in (1_u8..).zip(told) {
        delivery.id = Uuid::from_u128(u128::from(number));
        if delivery.door == Door::Reconcile {
            delivery.received_at = now() + TimeDelta::minutes(i64::from(number));
        }
    }
}

/// Puts the answers of VOD, and nothing else, into the order in which they were given.
fn answers_in_order(told: &mut [Delivery]) {
    let is_answer = |delivery: &&Delivery| delivery.door == Door::Reconcile;
    let mut answers: Vec<Delivery> = told.iter().filter(is_answer).cloned().collect();
    answers.sort_by_key(|answer| answer.received_at);
    let places = told
        .iter_mut()
        .filter(|delivery| delivery.door == Door::Reconcile);
    for (place, answer) in places.zip(answers) {
        *place = answer;
    }
}

/// One of everything that VOD may tell of two files and their tasks, facts that disagree included.
pub fn any_delivery() -> impl Strategy<Value = Delivery> {
    let file = select(vec!["1001", "1002"]);
    let context = select(vec![
        "", TICKETS[0], TICKETS[1], TICKETS[2], "uid=7", "uid=8",
    ]);
    let text = select(vec!["", "a", "b"]);
    let task = select(vec!["", "1-Procedure-a", "1-Procedure-b", "1-Review-a"]);
    let updated = select(vec!["", "2026-11-23T07:00:00Z", "2026-11-23T07:30:00Z"]);
    let status = select(vec!["PROCESSING", "FINISH"]);
    let result = select(vec!["SUCCESS", "FAIL"]);
    let door = select(vec![Door::Push, Door::Pull, Door::Reconcile, Door::Replay]);
    (0..9_u8, file, context, text, task, updated, status, result, door, 0..5_i64).prop_map(
        |(kind, file, context, text, task, updated, status, result, door, minute)| {
            if kind > 6 {
                let both = ["1001", "1002"];
                return absent(if kind == 7 { std::slice::from_ref(&file) } else { &both });
            }
            let body = match kind {
                0 | 1 => json!({"EventType": "NewFileUpload", "FileUploadEvent": {
                    "FileId": file, "ProcedureTaskId": task, "ReviewAudioVideoTaskId": text,
                    "MediaBasicInfo": {"Name": text, "UpdateTime": updated, "CoverUrl": task,
                        "CreateTime": if minute == 4 { "2026-11-23T08:00:01Z" } else { "" },
                        "SourceInfo": {"SourceType": "Upload", "SourceContext": context}}}}),
                2 => json!({"version": "4.0", "eventType": "NewFileUpload", "data": {
                    "fileId": file, "fileName": text, "sourceContext": context, "procedureTaskId": task}}),
                3 => json!({"version": "4.0", "eventType": "PullComplete", "data": {
                    "FileId": file, "TaskId": "1-Pull-a", "Status": "FINISH", "ErrCode": 0,
                    "MediaBasicInfo": {"Name": text, "SourceInfo": {"SourceContext": context}}}}),
                4 => json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
                    "FileId": file, "TaskId": if task.is_empty() { "1-Procedure-a" } else { task },
                    "Status": status, "FileName": text, "SessionContext": context,
                    "MediaProcessResultSet": [
                        {"Type": "Transcode", "TranscodeTask": {"Status": result, "ErrCodeExt": "",
                            "Output": {"Url": format!("http://h/{text}{minute}.mp4")}}},
                        {"Type": "Transcode", "TranscodeTask": {"Status": "SUCCESS", "ErrCodeExt": ""}}]}}),
                5 => json!({"EventType": "ReviewAudioVideoComplete", "ReviewAudioVideoCompleteEvent": {
                    "TaskId": "1-Review-a", "Status": status, "Input": {"FileId": file}, "SessionContext": context}}),
                _ => json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": [file],
                    "FileDeleteResultInfo": if text == "a" {
                        json!([{"FileId": file, "DeleteParts": [{"Type": "TranscodeFiles"}]}])
                    } else { json!([]) }}}),
            };
            delivery(&body, door, minute)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_order_and_any_batches_give_the_same_rows(
        history in prop::collection::vec(any_delivery(), 1..9),
        again in prop::collection::vec(any::<Index>(), 0..4),
        swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 0..12),
        cut in any::<Index>(),
    ) {
        let mut history = [&named_first()[..], &history].concat();
        number_them(&mut history);
        let mut straight = Tables::default();
        for one in &history {
            straight.record(std::slice::from_ref(one));
        }
        let (named, mut other) = (history[..2].to_vec(), history[2..].to_vec());
        let len = other.len();
        for (a, b) in swaps {
            other.swap(a.index(len), b.index(len));
        }
        answers_in_order(&mut other);
        other.extend(again.iter().map(|index| index.get(&history).clone()));
        let (first, second) = other.split_at(cut.index(other.len()));
        let mut shuffled = Tables::default();
        for batch in [&named[..], first, second] {
            shuffled.record(batch);
        }
        prop_assert_eq!(straight.promised(), shuffled.promised());
    }
}
