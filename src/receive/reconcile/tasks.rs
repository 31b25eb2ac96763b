//! Tasks whose event was lost. VOD tells of them for three days (protocol.md section 7).

use chrono::TimeDelta;

use super::sql::{self, Unfinished};
use super::walk::Window;
use super::{Interrupted, Run, batches, within};
use crate::record::Delivery;
use crate::vod::client::ApiError;

/// How far back VOD knows tasks: 72 hours, and a minute less for the way.
const KNOWN_FOR: TimeDelta = TimeDelta::minutes(3 * 24 * 60 - 1);
/// So many answers about tasks are gathered before they are recorded.
const GATHERED: usize = 100;

impl Run {
    /// Asks for the tasks that were created in a window and are not known here, or not known to be over: of an upload
    /// that was never told, nothing else names the tasks.
    pub(super) async fn ask_new_tasks(&mut self, window: &Window) -> Result<(), Interrupted> {
        let (from, to) = window.asked();
        let from = from.max(self.of.clock.now() - KNOWN_FOR);
        if from >= to {
            return Ok(());
        }
        let mut next: Option<String> = None;
        loop {
            let client = self.of.client.clone();
            let page = client.list_tasks(from, to, next.as_deref()).await?;
            let ids: Vec<String> = page.tasks.iter().map(|task| task.task_id.clone()).collect();
            let app = self.of.app.name.as_str();
            let known = within(sql::tasks_known(&mut self.connection, app, &ids)).await?;
            let news = page.tasks.into_iter().filter(|task| {
                let is_over_here = known.get(&task.task_id);
                is_over_here.is_none_or(|is_over_here| !is_over_here && task.is_over)
            });
            self.ask_tasks(news.map(|task| task.task_id).collect())
                .await?;
            // VOD says that there is no more by an empty text; one that says the same again would go on for ever.
            if page.next.is_none() || page.next == next || ids.is_empty() {
                return Ok(());
            }
            next = page.next;
        }
    }

    /// Asks for the tasks of the last three days that are not known to be over.
    pub(super) async fn ask_unfinished_tasks(&mut self) -> Result<(), Interrupted> {
        let since = self.of.clock.now() - KNOWN_FOR;
        let mut last: Option<Unfinished> = None;
        loop {
            let app = self.of.app.name.as_str();
            let asked = sql::unfinished(&mut self.connection, app, since, last.as_ref());
            let page = within(asked).await?;
            let mut ids: Vec<String> = page.iter().map(|row| row.task_id.clone()).collect();
            // Events that disagree on its file make a task two rows.
            ids.dedup();
            self.ask_tasks(ids).await?;
            last = page.into_iter().next_back();
            if last.is_none() {
                return Ok(());
            }
        }
    }

    async fn ask_tasks(&mut self, task_ids: Vec<String>) -> Result<(), Interrupted> {
        for some in task_ids.chunks(GATHERED) {
            let mut told = Vec::new();
            for task_id in some {
                told.extend(self.ask_task(task_id).await?.map(|delivery| (delivery, ())));
            }
            for batch in batches(told) {
                let news = self.news(batch).await?;
                self.counts.tasks += self.record(news).await?.len() as u64;
            }
        }
        Ok(())
    }

    /// What VOD says of a task; nothing if it does not know it, or tells no more than that it waits.
    async fn ask_task(&mut self, task_id: &str) -> Result<Option<Delivery>, Interrupted> {
        let body = match self.of.client.describe_task(task_id).await {
            Ok(body) => body,
            // Of one that is too old, or of an id that a notification made up.
            Err(ApiError::NotFound { .. } | ApiError::Invalid { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let delivery = self.delivery(body);
        let Ok(event) = &delivery.said else {
            return Ok(None);
        };
        if event
            .task
            .as_ref()
            .is_some_and(|task| task.task_id == task_id)
        {
            return Ok(Some(delivery));
        }
        self.counts.unread += 1;
        tracing::warn!(app = %self.of.app.name, task_id, "VOD told of another task than it was asked for");
        Ok(None)
    }
}
