//! Which index each list leans on, on 120,000 analysed uploads and as many deliveries, with the planner as it is.
//!
//! The statements are those that the service ran: Postgres itself tells the last one of each connection.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::analyst::analyst;
use crate::harness::TestApp;

/// Skewed as real ones are: the busiest of 2,000 users has 8 of 100 uploads, most have a few; one in seven is nobody's,
/// and three are recorded at a time. One ticket and one task brought 600 files.
const SEED: &str = "
    SELECT setseed(0.5);
    CREATE FUNCTION id_at(at timestamptz, n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid
    $$;
    CREATE TEMP TABLE seed AS
        SELECT n, 'f' || n AS file_id, at, n % 7 = 0 AS nobodys, id_at(at, CASE WHEN n % 200 = 1 THEN 1 ELSE n END) AS ticket,
            'user-' || floor(2000 * random() ^ 3) AS user_id
        FROM generate_series(1, 120000) n, LATERAL (SELECT timestamptz '2026-11-02' + n / 3 * interval '45 s') t (at);
    UPDATE seed SET ticket = id_at('2026-11-01', 1) WHERE n % 200 = 1;
    INSERT INTO tickets (id, app, user_id, context, one_time, created_at, last_expires_at)
        SELECT DISTINCT ON (ticket) ticket, 'main', user_id, CASE WHEN n % 3 = 0 THEN '7'::json END, false, at, at + interval '1 h'
        FROM seed WHERE NOT nobodys;
    INSERT INTO uploads (app, file_id, user_id, ticket, attribution_method, attribution_reason, attribution_at, contexts_differ,
            confirmed, processing, recorded_at, updated_at, announced_at, deliveries, rank_strength, rank_digest, version, folded_on)
        SELECT 'main', file_id, CASE WHEN NOT nobodys THEN user_id END, CASE WHEN NOT nobodys THEN ticket END,
            CASE WHEN nobodys THEN 'none' ELSE 'ticket' END, CASE WHEN nobodys THEN 'no_context' ELSE 'ticket' END, at, false,
            'push', 'none', at, at, at, 1, 1, '', 1, 0
        FROM seed;
    INSERT INTO tasks (task_id, app, file_id, role, state, recorded_at, updated_at, rank_strength, rank_digest, version)
        SELECT CASE WHEN n % 200 = 0 THEN 'many' ELSE 't' || n END, 'main', file_id, 'procedure', 'succeeded', at, at, 1, '', 1
        FROM seed WHERE n % 10 = 0;
    INSERT INTO deliveries (id, app, door, received_at, recorded_at, state, quarantine_reason, event_type, file_id)
        SELECT id_at(at, n), 'main', 'push', at, at, CASE WHEN n % 500 = 0 THEN 'quarantined' ELSE 'recorded' END,
            CASE WHEN n % 500 = 0 THEN 'not_json' END, 'NewFileUpload', file_id
        FROM seed;
    ANALYZE uploads, tickets, tasks, deliveries;
";

/// The plan of the statement that a list last ran, with the values that it was asked with, in their order.
async fn plan(app: &TestApp, begins: &str, values: &[&str]) -> String {
    // Not one of the service's, whose last statement this would be.
    let mut connection = PgConnection::connect(&app.database_url()).await.unwrap();
    let text: String = sqlx::query_scalar(
        "SELECT query FROM pg_stat_activity
        WHERE datname = current_database() AND starts_with(query, $1) ORDER BY query_start DESC LIMIT 1",
    )
    .bind(begins)
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert!(text.len() < 1000, "Postgres keeps no more of it");
    let prepare = format!("PREPARE asked AS {text}");
    sqlx::raw_sql(AssertSqlSafe(prepare))
        .execute(&mut connection)
        .await
        .unwrap();
    let explain = format!("EXPLAIN EXECUTE asked ({})", values.join(", "));
    let rows = sqlx::raw_sql(AssertSqlSafe(explain))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let line = |row| sqlx::Row::get::<String, _>(row, 0) + "\n";
    rows.iter().map(line).collect()
}

/// Walks to the hundredth page of five; the last item of the ninety-ninth, by which it is asked for.
async fn hundredth(app: &TestApp, path: &str) -> Value {
    let (mut cursor, mut last) = (String::new(), Value::Null);
    for page in 1..=100 {
        let (_, shown) = app.get(&format!("{path}&limit=5{cursor}")).await;
        let items = shown["items"].as_array().unwrap();
        assert_eq!(items.len(), 5, "{path}: page {page}");
        if page < 100 {
            last = items[4].clone();
        }
        cursor = format!("&cursor={}", shown["next_cursor"].as_str().unwrap());
    }
    last
}

#[actix_web::test]
async fn each_list_of_uploads_leans_on_its_index_on_the_first_page_and_the_hundredth() {
    let app = TestApp::start().await;
    app.run(SEED.to_owned()).await;
    let ticket: String = sqlx::query_scalar("SELECT ticket_text(id_at('2026-11-01', 1))")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    let of_ticket = format!("ticket={ticket}");
    // What is asked for, its value in SQL, the indexes, and whether they bring the rows in order.
    let lists = [
        ("", &[][..], &["uploads_by_time"][..], true),
        (
            "user_id=user-0",
            &["'user-0'", "'user-0'"][..],
            &["uploads_by_user"],
            true,
        ),
        ("attribution=none", &[], &["uploads_of_nobody"], true),
        (
            of_ticket.as_str(),
            &["id_at('2026-11-01', 1)"],
            &["uploads_by_ticket"],
            false,
        ),
        (
            "task=many",
            &["'many'"],
            &["tasks_pkey", "uploads_pkey"],
            false,
        ),
    ];
    for (query, given, indexes, in_order) in lists {
        for order in ["desc", "asc"] {
            let path = format!("/v1/uploads?order={order}&{query}");
            app.get(&format!("{path}&limit=5")).await;
            let values = [given, &["6"]].concat();
            let first = plan(&app, "SELECT u.*", &values).await;
            let last = hundredth(&app, &path).await;
            let text = |name: &str| format!("'{}'", last[name].as_str().unwrap());
            let after = ["recorded_at", "app", "file_id"].map(text);
            let after: Vec<&str> = after.iter().map(String::as_str).collect();
            // The place in a user's list begins with the user.
            let user = &given[..given.len() / 2];
            let values = [given, user, &after, &["6"]].concat();
            let hundredth = plan(&app, "SELECT u.*", &values).await;
            for plan in [first, hundredth] {
                for index in indexes {
                    assert!(plan.contains(index), "{path}: no {index} in\n{plan}");
                }
                let contexts = "tickets_with_context";
                assert!(plan.contains(contexts), "{path}: no {contexts} in\n{plan}");
                assert!(!plan.contains("Seq Scan"), "{path}:\n{plan}");
                assert_eq!(!plan.contains("Sort"), in_order, "{path}:\n{plan}");
            }
        }
    }
    // A user of few uploads, and one whom nobody knows.
    for user in ["user-1999", "user-none"] {
        app.get(&format!("/v1/uploads?user_id={user}")).await;
        let quoted = format!("'{user}'");
        let plan = plan(&app, "SELECT u.*", &[&quoted, &quoted, "51"]).await;
        assert!(plan.contains("uploads_by_user"), "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
    let request = app.request(reqwest::Method::POST, "/v1/uploads/lookup");
    let ids: Vec<String> = (1..=500).map(|n| format!("f{}", n * 200)).collect();
    let request = request.json(&serde_json::json!({"file_ids": ids}));
    assert!(request.send().await.unwrap().status().is_success());
    let asked = format!("'{{{}}}'", ids.join(","));
    let plan = plan(&app, "SELECT u.*", &[&asked]).await;
    assert!(plan.contains("uploads_pkey"), "{plan}");
    assert!(!plan.contains("Seq Scan on uploads"), "{plan}");
}

#[actix_web::test]
async fn each_list_of_deliveries_leans_on_its_index() {
    let app = TestApp::start().await;
    app.run(SEED.to_owned()).await;
    for (query, values, index) in [
        ("", &["6"][..], "deliveries_2026_11_pkey"),
        ("state=quarantined", &["6"], "deliveries_2026_11_id_idx"),
        (
            "file_id=f77",
            &["'f77'", "'f77'", "6"],
            "deliveries_2026_11_file_id_app_idx",
        ),
    ] {
        for order in ["desc", "asc"] {
            app.get(&format!("/v1/deliveries?limit=5&order={order}&{query}"))
                .await;
            let plan = plan(&app, "SELECT d.id, ", values).await;
            assert!(plan.contains(index), "{query}: no {index} in\n{plan}");
            // The months without a row are small enough for any plan.
            assert!(!plan.contains("Seq Scan on deliveries_2026_11"), "{plan}");
        }
    }
}

#[actix_web::test]
async fn an_erasure_finds_what_tasks_made_of_a_file_by_its_index() {
    let app = TestApp::start().await;
    app.run(SEED.to_owned()).await;
    // As those who write are set: planned once, for files of which nothing is known.
    let mut writer = app.database.connect().await.unwrap();
    let statement = include_str!("../../src/record/erase/blanked.sql");
    let asked = format!(
        "PREPARE asked (uuid, text[], text[]) AS {statement};
        EXPLAIN EXECUTE asked (gen_random_uuid(), '{{main}}', '{{f200}}')"
    );
    let lines = sqlx::raw_sql(AssertSqlSafe(asked))
        .fetch_all(&mut writer)
        .await
        .unwrap();
    let line = |row| sqlx::Row::get::<String, _>(row, 0) + "\n";
    let plan: String = lines.iter().map(line).collect();
    for index in [
        "tasks_by_file",
        "attribution_changes_by_file",
        "erased_files_pkey",
    ] {
        assert!(plan.contains(index), "no {index} in\n{plan}");
    }
}

#[actix_web::test]
async fn the_views_find_a_ticket_and_a_user_by_their_indexes() {
    let app = TestApp::start().await;
    app.run(format!(
        "{SEED}
        INSERT INTO counted_uploads (file_id, app, generation, at, recorded_at, user_id, ticket, confirmed)
            SELECT file_id, 'main', 1, at, at, CASE WHEN NOT nobodys THEN user_id END, CASE WHEN NOT nobodys THEN ticket END, 'push'
            FROM seed;
        INSERT INTO signature_issues (id, ticket, app, user_id, issued_at, expires_at, secret_id, random, one_time, issued_to)
            SELECT id_at(at, n), ticket, 'main', user_id, at, at, 'a', 1, false, 'a' FROM seed WHERE NOT nobodys;
        ANALYZE counted_uploads, signature_issues"
    ))
    .await;
    let ticket: String = sqlx::query_scalar("SELECT ticket_text(id_at('2026-11-01', 1))")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    let mut analyst = analyst(&app.database_url()).await;
    let of_ticket = format!("ticket_id = analyst.ticket_id('{ticket}')");
    for (view, condition, index) in [
        (
            "upload_timeline",
            of_ticket.as_str(),
            "counted_uploads_by_ticket",
        ),
        ("misuse", &of_ticket, "counted_uploads_by_ticket"),
        (
            "signature_issues",
            &of_ticket,
            "signature_issues_2026_11_ticket_idx",
        ),
        ("ticket_use", &of_ticket, "tickets_pkey"),
        ("ticket_use", "day = '2026-11-20'", "tickets_pkey"),
        (
            "upload_timeline",
            "user_id = 'user-1999'",
            "counted_uploads_by_user",
        ),
        (
            "user_activity_daily",
            "user_id = 'user-1999'",
            "counted_uploads_by_user",
        ),
        (
            "upload_timeline",
            "day = '2026-11-20'",
            "counted_uploads_by_time",
        ),
        (
            "callback_delay",
            "day = '2026-11-20'",
            "counted_uploads_by_time",
        ),
    ] {
        let explain = format!("EXPLAIN SELECT * FROM analyst.{view} WHERE {condition}");
        let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain))
            .fetch_all(&mut analyst)
            .await
            .unwrap();
        let plan = lines.join("\n");
        assert!(
            plan.contains(index),
            "{view} {condition}: no {index} in\n{plan}"
        );
        for table in [
            "tickets",
            "counted_uploads",
            "uploads",
            "signature_issues_2026_11",
        ] {
            assert!(
                !plan.contains(&format!("Seq Scan on {table}")),
                "{view} {condition}:\n{plan}"
            );
        }
    }
}
