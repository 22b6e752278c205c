//! What a response or an error carries beside its value: status, headers, attempts, time, quota.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// The facts of one call, held by `Response` and by `Error`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) operation: Option<&'static str>,
    /// `None` when no response arrived.
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) sent: Sent,
    pub(crate) attempts: u32,
    pub(crate) time: TimeSpent,
    pub(crate) rate_limit: Option<RateLimit>,
}

impl Metadata {
    /// A header's value, if it is readable text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The id under which the service knows the request; One Horizon's header is not documented.
    pub(crate) fn request_id(&self) -> Option<&str> {
        ["x-request-id", "request-id", "x-correlation-id"].iter().find_map(|name| self.header(name))
    }
}

/// Whether the service may have received the request, in any of the attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Sent {
    /// Certainly not: repeating the call cannot do the work twice.
    #[default]
    No,
    /// Unknown: the connection broke, or time ran out, before a response arrived.
    Maybe,
    /// Certainly: there was a response.
    Yes,
}

/// Where the time of a call went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeSpent {
    /// Obtaining access tokens, sending requests and reading responses.
    pub requests: Duration,
    /// Waiting between attempts.
    pub backoff: Duration,
    /// Waiting for the quota: for a turn under pacing, or until a spent quota is refilled.
    pub quota: Duration,
}

impl TimeSpent {
    /// The sum.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.requests + self.backoff + self.quota
    }
}

/// What is known of the quota after a response.
///
/// The service names the wait of a spent quota in the text of its message; it is not known to send headers about the
/// quota. Those of the usual names are read all the same, should they appear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// How long to wait, counted from the moment the response arrived.
    pub retry_after: Option<Duration>,
    /// The moment the wait ends, by this machine's clock.
    pub ends_at: Option<SystemTime>,
    /// Where `retry_after` was read.
    pub source: Option<WaitSource>,
    /// `X-RateLimit-Limit`: requests in a window.
    pub limit: Option<u64>,
    /// `X-RateLimit-Remaining`: requests left in the window.
    pub remaining: Option<u64>,
    /// `X-RateLimit-Reset`: how long until the window is new, counted from the moment the response arrived.
    pub reset: Option<Duration>,
}

/// Where a wait was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitSource {
    /// The header `Retry-After`.
    Header,
    /// The text of the message ("retry in 43 seconds"), as the service is documented to write it.
    Message,
    /// The header `X-RateLimit-Reset` of a refusal that names no wait of its own.
    Reset,
    /// What the client knows of the quota itself: an earlier refusal, or its own count under pacing.
    Client,
}
