//! Which ways a schema travels: in requests, in responses, or both. Fields that are `readOnly` are no part of what is
//! sent, `writeOnly` ones no part of what is read; a component that has such fields and travels both ways is two types.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::Document;
use crate::lower::names::METHODS;
use crate::pointer::{Located, Pointer};

/// The components by the ways they travel.
#[derive(Debug, Default)]
pub(crate) struct Directions {
    sent: BTreeSet<Pointer>,
    received: BTreeSet<Pointer>,
    /// They, or what they contain, have fields of one direction alone.
    differs: BTreeSet<Pointer>,
}

impl Directions {
    pub(crate) fn of(document: &Document) -> Self {
        let mut sent = Reach::new(document);
        let mut received = Reach::new(document);
        let paths = document.section(&["paths"]);
        for item in paths.iter().flat_map(Located::fields).filter_map(|(_, item)| document.resolve(&item).ok()) {
            for operation in METHODS.iter().filter_map(|method| item.get(method)) {
                sent.extend(operation.get("requestBody"));
                for (_, response) in operation.get("responses").iter().flat_map(Located::fields) {
                    received.extend(Some(response));
                }
            }
        }
        for (_, hook) in document.section(&["webhooks"]).iter().flat_map(Located::fields) {
            received.extend(Some(hook));
        }
        Self { sent: sent.seen, received: received.seen, differs: differing(document) }
    }

    /// Does a request reach it?
    pub(crate) fn is_sent(&self, at: &Pointer) -> bool {
        self.sent.contains(at)
    }

    /// Is it part of requests alone?
    pub(crate) fn is_only_sent(&self, at: &Pointer) -> bool {
        self.sent.contains(at) && !self.received.contains(at)
    }

    /// Does the component of that name travel both ways?
    pub(crate) fn is_both(&self, name: &str) -> bool {
        let at = Pointer::root().field("components").field("schemas").field(name);
        self.sent.contains(&at) && self.received.contains(&at)
    }

    /// Are there two types of it, as far as the document says?
    pub(crate) fn are_two(&self, at: &Pointer) -> bool {
        self.differs.contains(at) && self.sent.contains(at) && self.received.contains(at)
    }
}

/// The components that some places lead to.
struct Reach<'d> {
    document: &'d Document,
    seen: BTreeSet<Pointer>,
}

impl<'d> Reach<'d> {
    fn new(document: &'d Document) -> Self {
        Self { document, seen: BTreeSet::new() }
    }

    fn extend(&mut self, start: Option<Located<'d>>) {
        let mut waiting: Vec<Located<'d>> = start.into_iter().collect();
        while let Some(here) = waiting.pop() {
            if here.value.get("$ref").is_some()
                && let Ok(target) = self.document.target(&here)
                // A whole section is not what a schema means by a reference.
                && target.at.steps().len() > 2
                && self.seen.insert(target.at.clone())
            {
                waiting.push(target);
            }
            waiting.extend(inside(&here));
        }
        // Bodies and responses stand among the components too.
        self.seen.retain(|at| at.component("schemas").is_some() || at.steps().len() != 3);
    }
}

/// What a node contains, without examples.
fn inside<'d>(here: &Located<'d>) -> Vec<Located<'d>> {
    let data =
        |name: &str| matches!(name, "example" | "examples" | "default" | "const" | "enum") || name.starts_with("x-");
    let fields = here.fields().filter(|(name, _)| !data(name)).map(|(_, field)| field);
    fields.chain(here.elements()).collect()
}

/// The components with fields of one direction, and those that contain such.
fn differing(document: &Document) -> BTreeSet<Pointer> {
    let mut found = BTreeSet::new();
    let mut containers: BTreeMap<Pointer, BTreeSet<Pointer>> = BTreeMap::new();
    let section = document.section(&["components", "schemas"]);
    for (_, component) in section.iter().flat_map(Located::fields) {
        let mut waiting = vec![component.clone()];
        while let Some(here) = waiting.pop() {
            for (_, field) in here.get("properties").iter().flat_map(Located::fields) {
                if field.flag("readOnly") || field.flag("writeOnly") {
                    found.insert(component.at.clone());
                }
            }
            if let Ok(target) = document.target(&here) {
                containers.entry(target.at).or_default().insert(component.at.clone());
            }
            waiting.extend(inside(&here));
        }
    }
    let mut waiting: Vec<Pointer> = found.iter().cloned().collect();
    while let Some(at) = waiting.pop() {
        for container in containers.get(&at).into_iter().flatten() {
            if found.insert(container.clone()) {
                waiting.push(container.clone());
            }
        }
    }
    found
}
