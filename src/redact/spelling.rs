//! How servers and proxies spell bytes: percent encoding, JSON and HTML escapes, base64, folded lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// No spelling of a byte is longer than this (`%25252F` and the like).
pub(super) const LONGEST_SPELLING: usize = 10;

/// The base64 characters that depend on the secret alone when it starts `offset` bytes into a group of three.
pub(super) fn base64_core(secret: &[u8], offset: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.extend_from_slice(secret);
    let whole = Zeroizing::new(STANDARD_NO_PAD.encode(&*padded));
    let (first, end) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    Zeroizing::new(whole.as_bytes().get(first..end).unwrap_or_default().to_vec())
}

/// Where the text goes on after a folded line: a line end, as it is or as JSON writes it, and the blanks after it.
pub(super) fn after_fold(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let end = ["\r\n", "\n", "\\r\\n", "\\n"].iter().find(|end| rest.starts_with(end.as_bytes()));
    let Some(end) = end else { return at };
    let blanks = rest.get(end.len()..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    at + end.len() + blanks.count()
}

/// Whether the text ends before it is clear what an escape at this index stands for.
pub(super) fn is_cut_escape(text: &[u8], at: usize) -> bool {
    text.len() - at < LONGEST_SPELLING && text.get(at).is_some_and(|byte| matches!(byte, b'%' | b'\\' | b'&'))
}

/// The byte that an escape at this index stands for, and where the text goes on.
pub(super) fn spelled(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = text.get(at..)?;
    match rest {
        [b'%', digits @ ..] => {
            let (mut byte, mut length) = (hex(digits.get(..2)?)?, 3);
            // `%252F` is an encoded `%2F`.
            while byte == b'%'
                && let Some(next) = rest.get(length..length + 2).and_then(hex)
            {
                (byte, length) = (next, length + 2);
            }
            Some((byte, at + length))
        }
        [b'\\', ..] => {
            let run = rest.iter().take_while(|byte| **byte == b'\\').count();
            match rest.get(run..)? {
                [byte @ (b'/' | b'"'), ..] => Some((*byte, at + run + 1)),
                [b'u', b'0', b'0', digits @ ..] => Some((hex(digits.get(..2)?)?, at + run + 5)),
                [b'x', digits @ ..] => Some((hex(digits.get(..2)?)?, at + run + 3)),
                _ => Some((b'\\', at + run)),
            }
        }
        [b'&', name @ ..] => {
            let end = name.iter().take(LONGEST_SPELLING).position(|byte| *byte == b';')?;
            let byte = match name.get(..end)? {
                b"amp" => b'&',
                b"lt" => b'<',
                b"gt" => b'>',
                b"quot" => b'"',
                b"apos" => b'\'',
                [b'#', b'x' | b'X', digits @ ..] => u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?,
                [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
                _ => return None,
            };
            Some((byte, at + 1 + end + 1))
        }
        _ => None,
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}
