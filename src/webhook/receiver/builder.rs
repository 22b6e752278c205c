//! The builder of a receiver.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Inner, Receiver, Reply};
use crate::drift::Reported;
use crate::webhook::claims::{ClaimStore, MemoryClaims};
use crate::webhook::hooks::{DeliveryHooks, Hooks};
use crate::webhook::verifier::Verifier;

/// How long a claim keeps other deliveries of an event away unless configured otherwise.
///
/// Longer than the service waits for a response (3 s), and short enough that the retry after about a minute finds the
/// lease of a process that died ended.
const LEASE: Duration = Duration::from_secs(30);

/// How long each call of the store may take unless configured otherwise: two calls fit well into the 3 s that the
/// service waits.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// Builds a [`Receiver`].
#[must_use = "a builder does nothing until it is built"]
pub struct ReceiverBuilder {
    inner: Inner,
}

impl Receiver {
    /// A receiver that keeps claims in memory.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self::builder(verifier).build()
    }

    /// Another store, lease or observer.
    pub fn builder(verifier: Verifier) -> ReceiverBuilder {
        ReceiverBuilder {
            inner: Inner {
                verifier,
                store: Arc::new(MemoryClaims::new()),
                lease: LEASE,
                store_timeout: STORE_TIMEOUT,
                handler_timeout: None,
                open_probe: false,
                track_task_states: false,
                observer: None,
                hooks: Hooks::default(),
                reported: Reported::default(),
            },
        }
    }
}

impl ReceiverBuilder {
    /// Where claims and processed events are kept; in memory unless set. An `Arc` of a store is one too.
    pub fn store(mut self, store: impl ClaimStore) -> Self {
        self.inner.store = Arc::new(store);
        self
    }

    /// How long a claim keeps other deliveries of an event away; 30 seconds unless set. Longer than the handler
    /// ever takes, shorter than the minute after which the service tries again.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.inner.lease = lease;
        self
    }

    /// How long each call of the store may take; 1 second unless set. After a claim or commit that takes longer the reply
    /// is 500, so that the event comes again.
    ///
    /// It goes by the verifier's clock, see [`VerifierBuilder::clock`](crate::webhook::VerifierBuilder::clock).
    pub fn store_timeout(mut self, limit: Duration) -> Self {
        self.inner.store_timeout = limit;
        self
    }

    /// How long the handler may take; without limit unless set. Then it is dropped at its next `.await`, the event is given
    /// back, and the reply is 500.
    ///
    /// The service hangs up after 3 seconds, and most servers drop the handler then. Set a limit where yours does not, not
    /// longer than the [`lease`](Self::lease). It goes by the verifier's clock, as the limit of the store does.
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.inner.handler_timeout = Some(limit);
        self
    }

    /// Lets GET and HEAD through without a key or signature; off unless set.
    ///
    /// For signed deliveries alone, where a probe has no signature.
    pub fn open_probe(mut self, open: bool) -> Self {
        self.inner.open_probe = open;
        self
    }

    /// Remembers in the store which states of tasks have been handled; off unless set. After an outage
    /// `onehorizon::reconcile` then handles what was missed and nothing else, and a late delivery of a state that was
    /// reconciled is a duplicate.
    ///
    /// It takes four more calls of the store for each event of a created or updated task. All receivers that share a
    /// store have to set it.
    pub fn track_task_states(mut self, track: bool) -> Self {
        self.inner.track_task_states = track;
        self
    }

    /// Called with each reply, for logs and metrics.
    pub fn on_reply(mut self, observer: impl Fn(&Reply) + Send + Sync + 'static) -> Self {
        self.inner.observer = Some(Arc::new(observer));
        self
    }

    /// Watches deliveries, see [`DeliveryHooks`]; several work side by side, in the order in which they are given.
    pub fn hooks(mut self, hooks: impl DeliveryHooks) -> Self {
        self.inner.hooks.add(Arc::new(hooks));
        self
    }

    /// The receiver.
    #[must_use]
    pub fn build(self) -> Receiver {
        Receiver { inner: Arc::new(self.inner) }
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder").field("verifier", &self.inner.verifier).finish_non_exhaustive()
    }
}
