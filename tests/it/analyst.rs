//! What analysts get: documented views that tell what the API tells, and a role that reads nothing else.

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;
use vod_receiver::ops::cluster::Cluster;
use vod_receiver::ops::database::{self, AnalystRole, MIGRATIONS};
use vod_receiver::ops::random::Random;
use vod_receiver::ticket::Ticket;

use crate::harness::{TestApp, cluster, config, new_file_upload, patient, token_app};
use crate::uploads_list::{deletion, procedure};

/// How many views there are.
const VIEWS: i64 = 14;

/// A connection of the role, which may do what only its rights forbid, not its settings.
pub async fn analyst(url: &str) -> PgConnection {
    let url = url.replacen("postgres://vod@", "postgres://vod_analyst@", 1);
    assert!(url.contains("vod_analyst@"));
    let mut connection = PgConnection::connect(&url).await.unwrap();
    execute(&mut connection, "SET default_transaction_read_only = off")
        .await
        .unwrap();
    connection
}

async fn execute(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .map(drop)
}

/// Rows as JSON.
pub async fn rows(connection: &mut PgConnection, from: &str) -> Vec<Map<String, Value>> {
    let sql = format!("SELECT to_jsonb(v) FROM {from} v");
    let rows: Vec<Value> = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
        .unwrap();
    rows.into_iter()
        .map(|row| row.as_object().unwrap().clone())
        .collect()
}

/// An app on a database of its own with nothing in it.
pub async fn on_empty_database() -> TestApp {
    let name = format!(
        "t_{}",
        Random::system().uuid_v7(DateTime::UNIX_EPOCH).simple()
    );
    let mut admin = PgConnection::connect(&cluster().url("postgres"))
        .await
        .unwrap();
    execute(&mut admin, &format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    let database = patient(&cluster().url(&name));
    TestApp::on(name, database, config(vec![token_app()])).await
}

/// Goes the way of one upload.
async fn works(app: &TestApp) {
    let ticket = app.ticket("ann").await;
    let told = app.callback(new_file_upload("9001", &ticket).to_string());
    assert_eq!(told.await.0, StatusCode::OK);
    assert_eq!(app.upload("9001").await["user_id"], "ann");
}

/// The same value, however a time is written.
fn same(one: &Value, other: &Value) -> bool {
    let time = |value: &Value| value.as_str()?.parse::<DateTime<Utc>>().ok();
    one == other || time(one).is_some() && time(one) == time(other)
}

/// An upload of the API with the columns of the view.
fn flat(upload: &Value) -> Map<String, Value> {
    let mut flat = Map::new();
    for (name, value) in upload.as_object().unwrap() {
        match (name.as_str(), value) {
            ("attribution", Value::Object(parts)) => {
                flat.extend(parts.iter().map(|(part, value)| {
                    let part = if part == "decided_at" { "at" } else { part };
                    (format!("attribution_{part}"), value.clone())
                }));
            }
            ("media", Value::Object(parts)) => flat.extend(parts.clone()),
            _ => drop(flat.insert(name.clone(), value.clone())),
        }
    }
    flat
}

#[actix_web::test]
async fn the_views_tell_what_the_api_tells() {
    let app = TestApp::start().await;
    let body = json!({
        "user_id": "用户/42", "context": {"order": [7, "é"]}, "procedure": "P", "class_id": 3, "task_priority": -2,
        "task_notify_mode": "Change", "storage_region": "ap-chongqing", "one_time": true, "expires_in": 60,
    });
    let (_, issued) = app.post_signature(&body).await;
    app.ticket("bob").await;
    let mut full = new_file_upload("9101", issued["ticket"].as_str().unwrap());
    full["FileUploadEvent"]["ProcedureTaskId"] = json!("task-1");
    full["FileUploadEvent"]["MetaData"] =
        json!({"Size": 7_700_180_000_i64, "Duration": 60.04, "Width": 640});
    for body in [
        full,
        new_file_upload("9102", ""),
        new_file_upload("9103", "vt_01H455VB4PEX5VSKNK084SN02Q"),
        json!({"EventType": "NewFileUpload", "FileUploadEvent": {"FileId": "9104"}}),
        procedure("9101", "task-1", "PROCESSING"),
        procedure("9105", "task-5", "PROCESSING"),
        deletion(&["9102", "9106"]),
    ] {
        app.clock
            .advance(chrono::TimeDelta::microseconds(1_234_567));
        let (status, _) = app.callback(body.to_string()).await;
        assert_eq!(status, StatusCode::OK);
    }
    let mut analyst = analyst(&app.database_url()).await;

    let (_, page) = app.get("/v1/uploads?order=asc").await;
    let told: Vec<_> = page["items"].as_array().unwrap().iter().map(flat).collect();
    let seen = rows(
        &mut analyst,
        "(SELECT * FROM analyst.uploads ORDER BY recorded_at)",
    )
    .await;
    assert_eq!(told.len(), 4);
    compare(&told, &seen, &[], &[]);

    let (_, page) = app.get("/v1/signatures").await;
    let told = page["items"].as_array().unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|line| line.as_object().unwrap().clone())
        .collect();
    let seen = rows(
        &mut analyst,
        "(SELECT * FROM analyst.signature_issues ORDER BY issue_id DESC)",
    )
    .await;
    assert_eq!(told.len(), 2);
    compare(&told, &seen, &["secret_id", "random"], &["ticket_id"]);
}

/// Row by row and column by column; one tells more than the other only where it is said here.
fn compare(
    told: &[Map<String, Value>],
    seen: &[Map<String, Value>],
    only_told: &[&str],
    only_seen: &[&str],
) {
    assert_eq!(told.len(), seen.len());
    for (told, seen) in told.iter().zip(seen) {
        for (name, value) in told {
            if only_told.contains(&name.as_str()) {
                assert!(!seen.contains_key(name), "{name}");
            } else {
                let column = seen.get(name);
                assert!(
                    column.is_some_and(|column| same(value, column)),
                    "{name}: the API tells {value}, the view {column:?}"
                );
            }
        }
        let unknown: Vec<_> = seen
            .keys()
            .filter(|name| !told.contains_key(*name) && !only_seen.contains(&name.as_str()))
            .collect();
        assert!(
            unknown.is_empty(),
            "columns that the API has not: {unknown:?}"
        );
    }
}

#[actix_web::test]
async fn the_role_reads_the_views_and_nothing_else() {
    let app = TestApp::start().await;
    works(&app).await;
    let relations: Vec<(String, String)> = sqlx::query_as(
        "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    for table in [
        "tickets",
        "signature_issues",
        "deliveries",
        "uploads",
        "tasks",
        "api_keys",
        "_sqlx_migrations",
    ] {
        assert!(relations.iter().any(|(_, name)| name == table), "{table}");
    }
    let mut analyst = analyst(&app.database_url()).await;
    let mut views = 0;
    for (schema, name) in relations {
        let relation = format!("{schema}.{name}");
        let read = execute(&mut analyst, &format!("SELECT * FROM {relation} LIMIT 1")).await;
        if schema == "analyst" {
            read.unwrap();
            views += 1;
        } else {
            refused(read, &relation);
        }
        for statement in [
            format!("DELETE FROM {relation}"),
            format!("INSERT INTO {relation} DEFAULT VALUES"),
            format!("TRUNCATE {relation}"),
            format!("DROP TABLE {relation}"),
            format!("BEGIN; LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE"),
            format!("COMMENT ON TABLE {relation} IS 'x'"),
        ] {
            let done = execute(&mut analyst, &statement).await;
            execute(&mut analyst, "ROLLBACK").await.unwrap();
            assert!(done.is_err(), "{statement} went through");
            let code = done
                .unwrap_err()
                .as_database_error()
                .unwrap()
                .code()
                .unwrap()
                .into_owned();
            // Not allowed; or, for a view, not the kind of thing that it is done to.
            let wanted: &[&str] = if schema == "analyst" || name == "feed_head" {
                &["42501", "42809", "55000"]
            } else {
                &["42501"]
            };
            assert!(wanted.contains(&code.as_str()), "{statement}: {code}");
        }
    }
    assert_eq!(views, VIEWS);
    for statement in [
        "CREATE TABLE public.mine (n int)",
        "CREATE TABLE analyst.mine (n int)",
        "CREATE VIEW analyst.mine AS SELECT 1",
        "CREATE OR REPLACE VIEW analyst.uploads AS SELECT 1",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "ALTER ROLE vod_analyst SUPERUSER",
        "GRANT SELECT ON public.uploads TO vod_analyst",
        "SET ROLE vod",
        "SELECT pg_read_file('postgresql.conf')",
        "COPY analyst.uploads TO PROGRAM 'cat'",
    ] {
        refused(execute(&mut analyst, statement).await, statement);
    }
}

fn refused(done: Result<(), sqlx::Error>, what: &str) {
    let error = done.expect_err(what);
    let code = error.as_database_error().unwrap().code();
    assert_eq!(code.as_deref(), Some("42501"), "{what}: {error}");
}

#[actix_web::test]
async fn a_session_of_the_role_begins_read_only() {
    let app = TestApp::start().await;
    let url = app
        .database_url()
        .replacen("postgres://vod@", "postgres://vod_analyst@", 1);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let told = execute(&mut connection, "CREATE TEMPORARY TABLE mine (n int)").await;
    let error = told.unwrap_err();
    assert_eq!(
        error.as_database_error().unwrap().code().as_deref(),
        Some("25006")
    );
    for (setting, wanted) in [
        ("statement_timeout", "1min"),
        ("idle_in_transaction_session_timeout", "10min"),
    ] {
        let held: String = sqlx::query_scalar(AssertSqlSafe(format!("SHOW {setting}")))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(held, wanted, "{setting}");
    }
}

#[actix_web::test]
async fn every_view_and_column_has_a_comment() {
    let app = TestApp::start().await;
    let bare: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname || '.' || coalesce(a.attname, '*') FROM pg_class c
        CROSS JOIN LATERAL (
            SELECT 0 AS attnum, NULL AS attname
            UNION ALL SELECT attnum, attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
        ) a
        WHERE c.relnamespace = 'analyst'::regnamespace
            AND length(coalesce(CASE WHEN a.attnum = 0 THEN obj_description(c.oid, 'pg_class')
                ELSE col_description(c.oid, a.attnum) END, '')) < 10",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert_eq!(bare, [""; 0]);
    assert_eq!(
        app.count("SELECT count(*) FROM pg_views WHERE schemaname = 'analyst'")
            .await,
        VIEWS
    );
}

#[actix_web::test]
async fn postgres_writes_a_ticket_as_we_do() {
    let app = TestApp::start().await;
    let random = Random::system();
    let mut ids: Vec<Uuid> = (0..2_000)
        .map(|_| (0..4).fold(0, |bits, _| bits << 32 | u128::from(random.u32())))
        .map(Uuid::from_u128)
        .collect();
    ids.extend((0..128).map(|bit| Uuid::from_u128(1 << bit)));
    ids.extend([Uuid::nil(), Uuid::max(), random.uuid_v7(app.now())]);
    let written: Vec<String> = sqlx::query_scalar(
        "SELECT ticket_text(id) FROM unnest($1::uuid[]) WITH ORDINALITY AS k (id, n) ORDER BY n",
    )
    .bind(&ids)
    .fetch_all(&app.pool)
    .await
    .unwrap();
    let ours: Vec<String> = ids.iter().map(|id| Ticket(*id).to_string()).collect();
    assert_eq!(written, ours);

    // And reads it, in either case, as we do.
    let read = "SELECT analyst.ticket_id(text) FROM unnest($1::text[]) WITH ORDINALITY AS k (text, n) ORDER BY n";
    let mut analyst = analyst(&app.database_url()).await;
    let small = |text: &String| format!("vt_{}", text[3..].to_lowercase());
    for texts in [&ours, &ours.iter().map(small).collect()] {
        let known: Vec<Option<Uuid>> = sqlx::query_scalar(read)
            .bind(texts)
            .fetch_all(&mut analyst)
            .await
            .unwrap();
        assert_eq!(known, ids.iter().copied().map(Some).collect::<Vec<_>>());
    }
    let wrong = [
        "",
        "vt_",
        "VT_01H455VB4PEX5VSKNK084SN02Q",
        "vt_81H455VB4PEX5VSKNK084SN02Q",
        "vt_01H455VB4PEX5VSKNK084SN02U",
        "vt_01H455VB4PEX5VSKNK084SN02QQ",
        "vt_01H455VB4PEX5VSKNK084SN02é",
    ];
    let known: Vec<Option<Uuid>> = sqlx::query_scalar(read)
        .bind(wrong.map(str::to_owned).to_vec())
        .fetch_all(&mut analyst)
        .await
        .unwrap();
    assert_eq!(known, [None; 7]);
}

#[actix_web::test]
async fn two_may_migrate_an_empty_database_at_once() {
    let app = on_empty_database().await;
    let other = patient(&app.database_url());
    let (one, two) = tokio::join!(
        database::migrate(&app.pool),
        database::migrate(other.unmigrated())
    );
    assert_eq!(one.unwrap(), AnalystRole::Made);
    assert_eq!(two.unwrap(), AnalystRole::Made);
    assert_eq!(database::pending_migrations(&app.pool).await.unwrap(), 0);
    let applied = app
        .count("SELECT count(*) FROM _sqlx_migrations WHERE success")
        .await;
    assert_eq!(usize::try_from(applied).unwrap(), MIGRATIONS.iter().count());
    app.database.set_ready();
    works(&app).await;
}

/// Everything that a migration could have made or changed.
async fn schema(app: &TestApp) -> Vec<String> {
    let mut schema: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws(' ', oid, relname, relkind, relacl, obj_description(oid),
            CASE WHEN relkind = 'v' THEN pg_get_viewdef(oid) END)
        FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'analyst'::regnamespace)
        UNION ALL SELECT m::text FROM _sqlx_migrations m
        UNION ALL SELECT obj_description('analyst'::regnamespace, 'pg_namespace')",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    schema.sort();
    schema
}

#[actix_web::test]
async fn migrating_again_changes_nothing() {
    let app = TestApp::start().await;
    works(&app).await;
    let before = schema(&app).await;
    assert!(before.len() > 30);
    for _ in 0..2 {
        assert_eq!(
            database::migrate(&app.pool).await.unwrap(),
            AnalystRole::Made
        );
    }
    assert_eq!(schema(&app).await, before);
    assert_eq!(app.upload("9001").await["user_id"], "ann");
}

#[actix_web::test]
async fn views_are_replaced_when_their_text_changed_and_left_alone_otherwise() {
    let app = TestApp::start().await;
    works(&app).await;
    let wanted = schema(&app).await;
    let comment = "SELECT count(*) FROM pg_description WHERE objoid = 'analyst.uploads'::regclass AND objsubid = 2";
    let mut admin = app.pool.acquire().await.unwrap();
    execute(&mut admin, "COMMENT ON COLUMN analyst.uploads.app IS NULL")
        .await
        .unwrap();
    database::migrate(&app.pool).await.unwrap();
    assert_eq!(
        app.count(comment).await,
        0,
        "nothing told that the text had changed"
    );

    // As an older version left it: fewer columns, another digest.
    execute(
        &mut admin,
        "DROP VIEW analyst.uploads; CREATE VIEW analyst.uploads AS SELECT file_id, app FROM public.uploads;
        COMMENT ON SCHEMA analyst IS 'Version 0'",
    )
    .await
    .unwrap();
    // The role keeps its rights on what it replaces.
    assert_eq!(
        database::migrate(&app.pool).await.unwrap(),
        AnalystRole::Made
    );
    assert_eq!(app.count(comment).await, 1);
    let without_oids = |schema: Vec<String>| -> Vec<String> {
        let mut lines: Vec<String> = schema
            .into_iter()
            .map(|line| {
                line.split_once(' ')
                    .map_or(line.clone(), |(_, rest)| rest.to_owned())
            })
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(without_oids(schema(&app).await), without_oids(wanted));
    let seen = rows(&mut analyst(&app.database_url()).await, "analyst.uploads").await;
    assert_eq!(seen[0]["user_id"], "ann");
}

#[actix_web::test]
async fn who_may_not_make_roles_is_told_so_and_the_service_works() {
    // A cluster of its own: roles belong to the cluster, and the shared one has the role already.
    let dir = std::env::temp_dir().join(format!("vod-receiver-role-{}", std::process::id()));
    let own = Cluster::start(&dir, &[("fsync", "off")]).unwrap();
    let mut admin = PgConnection::connect(&own.url("postgres")).await.unwrap();
    execute(&mut admin, "CREATE ROLE plain LOGIN")
        .await
        .unwrap();
    execute(&mut admin, "CREATE DATABASE plain OWNER plain")
        .await
        .unwrap();
    let url = own
        .url("plain")
        .replacen("postgres://vod@", "postgres://plain@", 1);
    let database = patient(&url);
    let app = TestApp::on(String::new(), database.clone(), config(vec![token_app()])).await;
    for _ in 0..2 {
        let role = database::migrate(&app.pool).await.unwrap();
        assert_eq!(role, AnalystRole::NotAllowed);
    }
    database.set_ready();
    works(&app).await;

    // Somebody who may runs what `migrate` prints; from then on all is as it should be.
    let mut admin = PgConnection::connect(&own.url("plain")).await.unwrap();
    execute(&mut admin, &database::analyst_role_sql())
        .await
        .unwrap();
    assert_eq!(
        database::migrate(&app.pool).await.unwrap(),
        AnalystRole::Made
    );
    let mut analyst = analyst(&own.url("plain")).await;
    assert_eq!(
        rows(&mut analyst, "analyst.uploads").await[0]["user_id"],
        "ann"
    );
    refused(
        execute(&mut analyst, "SELECT * FROM public.uploads").await,
        "public.uploads",
    );
    drop(app);
    own.stop().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
}
