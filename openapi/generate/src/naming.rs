//! Names: from the document's spelling to Rust's.

use std::collections::BTreeSet;

/// Names that emitted code uses without a path; a model may not take them.
const TAKEN: &[&str] = &[
    "A",
    "Access",
    "AsRef",
    "BTreeMap",
    "BodyOf",
    "Box",
    "ByStatus",
    "Bytes",
    "Call",
    "Clone",
    "Configuration",
    "Copy",
    "D",
    "Debug",
    "Default",
    "Deserialize",
    "Deserializer",
    "Display",
    "Drop",
    "E",
    "Eq",
    "Err",
    "Error",
    "Extra",
    "Field",
    "Fn",
    "From",
    "Hash",
    "IgnoredAny",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "Json",
    "Key",
    "MapAccess",
    "Method",
    "None",
    "Ok",
    "OneOrMany",
    "Operation",
    "Option",
    "Ord",
    "ParseEnumError",
    "PartialEq",
    "PartialOrd",
    "Pending",
    "Presence",
    "Response",
    "Result",
    "RetryClass",
    "S",
    "Secret",
    "Self",
    "Send",
    "Serialize",
    "SerializeMap",
    "Serializer",
    "Sized",
    "Some",
    "StatusCode",
    "String",
    "Sync",
    "T",
    "Timestamp",
    "ToOwned",
    "ToString",
    "UnknownValue",
    "Unreadable",
    "Unsent",
    "V",
    "Vec",
    "Visitor",
];

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// `taskContributors`, `task-contributors`, `TASK_CONTRIBUTORS` -> `task_contributors`.
pub(crate) fn snake(text: &str) -> String {
    let joined = words(text).join("_");
    let name = guard(&joined, "n", "value");
    if KEYWORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// The name of a module, which is also that of a file: ASCII, and of a length that every file system takes.
pub(crate) fn module(text: &str) -> String {
    const LONGEST: usize = 100;
    let name = snake(text);
    let spelt: String =
        name.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("u{:x}", u32::from(c)) }).collect();
    if spelt.len() > LONGEST { spelt.chars().take(LONGEST).collect() } else { spelt }
}

/// `task_status`, `taskStatus`, `task status` -> `TaskStatus`.
pub(crate) fn pascal(text: &str) -> String {
    let joined: String = words(text).iter().map(|word| capital(word)).collect();
    guard(&joined, "N", "Value")
}

/// `fetchTask` -> `FETCH_TASK`.
pub(crate) fn shouting(text: &str) -> String {
    guard(&words(text).join("_").to_uppercase(), "N", "VALUE")
}

/// Is this usable as an identifier as it stands (what curation says must be)?
pub(crate) fn is_identifier(text: &str) -> bool {
    // The parser forgives white space and comments around a name, and takes `r#`; an identifier as such does not.
    !text.starts_with("r#") && syn::parse_str::<syn::Ident>(text).is_ok_and(|ident| ident == text)
}

/// No empty name, no leading digit, nothing that is not an identifier.
fn guard(joined: &str, prefix: &str, fallback: &str) -> String {
    if joined.is_empty() {
        return fallback.to_owned();
    }
    let started = if joined.starts_with(|first: char| first.is_ascii_digit()) {
        format!("{prefix}{joined}")
    } else {
        joined.to_owned()
    };
    let checked = format!("{started}_");
    if is_identifier(&checked) {
        return started;
    }
    // Some alphabetic characters may not stand in an identifier: spell them by their number.
    let spelt: String = started
        .chars()
        .map(|c| if c == '_' || c.is_ascii_alphanumeric() { c.to_string() } else { format!("u{:x}", u32::from(c)) })
        .collect();
    spelt
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The words of a name, in lower case. Symbols separate words; a name of symbols alone is spelt out.
fn words(text: &str) -> Vec<String> {
    let text = text.trim();
    let signed =
        |sign: char| text.strip_prefix(sign).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let mut words = Vec::new();
    if signed('+') {
        words.push("plus".to_owned());
    } else if signed('-') {
        words.push("minus".to_owned());
    }
    let chars: Vec<char> = text.chars().collect();
    let mut word = String::new();
    for (index, &c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            flush(&mut word, &mut words);
            continue;
        }
        let before = index.checked_sub(1).and_then(|i| chars.get(i)).copied();
        let after = chars.get(index + 1).copied();
        let hump = c.is_uppercase()
            && before.is_some_and(|b| {
                b.is_lowercase() || b.is_ascii_digit() || (b.is_uppercase() && after.is_some_and(char::is_lowercase))
            });
        if hump {
            flush(&mut word, &mut words);
        }
        word.extend(c.to_lowercase());
    }
    flush(&mut word, &mut words);
    if words.is_empty() { chars.iter().filter_map(|&c| symbol(c)).map(str::to_owned).collect() } else { words }
}

fn flush(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

fn symbol(c: char) -> Option<&'static str> {
    Some(match c {
        '+' => "plus",
        '-' => "minus",
        '*' => "star",
        '/' => "slash",
        '<' => "less",
        '>' => "greater",
        '=' => "equal",
        '!' => "not",
        '%' => "percent",
        '&' => "and",
        '|' => "or",
        '.' => "dot",
        ',' => "comma",
        ':' => "colon",
        '#' => "hash",
        '@' => "at",
        '$' => "dollar",
        '~' => "tilde",
        '^' => "caret",
        '?' => "question",
        '_' => "underscore",
        _ => return None,
    })
}

/// Names already given in one namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// A namespace in which the given names are taken.
    pub(crate) fn without(taken: &[&str]) -> Self {
        Self(taken.iter().map(|&name| name.to_owned()).collect())
    }

    /// These too are taken.
    pub(crate) fn and(mut self, taken: &[&str]) -> Self {
        self.0.extend(taken.iter().map(|&name| name.to_owned()));
        self
    }

    /// Gives `wanted`, or the first of `wanted2`, `wanted3`… that is free.
    pub(crate) fn claim(&mut self, wanted: &str) -> String {
        let separator = if wanted.chars().any(char::is_uppercase) { "" } else { "_" };
        let mut name = wanted.to_owned();
        let mut number = 2_u32;
        while !self.0.insert(name.clone()) {
            name = format!("{}{separator}{number}", wanted.trim_end_matches('_'));
            number += 1;
        }
        name
    }

    /// Is the name still free?
    pub(crate) fn is_free(&self, name: &str) -> bool {
        !self.0.contains(name)
    }
}

/// The namespace of types: what emitted code uses without a path is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypeNames(Names);

impl TypeNames {
    /// Gives `wanted`, with a suffix if emitted code needs that name itself or another type has it.
    pub(crate) fn claim(&mut self, wanted: &str, suffix: &str) -> String {
        if TAKEN.contains(&wanted) || !self.0.is_free(wanted) {
            let longer = format!("{wanted}{suffix}");
            return self.0.claim(&longer);
        }
        self.0.claim(wanted)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_models_exports_is_no_name_of_a_model() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/models/mod.rs");
        let file = syn::parse_file(&std::fs::read_to_string(path).unwrap()).unwrap();
        let mut names = Vec::new();
        for item in &file.items {
            if let syn::Item::Use(item) = item
                && matches!(item.vis, syn::Visibility::Public(_))
            {
                exported(&item.tree, &mut names);
            }
        }
        assert!(names.contains(&"Presence".to_owned()), "{names:?}");
        for name in names {
            assert_eq!(TypeNames::default().claim(&name, "Model"), format!("{name}Model"));
        }
    }

    /// The types that a `use` names.
    fn exported(tree: &syn::UseTree, names: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => exported(&path.tree, names),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| exported(tree, names)),
            syn::UseTree::Name(name) if name.ident.to_string().starts_with(char::is_uppercase) => {
                names.push(name.ident.to_string());
            }
            _ => {}
        }
    }

    #[test]
    fn snake_names() {
        for (from, to) in [
            ("taskId", "task_id"),
            ("TaskContributors", "task_contributors"),
            ("HTTPServerURL", "http_server_url"),
            ("oauth2Token", "oauth2_token"),
            ("X-Request-ID", "x_request_id"),
            ("scope[]", "scope"),
            ("utf8Text", "utf8_text"),
            ("ISO8601Date", "iso8601_date"),
        ] {
            assert_eq!(snake(from), to, "{from}");
        }
    }

    #[test]
    fn pascal_names() {
        for (from, to) in [
            ("in_progress", "InProgress"),
            ("task status", "TaskStatus"),
            ("issue-comment.created", "IssueCommentCreated"),
            ("OAuthToken", "OAuthToken"),
            ("repos/get-content", "ReposGetContent"),
            ("A", "A"),
        ] {
            assert_eq!(pascal(from), to, "{from}");
        }
    }

    #[test]
    fn modules_are_files() {
        assert_eq!(module("TaskStatus"), "task_status");
        assert_eq!(module("größe"), "gruf6udfe");
        assert_eq!(module(&"x".repeat(400)).len(), 100);
    }

    #[test]
    fn constants() {
        assert_eq!(shouting("fetchTask"), "FETCH_TASK");
    }

    #[test]
    fn keywords_get_an_underscore() {
        assert_eq!(snake("type"), "type_");
        assert_eq!(snake("Self"), "self_");
        assert_eq!(snake("gen"), "gen_");
    }

    #[test]
    fn leading_digits_get_a_letter() {
        assert_eq!(snake("2fa"), "n2fa");
        assert_eq!(pascal("404"), "N404");
    }

    #[test]
    fn signs_and_symbols_are_spelt_out() {
        assert_eq!(pascal("+1"), "Plus1");
        assert_eq!(pascal("-1"), "Minus1");
        assert_eq!(pascal(">="), "GreaterEqual");
        assert_eq!(pascal("*"), "Star");
        assert_eq!(pascal(""), "Value");
        assert_eq!(pascal("☃"), "Value");
    }

    #[test]
    fn other_alphabets_stay_where_rust_allows_them() {
        assert_eq!(snake("größe"), "größe");
        assert_eq!(pascal("状態"), "状態");
        assert_eq!(snake("x²"), "xub2");
    }

    #[test]
    fn collisions_are_numbered_in_order() {
        let mut names = Names::default();
        assert_eq!(names.claim("task_id"), "task_id");
        assert_eq!(names.claim("task_id"), "task_id_2");
        assert_eq!(names.claim("type_"), "type_");
        assert_eq!(names.claim("type_"), "type_2");
    }

    #[test]
    fn models_do_not_shadow_what_emitted_code_uses() {
        let mut names = TypeNames::default();
        assert_eq!(names.claim("Option", "Model"), "OptionModel");
        assert_eq!(names.claim("Task", "Model"), "Task");
        assert_eq!(names.claim("Task", "Model"), "TaskModel");
        assert_eq!(names.claim("Task", "Model"), "TaskModel2");
    }
}
