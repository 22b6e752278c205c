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
            // Outside of a string it is not JSON.
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
        let name = self.out.split_off(start);
        match without_lone_surrogates(&name) {
            Some(mended) if mended != name => {
                self.is_changed = true;
                self.out.push_str(&mended);
            }
            _ => self.out.push_str(&name),
        }
    }
}

/// JSON with `\ufffd` in place of every escape that is half of a pair.
pub(crate) fn without_lone_surrogates(json: &str) -> Option<String> {
    let unit = |escape: &str| u16::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let (mut out, mut rest) = (String::with_capacity(json.len()), json);
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        let second = || unit(escape.get(6..)?);
        let (text, length) = match (unit(escape), second()) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (escape.get(..12)?, 12),
            (Some(0xd800..0xe000), _) => ("\\ufffd", 6),
            (Some(_), _) => (escape.get(..6)?, 6),
            (None, _) => (escape.get(..2)?, 2),
        };
        out.push_str(text);
        rest = escape.get(length..)?;
    }
    out.push_str(rest);
    Some(out)
}

/// Whether a half of a pair may be among the escapes: it is written as `\ud…`.
pub(crate) fn may_have_halves(json: &str) -> bool {
    let is_half = |escape: &str| escape.as_bytes().get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"ud"));
    json.split('\\').skip(1).any(is_half)
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
