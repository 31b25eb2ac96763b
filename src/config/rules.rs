//! What a value has to look like; the sentence for each rule is its setting's `wanted`.

use std::time::Duration;

use super::settings::SHORTEST_TOKEN_CHARS;

/// The longest SignKey that VOD takes.
const LONGEST_SIGN_KEY_CHARS: usize = 32;

/// The text, if it is something and all of it is visible ASCII.
///
/// A space or a line break in a key is a slip of the clipboard: it shows only as a bad signature.
pub fn visible(text: &str) -> Option<String> {
    is_visible(text).then(|| text.to_owned())
}

/// Whether a text is something and all of it is visible ASCII.
pub fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The text, if it is something besides white space.
pub fn filled(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// A number in digits alone.
pub fn whole(text: &str) -> Option<u64> {
    // `parse` takes a plus sign too.
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// Megabytes as bytes, up to a terabyte.
pub fn megabytes(text: &str) -> Option<u64> {
    whole(text)
        .filter(|megabytes| (1..=1_000_000).contains(megabytes))
        .map(|megabytes| megabytes * 1_000_000)
}

/// Days that deliveries are kept: some months lie in them.
pub fn days_of_deliveries(text: &str) -> Option<u32> {
    days(text, 31)
}

/// Days that the log of signatures is kept: longer than the longest of them is good for.
pub fn days_of_issues(text: &str) -> Option<u32> {
    days(text, 120)
}

fn days(text: &str, least: u64) -> Option<u32> {
    let days = whole(text).filter(|days| (least..=36_500).contains(days))?;
    u32::try_from(days).ok()
}

/// How long it is from one run to the next, `5m` to `7d`.
///
/// Each run begins a few minutes before the end of the last one, so that a shorter time would only ask the same again.
pub fn interval(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    let minutes = whole(number)?.checked_mul(minutes)?;
    (5..=7 * 24 * 60)
        .contains(&minutes)
        .then(|| Duration::from_secs(minutes * 60))
}

/// `true` or `false`, and nothing like `yes` or `1`, since what it opens is a door.
pub fn flag(text: &str) -> Option<bool> {
    text.parse().ok()
}

/// Whether a text is an address of a Postgres database, by its scheme.
pub fn is_database_url(text: &str) -> bool {
    let schemes = ["postgres://", "postgresql://"];
    is_visible(text) && schemes.iter().any(|scheme| text.starts_with(scheme))
}

/// An http or https address of a host, without the slash at its end.
pub fn endpoint(text: &str) -> Option<String> {
    let bare = text.strip_suffix('/').unwrap_or(text);
    let schemes = ["http://", "https://"];
    let host = schemes
        .iter()
        .find_map(|scheme| bare.strip_prefix(scheme))?;
    // A user and password in it would be told with the address.
    let fits = is_visible(host) && !host.contains(['/', '?', '#', '@']);
    fits.then(|| bare.to_owned())
}

/// An http or https address, perhaps with a path, without the slash at its end.
pub fn public_url(text: &str) -> Option<String> {
    let bare = text.trim_end_matches('/');
    let schemes = ["http://", "https://"];
    let rest = schemes
        .iter()
        .find_map(|scheme| bare.strip_prefix(scheme))?;
    let has_host = !rest.is_empty() && !rest.starts_with(['/', ':']);
    // A user and password in it would be told with the address.
    let fits = has_host && is_visible(rest) && !rest.contains(['?', '#', '@']);
    fits.then(|| bare.to_owned())
}

/// Whether a text can be an API key, which travels in a header.
pub fn is_api_key(text: &str) -> bool {
    is_visible(text) && text.len() >= SHORTEST_TOKEN_CHARS
}

/// Whether a text can be a callback token, which is a segment of a path.
pub fn is_callback_token(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.len() >= SHORTEST_TOKEN_CHARS && text.bytes().all(unreserved)
}

/// Whether VOD takes a text as a SignKey.
pub fn is_sign_key(text: &str) -> bool {
    (1..=LONGEST_SIGN_KEY_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
