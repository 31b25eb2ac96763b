//! SearchMedia, DescribeMediaInfos, DescribeTaskDetail and the event configuration (protocol.md sections 2 and 7).

use super::*;

fn file(number: i64) -> Value {
    let created: DateTime<Utc> = NOW.parse().unwrap();
    let created = created + TimeDelta::milliseconds(300 * number);
    json!({
        "FileId": number.to_string(),
        "BasicInfo": {
            "CreateTime": created.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "SourceInfo": {"SourceType": "Upload", "SourceContext": format!("context {number}")},
        },
        "MetaData": {"Size": 10_556},
    })
}

#[actix_web::test]
async fn a_search_reaches_5000_files_and_counts_no_further() {
    let vod = vod();
    for number in 0..12_000 {
        vod.simulator.add_media(file(number));
    }
    let hour = json!({"After": "2026-11-23T08:00:00Z", "Before": "2026-11-23T09:00:00Z"});
    let ascending = json!({"Field": "CreateTime", "Order": "Asc"});
    let page = |offset: u32, limit: u32| json!({"CreateTime": hour, "Sort": ascending, "Offset": offset, "Limit": limit});
    let answer = vod.ask("SearchMedia", page(4_900, 100)).await;
    assert_eq!(answer["TotalCount"], 5_000);
    let found = answer["MediaInfoSet"].as_array().unwrap();
    assert_eq!(found.len(), 100);
    assert_eq!(found[0]["BasicInfo"]["SourceInfo"]["SourceType"], "Upload");
    let times: Vec<_> = found
        .iter()
        .map(|info| info["BasicInfo"]["CreateTime"].as_str())
        .collect();
    assert!(times.is_sorted());
    let refused = vod.refusal("SearchMedia", page(4_901, 100)).await;
    assert_eq!(refused, "InvalidParameterValue");

    let second = json!({"After": "2026-11-23T08:00:03Z", "Before": "2026-11-23T08:00:03Z"});
    let answer = vod
        .ask("SearchMedia", json!({ "CreateTime": second }))
        .await;
    assert_eq!(answer["TotalCount"], 4, "both ends belong to it");
    let turned = json!({"After": "2026-11-23T09:00:00Z", "Before": "2026-11-23T08:00:00Z"});
    let answer = vod
        .ask("SearchMedia", json!({ "CreateTime": turned }))
        .await;
    assert_eq!(answer["TotalCount"], 0);
    let answer = vod.ask("SearchMedia", json!({})).await;
    assert_eq!(answer["MediaInfoSet"].as_array().unwrap().len(), 10);
}

#[actix_web::test]
async fn what_is_deleted_does_not_exist_and_what_is_hidden_does() {
    let vod = vod();
    for number in 1..=3 {
        vod.simulator.add_media(file(number));
    }
    assert!(vod.simulator.delete_media("1"));
    assert!(!vod.simulator.delete_media("1"));
    vod.simulator.hide_from_search("2");
    let found = vod
        .ask("SearchMedia", json!({"FileIds": ["1", "2", "3"]}))
        .await;
    assert_eq!(found["TotalCount"], 1);
    let wanted = json!({"FileIds": ["1", "2", "3"], "Filters": ["metaData"]});
    let found = vod.ask("DescribeMediaInfos", wanted).await;
    assert_eq!(found["NotExistFileIdSet"], json!(["1"]));
    assert_eq!(found["MediaInfoSet"][0]["FileId"], "2");
    assert_eq!(found["MediaInfoSet"][0]["BasicInfo"], Value::Null);
    assert_eq!(found["MediaInfoSet"][0]["MetaData"]["Size"], 10_556);

    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    for wanted in [json!({ "FileIds": many }), json!({"FileIds": []})] {
        let refused = vod.refusal("DescribeMediaInfos", wanted).await;
        assert_eq!(refused, "InvalidParameterValue");
    }
    let refused = vod
        .refusal("SearchMedia", json!({ "FileIds": &many[..11] }))
        .await;
    assert_eq!(refused, "InvalidParameterValue");
}

#[actix_web::test]
async fn a_task_is_told_for_three_days() {
    let vod = vod();
    let response = json!({"TaskType": "Procedure", "Status": "FINISH", "CreateTime": NOW,
        "ProcedureTask": {"TaskId": "t", "Status": "FINISH", "FileId": "1"}});
    vod.simulator.set_task("t", response);
    vod.clock.advance(TimeDelta::days(3));
    let told = vod.ask("DescribeTaskDetail", json!({"TaskId": "t"})).await;
    assert_eq!(told["ProcedureTask"]["FileId"], "1");
    let refused = vod
        .refusal("DescribeTaskDetail", json!({"TaskId": "another"}))
        .await;
    assert_eq!(refused, "ResourceNotFound");
    vod.clock.advance(TimeDelta::seconds(1));
    let refused = vod
        .refusal("DescribeTaskDetail", json!({"TaskId": "t"}))
        .await;
    assert_eq!(refused, "InvalidParameterValue");
}

#[actix_web::test]
async fn the_event_configuration_changes_where_it_is_named_and_keeps_its_key_to_itself() {
    let vod = vod();
    let modified =
        json!({"Mode": "PULL", "UploadMediaCompleteEventSwitch": "ON", "SignKey": "Key01"});
    let answer = vod.ask("ModifyEventConfig", modified).await;
    assert_eq!(answer["Error"], Value::Null);
    for wrong in [
        json!({"Mode": "BOTH"}),
        json!({"DeleteMediaCompleteEventSwitch": "on"}),
        json!({"SignKey": "with a blank"}),
        json!({"NotificationUrl": "http://a", "SignKey": "k".repeat(33)}),
    ] {
        let refused = vod.refusal("ModifyEventConfig", wrong).await;
        assert_eq!(refused, "InvalidParameterValue");
    }
    let mut told = vod.ask("DescribeEventConfig", json!({})).await;
    told.as_object_mut().unwrap().remove("RequestId");
    let expected = json!({"Mode": "PULL", "NotificationUrl": "",
        "UploadMediaCompleteEventSwitch": "ON", "DeleteMediaCompleteEventSwitch": "OFF",
        "PersistenceCompleteEventSwitch": "OFF"});
    assert_eq!(told, expected);
    assert_eq!(vod.simulator.event_config().sign_key, "Key01");
}

#[actix_web::test]
async fn what_nobody_offers_is_refused_by_name() {
    let vod = vod();
    assert_eq!(vod.refusal("PullEvent", json!({})).await, "InvalidAction");
    assert_eq!(
        vod.refusal("PullEvents", json!({"SubAppID": 1})).await,
        "UnknownParameter"
    );
    assert_eq!(
        vod.refusal("PullEvents", json!({"SubAppId": "1"})).await,
        "InvalidParameter"
    );
    assert_eq!(
        vod.refusal("ConfirmEvents", json!({})).await,
        "MissingParameter"
    );
}
