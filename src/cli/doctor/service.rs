//! What every app stands on: database, spool, public address.

use std::time::Duration;

use super::report::{Check, Outcome, Section};
use super::text::Text;
use crate::app::serve::SPOOL_DIR;
use crate::config::{Config, Secret};
use crate::ops::database::{self, Database};
use crate::record::spool::{self, Unfit};

/// A receiver gives it 2 s.
const DATABASE_WITHIN: Duration = Duration::from_secs(5);

/// Looks at all of it; the database is given if it can be used.
pub async fn examine(config: &Config, somebody_pushes: bool) -> (Section, Option<Database>) {
    let mut section = Section::new(None);
    let (database, outcome) = reach(config.database_url.as_ref()).await;
    section.add(Check::Database, outcome);
    let (current, outcome) = match &database {
        Some(database) => schema(database).await,
        None => (false, Outcome::Skipped(Check::Database)),
    };
    section.add(Check::Migrations, outcome);
    section.add(Check::Spool, spool_disk(config));
    if somebody_pushes {
        section.add(Check::PublicUrl, public_url(config.public_url.as_deref()));
    }
    (section, database.filter(|_| current))
}

async fn reach(url: Option<&Secret>) -> (Option<Database>, Outcome) {
    let failed = |what, remedy| (None, Outcome::failed(what, remedy));
    let Some(url) = url else {
        return failed(
            Text::new("DATABASE_URL is not set", "没有设置 DATABASE_URL"),
            Text::new(
                "Set it to the Postgres that everything is recorded in: postgres://user:password@host/database",
                "设为用来记录一切的 Postgres 的地址：postgres://用户:密码@主机/数据库",
            ),
        );
    };
    let asked = async {
        let database = Database::lazy(url.expose())?;
        let mut connection = database.connect().await?;
        let writable = database::is_writable(&mut connection).await?;
        Ok::<_, sqlx::Error>((database, writable))
    };
    let remedy = Text::new(
        "Start Postgres, or correct DATABASE_URL (host, port, user, password, database). Meanwhile notifications \
         are spooled",
        "启动 Postgres，或更正 DATABASE_URL（主机、端口、用户、密码、库名）。在此期间通知写入暂存盘",
    );
    match tokio::time::timeout(DATABASE_WITHIN, asked).await {
        Ok(Ok((database, true))) => {
            let fine = Text::new("reached, and takes writes", "可以连接，可以写入");
            (Some(database), Outcome::Ok(fine))
        }
        Ok(Ok((_, false))) => failed(
            Text::new(
                "it takes no writes: a standby, or set to read-only",
                "不能写入：这是备库，或被设为只读",
            ),
            Text::new(
                "Let DATABASE_URL name the primary",
                "让 DATABASE_URL 指向主库",
            ),
        ),
        Ok(Err(error)) => failed(
            Text::new(
                format!("not reached: {error}"),
                format!("连接不上：{error}"),
            ),
            remedy,
        ),
        Err(_) => failed(
            Text::new(
                "not reached: no answer within 5 s",
                "连接不上：5 秒内没有响应",
            ),
            remedy,
        ),
    }
}

/// Whether the schema is current.
async fn schema(database: &Database) -> (bool, Outcome) {
    match database::pending_migrations(database.unmigrated()).await {
        Ok(0) => {
            database.set_ready();
            (true, Outcome::Ok(Text::new("current", "已是最新")))
        }
        Ok(pending) => (
            false,
            Outcome::failed(
                Text::new(
                    format!("{pending} migrations are pending"),
                    format!("有 {pending} 个迁移尚未执行"),
                ),
                Text::new(
                    "Run `vod-receiver migrate`, or `serve` without --no-migrate",
                    "运行 `vod-receiver migrate`，或不带 --no-migrate 运行 `serve`",
                ),
            ),
        ),
        Err(error) => (
            false,
            Outcome::failed(
                Text::new(
                    format!("cannot be read: {error}"),
                    format!("无法读取：{error}"),
                ),
                Text::new(
                    "Let the database's user own its schema, or run `vod-receiver migrate` as one who may",
                    "让数据库用户拥有该库的结构，或用有权限的用户运行 `vod-receiver migrate`",
                ),
            ),
        ),
    }
}

fn spool_disk(config: &Config) -> Outcome {
    let dir = config.data_dir().join(SPOOL_DIR);
    let at = dir.display();
    let room = match spool::inspect(&dir, config.allow_volatile_spool) {
        Ok(room) => room,
        Err(unfit) => return unfit_disk(&unfit),
    };
    let may_grow = config.spool_max_bytes.saturating_sub(room.held_bytes);
    let (free, wanted) = (megabytes(room.free_bytes), megabytes(may_grow));
    if room.free_bytes < may_grow {
        return Outcome::failed(
            Text::new(
                format!("{at} has {free} MB free; the spool may grow by {wanted} MB"),
                format!("{at} 剩余 {free} MB；暂存最多还会增长 {wanted} MB"),
            ),
            Text::new(
                "Make room, give it a larger disk, or lower VOD_RECEIVER_SPOOL_MAX_MB",
                "腾出空间，换更大的磁盘，或调低 VOD_RECEIVER_SPOOL_MAX_MB",
            ),
        );
    }
    Outcome::Ok(Text::new(
        format!("{at} takes writes; {free} MB are free, it may grow by {wanted} MB"),
        format!("{at} 可以写入；剩余 {free} MB，最多还会增长 {wanted} MB"),
    ))
}

fn unfit_disk(unfit: &Unfit) -> Outcome {
    let (zh, remedy) = match unfit {
        Unfit::Missing(dir) => (
            format!("{} 不存在", dir.display()),
            Text::new(
                "Start `vod-receiver serve` once, which makes it; or let VOD_RECEIVER_DATA_DIR name the directory \
                 that the receiver has",
                "启动一次 `vod-receiver serve` 即会创建；或让 VOD_RECEIVER_DATA_DIR 指向接收服务所用的目录",
            ),
        ),
        Unfit::NotADirectory(dir) => (
            format!("{} 不是目录", dir.display()),
            Text::new(
                "Move it away, or set VOD_RECEIVER_DATA_DIR to another directory",
                "把它移走，或把 VOD_RECEIVER_DATA_DIR 设为另一个目录",
            ),
        ),
        Unfit::Volatile { dir, filesystem } => (
            format!(
                "{} 位于 {filesystem} 上，容器或机器没了它也就没了",
                dir.display()
            ),
            Text::new(
                "Put the data directory on a real volume; VOD_RECEIVER_ALLOW_VOLATILE_SPOOL=true is for trying out",
                "把数据目录放到真正的数据卷上；VOD_RECEIVER_ALLOW_VOLATILE_SPOOL=true 只用于试用",
            ),
        ),
        Unfit::NotWritable { dir, source } => (
            format!("{} 无法写入：{source}", dir.display()),
            Text::new(
                "Let the receiver's user own it, on a disk that is not read-only; run `doctor` as that user",
                "让接收服务的用户拥有该目录，磁盘不能是只读的；用该用户运行 `doctor`",
            ),
        ),
        Unfit::Unread { dir, source } => (
            format!("{} 无法查看：{source}", dir.display()),
            Text::new(
                "Run `doctor` as the user that the receiver runs as",
                "用接收服务的用户运行 `doctor`",
            ),
        ),
    };
    let en = match unfit {
        Unfit::NotWritable { source, .. } | Unfit::Unread { source, .. } => {
            format!("{unfit}: {source}")
        }
        _ => unfit.to_string(),
    };
    Outcome::failed(Text::new(en, zh), remedy)
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

fn public_url(set: Option<&str>) -> Outcome {
    match set {
        Some(url) => Outcome::Ok(Text::same(url)),
        None => Outcome::failed(
            Text::new(
                "VOD_RECEIVER_PUBLIC_URL is not set: nobody knows where VOD reaches this service",
                "没有设置 VOD_RECEIVER_PUBLIC_URL：不知道 VOD 从哪里访问本服务",
            ),
            Text::new(
                "Set it to your proxy's address, such as https://vod.example.com",
                "设为反向代理的地址，例如 https://vod.example.com",
            ),
        ),
    }
}
