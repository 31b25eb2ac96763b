//! The shape of the code (docs: design section 9): who may import whom, where SQL may stand, how long a file may be.

use std::collections::BTreeMap;
use std::path::Path;

const VOCABULARY: [&str; 7] = ["config", "ops", "vod", "ticket", "erased", "http", "access"];

/// Which parts of the crate each part may import, besides itself; what is not listed here may not be at all.
///
/// Vocabulary knows nothing of the river, a stage of the river only what lies before it on the way of one
/// upload, and nobody imports the assembly.
fn may_import(part: &str) -> Option<Vec<&'static str>> {
    let vocabulary_and = |more: &[&'static str]| [&VOCABULARY, more].concat();
    Some(match part {
        // vocabulary
        "config" | "ops" | "vod" | "ticket" => vec![],
        "erased" | "http" => vec!["ops"],
        "access" => vec!["config", "http", "ops"],
        // the river
        "sign" => vocabulary_and(&[]),
        "receive" => vocabulary_and(&["record"]), // whose door it submits to
        "attribute" => vec!["config", "ticket", "vod"], // pure; its rules are settings
        "record" => vocabulary_and(&["attribute"]),
        "query" => vocabulary_and(&["record"]), // what a person puts right goes through it
        "keep" => vocabulary_and(&["record"]),  // whose rows only it writes
        // assembly
        "app" => vocabulary_and(&["sign", "receive", "attribute", "record", "query", "keep"]),
        "simulator" => vocabulary_and(&["sign", "receive", "attribute", "record", "query", "keep"]),
        "cli" => vocabulary_and(&[
            "sign",
            "receive",
            "attribute",
            "record",
            "query",
            "keep",
            "app",
            "simulator",
        ]),
        "main" => vec!["cli"],
        "lib" => vec![],
        _ => return None,
    })
}

/// Files outside `sql.rs` that hold SQL, and why.
const SQL_ELSEWHERE: [(&str, &str); 3] = [
    (
        "ops/database.rs",
        "migrates: runs before there is a schema that a query could be checked against",
    ),
    (
        "ops/breaker.rs",
        "asks whether Postgres takes writes: of no table's stage",
    ),
    ("app/try_out.rs", "makes the database itself"),
];

/// Folders that may import more than the part they belong to, and why.
const FURTHER_IMPORTS: [(&str, [&str; 2], &str); 1] = [(
    "vod/client/",
    ["config", "ops"],
    "talks to VOD over the network: needs a key, the time and a little chance",
)];

const LONGEST_FILE_LINES: usize = 400;
/// Files that are longer, how long they may be, and why.
const LONG_FILES: [(&str, usize, &str); 3] = [
    (
        "config/settings.rs",
        480,
        "one table, a dozen lines a setting",
    ),
    (
        "ops/cluster.rs",
        450,
        "one start of one server, step by step; its places, words and errors are files of their own already",
    ),
    (
        "record/sql.rs",
        470,
        "two statements of eighty parameters, a line each",
    ),
];

/// What is wrong with a file, a line each; `path` is below `src/`.
fn faults(path: &str, text: &str) -> Vec<String> {
    let source = Source::read(text);
    let mut faults = import_faults(path, &source);
    faults.extend(sql_faults(path, &source));
    faults.extend(length_faults(path, &source));
    faults
}

fn import_faults(path: &str, source: &Source) -> Vec<String> {
    let module = module_path(path);
    let part = module[0];
    let Some(mut allowed) = may_import(part) else {
        return vec![format!(
            "{path}: `{part}` is a new part: say in tests/it/layers.rs what it may import"
        )];
    };
    for (folder, further, _) in FURTHER_IMPORTS {
        if path.starts_with(folder) {
            allowed.extend(further);
        }
    }
    let wrong = |(line, imported): &(usize, String)| {
        let known = may_import(imported).is_some();
        let fine = imported == part || allowed.contains(&imported.as_str());
        (!fine).then(|| {
            let why = if known {
                format!("`{part}` may import {allowed:?} only")
            } else {
                "which is no part of the crate".to_owned()
            };
            format!("{path}:{line}: imports `{imported}`: {why}")
        })
    };
    source.imports(&module).iter().filter_map(wrong).collect()
}

fn sql_faults(path: &str, source: &Source) -> Vec<String> {
    let at_home = path.ends_with("/sql.rs");
    if at_home || SQL_ELSEWHERE.iter().any(|(file, _)| *file == path) {
        return Vec::new();
    }
    let calls = [
        "sqlx::query",
        "query!(",
        "query_as!(",
        "query_scalar!(",
        "query_as(",
        "query_scalar(",
        "query_file",
        "raw_sql",
        "QueryBuilder",
        "AssertSqlSafe",
    ];
    let lines = source
        .code
        .lines()
        .enumerate()
        .take(source.lines_before_tests);
    let called = lines.filter(|(_, line)| calls.iter().any(|call| line.contains(call)));
    let verbs = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "WITH ",
        "CREATE ",
        "ALTER ",
        "DROP ",
        "GRANT ",
        "COMMENT ON ",
        "TRUNCATE ",
        "LOCK TABLE ",
        " WHERE ",
        " ORDER BY ",
    ];
    let literals = source.literals.iter().filter(|(line, literal)| {
        *line <= source.lines_before_tests && {
            let literal = literal.trim_start_matches(['\n', '\\']);
            let trimmed = literal.trim_start();
            verbs.iter().any(|verb| {
                trimmed.starts_with(verb) || (verb.starts_with(' ') && literal.contains(verb))
            })
        }
    });
    let mut lines: Vec<usize> = called.map(|(index, _)| index + 1).collect();
    lines.extend(literals.map(|(line, _)| line));
    lines.sort_unstable();
    lines.dedup();
    lines
        .into_iter()
        .map(|line| format!("{path}:{line}: SQL outside a file named sql.rs"))
        .collect()
}

fn length_faults(path: &str, source: &Source) -> Vec<String> {
    let lines = source.lines_before_tests;
    let excused = LONG_FILES.iter().find(|(file, ..)| *file == path);
    let longest = excused.map_or(LONGEST_FILE_LINES, |&(_, longest, _)| longest);
    if lines > longest {
        return vec![format!(
            "{path}: {lines} lines before its tests, more than {longest}: which of its thoughts is a file of its own?"
        )];
    }
    Vec::new()
}

/// `query/sql.rs` is `[query, sql]`, `query/mod.rs` is `[query]`.
fn module_path(path: &str) -> Vec<&str> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.strip_suffix("/mod")
        .unwrap_or(path)
        .split('/')
        .collect()
}

/// A file's text, with comments blanked and literals taken out: same lines, same columns.
struct Source {
    code: String,
    /// With the line on which each begins.
    literals: Vec<(usize, String)>,
    /// Inline test modules stand at the end of their file.
    lines_before_tests: usize,
}

impl Source {
    fn read(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let (mut code, mut literals) = (String::new(), Vec::new());
        let (mut at, mut line) = (0, 1);
        let starts = |at: usize, what: &str| {
            letters[at..]
                .iter()
                .copied()
                .take(what.chars().count())
                .eq(what.chars())
        };
        while at < letters.len() {
            let end = if starts(at, "//") {
                (at..letters.len())
                    .find(|&i| letters[i] == '\n')
                    .unwrap_or(letters.len())
            } else if starts(at, "/*") {
                (at + 2..letters.len())
                    .find(|&i| starts(i, "*/"))
                    .map_or(letters.len(), |i| i + 2)
            } else if let Some((from, to, end)) = literal(&letters, at) {
                literals.push((line, letters[from..to].iter().collect()));
                end
            } else {
                code.push(letters[at]);
                line += usize::from(letters[at] == '\n');
                at += 1;
                continue;
            };
            for &letter in &letters[at..end] {
                code.push(if letter == '\n' { '\n' } else { ' ' });
                line += usize::from(letter == '\n');
            }
            at = end;
        }
        let lines: Vec<&str> = code.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0].trim() == "#[cfg(test)]"
                && pair[1].starts_with("mod ")
                && pair[1].trim_end().ends_with('{')
        });
        let lines_before_tests = tests.unwrap_or(lines.len());
        Self {
            code,
            literals,
            lines_before_tests,
        }
    }

    /// Every part of the crate that is named by `crate::part`, or by as many `super::` as lead there.
    fn imports(&self, module: &[&str]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let up = "super::".repeat(module.len());
        for root in ["crate::", "vod_receiver::", up.as_str()] {
            for (at, _) in self.code.match_indices(root) {
                let before = self.code[..at].chars().next_back();
                // `pub(crate)` has no colons; a longer chain of `super::` is met at its own beginning.
                if before.is_some_and(|letter| {
                    letter.is_alphanumeric() || letter == '_' || letter == ':'
                }) {
                    continue;
                }
                let line = self.code[..at].matches('\n').count() + 1;
                let names = first_names(&self.code[at + root.len()..]);
                // From a module within this file, the same chain leads less far up.
                let is_certain = !root.starts_with("super::");
                found.extend(
                    names
                        .into_iter()
                        .filter(|name| is_certain || may_import(name).is_some())
                        .map(|name| (line, name)),
                );
            }
        }
        found
    }
}

/// Where the literal that begins here has its text, and where it ends; none if none begins.
fn literal(letters: &[char], at: usize) -> Option<(usize, usize, usize)> {
    let within_word = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
    let mut open = at;
    if letters[open] == 'r' && !within_word {
        let hashes = letters[open + 1..]
            .iter()
            .take_while(|&&letter| letter == '#')
            .count();
        open += 1 + hashes;
        if letters.get(open) == Some(&'"') {
            let close = (open + 1..letters.len()).find(|&i| {
                letters[i] == '"'
                    && letters[i + 1..]
                        .iter()
                        .take(hashes)
                        .filter(|&&l| l == '#')
                        .count()
                        == hashes
            })?;
            return Some((open + 1, close, close + 1 + hashes));
        }
        return None;
    }
    if letters[open] == '"' {
        let mut close = open + 1;
        while letters.get(close).is_some_and(|&letter| letter != '"') {
            close += if letters[close] == '\\' { 2 } else { 1 };
        }
        return Some((
            open + 1,
            close.min(letters.len()),
            (close + 1).min(letters.len()),
        ));
    }
    // A quote in single quotes would open a string; a lifetime has no second quote.
    let quoted = |length: usize| letters[open] == '\'' && letters.get(open + length) == Some(&'\'');
    let escaped = letters.get(open + 1) == Some(&'\\');
    match (quoted(2) && !escaped, quoted(3) && escaped) {
        (true, _) => Some((open + 1, open + 2, open + 3)),
        (_, true) => Some((open + 1, open + 3, open + 4)),
        _ => None,
    }
}

/// The first names of the path or group of paths with which a text begins.
fn first_names(text: &str) -> Vec<String> {
    let text = text.trim_start();
    let Some(group) = text.strip_prefix('{') else {
        let name = text
            .chars()
            .take_while(|&letter| letter.is_alphanumeric() || letter == '_');
        let name: String = name.collect();
        return vec![if name.is_empty() {
            "*".to_owned()
        } else {
            name
        }];
    };
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (i, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let member = group[start..i].trim();
                if !member.is_empty() {
                    names.extend(first_names(member));
                }
                start = i + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// Every Rust file below `src/`, with its path from there.
fn sources() -> BTreeMap<String, String> {
    fn collect(root: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 50 && found.contains_key("sign/sql.rs"));
    found
}

/// Of whole modules that are tests only the imports are judged.
fn is_tests(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part == "tests.rs")
}

#[test]
fn imports_point_one_way_sql_stands_in_sql_files_and_files_are_short() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        if is_tests(&path) {
            found.extend(import_faults(&path, &Source::read(&text)));
        } else {
            found.extend(faults(&path, &text));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn an_exception_that_is_no_longer_needed_goes() {
    let sources = sources();
    for (path, _) in SQL_ELSEWHERE {
        let elsewhere = format!("elsewhere/{}", path.replace('/', "_"));
        let source = Source::read(&sources[path]);
        assert!(
            !sql_faults(&elsewhere, &source).is_empty(),
            "{path} holds no SQL any more"
        );
    }
    for (path, ..) in LONG_FILES {
        let lines = Source::read(&sources[path]).lines_before_tests;
        assert!(lines > LONGEST_FILE_LINES, "{path} is short again");
    }
}

#[test]
fn every_part_of_the_library_is_told_of() {
    let lib = &sources()["lib.rs"];
    let parts: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(parts.len() >= 14, "{parts:?}");
    for part in parts {
        assert!(may_import(part).is_some(), "{part} is not in the table");
        assert!(
            lib.contains(&format!("[`{part}`]")),
            "lib.rs does not tell of {part}"
        );
    }
}

#[test]
fn a_wrong_arrow_is_found_however_it_is_written() {
    for (path, text, wrong) in [
        (
            "vod/event.rs",
            "use crate::record::Recorder;",
            "vod/event.rs:1: imports `record`",
        ),
        (
            "ticket.rs",
            "\n\nuse crate::http::problem::Problem;\n",
            "ticket.rs:3: imports `http`",
        ),
        (
            "attribute.rs",
            "fn f() -> crate::ops::clock::Clock { g() }",
            "attribute.rs:1: imports `ops`",
        ),
        (
            "query/sql.rs",
            "use crate::{http::page, sign::Issue};",
            "query/sql.rs:1: imports `sign`",
        ),
        (
            "query/sql.rs",
            "use crate::{\n    http::{a, b},\n    app,\n};",
            "query/sql.rs:1: imports `app`",
        ),
        (
            "query/sql.rs",
            "use super::super::keep::daily;",
            "query/sql.rs:1: imports `keep`",
        ),
        (
            "access/mod.rs",
            "use super::query;",
            "access/mod.rs:1: imports `query`",
        ),
        (
            "record/fold.rs",
            "let a = crate::receive::LIMIT;",
            "record/fold.rs:1: imports `receive`",
        ),
        (
            "sign/mod.rs",
            "use crate::record;",
            "sign/mod.rs:1: imports `record`",
        ),
        (
            "app/mod.rs",
            "use crate::cli;",
            "app/mod.rs:1: imports `cli`",
        ),
        ("sign/mod.rs", "use crate::*;", "sign/mod.rs:1: imports `*`"),
        (
            "main.rs",
            "vod_receiver::app::build()",
            "main.rs:1: imports `app`",
        ),
        (
            "helpers/mod.rs",
            "",
            "helpers/mod.rs: `helpers` is a new part",
        ),
        (
            "config/mod.rs",
            "const A: char = '\"'; use crate::ops::log; const B: char = '\"';",
            "config/mod.rs:1: imports `ops`",
        ),
    ] {
        let found = faults(path, text);
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
        assert!(found[0].starts_with(wrong), "{found:?}");
    }
}

#[test]
fn a_right_arrow_is_not_a_wrong_one() {
    for (path, text) in [
        (
            "receive/callback.rs",
            "use crate::record::{Delivery, Door};\nuse crate::{config::App, vod};",
        ),
        ("record/batch.rs", "use crate::attribute::{self, Verdict};"),
        ("app/routes.rs", "use crate::{query, receive, sign};"),
        (
            "cli/serve.rs",
            "use super::start_log; use crate::app::serve::Service;",
        ),
        (
            "sign/sql.rs",
            "use super::{HeldTicket, Issue}; use super::log::LogLine;",
        ),
        (
            "vod/v3.rs",
            "//! See [`crate::record`].\n/* use crate::sign; */ const A: &str = \"crate::query\";",
        ),
        (
            "vod/v3.rs",
            "const A: &str = r#\"\"crate::query\"#; pub(crate) fn f<'a>(a: &'a str) {}",
        ),
        (
            "ticket.rs",
            "#[cfg(test)]\nmod tests {\n    use super::*;\n    use super::Ticket;\n}",
        ),
    ] {
        assert_eq!(faults(path, text), [""; 0], "{path}: {text}");
    }
}

#[test]
fn sql_in_the_wrong_place_is_found_however_it_is_written() {
    for text in [
        "sqlx::query(\"x\")",
        "let a = query_as!(A, b);",
        "let mut sql = QueryBuilder::<Postgres>::new(a);",
        "const A: &str = \"SELECT 1\";",
        "const A: &str = \"\\\n    INSERT INTO uploads VALUES (1)\";",
        "f(r#\"\n        WITH a AS (SELECT 1) TABLE a\"#)",
        "sql.push(\" AND a WHERE b\")",
    ] {
        let found = faults("query/uploads.rs", text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].ends_with(": SQL outside a file named sql.rs"));
        assert_eq!(faults("query/sql.rs", text), [""; 0]);
        assert_eq!(faults("ops/database.rs", text), [""; 0]);
    }
    for text in [
        "// SELECT 1",
        "const A: &str = \"Selects an upload, Updates it\";",
        "const A: i32 = 1;\n#[cfg(test)]\nmod tests {\n    const A: &str = \"SELECT 1\";\n}",
    ] {
        assert_eq!(faults("query/uploads.rs", text), [""; 0], "{text}");
    }
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let lines = |count: usize| "\n".repeat(count);
    assert_eq!(faults("query/uploads.rs", &lines(400)), [""; 0]);
    assert_eq!(faults("query/uploads.rs", &lines(401)).len(), 1);
    let with_tests = format!(
        "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
        lines(390),
        lines(390)
    );
    assert_eq!(faults("query/uploads.rs", &with_tests), [""; 0]);
}
