//! JSON Schema, as far as it validates requests: compiled schemas, and violations with the path and the rule.

use std::fmt;

use boon::{Compiler, Draft, ErrorKind, InstanceToken, SchemaIndex, Schemas, ValidationError};
use serde_json::Value;

/// A name for the document under compilation; nothing is loaded from it.
const LOCATION: &str = "memory:///contract.json";

/// A compiled schema.
pub(crate) struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    /// Compiles a document whose root is the schema; formats are checked.
    pub(crate) fn compile(document: Value) -> Result<Self, String> {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        compiler.add_resource(LOCATION, document).map_err(|error| error.to_string())?;
        let index = compiler.compile(LOCATION, &mut schemas).map_err(|error| error.to_string())?;
        Ok(Self { schemas, index })
    }

    /// Reports each violation with its path below `root` and a message that does not contain the value.
    pub(crate) fn check(&self, value: &Value, root: &str, mut report: impl FnMut(String, String)) {
        if let Err(error) = self.schemas.validate(value, self.index) {
            describe(&error, root, &mut report);
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

fn describe(error: &ValidationError<'_, '_>, root: &str, report: &mut impl FnMut(String, String)) {
    let path = path_of(error, root);
    match &error.kind {
        ErrorKind::Required { want } => {
            for name in want {
                report(child(&path, name), "is required".to_owned());
            }
        }
        ErrorKind::AdditionalProperties { got } => {
            for name in got {
                report(child(&path, name), "is not a field that the contract knows".to_owned());
            }
        }
        ErrorKind::AnyOf | ErrorKind::OneOf(None) => match intended(error) {
            Some(branch) => describe(branch, root, report),
            None => report(path, "fits none of the allowed shapes".to_owned()),
        },
        _ if !error.causes.is_empty() => error.causes.iter().for_each(|cause| describe(cause, root, report)),
        kind => report(path, message(kind)),
    }
}

/// The branch of a union that the value was meant for: the one that fits at its own level, with the fewest faults.
fn intended<'e, 's, 'v>(union: &'e ValidationError<'s, 'v>) -> Option<&'e ValidationError<'s, 'v>> {
    let here = union.instance_location.to_string();
    let fits = |branch: &&ValidationError<'_, '_>| {
        leaves(branch).iter().all(|leaf| leaf.instance_location.to_string() != here || !is_other_shape(&leaf.kind))
    };
    union.causes.iter().filter(fits).min_by_key(|branch| leaves(branch).len())
}

fn leaves<'e, 's, 'v>(error: &'e ValidationError<'s, 'v>) -> Vec<&'e ValidationError<'s, 'v>> {
    if error.causes.is_empty() { vec![error] } else { error.causes.iter().flat_map(leaves).collect() }
}

fn is_other_shape(kind: &ErrorKind<'_, '_>) -> bool {
    matches!(kind, ErrorKind::Type { .. } | ErrorKind::Const { .. })
}

fn message(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Type { want, .. } => {
            let types: Vec<String> = want.iter().map(|one| one.to_string()).collect();
            format!("must be {}", types.join(" or "))
        }
        ErrorKind::Enum { want } => {
            let values: Vec<String> = want.iter().map(Value::to_string).collect();
            format!("must be one of {}", values.join(", "))
        }
        ErrorKind::Const { want } => format!("must be {want}"),
        ErrorKind::Format { want, .. } => format!("is not a valid {want}"),
        ErrorKind::Pattern { want, .. } => format!("does not match {want}"),
        ErrorKind::Minimum { want, .. } => format!("must be at least {want}"),
        ErrorKind::Maximum { want, .. } => format!("must be at most {want}"),
        ErrorKind::ExclusiveMinimum { want, .. } => format!("must be more than {want}"),
        ErrorKind::ExclusiveMaximum { want, .. } => format!("must be less than {want}"),
        ErrorKind::MultipleOf { want, .. } => format!("must be a multiple of {want}"),
        ErrorKind::MinLength { want, .. } => format!("must have at least {want} characters"),
        ErrorKind::MaxLength { want, .. } => format!("must have at most {want} characters"),
        ErrorKind::MinItems { want, .. } => format!("must have at least {want} items"),
        ErrorKind::MaxItems { want, .. } => format!("must have at most {want} items"),
        ErrorKind::UniqueItems { .. } => "must not repeat an item".to_owned(),
        ErrorKind::FalseSchema => "is not a field that the contract knows".to_owned(),
        ErrorKind::OneOf(Some(_)) => "fits more than one of the allowed shapes".to_owned(),
        _ => "is not what the contract allows".to_owned(),
    }
}

fn path_of(error: &ValidationError<'_, '_>, root: &str) -> String {
    error.instance_location.tokens.iter().fold(root.to_owned(), |path, token| match token {
        InstanceToken::Prop(name) => child(&path, name),
        InstanceToken::Item(index) => format!("{path}[{index}]"),
    })
}

fn child(path: &str, name: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if !name.is_empty() && name.chars().all(plain) {
        format!("{path}.{name}")
    } else {
        format!("{path}['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::Schema;

    fn violations(schema: &Value, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        Schema::compile(schema.clone()).unwrap().check(value, "$", |path, message| {
            found.push(format!("{path}: {message}"));
        });
        found
    }

    #[test]
    fn a_violation_inside_a_union_names_its_path() {
        let shape = json!({ "type": "object", "required": ["id"], "properties": { "n": { "type": "number" } } });
        for union in ["anyOf", "oneOf"] {
            let schema = json!({ "properties": { "link": { union: [shape, { "type": "null" }] } } });
            let sent = json!({ "link": { "n": "1" } });
            let found = violations(&schema, &sent);
            assert!(found.contains(&"$.link.id: is required".to_owned()), "{union}: {found:?}");
            assert!(found.iter().any(|one| one.starts_with("$.link.n: ")), "{union}: {found:?}");
            assert_eq!(violations(&schema, &json!({ "link": 7 })), ["$.link: fits none of the allowed shapes"]);
        }
    }

    #[test]
    fn names_that_are_no_words_are_quoted_in_a_path() {
        let schema = json!({ "properties": { "a b": { "type": "array", "items": { "type": "null" } } }, "additionalProperties": false });
        let found = violations(&schema, &json!({ "a b": [null, 1], "it's": 1 }));
        assert!(found.iter().any(|one| one.starts_with("$['a b'][1]: ")), "{found:?}");
        assert!(found.contains(&r"$['it\'s']: is not a field that the contract knows".to_owned()), "{found:?}");
    }

    #[test]
    fn a_message_names_the_rule_and_never_the_value() {
        let schema = json!({ "properties": {
            "a": { "type": ["string", "null"] },
            "b": { "enum": ["x", "y"] },
            "c": { "type": "integer", "minimum": 1 },
            "d": { "type": "string", "format": "date-time" },
            "e": { "type": "string", "pattern": "^[a-z]+$", "minLength": 3 },
        } });
        let secret = "S3CRET";
        let found = violations(&schema, &json!({ "a": [secret], "b": secret, "c": 0, "d": secret, "e": "S3" }));
        assert!(!found.iter().any(|one| one.contains("S3")), "{found:?}");
        for expected in [
            "$.a: must be null or string",
            r#"$.b: must be one of "x", "y""#,
            "$.c: must be at least 1",
            "$.d: is not a valid date-time",
            "$.e: does not match ^[a-z]+$",
            "$.e: must have at least 3 characters",
        ] {
            assert!(found.iter().any(|one| one == expected), "{expected}: {found:?}");
        }
    }
}
