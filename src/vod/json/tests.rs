//! What the reader takes, value by value.

use super::*;

fn text_of(literal: &str) -> Option<String> {
    let body = format!(r#"{{"v":{literal}}}"#);
    Object::read(&body).unwrap().text(&["v"])
}

#[test]
fn what_no_column_could_hold_becomes_a_replacement_character() {
    for (literal, read) in [
        (r#""a\ud800b""#, "a\u{fffd}b"),
        (r#""\udc00\ud800""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83d\ude00 ok""#, "\u{1f600} ok"),
        (r#""\u0000\u0000""#, "\u{fffd}\u{fffd}"),
        ("\"\u{d7ff}\u{e000}\"", "\u{d7ff}\u{e000}"),
        ("12345678901234567890", "12345678901234567890"),
        ("true", "true"),
    ] {
        assert_eq!(text_of(literal).as_deref(), Some(read), "{literal}");
    }
    for nothing in ["null", r#""""#, "{}", "[]", r#"{"v":1}"#] {
        assert_eq!(text_of(nothing), None, "{nothing}");
    }
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let read = text_of(&format!("\"a{}\"", "字".repeat(40_000))).unwrap();
    assert_eq!(read.len(), 65_536);
    assert!(read.ends_with('字'));
}

#[test]
fn numbers_are_read_from_numbers_and_from_texts() {
    let body = r#"{"a":10.0,"b":"42","c":1.5,"d":9223372036854775807,"e":9223372036854775808,"f":1e3,
        "g":-1,"h":"NaN","i":1e999,"j":"inf","k":" 7 ","l":true,"m":[1],"n":-9223372036854775809}"#;
    let object = Object::read(body).unwrap();
    let integers: Vec<_> = "abcdefghijklmn"
        .chars()
        .map(|c| object.integer(&[&c.to_string()]))
        .collect();
    let max = Some(i64::MAX);
    assert_eq!(
        integers,
        [
            Some(10),
            Some(42),
            None,
            max,
            None,
            Some(1000),
            Some(-1),
            None,
            None,
            None,
            Some(7),
            None,
            None,
            None
        ]
    );
    assert_eq!(object.float(&["c"]), Some(1.5));
    for not_finite in ["h", "i", "j"] {
        assert_eq!(object.float(&[not_finite]), None, "{not_finite}");
    }
}

#[test]
fn times_are_read_within_the_years_that_mean_one() {
    let body = r#"{"a":"2019-01-09T16:36:22Z","b":"0001-01-01T00:00:00Z","c":"9999-12-31T23:59:59Z",
        "d":"9999-12-31T23:59:59-05:00","e":"yesterday","f":1547051782,"g":"2019-01-10T00:36:22+08:00"}"#;
    let object = Object::read(body).unwrap();
    let times: Vec<_> = "abcdefg"
        .chars()
        .map(|c| object.time(&[&c.to_string()]).map(|t| t.timestamp()))
        .collect();
    assert_eq!(
        times,
        [
            Some(1_547_051_782),
            None,
            Some(253_402_300_799),
            None,
            None,
            None,
            Some(1_547_051_782)
        ]
    );
}

#[test]
fn file_ids_are_the_text_of_the_literal() {
    let ids = r#"{"a":5285485487985271490,"b":"14508071098244959037","c":1e3,"d":1.5,"e":-5,"f":true,"g":"","h":"a b","i":null}"#;
    let object = Object::read(ids).unwrap();
    let read = |name| object.file_id(&[name]).map(|id| id.to_string());
    assert_eq!(read("a").as_deref(), Some("5285485487985271490"));
    assert_eq!(read("b").as_deref(), Some("14508071098244959037"));
    for none in ["c", "d", "e", "f", "g", "h", "i"] {
        assert_eq!(read(none), None, "{none}");
    }
}

#[test]
fn the_last_of_repeated_members_wins_and_odd_keys_do_no_harm() {
    let object =
        Object::read(r#"{"\ud800":1,"FileId":"1","FileId":"2","\u0046ileName":"n"}"#).unwrap();
    assert_eq!(object.text(&["FileId"]).as_deref(), Some("2"));
    assert_eq!(object.text(&["FileName"]).as_deref(), Some("n"));
    assert_eq!(object.members().count(), 4);
}

#[test]
fn either_spelling_is_found_and_a_useless_value_is_passed_over() {
    let object = Object::read(r#"{"FileId":null,"fileId":"7","name":"n"}"#).unwrap();
    assert_eq!(object.text(&["FileId"]).as_deref(), Some("7"));
    assert_eq!(object.text(&["Title", "Name"]).as_deref(), Some("n"));
}

#[test]
fn what_is_no_object_says_why() {
    let wide = format!(
        "{{{}\"z\":0}}",
        (0..MAX_MEMBERS)
            .map(|n| format!("\"{n}\":0,"))
            .collect::<String>()
    );
    for (text, fault) in [
        ("", Fault::Empty),
        ("\u{feff} \n", Fault::Empty),
        ("[{}]", Fault::NotAnObject),
        ("\"x\"", Fault::NotAnObject),
        ("null", Fault::NotAnObject),
        ("[1", Fault::NotJson),
        ("{\"a\":1", Fault::NotJson),
        ("{\"a\":1} x", Fault::NotJson),
        ("{\"a\":tru}", Fault::NotJson),
        ("EventType=NewFileUpload", Fault::NotJson),
        (&wide, Fault::TooManyMembers),
    ] {
        assert_eq!(Object::read(text).err(), Some(fault), "{text:.20}");
    }
    assert!(Object::read("\u{feff}{}").is_ok());
}

#[test]
fn a_body_that_is_not_utf_8_keeps_its_length() {
    let body = b"{\"FileName\":\"\xff\xfe\xe5\x8a\",\"FileId\":\"1\"}";
    let text = legible(body);
    assert_eq!(text.len(), body.len());
    let object = Object::read(&text).unwrap();
    assert_eq!(
        object.text(&["FileName"]).as_deref(),
        Some("\u{fffd}\u{fffd}\u{fffd}\u{fffd}")
    );
    assert_eq!(object.text(&["FileId"]).as_deref(), Some("1"));
}

#[test]
fn depth_takes_no_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let body = format!(r#"{{"deep":{deep},"FileId":"1"}}"#);
    let object = Object::read(&body).unwrap();
    assert_eq!(object.text(&["FileId"]).as_deref(), Some("1"));
    assert_eq!(object.array(&["deep"]).unwrap().len(), 1);
}
