//! Retry-after parsing: how long the service asks to wait, wherever it says so.
//!
//! A wait is read from `Retry-After`, from the message of a 429, or from its `X-RateLimit-Reset`. What is malformed or
//! negative is not a wait; then the backoff counts, which is also the least that is waited after any failure.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::clock::Clock;
use crate::error::{Content, message_of, without_bom};
use crate::metadata::{RateLimit, WaitSource};

/// Longer waits than this are nonsense, and adding them to a time could overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// No window of a quota is longer; a reset beyond it is in other units, or nonsense.
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// What a response says of the quota; `None` when it says nothing.
///
/// Only a 429 asks to wait in words: a time in the message of another failure ("gave up after 30 seconds") is not a wait.
pub(crate) fn rate_limit(status: StatusCode, headers: &HeaderMap, body: &[u8], clock: &dyn Clock) -> Option<RateLimit> {
    let mut known = RateLimit {
        limit: count(headers, &LIMIT),
        remaining: count(headers, &REMAINING),
        reset: count(headers, &RESET).and_then(|reset| until(reset, clock.time_of_day())),
        ..RateLimit::default()
    };
    if !status.is_success() {
        let refused = status == StatusCode::TOO_MANY_REQUESTS;
        let now = clock.time_of_day();
        let in_header = || retry_after(headers, now).map(|wait| (wait, WaitSource::Header));
        let message = || message_of(body, Content::Open).or_else(|| plain_text(headers, body));
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
    let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let is_plain = media_type.split(';').next()?.trim().eq_ignore_ascii_case("text/plain");
    let text = std::str::from_utf8(without_bom(body)).ok()?;
    (is_plain && text.len() <= 1024).then(|| text.to_owned())
}

/// `X-RateLimit-…`, or the same without the X; parsed names, since every response is asked for all of them.
static LIMIT: [HeaderName; 2] =
    [HeaderName::from_static("x-ratelimit-limit"), HeaderName::from_static("ratelimit-limit")];
static REMAINING: [HeaderName; 2] =
    [HeaderName::from_static("x-ratelimit-remaining"), HeaderName::from_static("ratelimit-remaining")];
static RESET: [HeaderName; 2] =
    [HeaderName::from_static("x-ratelimit-reset"), HeaderName::from_static("ratelimit-reset")];

fn count(headers: &HeaderMap, names: &[HeaderName]) -> Option<u64> {
    let header = names.iter().find_map(|name| headers.get(name))?;
    header.to_str().ok()?.trim().parse().ok()
}

/// The time until a reset, which services write in seconds or milliseconds, from now or as a Unix time; `None` if no
/// reading ends within a plausible window.
fn until(reset: u64, now: SystemTime) -> Option<Duration> {
    /// Smaller numbers are no present Unix time, in whatever unit.
    const UNIX_TIMES: u64 = 1_000_000_000;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let units = [Duration::from_secs(1), Duration::from_millis(1), Duration::from_micros(1), Duration::from_nanos(1)];
    units.into_iter().find_map(|unit| {
        let time = Duration::try_from_secs_f64(unit.as_secs_f64() * precise(reset)).ok()?;
        let is_unix_time = time.as_secs() >= UNIX_TIMES;
        if !is_unix_time && unit < Duration::from_millis(1) {
            return None;
        }
        // A time in the past is a window that is new already.
        let wait = if is_unix_time { time.saturating_sub(now) } else { time };
        (wait <= LONGEST_WINDOW).then_some(wait)
    })
}

#[allow(clippy::cast_precision_loss, reason = "a fraction of a second does not matter")]
fn precise(number: u64) -> f64 {
    number as f64
}

/// `Retry-After` as seconds, a fraction of them, or a date; a date in the past is a wait of zero. Of several the longest
/// counts.
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
        text.split(',').map(|part| seconds(part.trim())).collect::<Option<Vec<_>>>()?.into_iter().max()
    };
    headers.get_all(RETRY_AFTER).iter().filter_map(|value| one(value.to_str().ok()?.trim())).max()
}

/// Digits, with a fraction if need be; `f64` would parse "inf" and "1e9", too.
fn seconds(text: &str) -> Option<Duration> {
    let is_plain =
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_plain { duration(text.parse().ok()?) } else { None }
}

fn duration(seconds: f64) -> Option<Duration> {
    seconds.is_finite().then(|| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

/// The wait that a message names, with parts that belong together ("1 minute 5 seconds", "1m5s").
///
/// It is the first time after the last word that asks to wait ("retry", "try again", "wait"); else the first that is no
/// rate ("40 per minute, 60 seconds left").
pub(crate) fn in_words(message: &str) -> Option<Duration> {
    let message = without_thousands(message);
    let words: Vec<&str> = words(&message).collect();
    let mut times: Vec<(usize, f64)> = Vec::new();
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        let start = words.len() - rest.len();
        let taken = time(rest).map_or(1, |(seconds, taken)| {
            times.push((start, seconds));
            taken
        });
        rest = rest.get(taken..).unwrap_or_default();
    }
    let asks = |word: &&str| ["retry", "again", "wait"].iter().any(|start| starts_with(word, start));
    let is_rate = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| words.get(before));
        before.is_some_and(|word| RATE.iter().any(|rate| word.eq_ignore_ascii_case(rate)))
    };
    let asked = words.iter().rposition(asks);
    let after = times.iter().find(|(index, _)| asked.is_some_and(|asked| *index > asked));
    let (_, seconds) = after.or_else(|| times.iter().find(|(index, _)| !is_rate(*index)))?;
    duration(*seconds)
}

/// The message with "1,200" written as "1200".
fn without_thousands(message: &str) -> String {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let mut plain = String::with_capacity(message.len());
    for (index, c) in message.char_indices() {
        let separates = c == ','
            && plain.ends_with(|c: char| c.is_ascii_digit())
            && message.get(index + 1..).is_some_and(|rest| digits(rest) == 3);
        if !separates {
            plain.push(c);
        }
    }
    plain
}

/// Words before a time that is a window's length.
const RATE: [&str; 7] = ["per", "every", "each", "within", "last", "past", "a"];

fn starts_with(word: &str, start: &str) -> bool {
    word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn words(message: &str) -> impl Iterator<Item = &str> {
    message
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '=' | '(' | ')' | '"'))
        .map(|word| word.trim_end_matches(['.', '!', '?']))
        .filter(|word| !word.is_empty())
}

/// The time at the start of these words, in seconds, and how many words it takes. Each part is of a smaller unit than
/// the one before: "43 seconds, 15 minutes" are two times.
fn time(words: &[&str]) -> Option<(f64, usize)> {
    let (mut total, mut smallest) = part(words)?;
    let mut taken = total.1;
    loop {
        let mut next = taken;
        if words.get(next).is_some_and(|word| word.eq_ignore_ascii_case("and")) {
            next += 1;
        }
        match words.get(next..).and_then(part) {
            Some(((seconds, more), unit)) if unit < smallest => {
                total.0 += seconds;
                smallest = unit;
                taken = next + more;
            }
            _ => return Some((total.0, taken)),
        }
    }
}

/// One part: `43 seconds`, `43s`, `1m5.5s`; its seconds, the words it takes, and its smallest unit.
fn part(words: &[&str]) -> Option<((f64, usize), f64)> {
    let word = words.first()?;
    let (mut seconds, mut smallest) = (0.0, f64::INFINITY);
    let mut rest = *word;
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        if after.is_empty() {
            // A number alone has its unit in the next word.
            let unit = unit(words.get(1)?)?;
            return rest.eq(*word).then_some(((number * unit, 2), unit));
        }
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (name, next) = after.split_at_checked(end)?;
        let unit = unit(name).filter(|unit| *unit < smallest)?;
        seconds += number * unit;
        smallest = unit;
        rest = next;
    }
    Some(((seconds, 1), smallest))
}

/// The number that a string starts with, and what follows.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
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
    } else if is(&["d", "day", "days"]) {
        Some(86_400.0)
    } else {
        None
    }
}
