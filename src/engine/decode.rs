//! Decodes successful responses.

use bytes::Bytes;
use http::StatusCode;
use serde::de::{DeserializeOwned, Error as _};

use super::attempt::Success;
use super::call::Call;
use super::observer;
use super::operation::{Operation, RAW_REQUEST, RetryClass};
use crate::drift::Found;
use crate::error::{Error, ErrorKind, encoded_words, foreign_encoding, kept_headers, message_of_success, without_bom};
use crate::metadata::Metadata;
use crate::models::runtime::{Path, Value, mended};
use crate::models::{Json, from_json, from_response};
use crate::redact::Redactor;
use crate::response::Response;

/// Reads the response; the path in the JSON is looked for only when reading fails, since that costs a second pass.
///
/// A success without content is whatever `T` is made of `null`: `()`, `None`, any JSON.
pub(super) fn value<T: DeserializeOwned>(call: &Call, success: Success) -> Result<Response<T>, Error> {
    let body = without_bom(&success.response.value);
    // A raw request may fetch anything; the operations of the contract return whole objects.
    let read = if call.operation.id == RAW_REQUEST { from_json } else { from_response };
    let value = if is_empty(body) { serde_json::from_str("null") } else { from_bytes(body, read) };
    match value {
        Ok(value) => Ok(success.response.map(|_| value)),
        Err(error) => Err(unreadable::<T>(&success, &error, &call.operation)),
    }
}

/// Reads the response as a model, and reports to the hooks what in it this version does not know.
pub(super) fn model<T: Value>(call: &Call, success: Success) -> Result<Response<T>, Error> {
    if call.settings.hooks.is_empty() {
        return value(call, success);
    }
    let token = success.token.clone();
    let response: Response<T> = value(call, success)?;
    let (settings, mut found) = (&call.settings, Found::default());
    response.value.report(&Path::Root, &[], &mut found);
    settings.reported.report(
        call.operation.id,
        found,
        |text| token.redactor.line(text),
        |drift| {
            settings.hooks.each(|hooks| hooks.drift_found(&observer::info(call), drift));
        },
    );
    Ok(response)
}

/// A response whose type depends on its status.
#[allow(dead_code, reason = "the contract at hand has one type for each operation")]
pub(crate) trait ByStatus: Sized + Send + 'static {
    /// Reads the body.
    fn read(status: StatusCode, body: &Bytes) -> serde_json::Result<Self>;
}

/// Reads a body as JSON.
#[allow(dead_code, reason = "the contract at hand has one type for each operation")]
pub(crate) fn read_json<T: DeserializeOwned>(body: &Bytes) -> serde_json::Result<T> {
    from_bytes(without_bom(body), from_response)
}

/// Reads the response as the type that its status asks for.
#[allow(dead_code, reason = "the contract at hand has one type for each operation")]
pub(super) fn by_status<T: ByStatus>(call: &Call, success: Success) -> Result<Response<T>, Error> {
    let metadata = &success.response.metadata;
    match T::read(metadata.status.unwrap_or_default(), &success.response.value) {
        Ok(value) => Ok(success.response.map(|_| value)),
        Err(error) => Err(unreadable::<Json>(&success, &error, &call.operation)),
    }
}

fn is_empty(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

/// Checking the encoding once for the whole text is a fifth quicker than once for every string in it.
fn from_bytes<T: DeserializeOwned>(body: &[u8], read: fn(&str) -> serde_json::Result<T>) -> serde_json::Result<T> {
    match std::str::from_utf8(body) {
        Ok(text) => read(text),
        // Not as whole: writing it back would put the broken characters in the place of the service's good ones.
        Err(_) => match mended(body).map(|text| from_json(&text)) {
            Some(Ok(value)) => Ok(value),
            _ => not_utf8(body),
        },
    }
}

/// Says where the text breaks off.
fn not_utf8<T>(body: &[u8]) -> serde_json::Result<T> {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Err(error) => Err(error),
        Ok(_) => Err(serde_json::Error::custom("it is not UTF-8")),
    }
}

const IT_IS_DONE: &str = "the service reports that the write is done: do not repeat it, fetch what it made or changed";

fn unreadable<T: DeserializeOwned>(success: &Success, error: &serde_json::Error, operation: &Operation) -> Error {
    let (metadata, redactor) = (&success.response.metadata, &success.token.redactor);
    let body = without_bom(&success.response.value);
    let (message, hint) = if is_empty(body) {
        let message = "the service reports success with an empty response, where JSON should be".to_owned();
        (message, None)
    } else if let Some(encoding) = foreign_encoding(&metadata.headers) {
        (format!("the response has {}", encoded_words(&redactor.line(encoding))), None)
    } else if error.is_data() {
        let words = quoting(&without_values(&error.to_string()), |quoted| redactor.line(quoted));
        let path = redactor.line(&path_of::<T>(body).unwrap_or_default());
        let message = match words.strip_prefix("in `") {
            Some(deeper) => format!("at `${path}.{deeper}"),
            None => format!("at `${path}`: {words}"),
        };
        (message, None)
    } else if body.trim_ascii_start().starts_with(b"<") {
        let message = "the response is a page of HTML or XML, not complete JSON".to_owned();
        (message, Some("a proxy, a login page or a wrong base URL may be in between"))
    } else {
        (format!("the response is not complete JSON: {error}"), None)
    };
    let is_write = operation.retry != RetryClass::Read;
    // Without complete JSON there are no words either.
    let words = error.is_data().then(|| service_words(body, redactor)).flatten();
    // Words under a success may say that it is none.
    let is_done = is_write && words.is_none();
    let message = match words {
        Some(words) => format!("the service says: {words}; {message}"),
        None => message,
    };
    Error::new(ErrorKind::Decode, redactor.own_line(&message)).with(|inner| {
        inner.hint = hint.or_else(|| is_done.then_some(IT_IS_DONE));
        inner.metadata = Metadata {
            operation: Some(operation.id),
            headers: kept_headers(metadata.headers.clone(), redactor),
            body: redactor.excerpt(&success.response.value),
            ..(**metadata).clone()
        };
    })
}

/// What a body says of an error although the status is a success.
fn service_words(body: &[u8], redactor: &Redactor) -> Option<String> {
    let words = message_of_success(body)?;
    // A new key may be in the words, too.
    Some(redactor.line(&Redactor::of_names_in(body).text(&words)))
}

/// A reader's complaint without the strings it quotes: they are the service's data, which may be a new key.
fn without_values(complaint: &str) -> String {
    let mut parts = complaint.split('"');
    let (Some(first), Some(last)) = (parts.next(), parts.next_back()) else { return complaint.to_owned() };
    format!("{first}\"…\"{last}")
}

/// A reader's complaint with what it quotes changed: names of the response are among it.
fn quoting(complaint: &str, change: impl Fn(&str) -> String) -> String {
    let parts = complaint.split('`').enumerate();
    let parts = parts.map(|(index, part)| if index % 2 == 1 { change(part) } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("`")
}

/// The path in the JSON at which the shape differs, as `.tasks[3].title`.
fn path_of<T: DeserializeOwned>(body: &[u8]) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_str(std::str::from_utf8(body).ok()?);
    let error = serde_path_to_error::deserialize::<_, T>(&mut reader).err()?;
    match error.path().to_string().as_str() {
        "." => Some(String::new()),
        path if path.starts_with('[') => Some(path.to_owned()),
        path => Some(format!(".{path}")),
    }
}
