//! The proof of it all: a receiver whose door was shut for a while has, once it reconciled, the tables of one that
//! was told everything.

use super::*;
use crate::fold::TICKETS;
use crate::uploads_list::deletion;

/// What VOD tells, as it would push it.
enum Told {
    Upload(Value),
    /// A task of a file: its event, and what VOD answers when it is asked for it.
    Task(&'static str, Value, Value),
    Deletion(&'static str),
}

impl Told {
    fn push(&self) -> Value {
        match self {
            Self::Upload(upload) => upload.clone(),
            Self::Task(_, event, _) => event.clone(),
            Self::Deletion(file_id) => deletion(&[file_id]),
        }
    }

    fn happens_at(&self, vod: &Vod) {
        match self {
            Self::Upload(upload) => vod.holds(upload),
            Self::Task(task_id, _, answer) => vod.simulator.set_task(task_id, answer.clone()),
            Self::Deletion(file_id) => assert!(vod.simulator.delete_media(file_id)),
        }
    }
}

fn uploaded(file_id: &str, context: &str, seconds_ago: i64, tasks: (&str, &str)) -> Told {
    let mut told = upload(file_id, context, seconds_ago);
    told["FileUploadEvent"]["ProcedureTaskId"] = json!(tasks.0);
    told["FileUploadEvent"]["ReviewAudioVideoTaskId"] = json!(tasks.1);
    Told::Upload(told)
}

/// A task flow with these sub-tasks; `PROCESSING` ones are told in mode Change only.
fn flow(task_id: &'static str, file_id: &str, session: &str, status: &str, parts: &[&str]) -> Told {
    let parts: Vec<Value> = parts
        .iter()
        .map(|part| {
            let code = if *part == "FAIL" { "InternalError" } else { "" };
            json!({"Type": "Transcode", "TranscodeTask": {
                "Status": part, "ErrCodeExt": code, "Message": code,
                "Output": {"Url": format!("http://example.com/{file_id}.mp4"), "Definition": 100_010}}})
        })
        .collect();
    let task = json!({
        "TaskId": task_id, "Status": status, "FileId": file_id, "FileName": "another name", "SessionContext": session,
        "MediaProcessResultSet": parts, "TasksNotifyMode": "Change",
    });
    let event = json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": task});
    let answer = json!({
        "TaskType": "Procedure", "Status": status, "CreateTime": ago(1_000), "ProcedureTask": task, "EditMediaTask": null,
    });
    Told::Task(task_id, event, answer)
}

fn review(task_id: &'static str, file_id: &str, code: &str) -> Told {
    let task = json!({
        "TaskId": task_id, "Status": "FINISH", "ErrCodeExt": code, "Message": code, "Input": {"FileId": file_id},
    });
    let event =
        json!({"EventType": "ReviewAudioVideoComplete", "ReviewAudioVideoCompleteEvent": task});
    let answer = json!({
        "TaskType": "ReviewAudioVideo", "Status": "FINISH", "CreateTime": ago(1_000), "ReviewAudioVideoTask": task,
    });
    Told::Task(task_id, event, answer)
}

fn before() -> Vec<Told> {
    vec![
        uploaded("89001", TICKETS[0], 7_200, ("p1", "")),
        flow("p1", "89001", "", "FINISH", &["SUCCESS", "SUCCESS"]),
        uploaded("89002", TICKETS[0], 7_100, ("", "")),
        uploaded("89003", TICKETS[0], 7_000, ("p3", "")),
        uploaded("89004", TICKETS[1], 6_900, ("", "r4")),
        uploaded("89005", "uid=7", 6_800, ("p5", "r5")),
        flow("p5", "89005", "", "PROCESSING", &["PROCESSING"]),
    ]
}

fn while_shut() -> Vec<Told> {
    vec![
        Told::Deletion("89002"),
        flow("p3", "89003", TICKETS[0], "FINISH", &["SUCCESS", "FAIL"]),
        review("r4", "89004", ""),
        flow("p5", "89005", "", "FINISH", &["FAIL"]),
        review("r5", "89005", "InternalError"),
        uploaded("89006", TICKETS[0], 3_600, ("", "")),
        uploaded("89007", "", 3_500, ("p7", "")),
        flow("p7", "89007", TICKETS[0], "FINISH", &["SUCCESS"]),
        uploaded("89008", TICKETS[2], 3_400, ("", "r8")),
        review("r8", "89008", ""),
        uploaded("89009", TICKETS[0], 3_300, ("p9", "r9")),
        review("r9", "89009", ""),
        flow(
            "p9",
            "89009",
            TICKETS[0],
            "PROCESSING",
            &["SUCCESS", "PROCESSING"],
        ),
    ]
}

fn after() -> Vec<Told> {
    vec![
        uploaded("89010", TICKETS[0], 600, ("", "")),
        flow("p9", "89009", TICKETS[0], "FINISH", &["SUCCESS", "SUCCESS"]),
    ]
}

impl TestApp {
    /// What is promised to be the same (design section 6, promise 2), of uploads and of tasks. Left out: when
    /// something was told and how often; by whom (`confirmed`, `seen_at`, `absent_at`) and by which fact (the ranks).
    async fn promised(&self) -> (Value, Value) {
        sqlx::query_as(
            "SELECT
                (SELECT jsonb_agg(to_jsonb(u) - ARRAY[
                        'recorded_at', 'updated_at', 'announced_at', 'attribution_at', 'deleted_at', 'deliveries',
                        'version', 'folded_on', 'rank_strength', 'rank_update_time', 'rank_digest', 'weaker',
                        'confirmed', 'seen_at', 'absent_at'
                    ] || jsonb_build_object('announced', announced_at IS NOT NULL, 'deleted', deleted_at IS NOT NULL)
                    ORDER BY app, file_id) FROM uploads u),
                (SELECT jsonb_agg(to_jsonb(t) - ARRAY[
                        'recorded_at', 'updated_at', 'version', 'rank_strength', 'rank_digest'
                    ] ORDER BY task_id, app, file_id) FROM tasks t)",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// What the feed told of each upload, but for what was updated in between.
    async fn recorded_and_deleted(&self) -> Value {
        sqlx::query_scalar(
            "SELECT jsonb_agg(DISTINCT jsonb_build_array(kind, file_id)) FROM changes WHERE kind <> 'updated'",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

#[actix_web::test]
async fn after_the_door_was_shut_the_tables_are_those_of_a_receiver_that_was_told_everything() {
    let vod = vod();
    let (told, shut) = (vod.receiver().await, vod.receiver().await);
    for app in [&told, &shut] {
        app.issue_tickets().await;
    }
    for (is_open, events) in [(true, before()), (false, while_shut()), (true, after())] {
        for event in &events {
            event.happens_at(&vod);
            let push = event.push().to_string();
            told.callback(push.clone()).await;
            if is_open {
                shut.callback(push).await;
            }
        }
        if is_open {
            // As the schedule would have done before the door was shut, and does after.
            shut.reconcile(&vod, &day()).await;
        }
    }
    assert_eq!(shut.promised().await, told.promised().await);
    assert_eq!(
        shut.recorded_and_deleted().await,
        told.recorded_and_deleted().await
    );
    for (file_id, user, processing) in [
        ("89006", json!("ann"), "none"),
        ("89007", json!("ann"), "succeeded"),
        ("89003", json!("ann"), "partly_failed"),
        ("89009", json!("ann"), "succeeded"),
        ("89005", Value::Null, "failed"),
    ] {
        let upload = shut.upload(file_id).await;
        assert_eq!(
            (&upload["user_id"], &upload["processing"]),
            (&user, &json!(processing)),
            "{file_id}"
        );
        assert_eq!(upload["confirmed"], "vod");
    }
    assert!(!shut.upload("89002").await["deleted_at"].is_null());
    // Asked again, VOD has nothing to add; asked for the first time by the one that was told everything, neither.
    let kept = shut.deliveries().await;
    shut.reconcile(&vod, &day()).await;
    assert_eq!(shut.deliveries().await, kept);
    let counts = told.reconcile(&vod, &day()).await;
    assert_eq!((counts.missing, counts.repaired, counts.deleted), (0, 0, 0));
    assert_eq!(told.promised().await, shut.promised().await);
}
