//! Sends one request and reads its response: the trait, and its implementation on `reqwest`.

mod broken;
mod encoding;
pub(crate) mod endpoint;
pub(crate) mod network;
mod proxy;
mod reqwest;
mod tls;
mod upload;

use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

pub(crate) use self::encoding::decoded;
pub use self::reqwest::ReqwestTransport;

pub use crate::future::BoxFuture;
pub use crate::redact::Redactor;

/// Carries one request to the service and its response back; implement it to send through a stack of your own.
///
/// A transport makes one attempt: it does not retry, does not follow redirects (they would take the credential to
/// another host) and keeps no time. Waiting, retrying and time limits are the engine's; it ends an attempt by
/// dropping the future, which must stop the work.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request and reads the whole response.
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>>;
}

impl Transport for std::sync::Arc<dyn Transport> {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        (**self).send(request)
    }
}

/// One request, complete with its credential; `Debug` shows the method and the address only.
#[derive(Clone)]
#[non_exhaustive]
pub struct TransportRequest {
    /// The operation, in the official SDK's spelling (`fetchTask`); empty if the request belongs to none.
    pub operation: &'static str,
    /// Which attempt of its call this is; 1 for the first.
    pub attempt: u32,
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// The headers; `Authorization` is among them.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// The largest response to read, in bytes; a larger one is a [`Failure::TooLarge`].
    pub max_response_bytes: usize,
}

impl TransportRequest {
    /// A request without headers and body, with this crate's default limits.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            operation: "",
            attempt: 1,
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

/// One response, read to its end; `Debug` shows the status and the size only.
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
    /// A response.
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
    /// The server's certificate or its TLS is not acceptable, or ours is not to the server, and will not be the next time: no
    /// request reached HTTP.
    Tls,
    /// The proxy asks for a user name and password, and will the next time: the request never left.
    ProxyAuthentication,
    /// There is no Tokio runtime to send on: the request never left.
    NoRuntime,
    /// The Tokio runtime was built without a timer or without I/O: the request never left.
    IncompleteRuntime,
    /// The connection broke after the request may have left; also a response that breaks the rules of HTTP.
    Interrupted,
    /// The response is larger than the request allowed.
    TooLarge,
}

impl Failure {
    /// What to do about a runtime that cannot send.
    pub(crate) const fn runtime_hint(self) -> Option<&'static str> {
        match self {
            Self::NoRuntime => Some("make calls inside #[tokio::main], #[tokio::test] or Runtime::block_on"),
            Self::IncompleteRuntime => {
                Some("build the runtime with enable_all(), as #[tokio::main] and #[tokio::test] do")
            }
            _ => None,
        }
    }

    /// Whether it is certain that the server got nothing of the request.
    #[must_use]
    pub const fn never_sent(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::ConnectTimeout
                | Self::Tls
                | Self::ProxyAuthentication
                | Self::NoRuntime
                | Self::IncompleteRuntime
        )
    }
}

/// What to do about a certificate that is not trusted.
pub(crate) const TRUST: &str = "this fails until the certificate or the trust in it changes: trust the authority by \
     root_certificate_file, or install its certificate where the platform looks (SSL_CERT_FILE on Linux)";

/// A request that got no complete response.
#[derive(Debug)]
pub struct TransportError {
    failure: Failure,
    target: Option<String>,
    hint: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TransportError {
    /// A failure, with what caused it.
    pub fn new(failure: Failure, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { failure, target: None, hint: None, source: Some(source.into()) }
    }

    /// Names where the request went: host, port, a proxy. Keep secrets out of it.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn failure(&self) -> Failure {
        self.failure
    }

    fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// What to do about it, where the failure alone does not say.
    pub(crate) const fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    pub(crate) fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    pub(crate) fn into_source(self) -> Option<Box<dyn StdError + Send + Sync>> {
        self.source
    }
}

impl From<Failure> for TransportError {
    fn from(failure: Failure) -> Self {
        Self { failure, target: None, hint: None, source: None }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = match self.failure {
            Failure::Connect => ("no connection could be made", ""),
            Failure::ConnectTimeout => ("making a connection", "took too long"),
            Failure::Tls => ("no secure connection could be made", ""),
            Failure::ProxyAuthentication => ("no connection could be made, since the proxy asks for a login,", ""),
            Failure::NoRuntime => return f.write_str("there is no Tokio runtime here to send the request on"),
            Failure::IncompleteRuntime => {
                return f.write_str("the Tokio runtime here was built without what sending a request needs");
            }
            Failure::Interrupted => ("the connection", "broke before the response was complete"),
            Failure::TooLarge => return f.write_str("the response is larger than the configured limit"),
        };
        f.write_str(before)?;
        if let Some(target) = &self.target {
            write!(f, " to {target}")?;
        }
        if after.is_empty() { Ok(()) } else { write!(f, " {after}") }
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
