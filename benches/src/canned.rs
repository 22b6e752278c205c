//! A transport that responds at once, from memory.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use onehorizon::transport::{BoxFuture, Transport, TransportError, TransportRequest, TransportResponse};

/// Returns the same response to every request.
#[derive(Debug)]
pub struct Canned {
    response: TransportResponse,
}

impl Canned {
    /// A response with this status and body.
    #[must_use]
    pub fn new(status: StatusCode, body: String) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(DATE, HeaderValue::from_static("Mon, 11 May 2026 08:15:00 GMT"));
        Self { response: TransportResponse::new(status, headers, Bytes::from(body)) }
    }
}

impl Transport for Canned {
    fn send(&self, request: TransportRequest) -> BoxFuture<'_, Result<TransportResponse, TransportError>> {
        drop(request);
        Box::pin(std::future::ready(Ok(self.response.clone())))
    }
}
