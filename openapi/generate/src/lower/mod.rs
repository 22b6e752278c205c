//! From the document to the representation that is emitted. Curation is applied on the way.

mod apis;
mod boxes;
mod directions;
mod docs;
mod enums;
mod inheritance;
mod names;
mod parameters;
mod responses;
mod schemas;
mod security;
mod servers;
mod shape;
mod structs;
mod unions;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

pub(crate) use directions::Directions;
pub(crate) use names::{METHODS, bare_id, tag_of};
pub(crate) use servers::{BASE_URL, first_server, server_url, serves_base_url};

use crate::curation::Curation;
use crate::document::Document;
use crate::findings::Findings;
use crate::hand_written::Methods;
use crate::ir::{Body, Docs, Field, Item, Program, Type};
use crate::lower::names::{NameTable, Origin};
use crate::pointer::{Located, Pointer};

/// A run over one document.
pub(crate) struct Lowering<'d> {
    document: &'d Document,
    curation: &'d Curation,
    findings: Findings,
    names: NameTable,
    /// What the schema at each place became; `None` while it is being read.
    types: HashMap<String, Option<Type>>,
    items: Vec<Item>,
    /// Components whose type is known and whose body is still to be read.
    waiting: VecDeque<(String, bool)>,
    /// Which ways the components travel.
    directions: Directions,
    /// Part of a request is being read: fields that are `readOnly` are no part of it.
    sending: bool,
    /// Where the items come from, by their Rust names.
    origins: HashMap<String, Origin>,
    /// The entries of the curation that named something.
    used: BTreeSet<(&'static str, String)>,
    /// The types of the ids by the name of the field or parameter that holds them.
    id_properties: BTreeMap<&'d str, &'d str>,
    id_parameters: BTreeMap<&'d str, &'d str>,
    /// The methods that clients and builders have already.
    written: &'d Methods,
}

/// Reads the document; what cannot be expressed is among the findings.
pub(crate) fn lower(document: &Document, curation: &Curation, written: &Methods) -> (Program, Findings) {
    let mut lowering = Lowering::new(document, curation, written);
    lowering.declare_ids();
    lowering.components();
    lowering.webhooks();
    let groups = lowering.groups();
    lowering.read_waiting();
    lowering.check_curation();
    boxes::insert(&mut lowering.items, &mut lowering.findings);
    let payload = lowering.payload();
    let sources = lowering.sources();
    let named: BTreeSet<&str> = lowering.items.iter().map(|item| item.name.as_str()).collect();
    let mut components = lowering.names.components();
    components.retain(|_, name| named.contains(name.as_str()));
    let mut program = Program { items: lowering.items, groups, payload, sources, components };
    crate::emit::evidence::anchor(&mut program);
    (program, lowering.findings)
}

impl<'d> Lowering<'d> {
    pub(crate) fn new(document: &'d Document, curation: &'d Curation, written: &'d Methods) -> Self {
        let mut findings = Findings::default();
        let names = NameTable::new(document, curation, written, &mut findings);
        let by = |list: fn(&crate::curation::Id) -> &Vec<String>| {
            curation
                .ids
                .iter()
                .flat_map(|(name, id)| list(id).iter().map(move |held| (held.as_str(), name.as_str())))
                .collect()
        };
        Self {
            document,
            curation,
            findings,
            names,
            types: HashMap::new(),
            items: Vec::new(),
            waiting: VecDeque::new(),
            directions: Directions::of(document),
            sending: false,
            origins: HashMap::new(),
            used: BTreeSet::new(),
            id_properties: by(|id| &id.properties),
            id_parameters: by(|id| &id.parameters),
            written,
        }
    }

    /// The ids that only the curation knows; those that are components too are met there.
    fn declare_ids(&mut self) {
        let curation = self.curation;
        for (name, id) in &curation.ids {
            if self.names.is_component(name) {
                continue;
            }
            let docs = Docs { text: id.doc.clone(), ..Docs::default() };
            self.items.push(Item { name: name.clone(), home: "ids".to_owned(), docs, body: Body::Id });
        }
    }

    /// Every schema under `components`, used or not.
    fn components(&mut self) {
        let Some(section) = self.document.section(&["components", "schemas"]) else { return };
        for (_, schema) in section.fields() {
            self.schema(&schema);
            self.read_waiting();
        }
    }

    /// The bodies that the service sends to its webhooks: types only, receiving is not the clients' work.
    fn webhooks(&mut self) {
        let Some(section) = self.document.section(&["webhooks"]) else { return };
        for (_, hook) in section.fields() {
            for (_, operation) in hook.fields() {
                let Some(body) = operation.get("requestBody") else { continue };
                match self.document.resolve(&body) {
                    Ok(body) => {
                        for (_, media) in body.get("content").iter().flat_map(Located::fields) {
                            if let Some(schema) = media.get("schema") {
                                self.schema(&schema);
                            }
                        }
                    }
                    Err(finding) => self.findings.add(finding),
                }
            }
        }
    }

    /// What a webhook event may carry: the objects in the fields of the model that the curation names.
    fn payload(&self) -> Option<Vec<Field>> {
        let (key, rules) = self.curation.models.iter().find(|(_, rules)| rules.payload)?;
        let name = &self.names.of_component(key)?.0;
        let objects: BTreeSet<&str> = self
            .items
            .iter()
            .filter(|item| matches!(item.body, Body::Struct(_)))
            .map(|item| item.name.as_str())
            .collect();
        let item = self.items.iter().find(|item| item.name == *name)?;
        let Body::Struct(body) = &item.body else { return None };
        let carries = |field: &&Field| {
            let ty = field.ty.clone().unwrap_null().0;
            !field.required
                && !rules.payload_except.contains(&field.wire)
                && matches!(ty, Type::Named(name) if objects.contains(name.as_str()))
        };
        Some(body.fields.iter().filter(carries).cloned().collect())
    }

    /// The tags of sources and what they stand for.
    fn sources(&self) -> Vec<(String, String)> {
        let sources = self.document.section(&["x-sources"]);
        let text = |place: &Located<'_>| place.value.as_str().unwrap_or_default().to_owned();
        sources.iter().flat_map(Located::fields).map(|(tag, place)| (tag.to_owned(), text(&place))).collect()
    }

    /// Notes that an entry of the curation named something.
    fn mark(&mut self, section: &'static str, key: &str) {
        self.used.insert((section, key.to_owned()));
    }

    /// Entries of the curation that named nothing.
    fn check_curation(&mut self) {
        let curation = self.curation;
        let stated: Vec<(&'static str, &String)> = curation
            .models
            .keys()
            .map(|key| ("models", key))
            .chain(curation.enums.keys().map(|key| ("enums", key)))
            .chain(curation.operations.keys().map(|key| ("operations", key)))
            .chain(curation.parameters.keys().map(|key| ("parameters", key)))
            .chain(curation.tags.keys().map(|key| ("tags", key)))
            .chain(curation.security.keys().map(|key| ("security", key)))
            .chain(curation.rename.keys().map(|key| ("rename", key)))
            .chain(curation.ids.values().flat_map(|id| &id.properties).map(|key| ("ids.properties", key)))
            .chain(curation.ids.values().flat_map(|id| &id.parameters).map(|key| ("ids.parameters", key)))
            .collect();
        for (section, key) in stated {
            if !self.used.contains(&(section, key.clone())) {
                // Lists of ids are struck out of every id's entry.
                let path = if section.starts_with("ids.") { "ids" } else { section };
                self.findings.stale_entry(
                    &Pointer::root(),
                    format!("{section}: nothing in the document is named `{key}`"),
                    Some((vec![path.to_owned()], key.clone())),
                );
            }
        }
    }

    /// A finding in the curation, which has no pointers into the document.
    fn curation_says(&mut self, what: impl AsRef<str>) {
        self.findings.stale(&Pointer::root(), what);
    }
}

/// Does a query parameter of this name ask for the next page?
pub(crate) fn is_cursor(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    matches!(
        plain.as_str(),
        "cursor" | "pagetoken" | "nexttoken" | "continuationtoken" | "after" | "startingafter" | "pagecursor"
    )
}
