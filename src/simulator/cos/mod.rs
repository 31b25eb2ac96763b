//! The part of COS that uploads go to: objects, whole or in parts, in XML, for browsers too (protocol.md section 8).
//!
//! A bucket is addressed by its host, `<bucket>-<appid>.cos.<region>.myqcloud.com`, or by its path at any other host:
//! keys begin with their bucket's name, so `/<key>` will do, and so will `/<bucket>-<appid>/<key>`.

mod asked;
mod disk;
mod objects;
mod parts;
mod play;
mod refusal;
mod xml;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;

use super::Simulator;
pub(super) use disk::Disk;
pub(super) use objects::Objects;
pub(super) use refusal::CosRefusal;

use super::faults::FaultKind;
use super::uploads::{Session, Target};
use super::wire;
use asked::Asked;
use disk::Kept;

/// The body that completes an upload in parts: 10,000 of them with some room.
const XML_LIMIT_BYTES: usize = 2 << 20;
/// What a browser's script may read of an answer; without the ETag the SDK cannot go on.
const EXPOSED: &str = "ETag, Content-Length, Content-Range, Date, x-cos-request-id";
/// The name by which faults of COS are scripted.
const ACTION: &str = "COS";

/// Every other path.
pub(super) fn routes(service: &mut web::ServiceConfig) {
    service.service(web::resource("/{key:.*}").to(answer));
}

async fn answer(request: HttpRequest, body: Payload, simulator: Data<Simulator>) -> HttpResponse {
    if request.method() == Method::OPTIONS {
        return preflight(request).await;
    }
    let inner = &simulator.inner;
    let request_id = inner.random.uuid_v7(inner.clock.now()).simple().to_string();
    let mut answer = match simulator.meet(ACTION).await {
        Some(FaultKind::HangUp) => return wire::nothing(),
        Some(FaultKind::Status(status)) => wire::not_the_api(status),
        Some(FaultKind::ErrorCode(code)) => {
            CosRefusal::new(503, &code, "A scripted fault.").answer(request.path(), &request_id)
        }
        _ => match simulator.cos(&request, body).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.answer(request.path(), &request_id),
        },
    };
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        let name = HeaderName::from_static("x-cos-request-id");
        answer.headers_mut().insert(name, id);
    }
    answer
}

/// The answer to a browser that asks whether a page may ask.
pub(super) async fn preflight(request: HttpRequest) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_METHODS,
            "GET, HEAD, PUT, POST, DELETE, OPTIONS",
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
    // Whichever it names; what it may not say is checked when it says it.
    if let Some(names) = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
    {
        answer.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone()));
    }
    answer.finish()
}

/// What every answer to a browser has: any page may read it.
pub(super) fn open_to_pages() -> actix_web::middleware::DefaultHeaders {
    actix_web::middleware::DefaultHeaders::new()
        .add((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .add((header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED))
}

impl Simulator {
    async fn cos(&self, request: &HttpRequest, body: Payload) -> Result<HttpResponse, CosRefusal> {
        let asked = Asked::read(request)?;
        if asked.key.is_empty() && request.method() == Method::HEAD {
            return Ok(HttpResponse::Ok().finish()); // the race for the nearest region
        }
        let is_read =
            matches!(*request.method(), Method::GET | Method::HEAD) && !asked.is_about_parts();
        if is_read && self.is_public(&asked.key) {
            return self.play(&asked.key, request);
        }
        let session = self.let_in(request, &asked)?;
        let bucket = session.bucket.clone();
        match (request.method(), asked.upload_id(), asked.part_number()?) {
            (&Method::GET, None, None) if asked.has("uploads") => {
                Ok(self.list_uploads(&session, &asked))
            }
            (&Method::GET, Some(id), None) => self.list_parts(&bucket, &asked, id),
            (&Method::GET | &Method::HEAD, None, None) => self.play(&asked.key, request),
            (&Method::POST, None, None) if asked.has("uploads") => {
                let target = asked.target(&session)?;
                Ok(self.begin(&bucket, target))
            }
            (&Method::PUT, Some(id), Some(number)) => {
                let target = asked.target(&session)?;
                self.state().objects.in_parts(id, &target.key)?;
                let kept = self.take(body, target, request.headers()).await?;
                self.add_part((id, number), target, kept)
            }
            (&Method::PUT, None, None) => {
                let target = asked.target(&session)?;
                let kept = self.take(body, target, request.headers()).await?;
                let now = self.inner.clock.now();
                let etag = self.state().objects.put(&target.key, kept, now);
                Ok(HttpResponse::Ok()
                    .insert_header((header::ETAG, quoted(&etag)))
                    .finish())
            }
            (&Method::POST, Some(id), None) => {
                let target = asked.target(&session)?;
                let text = take_text(body).await?;
                self.complete(&bucket, target, id, &text)
            }
            (&Method::DELETE, Some(id), None) => {
                let target = asked.target(&session)?;
                self.state().objects.abort(id, &target.key)?;
                Ok(HttpResponse::NoContent().finish())
            }
            _ => Err(CosRefusal::new(
                405,
                "MethodNotAllowed",
                "That is not played here.",
            )),
        }
    }

    /// The upload that the request's temporary credentials are for.
    fn let_in(&self, request: &HttpRequest, asked: &Asked) -> Result<Session, CosRefusal> {
        let now = self.inner.clock.now();
        let token = asked.header("x-cos-security-token");
        let session = {
            let state = self.state();
            state.uploads.of_token(token, now).cloned()
        };
        let session = session.ok_or_else(|| CosRefusal::denied("The token is of no upload."))?;
        let method = request.method().as_str();
        let is_signed = asked.is_signed_for(method, &session, now.timestamp());
        if !is_signed {
            let sentence = "The signature is not of this request, or not of now.";
            return Err(CosRefusal::new(403, "SignatureDoesNotMatch", sentence));
        }
        asked.check_host(&session)?;
        Ok(session)
    }

    /// Writes a body to disk, as far as it may be long.
    async fn take(
        &self,
        mut body: Payload,
        target: &Target,
        headers: &HeaderMap,
    ) -> Result<Kept, CosRefusal> {
        let most = target.size.unwrap_or(self.inner.settings.max_file_bytes);
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > most) {
            return Err(CosRefusal::too_large());
        }
        let broken = |_| CosRefusal::new(500, "InternalError", "The disk does not take it.");
        let mut draft = self.inner.disk.draft().map_err(broken)?;
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| {
                CosRefusal::new(400, "IncompleteBody", "The body ends before its length.")
            })?;
            if draft.bytes() + chunk.len() as u64 > most {
                return Err(CosRefusal::too_large());
            }
            // A chunk is some kilobytes, and the disk's cache takes it at once.
            draft.write(&chunk).map_err(broken)?;
        }
        Ok(draft.keep())
    }
}

async fn take_text(mut body: Payload) -> Result<String, CosRefusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| CosRefusal::malformed_xml())?;
        if bytes.len() + chunk.len() > XML_LIMIT_BYTES {
            return Err(CosRefusal::malformed_xml());
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| CosRefusal::malformed_xml())
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}
