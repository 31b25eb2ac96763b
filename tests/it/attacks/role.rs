//! The service under a role of its own, which owns nothing: the SQL of `docs/service-role.sql`.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use vod_receiver::config::KeepDays;
use vod_receiver::keep::{changes, misuse, partitions, rollups};
use vod_receiver::ops::clock::Clock;
use vod_receiver::ops::metrics::Metrics;

use crate::analyst::on_empty_database;
use crate::erasure::erase;
use crate::harness::{TOKEN, TestApp, config, new_file_upload, patient, token_app};
use crate::keys::binary;
use crate::startup::Serving;
use crate::uploads_list::deletion;

const SQL: &str = include_str!("../../../docs/service-role.sql");

/// A database that its owner migrated and made a role for; the address by which that role reaches it. Roles belong to the
/// cluster, which tests share: each has its own.
async fn with_a_role(app: &TestApp) -> String {
    let owner = app.database_url();
    let migrated = binary(&["migrate"], &[("DATABASE_URL", &owner)])
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let role = format!(
        "service_{}",
        owner
            .rsplit_once("/t_")
            .unwrap()
            .1
            .split('?')
            .next()
            .unwrap()
    );
    let mut connection = PgConnection::connect(&owner).await.unwrap();
    let sql = SQL.replace("vod_service", &role);
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    let url = owner.replacen("postgres://vod@", &format!("postgres://{role}@"), 1);
    assert_ne!(url, owner);
    url
}

/// Takes its rights away, so that it can go; the database that it had them in goes with the test.
async fn without_the_role(app: &TestApp, url: &str) {
    let role = url
        .strip_prefix("postgres://")
        .unwrap()
        .split_once('@')
        .unwrap()
        .0;
    let mut connection = PgConnection::connect(&app.database_url()).await.unwrap();
    let sql = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}';
        DROP OWNED BY {role}; DROP ROLE {role}"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
}

#[actix_web::test]
async fn the_service_does_all_of_its_work_under_a_role_that_owns_nothing() {
    let owner = on_empty_database().await;
    let url = with_a_role(&owner).await;
    let serving = Serving::start(&url, &["--no-migrate"]);
    serving.is_ready().await;
    let (status, issued) = serving
        .post("/v1/signatures", &json!({"user_id": "ann"}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{issued}");
    assert_eq!(serving.end("-TERM").await, Some(0));

    // The rest in this process, where time can be moved.
    let database = patient(&url);
    database.set_ready();
    let app = TestApp::on(String::new(), database, config(vec![token_app()])).await;
    // The months that the program made are those of today.
    app.clock.advance(Clock::system().now() - app.now());
    let begun = app.now();
    let ticket = app.ticket("ann").await;
    let (status, said) = app
        .callback(new_file_upload("7701", &ticket).to_string())
        .await;
    assert_eq!(
        (status, &said["status"]),
        (StatusCode::OK, &json!("recorded"))
    );
    app.callback(new_file_upload("7701", &ticket).to_string())
        .await;
    app.callback("not json").await;
    app.callback(deletion(&["7701"]).to_string()).await;
    assert_eq!(app.upload("7701").await["user_id"], "ann");
    let decided = app
        .request(Method::PUT, "/v1/uploads/7701/attribution")
        .json(&json!({"user_id": "bea", "reason": "case 1"}));
    assert_eq!(decided.send().await.unwrap().status(), StatusCode::OK);
    let (_, deliveries) = app.get("/v1/deliveries").await;
    let first = deliveries["items"][0]["id"].as_str().unwrap();
    let replayed = app.request(Method::POST, &format!("/v1/deliveries/{first}/replay"));
    assert_eq!(replayed.send().await.unwrap().status(), StatusCode::OK);
    for path in [
        "/readyz",
        "/v1/stats",
        "/v1/signatures",
        "/v1/uploads/7701",
        "/v1/uploads/changes",
        &format!("/v1/tickets/{ticket}?wait=1"),
    ] {
        let (status, told) = app.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path} {told}");
    }
    let key = ["keys", "create", "--name", "k", "--scope", "read"];
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("VOD_SECRET_ID", "id"),
        ("VOD_SECRET_KEY", "key"),
        ("VOD_CALLBACK_TOKEN", TOKEN),
    ];
    let made = binary(&key, &settings).output().unwrap();
    assert!(made.status.success(), "{made:?}");

    // Housekeeping, five months later: months are made, with what came too early for them, and dropped once counted.
    let in_time = begun + TimeDelta::days(150);
    let early = "INSERT INTO deliveries SELECT (d).* FROM (
        SELECT jsonb_populate_record(d, jsonb_build_object('id', $1)) AS d FROM deliveries d LIMIT 1) e";
    let early = sqlx::query(early).bind(app.random.uuid_v7(in_time));
    early.execute(&app.pool).await.unwrap();
    let astray = "SELECT count(*) FROM deliveries_default";
    assert_eq!(app.count(astray).await, 1);
    app.clock.advance(TimeDelta::days(150));
    let mut connection = app.pool.acquire().await.unwrap();
    partitions::ensure(&mut connection, app.now())
        .await
        .unwrap();
    assert_eq!(app.count(astray).await, 0);
    let there = "SELECT count(*) FROM deliveries WHERE tableoid::regclass::text = $1";
    let there =
        sqlx::query_scalar::<_, i64>(there).bind(in_time.format("deliveries_%Y_%m").to_string());
    assert_eq!(there.fetch_one(&app.pool).await.unwrap(), 1);
    app.count_all().await;
    let keep = KeepDays {
        deliveries: Some(60),
        issues: Some(90),
    };
    partitions::drop_old(&mut connection, keep, app.now())
        .await
        .unwrap();
    drop(connection);
    let dropped = ["deliveries_%Y_%m", "signature_issues_%Y_%m"];
    let dropped = dropped.map(|name| begun.format(name).to_string());
    let left = "SELECT count(*) FROM pg_class WHERE relname = ANY($1)";
    let left = sqlx::query_scalar::<_, i64>(left).bind(dropped.as_slice());
    assert_eq!(left.fetch_one(&app.pool).await.unwrap(), 0);
    rollups::recount(&app.database).await.unwrap();
    app.count_all().await;
    // A person is erased.
    assert_eq!(erase(&app, "ann").await["state"], "done");
    assert_eq!(
        app.count("SELECT count(*) FROM tickets WHERE user_id = 'ann'")
            .await,
        0
    );
    changes::trim(&app.database, &app.clock).await.unwrap();
    misuse::look(&app.database, &app.clock, &Metrics::new(app.now(), []))
        .await
        .unwrap();
    without_the_role(&owner, &url).await;
}

#[actix_web::test]
async fn the_role_makes_changes_and_drops_nothing() {
    let owner = on_empty_database().await;
    let url = with_a_role(&owner).await;
    let mut role = PgConnection::connect(&url).await.unwrap();
    for sql in [
        "CREATE TABLE more (id int)",
        "CREATE TEMPORARY TABLE deliveries_default (id uuid)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA more",
        "CREATE ROLE more",
        "ALTER TABLE uploads ADD COLUMN more text",
        "DROP TABLE uploads",
        "DROP INDEX uploads_by_user",
        "TRUNCATE deliveries",
        "CREATE TABLE deliveries_2030_01 PARTITION OF deliveries FOR VALUES FROM ('01c00000-0000-7000-8000-000000000000') TO ('01c10000-0000-7000-8000-000000000000')",
        "CREATE TRIGGER t BEFORE INSERT ON uploads FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "UPDATE _sqlx_migrations SET success = false",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9, '', true, '', 0)",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY uploads TO PROGRAM 'id'",
    ] {
        let refused = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut role)
            .await;
        let code = refused.err().and_then(|error| {
            error
                .as_database_error()
                .and_then(|e| e.code().map(Into::into))
        });
        assert_eq!(code, Some("42501".to_owned()), "{sql}");
    }
    // What makes months makes nothing but months, whatever it is given.
    for (table, month) in [
        ("uploads", "2030_01"),
        ("api_keys", "2030_01"),
        ("deliveries", "x"),
        ("deliveries", "2030_01; DROP TABLE uploads"),
        ("deliveries\" (id uuid); --", "2030_01"),
    ] {
        let sql = "SELECT make_month($1, $2, '01c00000-0000-7000-8000-000000000000', '01c10000-0000-7000-8000-000000000000')";
        let refused = sqlx::query(sql)
            .bind(table)
            .bind(month)
            .execute(&mut role)
            .await;
        assert!(refused.is_err(), "{table} {month}");
        let refused = sqlx::query("SELECT drop_month($1, $2)")
            .bind(table)
            .bind(month)
            .execute(&mut role)
            .await;
        assert!(refused.is_err(), "{table} {month}");
    }
    drop(role);
    without_the_role(&owner, &url).await;
}

#[test]
fn both_documents_show_the_sql_as_it_is() {
    for document in [
        include_str!("../../../docs/security.md"),
        include_str!("../../../docs/security.zh-CN.md"),
    ] {
        let shown = format!("```sql\n{}\n```", SQL.trim_end());
        assert!(document.contains(&shown), "docs/service-role.sql changed");
    }
}
