//! Try-out mode: the real service on a private Postgres of its own, with keys of its own.
//!
//! Everything it makes lies in its data directory and is used again at the next start:
//! `postgres/`, `vod-receiver.toml` (a configuration that the other commands can use, with the keys)
//! and `try-out.env` (the same for a shell). Both files are closed to other users.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::config::{Config, Flags, Secret, Sources, usual_data_dir};
use crate::ops::cluster::Cluster;
use crate::ops::random::Random;

/// The database in the private cluster.
const DATABASE: &str = "vod_receiver";
const CONFIG_FILE: &str = "vod-receiver.toml";
const SHELL_FILE: &str = "try-out.env";
const LOCK_FILE: &str = "try-out.lock";
/// A page of it is written to the log after each checkpoint: random file ids touch many.
const SETTINGS: [(&str, &str); 1] = [("wal_compression", "on")];

/// A service of its own, ready to be run.
pub struct TryOut {
    pub config: Config,
    dir: PathBuf,
    cluster: Cluster,
    psql: String,
    /// Where it was asked to listen, if that port was taken.
    pub instead_of: Option<SocketAddr>,
}

/// Starts the private cluster in the data directory, and makes what is missing there.
pub async fn prepare(flags: &Flags) -> anyhow::Result<TryOut> {
    let dir = flags.data_dir.clone().unwrap_or_else(usual_data_dir);
    std::fs::create_dir_all(&dir).with_context(|| {
        let at = dir.display();
        format!("cannot make the data directory {at}; choose another with --data-dir")
    })?;
    let dir = dir.canonicalize()?;
    let at = dir.join("postgres");
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&at, &SETTINGS)).await??;
    // One starter at a time, or two would make different keys.
    let turn = std::fs::File::create(dir.join(LOCK_FILE))?;
    turn.lock()?;
    make_database(&cluster).await?;

    let wanted = flags
        .listen
        .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
    let listen = free_or_other(wanted)?;
    let keys = Keys::kept_or_new(&dir)?;
    let url = cluster.url(DATABASE);
    write_private(&dir.join(CONFIG_FILE), &keys.config_file(listen, &url))?;
    let psql = cluster.psql("vod_analyst", DATABASE);
    let mut config = load(&dir.join(CONFIG_FILE), flags)?;
    config.data_dir = Some(dir.clone());
    // It is only to be looked at, and that in a temporary directory, a container, anywhere.
    config.allow_volatile_spool = true;
    turn.unlock()?;
    let instead_of = (listen.port() != wanted.port()).then_some(wanted);
    Ok(TryOut {
        config,
        dir,
        cluster,
        psql,
        instead_of,
    })
}

impl TryOut {
    /// What to tell once the service answers; also leaves it in `try-out.env` for a shell.
    pub fn tour(&self, address: SocketAddr) -> anyhow::Result<String> {
        let shell_file = self.dir.join(SHELL_FILE);
        let config_file = self.dir.join(CONFIG_FILE);
        write_private(&shell_file, &self.shell_file(address, &config_file)?)?;
        let mut text = String::new();
        writeln!(
            text,
            "\nTRY-OUT MODE: not for production. It has a database and keys of its own, all in {}.",
            self.dir.display()
        )?;
        if let Some(taken) = self.instead_of {
            writeln!(
                text,
                "Port {} is taken; listening on {} instead.",
                taken.port(),
                address.port()
            )?;
        }
        write!(
            text,
            "
  page       http://{address}/   (sign in with ADMIN_KEY)
  service    http://{address}   (/livez, /readyz, /openapi.json, /docs)
  callbacks  http://{address}/callbacks/main/<CALLBACK_TOKEN>
  database   {psql}
  keys       {env}

A tour to paste into another terminal:

  . {env}
  ANSWER=$(curl -sS $URL/v1/signatures -H \"Authorization: Bearer $ADMIN_KEY\" -H 'Content-Type: application/json' -d '{{\"user_id\": \"alice\"}}')
  TICKET=$(echo \"$ANSWER\" | grep -o '\"ticket\":\"[^\"]*\"' | cut -d'\"' -f4)
  {program} --config $CONFIG trigger NewFileUpload --ticket $TICKET
  curl -sS \"$URL/v1/uploads?user_id=alice\" -H \"Authorization: Bearer $ADMIN_KEY\"
  {psql} -c 'SELECT file_id, user_id, attribution_reason FROM analyst.uploads'

Ctrl-C stops it; what it recorded is there at the next start.
",
            psql = self.psql,
            env = shell_file.display(),
            program = std::env::current_exe().map_or_else(|_| "vod-receiver".into(), |path| path.display().to_string()),
        )?;
        Ok(text)
    }

    fn shell_file(&self, address: SocketAddr, config_file: &Path) -> anyhow::Result<String> {
        let config = &self.config;
        let app = config
            .apps
            .first()
            .context("the try-out configuration has no app")?;
        let pairs = [
            ("URL", format!("http://{address}")),
            (
                "ADMIN_KEY",
                config
                    .admin_key
                    .as_ref()
                    .map(Secret::expose)
                    .unwrap_or_default()
                    .to_owned(),
            ),
            (
                "CALLBACK_TOKEN",
                app.callback_tokens
                    .first()
                    .map(Secret::expose)
                    .unwrap_or_default()
                    .to_owned(),
            ),
            ("APP", app.name.to_string()),
            ("DATABASE_URL", self.cluster.url(DATABASE)),
            ("PSQL_ANALYST", self.psql.clone()),
            ("CONFIG", config_file.display().to_string()),
        ];
        let mut text = String::from("# Written by vod-receiver's try-out mode at each start.\n");
        for (name, value) in pairs {
            writeln!(text, "{name}='{}'", value.replace('\'', r"'\''"))?;
        }
        Ok(text)
    }

    /// Stops the private cluster, unless another process still uses it.
    pub async fn stop(self) -> anyhow::Result<()> {
        tokio::task::spawn_blocking(move || self.cluster.stop()).await??;
        Ok(())
    }
}

async fn make_database(cluster: &Cluster) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
    let made: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(DATABASE)
            .fetch_one(&mut connection)
            .await?;
    if !made {
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {DATABASE}")))
            .execute(&mut connection)
            .await?;
    }
    Ok(())
}

/// The address that is wanted, or a free port beside it.
fn free_or_other(wanted: SocketAddr) -> std::io::Result<SocketAddr> {
    match TcpListener::bind(wanted) {
        Ok(_) => Ok(wanted),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(wanted.ip(), 0))?.local_addr()
        }
        Err(error) => Err(error),
    }
}

/// The keys of a try-out service; made once.
struct Keys {
    admin_key: Secret,
    callback_token: Secret,
    secret_id: String,
    secret_key: Secret,
}

impl Keys {
    fn kept_or_new(dir: &Path) -> anyhow::Result<Self> {
        let random = Random::system();
        let file = dir.join(CONFIG_FILE);
        if !file.exists() {
            return Ok(Self {
                admin_key: Secret::new(random.key("vk_")),
                callback_token: Secret::new(random.key("vc_")),
                // Stand-ins: good signatures in form, which the real VOD does not know.
                secret_id: random.key("AKIDtryout").chars().take(36).collect(),
                secret_key: Secret::new(random.key("").chars().take(32).collect::<String>()),
            });
        }
        let kept = load(&file, &Flags::default())?;
        let app = kept
            .apps
            .first()
            .context("the try-out configuration has no app")?;
        let lost = || {
            format!(
                "{} is not what the try-out mode wrote; remove it",
                file.display()
            )
        };
        Ok(Self {
            admin_key: kept.admin_key.clone().with_context(lost)?,
            callback_token: app.callback_tokens.first().cloned().with_context(lost)?,
            secret_id: app.secret_id.clone(),
            secret_key: app.secret_key.clone(),
        })
    }

    fn config_file(&self, listen: SocketAddr, database_url: &str) -> String {
        format!(
            "# Written by vod-receiver's try-out mode at each start; the keys stay.\n\
             listen = \"{listen}\"\n\
             database_url = \"{database_url}\"\n\
             admin_key = \"{}\"\n\n\
             [[app]]\n\
             name = \"main\"\n\
             secret_id = \"{}\"\n\
             secret_key = \"{}\"\n\
             callback_token = \"{}\"\n",
            self.admin_key.expose(),
            self.secret_id,
            self.secret_key.expose(),
            self.callback_token.expose(),
        )
    }
}

/// Reads a try-out configuration; of what was given beside it only the flags count.
fn load(file: &Path, flags: &Flags) -> anyhow::Result<Config> {
    let sources = Sources {
        file: Some(file.to_owned()),
        flags: Flags {
            listen: None,
            ..flags.clone()
        },
        ..Sources::default()
    };
    Ok(Config::load(&sources)?)
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
