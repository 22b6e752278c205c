//! A token store as one credential uses it: within time limits, and with a guard that is given back.

use std::sync::Arc;
use std::time::Duration;

use super::error::{OauthError, OauthErrorKind, Secrets};
use super::token_store::{Begin, RefreshGuard, Save, StoredTokens, TokenStore};
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::store::{StoreError, StoreFuture};
use crate::time_limit::{OutOfTime, within};

/// How long to wait before asking again whether another process is done with its refresh.
const POLL: Duration = Duration::from_millis(100);

/// A token store and its time limits.
pub(super) struct SharedLogin {
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) timeout: Duration,
    /// How long a refresh of this process keeps others away; longer than a refresh takes.
    pub(super) lease: Duration,
}

/// What begins.
pub(super) enum Turn {
    Mine(Held),
    Newer(StoredTokens),
    Empty,
}

/// A guard that is given back when it is dropped.
pub(super) struct Held {
    store: Arc<dyn TokenStore>,
    guard: RefreshGuard,
    keep: bool,
}

impl Held {
    pub(super) fn get(&self) -> &RefreshGuard {
        &self.guard
    }

    /// Leaves the guard to the one who saves.
    pub(super) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.keep {
            self.store.abandon(&self.guard);
        }
    }
}

impl SharedLogin {
    /// How long it may take to get a turn and to save.
    pub(super) fn limit(&self) -> Duration {
        self.lease.saturating_add(self.timeout.saturating_mul(4))
    }

    /// Begins a refresh, or waits for the process that is doing one, for as long as its lease can last.
    pub(super) async fn begin(&self, clock: &dyn Clock, known: u64, tokens: &Tokens) -> Result<Turn, OauthError> {
        let began = clock.now();
        loop {
            let turn = self.ask(clock, self.store.begin(known, clock.time_of_day(), self.lease)).await;
            match turn.map_err(|error| unavailable(error, Some(tokens)))? {
                Begin::Refresh(guard) => {
                    return Ok(Turn::Mine(Held { store: Arc::clone(&self.store), guard, keep: false }));
                }
                Begin::Newer(stored) => return Ok(Turn::Newer(stored)),
                Begin::Empty => return Ok(Turn::Empty),
                Begin::Busy => {}
            }
            let waited = clock.now().saturating_duration_since(began);
            if waited > self.lease.saturating_add(self.timeout) {
                let words = format!("another process has been refreshing for {} s", waited.as_secs());
                return Err(OauthError::new(OauthErrorKind::Timeout, words));
            }
            clock.sleep(POLL.mul_f64(0.5 + clock.random())).await;
        }
    }

    pub(super) async fn save(
        &self,
        clock: &dyn Clock,
        guard: &RefreshGuard,
        tokens: &Tokens,
    ) -> Result<Result<u64, Option<StoredTokens>>, StoreError> {
        match self.ask(clock, self.store.save(guard, tokens)).await? {
            Save::Saved(version) => Ok(Ok(version)),
            Save::Superseded(others) => Ok(Err(others)),
        }
    }

    pub(super) async fn put(&self, clock: &dyn Clock, tokens: &Tokens) -> Result<u64, StoreError> {
        self.ask(clock, self.store.put(tokens)).await
    }

    pub(super) async fn load(&self, clock: &dyn Clock) -> Result<Option<StoredTokens>, OauthError> {
        self.ask(clock, self.store.load()).await.map_err(|error| unavailable(error, None))
    }

    async fn ask<T>(&self, clock: &dyn Clock, call: StoreFuture<'_, T>) -> Result<T, StoreError> {
        match within(clock, self.timeout, call).await {
            Ok(result) => result,
            Err(OutOfTime) => Err(StoreError::new(format!("no response within {} s", self.timeout.as_secs_f64()))),
        }
    }
}

/// A store may quote what it has; `tokens` are those that are known here.
fn unavailable(error: StoreError, tokens: Option<&Tokens>) -> OauthError {
    let secrets = Secrets::of(tokens);
    let words = format!("the token store failed: {}", secrets.clean(&error.as_error().to_string()));
    let failed = OauthError::new(OauthErrorKind::Store, words);
    match secrets.keep_out_of(error.into()) {
        Some(source) => failed.with_source(source),
        None => failed,
    }
}
