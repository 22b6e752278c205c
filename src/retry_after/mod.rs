//! Retry-after parsing: how long the service asks to wait, wherever it says so.
//!
//! A wait is read from `Retry-After`, from the message of a 429, or from its `X-RateLimit-Reset`. What is malformed or
//! negative is not a wait; then the backoff counts, which is also the least that is waited after any failure.

mod prose;

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};

use self::prose::in_words;
use crate::clock::Clock;
use crate::error::{Content, message_of, without_bom};
use crate::limits;
use crate::media_type::essence;
use crate::metadata::{RateLimit, WaitSource};

/// Longer waits than this are nonsense, and adding them to a time could overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The longest window of the quota, and a minute in which a clock or a response may be late: a reset that is further away
/// is in a smaller unit.
const WINDOW: Duration = Duration::from_secs(limits::QUOTA_WINDOW.as_secs() + 60);

/// A Unix time says more clearly what it is; one further away than this is nonsense.
const FURTHEST_RESET: Duration = Duration::from_secs(24 * 60 * 60);

/// What a response says of the quota; `None` when it says nothing.
///
/// Only a 429 asks to wait in words: a time in the message of another failure ("gave up after 30 seconds") is not a wait.
pub(crate) fn rate_limit(status: StatusCode, headers: &HeaderMap, body: &[u8], clock: &dyn Clock) -> Option<RateLimit> {
    let mut known = RateLimit {
        limit: count(headers, &LIMIT),
        remaining: count(headers, &REMAINING),
        reset: reset(headers, clock.time_of_day()),
        ..RateLimit::default()
    };
    if headers.contains_key(&STRUCTURED)
        && let Some((remaining, reset)) = structured(headers)
    {
        known.remaining = known.remaining.or(Some(remaining));
        known.reset = known.reset.or(Some(reset));
    }
    if !status.is_success() {
        let refused = status == StatusCode::TOO_MANY_REQUESTS;
        let now = clock.time_of_day();
        let in_header = || retry_after(headers, now).map(|wait| (wait, WaitSource::Header));
        let message = || message_of(status, body, Content::Open).or_else(|| plain_text(headers, body));
        let in_message = || in_words(&message()?).map(|wait| (wait, WaitSource::Message));
        let in_reset =
            || known.reset.filter(|_| known.remaining.unwrap_or(0) == 0).map(|wait| (wait, WaitSource::Reset));
        let wait = in_header().or_else(|| if refused { in_message().or_else(in_reset) } else { None });
        if let Some((wait, source)) = wait {
            known.retry_after = Some(wait);
            known.ends_at = now.checked_add(wait);
            known.source = Some(source);
        }
    }
    (known != RateLimit::default()).then_some(known)
}

/// A short body of plain text, which is the message then.
fn plain_text(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let is_plain = essence(headers.get(CONTENT_TYPE)?.to_str().ok()?.as_bytes()).eq_ignore_ascii_case(b"text/plain");
    let text = std::str::from_utf8(without_bom(body)).ok()?;
    (is_plain && text.len() <= 1024).then(|| text.to_owned())
}

/// `X-RateLimit-…`, or the same without the X; parsed names, since every response is asked for all of them.
static LIMIT: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("x-rate-limit-limit"),
];
static REMAINING: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("x-rate-limit-remaining"),
];
static RESET: [HeaderName; 4] = [
    HeaderName::from_static("x-ratelimit-reset"),
    HeaderName::from_static("ratelimit-reset"),
    HeaderName::from_static("x-rate-limit-reset"),
    HeaderName::from_static("x-ratelimit-reset-after"),
];
static RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
static STRUCTURED: HeaderName = HeaderName::from_static("ratelimit");

/// `RateLimit: "default";r=0;t=43`, and the older `limit=100, remaining=0, reset=43`: what is left, and the time until it is new.
/// Of several the one with the least left counts, and of those the latest.
fn structured(headers: &HeaderMap) -> Option<(u64, Duration)> {
    let lines = headers.get_all(&STRUCTURED).iter().filter_map(|value| value.to_str().ok());
    let (mut found, mut left, mut time) = (Vec::new(), None, None);
    for part in lines.flat_map(|line| line.split([',', ';'])) {
        let Some((name, value)) = part.split_once('=') else {
            // The name of the next policy.
            (left, time) = (None, None);
            continue;
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "r" | "remaining" => left = value.trim().parse::<u64>().ok(),
            "t" | "reset" => time = seconds_in(value.trim()).and_then(duration),
            _ => {}
        }
        if let (Some(left), Some(time)) = (left, time) {
            found.push((left, time));
        }
    }
    found.into_iter().min_by_key(|(left, time)| (*left, std::cmp::Reverse(*time)))
}

/// The values of a header in the first spelling that there is, without parameters: proxies join lines by commas.
fn values<'a>(headers: &'a HeaderMap, names: &[HeaderName]) -> impl Iterator<Item = &'a str> {
    let name = names.iter().find(|name| headers.contains_key(*name));
    let lines = name.into_iter().flat_map(|name| headers.get_all(name)).filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|value| value.split(';').next().unwrap_or(value).trim())
}

/// Of several numbers the least.
fn count(headers: &HeaderMap, names: &[HeaderName]) -> Option<u64> {
    values(headers, names).filter_map(|value| value.parse().ok()).min()
}

/// The time until the window is new; of several the longest.
fn reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let one = |value: &str| seconds_in(value).map_or_else(|| prose::alone(value), |number| until(number, now));
    values(headers, &RESET).filter_map(one).max()
}

/// The units in which services write times.
const UNITS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_millis(1), Duration::from_micros(1), Duration::from_nanos(1)];

/// Smaller numbers are no present Unix time, in whatever unit.
const UNIX_TIMES: u64 = 1_000_000_000;

/// The time until a reset, which services write in seconds or milliseconds, from now or as a Unix time; `None` if no
/// reading ends within a window.
fn until(reset: f64, now: SystemTime) -> Option<Duration> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UNITS.into_iter().find_map(|unit| {
        let time = Duration::try_from_secs_f64(unit.as_secs_f64() * reset).ok()?;
        if time.as_secs() >= UNIX_TIMES {
            // A time in the past is a window that is new already.
            let wait = time.saturating_sub(now);
            return (wait <= FURTHEST_RESET).then_some(wait);
        }
        (unit >= Duration::from_millis(1) && time <= WINDOW).then_some(time)
    })
}

/// `Retry-After` as seconds, a fraction of them, or a date, as text or as a Unix time; a date in the past is a wait of zero. Of
/// several the longest counts.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    // The service's own clock, if it sends it, so that a wrong clock here does not change the wait.
    let service_now = || headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let one = |text: &str| {
        if let Ok(end) = httpdate::parse_http_date(text) {
            let wait = end.duration_since(service_now().unwrap_or(now)).unwrap_or_default();
            // A date has whole seconds only: rounded up, it is never too early.
            let rounded_up = u64::from(wait.subsec_nanos() > 0);
            return Some(Duration::from_secs(wait.as_secs().saturating_add(rounded_up)).min(LONGEST));
        }
        // Proxies join several lines by commas.
        let wait = |part: &str| {
            let number = seconds_in(part.trim())?;
            until_unix_time(number, service_now().unwrap_or(now)).or_else(|| duration(number))
        };
        let of_numbers = || text.split(',').map(wait).collect::<Option<Vec<_>>>()?.into_iter().max();
        // Some gateways write the unit.
        of_numbers().or_else(|| in_words(text))
    };
    let given = headers.get_all(RETRY_AFTER).iter().filter_map(|value| one(value.to_str().ok()?.trim())).max();
    // Of some gateways, in place of the standard's header or beside it as the finer one.
    let in_milliseconds = || {
        let milliseconds = headers.get(&RETRY_AFTER_MS)?.to_str().ok()?.trim();
        duration(seconds_in(milliseconds)? / 1_000.0)
    };
    given.or_else(in_milliseconds)
}

/// The time until a Unix time in seconds down to nanoseconds, zero if it is over; `None` for a number that is not such a time
/// within a year of now.
fn until_unix_time(number: f64, now: SystemTime) -> Option<Duration> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UNITS.into_iter().find_map(|unit| {
        let time = Duration::try_from_secs_f64(unit.as_secs_f64() * number).ok()?;
        let is_near = time.as_secs() >= UNIX_TIMES && time.abs_diff(now) <= LONGEST;
        is_near.then(|| time.saturating_sub(now))
    })
}

/// Digits, with a fraction if need be; `f64` would parse "inf" and "1e9", too.
fn seconds_in(text: &str) -> Option<f64> {
    let is_plain =
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_plain { text.parse().ok() } else { None }
}

fn duration(seconds: f64) -> Option<Duration> {
    seconds.is_finite().then(|| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}
