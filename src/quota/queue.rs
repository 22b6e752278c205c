//! The queue in which calls wait: interactive ones first, then the longest waiting.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use super::gate::{Bar, Gate, Round};
use super::rules::Lane;
use crate::future::BoxFuture;

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
    /// How many were ahead when it joined, or when all were called; counting anew at each look would cost all that wait
    /// the square of their number.
    ahead: usize,
}

/// Whose turn it is.
pub(super) enum Turn {
    /// The caller's, with nothing in the way.
    Mine,
    /// The caller's; the gate is closed or crowded.
    Barred(Bar),
    /// Others are ahead; how the gate stands for them.
    Behind(Option<Bar>),
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

    /// Calls the first in the queue to look again.
    pub(super) fn call_first(&mut self) {
        if let Some(mut first) = self.waiting.first_entry() {
            first.get_mut().call();
        }
    }

    /// Calls all to look again: the wait has become another one for everybody.
    pub(super) fn call_all(&mut self) {
        for (ahead, waiting) in self.waiting.values_mut().enumerate() {
            waiting.ahead = ahead;
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
        state.waiting.insert(key, Waiting { ahead, ..Waiting::default() });
        drop(state);
        Self { queue, key }
    }

    /// Whose turn it is now.
    pub(super) fn turn(&self, now: Instant) -> Turn {
        let mut state = self.queue.state();
        if let Some(waiting) = state.waiting.get_mut(&self.key) {
            waiting.called = false;
        }
        let first = state.waiting.first_key_value().is_none_or(|(key, _)| *key == self.key);
        match (first, state.gate.bar(now)) {
            (true, None) => Turn::Mine,
            (true, Some(bar)) => Turn::Barred(bar),
            (false, bar) => Turn::Behind(bar),
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
