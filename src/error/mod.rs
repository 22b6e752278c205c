//! What can go wrong with a call, told so that a person or a program can act on it.

mod display;
mod exit_code;
mod refusal;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub(crate) use refusal::{Refusal, clean, excerpt, message_of, one_line, redact, without_echo};

use crate::limits::RateLimit;

/// The reason in the large; see [`Error`] for the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration or the credential cannot be used.
    Config,
    /// The request is not acceptable: this crate says so before sending ([`Error::status`] is `None`), or the service
    /// does (400, 422).
    Invalid,
    /// No connection was made; the request never left.
    Connect,
    /// A time limit ran out: the attempt's, or the call's deadline.
    Timeout,
    /// The connection broke before the answer was complete; the service may have done the work.
    Interrupted,
    /// The workspace's quota is spent (429).
    RateLimited,
    /// The credential is missing, wrong or revoked (401).
    Unauthorized,
    /// The credential is valid and not allowed to do this (403).
    Forbidden,
    /// There is no such thing, or the credential may not see it (404).
    NotFound,
    /// The request clashes with the present state (409).
    Conflict,
    /// Any other answer that is no success: server errors, redirects, statuses without a kind of their own.
    Api,
    /// The answer was a success and could not be read as what it should be.
    Decode,
    /// The answer is larger than [`ConfigurationBuilder::max_response_bytes`](crate::ConfigurationBuilder::max_response_bytes).
    TooLarge,
}

/// Whether the service may have got the request, in any of the attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sent {
    /// Certainly not: repeating the call cannot do the work twice.
    No,
    /// Nobody can tell: the connection broke before an answer came.
    Maybe,
    /// Certainly: there was an answer.
    Yes,
}

/// Where the time of a call went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeSpent {
    /// Sending requests and reading answers.
    pub requests: Duration,
    /// Waiting between attempts.
    pub backoff: Duration,
    /// Waiting for the quota: for its turn under pacing, or for a spent quota to return.
    pub quota: Duration,
}

impl TimeSpent {
    /// The whole.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.requests + self.backoff + self.quota
    }
}

/// A call that did not succeed.
///
/// `Display` is one line with what was tried, what happened and, where there is one, the way out. Nothing in it is
/// secret: the credential is removed from whatever the service sent, also from [`body`](Self::body).
///
/// ```
/// # async fn example(tasks: onehorizon::TasksApi) {
/// match tasks.fetch_task("tsk_1").await {
///     Ok(task) => println!("{}", task.title),
///     Err(error) if error.is_not_found() => println!("no such task"),
///     Err(error) if error.is_rate_limited() => println!("again in {:?}", error.retry_after()),
///     Err(error) => eprintln!("{error}"),
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) operation: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
    pub(crate) code: Option<String>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) sent: Sent,
    pub(crate) deadline: bool,
    pub(crate) attempts: u32,
    pub(crate) time: TimeSpent,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this crate's own: nothing was sent.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            operation: None,
            message: message.into(),
            hint: None,
            code: None,
            status: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            sent: Sent::No,
            deadline: false,
            attempts: 0,
            time: TimeSpent::default(),
            rate_limit: None,
            source: None,
        }))
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(&mut self.0);
        self
    }

    /// The reason in the large.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The status of the answer; `None` when there was none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status.map(|status| status.as_u16())
    }

    /// The service's own `code`, as text whether it came as a number or a text. Documented example: `429`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What happened: the service's `message`, or this crate's words when there is none.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, where this crate knows.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint
    }

    /// The id to name when asking One Horizon about this call, if the answer carried one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        crate::response::request_id(&self.0.headers)
    }

    /// The operation, in the official SDK's spelling (`fetchTask`).
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.0.operation
    }

    /// How many times the request was tried.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Where the time of the call went.
    #[must_use]
    pub fn elapsed(&self) -> TimeSpent {
        self.0.time
    }

    /// What is known of the quota: the wait of a spent one, and the service's numbers if it sends any.
    #[must_use]
    pub fn rate_limit(&self) -> Option<&RateLimit> {
        self.0.rate_limit.as_ref()
    }

    /// How long to wait before trying again, if the service said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.rate_limit().and_then(|limit| limit.retry_after)
    }

    /// The start of the answer's body (16 KiB at most), without the credential.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// A header of the answer, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the service may have got the request, and so may have done the work.
    #[must_use]
    pub fn was_sent(&self) -> Sent {
        self.0.sent
    }

    /// The workspace's quota is spent.
    ///
    /// *What to do:* wait for [`retry_after`](Self::retry_after). All API keys of a workspace share 200 requests in 15
    /// minutes and 40 in a minute, so another key does not help; `Pacing::documented()` keeps a job within the quota.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.0.kind == ErrorKind::RateLimited
    }

    /// There is no such thing, or the credential may not see it.
    ///
    /// *What to do:* check the id and the workspace; `current` is the workspace that owns the API key.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// The credential is missing, wrong or revoked.
    ///
    /// *What to do:* revoking a key takes effect at once; make a new one and put it where the process reads it.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.0.kind == ErrorKind::Unauthorized
    }

    /// The credential is valid and not allowed to do this.
    ///
    /// *What to do:* API keys may not manage API keys nor touch agent routes; use the OAuth token of a workspace owner
    /// or admin there.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.0.kind == ErrorKind::Forbidden
    }

    /// The request clashes with the present state.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.0.kind == ErrorKind::Conflict
    }

    /// The request is not acceptable, said by this crate before sending or by the service.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.0.kind == ErrorKind::Invalid
    }

    /// A time limit ran out.
    ///
    /// *What to do:* look at [`elapsed`](Self::elapsed) to see where the time went; with [`was_sent`](Self::was_sent)
    /// not `No`, look whether a write took place before repeating it.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// The time limit that ran out was the call's deadline, not an attempt's.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        self.0.deadline
    }

    /// No connection was made; the request never left.
    ///
    /// *What to do:* check the network, a proxy, and `ONE_HORIZON_BASE_URL`.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.0.kind == ErrorKind::Connect
    }

    /// The connection broke before the answer was complete.
    ///
    /// *What to do:* a write may have been done; look before repeating it.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.0.kind == ErrorKind::Interrupted
    }

    /// The answer was a success and could not be read as what it should be.
    ///
    /// *What to do:* the message names the place in the JSON; [`body`](Self::body) has the text. This crate may be
    /// older than the service: `request` reaches the same route without its types.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.0.kind == ErrorKind::Decode
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display::line(&self.0, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display::fields(&self.0, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

/// The last error of a chain: the one that says what really happened.
pub(crate) fn root_cause<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// The error, unless a text in its chain contains the secret.
pub(crate) fn without_secret(
    error: Box<dyn StdError + Send + Sync>,
    secret: &str,
) -> Option<Box<dyn StdError + Send + Sync>> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(&*error);
    while let Some(error) = next {
        if format!("{error} {error:?}").contains(secret) {
            return None;
        }
        next = error.source();
    }
    Some(error)
}
