//! Lists of values to open enums, or to the plain type that the values have.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ir::{Body, Docs, Type, Variant};
use crate::lower::Lowering;
use crate::lower::docs::node_docs;
use crate::lower::schemas::Naming;
use crate::lower::shape::Shape;
use crate::naming::{Names, pascal};
use crate::pointer::Located;

impl<'d> Lowering<'d> {
    /// A string enum becomes an open enum; other literals keep their plain type.
    pub(super) fn literals(&mut self, values: &[&'d Value], shape: &Shape<'d>, naming: &Naming<'d>) -> Type {
        let all = |test: fn(&Value) -> bool| values.iter().all(|value| test(value));
        if all(Value::is_string) && shape.constant.is_some() {
            Type::Text
        } else if all(Value::is_string) {
            let strings: Vec<&'d str> = values.iter().filter_map(|value| value.as_str()).collect();
            let given = given_variants(&naming.place, &strings);
            self.named(naming, "", shape.nullable, move |this, name| {
                Some(Body::Enum(this.variants_called(&strings, &given, name)))
            })
        } else if all(|value| value.is_i64() || value.is_u64()) {
            if shape.never_negative { Type::Unsigned } else { Type::Signed }
        } else if all(Value::is_number) {
            Type::Float
        } else if all(Value::is_boolean) {
            Type::Bool
        } else if all(|value| value.is_object() || value.is_array()) {
            self.plain(shape, naming)
        } else {
            self.findings.say(&naming.place.at, "an enum of values of different types");
            Type::Json
        }
    }

    /// An open enum of the given strings.
    pub(crate) fn text_enum(&mut self, strings: &[&str], nullable: bool, naming: &Naming<'d>) -> Type {
        let values: Vec<(String, Docs)> = strings.iter().map(|&text| (text.to_owned(), Docs::default())).collect();
        self.named(naming, "", nullable, move |this, name| {
            Some(Body::Enum(this.variants(values, &BTreeMap::new(), name)))
        })
    }

    /// The variants of an enum whose schema may name and describe them.
    fn variants_called(&mut self, strings: &[&str], given: &Given, name: &str) -> Vec<Variant> {
        let docs = |text: &str| Docs { text: given.descriptions.get(text).cloned(), ..Docs::default() };
        let values = strings.iter().map(|&text| (text.to_owned(), docs(text))).collect();
        self.variants(values, &given.names, name)
    }

    /// The variants of an `x-open-enum`.
    pub(super) fn open_values(&mut self, open: &Located<'d>, name: &str) -> Vec<Variant> {
        let mut values = Vec::new();
        for entry in open.elements() {
            match entry.value.as_str().or_else(|| entry.text("value")) {
                Some(value) => values.push((value.to_owned(), node_docs(&entry))),
                None => self.findings.say(&entry.at, "an open enum lists strings, or objects with a string `value`"),
            }
        }
        self.variants(values, &BTreeMap::new(), name)
    }

    fn variants(&mut self, values: Vec<(String, Docs)>, given: &BTreeMap<String, String>, name: &str) -> Vec<Variant> {
        let curation = self.curation;
        if let Some(key) = self.origins.get(name).map(|origin| origin.key.clone()) {
            self.mark("enums", &key);
        }
        let rules =
            self.origins.get(name).and_then(|origin| curation.enums.get(&origin.key)).map(|entry| &entry.variants);
        // `Unknown` is what carries every other text, `Unset` that there is none.
        let mut names = Names::without(&["Unknown", "Unset", "Self"]);
        let stale: Vec<&String> = rules
            .iter()
            .flat_map(|rules| rules.keys())
            .filter(|key| !values.iter().any(|(wire, _)| wire == *key))
            .collect();
        for key in stale {
            self.curation_says(format!("enums.{name}.variants: there is no value `{key}`"));
        }
        values
            .into_iter()
            .map(|(wire, docs)| {
                let curated = rules.and_then(|rules| rules.get(&wire)).cloned();
                let wanted = curated.unwrap_or_else(|| variant_name(given.get(&wire).unwrap_or(&wire)));
                Variant { name: names.claim(&wanted), wire, docs }
            })
            .collect()
    }
}

/// What a schema itself says of the values of its enum.
#[derive(Debug, Default)]
struct Given {
    /// By the value.
    names: BTreeMap<String, String>,
    descriptions: BTreeMap<String, String>,
}

/// Names and descriptions of enum values that generators write in one of several spellings, in the order of the values.
fn given_variants(place: &Located<'_>, strings: &[&str]) -> Given {
    let list = |spellings: &[&str]| -> BTreeMap<String, String> {
        let found = spellings.iter().find_map(|spelling| place.value.get(*spelling));
        match found {
            Some(Value::Array(all))
                if all.len() == place.value.get("enum").and_then(Value::as_array).map_or(0, Vec::len) =>
            {
                let values = place.value.get("enum").and_then(Value::as_array).into_iter().flatten();
                let pairs = values.zip(all).filter_map(|(value, said)| Some((value.as_str()?, said.as_str()?)));
                pairs.map(|(value, said)| (value.to_owned(), said.to_owned())).collect()
            }
            Some(Value::Object(all)) => {
                let pairs = strings.iter().filter_map(|text| Some((*text, all.get(*text)?.as_str()?)));
                pairs.map(|(value, said)| (value.to_owned(), said.to_owned())).collect()
            }
            _ => BTreeMap::new(),
        }
    };
    Given {
        names: list(&["x-enum-varnames", "x-enumNames", "x-enum-names"]),
        descriptions: list(&["x-enum-descriptions", "x-enumDescriptions"]),
    }
}

/// `Unknown` is taken, and a value may be called so.
fn variant_name(wire: &str) -> String {
    match pascal(wire).as_str() {
        "Unknown" => "UnknownLiteral".to_owned(),
        "Unset" => "UnsetLiteral".to_owned(),
        "Self" => "SelfLiteral".to_owned(),
        _ if wire.is_empty() => "Empty".to_owned(),
        name => name.to_owned(),
    }
}
