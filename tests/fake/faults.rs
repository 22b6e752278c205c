//! Scenarios: what goes wrong, over real connections.

use std::time::{Duration, SystemTime};

use onehorizon_testing::{FakeOneHorizon, Fault, Wait};
use support::http::Caller;
use tokio::time::Instant;

const TASKS: &str = "/workspaces/current/tasks";
const NEW: &str = r#"{"title":"x"}"#;

async fn fake() -> (FakeOneHorizon, Caller) {
    let fake = FakeOneHorizon::start().await.unwrap();
    let key = Caller::new(&fake.url(), fake.api_key());
    (fake, key)
}

#[tokio::test]
async fn faults_happen_in_their_order_and_then_all_is_well() {
    let (fake, key) = fake().await;
    fake.script([Fault::status(503), Fault::pass(), Fault::status(500).times(2)]);
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(key.get(TASKS).await.status);
    }
    assert_eq!((seen, fake.scripted()), (vec![503, 200, 500, 500, 200], 0));
}

#[tokio::test]
async fn a_fault_can_wait_for_one_operation() {
    let (fake, key) = fake().await;
    fake.fail_next(Fault::status(503).on("createTask"));
    assert_eq!(key.get(TASKS).await.status, 200);
    let refused = key.post(TASKS, NEW).await;
    assert_eq!((refused.status, refused.json()["code"].as_u64()), (503, Some(503)));
    assert_eq!(refused.message(), "service unavailable");
    assert_eq!(fake.executed("createTask"), 0);
    assert_eq!(key.post(TASKS, NEW).await.status, 201);
    assert_eq!(fake.executed("createTask"), 1);
}

#[tokio::test]
async fn a_fault_can_last_until_it_is_cleared() {
    let (fake, key) = fake().await;
    fake.fail_next(Fault::status(502).forever());
    for _ in 0..3 {
        assert_eq!((key.get(TASKS).await.status, fake.scripted()), (502, 1));
    }
    fake.clear_script();
    assert_eq!(fake.scripted(), 0);
    assert_eq!(key.get(TASKS).await.status, 200);
}

#[tokio::test]
async fn a_refusal_states_its_wait_in_every_known_form() {
    let (fake, key) = fake().await;
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let bare = "standard rate limit exceeded";
    let cases = [
        (Wait::Message(43), "standard rate limit exceeded, retry in 43 seconds", None),
        (Wait::RetryAfter(7), bare, Some("7")),
        (Wait::RetryAfterDate(date), bare, Some("Sun, 06 Nov 1994 08:49:37 GMT")),
        (Wait::Both { header: 2, message: 9 }, "standard rate limit exceeded, retry in 9 seconds", Some("2")),
        (Wait::Untold, bare, None),
    ];
    for (wait, message, header) in cases {
        fake.fail_next(Fault::rate_limited(wait));
        let reply = key.get(TASKS).await;
        assert_eq!((reply.status, reply.message().as_str()), (429, message));
        assert_eq!(reply.header("retry-after"), header, "{wait:?}");
    }
    assert_eq!(fake.executed("listTasks"), 0);
}

#[tokio::test]
async fn a_response_can_be_a_proxys_html_or_anything_else() {
    let (fake, key) = fake().await;
    fake.script([
        Fault::html(502),
        Fault::status(200).body("application/json", "{\"tasks\":"),
        Fault::status(200).body("application/json", ""),
        Fault::status(307).header("Location", "https://elsewhere.invalid/"),
        Fault::status(9999),
    ]);
    let page = key.get(TASKS).await;
    assert_eq!((page.status, page.header("content-type")), (502, Some("text/html; charset=utf-8")));
    assert!(page.body.starts_with("<!doctype html>"));
    assert_eq!(key.get(TASKS).await.body, "{\"tasks\":");
    let empty = key.get(TASKS).await;
    assert_eq!((empty.status, empty.body.as_str()), (200, ""));
    assert_eq!(key.get(TASKS).await.header("location"), Some("https://elsewhere.invalid/"));
    assert_eq!(key.get(TASKS).await.status, 500);
}

#[tokio::test]
async fn a_connection_dropped_before_execution_changes_nothing() {
    let (fake, key) = fake().await;
    let before = fake.tasks().len();
    fake.fail_next(Fault::drop_before());
    let json = [("Content-Type", "application/json")];
    assert!(key.send("POST", TASKS, &json, NEW).await.is_err());
    assert_eq!((fake.executed("createTask"), fake.tasks().len()), (0, before));
    assert_eq!(fake.requests()[0].status(), None);
}

#[tokio::test]
async fn a_connection_dropped_after_execution_leaves_the_change_behind() {
    let (fake, key) = fake().await;
    let before = fake.tasks().len();
    fake.fail_next(Fault::drop_after());
    let json = [("Content-Type", "application/json")];
    assert!(key.send("POST", TASKS, &json, NEW).await.is_err());
    assert_eq!((fake.executed("createTask"), fake.tasks().len()), (1, before + 1));
}

#[tokio::test]
async fn a_truncated_response_promises_more_than_it_brings() {
    let (fake, key) = fake().await;
    let whole = key.get(TASKS).await;
    for bytes in [0, 1, 100] {
        fake.fail_next(Fault::truncate(bytes));
        let cut = key.get(TASKS).await;
        assert_eq!((cut.status, cut.body.as_str()), (200, &whole.body[..bytes]));
        assert_eq!(cut.header("content-length"), whole.header("content-length"));
        assert!(whole.is_whole() && !cut.is_whole());
    }
    fake.fail_next(Fault::truncate(usize::MAX));
    assert!(key.get(TASKS).await.is_whole());
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_is_executed_first_and_responded_to_later() {
    let (fake, key) = fake().await;
    fake.script([Fault::slow(Duration::from_secs(20)), Fault::status(503).after(Duration::from_secs(5))]);
    let start = Instant::now();
    assert_eq!(key.post(TASKS, NEW).await.status, 201);
    assert!(start.elapsed() >= Duration::from_secs(20), "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(key.get(TASKS).await.status, 503);
    assert!(start.elapsed() >= Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_slow_request_is_executed_even_if_its_caller_gives_up() {
    let (fake, key) = fake().await;
    fake.script([Fault::slow(Duration::from_secs(3600)), Fault::hang()]);
    for expected in [1, 1] {
        let call = key.post(TASKS, NEW);
        tokio::pin!(call);
        let seen = fake.requests().len();
        // Polls the call until the fake has the request; the response never comes.
        while fake.requests().len() == seen {
            let turn = tokio::task::yield_now();
            tokio::select! { biased; _ = &mut call => panic!("a response came"), () = turn => {} }
        }
        assert_eq!(fake.executed("createTask"), expected);
    }
}
