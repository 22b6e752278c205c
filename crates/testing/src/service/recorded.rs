//! The requests that the fake received, for assertions.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;

use crate::contract::validate::Violation;

/// One request that reached the fake. No credential is kept; `Debug` shows neither the body nor
/// the values of the query.
#[derive(Clone)]
pub struct RecordedRequest {
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) operation: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) undocumented: Vec<&'static str>,
    /// When it came, since the fake began.
    pub(crate) at: Duration,
}

impl RecordedRequest {
    /// About how many bytes it takes to remember.
    pub(crate) fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        let query: usize = self.query.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        256 + self.body.len() + self.path.len() + headers + query
    }

    /// The request's id: the `x-request-id` of its response.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The HTTP method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as it was sent, escapes and all.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded query in its order.
    #[must_use]
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// The names of the headers, in lower case.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.keys().map(http::HeaderName::as_str)
    }

    /// A header's value; always `None` for headers that carry credentials, even when they were sent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).filter(|value| !value.is_sensitive())?.to_str().ok()
    }

    /// The body as it was sent.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, decoded.
    ///
    /// # Errors
    /// The body is not JSON of that shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The operation of the contract that the request matched, such as `createTask`.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.operation.as_deref()
    }

    /// The id of the API key or of the user that the credential stood for, if it was known.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// The status of the response; `None` when the connection was dropped instead.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// When it came, since the fake began.
    #[must_use]
    pub fn at(&self) -> Duration {
        self.at
    }

    /// What of the response no documentation says, by the names that its header `x-fake-undocumented` has:
    /// `route`, `error-status`, `created-status`, `update-method` and the like. See [`Unknowns`](crate::Unknowns).
    #[must_use]
    pub fn undocumented(&self) -> &[&'static str] {
        &self.undocumented
    }

    /// What the contract does not allow in it.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<&str> = self.query.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("RecordedRequest")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &query)
            .field("body_bytes", &self.body.len())
            .field("operation", &self.operation)
            .field("principal", &self.principal)
            .field("status", &self.status)
            .field("violations", &self.violations)
            .finish_non_exhaustive()
    }
}

/// A copy of the headers that holds no credential: the names stay, the values are emptied.
pub(crate) fn without_credentials(headers: &HeaderMap) -> HeaderMap {
    let mut copy = headers.clone();
    for name in [http::header::AUTHORIZATION, http::header::PROXY_AUTHORIZATION, http::header::COOKIE] {
        if copy.contains_key(&name) {
            let mut hidden = http::HeaderValue::from_static("");
            hidden.set_sensitive(true);
            copy.insert(name, hidden);
        }
    }
    copy
}
