//! A store that lives in the process.

use std::fmt;
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::state::State;
use super::{Begin, RefreshGuard, Save, StoreFuture, StoredTokens, TokenStore};
use crate::oauth::tokens::Tokens;

/// Keeps tokens in the process's memory: for tests, and for several credentials of one process.
#[derive(Default)]
pub struct MemoryTokens(Mutex<State>);

impl MemoryTokens {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything can panic, so a poisoned lock hides nothing broken.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryTokens {
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>> {
        Box::pin(ready(Ok(self.lock().load())))
    }

    fn put<'a>(&'a self, tokens: &'a Tokens) -> StoreFuture<'a, u64> {
        Box::pin(ready(Ok(self.lock().put(tokens))))
    }

    fn begin(&self, known: u64, now: SystemTime, lease: Duration) -> StoreFuture<'_, Begin> {
        // Made when it is awaited, so that a future nobody awaits leaves no guard.
        Box::pin(async move { self.lock().begin(known, now, lease) })
    }

    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save> {
        Box::pin(ready(Ok(self.lock().save(guard, tokens))))
    }

    fn release<'a>(&'a self, guard: &'a RefreshGuard) -> StoreFuture<'a, ()> {
        self.abandon(guard);
        Box::pin(ready(Ok(())))
    }

    fn abandon(&self, guard: &RefreshGuard) {
        self.lock().release(guard);
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        self.lock().clear();
        Box::pin(ready(Ok(())))
    }
}

impl fmt::Debug for MemoryTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTokens").finish_non_exhaustive()
    }
}
