//! Removes secrets from whatever comes from outside, however servers and proxies write them when they echo them.
//!
//! A secret is found as it is, and with any of its characters written as
//! - percent and form encoding, `%uXXXX`, quoted-printable (`=2F`);
//! - escapes with a backslash: `\/`, `\"`, `\u002F`, `\u{2f}`, `\x2f`, `\057`;
//! - HTML references by name or number: `&sol;`, `&#47;`, `&#x2F;`;
//! - up to three of these within each other, in any order: `%252F`, `%5Cu002f`, `&amp;#47;`.
//!
//! Lines may be folded anywhere in it, also within an escape; one header may have it in pieces. A secret of 8 bytes or more
//! is also found in base64 (both alphabets), alone or within a longer text such as `user:secret`, and that base64 written in
//! all these ways.
//!
//! **Not found**: base64 of a secret that was encoded before, in base64 or otherwise; hexadecimal dumps; other character sets
//! such as UTF-16; secrets that are reversed, split, compressed, hashed or encrypted; more than three escapes within each
//! other.
//!
//! The client's own words ([`Redactor::own_line`]) are searched for secrets of 8 bytes or more only: a test's key `x` would
//! otherwise be found in every "example".

mod named;
mod spelling;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

pub(crate) use self::named::is_secret_name;
use self::named::without_named;
use self::spelling::{Spelled, base64_core, is_lead, is_line_end};

/// What stands where a secret was.
pub(crate) const REDACTED: &str = "[redacted]";

/// How much of a body an error keeps, and how much of a message it shows.
const BODY_CAP: usize = 16 * 1024;
const MESSAGE_CAP: usize = 500;

/// Shorter secrets are looked for as they are and in text from outside only: a few letters are found in innocent text.
const SHORTEST_REAL: usize = 8;

/// Finds and removes some secrets, as they are and as servers and proxies echo them: in percent or form encoding, backslash
/// escapes, HTML references, quoted-printable, up to three of these within each other; folded over lines; in base64 from 8 bytes
/// on. Not found: base64 of what was encoded before, hexadecimal dumps, other character sets, what is split or compressed.
///
/// For transports of your own that log or record what goes through them. `Debug` shows no secret.
///
/// ```
/// use onehorizon::transport::Redactor;
/// let redactor = Redactor::new(["s3cr3t/value"]);
/// assert_eq!(redactor.text("you sent s3cr3t%2Fvalue"), "you sent [redacted]");
/// ```
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<Needle>,
    /// The bytes that a needle or an escape may begin with, one bit each: nearly every byte of a string is skipped by them.
    starts: Zeroizing<[u64; 4]>,
}

#[derive(Clone)]
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    is_base64: bool,
    is_short: bool,
}

/// Which strings are searched.
#[derive(Clone, Copy)]
struct Search {
    /// The text goes on after its end: what may be the start of a secret there counts.
    is_cut: bool,
    /// Short secrets are looked for as well.
    short: bool,
}

const OUTSIDE: Search = Search { is_cut: false, short: true };
const OWN: Search = Search { is_cut: false, short: false };

/// A secret in a string: from here to there, or to the end of a string that was cut within it.
struct Found {
    start: usize,
    end: Option<usize>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("needles", &self.needles.len()).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Removes these secrets; empty ones are ignored.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets.into_iter().map(str::as_bytes).filter(|secret| !secret.is_empty()) {
            let is_short = secret.len() < SHORTEST_REAL;
            needles.push(Needle { bytes: Zeroizing::new(secret.to_vec()), is_base64: false, is_short });
            if !is_short {
                let cores = (0..3).map(|offset| base64_core(secret, offset));
                needles.extend(cores.map(|bytes| Needle { bytes, is_base64: true, is_short }));
            }
        }
        let may_begin = |byte: u8| is_lead(byte) || needles.iter().any(|needle| needle.begins(&needle.bytes, &[byte]));
        let mut starts = Zeroizing::new([0; 4]);
        for byte in (0..=u8::MAX).filter(|byte| !needles.is_empty() && may_begin(*byte)) {
            if let Some(bits) = starts.get_mut(usize::from(byte >> 6)) {
                *bits |= 1_u64 << (byte & 63);
            }
        }
        Self { needles, starts }
    }

    /// Removes what a body says beside the names of secrets, wherever else it is said.
    pub(crate) fn of_names_in(body: &[u8]) -> Self {
        let values = Zeroizing::new(named::values(&String::from_utf8_lossy(window(body).0)));
        if values.is_empty() {
            return Self::default();
        }
        Self::new(values.iter().map(String::as_str))
    }

    fn may_begin(&self, byte: u8) -> bool {
        self.starts.get(usize::from(byte >> 6)).is_some_and(|bits| bits >> (byte & 63) & 1 == 1)
    }

    /// Whether a secret is in a string from outside.
    #[must_use]
    pub fn finds_in(&self, text: &[u8]) -> bool {
        self.find(&Spelled::new(text), 0, OUTSIDE).is_some()
    }

    /// A string from outside with its secrets replaced.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes(), OUTSIDE) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }

    /// A string from outside without its secrets and the values of secret names, fit for a log line.
    pub(crate) fn line(&self, text: &str) -> String {
        // Before the text is cut to what is shown, which could leave the start of a secret.
        let (text, is_cut) = window(text.trim().as_bytes());
        one_line(&without_named(&self.found_removed(text, Search { is_cut, ..OUTSIDE })))
    }

    /// A string of the client's own, possibly with words from outside in it that went through [`line`](Self::line).
    pub(crate) fn own_line(&self, text: &str) -> String {
        let (text, is_cut) = window(text.trim().as_bytes());
        one_line(&self.found_removed(text, Search { is_cut, ..OWN }))
    }

    fn found_removed(&self, text: &[u8], search: Search) -> String {
        String::from_utf8_lossy(&self.bytes(text, search)).into_owned()
    }

    /// The start of a body without its secrets; a copy, so that an error does not keep a large response in memory.
    pub(crate) fn excerpt(&self, body: &[u8]) -> Bytes {
        let (kept, is_cut) = window(body);
        let mut kept = self.bytes(kept, Search { is_cut, ..OUTSIDE }).into_owned();
        // What stands for a short secret is longer than it.
        kept.truncate(BODY_CAP);
        Bytes::from(kept)
    }

    /// The headers but for those that repeat a secret.
    pub(crate) fn headers(&self, headers: HeaderMap) -> HeaderMap {
        let repeats = |name: &HeaderName| {
            let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
            if let (Some(only), None) = (values.next(), values.next()) {
                return self.finds_in(only);
            }
            // Several values may carry a secret in pieces.
            let all: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            all.iter().any(|value| self.finds_in(value)) || self.finds_in(&all.concat())
        };
        let found: Vec<HeaderName> = headers.keys().filter(|name| repeats(name)).cloned().collect();
        let mut headers = headers;
        for name in found {
            headers.remove(name);
        }
        headers
    }

    /// The error, unless a message in its chain contains a secret.
    pub(crate) fn error(&self, error: Box<dyn StdError + Send + Sync>) -> Option<Box<dyn StdError + Send + Sync>> {
        let mut next: Option<&(dyn StdError + 'static)> = Some(&*error);
        while let Some(link) = next {
            if self.finds_in(format!("{link} {link:?}").as_bytes()) {
                return None;
            }
            next = link.source();
        }
        Some(error)
    }

    /// The text with its secrets replaced; one that the end of a cut text may begin is left out.
    fn bytes<'a>(&self, text: &'a [u8], search: Search) -> Cow<'a, [u8]> {
        let spelled = Spelled::new(text);
        let mut next = self.find(&spelled, 0, search);
        if next.is_none() {
            return Cow::Borrowed(text);
        }
        let mut clean = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(Found { start, end }) = next {
            clean.extend_from_slice(text.get(at..start).unwrap_or_default());
            let Some(end) = end else { return Cow::Owned(clean) };
            clean.extend_from_slice(REDACTED.as_bytes());
            at = end;
            next = self.find(&spelled, at, search);
        }
        clean.extend_from_slice(text.get(at..).unwrap_or_default());
        Cow::Owned(clean)
    }

    /// The first secret from `from` on.
    fn find(&self, text: &Spelled<'_>, from: usize, search: Search) -> Option<Found> {
        let starts = text.bytes.iter().enumerate().skip(from).filter(|(_, byte)| self.may_begin(**byte));
        starts.map(|(start, byte)| (start, *byte)).find_map(|(start, byte)| {
            if is_lead(byte) && !self.may_begin_spelled(text, start) {
                return None;
            }
            let needles = self.needles.iter().filter(|needle| search.short || !needle.is_short);
            needles.map(|needle| (needle, needle.matches(text, start))).find_map(|(needle, found)| match found {
                Match::No => None,
                Match::Whole(end) => Some(needle.extent(text, from, start, end)),
                Match::CutShort => search.is_cut.then_some(Found { start, end: None }),
            })
        })
    }

    /// Whether an escape may be the first character of a needle.
    fn may_begin_spelled(&self, text: &Spelled<'_>, start: usize) -> bool {
        let readings = text.readings(start);
        let begins = |needle: &Needle| readings.iter().flatten().any(|unit| needle.begins(&needle.bytes, unit.bytes()));
        text.ran_out() || self.needles.iter().any(begins)
    }
}

/// As much of a string as is searched, and whether there is more.
fn window(text: &[u8]) -> (&[u8], bool) {
    text.get(..BODY_CAP).map_or((text, false), |start| (start, start.len() < text.len()))
}

enum Match {
    No,
    /// Up to this index.
    Whole(usize),
    /// The text ended first.
    CutShort,
}

/// Distinct pairs, from the greatest to the least: a few at a time, for which a tree would allocate more than the text has.
struct Ways(Vec<(usize, usize)>);

impl Ways {
    fn add(&mut self, way: (usize, usize)) {
        if let Err(place) = self.0.binary_search_by(|known| way.cmp(known)) {
            self.0.insert(place, way);
        }
    }

    fn pop_least(&mut self) -> Option<(usize, usize)> {
        self.0.pop()
    }

    fn greatest(&self) -> Option<(usize, usize)> {
        self.0.first().copied()
    }
}

impl Needle {
    fn matches(&self, text: &Spelled<'_>, start: usize) -> Match {
        let (mut index, mut at) = (0, start);
        // While nothing is escaped and no line ends there is one way to read.
        while let (Some(&wanted), Some(&byte)) = (self.bytes.get(index), text.bytes.get(at))
            && !is_lead(byte)
            && !is_line_end(byte)
        {
            if !self.fits(byte, wanted) {
                return Match::No;
            }
            (index, at) = (index + 1, at + 1);
        }
        // Else several: a secret may have characters in it that look like an escape. How much of the secret has been read,
        // and where the text goes on.
        text.ran_out();
        let mut ways = Ways(vec![(index, at)]);
        while let Some((index, at)) = ways.pop_least() {
            let rest = self.bytes.get(index..).unwrap_or_default();
            if rest.is_empty() {
                return Match::Whole(ways.greatest().map_or(at, |(_, longest)| longest));
            }
            for unit in text.readings(at).into_iter().flatten().filter(|unit| self.begins(rest, unit.bytes())) {
                ways.add((index + unit.bytes().len(), unit.next));
            }
            if index > 0 {
                for next in text.folds(at) {
                    ways.add((index, next));
                }
            }
        }
        if text.ran_out() { Match::CutShort } else { Match::No }
    }

    /// Whether what is wanted begins with these bytes.
    fn begins(&self, wanted: &[u8], bytes: &[u8]) -> bool {
        wanted.len() >= bytes.len() && bytes.iter().zip(wanted).all(|(byte, wanted)| self.fits(*byte, *wanted))
    }

    fn fits(&self, byte: u8, wanted: u8) -> bool {
        match byte {
            b'-' if self.is_base64 => wanted == b'+',
            b'_' if self.is_base64 => wanted == b'/',
            b'+' if wanted == b' ' => true,
            _ => byte == wanted,
        }
    }

    /// What to replace: of base64 the whole run, since the secret's neighbours share characters with it.
    fn extent(&self, text: &Spelled<'_>, from: usize, start: usize, end: usize) -> Found {
        if !self.is_base64 {
            return Found { start, end: Some(end) };
        }
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
        let before = text.bytes.get(from..start).unwrap_or_default().iter().rev().take_while(|byte| is_part(byte));
        let start = start - before.count();
        let mut end = end;
        while let Some(byte) = text.bytes.get(end) {
            match text.read(end) {
                _ if is_part(byte) || *byte == b'=' => end += 1,
                Some(unit) if is_part(&unit.first()) || unit.first() == b'=' => end = unit.next,
                _ => break,
            }
        }
        Found { start, end: Some(end) }
    }
}

/// A string from outside made fit for a log line: no control or direction characters, no endless length.
pub(crate) fn one_line(text: &str) -> String {
    let mut line: String = text.trim().chars().map(visible).take(MESSAGE_CAP + 1).collect();
    if line.chars().count() > MESSAGE_CAP {
        line.pop();
        line.push('…');
    }
    line
}

/// Characters that change lines or the direction of writing let a log say what was not written.
fn visible(c: char) -> char {
    let hides = c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}');
    if hides { ' ' } else { c }
}

/// The last error of a chain: the one that says what really happened.
pub(crate) fn root_cause<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}
