//! Which events are being processed and which are done, so that a redelivered one is not processed twice.
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
//! A process that dies leaves nothing but a lease, and the next delivery after its end runs the handler again. An
//! event is thus processed *at least* once, and never again after its commit. Where the handler commits its claim in the
//! transaction that does its work ([`Receiver::receive_claimed`](super::Receiver::receive_claimed)), the work is done
//! exactly once.
//!
//! [`MemoryClaims`] serves one process and forgets everything with it. `onehorizon-redis`, `onehorizon-postgres` and
//! `onehorizon-sqlite` have stores that several processes share. For another one implement [`ClaimStore`] and run the
//! conformance suite of `onehorizon-testing` against it; with SQL it is one table and four statements, see
//! `docs/webhooks.md` in the repository.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

mod memory;

pub use crate::store::{StoreError, StoreFuture};
pub use memory::MemoryClaims;

/// Keeps claimed and processed events, for one process or many.
///
/// - All methods are atomic against each other, also between processes that share the store.
/// - `now` is the caller's time. A store that several machines share goes by its own server's clock instead.
/// - **A future that is dropped leaves no claim behind.** A sender that hangs up has the receiver's future dropped at any
///   `.await`, also in the middle of [`claim`](Self::claim). A claim that was made by then is given back: run the
///   statement in a task that outlives the future and releases what nobody received. Otherwise the retry that follows at
///   once gets 503.
/// - The receiver waits for each method for its `store_timeout` (1 s unless set) and then drops the future.
/// - Finished events are removed some time after their commit, ten minutes at the earliest: the store stays small.
///
/// The methods return boxed futures, so that stores can be swapped at run time.
#[doc(alias = "dedupe")]
#[doc(alias = "idempotency")]
pub trait ClaimStore: Send + Sync + 'static {
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
    /// - the lease's token is the event's latest, whether or not the lease has ended: [`Commit::Recorded`], and again
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
    /// A store that needs to wait does so in a task of its own. The default does nothing, which leaves the event to the end
    /// of its lease: retries until then get 503.
    fn abandon(&self, lease: &Lease) {
        let _ = lease;
    }
}

/// A store that others use too.
impl<S: ClaimStore + ?Sized> ClaimStore for Arc<S> {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        (**self).claim(event_id, now, lease)
    }

    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit> {
        (**self).commit(lease, now)
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        (**self).release(lease)
    }

    fn abandon(&self, lease: &Lease) {
        (**self).abandon(lease);
    }
}

/// The result of a claim.
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

/// The result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use = "a superseded claim means that another delivery has the event"]
pub enum Commit {
    /// The event is done.
    Recorded,
    /// The lease had ended and another delivery has claimed the event since, or it was released.
    Superseded,
}

impl Commit {
    /// Turns a superseded commit into an error: inside a transaction, `?` then rolls it back, and the sender gets 500.
    ///
    /// # Errors
    /// [`Superseded`].
    pub fn or_superseded(self) -> Result<(), Superseded> {
        match self {
            Self::Recorded => Ok(()),
            Self::Superseded => Err(Superseded),
        }
    }
}

/// Another delivery has claimed the event: the work of this one must not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another delivery has claimed the event since: the lease had ended")]
#[non_exhaustive]
pub struct Superseded;

/// A claim on an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    event_id: Box<str>,
    token: u128,
}

impl Lease {
    /// A lease, made by a store; `token` distinguishes this claim from all others of the event: a counter, a random number
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

    /// What distinguishes this claim from others.
    #[must_use]
    pub fn token(&self) -> u128 {
        self.token
    }
}
