//! Who may ask: TC3's verdicts (protocol.md section 5).

use super::*;

/// The code that an answer refuses with; empty: it does not.
async fn verdict(request: reqwest::RequestBuilder) -> String {
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let code = answer["Response"]["Error"]["Code"].as_str();
    code.unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn a_wrong_key_an_unknown_id_and_a_clock_that_is_off_are_told_apart() {
    let vod = vod();
    let asked = |id: &str, key: &str, off: TimeDelta, body: &'static str| {
        vod.signed(id, key, vod.clock.now() + off, "{}")
            .header("X-TC-Action", "DescribeEventConfig")
            .body(body)
    };
    let (none, skew) = (TimeDelta::zero(), TimeDelta::seconds(300));
    let more = skew + TimeDelta::seconds(1);
    for (id, key, off, body, code) in [
        (SECRET_ID, SECRET_KEY, none, "{}", ""),
        (SECRET_ID, SECRET_KEY, skew, "{}", ""),
        (SECRET_ID, SECRET_KEY, -skew, "{}", ""),
        (
            SECRET_ID,
            SECRET_KEY,
            more,
            "{}",
            "AuthFailure.SignatureExpire",
        ),
        (
            SECRET_ID,
            SECRET_KEY,
            -more,
            "{}",
            "AuthFailure.SignatureExpire",
        ),
        (
            SECRET_ID,
            "another",
            none,
            "{}",
            "AuthFailure.SignatureFailure",
        ),
        (
            SECRET_ID,
            SECRET_KEY,
            none,
            "{ }",
            "AuthFailure.SignatureFailure",
        ),
        (
            "AKIDother",
            SECRET_KEY,
            none,
            "{}",
            "AuthFailure.SecretIdNotFound",
        ),
    ] {
        assert_eq!(
            verdict(asked(id, key, off, body)).await,
            code,
            "{id} {key} {off} {body}"
        );
    }
    let unsigned = vod.client.post(vod.serving.url()).body("{}");
    assert_eq!(verdict(unsigned).await, "AuthFailure.InvalidAuthorization");
    let seen = vod.simulator.seen();
    assert_eq!(seen[0].refused, None);
    assert_eq!(seen[0].header("x-tc-action"), "DescribeEventConfig");
    assert_eq!(
        seen[8].refused.as_deref(),
        Some("AuthFailure.InvalidAuthorization")
    );
}

#[actix_web::test]
async fn temporary_credentials_need_their_token_and_others_have_none() {
    let temporary = vod_with(SimulatorSettings {
        token: Some(Secret::new("session-token")),
        ..SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY))
    });
    let lasting = vod();
    for (vod, token, code) in [
        (&temporary, "session-token", ""),
        (&temporary, "another", "AuthFailure.TokenFailure"),
        (&lasting, "another", "AuthFailure.TokenFailure"),
    ] {
        let asked = vod
            .signed(SECRET_ID, SECRET_KEY, vod.clock.now(), "{}")
            .header("X-TC-Action", "DescribeEventConfig")
            .header("X-TC-Token", token)
            .body("{}");
        assert_eq!(verdict(asked).await, code);
    }
}
