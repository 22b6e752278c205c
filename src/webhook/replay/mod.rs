//! Remembers which events have been processed, so that a redelivered one is not processed twice.
//!
//! The service delivers an event up to four times: at once, again at once, after about a minute and after about
//! five ([`limits::WEBHOOK_RETRY_DELAYS`](crate::limits::WEBHOOK_RETRY_DELAYS)). Saving the id before the work
//! would lose the event when the process dies in between; saving it afterwards would let two deliveries run side
//! by side. So a delivery first *claims* the event for a while (its lease), then works, then *commits*:
//!
//! ```text
//!                 claim -> Fresh                    commit
//!    (unknown) ------------------->  running  ------------------->  done
//!        ^                            |   ^ |                        |
//!        |   release, abandon         |   | | lease ends, claim      | claim -> Done
//!        +----------------------------+   +-+ -> Fresh, new token
//! ```
//!
//! A process that dies keeps nothing but a lease, and the next delivery after its end runs the handler again. An
//! event is thus processed *at least* once, and exactly once from its commit on.
//!
//! [`MemoryStore`] forgets everything with the process. For a store that survives, implement [`ReplayStore`] and
//! run the checks of `onehorizon_testing::conformance` against it.
//! With SQL it is one table and three statements; see `docs/webhooks.md` in the repository.

use std::time::{Duration, SystemTime};

use crate::future::BoxFuture;

mod memory;

pub use crate::store::StoreError;
pub use memory::MemoryStore;

/// What a store's methods return: boxed, so that stores can be swapped at run time.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Remembers claimed and processed events.
///
/// All methods must be atomic against each other, also between processes that share the store. `now` is the
/// caller's time; a store with a clock of its own (Redis, say) may use that instead.
pub trait ReplayStore: Send + Sync {
    /// Claims an event for `lease` from `now` on.
    ///
    /// - never seen, released, or claimed with a lease that has ended: [`Claim::Fresh`], with a token that no
    ///   other claim has had;
    /// - claimed with a lease that has not ended: [`Claim::Running`];
    /// - committed: [`Claim::Done`], for at least ten minutes from the commit on, better a day.
    ///
    /// Ids are compared byte for byte and have up to [`MAX_EVENT_ID_BYTES`](super::MAX_EVENT_ID_BYTES) bytes.
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim>;

    /// Records that the event of a lease has been processed.
    ///
    /// - the lease's token is the event's latest, be the lease ended or not: [`Commit::Recorded`], and again
    ///   `Recorded` when called twice;
    /// - the event was claimed again since, or released: [`Commit::Superseded`], and nothing changes. The work was
    ///   done, but another delivery does or did it too.
    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit>;

    /// Gives a claim back, so that the next delivery can try at once.
    ///
    /// Nothing changes when the event is committed, or its latest token is another.
    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()>;

    /// Gives a claim back from a handler that panicked or was dropped, where nothing can be awaited.
    ///
    /// A store that cannot do so without waiting leaves it (as this default does) to the end of the lease.
    fn abandon(&self, lease: &Lease) {
        let _ = lease;
    }
}

/// How a store answers a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The event is the caller's, until the lease ends.
    Fresh(Lease),
    /// Another delivery of the event is being processed.
    Running,
    /// The event has been processed.
    Done,
}

/// How a store answers a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Commit {
    /// The event is done.
    Recorded,
    /// The lease had ended and another delivery has claimed the event since.
    Superseded,
}

/// A claim on an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    event_id: Box<str>,
    token: u128,
}

impl Lease {
    /// A lease, made by a store; `token` tells this claim from all others of the event: a counter, a random number
    /// or a UUID's value.
    #[must_use]
    pub fn new(event_id: &str, token: u128) -> Self {
        Self { event_id: event_id.into(), token }
    }

    /// The event that is claimed.
    #[must_use]
    pub fn event_id(&self) -> &str {
        &self.event_id
    }

    /// What tells this claim from others.
    #[must_use]
    pub fn token(&self) -> u128 {
        self.token
    }
}
