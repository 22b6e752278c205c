//! `oneOf`, `anyOf`, and schemas that allow several types.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ir::{Alternative, Body, Tagged, TaggedVariant, Type};
use crate::lower::Lowering;
use crate::lower::schemas::{Naming, is_null};
use crate::lower::shape::{Kind, Shape};
use crate::naming::{Names, pascal, snake};
use crate::pointer::{Located, Pointer};

impl<'d> Lowering<'d> {
    pub(crate) fn union(&mut self, shape: &Shape<'d>, naming: &Naming<'d>) -> Type {
        let Some(list) = shape.alternatives.clone() else { return Type::Json };
        let all: Vec<Located<'d>> = list.elements().collect();
        let parts: Vec<Located<'d>> = all.iter().filter(|part| !is_null(part)).cloned().collect();
        let nullable = shape.nullable || parts.len() < all.len();
        let ty = self.union_of(shape, &parts, nullable, naming);
        ty.or_null(nullable)
    }

    fn union_of(&mut self, shape: &Shape<'d>, parts: &[Located<'d>], nullable: bool, naming: &Naming<'d>) -> Type {
        match parts {
            [] => return Type::Json,
            [only] => {
                let merged = self.merged(shape, only);
                return self.build(&merged, naming).or_null(merged.nullable);
            }
            _ => {}
        }
        if let Some(ty) = self.union_of_strings(parts, nullable, naming) {
            return ty;
        }
        if let Some(discriminator) = &shape.discriminator {
            let discriminator = discriminator.clone();
            if let Some(tagged) = self.tags(&discriminator, parts) {
                return self.tagged(shape, tagged, &discriminator, nullable, naming);
            }
        }
        let parts = parts.to_vec();
        if let Some(same) = self.same_type(shape, &parts) {
            return same;
        }
        self.named(naming, "", nullable, |this, name| {
            let types = parts.iter().map(|part| this.alternative(shape, part, name)).collect();
            Some(Body::Union(alternatives(types)))
        })
    }

    /// A parent that only its discriminator makes a union: its children are the alternatives.
    pub(crate) fn family(&mut self, shape: &Shape<'d>, naming: &Naming<'d>) -> Option<Type> {
        let children = self.children(&naming.place);
        let discriminator = naming.place.get("discriminator")?;
        if children.is_empty() {
            return None;
        }
        let chosen = self.tags(&discriminator, &children)?;
        Some(self.tagged(shape, chosen, &discriminator, shape.nullable, naming))
    }

    /// The shape of one alternative together with what stands beside the alternatives.
    fn merged(&mut self, shape: &Shape<'d>, part: &Located<'d>) -> Shape<'d> {
        let mut merged = Shape { alternatives: None, discriminator: None, ..shape.clone() };
        self.gather(part, &mut merged, &mut Vec::new());
        merged
    }

    /// The type of one alternative.
    fn alternative(&mut self, shape: &Shape<'d>, part: &Located<'d>, name: &str) -> Type {
        if shape.is_bare() {
            return self.schema(part).unwrap_null().0;
        }
        // A child that takes over its parent has the fields already.
        let child = self.unreferenced(part);
        if shape.origin.as_ref().is_some_and(|parent| self.inherits(&child, parent)) {
            return self.schema(part).unwrap_null().0;
        }
        // Fields beside the alternatives belong to each of them: a type of its own.
        let merged = self.merged(shape, part);
        let key = format!("{}+{}", part.at, name);
        let place = self.unreferenced(part);
        let home = self.origins.get(name).map(|origin| origin.home.clone()).unwrap_or_default();
        let wanted = match place.at.component("schemas") {
            Some(component) => format!("{name}{}", pascal(&component)),
            None => self.wanted_name(&place.at).0,
        };
        let naming = Naming { key, place, given: Some((wanted, home)) };
        self.build(&merged, &naming)
    }

    fn unreferenced(&self, part: &Located<'d>) -> Located<'d> {
        self.document.resolve(part).unwrap_or_else(|_| part.clone())
    }

    /// Alternatives that are all strings are one string, or one open enum.
    fn union_of_strings(&mut self, parts: &[Located<'d>], nullable: bool, naming: &Naming<'d>) -> Option<Type> {
        let mut strings: Vec<&'d str> = Vec::new();
        let mut formats = BTreeSet::new();
        for part in parts {
            let target = self.unreferenced(part);
            let object = target.value.as_object()?;
            let constant = object.get("const").and_then(Value::as_str);
            let values: Vec<&'d str> = object
                .get("enum")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .chain(constant)
                .collect();
            let said_text = object.get("type").and_then(Value::as_str) == Some("string");
            let unsaid_text = !object.contains_key("type") && !values.is_empty();
            if !(said_text || unsaid_text) || object.contains_key("x-open-enum") {
                return None;
            }
            if values.is_empty() {
                formats.insert(object.get("format").and_then(Value::as_str));
            }
            for value in values {
                if !strings.contains(&value) {
                    strings.push(value);
                }
            }
        }
        if !strings.is_empty() {
            return Some(self.text_enum(&strings, nullable, naming));
        }
        let same_format = formats.len() == 1;
        Some(if same_format && formats.contains(&Some("date-time")) { Type::Timestamp } else { Type::Text })
    }

    /// The common type of the alternatives, if each is a scalar or a list and all are equal.
    fn same_type(&mut self, shape: &Shape<'d>, parts: &[Located<'d>]) -> Option<Type> {
        if !shape.is_bare() {
            return None;
        }
        let mut kinds = BTreeSet::new();
        for part in parts {
            let part_shape = self.shape(std::slice::from_ref(part));
            let plain = part_shape.is_bare() && part_shape.alternatives.is_none() && part_shape.format.is_none();
            match part_shape.kinds.as_ref().and_then(|kinds| kinds.first().filter(|_| kinds.len() == 1)) {
                Some(kind @ (Kind::Bool | Kind::Integer | Kind::Number)) if plain => kinds.insert(*kind),
                _ => return None,
            };
        }
        match kinds.iter().collect::<Vec<_>>().as_slice() {
            [Kind::Bool] => Some(Type::Bool),
            [Kind::Integer] => Some(Type::Signed),
            [Kind::Number] | [Kind::Integer, Kind::Number] => Some(Type::Float),
            _ => None,
        }
    }

    /// A schema of several types: a union of one reading per type.
    pub(crate) fn scalar_union(&mut self, kinds: &[Kind], shape: &Shape<'d>, naming: &Naming<'d>) -> Type {
        let kinds = kinds.to_vec();
        self.named(naming, "", shape.nullable, |this, name| {
            let home = this.origins.get(name).map(|origin| origin.home.clone()).unwrap_or_default();
            let types = kinds.iter().map(|&kind| {
                let key = format!("{} as {kind:?}", naming.key);
                let given = Some((format!("{name}Object"), home.clone()));
                this.of_kind(kind, shape, &Naming { key, place: naming.place.clone(), given })
            });
            Some(Body::Union(alternatives(types.collect())))
        })
    }

    /// Which strings of the discriminating field choose which alternative.
    fn tags(&mut self, discriminator: &Located<'d>, parts: &[Located<'d>]) -> Option<Vec<(Located<'d>, Vec<String>)>> {
        let property = discriminator.text("propertyName")?;
        let mut chosen: Vec<(Located<'d>, Vec<String>)> =
            parts.iter().map(|part| (self.unreferenced(part), Vec::new())).collect();
        for (tag, place) in discriminator.get("mapping").iter().flat_map(Located::fields) {
            let Some(text) = place.value.as_str() else { continue };
            let pointer = Pointer::parse(text)
                .unwrap_or_else(|| Pointer::root().field("components").field("schemas").field(text));
            let reached = match pointer.find(self.document.root().value) {
                Some(value) => self.unreferenced(&Located { at: pointer, value }).at,
                None => pointer,
            };
            match chosen.iter_mut().find(|(part, _)| part.at == reached) {
                Some((_, tags)) => tags.push(tag.to_owned()),
                // The parent itself, with nothing that a child adds: read as an unknown variant.
                None if discriminator.at.as_str() == reached.field("discriminator").as_str() => {}
                None => self.findings.say(&place.at, format!("`{text}` is not among the alternatives")),
            }
        }
        for (part, tags) in &mut chosen {
            if tags.is_empty() {
                tags.extend(self.own_tags(part, property));
            }
            if tags.is_empty() {
                self.findings.say(&discriminator.at, format!("no value of `{property}` chooses {}", part.at));
                return None;
            }
        }
        let mut seen = BTreeSet::new();
        for tag in chosen.iter().flat_map(|(_, tags)| tags) {
            if !seen.insert(tag) {
                let what =
                    format!("the value `{tag}` of `{property}` chooses several alternatives; none is chosen by it");
                self.findings.say(&discriminator.at, what);
                return None;
            }
        }
        Some(chosen)
    }

    /// The constants that an alternative itself gives the field; else its name.
    fn own_tags(&mut self, part: &Located<'d>, property: &str) -> Vec<String> {
        let shape = self.shape(std::slice::from_ref(part));
        let field = shape.properties.iter().find(|(name, _)| *name == property).map(|(_, places)| places.clone());
        let found = field.map(|places| self.shape(&places));
        let constants: Vec<String> = found
            .iter()
            .flat_map(|field| field.constant.into_iter().chain(field.values.iter().flatten().copied()))
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect();
        if constants.is_empty() { part.at.component("schemas").into_iter().collect() } else { constants }
    }

    fn tagged(
        &mut self,
        shape: &Shape<'d>,
        chosen: Vec<(Located<'d>, Vec<String>)>,
        discriminator: &Located<'d>,
        nullable: bool,
        naming: &Naming<'d>,
    ) -> Type {
        let property = discriminator.text("propertyName").unwrap_or_default().to_owned();
        self.named(naming, "", nullable, |this, name| {
            let mut names = Names::without(&["Unknown", "Self"]);
            let mut variants = Vec::new();
            for (part, tags) in chosen {
                let ty = this.alternative(shape, &part, name);
                let wanted = match &ty {
                    Type::Named(own) => own.clone(),
                    _ => pascal(tags.first().map_or("", String::as_str)),
                };
                variants.push(TaggedVariant { tags, name: names.claim(&wanted), ty });
            }
            Some(Body::Tagged(Tagged { property, variants }))
        })
    }
}

/// One reading per type; equal types are one. `Json` needs none: the union itself is that.
fn alternatives(types: Vec<Type>) -> Vec<Alternative> {
    let mut names = Names::default();
    let mut found: Vec<Alternative> = Vec::new();
    for ty in types {
        if ty != Type::Json && !found.iter().any(|known| known.ty == ty) {
            let name = names.claim(&spoken(&ty));
            found.push(Alternative { name, ty });
        }
    }
    found
}

/// What follows `as_` in the name of a reading.
fn spoken(ty: &Type) -> String {
    match ty {
        Type::Text => "text".to_owned(),
        Type::Secret => "secret".to_owned(),
        Type::Timestamp => "timestamp".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Signed => "i64".to_owned(),
        Type::Unsigned => "u64".to_owned(),
        Type::Float => "f64".to_owned(),
        Type::Json => "json".to_owned(),
        Type::List(inner) => format!("{}_list", spoken(inner)),
        Type::Map(inner) => format!("{}_map", spoken(inner)),
        Type::Nullable(inner) | Type::Boxed(inner) => spoken(inner),
        Type::Named(name) => snake(name).trim_end_matches('_').to_owned(),
    }
}
