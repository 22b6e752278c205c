//! From the bytes of a file to a JSON value: JSON or YAML, with errors that say where and what to do.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::error::Error;
use crate::pointer::Pointer;

/// The text of a file: UTF-8, without a byte order mark.
///
/// # Errors
/// When the bytes are not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, Error> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Error::unreadable("the file is UTF-16; convert it to UTF-8, for example with `iconv`"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Error::unreadable(format!("the file is not UTF-8 (byte {at}); convert it, or download it again"))
    })?;
    Ok(text.trim_start_matches('\u{feff}'))
}

/// Reads JSON or YAML; which of the two is seen from the first character.
pub(crate) fn value(text: &str) -> Result<Value, Error> {
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        None => Err(Error::unreadable("the file is empty")),
        Some('<') => Err(Error::unreadable(
            "the file is a web page or XML, not an OpenAPI document; save the raw JSON or YAML that the page loads",
        )),
        Some('{' | '[') => json(text),
        Some(_) => yaml(text),
    }
}

fn json(text: &str) -> Result<Value, Error> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        if error.to_string().starts_with("number out of range") {
            return Error::unreadable(format!(
                "{error}: no double holds it; leave the number out, or write one below 1.8e308"
            ));
        }
        let remedy = if error.is_eof() {
            "the document ends too early, so it was cut off; download it again"
        } else if error.to_string().starts_with("recursion limit") {
            "it is nested deeper than 128 levels; bundle it with references instead"
        } else {
            "correct it there, or download it again"
        };
        Error::unreadable(format!("the document is not JSON: {error}; {remedy}"))
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    if let Err(error) = (Unique { at: Pointer::root() }).deserialize(&mut reader) {
        // serde_json appends the line and column.
        return Err(Error::unreadable(format!("{error}; readers disagree on which one counts: remove one")));
    }
    Ok(value)
}

fn yaml(text: &str) -> Result<Value, Error> {
    let value: Value = serde_saphyr::from_str_with_options(text, yaml_options())
        .map_err(|error| Error::unreadable(yaml_fault(text, error.to_string().trim_end())))?;
    if !value.is_object() {
        return Err(Error::unreadable(
            "the document is neither a JSON nor a YAML object; save the OpenAPI document itself",
        ));
    }
    Ok(value)
}

/// What is wrong with a document in YAML, and what to do; the parser speaks to programmers.
fn yaml_fault(text: &str, said: &str) -> String {
    let at = said.rfind(" at line ").and_then(|at| said.get(at..)).unwrap_or_default();
    if said.starts_with("duplicate mapping key") {
        let line = at.trim_start_matches(" at line ").split(',').next().and_then(|line| line.parse::<usize>().ok());
        let pointer = line.and_then(|line| yaml_pointer(text, line)).unwrap_or_else(Pointer::root);
        return format!(
            "{pointer}: the field stands twice in the same object{at}; readers disagree on which one counts: remove one"
        );
    }
    let remedy = if said.contains("recursive reference") {
        return format!("the document is YAML in which an alias contains itself{at}; write a `$ref` in its place");
    } else if said.contains("multiple YAML documents") {
        return format!("the file holds several YAML documents{at}; save each of them as a file of its own");
    } else if said.contains("tabs disallowed") {
        "indent with spaces"
    } else if said.contains("unclosed") || said.contains("end of") || said.contains("EOF") {
        "if it ends too early there, it was cut off: download it again"
    } else {
        "correct it there, or download it again"
    };
    format!("the document is neither JSON nor YAML: {said}; {remedy}")
}

/// The pointer of the field on a line of YAML in block style, by the indentation of what stands above it.
fn yaml_pointer(text: &str, line: usize) -> Option<Pointer> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let mut steps: Vec<String> = Vec::new();
    let mut limit = usize::MAX;
    for line in lines.iter().rev() {
        let field = line.trim_start();
        let indentation = line.len() - field.len();
        if field.is_empty() || field.starts_with('#') || indentation >= limit {
            continue;
        }
        let (name, _) = field.split_once(": ").or_else(|| field.strip_suffix(':').map(|name| (name, "")))?;
        steps.push(name.trim_start_matches("- ").trim().trim_matches(['"', '\'']).to_owned());
        limit = indentation;
        if indentation == 0 {
            break;
        }
    }
    Some(steps.iter().rev().fold(Pointer::root(), |at, step| at.field(step)))
}

/// Version 1.2 of YAML (`off` is a string); limits that large documents stay within, also for aliases that expand.
fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_events: 20_000_000,
            max_nodes: 10_000_000,
            max_depth: 128,
            enforce_alias_anchor_ratio: false,
        },
    }
}

/// Walks a value and fails at an object that has a field twice, which `serde_json` lets pass.
struct Unique {
    at: Pointer,
}

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut index = 0;
        while elements.next_element_seed(Self { at: self.at.element(index) })?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            let at = self.at.field(&name);
            if !seen.insert(name) {
                return Err(A::Error::custom(format!("{at}: the field stands twice in the same object")));
            }
            fields.next_value_seed(Self { at })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &str) -> String {
        value(text).unwrap_err().to_string()
    }

    #[test]
    fn yaml_is_read_by_the_rules_of_version_1_2() {
        let text = "openapi: 3.1.0\ninfo: {version: 2026-11-01}\npaths:\n  /a:\n    get:\n      responses:\n        200: {description: off}\n";
        let read = value(text).unwrap();
        assert_eq!(read["info"]["version"], "2026-11-01");
        assert_eq!(read["paths"]["/a"]["get"]["responses"], json!({ "200": { "description": "off" } }));
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        let text = "a: &base\n  type: string\n  nullable: true\nb:\n  <<: *base\n  nullable: false\nc: *base\n";
        let read = value(text).unwrap();
        assert_eq!(read["b"], json!({ "type": "string", "nullable": false }));
        assert_eq!(read["c"], read["a"]);
    }

    #[test]
    fn a_field_that_stands_twice_is_refused_with_its_pointer() {
        assert_eq!(
            refused("{\"paths\": {\"/a\": {}, \"/a\": {}}}"),
            "#/paths/~1a: the field stands twice in the same object at line 1 column 25; readers disagree on which one counts: remove one"
        );
        assert_eq!(
            refused("info: {}\npaths:\n  /a:\n    get: {}\n  # again\n  /a: {}\n"),
            "#/paths/~1a: the field stands twice in the same object at line 6, column 3; readers disagree on which one counts: remove one"
        );
    }

    #[test]
    fn yaml_that_cannot_be_read_says_what_to_do() {
        for (text, part) in [
            ("a: &a {b: *a}\n", "an alias contains itself"),
            ("a: 1\n---\nb: 2\n", "several YAML documents"),
            ("a:\n\tb: 1\n", "indent with spaces"),
            ("a: {b: [1, 2", "download it again"),
        ] {
            assert!(refused(text).contains(part), "{}", refused(text));
        }
    }

    #[test]
    fn what_is_no_document_says_what_to_do() {
        assert_eq!(refused(" \n"), "the file is empty");
        assert!(refused("<!DOCTYPE html>").starts_with("the file is a web page"));
        assert!(refused("{\"openapi\": \"3.1.0\", \"paths\": {").contains("cut off; download it again"));
        assert!(refused("{\"openapi\" \"3.1.0\"}").contains("correct it there"));
        assert!(refused(&"[".repeat(4000)).contains("nested deeper"));
        assert!(refused("Not Found").contains("neither a JSON nor a YAML object"));
        assert!(refused("a: [").starts_with("the document is neither JSON nor YAML"));
        assert!(text(&[0xff, 0xfe, 0x7b, 0x00]).unwrap_err().to_string().contains("UTF-16"));
        assert!(text(&[0x7b, 0xff]).unwrap_err().to_string().contains("not UTF-8 (byte 1)"));
        assert_eq!(text("\u{feff}{}".as_bytes()).unwrap(), "{}");
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let last = level - 1;
            let aliases = vec![format!("*a{last}"); 9].join(", ");
            bomb.extend(["a".to_owned() + &format!("{level}: &a{level} [{aliases}]\n")]);
        }
        assert!(value(&bomb).is_err());
    }

    #[test]
    fn the_byte_order_mark_is_ignored() {
        assert_eq!(value("\u{feff}{\"a\": 1}").unwrap(), json!({ "a": 1 }));
        assert_eq!(value("\u{feff}a: 1\n").unwrap(), json!({ "a": 1 }));
    }
}
