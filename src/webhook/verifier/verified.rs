//! A body or event that passed the verifier.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// How a delivery proved its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// The shared key in `X-One-Webhook-Key`: proves the sender, not the body.
    Key,
    /// A signature over id, time and body: proves sender, body and time.
    Signature,
    /// Nothing was checked, see [`Verifier::insecure_accept_all`](super::Verifier::insecure_accept_all).
    Unchecked,
    /// Nobody delivered it: `onehorizon::reconcile` made it from a list of tasks that the client fetched.
    Reconciled,
}

/// What proved a delivery, and under which label.
#[derive(Clone, Debug)]
pub(in crate::webhook) struct Proof {
    pub(in crate::webhook) scheme: Scheme,
    pub(in crate::webhook) label: Option<Arc<str>>,
}

/// A value that a [`Verifier`](super::Verifier) vouches for.
///
/// As an extractor of axum it belongs on a route made by `webhook::axum_routes::on`: `axum::routing::post` would refuse the
/// probe of the *Verify* button with 405.
///
/// Only a verifier makes one, and `onehorizon::reconcile` from what the client fetched, so a function that takes
/// `Verified<Event>` cannot be handed an unchecked event:
///
/// ```compile_fail,E0451
/// # fn forged(event: onehorizon::webhook::Event) {
/// let event = onehorizon::webhook::Verified { value: event, proof: todo!() };
/// # }
/// ```
#[derive(Clone)]
pub struct Verified<T> {
    value: T,
    proof: Proof,
}

impl<T> Verified<T> {
    pub(in crate::webhook) fn new(value: T, proof: Proof) -> Self {
        Self { value, proof }
    }

    /// An event that this crate made from what the client fetched.
    #[cfg(feature = "client")]
    pub(in crate::webhook) fn reconciled(value: T) -> Self {
        Self::new(value, Proof { scheme: Scheme::Reconciled, label: None })
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The value, without the proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The label of the key or secret that matched; `None` if nothing was checked or
    /// delivered.
    ///
    /// When no delivery has carried an old label for a while, the old secret can go.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.proof.label.as_deref()
    }

    /// How the sender was proved.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.proof.scheme
    }

    /// Whether the body is proved too. The key scheme proves the sender alone: TLS has to protect the body.
    #[must_use]
    pub fn is_body_signed(&self) -> bool {
        self.proof.scheme == Scheme::Signature
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> AsRef<T> for Verified<T> {
    fn as_ref(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for Verified<T> {
    /// How it was proved; the value stays private, since `T` may be a body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("scheme", &self.proof.scheme)
            .field("label", &self.proof.label)
            .finish_non_exhaustive()
    }
}
