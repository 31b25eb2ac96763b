//! That no secret gets out, neither by a fault nor by a `Debug` print.

use super::*;
use crate::config::settings::{APP, SERVICE};

#[test]
fn debug_output_holds_no_secret() {
    let config = load(
        "",
        &[
            ("DATABASE_URL", "postgres://u:hunter2@h/d"),
            ("VOD_RECEIVER_ADMIN_KEY", "hunter2-hunter2-hunter2-hunter2"),
            ("VOD_SECRET_ID", "AKIDone"),
            ("VOD_SECRET_KEY", "hunter2"),
            ("VOD_SECRET_TOKEN", "hunter2"),
            ("VOD_SIGN_KEY", "hunter2"),
            ("VOD_CALLBACK_TOKEN", "hunter2-hunter2-hunter2-hunter2"),
        ],
    )
    .unwrap();
    let printed = format!("{config:?} {config:#?} {:?}", config.apps);
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(printed.contains("AKIDone"), "{printed}");
}

#[test]
fn no_fault_tells_a_secret_however_the_file_is_broken() {
    let whole = format!(
        "database_url = \"postgres://u:hunter2@h/d\"\nadmin_key = 'hunter2{TOKEN}'\n[[app]]\n\
         name = \"x\"\nsecret_id = \"a\"\nsecret_key = \"hunter2\"\nsign_key = [\"hunter2\"]\n\
         callback_token = '''hunter2{TOKEN}'''\n"
    );
    let mut broken: Vec<String> = vec![whole.replace('"', ""), whole.replace('\'', "")];
    for at in 0..whole.len() {
        let (before, after) = whole.split_at(at);
        broken.push(before.to_owned());
        broken.push(format!("{before}{}", &after[1..]));
        broken.extend(["\"", "'", "\n", "=", "\\", "\u{1}"].map(|c| format!("{before}{c}{after}")));
    }
    let dir = Dir::new();
    let sources = dir.sources(&[]);
    let mut refused = 0;
    for text in broken {
        dir.write("vod-receiver.toml", &text);
        let Err(faults) = Config::load(&sources) else {
            continue;
        };
        refused += 1;
        assert!(!faults.to_string().contains("hunter2"), "{text}\n{faults}");
        assert!(
            faults
                .0
                .iter()
                .all(|fault| !fault.to_string().contains('\n')),
            "{faults}"
        );
    }
    assert!(refused > 1000, "only {refused} were refused");
}

#[test]
fn no_fault_tells_the_value_of_a_variable() {
    for setting in SERVICE.iter().chain(&APP) {
        let Some(variable) = setting.variable else {
            continue;
        };
        let file = format!("{variable}_FILE");
        for variables in [
            vec![(variable, "hunter2 \u{1}")],
            vec![(variable, "hunter2 \u{1}"), (&file, "hunter2")],
            vec![(&file, "hunter2")],
        ] {
            let told = load("", &variables)
                .map_or_else(|faults| format!("{faults} {faults:?}"), |_| String::new());
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
