//! The wait that a message names in words.

use std::time::Duration;

use super::duration;
use crate::limits;

/// The wait that a message names, with parts that belong together ("1 minute 5 seconds", "1m5s").
///
/// It is the first time after each word that asks to wait ("retry", "again", "wait"); without any, each time that is not a rate
/// ("40 per minute, 60 seconds left"). Of several the longest counts, since waiting too short is refused again.
pub(crate) fn in_words(message: &str) -> Option<Duration> {
    let message = plain_numbers(message);
    let words: Vec<&str> = words(&message).collect();
    let is_rate = |index: usize| {
        let before = words.get(..index).unwrap_or_default();
        before.last().is_some_and(|word| is_any(word, &RATE)) || is_count_in(before)
    };
    let (mut asked, mut named) = (Vec::new(), Vec::new());
    // The times since the last word that asks, and whether each is a rate.
    let mut since: Option<Vec<(f64, bool)>> = None;
    let mut index = 0;
    while let Some(word) = words.get(index) {
        if let Some((seconds, taken)) = time(&words, index) {
            if let Some(times) = &mut since {
                times.push((seconds, is_rate(index)));
            }
            if !is_rate(index) {
                named.push(seconds);
            }
            index += taken;
            continue;
        }
        if asks(word) {
            asked.extend(since.replace(Vec::new()).as_deref().and_then(first));
        }
        index += 1;
    }
    asked.extend(since.as_deref().and_then(first));
    let candidates = if asked.is_empty() { named } else { asked };
    duration(candidates.into_iter().reduce(f64::max)?)
}

/// The time in a value that is nothing else: `43s`, `6m0s`.
pub(super) fn alone(text: &str) -> Option<Duration> {
    let (seconds, taken) = time(&[text], 0)?;
    if taken == 1 { duration(seconds) } else { None }
}

/// The first time that is not a rate, else the first, unless it is longer than any window that can be waited out.
fn first(times: &[(f64, bool)]) -> Option<f64> {
    let is_window = |(seconds, _): &&(f64, bool)| *seconds <= limits::QUOTA_WINDOW.as_secs_f64();
    times.iter().find(|(_, is_rate)| !is_rate).or(times.first().filter(is_window)).map(|(seconds, _)| *seconds)
}

/// Words before a time that is a window's length, or is over.
const RATE: [&str; 11] = ["per", "every", "each", "within", "last", "past", "previous", "a", "waited", "took", "spent"];

/// Whether these words end as "100 requests in" does, after which a time is a window: a number, what it counts, and not more
/// than two other words between each of the three.
fn is_count_in(words: &[&str]) -> bool {
    const COUNTED: [&str; 20] = [
        "request",
        "requests",
        "call",
        "calls",
        "query",
        "queries",
        "hit",
        "hits",
        "operation",
        "operations",
        "message",
        "messages",
        "write",
        "writes",
        "read",
        "reads",
        "attempt",
        "attempts",
        "transactions",
        "times",
    ];
    let Some((last, before)) = words.split_last() else { return false };
    let near = |words: &[&str]| words.len().saturating_sub(3);
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'/'));
    // Only these: a message of nothing but times would be read anew for each of them.
    let last_words = before.get(near(before)..).unwrap_or_default();
    let counted = last_words.iter().rposition(|word| is_any(word, &COUNTED)).map(|at| near(before) + at);
    let Some(what) = counted.and_then(|at| before.get(..at)) else { return false };
    let count = what.get(near(what)..).unwrap_or_default();
    // "5 more requests in a minute" are allowed then.
    is_any(last, &["in", "within", "over", "during", "for"])
        && count.iter().any(is_number)
        && !count.iter().any(|word| is_any(word, &["more", "further", "next"]))
}

/// Words between which and a unit other words are numbers: "in a minute".
const LEADS: [&str; 10] =
    ["in", "for", "after", "wait", "another", "about", "approximately", "around", "least", "than"];

fn asks(word: &str) -> bool {
    let is_past = is_any(word, &["retried", "retries"]);
    let starts = |start: &str| word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    is_any(word, &["again", "wait", "waiting", "reset", "resets", "available"]) || (starts("retr") && !is_past)
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

fn words(message: &str) -> impl Iterator<Item = &str> {
    message
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '=' | '(' | ')' | '[' | ']' | '"' | '~'))
        .map(|word| word.trim_end_matches(['.', '!', '?', ':']))
        .filter(|word| !word.is_empty())
}

/// The message with its numbers as a machine writes them: "1,200", "1 200" and "1.200.000" without the marks of thousands,
/// "12,5" with a point. A colon stays between digits.
fn plain_numbers(message: &str) -> String {
    let mut plain = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() {
            let (number, length) = written_number(rest);
            plain.push_str(&number);
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        let between = plain.ends_with(|c: char| c.is_ascii_digit()) && rest.starts_with(|c: char| c.is_ascii_digit());
        plain.push(if c == ':' && !between { ' ' } else { c });
    }
    plain
}

/// The number that a string begins with, as a machine writes it, and how long it was.
fn written_number(text: &str) -> (String, usize) {
    let digits = |from: usize| text.get(from..).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let mut end = digits(0);
    let mut groups = vec![text.get(..end).unwrap_or_default()];
    let mut marks = Vec::new();
    let short_first = end <= 3 && !text.starts_with('0');
    while let Some(mark) = text.get(end..).and_then(|rest| rest.chars().next()) {
        let start = end + mark.len_utf8();
        let length = digits(start);
        let thousands = short_first && length == 3 && marks.iter().all(|other| *other == mark);
        let continues = match mark {
            '.' | ',' => length > 0,
            ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\'' | '\u{2019}' | '_' => thousands,
            _ => false,
        };
        if !continues {
            break;
        }
        groups.push(text.get(start..start + length).unwrap_or_default());
        marks.push(mark);
        end = start + length;
    }
    let Some((last_mark, before)) = marks.split_last() else { return (groups.concat(), end) };
    let in_thousands = |groups: &[&str]| short_first && groups.iter().skip(1).all(|group| group.len() == 3);
    let all_alike = before.iter().all(|mark| mark == last_mark);
    // A single point is a decimal point: "1.500 seconds" is how programs write a second and a half.
    let is_whole = all_alike && in_thousands(&groups) && !(*last_mark == '.' && before.is_empty());
    if is_whole {
        return (groups.concat(), end);
    }
    let (fraction, whole) = groups.split_last().unwrap_or((&"", &[]));
    let marks_alike = before.windows(2).all(|pair| pair.first() == pair.last()) && !before.contains(last_mark);
    if matches!(last_mark, '.' | ',') && (before.is_empty() || (marks_alike && in_thousands(whole))) {
        return (format!("{}.{fraction}", whole.concat()), end);
    }
    (text.get(..end).unwrap_or_default().to_owned(), end)
}

/// The time at this word, in seconds, and how many words it takes. Each part is of a smaller unit than the one before:
/// "43 seconds, 15 minutes" are two times.
fn time(words: &[&str], index: usize) -> Option<(f64, usize)> {
    let before = index.checked_sub(1).and_then(|before| words.get(before).copied());
    let rest = words.get(index..)?;
    if let Some(clock) = clock(rest, before) {
        return Some(clock);
    }
    let Part { mut seconds, mut taken, unit: mut smallest } = part(rest, before)?;
    loop {
        let mut next = taken;
        if rest.get(next).is_some_and(|word| is_any(word, &["and", "&", "+"])) {
            next += 1;
        }
        match rest.get(next..).and_then(|rest| part(rest, None)) {
            Some(more) if more.unit < smallest => {
                seconds += more.seconds;
                smallest = more.unit;
                taken = next + more.taken;
            }
            _ => return Some((seconds, taken)),
        }
    }
}

/// `1:30 minutes`, `0:01:30 hours`, and `00:01:30` after a word such as "in": else it is a time of day.
fn clock(words: &[&str], before: Option<&str>) -> Option<(f64, usize)> {
    let fields = words.first()?.split(':').map(|field| field.parse().ok().filter(|_| is_number(field)));
    let fields: Vec<f64> = fields.collect::<Option<_>>()?;
    let named = words.get(1).and_then(|word| unit(word));
    let taken = 1 + usize::from(named.is_some());
    match (fields.as_slice(), named) {
        ([hours, minutes, seconds], _) if named.is_some() || before.is_some_and(|word| is_any(word, &LEADS)) => {
            Some((hours * 3600.0 + minutes * 60.0 + seconds, taken))
        }
        ([whole, sixtieths], Some(unit)) if unit >= 60.0 => Some((whole * unit + sixtieths * unit / 60.0, taken)),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// A number with its unit, or several of them in one word.
struct Part {
    seconds: f64,
    /// How many words it takes.
    taken: usize,
    /// The smallest unit in it, in seconds.
    unit: f64,
}

/// `43 seconds`, `43s`, `1m5.5s`, `43-second`, `10-20 seconds`, `PT1M5S`, `a minute`, `half an hour`.
fn part(words: &[&str], before: Option<&str>) -> Option<Part> {
    let word = *words.first()?;
    if before.is_some_and(|before| is_any(before, &LEADS))
        && let Some(part) = spelled_out(words)
    {
        return Some(part);
    }
    let is_iso = word.len() > 2 && word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("PT"));
    let word = if is_iso { word.get(2..)? } else { word };
    let (mut seconds, mut smallest) = (0.0, f64::INFINITY);
    let mut rest = word;
    while !rest.is_empty() {
        let (mut number, mut after) = number(rest)?;
        // Of a range the end.
        if let Some((end, beyond)) = after.strip_prefix(['-', '\u{2013}']).and_then(self::number) {
            (number, after) = (number.max(end), beyond);
        }
        if after.is_empty() {
            // A number alone has its unit in the next word.
            let unit = unit(words.get(1)?)?;
            return (smallest == f64::INFINITY).then_some(Part { seconds: number * unit, taken: 2, unit });
        }
        let after = after.strip_prefix('-').unwrap_or(after);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (name, next) = after.split_at_checked(end)?;
        let unit = unit(name).filter(|unit| *unit < smallest)?;
        seconds += number * unit;
        smallest = unit;
        rest = next;
    }
    (smallest < f64::INFINITY).then_some(Part { seconds, taken: 1, unit: smallest })
}

/// "a minute", "five minutes", "half an hour".
fn spelled_out(words: &[&str]) -> Option<Part> {
    const NUMBERS: [(&str, f64); 21] = [
        ("a", 1.0),
        ("an", 1.0),
        ("one", 1.0),
        ("half", 0.5),
        ("two", 2.0),
        ("three", 3.0),
        ("four", 4.0),
        ("five", 5.0),
        ("six", 6.0),
        ("seven", 7.0),
        ("eight", 8.0),
        ("nine", 9.0),
        ("ten", 10.0),
        ("twelve", 12.0),
        ("fifteen", 15.0),
        ("twenty", 20.0),
        ("thirty", 30.0),
        ("forty", 40.0),
        ("fifty", 50.0),
        ("sixty", 60.0),
        ("ninety", 90.0),
    ];
    let word = words.first()?;
    let number = NUMBERS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name))?.1;
    let article = words.get(1).is_some_and(|word| is_any(word, &["a", "an"]));
    let taken = 2 + usize::from(article);
    let unit = unit(words.get(taken - 1)?)?;
    Some(Part { seconds: number * unit, taken, unit })
}

/// The number that a string starts with, and what follows.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

/// Seconds in a unit.
fn unit(word: &str) -> Option<f64> {
    const UNITS: [(f64, &[&str]); 9] = [
        (0.000_001, &["us", "\u{b5}s", "\u{3bc}s", "microsecond", "microseconds"]),
        (0.001, &["ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"]),
        (1.0, &["s", "sec", "secs", "second", "seconds"]),
        (60.0, &["m", "min", "mins", "minute", "minutes"]),
        (3_600.0, &["h", "hr", "hrs", "hour", "hours"]),
        (86_400.0, &["d", "day", "days"]),
        (604_800.0, &["w", "wk", "wks", "week", "weeks"]),
        (2_592_000.0, &["mo", "month", "months"]),
        (31_536_000.0, &["y", "yr", "yrs", "year", "years"]),
    ];
    UNITS.iter().find(|(_, names)| is_any(word.trim_end_matches('.'), names)).map(|(seconds, _)| *seconds)
}
