//! The upload API, from the signature to the commit (protocol.md sections 1 and 8).

use std::collections::BTreeMap;

use vod_receiver::vod::cos_sign;
use vod_receiver::vod::signature::UploadParams;

use super::*;

/// A fresh signature of an hour, with whatever else.
pub fn signature(vod: &Vod, more: impl FnOnce(&mut UploadParams)) -> String {
    let now = vod.clock.now().timestamp();
    let mut params = UploadParams {
        secret_id: SECRET_ID.to_owned(),
        current_time_stamp: now,
        expire_time: now + 3_600,
        random: Random::system().u32(),
        ..UploadParams::default()
    };
    more(&mut params);
    params.sign(SECRET_KEY)
}

/// A file of so many bytes.
pub fn video(bytes: u64) -> Value {
    json!({"videoName": "holiday", "videoType": "mp4", "videoSize": bytes})
}

/// What a request to COS is, besides its body and the upload's credentials.
pub struct ToCos<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
}

impl Vod {
    /// One call of the upload API with a fresh signature.
    pub async fn ugc(&self, action: &str, body: &Value) -> Value {
        self.ugc_with(action, &signature(self, |_| ()), body).await
    }

    pub async fn ugc_with(&self, action: &str, signature: &str, body: &Value) -> Value {
        let mut body = body.clone();
        body["signature"] = json!(signature);
        let answer = self.post_ugc(action, body.to_string()).await;
        answer.unwrap().json().await.unwrap()
    }

    pub async fn post_ugc(&self, action: &str, body: String) -> reqwest::Result<reqwest::Response> {
        let address = format!("{}/v3/index.php?Action={action}", self.serving.url());
        self.client.post(address).body(body).send().await
    }

    /// The data of an upload that was applied for with this signature.
    pub async fn applied(&self, signature: &str, body: &Value) -> Value {
        let mut answer = self.ugc_with("ApplyUploadUGC", signature, body).await;
        assert_eq!(answer["code"], 0, "{answer}");
        answer["data"].take()
    }

    /// What COS answers.
    pub async fn answer(&self, applied: &Value, asked: &ToCos<'_>) -> String {
        let answer = self.cos(applied, asked).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// A request to COS with the credentials of an upload.
    pub fn cos(&self, applied: &Value, asked: &ToCos<'_>) -> reqwest::RequestBuilder {
        let temporary = &applied["tempCertificate"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let query: BTreeMap<String, String> = asked
            .query
            .iter()
            .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
            .collect();
        let request = cos_sign::Request {
            method: asked.method,
            path: asked.path,
            query: &query,
            headers: &BTreeMap::new(),
        };
        let time = |value: &Value| value.as_i64().unwrap();
        let authorization = request.authorization(
            &text(&temporary["secretId"]),
            &text(&temporary["secretKey"]),
            (time(&applied["timestamp"]), time(&temporary["expiredTime"])),
        );
        let query: Vec<String> = asked
            .query
            .iter()
            .map(|(name, value)| {
                if value.is_empty() {
                    (*name).to_owned()
                } else {
                    format!("{name}={value}")
                }
            })
            .collect();
        let address = format!("{}{}?{}", self.serving.url(), asked.path, query.join("&"));
        self.client
            .request(asked.method.parse().unwrap(), address)
            .header("Authorization", authorization)
            .header("x-cos-security-token", text(&temporary["token"]))
    }

    /// Sends a file whole.
    pub async fn put(&self, applied: &Value, which: &str, bytes: Vec<u8>) -> reqwest::Response {
        let asked = ToCos {
            method: "PUT",
            path: applied[which]["storagePath"].as_str().unwrap(),
            query: &[],
        };
        self.cos(applied, &asked).body(bytes).send().await.unwrap()
    }

    /// The data of a commit.
    pub async fn committed(&self, applied: &Value) -> Value {
        let mut answer = self
            .ugc(
                "CommitUploadUGC",
                &json!({"vodSessionKey": applied["vodSessionKey"]}),
            )
            .await;
        assert_eq!(answer["code"], 0, "{answer}");
        answer["data"].take()
    }

    /// One upload from end to end; its file id.
    pub async fn upload(&self, signature: &str) -> String {
        let applied = self.applied(signature, &video(3)).await;
        assert_eq!(
            self.put(&applied, "video", vec![1, 2, 3]).await.status(),
            200
        );
        let committed = self.committed(&applied).await;
        committed["fileId"].as_str().unwrap().to_owned()
    }
}

#[actix_web::test]
async fn a_file_with_its_cover_is_uploaded_listed_and_can_be_played() {
    let vod = vod();
    let prepared = vod.ugc("PrepareUploadUGC", &json!({})).await;
    assert_eq!(
        prepared["data"]["cosRegionList"].as_array().unwrap().len(),
        2
    );
    let mut asked = video(10);
    for (name, value) in [
        ("coverName", json!("face")),
        ("coverType", json!("png")),
        ("coverSize", json!(4)),
    ] {
        asked[name] = value;
    }
    let context = signature(&vod, |params| {
        params.source_context = Some("vt_1 & 用户".to_owned());
    });
    let applied = vod.applied(&context, &asked).await;
    let sent = vod.put(&applied, "video", b"0123456789".to_vec()).await;
    assert_eq!(
        sent.headers()["etag"],
        "\"781e5e245d69b566979b86e28d23f2c7\""
    );
    vod.put(&applied, "cover", vec![7; 4]).await;
    let committed = vod.committed(&applied).await;

    let address = committed["video"]["url"].as_str().unwrap();
    let range = vod
        .client
        .get(address)
        .header("Range", "bytes=3-5")
        .send()
        .await
        .unwrap();
    assert_eq!(range.status(), 206);
    assert_eq!(range.headers()["content-range"], "bytes 3-5/10");
    assert_eq!(range.headers()["content-type"], "video/mp4");
    assert_eq!(range.text().await.unwrap(), "345");
    let beyond = vod
        .client
        .get(address)
        .header("Range", "bytes=10-")
        .send()
        .await
        .unwrap();
    assert_eq!(beyond.status(), 416);
    let head = vod.client.head(address).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "10");
    let cover = vod
        .client
        .get(committed["cover"]["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(cover.bytes().await.unwrap(), [7; 4].as_slice());

    let file_ids = json!({"FileIds": [committed["fileId"]]});
    let told = vod.ask("DescribeMediaInfos", file_ids).await;
    let told = &told["MediaInfoSet"][0];
    assert_eq!(
        told["BasicInfo"]["SourceInfo"]["SourceContext"],
        "vt_1 & 用户"
    );
    assert_eq!(told["BasicInfo"]["MediaUrl"], address);
    assert_eq!(told["BasicInfo"]["CoverUrl"], committed["cover"]["url"]);
    assert_eq!(told["MetaData"]["Size"], 10);
}

#[actix_web::test]
async fn a_signature_is_refused_for_what_vod_refuses_it_for() {
    let vod = vod_with(SimulatorSettings {
        sub_app_ids: vec![1_500_000_001],
        ..SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY))
    });
    let now = vod.clock.now().timestamp();
    let of = |more: fn(&mut UploadParams)| {
        signature(&vod, |params| {
            params.vod_sub_app_id = Some(1_500_000_001);
            more(params);
        })
    };
    let good = of(|_| ());
    let raw = |original: String| {
        use base64::Engine as _;
        use hmac::{KeyInit as _, Mac as _};
        let mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(SECRET_KEY.as_bytes()).unwrap();
        let mut signed = mac.chain_update(&original).finalize().into_bytes().to_vec();
        signed.extend_from_slice(original.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(signed)
    };
    let required = format!("secretId={SECRET_ID}&vodSubAppId=1500000001&random=1");
    for (what, signature, code) in [
        ("nothing is wrong", good.clone(), 0),
        (
            "a clock a little ahead",
            of(|params| params.current_time_stamp += 300),
            0,
        ),
        (
            "a clock far ahead",
            of(|params| params.current_time_stamp += 301),
            10004,
        ),
        (
            "expired",
            of(|params| {
                params.current_time_stamp -= 7_200;
                params.expire_time -= 3_600;
            }),
            10004,
        ),
        (
            "good for 91 days",
            of(|params| params.expire_time += 91 * 86_400),
            10004,
        ),
        (
            "another SecretId",
            of(|params| params.secret_id = "AKIDother".to_owned()),
            10004,
        ),
        (
            "another application",
            of(|params| params.vod_sub_app_id = Some(1)),
            10004,
        ),
        (
            "the main application",
            of(|params| params.vod_sub_app_id = None),
            10004,
        ),
        (
            "a context of 250 bytes",
            of(|params| params.source_context = Some("c".repeat(250))),
            0,
        ),
        (
            "a context of 251 bytes",
            of(|params| params.source_context = Some("c".repeat(251))),
            10004,
        ),
        (
            "a region there is none of",
            of(|params| params.storage_region = Some("ap-moon".to_owned())),
            10001,
        ),
        (
            "raw JSON, as Python's sample leaves it",
            raw(format!(
                "{required}&currentTimeStamp={now}&expireTime={}&sourceContext={{\"a\": 1}}",
                now + 9
            )),
            0,
        ),
        (
            "a raw & in the context",
            raw(format!(
                "{required}&currentTimeStamp={now}&expireTime={}&sourceContext=a&b=c",
                now + 9
            )),
            10004,
        ),
        (
            "milliseconds",
            raw(format!(
                "{required}&currentTimeStamp={now}000&expireTime={now}001"
            )),
            10004,
        ),
        (
            "a float",
            raw(format!(
                "{required}&currentTimeStamp={now}.5&expireTime={}",
                now + 9
            )),
            10004,
        ),
        ("cut", good[..good.len() - 8].to_owned(), 10004),
        ("no base64", "§".to_owned(), 10004),
        ("empty", String::new(), 10004),
    ] {
        let answer = vod.ugc_with("ApplyUploadUGC", &signature, &video(3)).await;
        assert_eq!(answer["code"], code, "{what}: {answer}");
        assert!(!answer.to_string().contains(SECRET_KEY));
    }
    for body in ["", "{}", "[]", "{\"signature\": 1}"] {
        let answer = vod
            .post_ugc("ApplyUploadUGC", body.to_owned())
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["code"], 10001, "{body}");
    }
    let answer = vod.ugc_with("DeleteUGC", &good, &json!({})).await;
    assert_eq!(answer["code"], 10001);
}

#[actix_web::test]
async fn a_one_time_signature_is_taken_once() {
    let vod = vod();
    let once = signature(&vod, |params| params.one_time_valid = true);
    let prepared = vod.ugc_with("PrepareUploadUGC", &once, &json!({})).await;
    assert_eq!(prepared["code"], 0, "preparing does not use it up");
    let applied = vod.applied(&once, &video(1)).await;
    vod.put(&applied, "video", vec![1]).await;
    let commit = json!({"vodSessionKey": applied["vodSessionKey"]});
    for action in ["ApplyUploadUGC", "CommitUploadUGC"] {
        let refused = vod.ugc_with(action, &once, &commit).await;
        assert_eq!(refused["code"], 10004);
        assert!(
            refused["message"]
                .as_str()
                .unwrap()
                .contains("duplicate vod signature")
        );
    }
    let unpadded = once.trim_end_matches('=');
    let refused = vod.ugc_with("ApplyUploadUGC", unpadded, &video(1)).await;
    assert_eq!(
        refused["code"], 10004,
        "it is the same signature without its padding"
    );
    let another = signature(&vod, |params| params.one_time_valid = true);
    assert_eq!(
        vod.ugc_with("CommitUploadUGC", &another, &commit).await["code"],
        0
    );
}

#[actix_web::test]
async fn an_upload_is_gone_on_with_within_a_day_by_its_application_and_keeps_its_context() {
    let vod = vod();
    let first = signature(&vod, |params| {
        params.source_context = Some("first".to_owned());
    });
    let applied = vod.applied(&first, &video(1)).await;
    let resume = json!({"vodSessionKey": applied["vodSessionKey"]});
    vod.clock.advance(TimeDelta::hours(23));
    let second = signature(&vod, |params| {
        params.source_context = Some("second".to_owned());
    });
    let resumed = vod.applied(&second, &resume).await;
    assert_eq!(resumed["video"], applied["video"]);
    let stranger = signature(&vod, |params| params.vod_sub_app_id = Some(7));
    for action in ["ApplyUploadUGC", "CommitUploadUGC"] {
        assert_eq!(
            vod.ugc_with(action, &stranger, &resume).await["code"],
            10001
        );
    }
    vod.put(&resumed, "video", vec![1]).await;
    let committed = vod.committed(&resumed).await;
    let told = vod
        .ask(
            "DescribeMediaInfos",
            json!({"FileIds": [committed["fileId"]]}),
        )
        .await;
    assert_eq!(
        told["MediaInfoSet"][0]["BasicInfo"]["SourceInfo"]["SourceContext"],
        "first"
    );
    vod.clock.advance(TimeDelta::hours(1));
    assert_eq!(vod.ugc("ApplyUploadUGC", &resume).await["code"], 10001);
    assert_eq!(vod.put(&resumed, "video", vec![1]).await.status(), 403);
}

#[actix_web::test]
async fn names_that_are_paths_and_sizes_that_are_too_large_are_refused() {
    let vod = vod();
    for (name, value) in [
        ("videoName", json!("../../etc/passwd")),
        ("videoName", json!("a\u{0}b")),
        ("videoName", json!("n".repeat(513))),
        ("videoName", Value::Null),
        ("videoType", json!("mp4/../../x")),
        ("videoType", json!("")),
        ("videoType", json!("m".repeat(17))),
        ("videoSize", json!(u64::MAX)),
        ("videoSize", json!(-1)),
        ("videoSize", json!("3")),
        ("coverType", json!("..")),
        ("storageRegion", json!("../ap-chongqing")),
        ("vodSessionKey", json!("../../key")),
    ] {
        let mut asked = video(3);
        asked[name] = value.clone();
        let answer = vod.ugc("ApplyUploadUGC", &asked).await;
        assert_eq!(answer["code"], 10001, "{name} {value}: {answer}");
    }
    let mut asked = video(3);
    asked["videoName"] = json!("🎬 假期 'video' .. %2e%2e");
    assert_eq!(vod.ugc("ApplyUploadUGC", &asked).await["code"], 0);
    let long = vod
        .post_ugc("ApplyUploadUGC", "x".repeat(65 << 10))
        .await
        .unwrap();
    assert_eq!(long.status(), 413);
}

#[actix_web::test]
async fn a_commit_wants_every_byte_and_a_second_one_changes_nothing() {
    let vod = vod();
    vod.simulator.set_event_config(pulled());
    let applied = vod.applied(&signature(&vod, |_| ()), &video(3)).await;
    let commit = json!({"vodSessionKey": applied["vodSessionKey"]});
    assert_eq!(vod.ugc("CommitUploadUGC", &commit).await["code"], 10001);
    vod.put(&applied, "video", vec![1, 2]).await;
    assert_eq!(vod.ugc("CommitUploadUGC", &commit).await["code"], 10001);
    vod.put(&applied, "video", vec![1, 2, 3]).await;
    let first = vod.committed(&applied).await;
    assert_eq!(vod.committed(&applied).await, first);
    assert_eq!(vod.pull().await.len(), 1);
}

#[actix_web::test]
async fn the_upload_api_fails_as_it_is_told_to() {
    let vod = vod();
    vod.simulator.set_event_config(pulled());
    let applied = vod.applied(&signature(&vod, |_| ()), &video(1)).await;
    vod.put(&applied, "video", vec![1]).await;
    let commit = json!({"vodSessionKey": applied["vodSessionKey"]});
    vod.simulator.fail(Fault::code("500").on("CommitUploadUGC"));
    assert_eq!(vod.ugc("CommitUploadUGC", &commit).await["code"], 500);
    assert_eq!(vod.simulator.queued(), 0, "nothing was done");
    vod.simulator
        .fail(Fault::once(FaultKind::CutBody).on("CommitUploadUGC"));
    let mut body = commit.clone();
    body["signature"] = json!(signature(&vod, |_| ()));
    let cut = vod
        .post_ugc("CommitUploadUGC", body.to_string())
        .await
        .unwrap();
    assert!(cut.bytes().await.is_err());
    assert_eq!(
        vod.simulator.queued(),
        1,
        "it was done, and the client does not know"
    );
    vod.committed(&applied).await;
    assert_eq!(vod.simulator.queued(), 1);
    vod.simulator.fail(Fault::once(FaultKind::HangUp).on("COS"));
    let asked = ToCos {
        method: "PUT",
        path: "/",
        query: &[],
    };
    assert!(vod.cos(&applied, &asked).send().await.is_err());
    vod.simulator.fail(Fault::code("SlowDown").on("COS"));
    let slow = vod.put(&applied, "video", vec![1]).await;
    assert_eq!(slow.status(), 503);
    assert!(slow.text().await.unwrap().contains("<Code>SlowDown</Code>"));
}

#[actix_web::test]
async fn a_server_uploads_by_the_api() {
    let vod = vod();
    let asked = json!({"MediaType": "mp4", "MediaName": "report", "CoverType": "jpg", "SubAppId": 5,
        "SourceContext": "by a server", "StorageRegion": "ap-guangzhou"});
    let answer = vod.ask("ApplyUpload", asked).await;
    let certificate = &answer["TempCertificate"];
    // The same as the upload API tells, in its words.
    let applied = json!({
        "video": {"storagePath": answer["MediaStoragePath"]},
        "cover": {"storagePath": answer["CoverStoragePath"]},
        "timestamp": vod.clock.now().timestamp(),
        "tempCertificate": {"secretId": certificate["SecretId"], "secretKey": certificate["SecretKey"],
            "token": certificate["Token"], "expiredTime": certificate["ExpiredTime"]},
    });
    let commit = json!({"VodSessionKey": answer["VodSessionKey"], "SubAppId": 5});
    let refused = vod.refusal("CommitUpload", commit.clone()).await;
    assert_eq!(refused, "InvalidParameterValue");
    for which in ["video", "cover"] {
        assert_eq!(vod.put(&applied, which, vec![1; 9]).await.status(), 200);
    }
    let committed = vod.ask("CommitUpload", commit).await;
    let played = vod
        .client
        .get(committed["MediaUrl"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(played.bytes().await.unwrap().len(), 9);
    let wanted = json!({"FileIds": [committed["FileId"]], "SubAppId": 5});
    let told = vod.ask("DescribeMediaInfos", wanted).await;
    let basic = &told["MediaInfoSet"][0]["BasicInfo"];
    assert_eq!(basic["SourceInfo"]["SourceContext"], "by a server");
    assert_eq!(
        (&basic["Name"], &basic["StorageRegion"]),
        (&json!("report"), &json!("ap-guangzhou"))
    );
    for wrong in [
        json!({"MediaType": "../x"}),
        json!({"MediaType": "mp4", "SourceContext": "c".repeat(251)}),
        json!({"MediaType": "mp4", "StorageRegion": "ap-moon"}),
    ] {
        assert_eq!(
            vod.refusal("ApplyUpload", wrong).await,
            "InvalidParameterValue"
        );
    }
    assert_eq!(
        vod.refusal("ApplyUpload", json!({})).await,
        "MissingParameter"
    );
}
