//! One piece of work that many wait for and any of them drives.
//!
//! The work belongs to nobody who waits: a waiter that is dropped leaves it as it stands, and the next one drives it on. It
//! is bound to the async runtime that it was begun on, whose timers and sockets it uses. When that runtime has ended, the
//! work is dropped, and those who wait begin anew.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::contained::contained;
use crate::future::BoxFuture;

/// Work under way, and its outcome once it is done; clones are the same work.
pub(super) struct SingleFlight<T>(Arc<Shared<T>>);

struct Shared<T> {
    work: Mutex<Work<T>>,
    /// The thread that is inside the work just now.
    inside: Mutex<Option<ThreadId>>,
    waiters: Arc<Waiters>,
    home: Home,
}

enum Work<T> {
    Running(BoxFuture<'static, T>),
    Done(T),
    Lost(NoOutcome),
}

/// Why there is no outcome for this waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoOutcome {
    /// The work panicked.
    Panicked,
    /// The runtime that the work was begun on has ended.
    RuntimeEnded,
    /// The work was given up: it made no progress.
    GivenUp,
    /// The work waits for itself.
    Reentered,
}

/// The runtime that work was begun on.
struct Home {
    /// Held by a task of that runtime, which drops it when the runtime ends.
    alive: Option<(Weak<()>, AbortHandle)>,
}

impl Home {
    fn here() -> Self {
        let alive = Handle::try_current().ok().map(|runtime| {
            let alive = Arc::new(());
            let weak = Arc::downgrade(&alive);
            let task = runtime.spawn(async move {
                std::future::pending::<()>().await;
                drop(alive);
            });
            (weak, task.abort_handle())
        });
        Self { alive }
    }

    fn has_ended(&self) -> bool {
        self.alive.as_ref().is_some_and(|(alive, _)| alive.strong_count() == 0)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.alive {
            task.abort();
        }
    }
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

impl<T> Clone for SingleFlight<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> SingleFlight<T> {
    pub(super) fn new(waiters: Arc<Waiters>, work: BoxFuture<'static, T>) -> Self {
        let (work, inside) = (Mutex::new(Work::Running(work)), Mutex::new(None));
        Self(Arc::new(Shared { work, inside, waiters, home: Home::here() }))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits for the outcome, driving the work meanwhile.
    pub(super) fn join(&self) -> Join<T> {
        Join { id: self.0.waiters.arrive(), work: self.clone() }
    }

    /// Drops work that makes no progress; its waiters begin anew. Work that another thread is inside is making some.
    pub(super) fn give_up(&self) {
        let Ok(mut slot) = self.0.work.try_lock() else { return };
        if matches!(*slot, Work::Running(_)) {
            let lost = std::mem::replace(&mut *slot, Work::Lost(NoOutcome::GivenUp));
            drop(slot);
            drop(lost);
            self.0.waiters.wake_all();
        }
    }
}

/// One waiter.
pub(super) struct Join<T> {
    work: SingleFlight<T>,
    id: u64,
}

impl<T: Clone> Future for Join<T> {
    type Output = Result<T, NoOutcome>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = &self.work.0;
        let this_thread = thread::current().id();
        // Locking below would wait for this very thread.
        if *lock(&shared.inside) == Some(this_thread) {
            return Poll::Ready(Err(NoOutcome::Reentered));
        }
        // Registered before the work is looked at: what happens from now on wakes this waiter.
        shared.waiters.register(self.id, context.waker());
        let mut slot = lock(&shared.work);
        let outcome = match &mut *slot {
            Work::Done(value) => return Poll::Ready(Ok(value.clone())),
            Work::Lost(reason) => return Poll::Ready(Err(*reason)),
            // Its timers and sockets went with the runtime: to touch them would panic or wait for ever.
            Work::Running(_) if shared.home.has_ended() => Err(NoOutcome::RuntimeEnded),
            Work::Running(work) => {
                *lock(&shared.inside) = Some(this_thread);
                let leaving = Leaving(shared);
                let waker = Waker::from(Arc::clone(&shared.waiters));
                let polled = contained(|| work.as_mut().poll(&mut Context::from_waker(&waker)));
                drop(leaving);
                match polled {
                    Some(Poll::Pending) => return Poll::Pending,
                    Some(Poll::Ready(value)) => Ok(value),
                    None if shared.home.has_ended() => Err(NoOutcome::RuntimeEnded),
                    None => Err(NoOutcome::Panicked),
                }
            }
        };
        let settled = match &outcome {
            Ok(value) => Work::Done(value.clone()),
            Err(reason) => Work::Lost(*reason),
        };
        let old = std::mem::replace(&mut *slot, settled);
        drop(slot);
        // What is dropped with the work is not ours, so it must not happen under the lock.
        drop(old);
        shared.waiters.wake_all();
        Poll::Ready(outcome)
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        let waiters = &self.work.0.waiters;
        waiters.leave(self.id);
        // A wake-up meant for this waiter may be lost with it: let the others look.
        waiters.wake_all();
    }
}

/// Notes that the thread is no longer inside, also when the work panics.
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
