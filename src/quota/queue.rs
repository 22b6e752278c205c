//! The line in which calls wait, the longest waiting first.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use super::gate::{Bar, Gate, Round};
use crate::transport::BoxFuture;

/// The gate, and who waits in front of it.
#[derive(Default)]
pub(super) struct Line {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) gate: Gate,
    /// By ticket: calls are numbered when they begin, so that a repeated one does not go to the end.
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Something has changed since the caller last looked.
    called: bool,
    waker: Option<Waker>,
}

/// Where a caller stands.
pub(super) enum Standing {
    /// First in line with nothing in the way.
    Next,
    /// First in line; the gate is closed or crowded.
    Barred(Bar),
    /// Others are ahead; how the gate stands for them.
    Behind(Option<Bar>),
}

impl Line {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after each step, whatever became of the thread that made it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes through at once if nobody waits and the gate lets one through.
    pub(super) fn walk_through(&self, now: Instant) -> Option<Round> {
        let mut state = self.state();
        if state.waiting.is_empty() { state.gate.enter(now).ok() } else { None }
    }
}

impl State {
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Calls the first in line to look again.
    pub(super) fn call_first(&mut self) {
        if let Some(mut first) = self.waiting.first_entry() {
            first.get_mut().call();
        }
    }

    /// Calls all to look again: the wait has become another one for everybody.
    pub(super) fn call_all(&mut self) {
        self.waiting.values_mut().for_each(Waiting::call);
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

/// A place in the line; leaves it when dropped, and lets the next one look.
pub(super) struct Place<'a> {
    line: &'a Line,
    ticket: u64,
}

impl<'a> Place<'a> {
    pub(super) fn join(line: &'a Line, ticket: u64) -> Self {
        line.state().waiting.insert(ticket, Waiting::default());
        Self { line, ticket }
    }

    /// Where the caller stands now.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        let mut state = self.line.state();
        if let Some(waiting) = state.waiting.get_mut(&self.ticket) {
            waiting.called = false;
        }
        let first = state.waiting.first_key_value().is_none_or(|(ticket, _)| *ticket == self.ticket);
        match (first, state.gate.bar(now)) {
            (true, None) => Standing::Next,
            (true, Some(bar)) => Standing::Barred(bar),
            (false, bar) => Standing::Behind(bar),
        }
    }

    /// How many are ahead.
    pub(super) fn ahead(&self) -> usize {
        self.line.state().waiting.range(..self.ticket).count()
    }

    /// Goes through, if the gate has not closed in the meantime.
    pub(super) fn enter(&self, now: Instant) -> Result<Round, Bar> {
        self.line.state().gate.enter(now)
    }

    /// Until somebody calls, or the time is over.
    pub(super) async fn called_or(&self, mut time: BoxFuture<'static, ()>) {
        poll_fn(|context| {
            if time.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            match self.line.state().waiting.get_mut(&self.ticket) {
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

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.line.state();
        state.waiting.remove(&self.ticket);
        state.call_first();
    }
}
