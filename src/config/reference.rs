//! The table of settings as an example file and as the reference in the README.

use std::fmt::Write;

use super::settings::{
    APP, APP_TABLES, CONFIG_VARIABLE, DEFAULT_FILE, Kind, Preset, SERVICE, Setting,
};

/// Where a line of the example file is broken.
const LINE_CHARS: usize = 96;

/// The text of `docs/vod-receiver.example.toml`: every setting, commented out.
pub fn example_toml() -> String {
    let mut text = String::new();
    comment(
        &mut text,
        &format!(
            "Every setting of vod-receiver. Generated from src/config/settings.rs. Save it as \
             {DEFAULT_FILE} in the working directory, or name it by --config or \
             {CONFIG_VARIABLE}, and take away the # before what you set. The environment goes \
             before this file, flags before both. What is set to an empty text counts as unset. \
             Relative paths start at the working directory."
        ),
    );
    for setting in SERVICE {
        example(&mut text, setting);
    }
    text.push('\n');
    comment(
        &mut text,
        "One table per VOD application. A single app needs no table: the environment describes \
         it, and it is called main. With tables here, the variables of an app override the table \
         named main.",
    );
    let _ = writeln!(text, "#[[{APP_TABLES}]]");
    for setting in APP {
        example(&mut text, setting);
    }
    text
}

/// The README's tables of every setting, in Markdown.
pub fn reference_markdown() -> String {
    let mut text = format!(
        "Defaults are overridden by `{DEFAULT_FILE}` in the working directory (or the file that \
         `--config` or `{CONFIG_VARIABLE}` names), that by the environment, that by flags. An \
         empty variable counts as unset. A secret can be given as the path of a file that holds \
         it: `NAME_FILE` in the environment, `name_file` in the file.\n"
    );
    table(&mut text, "The service", &SERVICE);
    table(
        &mut text,
        &format!("Each app: an `[[{APP_TABLES}]]` table, or the environment"),
        &APP,
    );
    text
}

/// One setting of the example file, with its explanation.
fn example(text: &mut String, setting: &Setting) {
    text.push('\n');
    comment(text, setting.doc);
    comment(text, &format!("It must be {}.", setting.wanted));
    let mut names = format!("Default: {}.", default_words(setting));
    if let Some(variable) = setting.variable {
        let _ = write!(names, " Environment: {variable}");
        names.push_str(if setting.secret {
            " or its _FILE form."
        } else {
            "."
        });
    }
    if setting.secret {
        let _ = write!(
            names,
            " In place, not in a file of its own: {} = ",
            setting.key
        );
        names.push_str(if setting.kind == Kind::List {
            r#""..." or ["...", "..."]"#
        } else {
            r#""...""#
        });
    }
    comment(text, &names);
    let key = if setting.secret {
        setting.file_key()
    } else {
        setting.key.to_owned()
    };
    let _ = writeln!(text, "#{key} = {}", setting.example);
}

/// A comment, broken into lines.
fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > LINE_CHARS {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}

/// One table of the reference.
fn table(text: &mut String, title: &str, settings: &[&Setting]) {
    let _ = write!(
        text,
        "\n**{title}**\n\n| key | environment | default | what it is |\n"
    );
    text.push_str("| --- | --- | --- | --- |\n");
    for setting in settings {
        let variable = match setting.variable {
            None => String::from("-"),
            Some(variable) if setting.secret => format!("`{variable}`, `{variable}_FILE`"),
            Some(variable) => format!("`{variable}`"),
        };
        let default = match setting.default {
            Preset::Value(value) | Preset::Usually(value) => format!("`{value}`"),
            Preset::Required | Preset::Unset => default_words(setting).to_owned(),
        };
        let _ = writeln!(
            text,
            "| `{}` | {variable} | {default} | {} Must be {}. |",
            setting.key, setting.doc, setting.wanted
        );
    }
}

/// A default in words.
fn default_words(setting: &Setting) -> &'static str {
    match setting.default {
        Preset::Required => "none, required",
        Preset::Unset => "none",
        Preset::Value(value) | Preset::Usually(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::{APP, SERVICE, example_toml, reference_markdown};

    const EXAMPLE_FILE: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/docs/vod-receiver.example.toml"
    );

    /// To write the file anew: `BLESS=1 cargo test the_example_file`.
    #[test]
    fn the_example_file_is_what_the_table_says() {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(EXAMPLE_FILE, example_toml()).unwrap();
        }
        let written = std::fs::read_to_string(EXAMPLE_FILE).unwrap();
        assert!(
            written == example_toml(),
            "run BLESS=1 cargo test the_example_file"
        );
    }

    #[test]
    fn every_setting_is_in_the_reference_and_fits_its_table() {
        let text = reference_markdown();
        for setting in SERVICE.iter().chain(&APP) {
            assert!(
                text.contains(&format!("| `{}` |", setting.key)),
                "{}",
                setting.key
            );
            assert!(
                !setting.doc.contains('|') && !setting.wanted.contains('|'),
                "{}",
                setting.key
            );
        }
        for line in text.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(line.matches('|').count(), 5, "{line}");
        }
    }

    #[test]
    fn no_line_of_the_example_is_too_long() {
        for line in example_toml().lines() {
            assert!(line.chars().count() <= super::LINE_CHARS, "{line}");
        }
    }
}
