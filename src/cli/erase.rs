//! `erase`: erases a person, or lets one in again.

use anyhow::Context as _;
use clap::Args;
use sqlx::Connection;

use crate::access::audit::{Action, Deed};
use crate::config::Config;
use crate::keep::erasure::{self, Eraser};
use crate::ops::clock::Clock;
use crate::ops::database::Database;
use crate::ops::random::Random;
use crate::ticket::UserId;

/// Files that are read together.
const PAGE: usize = 1_000;

#[derive(Args)]
#[command(
    after_help = "Prints the person's files, to be deleted at VOD: app and file id, one a line. Receivers may run meanwhile. \
        Killed, it is finished by a receiver, or by being run again. Exits with 0 only if all was gone through."
)]
pub struct Erase {
    /// The app's id of the user; `-` reads it from stdin, so that it stands in no list of processes.
    #[arg(value_name = "USER_ID")]
    user: String,
    /// Let the user in again: what was erased stays so, new signatures and uploads are taken.
    #[arg(long)]
    lift: bool,
    /// Print what was done, and the files, as JSON.
    #[arg(long, conflicts_with = "lift")]
    json: bool,
}

impl Erase {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let user = match self.user.as_str() {
            "-" => std::io::read_to_string(std::io::stdin())?,
            user => user.to_owned(),
        };
        let user = UserId::parse(user.trim_end_matches('\n')).context("the user id")?;
        let database = super::database(config).await?;
        if self.lift {
            return lift(&database, &user).await;
        }
        let (clock, random) = (Clock::system(), Random::system());
        let id = random.uuid_v7(clock.now());
        let mut connection = database.connect().await?;
        let subject = id.to_string();
        super::note(&mut connection, &Deed::new(Action::Erase, &subject), &clock).await?;
        let eraser = Eraser::new(database.clone(), clock, random);
        let by = format!("cli {}", super::system_user());
        let id = eraser.ask(id, &user, &by).await?;
        eprintln!("Erasing; nothing that names the person is recorded any more.");
        let erasure = eraser.finish(id).await?;
        let mut after = None;
        let mut files = Vec::new();
        loop {
            let page = erasure::files(&mut connection, id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.file_id.clone(), last.app.clone()));
            files.extend(page);
        }
        if self.json {
            println!(
                "{}",
                serde_json::json!({"erasure": erasure, "files": files})
            );
        } else {
            for file in &files {
                println!("{} {}", file.app, file.file_id);
            }
            eprintln!(
                "Done: {} uploads, {} tickets, {} signatures, {} bodies. Delete the files at VOD.",
                erasure.uploads, erasure.tickets, erasure.signatures, erasure.deliveries
            );
        }
        Ok(())
    }
}

async fn lift(database: &Database, user: &UserId) -> anyhow::Result<()> {
    let clock = Clock::system();
    let mut connection = database.connect().await?;
    let mut transaction = connection.begin().await?;
    super::note(
        &mut transaction,
        &Deed::new(Action::LiftErasure, ""),
        &clock,
    )
    .await?;
    let was_erased = erasure::lift(&mut transaction, user, clock.now()).await?;
    anyhow::ensure!(was_erased, "this user is not erased");
    transaction.commit().await?;
    eprintln!("Lifted: signatures for this user are given out again.");
    Ok(())
}
