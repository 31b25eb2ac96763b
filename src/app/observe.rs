//! What every request passes: it gets an id and a span, is counted, and its time is taken.
//!
//! One layer, written for this service: each layer boxes two futures, and most requests are small (docs/performance.md
//! tells what that saves).

use std::panic::AssertUnwindSafe;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, ResponseError};
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::http::problem::Problem;
use crate::ops::metrics::{Metric, Metrics};
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

/// A handler that panicked: what it was at is lost, and nothing else is. The hook has told where.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
struct Panicked {
    request_id: Uuid,
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
    // What a request changes for others it changes in Postgres, in transactions: nothing is left half done.
    let answer = AssertUnwindSafe(next.call(request).instrument(observed.span.clone()));
    let mut answer = answer.catch_unwind().await.unwrap_or_else(|_| {
        if let Some((metrics, _)) = &counted {
            metrics.count(Metric::HandlerPanics, &[], 1);
        }
        let request_id = observed.id;
        Err(Panicked { request_id }.into())
    });
    let status = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    observed.tell(status);
    if let Some((metrics, endpoint)) = counted {
        metrics.answered(endpoint, status.as_u16(), began.elapsed());
    }
    if let Ok(response) = &mut answer {
        mark(response.headers_mut(), observed.id);
    }
    answer
}

fn mark(headers: &mut HeaderMap, id: Uuid) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(id) = header(id) {
        headers.insert(REQUEST_ID, id);
    }
}

impl ResponseError for Panicked {
    fn status_code(&self) -> StatusCode {
        Problem::Internal.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = Problem::Internal.error_response();
        mark(response.headers_mut(), self.request_id);
        response
    }
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

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpServer, web};
    use chrono::DateTime;

    use super::*;

    async fn panics() -> &'static str {
        let nothing: Option<&str> = std::hint::black_box(None);
        // As a bug would: after it has waited for something.
        tokio::task::yield_now().await;
        nothing.unwrap()
    }

    #[actix_web::test]
    async fn a_handler_that_panics_is_a_500_problem_is_counted_and_harms_nobody_else() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let metrics = Metrics::new(DateTime::UNIX_EPOCH, []);
        let counted = metrics.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::new(counted.clone()))
                .route("/panics", web::get().to(panics))
                .route("/lives", web::get().to(|| async { "it does" }))
                .wrap(from_fn(observe))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let client = reqwest::Client::new();
        for _ in 0..3 {
            let answer = client.get(format!("{url}/panics")).send().await.unwrap();
            assert_eq!(answer.status(), 500);
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            assert!(answer.headers().contains_key("x-request-id"));
            let problem: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(problem["code"], "internal");
            let answer = client.get(format!("{url}/lives")).send().await.unwrap();
            assert_eq!(answer.text().await.unwrap(), "it does");
        }
        let told = metrics.render(&crate::ops::metrics::State::default(), DateTime::UNIX_EPOCH);
        assert!(
            told.contains("vod_receiver_handler_panics_total 3"),
            "{told}"
        );
        assert!(told.contains("route=\"none\",status=\"5xx\"} 3"), "{told}");
        handle.stop(false).await;
    }
}
