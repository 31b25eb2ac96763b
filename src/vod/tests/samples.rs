//! What `sample` makes, this folder reads.

use super::*;
use crate::vod::event::{Format, TaskRole, TaskState};
use crate::vod::sample::{SampleUpload, signed};

fn sample() -> SampleUpload {
    SampleUpload {
        file_id: "14508071098244959037".into(),
        name: "动物世界".into(),
        source_context: "vt_01".into(),
        session_context: "vt_01".into(),
        procedure_task_id: "1500000000-procedurev2-abct0".into(),
        sub_app_id: 1_500_000_000,
        at: "2026-01-04T08:00:00Z".parse().unwrap(),
    }
}

#[test]
fn an_upload_reads_alike_in_both_formats() {
    let (v3, v2) = (
        event(sample().new_file_upload().to_string()),
        event(sample().new_file_upload_v2().to_string()),
    );
    assert_eq!((v3.format, v2.format), (Format::V3, Format::V2));
    assert_eq!((&v3.task, &v2.task), (&None, &None));
    assert_eq!(news(&v3), [("14508071098244959037", News::Uploaded)]);
    let (v3, v2) = (only_file(&v3).clone(), only_file(&v2).clone());
    assert_eq!(v3.update_time, Some(sample().at));
    let only_in_v3 = FileFields {
        source_type: Some("ClientUpload".into()),
        media_type: None,
        class_id: None,
        storage_region: None,
        uploaded_at: None,
        ..v3.fields.clone()
    };
    assert_eq!(v2.fields, only_in_v3);
    assert_eq!(v3.fields.source_context.as_deref(), Some("vt_01"));
    assert_eq!(
        v3.fields.procedure_task_id.as_deref(),
        Some("1500000000-procedurev2-abct0")
    );
    assert_eq!(
        (v3.fields.duration_s, v3.fields.size_bytes),
        (Some(60.04), Some(7_700_180))
    );
}

#[test]
fn a_finished_procedure_finds_its_user() {
    let event = event(sample().procedure_finished().to_string());
    let task = event.task.clone().unwrap();
    assert_eq!(
        (task.role, task.state),
        (TaskRole::Procedure, TaskState::Succeeded)
    );
    assert_eq!(task.session_context.as_deref(), Some("vt_01"));
    assert_eq!(
        Some(task.task_id),
        only_file(&event).fields.procedure_task_id
    );
}

#[test]
fn a_deletion_deletes() {
    assert_eq!(
        news(&event(sample().file_deleted().to_string())),
        [("14508071098244959037", News::Deleted)]
    );
}

#[test]
fn a_signed_sample_is_accepted_with_its_key_only() {
    let body = signed(sample().new_file_upload(), "signkey", 1_764_579_000).to_string();
    let sign = read(body.as_bytes()).unwrap().sign.unwrap();
    assert_eq!(sign.check(&["signkey"], 1_764_579_000), Ok(()));
    assert!(sign.check(&["otherkey"], 1_764_579_000).is_err());
    let plain = event(sample().new_file_upload().to_string());
    assert_eq!(event(body).digest, plain.digest);
}
