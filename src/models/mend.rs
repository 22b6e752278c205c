//! JSON that a proxy or a shortening service broke inside a string, made readable without losing what is whole.

use std::fmt::Write;

/// The text with what is broken inside its strings changed so that a reader of JSON accepts it; `None` where nothing in it can
/// be mended, so that the reader's own error stands.
///
/// A byte that is not UTF-8 becomes the escape of half a surrogate pair, as in Python's `surrogateescape`: models keep such a
/// value as it is, show U+FFFD for it and list it as unreadable. In a field's name, which cannot be kept like that, half a pair
/// becomes U+FFFD.
pub(crate) fn mended(json: &[u8]) -> Option<String> {
    let mut text = Mending { out: String::with_capacity(json.len()), ..Mending::default() };
    for chunk in json.utf8_chunks() {
        chunk.valid().chars().for_each(|c| text.push(c));
        for byte in chunk.invalid() {
            // Outside of a string it is no JSON at all.
            text.string?;
            let _ = write!(text.out, "\\udc{byte:02x}");
            text.is_changed = true;
        }
    }
    text.is_changed.then_some(text.out)
}

#[derive(Default)]
struct Mending {
    out: String,
    /// Where the string begins in `out`, inside one.
    string: Option<usize>,
    /// The string just ended, which is a name if a colon follows.
    ended: Option<usize>,
    is_escape: bool,
    is_changed: bool,
}

impl Mending {
    fn push(&mut self, c: char) {
        match (self.string, c) {
            (Some(_), _) if self.is_escape => self.is_escape = false,
            (Some(_), '\\') => self.is_escape = true,
            (Some(_), '"') => self.ended = self.string.take(),
            (Some(_), _) => {}
            (None, '"') => self.string = Some(self.out.len()),
            (None, ':') => {
                if let Some(name) = self.ended.take() {
                    self.mend_name(name);
                }
            }
            (None, c) if c.is_ascii_whitespace() => {}
            (None, _) => self.ended = None,
        }
        self.out.push(c);
    }

    /// Replaces each half of a pair in the text from `start` on.
    fn mend_name(&mut self, start: usize) {
        let mut name = self.out.split_off(start);
        let mut from = 0;
        while let Some((at, is_half)) = next_escape(&name, from) {
            // A pair has two escapes of six bytes.
            let end = at + 6;
            if is_half {
                name.replace_range(at..end, "\\ufffd");
                self.is_changed = true;
            }
            from = if is_half || unit(&name, at).is_none_or(|unit| !is_surrogate(unit)) { end } else { end + 6 };
        }
        self.out.push_str(&name);
    }
}

/// Where the next `\u` escape is from there on, and whether it is half of a pair.
fn next_escape(text: &str, from: usize) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(offset) = bytes.get(at..)?.iter().position(|byte| *byte == b'\\') {
        at += offset;
        if let Some(first) = unit(text, at) {
            let is_pair = matches!(first, 0xD800..0xDC00)
                && unit(text, at + 6).is_some_and(|second| matches!(second, 0xDC00..0xE000));
            return Some((at, is_surrogate(first) && !is_pair));
        }
        at += 2;
    }
    None
}

/// The code unit of the `\u` escape at this place.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

fn is_surrogate(unit: u16) -> bool {
    matches!(unit, 0xD800..0xE000)
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn what_is_broken_inside_a_string_is_mended_and_nothing_else() {
        for (json, text) in [
            (&br#"{"title":"M\xfcller"}"#[..], None),
            (b"{\"title\":\"M\xfcller\"}", Some(r#"{"title":"M\udcfcller"}"#)),
            (b"{\"title\":\"5 \xe2\x82\"}", Some(r#"{"title":"5 \udce2\udc82"}"#)),
            (b"{\"M\xfcller\" : 1}", Some(r#"{"M\ufffdller" : 1}"#)),
            (br#"{"\ud83d":"\ud83d"}"#, Some(r#"{"\ufffd":"\ud83d"}"#)),
            (
                br#"{"a\uDC00\ud83d\ude00\\ud83d":{"b\ud83d":[]}}"#,
                Some(r#"{"a\ufffd\ud83d\ude00\\ud83d":{"b\ufffd":[]}}"#),
            ),
            (br#"{"\ud83d\ud83d\ude00":1}"#, Some(r#"{"\ufffd\ud83d\ude00":1}"#)),
            (br#"{"\ud83d\ude00":"\ud83d","a":"b\":\ud83d"}"#, None),
            (br#"["\ud83d",":"]"#, None),
            (br#"{"\u":1,"\ud8":2,"\"#, None),
            (b"\xff{}", None),
            (b"{\"a\":\xff1}", None),
            (b"<html>\xfc", None),
            (b"", None),
        ] {
            assert_eq!(mended(json).as_deref(), text, "{}", String::from_utf8_lossy(json));
        }
    }
}
