//! Removes secrets from whatever comes from outside, in every spelling in which servers and proxies echo them.
//!
//! Known spellings: plain; JSON escapes (`\/`, `\u002F`, also doubled); percent and form encoding in upper and lower
//! case, also doubled; HTML references; base64 (both alphabets) of the secret, alone or within a longer text such as
//! `user:secret`; any of these folded over lines or spread over several values of one header.

mod spelling;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use self::spelling::{LONGEST_SPELLING, after_fold, base64_core, is_cut_escape, spelled};

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";

/// How much of a body an error keeps, and how much of a message it shows.
const BODY_CAP: usize = 16 * 1024;
const MESSAGE_CAP: usize = 500;

/// Shorter secrets are not looked for in base64: a few letters would be found in innocent text.
const SHORTEST_IN_BASE64: usize = 8;

/// Finds and removes some secrets in every spelling in which servers and proxies echo them: plain, escaped, encoded, in
/// base64, folded. For transports of your own that log or record what goes through them. `Debug` shows no secret.
///
/// ```
/// use onehorizon::transport::Redactor;
/// let redactor = Redactor::new(["s3cr3t/value"]);
/// assert_eq!(redactor.text("you sent s3cr3t%2Fvalue"), "you sent [redacted]");
/// ```
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<Needle>,
    /// The bytes that a spelling of a needle may begin with, one bit each: nearly every byte of a string is skipped by them.
    first: Zeroizing<[u64; 4]>,
}

#[derive(Clone)]
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    is_base64: bool,
}

/// A secret found in a string.
struct Found {
    start: usize,
    end: usize,
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
            needles.push(Needle { bytes: Zeroizing::new(secret.to_vec()), is_base64: false });
            if secret.len() >= SHORTEST_IN_BASE64 {
                let cores = (0..3).map(|offset| base64_core(secret, offset));
                needles.extend(cores.map(|bytes| Needle { bytes, is_base64: true }));
            }
        }
        let may_begin = |byte: u8| {
            matches!(byte, b'%' | b'\\' | b'&')
                || needles.iter().any(|needle| needle.bytes.first().is_some_and(|&wanted| needle.fits(byte, wanted)))
        };
        let mut first = Zeroizing::new([0; 4]);
        for byte in (0..=u8::MAX).filter(|byte| may_begin(*byte)) {
            if let Some(bits) = first.get_mut(usize::from(byte >> 6)) {
                *bits |= 1_u64 << (byte & 63);
            }
        }
        Self { needles, first }
    }

    fn may_begin(&self, byte: u8) -> bool {
        self.first.get(usize::from(byte >> 6)).is_some_and(|bits| bits >> (byte & 63) & 1 == 1)
    }

    /// Whether a secret is in there.
    #[must_use]
    pub fn finds_in(&self, text: &[u8]) -> bool {
        self.find(text, 0, false).is_some()
    }

    /// The text with its secrets replaced.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.finds_in(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(String::from_utf8_lossy(&self.bytes(text.as_bytes(), false)).into_owned())
    }

    /// As [`text`](Self::text), and fit for a log line.
    pub(crate) fn line(&self, text: &str) -> String {
        // Before the text is cut, which could leave the start of a secret.
        one_line(&self.text(text))
    }

    /// The start of a body without its secrets; a copy, so that an error does not keep a large response in memory.
    pub(crate) fn excerpt(&self, body: &[u8]) -> Bytes {
        // The window reaches beyond the cap, so that a secret lying across it is seen whole.
        let longest = self.needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or_default();
        let window = body.get(..BODY_CAP + LONGEST_SPELLING * longest).unwrap_or(body);
        let mut kept = self.bytes(window, window.len() < body.len());
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

    /// The bytes with secrets replaced; with `cut`, what may be the start of one at the end is left out.
    fn bytes(&self, text: &[u8], cut: bool) -> Vec<u8> {
        let mut clean = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(found) = self.find(text, at, cut) {
            clean.extend_from_slice(text.get(at..found.start.max(at)).unwrap_or_default());
            if found.end == usize::MAX {
                return clean;
            }
            clean.extend_from_slice(REDACTED.as_bytes());
            at = found.end;
        }
        clean.extend_from_slice(text.get(at..).unwrap_or_default());
        clean
    }

    /// The first secret from `from` on; its `end` is `usize::MAX` when the text, being cut, ends within it.
    fn find(&self, text: &[u8], from: usize, cut: bool) -> Option<Found> {
        let starts = text.iter().enumerate().skip(from).filter(|(_, byte)| self.may_begin(**byte));
        starts.map(|(start, _)| start).find_map(|start| {
            self.needles.iter().find_map(|needle| match needle.matches(text, start) {
                Match::No => None,
                Match::Whole(end) => Some(needle.extent(text, from, start, end)),
                Match::CutShort => cut.then_some(Found { start, end: usize::MAX }),
            })
        })
    }
}

enum Match {
    No,
    /// Up to this index.
    Whole(usize),
    /// The text ended first.
    CutShort,
}

impl Needle {
    fn matches(&self, text: &[u8], start: usize) -> Match {
        let mut at = start;
        for (index, &wanted) in self.bytes.iter().enumerate() {
            if index > 0 {
                at = after_fold(text, at);
            }
            let Some(&raw) = text.get(at) else { return if index > 0 { Match::CutShort } else { Match::No } };
            at = match spelled(text, at) {
                Some((byte, next)) if self.fits(byte, wanted) => next,
                // An escape that the end of the text cuts.
                None if raw != wanted && index > 0 && is_cut_escape(text, at) => return Match::CutShort,
                _ if self.fits(raw, wanted) => at + 1,
                _ => return Match::No,
            };
        }
        Match::Whole(at)
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
    fn extent(&self, text: &[u8], from: usize, start: usize, end: usize) -> Found {
        if !self.is_base64 {
            return Found { start, end };
        }
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
        let before = text.get(from..start).unwrap_or_default().iter().rev().take_while(|byte| is_part(byte)).count();
        let mut end = end;
        while let Some(&byte) = text.get(end) {
            match spelled(text, end) {
                _ if is_part(&byte) || byte == b'=' => end += 1,
                Some((byte, next)) if is_part(&byte) || byte == b'=' => end = next,
                _ => break,
            }
        }
        Found { start: start - before, end }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::Engine as _;

    use super::*;

    /// A canary with every character that some writer escapes.
    const SECRET: &str = "eyJh/bGci+OiJ9==x&y";

    fn redactor() -> Redactor {
        Redactor::new([SECRET])
    }

    fn percent(pattern: fn(u8) -> String) -> String {
        SECRET
            .bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { pattern(byte) })
            .collect()
    }

    fn spellings() -> Vec<String> {
        let mut all = vec![
            SECRET.to_owned(),
            SECRET.replace('/', "\\/"),
            SECRET.replace('/', "\\\\/"),
            percent(|byte| format!("%{byte:02X}")),
            percent(|byte| format!("%{byte:02x}")),
            percent(|byte| format!("%25{byte:02X}")),
            percent(|byte| format!("%2525{byte:02x}")),
            percent(|byte| format!("\\u00{byte:02x}")),
            percent(|byte| format!("\\u00{byte:02X}")),
            percent(|byte| format!("\\\\u00{byte:02X}")),
            percent(|byte| format!("\\x{byte:02x}")),
            percent(|byte| format!("&#{byte};")),
            percent(|byte| format!("&#x{byte:X};")),
            SECRET.replace('&', "&amp;"),
            SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            SECRET.replace("bGci", "bG\r\n ci"),
            SECRET.replace("bGci", "bG\\r\\n\\tci").replace("\\t", " "),
        ];
        for prefix in ["", "u:", "user:", "some-user:"] {
            let whole = format!("{prefix}{SECRET}");
            for (encoded, ends_with_secret) in [
                (base64::engine::general_purpose::STANDARD.encode(&whole), true),
                (base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&whole), true),
                (base64::engine::general_purpose::STANDARD.encode(format!("{whole}:and more")), false),
            ] {
                all.push(encoded.replace('/', "\\/"));
                all.push(encoded.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D"));
                if ends_with_secret {
                    all.push(format!("{}\r\n\t{}", &encoded[..encoded.len() - 8], &encoded[encoded.len() - 8..]));
                }
                all.push(encoded);
            }
        }
        all
    }

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        for spelling in spellings() {
            let text = format!("before {spelling} after");
            let clean = redactor().text(&text).into_owned();
            assert!(clean.starts_with("before [redacted]") && clean.ends_with(" after"), "{spelling}: {clean}");
        }
    }

    #[test]
    fn innocent_text_is_kept_as_it_is() {
        for text in
            ["", "eyJh", "eyJh/bGci+OiJ9==x&z", "%", "\\", "&", "%2", "\\u00", "&#", "ä%zz\\q&unknown;", "eyJh%2"]
        {
            assert_eq!(redactor().text(text), text);
            assert_eq!(redactor().excerpt(text.as_bytes()), text.as_bytes());
        }
        assert_eq!(Redactor::new([""]).text("anything"), "anything");
        assert_eq!(Redactor::new(["key"]).text("a2V5 is base64"), "a2V5 is base64");
    }

    #[test]
    fn a_spelling_that_the_cap_cuts_leaves_nothing_of_the_secret() {
        for spelling in spellings() {
            for shown in (1..spelling.len()).step_by(3) {
                let body = format!("{}{}{spelling}{}", "x".repeat(BODY_CAP - shown - 1), ' ', "y".repeat(BODY_CAP));
                let kept = redactor().excerpt(body.as_bytes());
                let kept = String::from_utf8_lossy(&kept);
                let tail = kept.trim_start_matches('x').trim_start();
                assert!("[redacted]".starts_with(tail.trim_end_matches('y').trim_end()), "{spelling}, {shown}: {tail}");
            }
        }
    }

    #[test]
    fn headers_that_repeat_a_secret_go_also_when_it_is_in_pieces() {
        for spelling in spellings().iter().filter(|spelling| !spelling.contains('\n')) {
            let mut headers = HeaderMap::new();
            headers.insert("x-echo", HeaderValue::from_str(&format!("Bearer {spelling}")).unwrap());
            headers.append("x-pieces", HeaderValue::from_str(&spelling[..4]).unwrap());
            headers.append("x-pieces", HeaderValue::from_str(&spelling[4..]).unwrap());
            headers.append("x-kept", HeaderValue::from_static("one"));
            headers.append("x-kept", HeaderValue::from_static("two"));
            let kept = redactor().headers(headers);
            assert_eq!((kept.len(), kept.get_all("x-kept").iter().count()), (2, 2), "{spelling}");
        }
    }

    #[test]
    fn an_error_chain_that_repeats_a_secret_is_dropped() {
        for spelling in spellings() {
            assert!(redactor().error(format!("it said {spelling}").into()).is_none(), "{spelling}");
        }
        assert!(redactor().error("it said nothing".into()).is_some());
    }

    #[test]
    fn a_line_has_no_control_and_no_direction_characters() {
        assert_eq!(one_line(" a\nb\u{202e}c\u{2066}d\u{7}e\u{200f}f "), "a b c d e f");
        assert_eq!(one_line(&"ä".repeat(501)), "ä".repeat(500) + "…");
    }
}
