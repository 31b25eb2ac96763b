//! What the READMEs generate from the code is what the code says.

use sha2::{Digest, Sha256};
use vod_receiver::config::reference_markdown;

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap();
    rest.split_once(end).unwrap().0
}

#[test]
fn the_english_readme_holds_the_table_of_settings() {
    let readme = include_str!("../../README.md");
    let held = between(readme, "<!-- settings:begin -->", "<!-- settings:end -->");
    assert_eq!(
        held.trim(),
        reference_markdown().trim(),
        "put the output of `vod-receiver settings` between the markers"
    );
}

#[test]
fn the_chinese_readme_translates_the_table_of_settings_as_it_is_now() {
    let readme = include_str!("../../README.zh-CN.md");
    let translated = between(readme, "<!-- settings:translates ", " -->");
    let digest = Sha256::digest(reference_markdown());
    let now: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        translated, now,
        "the English table changed: translate the change, then write the new digest beside it"
    );
}

/// The code of a document, block by block, as it is in any language.
fn code(document: &str) -> Vec<Vec<String>> {
    let document = document.replace("你的 ", "your ");
    let fenced = document.split("```").skip(1).step_by(2);
    // Comments are prose, and each document has its own language; the picture is labelled in one.
    let code = |block: &str| {
        let lines = block.lines().filter(|line| {
            let line = line.trim_start();
            !line.starts_with('#') && !line.starts_with("//") && !line.is_empty()
        });
        lines
            .map(|line| line.split(" // ").next().unwrap_or_default())
            .map(|line| line.split("  # ").next().unwrap_or_default().trim_end())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    fenced.map(code).collect()
}

fn same_code(english: &[Vec<String>], chinese: &[Vec<String>]) {
    assert_eq!(english.len(), chinese.len());
    for (english, chinese) in english.iter().zip(chinese) {
        assert_eq!(english, chinese);
    }
}

#[test]
fn both_readmes_show_the_same_code_in_the_same_order() {
    same_code(
        &code(include_str!("../../README.md")),
        &code(include_str!("../../README.zh-CN.md")),
    );
}

#[test]
fn both_setup_guides_show_the_same_code_in_the_same_order() {
    // What the doctor prints is text, in the language of the guide.
    let code = |document: &str| {
        let blocks = code(document).into_iter();
        blocks
            .filter(|block| block[0] != "text")
            .collect::<Vec<_>>()
    };
    let english = code(include_str!("../../docs/setup.md"));
    assert!(english.len() >= 10);
    same_code(&english, &code(include_str!("../../docs/setup.zh-CN.md")));
}
