//! The checks of every setting, wherever it comes from: code, environment or file.
//!
//! Secrets, ids and addresses are copied by people and programs, with the same mistakes: a line
//! end from a file, quotes from an env file, a placeholder that nobody filled in. They are refused when a client, a login
//! or a verifier is built, in the same words everywhere, instead of as a 401 later.

mod placeholder;
#[cfg(test)]
mod tests;

use std::fmt;

use self::placeholder::is_placeholder;

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
    /// An id: a string that is neither a template's name nor an address.
    #[cfg(feature = "client")]
    Id,
    /// A value in a path, which may be a word that no id is: `todo`.
    #[cfg(feature = "client")]
    Segment,
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
    OddBlank(char),
    /// Bytes that were not text have been replaced.
    Undecodable,
    Quoted,
    Placeholder,
    /// The name of a variable is before the value.
    Line,
    Scheme,
    #[cfg(feature = "client")]
    Address,
    #[cfg(feature = "client")]
    PortZero,
    #[cfg(feature = "client")]
    NotAscii,
}

/// Checks a setting before it is used; what passes is used as it is.
pub(crate) fn check(form: Form, text: &str) -> Result<(), Fault> {
    // Every call has such ids: most rules need no look at them.
    #[cfg(feature = "client")]
    if matches!(form, Form::Id | Form::Segment) && is_plain(text) {
        return if placeholder::is_plain_placeholder(form, text) { Err(Fault::Placeholder) } else { Ok(()) };
    }
    check_closely(form, text)
}

/// Letters, digits, `-` and `_`, of which no rule but that of words for no value speaks.
#[cfg(feature = "client")]
fn is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn check_closely(form: Form, text: &str) -> Result<(), Fault> {
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
    if is_placeholder(form, trimmed) {
        return Err(Fault::Placeholder);
    }
    if is_line_of_an_env_file(trimmed) {
        return Err(Fault::Line);
    }
    if trimmed.len() != text.len() {
        return Err(Fault::Blank);
    }
    if let Some(blank) = text.chars().find(|c| c.is_whitespace() && !c.is_control() && *c != ' ') {
        return Err(Fault::OddBlank(blank));
    }
    if text.contains('\u{fffd}') {
        return Err(Fault::Undecodable);
    }
    if text.chars().any(|c| c.is_control() || is_not_a_character(c)) {
        return Err(Fault::Control);
    }
    let scheme = text.split(' ').next().unwrap_or_default();
    if scheme.len() < text.len() && scheme.trim_end_matches(':').eq_ignore_ascii_case("bearer") {
        return Err(Fault::Scheme);
    }
    match form {
        Form::Text => Ok(()),
        #[cfg(feature = "client")]
        Form::Id | Form::Segment if text.contains("://") => Err(Fault::Address),
        #[cfg(feature = "client")]
        Form::Id | Form::Segment => Ok(()),
        #[cfg(feature = "client")]
        Form::Address if text.contains(' ') => Err(Fault::Blank),
        #[cfg(feature = "client")]
        Form::Address if has_port_zero(text) => Err(Fault::PortZero),
        #[cfg(feature = "client")]
        Form::Address => Ok(()),
        #[cfg(feature = "client")]
        Form::Token if text.contains(' ') => Err(Fault::Blank),
        #[cfg(feature = "client")]
        Form::Token => {
            if text.bytes().all(|byte| byte.is_ascii_graphic()) {
                Ok(())
            } else {
                Err(Fault::NotAscii)
            }
        }
    }
}

/// Whether an address has the port 0, at which nothing listens.
#[cfg(feature = "client")]
fn has_port_zero(address: &str) -> bool {
    let (_, host, _) = placeholder::parts(address);
    let port = host.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| !port.is_empty() && port.bytes().all(|digit| digit == b'0'))
}

/// Characters that nobody sees: those of the categories `Format` and `Default_Ignorable_Code_Point` of Unicode, and the empty
/// letters of Hangul and Braille.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{600}'..='\u{605}'
            | '\u{61C}'
            | '\u{6DD}'
            | '\u{70F}'
            | '\u{890}' | '\u{891}'
            | '\u{8E2}'
            | '\u{115F}' | '\u{1160}'
            | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{110BD}' | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Code points that never are characters.
fn is_not_a_character(c: char) -> bool {
    let code = u32::from(c);
    matches!(c, '\u{FDD0}'..='\u{FDEF}') || code & 0xFFFE == 0xFFFE
}

/// Whether a string begins with a quotation mark and ends with the one that belongs to it, in the ways of all languages.
fn is_quoted(text: &str) -> bool {
    const SINGLE: &str = "'\u{2018}\u{2019}\u{201A}\u{201B}";
    const DOUBLE: &str = "\"\u{201C}\u{201D}\u{201E}\u{201F}\u{FF02}";
    const ALIKE: [&str; 7] = [
        SINGLE,
        DOUBLE,
        "`\u{B4}",
        "\u{AB}\u{BB}",
        "\u{2039}\u{203A}",
        "\u{300C}\u{300D}\u{300E}\u{300F}",
        "\u{300A}\u{300B}\u{3008}\u{3009}",
    ];
    let mut characters = text.chars();
    let (Some(first), Some(last)) = (characters.next(), characters.next_back()) else { return false };
    ALIKE.iter().any(|marks| marks.contains(first) && marks.contains(last))
}

/// `ONE_API_KEY=the-key`, with `export` before it or not; what ends with `=` may be base64.
fn is_line_of_an_env_file(text: &str) -> bool {
    let line = text.strip_prefix("export ").unwrap_or(text);
    let is_name = |name: &str| name.contains('_') && placeholder::is_name(name);
    line.split_once('=').is_some_and(|(name, value)| is_name(name) && !value.trim_start_matches('=').is_empty())
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
            Self::OddBlank(c) => {
                return write!(f, "has a blank in it that no keyboard types (U+{:04X}): type it anew", u32::from(*c));
            }
            Self::Undecodable => {
                "has U+FFFD in it, which stands for bytes that were not text: take it from its source again"
            }
            Self::Quoted => "is in quotes: remove them; env files and YAML lists hand them over as part of the value",
            Self::Placeholder => "is a placeholder that was not filled in",
            Self::Line => "is a whole line of an env file: give what is behind the `=`",
            Self::Scheme => "begins with `Bearer`: give the token alone",
            #[cfg(feature = "client")]
            Self::Address => "is a whole address: give the id alone",
            #[cfg(feature = "client")]
            Self::PortZero => "has the port 0, at which nothing listens",
            #[cfg(feature = "client")]
            Self::NotAscii => "has characters that no token has",
        })
    }
}
