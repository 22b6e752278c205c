//! Scenarios: what goes wrong with the next requests.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::service::reply;

/// How a refusal states the time to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Seconds in the message, as the service documents it: `standard rate limit exceeded, retry in 43 seconds`.
    Message(u64),
    /// Seconds in a `Retry-After` header; the message says nothing.
    RetryAfter(u64),
    /// An HTTP date in a `Retry-After` header; the message says nothing.
    RetryAfterDate(SystemTime),
    /// Seconds in the header and other seconds in the message.
    Both {
        /// The seconds of the `Retry-After` header.
        header: u64,
        /// The seconds in the message.
        message: u64,
    },
    /// No time at all.
    Untold,
}

/// What happens to one coming request.
///
/// A fault waits in a queue until a request meets it; see
/// [`FakeOneHorizon::script`](crate::FakeOneHorizon::script).
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is scripted"]
pub struct Fault {
    operation: Option<String>,
    id: Option<String>,
    principal: Option<String>,
    times: Option<u32>,
    pub(crate) delay: Option<Duration>,
    pub(crate) action: Action,
}

#[derive(Clone)]
pub(crate) enum Action {
    /// Respond as usual.
    Pass,
    /// Respond with this and execute nothing.
    Respond(Box<http::Response<Bytes>>),
    /// Close the connection and execute nothing.
    DropBefore,
    /// Execute, then close the connection without a response.
    DropAfter,
    /// Execute, then close the connection after so many bytes of the body.
    Truncate(usize),
    /// Never respond and execute nothing.
    Hang,
    /// Execute and send the response compressed.
    Gzip,
}

impl fmt::Debug for Action {
    /// A response by its status and size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("Pass"),
            Self::Respond(response) => write!(f, "Respond({}, {} bytes)", response.status(), response.body().len()),
            Self::DropBefore => f.write_str("DropBefore"),
            Self::DropAfter => f.write_str("DropAfter"),
            Self::Truncate(length) => write!(f, "Truncate({length})"),
            Self::Hang => f.write_str("Hang"),
            Self::Gzip => f.write_str("Gzip"),
        }
    }
}

impl Fault {
    fn new(action: Action) -> Self {
        Self { operation: None, id: None, principal: None, times: Some(1), delay: None, action }
    }

    fn respond(response: http::Response<Bytes>) -> Self {
        Self::new(Action::Respond(Box::new(response)))
    }

    /// No fault: the request is served as usual. Puts good responses between bad ones.
    pub fn pass() -> Self {
        Self::new(Action::Pass)
    }

    /// An error of this status with the documented body `{code, message}`; nothing is executed.
    ///
    /// A number that is not an HTTP status becomes 500.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = status.canonical_reason().unwrap_or("error").to_lowercase();
        Self::respond(reply::error(status, &message))
    }

    /// A refusal for a spent quota, whatever the quota says; nothing is executed.
    pub fn rate_limited(wait: Wait) -> Self {
        let message = match wait {
            Wait::Message(seconds) | Wait::Both { message: seconds, .. } => reply::rate_limit_message(seconds),
            Wait::RetryAfter(_) | Wait::RetryAfterDate(_) | Wait::Untold => "standard rate limit exceeded".to_owned(),
        };
        let fault = Self::respond(reply::error(StatusCode::TOO_MANY_REQUESTS, &message));
        match wait {
            Wait::RetryAfter(seconds) | Wait::Both { header: seconds, .. } => {
                fault.header(RETRY_AFTER.as_str(), &seconds.to_string())
            }
            Wait::RetryAfterDate(at) => fault.header(RETRY_AFTER.as_str(), &httpdate::fmt_http_date(at)),
            Wait::Message(_) | Wait::Untold => fault,
        }
    }

    /// An error page of a proxy: HTML, not JSON; nothing is executed.
    pub fn html(status: u16) -> Self {
        Self::status(status).body("text/html; charset=utf-8", reply::PROXY_PAGE)
    }

    /// The usual response, but late. The request is executed when it arrives.
    pub fn slow(delay: Duration) -> Self {
        Self::pass().after(delay)
    }

    /// The connection closes without a response and the request is not executed.
    pub fn drop_before() -> Self {
        Self::new(Action::DropBefore)
    }

    /// The request is executed, then the connection closes without a response.
    pub fn drop_after() -> Self {
        Self::new(Action::DropAfter)
    }

    /// The request is executed; the response promises its whole body and ends after `bytes` of it.
    pub fn truncate(bytes: usize) -> Self {
        Self::new(Action::Truncate(bytes))
    }

    /// The request is taken and never responded to nor executed; the connection stays open until the
    /// caller or the fake goes away.
    pub fn hang() -> Self {
        Self::new(Action::Hang)
    }

    /// The next `times` requests get a 503 and are not executed.
    pub fn flaky(times: u32) -> Self {
        Self::status(503).times(times)
    }

    /// The usual response in the encoding gzip, whether or not the client asked for it.
    pub fn gzip() -> Self {
        Self::new(Action::Gzip)
    }

    /// The response's body and its media type. Faults that do not respond by themselves keep theirs.
    pub fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        if let Action::Respond(response) = &mut self.action {
            *response.body_mut() = body.into();
        }
        self.header(CONTENT_TYPE.as_str(), media_type)
    }

    /// One header of the response. What HTTP does not allow as a name or value is left out, and so
    /// is a header of a fault that does not respond by itself.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
        if let (Action::Respond(response), (Ok(name), Ok(value))) = (&mut self.action, parsed) {
            response.headers_mut().insert(name, value);
        }
        self
    }

    /// Waits before the response (or before the connection closes).
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Waits in the queue for a request of this operation, such as `createTask`, and lets others pass.
    pub fn on(mut self, operation_id: impl Into<String>) -> Self {
        self.operation = Some(operation_id.into());
        self
    }

    /// Waits for a request whose path has this id, such as `tsk_1001`, and lets others pass.
    pub fn for_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Waits for a request with the credential of this API key (`key_1001`) or user (`u_mira`), and lets others pass.
    pub fn for_credential(mut self, id: impl Into<String>) -> Self {
        self.principal = Some(id.into());
        self
    }

    /// Happens to so many requests instead of one.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Happens to every request until the scenario is cleared.
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }
}

/// What a fault may wait for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met<'r> {
    pub(crate) operation: Option<&'r str>,
    pub(crate) path: &'r [(String, String)],
    pub(crate) principal: Option<&'r str>,
}

/// More faults than this do not wait at the same time.
const MAX_SCRIPT: usize = 100_000;

/// The faults that wait for a request, first come first served.
#[derive(Debug, Default)]
pub(crate) struct Script(VecDeque<Fault>);

impl Script {
    pub(crate) fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        let free = MAX_SCRIPT.saturating_sub(self.0.len());
        self.0.extend(faults.into_iter().filter(|fault| fault.times != Some(0)).take(free));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The faults in words, in their order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|fault| {
            let times = fault.times.map_or_else(|| "until cleared".to_owned(), |times| format!("{times} to go"));
            let scope = [&fault.operation, &fault.id, &fault.principal].into_iter().flatten();
            let scope: String = scope.map(|one| format!(" for {one}")).collect();
            let delay = fault.delay.map_or_else(String::new, |delay| format!(" after {delay:?}"));
            format!("{:?}{delay}{scope}, {times}", fault.action)
        })
    }

    /// The fault of a request, if one waits for it.
    pub(crate) fn next(&mut self, met: Met<'_>) -> Option<Fault> {
        let meets = |fault: &Fault| {
            fault.operation.as_deref().is_none_or(|operation| met.operation == Some(operation))
                && fault.id.as_deref().is_none_or(|id| met.path.iter().any(|(_, value)| value == id))
                && fault.principal.as_deref().is_none_or(|principal| met.principal == Some(principal))
        };
        let index = self.0.iter().position(meets)?;
        let fault = self.0.get_mut(index)?;
        let taken = fault.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.0.remove(index);
            }
        }
        Some(taken)
    }
}

/// What the HTTP side does with a response beside writing it; found among the extensions of the
/// response of [`FakeOneHorizon::handle`](crate::FakeOneHorizon::handle).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The time to wait first.
    pub delay: Option<Duration>,
    /// Where the response ends too early.
    pub cut: Option<Cut>,
}

/// Where a response ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// The connection closes before the first byte of the response.
    Head,
    /// The connection closes after so many bytes of the body.
    Body(usize),
    /// Nothing ever comes and the connection stays open.
    Silence,
}
