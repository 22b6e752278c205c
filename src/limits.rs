//! The service's documented limits.

use std::time::Duration;

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

/// How long the service waits for a webhook receiver's reply.
///
/// Evidence: observed (receiver templates).
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(3);

/// Waits before the second, third and fourth delivery of a webhook event; then the service gives up.
///
/// Evidence: documented (webhooks page); the waits are approximate.
pub const WEBHOOK_RETRY_DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(5 * 60)];

/// The largest response that the client reads unless configured otherwise, in bytes: this crate's own choice.
pub const DEFAULT_MAX_RESPONSE_BYTES: usize = 32 * 1024 * 1024;
