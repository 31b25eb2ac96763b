//! Why COS says no: an HTTP status, a code and a sentence, in XML.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::xml::Xml;

/// An error of COS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator) struct CosRefusal {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl CosRefusal {
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    pub fn denied(message: &str) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    pub fn argument(message: &str) -> Self {
        Self::new(400, "InvalidArgument", message)
    }

    pub fn no_such_key() -> Self {
        Self::new(404, "NoSuchKey", "There is no such object.")
    }

    pub fn no_such_upload() -> Self {
        Self::new(404, "NoSuchUpload", "There is no such upload in parts.")
    }

    pub fn malformed_xml() -> Self {
        Self::new(
            400,
            "MalformedXML",
            "The body is no CompleteMultipartUpload.",
        )
    }

    pub fn too_large() -> Self {
        Self::new(
            400,
            "EntityTooLarge",
            "The object is larger than was applied for.",
        )
    }

    /// The answer that says so.
    pub fn answer(&self, resource: &str, request_id: &str) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Xml::document("Error", |xml| {
            xml.text("Code", &self.code);
            xml.text("Message", &self.message);
            xml.text("Resource", resource);
            xml.text("RequestId", request_id);
        });
        HttpResponse::build(status)
            .content_type("application/xml")
            .body(body)
    }
}
