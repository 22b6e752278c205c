//! Answers that are no success, read without trusting them.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{Error, ErrorKind, Sent};
use crate::limits::RateLimit;
use crate::models::Json;

/// How much of a body an error keeps, and how much of a message it shows, in bytes.
const BODY_CAP: usize = 16 * 1024;
const MESSAGE_CAP: usize = 500;

/// An answer that is no success.
pub(crate) struct Refusal<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a Bytes,
    pub(crate) rate_limit: Option<RateLimit>,
    /// Whether the operation is closed to API keys.
    pub(crate) oauth_only: bool,
    /// The credential, to be taken out of what the service echoes.
    pub(crate) secret: &'a str,
}

impl Refusal<'_> {
    pub(crate) fn into_error(self) -> Error {
        let body = excerpt(self.body, self.secret);
        let (code, message) = read(&body);
        // Once more: in the JSON the credential may have been written with escapes.
        let code = code.map(|code| redact(&code, self.secret));
        let message = message
            .map_or_else(|| describe(self.status, &self.headers, &body), |message| redact(&message, self.secret));
        let hint = self.hint();
        Error::new(kind(self.status), message).with(|error| {
            error.hint = hint;
            error.code = code;
            error.status = Some(self.status);
            error.headers = clean(self.headers, self.secret);
            error.body = body;
            error.sent = Sent::Yes;
            error.rate_limit = self.rate_limit;
        })
    }

    fn hint(&self) -> Option<&'static str> {
        match self.status.as_u16() {
            401 => Some("check that the credential is complete and not revoked"),
            403 if self.oauth_only => {
                Some("API keys cannot do this: use the OAuth token of a workspace owner or admin")
            }
            429 if self.rate_limit.as_ref().is_none_or(|limit| limit.retry_after.is_none()) => {
                Some("all API keys of a workspace share one quota; wait and try again")
            }
            300..=399 => {
                Some("redirects are not followed, since they could carry the credential away; check the base URL")
            }
            _ => None,
        }
    }
}

/// The headers without those that repeat the credential or set one.
fn clean(mut headers: HeaderMap, secret: &str) -> HeaderMap {
    headers.remove(http::header::SET_COOKIE);
    let repeats = |value: &http::HeaderValue| {
        !secret.is_empty() && value.as_bytes().windows(secret.len()).any(|window| window == secret.as_bytes())
    };
    if headers.values().any(repeats) {
        return headers
            .into_iter()
            .filter_map(|(name, value)| name.zip(Some(value)))
            .filter(|(_, value)| !repeats(value))
            .collect();
    }
    headers
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

/// The start of a body with the credential taken out.
pub(crate) fn excerpt(body: &Bytes, secret: &str) -> Bytes {
    // The window reaches beyond the cap, so that a credential lying across it is seen whole.
    let window = body.slice(..body.len().min(BODY_CAP + secret.len()));
    let text = String::from_utf8_lossy(&window);
    if secret.is_empty() || !text.contains(secret) {
        return window.slice(..window.len().min(BODY_CAP));
    }
    let redacted = Bytes::from(redact(&text, secret));
    redacted.slice(..redacted.len().min(BODY_CAP))
}

fn redact(text: &str, secret: &str) -> String {
    if secret.is_empty() { text.to_owned() } else { text.replace(secret, "[redacted]") }
}

/// `code` and `message`, in the documented place or one of the two that official clients also look in.
fn read(body: &[u8]) -> (Option<String>, Option<String>) {
    // Values stay texts, so that a number no machine type holds does not hide the rest.
    let Ok(mut members) = serde_json::from_slice::<BTreeMap<String, Json>>(body) else { return (None, None) };
    if let Some(nested) = members.get("error").and_then(|error| error.decode::<BTreeMap<String, Json>>().ok()) {
        for (name, value) in nested {
            members.entry(name).or_insert(value);
        }
    }
    let text = |name: &str| members.get(name).and_then(|value| value.decode::<String>().ok());
    let number = |name: &str| {
        members
            .get(name)
            .map(Json::get)
            .filter(|value| value.starts_with(|first: char| first == '-' || first.is_ascii_digit()))
    };
    let code = text("code").or_else(|| number("code").map(str::to_owned));
    let message = text("message").or_else(|| text("error_description"));
    (code.map(|code| one_line(&code)), message.map(|message| one_line(&message)).filter(|message| !message.is_empty()))
}

/// The message of an answer.
pub(crate) fn message_of(body: &[u8]) -> Option<String> {
    read(body).1
}

/// Words for an answer without a message of its own: an empty body, a proxy's HTML page.
fn describe(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
    let reason = status.canonical_reason().unwrap_or("an unknown status");
    let media_type =
        headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no media type");
    if body.is_empty() {
        format!("{reason}, without a body")
    } else {
        let media_type = one_line(media_type.split(';').next().unwrap_or(media_type));
        format!("{reason}, with a body of {} bytes that is not the service's JSON ({media_type})", body.len())
    }
}

/// A text from outside made fit for a log line: no control characters, no endless length.
pub(crate) fn one_line(text: &str) -> String {
    let mut line: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CAP + 1).collect();
    if line.chars().count() > MESSAGE_CAP {
        line.pop();
        line.push('…');
    }
    line
}
