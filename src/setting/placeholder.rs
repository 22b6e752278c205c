//! Values that stand for what a person or a tool should have put in their place.

use zeroize::Zeroizing;

use super::Form;

/// Words that programs write where there is no value, and that people write into examples.
const WORDS: [&str; 17] = [
    "undefined",
    "null",
    "(null)",
    "none",
    "nil",
    "nan",
    "n/a",
    "[object object]",
    "changeme",
    "change-me",
    "change_me",
    "replaceme",
    "replace-me",
    "replace_me",
    "placeholder",
    "todo",
    "tbd",
];

/// Words of which examples are made: `your-api-key`, `INSERT_YOUR_TOKEN_HERE`.
const EXAMPLES: [&str; 36] = [
    "your",
    "insert",
    "enter",
    "paste",
    "replace",
    "with",
    "the",
    "this",
    "real",
    "actual",
    "own",
    "one",
    "horizon",
    "api",
    "oauth",
    "client",
    "access",
    "refresh",
    "webhook",
    "signing",
    "secret",
    "key",
    "token",
    "app",
    "workspace",
    "task",
    "document",
    "comment",
    "id",
    "here",
    "value",
    "password",
    "base",
    "url",
    "user",
    "me",
];

/// References that another tool should have followed: 1Password, AWS, SOPS, Vault.
const REFERENCES: [&str; 5] = ["op://", "arn:aws:", "ENC[", "vault:secret/", "$env:"];

/// Whether a template was handed over instead of what should have been put into it.
pub(super) fn is_placeholder(form: Form, text: &str) -> bool {
    let within = |open: &str, close: &str| {
        text.find(open).is_some_and(|at| text.get(at + open.len()..).is_some_and(|rest| rest.contains(close)))
    };
    let inner = |open: &str, close: &str| {
        text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).filter(|inner| !inner.is_empty())
    };
    ["${", "#{", "%{"].iter().any(|open| within(open, "}"))
        || within("{{", "}}")
        || within("<%", "%>")
        || [("<", ">"), ("$(", ")"), ("@@", "@@")].iter().any(|(open, close)| inner(open, close).is_some())
        || [("%", "%"), ("__", "__"), ("{", "}"), ("[", "]"), ("!", "!"), ("#", "#")]
            .iter()
            .any(|(open, close)| inner(open, close).is_some_and(is_name))
        || text.strip_prefix('$').is_some_and(is_name)
        || REFERENCES.iter().any(|start| starts_with(text, start))
        || (is_word(text) && !allows_words(form))
        || is_within(form, text)
}

#[cfg(feature = "client")]
fn allows_words(form: Form) -> bool {
    form == Form::Segment
}

#[cfg(not(feature = "client"))]
fn allows_words(_: Form) -> bool {
    false
}

/// What only addresses and ids are looked through for.
#[cfg(feature = "client")]
fn is_within(form: Form, text: &str) -> bool {
    match form {
        Form::Address => in_address(text),
        Form::Id | Form::Segment => is_template(text) || is_no_value(text),
        Form::Text | Form::Token => false,
    }
}

#[cfg(not(feature = "client"))]
fn is_within(_: Form, _: &str) -> bool {
    false
}

/// [`is_placeholder`] for letters, digits, `-` and `_`. No word has a digit.
#[cfg(feature = "client")]
pub(super) fn is_plain_placeholder(form: Form, text: &str) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    !has_digit && (is_no_value(text) || (!allows_words(form) && is_word(text)))
}

/// A name in the marks of a route's or a shell's template: `{taskId}`, `:taskId`, `$taskId`, `[taskId]`, `%taskId%`.
#[cfg(feature = "client")]
fn is_template(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
    };
    [("{", "}"), ("[", "]"), ("%", "%"), (":", ""), ("$", "")].iter().any(|(open, close)| {
        text.strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
            .is_some_and(|name| name.is_empty() || is_name(name))
    })
}

/// What programs write into a string where they have nothing.
#[cfg(feature = "client")]
fn is_no_value(text: &str) -> bool {
    ["undefined", "null", "(null)", "[object Object]", "NaN"].contains(&text)
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// A name as variables have it: upper case, digits, underscores.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// `null`, `changeme`, `your-api-key`, `xxxx`, `****`.
fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)) || is_mask(text) || is_example(text)
}

/// One sign, three times or more.
fn is_mask(text: &str) -> bool {
    let Some(first) = text.chars().next().map(|first| first.to_ascii_lowercase()) else { return false };
    matches!(first, 'x' | '*' | '.' | '\u{2022}' | '\u{2026}' | '-' | '_' | '?')
        && text.chars().all(|c| c.to_ascii_lowercase() == first)
        && text.chars().count() >= 3
}

/// Words of examples and nothing else, the first of which asks for something.
fn is_example(text: &str) -> bool {
    const BEGINS: [&str; 5] = ["your", "insert", "enter", "paste", "replace"];
    let first = text.chars().find(char::is_ascii_alphanumeric).map(|first| first.to_ascii_lowercase());
    if !BEGINS.iter().any(|begin| begin.chars().next() == first) {
        return false;
    }
    // The text may be a secret: its copy is erased, and none is left behind by growing.
    let mut letters = Zeroizing::new(String::with_capacity(text.len()));
    letters.extend(text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
    let mut rest = letters.as_str();
    while let Some(shorter) = EXAMPLES.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = shorter;
    }
    let begins = BEGINS.iter().find(|start| letters.starts_with(*start));
    rest.is_empty() && begins.is_some_and(|start| letters.len() > start.len())
}

/// The user, the host with its port, and the rest of an address, with or without a scheme.
#[cfg(feature = "client")]
pub(super) fn parts(address: &str) -> (&str, &str, &str) {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    (user, host, path)
}

/// `$NAME` and `%NAME%` in an address. A password may have such signs in it; a whole one that is a name is none.
#[cfg(feature = "client")]
fn in_address(address: &str) -> bool {
    let (user, host, path) = parts(address);
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let whole = |part: &str| {
        part.strip_prefix('$').is_some_and(is_name)
            || part.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')).is_some_and(is_name)
    };
    let name_of_host = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    // In a host both signs are wrong in any case.
    let in_host = host.split('$').skip(1).any(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        || host
            .split('%')
            .skip(1)
            .any(|name| !name.is_empty() && name.chars().all(is_name_char) && host.matches('%').count() > 1);
    let names = |rest: &str| {
        let mut parts = rest.split('$').skip(1);
        parts.any(|part| {
            let end = part.find(|c: char| !is_name_char(c)).unwrap_or(part.len());
            end > 1 && part.get(..end).is_some_and(is_name)
        })
    };
    // `%C3%` is the beginning of an encoded character.
    let is_encoded = |name: &str| {
        name.get(..2).is_some_and(|start| start.bytes().all(|byte| byte.is_ascii_hexdigit())) && !name.contains('_')
    };
    let percents: Vec<&str> = path.split('%').collect();
    let between = percents.get(1..percents.len().saturating_sub(1)).unwrap_or_default();
    WORDS.contains(&name_of_host.as_str())
        || host.contains(['{', '}'])
        || path.contains(['{', '}'])
        || in_host
        || user.split(':').any(whole)
        || names(path)
        || between.iter().any(|name| is_name(name) && !is_encoded(name))
}
