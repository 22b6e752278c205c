//! Locks that have a name: who holds one keeps out those who ask for the same name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Locks by name; clones of a configuration share them.
#[derive(Default)]
pub(crate) struct KeyedLocks(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

/// Below so many names nobody looks for those that are no longer held.
const FEW: usize = 64;

impl KeyedLocks {
    /// Waits until nobody else holds the name; it is free again when the guard is dropped.
    pub(crate) async fn lock(&self, name: String) -> OwnedMutexGuard<()> {
        let lock = self.of(name);
        lock.lock_owned().await
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
