//! Guessing which name was meant.

/// One mistake is forgiven per this many characters, so that `log` is not taken for `app`.
const CHARS_PER_MISTAKE: usize = 3;

/// The end of a sentence about an unknown name: a question if a known one is close, else a stop.
///
/// A prefix that all names share says nothing about how close they are, and is left out.
pub fn closest(unknown: &str, known: &[String], prefix: &str) -> String {
    let bare = |name: &str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    let unknown = bare(unknown);
    known
        .iter()
        .map(|name| (distance(&unknown, &bare(name)), name))
        .min()
        .filter(|(mistakes, _)| mistakes * CHARS_PER_MISTAKE <= unknown.chars().count())
        .map(|(_, name)| format!("; did you mean {name}?"))
        .unwrap_or_else(|| String::from("."))
}

/// How many characters have to be put in, taken out or changed to make one name the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn distances_are_counted_in_characters() {
        for (one, other, mistakes) in [
            ("", "", 0),
            ("", "abc", 3),
            ("listen", "lisen", 1),
            ("kitten", "sitting", 3),
            ("é", "e", 1),
        ] {
            assert_eq!(distance(one, other), mistakes, "{one} {other}");
            assert_eq!(distance(other, one), mistakes, "{other} {one}");
        }
    }

    #[test]
    fn only_a_close_name_is_suggested() {
        let known = ["P_LISTEN", "P_LOG"].map(String::from);
        assert_eq!(closest("P_LISTN", &known, "P_"), "; did you mean P_LISTEN?");
        assert_eq!(closest("P_LOGS", &known, "P_"), "; did you mean P_LOG?");
        assert_eq!(closest("P_PORT", &known, "P_"), ".");
        assert_eq!(closest("P_", &known, "P_"), ".");
    }
}
