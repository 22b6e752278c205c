//! The quota of the workspace: numbers, models, message.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use onehorizon_testing::{FakeBuilder, FakeOneHorizon, QuotaModel};

const MODELS: [QuotaModel; 3] = [QuotaModel::FixedWindow, QuotaModel::SlidingWindow, QuotaModel::TokenBucket];

/// A clock that moves when a test moves it.
#[derive(Clone)]
struct HandClock(Arc<Mutex<Instant>>);

impl HandClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn pass(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }

    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

fn with_clock(builder: FakeBuilder) -> (FakeOneHorizon, HandClock) {
    let clock = HandClock::new();
    let fake = builder.clock({
        let clock = clock.clone();
        move || clock.now()
    });
    (fake.in_process(), clock)
}

fn call_with(fake: &FakeOneHorizon, token: &str) -> Response<Bytes> {
    let request = Request::get(format!("{}/workspaces/current/tasks/tsk_1001", fake.url()));
    let request = request.header("authorization", format!("Bearer {token}"));
    fake.handle(&request.body(Bytes::new()).unwrap())
}

fn call(fake: &FakeOneHorizon) -> u16 {
    call_with(fake, fake.api_key()).status().as_u16()
}

/// How many of so many calls are let in.
fn admitted(fake: &FakeOneHorizon, calls: usize) -> usize {
    (0..calls).filter(|_| call(fake) == 200).count()
}

/// The seconds that a refusal asks to wait.
fn advised_wait(response: &Response<Bytes>) -> u64 {
    assert_eq!(response.status(), 429);
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["code"], 429);
    let message = body["message"].as_str().unwrap();
    let seconds = message.strip_prefix("standard rate limit exceeded, retry in ").unwrap();
    seconds.strip_suffix(" seconds").unwrap().parse().unwrap()
}

#[test]
fn a_minute_lets_forty_requests_in_under_every_model() {
    for model in MODELS {
        let (fake, _) = with_clock(FakeOneHorizon::builder().quota_model(model));
        assert_eq!((admitted(&fake, 60), fake.quota_left()), (40, Some(0)), "{model:?}");
    }
}

#[test]
fn fifteen_minutes_let_two_hundred_requests_in() {
    for model in [QuotaModel::FixedWindow, QuotaModel::SlidingWindow] {
        let (fake, clock) = with_clock(FakeOneHorizon::builder().quota_model(model));
        let mut count = 0;
        for _ in 0..15 {
            count += admitted(&fake, 60);
            clock.pass(59);
            assert_eq!(call(&fake), 429, "{model:?}");
            clock.pass(1);
        }
        assert_eq!(count, 200, "{model:?}");
        assert_eq!(call(&fake), 200, "{model:?}: the first quarter of an hour is over");
    }
}

#[test]
fn the_refusal_states_the_seconds_and_waiting_them_is_enough() {
    for model in MODELS {
        let (fake, clock) = with_clock(FakeOneHorizon::builder().quota_model(model));
        for spend in [FakeOneHorizon::spend_minute, FakeOneHorizon::spend_quota] {
            spend(&fake);
            let refused = call_with(&fake, fake.api_key());
            let seconds = advised_wait(&refused);
            assert!((1..=900).contains(&seconds), "{model:?}: {seconds}");
            assert!(refused.headers().get("retry-after").is_none());
            clock.pass(seconds - 1);
            assert_eq!(call(&fake), 429, "{model:?}: {seconds} seconds are more than needed");
            clock.pass(1);
            assert_eq!(call(&fake), 200, "{model:?}: {seconds} seconds are not enough");
        }
    }
}

#[test]
fn a_fixed_window_starts_over_at_once_and_a_sliding_one_bit_by_bit() {
    let spread = |model| {
        let (fake, clock) = with_clock(FakeOneHorizon::builder().quota_model(model));
        assert_eq!(admitted(&fake, 20), 20);
        clock.pass(50);
        assert_eq!(admitted(&fake, 30), 20);
        clock.pass(10);
        admitted(&fake, 60)
    };
    assert_eq!(spread(QuotaModel::FixedWindow), 40);
    assert_eq!(spread(QuotaModel::SlidingWindow), 20);
}

#[test]
fn a_token_bucket_gives_room_back_evenly() {
    let (fake, clock) = with_clock(FakeOneHorizon::builder().quota_model(QuotaModel::TokenBucket));
    assert_eq!(admitted(&fake, 60), 40);
    clock.pass(3);
    assert_eq!(fake.quota_left(), Some(2), "40 a minute are two in three seconds");
    assert_eq!(admitted(&fake, 60), 2);
    clock.pass(16);
    assert_eq!((fake.quota_left(), admitted(&fake, 60)), (Some(10), 10));
}

#[test]
fn every_credential_of_the_workspace_spends_the_same_quota() {
    let (fake, _) = with_clock(FakeOneHorizon::builder());
    assert_eq!(admitted(&fake, 40), 40);
    for token in [fake.oauth_token(), fake.member_token(), "fake-api-key-1002-not-a-secret"] {
        advised_wait(&call_with(&fake, token));
    }
}

#[test]
fn strangers_and_refused_requests_spend_nothing() {
    let (fake, clock) = with_clock(FakeOneHorizon::builder().quota_model(QuotaModel::SlidingWindow));
    assert!((0..100).all(|_| call_with(&fake, "made-up").status() == 401));
    assert_eq!(fake.quota_left(), Some(40));
    assert_eq!(admitted(&fake, 500), 40);
    clock.pass(60);
    assert_eq!(admitted(&fake, 500), 40);
}

#[test]
fn requests_that_fail_for_another_reason_spend_the_quota_too() {
    let (fake, _) = with_clock(FakeOneHorizon::builder());
    let request = Request::get(format!("{}/workspaces/current/tasks/tsk_0", fake.url()));
    let request = request.header("authorization", format!("Bearer {}", fake.api_key())).body(Bytes::new()).unwrap();
    assert_eq!(fake.handle(&request).status(), 404);
    assert_eq!(fake.quota_left(), Some(39));
}

#[test]
fn the_wait_is_in_a_header_only_when_a_test_wants_it() {
    let (fake, _) = with_clock(FakeOneHorizon::builder().retry_after_header());
    fake.spend_quota();
    let refused = call_with(&fake, fake.api_key());
    assert_eq!(refused.headers()["retry-after"].to_str().unwrap(), advised_wait(&refused).to_string());
}

#[test]
fn the_numbers_can_be_others_and_the_quota_can_be_off() {
    let (fake, clock) = with_clock(FakeOneHorizon::builder().quota(3, 2));
    assert_eq!(admitted(&fake, 9), 2);
    clock.pass(60);
    assert_eq!(admitted(&fake, 9), 1);
    let (fake, _) = with_clock(FakeOneHorizon::builder().quota_off());
    fake.spend_quota();
    assert_eq!((admitted(&fake, 300), fake.quota_left()), (300, None));
}

#[tokio::test(start_paused = true)]
async fn by_default_the_quota_follows_tokios_clock() {
    let fake = FakeOneHorizon::builder().in_process();
    assert_eq!(admitted(&fake, 60), 40);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(admitted(&fake, 60), 40);
}
