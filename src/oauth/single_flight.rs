//! One piece of work that many wait for and any of them drives.
//!
//! Nothing is spawned, so no runtime is needed. The work belongs to the flight, not to a waiter: a waiter that is dropped
//! leaves it as it stands, and the next one drives it on.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::future::BoxFuture;

/// Work in the air, and its outcome once it has landed; clones are the same flight.
pub(super) struct Flight<T>(Arc<Shared<T>>);

struct Shared<T> {
    work: Mutex<Work<T>>,
    /// The thread that is inside the work just now.
    inside: Mutex<Option<ThreadId>>,
    waiters: Arc<Waiters>,
}

enum Work<T> {
    Running(BoxFuture<'static, T>),
    Landed(T),
    /// The work panicked.
    Lost,
}

/// Why a flight has no outcome for this waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoOutcome {
    /// The work panicked.
    Panicked,
    /// The work waits for itself.
    Reentered,
}

/// Those who wait: the work's waker wakes them all.
pub(super) struct Waiters {
    clock: Arc<dyn Clock>,
    state: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    count: usize,
    next: u64,
    wakers: Vec<(u64, Waker)>,
    /// Since when nobody has been waiting.
    idle_since: Option<Instant>,
    idle: Duration,
}

impl Waiters {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock: Arc::clone(clock), state: Mutex::default() })
    }

    /// For how long in all nobody has been waiting, so that the work stood still.
    pub(super) fn idle(&self) -> Duration {
        let state = lock(&self.state);
        let now = || self.clock.now();
        state.idle + state.idle_since.map_or(Duration::ZERO, |since| now().saturating_duration_since(since))
    }

    fn wake_all(&self) {
        let wakers = std::mem::take(&mut lock(&self.state).wakers);
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    fn arrive(&self) -> u64 {
        let mut state = lock(&self.state);
        if let Some(since) = state.idle_since.take() {
            state.idle += self.clock.now().saturating_duration_since(since);
        }
        state.count += 1;
        state.next += 1;
        state.next
    }

    fn register(&self, id: u64, waker: &Waker) {
        let mut state = lock(&self.state);
        match state.wakers.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => known.clone_from(waker),
            None => state.wakers.push((id, waker.clone())),
        }
    }

    fn leave(&self, id: u64) {
        let mut state = lock(&self.state);
        state.wakers.retain(|(known, _)| *known != id);
        state.count -= 1;
        if state.count == 0 {
            state.idle_since = Some(self.clock.now());
        }
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

impl<T> Clone for Flight<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Flight<T> {
    pub(super) fn new(waiters: Arc<Waiters>, work: BoxFuture<'static, T>) -> Self {
        Self(Arc::new(Shared { work: Mutex::new(Work::Running(work)), inside: Mutex::new(None), waiters }))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits for the outcome, driving the work meanwhile.
    pub(super) fn join(&self) -> Join<T> {
        Join { id: self.0.waiters.arrive(), flight: self.clone() }
    }
}

/// One waiter.
pub(super) struct Join<T> {
    flight: Flight<T>,
    id: u64,
}

impl<T: Clone> Future for Join<T> {
    type Output = Result<T, NoOutcome>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = &self.flight.0;
        let this_thread = thread::current().id();
        // Locking below would wait for this very thread.
        if *lock(&shared.inside) == Some(this_thread) {
            return Poll::Ready(Err(NoOutcome::Reentered));
        }
        // Registered before the work is looked at: what happens from now on wakes this waiter.
        shared.waiters.register(self.id, context.waker());
        let mut slot = lock(&shared.work);
        match std::mem::replace(&mut *slot, Work::Lost) {
            Work::Running(mut work) => {
                *lock(&shared.inside) = Some(this_thread);
                let leaving = Leaving(shared);
                let waker = Waker::from(Arc::clone(&shared.waiters));
                let outcome = work.as_mut().poll(&mut Context::from_waker(&waker));
                drop(leaving);
                match outcome {
                    Poll::Pending => {
                        *slot = Work::Running(work);
                        Poll::Pending
                    }
                    Poll::Ready(value) => {
                        *slot = Work::Landed(value.clone());
                        drop(slot);
                        shared.waiters.wake_all();
                        Poll::Ready(Ok(value))
                    }
                }
            }
            Work::Landed(value) => {
                *slot = Work::Landed(value.clone());
                Poll::Ready(Ok(value))
            }
            Work::Lost => {
                drop(slot);
                // The waiter that met the panic is gone; the others must not wait for ever.
                shared.waiters.wake_all();
                Poll::Ready(Err(NoOutcome::Panicked))
            }
        }
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        let waiters = &self.flight.0.waiters;
        waiters.leave(self.id);
        // A wake-up meant for this waiter may be lost with it: let the others look.
        waiters.wake_all();
    }
}

/// Tells that the thread is no longer inside, also when the work panics.
struct Leaving<'a, T>(&'a Shared<T>);

impl<T> Drop for Leaving<'_, T> {
    fn drop(&mut self) {
        *lock(&self.0.inside) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under these locks is complete before anything in it can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
