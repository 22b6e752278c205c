//! Receive webhooks: verify deliveries, understand events, process each once.
//!
//! - [`Verifier`] checks who sent a delivery: by the key that One Horizon sends, or by a signature.
//! - [`Event`] is what was delivered, typed as far as this version knows it.
//! - [`Receiver`] turns a request into a reply: it verifies, runs a handler once for each event, and makes the service
//!   retry what failed. It needs no framework and no async runtime.
//! - [`EventRouter`] sends each event to the handler for what it is about.
//! - [`DeliveryHooks`] watch deliveries, for logs and metrics.
//! - [`inbox`] has the types of the durable inboxes, which are crates of their own.
//! - [`ClaimStore`] remembers which events are done; [`MemoryClaims`] does so in one process.
#![cfg_attr(feature = "axum", doc = "- [`axum_routes`] mounts a receiver on a `Router`.")]
#![cfg_attr(not(feature = "axum"), doc = "- `axum_routes` (feature `axum`) mounts a receiver on a `Router`.")]
//!
//! The service waits 3 seconds for a response; without a 2xx it delivers again at once, after about a minute and after
//! about five, and then gives the event up. Deliveries may come twice and in any order.
//!
//! Unless set otherwise: bodies of at most 256 KiB, signatures fresh for 5 minutes, a lease of 30 seconds, 1 second for
//! each call of the store, 5 seconds for a body to arrive.

#[cfg(feature = "axum")]
#[doc(alias = "axum")]
pub mod axum_routes;
pub mod claims;
mod clock;
mod error;
mod event;
mod headers;
mod hooks;
pub mod inbox;
mod receiver;
mod router;
pub(crate) mod task_state;
mod trace;
mod verifier;

pub use claims::{ClaimStore, MemoryClaims};
pub use error::{AuthFailure, VerifierError, WebhookError};
pub use event::{Event, Payload, Retry, Undecoded};
pub use headers::Headers;
pub use hooks::{DeliveryEnd, DeliveryHooks, DeliveryInfo, Drift, DriftKind};
pub use receiver::{BodyCollector, MAX_EVENT_ID_BYTES, Outcome, Receiver, ReceiverBuilder, Reply};
pub use router::{EventRouter, EventRouterBuilder, HandlerResult, StatefulRouterBuilder};
pub use verifier::{Scheme, Signer, Verified, Verifier, VerifierBuilder};
