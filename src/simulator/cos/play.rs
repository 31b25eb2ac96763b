//! Files can be played: `GET` of the media URL, with `Range`.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;

use super::disk::Kept;
use super::quoted;
use super::refusal::CosRefusal;
use crate::simulator::Simulator;

/// Read from disk at once.
const READ_BYTES: usize = 256 << 10;

impl Simulator {
    /// Whether anybody may read it: a file of a committed upload.
    pub(super) fn is_public(&self, key: &str) -> bool {
        self.state().public.contains(key)
    }

    /// An object, or the range of it that is asked for.
    pub(super) fn play(
        &self,
        key: &str,
        request: &HttpRequest,
    ) -> Result<HttpResponse, CosRefusal> {
        let object = self.state().objects.get(key).cloned();
        let object = object.ok_or_else(CosRefusal::no_such_key)?;
        let range = request.headers().get(header::RANGE);
        let range = range.and_then(|range| range.to_str().ok());
        let mut answer = HttpResponse::Ok();
        answer
            .content_type(content_type(key))
            .insert_header((header::ACCEPT_RANGES, "bytes"))
            .insert_header((header::ETAG, quoted(&object.etag)))
            .insert_header(header::LastModified(
                std::time::SystemTime::from(object.stored_at).into(),
            ));
        let (from, to) = match range.map(|range| range_of(range, object.bytes)) {
            None | Some(Range::Whole) => (0, object.bytes),
            Some(Range::Part(from, to)) => {
                let told = format!("bytes {from}-{}/{}", to - 1, object.bytes);
                answer
                    .status(StatusCode::PARTIAL_CONTENT)
                    .insert_header((header::CONTENT_RANGE, told));
                (from, to)
            }
            Some(Range::None) => {
                let refusal = CosRefusal::new(416, "InvalidRange", "The object ends before that.");
                return Err(refusal);
            }
        };
        let bytes = SizedStream::new(to - from, read(pieces(&object.pieces, from, to)));
        Ok(answer.body(bytes))
    }
}

/// What of which files is to be sent, in order.
type Pieces = VecDeque<(Arc<Kept>, u64, u64)>;

fn pieces(all: &[Arc<Kept>], from: u64, to: u64) -> Pieces {
    let mut begins = 0;
    let mut wanted = VecDeque::new();
    for piece in all {
        let ends = begins + piece.bytes;
        let (first, last) = (from.max(begins), to.min(ends));
        if first < last {
            wanted.push_back((Arc::clone(piece), first - begins, last - begins));
        }
        begins = ends;
    }
    wanted
}

fn read(pieces: Pieces) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    let next = |mut pieces: Pieces| async move {
        let Some((piece, from, to)) = pieces.pop_front() else {
            return Ok(None);
        };
        let most = READ_BYTES.min(usize::try_from(to - from).unwrap_or(READ_BYTES));
        let held = Arc::clone(&piece);
        let bytes = web::block(move || held.read(from, most))
            .await
            .map_err(std::io::Error::other)??;
        let at = from + bytes.len() as u64;
        if at < to {
            pieces.push_front((piece, at, to));
        }
        Ok(Some((Bytes::from(bytes), pieces)))
    };
    Box::pin(stream::try_unfold(pieces, next))
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// Several ranges, or what is none, are passed over.
    Whole,
    /// From the first to before the second.
    Part(u64, u64),
    None,
}

fn range_of(text: &str, length: u64) -> Range {
    let Some((first, last)) = text
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Range::Whole;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= length => Range::None,
        (Ok(first), Ok(last)) if last >= first => {
            Range::Part(first, length.min(last.saturating_add(1)))
        }
        (Ok(first), Err(_)) if last.trim().is_empty() => Range::Part(first, length),
        (Err(_), Ok(0)) if first.trim().is_empty() => Range::None,
        (Err(_), Ok(_)) if first.trim().is_empty() && length == 0 => Range::None,
        (Err(_), Ok(count)) if first.trim().is_empty() => {
            Range::Part(length.saturating_sub(count), length)
        }
        _ => Range::Whole,
    }
}

fn content_type(key: &str) -> &'static str {
    match key.rsplit('.').next().unwrap_or_default() {
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        // Whatever else was uploaded is not to run as a page of this host.
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_what_lies_within_the_object() {
        for (text, expected) in [
            ("bytes=0-", Range::Part(0, 10)),
            ("bytes=0-0", Range::Part(0, 1)),
            ("bytes=4-99", Range::Part(4, 10)),
            ("bytes=4-18446744073709551615", Range::Part(4, 10)),
            ("bytes=-3", Range::Part(7, 10)),
            ("bytes=-30", Range::Part(0, 10)),
            ("bytes=-0", Range::None),
            ("bytes=10-", Range::None),
            ("bytes=5-4", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("lines=1-2", Range::Whole),
        ] {
            assert_eq!(range_of(text, 10), expected, "{text}");
        }
        assert_eq!(range_of("bytes=0-", 0), Range::None);
        assert_eq!(range_of("bytes=-5", 0), Range::None);
    }
}
