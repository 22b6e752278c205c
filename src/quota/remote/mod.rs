//! What every quota store on a server needs, whatever the server is: batching, a copy of what it last said for
//! [`usage`](QuotaStore::usage), a time limit, and giving back to a restarted server what it has forgotten.
//!
//! A crate for a server implements [`RemoteLedger`], one atomic exchange, and spawns the task that
//! [`RemoteQuota::new`] returns. Users of such a crate do not need this module.

mod batch;
mod driver;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

pub use batch::{Batch, Exchanged, RemoteLedger, Reported, Restore};

use super::pacer::unique_number;
use super::rules::{Lane, QuotaRules};
use super::store::{Outcome, QuotaStore, Slot, SlotRequest, Take, Usage, Waiter, WindowUsage};
use crate::clock::Clock;
use crate::future::BoxFuture;
use crate::metadata::RateLimit;
use crate::store::StoreError;
use driver::{Driver, Op};

/// A refusal is believed for this long without asking again, as the gate does.
const LONGEST_REFUSAL: Duration = Duration::from_secs(60 * 60);

/// A quota store on a server, behind a [`RemoteLedger`].
pub struct RemoteQuota {
    clock: Arc<dyn Clock>,
    ops: mpsc::UnboundedSender<Op>,
    mirror: Arc<Mutex<Mirror>>,
}

/// What the server last said, and what this process did since.
#[derive(Default)]
struct Mirror {
    rules: Option<QuotaRules>,
    used: Vec<u32>,
    in_flight: u32,
    /// For interactive calls and for normal ones.
    next_free: [Option<Instant>; 2],
    refused_until: Option<Instant>,
    processes: Option<u32>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is whole after each step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RemoteQuota {
    /// The store, and the task that does its work: spawn it. It ends when the store is dropped, after a last exchange.
    ///
    /// Without the task, or when its runtime has ended, every take fails, and the engine goes on by its fallback.
    pub fn new(ledger: impl RemoteLedger, clock: Arc<dyn Clock>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (ops, queue) = mpsc::unbounded_channel();
        let mirror: Arc<Mutex<Mirror>> = Arc::default();
        let driver = Driver::new(Box::new(ledger), Arc::clone(&clock), Arc::clone(&mirror), unique_number());
        (Self { clock, ops, mirror }, driver.run(queue))
    }

    fn send(&self, op: Op) -> Result<(), StoreError> {
        self.ops.send(op).map_err(|_| ended())
    }
}

fn ended() -> StoreError {
    StoreError::new("the task of the quota store has ended with its runtime")
}

impl fmt::Debug for RemoteQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteQuota").field("in_flight", &lock(&self.mirror).in_flight).finish_non_exhaustive()
    }
}

impl QuotaStore for RemoteQuota {
    fn take<'a>(&'a self, rules: &'a QuotaRules, request: SlotRequest) -> BoxFuture<'a, Result<Take, StoreError>> {
        Box::pin(async move {
            let (reply, result) = oneshot::channel();
            self.send(Op::Take(rules.clone(), request, reply))?;
            result.await.map_err(|_| ended())?
        })
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        {
            let mut mirror = lock(&self.mirror);
            mirror.in_flight = mirror.in_flight.saturating_sub(1);
            if outcome == Outcome::Unsent {
                mirror.used.iter_mut().for_each(|used| *used = used.saturating_sub(1));
            }
        }
        // A task that has ended has no slots to settle.
        let _ = self.send(Op::Settle(rules.clone(), slot, outcome, self.clock.now()));
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        let now = self.clock.now();
        let length = |index: usize| rules.windows().get(index).map(|window| window.safe_length()).unwrap_or_default();
        let remaining = rules.reported(reported).map(|(index, remaining)| {
            let free_after = reported.reset.map_or(length(index), |reset| reset.min(length(index)));
            (index, remaining, free_after)
        });
        let refused = reported.retry_after.map(|wait| wait.min(LONGEST_REFUSAL));
        {
            let mut mirror = lock(&self.mirror);
            if let Some((index, remaining, _)) = remaining
                && let Some(window) = rules.windows().get(index)
            {
                mirror.used.resize(rules.windows().len(), 0);
                let least = window.requests().saturating_sub(remaining);
                if let Some(used) = mirror.used.get_mut(index) {
                    *used = (*used).max(least);
                }
            }
            mirror.refused_until = mirror.refused_until.max(refused.map(|wait| now + wait));
        }
        if refused.is_some() || remaining.is_some() {
            let _ = self.send(Op::Learn(rules.clone(), Reported { refused, remaining }, now));
        }
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        let now = self.clock.now();
        let mirror = lock(&self.mirror);
        let known = mirror.rules.as_ref().is_none_or(|known| known == rules);
        let used = |index: usize| if known { mirror.used.get(index).copied().unwrap_or(0) } else { 0 };
        let [interactive, normal] = mirror.next_free;
        let next_free = if lane == Lane::Interactive { interactive } else { normal };
        let first = next_free.max(mirror.refused_until).map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        // Each full window between the one who asks and the first in the queue takes its length: a lower bound.
        let behind = rules.windows().iter().map(|window| {
            let rounds = ahead
                / (window.requests() - if lane == Lane::Normal { rules.reserved(*window) } else { 0 }).max(1) as usize;
            window.length().saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
        });
        let windows = rules.windows().iter().enumerate();
        Usage {
            windows: windows.map(|(index, window)| WindowUsage::new(*window, used(index))).collect(),
            in_flight: mirror.in_flight,
            next_free: first.saturating_add(behind.max().unwrap_or_default()),
            processes: mirror.processes,
        }
    }

    fn withdraw(&self, rules: &QuotaRules, waiter: Waiter) {
        let _ = self.send(Op::Withdraw(rules.clone(), waiter));
    }

    fn adopt(&self, rules: &QuotaRules, request: SlotRequest) {
        let _ = self.send(Op::Adopt(rules.clone(), request, self.clock.now()));
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (reply, result) = oneshot::channel();
            self.send(Op::Flush(reply))?;
            result.await.map_err(|_| ended())?
        })
    }
}
