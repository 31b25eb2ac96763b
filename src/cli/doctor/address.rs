//! Callback addresses: ours, VOD's, and how they are told without the token in them.

use crate::config::{App, Secret};

/// Segments of a path that may be secret are shown as this.
const HIDDEN: &str = "***";

/// Every callback address of an app below a public one; the first is the one to set at VOD.
pub fn callback_addresses(app: &App, public_url: &str) -> Vec<Secret> {
    let bare = bare_address(app, public_url);
    if app.callback_tokens.is_empty() {
        return vec![Secret::new(bare)];
    }
    let with = |token: &Secret| Secret::new(format!("{bare}/{}", token.expose()));
    app.callback_tokens.iter().map(with).collect()
}

/// The callback address without a token.
pub fn bare_address(app: &App, public_url: &str) -> String {
    format!("{public_url}/callbacks/{}", app.name)
}

/// An address of whomever it may be, without what may be secret in it: user and password, query, long segments
/// and those with a digit.
pub fn shown(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (rest, has_query) = match rest.split_once(['?', '#']) {
        Some((rest, _)) => (rest, true),
        None => (rest, false),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let mut shown = String::new();
    if !scheme.is_empty() {
        shown.push_str(scheme);
        shown.push_str("://");
    }
    shown.push_str(host);
    if rest.contains('/') {
        for segment in path.split('/') {
            shown.push('/');
            shown.push_str(if may_be_secret(segment) {
                HIDDEN
            } else {
                segment
            });
        }
    }
    if has_query {
        shown.push('?');
        shown.push_str(HIDDEN);
    }
    // Whoever can set it at VOD could put a sequence for the terminal there.
    shown
        .chars()
        .filter(|letter| !letter.is_control())
        .collect()
}

fn may_be_secret(segment: &str) -> bool {
    const LONGEST_WORD: usize = 15;
    const LONGEST_WITH_DIGITS: usize = 5;
    let has_digit = segment.bytes().any(|byte| byte.is_ascii_digit());
    segment.len() > LONGEST_WORD || (has_digit && segment.len() > LONGEST_WITH_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        for (address, told) in [
            (
                "https://vod.example.com/callbacks/main/0123456789abcdef01234567",
                "https://vod.example.com/callbacks/main/***",
            ),
            ("https://a.example.com", "https://a.example.com"),
            ("https://a.example.com/", "https://a.example.com/"),
            (
                "http://user:password@10.0.0.1:8080/api/v1/vod/notify",
                "http://10.0.0.1:8080/api/v1/vod/notify",
            ),
            (
                "https://a.example.com/hook/a1b2c3d4?key=secret",
                "https://a.example.com/hook/***?***",
            ),
            ("https://a/longer-than-any-word-is/x", "https://a/***/x"),
            ("nonsense", "nonsense"),
            ("https://a/\u{1b}[31m", "https://a/[31m"),
        ] {
            assert_eq!(shown(address), told);
        }
    }
}
