//! A local VOD: answers the calls of VOD's API as VOD does, and fails as it is told to.
//!
//! Each concern is a file: `queue` the reliable notifications, `media` the list of files, `tasks` what became of
//! processing, [`config`] the event configuration, [`faults`] what goes wrong. `uploads` takes the way of a device from
//! its signature to the commit, `cos` the bytes, `told` sends the notifications of it. `api` is the door of VOD's API
//! (protocol.md sections 2, 5 and 7), `control` the door by which scripts set the scene. Everything is in memory, but
//! for the uploaded bytes, which are in a temporary folder.

mod api;
mod auth;
pub mod config;
mod control;
mod cos;
pub mod faults;
mod media;
mod parameters;
mod queue;
mod refusal;
pub mod seed;
pub mod seen;
mod settings;
mod tasks;
mod told;
mod uploads;
pub mod users;
mod wire;

use std::collections::{BTreeMap, HashSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::ops::clock::Clock;
use crate::ops::random::Random;
use config::EventConfig;
pub use faults::{Fault, FaultKind};
use seen::Seen;
pub use settings::SimulatorSettings;
pub use told::{Knobs, Told};

/// Requests that are still answered after a stop was asked for.
const FINISH_WITHIN_SECONDS: u64 = 1;

/// A local VOD; clones are the same one.
///
/// Its methods speak of one sub application: that of requests without a `SubAppId`, or the one chosen by
/// [`Simulator::for_sub_app`]. Faults, calls and requests are common to all.
#[derive(Clone)]
pub struct Simulator {
    inner: Arc<Inner>,
    sub_app_id: u64,
}

struct Inner {
    settings: SimulatorSettings,
    clock: Clock,
    random: Random,
    state: Mutex<State>,
    /// Rung when an event comes, for the pulls that wait.
    arrived: Notify,
    /// Rung when a notification was sent, for those that are to be overtaken.
    sent: Notify,
    /// What was uploaded.
    disk: Arc<cos::Disk>,
    /// By which pushes are sent.
    client: OnceLock<reqwest::Client>,
    /// Where it is served, once it is.
    served_at: OnceLock<String>,
}

#[derive(Default)]
struct State {
    sub_apps: BTreeMap<u64, SubApp>,
    faults: faults::Faults,
    calls: BTreeMap<String, u64>,
    seen: seen::Log,
    uploads: uploads::Uploads,
    objects: cos::Objects,
    /// Keys of objects that anybody may read.
    public: HashSet<String>,
    knobs: Knobs,
    told: Told,
}

/// What VOD holds of one sub application.
#[derive(Default)]
struct SubApp {
    queue: queue::Queue,
    media: media::Library,
    tasks: tasks::Tasks,
    config: EventConfig,
}

impl Simulator {
    /// An empty VOD.
    pub fn new(settings: SimulatorSettings, clock: Clock, random: Random) -> Self {
        // Of the system's randomness, so that tests that count can run side by side.
        let name = format!("vod-simulator-{}", Random::system().uuid_v4().simple());
        Self {
            inner: Arc::new(Inner {
                disk: cos::Disk::new(&name, settings.max_disk_bytes),
                settings,
                clock,
                random,
                state: Mutex::default(),
                arrived: Notify::new(),
                sent: Notify::new(),
                client: OnceLock::new(),
                served_at: OnceLock::new(),
            }),
            sub_app_id: 0,
        }
    }

    /// The same VOD, speaking of this sub application; 0 is that of requests without a `SubAppId`.
    #[must_use]
    pub fn for_sub_app(&self, sub_app_id: u64) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            sub_app_id,
        }
    }

    /// Puts an event into the queue, whatever the event configuration says; its handle comes with each pull.
    ///
    /// Anything may be an event: what is no object is a poisonous one, without a handle.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an event is made to be given away, and json!() reads best so"
    )]
    pub fn emit(&self, event: Value) {
        self.emit_raw(event.to_string());
    }

    /// Puts a text into the queue that becomes an element of the `EventSet` as it is, JSON or not; only an
    /// object gets its handle, in place of the one that it has, else as its first member.
    pub fn emit_raw(&self, text: impl Into<String>) {
        let now = self.inner.clock.now();
        self.with(|app| app.queue.put(text.into(), now));
        self.inner.arrived.notify_waiters();
    }

    /// Adds a file, an element of `MediaInfoSet`, or replaces the one with its `FileId`.
    ///
    /// Without `BasicInfo.CreateTime` it was created now; without a `FileId` it is not added.
    pub fn add_media(&self, info: Value) {
        let now = self.inner.clock.now();
        self.with(|app| app.media.put(info, now));
    }

    /// Deletes a file, without an event; whether there was one.
    pub fn delete_media(&self, file_id: &str) -> bool {
        self.with(|app| app.media.remove(file_id))
    }

    /// Leaves a file out of SearchMedia, as an index that lags does; DescribeMediaInfos knows it still.
    pub fn hide_from_search(&self, file_id: &str) {
        self.with(|app| app.media.hide(file_id));
    }

    /// What DescribeTaskDetail answers for a task: its `Response` without the `RequestId`.
    pub fn set_task(&self, task_id: &str, response: Value) {
        let now = self.inner.clock.now();
        self.with(|app| app.tasks.set(task_id, response, now));
    }

    /// The event configuration, SignKey included.
    pub fn event_config(&self) -> EventConfig {
        self.with(|app| app.config.clone())
    }

    /// Sets the event configuration, as somebody in the console would.
    pub fn set_event_config(&self, config: EventConfig) {
        self.with(|app| app.config = config);
    }

    /// Lets something go wrong; several are used up in the order in which they were given.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Turns the knobs: how notifications suffer from now on, counted from the first one.
    ///
    /// # Errors
    ///
    /// The name of the knob that is not from 0 to 100.
    pub fn turn(&self, knobs: Knobs) -> Result<(), &'static str> {
        match knobs.fault() {
            Some(name) => Err(name),
            None => {
                self.state().knobs = knobs;
                Ok(())
            }
        }
    }

    /// How notifications fared.
    pub fn told(&self) -> Told {
        self.state().told
    }

    /// Bytes of uploads on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.inner.disk.used_bytes()
    }

    /// Removes what was uploaded from the disk.
    pub fn remove_files(&self) {
        self.inner.disk.remove();
    }

    /// Events that the next pulls would bring.
    pub fn queued(&self) -> usize {
        let now = self.inner.clock.now();
        self.with(|app| app.queue.visible(now))
    }

    /// Events that were not confirmed: queued or pulled.
    pub fn unconfirmed(&self) -> usize {
        let now = self.inner.clock.now();
        self.with(|app| app.queue.kept(now))
    }

    /// Events that were confirmed.
    pub fn confirmed(&self) -> u64 {
        self.with(|app| app.queue.confirmed())
    }

    /// How often this action was called, failed calls included.
    pub fn calls(&self, action: &str) -> u64 {
        self.state().calls.get(action).copied().unwrap_or(0)
    }

    /// Faults that nobody has met yet.
    pub fn faults_left(&self) -> u64 {
        self.state().faults.left()
    }

    /// The latest requests to the API's door, the oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.all()
    }

    /// Serves both doors on a listener, within the running Tokio runtime, until it is stopped or dropped.
    pub fn serve(&self, listener: TcpListener) -> std::io::Result<Serving> {
        let address = listener.local_addr()?;
        // The first address stays: files that were told of are there.
        let _ = self.inner.served_at.set(format!("http://{address}"));
        let server = self.server(listener)?;
        Ok(Serving {
            address,
            disk: Arc::clone(&self.inner.disk),
            handle: server.handle(),
            ended: tokio::spawn(server),
        })
    }

    fn server(&self, listener: TcpListener) -> std::io::Result<Server> {
        let simulator = self.clone();
        Ok(HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(simulator.clone()))
                .configure(control::routes)
                .configure(api::routes)
                .service(
                    web::scope("")
                        .wrap(cos::open_to_pages())
                        .configure(uploads::routes)
                        .configure(cos::routes),
                )
        })
        .workers(2)
        .shutdown_timeout(FINISH_WITHIN_SECONDS)
        .disable_signals()
        .listen(listener)?
        .run())
    }

    /// All that a script may want to know, for the control door.
    fn report(&self) -> Value {
        let now = self.inner.clock.now();
        let state = self.state();
        let sub_apps: serde_json::Map<String, Value> = state
            .sub_apps
            .iter()
            .map(|(id, app)| (id.to_string(), app.report(now)))
            .collect();
        json!({
            "sub_apps": sub_apps,
            "calls": state.calls,
            "faults_left": state.faults.left(),
            "knobs": state.knobs,
            "told": state.told,
            "disk_bytes": self.inner.disk.used_bytes(),
        })
    }

    /// Where its files are to be had.
    fn public_url(&self) -> &str {
        let own = || self.inner.served_at.get().map_or("", String::as_str);
        self.inner
            .settings
            .public_url
            .as_deref()
            .unwrap_or_else(own)
    }

    /// Counts a call, and waits out the delay that a script asked for; what else is to go wrong with it.
    async fn meet(&self, action: &str) -> Option<FaultKind> {
        let fault = {
            let mut state = self.state();
            *state.calls.entry(action.to_owned()).or_default() += 1;
            state.faults.meet(action)
        };
        if let Some(FaultKind::Delay(by)) = fault {
            tokio::time::sleep(by).await;
        }
        fault
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left nothing half done that a local VOD would mind.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, act: impl FnOnce(&mut SubApp) -> T) -> T {
        act(self.state().sub_apps.entry(self.sub_app_id).or_default())
    }
}

impl SubApp {
    fn report(&self, now: chrono::DateTime<chrono::Utc>) -> Value {
        json!({
            "queued": self.queue.visible(now),
            "unconfirmed": self.queue.kept(now),
            "confirmed": self.queue.confirmed(),
            "media": self.media.len(),
            "tasks": self.tasks.len(),
            "event_config": self.config,
        })
    }
}

/// A simulator that is being served; when dropped it stops, and what was uploaded is removed.
pub struct Serving {
    address: SocketAddr,
    disk: Arc<cos::Disk>,
    handle: ServerHandle,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// `http://127.0.0.1:9090`, say: what `VOD_API_ENDPOINT` is to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends when the server has ended, by itself or stopped.
    pub async fn ended(&mut self) -> std::io::Result<()> {
        match (&mut self.ended).await {
            Ok(ended) => ended,
            Err(fault) => Err(std::io::Error::other(fault)),
        }
    }

    /// Closes the doors, and waits until they are.
    pub async fn stop(mut self) -> std::io::Result<()> {
        self.handle.stop(true).await;
        self.ended().await
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Asked for at once; nobody waits for it.
        drop(self.handle.stop(false));
        // Its workers may outlive the process's last look at it.
        self.disk.remove();
    }
}
