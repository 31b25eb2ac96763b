//! What every request passes: it gets an id and a span, is counted, and its time is taken.
//!
//! One layer, written for this service: each layer boxes two futures, and most requests are small (docs/performance.md
//! tells what that saves).

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use tokio::time::Instant;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::ops::metrics::Metrics;
use crate::ops::random::Random;

/// Where an answer tells its id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request, as the log names it: the route's template, never the path, which may hold a token; no
/// address of the caller, which is a person's.
struct Observed {
    route: Option<String>,
    id: Uuid,
    span: Span,
}

/// Every answer tells its id, by which its log lines are found. None is to be kept by a cache but the files of the page,
/// which say so: most are somebody's, and one is a permission.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let observed = Observed::of(&request);
    let counted = request.app_data::<Data<Metrics>>().map(|metrics| {
        let method = request.method().as_str();
        let endpoint = metrics.endpoint(method, observed.route.as_deref());
        (Data::clone(metrics), endpoint)
    });
    let mut answer = next.call(request).instrument(observed.span.clone()).await;
    let status = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    observed.tell(status);
    if let Some((metrics, endpoint)) = counted {
        metrics.answered(endpoint, status.as_u16(), began.elapsed());
    }
    if let Ok(response) = &mut answer {
        let headers = response.headers_mut();
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if let Some(id) = header(observed.id) {
            headers.insert(REQUEST_ID, id);
        }
    }
    answer
}

impl Observed {
    fn of(request: &ServiceRequest) -> Self {
        let route = request.match_pattern();
        // Not the service's generator: no row holds it, and ids that tests count on do not move with each request.
        let id = Random::system().uuid_v4();
        // Most requests are notifications, and a span that is enabled costs one a tenth of its time.
        let span = if request.path().starts_with("/callbacks/") {
            tracing::debug_span!(
                "request",
                method = %request.method(),
                route = route.as_deref().unwrap_or("none"),
                request_id = %id,
                status = tracing::field::Empty,
            )
        } else {
            tracing::info_span!(
                "request",
                method = %request.method(),
                route = route.as_deref().unwrap_or("none"),
                request_id = %id,
                status = tracing::field::Empty,
            )
        };
        Self { route, id, span }
    }

    fn tell(&self, status: StatusCode) {
        // A 503 is no news: what is away is told once, by whoever noticed, and the metrics count the answers.
        let is_news = status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE;
        let status = status.as_u16();
        self.span.record("status", status);
        let _entered = self.span.enter();
        if !is_news {
            tracing::debug!(status, "answered");
        } else if self.span.is_disabled() {
            let route = self.route.as_deref().unwrap_or("none");
            tracing::warn!(status, route, request_id = %self.id, "answered");
        } else {
            tracing::warn!(status, "answered");
        }
    }
}

fn header(id: Uuid) -> Option<HeaderValue> {
    let mut text = Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).ok()
}
