//! The contract of quota stores: the one in memory keeps it, and the suite notices each breach.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::RateLimit;
use onehorizon::StoreError;
use onehorizon::quota::{
    Lane, MemoryQuota, Outcome, Pacing, QuotaRules, QuotaStore, Slot, SlotRequest, Take, Usage, Window,
};
use onehorizon_testing::conformance::Violations;
use onehorizon_testing::conformance::quota::Conformance;

use super::store::{SECOND, Taken};

/// Runs the suite; stores of one name are what `make` makes of that name's memory.
async fn check<S: QuotaStore>(unit: Duration, make: impl Fn(Arc<MemoryQuota>) -> S) -> Result<(), Violations> {
    let quotas = Mutex::new(HashMap::<String, Arc<MemoryQuota>>::new());
    let open = |name: String| {
        let store = Arc::new(make(quotas.lock().unwrap().entry(name).or_default().clone()));
        async move { Ok(store) }
    };
    Conformance::new(open).unit(unit).check().await
}

#[tokio::test(start_paused = true)]
async fn the_store_in_memory_keeps_the_contract() {
    for unit in [Duration::from_millis(50), SECOND, 60 * SECOND] {
        assert_eq!(
            check(unit, |quota| Broken { quota, breach: Breach::Nothing, own: MemoryQuota::default() }).await,
            Ok(())
        );
    }
}

/// The store in memory with one promise broken.
struct Broken {
    quota: Arc<MemoryQuota>,
    breach: Breach,
    own: MemoryQuota,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    Nothing,
    GivesAlways,
    SeesOneWindow,
    KeepsUnsent,
    CountsFromTheStart,
    NeverEndsALease,
    HearsNothing,
    Fails,
    /// What is read is old when it is written.
    ReadsThenWrites,
    SharesNothing,
    GivesEachNumberTwice,
    ForgetsWhatItDidNotGive,
    KnowsNoLanes,
    TakesBucketsForWindows,
}

impl Broken {
    fn rules(&self, rules: &QuotaRules) -> Pacing {
        let mut pacing = Pacing::new();
        let windows: Vec<Window> = rules.windows().to_vec();
        let kept = if self.breach == Breach::SeesOneWindow { &windows[..1] } else { &windows[..] };
        for window in kept {
            pacing = pacing.window(window.requests(), window.length());
        }
        if self.breach != Breach::TakesBucketsForWindows {
            pacing = pacing.shape(rules.shape());
        }
        pacing
    }

    fn simplifies(&self) -> bool {
        matches!(self.breach, Breach::SeesOneWindow | Breach::KnowsNoLanes | Breach::TakesBucketsForWindows)
    }
}

impl QuotaStore for Broken {
    fn take<'a>(&'a self, rules: &'a QuotaRules, request: SlotRequest) -> Taken<'a> {
        Box::pin(async move {
            match self.breach {
                Breach::GivesAlways => Ok(Take::Granted),
                Breach::Fails => Err(StoreError::new("the store is away")),
                Breach::NeverEndsALease => {
                    let endless = SlotRequest::new(request.slot(), 1_000_000 * SECOND);
                    self.quota.take(rules, endless).await
                }
                Breach::CountsFromTheStart => {
                    let take = self.quota.take(rules, request).await?;
                    if take == Take::Granted {
                        self.quota.settle(rules, request.slot(), Outcome::Responded);
                    }
                    Ok(take)
                }
                Breach::ReadsThenWrites => {
                    let free = self.quota.usage(rules, request.slot().lane(), 0).next_free;
                    // As a query and an update that follow each other.
                    tokio::task::yield_now().await;
                    if !free.is_zero() {
                        return Ok(Take::Wait(free));
                    }
                    self.quota.adopt(rules, request);
                    Ok(Take::Granted)
                }
                Breach::SharesNothing => self.own.take(rules, request).await,
                Breach::GivesEachNumberTwice => {
                    let again = SlotRequest::new(Slot::new(request.slot().number() ^ rand()), request.lease());
                    self.quota.take(rules, again).await
                }
                _ if self.simplifies() => self.quota.take(self.rules(rules).rules(), request).await,
                _ => self.quota.take(rules, request).await,
            }
        })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        match self.breach {
            Breach::KeepsUnsent => self.quota.settle(rules, slot, Outcome::Responded),
            Breach::CountsFromTheStart => {}
            Breach::SharesNothing => self.own.settle(rules, slot, outcome),
            _ if self.simplifies() => self.quota.settle(self.rules(rules).rules(), slot, outcome),
            _ => self.quota.settle(rules, slot, outcome),
        }
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        if self.breach != Breach::HearsNothing {
            self.quota.learn(rules, reported);
        }
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        self.quota.usage(rules, lane, ahead)
    }

    fn adopt(&self, rules: &QuotaRules, request: SlotRequest) {
        if self.breach != Breach::ForgetsWhatItDidNotGive {
            self.quota.adopt(rules, request);
        }
    }
}

/// Another number each time.
fn rand() -> u64 {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    u64::from(COUNT.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn the_suite_names_each_broken_promise() {
    for (breach, promise) in [
        (Breach::GivesAlways, "a window of 3 gives 3 slots through all connections, and 3 again when it is over"),
        (Breach::SeesOneWindow, "a slot is taken in all windows or in none"),
        (Breach::KeepsUnsent, "a slot whose request was not sent is free again, for everybody"),
        (Breach::CountsFromTheStart, "a slot counts from the take to a window after the request's end"),
        (Breach::NeverEndsALease, "a slot that nobody settles counts as lost when its lease ends"),
        (Breach::HearsNothing, "no slot is given while the service refuses, and one is afterwards"),
        (Breach::Fails, "a store that is there does not fail"),
        (Breach::ReadsThenWrites, "of callers that race for 3 slots through two connections, 3 get one"),
        (Breach::SharesNothing, "of callers that race for 3 slots through two connections, 3 get one"),
        (Breach::GivesEachNumberTwice, "a take repeated with the same number is granted again and takes nothing more"),
        (Breach::ForgetsWhatItDidNotGive, "a slot that was given while the store was away counts"),
        (Breach::KnowsNoLanes, "normal calls leave the reserved slots to interactive ones, which may use all"),
        (
            Breach::TakesBucketsForWindows,
            "a token bucket of 4 gives 4 at once, and one more each quarter of its window",
        ),
    ] {
        let result = check(SECOND, |quota| Broken { quota, breach, own: MemoryQuota::default() }).await;
        let Err(violations) = result else { panic!("the suite passes {breach:?}") };
        assert!(violations.breaks(promise), "{breach:?}: {violations}");
    }
}
