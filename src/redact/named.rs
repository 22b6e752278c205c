//! Finds secrets by the names beside them: in JSON, forms, headers, XML and prose.
//!
//! A service may put what it has just made, a key or a token, into a response that is shown as an error. Only the
//! name beside it is known.

use std::borrow::Cow;
use std::ops::Range;

use super::REDACTED;

/// A name with one of these in it has a secret for a value.
const WITHIN: [&str; 17] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "authorization",
    "authorisation",
    "credential",
    "cookie",
    "apikey",
    "accesskey",
    "privatekey",
    "bearer",
    "jwt",
    "assertion",
];

/// And one with one of these at its end, or alone.
const AT_THE_END: [&str; 4] = ["key", "keys", "auth", "verifier"];
const ALONE: [&str; 7] = ["pass", "pin", "otp", "sid", "session", "sessionid", "signature"];

/// Unless it ends with one of these: `tokenType`, `secretId`, `key_name`.
const HARMLESS: [&str; 21] = [
    "id", "ids", "type", "kind", "name", "names", "count", "limit", "status", "error", "errors", "at", "in", "url",
    "uri", "endpoint", "expires", "expiry", "ttl", "scope", "scopes",
];

/// Names longer than this are not looked at.
const LONGEST_NAME: usize = 128;

/// Whether the value of this name is a secret, whatever it looks like: `access_token`, `clientSecret`, `X-Api-Key`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        // Digits count the names: `key2`.
        if c.is_alphabetic() {
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
        before = c;
    }
    words.retain(|word| !word.is_empty() && word != "v");
    let name = words.concat();
    if words.len() > 1 && words.last().is_some_and(|last| HARMLESS.contains(&last.as_str())) {
        return false;
    }
    WITHIN.iter().any(|part| name.contains(part))
        || AT_THE_END.iter().any(|end| name.ends_with(end))
        || ALONE.contains(&name.as_str())
}

/// The text without the values of secret names.
pub(crate) fn without_named(text: &str) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut clean, mut at) = (String::with_capacity(text.len()), 0);
    for range in found {
        clean.push_str(text.get(at..range.start).unwrap_or_default());
        clean.push_str(REDACTED);
        at = range.end;
    }
    clean.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(clean)
}

/// The values of secret names, to look for them elsewhere; not those of a few letters, which are found in innocent words.
pub(super) fn values(text: &str) -> Vec<String> {
    let values = find(text).into_iter().filter_map(|range| text.get(range)).flat_map(|value| {
        let strings = value.split('"').filter(|_| value.starts_with(['{', '[']));
        strings.chain([value]).map(decoded).collect::<Vec<_>>()
    });
    values.filter(|value| value.len() >= super::SHORTEST_REAL).collect()
}

/// Whether a secret name may be in the text: most have none, and this costs a fraction of a search.
fn may_have_secret_names(text: &str) -> bool {
    // Escapes and other alphabets can spell a name in more ways.
    if !text.is_ascii() || text.contains('\\') {
        return true;
    }
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        // How each secret name goes on after a letter in it.
        let ends: &[&str] = match first | 0x20 {
            b'a' => &["uth", "ssertion"],
            b'b' => &["earer"],
            b'c' => &["ookie", "redential"],
            b'j' => &["wt"],
            b'k' => &["ey"],
            b'o' => &["tp"],
            b'p' => &["ass", "wd", "in"],
            b's' => &["ecret", "ession", "id", "ignature"],
            b't' => &["oken"],
            b'v' => &["erifier"],
            b'w' => &["ord"],
            _ => &[],
        };
        let goes_on =
            |end: &&str| after.get(..end.len()).is_some_and(|found| found.eq_ignore_ascii_case(end.as_bytes()));
        if ends.iter().any(goes_on) {
            return true;
        }
        rest = after;
    }
    false
}

/// Where the values of secret names are.
fn find(text: &str) -> Vec<Range<usize>> {
    if !may_have_secret_names(text) {
        return Vec::new();
    }
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(separator) = text.get(at..).and_then(|rest| rest.find([':', '=', '>', ' '])).map(|index| at + index)
    {
        at = separator + 1;
        if let Some(value) = named_value(text, separator) {
            at = at.max(value.end);
            found.push(value);
        }
    }
    found
}

/// How a name and its value stand together.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// `"name": value`, `name=value`, `name:value`: whatever the value is.
    Data,
    /// `<name>value</name>`.
    Element,
    /// `name: value` among other words: the value may be one of them.
    Prose,
    /// `name value`.
    Neighbours,
}

/// The value after a separator, if the name before it is one of a secret.
fn named_value(text: &str, separator: usize) -> Option<Range<usize>> {
    let before = text.get(..separator)?;
    let sign = text.get(separator..)?.chars().next()?;
    if sign == ' ' && before.ends_with([':', '=', ' ', ',']) {
        return None;
    }
    let (name, name_start) = name_at_end(before)?;
    let is_quoted = before.trim_end().ends_with(['"', '\'', '`']);
    if !is_secret_name(&name) || (sign == ' ' && is_quoted) {
        return None;
    }
    let signs = |c: char| matches!(c, ':' | '=' | '>' | ' ' | '\t');
    let rest = text.get(separator..)?;
    let start = separator + rest.len() - rest.trim_start_matches(signs).len();
    let value = text.get(start..)?;
    let form = match sign {
        '>' if before.get(..name_start)?.ends_with('<') => Form::Element,
        '>' => return None,
        ' ' if value.starts_with(['"', '\'', '{', '[']) => return None,
        ' ' => Form::Neighbours,
        ':' if !is_quoted && start > separator + 1 && !fills_a_line(before.get(..name_start)?, value) => Form::Prose,
        _ => Form::Data,
    };
    let place = if form == Form::Element {
        0..value.find('<').unwrap_or(value.len())
    } else if let Some(inner) = quoted(value) {
        inner
    } else if value.starts_with(['{', '[']) {
        0..balanced(value).or_else(|| (form == Form::Data).then_some(value.len()))?
    } else {
        bare(value, &name, form)?
    };
    not_redacted(text, start + place.start..start + place.end)
}

fn not_redacted(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let value = text.get(range.clone())?;
    // A bare word ends before the bracket.
    let is_redacted = value == REDACTED || value == REDACTED.trim_end_matches(']');
    (!value.trim().is_empty() && !is_redacted).then_some(range)
}

/// The name that a string ends with, and where it starts: quoted, or a run of letters.
fn name_at_end(before: &str) -> Option<(String, usize)> {
    let before = before.trim_end();
    let mut name = before;
    let last = before.chars().next_back()?;
    let start = if matches!(last, '"' | '\'' | '`') {
        name = before.get(..before.len() - 1)?.trim_end_matches('\\');
        name.rfind(last)? + 1
    } else {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        before.trim_end_matches(is_part).len()
    };
    let name = name.get(start..).filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME)?;
    Some((decoded(name), start))
}

/// A string of JSON without its escapes.
fn decoded(text: &str) -> String {
    let decode = || serde_json::from_str(&format!("\"{text}\"")).ok();
    text.contains('\\').then(decode).flatten().unwrap_or_else(|| text.to_owned())
}

/// What is in the quotes that a string begins with; to its end if they are not closed.
fn quoted(text: &str) -> Option<Range<usize>> {
    // Quotes of JSON within a string of JSON are escaped, and so is their end.
    let escapes = text.bytes().take_while(|byte| *byte == b'\\').count();
    let quote = text.get(escapes..)?.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let start = escapes + 1;
    let mut at = start;
    while let Some(end) = text.get(at..).and_then(|rest| rest.find(quote)).map(|index| at + index) {
        let before = text.get(start..end)?;
        let backslashes = before.len() - before.trim_end_matches('\\').len();
        if backslashes == escapes || (escapes == 0 && backslashes % 2 == 0) {
            return Some(start..end - escapes);
        }
        at = end + 1;
    }
    Some(start..text.len())
}

/// The length of the object or list that a string begins with.
fn balanced(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(c) = text.get(at..)?.chars().next() {
        let length = match c {
            '{' | '[' => {
                depth += 1;
                1
            }
            '}' | ']' => {
                depth = depth.checked_sub(1)?;
                1
            }
            '"' => quoted(text.get(at..)?)?.end + 1,
            other => other.len_utf8(),
        };
        at += length;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The word that a string begins with, or the one after the name of a scheme (`Bearer`), if it is a secret.
fn bare(value: &str, name: &str, form: Form) -> Option<Range<usize>> {
    let word = |start: usize| {
        let rest = value.get(start..)?;
        let start = start + rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let rest = value.get(start..)?;
        let ends = |c: char| {
            c.is_whitespace() || matches!(c, ',' | ';' | '&' | '<' | '>' | ')' | ']' | '}' | '"' | '\'' | '`')
        };
        let found = rest.get(..rest.find(ends).unwrap_or(rest.len()))?.trim_end_matches(['.', '!', '?', '\\']);
        (!found.is_empty()).then_some((found, start..start + found.len()))
    };
    let (first, place) = word(0)?;
    if name.to_ascii_lowercase().ends_with("cookie") && form != Form::Neighbours {
        return Some(0..value.find(['\r', '\n', '"']).unwrap_or(value.len()));
    }
    let is = |words: &[&str]| words.iter().any(|word| first.eq_ignore_ascii_case(word));
    if form != Form::Neighbours && is(&["bearer", "basic", "token", "apikey", "digest", "negotiate"]) {
        return word(place.end).map(|(_, place)| place).or(Some(place));
    }
    if form == Form::Neighbours && is(&["is", "was", "of", "value"]) {
        return word(place.end).filter(|(second, _)| is_random(second)).map(|(_, place)| place);
    }
    let is_secret = match form {
        Form::Data | Form::Element => !is(&["null", "true", "false", "none", "undefined"]),
        Form::Prose => {
            let has = |is: fn(char) -> bool| first.chars().skip(1).any(is);
            first.len() >= 6
                && (is_random(first) || has(|c| c == '_') || (has(char::is_uppercase) && has(char::is_lowercase)))
        }
        Form::Neighbours => is_random(first),
    };
    is_secret.then_some(place)
}

/// Whether no word of a language looks like this.
fn is_random(word: &str) -> bool {
    let has = |is: fn(char) -> bool| word.chars().any(is);
    word.len() >= 8
        && (has(|c| c.is_ascii_digit())
            || (has(|c| matches!(c, '_' | '-')) && has(char::is_uppercase))
            || word.len() >= 32)
}

/// Whether name and value are a line by themselves, as in a dump of headers.
fn fills_a_line(before_name: &str, value: &str) -> bool {
    let line = value.split(['\r', '\n']).next().unwrap_or_default().trim();
    (before_name.is_empty() || before_name.ends_with('\n')) && !line.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_way_of_writing_names() {
        let secret = "token access_token accessToken refresh-token ID_TOKEN tokens secret clientSecret secretValue password \
                      newPassword passwd pwd passphrase key keys apiKey api_key APIKEY X-Api-Key privateKey private_key_pem \
                      authorization Authorization proxy-authorization credentials Set-Cookie jwt client_assertion \
                      code_verifier otp pin key2 secret_v2 token1 session basic.auth";
        for name in secret.split_whitespace() {
            assert!(is_secret_name(name), "{name}");
        }
        let other = "title apiKeyId keyName token_type tokenExpiresAt expires_in token_endpoint description status taskId code \
                     message monkeys_eat author keyboard compass spinning secretId keyed";
        for name in other.split_whitespace().chain([""]) {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn the_value_of_a_secret_name_is_taken_out_of_every_form() {
        for (text, clean) in [
            (r#"{"secret":"oh"}"#, r#"{"secret":"[redacted]"}"#),
            (r#"{"a":1,"Secret" : "o\"h","b":2}"#, r#"{"a":1,"Secret" : "[redacted]","b":2}"#),
            (r#"{"secret":"cut of"#, r#"{"secret":"[redacted]"#),
            (r#"{"\u0073ecret":"oh"}"#, r#"{"\u0073ecret":"[redacted]"}"#),
            (r#"{"pin":1234,"a":1}"#, r#"{"pin":[redacted],"a":1}"#),
            (r#"{"tokens":["a","b"],"c":1}"#, r#"{"tokens":[redacted],"c":1}"#),
            (r#"{"token":{"value":"}","n":[1]},"c":1}"#, r#"{"token":[redacted],"c":1}"#),
            (r#"{"token":{"value":"x"#, r#"{"token":[redacted]"#),
            (r#"{"m":"{\"secret\":\"oh\",\"a\":1}"}"#, r#"{"m":"{\"secret\":\"[redacted]\",\"a\":1}"}"#),
            ("{'secret': 'oh'}", "{'secret': '[redacted]'}"),
            ("access_token=new&refresh_token=rotated&a=b", "access_token=[redacted]&refresh_token=[redacted]&a=b"),
            ("secret:oh", "secret:[redacted]"),
            ("a: b\r\npassword: hunter\r\nc: d", "a: b\r\npassword: [redacted]\r\nc: d"),
            ("Authorization: Bearer oh", "Authorization: Bearer [redacted]"),
            ("sent Authorization: Basic dXNl, and more", "sent Authorization: Basic [redacted], and more"),
            ("Set-Cookie: a=b; c=d\nx: y", "Set-Cookie: [redacted]\nx: y"),
            ("your API key: oh_live_1.", "your API key: [redacted]."),
            ("the new secret is oh_live_VERY", "the new secret is [redacted]"),
            ("Bearer eyJhbGciOi9 is over", "Bearer [redacted] is over"),
            ("<Key><secretKey>oh</secretKey></Key>", "<Key><secretKey>[redacted]</secretKey></Key>"),
            ("secret => 'oh'", "secret => '[redacted]'"),
        ] {
            assert_eq!(without_named(text), clean, "{text}");
            assert_eq!(without_named(clean), clean, "once is enough");
        }
    }

    #[test]
    fn words_about_secrets_stay_words() {
        for text in [
            "",
            "the token is expired",
            "API key: not found",
            "invalid token: expired",
            "the client secret is wrong, see Settings: Apps",
            "password must have 8 characters",
            "a key = ",
            r#"{"token":null,"secret":"","key":true}"#,
            r#"{"apiKeyId":"key_9","token_type":"Bearer"}"#,
            "keys: 20 at most",
            "authorization required",
            ":::===> > : =",
            "\u{e4}key\u{e4}: x",
        ] {
            assert_eq!(without_named(text), text);
        }
    }
}
