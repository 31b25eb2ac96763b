//! COS: objects in parts, for browsers, and what it refuses.

use super::uploads::{ToCos, signature, video};
use super::*;

const MIB: usize = 1 << 20;

/// An upload of so many bytes, applied for, and where its video goes.
async fn applied(vod: &Vod, bytes: u64) -> (Value, String) {
    let applied = vod.applied(&signature(vod, |_| ()), &video(bytes)).await;
    let path = applied["video"]["storagePath"].as_str().unwrap().to_owned();
    (applied, path)
}

fn element(xml: &str, name: &str) -> String {
    let (_, after) = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("no {name} in {xml}"));
    after.split_once('<').unwrap().0.to_owned()
}

impl Vod {
    async fn begun(&self, applied: &Value, path: &str) -> String {
        let asked = ToCos {
            method: "POST",
            path,
            query: &[("uploads", "")],
        };
        let answer = self.cos(applied, &asked).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        element(&answer.text().await.unwrap(), "UploadId")
    }

    async fn part(
        &self,
        applied: &Value,
        path: &str,
        id: &str,
        number: &str,
        bytes: Vec<u8>,
    ) -> reqwest::Response {
        let asked = ToCos {
            method: "PUT",
            path,
            query: &[("partNumber", number), ("uploadId", id)],
        };
        self.cos(applied, &asked).body(bytes).send().await.unwrap()
    }

    /// The status of a completion, and its body.
    async fn completed(
        &self,
        applied: &Value,
        path: &str,
        id: &str,
        body: String,
    ) -> (u16, String) {
        let asked = ToCos {
            method: "POST",
            path,
            query: &[("uploadId", id)],
        };
        let answer = self.cos(applied, &asked).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// The body that completes an upload of these parts.
fn parts(etags: &[(u32, &str)]) -> String {
    let part = |(number, etag): &(u32, &str)| {
        format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>",
            etag.replace('"', "&quot;")
        )
    };
    let parts: String = etags.iter().map(part).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

#[actix_web::test]
async fn an_object_comes_in_parts_in_any_order_and_is_gone_on_with() {
    let vod = vod();
    let size = 2 * MIB + 5;
    let (applied, path) = applied(&vod, size as u64).await;
    let id = vod.begun(&applied, &path).await;
    let mut etags = Vec::new();
    for (number, byte, bytes) in [("3", b'c', 5), ("1", b'x', MIB), ("1", b'a', MIB)] {
        let answer = vod
            .part(&applied, &path, &id, number, vec![byte; bytes])
            .await;
        assert_eq!(answer.status(), 200);
        etags.push(answer.headers()["etag"].to_str().unwrap().to_owned());
    }
    // The page is loaded again: which upload was it, and which parts are there?
    let asked = ToCos {
        method: "GET",
        path: "/",
        query: &[("uploads", ""), ("prefix", &path[1..])],
    };
    let listed = vod.answer(&applied, &asked).await;
    assert_eq!(
        (element(&listed, "UploadId"), element(&listed, "Key")),
        (id.clone(), path[1..].to_owned())
    );
    let asked = ToCos {
        method: "GET",
        path: &path,
        query: &[("uploadId", &id), ("max-parts", "1")],
    };
    let listed = vod.answer(&applied, &asked).await;
    assert_eq!(element(&listed, "IsTruncated"), "true");
    assert_eq!(element(&listed, "NextPartNumberMarker"), "1");
    let asked = ToCos {
        method: "GET",
        path: &path,
        query: &[("uploadId", &id), ("part-number-marker", "1")],
    };
    let listed = vod.answer(&applied, &asked).await;
    assert_eq!(
        (element(&listed, "PartNumber"), element(&listed, "Size")),
        ("3".to_owned(), "5".to_owned())
    );
    assert_eq!(element(&listed, "ETag").replace("&quot;", "\""), etags[0]);

    let second = vod.part(&applied, &path, &id, "2", vec![b'b'; MIB]).await;
    let second = second.headers()["etag"].to_str().unwrap().to_owned();
    let body = parts(&[(1, &etags[2]), (2, &second), (3, &etags[0])]);
    let (status, answer) = vod.completed(&applied, &path, &id, body).await;
    assert_eq!(status, 200, "{answer}");
    assert!(element(&answer, "ETag").ends_with("-3&quot;"), "{answer}");
    let committed = vod.committed(&applied).await;
    let address = committed["video"]["url"].as_str().unwrap();
    let all = vod
        .client
        .get(address)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(
        (all.len(), all[MIB - 1], all[MIB], all[size - 1]),
        (size, b'a', b'b', b'c')
    );
    let range = format!("bytes={}-{}", MIB - 1, 2 * MIB);
    let across = vod
        .client
        .get(address)
        .header("Range", range)
        .send()
        .await
        .unwrap();
    let across = across.bytes().await.unwrap();
    assert_eq!(
        (across.len(), across[0], across[MIB], across[MIB + 1]),
        (MIB + 2, b'a', b'b', b'c')
    );
    assert_eq!(
        vod.simulator.disk_bytes(),
        size as u64,
        "what was replaced is gone"
    );
    let (status, _) = vod
        .completed(&applied, &path, &id, parts(&[(1, &etags[2])]))
        .await;
    assert_eq!(status, 404, "it is over");
}

#[actix_web::test]
async fn a_bucket_is_reached_by_its_host_in_its_region_or_by_its_path() {
    let vod = vod();
    let (applied, path) = applied(&vod, 1).await;
    let bucket = format!(
        "{}-{}",
        applied["storageBucket"].as_str().unwrap(),
        applied["storageAppId"]
    );
    for (host, status) in [
        (format!("{bucket}.cos.ap-chongqing.myqcloud.com"), 200),
        (format!("{bucket}.cos.ap-guangzhou.myqcloud.com"), 404),
        (format!("other-{bucket}.cos.ap-chongqing.myqcloud.com"), 404),
        ("localhost:9090".to_owned(), 200),
    ] {
        let asked = ToCos {
            method: "PUT",
            path: &path,
            query: &[],
        };
        let request = vod
            .cos(&applied, &asked)
            .header("Host", &host)
            .body(vec![1]);
        assert_eq!(request.send().await.unwrap().status(), status, "{host}");
    }
    let path = format!("/{bucket}{path}");
    let asked = ToCos {
        method: "PUT",
        path: &path,
        query: &[],
    };
    let request = vod.cos(&applied, &asked).body(vec![1]);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[actix_web::test]
async fn a_page_may_upload_and_read_the_etag() {
    let vod = vod();
    let (applied, path) = applied(&vod, 1).await;
    for path in [path.as_str(), "/v3/index.php?Action=ApplyUploadUGC"] {
        let wanted = "authorization,content-type,x-cos-security-token";
        let asked = vod
            .client
            .request(
                reqwest::Method::OPTIONS,
                format!("{}{path}", vod.serving.url()),
            )
            .header("Origin", "http://shop.example")
            .header("Access-Control-Request-Method", "PUT")
            .header("Access-Control-Request-Headers", wanted);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert_eq!(answer.headers()["access-control-allow-headers"], wanted);
        let methods = answer.headers()["access-control-allow-methods"]
            .to_str()
            .unwrap();
        assert!(methods.contains("PUT") && methods.contains("POST"));
    }
    let sent = vod.put(&applied, "video", vec![1]).await;
    assert_eq!(sent.headers()["access-control-allow-origin"], "*");
    let exposed = sent.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap();
    assert!(exposed.contains("ETag"));
    let state = vod
        .client
        .get(format!("{}/_simulator/state", vod.serving.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(
        state.headers().get("access-control-allow-origin"),
        None,
        "no page reads what was sent"
    );
}

#[actix_web::test]
async fn what_is_wrong_is_refused_with_its_code() {
    let vod = vod();
    let (applied, path) = applied(&vod, 3 * MIB as u64).await;
    let id = vod.begun(&applied, &path).await;
    for number in ["0", "-1", "10001", "99999999999999999999", "one", "1.5"] {
        let answer = vod.part(&applied, &path, &id, number, vec![1]).await;
        assert_eq!(answer.status(), 400, "{number}");
        assert_eq!(
            element(&answer.text().await.unwrap(), "Code"),
            "InvalidArgument"
        );
    }
    let answer = vod.part(&applied, &path, "another", "1", vec![1]).await;
    assert_eq!(answer.status(), 404);
    let long = vod
        .part(&applied, &path, &id, "1", vec![1; 3 * MIB + 1])
        .await;
    assert_eq!(
        element(&long.text().await.unwrap(), "Code"),
        "EntityTooLarge"
    );
    let mut etags = Vec::new();
    for number in ["1", "2"] {
        let answer = vod
            .part(&applied, &path, &id, number, vec![number.as_bytes()[0]; 9])
            .await;
        etags.push(answer.headers()["etag"].to_str().unwrap().to_owned());
    }
    let rest = vod
        .part(&applied, &path, &id, "3", vec![1; 3 * MIB - 9])
        .await;
    assert_eq!(
        element(&rest.text().await.unwrap(), "Code"),
        "EntityTooLarge",
        "all parts together"
    );
    let (a, b) = (etags[0].as_str(), etags[1].as_str());
    for (body, status, code) in [
        (parts(&[(2, b), (1, a)]), 400, "InvalidPartOrder"),
        (parts(&[(1, a), (1, a)]), 400, "InvalidPartOrder"),
        (parts(&[(1, b)]), 400, "InvalidPart"),
        (parts(&[(7, a)]), 400, "InvalidPart"),
        (parts(&[(1, a), (2, b)]), 400, "EntityTooSmall"),
        (parts(&[]), 400, "MalformedXML"),
        ("{}".to_owned(), 400, "MalformedXML"),
        (
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(),
            400,
            "MalformedXML",
        ),
        ("x".repeat(3 * MIB), 400, "MalformedXML"),
    ] {
        let (told, answer) = vod.completed(&applied, &path, &id, body.clone()).await;
        let begins = &body[..body.len().min(80)];
        assert_eq!(
            (told, element(&answer, "Code").as_str()),
            (status, code),
            "{begins}"
        );
    }
    let asked = ToCos {
        method: "DELETE",
        path: &path,
        query: &[("uploadId", &id)],
    };
    assert_eq!(
        vod.cos(&applied, &asked).send().await.unwrap().status(),
        204
    );
    assert_eq!(vod.simulator.disk_bytes(), 0, "nothing of it is left");
}

#[actix_web::test]
async fn credentials_are_for_the_files_of_their_upload_alone() {
    let vod = vod();
    let (mine, my_path) = applied(&vod, 3).await;
    let (theirs, their_path) = applied(&vod, 3).await;
    vod.put(&theirs, "video", vec![1, 2, 3]).await;
    for path in [
        their_path.as_str(),
        "/",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/x",
        "//",
        "/%ff",
    ] {
        // Where there is no key, a POST is one of VOD's API.
        let methods = ["PUT", "DELETE", "PATCH", "POST"];
        for method in &methods[..if path == "/" { 3 } else { 4 }] {
            let asked = ToCos {
                method,
                path,
                query: &[],
            };
            let answer = vod.cos(&mine, &asked).body(vec![1]).send().await.unwrap();
            assert!(
                (400..500).contains(&answer.status().as_u16()),
                "{method} {path}: {}",
                answer.status()
            );
        }
    }
    let address = format!("{}{their_path}", vod.serving.url());
    assert_eq!(
        vod.client.get(&address).send().await.unwrap().status(),
        403,
        "not committed yet"
    );
    let asked = ToCos {
        method: "PUT",
        path: &my_path,
        query: &[],
    };
    let forged = vod.cos(&mine, &asked).build().unwrap();
    for (name, value) in [
        ("authorization", "q-sign-algorithm=sha1&q-ak=x"),
        ("x-cos-security-token", "token-x"),
    ] {
        let mut forged = forged.try_clone().unwrap();
        forged.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(
            vod.client.execute(forged).await.unwrap().status(),
            403,
            "{name}"
        );
    }
    let other = ToCos {
        method: "PUT",
        path: &my_path,
        query: &[("partNumber", "1"), ("uploadId", "2")],
    };
    let mut moved = vod.cos(&mine, &other).build().unwrap();
    moved.url_mut().set_query(Some("partNumber=2&uploadId=2"));
    let moved = vod.client.execute(moved).await.unwrap();
    assert_eq!(
        element(&moved.text().await.unwrap(), "Code"),
        "SignatureDoesNotMatch"
    );
}

#[actix_web::test]
async fn the_disk_is_filled_no_further_than_it_may_and_emptied_at_the_end() {
    let vod = vod_with(SimulatorSettings {
        max_disk_bytes: 5,
        max_file_bytes: 100,
        ..SimulatorSettings::new(SECRET_ID, Secret::new(SECRET_KEY))
    });
    let (first, _) = applied(&vod, 4).await;
    assert_eq!(vod.put(&first, "video", vec![1; 4]).await.status(), 200);
    let (second, _) = applied(&vod, 4).await;
    assert_eq!(vod.put(&second, "video", vec![1; 4]).await.status(), 500);
    assert_eq!(vod.simulator.disk_bytes(), 4, "what did not fit is gone");
    assert_eq!(
        vod.put(&first, "video", vec![1; 5]).await.status(),
        400,
        "larger than it was to be"
    );
    let refused = vod.ugc("ApplyUploadUGC", &video(101)).await;
    assert_eq!(refused["code"], 10001);
    vod.simulator.remove_files();
    assert_eq!(
        vod.put(&first, "video", vec![2]).await.status(),
        200,
        "and it goes on"
    );
}
