//! The responses in the documented forms.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use crate::record::Record;

/// An error page of a proxy.
pub(crate) const PROXY_PAGE: &str =
    "<!doctype html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>";

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response that refuses a request.
pub(crate) type Refused = Box<Response<Bytes>>;

/// A JSON response.
pub(crate) fn json(status: StatusCode, body: &Record) -> Response<Bytes> {
    let mut response = empty(status);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    *response.body_mut() = body.to_json().into();
    response
}

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The documented error body: the status as a number and a sentence.
pub(crate) fn error(status: StatusCode, message: &str) -> Response<Bytes> {
    json(status, &error_body(status, message))
}

/// The documented error, as a refusal.
pub(crate) fn refuse(status: StatusCode, message: &str) -> Refused {
    Box::new(error(status, message))
}

pub(crate) fn error_body(status: StatusCode, message: &str) -> Record {
    Record::new().with("code", &status.as_u16()).with("message", message)
}

/// The documented sentence of a spent quota.
pub(crate) fn rate_limit_message(seconds: u64) -> String {
    format!("standard rate limit exceeded, retry in {seconds} seconds")
}

/// A wait in whole seconds, rounded up so that a caller that obeys is let in.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
