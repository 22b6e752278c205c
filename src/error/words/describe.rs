//! What to say of a response that has no words of its own: an empty body, a page of a proxy, an unknown form.

use http::{HeaderMap, StatusCode};
use serde::de::IgnoredAny;
use url::Url;

use super::{Content, without_bom};
use crate::redact::Redactor;

/// Words for a response that gives none in a form of its own.
pub(crate) fn describe(
    base: &Url,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    content: Content,
    redactor: &Redactor,
) -> String {
    redactor.own_line(&described(base, status, headers, body, content, &|outside| redactor.line(outside)))
}

/// `clean` takes the secrets out of what comes from outside.
fn described(
    base: &Url,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    content: Content,
    clean: &dyn Fn(&str) -> String,
) -> String {
    let reason = status.canonical_reason().unwrap_or("an unknown status");
    let header = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let media_type = header(http::header::CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or(value).trim());
    if let Some(location) = header(http::header::LOCATION).filter(|_| status.is_redirection()) {
        let Ok(target) = base.join(location) else { return format!("{reason}, to an address that cannot be read") };
        let unsafely = if base.scheme() == "https" && target.scheme() == "http" { ", without TLS" } else { "" };
        // The host alone: the rest of an address may hold what opens it.
        return match target.host_str().filter(|host| base.host_str() != Some(host)) {
            Some(host) => format!("{reason}, to the host {}{unsafely}", clean(host)),
            None => format!("{reason}, to another address of the same host{unsafely}"),
        };
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return format!("{reason}, without a body");
    }
    if let Some(encoding) = foreign_encoding(headers) {
        return format!("{reason}, with {}", encoded_words(&clean(encoding)));
    }
    let size = body.len();
    if content == Content::Secrets {
        return format!("{reason}, with a body of {size} bytes that is not shown, since a secret may be in it");
    }
    let text = String::from_utf8_lossy(without_bom(body));
    if serde_json::from_str::<IgnoredAny>(&text).is_ok() {
        return format!("{reason}, with the body {}", excerpt(&clean(&text)));
    }
    if let Some(text) = plain_text(&text) {
        return excerpt(&clean(text));
    }
    let media_type = media_type.map_or_else(|| "no media type".to_owned(), clean);
    let title = title(&text).map(|title| format!(", titled {}", excerpt(&clean(title)))).unwrap_or_default();
    format!("{reason}, with a body of {size} bytes that is not the service's JSON ({media_type}){title}")
}

/// The title of a page, which often says who wrote it, and why.
fn title(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let start = open + lower.get(open..)?.find('>')? + 1;
    let end = start + lower.get(start..)?.find("</title")?;
    text.get(start..end).map(str::trim).filter(|title| !title.is_empty())
}

/// A body that a person wrote, whatever its media type says: not a page, not JSON that broke off, not binary.
fn plain_text(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_markup = |text: &str| {
        let opens = |index: usize| {
            text.get(index + 1..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)))
        };
        text.match_indices('<').any(|(index, _)| opens(index)) && text.contains('>')
    };
    let odd = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    let is_text = !text.starts_with(['<', '{', '['])
        && text.contains(char::is_alphabetic)
        && !text.chars().any(|c| c.is_control() && !c.is_whitespace())
        // A few letters of another character set do not hide the rest.
        && odd * 5 <= text.chars().count()
        && !is_markup(text);
    is_text.then_some(text)
}

/// The encoding of a body that the transport did not undo.
pub(crate) fn foreign_encoding(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(http::header::CONTENT_ENCODING).into_iter();
    let mut encodings = lines.flat_map(|line| line.to_str().unwrap_or("unknown").split(',')).map(str::trim);
    encodings.find(|encoding| !names_no_encoding(encoding))
}

/// Names in `Content-Encoding` that say that nothing was done: the right one, and what is written there by mistake.
pub(crate) fn names_no_encoding(name: &str) -> bool {
    ["", "identity", "none", "utf-8", "utf8"].iter().any(|other| name.trim().eq_ignore_ascii_case(other))
}

/// What to say of a body in an encoding that was not undone; the encoding is one line without secrets.
pub(crate) fn encoded_words(encoding: &str) -> String {
    let is_known = ["gzip", "x-gzip", "deflate"].iter().any(|known| encoding.eq_ignore_ascii_case(known));
    let fault = if is_known { "is broken" } else { "was not asked for" };
    format!("a body that is encoded ({encoding}), which {fault}")
}

fn excerpt(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown: String = text.trim().chars().take(SHOWN).collect();
    if shown.len() < text.trim().len() {
        shown.push('…');
    }
    shown
}
