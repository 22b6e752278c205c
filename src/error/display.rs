//! `Display` and `Debug` of errors.

use std::fmt;

use http::StatusCode;

use super::{Error, ErrorKind, Inner};
use crate::metadata::{Sent, TimeSpent};
use crate::redact::one_line;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(&self.0, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fields(&self.0, f)
    }
}

/// One line: operation, what happened, what to do, and the numbers for a ticket.
fn line(error: &Inner, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let metadata = &error.metadata;
    if let Some(operation) = metadata.operation {
        write!(f, "{operation}: ")?;
    }
    f.write_str(words(error.kind))?;
    if let Some(status) = metadata.status {
        write!(f, " ({})", status.as_u16())?;
    }
    write!(f, ": {}", error.message)?;
    if let Some(code) = error.code.as_deref().filter(|code| !is_status(error, code)) {
        write!(f, " [code {code}]")?;
    }
    if let Some(hint) = error.hint {
        write!(f, "; {hint}")?;
    }
    if let Some(id) = shown_request_id(error) {
        write!(f, " [request {id}]")?;
    }
    if metadata.attempts > 1 {
        write!(f, " [{} attempts in {:.1} s]", metadata.attempts, metadata.time.total().as_secs_f64())?;
    }
    if error.deadline {
        let TimeSpent { requests, backoff, quota } = metadata.time;
        let [requests, backoff, quota] = [requests, backoff, quota].map(|time| time.as_secs_f64());
        write!(f, " [{requests:.1} s for requests, {backoff:.1} s between them, {quota:.1} s for the quota]")?;
    }
    if metadata.sent == Sent::Maybe && !error.read {
        f.write_str(" [the service may have done it]")?;
    }
    Ok(())
}

/// The service's id of the request; one that is longer than any real one is cut.
fn shown_request_id(error: &Inner) -> Option<String> {
    const LONGEST: usize = 100;
    let id = one_line(error.metadata.request_id()?);
    Some(match id.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", id.get(..end).unwrap_or_default()),
        None => id,
    })
}

/// The only documented `code` repeats the status, which need not be said twice.
fn is_status(error: &Inner, code: &str) -> bool {
    error.metadata.status.is_some_and(|status| status.as_str() == code)
}

fn words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "configuration",
        ErrorKind::Invalid => "not acceptable",
        ErrorKind::Connect => "no connection",
        ErrorKind::Tls => "no secure connection",
        ErrorKind::Timeout => "out of time",
        ErrorKind::Interrupted => "interrupted",
        ErrorKind::RateLimited => "rate limited",
        ErrorKind::Unauthorized => "credential refused",
        ErrorKind::Forbidden => "not allowed",
        ErrorKind::NotFound => "not found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Api => "the service failed",
        ErrorKind::Decode => "unexpected response",
        ErrorKind::TooLarge => "response too large",
    }
}

/// The fields of `Debug`, without the body's content and the headers' values.
fn fields(error: &Inner, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let metadata = &error.metadata;
    f.debug_struct("Error")
        .field("kind", &error.kind)
        .field("operation", &metadata.operation)
        .field("status", &metadata.status.as_ref().map(StatusCode::as_u16))
        .field("code", &error.code)
        .field("message", &error.message)
        .field("field_errors", &error.fields)
        .field("hint", &error.hint)
        .field("request_id", &shown_request_id(error))
        .field("sent", &metadata.sent)
        .field("attempts", &metadata.attempts)
        .field("time_spent", &metadata.time)
        .field("rate_limit", &metadata.rate_limit)
        .field("body_bytes", &metadata.body.len())
        .field("source", &error.source)
        .finish()
}
