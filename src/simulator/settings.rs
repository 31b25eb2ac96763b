//! What a local VOD is told at its start.

use std::time::Duration;

use crate::config::Secret;

/// Who may ask, how patient it is, how much it takes.
#[derive(Clone)]
pub struct SimulatorSettings {
    /// The only SecretId that is known.
    pub secret_id: String,
    /// Its key.
    pub secret_key: Secret,
    /// With temporary credentials: what `X-TC-Token` has to be.
    pub token: Option<Secret>,
    /// How long a pulled event is hidden from the next pull (VOD: 30 s; protocol.md section 5).
    pub visibility: Duration,
    /// How long a pull waits for an event (VOD: 5 s; protocol.md section 5).
    pub long_poll: Duration,
    /// How long a push waits for its answer (VOD: 5 s; protocol.md section 2).
    pub push_timeout: Duration,
    /// A notification that is to be overtaken waits no longer for another one.
    pub overtaken_within: Duration,
    /// How long a procedure takes.
    pub procedure_time: Duration,
    /// The sub applications that there are; none named: any.
    pub sub_app_ids: Vec<u64>,
    /// Where its files are to be had; none: where it listens.
    pub public_url: Option<String>,
    /// The largest file that it takes.
    pub max_file_bytes: u64,
    /// What it keeps on disk at most.
    pub max_disk_bytes: u64,
}

impl SimulatorSettings {
    /// VOD's own times, and these credentials.
    pub fn new(secret_id: impl Into<String>, secret_key: Secret) -> Self {
        Self {
            secret_id: secret_id.into(),
            secret_key,
            token: None,
            visibility: Duration::from_secs(30),
            long_poll: Duration::from_secs(5),
            push_timeout: Duration::from_secs(5),
            overtaken_within: Duration::from_secs(2),
            procedure_time: Duration::from_secs(1),
            sub_app_ids: Vec::new(),
            public_url: None,
            max_file_bytes: 10 << 30,
            max_disk_bytes: 20 << 30,
        }
    }

    pub(super) fn has_sub_app(&self, sub_app_id: u64) -> bool {
        self.sub_app_ids.is_empty() || self.sub_app_ids.contains(&sub_app_id)
    }
}
