//! Locks that have a name: who holds one keeps out those who ask for the same name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::clock::Clock;
use crate::time_limit::within;

/// Locks by name; clones of a configuration share them.
#[derive(Default)]
pub(crate) struct KeyedLocks(Mutex<HashMap<String, Weak<Lock>>>);

#[derive(Default)]
struct Lock {
    turn: Arc<AsyncMutex<()>>,
    /// When somebody got it last.
    taken_at: Mutex<Option<Instant>>,
}

/// Longer than the work under a lock takes by default, with each of its requests failing and being repeated. A longer hold is hardly
/// work: a future that nobody polls keeps what it holds.
pub(crate) const LONGEST_HOLD: Duration = Duration::from_secs(600);

/// Below so many names nobody looks for those that are no longer held.
const FEW: usize = 64;

thread_local! {
    /// The locks under which a callback runs on this thread.
    static RUNNING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Why a lock could not be obtained.
pub(crate) enum NotHeld {
    /// It is held by a callback that asks for it: waiting would never end.
    Nested,
    /// Somebody has held it for [`LONGEST_HOLD`].
    Stuck,
}

/// A lock that is held; it is free again when this is dropped.
pub(crate) struct Held {
    lock: Arc<Lock>,
    _guard: OwnedMutexGuard<()>,
}

impl Held {
    /// Calls what is not to ask for the same lock.
    pub(crate) fn run<T>(&self, callback: impl FnOnce() -> T) -> T {
        let _running = Running::begin(address(&self.lock));
        callback()
    }
}

/// A callback that runs, also one that panics.
struct Running;

impl Running {
    fn begin(lock: usize) -> Self {
        RUNNING.with_borrow_mut(|running| running.push(lock));
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(Vec::pop);
    }
}

fn address(lock: &Arc<Lock>) -> usize {
    Arc::as_ptr(lock).addr()
}

impl Lock {
    fn taken_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.taken_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyedLocks {
    /// Waits until nobody else holds the name, or somebody has held it for too long.
    pub(crate) async fn lock(&self, name: String, clock: &dyn Clock) -> Result<Held, NotHeld> {
        let lock = self.of(name);
        if RUNNING.with_borrow(|running| running.contains(&address(&lock))) {
            return Err(NotHeld::Nested);
        }
        let began = clock.now();
        let mut turn = pin!(Arc::clone(&lock.turn).lock_owned());
        let mut left = LONGEST_HOLD;
        loop {
            if let Ok(guard) = within(clock, left, turn.as_mut()).await {
                *lock.taken_at() = Some(clock.now());
                return Ok(Held { lock, _guard: guard });
            }
            // Others may have had it meanwhile, one after another.
            let since = lock.taken_at().unwrap_or(began);
            left = LONGEST_HOLD.saturating_sub(clock.now().saturating_duration_since(since));
            if left.is_zero() {
                return Err(NotHeld::Stuck);
            }
        }
    }

    fn of(&self, name: String) -> Arc<Lock> {
        // The map is whole whatever happened to the thread that held it.
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&name).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() >= FEW && locks.len() == locks.capacity() {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::<Lock>::default();
        locks.insert(name, Arc::downgrade(&lock));
        lock
    }
}
