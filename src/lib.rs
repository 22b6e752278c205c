// Links of the README, for readers outside the repository: of two definitions the first counts.
#![cfg_attr(all(feature = "client", feature = "webhook"), doc = include_str!("links.md"))]
#![cfg_attr(all(feature = "client", feature = "webhook"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "client", feature = "webhook")),
    doc = "Typed Rust client for One Horizon with webhook handling."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The types of a large contract contain each other in long chains, and each link counts four times.
#![recursion_limit = "512"]

#[cfg(feature = "client")]
#[doc(alias = "PaginationExt")]
#[doc(alias = "pagination")]
pub mod apis;
#[cfg(feature = "blocking")]
mod background;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(any(feature = "client", feature = "webhook"))]
mod clock;
#[cfg(feature = "client")]
mod configuration;
#[cfg(any(feature = "client", feature = "webhook"))]
mod contained;
#[cfg(feature = "client")]
mod credential;
#[cfg(feature = "client")]
mod deadline;
#[cfg(any(feature = "client", feature = "webhook"))]
mod drift;
#[cfg(feature = "client")]
mod engine;
#[cfg(feature = "client")]
mod environment;
#[cfg(feature = "client")]
mod error;
#[cfg(any(feature = "client", feature = "webhook"))]
mod future;
#[allow(clippy::doc_markdown, reason = "the names of models and clients are headings")]
/// Where the facts behind each item come from, and how certain they are.
///
#[doc = include_str!("../docs/evidence.md")]
pub mod evidence {}
#[cfg(feature = "client")]
pub mod hooks;
#[rustfmt::skip]
#[allow(clippy::pedantic, reason = "what a generator writes is read by its document, not by its style")]
mod generated;
#[cfg(feature = "client")]
mod keyed_locks;
pub mod limits;
#[cfg(any(feature = "client", feature = "webhook"))]
mod media_type;
#[cfg(feature = "client")]
mod metadata;
#[cfg(feature = "metrics")]
pub mod metrics;
#[doc(alias = "prelude")]
pub mod models;
#[cfg(feature = "oauth")]
pub mod oauth;
#[cfg(feature = "client")]
mod options;
#[cfg(feature = "client")]
pub mod quota;
#[cfg(all(feature = "client", feature = "webhook"))]
pub mod reconcile;
#[cfg(feature = "client")]
mod redact;
#[cfg(feature = "client")]
mod response;
#[cfg(feature = "client")]
mod retry_after;
#[cfg(any(feature = "client", feature = "axum"))]
mod runtime;
mod secret;
#[cfg(any(feature = "client", feature = "webhook"))]
mod setting;
#[cfg(any(feature = "client", feature = "webhook"))]
mod store;
#[cfg(any(feature = "client", feature = "webhook"))]
mod time_limit;
#[cfg(feature = "client")]
mod trace;
#[cfg(feature = "client")]
pub mod transport;
#[cfg(any(feature = "client", feature = "webhook"))]
mod watchers;
#[cfg(feature = "webhook")]
pub mod webhook;

#[cfg(feature = "client")]
pub use apis::{ApiKeysApi, DocumentsApi, TasksApi};
#[cfg(any(feature = "client", feature = "webhook"))]
pub use clock::Clock;
#[cfg(any(feature = "client", feature = "axum"))]
pub use clock::SystemClock;
#[cfg(feature = "client")]
pub use configuration::{Behavior, CURRENT_WORKSPACE, Configuration, ConfigurationBuilder, DEFAULT_BASE_URL, HostList};
#[cfg(feature = "client")]
pub use credential::{Credential, CredentialKind, TokenProvider};
#[cfg(feature = "client")]
pub use engine::{Pending, Retry};
#[cfg(feature = "client")]
pub use error::{Error, ErrorKind, FieldError};
#[cfg(any(feature = "client", feature = "webhook"))]
pub use future::BoxFuture;
#[cfg(feature = "client")]
pub use metadata::{RateLimit, Sent, TimeSpent, WaitSource};
pub use models::Timestamp;
#[cfg(feature = "client")]
pub use response::Response;
pub use secret::Secret;
#[cfg(any(feature = "client", feature = "webhook"))]
pub use store::{AtRest, Encryption, StoreError, StoreFuture};
#[cfg(feature = "client")]
pub use store::{check_setting, retry_later};

/// The OpenAPI document that this version of the client is generated from, as JSON.
pub const CONTRACT: &str = include_str!("../openapi/onehorizon.json");
