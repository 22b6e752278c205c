//! Where several processes keep the tokens of one login.
//!
//! A server that replaces the refresh token with each use logs the user out when two processes use the same one. So one
//! process refreshes at a time, and the others take its result: a process *begins* a refresh, which gives it a guard for a
//! while (its lease), sends the refresh token, and *saves* the new tokens.
//!
//! ```text
//!               begin -> Refresh(guard)                 save -> Saved, version + 1
//!    (idle) ------------------------------> (refreshing) ------------------------> (idle)
//!       ^                                     |   ^ |
//!       |        release, abandon             |   | | lease ends, begin -> Refresh(guard),
//!       +-------------------------------------+   +-+ was_interrupted()
//! ```
//!
//! What cannot be saved: where a process ends between the server's response and the save, the new refresh token is gone with
//! it. The next process tries the old one, and where the server refuses it the error says what happened.
//!
//! [`MemoryTokens`] serves one process, [`FileTokens`] the processes of one machine. `onehorizon-redis`,
//! `onehorizon-postgres` and `onehorizon-sqlite` have stores for more. Tokens are kept as JSON with their secrets in it
//! until they are replaced or [cleared](TokenStore::clear); protect what holds them as you protect a password.

mod file;
mod memory;
mod state;

use std::fmt;
use std::time::{Duration, SystemTime};

pub use self::file::FileTokens;
pub use self::memory::MemoryTokens;
use super::tokens::Tokens;
use crate::store::{StoreError, StoreFuture};

/// Keeps the tokens of one login, for one process or many.
///
/// - All methods are atomic against each other, also between processes that share the store.
/// - `now` is the caller's time. A store that several machines share goes by its own server's clock instead.
/// - A future that is dropped leaves no guard behind, as in
///   [`ClaimStore`](https://docs.rs/onehorizon/latest/onehorizon/webhook/trait.ClaimStore.html).
/// - A version is a number that changes whenever tokens are put or saved.
pub trait TokenStore: Send + Sync + 'static {
    /// The tokens, if there are any.
    fn load(&self) -> StoreFuture<'_, Option<StoredTokens>>;

    /// Keeps the tokens of a new login in place of whatever is there, ends a refresh that is under way, and returns the new
    /// version.
    fn put<'a>(&'a self, tokens: &'a Tokens) -> StoreFuture<'a, u64>;

    /// Begins a refresh of the tokens of version `known`, for `lease` from `now` on.
    ///
    /// - nothing is kept: [`Begin::Empty`];
    /// - another version is kept: [`Begin::Newer`];
    /// - another guard's lease has not ended: [`Begin::Busy`];
    /// - otherwise [`Begin::Refresh`], with a guard of a token that no other guard has had. Where a guard of these tokens has
    ///   ended with its lease, it is [`after_interruption`](RefreshGuard::after_interruption), also when others were released
    ///   since: each process is to know why the server refuses them.
    fn begin(&self, known: u64, now: SystemTime, lease: Duration) -> StoreFuture<'_, Begin>;

    /// Keeps new tokens and ends the refresh.
    ///
    /// - the version is still the guard's, whether or not its lease has ended: [`Save::Saved`], and again `Saved` with the
    ///   same version when called twice;
    /// - other tokens have been kept since, or none: [`Save::Superseded`], and nothing changes.
    fn save<'a>(&'a self, guard: &'a RefreshGuard, tokens: &'a Tokens) -> StoreFuture<'a, Save>;

    /// Ends a refresh that failed, so that another can begin at once. Nothing changes where the guard is not the latest.
    fn release<'a>(&'a self, guard: &'a RefreshGuard) -> StoreFuture<'a, ()>;

    /// As [`release`](Self::release), where nothing can be awaited.
    ///
    /// A store that needs to wait does so in a task of its own. The default does nothing, which leaves the refresh to the end
    /// of its lease.
    fn abandon(&self, guard: &RefreshGuard) {
        let _ = guard;
    }

    /// Forgets the tokens, as when the user logs out.
    fn clear(&self) -> StoreFuture<'_, ()>;
}

/// Tokens in a store, with their version.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StoredTokens {
    /// The tokens.
    pub tokens: Tokens,
    /// A number that changes whenever tokens are put or saved; never 0.
    pub version: u64,
}

impl StoredTokens {
    /// Tokens of a version.
    #[must_use]
    pub fn new(tokens: Tokens, version: u64) -> Self {
        Self { tokens, version }
    }
}

/// The result of [`TokenStore::begin`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Begin {
    /// The refresh is the caller's until the lease ends.
    Refresh(RefreshGuard),
    /// There are other tokens than those of the known version: another process has refreshed, or the user has logged in.
    Newer(StoredTokens),
    /// Another process is refreshing.
    Busy,
    /// There are no tokens.
    Empty,
}

/// The result of [`TokenStore::save`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use = "superseded tokens are not kept"]
pub enum Save {
    /// The tokens are kept, under this version.
    Saved(u64),
    /// Other tokens have been kept since the refresh began, or they were cleared.
    Superseded(Option<StoredTokens>),
}

/// The right to refresh the tokens of one version.
#[derive(Clone, PartialEq)]
pub struct RefreshGuard {
    token: u128,
    current: StoredTokens,
    interrupted: bool,
}

impl RefreshGuard {
    /// A guard, made by a store: `token` distinguishes it from all others, `current` are the tokens to be refreshed.
    #[must_use]
    pub fn new(token: u128, current: StoredTokens) -> Self {
        Self { token, current, interrupted: false }
    }

    /// Marks that a guard of these tokens ended with its lease, neither saved nor released.
    #[must_use]
    pub fn after_interruption(mut self) -> Self {
        self.interrupted = true;
        self
    }

    /// What distinguishes this guard from others.
    #[must_use]
    pub fn token(&self) -> u128 {
        self.token
    }

    /// The tokens to be refreshed.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.current.tokens
    }

    /// The version of the tokens to be refreshed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.current.version
    }

    /// Whether another process began a refresh of these tokens and neither saved nor released: it has ended, or is very slow,
    /// and the server may have replaced the refresh token already.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.interrupted
    }
}

impl fmt::Debug for RefreshGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshGuard")
            .field("version", &self.version())
            .field("was_interrupted", &self.interrupted)
            .finish_non_exhaustive()
    }
}
