//! What the service reports of its limits, under pacing.

use onehorizon::quota::{Pacing, QuotaShape, WindowUsage};
use support::wire::{Wire, ok};

use super::pacing::{make_calls, ms, three_in_ten};

#[tokio::test(start_paused = true)]
async fn a_remainder_that_the_service_sends_counts_if_it_is_smaller() {
    let reported = ok().header("x-ratelimit-limit", 40).header("x-ratelimit-remaining", 2);
    let wire = Wire::new([reported]);
    let configuration = wire.builder().pacing(Pacing::documented()).build().unwrap();
    make_calls(&configuration, 1, 1).await;
    let used: Vec<_> = configuration.quota().windows.iter().map(WindowUsage::remaining).collect();
    assert_eq!(used, [199, 2]);
    make_calls(&configuration, 3, 3).await;
    assert_eq!(wire.sent(), [0, 0, 0, 60_060]);
}

#[tokio::test(start_paused = true)]
async fn a_spent_window_that_is_reported_before_it_refuses_is_waited_for() {
    let reported = ok().header("ratelimit-limit", 40).header("ratelimit-remaining", 0).header("ratelimit-reset", 12);
    let wire = Wire::new([reported]);
    let configuration = wire.builder().pacing(Pacing::documented()).build().unwrap();
    make_calls(&configuration, 2, 2).await;
    assert_eq!(wire.sent(), [0, 12_000]);
    assert_eq!(configuration.quota().windows[1].remaining(), 38);
}

#[tokio::test(start_paused = true)]
async fn a_token_bucket_that_is_reported_empty_is_waited_for_token_by_token() {
    let reported = ok().header("ratelimit-limit", 40).header("ratelimit-remaining", 0);
    let wire = Wire::new([reported]);
    let pacing = Pacing::documented().shape(QuotaShape::TokenBucket);
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    make_calls(&configuration, 3, 3).await;
    assert_eq!(wire.sent(), [0, 1_502, 3_003], "40 tokens come back in 60.06 s");
}

#[tokio::test(start_paused = true)]
async fn in_a_token_bucket_each_call_ahead_is_another_token_to_wait_for() {
    let wire = Wire::new([]);
    let pacing = Pacing::documented().shape(QuotaShape::TokenBucket);
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    let calls = tokio::spawn({
        let configuration = configuration.clone();
        async move { make_calls(&configuration, 45, 45).await }
    });
    tokio::time::sleep(ms(100)).await;
    let status = configuration.quota();
    assert_eq!((wire.count(), status.waiting, status.next_free), (40, 5, ms(8_909)), "6 x 1.5015 s, less 0.1 s");
    calls.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_larger_remainder_than_ours_changes_nothing() {
    let reported = ok().header("x-ratelimit-limit", 3).header("x-ratelimit-remaining", 900);
    let wire = Wire::new(vec![reported; 4]);
    let configuration = wire.builder().pacing(three_in_ten()).build().unwrap();
    make_calls(&configuration, 4, 4).await;
    assert_eq!(wire.sent(), [0, 0, 0, 10_010]);
}
