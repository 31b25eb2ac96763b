//! The private Postgres of try-out mode and of the tests: real Postgres under a directory, nothing to set up.
//!
//! What lies in the directory of a cluster:
//!
//! - `data/`: the cluster itself, made beside it as `data.new-<pid>` and renamed, so that half a cluster never counts;
//! - `socket/`: the only way in, closed to others; that is why the server may trust whoever gets there;
//! - `starter.lock`: held while someone makes, starts or stops the server;
//! - `users.lock`: shared by everyone who uses the server; who gets it alone is the last one and stops the server;
//! - `server.log`.
//!
//! The server outlives a killed parent on purpose: the next start joins it.
//! Everything here blocks; async code calls it through `spawn_blocking`.

mod binaries;
mod error;
mod place;
mod text;

use std::{
    env, fs,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{OpenOptionsExt, fchown},
        net::UnixStream,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub use error::ClusterError;
use error::io_error;
use place::{
    Account, lock, lock_file, make_directories, me, private_directory, socket_directory,
    socket_file,
};
use text::{last_words, percent_encoded, quoted};

/// How long a server may take to become ready, crash recovery included, and a starter to get its turn.
const PATIENCE: Duration = Duration::from_secs(60);
/// Starting takes about 50 ms; looking costs a few microseconds.
const POLL: Duration = Duration::from_millis(5);
/// The one role that a new cluster has.
const SUPERUSER: &str = "vod";
/// Nothing listens on it, it only names the socket file; said everywhere, so that `PGPORT` changes nothing.
const PORT: u16 = 5432;
/// A log that has grown beyond this is set aside at the next start.
const LOG_BYTES: u64 = 16 << 20;
/// A private Postgres server, running and ready. Dropping it is stopping it, errors unseen.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    socket: PathBuf,
    binaries: PathBuf,
    account: Account,
    server: Option<Child>,
    users: Option<File>,
}

impl Cluster {
    /// Starts the cluster in `dir`, or joins it if it runs already; makes it first if there is none.
    ///
    /// `settings` are given to a server that is started here; one that is joined keeps its own.
    pub fn start(dir: &Path, settings: &[(&str, &str)]) -> Result<Cluster, ClusterError> {
        let root = me() == Some(0);
        make_directories(dir, root)?;
        let dir = dir.canonicalize().map_err(io_error("resolve", dir))?;
        let turn = lock(&dir.join("starter.lock"))?;

        let account = if root {
            Account::for_root(&dir)?
        } else {
            Account::own()
        };
        let binaries = binaries::find(&dir)?;
        let socket = socket_directory(&dir);
        let mut cluster = Cluster {
            dir,
            socket,
            binaries,
            account,
            server: None,
            users: None,
        };
        cluster.check_reach()?;
        private_directory(&cluster.socket, &cluster.account)?;
        if !cluster.data().join("PG_VERSION").exists() {
            cluster.make()?;
        }
        private_directory(&cluster.data(), &cluster.account)?;
        cluster.launch(settings)?;

        let path = cluster.dir.join("users.lock");
        let users = lock_file(&path)?;
        users.lock_shared().map_err(io_error("lock", &path))?;
        cluster.users = Some(users);
        drop(turn);
        Ok(cluster)
    }

    /// The address of a database of this cluster, as its superuser, for sqlx and for libpq.
    pub fn url(&self, database: &str) -> String {
        let socket = percent_encoded(self.socket.as_os_str().as_bytes());
        let database = percent_encoded(database.as_bytes());
        format!("postgres://{SUPERUSER}@localhost:{PORT}/{database}?host={socket}&sslmode=disable")
    }

    /// A psql command line to paste: it works for root, who may enter any directory, and for the user who started this.
    pub fn psql(&self, role: &str, database: &str) -> String {
        let on_path = env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .any(|dir| dir.join("psql").is_file());
        let psql = if on_path {
            "psql".into()
        } else {
            quoted(&self.binaries.join("psql").to_string_lossy())
        };
        let socket = quoted(&self.socket.to_string_lossy());
        format!(
            "{psql} -h {socket} -p {PORT} -U {} -d {}",
            quoted(role),
            quoted(database)
        )
    }

    /// Stops the server, unless someone else still uses it.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.leave()
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// A Postgres program, with the rights it shall have and nothing of our environment that would change it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .env("HOME", &self.dir)
            .env("LC_ALL", "C");
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        if let Some((uid, gid)) = self.account.become_ids {
            command.uid(uid).gid(gid); // std drops root's supplementary groups with this
        }
        command
    }

    /// Asks the kernel rather than reading mode bits: the account must be able to stand in `dir` and run the binary.
    fn check_reach(&self) -> Result<(), ClusterError> {
        let probe = self
            .command("postgres")
            .arg("--version")
            .current_dir(&self.dir)
            .output();
        let Err(source) = probe else { return Ok(()) };
        if source.kind() != io::ErrorKind::PermissionDenied {
            return Err(ClusterError::Io {
                doing: "run",
                at: self.binaries.join("postgres"),
                source,
            });
        }
        let account = self.account.name.clone();
        let mut down = self.dir.ancestors().collect::<Vec<_>>().into_iter().rev();
        Err(match down.find(|at| !self.account.may_enter(at)) {
            Some(at) => ClusterError::OutOfReach {
                at: at.to_owned(),
                account,
            },
            None => ClusterError::NotRunnable {
                binaries: self.binaries.clone(),
                account,
            },
        })
    }

    /// Makes the cluster beside its place and moves it there when it is whole.
    fn make(&self) -> Result<(), ClusterError> {
        let entries = fs::read_dir(&self.dir).map_err(io_error("read", &self.dir))?;
        for entry in entries
            .flatten()
            .filter(|entry| entry.file_name().as_bytes().starts_with(b"data.new-"))
        {
            // What an initdb that was killed left behind. If it still writes there, the next start gets rid of it.
            let _ = fs::remove_dir_all(entry.path());
        }
        let fresh = self.dir.join(format!("data.new-{}", process::id()));
        private_directory(&fresh, &self.account)?;
        let made = self
            .command("initdb")
            .arg("--pgdata")
            .arg(&fresh)
            .args([
                "--username",
                SUPERUSER,
                "--auth",
                "trust",
                "--data-checksums",
            ])
            .args(["--encoding", "UTF8", "--locale", "C"]) // C is there on every system, and sorts alike on all
            .output()
            .map_err(io_error("run", &self.binaries.join("initdb")))?;
        if !made.status.success() {
            let words = String::from_utf8_lossy(&made.stderr).trim().to_owned();
            return Err(ClusterError::Failed {
                what: "initdb",
                status: made.status,
                words,
            });
        }
        fs::rename(&fresh, self.data()).map_err(io_error("make", &self.data()))?;
        File::open(&self.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(io_error("sync", &self.dir))
    }

    /// Waits for a server that comes up or goes down, starts one when there is none, returns when it is ready.
    fn launch(&mut self, settings: &[(&str, &str)]) -> Result<(), ClusterError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a real server is waited for in real time"
        )]
        let begun = Instant::now();
        let log = self.log();
        let mut log_start = fs::metadata(&log).map_or(0, |log| log.len());
        if log_start > LOG_BYTES && self.postmaster().is_none() {
            fs::rename(&log, self.dir.join("server.log.old")).map_err(io_error("rename", &log))?;
            log_start = 0;
        }
        let words = |cluster: &Cluster| last_words(&cluster.log(), log_start);
        while begun.elapsed() < PATIENCE {
            match self.postmaster() {
                Some(pid) if self.is_ready(pid) => return Ok(()),
                Some(_) => {}
                None => match self.server.as_mut().map(Child::try_wait) {
                    None => self.server = Some(self.spawn(settings)?),
                    Some(Ok(None)) => {}
                    // The sessions of a server that was killed take a moment to notice.
                    Some(Ok(Some(_))) if words(self).contains("is still in use") => {
                        self.server = None;
                    }
                    Some(Ok(Some(status))) => {
                        self.server = None;
                        return Err(ClusterError::Failed {
                            what: "Postgres",
                            status,
                            words: words(self),
                        });
                    }
                    Some(Err(source)) => {
                        return Err(ClusterError::Io {
                            doing: "wait for the server in",
                            at: self.dir.clone(),
                            source,
                        });
                    }
                },
            }
            thread::sleep(POLL);
        }
        let words = words(self);
        if self.server.is_some() {
            self.shut_down("immediate")?;
        }
        Err(ClusterError::NotReady { log, words })
    }

    fn spawn(&self, settings: &[(&str, &str)]) -> Result<Child, ClusterError> {
        self.disown_stale_pid()
            .map_err(io_error("clear up after a crash in", &self.data()))?;
        let path = self.log();
        let log = lock_file(&path)?;
        let also = log.try_clone().map_err(io_error("open", &path))?;
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &PORT.to_string()]);
        let socket = format!("unix_socket_directories=\"{}\"", self.socket.display());
        let ours = [
            &socket,
            "listen_addresses=",
            "unix_socket_permissions=0700",
            "timezone=UTC",
            "log_timezone=UTC",
        ];
        for setting in ours.map(str::to_owned).into_iter().chain(
            settings
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        ) {
            command.arg("-c").arg(setting);
        }
        // Its own process group: Ctrl-C in the terminal must not stop it before we have written what we hold.
        command.stdout(log).stderr(also).process_group(0);
        command
            .spawn()
            .map_err(io_error("run", &self.binaries.join("postgres")))
    }

    /// The process id of the live server of this cluster, if there is one.
    fn postmaster(&self) -> Option<u32> {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let pid = pid.lines().next()?.trim().parse().ok()?;
        let (line, data) = (command_line(pid)?, self.data());
        let data = data.as_os_str().as_bytes();
        line.windows(data.len())
            .any(|window| window == data)
            .then_some(pid)
    }

    /// Lets Postgres start although the number that a crash left behind belongs to some process again, which in a
    /// container is the rule. Removing the file would also remove the check for surviving sessions of the old server;
    /// it gets our own number instead, since Postgres never takes its parent for another server.
    fn disown_stale_pid(&self) -> io::Result<()> {
        let path = self.data().join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&path) else {
            return Ok(());
        };
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        fs::remove_file(&path)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        write!(file, "{}\n{rest}", process::id())?;
        if let Some((uid, gid)) = self.account.become_ids {
            fchown(&file, Some(uid), Some(gid))?;
        }
        // The socket has a file of the same kind, which guards nothing that the first does not.
        match fs::remove_file(socket_file(&self.socket).with_added_extension("lock")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the server takes queries: it must answer first, since `ready` may be what a crash left behind.
    fn is_ready(&self, pid: u32) -> bool {
        if UnixStream::connect(socket_file(&self.socket)).is_err() {
            return false;
        }
        let text = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        let expected = self.server.as_ref().map_or(pid, Child::id).to_string();
        lines.next() == Some(expected.as_str()) && lines.nth(6) == Some("ready")
    }

    fn leave(&mut self) -> Result<(), ClusterError> {
        let Some(users) = self.users.take() else {
            return Ok(());
        };
        let _turn = lock(&self.dir.join("starter.lock"))?;
        let path = self.dir.join("users.lock");
        // Said aloud: a process that is being spawned right now holds a copy of the handle for a moment.
        users.unlock().map_err(io_error("unlock", &path))?;
        match lock_file(&path)?.try_lock() {
            Ok(()) => self.shut_down("fast"),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(source)) => Err(ClusterError::Io {
                doing: "lock",
                at: path,
                source,
            }),
        }
    }

    fn shut_down(&mut self, mode: &str) -> Result<(), ClusterError> {
        if self.postmaster().is_some() {
            let stop = self
                .command("pg_ctl")
                .args([
                    "stop",
                    "--wait",
                    "--silent",
                    "--timeout",
                    "60",
                    "--mode",
                    mode,
                    "--pgdata",
                ])
                .arg(self.data())
                .output()
                .map_err(io_error("run", &self.binaries.join("pg_ctl")))?;
            if !stop.status.success() {
                let words = String::from_utf8_lossy(&stop.stderr).trim().to_owned();
                return Err(ClusterError::Failed {
                    what: "pg_ctl stop",
                    status: stop.status,
                    words,
                });
            }
        }
        let _ = fs::remove_dir(&self.socket); // leaves nothing in /tmp; the next start makes it again
        match self.server.take() {
            Some(mut server) => server
                .wait()
                .map(drop)
                .map_err(io_error("wait for the server in", &self.dir)),
            None => Ok(()),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.leave();
    }
}

/// The command line of a live process; of a zombie it is empty.
fn command_line(pid: u32) -> Option<Vec<u8>> {
    if Path::new("/proc/self/cmdline").exists() {
        return fs::read(format!("/proc/{pid}/cmdline")).ok();
    }
    let ps = Command::new("ps")
        .args(["-o", "args=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    ps.status.success().then_some(ps.stdout)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A directory of its own for each test, with what is in it gone at the end, server included.
    struct Place(PathBuf);

    impl Place {
        fn new(test: &str) -> Self {
            let dir = env::temp_dir().join(format!("vod-cluster-{}-{test}", process::id()));
            make_directories(&dir, me() == Some(0)).unwrap();
            Self(dir)
        }

        fn start(&self) -> Cluster {
            Cluster::start(&self.0, &[("log_min_duration_statement", "0")]).unwrap()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    /// Runs SQL through the line that the tour prints, so that it is known to work when pasted.
    fn sql(cluster: &Cluster, statement: &str) -> String {
        let line = format!(
            "{} -At -v ON_ERROR_STOP=1 -c \"$0\"",
            cluster.psql("vod", "postgres")
        );
        let answer = Command::new("sh")
            .args(["-c", &line, statement])
            .output()
            .unwrap();
        assert!(
            answer.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&answer.stderr)
        );
        String::from_utf8(answer.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn rows_are_there_again_after_a_stop_and_after_a_crash() {
        let place = Place::new("again");
        let cluster = place.start();
        assert_eq!(sql(&cluster, "SHOW data_checksums"), "on");
        assert_eq!(sql(&cluster, "SHOW fsync"), "on");
        assert_eq!(sql(&cluster, "SHOW server_encoding"), "UTF8");
        assert_eq!(sql(&cluster, "SHOW log_min_duration_statement"), "0");
        sql(
            &cluster,
            "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)",
        );
        cluster.stop().unwrap();

        let cluster = place.start();
        sql(&cluster, "INSERT INTO kept VALUES (2)");
        let query = "SELECT count(*) FROM generate_series(1, 4000000)"; // about a second
        let line = format!("{} -c '{query}'", cluster.psql("vod", "postgres"));
        let quiet = Stdio::null;
        let mut busy = Command::new("sh")
            .args(["-c", &line])
            .stdout(quiet())
            .stderr(quiet())
            .spawn()
            .unwrap();
        let watch = format!("SELECT count(*) FROM pg_stat_activity WHERE query = '{query}'");
        while busy.try_wait().unwrap().is_none() && sql(&cluster, &watch) != "1" {
            thread::sleep(POLL);
        }
        let pid = cluster.postmaster().unwrap();
        // `kill` is in every shell, and as a program not in every system.
        let killed = Command::new("sh")
            .args(["-c", "kill -KILL $0", &pid.to_string()])
            .status()
            .unwrap();
        assert!(killed.success());

        let after_crash = place.start();
        assert_eq!(sql(&after_crash, "SELECT count(*) FROM kept"), "2");
        busy.wait().unwrap();
        cluster.stop().unwrap();
        assert_eq!(
            sql(&after_crash, "SELECT count(*) FROM kept"),
            "2",
            "someone else still uses it"
        );
        after_crash.stop().unwrap();
    }

    #[test]
    fn two_starters_at_once_share_one_server_and_the_last_one_stops_it() {
        let place = Place::new("two");
        let (one, two) = thread::scope(|scope| {
            let one = scope.spawn(|| place.start());
            let two = scope.spawn(|| place.start());
            (one.join().unwrap(), two.join().unwrap())
        });
        assert_eq!(one.postmaster(), two.postmaster());
        assert_eq!(one.url("a/b"), two.url("a/b"));
        one.stop().unwrap();
        assert_eq!(sql(&two, "SELECT 1"), "1");
        let (data, socket) = (two.data(), two.socket.clone());
        two.stop().unwrap();
        assert!(!data.join("postmaster.pid").exists());
        assert!(!socket_file(&socket).exists());
    }

    #[test]
    fn what_a_killed_initdb_and_a_crash_left_behind_is_in_nobodys_way() {
        let place = Place::new("left");
        fs::create_dir_all(place.0.join("data.new-1/base")).unwrap();
        fs::write(place.0.join("data.new-1/PG_VERSION"), "15\n").unwrap();
        let cluster = place.start();
        assert!(!place.0.join("data.new-1").exists());

        let mut other = Command::new("sleep");
        if let Some((uid, gid)) = cluster.account.become_ids {
            other.uid(uid).gid(gid);
        }
        let mut other = other.arg("60").spawn().unwrap();
        let (pid_file, socket) = (
            cluster.data().join("postmaster.pid"),
            socket_file(&cluster.socket),
        );
        let text = fs::read_to_string(&pid_file).unwrap();
        let (socket_dir, account) = (cluster.socket.clone(), cluster.account.clone());
        cluster.stop().unwrap();
        private_directory(&socket_dir, &account).unwrap();
        // A server crashed, and its number belongs to another process of the same user by now.
        let stale = text.replacen(text.lines().next().unwrap(), &other.id().to_string(), 1);
        for left in [pid_file, socket.with_added_extension("lock")] {
            fs::write(&left, &stale).unwrap();
            fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let cluster = place.start();
        assert_eq!(sql(&cluster, "SELECT 1"), "1");
        cluster.stop().unwrap();
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn a_deep_directory_gets_a_short_socket_that_nobody_can_have_made_before() {
        let place = Place::new("deep");
        let deep = place.0.join("d".repeat(100));
        make_directories(&deep, me() == Some(0)).unwrap();
        let socket = socket_directory(&deep.canonicalize().unwrap());
        assert!(socket.starts_with("/tmp"), "{}", socket.display());
        fs::create_dir(&socket).unwrap();
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).unwrap();
        let refused = Cluster::start(&deep, &[]).unwrap_err().to_string();
        assert!(refused.contains(socket.to_str().unwrap()), "{refused}");
        fs::remove_dir(&socket).unwrap();

        let cluster = Cluster::start(&deep, &[]).unwrap();
        assert_eq!(sql(&cluster, "SELECT 1"), "1");
        cluster.stop().unwrap();
        assert!(!socket.exists());
    }

    #[test]
    fn a_directory_out_of_reach_is_named() {
        let place = Place::new("reach");
        let closed = place.0.join("closed");
        make_directories(&closed.join("in"), me() == Some(0)).unwrap();
        // Root passes everywhere, and the account that the server runs as does not.
        let mode = if me() == Some(0) { 0o700 } else { 0o000 };
        fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
        let refused = Cluster::start(&closed.join("in/pg"), &[])
            .unwrap_err()
            .to_string();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(
            refused.contains(closed.canonicalize().unwrap().to_str().unwrap()),
            "{refused}"
        );
    }

    #[test]
    fn words_are_quoted_for_the_shell_and_for_addresses() {
        assert_eq!(quoted("/var/lib/vod-receiver"), "/var/lib/vod-receiver");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
        assert_eq!(
            percent_encoded("/a b/视频".as_bytes()),
            "%2Fa%20b%2F%E8%A7%86%E9%A2%91"
        );
    }
}
