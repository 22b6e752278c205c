//! Bytes in, bytes out: the floor of the house.

pub(crate) mod endpoint;
mod reqwest;

use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

pub(crate) use self::reqwest::ReqwestTransport;

pub use crate::future::BoxFuture;

/// Carries one request to the service and its answer back; implement it to send through a stack of your own.
///
/// A transport makes one attempt: it does not retry, does not follow redirects (they would take the credential to
/// another host) and keeps no time. Waiting, retrying and time limits are the engine's; it ends an attempt by
/// dropping the future, which must stop the work.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request and reads the whole answer.
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>>;
}

/// One request, complete with its credential; `Debug` shows the method and the address only.
#[derive(Clone)]
#[non_exhaustive]
pub struct TransportRequest {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// The headers; `Authorization` is among them.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// The largest answer to read, in bytes; a larger one is a [`Failure::TooLarge`].
    pub max_response_bytes: usize,
}

impl TransportRequest {
    /// A request without headers and body, with this crate's default limits.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            max_response_bytes: crate::limits::DEFAULT_MAX_RESPONSE_BYTES,
        }
    }
}

impl fmt::Debug for TransportRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportRequest({} {}, {} body bytes)", self.method, self.url.path(), self.body.len())
    }
}

/// One answer, read to its end; `Debug` shows the status and the size only.
#[derive(Clone)]
#[non_exhaustive]
pub struct TransportResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl TransportResponse {
    /// An answer.
    #[must_use]
    pub const fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body }
    }
}

impl fmt::Debug for TransportResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportResponse({}, {} body bytes)", self.status, self.body.len())
    }
}

/// What went wrong below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// No connection was made: the request never left.
    Connect,
    /// Making the connection took too long: the request never left.
    ConnectTimeout,
    /// The connection broke after the request may have left; also an answer that breaks the rules of HTTP.
    Interrupted,
    /// The answer is larger than the request allowed.
    TooLarge,
}

impl Failure {
    /// Whether it is certain that the server got nothing of the request.
    #[must_use]
    pub const fn never_sent(self) -> bool {
        matches!(self, Self::Connect | Self::ConnectTimeout)
    }
}

/// A request that got no complete answer.
#[derive(Debug)]
pub struct TransportError {
    failure: Failure,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TransportError {
    /// A failure, with what caused it.
    pub fn new(failure: Failure, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { failure, source: Some(source.into()) }
    }

    /// What went wrong.
    #[must_use]
    pub const fn failure(&self) -> Failure {
        self.failure
    }

    pub(crate) fn into_source(self) -> Option<Box<dyn StdError + Send + Sync>> {
        self.source
    }
}

impl From<Failure> for TransportError {
    fn from(failure: Failure) -> Self {
        Self { failure, source: None }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.failure {
            Failure::Connect => "no connection could be made",
            Failure::ConnectTimeout => "making a connection took too long",
            Failure::Interrupted => "the connection broke before the answer was complete",
            Failure::TooLarge => "the answer is larger than the configured limit",
        })
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
