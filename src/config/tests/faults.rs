//! Every fault, by the name that it tells.

use super::*;
use crate::config::settings::{ADMIN_KEY, CALLBACK_TOKEN};

#[test]
fn each_wrong_variable_is_named_with_what_is_wanted() {
    let long_name = "x".repeat(33);
    let cases = [
        ("VOD_RECEIVER_LISTEN", "8080", "an IP address and a port"),
        (
            "VOD_RECEIVER_LISTEN",
            "localhost:8080",
            "an IP address and a port",
        ),
        ("VOD_RECEIVER_DATA_DIR", " ", "the path of a directory"),
        ("DATABASE_URL", "mysql://h/d", "postgres://"),
        ("DATABASE_URL", "h/d", "postgres://"),
        ("DATABASE_URL", "postgres://h/d\n", "without spaces"),
        (
            "VOD_RECEIVER_ADMIN_KEY",
            "0123456789-0123456789-1",
            "at least 24",
        ),
        (
            "VOD_RECEIVER_ADMIN_KEY",
            "0123456789 0123456789 0123",
            "without spaces",
        ),
        ("VOD_RECEIVER_LOG", " ", "a log filter"),
        ("VOD_RECEIVER_LOG_FORMAT", "JSON", "text or json"),
        ("VOD_SECRET_ID", "AKID one", "without spaces"),
        ("VOD_SECRET_KEY", "key\n", "without spaces"),
        ("VOD_SECRET_KEY", "k\u{fffd}y", "visible ASCII"),
        ("VOD_SUB_APP_ID", "-1", "digits only"),
        ("VOD_SUB_APP_ID", "+1", "digits only"),
        ("VOD_SUB_APP_ID", "99999999999999999999", "digits only"),
        ("VOD_SECRET_TOKEN", "to ken", "without spaces"),
        ("VOD_EVENTS", "PULL", "push or pull"),
        (
            "VOD_API_ENDPOINT",
            "vod.tencentcloudapi.com",
            "http:// or https://",
        ),
        ("VOD_API_ENDPOINT", "https://a/b", "without a path"),
        ("VOD_API_ENDPOINT", "https://u:p@a", "without a path"),
        ("VOD_API_ENDPOINT", "https://", "without a path"),
        ("VOD_SIGN_KEY", "with-dash", "letters and digits"),
        ("VOD_SIGN_KEY", "good,", "letters and digits"),
        ("VOD_SIGN_KEY", &long_name, "1 to 32"),
        (
            "VOD_CALLBACK_TOKEN",
            "0123456789-0123456789-1",
            "at least 24",
        ),
        (
            "VOD_CALLBACK_TOKEN",
            "0123456789/0123456789/0123",
            "- _ . and ~",
        ),
        (
            "VOD_CALLBACK_TOKEN",
            "0123456789-0123456789-0123,short",
            "at least 24",
        ),
        (
            "VOD_RECEIVER_PUBLIC_URL",
            "https://vod.example.com/?a=b",
            "without a query",
        ),
        ("VOD_UNSIGNED_V2", "yes", "true or false"),
        ("VOD_ALLOW_UNAUTHENTICATED_CALLBACKS", "1", "true or false"),
        ("VOD_RESOLVERS", "uid", "Number 1 is none of them."),
        (
            "VOD_RESOLVERS",
            "text\njson:uid",
            "Number 2 has no JSON pointer",
        ),
        ("VOD_RESOLVERS", "regex:(", "unclosed group."),
    ];
    for (variable, value, wanted) in cases {
        let mut variables: Vec<_> = one_app(&[]);
        variables.retain(|(name, _)| *name != variable);
        variables.push((variable, value));
        let told = faults("", &variables);
        assert!(told.starts_with(&format!("{variable} must be ")), "{told}");
        assert!(told.contains(wanted), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn each_wrong_line_of_the_file_is_named_with_its_place() {
    let cases = [
        (
            "listen = 8080",
            "listen must be written as a string in quotes.",
        ),
        (
            "log = ['info']",
            "log must be written as a string in quotes.",
        ),
        (
            "admin_key_file = 1",
            "admin_key_file must be written as a string in quotes.",
        ),
        (
            "listne = 'x'",
            "listne is no setting here; did you mean listen?",
        ),
        (
            "metrics_listen = 'x'",
            "metrics_listen must be an IP address and a port",
        ),
        ("retain_for = 200", "retain_for is no setting here."),
        ("listen_file = 'x'", "listen_file is no setting here."),
        (
            "sign_key = 'x'",
            "sign_key is no setting here; it belongs below [[app]].",
        ),
        (
            "[app]\nname = 'x'",
            "app must be tables, each headed [[app]].",
        ),
        ("app = ['x']", "app must be tables, each headed [[app]]."),
        ("log = 'info'\nlisten = oops", "line 2 is not TOML: "),
        (
            "APP sub_app_id = '1'",
            "[[app]] number 1: sub_app_id must be written as a number without quotes.",
        ),
        (
            "APP sub_app_id = -1",
            "[[app]] number 1: sub_app_id must be the number",
        ),
        (
            "APP unsigned_v2 = 'true'",
            "[[app]] number 1: unsigned_v2 must be written as true or false",
        ),
        (
            "APP callback_token = [1]",
            "[[app]] number 1: callback_token must be written as a string",
        ),
        (
            "APP callback_tokens = 'x'",
            "callback_tokens is no setting here; did you mean callback_token?",
        ),
        (
            "APP listen = 'x'",
            "listen is no setting here; it belongs above the first [[app]].",
        ),
        (
            "APP name = 'Main'",
            "[[app]] number 1: name must be 1 to 32 of a-z",
        ),
        ("APP name = '-x'", "with a letter or a digit first."),
        (
            "APP name = 'abcdefghijklmnopqrstuvwxyz0123456'",
            "name must be 1 to 32",
        ),
        (
            "APP [[app]]\nsecret_id = 'a'\nsecret_key = 'b'\nsign_key = 'c'",
            "[[app]] number 2: name must be set",
        ),
        (
            "APP [[app]]\nname = 'main'\nsecret_id = 'a'\nsecret_key = 'b'\nsign_key = 'c'",
            "[[app]] main: name main is taken",
        ),
    ];
    for (text, sentence) in cases {
        let told = faults(&text.replace("APP ", MAIN_TABLE), &[]);
        assert!(
            told.starts_with("vod-receiver.toml: ") && told.contains(sentence),
            "{text}: {told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn unknown_variables_of_ours_are_refused_with_a_guess() {
    let cases = [
        (
            "VOD_RECEIVER_LISTN",
            "x",
            "; did you mean VOD_RECEIVER_LISTEN?",
        ),
        (
            "VOD_RECEIVER_ADMIN_KEYFILE",
            "x",
            "; did you mean VOD_RECEIVER_ADMIN_KEY_FILE?",
        ),
        ("VOD_RECEIVER_LISTEN_FILE", "x", "."),
        ("VOD_RECEIVER_PARTITIONS", "200", "."),
        ("VOD_RECEIVER_PORT", "8080", "."),
    ];
    for (variable, value, end) in cases {
        let told = faults("", &[(variable, value)]);
        let begin = format!("{variable} is no variable of this program");
        assert!(told.starts_with(&begin) && told.contains(end), "{told}");
        assert!(end != "." || !told.contains("did you mean"), "{told}");
    }
}

#[test]
fn what_an_app_needs_is_asked_for_by_name() {
    let told = faults("", &[("VOD_SUB_APP_ID", "1")]);
    let begins: Vec<&str> = told
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        begins[..2],
        ["VOD_SECRET_ID must be set", "VOD_SECRET_KEY must be set"]
    );
    assert!(
        begins[2].starts_with("VOD_SIGN_KEY or VOD_CALLBACK_TOKEN must be set, else"),
        "{told}"
    );

    let told = faults("", &one_app(&[("VOD_UNSIGNED_V2", "true")]));
    assert!(
        told.starts_with("VOD_CALLBACK_TOKEN must be set with VOD_UNSIGNED_V2"),
        "{told}"
    );

    let told = faults("[[app]]\nname = 'x'\nsecret_id = 'a'", &[]);
    assert!(
        told.contains("vod-receiver.toml: [[app]] x: secret_key must be set: "),
        "{told}"
    );
    assert!(told.contains("[[app]] x: sign_key or "), "{told}");
}

#[test]
fn the_environment_needs_a_table_that_it_applies_to() {
    let file = MAIN_TABLE.replace("[[app]]", "[[app]]\nname = 'other'");
    let told = faults(&file, &[("VOD_SECRET_ID", "a"), ("VOD_SIGN_KEY", "b")]);
    assert_eq!(
        told,
        "VOD_SECRET_ID, VOD_SIGN_KEY would apply to the app main, but no [[app]] table has that name."
    );

    // A table without a right name might have been meant to be `main`.
    let file = MAIN_TABLE.replace("[[app]]", "[[app]]\nname = 'MAIN'");
    let told = faults(&file, &[("VOD_SIGN_KEY", "b")]);
    assert!(told.contains("name must be"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn all_faults_are_told_at_once() {
    let file =
        "colour = 'red'\nlog_format = 'xml'\n[[app]]\nsecret_id = 'a'\nsign_key = '-'\nsize = 1";
    let told = faults(
        file,
        &[
            ("VOD_RECEIVER_LISTEN", "x"),
            ("VOD_RECEIVER_COLOUR", "x"),
            ("DATABASE_URL", "x"),
        ],
    );
    for name in [
        "colour",
        "log_format",
        "secret_key",
        "sign_key",
        "size",
        "LISTEN",
        "_COLOUR",
        "DATABASE_URL",
    ] {
        assert_eq!(
            told.lines().filter(|line| line.contains(name)).count(),
            1,
            "{name}: {told}"
        );
    }
    assert_eq!(told.lines().count(), 8, "{told}");
}

#[test]
fn a_broken_file_does_not_hide_what_the_environment_has_wrong() {
    let told = faults("]", &[("VOD_RECEIVER_LISTEN", "x"), ("VOD_SIGN_KEY", "k")]);
    assert_eq!(told.lines().count(), 2, "{told}");
}

#[test]
fn the_rules_in_words_name_the_lengths_in_force() {
    for setting in [ADMIN_KEY, CALLBACK_TOKEN] {
        assert!(
            setting.wanted.contains(&SHORTEST_TOKEN_CHARS.to_string()),
            "{}",
            setting.key
        );
    }
}
