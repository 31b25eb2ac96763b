//! The door for scripts, below `/_simulator/`: sets the scene and tells what happened. It asks nobody who they are.
//!
//! Each takes `?sub_app_id=`; without it, it is about the sub application of requests without one.

use actix_web::web::{self, Bytes, Data, Json, Path, Query};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Simulator;
use super::config::EventConfig;
use super::faults::Fault;
use super::told::Knobs;

/// A script may bring many files at once.
const BODY_LIMIT_BYTES: usize = 64 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    #[serde(default)]
    sub_app_id: u64,
}

/// One thing, or many.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Value>),
    One(Value),
}

/// Everything below `/_simulator`.
pub(super) fn routes(service: &mut web::ServiceConfig) {
    // Whatever it is called: `curl -d` calls everything a form.
    let json = web::JsonConfig::default()
        .limit(BODY_LIMIT_BYTES)
        .content_type_required(false)
        .content_type(|_| true);
    service.service(
        web::scope("/_simulator")
            .app_data(web::PayloadConfig::new(BODY_LIMIT_BYTES))
            .app_data(json)
            .route("/events", web::post().to(events))
            .route("/media", web::post().to(media))
            .route("/media/{file_id}", web::delete().to(delete_media))
            .route("/tasks/{task_id}", web::put().to(task))
            .route("/faults", web::post().to(fault))
            .route("/knobs", web::put().to(knobs))
            .route("/event_config", web::put().to(event_config))
            .route("/state", web::get().to(state))
            .route("/requests", web::get().to(requests)),
    );
}

/// `POST events`: one event or an array of them, byte for byte; what is not JSON is an event too.
async fn events(simulator: Data<Simulator>, about: Query<About>, body: Bytes) -> impl Responder {
    let app = simulator.for_sub_app(about.sub_app_id);
    match serde_json::from_slice::<Vec<Box<RawValue>>>(&body) {
        Ok(events) => events.iter().for_each(|event| app.emit_raw(event.get())),
        Err(_) => app.emit_raw(String::from_utf8_lossy(&body)),
    }
    done()
}

/// `POST media`: one element of a `MediaInfoSet` or an array of them.
async fn media(
    simulator: Data<Simulator>,
    about: Query<About>,
    body: Json<OneOrMany>,
) -> impl Responder {
    let app = simulator.for_sub_app(about.sub_app_id);
    let infos = match body.into_inner() {
        OneOrMany::Many(infos) => infos,
        OneOrMany::One(info) => vec![info],
    };
    infos.into_iter().for_each(|info| app.add_media(info));
    done()
}

/// `DELETE media/{file_id}`.
async fn delete_media(
    simulator: Data<Simulator>,
    about: Query<About>,
    file_id: Path<String>,
) -> impl Responder {
    let app = simulator.for_sub_app(about.sub_app_id);
    if app.delete_media(&file_id) {
        done()
    } else {
        HttpResponse::NotFound().finish()
    }
}

/// `PUT tasks/{task_id}`: what DescribeTaskDetail answers.
async fn task(
    simulator: Data<Simulator>,
    about: Query<About>,
    task_id: Path<String>,
    response: Json<Value>,
) -> impl Responder {
    let app = simulator.for_sub_app(about.sub_app_id);
    app.set_task(&task_id, response.into_inner());
    done()
}

/// `POST faults`: `{"action"?, "kind", "times"?}`.
async fn fault(simulator: Data<Simulator>, fault: Json<Fault>) -> impl Responder {
    simulator.fail(fault.into_inner());
    done()
}

/// `PUT knobs`: how many notifications of a hundred are lost, doubled and so on; what is not named is not.
async fn knobs(simulator: Data<Simulator>, knobs: Json<Knobs>) -> impl Responder {
    match simulator.turn(knobs.into_inner()) {
        Ok(()) => done(),
        Err(name) => HttpResponse::BadRequest().body(format!("{name} goes from 0 to 100.\n")),
    }
}

/// `PUT event_config`: what the console sets; what is not named is as VOD sets it at first.
async fn event_config(
    simulator: Data<Simulator>,
    about: Query<About>,
    config: Json<EventConfig>,
) -> impl Responder {
    let app = simulator.for_sub_app(about.sub_app_id);
    app.set_event_config(config.into_inner());
    done()
}

/// `GET state`: counts, and the event configuration.
async fn state(simulator: Data<Simulator>) -> impl Responder {
    Json(simulator.report())
}

/// `GET requests`: the latest requests to the API's door, the oldest first.
async fn requests(simulator: Data<Simulator>) -> impl Responder {
    Json(simulator.seen())
}

fn done() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
