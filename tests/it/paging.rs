//! A walk through the pages of a list, while uploads come in: whatever the ties, the filter, the order and the limit,
//! what was there when it began is met once, and in order.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::StatusCode;
use serde_json::Value;
use vod_receiver::record::Delivery;

use crate::harness::{TestApp, named_app, new_file_upload, token_app};

const CASES: usize = 48;

/// One upload: its file, whether it is of the other app, whether it is ann's, and microseconds from the one before.
type Told = (u8, bool, bool, i64);

/// What is there before the walk, what comes in after each of its pages, and how it is walked.
#[derive(Debug)]
struct Case {
    before: Vec<Told>,
    meanwhile: Vec<Vec<Told>>,
    limit: usize,
    ascending: bool,
    filter: &'static str,
}

fn cases() -> impl Strategy<Value = Case> {
    // Mostly at the same moment; of 256 file ids, so that they are told again too.
    let told = || {
        (
            any::<u8>(),
            any::<bool>(),
            any::<bool>(),
            (0..4_i64).prop_map(|n| n / 3),
        )
    };
    let filters = [
        "",
        "user_id=ann",
        "attribution=none",
        "app=main",
        "app=main&user_id=ann",
    ];
    (
        vec(told(), 0..40),
        vec(vec(told(), 0..6), 0..8),
        1..9_usize,
        any::<bool>(),
        proptest::sample::select(filters.to_vec()),
    )
        .prop_map(|(before, meanwhile, limit, ascending, filter)| Case {
            before,
            meanwhile,
            limit,
            ascending,
            filter,
        })
}

type Key = (String, String, String);

fn key(item: &Value) -> Key {
    let text = |name: &str| item[name].as_str().unwrap().to_owned();
    // Its text sorts as its time only if all have as many letters.
    let at: chrono::DateTime<chrono::Utc> = text("recorded_at").parse().unwrap();
    let at = at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
    (at, text("app"), text("file_id"))
}

impl TestApp {
    async fn come_in(&self, told: &[Told], ticket: &[String; 2]) {
        for &(file, of_other, is_anns, later) in told {
            self.clock.advance(TimeDelta::microseconds(later));
            let context = if is_anns {
                &ticket[usize::from(of_other)]
            } else {
                ""
            };
            let delivery = Delivery {
                app: if of_other { "second" } else { "main" }.parse().unwrap(),
                ..self.delivery(&new_file_upload(&file.to_string(), context))
            };
            self.recorder.submit(vec![delivery]).await.unwrap();
        }
    }

    /// One page: its keys, and the cursor of the next.
    async fn page(&self, query: &str, cursor: Option<&str>) -> (Vec<Key>, Option<String>) {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}"));
        let path = format!("/v1/uploads?{query}{}", cursor.unwrap_or_default());
        let (status, page) = self.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let keys = page["items"].as_array().unwrap().iter().map(key);
        let next = page["next_cursor"].as_str().map(str::to_owned);
        (keys.collect(), next)
    }
}

#[actix_web::test]
async fn what_was_there_when_a_walk_began_is_met_once_and_in_order() {
    let app = TestApp::with(vec![token_app(), named_app("second")]).await;
    let mut tickets = Vec::new();
    for name in ["main", "second"] {
        let body = serde_json::json!({"user_id": "ann", "app": name});
        let (_, issued) = app.post_signature(&body).await;
        tickets.push(issued["ticket"].as_str().unwrap().to_owned());
    }
    let tickets: [String; 2] = tickets.try_into().unwrap();
    let mut runner = TestRunner::deterministic();
    let (mut pages, mut met_late) = (0, 0);
    for _ in 0..CASES {
        let case = cases().new_tree(&mut runner).unwrap().current();
        app.run("TRUNCATE uploads, attribution_changes".to_owned())
            .await;
        app.clock.advance(TimeDelta::seconds(1));
        app.come_in(&case.before, &tickets).await;
        let order = if case.ascending { "asc" } else { "desc" };
        let whole = format!("limit=200&order={order}&{}", case.filter);
        let (there, end) = app.page(&whole, None).await;
        assert_eq!(end, None);

        let query = format!("limit={}&order={order}&{}", case.limit, case.filter);
        let (mut met, mut cursor) = (Vec::new(), None);
        let mut meanwhile = case.meanwhile.iter();
        loop {
            let (keys, next) = app.page(&query, cursor.as_deref()).await;
            assert!(keys.len() == case.limit || next.is_none(), "{case:?}");
            met.extend(keys);
            pages += 1;
            if let Some(told) = meanwhile.next() {
                app.come_in(told, &tickets).await;
            }
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        let in_order = |pair: &[Key]| match case.ascending {
            true => pair[0] < pair[1],
            false => pair[0] > pair[1],
        };
        assert!(met.windows(2).all(in_order), "{case:?}\n{met:#?}");
        let known: BTreeSet<&Key> = met.iter().collect();
        let missing = there.iter().find(|key| !known.contains(key));
        // A file told again as another's leaves a list that asks for one.
        let (now_there, _) = app.page(&whole, None).await;
        let missing = missing.filter(|key| now_there.contains(key));
        assert_eq!(missing, None, "{case:?}\n{met:#?}");
        met_late += met.iter().filter(|key| !there.contains(key)).count();
    }
    assert!(
        pages > 100 && met_late > 5,
        "{pages} pages, {met_late} late"
    );
}
