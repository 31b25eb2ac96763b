//! Roll-ups are what a count of the tables tells, whatever happened before.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use vod_receiver::attribute::Resolvers;
use vod_receiver::keep::changes;
use vod_receiver::keep::rollups::{self, Step, Worker};
use vod_receiver::record::replay::{Replay, Selection};
use vod_receiver::record::{Delivery, Door, Quarantine};

use crate::erasure::erase;
use crate::fold;
use crate::harness::{TestApp, answer, new_file_upload};
use crate::uploads_list::{deletion, procedure};

/// The roll-ups, without rows in which nothing is left.
const COUNTED: [(&str, &str); 7] = [
    (
        "uploads",
        "SELECT to_jsonb(q) AS line FROM upload_quarters q WHERE uploads <> 0 OR refuted <> 0",
    ),
    (
        "tickets",
        "SELECT to_jsonb(q) AS line FROM ticket_quarters q",
    ),
    (
        "deliveries",
        "SELECT to_jsonb(q) AS line FROM delivery_quarters q WHERE deliveries <> 0 OR firsts <> 0",
    ),
    (
        "delays",
        "SELECT to_jsonb(q) AS line FROM delay_quarters q WHERE uploads <> 0",
    ),
    (
        "days of uploads",
        "SELECT to_jsonb(d) AS line FROM upload_days d WHERE uploads <> 0 OR refuted <> 0",
    ),
    (
        "days of tickets",
        "SELECT to_jsonb(d) AS line FROM ticket_days d WHERE tickets <> 0",
    ),
    (
        "days of delays",
        "SELECT to_jsonb(d) AS line FROM delay_days d WHERE uploads <> 0",
    ),
];

/// The same, counted from the tables that they tell of. `{now}` in them is the clock of the test.
pub const RECOUNTED: [&str; 7] = [
    "SELECT to_jsonb(q) AS line FROM (
        SELECT quarter_of(coalesce(told_time(uploaded_at, recorded_at), recorded_at)) AS quarter, app,
            attribution_method AS method, attribution_reason AS reason,
            count(*) FILTER (WHERE confirmed <> 'refuted') AS uploads,
            count(*) FILTER (WHERE confirmed = 'refuted') AS refuted,
            count(*) FILTER (WHERE confirmed <> 'refuted' AND deleted_at IS NOT NULL) AS deleted,
            count(*) FILTER (WHERE confirmed = 'vod') AS by_vod,
            coalesce(sum(size_bytes) FILTER (WHERE confirmed <> 'refuted'), 0) AS size_bytes,
            coalesce(sum(round(duration_s * 1000)::bigint) FILTER (WHERE confirmed <> 'refuted'), 0) AS duration_ms,
            count(*) FILTER (WHERE confirmed <> 'refuted' AND processing = 'waiting') AS waiting,
            count(*) FILTER (WHERE confirmed <> 'refuted' AND processing = 'processing') AS processing,
            count(*) FILTER (WHERE confirmed <> 'refuted' AND processing = 'succeeded') AS succeeded,
            count(*) FILTER (WHERE confirmed <> 'refuted' AND processing = 'partly_failed') AS partly_failed,
            count(*) FILTER (WHERE confirmed <> 'refuted' AND processing = 'failed') AS failed
        FROM uploads WHERE announced_at IS NOT NULL GROUP BY 1, 2, 3, 4
    ) q",
    "SELECT to_jsonb(q) AS line FROM (
        SELECT quarter_of(t.created_at) AS quarter, t.app, count(*) AS tickets,
            sum((SELECT count(*) FROM signature_issues i WHERE i.ticket = t.id)) AS signatures,
            count(*) FILTER (WHERE used) AS used,
            count(*) FILTER (WHERE NOT used AND last_expires_at + '1 day'::interval > '{now}') AS pending
        FROM tickets t, LATERAL (SELECT EXISTS (
            SELECT FROM uploads u
            WHERE u.ticket = t.id AND u.app = t.app AND u.announced_at IS NOT NULL AND u.confirmed <> 'refuted'
        ) AS used) u
        GROUP BY 1, 2
    ) q",
    "SELECT to_jsonb(q) AS line FROM (
        SELECT quarter_of(received_at) AS quarter, app, door,
            count(*) AS deliveries,
            count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
            count(*) FILTER (WHERE notifies) AS notices,
            count(*) FILTER (WHERE state = 'recorded' AND recorded_at > received_at + '5 seconds'::interval) AS late,
            count(*) FILTER (WHERE notifies AND EXISTS (
                SELECT FROM uploads u WHERE u.app = d.app AND u.file_id = d.file_id AND u.confirmed <> 'refuted'
            ) AND NOT EXISTS (
                SELECT FROM deliveries o WHERE o.app = d.app AND o.file_id = d.file_id AND o.state = 'recorded'
                    AND o.event_type = 'NewFileUpload' AND o.id < d.id
            )) AS firsts
        FROM deliveries d, LATERAL (
            SELECT state = 'recorded' AND event_type = 'NewFileUpload' AND file_id IS NOT NULL AS notifies
        ) n
        GROUP BY 1, 2, 3
    ) q",
    "SELECT to_jsonb(q) AS line FROM (
        SELECT quarter_of(d.received_at) AS quarter, u.app, delay_bucket(d.received_at - u.told_at) AS bucket, count(*) AS uploads
        FROM (
            SELECT app, file_id, told_time(uploaded_at, recorded_at) AS told_at FROM uploads
            WHERE announced_at IS NOT NULL AND confirmed <> 'refuted'
        ) u, LATERAL (
            SELECT received_at, door FROM deliveries d
            WHERE d.app = u.app AND d.file_id = u.file_id AND state = 'recorded' AND event_type = 'NewFileUpload'
            ORDER BY id LIMIT 1
        ) d
        WHERE told_at IS NOT NULL AND door IN ('push', 'pull')
        GROUP BY 1, 2, 3
    ) q",
    "SELECT to_jsonb(d) AS line FROM (
        SELECT (quarter AT TIME ZONE time_zone)::date AS day, app, method, reason, sum(uploads) AS uploads,
            sum(refuted) AS refuted, sum(deleted) AS deleted, sum(by_vod) AS by_vod, sum(size_bytes) AS size_bytes,
            sum(duration_ms) AS duration_ms, sum(waiting) AS waiting, sum(processing) AS processing,
            sum(succeeded) AS succeeded, sum(partly_failed) AS partly_failed, sum(failed) AS failed
        FROM upload_quarters, analyst_settings GROUP BY 1, 2, 3, 4
    ) d WHERE uploads <> 0 OR refuted <> 0",
    "SELECT to_jsonb(d) AS line FROM (
        SELECT (quarter AT TIME ZONE time_zone)::date AS day, app, sum(tickets) AS tickets, sum(signatures) AS signatures,
            sum(used) AS used, sum(pending) AS pending
        FROM ticket_quarters, analyst_settings GROUP BY 1, 2
    ) d WHERE tickets <> 0",
    "SELECT to_jsonb(d) AS line FROM (
        SELECT (quarter AT TIME ZONE time_zone)::date AS day, app, bucket, sum(uploads) AS uploads
        FROM delay_quarters, analyst_settings GROUP BY 1, 2, 3
    ) d WHERE uploads <> 0",
];

/// Numbers that look random and are the same each time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below another.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let sides = all.len() as u64;
        (sides > 0).then(|| &all[usize::try_from(self.roll(sides)).unwrap()])
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        *self.of(all).unwrap()
    }
}

impl TestApp {
    /// Counts all there is.
    pub async fn count_all(&self) {
        assert_eq!(
            rollups::catch_up(&self.database, &self.clock)
                .await
                .unwrap(),
            Step::Done
        );
    }

    async fn fresh_until(&self) -> DateTime<Utc> {
        sqlx::query_scalar("SELECT fresh_until FROM rollup_state")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    fn worker(&self) -> Worker {
        Worker::new(self.database.clone(), self.clock.clone())
    }

    async fn lines(&self, sql: &str) -> Vec<String> {
        let sql = sql.replace("{now}", &self.now().to_rfc3339());
        let sql = format!("SELECT line::text FROM ({sql}) l ORDER BY 1");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Holds the roll-ups against the tables.
    pub async fn assert_counted(&self, when: &str) {
        for ((name, counted), recounted) in COUNTED.iter().zip(RECOUNTED) {
            let (counted, recounted) = (self.lines(counted).await, self.lines(recounted).await);
            assert_eq!(counted, recounted, "{name} {when}");
        }
    }

    /// Takes a delivery by any door, which came so many hours ago.
    pub async fn submit(&self, door: Door, body: &Value, hours_ago: i64) {
        let at = self.now() - TimeDelta::hours(hours_ago);
        let delivery = Delivery {
            id: self.random.uuid_v7(at),
            received_at: at,
            door,
            ..self.delivery(body)
        };
        self.recorder.submit(vec![delivery]).await.unwrap();
    }

    async fn replay_all(&self, selection: &Selection) {
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let mut replay = Replay::new(&self.database, clock, random, Resolvers::default(), false);
        replay.kept(selection, |_| ()).await.unwrap();
        replay.close().await;
    }
}

/// What happens to a receiver: any of it, in any order.
pub struct History {
    pub app: TestApp,
    dice: Dice,
    users: [String; 5],
    tickets: Vec<String>,
    files: Vec<String>,
    bodies: Vec<Value>,
}

impl History {
    pub async fn of(seed: u64) -> Self {
        Self {
            app: TestApp::start().await,
            dice: Dice::new(seed),
            users: ["a", "b", "c", "d", "e"].map(|name| format!("user {name}")),
            tickets: Vec::new(),
            files: Vec::new(),
            bodies: Vec::new(),
        }
    }

    fn file(&mut self) -> String {
        self.dice
            .of(&self.files)
            .cloned()
            .unwrap_or_else(|| "7".to_owned())
    }

    /// A source context: mostly a ticket, sometimes one that was never given out, or none.
    fn context(&mut self) -> String {
        match self.dice.roll(8) {
            0 => String::new(),
            1 => fold::TICKETS[0].to_owned(),
            _ => self.dice.of(&self.tickets).cloned().unwrap_or_default(),
        }
    }

    fn upload(&mut self) -> Value {
        let file_id = format!("{}", 7_000 + self.dice.roll(60));
        let mut body = new_file_upload(&file_id, &self.context());
        let minutes = self.dice.roll(3_000) as i64;
        let uploaded_at = self.app.now() - TimeDelta::minutes(minutes);
        body["FileUploadEvent"]["MediaBasicInfo"]["CreateTime"] = match self.dice.roll(6) {
            0 => json!(""),
            1 => json!("1970-01-01T00:00:00Z"),
            _ => json!(uploaded_at.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        };
        body["FileUploadEvent"]["MetaData"] = json!({"Size": self.dice.roll(1 << 40), "Duration": self.dice.roll(9_999) as f64 / 7.0});
        if self.dice.roll(3) == 0 {
            body["FileUploadEvent"]["ProcedureTaskId"] = json!(format!("task-{file_id}"));
        }
        self.files.push(file_id);
        self.bodies.push(body.clone());
        body
    }

    async fn sign(&mut self) {
        let mut asked = json!({"user_id": self.dice.of(&self.users)});
        asked["expires_in"] = json!(1 + self.dice.roll(100_000));
        let (status, body) = self.app.post_signature(&asked).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let ticket = body["ticket"].as_str().unwrap().to_owned();
        for _ in 0..self.dice.roll(3) {
            asked["ticket"] = json!(ticket);
            asked["expires_in"] = json!(1 + self.dice.roll(1_000_000));
            assert_eq!(self.app.post_signature(&asked).await.0, StatusCode::CREATED);
        }
        self.tickets.push(ticket);
    }

    /// A callback with a right token and no right `Sign`: kept aside until somebody looks at it.
    async fn set_aside(&mut self) {
        let body = self.upload();
        let refused = Delivery {
            said: Err(Quarantine("sign_wrong".into())),
            ..self.app.delivery(&body)
        };
        self.app.recorder.submit(vec![refused]).await.unwrap();
    }

    async fn decide(&mut self) {
        let path = format!("/v1/uploads/{}/attribution?app=main", self.file());
        let verdict = json!({"user_id": self.dice.of(&self.users), "reason": "they said so"});
        let request = self.app.request(Method::PUT, &path).json(&verdict);
        let (status, body) = answer(request.send().await.unwrap()).await;
        assert!(
            [StatusCode::OK, StatusCode::NOT_FOUND].contains(&status),
            "{body}"
        );
    }

    /// A day like any other, with something of each kind that people ask for.
    pub async fn end_of_a_day(&mut self) {
        let app = &self.app;
        app.clock.advance(TimeDelta::days(2));
        let ticket = app.ticket("user late").await;
        app.ticket("user later").await;
        app.clock.advance(TimeDelta::minutes(1));
        for file in ["9901", "9902", "9903", "9904"] {
            let mut body = new_file_upload(file, if file == "9904" { "" } else { &ticket });
            let at = app.now() - TimeDelta::seconds(9);
            body["FileUploadEvent"]["MediaBasicInfo"]["CreateTime"] =
                json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
            body["FileUploadEvent"]["ProcedureTaskId"] = json!(format!("task-{file}"));
            app.submit(Door::Push, &body, 0).await;
            app.submit(Door::Push, &body, 0).await;
        }
        app.submit(Door::Reconcile, &new_file_upload("9905", ""), 0)
            .await;
        app.submit(Door::Push, &new_file_upload("9906", ""), 1)
            .await;
        app.clock.advance(TimeDelta::minutes(1));
        let failed = json!({"EventType": "ProcedureStateChanged", "ProcedureStateChangeEvent": {
            "TaskId": "task-9901", "Status": "FINISH", "FileId": "9901", "ErrCode": 70000, "ErrCodeExt": "InternalError"}});
        app.submit(Door::Push, &failed, 0).await;
        app.submit(Door::Push, &procedure("9902", "task-9902", "FINISH"), 0)
            .await;
        app.clock.advance(TimeDelta::days(1)); // so that it was yesterday
    }

    pub async fn happen(&mut self) {
        match self.dice.roll(17) {
            0..=2 => self.sign().await,
            3..=5 => {
                let body = self.upload();
                let door = self.dice.pick(&[Door::Push, Door::Pull, Door::Reconcile]);
                self.app.submit(door, &body, 0).await;
            }
            6 => {
                let body = self.upload();
                let hours = self.dice.roll(50) as i64;
                self.app.submit(Door::Push, &body, hours).await;
            }
            7 | 8 => {
                if let Some(body) = self.dice.of(&self.bodies).cloned() {
                    let hours = self.dice.roll(3) as i64;
                    self.app.submit(Door::Push, &body, hours).await;
                }
            }
            9 => {
                let file = self.file();
                let status = self.dice.pick(&["PROCESSING", "FINISH"]);
                let body = procedure(&file, &format!("task-{file}"), status);
                self.app.submit(Door::Push, &body, 0).await;
            }
            10 => {
                let (one, two) = (self.file(), self.file());
                self.app
                    .submit(Door::Push, &deletion(&[&one, &two]), 0)
                    .await;
            }
            11 => {
                let absent = Delivery {
                    id: self.app.random.uuid_v7(self.app.now()),
                    received_at: self.app.now(),
                    ..fold::absent(&[self.file().as_str()])
                };
                self.app.recorder.submit(vec![absent]).await.unwrap();
            }
            12 => self.set_aside().await,
            13 => self.decide().await,
            14 => {
                if self.dice.roll(4) == 0 {
                    let gone = usize::try_from(self.dice.roll(5)).unwrap();
                    let another = format!("user {}", self.app.random.u64());
                    let gone = std::mem::replace(&mut self.users[gone], another);
                    erase(&self.app, &gone).await;
                    self.tickets.clear(); // some were theirs
                }
            }
            15 => {
                let minutes = self.dice.roll(1_500) as i64;
                self.app.clock.advance(TimeDelta::minutes(minutes));
            }
            _ => drop(self.app.worker().step().await.unwrap()),
        }
        self.app.clock.advance(TimeDelta::seconds(1));
    }
}

#[actix_web::test]
async fn roll_ups_equal_a_recount_after_a_random_history() {
    for seed in 0..6 {
        let mut history = History::of(seed).await;
        for part in 0..3 {
            for _ in 0..60 {
                history.happen().await;
            }
            let app = &history.app;
            let when = format!("of history {seed}, part {part}");
            app.count_all().await;
            app.assert_counted(&when).await;
            app.replay_all(&Selection::default()).await;
            app.count_all().await;
            app.assert_counted(&format!("{when}, replayed")).await;
        }
        let app = &history.app;
        let quarantined = Selection {
            quarantined: true,
            ..Selection::default()
        };
        app.replay_all(&quarantined).await;
        app.count_all().await;
        app.assert_counted(&format!("of history {seed}, with what was kept aside"))
            .await;
        let released = "SELECT count(*) FROM deliveries WHERE released_at IS NOT NULL";
        assert!(app.count(released).await > 0);

        rollups::recount(&app.database).await.unwrap();
        // What comes while it is being recounted is counted once, too.
        app.worker().step().await.unwrap();
        for _ in 0..20 {
            history.happen().await;
        }
        let app = &history.app;
        app.replay_all(&quarantined).await;
        app.count_all().await;
        app.assert_counted(&format!("of history {seed}, recounted"))
            .await;
    }
}

#[actix_web::test]
async fn what_was_there_before_roll_ups_is_counted_and_so_is_what_the_change_log_lost() {
    let mut history = History::of(77).await;
    for _ in 0..60 {
        history.happen().await;
    }
    let app = &history.app;
    // As a migrated or seeded database is: nothing tells what is to be counted.
    app.run("TRUNCATE uncounted, changes".to_owned()).await;
    rollups::recount(&app.database).await.unwrap();
    app.count_all().await;
    app.assert_counted("of what was there").await;

    // No receiver ran for longer than the change log is kept.
    for _ in 0..20 {
        history.happen().await;
    }
    let app = &history.app;
    app.clock.advance(TimeDelta::days(8));
    assert!(changes::trim(&app.database, &app.clock).await.unwrap() > 0);
    app.count_all().await;
    app.assert_counted("after the log was trimmed").await;
}

#[actix_web::test]
async fn several_receivers_count_each_row_once() {
    let mut history = History::of(5).await;
    for _ in 0..80 {
        history.happen().await;
    }
    let app = &history.app;
    let count = || async {
        let mut worker = app.worker();
        for _ in 0..20 {
            worker.step().await.unwrap();
        }
    };
    tokio::join!(count(), count(), count());
    app.count_all().await;
    app.assert_counted("counted by three").await;
}

#[actix_web::test]
async fn fresh_until_tells_how_far_the_roll_ups_are() {
    let app = TestApp::start().await;
    let fresh = "SELECT count(*) FROM rollup_state WHERE fresh_until IS NOT NULL";
    assert_eq!(app.count(fresh).await, 0, "nothing was counted yet");
    app.count_all().await;
    assert_eq!(app.fresh_until().await, app.now());
}

#[actix_web::test]
async fn while_there_is_always_more_fresh_until_is_as_of_what_was_passed() {
    let app = TestApp::start().await;
    app.count_all().await;
    let began = app.now();
    let mut worker = app.worker();
    // Of deliveries that nobody knows, more than a step takes.
    let more = "INSERT INTO uncounted (deliveries) SELECT array_agg(gen_random_uuid()) FROM generate_series(1, 6000)";
    let minute = TimeDelta::minutes(1);
    app.run(more.to_owned()).await;
    app.run(more.to_owned()).await;
    app.clock.advance(minute);
    assert_eq!(worker.step().await.unwrap(), Step::More);
    assert_eq!(app.fresh_until().await, began);
    app.clock.advance(minute);
    app.run(more.to_owned()).await;
    assert_eq!(worker.step().await.unwrap(), Step::More);
    assert_eq!(app.fresh_until().await, began + minute);
    app.clock.advance(minute);
    assert_eq!(worker.step().await.unwrap(), Step::Done);
    assert_eq!(app.fresh_until().await, began + minute * 3);
}

#[actix_web::test]
async fn an_upload_is_counted_with_the_batch_that_told_of_it() {
    let app = TestApp::start().await;
    app.count_all().await;
    let mut worker = app.worker();
    let deliver = async |number: u64| {
        let file_id = (9_700_000_000_000_000_000 + number).to_string();
        let ticket = app.ticket("ann").await;
        app.callback(new_file_upload(&file_id, &ticket).to_string())
            .await;
    };
    deliver(1).await;
    let large = "INSERT INTO uncounted (deliveries) SELECT array_agg(gen_random_uuid()) FROM generate_series(1, 6000)";
    app.run(large.to_owned()).await;
    deliver(2).await;
    let uploads = "SELECT count(*) FROM counted_uploads";
    assert_eq!(worker.step().await.unwrap(), Step::More);
    assert_eq!(app.count(uploads).await, 1);
    assert_eq!(worker.step().await.unwrap(), Step::Done);
    assert_eq!(app.count(uploads).await, 2);
}
