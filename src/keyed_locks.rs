//! Locks that have a name: who holds one keeps out those who ask for the same name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Locks by name; clones of a configuration share them.
#[derive(Default)]
pub(crate) struct KeyedLocks(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

/// Below so many names nobody looks for those that are no longer held.
const FEW: usize = 64;

thread_local! {
    /// The locks under which a callback runs on this thread.
    static RUNNING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The lock is held by a callback that asks for it: waiting would never end.
pub(crate) struct Nested;

/// A lock that is held; it is free again when this is dropped.
pub(crate) struct Held {
    lock: Arc<AsyncMutex<()>>,
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

fn address(lock: &Arc<AsyncMutex<()>>) -> usize {
    Arc::as_ptr(lock).addr()
}

impl KeyedLocks {
    /// Waits until nobody else holds the name.
    pub(crate) async fn lock(&self, name: String) -> Result<Held, Nested> {
        let lock = self.of(name);
        if RUNNING.with_borrow(|running| running.contains(&address(&lock))) {
            return Err(Nested);
        }
        let guard = Arc::clone(&lock).lock_owned().await;
        Ok(Held { lock, _guard: guard })
    }

    fn of(&self, name: String) -> Arc<AsyncMutex<()>> {
        // The map is whole whatever happened to the thread that held it.
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&name).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() >= FEW && locks.len() == locks.capacity() {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::new(AsyncMutex::new(()));
        locks.insert(name, Arc::downgrade(&lock));
        lock
    }
}
