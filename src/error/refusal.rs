//! Turns responses that are not a success into errors, without trusting their content.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use url::Url;

use super::words::{Content, Words, describe, read};
use super::{Error, ErrorKind, FieldError};
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

impl Refusal<'_> {
    /// The error, and whether the response is in the service's documented form, with its status as `code`.
    pub(crate) fn into_error(self) -> (Error, bool) {
        let Words { code, message, fields, is_documented_form } = read(self.status, self.body, self.content);
        let by_service = is_documented_form && code.as_deref() == Some(self.status.as_str());
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
            _ => None,
        }
    }
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

/// Statuses after which the same request may well succeed a little later; those from 520 on are of CDNs whose origin
/// did not respond.
pub(crate) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 500 | 502..=504 | 520..=524 | 529 | 530)
}
