//! The service's documented numbers, in one place.

use std::time::{Duration, SystemTime};

/// Requests that a workspace may make in [`QUOTA_WINDOW`]; all its API keys share them.
///
/// Evidence: documented (REST API and API keys pages).
pub const QUOTA_REQUESTS: u32 = 200;

/// The window of [`QUOTA_REQUESTS`]. Whether it is fixed or sliding is not documented.
///
/// Evidence: documented (REST API and API keys pages).
pub const QUOTA_WINDOW: Duration = Duration::from_secs(15 * 60);

/// Requests that a workspace may make in [`BURST_WINDOW`], within the quota.
///
/// Evidence: documented (REST API and API keys pages).
pub const BURST_REQUESTS: u32 = 40;

/// The window of [`BURST_REQUESTS`].
///
/// Evidence: documented (REST API and API keys pages).
pub const BURST_WINDOW: Duration = Duration::from_secs(60);

/// API keys that a workspace may have active at one time.
///
/// Evidence: documented (API keys page).
pub const ACTIVE_API_KEYS: usize = 20;

/// The largest webhook body that the official receivers accept, in bytes.
///
/// Evidence: observed (receiver templates).
pub const WEBHOOK_BODY_BYTES: usize = 256 * 1024;

/// How long the service waits for a webhook receiver's answer.
///
/// Evidence: observed (receiver templates).
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(3);

/// Waits before the second, third and fourth delivery of a webhook event; then the service gives up.
///
/// Evidence: documented (webhooks page); the waits are approximate.
pub const WEBHOOK_RETRY_DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(5 * 60)];

/// The largest answer that the client reads unless configured otherwise, in bytes: this crate's own choice.
pub const DEFAULT_MAX_RESPONSE_BYTES: usize = 32 * 1024 * 1024;

/// What is known of the quota after an answer.
///
/// The service tells the wait of a spent quota in the text of its message; it is not known to send headers about the
/// quota. Those of the usual names are read all the same, should they appear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// How long to wait, counted from the moment the answer came.
    pub retry_after: Option<Duration>,
    /// The moment the wait ends, by this machine's clock.
    pub ends_at: Option<SystemTime>,
    /// Where `retry_after` was read.
    pub source: Option<WaitSource>,
    /// `X-RateLimit-Limit`: requests in a window.
    pub limit: Option<u64>,
    /// `X-RateLimit-Remaining`: requests left in the window.
    pub remaining: Option<u64>,
    /// `X-RateLimit-Reset`: how long until the window is new, counted from the moment the answer came.
    pub reset: Option<Duration>,
}

/// Where a wait was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitSource {
    /// The header `Retry-After`.
    Header,
    /// The text of the message ("retry in 43 seconds"), as the service is documented to tell it.
    Message,
    /// What the client knows of the quota itself: an earlier refusal, or its own count under pacing.
    Client,
}
