//! Answers that are no success, read without trusting them.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Error, ErrorKind, Sent};
use crate::limits::RateLimit;
use crate::models::Json;

/// How much of a body an error keeps, and how much of a message it shows, in bytes.
const BODY_CAP: usize = 16 * 1024;
const MESSAGE_CAP: usize = 500;

/// What stands where the credential was.
const REDACTED: &str = "[redacted]";

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
        let (code, message) = read(self.body, |text| redact(text, self.secret));
        let hint = self.hint();
        let headers = clean(self.headers, self.secret);
        let message = message.unwrap_or_else(|| describe(self.status, &headers, self.body));
        Error::new(kind(self.status), message).with(|error| {
            error.hint = hint;
            error.code = code;
            error.status = Some(self.status);
            error.headers = headers;
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

/// The headers of an answer that an error keeps: none that repeats the credential or sets one.
pub(crate) fn clean(mut headers: HeaderMap, secret: &str) -> HeaderMap {
    headers.remove(http::header::SET_COOKIE);
    without_echo(headers, secret)
}

/// The headers but for those that repeat the credential.
pub(crate) fn without_echo(headers: HeaderMap, secret: &str) -> HeaderMap {
    let repeats = |value: &http::HeaderValue| {
        !secret.is_empty() && value.as_bytes().windows(secret.len()).any(|window| window == secret.as_bytes())
    };
    if headers.values().any(repeats) {
        return headers
            .into_iter()
            // A further value of a header comes without its name, and goes with it.
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

/// The start of a body with the credential taken out; a copy, so that an error does not hold on to a large answer.
pub(crate) fn excerpt(body: &[u8], secret: &str) -> Bytes {
    // The window reaches beyond the cap, so that a credential lying across it is seen whole.
    let window = body.get(..BODY_CAP + secret.len()).unwrap_or(body);
    let text = String::from_utf8_lossy(window);
    let redacted = redact(&text, secret);
    if redacted == text {
        return Bytes::copy_from_slice(window.get(..BODY_CAP).unwrap_or(window));
    }
    // What was taken out moved the window's end, which may cut a credential, towards the start.
    let cut = (1..secret.len())
        .rev()
        .find(|&length| secret.as_bytes().get(..length).is_some_and(|start| redacted.as_bytes().ends_with(start)));
    let whole = redacted.len() - if window.len() < body.len() { cut.unwrap_or(0) } else { 0 };
    Bytes::copy_from_slice(redacted.as_bytes().get(..whole.min(BODY_CAP)).unwrap_or_default())
}

/// The text without the credential, also where a slash in it is written as some JSON writers do.
pub(crate) fn redact(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    let plain = text.replace(secret, REDACTED);
    if secret.contains('/') { plain.replace(&secret.replace('/', "\\/"), REDACTED) } else { plain }
}

/// `code` and `message`, in the documented place or one of the two that official clients also look in.
fn read(body: &[u8], clean: impl Fn(&str) -> String) -> (Option<String>, Option<String>) {
    let Ok(told) = serde_json::from_slice::<Told>(body) else { return (None, None) };
    let nested = told.error.as_ref().and_then(|error| error.decode::<Told>().ok()).unwrap_or_default();
    let code = told.code.or(nested.code);
    let message = told.message.or(nested.message).and_then(|message| message.decode::<String>().ok());
    let description = || told.description.or(nested.description)?.decode::<String>().ok();
    let code = code.and_then(|code| match code.get().as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Some(code.get().to_owned()),
        _ => code.decode::<String>().ok(),
    });
    // Secrets go before the text is cut, which could leave the start of one.
    let line = |text: String| one_line(&clean(&text));
    (code.map(line), message.or_else(description).map(line).filter(|message| !message.is_empty()))
}

/// What an answer tells about itself; all other members are skipped unread, so that a flood of them takes no memory.
///
/// Values stay texts, so that a number no machine type holds does not hide the rest.
#[derive(Default)]
struct Told {
    code: Option<Json>,
    message: Option<Json>,
    description: Option<Json>,
    error: Option<Json>,
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Told;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Told, A::Error> {
                let mut told = Told::default();
                while let Some(name) = map.next_key::<String>()? {
                    let member = match name.as_str() {
                        "code" => &mut told.code,
                        "message" => &mut told.message,
                        "error_description" => &mut told.description,
                        "error" => &mut told.error,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *member = Some(map.next_value()?);
                }
                Ok(told)
            }
        }
        deserializer.deserialize_map(V)
    }
}

/// The message of an answer, after `clean` has taken out what must not be shown.
pub(crate) fn message_of(body: &[u8], clean: impl Fn(&str) -> String) -> Option<String> {
    read(body, clean).1
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
