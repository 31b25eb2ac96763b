//! Receivers that are real processes: killed at the worst moment, two at once, told to stop.

use std::sync::Arc;

use super::*;

const KILLS: u64 = 50;
const EVENTS_A_KILL: u64 = 4;

fn settings(vod: &Vod) -> [(&'static str, String); 2] {
    [
        ("VOD_EVENTS", "pull".to_owned()),
        ("VOD_API_ENDPOINT", vod.serving.url()),
    ]
}

/// In a data directory of its own: a spool that is lost with a receiver is not what is tested here.
fn start(vod: &Vod, app: &TestApp) -> Serving {
    start_in(&Scratch::new(), vod, app)
}

fn start_in(dir: &Arc<Scratch>, vod: &Vod, app: &TestApp) -> Serving {
    let settings = settings(vod);
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    Serving::start_with(dir, &app.database_url(), &[], &settings)
}

fn emit(vod: &Vod, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let file_id = (9_600_000_000_000_000_000 + number).to_string();
        vod.simulator.emit(new_file_upload(&file_id, ""));
    }
}

async fn has_drained(serving: &Serving) {
    eventually("what was spooled is recorded too", async || {
        serving.get("/readyz").await.1["spool"]["records"] == 0
    })
    .await;
}

/// A VOD on the machine's clock, as a receiver that is a process of its own has it.
fn live_vod(visibility: Duration) -> Vod {
    vod_with(Clock::system(), visibility)
}

#[actix_web::test]
async fn killed_between_record_and_confirm_fifty_times_every_event_is_recorded_once() {
    let vod = live_vod(Duration::from_secs(8));
    let app = on_empty_database().await;
    let dir = Scratch::new();
    let first = start_in(&dir, &vod, &app);
    first.is_ready().await;
    assert_eq!(first.end("-TERM").await, Some(0));
    for kill in 0..KILLS {
        // When VOD is asked to confirm, what was pulled is recorded; whether VOD does so varies.
        let kind = match kill % 3 {
            0 => FaultKind::ErrorCode("InternalError".to_owned()),
            1 => FaultKind::HangUp,
            _ => FaultKind::CutBody,
        };
        let confirmations = vod.simulator.calls("ConfirmEvents");
        vod.simulator.fail(Fault::once(kind).on("ConfirmEvents"));
        let serving = start_in(&dir, &vod, &app);
        if kill % 2 == 0 {
            // Else it may pull before it has Postgres, and record in its spool.
            serving.is_ready().await;
        }
        emit(&vod, kill * EVENTS_A_KILL..(kill + 1) * EVENTS_A_KILL);
        vod.is_called("ConfirmEvents", confirmations + 1).await;
        assert_eq!(serving.end("-KILL").await, None);
    }
    let events = i64::try_from(KILLS * EVENTS_A_KILL).unwrap();
    let last = start_in(&dir, &vod, &app);
    vod.is_empty().await;
    assert_eq!(vod.simulator.confirmed(), KILLS * EVENTS_A_KILL);
    has_drained(&last).await;
    assert_eq!(last.end("-TERM").await, Some(0));
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, events);
    let deliveries = app.count("SELECT count(*) FROM deliveries").await;
    assert!(deliveries > events, "none of {deliveries} came again");
    let counted = "SELECT sum(deliveries)::int8 FROM uploads";
    assert_eq!(app.count(counted).await, deliveries);
}

#[actix_web::test]
async fn two_receivers_share_a_queue() {
    // Nothing is to come again, however slow the two are.
    let vod = live_vod(Duration::from_secs(600));
    let app = on_empty_database().await;
    let one = start(&vod, &app);
    one.is_ready().await;
    let two = start(&vod, &app);
    two.is_ready().await;
    emit(&vod, 0..400);
    vod.is_empty().await;
    has_drained(&one).await;
    has_drained(&two).await;
    assert_eq!(app.count("SELECT count(*) FROM uploads").await, 400);
    assert_eq!(app.count("SELECT count(*) FROM deliveries").await, 400);
    assert_eq!(one.end("-TERM").await, Some(0));
    assert_eq!(two.end("-TERM").await, Some(0));
}

#[actix_web::test]
async fn told_to_stop_it_confirms_what_it_recorded_and_drops_its_poll() {
    let vod = live_vod(Duration::from_secs(30));
    let app = on_empty_database().await;
    let serving = start(&vod, &app);
    serving.is_ready().await;
    let slow = FaultKind::Delay(Duration::from_millis(200));
    vod.simulator.fail(Fault::once(slow).on("ConfirmEvents"));
    emit(&vod, 0..3);
    vod.is_called("ConfirmEvents", 1).await;
    assert_eq!(serving.end("-TERM").await, Some(0));
    // How many it had pulled by then varies: the first may have ended a poll before the others were there.
    let recorded = app.count("SELECT count(*) FROM deliveries").await;
    assert!(recorded > 0);
    assert_eq!(vod.simulator.confirmed(), u64::try_from(recorded).unwrap());
}
