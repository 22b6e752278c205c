//! Webhooks: verify deliveries, understand events, process each once.
//!
//! - [`Verifier`] checks who sent a delivery: by the key that One Horizon sends, or by a signature.
//! - [`Event`] is what it says, typed as far as this version knows it.
//! - [`Receiver`] answers requests: it verifies, runs a handler once an event, and makes the service retry what
//!   failed. It needs no framework and no async runtime.
#![cfg_attr(feature = "axum", doc = "- [`axum`] mounts it on a `Router`.")]
#![cfg_attr(not(feature = "axum"), doc = "- `axum` (a feature) mounts it on a `Router`.")]
//!
//! The service waits 3 seconds for an answer; without a 2xx it delivers again at once, after about a minute and after
//! about five, and then gives the event up. Deliveries may come twice and in any order.

#[cfg(feature = "axum")]
pub mod axum;
mod error;
mod event;
mod media_type;
mod receiver;
pub mod replay;
mod verifier;

pub use error::{AuthFailure, VerifierError, WebhookError};
pub use event::{Event, Payload, Retry, Undecoded};
pub use receiver::{BodyCollector, MAX_EVENT_ID_BYTES, Outcome, Receiver, ReceiverBuilder, Reply};
pub use verifier::{Scheme, Signer, Verified, Verifier, VerifierBuilder};
