//! What is told, in both languages of those who run it.

use clap::ValueEnum;

/// A sentence in each language; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub en: String,
    pub zh: String,
}

/// The language of what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English.
    En,
    /// 中文。
    Zh,
}

impl Text {
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            zh: zh.into(),
        }
    }

    /// The same in both: an address, a path.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(text.clone(), text)
    }

    pub fn told(&self, lang: Lang) -> &str {
        lang.of(&self.en, &self.zh)
    }
}

impl Lang {
    /// Chinese where the locale is, else English.
    pub fn of_environment() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        Self::of_locale(locale.as_deref().unwrap_or_default())
    }

    fn of_locale(locale: &str) -> Self {
        if locale.starts_with("zh") {
            Self::Zh
        } else {
            Self::En
        }
    }

    /// One of the two.
    pub fn of<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

/// How many columns a text takes on a terminal: what is not ASCII here is Chinese, and takes two.
pub fn columns(text: &str) -> usize {
    text.chars()
        .map(|letter| if letter.is_ascii() { 1 } else { 2 })
        .sum()
}

/// The text with spaces behind it, so wide.
pub fn padded(text: &str, wide: usize) -> String {
    let spaces = wide.saturating_sub(columns(text));
    format!("{text}{:spaces$}", "")
}

/// The text in lines, none wider than that where it can be broken: at spaces, and beside Chinese letters unless a
/// mark follows that no line begins with.
pub fn wrapped(text: &str, wide: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in pieces(text) {
        let line = lines.last().map_or("", String::as_str);
        if !line.is_empty() && columns(line) + columns(piece.trim_end()) > wide {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(piece);
        }
    }
    lines
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// What must stay together: a word with the space after it, a Chinese letter with the marks after it.
fn pieces(text: &str) -> Vec<&str> {
    let opens = |letter: char| "（“".contains(letter);
    let closes = |letter: char| "，。；：、）”？".contains(letter);
    let mut pieces = Vec::new();
    let (mut start, mut before) = (0, ' ');
    for (at, letter) in text.char_indices() {
        let may_break = (before == ' ' || !before.is_ascii() || !letter.is_ascii())
            && letter != ' '
            && !closes(letter)
            && !opens(before);
        if at > 0 && may_break {
            pieces.push(&text[start..at]);
            start = at;
        }
        before = letter;
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Lang, padded, wrapped};

    #[test]
    fn lines_are_broken_at_spaces_and_beside_chinese_letters() {
        for (text, lines) in [
            ("", &[""][..]),
            ("one two three", &["one two", "three"]),
            ("much-too-long a", &["much-too-long", "a"]),
            ("设为主库，再来", &["设为主", "库，再来"]),
            ("设为 abc 的值", &["设为 abc", "的值"]),
            ("一二三（四）", &["一二三", "（四）"]),
        ] {
            assert_eq!(wrapped(text, 8), lines, "{text}");
        }
    }

    #[test]
    fn a_chinese_locale_is_answered_in_chinese() {
        for (locale, lang) in [
            ("zh_CN.UTF-8", Lang::Zh),
            ("zh", Lang::Zh),
            ("en_US.UTF-8", Lang::En),
            ("C", Lang::En),
            ("", Lang::En),
        ] {
            assert_eq!(Lang::of_locale(locale), lang, "{locale}");
        }
    }

    #[test]
    fn a_chinese_letter_is_two_columns_wide() {
        assert_eq!(padded("ok", 4), "ok  ");
        assert_eq!(padded("正常", 4), "正常");
        assert_eq!(padded("too long", 4), "too long");
    }
}
