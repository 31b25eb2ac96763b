//! What VOD tells of a file: notifications by push or by the queue (protocol.md sections 2, 3, 5 and 6).

mod events;
mod knobs;
mod push;

use serde::Serialize;
use serde_json::Value;

use super::Simulator;
use super::uploads::Session;
use events::Uploaded;
use knobs::Fate;
pub use knobs::Knobs;

/// One notification in its formats.
struct Notice {
    v3: Value,
    v2: Value,
}

/// Where a copy of a notification goes.
enum Destination {
    Queue,
    Address { url: String, sign_key: String },
}

/// How notifications fared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Notifications that were due, one for each address and format.
    pub due: u64,
    /// Of these, never sent.
    pub lost: u64,
    /// Sent a second time, without need.
    pub doubled: u64,
    /// Sent late.
    pub delayed: u64,
    /// Sent after the one that followed.
    pub reordered: u64,
    /// Of which half was sent.
    pub cut: u64,
    /// Pushes that were answered, with whatever status.
    pub answered: u64,
    /// Pushes whose answer did not come in time; each is sent three times at most.
    pub timed_out: u64,
    /// Pushes that did not get there.
    pub failed: u64,
}

impl Simulator {
    /// A file is there: lists it, starts its procedure, tells of both.
    pub(super) fn uploaded(&self, session: &Session, bytes: u64) {
        let file = Uploaded::new(self, session, bytes);
        self.add_media(file.media_info());
        if file.has_procedure() {
            self.set_task(file.task_id(), file.task("PROCESSING"));
        }
        let is_on = self.with(|app| app.config.upload_media_complete_event_switch == "ON");
        if is_on {
            self.tell(file.new_file_upload());
        }
        if file.has_procedure() {
            let simulator = self.clone();
            tokio::spawn(async move { simulator.process(&file).await });
        }
    }

    async fn process(&self, file: &Uploaded) {
        let time = self.inner.settings.procedure_time;
        tokio::time::sleep(time / 2).await;
        if file.notify_mode() == "Change" {
            self.tell(file.procedure_changed("PROCESSING"));
        }
        tokio::time::sleep(time / 2).await;
        self.set_task(file.task_id(), file.task("FINISH"));
        if file.notify_mode() != "None" {
            self.tell(file.procedure_changed("FINISH"));
        }
    }

    /// Sends a notification wherever the event configuration wants it.
    fn tell(&self, notice: Notice) {
        let config = self.event_config();
        let mut copies = Vec::new();
        if config.mode == "PULL" {
            copies.push((Destination::Queue, notice.v3));
        } else {
            // That VOD signs format 2.0 is not documented.
            for (url, sign_key, body) in [
                (config.notification_url, config.sign_key, notice.v3),
                (config.notification_url_v2, String::new(), notice.v2),
            ] {
                if !url.is_empty() {
                    copies.push((Destination::Address { url, sign_key }, body));
                }
            }
        }
        for (destination, body) in copies {
            let fate = self.fate();
            let simulator = self.clone();
            if matches!(destination, Destination::Queue) && fate.is_plain() {
                simulator.emit(body);
            } else {
                tokio::spawn(async move { simulator.send(&destination, &body, &fate).await });
            }
        }
    }

    /// What is to happen to the next notification.
    fn fate(&self) -> Fate {
        let mut state = self.state();
        let fate = state.knobs.fate(state.told.due);
        let told = &mut state.told;
        told.due += 1;
        if fate.is_lost {
            told.lost += 1;
        } else {
            told.doubled += u64::from(fate.copies > 1);
            told.delayed += u64::from(!fate.delay.is_zero());
            told.reordered += u64::from(fate.is_overtaken);
            told.cut += u64::from(fate.is_cut);
        }
        fate
    }

    async fn send(&self, destination: &Destination, body: &Value, fate: &Fate) {
        if fate.is_lost {
            return;
        }
        tokio::time::sleep(fate.delay).await;
        if fate.is_overtaken {
            let overtaken = self.inner.sent.notified();
            let within = self.inner.settings.overtaken_within;
            let _ = tokio::time::timeout(within, overtaken).await;
        }
        for _ in 0..fate.copies {
            match destination {
                Destination::Queue => self.emit(body.clone()),
                Destination::Address { url, sign_key } => {
                    self.push(url, sign_key, body, fate.is_cut).await;
                }
            }
        }
        self.inner.sent.notify_waiters();
    }
}
