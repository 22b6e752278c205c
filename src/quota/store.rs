//! Where used quota is counted.

use std::error::Error as StdError;
use std::time::Duration;

use super::rules::{QuotaRules, Window};
use crate::metadata::RateLimit;
use crate::transport::BoxFuture;

/// Counts requests against a quota; implement it to share one quota between processes.
///
/// [`MemoryQuota`](super::MemoryQuota) is the one that configurations use by default. The conformance suite
/// of `onehorizon-testing` checks an implementation against this contract:
///
/// - **Atomic.** [`take`](Self::take) takes one slot in every window of the rules, or none. Two callers never get the
///   same slot, also not through two connections to a shared store.
/// - **Counted late.** A slot is held from `take` until [`settle`](Self::settle), and from then on for the window's
///   [`safe_length`](Window::safe_length). So it is held at least as long as the service counts the request, whatever
///   the time that the request took to arrive.
/// - **Leased.** A slot that nobody settles before its lease ends (a process that was killed) counts as settled then,
///   as [`Ending::Lost`].
/// - **Own time.** Only durations cross this interface; the store measures them with its own clock. A shared store uses
///   the one of its server.
/// - **No waiting.** `take` answers at once with a slot or with the time after which asking again makes sense. That may
///   be too early, never by much too late: whoever asks again may be told to wait again. The engine asks again at that
///   time, and when a request of its own has ended.
/// - **No order.** The engine lets its own callers ask one after the other, the longest waiting first. A shared store
///   need not keep an order between processes.
///
/// The engine sends a call unpaced when `take` fails: the gate still holds it back if the service refuses.
pub trait QuotaStore: Send + Sync + 'static {
    /// Takes a slot, or tells when to ask again.
    ///
    /// Dropping the future may leave a slot taken only in a store that is not in this process; its lease ends it.
    fn take<'a>(
        &'a self,
        rules: &'a QuotaRules,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Take, Box<dyn StdError + Send + Sync>>>;

    /// The request of a slot has ended. Called once for each slot, also while a call is being dropped: it must not
    /// block. A store that is far away passes the message on in its own time.
    fn settle(&self, rules: &QuotaRules, slot: Slot, ending: Ending);

    /// The service told something of the quota: a refusal with its wait (`retry_after`), or the numbers of an answer.
    ///
    /// After a refusal no slot is given until the wait ends. Must not block.
    fn learn(&self, rules: &QuotaRules, told: &RateLimit);

    /// What is known of the use at this moment, without asking anybody; `ahead` callers wait to take a slot before
    /// the one who asks.
    fn usage(&self, rules: &QuotaRules, ahead: usize) -> Usage;
}

/// The answer to a request for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// A slot in every window; send now.
    Granted(Slot),
    /// No slot; ask again after this time.
    Wait(Duration),
}

/// A slot that was taken: a number that the store gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u64);

impl Slot {
    /// The slot with this number.
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

/// How the request of a slot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It never left this machine: the slot is free again.
    Unsent,
    /// There was an answer: the slot is used from now on.
    Answered,
    /// Nobody knows whether it arrived (a broken connection, a call that was dropped): the slot is used from a moment
    /// later on, since the service may get the request when nobody listens any more.
    Lost,
}

impl Ending {
    /// How much later than now the service may have counted the request.
    #[must_use]
    pub fn grace(self) -> Duration {
        match self {
            Self::Lost => Duration::from_secs(1),
            Self::Answered | Self::Unsent => Duration::ZERO,
        }
    }
}

/// What is known of a quota's use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The windows of the rules, in their order.
    pub windows: Vec<WindowUsage>,
    /// Requests under way; they are among the used ones.
    pub in_flight: u32,
    /// How long it takes at least until the caller who asks can have a slot; zero for at once.
    pub next_free: Duration,
}

/// The use of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowUsage {
    /// The window.
    pub window: Window,
    /// Slots that are taken.
    pub used: u32,
}

impl WindowUsage {
    /// Slots that are left.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.window.requests().saturating_sub(self.used)
    }
}
