//! The route table: built without socket or database, so that tests and the OpenAPI document use the real one.

use std::sync::LazyLock;

use actix_web::body::MessageBody;
use actix_web::dev::{ResourceDef, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, Error, HttpRequest, HttpResponse, guard};
use utoipa_actix_web::AppExt;

use super::metrics::{self, Scraped};
use super::observe::observe;
use super::{docs, health, openapi, page, session};
use crate::access::{Keyring, Uses};
use crate::attribute::Resolvers;
use crate::config::{Config, Events};
use crate::http::problem::Problem;
use crate::keep::erasure::{self, Eraser};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::lifecycle::Stop;
use crate::ops::metrics::Metrics;
use crate::ops::random::Random;
use crate::query::Feed;
use crate::receive::reconcile::{Reconciler, Schedule};
use crate::receive::{Hold, Puller, UnsignedQuota};
use crate::record::spool::Spool;
use crate::record::{self, Recorder};
use crate::sign::{self, IssueWriter, Issuer};
use crate::ticket::KnownTickets;
use crate::vod::client::ApiError;
use crate::{query, receive};

/// Not a route of the document: it is the document. Neither is its page.
const OPENAPI_PATH: &str = "/openapi.json";

/// What the handlers stand on.
#[derive(Clone)]
pub struct Parts {
    config: Data<Config>,
    database: Data<Database>,
    keyring: Data<Keyring>,
    issuer: Data<Issuer>,
    recorder: Data<Recorder>,
    hold: Data<Hold>,
    quota: Data<UnsignedQuota>,
    clock: Data<Clock>,
    random: Data<Random>,
    metrics: Data<Metrics>,
    scraped: Data<Scraped>,
    feed: Data<Feed>,
    eraser: Data<Eraser>,
}

/// What writes on behalf of the handlers, and has to run for them.
pub struct Writers {
    issues: IssueWriter,
    deliveries: record::Writers,
    uses: Uses,
    eraser: Eraser,
    database: Database,
}

impl Writers {
    /// Writes until told to stop, and then what is still queued.
    pub async fn run(self, stop: Stop) {
        let noting = self.uses.write_always(self.database, stop.clone());
        tokio::join!(
            self.issues.run(stop.clone()),
            self.deliveries.run(stop.clone()),
            self.eraser.run(stop),
            noting
        );
    }
}

impl Parts {
    /// Joins the parts of a service, and gives the writers that have to run for it; nothing is
    /// connected yet.
    pub fn new(
        config: Config,
        database: Database,
        spool: Option<Spool>,
        clock: Clock,
        random: Random,
    ) -> (Self, Writers) {
        let metrics = Metrics::new(clock.now(), metrics::endpoints());
        let tickets = KnownTickets::default();
        let (issuer, issues) = Issuer::new(database.clone(), tickets.clone());
        let (recorder, deliveries) = Recorder::new(
            database.clone(),
            spool,
            clock.clone(),
            random.clone(),
            tickets,
            Resolvers::of(&config.apps),
            metrics.clone(),
        );
        let hold = Hold::default();
        let feed = Feed::new(
            database.clone(),
            recorder.committed(),
            clock.clone(),
            metrics.clone(),
        );
        let scraped = Scraped {
            metrics: metrics.clone(),
            recorder: recorder.clone(),
            hold: hold.clone(),
            feed: feed.clone(),
            database: database.clone(),
            clock: clock.clone(),
        };
        let keyring = Keyring::new(
            database.clone(),
            config.admin_key.clone(),
            clock.clone(),
            random.clone(),
        );
        let eraser = Eraser::new(database.clone(), clock.clone(), random.clone());
        let writers = Writers {
            issues,
            deliveries,
            uses: keyring.uses(),
            eraser: eraser.clone(),
            database: database.clone(),
        };
        let parts = Self {
            keyring: Data::new(keyring),
            issuer: Data::new(issuer),
            recorder: Data::new(recorder),
            config: Data::new(config),
            database: Data::new(database),
            hold: Data::new(hold),
            quota: Data::default(),
            clock: Data::new(clock),
            random: Data::new(random),
            metrics: Data::new(metrics),
            scraped: Data::new(scraped),
            feed: Data::new(feed),
            eraser: Data::new(eraser),
        };
        (parts, writers)
    }

    /// The recorder that the handlers use.
    pub fn recorder(&self) -> Recorder {
        self.recorder.get_ref().clone()
    }

    /// One for each app whose events are pulled; each has to run.
    ///
    /// # Errors
    ///
    /// [`ApiError::Setup`].
    pub fn pullers(&self) -> Result<Vec<Puller>, ApiError> {
        let pulled = self.config.apps.iter();
        pulled
            .filter(|app| app.events == Events::Pull)
            .map(|app| {
                Puller::new(
                    app,
                    self.recorder(),
                    self.metrics(),
                    self.clock.get_ref().clone(),
                    self.random.get_ref().clone(),
                )
            })
            .collect()
    }

    /// One for each app that is reconciled every so often; each has to run.
    ///
    /// # Errors
    ///
    /// [`ApiError::Setup`].
    pub fn schedules(&self) -> Result<Vec<Schedule>, ApiError> {
        let apps = self.config.apps.iter();
        apps.filter_map(|app| Some((app, app.reconcile_every?)))
            .map(|(app, every)| {
                let reconciler = Reconciler::new(
                    app,
                    self.recorder(),
                    self.database.get_ref().clone(),
                    self.clock.get_ref().clone(),
                    self.random.get_ref().clone(),
                )?;
                Ok(Schedule::new(reconciler, every, self.metrics()))
            })
            .collect()
    }

    /// What tells changes to those who wait; it has to run.
    pub fn feed(&self) -> Feed {
        self.feed.get_ref().clone()
    }

    /// What is counted of this service.
    pub fn metrics(&self) -> Metrics {
        self.metrics.get_ref().clone()
    }
}

/// The whole app.
pub fn build(
    parts: Parts,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let (app, _) = App::new()
        .into_utoipa_app()
        .configure(api)
        .split_for_parts();
    app.app_data(parts.config)
        .app_data(parts.database)
        .app_data(parts.keyring)
        .app_data(parts.issuer)
        .app_data(parts.recorder)
        .app_data(parts.hold)
        .app_data(parts.quota)
        .app_data(parts.clock)
        .app_data(parts.random)
        .app_data(parts.metrics)
        .app_data(parts.scraped)
        .app_data(parts.feed)
        .app_data(parts.eraser)
        .app_data(
            web::PathConfig::default()
                .error_handler(|_, _| Problem::NotFound("nothing is here".into()).into()),
        )
        .service(
            web::resource(OPENAPI_PATH)
                .guard(guard::Get())
                .to(openapi_json),
        )
        .service(web::resource(page::PATH).guard(guard::Get()).to(page::page))
        .service(
            web::resource(page::FILE_PATH)
                .guard(guard::Get())
                .to(page::read_file),
        )
        .service(web::resource(docs::PATH).guard(guard::Get()).to(docs::page))
        .service(
            web::resource(docs::PATH_WITHOUT_SLASH)
                .guard(guard::Get())
                .to(docs::add_slash),
        )
        .service(
            web::resource(docs::FILE_PATH)
                .guard(guard::Get())
                .to(docs::read_file),
        )
        .default_service(web::to(nothing_here))
        .wrap(from_fn(observe))
}

/// The app of the address that is for the metrics alone.
pub fn build_metrics(
    parts: Parts,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(parts.metrics)
        .app_data(parts.scraped)
        .route(metrics::PATH, web::get().to(metrics::read_metrics_alone))
        .default_service(web::to(nothing_else_here))
        .wrap(from_fn(observe))
}

/// The routes that the OpenAPI document tells of.
pub fn api(service: &mut utoipa_actix_web::service_config::ServiceConfig) {
    service
        // First, since routes are tried in this order, each by a regular expression, and most requests are notifications.
        .service(receive::receive_with_token)
        .service(receive::receive)
        .service(receive::answer_probe)
        .service(sign::create_signature)
        .service(sign::list_signatures)
        .service(query::read_ticket)
        .service(query::list_uploads)
        // Before the route whose file id they would be.
        .service(query::list_changes)
        .service(query::stream_changes)
        .service(query::look_up)
        .service(query::read_upload)
        .service(query::decide_attribution)
        .service(query::read_stats)
        .service(query::decode_text)
        .service(query::list_deliveries)
        .service(query::read_delivery)
        .service(query::read_body)
        .service(query::replay_delivery)
        .service(session::sign_in)
        .service(session::who)
        .service(session::sign_out)
        .service(erasure::create_erasure)
        .service(erasure::read_erasure)
        .service(health::livez)
        .service(health::readyz)
        .service(metrics::read_metrics);
}

static DOCUMENT: LazyLock<String> = LazyLock::new(openapi::text);

async fn openapi_json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(DOCUMENT.as_str())
}

/// An address that is not there, or one that does not take the method.
async fn nothing_here(request: HttpRequest, config: Data<Config>) -> Result<HttpResponse, Problem> {
    let is_elsewhere = request.path() == metrics::PATH && config.metrics_listen.is_some();
    let path = request.path();
    // An address with a name of its own is not one of those that a template stands for.
    let has_name = METHODS
        .iter()
        .any(|(route, _)| route.pattern() == Some(path));
    let mut allow: Vec<&str> = METHODS
        .iter()
        .filter(|(route, _)| match has_name {
            true => route.pattern() == Some(path) && !is_elsewhere,
            false => route.is_match(path),
        })
        .map(|(_, method)| method.as_str())
        .collect();
    // Two addresses may look alike to each other: /v1/uploads/live could be that of a file.
    allow.sort_unstable();
    allow.dedup();
    if allow.is_empty() {
        Err(Problem::NotFound("nothing is here".to_owned()))
    } else {
        Err(Problem::MethodNotAllowed {
            allow: allow.join(", "),
        })
    }
}

async fn nothing_else_here() -> Result<HttpResponse, Problem> {
    Err(Problem::NotFound("only the metrics are here".to_owned()))
}

/// Which method each address takes, read from the document, which is made of the same routes.
pub static METHODS: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
    let paths = serde_json::to_value(openapi::document().paths).unwrap_or_default();
    let beside = [
        OPENAPI_PATH,
        page::PATH,
        page::FILE_PATH,
        docs::PATH_WITHOUT_SLASH,
        docs::PATH,
        docs::FILE_PATH,
    ];
    let mut methods: Vec<(ResourceDef, String)> = beside
        .into_iter()
        .map(|path| (ResourceDef::new(path), "GET".to_owned()))
        .collect();
    for (path, item) in paths.as_object().into_iter().flatten() {
        for method in item.as_object().into_iter().flatten().map(|(name, _)| name) {
            methods.push((ResourceDef::new(path.as_str()), method.to_uppercase()));
        }
    }
    methods
});
