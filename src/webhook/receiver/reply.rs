//! Replies to webhook requests.

use std::error::Error;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::store::StoreError;
use crate::webhook::error::{AuthFailure, WebhookError};
use crate::webhook::event::Event;

/// Headers of every reply: a reply is for the sender alone.
const HEADERS: [(&str, &str); 2] = [("cache-control", "no-store"), ("x-content-type-options", "nosniff")];
const JSON: (&str, &str) = ("content-type", "application/json");
const ALLOW: (&str, &str) = ("allow", "GET, HEAD, POST");

/// The reply to a request: status, headers and a small JSON body, for any framework to send.
///
/// The body is `{"ok":true,"id":…,"type":…}` when an event was accepted, with `"duplicate":true` when it had been
/// before, and `{"error":…,"code":…}` otherwise. It says what to repair, but not whether a wrong key was once right;
/// [`outcome`](Self::outcome) has that for the log.
///
/// A [`Receiver`](super::Receiver) makes replies by itself. The constructors are for receivers of another kind, see
/// [`Receiver::receive_with`](super::Receiver::receive_with).
pub struct Reply {
    status: u16,
    body: String,
    outcome: Outcome,
}

/// What became of a request.
#[non_exhaustive]
pub enum Outcome {
    /// A GET or HEAD that checks whether the endpoint is there: 204.
    Probe,
    /// The handler has processed the event: 200.
    Handled,
    /// The handler has processed the event, but took longer than its lease, and another delivery has claimed it
    /// since: 200. Lengthen the lease or let the handler hand the work on.
    HandledLate,
    /// The event is stored and will be processed later: 200.
    Queued,
    /// The event had been processed before: 200.
    Duplicate,
    /// Another delivery of the event is being processed: 503, so that the service tries again.
    Running,
    /// The request was refused: 400, 401, 405, 408, 413 or 415.
    Refused(WebhookError),
    /// The handler failed: 500, so that the service tries again.
    HandlerFailed(Box<dyn Error + Send + Sync>),
    /// The claim store failed, or took longer than its time limit: 500, so that the service tries again.
    StoreFailed(StoreError),
}

impl Outcome {
    /// One word for logs and labels: `probe`, `handled`, `handled_late`, `queued`, `duplicate`, `running`,
    /// `handler_failed`, `store_failed`, or the [code](WebhookError::code) of a refusal.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Handled => "handled",
            Self::HandledLate => "handled_late",
            Self::Queued => "queued",
            Self::Duplicate => "duplicate",
            Self::Running => "running",
            Self::Refused(error) => error.code(),
            Self::HandlerFailed(_) => "handler_failed",
            Self::StoreFailed(_) => "store_failed",
        }
    }
}

impl Reply {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let content_type = (!self.body.is_empty()).then_some(JSON);
        let allow = (self.status == 405).then_some(ALLOW);
        HEADERS.into_iter().chain(content_type).chain(allow)
    }

    /// The body: JSON, or empty.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body, without a copy.
    #[must_use]
    pub fn into_body(self) -> String {
        self.body
    }

    /// What became of the request.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What became of the request, taken out.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        self.outcome
    }

    /// 204: the endpoint is there.
    #[must_use]
    pub fn probe() -> Self {
        Self { status: 204, body: String::new(), outcome: Outcome::Probe }
    }

    /// 200: the event has been processed.
    #[must_use]
    pub fn handled(event: &Event) -> Self {
        Self::accepted(&Accepted::of(event), Outcome::Handled)
    }

    /// 200: the event has been stored where it survives, and will be processed later.
    #[must_use]
    pub fn queued(event: &Event) -> Self {
        Self::accepted(&Accepted::of(event), Outcome::Queued)
    }

    /// 200: the event had been processed or stored before.
    #[must_use]
    pub fn duplicate(event: &Event) -> Self {
        Self::accepted(&Accepted::of(event), Outcome::Duplicate)
    }

    /// 503: another delivery of the event is being processed, so that the service tries again.
    #[must_use]
    pub fn running() -> Self {
        let text = "this event is being processed; try again later";
        Self { status: 503, body: json(&ErrorBody { error: text, code: "running" }), outcome: Outcome::Running }
    }

    /// 500: the handler failed, so that the service tries again. The error is kept for the log and not sent.
    pub fn handler_failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let body = json(&ErrorBody { error: "the event could not be processed", code: "handler_failed" });
        Self { status: 500, body, outcome: Outcome::HandlerFailed(error.into()) }
    }

    /// 500: the store failed, so that the service tries again. The error is kept for the log and not sent.
    pub fn store_failed(error: impl Into<StoreError>) -> Self {
        let body = json(&ErrorBody { error: "the event could not be recorded", code: "store_failed" });
        Self { status: 500, body, outcome: Outcome::StoreFailed(error.into()) }
    }

    pub(super) fn accepted(event: &Accepted, outcome: Outcome) -> Self {
        let duplicate = matches!(outcome, Outcome::Duplicate);
        Self { status: 200, body: json(&AcceptedBody { event, duplicate }), outcome }
    }

    /// The reply to a HEAD has no body.
    pub(super) fn without_body(mut self) -> Self {
        self.body.clear();
        self
    }
}

impl From<WebhookError> for Reply {
    fn from(error: WebhookError) -> Self {
        let text = match &error {
            WebhookError::Unauthorized(AuthFailure::Missing { header }) => {
                format!("the header {header} is missing; the sender of webhooks adds it, a browser does not")
            }
            WebhookError::Unauthorized(_) => "the webhook key or signature is wrong".to_owned(),
            other => other.to_string(),
        };
        let body = json(&ErrorBody { error: &text, code: error.code() });
        Self { status: error.status(), body, outcome: Outcome::Refused(error) }
    }
}

/// The reply as the response of any framework that goes by the `http` crate.
#[cfg(feature = "http")]
impl<B: From<String>> From<Reply> for http::Response<B> {
    fn from(reply: Reply) -> Self {
        let (status, headers) = (reply.status(), reply.headers());
        let mut response = Self::new(B::from(reply.into_body()));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in headers {
            let (name, value) = (http::HeaderName::from_static(name), http::HeaderValue::from_static(value));
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe => f.write_str("Probe"),
            Self::Handled => f.write_str("Handled"),
            Self::HandledLate => f.write_str("HandledLate"),
            Self::Queued => f.write_str("Queued"),
            Self::Duplicate => f.write_str("Duplicate"),
            Self::Running => f.write_str("Running"),
            Self::Refused(error) => f.debug_tuple("Refused").field(error).finish(),
            // The error is the application's and may repeat what it was given.
            Self::HandlerFailed(_) => f.write_str("HandlerFailed(..)"),
            Self::StoreFailed(_) => f.write_str("StoreFailed(..)"),
        }
    }
}

/// What a reply repeats of an event.
pub(super) struct Accepted {
    id: String,
    kind: String,
}

impl Accepted {
    pub(super) fn of(event: &Event) -> Self {
        Self { id: event.id().as_str().to_owned(), kind: event.event_type().as_str().to_owned() }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

struct AcceptedBody<'a> {
    event: &'a Accepted,
    duplicate: bool,
}

impl Serialize for AcceptedBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ok", &true)?;
        if self.duplicate {
            map.serialize_entry("duplicate", &true)?;
        }
        map.serialize_entry("id", &self.event.id)?;
        map.serialize_entry("type", &self.event.kind)?;
        map.end()
    }
}

struct ErrorBody<'a> {
    error: &'a str,
    code: &'a str,
}

impl Serialize for ErrorBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("error", self.error)?;
        map.serialize_entry("code", self.code)?;
        map.end()
    }
}

fn json(body: &impl Serialize) -> String {
    // Strings alone cannot fail to be written; an empty body would still be a valid reply.
    serde_json::to_string(body).unwrap_or_default()
}
