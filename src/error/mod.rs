//! The error of a call: its kind, what the service said, what to do, and whether the request was sent.

mod display;
mod exit_code;
mod refusal;
mod words;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub(crate) use refusal::{PROXY_LOGIN, Refusal, is_transient, kept as kept_headers};
pub(crate) use words::{
    Content, encoded_words, foreign_encoding, message_of, message_of_success, names_no_encoding, without_bom,
};

use crate::metadata::{Metadata, RateLimit, Sent, TimeSpent};

/// The category of an error; see [`Error`] for the details.
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
    /// The server's certificate or its TLS is not acceptable; the request never left, and trying again does not help.
    Tls,
    /// A time limit ran out: the attempt's, or the call's deadline.
    Timeout,
    /// The connection broke before the response was complete; the service may have done the work.
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
    /// Any other response that is not a success: server errors, redirects, statuses without a kind of their own.
    Api,
    /// The response was a success and could not be read as what it should be.
    Decode,
    /// The response is larger than [`ConfigurationBuilder::max_response_bytes`](crate::ConfigurationBuilder::max_response_bytes).
    TooLarge,
}

/// What the service says of one field of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The field, as the service names it: `title`, `/data/title`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A call that did not succeed.
///
/// `Display` is one line with what was tried, what happened and, where there is one, the way out. Nothing in it is
/// secret: the credential is removed from whatever the service sent, also from [`body`](Self::body), and so are the values
/// of names such as `token`, `secret`, `key` and `password`. Of an operation that manages API keys only the service's words are
/// shown, never other content.
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
///
/// Cloning is cheap enough to hand one error to several callers. There are no variants such as `Error::RateLimited { .. }` to
/// match on: [`kind`](Self::kind) returns an [`ErrorKind`].
#[doc(alias = "ResponseError")]
#[doc(alias = "ApiError")]
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
    pub(crate) code: Option<String>,
    pub(crate) fields: Vec<FieldError>,
    pub(crate) deadline: bool,
    /// The next attempt would meet the same, although the kind is one that may pass.
    pub(crate) lasting: bool,
    /// The call changes nothing, so that it does not matter whether it was executed.
    pub(crate) read: bool,
    pub(crate) source: Option<Arc<dyn StdError + Send + Sync>>,
    pub(crate) metadata: Metadata,
}

impl Error {
    /// An error of this crate's own: nothing was sent.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            code: None,
            fields: Vec::new(),
            deadline: false,
            lasting: false,
            read: false,
            source: None,
            metadata: Metadata::default(),
        }))
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(&mut self.0);
        self
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The category.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The status of the response; `None` when there was none.
    #[must_use]
    #[doc(alias = "status_code")]
    pub fn status(&self) -> Option<u16> {
        self.0.metadata.status.as_ref().map(StatusCode::as_u16)
    }

    /// The service's own `code`, as a string, whether it came as a number or as a string. Documented example: `429`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What happened: the service's `message`, or this crate's words when there is none.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the service says of single fields of the request, if it does; their words are part of the message, too.
    #[must_use]
    pub fn field_errors(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// Whether the same call may well succeed a little later: after a broken connection, a time limit, a spent quota, or a
    /// passing failure of the server (408, 425, 500, 502, 503, 504 and the like).
    ///
    /// It does not say that repeating is safe. This crate has repeated what is; before repeating a write yourself, see
    /// [`was_sent`](Self::was_sent), and wait for [`retry_after`](Self::retry_after).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            _ if self.0.lasting => false,
            ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::RateLimited => true,
            ErrorKind::Api => self.0.metadata.status.is_some_and(is_transient),
            _ => false,
        }
    }

    /// What to do about it, where this crate knows.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint
    }

    /// The id to name when asking One Horizon about this call, if the response carried one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.metadata.request_id()
    }

    /// The operation, in the official SDK's spelling (`fetchTask`).
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.0.metadata.operation
    }

    /// How many times the request was tried.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.metadata.attempts
    }

    /// How long the call took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.metadata.time.total()
    }

    /// Where that time went.
    #[must_use]
    pub fn time_spent(&self) -> TimeSpent {
        self.0.metadata.time
    }

    /// What is known of the quota: the wait of a spent one, and the service's numbers if it sends any.
    #[must_use]
    pub fn rate_limit(&self) -> Option<&RateLimit> {
        self.0.metadata.rate_limit.as_ref()
    }

    /// How long to wait before trying again, if the service said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.rate_limit().and_then(|limit| limit.retry_after)
    }

    /// The start of the response's body (16 KiB at most), without the credential. It may have other secrets in it, such as an
    /// API key that the service made before it failed: log the error instead.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.0.metadata.body
    }

    /// A header of the response, if it is readable text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.metadata.header(name)
    }

    /// Whether the service may have received the request, and so may have done the work.
    #[must_use]
    pub fn was_sent(&self) -> Sent {
        self.0.metadata.sent
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
    /// *What to do:* look at [`time_spent`](Self::time_spent) to see where the time went; with [`was_sent`](Self::was_sent)
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

    /// The server's certificate or its TLS is not acceptable; the request never left.
    ///
    /// *What to do:* trust your network's authority by `root_certificate_file`, or install its certificate where the platform
    /// looks for it; show a certificate of your own by `client_identity_pem` where the server asks for one; check that the
    /// port speaks TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.0.kind == ErrorKind::Tls
    }

    /// The connection broke before the response was complete.
    ///
    /// *What to do:* a write may have been done; look before repeating it.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.0.kind == ErrorKind::Interrupted
    }

    /// The response was a success and could not be read as what it should be.
    ///
    /// *What to do:* the message names the path in the JSON; [`body`](Self::body) has the bytes. This crate may be
    /// older than the service: `request` reaches the same route without its types.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.0.kind == ErrorKind::Decode
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}
