//! What a process and the server of a shared quota send each other in one exchange.

use std::time::Duration;

use crate::quota::{Outcome, QuotaRules, Slot, SlotRequest, Waiter};
use crate::{BoxFuture, StoreError};

/// A server that counts for several processes: one exchange is one round trip, and atomic.
///
/// `onehorizon-redis` and `onehorizon-postgres` implement it; with [`RemoteQuota`](super::RemoteQuota) around it, it is
/// a [`QuotaStore`](crate::quota::QuotaStore). All times are durations, measured by the server's clock.
pub trait RemoteLedger: Send + 'static {
    /// Applies the batch in this order: [`restore`](Batch::restore), leases that ended, [`settled`](Batch::settled),
    /// [`reported`](Batch::reported), [`withdrawn`](Batch::withdrawn), [`takes`](Batch::takes).
    ///
    /// If [`epoch`](Batch::epoch) names another memory than the server has, it changes nothing and returns the
    /// server's with [`Exchanged::stale`]. A batch may come twice: a response can be lost.
    fn exchange<'a>(
        &'a mut self,
        rules: &'a QuotaRules,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Exchanged, StoreError>>;
}

/// What a process has to say, and wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// Names the process, so that the server can count those that are alive.
    pub process: u64,
    /// The server's memory as this process knows it; none before the first exchange.
    pub epoch: Option<String>,
    /// What this process has taken, for a memory that may not know it. The server then gives no slot for 1.5 s, so that
    /// the others can say theirs.
    pub restore: Option<Restore>,
    /// Slots whose requests have ended, how, and how long ago.
    pub settled: Vec<(Slot, Outcome, Duration)>,
    /// What the service reported.
    pub reported: Vec<Reported>,
    /// Waiters that ask no more.
    pub withdrawn: Vec<Waiter>,
    /// Slots that are wished for.
    pub takes: Vec<SlotRequest>,
}

/// What a process has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restore {
    /// Used slots, and for how long they have counted.
    pub used: Vec<(Slot, Duration)>,
    /// Slots under way, and what is left of their leases.
    pub running: Vec<(Slot, Duration)>,
}

/// What the service reported of the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// It refuses for so long.
    pub refused: Option<Duration>,
    /// So many requests remain in the window of this index; the others are free again after this time.
    pub remaining: Option<(usize, u32, Duration)>,
}

/// The server's side of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchanged {
    /// The server's memory; another one after it was lost.
    pub epoch: String,
    /// It is not the one that the batch named, and nothing was done.
    pub stale: bool,
    /// For each wished slot: nothing if it was given, else how long to wait.
    pub takes: Vec<Option<Duration>>,
    /// Slots in use, for each window.
    pub used: Vec<u32>,
    /// Slots under way.
    pub in_flight: u32,
    /// How long until an interactive call that asks now gets a slot, and until a normal one does.
    pub next_free: [Duration; 2],
    /// Processes that exchanged something of late.
    pub processes: u32,
}
