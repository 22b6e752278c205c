//! Stores of the quota: the contract, the one in memory, and what the engine does with others.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::RateLimit;
use onehorizon::quota::{
    Fallback, Lane, MemoryQuota, Outcome, Pacing, QuotaRules, QuotaStore, Slot, SlotRequest, Take, Usage, Waiter,
};
use onehorizon::transport::Failure;
use onehorizon::{BoxFuture, ErrorKind, StoreError};
use onehorizon_testing::{FakeOneHorizon, Reply};
use support::wire::{Wire, ok, read};
use tokio::task::JoinSet;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) type Taken<'a> = BoxFuture<'a, Result<Take, StoreError>>;

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
async fn a_call_waits_no_longer_than_it_says_though_others_of_the_store_are_faster() {
    let store: Arc<dyn QuotaStore> = Arc::new(MemoryQuota::default());
    let wire = Wire::rule(|_, _| ok().after(Duration::from_millis(10)));
    let mut set = JoinSet::new();
    for _ in 0..6 {
        let pacing = Pacing::new().window(1, SECOND).store(store.clone()).max_wait(2 * SECOND);
        let configuration = wire.builder().pacing(pacing).build().unwrap();
        set.spawn(async move {
            let mut longest = Duration::ZERO;
            for _ in 0..20 {
                let began = tokio::time::Instant::now();
                if let Err(error) = read(&configuration).await {
                    assert_eq!(error.kind(), ErrorKind::RateLimited);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                longest = longest.max(began.elapsed());
            }
            longest
        });
    }
    let waited = set.join_all().await;
    assert!(waited.iter().all(|longest| *longest <= Duration::from_millis(2_050)), "{waited:?}");
}

/// A store that can be switched off, and records its calls.
#[derive(Default)]
struct Switched {
    quota: MemoryQuota,
    fails: AtomicBool,
    hangs: AtomicBool,
    asked: AtomicU32,
    withdrawn: Mutex<Vec<Waiter>>,
    processes: Option<u32>,
}

impl QuotaStore for Switched {
    fn take<'a>(&'a self, rules: &'a QuotaRules, request: SlotRequest) -> Taken<'a> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if self.fails.load(Ordering::Relaxed) {
                return Err(StoreError::new("the store is away"));
            }
            let take = self.quota.take(rules, request).await;
            if self.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            take
        })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        self.quota.settle(rules, slot, outcome);
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        self.quota.learn(rules, reported);
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        let mut usage = self.quota.usage(rules, lane, ahead);
        usage.processes = self.processes;
        usage
    }

    fn withdraw(&self, _: &QuotaRules, waiter: Waiter) {
        self.withdrawn.lock().unwrap().push(waiter);
    }

    fn adopt(&self, rules: &QuotaRules, request: SlotRequest) {
        self.quota.adopt(rules, request);
    }

    fn flush(&self) -> onehorizon::BoxFuture<'_, Result<(), StoreError>> {
        if self.hangs.load(Ordering::Relaxed) { Box::pin(std::future::pending()) } else { Box::pin(async { Ok(()) }) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_of_a_store_that_does_not_respond_ends_with_what_it_means() {
    let store = Arc::new(Switched::default());
    store.hangs.store(true, Ordering::Relaxed);
    let fake = FakeOneHorizon::builder().quota_off().in_process();
    let pacing = Pacing::documented().store(store).store_timeout(Duration::from_secs(2));
    let builder = onehorizon::Configuration::builder().api_key(fake.api_key()).transport(fake.transport());
    let configuration = builder.pacing(pacing).build().unwrap();
    let flushed = tokio::time::timeout(Duration::from_secs(11), configuration.flush_quota()).await;
    let error = flushed.expect("five times the store's time limit").unwrap_err();
    assert!(error.to_string().contains("leases"), "{error}");
}

async fn sent_within(configuration: &onehorizon::Configuration, calls: usize, time: Duration) -> usize {
    let mut set = JoinSet::new();
    for _ in 0..calls {
        set.spawn(read(configuration).into_future());
    }
    let mut done = 0;
    let _ = tokio::time::timeout(time, async {
        while let Some(result) = set.join_next().await {
            result.unwrap().unwrap();
            done += 1;
        }
    })
    .await;
    done
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_calls_keep_to_this_processs_share() {
    for (fallback, processes, share) in [
        (Fallback::Share, Some(2), 4),
        (Fallback::Share, None, 2),
        (Fallback::ShareOf(8), Some(2), 1),
        (Fallback::ShareOf(100), None, 1),
        (Fallback::Unpaced, Some(2), 20),
    ] {
        let store = Arc::new(Switched { processes, ..Switched::default() });
        store.fails.store(true, Ordering::Relaxed);
        let pacing = Pacing::new().window(8, 1000 * SECOND).store(store.clone()).fallback(fallback);
        let wire = Wire::new([]);
        let configuration = wire.builder().pacing(pacing).build().unwrap();
        assert_eq!(sent_within(&configuration, 20, 100 * SECOND).await, share, "{fallback:?} of {processes:?}");
        assert!(configuration.quota().store_failures > 0, "{fallback:?}");
        // Once it is back, it knows of what was sent meanwhile.
        store.fails.store(false, Ordering::Relaxed);
        tokio::time::sleep(5 * SECOND).await;
        let room = 8_usize.saturating_sub(share);
        assert_eq!(sent_within(&configuration, 20, 100 * SECOND).await, room, "{fallback:?} of {processes:?}");
        assert!(!configuration.quota().store_away);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_away_leaves_what_is_left_of_the_share() {
    let store = Arc::new(Switched { processes: Some(2), ..Switched::default() });
    let pacing = Pacing::new().window(8, 1000 * SECOND).store(store.clone());
    let wire = Wire::new([]);
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    assert_eq!(sent_within(&configuration, 3, SECOND).await, 3);
    store.fails.store(true, Ordering::Relaxed);
    assert_eq!(sent_within(&configuration, 20, 100 * SECOND).await, 1, "half of 8, less the 3 that were sent before");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_asked_now_and_then_only() {
    let store = Arc::new(Switched::default());
    store.fails.store(true, Ordering::Relaxed);
    let pacing = Pacing::new().window(1000, 1000 * SECOND).store(store.clone());
    let wire = Wire::new([]);
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    for _ in 0..200 {
        read(&configuration).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let asked = store.asked.load(Ordering::Relaxed);
    assert!((5..20).contains(&asked), "asked {asked} times in 20 s");
    assert!(configuration.quota().store_away);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_respond_costs_its_time_limit_once() {
    let store = Arc::new(Switched { processes: Some(1), ..Switched::default() });
    store.hangs.store(true, Ordering::Relaxed);
    let pacing = Pacing::new().window(10, 1000 * SECOND).store(store.clone());
    let wire = Wire::new([]);
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    let started = tokio::time::Instant::now();
    for _ in 0..3 {
        read(&configuration).await.unwrap();
    }
    assert_eq!(started.elapsed(), SECOND);
    // What it gave without a response is what was sent: nothing is counted twice.
    let usage = store.usage(Pacing::new().window(10, 1000 * SECOND).rules(), Lane::Normal, 0);
    assert_eq!((usage.windows[0].used, usage.in_flight), (3, 0));
    let quick = wire
        .builder()
        .pacing(Pacing::new().window(10, 1000 * SECOND).store(store).store_timeout(Duration::from_millis(200)));
    let started = tokio::time::Instant::now();
    read(&quick.build().unwrap()).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_while_the_store_is_asked_gives_back_what_it_may_have_got() {
    let store = Arc::new(Switched::default());
    store.hangs.store(true, Ordering::Relaxed);
    let rules = Pacing::new().window(10, 1000 * SECOND);
    let wire = Wire::new([]);
    let configuration = wire.builder().pacing(rules.clone().store(store.clone())).build().unwrap();
    let error = read(&configuration).deadline(Duration::from_millis(500)).await.unwrap_err();
    assert!(error.is_deadline());
    assert_eq!((error.time_spent().quota, wire.count()), (Duration::from_millis(500), 0));
    let usage = store.usage(rules.rules(), Lane::Normal, 0);
    assert_eq!((usage.windows[0].used, usage.in_flight), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_last_who_gives_up_withdraws_from_the_stores_order() {
    let store = Arc::new(Switched::default());
    let pacing = Pacing::new().window(1, 1000 * SECOND).store(store.clone());
    let wire = Wire::new([]);
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    read(&configuration).await.unwrap();
    let mut set = JoinSet::new();
    for patience in [1, 2, 3] {
        let call = read(&configuration).into_future();
        set.spawn(async move { tokio::time::timeout(patience * SECOND, call).await.is_err() });
        tokio::task::yield_now().await;
    }
    let withdrawn = || store.withdrawn.lock().unwrap().len();
    tokio::time::sleep(2 * SECOND + SECOND / 2).await;
    assert_eq!((withdrawn(), configuration.quota().waiting), (0, 1));
    assert_eq!(set.join_all().await, [true; 3]);
    assert_eq!((withdrawn(), configuration.quota().waiting), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_a_store_is_bounded() {
    let store = MemoryQuota::default();
    let pacing = Pacing::new().window(5, SECOND);
    for number in 0..1000 {
        let request = SlotRequest::new(Slot::new(number), SECOND);
        if store.take(pacing.rules(), request).await.unwrap() == Take::Granted {
            store.settle(pacing.rules(), request.slot(), Outcome::Responded);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(store.usage(pacing.rules(), Lane::Normal, 0).windows[0].used <= 5);
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_a_slot_of_what_was_never_sent_comes_back() {
    let store = Arc::new(Switched::default());
    store.fails.store(true, Ordering::Relaxed);
    let pacing = Pacing::new().window(1, 100 * SECOND).fallback(Fallback::ShareOf(1)).store(store);
    let wire = Wire::new([Reply::fail(Failure::Connect), ok()]);
    let configuration = wire.builder().pacing(pacing).build().unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(read(&configuration).await.unwrap().attempts(), 2);
    assert!(began.elapsed() < 10 * SECOND, "{:?}", began.elapsed());
}

/// A store that panics in one of its methods, at once or when it is polled.
struct Panicking(&'static str, MemoryQuota);

impl Panicking {
    fn at(&self, method: &str) {
        assert!(self.0 != method, "scripted panic");
    }
}

impl QuotaStore for Panicking {
    fn take<'a>(&'a self, rules: &'a QuotaRules, request: SlotRequest) -> Taken<'a> {
        self.at("take");
        Box::pin(async move {
            self.at("polled take");
            self.1.take(rules, request).await
        })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        self.at("settle");
        self.1.settle(rules, slot, outcome);
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        self.at("learn");
        self.1.learn(rules, reported);
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        self.at("usage");
        self.1.usage(rules, lane, ahead)
    }

    fn withdraw(&self, _: &QuotaRules, _: Waiter) {
        self.at("withdraw");
    }

    fn adopt(&self, _: &QuotaRules, _: SlotRequest) {
        self.at("adopt");
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.at("flush");
        Box::pin(async {
            self.at("polled flush");
            Ok(())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_counts_as_one_that_fails() {
    for method in ["take", "polled take", "settle", "learn", "usage", "withdraw", "adopt", "flush", "polled flush"] {
        let pacing = || Pacing::new().window(4, SECOND).store(Arc::new(Panicking(method, MemoryQuota::default())));
        let wire = Wire::new([support::wire::limited(1), ok(), ok()]);
        let configuration = wire.builder().pacing(pacing()).build().unwrap();
        for _ in 0..2 {
            read(&configuration).await.unwrap_or_else(|error| panic!("{method}: {error}"));
        }
        // A call that is dropped while it waits, and one that is dropped while it is sent, also while a panic unwinds.
        let dropped = tokio::spawn({
            let configuration = configuration.clone();
            async move {
                let _first = tokio::time::timeout(SECOND / 100, read(&configuration).into_future()).await;
                let _held = configuration;
                panic!("of the caller");
            }
        });
        assert!(dropped.await.unwrap_err().is_panic(), "{method}");
        let flushed = configuration.flush_quota().await;
        assert_eq!(flushed.is_err(), method.contains("flush"), "{method}: {flushed:?}");
        assert_eq!(configuration.quota().store_failures > 0, method.contains("take"), "{method}");
    }
}
