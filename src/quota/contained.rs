//! A store of the user's whose panics are errors of the store: they end no call, and nothing that a call holds.

use std::sync::Arc;

use super::rules::{Lane, QuotaRules};
use super::store::{Outcome, QuotaStore, Slot, SlotRequest, Take, Usage, Waiter};
use crate::contained::{contained, contained_future};
use crate::future::BoxFuture;
use crate::metadata::RateLimit;
use crate::store::StoreError;

pub(super) struct Contained(pub(super) Arc<dyn QuotaStore>);

async fn driven<'a, T>(
    make: impl FnOnce() -> BoxFuture<'a, Result<T, StoreError>>,
    method: &'static str,
) -> Result<T, StoreError> {
    contained_future(make).await.unwrap_or_else(|| Err(StoreError::new(format!("it panicked in `{method}`"))))
}

impl QuotaStore for Contained {
    fn take<'a>(&'a self, rules: &'a QuotaRules, request: SlotRequest) -> BoxFuture<'a, Result<Take, StoreError>> {
        Box::pin(driven(move || self.0.take(rules, request), "take"))
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        contained(|| self.0.settle(rules, slot, outcome));
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        contained(|| self.0.learn(rules, reported));
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        contained(|| self.0.usage(rules, lane, ahead)).unwrap_or_default()
    }

    fn withdraw(&self, rules: &QuotaRules, waiter: Waiter) {
        contained(|| self.0.withdraw(rules, waiter));
    }

    fn adopt(&self, rules: &QuotaRules, request: SlotRequest) {
        contained(|| self.0.adopt(rules, request));
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(driven(|| self.0.flush(), "flush"))
    }
}
