//! Errors in words.

use std::fmt;

use super::{ErrorKind, Inner, Sent, TimeSpent};

/// One line: operation, what happened, what to do, and the numbers for a ticket.
pub(super) fn line(error: &Inner, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(operation) = error.operation {
        write!(f, "{operation}: ")?;
    }
    f.write_str(words(error.kind))?;
    if let Some(status) = error.status {
        write!(f, " ({})", status.as_u16())?;
    }
    write!(f, ": {}", error.message)?;
    if let Some(code) = error.code.as_deref().filter(|code| !is_status(error, code)) {
        write!(f, " [code {code}]")?;
    }
    if let Some(hint) = error.hint {
        write!(f, "; {hint}")?;
    }
    if let Some(id) = crate::response::request_id(&error.headers) {
        write!(f, " [request {id}]")?;
    }
    if error.attempts > 1 {
        write!(f, " [{} attempts in {:.1} s]", error.attempts, error.time.total().as_secs_f64())?;
    }
    if error.deadline {
        let TimeSpent { requests, backoff, quota } = error.time;
        let [requests, backoff, quota] = [requests, backoff, quota].map(|time| time.as_secs_f64());
        write!(f, " [{requests:.1} s for requests, {backoff:.1} s between them, {quota:.1} s for the quota]")?;
    }
    if error.sent == Sent::Maybe {
        f.write_str(" [the service may have done it]")?;
    }
    Ok(())
}

/// The only documented `code` repeats the status, which need not be said twice.
fn is_status(error: &Inner, code: &str) -> bool {
    error.status.is_some_and(|status| status.as_str() == code)
}

fn words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "configuration",
        ErrorKind::Invalid => "not acceptable",
        ErrorKind::Connect => "no connection",
        ErrorKind::Timeout => "out of time",
        ErrorKind::Interrupted => "interrupted",
        ErrorKind::RateLimited => "rate limited",
        ErrorKind::Unauthorized => "credential refused",
        ErrorKind::Forbidden => "not allowed",
        ErrorKind::NotFound => "not found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Api => "the service failed",
        ErrorKind::Decode => "unexpected answer",
        ErrorKind::TooLarge => "answer too large",
    }
}

/// The fields, without the body's content and the headers' values.
pub(super) fn fields(error: &Inner, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct("Error")
        .field("kind", &error.kind)
        .field("operation", &error.operation)
        .field("status", &error.status.map(|status| status.as_u16()))
        .field("code", &error.code)
        .field("message", &error.message)
        .field("hint", &error.hint)
        .field("request_id", &crate::response::request_id(&error.headers))
        .field("sent", &error.sent)
        .field("attempts", &error.attempts)
        .field("elapsed", &error.time)
        .field("rate_limit", &error.rate_limit)
        .field("body_bytes", &error.body.len())
        .field("source", &error.source)
        .finish()
}
