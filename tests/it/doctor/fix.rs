//! `--fix`: shown, asked for, done, and then nothing is left to fix.

use super::*;

/// A fresh account: pushes to nowhere, nothing told.
fn fresh() -> Vod {
    vod(SECRET_KEY, Clock::system(), EventConfig::default())
}

#[actix_web::test]
async fn it_sets_all_of_vods_side_and_the_next_run_is_clean() {
    let world = World::start().await;
    let wrong = Wrong::at_vod(fresh());
    let before = json(&world.doctor(&wrong, &["--json"]).await);
    assert_eq!(with_status(&before, "failed"), ["switches", "address"]);
    let fixed = world.doctor(&wrong, &["--fix", "--yes", "--json"]).await;
    shows_no_secret(&told(&fixed));
    let report = json(&fixed);
    assert_eq!(fixed.status.code(), Some(0), "{report}");
    let shown = String::from_utf8(fixed.stderr).unwrap();
    let to = format!(
        "  NotificationUrl                 none -> {}/callbacks/main/***\n",
        world.serving.url
    );
    assert!(
        shown.contains("To be changed at VOD, app main (SubAppId 1500000001)\n"),
        "{shown}"
    );
    assert!(shown.contains(&to), "{shown}");
    assert!(
        shown.contains("  UploadMediaCompleteEventSwitch  OFF -> ON\n"),
        "{shown}"
    );
    let settings: Vec<&str> = report["changed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["setting"].as_str().unwrap())
        .collect();
    let expected = [
        "NotificationUrl",
        "UploadMediaCompleteEventSwitch",
        "DeleteMediaCompleteEventSwitch",
        "SignKey",
    ];
    assert_eq!(settings, expected);
    let vod = &wrong.vod.as_ref().unwrap().simulator;
    assert_eq!(vod.event_config(), world.right());
    let after = world.doctor(&wrong, &["--json"]).await;
    assert_eq!(after.status.code(), Some(0), "{}", told(&after));
}

#[actix_web::test]
async fn without_a_terminal_and_without_yes_it_changes_nothing() {
    let world = World::start().await;
    let wrong = Wrong::at_vod(fresh());
    let refused = world.doctor(&wrong, &["--fix"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(refused.stdout, b"");
    let text = told(&refused);
    assert!(
        text.contains("OFF -> ON") && text.contains("--yes"),
        "{text}"
    );
    shows_no_secret(&text);
    let vod = &wrong.vod.as_ref().unwrap().simulator;
    assert_eq!(vod.event_config(), EventConfig::default());
    assert_eq!(vod.calls("ModifyEventConfig"), 0);
}

#[actix_web::test]
async fn the_mode_is_set_both_ways() {
    let world = World::start().await;
    let wrong = Wrong::at_vod(world.vod(|config| config.mode = "PULL".to_owned()));
    let fixed = world.doctor(&wrong, &["--fix", "--yes"]).await;
    assert_eq!(fixed.status.code(), Some(0), "{}", told(&fixed));
    let vod = &wrong.vod.as_ref().unwrap().simulator;
    assert_eq!(vod.event_config().mode, "PUSH");
    // The same settings, but for the app that pulls: its address and SignKey are left alone.
    let pulling = Wrong {
        settings: vec![("VOD_EVENTS", "pull".to_owned())],
        ..wrong
    };
    let fixed = world.doctor(&pulling, &["--fix", "--yes"]).await;
    assert_eq!(fixed.status.code(), Some(0), "{}", told(&fixed));
    let vod = &pulling.vod.as_ref().unwrap().simulator;
    let expected = EventConfig {
        mode: "PULL".to_owned(),
        ..world.right()
    };
    assert_eq!(vod.event_config(), expected);
    let again = world.doctor(&pulling, &["--fix", "--yes"]).await;
    assert!(told(&again).contains("Nothing to change at VOD."));
    assert_eq!(again.status.code(), Some(0));
}

#[actix_web::test]
async fn a_token_is_changed_without_a_gap() {
    let both = format!("{OTHER_TOKEN},{TOKEN}");
    let world = World::with(SIGN_KEY, &[("VOD_CALLBACK_TOKEN", &both)]).await;
    // VOD still has the old one, which is no fault meanwhile.
    let wrong = Wrong::at_vod(world.vod(|_| {})).and("VOD_CALLBACK_TOKEN", both);
    let before = world.doctor(&wrong, &[]).await;
    assert_eq!(before.status.code(), Some(0), "{}", told(&before));
    let fixed = world.doctor(&wrong, &["--fix", "--yes"]).await;
    assert_eq!(fixed.status.code(), Some(0), "{}", told(&fixed));
    shows_no_secret(&told(&fixed));
    let vod = &wrong.vod.as_ref().unwrap().simulator;
    let url = vod.event_config().notification_url;
    assert!(url.ends_with(OTHER_TOKEN), "{url}");
}

#[actix_web::test]
async fn who_is_called_until_now_is_shown_without_what_may_be_secret() {
    let world = World::start().await;
    let old = "https://old.example.com/hook/0123456789abcdef?key=hidden";
    let wrong = Wrong::at_vod(world.vod(|config| config.notification_url = old.to_owned()));
    let text = told(
        &world
            .doctor(&wrong, &["--fix", "--yes", "--lang", "zh"])
            .await,
    );
    assert!(
        text.contains("https://old.example.com/hook/***?*** -> http://"),
        "{text}"
    );
    assert!(text.contains("原地址的服务从此不再收到任何通知"), "{text}");
    assert!(!text.contains("hidden") && !text.contains("0123456789abcdef"));
}

#[actix_web::test]
async fn a_key_that_may_not_change_it_says_so() {
    let world = World::start().await;
    let vod = fresh();
    vod.simulator
        .fail(Fault::code("UnauthorizedOperation").on("ModifyEventConfig"));
    let wrong = Wrong::at_vod(vod);
    let refused = world.doctor(&wrong, &["--fix", "--yes"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let text = told(&refused);
    assert!(
        text.contains("VOD's settings of app main could not be changed"),
        "{text}"
    );
    assert!(text.contains("UnauthorizedOperation"), "{text}");
    let vod = &wrong.vod.as_ref().unwrap().simulator;
    assert_eq!(vod.event_config(), EventConfig::default());
}
