//! A schema with its references followed and its `allOf` parts merged.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::Version;
use crate::lower::Lowering;
use crate::pointer::{Located, Pointer};

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Text,
    Bool,
    Integer,
    Number,
    Array,
    Object,
}

/// What a schema says of the fields that it does not name.
#[derive(Clone, Debug, Default)]
pub(crate) enum Additional<'d> {
    /// Nothing, or that there are none: unknown fields are kept either way.
    #[default]
    Unsaid,
    /// They are welcome.
    Any,
    /// They have a schema.
    Typed(Located<'d>),
}

/// A schema with its references followed and its `allOf` parts merged.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a record of what the schema says")]
pub(crate) struct Shape<'d> {
    pub(crate) kinds: Option<BTreeSet<Kind>>,
    pub(crate) nullable: bool,
    pub(crate) format: Option<&'d str>,
    pub(crate) never_negative: bool,
    pub(crate) values: Option<Vec<&'d Value>>,
    pub(crate) constant: Option<&'d Value>,
    pub(crate) open: Option<Located<'d>>,
    pub(crate) is_id: bool,
    /// Each with every place that describes it.
    pub(crate) properties: Vec<(&'d str, Vec<Located<'d>>)>,
    pub(crate) required: BTreeSet<&'d str>,
    pub(crate) additional: Additional<'d>,
    pub(crate) items: Vec<Located<'d>>,
    /// The `oneOf` or `anyOf`.
    pub(crate) alternatives: Option<Located<'d>>,
    pub(crate) discriminator: Option<Located<'d>>,
    /// Where it was read, if in one place.
    pub(crate) origin: Option<Pointer>,
    /// Something was found that the type cannot honour.
    pub(crate) broken: bool,
}

/// Keywords that say nothing about the type: notes for people, and limits that the service checks.
const SILENT: &[&str] = &[
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "externalDocs",
    "xml",
    "minLength",
    "maxLength",
    "pattern",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "contentEncoding",
    "contentMediaType",
    "$schema",
    "$id",
    "$anchor",
];

/// Keywords that narrow a schema without changing how its values are read.
const NARROWING: &[&str] = &[
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "contains",
    "propertyNames",
    "minContains",
    "maxContains",
];

/// Keywords that change what a value looks like, and that no type here can follow.
const STRUCTURAL: &[&str] = &[
    "prefixItems",
    "additionalItems",
    "patternProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "$dynamicRef",
    "$recursiveRef",
];

impl Shape<'_> {
    /// Is this kind the only one?
    pub(crate) fn only(&self, kind: Kind) -> bool {
        self.kinds.as_ref().is_some_and(|kinds| kinds.len() == 1 && kinds.contains(&kind))
    }

    /// Does something speak of fields?
    pub(crate) fn is_object_like(&self) -> bool {
        !self.properties.is_empty() || !matches!(self.additional, Additional::Unsaid)
    }

    /// Is there content beside the alternatives?
    pub(crate) fn is_bare(&self) -> bool {
        self.properties.is_empty()
            && self.items.is_empty()
            && self.values.is_none()
            && self.open.is_none()
            && self.constant.is_none()
    }
}

impl<'d> Lowering<'d> {
    /// The merged shape of everything that describes one value.
    pub(crate) fn shape(&mut self, places: &[Located<'d>]) -> Shape<'d> {
        let origin = if let [only] = places { Some(only.at.clone()) } else { None };
        let mut shape = Shape { origin, ..Shape::default() };
        for place in places {
            self.gather(place, &mut shape, &mut Vec::new());
        }
        shape
    }

    pub(crate) fn gather(&mut self, here: &Located<'d>, shape: &mut Shape<'d>, trail: &mut Vec<Pointer>) {
        if trail.contains(&here.at) {
            self.findings.say(&here.at, "the schema contains itself through `$ref` or `allOf`");
            shape.broken = true;
            return;
        }
        trail.push(here.at.clone());
        match here.value {
            Value::Bool(true) => {}
            Value::Object(_) => self.gather_object(here, shape, trail),
            _ => {
                self.findings.say(&here.at, "not a schema that a value can satisfy");
                shape.broken = true;
            }
        }
        trail.pop();
    }

    fn gather_object(&mut self, here: &Located<'d>, shape: &mut Shape<'d>, trail: &mut Vec<Pointer>) {
        let referring = here.value.get("$ref").is_some();
        if referring {
            match self.document.target(here) {
                Ok(target) => self.gather(&target, shape, trail),
                Err(finding) => {
                    self.findings.add(finding);
                    shape.broken = true;
                }
            }
        }
        for (keyword, field) in here.fields() {
            // OpenAPI 3.0 says that what stands beside a `$ref` is ignored; `nullable` is meant all the same.
            if referring && self.document.version == Version::V30 && keyword != "nullable" {
                continue;
            }
            self.keyword(keyword, &field, shape, trail);
        }
    }

    fn keyword(&mut self, keyword: &'d str, field: &Located<'d>, shape: &mut Shape<'d>, trail: &mut Vec<Pointer>) {
        match keyword {
            "$ref" => {}
            "allOf" => field.elements().for_each(|part| self.gather(&part, shape, trail)),
            "oneOf" | "anyOf" => self.alternatives(field, shape, trail),
            "type" => self.kinds(field, shape),
            "nullable" => shape.nullable |= field.value.as_bool() == Some(true),
            "format" => shape.format = shape.format.or(field.value.as_str()),
            "minimum" => shape.never_negative |= field.value.as_f64().is_some_and(|least| least >= 0.0),
            "enum" => self.values(field, shape),
            "const" => shape.constant = Some(field.value),
            "x-open-enum" => shape.open = Some(field.clone()),
            "x-id" => shape.is_id |= field.value.as_bool() == Some(true),
            "properties" => {
                for (name, place) in field.fields() {
                    match shape.properties.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, places)) => places.push(place),
                        None => shape.properties.push((name, vec![place])),
                    }
                }
            }
            "required" => {
                shape.required.extend(field.value.as_array().into_iter().flatten().filter_map(Value::as_str));
            }
            "additionalProperties" => match field.value {
                Value::Bool(false) => {}
                Value::Bool(true) => shape.additional = Additional::Any,
                Value::Object(schema) if schema.is_empty() => shape.additional = Additional::Any,
                _ => shape.additional = Additional::Typed(field.clone()),
            },
            "unevaluatedProperties" if field.value.is_boolean() => {}
            "items" => shape.items.push(field.clone()),
            "discriminator" => shape.discriminator = Some(field.clone()),
            silent if SILENT.contains(&silent) || silent.starts_with("x-") => {}
            narrowing if NARROWING.contains(&narrowing) => {
                self.findings
                    .say(&field.at, format!("`{keyword}` is not understood; the type is wider than the schema"));
            }
            structural if STRUCTURAL.contains(&structural) => {
                self.findings.say(&field.at, format!("`{keyword}` cannot be expressed; the value is left as JSON"));
                shape.broken = true;
            }
            _ => self.findings.say(&field.at, format!("there is no keyword `{keyword}`; it is ignored")),
        }
    }

    fn kinds(&mut self, field: &Located<'d>, shape: &mut Shape<'d>) {
        let names: Vec<&str> = match field.value {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut kinds = BTreeSet::new();
        for name in names {
            match name {
                "null" => shape.nullable = true,
                "string" => drop(kinds.insert(Kind::Text)),
                "boolean" => drop(kinds.insert(Kind::Bool)),
                "integer" => drop(kinds.insert(Kind::Integer)),
                "number" => drop(kinds.insert(Kind::Number)),
                "array" => drop(kinds.insert(Kind::Array)),
                "object" => drop(kinds.insert(Kind::Object)),
                other => {
                    self.findings.say(&field.at, format!("there is no type `{other}`"));
                    shape.broken = true;
                }
            }
        }
        if kinds.contains(&Kind::Number) {
            kinds.remove(&Kind::Integer);
        }
        shape.kinds = Some(match shape.kinds.take() {
            None => kinds,
            Some(known) => self.meet(&known, &kinds, field),
        });
    }

    /// The kinds that two parts of an `allOf` both allow.
    fn meet(&mut self, known: &BTreeSet<Kind>, kinds: &BTreeSet<Kind>, field: &Located<'d>) -> BTreeSet<Kind> {
        let mut common: BTreeSet<Kind> = known.intersection(kinds).copied().collect();
        let (whole, any) = (Kind::Integer, Kind::Number);
        if (known.contains(&whole) && kinds.contains(&any)) || (known.contains(&any) && kinds.contains(&whole)) {
            common.insert(whole);
        }
        if common.is_empty() && !known.is_empty() {
            self.findings.say(&field.at, "no value has this type and those of the other parts");
            return known.clone();
        }
        common
    }

    fn values(&mut self, field: &Located<'d>, shape: &mut Shape<'d>) {
        let mut listed: Vec<&Value> = Vec::new();
        for value in field.value.as_array().into_iter().flatten() {
            if value.is_null() {
                shape.nullable = true;
            } else if listed.contains(&value) {
                self.findings.say(&field.at, format!("{value} is listed twice"));
            } else {
                listed.push(value);
            }
        }
        shape.values = Some(match shape.values.take() {
            None => listed,
            Some(known) => known.into_iter().filter(|value| listed.contains(value)).collect(),
        });
    }

    fn alternatives(&mut self, field: &Located<'d>, shape: &mut Shape<'d>, trail: &[Pointer]) {
        // A parent lists its children, and the child that is being read takes it over: it has no alternatives itself.
        let is_child =
            |part: &Located<'d>| self.document.resolve(part).is_ok_and(|reached| trail.contains(&reached.at));
        if trail.len() > 1 && field.elements().any(|part| is_child(&part)) {
            return;
        }
        if field.elements().all(|part| only_narrows(&part)) {
            return;
        }
        if shape.alternatives.is_some() {
            self.findings.say(&field.at, "a second set of alternatives for the same value");
            shape.broken = true;
            return;
        }
        shape.alternatives = Some(field.clone());
    }
}

/// Does this alternative say nothing but which fields must be there?
fn only_narrows(part: &Located<'_>) -> bool {
    part.value.as_object().is_some_and(|object| {
        object.contains_key("required")
            && object
                .keys()
                .all(|keyword| keyword == "required" || SILENT.contains(&keyword.as_str()) || keyword.starts_with("x-"))
    })
}
