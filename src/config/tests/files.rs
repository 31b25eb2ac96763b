//! The file of settings, and secrets in files of their own.

use super::*;

#[test]
fn secrets_come_from_files_in_either_layer() {
    let dir = Dir::new();
    let key = dir.write("key", "key-one\n");
    let sign = dir.write("sign", "old1,new2\r\n");
    let admin = dir.write("admin", TOKEN);
    dir.write(
        "vod-receiver.toml",
        &format!("admin_key_file = '{admin}'\ndatabase_url = 'postgres://file/d'"),
    );
    let database = dir.write("database", "postgresql://environment/d\n");
    let config = Config::load(&dir.sources(&[
        ("VOD_SECRET_ID", "AKIDone"),
        ("VOD_SECRET_KEY", ""),
        ("VOD_SECRET_KEY_FILE", &key),
        ("VOD_SIGN_KEY_FILE", &sign),
        ("DATABASE_URL_FILE", &database),
    ]))
    .unwrap();
    assert_eq!(
        config.require_database().unwrap().expose(),
        "postgresql://environment/d"
    );
    assert_eq!(config.admin_key.as_ref().unwrap().expose(), TOKEN);
    assert_eq!(config.apps[0].secret_key.expose(), "key-one");
    assert_eq!(exposed(&config.apps[0].sign_keys), ["old1", "new2"]);
}

#[test]
fn a_file_that_cannot_be_had_is_named() {
    let told = faults("", &[("VOD_RECEIVER_CONFIG", "absent.toml")]);
    assert!(told.starts_with("absent.toml cannot be read: "), "{told}");

    let told = faults("", &[("VOD_RECEIVER_ADMIN_KEY_FILE", "/nonexistent/key")]);
    assert!(
        told.starts_with(
            "VOD_RECEIVER_ADMIN_KEY_FILE names /nonexistent/key, which cannot be read: "
        ),
        "{told}"
    );
    let told = faults("", &[("DATABASE_URL_FILE", "postgres://u:hunter2@h/d")]);
    assert!(
        told.starts_with("DATABASE_URL_FILE names a file (not shown"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");

    let dir = Dir::new();
    let empty = dir.write("empty", "\n");
    let told = Config::load(&dir.sources(&one_app(&[("VOD_CALLBACK_TOKEN_FILE", &empty)])));
    let told = told.unwrap_err().to_string();
    assert_eq!(
        told,
        "VOD_CALLBACK_TOKEN_FILE names ./empty, which is empty."
    );
}

#[test]
fn a_secret_and_its_file_exclude_each_other() {
    let told = faults("", &one_app(&[("VOD_SECRET_KEY_FILE", "/x")]));
    assert_eq!(
        told,
        "VOD_SECRET_KEY and VOD_SECRET_KEY_FILE are both set; keep one of them."
    );
    let told = faults("admin_key = 'a'\nadmin_key_file = 'b'", &[]);
    assert_eq!(
        told,
        "vod-receiver.toml: admin_key and admin_key_file are both set; keep one of them."
    );
}
