//! `docs/integrate.md` shows the examples as they are; `./dev test integrate` runs them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The folders whose every source file is shown.
const SHOWN: [&str; 7] = ["curl", "go", "java", "node", "php", "python", "web"];

const DOCUMENTS: [&str; 2] = ["docs/integrate.md", "docs/integrate.zh-CN.md"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Paths below a folder, from the root.
fn files(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.file_name().unwrap() != "go.mod" {
            let path = path.strip_prefix(root()).unwrap();
            found.insert(path.to_str().unwrap().to_owned());
        }
    }
}

/// A file as a document shows it.
fn quoted(path: &str) -> String {
    let language = match path.rsplit_once('.').unwrap().1 {
        "mjs" | "js" => "js",
        "py" => "python",
        "sh" => "sh",
        other => other,
    };
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    format!(
        "<details><summary><a href=\"../{path}\">{path}</a></summary>\n\n```{language}\n{}\n```\n\n</details>",
        text.trim_end()
    )
}

/// A document with every example as it is now, and which they are.
fn with_examples(document: &str) -> (String, BTreeSet<String>) {
    let mut shown = BTreeSet::new();
    let mut parts = document.split("<!-- example: ");
    let mut made = parts.next().unwrap().to_owned();
    for part in parts {
        let (path, rest) = part.split_once(" -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- /example -->").unwrap();
        made += &format!(
            "<!-- example: {path} -->\n{}\n<!-- /example -->{after}",
            quoted(path)
        );
        assert!(shown.insert(path.to_owned()), "{path} is shown twice");
    }
    (made, shown)
}

#[test]
fn both_documents_show_every_example_as_it_is() {
    let mut all = BTreeSet::new();
    for folder in SHOWN {
        files(&root().join("examples").join(folder), &mut all);
    }
    for name in DOCUMENTS {
        let path = root().join(name);
        let held = std::fs::read_to_string(&path).unwrap();
        let (made, shown) = with_examples(&held);
        assert_eq!(shown, all, "{name} shows other files than there are");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &made).unwrap();
        } else {
            assert!(held == made, "run BLESS=1 cargo test --test it integrate");
        }
    }
}
