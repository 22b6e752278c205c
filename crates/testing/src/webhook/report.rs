//! What a webhook sender got for its deliveries.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use onehorizon::models::EventId;
use onehorizon::transport::TransportResponse;

/// What became of a probe.
#[derive(Clone, Debug)]
pub struct WebhookProbe {
    pub(crate) attempts: Vec<WebhookAttempt>,
}

impl WebhookProbe {
    /// Whether the address was verified: the last response is a 2xx.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.attempts.last().is_some_and(WebhookAttempt::is_taken)
    }

    /// The response to HEAD, and the one to GET if that was needed.
    #[must_use]
    pub fn attempts(&self) -> &[WebhookAttempt] {
        &self.attempts
    }
}

/// What became of an event.
#[derive(Clone, Debug)]
pub struct WebhookReport {
    pub(crate) event_id: EventId,
    pub(crate) attempts: Vec<WebhookAttempt>,
}

impl WebhookReport {
    /// The event.
    #[must_use]
    pub fn event_id(&self) -> &EventId {
        &self.event_id
    }

    /// Whether the event was taken in the end.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.attempts.last().is_some_and(WebhookAttempt::is_taken)
    }

    /// Each delivery, one to four.
    #[must_use]
    pub fn attempts(&self) -> &[WebhookAttempt] {
        &self.attempts
    }

    /// The status of each delivery; `None` where no response came.
    #[must_use]
    pub fn statuses(&self) -> Vec<Option<u16>> {
        self.attempts.iter().map(WebhookAttempt::status).collect()
    }
}

/// One request and its response.
#[derive(Clone)]
pub struct WebhookAttempt {
    status: Option<StatusCode>,
    failure: Option<WebhookFailure>,
    headers: HeaderMap,
    body: Bytes,
}

/// Why no response came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebhookFailure {
    /// Not within the time allowed.
    TimedOut,
    /// No connection was made.
    Unreachable,
    /// The connection broke.
    Interrupted,
}

impl WebhookAttempt {
    pub(crate) fn responded(response: TransportResponse) -> Self {
        Self { status: Some(response.status), failure: None, headers: response.headers, body: response.body }
    }

    pub(crate) fn failed(failure: WebhookFailure) -> Self {
        Self { status: None, failure: Some(failure), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Whether the receiver took it: a 2xx within the time allowed.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }

    /// The status, if a response came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status.map(|status| status.as_u16())
    }

    /// Why no response came, if none did.
    #[must_use]
    pub fn failure(&self) -> Option<WebhookFailure> {
        self.failure
    }

    /// A header of the response.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The response's body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The status, or why there is none, in a word.
    pub(crate) fn outcome(&self) -> String {
        self.retry_reason().unwrap_or_else(|| self.status().map_or_else(String::new, |status| status.to_string()))
    }

    /// Why it is to be delivered again; `None` when it was taken.
    pub(crate) fn retry_reason(&self) -> Option<String> {
        match (self.status, self.failure) {
            (Some(status), _) if status.is_success() => None,
            (Some(status), _) => Some(format!("http_{}", status.as_u16())),
            (None, Some(WebhookFailure::TimedOut)) => Some("timeout".to_owned()),
            (None, _) => Some("connection_error".to_owned()),
        }
    }
}

impl fmt::Debug for WebhookAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookAttempt")
            .field("status", &self.status())
            .field("failure", &self.failure)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
