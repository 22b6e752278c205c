//! Stores of the quota: the contract, the one in memory, and what the engine does with others.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use onehorizon::RateLimit;
use onehorizon::RequestOptions;
use onehorizon::quota::{Ending, MemoryQuota, Pacing, QuotaRules, QuotaStore, Slot, Take, Usage, Window};
use onehorizon::transport::BoxFuture;
use onehorizon_testing::conformance::quota::conformance;
use support::wire::{Wire, read};

const SECOND: Duration = Duration::from_secs(1);

fn pass(time: Duration) -> BoxFuture<'static, ()> {
    Box::pin(tokio::time::sleep(time))
}

#[tokio::test(start_paused = true)]
async fn the_store_in_memory_keeps_the_contract() {
    for unit in [Duration::from_millis(50), SECOND, 60 * SECOND] {
        assert_eq!(conformance(|| Arc::new(MemoryQuota::default()), pass, unit).await, Ok(()));
    }
}

/// The store in memory with one promise broken.
struct Broken {
    inner: MemoryQuota,
    fault: Breach,
    numbers: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    GivesAlways,
    SeesOneWindow,
    KeepsUnsent,
    CountsFromTheStart,
    NeverEndsALease,
    HearsNothing,
    Fails,
}

type Taken<'a> = BoxFuture<'a, Result<Take, Box<dyn StdError + Send + Sync>>>;

impl QuotaStore for Broken {
    fn take<'a>(&'a self, rules: &'a QuotaRules, lease: Duration) -> Taken<'a> {
        Box::pin(async move {
            match self.fault {
                Breach::GivesAlways => Ok(Take::Granted(Slot::new(self.numbers.fetch_add(1, Ordering::Relaxed)))),
                Breach::Fails => Err("the store is away".into()),
                Breach::NeverEndsALease => self.inner.take(rules, Duration::from_secs(1_000_000)).await,
                Breach::SeesOneWindow => {
                    let one = last_window_only(rules);
                    self.inner.take(one.rules(), lease).await
                }
                Breach::CountsFromTheStart => {
                    let take = self.inner.take(rules, lease).await?;
                    if let Take::Granted(slot) = take {
                        self.inner.settle(rules, slot, Ending::Answered);
                    }
                    Ok(take)
                }
                Breach::KeepsUnsent | Breach::HearsNothing => self.inner.take(rules, lease).await,
            }
        })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, ending: Ending) {
        match self.fault {
            Breach::KeepsUnsent => self.inner.settle(rules, slot, Ending::Answered),
            Breach::SeesOneWindow => self.inner.settle(last_window_only(rules).rules(), slot, ending),
            Breach::CountsFromTheStart => {}
            _ => self.inner.settle(rules, slot, ending),
        }
    }

    fn learn(&self, rules: &QuotaRules, told: &RateLimit) {
        if self.fault != Breach::HearsNothing {
            self.inner.learn(rules, told);
        }
    }

    fn usage(&self, rules: &QuotaRules, ahead: usize) -> Usage {
        self.inner.usage(rules, ahead)
    }
}

fn last_window_only(rules: &QuotaRules) -> Pacing {
    let window: Window = *rules.windows().last().unwrap();
    Pacing::new().window(window.requests(), window.length())
}

fn broken(fault: Breach) -> Arc<Broken> {
    Arc::new(Broken { inner: MemoryQuota::default(), fault, numbers: AtomicU64::new(0) })
}

#[tokio::test(start_paused = true)]
async fn the_contract_notices_each_broken_promise() {
    for (fault, promise) in [
        (Breach::GivesAlways, "a window of 3 gives 3 slots, and 3 again when it is over"),
        (Breach::SeesOneWindow, "the larger window limits the sum"),
        (Breach::KeepsUnsent, "a slot that was not used is free again"),
        (Breach::CountsFromTheStart, "a request under way holds its slot"),
        (Breach::NeverEndsALease, "a slot that nobody settles is free one window after its lease"),
        (Breach::HearsNothing, "no slot is given while the service refuses"),
        (Breach::Fails, "take failed: the store is away"),
    ] {
        assert_eq!(conformance(|| broken(fault), pass, SECOND).await, Err(promise.to_owned()), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_configurations_share_the_quota_of_one_store() {
    let store: Arc<dyn QuotaStore> = Arc::new(MemoryQuota::default());
    let pacing = Pacing::new().window(2, 10 * SECOND).store(store);
    let wire = Wire::new([]);
    let one = wire.builder().pacing(pacing.clone()).build().unwrap();
    let other = wire.builder().pacing(pacing).build().unwrap();
    for configuration in [&one, &other, &one, &other] {
        read(configuration).await.unwrap();
    }
    assert_eq!(wire.sent(), [0, 0, 10_010, 10_010]);
    assert_eq!(one.quota().windows, other.quota().windows);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_lets_calls_go_out_unpaced_and_is_counted() {
    let wire = Wire::new([]);
    let pacing = Pacing::new().window(1, 10 * SECOND).store(broken(Breach::Fails));
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    for _ in 0..3 {
        read(&configuration).await.unwrap();
    }
    assert_eq!((wire.sent(), configuration.quota().store_failures), (vec![0, 0, 0], 3));
}

/// A store that never answers.
struct Silent;

impl QuotaStore for Silent {
    fn take<'a>(&'a self, _: &'a QuotaRules, _: Duration) -> Taken<'a> {
        Box::pin(std::future::pending())
    }

    fn settle(&self, _: &QuotaRules, _: Slot, _: Ending) {}

    fn learn(&self, _: &QuotaRules, _: &RateLimit) {}

    fn usage(&self, _: &QuotaRules, _: usize) -> Usage {
        Usage::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_bounded_by_the_deadline() {
    let wire = Wire::new([]);
    let pacing = Pacing::documented().store(Arc::new(Silent));
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    let error = read(&configuration).deadline(5 * SECOND).await.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!((error.time_spent().quota, wire.count()), (5 * SECOND, 0));
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_a_store_is_bounded() {
    let store = MemoryQuota::default();
    let pacing = Pacing::new().window(5, SECOND);
    for _ in 0..1000 {
        if let Take::Granted(slot) = store.take(pacing.rules(), SECOND).await.unwrap() {
            store.settle(pacing.rules(), slot, Ending::Answered);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(store.usage(pacing.rules(), 0).windows[0].used <= 5);
    }
}
