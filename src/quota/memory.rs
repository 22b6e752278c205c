//! The store of a single process.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rules::{LONGEST_WINDOW, QuotaRules, QuotaShape, Window};
use super::store::{Ending, QuotaStore, Slot, Take, Usage, WindowUsage};
use crate::clock::{Clock, SystemClock};
use crate::metadata::RateLimit;
use crate::transport::BoxFuture;

/// A refusal is believed for this long without asking again, as the gate does.
const LONGEST_SHUT: Duration = Duration::from_secs(60 * 60);

/// Counts in this process; several configurations may share one.
///
/// Its memory is bounded by the largest number of requests in a window.
pub struct MemoryQuota {
    clock: Arc<dyn Clock>,
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    next: u64,
    /// Slots under way, with the end of their leases.
    in_flight: BTreeMap<u64, Instant>,
    /// The moments from which ended slots count as used, in order.
    used: VecDeque<Instant>,
    /// Slots that somebody else uses: the window's place in the rules, and when they are free again.
    strangers: Vec<(usize, Instant)>,
    shut_until: Option<Instant>,
    /// For token buckets: when each would be full again.
    full_at: Vec<Instant>,
}

impl MemoryQuota {
    /// An empty store on this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, ledger: Mutex::default() }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Each change is made by steps that leave a usable count behind.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryQuota {
    /// On the machine's clock.
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl fmt::Debug for MemoryQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQuota").field("in_flight", &self.ledger().in_flight.len()).finish_non_exhaustive()
    }
}

impl QuotaStore for MemoryQuota {
    fn take<'a>(
        &'a self,
        rules: &'a QuotaRules,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Take, Box<dyn StdError + Send + Sync>>> {
        Box::pin(async move {
            let now = self.clock.now();
            Ok(self.ledger().take(rules, lease, now))
        })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, ending: Ending) {
        let now = self.clock.now();
        let mut ledger = self.ledger();
        if ledger.in_flight.remove(&slot.number()).is_some() && ending != Ending::Unsent {
            ledger.count(rules, now + ending.grace());
        }
    }

    fn learn(&self, rules: &QuotaRules, told: &RateLimit) {
        let now = self.clock.now();
        self.ledger().learn(rules, told, now);
    }

    fn usage(&self, rules: &QuotaRules, ahead: usize) -> Usage {
        let now = self.clock.now();
        let mut ledger = self.ledger();
        ledger.forget(rules, now);
        let windows = rules.windows().iter().enumerate();
        Usage {
            windows: windows
                .map(|(index, window)| WindowUsage { window: *window, used: ledger.used(rules, index, *window, now) })
                .collect(),
            in_flight: ledger.under_way(),
            next_free: ledger.free_at(rules, ahead, now).saturating_duration_since(now),
        }
    }
}

/// The time in which a token bucket gets one token.
fn token(window: Window) -> Duration {
    window.safe_length() / window.requests().max(1)
}

impl Ledger {
    fn take(&mut self, rules: &QuotaRules, lease: Duration, now: Instant) -> Take {
        self.forget(rules, now);
        let free_at = self.free_at(rules, 0, now);
        if free_at > now {
            return Take::Wait(free_at - now);
        }
        self.next += 1;
        self.in_flight.insert(self.next, now + lease.min(LONGEST_WINDOW));
        Take::Granted(Slot::new(self.next))
    }

    /// Counts a slot as used from this moment on.
    fn count(&mut self, rules: &QuotaRules, from: Instant) {
        let place = self.used.partition_point(|earlier| *earlier <= from);
        self.used.insert(place, from);
        self.full_at.resize(rules.windows().len(), from);
        for (full_at, window) in self.full_at.iter_mut().zip(rules.windows()) {
            *full_at = (*full_at).max(from) + token(*window);
        }
    }

    /// Drops what no longer counts, and ends leases that ran out.
    fn forget(&mut self, rules: &QuotaRules, now: Instant) {
        let ran_out: Vec<(u64, Instant)> =
            self.in_flight.iter().filter(|(_, end)| **end <= now).map(|(slot, end)| (*slot, *end)).collect();
        for (slot, end) in ran_out {
            self.in_flight.remove(&slot);
            self.count(rules, end + Ending::Lost.grace());
        }
        let longest = rules.windows().iter().map(|window| window.safe_length()).max().unwrap_or_default();
        while self.used.front().is_some_and(|from| *from + longest <= now) {
            self.used.pop_front();
        }
        self.strangers.retain(|(_, free)| *free > now);
        self.shut_until = self.shut_until.filter(|until| *until > now);
    }

    fn under_way(&self) -> u32 {
        u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX)
    }

    /// When the slots of a window are free again, in order; those under way are never earlier than as given here.
    fn releases(&self, index: usize, window: Window, now: Instant) -> VecDeque<Instant> {
        let length = window.safe_length();
        let used = self.used.iter().map(|from| *from + length).filter(|free| *free > now);
        let strangers = self.strangers.iter().filter(|(of, _)| *of == index).map(|(_, free)| *free);
        let under_way = self.in_flight.values().map(|_| now + length);
        let mut releases: Vec<Instant> = used.chain(strangers).chain(under_way).collect();
        releases.sort_unstable();
        releases.into()
    }

    /// When a token bucket would be full again if what is under way arrived now.
    fn bucket_full_at(&self, index: usize, window: Window, now: Instant) -> Instant {
        self.full_at.get(index).map_or(now, |full| (*full).max(now)) + token(window) * self.under_way()
    }

    fn used(&self, rules: &QuotaRules, index: usize, window: Window, now: Instant) -> u32 {
        let used = match rules.shape() {
            QuotaShape::Any => self.releases(index, window, now).len(),
            QuotaShape::TokenBucket => {
                let missing = self.bucket_full_at(index, window, now).saturating_duration_since(now);
                usize::try_from(missing.as_nanos().div_ceil(token(window).as_nanos().max(1))).unwrap_or(usize::MAX)
            }
        };
        u32::try_from(used).unwrap_or(u32::MAX)
    }

    /// When a slot is free after `ahead` others have taken one, at the earliest.
    fn free_at(&self, rules: &QuotaRules, ahead: usize, now: Instant) -> Instant {
        let start = self.shut_until.map_or(now, |until| until.max(now));
        let windows = rules.windows().iter().enumerate();
        match rules.shape() {
            QuotaShape::Any => {
                let mut windows: Vec<_> =
                    windows.map(|(index, window)| (*window, self.releases(index, *window, now))).collect();
                let mut at = start;
                for _ in 0..=ahead {
                    for (window, releases) in &mut windows {
                        // A window is full as long as so many of its slots are not free yet.
                        while releases.len() >= window.requests() as usize {
                            let Some(free) = releases.pop_front() else { break };
                            at = at.max(free);
                        }
                    }
                    for (window, releases) in &mut windows {
                        releases.push_back(at + window.safe_length());
                    }
                }
                at
            }
            QuotaShape::TokenBucket => {
                let mut buckets: Vec<_> =
                    windows.map(|(index, window)| (*window, self.bucket_full_at(index, *window, now))).collect();
                let mut at = start;
                for _ in 0..=ahead {
                    for (window, full_at) in &mut buckets {
                        let enough = (*full_at + token(*window)).checked_sub(window.safe_length());
                        at = enough.map_or(at, |enough| at.max(enough));
                    }
                    for (window, full_at) in &mut buckets {
                        *full_at = (*full_at).max(at) + token(*window);
                    }
                }
                at
            }
        }
    }

    fn learn(&mut self, rules: &QuotaRules, told: &RateLimit, now: Instant) {
        self.forget(rules, now);
        if let Some(wait) = told.retry_after {
            let until = now + wait.min(LONGEST_SHUT);
            self.shut_until = Some(self.shut_until.map_or(until, |known| known.max(until)));
        }
        let Some(remaining) = told.remaining else { return };
        // The numbers are those of the window with this limit; else of the longest, which is the one worth telling.
        let windows = || rules.windows().iter().copied().enumerate();
        let told_of = windows()
            .find(|(_, window)| told.limit == Some(u64::from(window.requests())))
            .or_else(|| windows().max_by_key(|(_, window)| window.length()));
        let Some((index, window)) = told_of else { return };
        let left = window.requests().saturating_sub(self.used(rules, index, window, now));
        let missing = u64::from(left).saturating_sub(remaining);
        let missing = u32::try_from(missing).unwrap_or(left);
        let free = now + told.reset.map_or(window.safe_length(), |reset| reset.min(window.safe_length()));
        self.strangers.extend((0..missing).map(|_| (index, free)));
        self.full_at.resize(rules.windows().len(), now);
        if let Some(full_at) = self.full_at.get_mut(index) {
            *full_at = (*full_at).max(now) + token(window) * missing;
        }
    }
}
