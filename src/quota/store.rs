//! The trait of quota stores.

use std::sync::Arc;
use std::time::Duration;

use super::rules::{Lane, QuotaRules, Window};
use crate::future::BoxFuture;
use crate::metadata::RateLimit;
use crate::store::StoreError;

/// Counts requests against a quota; implement it to share one quota between processes.
///
/// [`MemoryQuota`](super::MemoryQuota) is the one that configurations use by default; `onehorizon-redis` and
/// `onehorizon-postgres` have one for several processes. The conformance suite of `onehorizon-testing` checks an
/// implementation against this contract:
///
/// - **Atomic.** [`take`](Self::take) takes one slot in every window of the rules, or none. Two callers never get the
///   last slot, also not through two connections to a shared store.
/// - **Numbered by the caller.** The engine makes the number of a slot, random and below 2^63. A `take` repeated with
///   the number of a slot that is held is granted again and takes nothing more, so that one whose response was lost can
///   be asked again.
/// - **Counted late.** A slot is held from `take` until [`settle`](Self::settle), and from then on for the window's
///   [`safe_length`](Window::safe_length). So it is held at least as long as the service counts the request, whatever
///   the time that the request took to arrive.
/// - **Leased.** A slot that nobody settles before its lease ends (a process that was killed) counts as settled then,
///   as [`Outcome::Lost`]. A settlement that comes later moves the slot, it does not count it twice.
/// - **Settled always.** A slot that the store does not know counts as used when it is settled (unless
///   [`Outcome::Unsent`]): the engine sent it while the store was away.
/// - **Lanes.** [`Lane::Normal`] leaves [`QuotaRules::reserved`] slots of each window to [`Lane::Interactive`].
/// - **Own time.** Only durations cross this interface; the store measures them with its own clock. A shared store uses
///   the one of its server.
/// - **No waiting.** `take` returns at once with a slot or with the time after which asking again makes sense. That may
///   be too early, never by much too late: a caller that asks again may have to wait again. The engine asks again at that
///   time, and when a request of its own has ended.
/// - **Order.** The engine lets its own calls ask one after the other. Between configurations a store may keep an order
///   by [`SlotRequest::waiter`]; one that does forgets a waiter at [`withdraw`](Self::withdraw).
///
/// While `take` fails, panics or exceeds its time limit, the engine goes on by [`Fallback`](super::Fallback). A panic in another
/// method is contained, and what it was to note is lost.
pub trait QuotaStore: Send + Sync + 'static {
    /// Takes a slot, or says when to ask again. The engine waits about a second for it.
    ///
    /// Dropping the future may leave a slot taken only in a store that is not in this process; its lease ends it.
    fn take<'a>(&'a self, rules: &'a QuotaRules, request: SlotRequest) -> BoxFuture<'a, Result<Take, StoreError>>;

    /// The request of a slot has ended. Called once for each slot, also while a call is being dropped: it must not
    /// block. A store that is far away passes the message on in its own time.
    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome);

    /// The service reported something of the quota: a refusal with its wait (`retry_after`), or the numbers of a
    /// response.
    ///
    /// After a refusal no slot is given until the wait ends. Must not block.
    fn learn(&self, rules: &QuotaRules, reported: &RateLimit);

    /// What is known of the use at this moment, without asking anybody; `ahead` callers wait to take a slot before
    /// the one who asks for one of this lane.
    ///
    /// A store that is far away returns what it last saw and what this process did since: it may lag, but shows what
    /// this process learned at once.
    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage;

    /// The waiter that was refused a slot before asks no more. Must not block.
    fn withdraw(&self, rules: &QuotaRules, waiter: Waiter) {
        let _ = (rules, waiter);
    }

    /// A slot was given without this store, which was away: it is held like one that was taken. Must not block.
    fn adopt(&self, rules: &QuotaRules, request: SlotRequest) {
        let _ = (rules, request);
    }

    /// Waits until everything that was settled, learned and withdrawn has arrived; for jobs that end.
    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A store that is shared.
impl<S: QuotaStore + ?Sized> QuotaStore for Arc<S> {
    fn take<'a>(&'a self, rules: &'a QuotaRules, request: SlotRequest) -> BoxFuture<'a, Result<Take, StoreError>> {
        (**self).take(rules, request)
    }

    fn settle(&self, rules: &QuotaRules, slot: Slot, outcome: Outcome) {
        (**self).settle(rules, slot, outcome);
    }

    fn learn(&self, rules: &QuotaRules, reported: &RateLimit) {
        (**self).learn(rules, reported);
    }

    fn usage(&self, rules: &QuotaRules, lane: Lane, ahead: usize) -> Usage {
        (**self).usage(rules, lane, ahead)
    }

    fn withdraw(&self, rules: &QuotaRules, waiter: Waiter) {
        (**self).withdraw(rules, waiter);
    }

    fn adopt(&self, rules: &QuotaRules, request: SlotRequest) {
        (**self).adopt(rules, request);
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        (**self).flush()
    }
}

/// A wish for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRequest {
    slot: Slot,
    lease: Duration,
    waiter: Waiter,
}

impl SlotRequest {
    /// A wish for this slot, for a request that ends within the lease.
    #[must_use]
    pub fn new(slot: Slot, lease: Duration) -> Self {
        Self { slot, lease: lease.min(super::rules::LONGEST_WINDOW), waiter: Waiter(0) }
    }

    /// As this waiter.
    #[must_use]
    pub fn waiter(mut self, waiter: Waiter) -> Self {
        self.waiter = waiter;
        self
    }

    /// The slot to take.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// How long the slot is held if nobody settles it.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// Who asks: one number for each configuration and lane; zero for nobody in particular.
    #[must_use]
    pub fn asked_by(&self) -> Waiter {
        self.waiter
    }
}

/// Names a configuration that waits for a slot, in one lane; see [`SlotRequest::asked_by`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Waiter(u64);

impl Waiter {
    /// The waiter with this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// What a store returns to a request for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Take {
    /// A slot in every window; send now.
    Granted,
    /// No slot; ask again after this time.
    Wait(Duration),
}

/// A slot: a number that the engine makes, and the lane in which it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    number: u64,
    lane: Lane,
}

impl Slot {
    /// The slot with this number, in the normal lane.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self { number, lane: Lane::Normal }
    }

    /// The same in another lane.
    #[must_use]
    pub fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// Its number, below 2^63.
    #[must_use]
    pub fn number(self) -> u64 {
        self.number
    }

    /// Its lane.
    #[must_use]
    pub fn lane(self) -> Lane {
        self.lane
    }
}

/// How the request of a slot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It never left this machine: the slot is free again.
    Unsent,
    /// There was a response: the slot is used from now on.
    Responded,
    /// Nobody knows whether it arrived (a broken connection, a call that was dropped): the slot is used from a moment
    /// later on, since the service may get the request when nobody listens any more.
    Lost,
}

impl Outcome {
    /// How much later than now the service may have counted the request.
    #[must_use]
    pub fn grace(self) -> Duration {
        match self {
            Self::Lost => Duration::from_secs(1),
            Self::Responded | Self::Unsent => Duration::ZERO,
        }
    }
}

/// What is known of a quota's use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// The windows of the rules, in their order.
    pub windows: Vec<WindowUsage>,
    /// Requests under way; they are among the used ones.
    pub in_flight: u32,
    /// How long it takes at least until the caller who asks can have a slot; zero for at once.
    pub next_free: Duration,
    /// Processes that share the quota, as far as the store counts them.
    pub processes: Option<u32>,
}

impl Usage {
    /// What a store reports.
    #[must_use]
    pub fn new(windows: Vec<WindowUsage>, in_flight: u32, next_free: Duration) -> Self {
        Self { windows, in_flight, next_free, processes: None }
    }
}

/// The use of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowUsage {
    /// The window.
    pub window: Window,
    /// Slots that are taken.
    pub used: u32,
}

impl WindowUsage {
    /// The use of this window.
    #[must_use]
    pub fn new(window: Window, used: u32) -> Self {
        Self { window, used }
    }

    /// Slots that are left.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.window.requests().saturating_sub(self.used)
    }
}
