//! COS speaks XML: its answers, its errors, and the one body that it reads.

use chrono::{DateTime, SecondsFormat, Utc};

/// An XML text: elements with text or elements in them.
pub(super) struct Xml(String);

impl Xml {
    /// A document with this root.
    pub fn document(root: &str, fill: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned());
        xml.within(root, fill);
        xml.0
    }

    /// An element with elements in it.
    pub fn within(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.0.push_str(&format!("<{name}>"));
        fill(self);
        self.0.push_str(&format!("</{name}>"));
    }

    /// An element with a text in it.
    pub fn text(&mut self, name: &str, text: &str) {
        self.within(name, |xml| {
            for letter in text.chars() {
                match letter {
                    '<' => xml.0.push_str("&lt;"),
                    '>' => xml.0.push_str("&gt;"),
                    '&' => xml.0.push_str("&amp;"),
                    '"' => xml.0.push_str("&quot;"),
                    letter if letter.is_control() => xml.0.push('\u{fffd}'),
                    letter => xml.0.push(letter),
                }
            }
        });
    }

    /// An element with a number in it.
    pub fn number(&mut self, name: &str, number: u64) {
        self.text(name, &number.to_string());
    }

    /// An element with a time in it.
    pub fn time(&mut self, name: &str, at: DateTime<Utc>) {
        self.text(name, &at.to_rfc3339_opts(SecondsFormat::Millis, true));
    }
}

/// The parts that a `CompleteMultipartUpload` names, in its order: number and ETag, without quotes.
///
/// `None` for what is not just that: another element, a part without its two members, anything between them.
pub(super) fn completed_parts(body: &str) -> Option<Vec<(u32, String)>> {
    let mut rest = body.trim_start_matches('\u{feff}').trim();
    if let Some(declared) = rest.strip_prefix("<?xml") {
        rest = declared.split_once("?>")?.1;
    }
    let mut parts = Vec::new();
    // The namespace that S3's clients write on it says nothing.
    let root = rest.trim_start().strip_prefix("<CompleteMultipartUpload")?;
    let (attributes, mut rest) = root.split_once('>')?;
    if attributes.contains('<') || attributes.ends_with('/') {
        return None;
    }
    loop {
        rest = rest.trim_start();
        if let Some(end) = rest.strip_prefix("</CompleteMultipartUpload>") {
            return end.trim().is_empty().then_some(parts);
        }
        let (part, after) = rest.strip_prefix("<Part>")?.split_once("</Part>")?;
        parts.push(completed_part(part)?);
        rest = after;
    }
}

fn completed_part(mut part: &str) -> Option<(u32, String)> {
    let (mut number, mut etag) = (None, None);
    while !part.trim().is_empty() {
        let (name, after) = part.trim_start().strip_prefix('<')?.split_once('>')?;
        let (text, after) = after.split_once("</")?;
        part = after.strip_prefix(name)?.strip_prefix('>')?;
        let text = text.trim().replace("&quot;", "\"");
        match name {
            "PartNumber" if number.is_none() => number = Some(text.parse().ok()?),
            "ETag" if etag.is_none() => etag = Some(text.trim_matches('"').to_owned()),
            // Checksums of newer clients, which nobody here computes.
            "ChecksumCRC32" | "ChecksumCRC32C" | "ChecksumCRC64NVME" | "ChecksumSHA1"
            | "ChecksumSHA256" => {}
            _ => return None,
        }
    }
    Some((number?, etag?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_clients_write_them() {
        let expected = Some(vec![(1, "aa".to_owned()), (2, "bb".to_owned())]);
        for body in [
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;aa&quot;</ETag></Part>\
             <Part><ETag>\"bb\"</ETag><PartNumber>2</PartNumber></Part></CompleteMultipartUpload>",
            "<?xml version=\"1.0\"?>\n<CompleteMultipartUpload xmlns=\"http://s3\">\n <Part>\n <PartNumber>1</PartNumber>\
             <ETag>aa</ETag>\n</Part> <Part><PartNumber> 2 </PartNumber><ETag>bb</ETag></Part>\n</CompleteMultipartUpload>\n",
        ] {
            assert_eq!(completed_parts(body), expected, "{body}");
        }
        let none = "<CompleteMultipartUpload></CompleteMultipartUpload>";
        assert_eq!(completed_parts(none), Some(Vec::new()));
    }

    #[test]
    fn anything_else_is_not_read() {
        for body in [
            "",
            "{}",
            "<CompleteMultipartUpload/>",
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part><PartNumber>-1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>",
            "<CompleteMultipartUpload>&all;</CompleteMultipartUpload>",
            "<!DOCTYPE a [<!ENTITY all SYSTEM \"file:///etc/passwd\">]><CompleteMultipartUpload></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part><Part></Part></Part></CompleteMultipartUpload>",
            "<CompleteMultipartUpload></CompleteMultipartUpload><a/>",
        ] {
            assert_eq!(completed_parts(body), None, "{body}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        let document = Xml::document("Error", |xml| xml.text("Message", "<a> & \"b\"\u{0}"));
        assert!(
            document.ends_with(
                "<Error><Message>&lt;a&gt; &amp; &quot;b&quot;\u{fffd}</Message></Error>"
            )
        );
    }
}
