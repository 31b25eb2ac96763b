//! The reckoning: what was acknowledged against what Postgres holds, by SQL, past the receiver.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::bodies::Users;
use crate::ledger::{Digest, Entry, Issued, Ledger, Says};

/// The figures of a run; all but the first are to be zero.
#[derive(Debug, Default)]
pub struct Figures {
    pub acknowledged: u64,
    pub stored: u64,
    /// Acknowledged minus stored: deliveries whose body, or whose file, Postgres does not hold.
    pub lost: u64,
    /// Deliveries stored more often than sent, or twice under one id; files with two rows; wrong counts.
    pub doubled: u64,
    /// Everything wrong, in sentences; the first of each kind.
    pub faults: Vec<String>,
}

impl Figures {
    fn count(&mut self, count: u64, what: &str) -> u64 {
        if count > 0 {
            self.faults.push(format!("{count} {what}"));
        }
        count
    }

    /// Whether nothing is wrong.
    pub fn all_well(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.faults.is_empty()
    }

    /// What everybody wants to know, in three lines and one for each fault.
    pub fn print(&self) {
        println!();
        println!("acknowledged                {:>10}", self.acknowledged);
        println!("stored                      {:>10}", self.stored);
        println!("acknowledged minus stored   {:>10}", self.lost);
        println!("rows doubled                {:>10}", self.doubled);
        for fault in &self.faults {
            println!("VIOLATION: {fault}");
        }
    }
}

/// What is to be counted as zero, whatever was sent: doubled rows first.
const DOUBLED: [(&str, &str); 3] = [
    (
        "delivery ids stored twice",
        "SELECT count(*) FROM (SELECT id FROM deliveries GROUP BY id HAVING count(*) > 1) AS twice",
    ),
    (
        "files with two rows",
        "SELECT count(*) FROM (SELECT app, file_id FROM uploads GROUP BY app, file_id HAVING count(*) > 1) AS twice",
    ),
    (
        "uploads that count other deliveries than there are",
        "WITH named AS (
            SELECT app, file_id, count(*) AS deliveries FROM (
                SELECT app, file_id FROM deliveries WHERE state = 'recorded' AND file_id IS NOT NULL
                UNION ALL
                SELECT app, file_id FROM (
                    SELECT app, unnest(more_file_ids) AS file_id FROM deliveries
                    WHERE state = 'recorded' AND more_file_ids IS NOT NULL
                ) AS more
            ) AS each GROUP BY app, file_id
        )
        SELECT count(*) FROM uploads FULL JOIN named USING (app, file_id)
        WHERE uploads.deliveries IS DISTINCT FROM named.deliveries",
    ),
];

const AMISS: [(&str, &str); 3] = [
    (
        "deliveries are quarantined",
        "SELECT count(*) FROM deliveries WHERE state <> 'recorded'",
    ),
    (
        "numbers of the change log are missing",
        "SELECT abs(coalesce(max(seq), 0) - count(*)) + abs((SELECT seq FROM feed_head) - count(*)) FROM changes",
    ),
    (
        "uploads are not told of once as recorded",
        "SELECT count(*) FROM uploads FULL JOIN (
            SELECT app, file_id, count(*) AS times FROM changes WHERE kind = 'recorded' GROUP BY app, file_id
        ) AS told USING (app, file_id)
        WHERE coalesce(times, 0) <> CASE WHEN announced_at IS NULL THEN 0 ELSE 1 END",
    ),
];

/// Compares everything; the receiver is idle.
pub async fn reckon(postgres: &mut PgConnection, ledger: &Ledger) -> Figures {
    let acknowledged = ledger.tally().acknowledged();
    let (bodies, issued, faults) = ledger.close();
    let mut figures = Figures {
        acknowledged,
        faults,
        ..Figures::default()
    };
    for (what, sql) in DOUBLED {
        let count = number(postgres, sql).await;
        figures.doubled += figures.count(count, what);
    }
    for (what, sql) in AMISS {
        let count = number(postgres, sql).await;
        figures.count(count, what);
    }
    check_deliveries(postgres, &bodies, &mut figures).await;
    check_uploads(postgres, &bodies, &mut figures).await;
    check_signatures(postgres, &issued, &mut figures).await;
    figures
}

async fn number(postgres: &mut PgConnection, sql: &'static str) -> u64 {
    let number: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT ({sql})::bigint")))
        .fetch_one(postgres)
        .await
        .unwrap();
    number.try_into().unwrap()
}

/// Each body is there at least as often as it was acknowledged, and at most as often as it was sent.
async fn check_deliveries(
    postgres: &mut PgConnection,
    bodies: &HashMap<Digest, Entry>,
    figures: &mut Figures,
) {
    let mut stored: HashMap<Digest, u32> = HashMap::new();
    let mut rows = sqlx::query("SELECT sha256(body) AS digest FROM deliveries").fetch(postgres);
    while let Some(row) = rows.try_next().await.unwrap() {
        let digest: &[u8] = row.get("digest");
        *stored.entry(digest.try_into().unwrap()).or_default() += 1;
    }
    drop(rows);
    figures.stored = stored.values().map(|count| u64::from(*count)).sum();
    let (mut lost, mut doubled) = (0, 0);
    for (digest, entry) in bodies {
        let count = stored.remove(digest).unwrap_or(0);
        lost += u64::from(entry.acknowledged.saturating_sub(count));
        doubled += u64::from(count.saturating_sub(entry.attempts));
    }
    figures.lost += figures.count(lost, "acknowledged deliveries are not stored");
    figures.doubled += figures.count(doubled, "deliveries are stored more often than sent");
    let strange = stored.len() as u64;
    figures.count(strange, "bodies are stored that nobody sent");
}

/// One row of `uploads`.
struct Upload {
    user: Option<String>,
    announced: bool,
    deleted: bool,
}

/// Each file that an acknowledged body names has its row, which shows what the body says.
async fn check_uploads(
    postgres: &mut PgConnection,
    bodies: &HashMap<Digest, Entry>,
    figures: &mut Figures,
) {
    let mut uploads: HashMap<u64, Upload> = HashMap::new();
    let sql = "SELECT file_id, user_id, announced_at IS NOT NULL AS announced, deleted_at IS NOT NULL AS deleted FROM uploads";
    let mut rows = sqlx::query(sql).fetch(postgres);
    while let Some(row) = rows.try_next().await.unwrap() {
        let file: &str = row.get("file_id");
        let upload = Upload {
            user: row.get("user_id"),
            announced: row.get("announced"),
            deleted: row.get("deleted"),
        };
        uploads.insert(file.parse().unwrap(), upload);
    }
    drop(rows);
    let (mut lost, mut wrong_user, mut not_deleted) = (0, 0, 0);
    for entry in bodies.values().filter(|entry| entry.acknowledged > 0) {
        for file in entry.says.files() {
            let Some(upload) = uploads.get(file) else {
                lost += 1;
                continue;
            };
            match &entry.says {
                Says::Uploaded { user, .. } => {
                    lost += u64::from(!upload.announced);
                    wrong_user += u64::from(upload.user.as_ref() != Some(&Users::name(*user)));
                }
                Says::Deleted { .. } => not_deleted += u64::from(!upload.deleted),
                Says::Processed { .. } => {}
            }
        }
    }
    figures.lost += figures.count(lost, "files of acknowledged deliveries have no upload");
    figures.count(wrong_user, "uploads have the wrong user");
    figures.count(
        not_deleted,
        "files were deleted, and their uploads do not show it",
    );
}

/// Each signature that left is in the log.
async fn check_signatures(postgres: &mut PgConnection, issued: &[Issued], figures: &mut Figures) {
    let sql = "SELECT signature_issues.id::text AS issue, ticket_text(ticket) AS ticket, tickets.user_id AS \"user\"
        FROM signature_issues JOIN tickets ON tickets.id = ticket";
    let mut logged: HashSet<(String, String, String)> = HashSet::new();
    let mut rows = sqlx::query(sql).fetch(postgres);
    while let Some(row) = rows.try_next().await.unwrap() {
        logged.insert((row.get("issue"), row.get("ticket"), row.get("user")));
    }
    drop(rows);
    let missing = issued.iter().filter(|issued| {
        let known = (
            issued.issue_id.clone(),
            issued.ticket.clone(),
            Users::name(issued.user),
        );
        !logged.contains(&known)
    });
    let missing = missing.count() as u64;
    figures.count(missing, "signatures left that are not in the log");
}
