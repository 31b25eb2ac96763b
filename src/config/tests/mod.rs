//! The configuration as a whole: layers, secrets from files, apps.

mod faults;
mod files;
mod secrecy;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A callback token and API key as short as they may be.
const TOKEN: &str = "token-0123456789_abc.~XY";

/// The least that an app needs, as variables.
const ONE_APP: [(&str, &str); 3] = [
    ("VOD_SECRET_ID", "AKIDone"),
    ("VOD_SECRET_KEY", "key-one"),
    ("VOD_SIGN_KEY", "sign1"),
];

/// The least that an app needs, as a table.
const MAIN_TABLE: &str =
    "[[app]]\nsecret_id = 'AKIDfile'\nsecret_key = 'key-file'\nsign_key = 'signfile'\n";

/// A working directory of one test, gone with it.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vod-receiver-config-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.0.join(name), text).unwrap();
        format!("./{name}")
    }

    fn sources(&self, variables: &[(&str, &str)]) -> Sources {
        Sources {
            environment: variables
                .iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect(),
            working_dir: self.0.clone(),
            ..Sources::default()
        }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Loads a file's text and variables; an empty text is no file.
fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, Faults> {
    let dir = Dir::new();
    if !file.is_empty() {
        dir.write("vod-receiver.toml", file);
    }
    Config::load(&dir.sources(variables))
}

/// The faults of a file's text and variables, one per line; paths without the directory.
fn faults(file: &str, variables: &[(&str, &str)]) -> String {
    let dir = Dir::new();
    if !file.is_empty() {
        dir.write("vod-receiver.toml", file);
    }
    let faults = Config::load(&dir.sources(variables))
        .expect_err("there are faults")
        .to_string();
    faults.replace(&format!("{}/", dir.path().display()), "")
}

/// `ONE_APP` and more.
fn one_app<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    ONE_APP.iter().chain(more).copied().collect()
}

fn exposed(secrets: &[Secret]) -> Vec<&str> {
    secrets.iter().map(Secret::expose).collect()
}

#[test]
fn nothing_at_all_gives_the_defaults() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(config.listen_is_default);
    assert_eq!(config.data_dir, None);
    assert_eq!(
        (config.log.as_str(), config.log_format),
        ("info", LogFormat::Text)
    );
    assert!(config.database_url.is_none() && config.admin_key.is_none() && config.apps.is_empty());
    let fault = config.require_database().err().unwrap().to_string();
    assert!(fault.starts_with("DATABASE_URL must be set"), "{fault}");
}

#[test]
fn each_layer_overrides_the_one_before() {
    let file = "listen = '127.0.0.1:1'\ndata_dir = 'file'\nlog = 'warn'\nlog_format = 'json'\n\
                database_url = 'postgres://file/d'";
    let dir = Dir::new();
    dir.write("vod-receiver.toml", file);
    let mut sources = dir.sources(&[
        ("VOD_RECEIVER_LISTEN", "[::1]:2"),
        ("VOD_RECEIVER_DATA_DIR", "environment"),
        ("VOD_RECEIVER_LOG", ""),
    ]);
    sources.flags.listen = "127.0.0.1:3".parse().ok();
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert!(!config.listen_is_default);
    assert_eq!(config.data_dir, Some(PathBuf::from("environment")));
    assert_eq!(
        (config.log.as_str(), config.log_format),
        ("warn", LogFormat::Json)
    );
    assert_eq!(
        config.require_database().unwrap().expose(),
        "postgres://file/d"
    );

    sources.flags = Flags {
        data_dir: Some(PathBuf::from("flag")),
        log: Some(String::from("debug")),
        log_format: Some(LogFormat::Text),
        ..Flags::default()
    };
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.data_dir, Some(PathBuf::from("flag")));
    assert_eq!(
        (config.log.as_str(), config.log_format),
        ("debug", LogFormat::Text)
    );
}

#[test]
fn a_value_that_is_overridden_is_not_judged() {
    let dir = Dir::new();
    dir.write("vod-receiver.toml", "listen = 'nowhere'");
    let mut sources = dir.sources(&[("VOD_RECEIVER_LISTEN", "127.0.0.1:2")]);
    assert_eq!(Config::load(&sources).unwrap().listen.port(), 2);
    sources
        .environment
        .insert("VOD_RECEIVER_LISTEN".into(), "nowhere".into());
    sources.flags.listen = "127.0.0.1:3".parse().ok();
    assert_eq!(Config::load(&sources).unwrap().listen.port(), 3);
    sources.environment.clear();
    std::fs::remove_file(dir.path().join("vod-receiver.toml")).unwrap();
    assert!(!Config::load(&sources).unwrap().listen_is_default);
}

#[test]
fn a_flag_names_the_file_before_the_variable_before_the_default() {
    let dir = Dir::new();
    for (name, log) in [
        ("vod-receiver.toml", "info"),
        ("variable.toml", "warn"),
        ("flag.toml", "error"),
    ] {
        dir.write(name, &format!("log = '{log}'"));
    }
    let mut sources = dir.sources(&[("VOD_RECEIVER_CONFIG", "variable.toml")]);
    assert_eq!(Config::load(&sources).unwrap().log, "warn");
    sources.file = Some(dir.path().join("flag.toml"));
    assert_eq!(Config::load(&sources).unwrap().log, "error");
    sources.file = None;
    sources.environment.clear();
    assert_eq!(Config::load(&sources).unwrap().log, "info");
    assert!(!nothing_configured(&sources));
}

#[test]
fn the_environment_describes_the_app_main() {
    let tokens = format!("{TOKEN}, {TOKEN}2");
    let config = load(
        "",
        &[
            ("VOD_SECRET_ID", "AKIDone"),
            ("VOD_SECRET_KEY", "key-one"),
            ("VOD_SUB_APP_ID", "1500012345"),
            ("VOD_SIGN_KEY", "old1,new2"),
            ("VOD_CALLBACK_TOKEN", &tokens),
            ("VOD_UNSIGNED_V2", "true"),
            ("VOD_SDK_SETTING_OF_OTHERS", "x"),
            ("VOD_RECEIVER_SERVICE_HOST", "10.0.0.1"),
            ("VOD_RECEIVER_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ],
    )
    .unwrap();
    assert_eq!(config.apps.len(), 1);
    let app = config.app("main").unwrap();
    assert_eq!(app.name, AppName::main());
    assert_eq!(
        (app.secret_id.as_str(), app.secret_key.expose()),
        ("AKIDone", "key-one")
    );
    assert_eq!(app.sub_app_id, Some(1_500_012_345));
    assert_eq!(exposed(&app.sign_keys), ["old1", "new2"]);
    assert_eq!(exposed(&app.callback_tokens), [TOKEN, &format!("{TOKEN}2")]);
    assert!(app.unsigned_v2 && !app.allow_unauthenticated_callbacks);
}

#[test]
fn tables_describe_apps_and_the_environment_overrides_main() {
    let file = format!(
        "{MAIN_TABLE}sub_app_id = 7\n[[app]]\nname = 'other-2'\nsecret_id = 'AKIDother'\n\
         secret_key = 'key-other'\nsign_key = ['a1', 'b2']\ncallback_token = ''\n\
         [[app]]\nname = 'open'\nsecret_id = 'a'\nsecret_key = 'b'\n\
         allow_unauthenticated_callbacks = true"
    );
    let config = load(
        &file,
        &[("VOD_SECRET_KEY", "rotated"), ("VOD_SIGN_KEY", "")],
    )
    .unwrap();
    let names: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["main", "other-2", "open"]);
    let main = config.app("main").unwrap();
    assert_eq!(
        (main.secret_id.as_str(), main.secret_key.expose()),
        ("AKIDfile", "rotated")
    );
    assert_eq!(
        (main.sub_app_id, exposed(&main.sign_keys)),
        (Some(7), vec!["signfile"])
    );
    let other = config.app("other-2").unwrap();
    assert_eq!(
        (exposed(&other.sign_keys), other.callback_tokens.len()),
        (vec!["a1", "b2"], 0)
    );
    assert!(config.app("open").unwrap().allow_unauthenticated_callbacks);
    assert!(config.app("absent").is_none());
}

#[test]
fn the_example_file_works_when_every_setting_in_it_is_taken() {
    let dir = Dir::new();
    for (name, text) in [
        ("database_url", "postgres://h/d"),
        ("admin_key", TOKEN),
        ("vod_secret_key", "key"),
        ("vod_secret_token", "token"),
        ("vod_sign_key", "sign1"),
        ("vod_callback_token", TOKEN),
    ] {
        dir.write(name, text);
    }
    let is_comment = |line: &&str| !line.starts_with("# ");
    let lines: Vec<String> = example_toml()
        .lines()
        .filter(is_comment)
        .map(|line| line.trim_start_matches('#').replace("/run/secrets/", "./"))
        .map(|line| line.replace("the SecretId from the console", "AKIDone"))
        .collect();
    dir.write("vod-receiver.toml", &lines.join("\n"));
    let config = Config::load(&dir.sources(&[])).unwrap();
    assert_eq!(config.apps[0].callback_tokens.len(), 1);
    assert!(!config.listen_is_default && config.admin_key.is_some());
}

#[test]
fn an_app_whose_events_are_pulled_needs_no_proof_of_pushes() {
    let key = [("VOD_SECRET_ID", "AKIDone"), ("VOD_SECRET_KEY", "key-one")];
    let with = |more: &[(&'static str, &'static str)]| {
        let config = load("", &[&key, more].concat()).unwrap();
        config.apps[0].clone()
    };
    let pulled = with(&[("VOD_EVENTS", "pull")]);
    assert_eq!(pulled.events, Events::Pull);
    assert_eq!(pulled.api_endpoint, "https://vod.tencentcloudapi.com");
    assert!(pulled.secret_token.is_none() && !pulled.takes_pushes());
    // What is configured opens the push door beside it.
    for more in [
        ("VOD_SIGN_KEY", "sign1"),
        ("VOD_CALLBACK_TOKEN", TOKEN),
        ("VOD_ALLOW_UNAUTHENTICATED_CALLBACKS", "true"),
    ] {
        assert!(with(&[("VOD_EVENTS", "pull"), more]).takes_pushes());
    }
    let elsewhere = with(&[
        ("VOD_SIGN_KEY", "sign1"),
        ("VOD_API_ENDPOINT", "http://127.0.0.1:9000/"),
        ("VOD_SECRET_TOKEN", "temporary"),
    ]);
    assert_eq!(elsewhere.events, Events::Push);
    assert_eq!(elsewhere.api_endpoint, "http://127.0.0.1:9000");
    assert_eq!(elsewhere.secret_token.unwrap().expose(), "temporary");
}

#[test]
fn a_service_is_told_all_that_it_lacks_at_once() {
    let lacks = |variables: &[(&str, &str)]| {
        let sources = Dir::new().sources(variables);
        let faults = Config::load_for_service(&sources).unwrap_err().0;
        let names = [
            "DATABASE_URL",
            "VOD_SECRET_ID",
            "VOD_SECRET_KEY",
            "VOD_SIGN_KEY",
        ];
        names
            .into_iter()
            .filter(|name| faults.iter().any(|fault| fault.to_string().contains(name)))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        lacks(&[("VOD_SECRET_ID", "id")]),
        ["DATABASE_URL", "VOD_SECRET_KEY", "VOD_SIGN_KEY"]
    );
    assert_eq!(
        lacks(&[("DATABASE_URL", "postgres://localhost/vod")]),
        ["VOD_SECRET_ID", "VOD_SECRET_KEY"]
    );
}
