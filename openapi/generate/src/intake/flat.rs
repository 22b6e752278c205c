//! A schema as the comparison sees it: references followed, `allOf` merged, `null` left out.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::Document;
use crate::pointer::{Located, Pointer};

/// A field of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field<'d> {
    pub(crate) name: &'d str,
    pub(crate) schema: Located<'d>,
}

/// A value of an enum.
#[derive(Clone, Debug)]
pub(crate) struct EnumValue<'d> {
    pub(crate) text: &'d str,
    /// The mark that the contract gives it.
    pub(crate) mark: Option<&'d str>,
}

/// What a schema says, as far as the comparison asks.
#[derive(Clone, Debug)]
pub(crate) struct Flat<'d> {
    /// Where it is described: the component, or the inline schema itself.
    pub(crate) at: Pointer,
    pub(crate) fields: Vec<Field<'d>>,
    pub(crate) required: BTreeSet<&'d str>,
    pub(crate) items: Option<Located<'d>>,
    pub(crate) values: Vec<EnumValue<'d>>,
    pub(crate) kinds: BTreeSet<&'static str>,
}

impl<'d> Flat<'d> {
    pub(crate) fn of(document: &'d Document, here: &Located<'d>) -> Self {
        let mut flat = Self {
            at: here.at.clone(),
            fields: Vec::new(),
            required: BTreeSet::new(),
            items: None,
            values: Vec::new(),
            kinds: BTreeSet::new(),
        };
        flat.at = described_at(document, here);
        flat.gather(document, here, &mut Vec::new());
        flat
    }

    /// The component that describes it, if one does.
    pub(crate) fn component(&self) -> Option<String> {
        self.at.component("schemas")
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field<'d>> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn gather(&mut self, document: &'d Document, here: &Located<'d>, trail: &mut Vec<Pointer>) {
        if trail.contains(&here.at) {
            return;
        }
        trail.push(here.at.clone());
        if here.value.get("$ref").is_some()
            && let Ok(target) = document.target(here)
        {
            self.gather(document, &target, trail);
        }
        for keyword in ["allOf", "oneOf", "anyOf"] {
            for part in here.get(keyword).iter().flat_map(Located::elements) {
                self.gather(document, &part, trail);
            }
        }
        for (name, schema) in here.get("properties").iter().flat_map(Located::fields) {
            if self.field(name).is_none() {
                self.fields.push(Field { name, schema });
            }
        }
        self.required.extend(list(here, "required").filter_map(Value::as_str));
        if self.items.is_none() {
            self.items = here.get("items");
        }
        for entry in list(here, "enum").chain(here.value.get("const")) {
            self.value(entry.as_str(), None);
        }
        for entry in list(here, "x-open-enum") {
            let mark = entry.get("x-evidence").and_then(Value::as_str);
            self.value(entry.as_str().or_else(|| entry.get("value").and_then(Value::as_str)), mark);
        }
        let named = here.value.get("type").into_iter().flat_map(|value| match value {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        });
        self.kinds.extend(named.filter_map(kind));
        if here.value.get("properties").is_some() {
            self.kinds.insert("object");
        }
        trail.pop();
    }

    fn value(&mut self, text: Option<&'d str>, mark: Option<&'d str>) {
        if let Some(text) = text.filter(|text| !self.values.iter().any(|known| known.text == *text)) {
            self.values.push(EnumValue { text, mark });
        }
    }
}

fn list<'d>(here: &Located<'d>, name: &str) -> impl Iterator<Item = &'d Value> {
    here.value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Kinds of JSON values as the comparison distinguishes them: all numbers are one.
fn kind(name: &str) -> Option<&'static str> {
    match name {
        "string" => Some("string"),
        "boolean" => Some("boolean"),
        "integer" | "number" => Some("number"),
        "array" => Some("array"),
        "object" => Some("object"),
        _ => None,
    }
}

/// Follows references, also those that stand alone beside `null` or in an `allOf`.
fn described_at<'d>(document: &'d Document, here: &Located<'d>) -> Pointer {
    let mut here = here.clone();
    for _ in 0..32 {
        if here.value.get("$ref").is_some() {
            match document.resolve(&here) {
                Ok(target) => here = target,
                Err(_) => break,
            }
            continue;
        }
        // A component is described where it stands, however it is put together.
        if here.at.component("schemas").is_some() || here.value.get("properties").is_some() {
            break;
        }
        let alone = ["allOf", "oneOf", "anyOf"].iter().find_map(|keyword| {
            let parts: Vec<Located<'d>> =
                here.get(keyword)?.elements().filter(|part| part.text("type") != Some("null")).collect();
            match parts.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            }
        });
        match alone {
            Some(part) => here = part,
            None => break,
        }
    }
    here.at
}
