//! Objects in parts: begun, listed, completed.

use actix_web::HttpResponse;
use actix_web::http::header;

use super::asked::Asked;
use super::disk::Kept;
use super::objects::{MOST_PARTS, Part};
use super::quoted;
use super::refusal::CosRefusal;
use super::xml::{Xml, completed_parts};
use crate::simulator::Simulator;
use crate::simulator::uploads::{STORAGE_APP_ID, Session, Target};

/// Parts in one list.
const PARTS_AT_ONCE: usize = 1_000;

impl Simulator {
    /// `POST /<key>?uploads`.
    pub(super) fn begin(&self, bucket: &str, target: &Target) -> HttpResponse {
        let now = self.inner.clock.now();
        let upload_id = self.inner.random.uuid_v7(now).simple().to_string();
        self.state()
            .objects
            .begin(upload_id.clone(), &target.key, now);
        answer("InitiateMultipartUploadResult", |xml| {
            xml.text("Bucket", &full(bucket));
            xml.text("Key", &target.key);
            xml.text("UploadId", &upload_id);
        })
    }

    /// `GET /?uploads&prefix=`: those of this upload's files, to go on with.
    pub(super) fn list_uploads(&self, session: &Session, asked: &Asked) -> HttpResponse {
        let prefix = asked.parameter("prefix").trim_start_matches('/');
        let state = self.state();
        let is_wanted = |key: &str| key.starts_with(prefix) && session.target(key).is_some();
        answer("ListMultipartUploadsResult", |xml| {
            xml.text("Bucket", &full(&session.bucket));
            xml.text("Prefix", prefix);
            xml.number("MaxUploads", 1_000);
            xml.text("IsTruncated", "false");
            for (upload_id, begun) in state.objects.begun(is_wanted) {
                xml.within("Upload", |xml| {
                    xml.text("Key", &begun.key);
                    xml.text("UploadId", upload_id);
                    xml.text("StorageClass", "Standard");
                    xml.time("Initiated", begun.begun_at);
                });
            }
        })
    }

    /// `GET /<key>?uploadId=`: the parts that are there.
    pub(super) fn list_parts(
        &self,
        bucket: &str,
        asked: &Asked,
        upload_id: &str,
    ) -> Result<HttpResponse, CosRefusal> {
        let number = |name: &str, otherwise: u64| match asked.parameter(name) {
            "" => Ok(otherwise),
            text => text
                .parse()
                .map_err(|_| CosRefusal::argument("Markers and counts are numbers.")),
        };
        let after = number("part-number-marker", 0)?;
        let most = number("max-parts", PARTS_AT_ONCE as u64)?.min(PARTS_AT_ONCE as u64);
        let state = self.state();
        let begun = state.objects.in_parts(upload_id, &asked.key)?;
        let all: Vec<(u64, &Part)> = begun
            .parts
            .iter()
            .map(|(number, part)| (u64::from(*number), part))
            .filter(|(number, _)| *number > after)
            .collect();
        let page = &all[..all
            .len()
            .min(usize::try_from(most).unwrap_or(PARTS_AT_ONCE))];
        let is_truncated = page.len() < all.len();
        let last = page.last().map_or(after, |(number, _)| *number);
        Ok(answer("ListPartsResult", |xml| {
            xml.text("Bucket", &full(bucket));
            xml.text("Key", &begun.key);
            xml.text("UploadId", upload_id);
            xml.text("StorageClass", "Standard");
            xml.number("PartNumberMarker", after);
            xml.number("NextPartNumberMarker", last);
            xml.number("MaxParts", most);
            xml.text("IsTruncated", if is_truncated { "true" } else { "false" });
            for (number, part) in page {
                xml.within("Part", |xml| {
                    xml.number("PartNumber", *number);
                    xml.time("LastModified", part.stored_at);
                    xml.text("ETag", &quoted(&part.etag()));
                    xml.number("Size", part.kept.bytes);
                });
            }
        }))
    }

    /// `PUT /<key>?partNumber=&uploadId=`, its body taken.
    pub(super) fn add_part(
        &self,
        place: (&str, u32),
        target: &Target,
        kept: Kept,
    ) -> Result<HttpResponse, CosRefusal> {
        let part = Part {
            kept: std::sync::Arc::new(kept),
            stored_at: self.inner.clock.now(),
        };
        let most = target.size.unwrap_or(self.inner.settings.max_file_bytes);
        let etag = self
            .state()
            .objects
            .add_part(place, &target.key, part, most)?;
        Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, quoted(&etag)))
            .finish())
    }

    /// `POST /<key>?uploadId=`.
    pub(super) fn complete(
        &self,
        bucket: &str,
        target: &Target,
        upload_id: &str,
        body: &str,
    ) -> Result<HttpResponse, CosRefusal> {
        let named = completed_parts(body).ok_or_else(CosRefusal::malformed_xml)?;
        if named.len() > MOST_PARTS as usize {
            return Err(CosRefusal::malformed_xml());
        }
        let now = self.inner.clock.now();
        let etag = self
            .state()
            .objects
            .complete(upload_id, &target.key, &named, now)?;
        let location = self.address_of(&target.key);
        Ok(answer("CompleteMultipartUploadResult", |xml| {
            xml.text("Location", &location);
            xml.text("Bucket", &full(bucket));
            xml.text("Key", &target.key);
            xml.text("ETag", &quoted(&etag));
        }))
    }
}

fn full(bucket: &str) -> String {
    format!("{bucket}-{STORAGE_APP_ID}")
}

fn answer(root: &str, fill: impl FnOnce(&mut Xml)) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/xml")
        .body(Xml::document(root, fill))
}
