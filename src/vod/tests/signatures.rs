//! Upload signatures against the known vectors, and what VOD would object to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::vod::signature::{DecodeFault, DecodedSignature, UploadParams, decode};

const KEY: &str = "IamSecretKey";
const NOW: i64 = 1_571_215_100;

fn params() -> UploadParams {
    UploadParams {
        secret_id: "IamSecretId".into(),
        current_time_stamp: 1_571_215_095,
        expire_time: 1_571_218_695,
        random: 220_625,
        ..UploadParams::default()
    }
}

/// A signature that is no one's, over any original.
fn unsigned(original: &str) -> DecodedSignature {
    decode(&STANDARD.encode([&[0; 20], original.as_bytes()].concat())).unwrap()
}

fn objections(extra: &str) -> Vec<(String, String)> {
    let whole =
        format!("secretId=a&currentTimeStamp=1571215095&expireTime=1571218695&random=1{extra}");
    let found = unsigned(&whole).objections(NOW);
    found
        .into_iter()
        .map(|objection| (objection.parameter, objection.sentence))
        .collect()
}

#[test]
fn the_vectors_are_reproduced_byte_for_byte() {
    let vectors = vectors();
    let vectors = vectors["upload_signature"]["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let value = |name: &str| {
            let pairs = vector["params"].as_array().unwrap();
            pairs
                .iter()
                .find(|pair| pair[0] == name)
                .map(|pair| pair[1].clone())
        };
        let params = UploadParams {
            secret_id: value("secretId").unwrap().as_str().unwrap().to_owned(),
            current_time_stamp: value("currentTimeStamp").unwrap().as_i64().unwrap(),
            expire_time: value("expireTime").unwrap().as_i64().unwrap(),
            random: value("random")
                .unwrap()
                .as_u64()
                .unwrap()
                .try_into()
                .unwrap(),
            source_context: value("sourceContext")
                .map(|context| context.as_str().unwrap().to_owned()),
            ..UploadParams::default()
        };
        let expected = &vector["encodings"]["rfc3986"];
        let key = vector["secretKey"].as_str().unwrap();
        assert_eq!(params.original(), expected["original"]);
        assert_eq!(params.sign(key), expected["signature"]);
    }
}

#[test]
fn other_encodings_decode_to_the_same_fields() {
    let vectors = vectors();
    let encodings = &vectors["upload_signature"]["vectors"][3]["encodings"];
    let read = |encoding: &str| decode(encodings[encoding]["signature"].as_str().unwrap()).unwrap();
    let values = |signature: &DecodedSignature| -> Vec<_> {
        signature
            .parameters
            .iter()
            .map(|parameter| (parameter.name.clone(), parameter.value.clone()))
            .collect()
    };
    let (rfc3986, form, raw) = (read("rfc3986"), read("form_plus"), read("raw_concat"));
    assert_eq!(
        rfc3986.text("sourceContext"),
        Some(r#"{"user_id":"42","up":"a b&c=d"}"#)
    );
    assert_eq!(values(&form), values(&rfc3986));
    assert!(rfc3986.verify(KEY) && form.verify(KEY) && raw.verify(KEY));
    assert!(!rfc3986.verify("another key"));
    // This context holds an `&`. Written raw it ends the value, for VOD as for us: the rest is lost to a parameter
    // `c`, and no decoder can tell. It is genuine all the same, so what can be done is to point at it.
    assert_eq!(
        raw.text("sourceContext"),
        Some(r#"{"user_id":"42","up":"a b"#)
    );
    assert_eq!(raw.text("c"), Some(r#"d"}"#));
    let found: Vec<_> = raw
        .objections(NOW)
        .into_iter()
        .map(|objection| objection.parameter)
        .collect();
    assert_eq!(found, ["sourceContext", "c", "c"]);
    assert_eq!(rfc3986.objections(NOW), []);
    assert_eq!(form.objections(NOW), []);
}

#[test]
fn every_parameter_is_signed_in_its_order_and_read_back() {
    let params = UploadParams {
        class_id: Some(-1),
        procedure: Some("Übersicht 1".into()),
        task_priority: Some(-10),
        task_notify_mode: Some("Change".into()),
        source_context: Some("a+b=c&%~".into()),
        one_time_valid: true,
        vod_sub_app_id: Some(1_500_015_064),
        session_context: Some("用户".into()),
        storage_region: Some("ap-chongqing".into()),
        ..params()
    };
    assert_eq!(
        params.original(),
        "secretId=IamSecretId&currentTimeStamp=1571215095&expireTime=1571218695&random=220625&classId=-1\
         &procedure=%C3%9Cbersicht%201&taskPriority=-10&taskNotifyMode=Change&sourceContext=a%2Bb%3Dc%26%25~\
         &oneTimeValid=1&vodSubAppId=1500015064&sessionContext=%E7%94%A8%E6%88%B7&storageRegion=ap-chongqing"
    );
    let read = decode(&params.sign(KEY)).unwrap();
    assert_eq!(read.text("procedure"), Some("Übersicht 1"));
    assert_eq!(read.text("sourceContext"), Some("a+b=c&%~"));
    assert_eq!(read.integer("vodSubAppId"), Some(1_500_015_064));
    assert_eq!(read.original(), params.original());
    assert_eq!(read.objections(NOW), []);
}

#[test]
fn a_changed_byte_is_not_verified() {
    let signature = params().sign(KEY);
    let bytes = STANDARD.decode(&signature).unwrap();
    for at in [0, 19, 20, bytes.len() - 1] {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        assert!(
            !decode(&STANDARD.encode(forged)).unwrap().verify(KEY),
            "{at}"
        );
    }
    let wrapped = format!(
        "  {}\n{} ",
        &signature[..40],
        signature[40..].trim_end_matches('=')
    );
    assert!(!format!("{:?}", decode(&wrapped).unwrap()).contains("mac"));
    assert!(
        decode(&wrapped).unwrap().verify(KEY),
        "line breaks and padding are no part of it"
    );
}

#[test]
fn what_is_no_signature_says_why() {
    for (text, fault) in [
        ("not base64!", DecodeFault::NotBase64),
        ("", DecodeFault::TooShort),
        ("AAAA", DecodeFault::TooShort),
        (&STANDARD.encode([0; 20]), DecodeFault::TooShort),
        (&STANDARD.encode([b'x'; 30]), DecodeFault::NoParameters),
    ] {
        assert_eq!(decode(text), Err(fault), "{text}");
    }
}

#[test]
fn each_fault_of_a_parameter_is_named() {
    for (extra, parameter, part) in [
        ("&taskPriority=11&procedure=p", "taskPriority", "-10 to 10"),
        ("&taskPriority=1", "taskPriority", "without procedure"),
        (
            "&taskNotifyMode=Never&procedure=p",
            "taskNotifyMode",
            "none of",
        ),
        (
            "&taskNotifyMode=Finish",
            "taskNotifyMode",
            "without procedure",
        ),
        ("&sessionContext=x", "sessionContext", "without procedure"),
        ("&oneTimeValid=true", "oneTimeValid", "neither 0 nor 1"),
        ("&vodSubAppId=main", "vodSubAppId", "whole number"),
        ("&classId=1.5", "classId", "whole number"),
        ("&sourceContext=a b", "sourceContext", "percent-encoded"),
        ("&sourceContext=%zz", "sourceContext", "percent-encoded"),
        ("&random=2", "random", "more than once"),
        ("&lone", "lone", "not a parameter"),
    ] {
        let found = objections(extra);
        assert_eq!(found.len(), 1, "{extra}: {found:?}");
        assert_eq!(found[0].0, parameter, "{extra}");
        assert!(
            found[0].1.contains(part) && found[0].1.contains(parameter),
            "{}",
            found[0].1
        );
    }
    for (name, limit) in [("sourceContext", 250), ("procedure=p&sessionContext", 1000)] {
        assert_eq!(objections(&format!("&{name}={}", "x".repeat(limit))), []);
        assert_eq!(
            objections(&format!("&{name}={}", "x".repeat(limit + 1))).len(),
            1
        );
    }
    assert_eq!(
        objections(&format!("&sourceContext={}", "%E7%94%A8".repeat(84))).len(),
        1,
        "252 bytes"
    );
}

#[test]
fn each_fault_of_the_required_parameters_is_named() {
    for (original, expected) in [
        (
            "x=1",
            vec!["secretId", "currentTimeStamp", "expireTime", "random", "x"],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095.5&expireTime=1571218695&random=1",
            vec!["currentTimeStamp"],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095&expireTime=1571218695000&random=1",
            vec!["expireTime"],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095&expireTime=1578991095&random=1",
            vec![],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095&expireTime=1578991096&random=1",
            vec!["expireTime"],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095&expireTime=1571215100&random=1",
            vec!["expireTime"],
        ),
        (
            "secretId=a&currentTimeStamp=1571215101&expireTime=1571218695&random=1",
            vec!["currentTimeStamp"],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095&expireTime=1571215095&random=1",
            vec!["expireTime", "expireTime"],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095&expireTime=1571218695&random=4294967296",
            vec!["random"],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095&expireTime=1571218695&random=4294967295",
            vec![],
        ),
        (
            "secretId=a&currentTimeStamp=1571215095&expireTime=1571218695&random=0.5",
            vec!["random"],
        ),
        (
            "secretId=&currentTimeStamp=1571215095&expireTime=1571218695&random=1",
            vec!["secretId"],
        ),
    ] {
        let found: Vec<_> = unsigned(original)
            .objections(NOW)
            .into_iter()
            .map(|found| found.parameter)
            .collect();
        assert_eq!(found, expected, "{original}");
    }
}

#[test]
fn originals_seen_in_the_field_read_well() {
    let vectors = vectors();
    for observed in vectors["upload_signature"]["observed_originals"]
        .as_array()
        .unwrap()
    {
        let original = observed["original"]
            .as_str()
            .unwrap()
            .replace("<AKID>", "AKID");
        let issued = unsigned(&original).integer("currentTimeStamp").unwrap();
        assert_eq!(unsigned(&original).objections(issued), [], "{original}");
    }
    let context = unsigned("sourceContext=%5B100003%5D");
    assert_eq!(context.text("sourceContext"), Some("[100003]"));
}
