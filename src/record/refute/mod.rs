//! Which notifications VOD itself contradicts: they stay as evidence, marked, and say nothing any more.
//!
//! `Sign` does not cover the body (protocol.md section 2), so whoever has seen one can forge a notification for
//! ten minutes. VOD, asked, then says that the file has another source context, or that there is no such file. Which
//! of a file's notifications are contradicted follows from its row alone: the new ones are judged when they come, and
//! the kept ones again whenever the row changes so that they may have to be judged otherwise.

pub(super) mod rows;
mod sql;

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::batch::{Batch, File, FileKey};
use super::fold::{Confirmed, Upload};
use super::{Delivery, Door};
use crate::vod::event::{Event, FileFact, News};

/// Why a notification is contradicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuted {
    /// VOD tells another source context of the file, or none.
    OtherContext,
    /// VOD knows no such file, and no deletion explains it.
    UnknownFile,
}

impl Refuted {
    /// The code under which it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherContext => "other_context",
            Self::UnknownFile => "unknown_file",
        }
    }
}

/// What of a row decides which notifications are contradicted.
#[derive(PartialEq)]
enum Word<'a> {
    /// VOD has said nothing against which one could be held.
    Nothing,
    /// Its source context, or that it has none.
    Context(Option<&'a str>),
    NoSuchFile,
}

impl<'a> Word<'a> {
    fn of(upload: &'a Upload) -> Self {
        // What VOD told of an erased person's file is not kept.
        if upload.is_erased() {
            return Self::Nothing;
        }
        if upload.confirmed() == Confirmed::Refuted {
            return Self::NoSuchFile;
        }
        // Where VOD contradicts itself, it contradicts nobody else.
        match upload.vods_context().filter(|_| !upload.contexts_differ) {
            Some(context) => Self::Context(context),
            None => Self::Nothing,
        }
    }
}

/// Whether VOD contradicts what an event by a door says of a file; only of an upload is anything told that could be
/// contradicted, and a notification without a context says only less.
pub fn refuted(upload: &Upload, door: Door, event: &Event, file_id: &str) -> Option<Refuted> {
    if matches!(door, Door::Pull | Door::Reconcile) {
        return None;
    }
    let is_told =
        |fact: &&FileFact| fact.news == News::Uploaded && fact.file_id.as_str() == file_id;
    let fact = event.files.iter().find(is_told)?;
    match (Word::of(upload), fact.fields.source_context.as_deref()) {
        (Word::NoSuchFile, _) => Some(Refuted::UnknownFile),
        (Word::Context(context), Some(told)) if context != Some(told) => {
            Some(Refuted::OtherContext)
        }
        _ => None,
    }
}

/// The deliveries of a folded batch that VOD contradicts.
pub fn told(batch: &Batch, deliveries: &[Delivery]) -> BTreeMap<Uuid, Option<Refuted>> {
    let named = batch.files.iter().flat_map(|(key, file)| {
        let by = file.named_by.iter().map(|&by| &deliveries[by]);
        by.map(move |delivery| (key, file, delivery))
    });
    named
        .filter_map(|((_, file_id), file, delivery)| {
            let event = delivery.said.as_ref().ok()?;
            let refuted = refuted(file.after.as_ref()?, delivery.door, event, file_id)?;
            Some((delivery.id, Some(refuted)))
        })
        .collect()
}

/// Judges the kept deliveries of those files whose rows changed so that this may come out otherwise.
pub async fn judge(connection: &mut PgConnection, batch: &mut Batch) -> Result<(), sqlx::Error> {
    let due = batch.files.iter().filter(|(_, file)| is_due(file));
    let due: Vec<FileKey> = due.map(|(key, _)| key.clone()).collect();
    if !due.is_empty() {
        sql::judge_kept(connection, batch, &due).await?;
    }
    Ok(())
}

/// Whether kept deliveries of a file may have to be judged otherwise. Mostly VOD only confirms what it notified.
pub fn is_due(file: &File) -> bool {
    let before = file.before.as_ref().map(|stored| &stored.row);
    let (Some(before), Some(after)) = (before.filter(|row| row.announced), &file.after) else {
        return false;
    };
    match (Word::of(before), Word::of(after)) {
        (before, after) if before == after => false,
        (Word::Nothing, Word::Context(context)) => {
            let held = before.fields.source_context.as_deref();
            before.contexts_differ || held.is_some_and(|held| context != Some(held))
        }
        _ => true,
    }
}

impl Batch {
    /// Judges one kept delivery anew.
    pub fn judge(&mut self, key: &FileKey, kept: &Delivery, mark: Option<&str>) {
        let file = self.files.get_mut(key);
        let (Some(file), Ok(event)) = (file, &kept.said) else {
            return;
        };
        let Some(after) = &file.after else { return };
        let refuted = refuted(after, kept.door, event, &key.1);
        if refuted.map(Refuted::as_str) != mark {
            self.marks.insert(kept.id, refuted);
        }
    }
}
