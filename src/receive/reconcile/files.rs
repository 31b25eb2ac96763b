//! What VOD says of files, compared with what is recorded.

use bytes::Bytes;

use super::sql::{self, Known, Recorded, Selection};
use super::walk::{Seen, Window};
use super::{Interrupted, Run, batches, within};
use crate::record::Delivery;
use crate::vod::client::{MAX_FILES, Media};
use crate::vod::event::FileId;
use crate::vod::inventory;

use chrono::{DateTime, Utc};

/// What it is to record a file that VOD holds.
#[derive(Debug, Clone, Copy)]
enum Repair {
    /// It was not recorded.
    Missing,
    /// VOD had told of it before, and tells something else now.
    Corrected,
    /// Only notifications spoke for it.
    Confirmed,
    /// The same, with another source context.
    Contradicted,
}

/// What it is to record that VOD does not know a file.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// It had confirmed it before.
    Deleted,
    /// It never had.
    Refuted,
}

impl Run {
    /// Records those files that VOD holds and that are not known, or known otherwise.
    pub(super) async fn fill(
        &mut self,
        media: Vec<Media>,
        seen: &mut Seen,
    ) -> Result<(), Interrupted> {
        let mut deliveries = Vec::new();
        for Media { file_id, bytes, .. } in media {
            if !seen.add(&file_id) {
                continue;
            }
            self.counts.found += 1;
            let delivery = self.delivery(bytes);
            // A delivery that cannot be read would be kept aside again with every run.
            match &delivery.said {
                Ok(event) if inventory::is_held(event) => deliveries.push((delivery, file_id)),
                _ => self.unread(&file_id),
            }
        }
        for batch in batches(deliveries) {
            self.fill_batch(batch).await?;
        }
        Ok(())
    }

    async fn fill_batch(&mut self, batch: Vec<(Delivery, FileId)>) -> Result<(), Interrupted> {
        let ids: Vec<String> = batch.iter().map(|(_, id)| id.as_str().to_owned()).collect();
        let app = self.of.app.name.as_str();
        let known = within(sql::known(&mut self.connection, app, &ids)).await?;
        let (mut missing, mut told_again) = (Vec::new(), Vec::new());
        for (delivery, file_id) in batch {
            match known.get(file_id.as_str()) {
                None => missing.push((delivery, Repair::Missing)),
                Some(known) => {
                    let repair = Repair::of(known, &delivery);
                    told_again.push((delivery, repair));
                }
            }
        }
        self.counts.missing += missing.len() as u64;
        let mut news = missing;
        news.extend(self.news(told_again).await?);
        for repair in self.record(news).await? {
            match repair {
                Repair::Missing | Repair::Corrected => self.counts.repaired += 1,
                Repair::Confirmed => self.counts.confirmed += 1,
                Repair::Contradicted => {
                    self.counts.confirmed += 1;
                    self.counts.contradicted += 1;
                }
            }
        }
        Ok(())
    }

    /// Asks for each upload that was recorded in a window, before this run, and that VOD did not list: a search may lag
    /// behind, so that being left out of it means nothing.
    pub(super) async fn ask_what_was_left_out(
        &mut self,
        window: &Window,
        seen: &mut Seen,
    ) -> Result<(), Interrupted> {
        let app = self.of.app.name.clone();
        let selection = Selection {
            app: app.as_str(),
            from: window.from,
            to: window.to.min(self.began),
            uploaded_from: if self.ask.verify {
                DateTime::<Utc>::UNIX_EPOCH
            } else {
                self.from
            },
        };
        let mut last: Option<Recorded> = None;
        loop {
            let asked = sql::recorded(&mut self.connection, &selection, last.as_ref());
            let mut page = within(asked).await?;
            let Some(end) = page.pop() else {
                return Ok(());
            };
            let left_out: Vec<(FileId, &Recorded)> = page
                .iter()
                .chain([&end])
                .filter_map(|row| Some((FileId::parse(&row.file_id)?, row)))
                .filter(|(file_id, _)| !seen.has(file_id))
                .collect();
            for some in left_out.chunks(MAX_FILES) {
                self.ask_for(some, seen).await?;
            }
            last = Some(end);
        }
    }

    async fn ask_for(
        &mut self,
        files: &[(FileId, &Recorded)],
        seen: &mut Seen,
    ) -> Result<(), Interrupted> {
        let ids: Vec<FileId> = files.iter().map(|(file_id, _)| file_id.clone()).collect();
        let told = self.of.client.describe_media(&ids).await?;
        let mut lost = Vec::new();
        for (file_id, row) in files {
            let is_found = told.found.iter().any(|media| media.file_id == *file_id);
            if is_found {
                continue;
            }
            let loss = if row.confirmed == "vod" {
                Loss::Deleted
            } else {
                Loss::Refuted
            };
            match loss {
                _ if !told.missing.contains(file_id) => self.unread(file_id),
                Loss::Refuted if !self.ask.verify => self.counts.unexplained += 1,
                _ => {
                    let body = Bytes::from(inventory::not_exist(file_id));
                    lost.push((self.delivery(body), loss));
                }
            }
        }
        self.fill(told.found, seen).await?;
        let news = self.news(lost).await?;
        for loss in self.record(news).await? {
            match loss {
                Loss::Deleted => self.counts.deleted += 1,
                Loss::Refuted => self.counts.refuted += 1,
            }
        }
        Ok(())
    }

    fn unread(&mut self, file_id: &FileId) {
        self.counts.unread += 1;
        let app = &self.of.app.name;
        tracing::warn!(%app, %file_id, "VOD gave no answer about a file that could be read");
    }
}

impl Repair {
    /// What it is to record a file that is known, should VOD tell something else of it.
    fn of(known: &Known, delivery: &Delivery) -> Self {
        let told = delivery.said.iter().flat_map(|event| &event.files);
        let told = told.map(|fact| &fact.fields.source_context).next();
        match known.confirmed.as_str() {
            "vod" => Self::Corrected,
            // One that a push merely left empty is no contradiction.
            _ if known.source_context.is_some() && told != Some(&known.source_context) => {
                Self::Contradicted
            }
            _ => Self::Confirmed,
        }
    }
}
