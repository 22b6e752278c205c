//! The quota: how calls share it, wait for it, and see it.
//!
//! A refusal (429) closes a gate for all clones of a configuration; [`Pacing`], if asked for, keeps them from being
//! refused at all.

mod gate;
mod memory;
mod pacing;
mod queue;
mod rules;
mod status;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use memory::MemoryQuota;
pub use pacing::Pacing;
pub use rules::{QuotaRules, QuotaShape, Window};
pub use status::{QuotaStatus, QuotaWait, WaitReason};
pub use store::{Ending, QuotaStore, Slot, Take, Usage, WindowUsage};

use gate::{Bar, Round};
use queue::{Line, Place, Standing};
use rules::LONGEST_WINDOW;

use crate::clock::Clock;
use crate::deadline::{OutOfTime, within};
use crate::metadata::RateLimit;
use crate::trace;

/// What is told before each wait.
pub(crate) type OnWait = Arc<dyn Fn(&QuotaWait) + Send + Sync>;

/// The quota as the clones of one configuration share it.
pub(crate) struct Quota {
    clock: Arc<dyn Clock>,
    line: Line,
    tickets: AtomicU64,
    pacer: Option<Pacer>,
    on_wait: Option<OnWait>,
    store_failures: AtomicU64,
}

struct Pacer {
    rules: QuotaRules,
    store: Arc<dyn QuotaStore>,
    max_wait: Option<Duration>,
}

/// A call that wants to send a request.
pub(crate) struct Caller {
    pub(crate) operation: &'static str,
    pub(crate) ticket: u64,
    /// How long it waits for a quota that the service says is spent; [`Quota::patience`] has the default.
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
    again: Option<Duration>,
}

impl Obstacle {
    fn bar(bar: Bar, now: Instant) -> Self {
        let (wait, again) = match bar {
            Bar::Closed(until) => (until.saturating_duration_since(now), until),
            Bar::Crowded(until) => (Duration::ZERO, until),
        };
        Self { reason: WaitReason::Refused, wait, again: Some(again.saturating_duration_since(now)) }
    }
}

/// The last wait that was told of.
struct Told {
    reason: WaitReason,
    first: bool,
    end: Instant,
}

/// A wait that grows by less than this is not told of again.
const NEWS: Duration = Duration::from_secs(1);

/// Why a call may not send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shut {
    /// The wait is known, and longer than the caller waits.
    TooLong { reason: WaitReason, wait: Duration },
    /// The deadline passed in the line.
    Deadline,
}

impl Quota {
    pub(crate) fn new(clock: &Arc<dyn Clock>, pacing: Option<Pacing>, on_wait: Option<OnWait>) -> Self {
        let pacer = pacing.map(|pacing| Pacer {
            rules: pacing.rules,
            store: pacing.store.unwrap_or_else(|| Arc::new(MemoryQuota::new(Arc::clone(clock)))),
            max_wait: pacing.max_wait,
        });
        Self {
            clock: Arc::clone(clock),
            line: Line::default(),
            tickets: AtomicU64::new(0),
            pacer,
            on_wait,
            store_failures: AtomicU64::new(0),
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

    /// Waits until the call may send, in the order in which calls began.
    ///
    /// Dropping the future leaves the line; no slot stays taken.
    pub(crate) async fn enter(&self, caller: &Caller) -> Result<Permit<'_>, Shut> {
        let began = self.clock.now();
        if self.pacer.is_none()
            && let Some(round) = self.line.walk_through(began)
        {
            return Ok(Permit { quota: self, round, slot: None, settled: false });
        }
        let place = Place::join(&self.line, caller.ticket);
        let mut told = None;
        loop {
            let now = self.clock.now();
            let left = caller.remaining.map(|remaining| remaining.saturating_sub(now.saturating_duration_since(began)));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Shut::Deadline);
            }
            let obstacle = match place.standing(now) {
                Standing::Next => {
                    let take = self.take(&place, caller.lease);
                    match within(&*self.clock, left.unwrap_or(Duration::MAX), take).await {
                        Ok(Ok(permit)) => return Ok(permit),
                        Ok(Err(obstacle)) => obstacle,
                        Err(OutOfTime) => return Err(Shut::Deadline),
                    }
                }
                Standing::Barred(bar) => Obstacle::bar(bar, now),
                Standing::Behind(bar) => self.behind(caller, &place, bar, now),
            };
            let Obstacle { reason, wait, again } = obstacle;
            if caller.max_wait.is_some_and(|most| wait > most) || left.is_some_and(|left| wait >= left) {
                return Err(Shut::TooLong { reason, wait });
            }
            self.tell(caller, &place, &mut told, obstacle, now);
            let sleep = again.into_iter().chain(left).min().unwrap_or(Duration::MAX);
            place.called_or(self.clock.sleep(sleep)).await;
        }
    }

    /// Takes a slot for the first in line.
    async fn take(&self, place: &Place<'_>, lease: Duration) -> Result<Permit<'_>, Obstacle> {
        let mut slot = None;
        if let Some(pacer) = &self.pacer {
            match pacer.store.take(&pacer.rules, lease).await {
                Ok(Take::Granted(granted)) => slot = Some(granted),
                Ok(Take::Wait(wait)) => {
                    let wait = wait.min(LONGEST_WINDOW);
                    return Err(Obstacle { reason: WaitReason::Pacing, wait, again: Some(wait) });
                }
                Err(fault) => {
                    self.store_failures.fetch_add(1, Ordering::Relaxed);
                    trace::store_failed(&*fault);
                }
            }
        }
        let mut permit = Permit { quota: self, round: None, slot, settled: false };
        let now = self.clock.now();
        match place.enter(now) {
            Ok(round) => {
                permit.round = round;
                Ok(permit)
            }
            Err(bar) => {
                permit.settle(Ending::Unsent, None);
                Err(Obstacle::bar(bar, now))
            }
        }
    }

    /// What somebody who is not the first waits for; the first in line keeps the time, the others are called.
    fn behind(&self, caller: &Caller, place: &Place<'_>, bar: Option<Bar>, now: Instant) -> Obstacle {
        let mut obstacle = Obstacle { reason: WaitReason::Refused, wait: Duration::ZERO, again: None };
        match (bar, &self.pacer) {
            (Some(bar), _) => obstacle.wait = Obstacle::bar(bar, now).wait,
            (None, None) => {}
            (None, Some(pacer)) => {
                obstacle.reason = WaitReason::Pacing;
                // Looking ahead costs time, so only for those who want to know.
                if caller.max_wait.is_some() || caller.remaining.is_some() || self.on_wait.is_some() {
                    let next_free = pacer.store.usage(&pacer.rules, place.ahead()).next_free;
                    obstacle.wait = next_free.min(LONGEST_WINDOW);
                }
            }
        }
        obstacle
    }

    /// Tells of a wait, and again when it has become another one.
    fn tell(&self, caller: &Caller, place: &Place<'_>, told: &mut Option<Told>, obstacle: Obstacle, now: Instant) {
        let first = obstacle.again.is_some();
        let end = now + obstacle.wait;
        if let Some(told) = told
            && told.reason == obstacle.reason
            && told.first == first
            && end <= told.end + NEWS
        {
            return;
        }
        *told = Some(Told { reason: obstacle.reason, first, end });
        trace::waits(obstacle.reason.as_str(), obstacle.wait);
        if let Some(on_wait) = &self.on_wait {
            on_wait(&QuotaWait {
                operation: caller.operation,
                reason: obstacle.reason,
                wait: obstacle.wait,
                ends_at: self.clock.time_of_day() + obstacle.wait,
                ahead: place.ahead(),
            });
        }
    }

    pub(crate) fn status(&self) -> QuotaStatus {
        let (waiting, closed_for) = {
            let state = self.line.state();
            (state.waiting(), state.gate.closed_for(self.clock.now()))
        };
        let usage = self.pacer.as_ref().map(|pacer| pacer.store.usage(&pacer.rules, waiting)).unwrap_or_default();
        QuotaStatus {
            next_free: usage.next_free.max(closed_for.unwrap_or_default()),
            windows: usage.windows,
            closed_for,
            waiting,
            in_flight: usage.in_flight,
            store_failures: self.store_failures.load(Ordering::Relaxed),
        }
    }
}

/// The right to send one request; dropping it counts the request as lost.
pub(crate) struct Permit<'a> {
    quota: &'a Quota,
    round: Round,
    slot: Option<Slot>,
    settled: bool,
}

impl Permit<'_> {
    /// The request has ended; `told` is what its answer tells of the quota.
    pub(crate) fn settle(&mut self, ending: Ending, told: Option<&RateLimit>) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let Quota { pacer, line, clock, .. } = self.quota;
        if let Some(pacer) = pacer {
            if let Some(slot) = self.slot {
                pacer.store.settle(&pacer.rules, slot, ending);
            }
            if let Some(told) = told {
                pacer.store.learn(&pacer.rules, told);
            }
        }
        let refused = told.and_then(|told| told.retry_after);
        let mut state = line.state();
        state.gate.leave(self.round, ending == Ending::Answered && refused.is_none());
        match refused {
            Some(wait) => {
                state.gate.close(clock.now(), wait);
                state.call_all();
            }
            None => state.call_first(),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.settle(Ending::Lost, None);
    }
}
