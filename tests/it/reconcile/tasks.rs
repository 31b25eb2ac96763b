//! Tasks whose event was lost are finished by asking.

use super::*;

/// What DescribeTaskDetail tells of a task flow.
pub fn procedure(file_id: &str, task_id: &str, status: &str) -> Value {
    let part = if status == "FINISH" {
        "SUCCESS"
    } else {
        "PROCESSING"
    };
    json!({
        "TaskType": "Procedure", "Status": status, "CreateTime": ago(600), "ReviewAudioVideoTask": null,
        "ProcedureTask": {
            "TaskId": task_id, "Status": status, "FileId": file_id,
            "MediaProcessResultSet": [{"Type": "Transcode", "TranscodeTask": {
                "Status": part, "ErrCodeExt": "",
                "Output": {"Url": "http://example.com/v.f100010.mp4", "Definition": 100_010}}}],
        },
    })
}

/// The notification of an upload that started a task.
fn with_task(file_id: &str, task_id: &str) -> Value {
    let mut upload = upload(file_id, "", 700);
    upload["FileUploadEvent"]["ProcedureTaskId"] = json!(task_id);
    upload
}

#[actix_web::test]
async fn a_task_whose_end_was_lost_is_finished() {
    let vod = vod();
    let app = vod.receiver().await;
    for (file_id, task_id, status) in [
        ("82001", "a", "FINISH"),
        ("82002", "b", "PROCESSING"),
        ("82003", "c", "ABORTED"),
    ] {
        let told = with_task(file_id, task_id);
        app.callback(told.to_string()).await;
        vod.holds(&told);
        vod.simulator
            .set_task(task_id, procedure(file_id, task_id, status));
    }
    // One that VOD does not know: too old, or made up.
    app.callback(with_task("82004", "d").to_string()).await;
    vod.holds(&with_task("82004", "d"));
    let counts = app.reconcile(&vod, &day()).await;
    assert_eq!(counts.tasks, 3);
    for (file_id, processing) in [
        ("82001", "succeeded"),
        ("82002", "processing"),
        ("82003", "failed"),
        ("82004", "waiting"),
    ] {
        assert_eq!(
            app.upload(file_id).await["processing"],
            processing,
            "{file_id}"
        );
    }
    let history = app.get("/v1/uploads/82001").await.1;
    assert_eq!(history["tasks"][0]["outputs"][0]["kind"], "transcode");
    let kept = app.deliveries().await;
    assert_eq!(app.reconcile(&vod, &day()).await.tasks, 0);
    assert_eq!(app.deliveries().await, kept);
    vod.simulator
        .set_task("b", procedure("82002", "b", "FINISH"));
    assert_eq!(app.reconcile(&vod, &day()).await.tasks, 1);
    assert_eq!(app.upload("82002").await["processing"], "succeeded");
}

#[actix_web::test]
async fn a_task_is_asked_for_although_its_upload_is_older_than_the_run() {
    let vod = vod();
    let app = vod.receiver().await;
    app.callback(with_task("83001", "a").to_string()).await;
    vod.simulator
        .set_task("a", procedure("83001", "a", "FINISH"));
    let last_minute = Ask {
        since: Some(now() - TimeDelta::minutes(1)),
        ..Ask::default()
    };
    assert_eq!(app.reconcile(&vod, &last_minute).await.tasks, 1);
    assert_eq!(app.upload("83001").await["processing"], "succeeded");
}

#[actix_web::test]
async fn an_upload_that_was_never_told_gets_its_tasks() {
    let vod = vod();
    let app = vod.receiver().await;
    for number in 0..130 {
        let file_id = format!("84{number:03}");
        let task_id = format!("p{number:03}");
        vod.holds(&upload(&file_id, "", 700));
        vod.simulator
            .set_task(&task_id, procedure(&file_id, &task_id, "FINISH"));
    }
    let review = json!({
        "TaskType": "ReviewAudioVideo", "Status": "FINISH", "CreateTime": ago(600),
        "ReviewAudioVideoTask": {"TaskId": "r", "Status": "FINISH", "ErrCodeExt": "", "Input": {"FileId": "84000"}},
    });
    vod.simulator.set_task("r", review);
    let counts = app.reconcile(&vod, &day()).await;
    assert_eq!((counts.missing, counts.tasks), (130, 131));
    assert!(vod.simulator.calls("DescribeTasks") >= 2);
    let filled = app.upload("84000").await;
    assert_eq!(filled["processing"], "succeeded");
    assert_eq!(filled["procedure_task_id"], "p000");
    assert_eq!(filled["review_task_id"], "r");
}

#[actix_web::test]
async fn tasks_of_more_than_three_days_ago_are_not_asked_for() {
    let vod = vod();
    let app = vod.receiver().await;
    app.callback(with_task("85001", "a").to_string()).await;
    for clock in [&app.clock, &vod.clock] {
        clock.advance(TimeDelta::days(4));
    }
    let counts = app.reconcile(&vod, &Ask::default()).await;
    assert_eq!(counts.tasks, 0);
    assert_eq!(vod.simulator.calls("DescribeTaskDetail"), 0);
    let all = Ask {
        since: Some(now() - TimeDelta::days(1)),
        ..Ask::default()
    };
    app.reconcile(&vod, &all).await;
    assert_eq!(vod.simulator.calls("DescribeTaskDetail"), 0);
}
