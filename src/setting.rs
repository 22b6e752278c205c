//! The checks of every setting, wherever it comes from: code, environment or file.
//!
//! Secrets, ids and addresses are copied by people and programs, with the same mistakes: a line
//! end from a file, quotes from an env file, a placeholder that nobody filled in. They are refused when a client, a login
//! or a verifier is built, in the same words everywhere, instead of as a 401 later.

use std::fmt;

/// What a setting has to be beside whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A bearer token: visible ASCII without blanks.
    #[cfg(feature = "client")]
    Token,
    /// An address: no blanks.
    #[cfg(feature = "client")]
    Address,
    /// Any text that a header or a form can carry; blanks inside are part of it.
    Text,
}

/// What is wrong with a setting. `Display` completes the sentence "the API key …" and repeats nothing of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    LineEnd,
    SeveralLines,
    Blank,
    Control,
    Invisible(char),
    Quoted,
    Placeholder,
    #[cfg(feature = "client")]
    Scheme,
    #[cfg(feature = "client")]
    NotAscii,
}

/// Checks a setting before it is used; what passes is used as it is.
pub(crate) fn check(form: Form, text: &str) -> Result<(), Fault> {
    if let Some(invisible) = text.chars().find(|c| is_invisible(*c)) {
        return Err(Fault::Invisible(invisible));
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Fault::Empty);
    }
    let has_line_end = |text: &str| text.contains(['\r', '\n', '\u{85}', '\u{2028}', '\u{2029}']);
    if has_line_end(text) {
        return Err(if has_line_end(trimmed) { Fault::SeveralLines } else { Fault::LineEnd });
    }
    if is_quoted(trimmed) {
        return Err(Fault::Quoted);
    }
    if is_placeholder(trimmed) {
        return Err(Fault::Placeholder);
    }
    if trimmed.len() != text.len() {
        return Err(Fault::Blank);
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::Control);
    }
    match form {
        Form::Text => Ok(()),
        #[cfg(feature = "client")]
        Form::Address => {
            if text.contains(char::is_whitespace) {
                Err(Fault::Blank)
            } else {
                Ok(())
            }
        }
        #[cfg(feature = "client")]
        Form::Token => check_token(text),
    }
}

#[cfg(feature = "client")]
fn check_token(text: &str) -> Result<(), Fault> {
    let scheme = text.split(char::is_whitespace).next().unwrap_or_default();
    if scheme.len() < text.len() && scheme.trim_end_matches(':').eq_ignore_ascii_case("bearer") {
        return Err(Fault::Scheme);
    }
    if text.contains(char::is_whitespace) {
        return Err(Fault::Blank);
    }
    if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(Fault::NotAscii) }
}

/// Characters that take no space: byte order mark, zero-width, soft hyphen, direction marks.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{FEFF}' | '\u{AD}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
}

fn is_quoted(text: &str) -> bool {
    let mut characters = text.chars();
    let (Some(first), Some(last)) = (characters.next(), characters.next_back()) else { return false };
    matches!(
        (first, last),
        ('"', '"')
            | ('\'', '\'')
            | ('`', '`')
            | ('\u{201C}' | '\u{201D}' | '\u{201E}', '\u{201C}' | '\u{201D}')
            | ('\u{2018}' | '\u{2019}', '\u{2018}' | '\u{2019}')
    )
}

/// Whether a template was handed over instead of what should have been put into it.
fn is_placeholder(text: &str) -> bool {
    let within = |open: &str, close: &str| {
        text.find(open).is_some_and(|at| text.get(at..).is_some_and(|rest| rest.contains(close)))
    };
    let whole = |open: &str, close: &str| text.len() > open.len() && text.starts_with(open) && text.ends_with(close);
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    within("${", "}")
        || within("{{", "}}")
        || whole("<", ">")
        || whole("$(", ")")
        || text.strip_prefix('$').is_some_and(is_name)
        || text.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')).is_some_and(is_name)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::LineEnd => "has a line end in it: remove it, for instance with `printf %s` instead of `echo`",
            Self::SeveralLines => "has line ends in it: give one line, without anything before or after it",
            Self::Blank => "has white space in it: give it without anything around it",
            Self::Control => "has a control character in it",
            Self::Invisible(c) => {
                return write!(f, "has an invisible character in it (U+{:04X}): type it anew", u32::from(*c));
            }
            Self::Quoted => "is in quotes: remove them; env files and YAML lists hand them over as part of the value",
            Self::Placeholder => "is a placeholder that was not filled in",
            #[cfg(feature = "client")]
            Self::Scheme => "begins with `Bearer`: give the token alone",
            #[cfg(feature = "client")]
            Self::NotAscii => "has characters that no token has",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accidents_of_copying_are_refused() {
        for (text, fault) in [
            ("", Fault::Empty),
            (" \t", Fault::Empty),
            ("\n", Fault::Empty),
            ("key\n", Fault::LineEnd),
            ("key\r\n", Fault::LineEnd),
            ("\nkey", Fault::LineEnd),
            ("k\ney", Fault::SeveralLines),
            ("key\r\nother\r\n", Fault::SeveralLines),
            ("key ", Fault::Blank),
            ("\u{a0}key", Fault::Blank),
            ("k\u{7}ey", Fault::Control),
            ("\u{feff}key", Fault::Invisible('\u{feff}')),
            ("ke\u{200b}y", Fault::Invisible('\u{200b}')),
            ("key\u{202e}", Fault::Invisible('\u{202e}')),
            ("\"key\"", Fault::Quoted),
            ("'key'", Fault::Quoted),
            ("`key`", Fault::Quoted),
            ("\u{201c}key\u{201d}", Fault::Quoted),
            (" 'key'", Fault::Quoted),
            ("${ONE_API_KEY}", Fault::Placeholder),
            ("https://${HOST}/api", Fault::Placeholder),
            ("{{ key }}", Fault::Placeholder),
            ("<your key>", Fault::Placeholder),
            ("$(cat key)", Fault::Placeholder),
            ("$ONE_API_KEY", Fault::Placeholder),
            ("%ONE_API_KEY%", Fault::Placeholder),
        ] {
            assert_eq!(check(Form::Text, text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_an_accident_passes() {
        for text in
            ["key", "a key with blanks", "it's", "\"", "$ecret", "100%", "a<b>c", "{x}", "sch\u{fc}ssel", "pa$$w0rd{}"]
        {
            assert_eq!(check(Form::Text, text), Ok(()), "{text:?}");
        }
    }

    #[cfg(feature = "client")]
    #[test]
    fn a_token_and_an_address_have_no_blanks() {
        assert_eq!(check(Form::Token, "Bearer key"), Err(Fault::Scheme));
        assert_eq!(check(Form::Token, "bearer: key"), Err(Fault::Scheme));
        assert_eq!(check(Form::Token, "the key"), Err(Fault::Blank));
        assert_eq!(check(Form::Token, "k\u{e9}y"), Err(Fault::NotAscii));
        assert_eq!(check(Form::Token, "eyJh.bGci+/=="), Ok(()));
        assert_eq!(check(Form::Address, "https://a b"), Err(Fault::Blank));
        assert_eq!(check(Form::Address, "https://onehorizon.ai/api/v1"), Ok(()));
    }
}
