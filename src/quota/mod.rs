//! The quota: how calls share it, wait for it, and see it.
//!
//! A refusal (429) closes a gate for all clones of a configuration. [`Pacing`] keeps calls from being refused at all: it
//! counts them before they are sent, in this process ([`MemoryQuota`]) or in a [`QuotaStore`] that several processes
//! share. Without pacing nothing is counted and nothing waits until the service refuses.

mod contained;
mod gate;
mod ledger;
mod memory;
mod pacer;
mod pacing;
mod permit;
mod queue;
pub mod remote;
mod rules;
mod status;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use memory::MemoryQuota;
pub use pacing::{Fallback, Pacing};
pub use rules::{Lane, QuotaRules, QuotaShape, Window};
pub use status::{QuotaStatus, QuotaWait, WaitReason};
pub use store::{Outcome, QuotaStore, Slot, SlotRequest, Take, Usage, Waiter, WindowUsage};

pub(crate) use permit::Permit;

use gate::Bar;
use pacer::{Asked, Pacer};
use queue::{GRACE, Position, Queue, Turn};
use rules::LONGEST_WINDOW;

use crate::clock::Clock;
use crate::deadline::{OutOfTime, within};
use crate::store::StoreError;
use crate::trace;

/// What is called before each wait.
pub(crate) type OnWait = Arc<dyn Fn(&QuotaWait) + Send + Sync>;

/// The quota as the clones of one configuration share it.
pub(crate) struct Quota {
    clock: Arc<dyn Clock>,
    queue: Queue,
    tickets: AtomicU64,
    pacer: Option<Pacer>,
    on_wait: Option<OnWait>,
}

/// A call that wants to send a request.
pub(crate) struct Caller {
    pub(crate) operation: &'static str,
    pub(crate) lane: Lane,
    pub(crate) ticket: u64,
    /// How long it waits for a quota that is spent; [`Quota::patience`] has the default.
    pub(crate) max_wait: Option<Duration>,
    /// What is left until its deadline.
    pub(crate) remaining: Option<Duration>,
    /// How long the request may take.
    pub(crate) lease: Duration,
}

/// What keeps a call from sending.
#[derive(Clone, Copy)]
struct Obstacle {
    reason: WaitReason,
    /// How long it surely lasts.
    wait: Duration,
    /// When to look again without being called.
    again: Duration,
    /// Whether nobody is ahead.
    first: bool,
}

impl Obstacle {
    fn bar(bar: Bar, now: Instant) -> Self {
        let (wait, again) = match bar {
            Bar::Closed(until) => (until.saturating_duration_since(now), until),
            Bar::Crowded(until) => (Duration::ZERO, until),
        };
        Self { reason: WaitReason::Refused, wait, again: again.saturating_duration_since(now), first: true }
    }
}

/// The last wait that was reported.
struct Reported {
    reason: WaitReason,
    first: bool,
    end: Instant,
}

/// A wait that grows by less than this is not reported again.
const NEWS: Duration = Duration::from_secs(1);

/// Why a call may not send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rejection {
    /// The wait is longer than the caller waits: at least so long from now, after so long already.
    TooLong { reason: WaitReason, wait: Duration, waited: Duration },
    /// The deadline passed in the queue.
    Deadline,
}

/// A configuration that was refused a slot, and may be waited for by its store.
struct Waiting<'a> {
    quota: &'a Quota,
    lane: Lane,
    refused: bool,
}

impl Drop for Waiting<'_> {
    /// The last call to leave a lane takes the lane out of the store's order.
    fn drop(&mut self) {
        if let Some(pacer) = self.quota.pacer.as_ref().filter(|_| self.refused)
            && !self.quota.queue.state().waits_in(self.lane)
        {
            pacer.withdraw(self.lane);
        }
    }
}

impl Quota {
    pub(crate) fn new(clock: &Arc<dyn Clock>, pacing: Option<Pacing>, on_wait: Option<OnWait>) -> Self {
        Self {
            clock: Arc::clone(clock),
            queue: Queue::default(),
            tickets: AtomicU64::new(0),
            pacer: pacing.map(|pacing| Pacer::new(clock, pacing)),
            on_wait,
        }
    }

    /// A number for a call that begins; smaller ones go first.
    pub(crate) fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }

    /// How long a call waits for the quota: what it says itself, else what pacing says, else what retrying says.
    pub(crate) fn patience(&self, own: Option<Duration>, retrying: Duration) -> Option<Duration> {
        own.or(match &self.pacer {
            Some(pacer) => pacer.max_wait,
            None => Some(retrying),
        })
    }

    /// Waits until the call may send, in the order in which calls began; interactive calls first.
    ///
    /// Dropping the future leaves the queue; no slot stays taken.
    pub(crate) async fn enter(
        &self,
        caller: &Caller,
        observe: &(dyn Fn(WaitReason, Duration) + Sync),
    ) -> Result<Permit<'_>, Rejection> {
        let began = self.clock.now();
        if self.pacer.is_none()
            && let Some(round) = self.queue.pass(began)
        {
            return Ok(Permit::new(self, round, None));
        }
        // Dropped after the position, so that it sees who still waits.
        let mut waiting = Waiting { quota: self, lane: caller.lane, refused: false };
        let position = Position::join(&self.queue, caller.lane, caller.ticket);
        let mut reported = None;
        loop {
            let now = self.clock.now();
            let waited = now.saturating_duration_since(began);
            let left = caller.remaining.map(|remaining| remaining.saturating_sub(waited));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Rejection::Deadline);
            }
            let obstacle = match position.turn(now) {
                Turn::Mine => {
                    position.looks_by(self.pacer.as_ref().and_then(|pacer| now.checked_add(2 * pacer.store_timeout())));
                    let take = self.take(&position, &mut waiting, caller.lease);
                    match within(&*self.clock, left.unwrap_or(Duration::MAX), take).await {
                        Ok(Ok(permit)) => return Ok(permit),
                        Ok(Err(obstacle)) => obstacle,
                        Err(OutOfTime) => return Err(Rejection::Deadline),
                    }
                }
                Turn::Barred(bar) => Obstacle::bar(bar, now),
                Turn::Behind(bar, again) => self.behind(caller, &position, bar, again, now),
            };
            let Obstacle { reason, wait, again, first } = obstacle;
            let patience = match self.patience_left(caller, wait, waited) {
                Some(patience) if left.is_none_or(|left| wait < left) => patience,
                _ => return Err(Rejection::TooLong { reason, wait, waited }),
            };
            self.report(caller, &position, &mut reported, obstacle, now, observe);
            let sleep = left.unwrap_or(Duration::MAX).min(again).min(patience);
            if first {
                position.looks_by(self.clock.now().checked_add(sleep.saturating_add(GRACE)));
            }
            position.called_or(self.clock.sleep(sleep)).await;
        }
    }

    /// How much longer a caller waits that has waited so long and surely waits so much more; none for no longer.
    fn patience_left(&self, caller: &Caller, wait: Duration, waited: Duration) -> Option<Duration> {
        let Some(most) = caller.max_wait else { return Some(Duration::MAX) };
        let Some(pacer) = &self.pacer else { return (wait <= most).then_some(Duration::MAX) };
        if !wait.is_zero() && waited.saturating_add(wait) > most {
            return None;
        }
        // Somebody ahead may be asking the store at this moment, which is not a wait for the quota.
        let left = most.max(pacer.store_timeout()).saturating_sub(waited);
        (!left.is_zero()).then_some(left)
    }

    /// Takes a slot for the first in the queue.
    async fn take(
        &self,
        position: &Position<'_>,
        waiting: &mut Waiting<'_>,
        lease: Duration,
    ) -> Result<Permit<'_>, Obstacle> {
        let mut slot = None;
        if let Some(pacer) = &self.pacer {
            let wished = Pacer::slot(waiting.lane);
            match pacer.ask(wished, lease).await {
                Asked::Granted => slot = Some(wished),
                Asked::Wait(wait) => {
                    waiting.refused = true;
                    return Err(Obstacle { reason: WaitReason::Pacing, wait, again: wait, first: true });
                }
            }
            waiting.refused = false;
        }
        let now = self.clock.now();
        let entered = position.enter(now);
        let mut permit = Permit::new(self, entered.ok().flatten(), slot);
        match entered {
            Ok(_) => Ok(permit),
            Err(bar) => {
                permit.settle(Outcome::Unsent, None);
                Err(Obstacle::bar(bar, now))
            }
        }
    }

    /// What somebody who is not the first waits for; the first in the queue keeps the time and calls the others.
    fn behind(
        &self,
        caller: &Caller,
        position: &Position<'_>,
        bar: Option<Bar>,
        again: Instant,
        now: Instant,
    ) -> Obstacle {
        let again = again.saturating_duration_since(now);
        let mut obstacle = Obstacle { reason: WaitReason::Refused, wait: Duration::ZERO, again, first: false };
        match (bar, &self.pacer) {
            (Some(bar), _) => obstacle.wait = Obstacle::bar(bar, now).wait,
            (None, None) => {}
            (None, Some(pacer)) => {
                obstacle.reason = WaitReason::Pacing;
                // Looking ahead costs time, so only for those who want to know.
                if caller.max_wait.is_some() || caller.remaining.is_some() || self.on_wait.is_some() {
                    let next_free = pacer.usage(caller.lane, position.ahead()).next_free;
                    obstacle.wait = next_free.min(LONGEST_WINDOW);
                }
            }
        }
        obstacle
    }

    /// Reports a wait, and again when it has become another one.
    fn report(
        &self,
        caller: &Caller,
        position: &Position<'_>,
        reported: &mut Option<Reported>,
        obstacle: Obstacle,
        now: Instant,
        observe: &(dyn Fn(WaitReason, Duration) + Sync),
    ) {
        let first = obstacle.first;
        let end = now + obstacle.wait;
        if let Some(reported) = reported
            && reported.reason == obstacle.reason
            && reported.first == first
            && end <= reported.end + NEWS
        {
            return;
        }
        *reported = Some(Reported { reason: obstacle.reason, first, end });
        trace::waits(obstacle.reason.as_str(), obstacle.wait);
        observe(obstacle.reason, obstacle.wait);
        if let Some(on_wait) = &self.on_wait {
            on_wait(&QuotaWait {
                operation: caller.operation,
                lane: caller.lane,
                reason: obstacle.reason,
                wait: obstacle.wait,
                ends_at: self.clock.time_of_day() + obstacle.wait,
                ahead: position.ahead(),
            });
        }
    }

    pub(crate) fn status(&self) -> QuotaStatus {
        let (waiting, closed_for) = {
            let state = self.queue.state();
            (state.waiting(), state.gate.closed_for(self.clock.now()))
        };
        let pacer = self.pacer.as_ref();
        let usage = pacer.map(|pacer| pacer.usage(Lane::Normal, waiting)).unwrap_or_default();
        QuotaStatus {
            next_free: usage.next_free.max(closed_for.unwrap_or_default()),
            windows: usage.windows,
            closed_for,
            waiting,
            in_flight: usage.in_flight,
            store_away: pacer.is_some_and(Pacer::is_away),
            store_failures: pacer.map_or(0, Pacer::failures),
        }
    }

    /// Waits until the store knows of all calls that have ended.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        match &self.pacer {
            Some(pacer) => pacer.flush().await,
            None => Ok(()),
        }
    }
}
