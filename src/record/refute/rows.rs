//! What is judged as the arrays that `write.sql` unnests.

use uuid::Uuid;

use super::Refuted;
use crate::record::batch::Batch;
use crate::record::columns::columns;

columns! {
    /// Whether VOD contradicts a delivery.
    MarkRow => MarkColumns {
        delivery: Uuid,
        refuted: Option<&'a str>,
    }
}

/// The deliveries of which that is to be noted.
pub fn marks(batch: &Batch) -> impl Iterator<Item = MarkRow<'_>> {
    batch.marks.iter().map(|(&delivery, refuted)| MarkRow {
        delivery,
        refuted: refuted.map(Refuted::as_str),
    })
}

columns! {
    /// How many deliveries have to have named a file before this batch, or nothing is written.
    JudgedRow => JudgedColumns {
        file: i64,
        app: &'a str,
        file_id: &'a str,
        deliveries: i32,
    }
}

/// The files whose kept deliveries were judged, with their positions as [`super::super::rows::named`] counts them.
pub fn judged(batch: &Batch) -> impl Iterator<Item = JudgedRow<'_>> {
    let written = batch.written().zip(1..);
    let judged = written.filter(|((_, file, _), _)| file.judged);
    judged.map(|(((app, file_id), file, _), position)| JudgedRow {
        file: position,
        app,
        file_id,
        deliveries: file.deliveries,
    })
}
