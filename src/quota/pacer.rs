//! Takes slots from the store, and from this process's share while the store fails.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::contained::Contained;
use super::memory::MemoryQuota;
use super::pacing::{Fallback, Pacing};
use super::rules::{LONGEST_WINDOW, Lane, QuotaRules};
use super::store::{Outcome, QuotaStore, Slot, SlotRequest, Take, Usage, Waiter};
use crate::clock::Clock;
use crate::deadline::within;
use crate::metadata::RateLimit;
use crate::store::StoreError;
use crate::trace;

/// A store that failed is left alone for so long at first, then for twice as long each time, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The share of a process while nothing is known of the others.
const GUESSED_PROCESSES: u32 = 4;

pub(super) struct Pacer {
    pub(super) rules: QuotaRules,
    pub(super) max_wait: Option<Duration>,
    clock: Arc<dyn Clock>,
    store: Arc<dyn QuotaStore>,
    /// Only for a store that may fail.
    spare: Option<Spare>,
    /// Names this configuration to the store; its lanes are two waiters.
    waiter: u64,
    failures: AtomicU64,
}

/// What this process counts itself, to go on with while the store is away.
struct Spare {
    ledger: MemoryQuota,
    fallback: Fallback,
    timeout: Duration,
    away: Mutex<Away>,
}

#[derive(Default)]
struct Away {
    until: Option<Instant>,
    pause: Duration,
    rules: Option<QuotaRules>,
}

/// What came of asking for a slot.
pub(super) enum Asked {
    Granted,
    /// Ask again after this time; it takes that long at the least.
    Wait(Duration),
}

/// A slot that the store was asked for; given back if nobody waits for the response any more.
struct Doubt<'a> {
    pacer: &'a Pacer,
    slot: Option<Slot>,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.pacer.store.settle(&self.pacer.rules, slot, Outcome::Unsent);
        }
    }
}

impl Pacer {
    pub(super) fn new(clock: &Arc<dyn Clock>, pacing: Pacing) -> Self {
        let memory = || MemoryQuota::with_clock(Arc::clone(clock));
        let spare = pacing.store.is_some().then(|| Spare {
            ledger: memory(),
            fallback: pacing.fallback,
            timeout: pacing.store_timeout,
            away: Mutex::default(),
        });
        Self {
            rules: pacing.rules,
            max_wait: pacing.max_wait,
            clock: Arc::clone(clock),
            store: match pacing.store {
                Some(store) => Arc::new(Contained(store)),
                None => Arc::new(memory()),
            },
            spare,
            waiter: unique_number() | 1,
            failures: AtomicU64::new(0),
        }
    }

    /// A slot that no other process has.
    pub(super) fn slot(lane: Lane) -> Slot {
        Slot::new(unique_number()).in_lane(lane)
    }

    fn request(&self, slot: Slot, lease: Duration) -> SlotRequest {
        SlotRequest::new(slot, lease).waiter(self.waiter(slot.lane()))
    }

    fn waiter(&self, lane: Lane) -> Waiter {
        Waiter::new(if lane == Lane::Normal { self.waiter } else { self.waiter - 1 })
    }

    /// For five times as long as a slot is waited for: several exchanges may be under way.
    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        let limit = self.store_timeout().saturating_mul(5);
        within(&*self.clock, limit, self.store.flush()).await.unwrap_or_else(|_| {
            Err(StoreError::new(format!(
                "it did not respond in {limit:?}; the slots of the calls end with their leases"
            )))
        })
    }

    /// How long a call waits beyond its patience because the store has not responded yet.
    pub(super) fn store_timeout(&self) -> Duration {
        self.spare.as_ref().map_or(Duration::ZERO, |spare| spare.timeout)
    }

    /// Asks for the slot. Dropping the future gives it back.
    pub(super) async fn ask(&self, slot: Slot, lease: Duration) -> Asked {
        let request = self.request(slot, lease);
        let Some(spare) = &self.spare else {
            return match self.store.take(&self.rules, request).await {
                Ok(take) => asked(take),
                // The store in memory does not fail.
                Err(_) => Asked::Granted,
            };
        };
        if let Some((rules, until)) = spare.away(self.clock.now()) {
            return self.go_on(spare, &rules, request, until);
        }
        let mut doubt = Doubt { pacer: self, slot: Some(slot) };
        let result = within(&*self.clock, spare.timeout, self.store.take(&self.rules, request)).await;
        if let Ok(Ok(take)) = result {
            doubt.slot = None;
            spare.is_back();
            if take == Take::Granted {
                spare.ledger.adopt(&self.rules, request);
            }
            return asked(take);
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        trace::store_failed();
        let rules = spare.share(&self.rules, || self.store.usage(&self.rules, slot.lane(), 0).processes);
        let until = spare.failed(rules.clone(), self.clock.now());
        let asked = self.go_on(spare, &rules, request, until);
        if let Asked::Granted = asked {
            doubt.slot = None;
        }
        asked
    }

    /// Takes a slot without the store.
    fn go_on(&self, spare: &Spare, rules: &QuotaRules, request: SlotRequest, until: Instant) -> Asked {
        if spare.fallback == Fallback::Unpaced {
            spare.ledger.adopt(&self.rules, request);
        } else if let Take::Wait(wait) = spare.ledger.take_now(rules, request) {
            // The store may be back sooner, and know of more room.
            return Asked::Wait(wait.min(until.saturating_duration_since(self.clock.now())));
        }
        self.store.adopt(&self.rules, request);
        Asked::Granted
    }

    pub(super) fn settle(&self, slot: Slot, outcome: Outcome) {
        if let Some(spare) = &self.spare {
            spare.ledger.settle(&self.rules, slot, outcome);
        }
        self.store.settle(&self.rules, slot, outcome);
    }

    pub(super) fn learn(&self, reported: &RateLimit) {
        if let Some(spare) = &self.spare {
            spare.ledger.learn(&self.rules, reported);
        }
        self.store.learn(&self.rules, reported);
    }

    /// Nobody of this configuration waits in this lane any more.
    pub(super) fn withdraw(&self, lane: Lane) {
        self.store.withdraw(&self.rules, self.waiter(lane));
    }

    pub(super) fn usage(&self, lane: Lane, ahead: usize) -> Usage {
        match self.spare.as_ref().and_then(|spare| Some((spare, spare.away(self.clock.now())?))) {
            Some((spare, (rules, _))) => spare.ledger.usage(&rules, lane, ahead),
            None => self.store.usage(&self.rules, lane, ahead),
        }
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn is_away(&self) -> bool {
        self.spare.as_ref().is_some_and(|spare| spare.away(self.clock.now()).is_some())
    }
}

impl Spare {
    fn state(&self) -> MutexGuard<'_, Away> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the store is not asked, and what this process keeps to meanwhile.
    fn away(&self, now: Instant) -> Option<(QuotaRules, Instant)> {
        let state = self.state();
        let until = state.until.filter(|until| *until > now)?;
        Some((state.rules.clone()?, until))
    }

    fn is_back(&self) {
        let mut state = self.state();
        if state.until.is_some() {
            *state = Away::default();
        }
    }

    /// The store failed; until when it is left alone.
    fn failed(&self, rules: QuotaRules, now: Instant) -> Instant {
        let mut state = self.state();
        state.pause = if state.pause.is_zero() { PAUSES.0 } else { (state.pause * 2).min(PAUSES.1) };
        let until = now + state.pause;
        (state.until, state.rules) = (Some(until), Some(rules));
        until
    }

    fn share(&self, rules: &QuotaRules, processes: impl Fn() -> Option<u32>) -> QuotaRules {
        match self.fallback {
            Fallback::Share => rules.share(processes().unwrap_or(GUESSED_PROCESSES)),
            Fallback::ShareOf(processes) => rules.share(processes),
            Fallback::Unpaced => rules.clone(),
        }
    }
}

fn asked(take: Take) -> Asked {
    match take {
        Take::Granted => Asked::Granted,
        Take::Wait(wait) => Asked::Wait(wait.min(LONGEST_WINDOW)),
    }
}

/// A number below 2^63 that no other slot has, in this process or another.
///
/// Not from the clock's randomness: tests fix that, and two slots with one number would be one slot.
pub(super) fn unique_number() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = *SEED.get_or_init(|| RandomState::new().hash_one("slots"));
    // An odd factor: the numbers of a process differ, and those of two processes do not run beside each other.
    let step = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    seed.wrapping_add(step) >> 1
}
