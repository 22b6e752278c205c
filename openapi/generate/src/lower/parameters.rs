//! Parameters: path, query and header.

use serde_json::Value;

use crate::curation::ParameterDefault;
use crate::findings::Finding;
use crate::ir::{Body, ListStyle, Parameter, ParameterType, Place, Type};
use crate::lower::Lowering;
use crate::lower::docs::{node_docs, schema_notes};
use crate::lower::shape::Kind;
use crate::naming::{Names, pascal, snake};
use crate::pointer::Located;

/// Headers that OpenAPI reserves to the transport.
const TRANSPORT_HEADERS: &[&str] = &["accept", "content-type", "authorization"];

/// Sent by the call option `idempotency_key`, which also makes a call repeatable; a parameter would hide that.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The options of every call, which are methods of every builder.
pub(crate) const CALL_OPTIONS: &[&str] =
    &["timeout", "deadline", "attempts", "max_wait", "lane", "idempotency_key", "header"];

/// What the parameters of one operation are named by.
pub(crate) struct Setters {
    /// As the curation knows the operation.
    pub(crate) id: String,
    /// The builder, before anybody claims its name.
    pub(crate) builder: String,
    /// Names in use.
    pub(crate) names: Names,
}

impl<'d> Lowering<'d> {
    /// What a parameter of the document becomes: an object in the style `deepObject` is one parameter per field
    /// (`filter[owner]`), everything else is one or none.
    pub(crate) fn parameters_of(
        &mut self,
        here: &Located<'d>,
        setters: &mut Setters,
        fits: &mut bool,
    ) -> Vec<Parameter> {
        let deep = here.text("in") == Some("query") && here.text("style") == Some("deepObject");
        let (Some(wire), Some(schema), true) = (here.text("name"), here.get("schema"), deep) else {
            return self.parameter(here, setters, fits).into_iter().collect();
        };
        let shape = self.shape(std::slice::from_ref(&schema));
        if shape.properties.is_empty() || shape.alternatives.is_some() {
            return self.parameter(here, setters, fits).into_iter().collect();
        }
        let stem = self.curated_name(wire, setters).unwrap_or_else(|| snake(wire));
        let mut found = Vec::new();
        for (field, places) in &shape.properties {
            let Some(place) = places.first() else { continue };
            let ty = self.places(places, || (format!("{}{}", pascal(wire), pascal(field)), "parameters".to_owned()));
            let Some((ty, is_list)) = self.parameter_type(&ty.unwrap_null().0, place) else {
                let what =
                    format!("the field `{field}` of a `deepObject`, which is neither a string nor a list of strings,");
                self.findings.say(&place.at, format!("{what} cannot be expressed; it is left out"));
                continue;
            };
            let mut docs = self.schema_docs(place);
            if docs.text.is_none() {
                docs.text = node_docs(here).text;
            }
            let required = here.flag("required") && shape.required.contains(field);
            // What the field itself ends in is the convention of the services that read such lists.
            let whole = format!("{wire}[{field}]{}", if is_list { "[]" } else { "" });
            let wanted = self.curated_name(&whole, setters);
            let wanted = wanted.unwrap_or_else(|| format!("{stem}_{}", snake(field).trim_end_matches('_')));
            let name = self.free_name(&whole, &wanted, place, setters, required);
            found.push(Parameter {
                wire: whole,
                name,
                place: Place::Query,
                ty,
                list: is_list.then_some(ListStyle::Repeat),
                required,
                docs,
            });
        }
        self.mark("parameters", wire);
        found
    }

    /// One parameter. What cannot be expressed is a finding; if the request needs it, the operation does not fit.
    pub(crate) fn parameter(
        &mut self,
        here: &Located<'d>,
        setters: &mut Setters,
        fits: &mut bool,
    ) -> Option<Parameter> {
        let curation = self.curation;
        let Some(wire) = here.text("name") else {
            self.findings.say(&here.at, "a parameter without a name");
            *fits = false;
            return None;
        };
        let place = match here.text("in") {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") if TRANSPORT_HEADERS.contains(&wire.to_ascii_lowercase().as_str()) => return None,
            Some("header") if wire.eq_ignore_ascii_case(IDEMPOTENCY_KEY) => return None,
            Some("header") => Place::Header,
            other => {
                let place = other.unwrap_or("nowhere").to_owned();
                return self.unfit(here, &format!("a parameter in `{place}`"), fits);
            }
        };
        let Some(schema) = here.get("schema") else {
            return self.unfit(here, "a parameter without a `schema`", fits);
        };
        let ty = self.schema(&schema).unwrap_null().0;
        let Some((element, is_list)) = self.parameter_type(&ty, &schema) else {
            return self.unfit(here, "a parameter that is an object or a list of lists", fits);
        };
        let list = match list_style(here, place, is_list) {
            Ok(style) => style,
            Err(what) => return self.unfit(here, &what, fits),
        };
        let element = self.parameter_id(wire, element);
        let rules = curation.parameters.get(wire);
        if rules.is_some() {
            self.mark("parameters", wire);
        }
        let defaulted = rules.and_then(|rules| rules.default) == Some(ParameterDefault::ConfigurationWorkspace);
        let required = !defaulted && (place == Place::Path || here.flag("required"));
        let wanted = self.curated_name(wire, setters).unwrap_or_else(|| snake(wire));
        let name = self.free_name(wire, &wanted, here, setters, required);
        let mut docs = node_docs(here);
        schema_notes(&schema, &mut docs.notes);
        if here.flag("deprecated") {
            docs.notes.push("Deprecated.".to_owned());
        }
        if docs.text.is_none() {
            docs.text = self.schema_docs(&schema).text;
        }
        Some(Parameter { wire: wire.to_owned(), name, place, ty: element, list, required, docs })
    }

    fn curated_name(&self, wire: &str, setters: &Setters) -> Option<String> {
        let alone = self.curation.operations.get(&setters.id).and_then(|rules| rules.parameters.get(wire));
        let alone = alone.and_then(|rule| rule.name.clone());
        alone.or_else(|| self.curation.parameters.get(wire)?.name.clone())
    }

    /// The name of a parameter: neither that of a call option nor, for one that has a setter, that of a method written by
    /// hand for the builder.
    fn free_name(
        &mut self,
        wire: &str,
        name: &str,
        here: &Located<'d>,
        setters: &mut Setters,
        required: bool,
    ) -> String {
        let builder = &setters.builder;
        let problem = if CALL_OPTIONS.contains(&name) {
            Some("is an option of every call".to_owned())
        } else if !required && self.written.contains(&(builder.clone(), name.to_owned())) {
            Some(format!("is a method that `{builder}` has already, written by hand"))
        } else {
            None
        };
        let Some(problem) = problem else { return setters.names.claim(name) };
        let table = ["operations", setters.id.as_str(), "parameters", wire];
        let what = format!("`{name}` {problem}; give the parameter a `name` in `[{}]`", table.join("."));
        let proposed = format!("service_{}", name.trim_end_matches('_'));
        self.findings.add(Finding::new(&here.at, what).mended_by(&table, proposed.clone()));
        setters.names.claim(&proposed)
    }

    fn unfit(&mut self, here: &Located<'d>, what: &str, fits: &mut bool) -> Option<Parameter> {
        let needed = here.flag("required") || here.text("in") == Some("path");
        if needed {
            self.findings.say(
                &here.at,
                format!("{what} cannot be expressed, and its operation needs it; the operation is left out"),
            );
            *fits = false;
        } else {
            self.findings.say(&here.at, format!("{what} cannot be expressed; the parameter is left out"));
        }
        None
    }

    fn parameter_id(&mut self, wire: &str, ty: ParameterType) -> ParameterType {
        match self.id_parameters.get(wire).map(|id| (*id).to_owned()) {
            Some(id) if ty == ParameterType::Text || ty == ParameterType::Into(Type::Named(id.clone())) => {
                self.mark("ids.parameters", wire);
                ParameterType::Into(Type::Named(id))
            }
            _ => ty,
        }
    }

    /// The type of the parameter or of its elements, and whether it is a list.
    fn parameter_type(&mut self, ty: &Type, schema: &Located<'d>) -> Option<(ParameterType, bool)> {
        if let Some(element) = self.element_type(ty, schema) {
            return Some((element, false));
        }
        match ty {
            Type::List(inner) => {
                let inner = inner.as_ref().clone().unwrap_null().0;
                let items = schema.get("items").unwrap_or_else(|| schema.clone());
                Some((self.element_type(&inner, &items)?, true))
            }
            Type::Named(name) => match self.body_of(name)? {
                Body::Alias(inner) => self.parameter_type(&inner.clone(), schema),
                // Of one string and a list of strings the list is the wider.
                Body::Union(readings) => {
                    let lists: Vec<Type> = readings
                        .iter()
                        .filter(|reading| matches!(reading.ty, Type::List(_)))
                        .map(|reading| reading.ty.clone())
                        .collect();
                    let scalars =
                        readings.iter().all(|reading| matches!(reading.ty, Type::List(_)) || is_scalar(&reading.ty));
                    match lists.as_slice() {
                        [Type::List(inner)] if scalars && is_scalar(inner) => Some((ParameterType::Text, true)),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn element_type(&mut self, ty: &Type, schema: &Located<'d>) -> Option<ParameterType> {
        match ty {
            Type::Text | Type::Secret => Some(ParameterType::Text),
            Type::Timestamp => Some(ParameterType::Into(Type::Timestamp)),
            Type::Bool | Type::Signed | Type::Unsigned | Type::Float => Some(ParameterType::Scalar(ty.clone())),
            // A schema that allows everything: a string is something.
            Type::Json => {
                let shape = self.shape(std::slice::from_ref(schema));
                let anything =
                    shape.kinds.is_none() && !shape.is_object_like() && !shape.broken && shape.alternatives.is_none();
                (anything || shape.only(Kind::Text)).then_some(ParameterType::Text)
            }
            Type::Named(name) => match self.body_of(name)? {
                Body::Enum(_) | Body::Id => Some(ParameterType::Into(ty.clone())),
                Body::Alias(inner) => self.element_type(&inner.clone(), schema),
                Body::Union(readings) if readings.iter().all(|reading| is_scalar(&reading.ty)) => {
                    Some(ParameterType::Text)
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn body_of(&self, name: &str) -> Option<&Body> {
        self.items.iter().rev().find(|item| item.name == name).map(|item| &item.body)
    }
}

/// How a list travels; an error names a style that cannot be expressed.
fn list_style(here: &Located<'_>, place: Place, is_list: bool) -> Result<Option<ListStyle>, String> {
    let style = here.text("style").unwrap_or(if place == Place::Query { "form" } else { "simple" });
    let explode = here.value.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
    match (place, style, is_list) {
        (Place::Query, "form" | "spaceDelimited" | "pipeDelimited" | "deepObject", false)
        | (Place::Path | Place::Header, "simple", false) => Ok(None),
        (Place::Query, "form" | "spaceDelimited" | "pipeDelimited", true) if explode => Ok(Some(ListStyle::Repeat)),
        (Place::Query, "form", true) => Ok(Some(ListStyle::Comma)),
        (Place::Query, "spaceDelimited", true) => Ok(Some(ListStyle::Space)),
        (Place::Query, "pipeDelimited", true) => Ok(Some(ListStyle::Pipe)),
        (_, _, false) => Err(format!("the style `{style}`")),
        (Place::Query, _, true) => Err(format!("a list in the style `{style}`")),
        (_, _, true) => Err("a list outside the query".to_owned()),
    }
}

fn is_scalar(ty: &Type) -> bool {
    matches!(ty, Type::Text | Type::Timestamp | Type::Bool | Type::Signed | Type::Unsigned | Type::Float)
}
