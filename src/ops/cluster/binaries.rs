//! Where the server binaries of Postgres are.

use std::{
    cmp::Reverse,
    env, fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::ClusterError;

/// Before it, everybody may create tables in schema `public`, and so may `vod_analyst`.
pub(super) const OLDEST: u32 = 15;
/// Where packages put the binaries when they do not put them on `PATH`; `*` stands for the version.
const BINARY_DIRECTORIES: [&str; 8] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// The directory of the binaries: `PG_BIN_DIR`; else of the version that made the cluster; else `PATH`; else the newest.
pub(super) fn find(dir: &Path) -> Result<PathBuf, ClusterError> {
    if let Some(named) = env::var_os("PG_BIN_DIR")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
    {
        return binaries_in(&named)
            .map(|(_, dir)| dir)
            .ok_or(ClusterError::BadBinDir(named));
    }
    let on_path = env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .filter_map(|dir| {
            dir.join("postgres")
                .canonicalize()
                .ok()?
                .parent()
                .and_then(binaries_in)
        })
        .collect::<Vec<_>>();
    let mut elsewhere = BINARY_DIRECTORIES
        .iter()
        .flat_map(|pattern| expand(pattern))
        .filter_map(|dir| binaries_in(&dir))
        .collect::<Vec<_>>();
    elsewhere.sort_by_key(|(version, _)| Reverse(*version));
    let mut found = on_path.into_iter().chain(elsewhere);

    let made_by = fs::read_to_string(dir.join("data/PG_VERSION"));
    let wanted = made_by.as_deref().unwrap_or_default().trim();
    match wanted {
        "" => found
            .find(|(version, _)| *version >= OLDEST)
            .map(|(_, dir)| dir)
            .ok_or(ClusterError::NoBinaries),
        _ => found
            .find(|(version, _)| version.to_string() == wanted)
            .map(|(_, dir)| dir)
            .ok_or_else(|| ClusterError::OtherVersion {
                dir: dir.to_owned(),
                version: wanted.to_owned(),
            }),
    }
}

/// The major version of the server binaries in a directory, if they are there and run.
fn binaries_in(dir: &Path) -> Option<(u32, PathBuf)> {
    if !["initdb", "pg_ctl"]
        .iter()
        .all(|program| dir.join(program).is_file())
    {
        return None;
    }
    let answer = Command::new(dir.join("postgres"))
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned(); // postgres (PostgreSQL) 15.18 (Debian ...)
    let digits = text
        .split_once(") ")?
        .1
        .split(|c: char| !c.is_ascii_digit())
        .next()?;
    Some((digits.parse().ok()?, dir.to_owned()))
}

/// The paths that a pattern with at most one `*` stands for.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![pattern.into()];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().as_bytes().starts_with(prefix.as_bytes()))
        .map(|entry| entry.path().join(after.trim_start_matches('/')))
        .collect()
}
