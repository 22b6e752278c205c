//! The queue in which calls wait: interactive ones first, then the longest waiting.
//!
//! A call whose future nobody polls holds up nobody: one that does not look within [`GRACE`] of being called, or of the time
//! at which it wanted to look again, is passed over until it does. The others look by themselves, the later the further
//! behind they are.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::gate::{Bar, Gate, Round};
use super::rules::Lane;
use crate::future::BoxFuture;

/// How long a call may take to look, in a program that is busy.
pub(super) const GRACE: Duration = Duration::from_millis(100);
/// So much later looks who is one further behind, so that many who wait cost little.
const STAGGER: Duration = Duration::from_millis(6);

/// The gate, and who waits in front of it.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) gate: Gate,
    /// Calls are numbered when they begin, so that a repeated one does not go to the end.
    waiting: BTreeMap<Key, Waiting>,
}

type Key = (Lane, u64);

#[derive(Default)]
struct Waiting {
    /// Something has changed since the caller last looked.
    called: bool,
    waker: Option<Waker>,
    /// By when it should have looked again; without, nothing is expected of it.
    due: Option<Instant>,
    /// How many were ahead when it last looked.
    ahead: usize,
    /// That number is right already, since all were counted at once: each by itself would cost the square of their number.
    counted: bool,
}

/// Whose turn it is.
pub(super) enum Turn {
    /// The caller's, with nothing in the way.
    Mine,
    /// The caller's; the gate is closed or crowded.
    Barred(Bar),
    /// Others are ahead; how the gate stands for them, and when to look again without being called.
    Behind(Option<Bar>, Instant),
}

impl Queue {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after each step, whatever became of the thread that made it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes through at once if nobody waits and the gate lets one through.
    pub(super) fn pass(&self, now: Instant) -> Option<Round> {
        let mut state = self.state();
        if state.waiting.is_empty() { state.gate.enter(now).ok() } else { None }
    }
}

impl State {
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether anybody waits in this lane.
    pub(super) fn waits_in(&self, lane: Lane) -> bool {
        self.waiting.range((lane, 0)..=(lane, u64::MAX)).next().is_some()
    }

    /// Calls the first in the queue that has looked since it was called.
    pub(super) fn call_first(&mut self) {
        if let Some(first) = self.waiting.values_mut().find(|waiting| !waiting.called) {
            first.call();
        }
    }

    /// By when the first of those ahead has to look; none if nobody is ahead who looks.
    fn due_ahead(&mut self, key: Key, now: Instant) -> Option<Instant> {
        let mut passed_over = 0;
        for waiting in self.waiting.range_mut(..key).map(|(_, waiting)| waiting) {
            match waiting.due {
                Some(due) if due <= now => passed_over += 1,
                Some(due) => return Some(due),
                None => break,
            }
        }
        // Whether these look is not known: as many as are passed over are called, so that a few rounds are enough for all.
        let mut found = None;
        for (_, waiting) in self.waiting.range_mut(..key).skip(passed_over).take(passed_over + 1) {
            let due = *waiting.due.get_or_insert(now + GRACE);
            waiting.call();
            found = found.or(Some(due));
        }
        found
    }

    /// Calls all to look again: the wait has become another one for everybody.
    pub(super) fn call_all(&mut self) {
        for (ahead, waiting) in self.waiting.values_mut().enumerate() {
            (waiting.ahead, waiting.counted) = (ahead, true);
            waiting.call();
        }
    }
}

impl Waiting {
    fn call(&mut self) {
        self.called = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A position in the queue; leaves it when dropped, and lets the next one look.
pub(super) struct Position<'a> {
    queue: &'a Queue,
    key: Key,
}

impl<'a> Position<'a> {
    pub(super) fn join(queue: &'a Queue, lane: Lane, ticket: u64) -> Self {
        let (mut state, key) = (queue.state(), (lane, ticket));
        let last = state.waiting.last_key_value().is_none_or(|(last, _)| *last < key);
        let ahead = if last { state.waiting.len() } else { state.waiting.range(..key).count() };
        state.waiting.insert(key, Waiting { ahead, counted: true, ..Waiting::default() });
        drop(state);
        Self { queue, key }
    }

    /// Whose turn it is now.
    pub(super) fn turn(&self, now: Instant) -> Turn {
        let mut state = self.queue.state();
        let uncounted = state.waiting.get(&self.key).is_some_and(|waiting| !waiting.counted);
        let counted = uncounted.then(|| state.waiting.range(..self.key).count());
        let mut ahead = 0;
        if let Some(waiting) = state.waiting.get_mut(&self.key) {
            (waiting.called, waiting.counted, waiting.due) = (false, false, None);
            waiting.ahead = counted.unwrap_or(waiting.ahead);
            ahead = waiting.ahead;
        }
        let bar = state.gate.bar(now);
        match (state.due_ahead(self.key, now), bar) {
            (None, None) => Turn::Mine,
            (None, Some(bar)) => Turn::Barred(bar),
            (Some(due), bar) => {
                Turn::Behind(bar, due + STAGGER.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX)))
            }
        }
    }

    /// Says by when it looks again at the latest.
    pub(super) fn looks_by(&self, at: Option<Instant>) {
        if let Some(waiting) = self.queue.state().waiting.get_mut(&self.key) {
            waiting.due = at;
        }
    }

    /// How many are ahead; as long as nobody is called, how many were.
    pub(super) fn ahead(&self) -> usize {
        let state = self.queue.state();
        match state.waiting.first_key_value() {
            Some((first, _)) if *first == self.key => 0,
            _ => state.waiting.get(&self.key).map_or(0, |waiting| waiting.ahead),
        }
    }

    /// Goes through, if the gate has not closed in the meantime.
    pub(super) fn enter(&self, now: Instant) -> Result<Round, Bar> {
        self.queue.state().gate.enter(now)
    }

    /// Until somebody calls, or the time is over.
    pub(super) async fn called_or(&self, mut time: BoxFuture<'static, ()>) {
        poll_fn(|context| {
            if time.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            match self.queue.state().waiting.get_mut(&self.key) {
                Some(waiting) if !waiting.called => {
                    waiting.waker = Some(context.waker().clone());
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            }
        })
        .await;
    }
}

impl Drop for Position<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.waiting.remove(&self.key);
        state.call_first();
    }
}
