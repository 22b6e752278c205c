//! What the checks are written with: one quota, through two instances of a store.

#![allow(clippy::indexing_slicing, reason = "a case has two stores")]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use onehorizon::quota::{Outcome, QuotaRules, QuotaStore, Slot, SlotRequest, Take};
use onehorizon::{BoxFuture, RateLimit, StoreError};

use super::super::{Checked, Violation, broken};

/// No request of these checks takes longer, except where the lease is what is checked.
pub(super) const LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// One quota through two instances.
pub(super) struct Case<'a, S: ?Sized> {
    pub(super) stores: [Arc<S>; 2],
    pub(super) rules: QuotaRules,
    pub(super) pass: &'a (dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync),
}

impl<S: QuotaStore + ?Sized> Case<'_, S> {
    pub(super) fn longest(&self) -> Duration {
        self.rules.windows().iter().map(|window| window.safe_length()).max().unwrap_or_default()
    }

    pub(super) async fn pass(&self, time: Duration) {
        (self.pass)(time).await;
    }

    pub(super) async fn take(&self, connection: usize, slot: Slot, lease: Duration) -> Result<Take, Violation> {
        self.stores[connection].take(&self.rules, SlotRequest::new(slot, lease)).await.map_err(failed)
    }

    pub(super) async fn settle(&self, connection: usize, slot: Slot, outcome: Outcome) -> Checked {
        self.stores[connection].settle(&self.rules, slot, outcome);
        self.stores[connection].flush().await.map_err(failed)
    }

    pub(super) async fn learn(&self, connection: usize, reported: &RateLimit) -> Checked {
        self.stores[connection].learn(&self.rules, reported);
        self.stores[connection].flush().await.map_err(failed)
    }

    /// Takes a slot that must be there.
    pub(super) async fn granted(&self, rule: &'static str, connection: usize) -> Result<Slot, Violation> {
        let slot = slot();
        self.expect(rule, &Take::Granted, &self.take(connection, slot, LEASE).await?)?;
        Ok(slot)
    }

    /// Takes a slot that must be there after waiting as long as the store asks, up to the limit.
    pub(super) async fn granted_within(
        &self,
        rule: &'static str,
        connection: usize,
        limit: Duration,
    ) -> Result<Slot, Violation> {
        let slot = slot();
        if let Take::Wait(wait) = self.take(connection, slot, LEASE).await? {
            if wait > limit {
                return Err(broken(rule, "a slot", Take::Wait(wait)));
            }
            self.pass(wait + Duration::from_millis(1)).await;
        }
        self.expect(rule, &Take::Granted, &self.take(connection, slot, LEASE).await?)?;
        Ok(slot)
    }

    /// Takes a slot that must not be there.
    pub(super) async fn waits(&self, rule: &'static str, connection: usize) -> Checked {
        match self.take(connection, slot(), LEASE).await? {
            Take::Wait(wait) if !wait.is_zero() => Ok(()),
            other => Err(broken(rule, "a wait", other)),
        }
    }

    /// Takes and settles until there are no more, up to `most`, through both connections in turn.
    pub(super) async fn spend(&self, most: usize) -> Result<(usize, Duration), Violation> {
        for given in 0..most {
            let (connection, slot) = (given % 2, slot());
            match self.take(connection, slot, LEASE).await? {
                Take::Granted => self.settle(connection, slot, Outcome::Responded).await?,
                Take::Wait(wait) => return Ok((given, wait)),
                other => return Err(broken("a take is granted or waits", "either", other)),
            }
        }
        Ok((most, Duration::ZERO))
    }

    #[allow(clippy::unused_self, reason = "reads as the other checks do")]
    pub(super) fn expect<T: PartialEq + fmt::Debug>(&self, rule: &'static str, expected: &T, got: &T) -> Checked {
        if expected == got { Ok(()) } else { Err(broken(rule, expected, got)) }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
pub(super) fn failed(fault: StoreError) -> Violation {
    broken("a store that is there does not fail", "no error", fault.to_string())
}

pub(super) fn limits(set: impl FnOnce(&mut RateLimit)) -> RateLimit {
    let mut limits = RateLimit::default();
    set(&mut limits);
    limits
}

/// A slot of the normal lane that no other has.
pub(super) fn slot() -> Slot {
    Slot::new(number())
}

pub(super) fn number() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(COUNT.fetch_add(1, Ordering::Relaxed)) >> 1
}
