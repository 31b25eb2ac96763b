//! One delivery is run again because somebody asks for it over HTTP.

use uuid::Uuid;

use super::{Interrupted, Ran, Replay};
use crate::ops::database::Unavailable;
use crate::record::Recorder;

impl Recorder {
    /// Runs a kept delivery again under its own id and door and at its own time; `None` where none has this id.
    ///
    /// One at a time in this process, whoever asks: each opens a connection to Postgres of its own.
    ///
    /// # Errors
    ///
    /// [`Interrupted`], as for every replay; it can be asked again.
    pub async fn replay(&self, id: Uuid) -> Result<Option<Ran>, Interrupted> {
        let _turn = self.replaying.acquire().await.map_err(|_| Unavailable)?;
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let mut replay = Replay::new(&self.database, clock, random, self.resolvers.clone(), false);
        let ran = replay.one(id).await;
        replay.close().await;
        ran
    }
}
