//! How long the service asks to wait, wherever it says so.

use std::time::{Duration, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use crate::error::message_of;
use crate::limits::{RateLimit, WaitSource};

/// Longer waits than this are nonsense, and adding them to a time could overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What an answer tells of the quota; `None` when it tells nothing.
///
/// Only a 429 and a 503 ask to wait: a number in the message of any other answer is no wait.
pub(crate) fn rate_limit(status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Option<RateLimit> {
    let mut known = RateLimit {
        limit: count(headers, "x-ratelimit-limit"),
        remaining: count(headers, "x-ratelimit-remaining"),
        ..RateLimit::default()
    };
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        let in_header = || retry_after(headers, now).map(|wait| (wait, WaitSource::Header));
        let in_message = || in_words(&message_of(body)?).map(|wait| (wait, WaitSource::Message));
        if let Some((wait, source)) = in_header().or_else(in_message) {
            known.retry_after = Some(wait);
            known.ends_at = now.checked_add(wait);
            known.source = Some(source);
        }
    }
    (known != RateLimit::default()).then_some(known)
}

fn count(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// `Retry-After` as seconds, a fraction of them, or a date; a date in the past is no wait.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return duration(seconds);
    }
    let end = httpdate::parse_http_date(text).ok()?;
    // The service's own clock, if it tells it, so that a wrong clock here does not change the wait.
    let service_now = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    Some(end.duration_since(service_now.unwrap_or(now)).unwrap_or_default().min(LONGEST))
}

fn duration(seconds: f64) -> Option<Duration> {
    // `f64` parses "nan" and "inf", which are no waits.
    if !seconds.is_finite() || seconds < 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

/// The wait that a message names: the first number that is followed by a unit of time, with further parts that follow
/// at once ("1 minute 5 seconds", "2 minutes and 3 seconds").
pub(crate) fn in_words(message: &str) -> Option<Duration> {
    let mut words = words(message).peekable();
    let mut total: Option<f64> = None;
    while let Some(word) = words.next() {
        let part = match split(word) {
            Some((number, "")) => words.peek().and_then(|next| unit(next)).map(|unit| {
                words.next();
                number * unit
            }),
            Some((number, suffix)) => unit(suffix).map(|unit| number * unit),
            None => None,
        };
        match (part, total) {
            (Some(part), _) => total = Some(total.unwrap_or(0.0) + part),
            (None, Some(_)) if word.eq_ignore_ascii_case("and") => {}
            (None, Some(_)) => break,
            (None, None) => {}
        }
    }
    duration(total?)
}

fn words(message: &str) -> impl Iterator<Item = &str> {
    message
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '(' | ')' | '"'))
        .map(|word| word.trim_end_matches(['.', '!', '?']))
        .filter(|word| !word.is_empty())
}

/// A word that starts with a number, as the number and the rest: `43`, `43s`, `1.5min`.
fn split(word: &str) -> Option<(f64, &str)> {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (digits, rest) = word.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

/// Seconds in a unit.
fn unit(word: &str) -> Option<f64> {
    let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    if is(&["s", "sec", "secs", "second", "seconds"]) {
        Some(1.0)
    } else if is(&["ms", "millisecond", "milliseconds"]) {
        Some(0.001)
    } else if is(&["m", "min", "mins", "minute", "minutes"]) {
        Some(60.0)
    } else if is(&["h", "hour", "hours"]) {
        Some(3600.0)
    } else {
        None
    }
}
