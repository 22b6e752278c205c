//! The store of a single process.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ledger::Ledger;
use super::rules::{Lane, QuotaRules};
use super::store::{Outcome, QuotaStore, Slot, SlotRequest, Take, Usage};
use crate::clock::{Clock, SystemClock};
use crate::future::BoxFuture;
use crate::metadata::RateLimit;
use crate::store::StoreError;

/// Counts in this process; several configurations may share one.
///
/// Its memory is bounded by the largest number of requests in a window, whatever the service reports.
pub struct MemoryQuota {
    clock: Arc<dyn Clock>,
    ledger: Mutex<Ledger>,
}

impl MemoryQuota {
    /// An empty store on the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty store on this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, ledger: Mutex::default() }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Each change is made by steps that leave a usable count behind.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`QuotaStore::take`], which cannot fail here.
    pub(super) fn take_now(&self, rules: &QuotaRules, request: SlotRequest) -> Take {
        let now = self.clock.now();
        self.ledger().take(rules, request.slot(), request.lease(), now)
    }

    /// How long this many calls take at least, from an unused quota on.
    pub(super) fn estimate(rules: &QuotaRules, calls: u32) -> Duration {
        let Some(ahead) = calls.checked_sub(1) else { return Duration::ZERO };
        let now = SystemClock.now();
        Ledger::default().wait(rules, Lane::Normal, usize::try_from(ahead).unwrap_or(usize::MAX), now)
    }
}

impl Default for MemoryQuota {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQuota").field("in_flight", &self.ledger().in_flight()).finish_non_exhaustive()
    }
}

impl QuotaStore for MemoryQuota {
    fn take<'a>(&'a self, rules: &'a QuotaRules, request: SlotRequest) -> BoxFuture<'a, Result<Take, StoreError>> {
        Box::pin(async move { Ok(self.take_now(rules, request)) })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        let now = self.clock.now();
        self.ledger().settle(rules, slot, outcome, now);
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        let now = self.clock.now();
        self.ledger().learn(rules, reported, now);
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        let now = self.clock.now();
        self.ledger().usage(rules, lane, ahead, now)
    }

    fn adopt(&self, rules: &QuotaRules, request: SlotRequest) {
        let now = self.clock.now();
        self.ledger().adopt(rules, request.slot(), request.lease(), now);
    }
}
