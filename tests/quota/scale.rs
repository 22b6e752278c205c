//! Many waiting calls and large numbers cost neither memory nor time without bound.

use std::time::{Duration, Instant};

use onehorizon::RateLimit;
use onehorizon::quota::{Lane, MemoryQuota, Pacing, QuotaStore, Slot, SlotRequest, Take};
use support::wire::{Wire, limited, read};
use tokio::task::JoinSet;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "what is measured is this machine's work, in virtual time")]
async fn sixteen_thousand_waiting_calls_cost_each_a_little() {
    let mut costs = Vec::new();
    for calls in [2_000_u32, 16_000] {
        let wire = Wire::new([]);
        let configuration = wire.builder().pacing(Pacing::documented().max_wait(100_000 * SECOND)).build().unwrap();
        let began = Instant::now();
        let mut set = JoinSet::new();
        for _ in 0..calls {
            set.spawn(read(&configuration).deadline(200_000 * SECOND).into_future());
        }
        tokio::time::sleep(SECOND).await;
        assert_eq!(configuration.quota().waiting, calls as usize - 40);
        costs.push(began.elapsed() / calls);
        set.abort_all();
    }
    // With the square of their number each of the second lot would cost eight times as much.
    assert!(costs[1] < 4 * costs[0] + Duration::from_micros(50), "{costs:?} for each call");
}

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "what is measured is this machine's work, in virtual time")]
async fn a_refusal_reaches_sixteen_thousand_waiting_calls_at_once() {
    let wire = Wire::new([limited(100)]);
    let configuration = wire.builder().pacing(Pacing::documented()).on_quota_wait(|_| {}).build().unwrap();
    let began = Instant::now();
    let mut set = JoinSet::new();
    for _ in 0..16_000 {
        set.spawn(read(&configuration).into_future());
    }
    tokio::time::sleep(SECOND).await;
    assert!(configuration.quota().closed_for.is_some());
    assert!(began.elapsed() < 20 * SECOND, "{:?}", began.elapsed());
    set.abort_all();
}

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "what is measured is this machine's work")]
async fn numbers_that_a_service_sends_cost_no_memory() {
    let pacing = Pacing::new().window(u32::MAX, 1000 * SECOND).window(4_000_000_000, 900 * SECOND);
    let store = MemoryQuota::default();
    let began = Instant::now();
    for number in 0..2_000_u64 {
        let mut reported = RateLimit::default();
        (reported.limit, reported.remaining) = (Some(4_000_000_000), Some(4_000_000_000 - number * 1_000_000));
        store.learn(pacing.rules(), &reported);
        let take = store.take(pacing.rules(), SlotRequest::new(Slot::new(number), SECOND)).await.unwrap();
        assert_eq!(take, Take::Granted);
    }
    let usage = store.usage(pacing.rules(), Lane::Normal, 1_000_000);
    assert!(usage.windows[1].used >= 1_999_000_000, "{usage:?}");
    assert!(began.elapsed() < 5 * SECOND, "{:?}", began.elapsed());
}

#[test]
fn an_estimate_is_the_time_that_the_windows_ask_for() {
    let pacing = Pacing::documented();
    for (calls, seconds) in [(0, 0), (1, 0), (40, 0), (41, 60), (200, 240), (201, 900), (600, 2 * 900 + 240)] {
        let estimate = pacing.estimate(calls).as_secs();
        assert!((seconds..=seconds + 3).contains(&estimate), "{calls} calls: {estimate} s");
    }
    assert!(pacing.estimate(u32::MAX) > Duration::from_secs(u64::from(u32::MAX) / 200 * 890));
}
