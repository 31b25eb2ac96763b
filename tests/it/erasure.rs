//! A person is erased: nothing of them is left, nothing comes back, and what was counted stays counted.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use vod_receiver::attribute::Resolvers;
use vod_receiver::config::App;
use vod_receiver::record::Door;
use vod_receiver::record::replay::{Replay, Selection};
use vod_receiver::record::spool::{Limits, Spool};

use crate::analyst::on_empty_database;
use crate::attribution::{decide, procedure_with, resolving};
use crate::harness::{
    Scratch, TestApp, answer, config, eventually, named_app, new_file_upload, patient, token_app,
};
use crate::keys::{binary, key, with_key};
use crate::problems::problem;
use crate::startup::Serving;

/// Nobody else is called so, in any table.
const USER: &str = "用户/erase-me";
const TRACE: &str = "erase-me";

/// A second receiver counts its ids from elsewhere: two that made the same would lose each other's deliveries.
fn far_ahead(other: &TestApp) {
    for _ in 0..1_000_000 {
        other.random.u64();
    }
}

fn app_with_resolvers() -> App {
    resolving(token_app(), &["json:/uid"])
}

/// Every column of every table in which a text is found, as text, as JSON or within bytes.
async fn traces(app: &TestApp, text: &str) -> Vec<String> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND n.nspname IN ('public', 'analyst') AND a.attnum > 0 AND NOT a.attisdropped
            AND a.atttypid IN ('text'::regtype, 'bytea'::regtype, 'json'::regtype, 'jsonb'::regtype, 'text[]'::regtype,
                'varchar'::regtype)",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert!(columns.len() > 80, "{columns:?}");
    let mut found = Vec::new();
    for (table, column) in columns {
        // A bytea as text is hex: hence the other way to write it.
        let sql = format!(
            "SELECT count(*) FROM {table}
            WHERE {column}::text LIKE '%' || $1 || '%' OR {column}::text LIKE '%' || encode($1::bytea, 'hex') || '%'"
        );
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(text)
            .fetch_one(&app.pool)
            .await
            .unwrap();
        if rows > 0 {
            found.push(format!("{table}.{column}"));
        }
    }
    found
}

/// Everything that is counted.
async fn totals(app: &TestApp) -> Vec<i64> {
    let mut totals = Vec::new();
    for sql in [
        "SELECT count(*) FROM tickets",
        "SELECT count(*) FROM signature_issues",
        "SELECT count(*) FROM uploads",
        "SELECT count(*) FROM uploads WHERE announced_at IS NOT NULL",
        "SELECT count(*) FROM uploads WHERE deleted_at IS NOT NULL",
        "SELECT count(*) FROM uploads WHERE ticket IS NOT NULL",
        "SELECT coalesce(sum(size_bytes), 0)::bigint FROM uploads",
        "SELECT count(*) FROM deliveries",
        "SELECT count(*) FROM tasks",
    ] {
        totals.push(app.count(sql).await);
    }
    totals
}

async fn ask(app: &TestApp, user: &str) -> String {
    let request = app.request(Method::POST, "/v1/erasures");
    let request = request.json(&json!({"user_id": user})).send().await;
    let (status, asked) = answer(request.unwrap()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
    assert_eq!(asked["state"], "running");
    asked["erasure_id"].as_str().unwrap().to_owned()
}

/// Erases a user, and gives what is told of it when it is done.
pub async fn erase(app: &TestApp, user: &str) -> Value {
    let path = format!("/v1/erasures/{}?limit=200", ask(app, user).await);
    eventually("the erasure is done", async || {
        app.get(&path).await.1["state"] == "done"
    })
    .await;
    app.get(&path).await.1
}

async fn replay_everything(app: &TestApp) {
    let (clock, random) = (app.clock.clone(), app.random.clone());
    let resolvers = Resolvers::of(&[app_with_resolvers()]);
    for quarantined in [false, true] {
        let mut replay = Replay::new(
            &app.database,
            clock.clone(),
            random.clone(),
            resolvers.clone(),
            false,
        );
        let selection = Selection {
            quarantined,
            ..Selection::default()
        };
        replay.kept(&selection, |_| ()).await.unwrap();
        replay.close().await;
    }
}

fn uid(user: &str) -> String {
    json!({"uid": user}).to_string()
}

fn named(file_id: &str, context: &str, name: &str) -> Value {
    let mut upload = new_file_upload(file_id, context);
    upload["FileUploadEvent"]["MediaBasicInfo"]["Name"] = json!(name);
    upload["FileUploadEvent"]["MetaData"] = json!({"Size": 1000});
    upload
}

/// What is told of the file as it was before.
fn weaker(file_id: &str, context: &str) -> Value {
    let mut upload = named(file_id, context, "holiday");
    upload["FileUploadEvent"]["MediaBasicInfo"]["UpdateTime"] = json!("2026-11-23T07:58:00Z");
    upload
}

/// Whether it is about a file: what is not may be kept aside.
fn is_of_a_file(body: &Value) -> bool {
    !body["EventType"].as_str().unwrap().starts_with("Edit")
}

/// Callbacks of a user by every way in which an upload can be theirs.
fn callbacks(ticket: &str, bobs: &str) -> Vec<Value> {
    let mut failed = procedure_with("5001", ticket);
    failed["ProcedureStateChangeEvent"]["MediaProcessResultSet"][0]["TranscodeTask"]["Message"] =
        json!(USER);
    vec![
        named("5001", ticket, &format!("{USER}.mp4")),
        failed,
        named("5002", &uid(USER), "holiday"),
        named("5003", "by phone", "holiday"),
        named("5004", ticket, "holiday"),
        // No resolver reads this one.
        named("5005", &json!({"owner": USER}).to_string(), "holiday"),
        procedure_with("5006", ticket),
        named("5007", bobs, "holiday"),
        weaker("5007", &uid(USER)),
        named("5008", ticket, "holiday"),
        json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": ["5008"]}}),
        // Of no file.
        json!({"EventType": "EditMediaComplete", "EditMediaCompleteEvent": {"TaskId": "t", "SessionContext": uid(USER)}}),
        json!({"EventType": "EditMediaComplete", "EditMediaCompleteEvent": {"TaskId": "u", "SessionContext": ticket}}),
    ]
}

struct World {
    app: TestApp,
    ticket: String,
    callbacks: Vec<Value>,
}

async fn world() -> World {
    let app = TestApp::with(vec![app_with_resolvers(), named_app("second")]).await;
    let body = json!({"user_id": USER, "app": "main", "context": {"who": USER}});
    let (_, issued) = app.post_signature(&body).await;
    let ticket = issued["ticket"].as_str().unwrap().to_owned();
    let again = json!({"user_id": USER, "app": "main", "ticket": &ticket});
    assert_eq!(app.post_signature(&again).await.0, StatusCode::CREATED);
    let (_, bobs) = app
        .post_signature(&json!({"user_id": "bob", "app": "main"}))
        .await;
    let callbacks = callbacks(&ticket, bobs["ticket"].as_str().unwrap());
    for body in callbacks.iter().chain(&callbacks) {
        let (status, _) = app.callback(body.to_string()).await;
        assert!(status == StatusCode::OK || !is_of_a_file(body), "{body}");
    }
    // In quarantine: no event, another app's door.
    app.callback(format!("{{\"cut\": \"off\", \"by\": \"{USER}\""))
        .await;
    app.callback(format!("not JSON, {ticket}")).await;
    let theirs = json!({"user_id": USER, "reason": format!("{USER} called")});
    decide(&app, "5003", &theirs).await;
    let not_theirs = json!({"user_id": "bob", "reason": format!("not {USER}'s but Bob's")});
    decide(&app, "5004", &not_theirs).await;
    World {
        app,
        ticket,
        callbacks,
    }
}

#[actix_web::test]
async fn nothing_is_left_of_a_person_and_nothing_comes_back() {
    let World {
        app,
        ticket,
        callbacks,
    } = world().await;
    // Its signatures went with their month.
    sqlx::raw_sql(AssertSqlSafe(format!(
        "INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
        VALUES ('0190a000-0000-7000-8000-000000000001', 'main', '{USER}', false, now(), now());
        UPDATE rollup_state SET issues_since = '2025-01-01'"
    )))
    .execute(&app.pool)
    .await
    .unwrap();
    let before = totals(&app).await;
    let found = traces(&app, TRACE).await;
    assert!(found.len() > 10, "{found:?}");

    // A receiver that has no Postgres for the moment spools what is theirs.
    let dir = Scratch::new();
    let spool = Spool::open(&dir.0, Limits::default(), true, 1).unwrap();
    let database = patient(&app.database_url());
    let apps = vec![app_with_resolvers(), named_app("second")];
    let other = TestApp::spooling(String::new(), database, config(apps), Some(spool)).await;
    far_ahead(&other);
    let late = named("5009", &uid(USER), "late");
    for body in callbacks.iter().chain([&late]) {
        let (_, answer) = other.callback(body.to_string()).await;
        assert!(
            answer["status"] == "spooled" || !is_of_a_file(body),
            "{answer}"
        );
    }

    let told = erase(&app, USER).await;
    let mut files: Vec<&str> = told["files"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["file_id"].as_str().unwrap())
        .collect();
    files.sort_unstable();
    assert_eq!(
        files,
        ["5001", "5002", "5003", "5005", "5006", "5008"],
        "{told}"
    );
    assert_eq!(
        (&told["tickets"], &told["signatures"]),
        (&json!(2), &json!(2)),
        "{told}"
    );
    assert_eq!(told["uploads"], 5, "{told}");
    assert_eq!(traces(&app, TRACE).await, [""; 0]);
    assert_eq!(totals(&app).await, before);

    // Everything again, by every way.
    replay_everything(&app).await;
    for body in &callbacks {
        let (status, _) = app.callback(body.to_string()).await;
        assert!(status == StatusCode::OK || !is_of_a_file(body), "{body}");
    }
    // What no resolver reads, on a file that is new.
    let owner = json!({"owner": USER}).to_string();
    app.callback(named("5011", &owner, "holiday").to_string())
        .await;
    app.callback(format!("{{\"cut\": \"off\", \"by\": \"{USER}\""))
        .await;
    other.database.set_ready();
    eventually("the spool is drained", async || {
        other.get("/readyz").await.1["spool"]["bytes"] == 0
    })
    .await;
    let left: Vec<_> = std::fs::read_dir(&dir.0)
        .unwrap()
        .map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default())
        .filter(|bytes| bytes.windows(TRACE.len()).any(|at| at == TRACE.as_bytes()))
        .collect();
    assert!(left.is_empty(), "the spool still holds the person");
    let door = Door::Reconcile;
    let answer = json!({"FileId": "5002", "BasicInfo": {"Name": USER, "SourceInfo": {"SourceType": "Upload", "SourceContext": uid(USER)}}});
    let delivery = vod_receiver::record::Delivery {
        id: app.random.uuid_v7(app.now()),
        app: "main".parse().unwrap(),
        door,
        received_at: app.now(),
        said: vod_receiver::record::said(door, answer.to_string().as_bytes()),
        body: answer.to_string().into(),
    };
    app.recorder.submit(vec![delivery]).await.unwrap();
    assert_eq!(traces(&app, TRACE).await, [""; 0]);
    for file_id in ["5001", "5002", "5003", "5005", "5008", "5009", "5011"] {
        let upload = app.upload(file_id).await;
        assert_eq!(upload["attribution"]["reason"], "erased", "{upload}");
        assert_eq!(
            (&upload["user_id"], &upload["name"]),
            (&Value::Null, &Value::Null)
        );
    }
    assert_eq!(app.upload("5004").await["user_id"], "bob");
    assert_eq!(app.upload("5007").await["user_id"], "bob");
    let (status, feed) = app.get("/v1/uploads/changes?after=0").await;
    assert!(!feed.to_string().contains(TRACE), "{status} {feed}");

    // No permission, and no verdict.
    for body in [
        json!({"user_id": USER, "app": "main"}),
        json!({"user_id": USER, "app": "second"}),
        json!({"user_id": USER, "app": "main", "ticket": ticket}),
        json!({"user_id": "eve", "app": "main", "ticket": ticket}),
    ] {
        let (status, refused) = other.post_signature(&body).await;
        assert_eq!(
            (status, &refused["code"]),
            (StatusCode::GONE, &json!("gone"))
        );
    }
    let verdict = json!({"user_id": USER, "reason": "again"});
    assert_eq!(decide(&app, "5007", &verdict).await.0, StatusCode::GONE);
    assert_eq!(traces(&app, TRACE).await, [""; 0]);
}

#[actix_web::test]
async fn who_is_let_in_again_begins_anew() {
    let World { app, callbacks, .. } = world().await;
    erase(&app, USER).await;
    let lift = |user: &'static str| {
        let settings = [("DATABASE_URL", app.database_url())];
        let settings = settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        binary(&["erase", "--lift", user], &settings)
            .output()
            .unwrap()
    };
    assert!(!lift("nobody").status.success());
    let lifted = lift(USER);
    assert!(lifted.status.success(), "{lifted:?}");
    assert!(!lift(USER).status.success());
    let (status, issued) = app
        .post_signature(&json!({"user_id": USER, "app": "main"}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    let ticket = issued["ticket"].as_str().unwrap();
    app.callback(new_file_upload("5010", ticket).to_string())
        .await;
    assert_eq!(app.upload("5010").await["user_id"], USER);
    // What was erased stays so.
    for body in &callbacks {
        app.callback(body.to_string()).await;
    }
    for file_id in ["5001", "5002", "5003", "5005", "5008"] {
        assert_eq!(app.upload(file_id).await["attribution"]["reason"], "erased");
    }
    // And the person can be erased once more.
    assert_eq!(erase(&app, USER).await["uploads"], 1);
    assert_eq!(traces(&app, TRACE).await, [""; 0]);
}

#[actix_web::test]
async fn who_is_recorded_by_two_receivers_while_being_erased_is_erased() {
    let app = TestApp::with(vec![app_with_resolvers()]).await;
    let database = patient(&app.database_url());
    database.set_ready();
    let other = TestApp::on(String::new(), database, config(vec![app_with_resolvers()])).await;
    far_ahead(&other);
    let mut tickets = Vec::new();
    for _ in 0..20 {
        tickets.push(app.ticket(USER).await);
    }
    let push = async |through: &TestApp, from: usize, to: usize| {
        for number in from..to {
            let context = match number % 2 {
                0 => tickets[number % tickets.len()].clone(),
                _ => uid(USER),
            };
            let file_id = (6_000 + number).to_string();
            let (status, _) = through
                .callback(new_file_upload(&file_id, &context).to_string())
                .await;
            assert_eq!(status, StatusCode::OK);
            // What is given out, or refused, is so for good.
            let (status, _) = through.post_signature(&json!({"user_id": USER})).await;
            assert!(
                matches!(status, StatusCode::CREATED | StatusCode::GONE),
                "{status}"
            );
        }
    };
    push(&app, 0, 40).await;
    let (told, (), ()) = tokio::join!(
        erase(&app, USER),
        push(&app, 40, 160),
        push(&other, 160, 280)
    );
    assert_eq!(traces(&app, TRACE).await, [""; 0], "{told}");
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 280);
    assert_eq!(
        app.count("SELECT count(*) FROM uploads WHERE attribution_reason = 'erased'")
            .await,
        280
    );
    assert_eq!(
        app.count("SELECT count(*) FROM deliveries WHERE body IS NOT NULL")
            .await,
        0
    );
    let recorded = app.count("SELECT count(*) FROM erased_files").await;
    assert!((40..=280).contains(&recorded), "{recorded}");
}

/// Lets erasures come to the write that tells of more than this, but not past it while the connection is open.
async fn held_after(app: &TestApp, done: u32) -> PgConnection {
    sqlx::raw_sql(AssertSqlSafe(format!(
        "CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.tickets + NEW.uploads + NEW.deliveries > greatest({done}, OLD.tickets + OLD.uploads + OLD.deliveries) THEN
                PERFORM pg_advisory_xact_lock_shared(4711);
            END IF;
            RETURN NEW;
        END $$;
        CREATE OR REPLACE TRIGGER hold BEFORE UPDATE ON erasures FOR EACH ROW EXECUTE FUNCTION hold()"
    )))
    .execute(&app.pool)
    .await
    .unwrap();
    // Of the session: who is idle in a transaction is soon cut off.
    let mut held = app.pool.acquire().await.unwrap().detach();
    let hold = sqlx::query("SELECT pg_advisory_lock(4711)");
    hold.execute(&mut held).await.unwrap();
    held
}

#[actix_web::test]
async fn a_receiver_that_is_killed_in_the_middle_is_followed_by_another() {
    let app = on_empty_database().await;
    let dir = Scratch::new();
    let mut serving = Serving::start_in(&dir, &app.database_url(), &[]);
    serving.is_ready().await;
    let mut held = held_after(&app, 1_000).await;
    // More than one step of each kind.
    sqlx::raw_sql(AssertSqlSafe(format!(
        "INSERT INTO uploads (app, file_id, user_id, attribution_method, attribution_reason, attribution_at, contexts_differ,
            confirmed, processing, recorded_at, updated_at, announced_at, deliveries, rank_strength, rank_digest, version, folded_on)
        SELECT 'main', n::text, '{USER}', 'resolver', 'resolver', now(), false, 'push', 'none', now(), now(), now(), 1, 1, '', 1, 0
        FROM generate_series(1, 5000) n;
        INSERT INTO deliveries (id, app, door, received_at, recorded_at, state, file_id, body)
        SELECT gen_random_uuid(), 'main', 'push', now(), now(), 'recorded', n::text, '{TRACE}'
        FROM generate_series(1, 5000) n, generate_series(1, 2);
        INSERT INTO tickets (id, app, user_id, one_time, created_at, last_expires_at)
        SELECT gen_random_uuid(), 'main', '{USER}', false, now(), now() FROM generate_series(1, 3000);
        INSERT INTO signature_issues (id, ticket, app, user_id, issued_at, expires_at, secret_id, random, one_time, issued_to)
        SELECT gen_random_uuid(), id, 'main', '{USER}', now(), now(), '', 1, false, '' FROM tickets"
    )))
    .execute(&app.pool)
    .await
    .unwrap();
    let before = totals(&app).await;
    let (status, asked) = serving
        .post("/v1/erasures", &json!({"user_id": USER}))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
    for then in [10_000, 18_000] {
        let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted";
        eventually("it is in the middle", async || app.count(waits).await == 1).await;
        assert_eq!(serving.end("-KILL").await, None);
        // What it was at ends without it.
        held.close().await.unwrap();
        held = held_after(&app, then).await;
        let left = "SELECT count(*) FROM erasures WHERE step <> 'done'";
        assert_eq!(app.count(left).await, 1);
        // Its lease runs out by itself; the test need not wait for it.
        sqlx::raw_sql("UPDATE erasures SET leased_until = now()")
            .execute(&app.pool)
            .await
            .unwrap();
        serving = Serving::start_in(&dir, &app.database_url(), &[]);
        serving.is_ready().await;
    }
    let path = format!("/v1/erasures/{}", asked["erasure_id"].as_str().unwrap());
    eventually("it is done", async || {
        serving.get(&path).await.1["state"] == "done"
    })
    .await;
    let told = serving.get(&path).await.1;
    // What was done twice is counted once.
    for (what, count) in [
        ("tickets", 3_000),
        ("signatures", 3_000),
        ("uploads", 5_000),
        ("deliveries", 10_000),
    ] {
        assert_eq!(told[what], count, "{told}");
    }
    assert_eq!(traces(&app, TRACE).await, [""; 0]);
    assert_eq!(totals(&app).await, before);
    assert_eq!(serving.end("-TERM").await, Some(0));
}

#[actix_web::test]
async fn what_is_decided_before_an_erasure_is_not_written_after_it() {
    let app = TestApp::start().await;
    let ticket = app.ticket(USER).await;
    // Held as an erasure holds it, until its commit.
    let mut erasing = app.pool.begin().await.unwrap();
    let patience = sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0");
    patience.execute(&mut *erasing).await.unwrap();
    let noted = "SELECT note_erased(hmac, false, now()) FROM (SELECT sha256('another') AS hmac) h";
    sqlx::query(noted).execute(&mut *erasing).await.unwrap();
    let body = new_file_upload("5101", &ticket).to_string();
    let (answered, ()) = tokio::join!(app.callback(body), async {
        let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        eventually("the write waits", async || app.count(waits).await >= 1).await;
        erasing.commit().await.unwrap();
    });
    assert_eq!(answered.0, StatusCode::OK, "{answered:?}");
    // It was refused, and decided anew: somebody else was erased.
    assert_eq!(app.upload("5101").await["user_id"], USER);
}

#[actix_web::test]
async fn an_erasure_is_asked_for_by_who_may_and_told_by_pages() {
    let app = TestApp::start().await;
    for number in 0..5 {
        let ticket = app.ticket(USER).await;
        let file_id = (5_200 + number).to_string();
        app.callback(new_file_upload(&file_id, &ticket).to_string())
            .await;
    }
    for bad in [
        json!({}),
        json!({"user_id": ""}),
        json!({"user_id": "a\nb"}),
        json!({"user_id": "a", "more": 1}),
    ] {
        let request = app
            .request(Method::POST, "/v1/erasures")
            .json(&bad)
            .send()
            .await;
        assert_eq!(request.unwrap().status(), StatusCode::BAD_REQUEST, "{bad}");
    }
    let bound = key(&app, "bound", &["admin"], Some(&["main"])).await;
    let request = with_key(&app, &bound, Method::POST, "/v1/erasures");
    let request = request
        .json(&json!({"user_id": USER}))
        .send()
        .await
        .unwrap();
    assert_eq!(request.status(), StatusCode::FORBIDDEN);
    assert!(
        problem(request).await["detail"]
            .to_string()
            .contains("every app")
    );
    assert_eq!(app.count("SELECT count(*) FROM erasures").await, 0);

    let told = erase(&app, USER).await;
    let id = told["erasure_id"].as_str().unwrap();
    let mut files = Vec::new();
    let mut path = format!("/v1/erasures/{id}?limit=2");
    loop {
        let (_, page) = app.get(&path).await;
        files.extend(page["files"]["items"].as_array().unwrap().clone());
        let Some(cursor) = page["files"]["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/erasures/{id}?limit=2&cursor={cursor}");
    }
    let wanted: Vec<Value> = (5_200..5_205)
        .map(|file_id| json!({"app": "main", "file_id": file_id.to_string()}))
        .collect();
    assert_eq!(files, wanted);
    assert_eq!(
        app.get(&format!("/v1/erasures/{id}?cursor=nope")).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        app.get("/v1/erasures/nope").await.0,
        StatusCode::BAD_REQUEST
    );
    let unknown = "/v1/erasures/019ad52e-3c00-7000-8000-000000000001";
    assert_eq!(app.get(unknown).await.0, StatusCode::NOT_FOUND);
    // Who asked for it is known; whom it was about is not.
    let actor: String = sqlx::query_scalar(
        "SELECT actor FROM admin_actions WHERE action = 'erasure.create' AND subject = $1",
    )
    .bind(id)
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert_eq!(actor, "key admin");
}

#[actix_web::test]
async fn the_command_erases_and_prints_the_files() {
    let World { app, .. } = world().await;
    app.clock.advance(TimeDelta::seconds(1));
    let settings = [("DATABASE_URL", app.database_url())];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let output = binary(&["erase", USER], &settings).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut printed: Vec<&str> = printed.lines().collect();
    printed.sort_unstable();
    let wanted = [
        "main 5001",
        "main 5002",
        "main 5003",
        "main 5005",
        "main 5006",
        "main 5008",
    ];
    assert_eq!(printed, wanted);
    assert_eq!(traces(&app, TRACE).await, [""; 0]);
}
