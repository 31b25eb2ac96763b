//! Signatures, as `vod-receiver decode` takes them from anybody, and as the receiver makes them.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use vod_receiver::ticket::Ticket;
use vod_receiver::vod::signature::{self, DecodeFault, DecodedSignature, UploadParams};

const MAC_BYTES: usize = 20;

fuzz_target!(|data: &[u8]| {
    pasted(&String::from_utf8_lossy(data));
    opened(data);
    // Of too little nothing is made.
    let _ = Issued::arbitrary(&mut Unstructured::new(data)).map(|issued| check_issued(&issued));
});

/// What is on stdin of `decode`: a ticket, or anything that may be a signature.
fn pasted(text: &str) {
    let text = text.trim();
    if let Ok(ticket) = text.parse::<Ticket>() {
        assert!(ticket.to_string().eq_ignore_ascii_case(text));
        assert_eq!(ticket.to_string().parse(), Ok(ticket));
    }
    let Ok(decoded) = signature::decode(text) else {
        return;
    };
    check_decoded(&decoded);
    // Encoded anew, as its author should have: the same bytes, so the same signature.
    let compact: String = text.split_ascii_whitespace().collect();
    let unpadded = compact.trim_end_matches('=');
    let width = unpadded.len().next_multiple_of(4);
    let canonical = format!("{unpadded:=<width$}");
    let bytes = STANDARD.decode(&canonical).expect("what decodes is base64");
    assert_eq!(
        signature::decode(&STANDARD.encode(bytes)).as_ref(),
        Ok(&decoded)
    );
}

/// The same bytes behind an HMAC: what is signed, without base64 in the way.
fn opened(original: &[u8]) {
    let signed = [&[0x5e; MAC_BYTES], original].concat();
    let encoded = STANDARD.encode(&signed);
    match signature::decode(&encoded) {
        Ok(decoded) => {
            assert_eq!(decoded.original(), String::from_utf8_lossy(original));
            assert!(!decoded.verify("a key"), "the HMAC is none");
            check_decoded(&decoded);
            // As an encoder wraps it, and without its padding.
            let (front, back) = encoded.split_at(encoded.len() / 2);
            let wrapped = format!(" {front}\r\n{}\n", back.trim_end_matches('='));
            assert_eq!(signature::decode(&wrapped).as_ref(), Ok(&decoded));
        }
        Err(DecodeFault::TooShort) => assert!(original.is_empty()),
        Err(DecodeFault::NoParameters) => assert!(!original.contains(&b'=')),
        Err(DecodeFault::NotBase64) => panic!("that was base64"),
    }
}

/// What holds of any signature that decodes.
fn check_decoded(decoded: &DecodedSignature) {
    let original = decoded.original();
    let raw = decoded.parameters.iter().map(|parameter| &parameter.raw);
    assert!(raw.map(String::len).sum::<usize>() <= original.len());
    let pairs = original.split('&').filter(|pair| !pair.is_empty());
    assert_eq!(pairs.count(), decoded.parameters.len());
    for parameter in &decoded.parameters {
        let encoded = utf8_percent_encode(&parameter.value, NON_ALPHANUMERIC).to_string();
        let again = percent_decode_str(&encoded).decode_utf8();
        assert_eq!(again.as_deref(), Ok(parameter.value.as_str()));
        if let Some(text) = decoded.text(&parameter.name) {
            assert!(!text.is_empty());
        }
        // Of any text, and never a panic.
        let _ = decoded.integer(&parameter.name);
    }
    for now in [i64::MIN, 0, 1_764_579_600, i64::MAX] {
        for objection in decoded.objections(now) {
            assert!(!objection.sentence.is_empty());
        }
    }
}

/// One that the receiver gives out.
#[derive(Debug, Arbitrary)]
struct Issued {
    secret_key: String,
    secret_id: String,
    current_time_stamp: i64,
    expire_time: i64,
    random: u32,
    class_id: Option<i64>,
    procedure: Option<String>,
    task_priority: Option<i32>,
    task_notify_mode: Option<String>,
    source_context: Option<String>,
    one_time_valid: bool,
    vod_sub_app_id: Option<u64>,
    session_context: Option<String>,
    storage_region: Option<String>,
}

fn check_issued(issued: &Issued) {
    let params = UploadParams {
        secret_id: issued.secret_id.clone(),
        current_time_stamp: issued.current_time_stamp,
        expire_time: issued.expire_time,
        random: issued.random,
        class_id: issued.class_id,
        procedure: issued.procedure.clone(),
        task_priority: issued.task_priority,
        task_notify_mode: issued.task_notify_mode.clone(),
        source_context: issued.source_context.clone(),
        one_time_valid: issued.one_time_valid,
        vod_sub_app_id: issued.vod_sub_app_id,
        session_context: issued.session_context.clone(),
        storage_region: issued.storage_region.clone(),
    };
    let decoded = signature::decode(&params.sign(&issued.secret_key)).expect("it was just made");
    assert!(decoded.verify(&issued.secret_key));
    assert_eq!(decoded.original(), params.original());
    check_decoded(&decoded);
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    let said = [
        ("secretId", Some(issued.secret_id.clone())),
        ("currentTimeStamp", number(Some(issued.current_time_stamp))),
        ("expireTime", number(Some(issued.expire_time))),
        ("random", number(Some(issued.random.into()))),
        ("classId", number(issued.class_id)),
        ("procedure", issued.procedure.clone()),
        ("taskPriority", number(issued.task_priority.map(i64::from))),
        ("taskNotifyMode", issued.task_notify_mode.clone()),
        ("sourceContext", issued.source_context.clone()),
        (
            "oneTimeValid",
            issued.one_time_valid.then(|| "1".to_owned()),
        ),
        (
            "vodSubAppId",
            issued.vod_sub_app_id.map(|id| id.to_string()),
        ),
        ("sessionContext", issued.session_context.clone()),
        ("storageRegion", issued.storage_region.clone()),
    ];
    let set = said.iter().filter(|(_, value)| value.is_some());
    assert_eq!(set.count(), decoded.parameters.len());
    for (name, value) in &said {
        let value = value.as_deref().filter(|value| !value.is_empty());
        assert_eq!(decoded.text(name), value, "{name}");
    }
    // What was signed differently is another signature, and the key does not fit it.
    let mut forged = params.clone();
    forged.random ^= 1;
    assert_ne!(
        forged.sign(&issued.secret_key),
        params.sign(&issued.secret_key)
    );
}
