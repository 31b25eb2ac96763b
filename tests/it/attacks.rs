//! The attacks of `docs/security.md`: those that are no other test's, and that the table there names tests that are.

use std::collections::BTreeSet;
use std::path::Path;

mod address;
mod flood;
mod role;
mod secrets;
mod statements;

/// The tests in a folder, as `file::name`; the files of a folder are modules of the file of its name.
fn tests_in(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if path.is_dir() {
            tests_in(&path, &format!("{prefix}{stem}::"), found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for part in text.split("test]\n").skip(1) {
            // Between the attribute and the name there may be another attribute.
            let (_, rest) = part.split_once("fn ").unwrap();
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            found.insert(format!("{prefix}{stem}::{name}"));
        }
    }
}

/// What a document has in backticks that is the path of a test.
fn named(document: &str) -> BTreeSet<String> {
    let spans = document.split('`').skip(1).step_by(2);
    let is_path = |span: &&str| span.contains("::") && !span.contains(char::is_whitespace);
    spans.filter(is_path).map(str::to_owned).collect()
}

#[test]
fn every_test_that_the_security_documents_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut there = BTreeSet::new();
    tests_in(&root.join("tests/it"), "", &mut there);
    // Two beside the code.
    there.extend(
        [
            (
                "src/app/observe.rs",
                "a_handler_that_panics_is_a_500_problem_is_counted_and_harms_nobody_else",
            ),
            (
                "src/receive/authentic.rs",
                "a_million_guesses_are_all_wrong",
            ),
            (
                "src/ops/limits.rs",
                "connections_never_take_the_files_of_the_rest",
            ),
            (
                "src/ops/panics.rs",
                "a_panic_tells_what_stands_in_the_code_and_never_what_it_held",
            ),
        ]
        .map(|(path, test)| {
            let text = std::fs::read_to_string(root.join(path)).unwrap();
            assert!(
                text.contains(&format!("fn {test}(")),
                "{path} has no {test}"
            );
            let module = path.trim_start_matches("src/").trim_end_matches(".rs");
            format!("{}::{test}", module.replace('/', "::"))
        }),
    );
    let mut documents = Vec::new();
    for name in ["docs/security.md", "docs/security.zh-CN.md"] {
        let document = std::fs::read_to_string(root.join(name)).unwrap();
        let named = named(&document);
        let missing: Vec<_> = named.difference(&there).collect();
        assert!(
            missing.is_empty(),
            "{name} names tests that are not there: {missing:#?}"
        );
        // Each line of its table of attacks names one at least.
        let (_, table) = document.split_once("<!-- attacks:begin -->").unwrap();
        let (table, _) = table.split_once("<!-- attacks:end -->").unwrap();
        let lines: Vec<&str> = table
            .lines()
            .filter(|line| line.starts_with('|'))
            .skip(2)
            .collect();
        assert!(lines.len() >= 20, "{name}");
        for line in lines {
            assert!(line.contains("::"), "{name}: no test in {line}");
        }
        documents.push(named);
    }
    assert_eq!(
        documents[0], documents[1],
        "both languages name the same tests"
    );
}
