//! Reads characters as servers and proxies write them: escapes, escapes of escapes, lines folded in between.

use std::cell::{Cell, OnceCell};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// How many escapes within each other are undone: `&amp;#x25;2F` is a `/` within three.
pub(super) const DEPTH: usize = 3;

/// So many line ends and blanks may stand between two characters.
const LONGEST_FOLD: usize = 16;

/// No name of an HTML reference to an ASCII character is longer, and no number of one need be.
const LONGEST_REFERENCE: usize = 16;

/// A string whose characters may be written as escapes.
pub(super) struct Spelled<'a> {
    pub(super) bytes: &'a [u8],
    ran_out: Cell<bool>,
    /// What was read last within escapes: without it, hostile text would be read anew from each of its characters.
    known: OnceCell<Box<[Cell<Known>]>>,
}

/// What one place means at one depth, in few bytes: there are many, and they are made anew for each string with escapes.
#[derive(Clone, Copy)]
struct Known {
    at: usize,
    bytes: [u8; 4],
    length: u8,
    /// How far the text goes on after it.
    ahead: u16,
}

/// So many places are remembered; those that are so far apart share an entry.
const KNOWN: usize = 256;

/// A character, as UTF-8, and where the text goes on after it.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    bytes: [u8; 4],
    length: usize,
    pub(super) next: usize,
}

/// What may stand at one place: the byte that is there, and what one escape after another makes of it. More than a few are
/// not met, since all but the last are characters that begin an escape.
pub(super) type Readings = [Option<Unit>; 8];

impl Known {
    const NOTHING: Self = Self { at: usize::MAX, bytes: [0; 4], length: 0, ahead: 0 };

    /// Nothing where the escape is too long to remember.
    fn new(at: usize, unit: Unit) -> Self {
        match (u8::try_from(unit.length), u16::try_from(unit.next.saturating_sub(at))) {
            (Ok(length), Ok(ahead)) => Self { at, bytes: unit.bytes, length, ahead },
            _ => Self::NOTHING,
        }
    }

    fn unit(self) -> Unit {
        Unit { bytes: self.bytes, length: self.length.into(), next: self.at + usize::from(self.ahead) }
    }
}

impl Unit {
    fn byte(byte: u8, next: usize) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1, next }
    }

    fn character(code: u32, next: usize) -> Option<Self> {
        let mut bytes = [0; 4];
        let length = char::from_u32(code)?.encode_utf8(&mut bytes).len();
        Some(Self { bytes, length, next })
    }

    fn is(&self, other: &Self) -> bool {
        (self.bytes, self.next) == (other.bytes, other.next)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(super) fn first(&self) -> u8 {
        self.bytes[0]
    }
}

/// Whether an escape may begin with this byte.
pub(super) const fn is_lead(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&' | b'=')
}

pub(super) const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

impl<'a> Spelled<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, ran_out: Cell::new(false), known: OnceCell::new() }
    }

    /// Whether the text ended before something was read to its end; asking resets it.
    pub(super) fn ran_out(&self) -> bool {
        self.ran_out.replace(false)
    }

    /// Everything that may stand at an index.
    pub(super) fn readings(&self, at: usize) -> Readings {
        self.readings_within(at, DEPTH)
    }

    /// The character at an index with all its escapes undone.
    pub(super) fn read(&self, at: usize) -> Option<Unit> {
        self.read_within(at, DEPTH)
    }

    /// Where the text goes on after a line end, an encoder's mark of one, or a blank after one (`folded`).
    pub(super) fn unfolded(&self, at: usize, folded: &mut bool) -> Option<usize> {
        self.unfolded_within(at, folded, DEPTH)
    }

    /// The places at which the text may go on when a line was folded here.
    pub(super) fn folds(&self, mut at: usize) -> impl Iterator<Item = usize> {
        let mut folded = false;
        let steps = std::iter::from_fn(move || {
            at = self.unfolded(at, &mut folded)?;
            Some(at)
        });
        steps.take(LONGEST_FOLD)
    }

    fn readings_within(&self, at: usize, depth: usize) -> Readings {
        let mut readings = [self.read_within(at, 0), None, None, None, None, None, None, None];
        let mut count = 1;
        if !self.bytes.get(at).is_some_and(|byte| is_lead(*byte)) {
            return readings;
        }
        for inner in 0..depth {
            for unit in readings.into_iter().flatten().filter(|unit| is_lead(unit.first())) {
                let meant = [self.escape(unit.first(), unit.next, inner), self.doubled(unit, inner)];
                for meant in meant.into_iter().flatten() {
                    let is_known = readings.iter().flatten().any(|known| known.is(&meant));
                    if let Some(place) = readings.get_mut(count).filter(|_| !is_known) {
                        *place = Some(meant);
                        count += 1;
                    }
                }
            }
        }
        readings
    }

    /// The character at an index when so many escapes within each other are undone.
    fn read_within(&self, at: usize, depth: usize) -> Option<Unit> {
        let Some(&raw) = self.bytes.get(at) else {
            self.ran_out.set(true);
            return None;
        };
        if depth == 0 || !is_lead(raw) {
            return Some(Unit::byte(raw, at + 1));
        }
        // Not more than the text has: a response may have many short strings.
        let places = self.bytes.len().min(KNOWN);
        let known = self.known.get_or_init(|| vec![Cell::new(Known::NOTHING); places * DEPTH].into_boxed_slice());
        let place = known.get(at % places * DEPTH + depth - 1)?;
        if place.get().at == at {
            return Some(place.get().unit());
        }
        let fewer = self.read_within(at, depth - 1)?;
        // The parts of an escape may themselves be escapes, of one level less.
        let unit = if is_lead(fewer.first()) {
            self.escape(fewer.first(), fewer.next, depth - 1).unwrap_or(fewer)
        } else {
            fewer
        };
        if !self.ran_out.get() {
            place.set(Known::new(at, unit));
        }
        Some(unit)
    }

    fn unfolded_within(&self, at: usize, folded: &mut bool, depth: usize) -> Option<usize> {
        let deepest = self.read_within(at, depth)?;
        if is_line_end(deepest.first()) {
            *folded = true;
            return Some(deepest.next);
        }
        if *folded && matches!(deepest.first(), b' ' | b'\t') {
            return Some(deepest.next);
        }
        // Quoted-printable ends a line that goes on with `=`.
        let ends = |unit: &Unit| {
            let after = self.read_within(unit.next, depth);
            unit.first() == b'=' && after.is_some_and(|after| is_line_end(after.first()))
        };
        let is_escape = self.bytes.get(at).is_some_and(|byte| is_lead(*byte));
        let mut within = (0..=depth).filter(|_| is_escape).filter_map(|depth| self.read_within(at, depth));
        within.find(ends).map(|unit| unit.next)
    }

    /// The next character of an escape.
    fn part(&self, mut at: usize, depth: usize) -> Option<Unit> {
        if let Some(&raw) = self.bytes.get(at)
            && !is_lead(raw)
            && !is_line_end(raw)
        {
            return Some(Unit::byte(raw, at + 1));
        }
        let mut folded = false;
        for _ in 0..LONGEST_FOLD {
            let Some(next) = self.unfolded_within(at, &mut folded, depth) else { break };
            at = next;
        }
        self.read_within(at, depth)
    }

    /// What an escape stands for whose first character has been read.
    fn escape(&self, lead: u8, at: usize, depth: usize) -> Option<Unit> {
        match lead {
            b'%' => {
                let first = self.part(at, depth)?;
                if first.first().eq_ignore_ascii_case(&b'u') {
                    let (code, next) = self.number(first.next, 16, 4, depth)?;
                    return Unit::character(code, next);
                }
                let (high, (low, next)) = (first, self.number(first.next, 16, 1, depth)?);
                let high = char::from(high.first()).to_digit(16)?;
                Some(Unit::byte(u8::try_from(high * 16 + low).ok()?, next))
            }
            b'=' => self.hex_byte(at, depth),
            b'\\' => self.backslash(at, depth),
            b'&' => self.reference(at, depth),
            _ => None,
        }
    }

    /// The escapes of JSON, JavaScript, Rust, Python, C and shells.
    fn backslash(&self, at: usize, depth: usize) -> Option<Unit> {
        let kind = self.part(at, depth)?;
        let (code, next) = match kind.first() {
            b'u' | b'x' if self.part(kind.next, depth)?.first() == b'{' => {
                let (code, next) = self.digits(self.part(kind.next, depth)?.next, 16, depth)?;
                (code, self.part(next, depth).filter(|end| end.first() == b'}')?.next)
            }
            b'u' => self.number(kind.next, 16, 4, depth)?,
            b'U' => self.number(kind.next, 16, 8, depth)?,
            b'x' => return self.hex_byte(kind.next, depth),
            b'0'..=b'3' => {
                let (code, next) = self.number(at, 8, 3, depth)?;
                return Some(Unit::byte(u8::try_from(code).ok()?, next));
            }
            b'n' => (u32::from(b'\n'), kind.next),
            b'r' => (u32::from(b'\r'), kind.next),
            b't' => (u32::from(b'\t'), kind.next),
            byte if byte.is_ascii_punctuation() => (u32::from(byte), kind.next),
            _ => return None,
        };
        Unit::character(code, next)
    }

    /// A backslash that a second one stands before, which may itself look like the beginning of an escape.
    fn doubled(&self, first: Unit, depth: usize) -> Option<Unit> {
        if first.first() != b'\\' {
            return None;
        }
        (0..depth).filter_map(|depth| self.part(first.next, depth)).find(|second| second.first() == b'\\')
    }

    /// An HTML reference, by number or by name.
    fn reference(&self, at: usize, depth: usize) -> Option<Unit> {
        let first = self.part(at, depth)?;
        if first.first() != b'#' {
            return self.named(at, depth);
        }
        let second = self.part(first.next, depth)?;
        let (start, radix) =
            if second.first().eq_ignore_ascii_case(&b'x') { (second.next, 16) } else { (first.next, 10) };
        let (code, next) = self.digits(start, radix, depth)?;
        Unit::character(code, self.after_semicolon(next, depth)?)
    }

    fn named(&self, at: usize, depth: usize) -> Option<Unit> {
        let mut name = [0; LONGEST_REFERENCE];
        let (mut length, mut next) = (0, at);
        for place in &mut name {
            match self.part(next, depth) {
                Some(letter) if letter.first().is_ascii_alphabetic() => {
                    *place = letter.first().to_ascii_lowercase();
                    (length, next) = (length + 1, letter.next);
                }
                _ => break,
            }
        }
        let byte = match name.get(..length)? {
            b"tab" => b'\t',
            b"newline" => b'\n',
            b"excl" => b'!',
            b"quot" => b'"',
            b"num" => b'#',
            b"dollar" => b'$',
            b"percnt" => b'%',
            b"amp" => b'&',
            b"apos" => b'\'',
            b"lpar" => b'(',
            b"rpar" => b')',
            b"ast" | b"midast" => b'*',
            b"plus" => b'+',
            b"comma" => b',',
            b"period" => b'.',
            b"sol" => b'/',
            b"colon" => b':',
            b"semi" => b';',
            b"lt" => b'<',
            b"equals" => b'=',
            b"gt" => b'>',
            b"quest" => b'?',
            b"commat" => b'@',
            b"lsqb" | b"lbrack" => b'[',
            b"bsol" => b'\\',
            b"rsqb" | b"rbrack" => b']',
            b"hat" => b'^',
            b"lowbar" | b"underbar" => b'_',
            b"grave" | b"diacriticalgrave" => b'`',
            b"lcub" | b"lbrace" => b'{',
            b"verbar" | b"vert" | b"verticalline" => b'|',
            b"rcub" | b"rbrace" => b'}',
            _ => return None,
        };
        Some(Unit::byte(byte, self.after_semicolon(next, depth)?))
    }

    fn after_semicolon(&self, at: usize, depth: usize) -> Option<usize> {
        self.part(at, depth).filter(|end| end.first() == b';').map(|end| end.next)
    }

    fn hex_byte(&self, at: usize, depth: usize) -> Option<Unit> {
        let (code, next) = self.number(at, 16, 2, depth)?;
        Some(Unit::byte(u8::try_from(code).ok()?, next))
    }

    /// A number of so many digits.
    fn number(&self, at: usize, radix: u32, count: usize, depth: usize) -> Option<(u32, usize)> {
        let (mut number, mut next) = (0_u32, at);
        for _ in 0..count {
            let part = self.part(next, depth)?;
            number = number.checked_mul(radix)? + char::from(part.first()).to_digit(radix)?;
            next = part.next;
        }
        Some((number, next))
    }

    /// A number of any length, at least one digit.
    fn digits(&self, at: usize, radix: u32, depth: usize) -> Option<(u32, usize)> {
        let (mut number, mut next) = (0_u32, at);
        for count in 0..LONGEST_REFERENCE {
            match self.part(next, depth).and_then(|part| Some((char::from(part.first()).to_digit(radix)?, part.next))) {
                Some((digit, after)) => (number, next) = (number.checked_mul(radix)?.checked_add(digit)?, after),
                None if count == 0 => return None,
                None => break,
            }
        }
        Some((number, next))
    }
}

/// The base64 characters that depend on the secret alone when it starts `offset` bytes into a group of three.
pub(super) fn base64_core(secret: &[u8], offset: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.extend_from_slice(secret);
    let whole = Zeroizing::new(STANDARD_NO_PAD.encode(&*padded));
    let (first, end) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    Zeroizing::new(whole.as_bytes().get(first..end).unwrap_or_default().to_vec())
}
