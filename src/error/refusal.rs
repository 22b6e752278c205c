//! Turns responses that are not a success into errors, without trusting their content.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use url::Url;

use super::words::{Content, Words, describe, read};
use super::{Error, ErrorKind, FieldError};
use crate::media_type;
use crate::metadata::{Metadata, RateLimit, Sent};
use crate::redact::Redactor;

/// What a proxy's 407 means, as a response or while a tunnel is made.
pub(crate) const PROXY_LOGIN: &str =
    "the proxy asks for a user name and password: give them in its address, http://user:password@proxy.example:3128";

/// A response that is not a success.
pub(crate) struct Refusal<'a> {
    /// Where the request went, as far as its host goes.
    pub(crate) base: &'a Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a Bytes,
    pub(crate) rate_limit: Option<RateLimit>,
    /// Whether the operation is closed to API keys.
    pub(crate) oauth_only: bool,
    pub(crate) content: Content,
    pub(crate) redactor: &'a Redactor,
}

/// Whether a body is what the service sends by its media type: JSON, and of no other form. An intermediary may leave it out.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let types = headers.get_all(http::header::CONTENT_TYPE);
    let mut each = types.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    each.all(media_type::is_json)
}

impl Refusal<'_> {
    /// The error, and whether the response is in the service's documented form, with its status as `code`.
    pub(crate) fn into_error(self) -> (Error, bool) {
        let Words { code, message, fields, is_documented_form } = read(self.status, self.body, self.content);
        let by_service =
            is_documented_form && code.as_deref() == Some(self.status.as_str()) && is_plain_json(&self.headers);
        // A secret that has a name in one place may be repeated in another.
        let named = Redactor::of_names_in(self.body);
        let line = |text: String| self.redactor.line(&named.text(&text));
        let described = || describe(self.base, self.status, &self.headers, self.body, self.content, self.redactor);
        let message = message.map_or_else(described, line);
        let error = Error::new(kind(self.status), message).with(|error| {
            error.hint = self.hint();
            error.code = code.map(line);
            error.fields = fields
                .into_iter()
                .map(|FieldError { field, message }| FieldError { field: line(field), message: line(message) })
                .collect();
            error.metadata = Metadata {
                status: Some(self.status),
                body: self.redactor.excerpt(self.body),
                headers: kept(self.headers, self.redactor),
                sent: Sent::Yes,
                rate_limit: self.rate_limit,
                ..Metadata::default()
            };
        });
        (error, by_service)
    }

    fn hint(&self) -> Option<&'static str> {
        match self.status.as_u16() {
            401 if asks_for_another_login(&self.headers) => Some(
                "a gateway in between asks for a login of its own (WWW-Authenticate), which no setting here gives: reach the \
                 service without it",
            ),
            401 => Some("check that the credential is complete and not revoked"),
            403 if self.oauth_only => {
                Some("API keys cannot do this: use the OAuth token of a workspace owner or admin")
            }
            407 => Some(PROXY_LOGIN),
            429 if self.rate_limit.as_ref().is_none_or(|limit| limit.retry_after.is_none()) => {
                Some("all API keys of a workspace share one quota; wait and try again")
            }
            304 => Some("the request was conditional: leave out If-None-Match and If-Modified-Since"),
            300..=399 => {
                Some("redirects are not followed, since they could carry the credential away; check the base URL")
            }
            413 => Some("the body is larger than the service or a gateway in between takes"),
            414 => Some("the address is longer than the service or a gateway in between takes: ask with fewer filters"),
            421 => Some("this server does not serve the host of the base URL: check it, and the proxy in between"),
            426 | 505 => Some("a gateway wants another version of HTTP: see the feature `http2`"),
            431 | 494 => Some(LONG_HEADERS),
            495 | 496 => Some(CLIENT_CERTIFICATE),
            497 => Some(EXPECTS_TLS),
            511 => Some("the network asks for a login: open a page in a browser there first"),
            525 | 526 => Some("a CDN cannot reach the service by TLS, which only the service's operators can mend"),
            // 404 and 405 have hints about the route, and what failed in between says so by its status.
            404 | 405 | 500.. => None,
            _ => by_page(self.body),
        }
    }
}

const LONG_HEADERS: &str =
    "the headers are larger than a gateway takes: look at the length of the credential and of your own headers";
const CLIENT_CERTIFICATE: &str =
    "a gateway wants a client certificate, or another one: set client_identity_pem to one that its authority signed";
const EXPECTS_TLS: &str = "this port expects TLS: begin the base URL with https://";

/// Whether only other schemes than `Bearer` are asked for.
fn asks_for_another_login(headers: &HeaderMap) -> bool {
    let mut lines =
        headers.get_all(http::header::WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok()).peekable();
    lines.peek().is_some() && !lines.any(|line| line.to_ascii_lowercase().contains("bearer"))
}

/// What to do about a page in place of the service's words; servers and gateways have the same few.
fn by_page(body: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(body.get(..4_096).unwrap_or(body)).to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
    if says(&["plain http request was sent to https port", "http request to an https server"]) {
        return Some(EXPECTS_TLS);
    }
    if says(&["no required ssl certificate was sent", "the ssl certificate error"]) {
        return Some(CLIENT_CERTIFICATE);
    }
    if says(&["request header or cookie too large", "request header fields too large"]) {
        return Some(LONG_HEADERS);
    }
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let is_page = start.starts_with("<!doctype html") || start.starts_with("<html");
    is_page.then_some("this page is not the service's: a proxy, a firewall or a wrong base URL may be in between")
}

/// The headers that an error keeps: none that repeats the credential or sets one.
pub(crate) fn kept(mut headers: HeaderMap, redactor: &Redactor) -> HeaderMap {
    headers.remove(http::header::SET_COOKIE);
    redactor.headers(headers)
}

fn kind(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        400 | 422 => ErrorKind::Invalid,
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        _ => ErrorKind::Api,
    }
}

/// Statuses after which the same request may well succeed a little later; those from 520 on are of CDNs and proxies whose
/// origin did not respond.
pub(crate) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 500 | 502..=504 | 520..=524 | 529 | 530 | 598 | 599)
}
