//! Schemas to types.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ir::{Body, Item, Type};
use crate::lower::Lowering;
use crate::lower::names::Origin;
use crate::lower::shape::{Additional, Kind, Shape};
use crate::pointer::{Located, Pointer};

/// Keywords that may stand beside the one reference of a schema without making it another type.
const BESIDE: &[&str] = &[
    "$ref",
    "nullable",
    "description",
    "title",
    "summary",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "externalDocs",
    "$comment",
    "xml",
];

/// What will name the type if it needs a name.
#[derive(Clone, Debug)]
pub(crate) struct Naming<'d> {
    /// The key under which the type is remembered.
    pub(crate) key: String,
    /// The place it is named after.
    pub(crate) place: Located<'d>,
    /// The name it should get and its module, if not after its place.
    pub(crate) given: Option<(String, String)>,
}

/// A string, a number or a list, or a section of the document.
fn is_not_a_schema(target: &Located<'_>) -> bool {
    !(target.value.is_object() || target.value.is_boolean()) || target.at.steps().len() < 3
}

impl<'d> Lowering<'d> {
    /// The type of the schema at a place.
    pub(crate) fn schema(&mut self, here: &Located<'d>) -> Type {
        if let Some(name) = here.at.component("schemas") {
            return self.component(&name, here);
        }
        if let Some((target, nullable)) = self.sole_reference(here) {
            if is_not_a_schema(&target) {
                self.findings.say(&here.at, format!("the reference leads to `{}`, which is not a schema", target.at));
                return Type::Json;
            }
            return self.schema(&target).or_null(nullable);
        }
        self.described(std::slice::from_ref(here))
    }

    /// The type of a value that several schemas describe together.
    pub(crate) fn described(&mut self, places: &[Located<'d>]) -> Type {
        self.described_as(places, None)
    }

    /// The same, for a type that is to be called after something else than its first place.
    pub(crate) fn described_as(&mut self, places: &[Located<'d>], given: Option<(String, String)>) -> Type {
        let Some(first) = places.first() else { return Type::Json };
        let key = self.key(&places.iter().map(|place| place.at.as_str()).collect::<Vec<_>>().join("+"));
        match self.types.get(&key) {
            Some(Some(known)) => return known.clone(),
            Some(None) => {
                self.findings.say(&first.at, "the schema contains itself without a name in between");
                return Type::Json;
            }
            None => {}
        }
        self.types.insert(key.clone(), None);
        let shape = self.shape(places);
        let naming = Naming { key: key.clone(), place: first.clone(), given };
        let ty = self.build(&shape, &naming).or_null(shape.nullable);
        self.types.insert(key, Some(ty.clone()));
        ty
    }

    /// The type of a component. Its body is read later, so that components may contain each other in every way.
    fn component(&mut self, name: &str, here: &Located<'d>) -> Type {
        let key = self.key(here.at.as_str());
        if let Some(Some(known)) = self.types.get(&key) {
            return known.clone();
        }
        let Some((rust, _)) = self.component_name(name) else { return Type::Json };
        let known = Type::Named(rust).or_null(self.allows_null(here, &mut Vec::new()));
        self.types.insert(key, Some(known.clone()));
        self.waiting.push_back((name.to_owned(), self.is_variant(name)));
        known
    }

    /// Is this component another type in a request?
    fn is_variant(&self, name: &str) -> bool {
        let at = Pointer::root().field("components").field("schemas").field(name);
        let one = self.curation.models.get(name).is_some_and(|rules| rules.both_ways);
        self.sending && !one && self.directions.are_two(&at)
    }

    /// The Rust name and module of a component, as it is called in what is being read.
    pub(crate) fn component_name(&mut self, name: &str) -> Option<(String, String)> {
        let (rust, home) = self.names.of_component(name)?;
        if !self.is_variant(name) {
            return Some((rust, home));
        }
        Some((self.names.of_input(&rust), home))
    }

    /// The key of a place among the types: a part of a request is another type than the same part of a response.
    fn key(&self, place: &str) -> String {
        let component = Pointer::parse(place).and_then(|at| at.component("schemas"));
        let sent = match component {
            Some(name) => self.is_variant(&name),
            None => self.sending,
        };
        if sent { format!("{place} (sent)") } else { place.to_owned() }
    }

    /// Reads the bodies of the components that were met.
    pub(crate) fn read_waiting(&mut self) {
        let before = self.sending;
        while let Some((name, variant)) = self.waiting.pop_front() {
            let section = self.document.section(&["components", "schemas"]);
            let Some(here) = section.and_then(|section| section.get(&name)) else { continue };
            self.sending = variant;
            let name = self.component_name(&name);
            self.sending |= self.directions.is_only_sent(&here.at);
            if let Some((rust, home)) = name {
                self.component_body(&here, rust, home);
            }
        }
        self.sending = before;
    }

    fn component_body(&mut self, here: &Located<'d>, rust: String, home: String) {
        let key = self.key(here.at.as_str());
        let named = Type::Named(rust.clone());
        // An alternative that is alone and inline gives the component's own type, not an alias.
        let inside = format!("{}/", here.at);
        let elsewhere = self.sole_reference(here).filter(|(target, _)| !target.at.as_str().starts_with(&inside));
        let ty = if let Some((target, _)) = elsewhere {
            if self.document.resolve(here).is_err() || self.stands_for_itself(here) {
                self.findings.say(&here.at, "the schema is only a reference to itself");
                Type::Json
            } else {
                self.schema(&target).unwrap_null().0
            }
        } else {
            let mut shape = self.shape(std::slice::from_ref(here));
            self.expect_id(&mut shape, &rust, here);
            let naming = Naming { key: key.clone(), place: here.clone(), given: None };
            self.build(&shape, &naming).unwrap_null().0
        };
        // The first use of the component was given its name.
        let known = named.clone().or_null(self.allows_null(here, &mut Vec::new()));
        self.types.insert(key, Some(known));
        if ty != named {
            self.items.push(Item { name: rust, home, docs: self.schema_docs(here), body: Body::Alias(ty) });
        }
    }

    /// Does the schema stand for nothing but itself, by way of `allOf` and the like?
    fn stands_for_itself(&self, here: &Located<'d>) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = self.sole_reference(here);
        while let Some((target, _)) = next {
            if target.at == here.at {
                return true;
            }
            next = if seen.insert(target.at.clone()) { self.sole_reference(&target) } else { None };
        }
        false
    }

    /// Does the schema allow null beside other values?
    fn allows_null(&self, here: &Located<'d>, trail: &mut Vec<Pointer>) -> bool {
        if trail.contains(&here.at) {
            return false;
        }
        trail.push(here.at.clone());
        let lists = |name: &str| here.value.get(name).and_then(Value::as_array);
        let mut found = here.flag("nullable")
            || lists("type").is_some_and(|names| names.iter().any(|name| name == "null"))
            || lists("enum").is_some_and(|values| values.iter().any(Value::is_null));
        if !found && here.value.get("$ref").is_some() {
            found = self.document.target(here).is_ok_and(|target| self.allows_null(&target, trail));
        }
        for keyword in ["allOf", "oneOf", "anyOf"] {
            let parts: Vec<Located<'d>> = here.get(keyword).iter().flat_map(Located::elements).collect();
            let null = keyword != "allOf" && parts.iter().any(is_null);
            found = found
                || null
                || parts.iter().any(|part| (keyword == "allOf" || parts.len() == 1) && self.allows_null(part, trail));
        }
        trail.pop();
        found
    }

    /// A component that curation lists as an id is one, if it is a string.
    fn expect_id(&mut self, shape: &mut Shape<'d>, rust: &str, here: &Located<'d>) {
        if self.curation.ids.contains_key(rust) {
            shape.is_id = true;
        }
        if shape.is_id && !shape.only(Kind::Text) {
            self.findings.say(&here.at, "it should be an id, but it is not a string");
        }
    }

    /// The one schema that this one stands for, if it adds nothing but remarks; and whether it also allows null.
    pub(crate) fn sole_reference(&self, here: &Located<'d>) -> Option<(Located<'d>, bool)> {
        let object = here.value.as_object()?;
        let mut nullable = here.flag("nullable");
        let remarks_beside = |keyword: &str| {
            object
                .keys()
                .all(|key| key == keyword || key == "type" || BESIDE.contains(&key.as_str()) || key.starts_with("x-"))
        };
        if object.contains_key("$ref") {
            let alone = self.document.version == crate::document::Version::V30
                || (remarks_beside("$ref") && !object.contains_key("type"));
            return if alone { Some((self.document.target(here).ok()?, nullable)) } else { None };
        }
        let keyword = ["allOf", "oneOf", "anyOf"].into_iter().find(|keyword| object.contains_key(*keyword))?;
        if !remarks_beside(keyword) || object.contains_key("x-open-enum") {
            return None;
        }
        let mut parts: Vec<Located<'d>> = here.get(keyword)?.elements().collect();
        if keyword != "allOf" {
            let all = parts.len();
            parts.retain(|part| !is_null(part));
            nullable |= parts.len() < all;
        }
        match parts.as_slice() {
            [only] if only.value.get("$ref").is_some() => {
                let target = self.document.target(only).ok()?;
                self.sole_reference(only).map(|_| (target, nullable))
            }
            [only] if keyword != "allOf" && !object.contains_key("type") => Some((only.clone(), nullable)),
            _ => None,
        }
    }

    /// The type of a shape, without its `nullable`.
    pub(crate) fn build(&mut self, shape: &Shape<'d>, naming: &Naming<'d>) -> Type {
        if shape.broken {
            return Type::Json;
        }
        if shape.alternatives.is_some() {
            return self.union(shape, naming);
        }
        if let Some(family) = self.family(shape, naming) {
            return family;
        }
        if shape.is_id && shape.only(Kind::Text) {
            return self.named(naming, "ids", shape.nullable, |_, _| Some(Body::Id));
        }
        if let Some(open) = &shape.open {
            let open = open.clone();
            return self
                .named(naming, "", shape.nullable, |this, name| Some(Body::Enum(this.open_values(&open, name))));
        }
        if let Some(constant) = shape.constant {
            return self.literals(&[constant], shape, naming);
        }
        match &shape.values {
            Some(values) if !values.is_empty() => self.literals(&values.clone(), shape, naming),
            _ => self.plain(shape, naming),
        }
    }

    pub(super) fn plain(&mut self, shape: &Shape<'d>, naming: &Naming<'d>) -> Type {
        let kinds: Vec<Kind> = shape.kinds.iter().flatten().copied().collect();
        match kinds.as_slice() {
            [] if shape.is_object_like() => self.object(shape, naming),
            [] if !shape.items.is_empty() => self.array(shape, naming),
            [] => Type::Json,
            [one] => self.of_kind(*one, shape, naming),
            several => self.scalar_union(several, shape, naming),
        }
    }

    pub(crate) fn of_kind(&mut self, kind: Kind, shape: &Shape<'d>, naming: &Naming<'d>) -> Type {
        match kind {
            Kind::Text => match shape.format {
                Some("date-time") => Type::Timestamp,
                Some("password") => Type::Secret,
                _ => Type::Text,
            },
            Kind::Bool => Type::Bool,
            Kind::Integer if shape.never_negative || shape.format == Some("uint64") => Type::Unsigned,
            Kind::Integer => Type::Signed,
            Kind::Number => Type::Float,
            Kind::Array => self.array(shape, naming),
            Kind::Object => self.object(shape, naming),
        }
    }

    fn array(&mut self, shape: &Shape<'d>, naming: &Naming<'d>) -> Type {
        if shape.items.is_empty() {
            return Type::List(Box::new(Type::Json));
        }
        let (owner, home) = match &naming.given {
            Some(given) => given.clone(),
            None => self.wanted_name(&naming.place.at),
        };
        let element = self.places(&shape.items, || (format!("{owner}Item"), home));
        Type::List(Box::new(element))
    }

    fn object(&mut self, shape: &Shape<'d>, naming: &Naming<'d>) -> Type {
        if !shape.properties.is_empty() {
            return self
                .named(naming, "", shape.nullable, |this, name| Some(Body::Struct(this.structure(shape, name))));
        }
        match &shape.additional {
            Additional::Typed(values) => {
                let values = values.clone();
                Type::Map(Box::new(self.schema(&values)))
            }
            Additional::Any | Additional::Unsaid => Type::Json,
        }
    }

    /// Gives the type a name, remembers it before its body is read (which may refer back), and emits it.
    pub(crate) fn named(
        &mut self,
        naming: &Naming<'d>,
        home: &str,
        nullable: bool,
        body: impl FnOnce(&mut Self, &str) -> Option<Body>,
    ) -> Type {
        let component = naming.place.at.component("schemas").filter(|_| naming.given.is_none());
        let given = component
            .and_then(|key| {
                let (name, home) = self.component_name(&key)?;
                let key = if self.is_variant(&key) { format!("{key}Input") } else { key };
                Some((name, Origin { key, home }))
            })
            .or_else(|| naming.given.as_ref().map(|(wanted, home)| self.given_name(wanted, home)));
        let (name, mut origin) = given.unwrap_or_else(|| self.inline_name(&naming.place.at));
        if !home.is_empty() {
            home.clone_into(&mut origin.home);
        }
        let home = origin.home.clone();
        self.origins.insert(name.clone(), origin);
        let named = Type::Named(name.clone());
        self.types.insert(naming.key.clone(), Some(named.clone().or_null(nullable)));
        let position = self.items.len();
        let Some(body) = body(self, &name) else { return Type::Json };
        let docs = self.schema_docs(&naming.place);
        // Before the types of its fields: a reader meets the whole first.
        self.items.insert(position, Item { name, home, docs, body });
        named
    }
}

/// Does this schema allow null alone?
pub(crate) fn is_null(schema: &Located<'_>) -> bool {
    let null_only =
        |value: &Value| value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(Value::is_null));
    schema.text("type") == Some("null")
        || schema.value.get("const").is_some_and(Value::is_null)
        || schema.value.get("enum").is_some_and(null_only)
}
