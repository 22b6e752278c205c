//! A store of the user's whose panics are errors of the store: they end no call, and nothing that a call holds.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use super::rules::{Lane, QuotaRules};
use super::store::{Outcome, QuotaStore, Slot, SlotRequest, Take, Usage, Waiter};
use crate::future::BoxFuture;
use crate::metadata::RateLimit;
use crate::store::StoreError;

pub(super) struct Contained(pub(super) Arc<dyn QuotaStore>);

/// `None` when it panicked. The store is used again: what it promises after a panic is its own affair.
fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

async fn driven<'a, T>(
    make: impl FnOnce() -> BoxFuture<'a, Result<T, StoreError>>,
    method: &'static str,
) -> Result<T, StoreError> {
    let panicked = || StoreError::new(format!("it panicked in `{method}`"));
    let mut work = contained(make).ok_or_else(panicked)?;
    poll_fn(|context| contained(|| work.as_mut().poll(context)).unwrap_or_else(|| Poll::Ready(Err(panicked())))).await
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
