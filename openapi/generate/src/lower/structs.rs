//! Objects with fields.

use std::collections::BTreeSet;

use crate::curation::{FieldRule, Model, RequiredBy};
use crate::ir::{Field, Struct, Type};
use crate::lower::Lowering;
use crate::lower::shape::{Additional, Shape};
use crate::naming::{Names, pascal, snake};
use crate::pointer::{Located, Pointer};

/// Keywords that describe without giving a type.
const REMARKS: &[&str] = &[
    "description",
    "title",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "externalDocs",
    "$comment",
];

impl<'d> Lowering<'d> {
    pub(crate) fn structure(&mut self, shape: &Shape<'d>, name: &str) -> Struct {
        let curation = self.curation;
        let origin = self.origins.get(name).cloned();
        let home = origin.as_ref().map(|origin| origin.home.clone()).unwrap_or_default();
        let origin = origin.map_or_else(|| name.to_owned(), |origin| origin.key);
        self.mark("models", &origin);
        let rules = curation.models.get(&origin).cloned().unwrap_or_default();
        self.check_rules(&rules, &origin, shape);
        let required = self.required(&rules, shape);
        let mut names = Names::without(&["extra", "record"]);
        let mut fields = Vec::new();
        for (wire, places) in &shape.properties {
            let Some(first) = places.first() else { continue };
            let is_named = |rule: &FieldRule| rule.name.as_ref().is_some_and(|name| *name == snake(wire));
            // What an intake kept for hand-written code goes once the curation says which field it is.
            let is_settled = places.iter().any(|place| place.flag("x-needed")) && rules.fields.values().any(is_named);
            if is_settled || self.travels_the_other_way(places, &rules) {
                continue;
            }
            let mut ty = self.places(places, || (format!("{name}{}", pascal(wire)), home.clone()));
            ty = self.with_id(ty, &[&format!("{origin}.{wire}"), wire]);
            if rules.sensitive.iter().any(|sensitive| sensitive == wire) {
                ty = self.secret(ty, first);
            }
            // A list that must be there and may be null is empty then.
            if required.contains(*wire)
                && let Type::Nullable(inner) = &ty
                && matches!(**inner, Type::List(_))
            {
                ty = (**inner).clone();
            }
            let listed = |list: &[String]| list.iter().any(|listed| listed == wire);
            let given = rules.fields.get(*wire).and_then(|rule| rule.name.clone());
            fields.push(Field {
                wire: (*wire).to_owned(),
                name: names.claim(&given.unwrap_or_else(|| snake(wire))),
                ty,
                required: required.contains(*wire),
                plain: listed(&rules.plain).then_some(true).or(listed(&rules.optional).then_some(false)),
                docs: self.schema_docs(first),
            });
        }
        let additional = match &shape.additional {
            Additional::Typed(values) => {
                let values = values.clone();
                Some(self.schema(&values))
            }
            _ => None,
        };
        let items = self.items_field(&rules, &fields, &origin);
        let from = self.string_field(&rules, &fields, &origin);
        let sent = self.sending || shape.origin.as_ref().is_some_and(|at| self.directions.is_sent(at));
        Struct { fields, additional, setters: rules.setters.unwrap_or(sent), items, from }
    }

    /// Is the field no part of a request (`readOnly`), or of a response (`writeOnly`), whichever is being read?
    fn travels_the_other_way(&self, places: &[Located<'d>], rules: &Model) -> bool {
        let flag = if self.sending { "readOnly" } else { "writeOnly" };
        !rules.both_ways && places.iter().any(|place| place.flag(flag))
    }

    fn required(&self, rules: &Model, shape: &Shape<'d>) -> BTreeSet<String> {
        match (&rules.required, self.curation.policy.required) {
            (Some(listed), _) => listed.iter().cloned().collect(),
            (None, RequiredBy::Curation) if !self.sending => BTreeSet::new(),
            (None, _) => shape.required.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn check_rules(&mut self, rules: &Model, origin: &str, shape: &Shape<'d>) {
        let named = rules
            .required
            .iter()
            .flatten()
            .chain(&rules.sensitive)
            .chain(&rules.from)
            .chain(&rules.items)
            .chain(&rules.payload_except)
            .chain(&rules.needs)
            .chain(&rules.plain)
            .chain(&rules.optional)
            .chain(rules.fields.keys());
        let strangers: Vec<&String> =
            named.filter(|name| !shape.properties.iter().any(|(known, _)| known == name)).collect();
        for name in strangers {
            self.findings.stale_entry(
                &Pointer::root(),
                format!("models.{origin}: there is no field `{name}`"),
                Some((vec!["models".to_owned(), origin.to_owned()], name.clone())),
            );
        }
    }

    fn items_field(&mut self, rules: &Model, fields: &[Field], origin: &str) -> Option<(String, Type)> {
        let wire = rules.items.as_ref()?;
        let field = fields.iter().find(|field| field.wire == *wire)?;
        if let (Type::List(element), None | Some(true)) = (field.ty.clone().unwrap_null().0, field.plain) {
            return Some((field.name.clone(), *element));
        }
        self.curation_says(format!("models.{origin}.items: `{wire}` is not a list that is a plain field"));
        None
    }

    fn string_field(&mut self, rules: &Model, fields: &[Field], origin: &str) -> Option<String> {
        let wire = rules.from.as_ref()?;
        let required: Vec<&Field> = fields.iter().filter(|field| field.required).collect();
        match required.as_slice() {
            [only] if only.wire == *wire && only.ty == Type::Text => Some(only.name.clone()),
            _ => {
                self.curation_says(format!(
                    "models.{origin}.from: `{wire}` must be the only required field, and a string"
                ));
                None
            }
        }
    }

    /// The type of a value that is described in one or several places (parts of an `allOf`). Only the latter needs
    /// another name than one after its place.
    pub(crate) fn places(&mut self, places: &[Located<'d>], given: impl FnOnce() -> (String, String)) -> Type {
        let mut informative: Vec<Located<'d>> = places.iter().filter(|place| !is_remark(place)).cloned().collect();
        // The same reference in two parts is one.
        let mut seen = Vec::new();
        informative.retain(|place| {
            let reached = self.sole_reference(place).map_or_else(|| place.at.clone(), |(target, _)| target.at);
            let fresh = !seen.contains(&reached);
            seen.push(reached);
            fresh
        });
        match informative.as_slice() {
            [] => places.first().map_or(Type::Json, |first| self.schema(first)),
            [only] => self.schema(only),
            several => self.described_as(several, Some(given())),
        }
    }

    /// The curated id type if one of the names holds one.
    pub(crate) fn with_id(&mut self, ty: Type, names: &[&str]) -> Type {
        let found =
            names.iter().find_map(|name| self.id_properties.get(name).map(|id| ((*name).to_owned(), (*id).to_owned())));
        let Some((name, id)) = found else { return ty };
        let Some(changed) = strings_to(&ty, &Type::Named(id)) else { return ty };
        self.mark("ids.properties", &name);
        changed
    }

    fn secret(&mut self, ty: Type, place: &Located<'d>) -> Type {
        if let Some(secret) = strings_to(&ty, &Type::Secret) {
            return secret;
        }
        if ty.clone().unwrap_null().0 != Type::Secret {
            self.findings.say(&place.at, "curation calls it sensitive, but it is not a string");
        }
        ty
    }
}

/// The type with its string replaced; `None` if it is neither a string nor a list of strings.
pub(crate) fn strings_to(ty: &Type, new: &Type) -> Option<Type> {
    match ty {
        Type::Text => Some(new.clone()),
        Type::List(inner) => Some(Type::List(Box::new(strings_to(inner, new)?))),
        Type::Nullable(inner) => Some(Type::Nullable(Box::new(strings_to(inner, new)?))),
        // A contract that already refers to the id's own schema.
        Type::Named(_) if ty == new => Some(new.clone()),
        _ => None,
    }
}

fn is_remark(place: &Located<'_>) -> bool {
    place
        .value
        .as_object()
        .is_some_and(|object| object.keys().all(|key| REMARKS.contains(&key.as_str()) || key.starts_with("x-")))
}
