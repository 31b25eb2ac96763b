//! The ordered stop: every background task has a name and a stop, and takes the process down if it dies.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a background task may take to end once told to: one write that hangs, and a little.
const STOP_WITHIN: Duration = Duration::from_millis(2_300);

/// The background tasks of one running service.
pub struct Lifecycle {
    stop: watch::Sender<bool>,
    tasks: JoinSet<&'static str>,
}

/// Tells a background task that it is to end.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Ends when the service is told to stop.
    pub async fn wait(&mut self) {
        // An error means that the lifecycle is gone: stop as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }
}

impl Lifecycle {
    /// Starts a task under its name; it ends by itself only after [`Stop::wait`] did.
    pub fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = task(Stop(self.stop.subscribe()));
        self.tasks.spawn(async move {
            task.await;
            name
        });
    }

    /// Ends when some task died, with a sentence about it: a service that lost a part must not go on.
    pub async fn a_task_died(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Ok(name)) => format!("the background task `{name}` ended by itself"),
            Some(Err(_)) => "a background task panicked".to_owned(),
            None => std::future::pending().await,
        }
    }

    /// Tells all tasks to end and waits for them.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            tracing::warn!("some background tasks did not end within {STOP_WITHIN:?}");
        }
    }
}
