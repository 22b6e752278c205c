//! The official document with what it lacks: our overlay holds that, and [`apply`] puts both together.
//!
//! The overlay is a document of its own: schemas and webhooks that the official one has not, `x-copies` (a schema of
//! ours that is described by one of theirs under another name), `x-redirects` (places that refer to such a schema),
//! `x-operations` (which operation of ours one of theirs is, and that only OAuth tokens may call it) and `x-parameters`
//! (parameters that hand-written code uses). Fields and parameters that are kept for such code have `x-needed`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::intake::compare::{Comparison, Role};
use crate::intake::flat::Flat;
use crate::intake::matching::{Operation, Reason};
use crate::pointer::{Located, Pointer};

/// The tag of the official document among the sources.
const OFFICIAL: &str = "official";

/// What the official document lacks, as an overlay.
pub(crate) fn overlay<'d>(
    comparison: &Comparison<'d>,
    operations: &BTreeMap<String, Value>,
    operations_of: &Pairs<'_, 'd>,
) -> (Value, Vec<String>) {
    let mut plan = Plan { comparison, copies: BTreeMap::new(), redirects: BTreeMap::new(), needed: BTreeSet::new() };
    plan.names();
    let events = plan.events();
    let needs = plan.needs(operations_of);
    needs.fields.iter().chain(&needs.parameters).for_each(|need| plan.reach(need.value));
    let mut schemas = Map::new();
    for name in &plan.needed {
        if let Some(schema) = component(comparison, name) {
            schemas.insert(name.clone(), plan.rewritten(schema.value));
        }
    }
    for (name, fields) in plan.event_fields(&events) {
        schemas.insert(name, json!({ "properties": fields }));
    }
    for need in &needs.fields {
        let target = schemas.entry(need.model.clone()).or_insert_with(|| json!({}));
        if let Some(fields) = target.as_object_mut().and_then(|target| object_in(target, "properties")) {
            fields.insert(need.name.clone(), plan.kept(need.value));
        }
    }
    let mut parameters: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for need in &needs.parameters {
        parameters.entry(need.model.clone()).or_default().push(plan.kept(need.value));
    }
    let root = comparison.ours.root();
    let mut overlay = json!({
        "x-about": "What the official document lacks. `cargo generate` puts both together as onehorizon.json.",
        "x-copies": plan.copies,
        "x-redirects": plan.redirects,
        "x-operations": operations,
        "x-parameters": parameters,
        "components": { "schemas": schemas },
    });
    if let Some(object) = overlay.as_object_mut() {
        if comparison.theirs.section(&["webhooks"]).is_none()
            && let Some(webhooks) = root.value.get("webhooks")
        {
            object.insert("webhooks".to_owned(), plan.rewritten(webhooks));
        }
        if let Some(sources) = root.value.get("x-sources") {
            object.insert("x-sources".to_owned(), sources.clone());
        }
    }
    (overlay, needs.to_decide)
}

/// Our operations, each with the one of theirs that plays its role.
pub(crate) type Pairs<'p, 'd> = [(&'p Operation<'d>, Option<(&'p Operation<'d>, Reason)>)];

/// What hand-written code uses and theirs does not have.
#[derive(Default)]
struct Needs<'d> {
    fields: Vec<Need<'d>>,
    parameters: Vec<Need<'d>>,
    to_decide: Vec<String>,
}

/// A field or a parameter.
struct Need<'d> {
    /// The component that gets the field, or the pointer of the operation that gets the parameter.
    model: String,
    name: String,
    value: &'d Value,
}

fn component<'d>(comparison: &Comparison<'d>, name: &str) -> Option<Located<'d>> {
    comparison.ours.section(&["components", "schemas", name])
}

struct Plan<'c, 'd> {
    comparison: &'c Comparison<'d>,
    copies: BTreeMap<String, String>,
    redirects: BTreeMap<String, String>,
    /// Components of ours that nothing of theirs describes.
    needed: BTreeSet<String>,
}

impl<'d> Plan<'_, 'd> {
    /// Two schemas of ours that are one of theirs, and inline enums of theirs that are one of ours, get a name each.
    fn names(&mut self) {
        let roles: Vec<Role> = self.comparison.roles.clone();
        let taken = |name: &str| self.comparison.theirs.section(&["components", "schemas", name]).is_some();
        for role in &roles {
            let inline = role.theirs.component("schemas").is_none();
            let Some(ours) = component(self.comparison, &role.ours) else { continue };
            let is_enum = !Flat::of(self.comparison.ours, &ours).values.is_empty();
            let second = main_role(&roles, &role.theirs).is_some_and(|main| main.ours != role.ours);
            if taken(&role.ours) || !((inline && is_enum) || (second && !is_id(&ours))) {
                continue;
            }
            let Some(value) = role.theirs.find(self.comparison.theirs.root().value) else { continue };
            let theirs = Flat::of(self.comparison.theirs, &Located { at: role.theirs.clone(), value });
            if is_enum && theirs.values.is_empty() {
                // Theirs is any text: the values that are known stay known.
                self.needed.insert(role.ours.clone());
            } else if let Some(known) = self.copies.get(&role.ours) {
                if is_enum && !self.same_values(known, &theirs) {
                    continue;
                }
            } else {
                self.copies.insert(role.ours.clone(), role.theirs.to_string());
            }
            for place in role.places.iter().filter(|place| place.component("schemas").is_none()) {
                self.redirects.insert(place.to_string(), role.ours.clone());
            }
        }
    }

    fn same_values(&self, known: &str, theirs: &Flat<'_>) -> bool {
        let root = self.comparison.theirs.root().value;
        let Some((at, value)) = Pointer::parse(known).and_then(|at| at.find(root).map(|value| (at.clone(), value)))
        else {
            return false;
        };
        let first = Flat::of(self.comparison.theirs, &Located { at, value });
        let strings = |flat: &Flat<'_>| flat.values.iter().map(|value| value.text.to_owned()).collect::<BTreeSet<_>>();
        strings(&first) == strings(theirs)
    }

    /// The components that events reach; those that nothing of theirs describes are needed.
    fn events(&mut self) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let root = self.comparison.ours.root();
        let mut waiting: Vec<&Value> = root.value.get("webhooks").into_iter().collect();
        while let Some(value) = waiting.pop() {
            match value {
                Value::Array(all) => waiting.extend(all),
                Value::Object(object) => {
                    if let Some(name) = referred(object)
                        && let Some(schema) = component(self.comparison, &name).filter(|_| seen.insert(name.clone()))
                    {
                        if !self.comparison.roles.iter().any(|role| role.ours == name) {
                            self.needed.insert(name);
                        }
                        waiting.push(schema.value);
                    }
                    waiting.extend(object.values());
                }
                _ => {}
            }
        }
        seen
    }

    /// Fields of events that were seen and that theirs does not list: an event may carry them all the same.
    fn event_fields(&self, events: &BTreeSet<String>) -> BTreeMap<String, Map<String, Value>> {
        let mut found = BTreeMap::new();
        for role in &self.comparison.roles {
            let Some(name) = role.theirs.component("schemas") else { continue };
            let called =
                |operations: &Role| operations.places.iter().any(|place| place.as_str().starts_with("#/paths/"));
            let on_the_way = self.comparison.roles.iter().any(|other| other.theirs == role.theirs && called(other));
            let Some(ours) = component(self.comparison, &role.ours) else { continue };
            if !events.contains(&role.ours) || on_the_way || self.copies.contains_key(&role.ours) {
                continue;
            }
            let Some(value) = role.theirs.find(self.comparison.theirs.root().value) else { continue };
            let theirs = Flat::of(self.comparison.theirs, &Located { at: role.theirs.clone(), value });
            if theirs.fields.is_empty() {
                continue;
            }
            let renamed = |field: &str| self.comparison.renamed.contains_key(&(role.ours.clone(), field.to_owned()));
            let missing: Map<String, Value> = Flat::of(self.comparison.ours, &ours)
                .fields
                .iter()
                .filter(|field| theirs.field(field.name).is_none() && !renamed(field.name))
                .map(|field| (field.name.to_owned(), self.rewritten(field.schema.value)))
                .collect();
            if !missing.is_empty() {
                found.insert(name, missing);
            }
        }
        found
    }

    /// The fields and parameters that hand-written code uses and theirs does not have, so that the code compiles until a
    /// person has decided what becomes of them.
    fn needs(&self, operations: &Pairs<'_, 'd>) -> Needs<'d> {
        let mut needs = Needs::default();
        for (key, rules) in self.comparison.curation.models.iter().filter(|(_, rules)| !rules.needs.is_empty()) {
            // After an intake the entry has the document's name, and ours in it.
            let known = |model: &&String| component(self.comparison, model).is_some();
            let Some(model) = rules.name.as_ref().filter(known).or(Some(key)).filter(known) else { continue };
            let Some(ours) = component(self.comparison, model) else { continue };
            let Some(role) = self.comparison.roles.iter().find(|role| role.ours == *model) else { continue };
            let Some(value) = role.theirs.find(self.comparison.theirs.root().value) else { continue };
            let theirs = Flat::of(self.comparison.theirs, &Located { at: role.theirs.clone(), value });
            let target =
                if self.copies.contains_key(model) { Some(model.clone()) } else { role.theirs.component("schemas") };
            let mine = Flat::of(self.comparison.ours, &ours);
            for name in &rules.needs {
                let renamed = self.comparison.renamed.contains_key(&(model.clone(), name.clone()));
                let Some(field) = mine.field(name).filter(|_| !renamed && theirs.field(name).is_none()) else {
                    continue;
                };
                let Some(target) = &target else {
                    needs.to_decide.push(format!(
                        "hand-written code uses `{model}.{name}`, which the document does not have: change the code"
                    ));
                    continue;
                };
                needs.to_decide.push(format!(
                    "hand-written code uses `{model}.{name}`, which the document does not have; it is kept, so that the code compiles: \
                     say by `models.{target}.fields.….name` which field it is, or change the code"
                ));
                needs.fields.push(Need { model: target.clone(), name: name.clone(), value: field.schema.value });
            }
        }
        for (mine, found) in operations {
            let Some((theirs, _)) = found else { continue };
            let curated = &self.comparison.curation.operations;
            let Some(rules) = curated.get(&mine.id).or_else(|| curated.get(&theirs.id)) else { continue };
            let named = |operation: &Operation<'d>, name: &str| {
                operation.parameters.iter().find(|one| one.text("name") == Some(name)).map(|one| one.value)
            };
            for name in rules.needs.iter().filter(|name| named(theirs, name).is_none()) {
                let Some(value) = named(mine, name) else { continue };
                needs.to_decide.push(format!(
                    "hand-written code sends the parameter `{name}` of `{}`, which the document does not have; it is kept, so that \
                     the code compiles: change the code, or remove it from `needs` once nothing uses it",
                    mine.id
                ));
                needs.parameters.push(Need { model: theirs.node.at.to_string(), name: name.clone(), value });
            }
        }
        needs
    }

    /// Components of ours that a node of ours leads to, and that nothing of theirs describes, are needed.
    fn reach(&mut self, value: &Value) {
        let mut waiting = vec![value.clone()];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Array(all) => waiting.extend(all),
                Value::Object(object) => {
                    if let Some(name) = referred(&object)
                        && let Some(schema) = component(self.comparison, &name)
                        && !self.comparison.roles.iter().any(|role| role.ours == name)
                        && self.needed.insert(name)
                    {
                        waiting.push(schema.value.clone());
                    }
                    waiting.extend(object.into_iter().map(|(_, value)| value));
                }
                _ => {}
            }
        }
    }

    /// A node that is kept for hand-written code.
    fn kept(&self, value: &Value) -> Value {
        let mut kept = self.rewritten(value);
        if let Some(object) = kept.as_object_mut() {
            object.insert("x-needed".to_owned(), Value::Bool(true));
        }
        kept
    }

    /// A node of ours with its references pointing where the merged document has their targets.
    fn rewritten(&self, value: &Value) -> Value {
        match value {
            Value::Array(all) => all.iter().map(|one| self.rewritten(one)).collect(),
            Value::Object(object) => {
                let target = referred(object).and_then(|name| self.target(&name));
                object
                    .iter()
                    .map(|(key, value)| match &target {
                        Some(target) if key == "$ref" => (key.clone(), Value::from(target.as_str())),
                        _ => (key.clone(), self.rewritten(value)),
                    })
                    .collect()
            }
            other => other.clone(),
        }
    }

    fn target(&self, name: &str) -> Option<String> {
        if self.needed.contains(name) || self.copies.contains_key(name) {
            return None;
        }
        let role = self.comparison.roles.iter().find(|role| role.ours == name)?;
        Some(role.theirs.to_string())
    }
}

/// Of the roles that one of their schemas plays the one that keeps it: by name, else the first.
pub(crate) fn main_role<'r>(roles: &'r [Role], theirs: &Pointer) -> Option<&'r Role> {
    let name = theirs.component("schemas");
    let same = roles.iter().find(|role| role.theirs == *theirs && Some(&role.ours) == name.as_ref());
    same.or_else(|| roles.iter().find(|role| role.theirs == *theirs))
}

fn is_id(schema: &Located<'_>) -> bool {
    schema.flag("x-id")
}

/// The component that an object refers to.
fn referred(object: &Map<String, Value>) -> Option<String> {
    Pointer::parse(object.get("$ref")?.as_str()?)?.component("schemas")
}

/// The official document and the overlay as one. Nodes of the official document are marked as documented by it.
pub(crate) fn apply(official: &Value, overlay: &Value) -> Result<Value, Error> {
    let mut merged = official.clone();
    for (at, name) in overlay.get("x-redirects").and_then(Value::as_object).into_iter().flatten() {
        let slot = Pointer::parse(at).and_then(|at| merged.pointer_mut(at.as_str().strip_prefix('#')?));
        let slot = slot.ok_or_else(|| Error::unreadable(format!("overlay: x-redirects: {at} points at nothing")))?;
        redirect(slot, name.as_str().unwrap_or_default());
    }
    // A copy has the references that its fields were turned into; what was turned into a reference itself is copied as it was.
    let turned = |at: &str| overlay.get("x-redirects").is_some_and(|redirects| redirects.get(at).is_some());
    let mut schemas = Map::new();
    for (name, at) in overlay.get("x-copies").and_then(Value::as_object).into_iter().flatten() {
        let at = at.as_str().unwrap_or_default();
        let from = if turned(at) { official } else { &merged };
        let source = Pointer::parse(at).and_then(|at| at.find(from).cloned());
        let source =
            source.ok_or_else(|| Error::unreadable(format!("overlay: x-copies/{name}: {at} points at nothing")))?;
        schemas.insert(name.clone(), source);
    }
    for (at, more) in overlay.get("x-operations").and_then(Value::as_object).into_iter().flatten() {
        let slot = Pointer::parse(at).and_then(|at| merged.pointer_mut(at.as_str().strip_prefix('#')?));
        let slot = slot.and_then(Value::as_object_mut);
        let slot = slot.ok_or_else(|| Error::unreadable(format!("overlay: x-operations: {at} points at nothing")))?;
        slot.extend(more.as_object().cloned().unwrap_or_default());
    }
    for (at, more) in overlay.get("x-parameters").and_then(Value::as_object).into_iter().flatten() {
        let slot = Pointer::parse(at).and_then(|at| merged.pointer_mut(at.as_str().strip_prefix('#')?));
        let slot = slot.and_then(Value::as_object_mut);
        let slot = slot.ok_or_else(|| Error::unreadable(format!("overlay: x-parameters: {at} points at nothing")))?;
        let list = slot.entry("parameters").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.extend(more.as_array().cloned().unwrap_or_default());
        }
    }
    mark(&mut merged);
    let root = merged.as_object_mut().ok_or_else(|| Error::unreadable("the document is not an object"))?;
    let there = object_in(root, "components").and_then(|components| object_in(components, "schemas"));
    let there = there.ok_or_else(|| Error::unreadable("#/components/schemas: not an object"))?;
    for (name, schema) in overlay.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten() {
        match schemas.get_mut(name) {
            Some(copy) => add_fields(copy, schema),
            None => drop(schemas.insert(name.clone(), schema.clone())),
        }
    }
    for (name, schema) in schemas {
        match there.get_mut(&name) {
            Some(known) => add_fields(known, &schema),
            None => drop(there.insert(name, schema)),
        }
    }
    if let Some(webhooks) = overlay.get("webhooks") {
        root.insert("webhooks".to_owned(), webhooks.clone());
    }
    let mut sources = overlay.get("x-sources").and_then(Value::as_object).cloned().unwrap_or_default();
    sources.insert(OFFICIAL.to_owned(), Value::from("the official OpenAPI document, openapi/official.json"));
    root.insert("x-sources".to_owned(), Value::Object(sources));
    Ok(merged)
}

/// The object of that name, made if it is not there.
fn object_in<'m>(parent: &'m mut Map<String, Value>, name: &str) -> Option<&'m mut Map<String, Value>> {
    parent.entry(name.to_owned()).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}

/// Puts a reference where a schema stood; what people wrote beside it stays, and so does `null`.
fn redirect(slot: &mut Value, name: &str) {
    let target = json!({ "$ref": format!("#/components/schemas/{name}") });
    let mut new = Map::new();
    let is_null = |part: &Value| part.get("type").is_some_and(|name| name == "null");
    let parts = |name: &str| slot.get(name).and_then(Value::as_array).into_iter().flatten();
    let null = slot.get("type").and_then(Value::as_array).is_some_and(|names| names.iter().any(|name| name == "null"))
        || parts("anyOf").chain(parts("oneOf")).any(is_null);
    if null {
        new.insert("anyOf".to_owned(), json!([target, { "type": "null" }]));
    } else {
        new.insert("allOf".to_owned(), Value::Array(vec![target]));
    }
    for key in ["description", "nullable", "deprecated", "readOnly", "writeOnly"] {
        if let Some(value) = slot.get(key) {
            new.insert(key.to_owned(), value.clone());
        }
    }
    *slot = Value::Object(new);
}

/// Fields that a schema does not list yet.
fn add_fields(known: &mut Value, more: &Value) {
    let Some(known) = known.as_object_mut() else { return };
    let Some(properties) = object_in(known, "properties") else { return };
    for (name, schema) in more.get("properties").and_then(Value::as_object).into_iter().flatten() {
        properties.entry(name.clone()).or_insert_with(|| schema.clone());
    }
}

/// Marks operations, parameters, schemas and fields.
fn mark(document: &mut Value) {
    let set = |node: &mut Value| {
        if let Some(object) = node.as_object_mut().filter(|object| !object.contains_key("x-evidence")) {
            object.insert("x-evidence".to_owned(), Value::from("documented"));
            object.insert("x-source".to_owned(), Value::from(OFFICIAL));
        }
    };
    for item in document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) {
                parameters.iter_mut().filter(|parameter| parameter.get("$ref").is_none()).for_each(set);
            }
            set(operation);
        }
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for schema in schemas.into_iter().flat_map(Map::values_mut) {
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        properties.into_iter().flat_map(Map::values_mut).filter(|field| field.get("$ref").is_none()).for_each(set);
        set(schema);
    }
}
