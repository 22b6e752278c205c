//! Successful answers into values.

use http::header::CONTENT_ENCODING;
use serde::de::DeserializeOwned;

use super::call::Call;
use super::media::ByStatus;
use super::operation::RAW_REQUEST;
use super::run::Answer;
use crate::error::{Error, ErrorKind, Sent, clean, excerpt, one_line, redact};
use crate::models::{Json, from_json, from_response};
use crate::response::Response;

/// Reads the answer; the place in the JSON is looked for only when reading fails, since that costs a second pass.
pub(super) fn value<T: DeserializeOwned>(answer: Answer, call: &Call) -> Result<Response<T>, Error> {
    // A raw request may fetch anything; the operations of the contract return whole objects.
    let read = if call.operation.id == RAW_REQUEST { from_json } else { from_response };
    match from_bytes(&answer.response.value, read) {
        Ok(value) => Ok(answer.response.map(|_| value)),
        Err(error) => Err(unreadable::<T>(&answer, &error, call)),
    }
}

/// Reads the answer as the type that its status asks for.
pub(super) fn by_status<T: ByStatus>(answer: Answer, call: &Call) -> Result<Response<T>, Error> {
    match T::read(answer.response.head.status, &answer.response.value) {
        Ok(value) => Ok(answer.response.map(|_| value)),
        Err(error) => Err(unreadable::<Json>(&answer, &error, call)),
    }
}

/// Checking the encoding once for the whole text is a fifth quicker than once for every string in it.
pub(super) fn from_bytes<T: DeserializeOwned>(
    body: &[u8],
    read: fn(&str) -> serde_json::Result<T>,
) -> serde_json::Result<T> {
    match std::str::from_utf8(body) {
        Ok(text) => read(text),
        // This one says where the text breaks off.
        Err(_) => serde_json::from_slice(body),
    }
}

fn unreadable<T: DeserializeOwned>(answer: &Answer, error: &serde_json::Error, call: &Call) -> Error {
    let (body, head, secret) = (&answer.response.value, &answer.response.head, answer.token.secret.expose());
    let encoding = head.headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity");
    let message = if body.is_empty() {
        "the answer is empty where a JSON value should be".to_owned()
    } else if let Some(encoding) = encoding {
        format!("the answer is encoded ({}), which was not asked for", String::from_utf8_lossy(encoding.as_bytes()))
    } else if error.is_data() {
        let words = without_values(&error.to_string());
        match (path_of::<T>(body).unwrap_or_default(), words.strip_prefix("in `")) {
            (path, Some(deeper)) => format!("at `${path}.{deeper}"),
            (path, None) => format!("at `${path}`: {words}"),
        }
    } else {
        format!("the answer is not complete JSON: {error}")
    };
    Error::new(ErrorKind::Decode, one_line(&redact(&message, secret))).with(|inner| {
        inner.operation = Some(call.operation.id);
        inner.status = Some(head.status);
        inner.headers = clean(head.headers.clone(), secret);
        inner.body = excerpt(body, secret);
        inner.sent = Sent::Yes;
        inner.attempts = head.attempts;
        inner.time = head.time;
    })
}

/// A reader's complaint without the texts it quotes: they are the service's data, which may be a new key.
fn without_values(complaint: &str) -> String {
    let mut parts = complaint.split('"');
    let (Some(first), Some(last)) = (parts.next(), parts.next_back()) else { return complaint.to_owned() };
    format!("{first}\"…\"{last}")
}

/// Where in the JSON the shape differs, as `.tasks[3].title`.
fn path_of<T: DeserializeOwned>(body: &[u8]) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let error = serde_path_to_error::deserialize::<_, T>(&mut reader).err()?;
    match error.path().to_string().as_str() {
        "." => Some(String::new()),
        path if path.starts_with('[') => Some(path.to_owned()),
        path => Some(format!(".{path}")),
    }
}
