//! Whether a text names a user: by a value of it, however it is wrapped, so that user `1` is not found in every number.

use std::collections::BTreeSet;

use serde_json::Value;

/// An id of so many bytes does not stand in a text by chance.
const TELLING_BYTES: usize = 6;
/// A shorter id names nobody unless it is all there is: `1` stands in every JSON.
const VALUE_BYTES: usize = 3;
/// A text within a text within a text: nobody means more than that.
const DEPTH: usize = 6;
/// What a hostile body costs at most.
const MAX_VALUES: usize = 20_000;

/// Whether a text names this user: as a whole, as a value of its JSON or query string, or, where the id is long enough to
/// be no accident, anywhere as a word of its own.
pub fn names(text: &[u8], user_id: &str) -> bool {
    text.trim_ascii() == user_id.as_bytes()
        || (user_id.len() >= TELLING_BYTES && stands_in(text, user_id.as_bytes()))
        || values(text).contains(user_id)
}

/// Whether an id stands in a text, and not only as a part of another: `user-12` is not in `user-123`.
fn stands_in(text: &[u8], id: &[u8]) -> bool {
    let goes_on = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let mut windows = text.windows(id.len()).enumerate();
    windows.any(|(at, window)| {
        window == id
            && !goes_on(at.checked_sub(1).and_then(|before| text.get(before)))
            && !goes_on(text.get(at + id.len()))
    })
}

/// The values of a text that may be a user's id: itself, the strings and numbers of its JSON, the parts of its query
/// string, each looked into in the same way. Of what is neither, the parts between quotes and spaces.
pub fn values(text: &[u8]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    gather(&String::from_utf8_lossy(text), DEPTH, &mut found);
    found.retain(|value| value.len() >= VALUE_BYTES);
    found
}

fn gather(text: &str, depth: usize, found: &mut BTreeSet<String>) {
    let text = text.trim();
    if text.is_empty() || found.len() >= MAX_VALUES || !found.insert(text.to_owned()) {
        return;
    }
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    let begins = text.as_bytes().first();
    if matches!(begins, Some(b'{' | b'[' | b'"')) {
        match serde_json::from_str(text) {
            Ok(json) => return gather_json(&json, depth, found),
            Err(_) => {
                let parts = text
                    .split(|letter: char| "\"\\,:{}[]".contains(letter) || letter.is_whitespace());
                return parts.for_each(|part| gather(part, 0, found));
            }
        }
    }
    if text.contains(['=', '&']) {
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            gather(&name, depth, found);
            gather(&value, depth, found);
        }
    }
    let is_mark = |letter: char| !letter.is_alphanumeric() && !"-_.@+".contains(letter);
    text.split(is_mark)
        .filter(|part| *part != text)
        .for_each(|part| gather(part, 0, found));
}

fn gather_json(json: &Value, depth: usize, found: &mut BTreeSet<String>) {
    match json {
        Value::String(text) => gather(text, depth, found),
        Value::Number(number) => gather(&number.to_string(), 0, found),
        Value::Array(items) => items
            .iter()
            .for_each(|item| gather_json(item, depth, found)),
        Value::Object(members) => {
            for (name, value) in members {
                gather(name, 0, found);
                gather_json(value, depth, found);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_however_the_id_is_wrapped() {
        for text in [
            r#"ann"#,
            r#"{"uid":"ann"}"#,
            r#"{"a":[{"b":"ann"}]}"#,
            r#"{"SourceContext":"{\"uid\":\"ann\"}"}"#,
            r#"{"SourceContext":"uid=ann&x=1"}"#,
            r#"{"SourceContext":"\u0061nn"}"#,
            r#"uid=%61nn"#,
            r#"app|ann|7"#,
            r#"{"cut": "off", "uid":"ann", "#,
        ] {
            assert!(names(text.as_bytes(), "ann"), "{text}");
            assert!(!names(text.as_bytes(), "an"), "{text}");
            assert!(!names(text.as_bytes(), "anna"), "{text}");
        }
        assert!(names(br#"{"uid":421}"#, "421"));
        assert!(!names(br#"{"size":4213}"#, "421"));
        assert!(names(b"1", "1") && !names(br#"{"version":1}"#, "1"));
        assert!(names(b"\xff\xfe user-0000042/yy", "user-0000042"));
        assert!(!names(b"{\"a\":\"user-00000421\"", "user-0000042"));
    }

    #[test]
    fn a_text_within_itself_many_times_over_ends() {
        let deep = "[".repeat(5_000);
        assert!(!names(deep.as_bytes(), "ann"));
        let wide = format!("[{}]", vec!["\"x\""; 100_000].join(","));
        assert!(!names(wide.as_bytes(), "ann"));
    }
}
