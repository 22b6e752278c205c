//! The curation for the merged document, proposed from today's: entries follow the names, and what the document
//! settles itself is left to it. Comments stay.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value as Toml, value};

use crate::error::Error;
use crate::findings::Finding;
use crate::intake::compare::Comparison;
use crate::intake::flat::Flat;
use crate::intake::matching::{Operation, Reason, bare_name, tag};
use crate::intake::merge::main_role;
use crate::lower::Directions;
use crate::naming::pascal;
use crate::pointer::{Located, Pointer};

/// Rewrites today's curation; what a person must decide is reported.
pub(crate) struct Proposal {
    document: DocumentMut,
    pub(crate) to_decide: Vec<String>,
}

impl Proposal {
    pub(crate) fn new(curation: &str) -> Result<Self, Error> {
        let document =
            curation.parse().map_err(|error| Error::unreadable(format!("the curation does not parse: {error}")))?;
        Ok(Self { document, to_decide: Vec::new() })
    }

    pub(crate) fn text(&self) -> String {
        self.document.to_string()
    }

    /// Operations, their clients and their path parameters, under the names of the document.
    pub(crate) fn operations(&mut self, pairs: &[(&Operation<'_>, Option<(&Operation<'_>, Reason)>)]) {
        let mut tags: BTreeMap<String, String> = BTreeMap::new();
        for (ours, found) in pairs {
            let Some((theirs, reason)) = found else {
                if self.section("operations").and_then(|table| table.remove(&ours.id)).is_some() {
                    self.to_decide.push(format!("`{}` is gone: hand-written code that calls it must go too", ours.id));
                }
                continue;
            };
            if *reason == Reason::Form {
                self.to_decide.push(format!(
                    "`{}` is taken for `{}`: confirm it, or give the right one this name",
                    theirs.id, ours.id
                ));
            }
            tags.entry(tag(ours).to_owned()).or_insert_with(|| tag(theirs).to_owned());
            let wanted = bare_name(&ours.id);
            let Some(table) = self.section("operations") else { continue };
            let mut entry = table
                .remove(&ours.id)
                .or_else(|| table.remove(&theirs.id))
                .unwrap_or_else(|| Item::Table(Table::new()));
            let Some(rules) = entry.as_table_like_mut() else { continue };
            if !rules.contains_key("name") && bare_name(&theirs.id) != wanted {
                rules.insert("name", value(wanted.clone()));
            }
            let decided = rules.get("method").and_then(Item::as_str).map(str::to_owned);
            let changed = decided.as_deref().unwrap_or(ours.method) != theirs.method;
            if changed && rules.remove("retry").is_some() {
                rules.remove("method");
                self.to_decide.push(format!(
                    "`{wanted}` is {} now, it was {}: say by `retry` what a second sending does; until then it counts as an unsafe write",
                    theirs.method.to_uppercase(),
                    ours.method.to_uppercase()
                ));
            }
            if let Some(table) = self.section("operations") {
                table.insert(&theirs.id, entry);
            }
        }
        for (ours, theirs) in tags {
            self.rename("tags", &ours, &theirs, &format!("{}Api", pascal(&ours)), &format!("{}Api", pascal(&theirs)));
        }
    }

    /// Path parameters that the document calls something else.
    pub(crate) fn parameters(&mut self, renamed: &BTreeMap<String, String>, known: &BTreeSet<String>) {
        for (ours, theirs) in renamed {
            if let Some(table) = self.section("parameters")
                && let Some(entry) = table.remove(ours).filter(|_| !table.contains_key(theirs))
            {
                table.insert(theirs, entry);
            }
        }
        if let Some(table) = self.section("parameters") {
            keep(table, |name| known.contains(name));
        }
        self.ids("parameters", |name| {
            let name = renamed.get(name).map_or(name, String::as_str);
            known.contains(name).then(|| name.to_owned())
        });
    }

    /// Models and enums under the names of the document, without fields that it does not have.
    pub(crate) fn models(&mut self, comparison: &Comparison<'_>, merged: &crate::document::Document) {
        let (ours_both, theirs_two) = (Directions::of(comparison.ours), Directions::of(merged));
        let mut done = BTreeSet::new();
        for role in &comparison.roles {
            let copied = merged.section(&["components", "schemas", &role.ours]).is_some();
            let keeps = main_role(&comparison.roles, &role.theirs).is_some_and(|main| main.ours == role.ours);
            if !done.insert(role.ours.clone()) || (!copied && !keeps) {
                continue;
            }
            let theirs = if copied { None } else { role.theirs.component("schemas") };
            let key = theirs.clone().unwrap_or_else(|| role.ours.clone());
            let at = if copied {
                Pointer::root().field("components").field("schemas").field(&role.ours)
            } else {
                role.theirs.clone()
            };
            let Some(found) = at.find(merged.root().value) else { continue };
            let flat = Flat::of(merged, &Located { at: at.clone(), value: found });
            let is_id = comparison
                .ours
                .section(&["components", "schemas", &role.ours])
                .is_some_and(|schema| schema.flag("x-id"));
            if !copied
                && theirs.is_none()
                && !is_id
                && !flat.kinds.is_empty()
                && (flat.kinds.contains("object") || !flat.values.is_empty())
                && let Some(table) = self.section_or_new("rename")
            {
                table.insert(at.as_str(), value(role.ours.clone()));
            }
            let section = if flat.values.is_empty() { "models" } else { "enums" };
            if theirs.is_some() && pascal(&key) != role.ours && !is_id {
                let Some(table) = self.section_or_new(section) else { continue };
                let mut entry = table
                    .remove(&role.ours)
                    .or_else(|| table.remove(&key))
                    .unwrap_or_else(|| Item::Table(Table::new()));
                if let Some(rules) = entry.as_table_like_mut().filter(|rules| !rules.contains_key("name")) {
                    rules.insert("name", value(role.ours.clone()));
                }
                table.insert(&key, entry);
            }
            // A type of ours that is fetched and sent back stays one, although some of its fields are only read.
            if (keeps || copied) && ours_both.is_both(&role.ours) && theirs_two.are_two(&at) {
                let Some(table) = self.section_or_new("models") else { continue };
                if !table.contains_key(&key) {
                    table.insert(&key, Item::Table(Table::new()));
                }
                if let Some(rules) = table.get_mut(&key).and_then(Item::as_table_like_mut) {
                    rules.insert("both-ways", value(true));
                }
            }
            let renamed = |field: &str| comparison.renamed.get(&(role.ours.clone(), field.to_owned())).cloned();
            let known = |field: &str| flat.field(field).is_some();
            if let Some(entry) = self.section(section).and_then(|table| table.get_mut(&key)) {
                fields(entry, &renamed, &known);
                let calls: Vec<(String, String)> = comparison
                    .renamed
                    .iter()
                    .filter(|((model, _), _)| *model == role.ours)
                    .map(|((_, ours), theirs)| (ours.clone(), theirs.clone()))
                    .collect();
                name_fields(entry, &calls);
            }
        }
        self.ids_of_fields(comparison, merged);
    }

    fn ids_of_fields(&mut self, comparison: &Comparison<'_>, merged: &crate::document::Document) {
        let section = merged.section(&["components", "schemas"]);
        let all: BTreeSet<String> = section
            .iter()
            .flat_map(Located::fields)
            .flat_map(|(_, schema)| {
                Flat::of(merged, &schema).fields.iter().map(|field| field.name.to_owned()).collect::<Vec<_>>()
            })
            .collect();
        let called: Vec<((String, String), String)> = comparison.renamed.clone().into_iter().collect();
        let roles = comparison.roles.clone();
        let mut more: Vec<(String, String)> = Vec::new();
        self.ids("properties", |name| {
            let bare = name.split_once('.').map_or(name, |(_, field)| field);
            for ((model, field), theirs) in &called {
                if field == bare {
                    let copied = merged.section(&["components", "schemas", model]).map(|_| model.clone());
                    let role = roles.iter().find(|role| role.ours == *model);
                    if let Some(model) = copied.or_else(|| role?.theirs.component("schemas")) {
                        more.push((name.to_owned(), format!("{model}.{theirs}")));
                    }
                }
            }
            if let Some((model, field)) = name.split_once('.') {
                let role = roles.iter().find(|role| role.ours == model);
                let model = role.and_then(|role| role.theirs.component("schemas")).unwrap_or_else(|| model.to_owned());
                return Some(format!("{model}.{field}")).filter(|_| all.contains(field));
            }
            all.contains(name).then(|| name.to_owned())
        });
        // Fields of another name that hold the same id.
        let Some(ids) = self.section("ids") else { return };
        for (_, entry) in ids.iter_mut() {
            let Some(list) = entry.as_table_like_mut().and_then(|rules| rules.get_mut("properties")?.as_array_mut())
            else {
                continue;
            };
            let held: BTreeSet<String> = list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
            for (_, theirs) in more.iter().filter(|(ours, theirs)| held.contains(ours) && !held.contains(theirs)) {
                list.push(theirs.as_str());
            }
        }
    }

    /// The client's base URL is another one: the hand-written default must follow.
    pub(crate) fn base_url(&mut self, url: &str) {
        if let Some(table) = self.section_or_new("policy") {
            table.insert("base-url", value(url));
        }
        self.to_decide.push(format!(
            "the base URL is `{url}`: change the default of `Configuration` before anything is released"
        ));
    }

    /// Removes entries that the generator calls stale, until it calls none so.
    pub(crate) fn remove_stale(&mut self, stale: &[Finding]) {
        for finding in stale {
            let Some((path, name)) = finding.entry() else {
                self.to_decide.push(finding.what().to_owned());
                continue;
            };
            let mut here: Option<&mut dyn TableLike> = Some(self.document.as_table_mut());
            for step in path {
                here = here.and_then(|table| table.get_mut(step)).and_then(Item::as_table_like_mut);
            }
            let Some(table) = here else { continue };
            if table.remove(name).is_none() {
                table.iter_mut().for_each(|(_, item)| strike(item, name));
            }
        }
    }

    /// Gives the name that mends a finding, if there is one.
    pub(crate) fn name(&mut self, finding: &Finding) -> bool {
        let Some((path, name)) = finding.remedy() else { return false };
        let mut here: &mut dyn TableLike = self.document.as_table_mut();
        for (depth, step) in path.iter().enumerate() {
            let mut fresh = Table::new();
            fresh.set_implicit(depth + 1 < path.len());
            let Some(table) = here.entry(step).or_insert(Item::Table(fresh)).as_table_like_mut() else { return false };
            here = table;
        }
        here.insert("name", value(name));
        self.to_decide.push(format!("`{}`: {}; `{name}` is proposed", finding.pointer(), finding.what()));
        true
    }

    /// Accepts each finding on its own, so that every other one stays an error.
    pub(crate) fn accept(&mut self, findings: &[Finding], version: &str) {
        if findings.is_empty() {
            return;
        }
        let slot = self.document.entry("accept").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        let Some(list) = slot.as_array_of_tables_mut() else { return };
        for finding in findings {
            if finding.pointer().starts_with("#/components/securitySchemes/") {
                self.to_decide.push(format!("`{}`: {}", finding.pointer(), finding.what()));
            }
            let mut entry = Table::new();
            entry.insert("pointer", value(finding.pointer()));
            entry.insert("what", value(finding.what()));
            entry.insert(
                "why",
                value(format!("proposed by the intake of version {version}; the client does without it")),
            );
            list.push(entry);
        }
    }

    fn section(&mut self, name: &str) -> Option<&mut dyn TableLike> {
        self.document.get_mut(name)?.as_table_like_mut()
    }

    fn section_or_new(&mut self, name: &str) -> Option<&mut dyn TableLike> {
        let mut fresh = Table::new();
        fresh.set_implicit(name != "rename");
        self.document.entry(name).or_insert(Item::Table(fresh)).as_table_like_mut()
    }

    fn rename(&mut self, section: &str, ours: &str, theirs: &str, our_name: &str, their_name: &str) {
        let Some(table) = self.section(section) else { return };
        if ours == theirs || table.contains_key(theirs) {
            return;
        }
        let mut entry = table.remove(ours).unwrap_or_else(|| Item::Table(Table::new()));
        if let Some(rules) = entry.as_table_like_mut()
            && our_name != their_name
            && !rules.contains_key("name")
        {
            rules.insert("name", value(our_name));
        }
        table.insert(theirs, entry);
    }

    /// Rewrites the lists of fields or parameters that hold ids.
    fn ids(&mut self, key: &str, mut change: impl FnMut(&str) -> Option<String>) {
        let Some(ids) = self.section("ids") else { return };
        for (_, entry) in ids.iter_mut() {
            if let Some(list) = entry.as_table_like_mut().and_then(|rules| rules.get_mut(key)?.as_array_mut()) {
                let kept: BTreeSet<String> = list.iter().filter_map(|one| change(one.as_str()?)).collect();
                *list = kept.into_iter().collect::<Array>();
            }
        }
    }
}

/// Keeps the entries whose key passes.
fn keep(table: &mut dyn TableLike, test: impl Fn(&str) -> bool) {
    let stale: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).filter(|key| !test(key)).collect();
    for key in stale {
        table.remove(&key);
    }
}

/// Lists and tables of fields in a model's entry: renamed where the document renames, shortened where it has none.
fn fields(entry: &mut Item, renamed: &dyn Fn(&str) -> Option<String>, known: &dyn Fn(&str) -> bool) {
    let Some(rules) = entry.as_table_like_mut() else { return };
    let now = |field: &str| Some(renamed(field).unwrap_or_else(|| field.to_owned())).filter(|field| known(field));
    for (_, item) in rules.iter_mut() {
        if let Some(list) = item.as_array_mut() {
            *list = list.iter().filter_map(|one| now(one.as_str()?)).collect::<Array>();
        } else if let Some(table) = item.as_table_like_mut() {
            let keys: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
            for key in keys {
                let Some(value) = table.remove(&key) else { continue };
                if let Some(key) = now(&key) {
                    table.insert(&key, value);
                }
            }
        }
    }
    for key in ["from", "items"] {
        if let Some(named) = rules.get(key).and_then(Item::as_str).map(str::to_owned) {
            match now(&named) {
                Some(field) => drop(rules.insert(key, value(field))),
                None => drop(rules.remove(key)),
            }
        }
    }
}

/// Fields under another name keep their Rust name.
fn name_fields(entry: &mut Item, calls: &[(String, String)]) {
    let Some(rules) = entry.as_table_like_mut() else { return };
    for (ours, theirs) in calls {
        let rust = crate::naming::snake(ours);
        if crate::naming::snake(theirs) == rust {
            continue;
        }
        if !rules.contains_key("fields") {
            let mut table = Table::new();
            table.set_implicit(true);
            rules.insert("fields", Item::Table(table));
        }
        let Some(fields) = rules.get_mut("fields").and_then(Item::as_table_like_mut) else { continue };
        if !fields.contains_key(theirs) {
            fields.insert(theirs, Item::Table(Table::new()));
        }
        if let Some(rule) =
            fields.get_mut(theirs).and_then(Item::as_table_like_mut).filter(|rule| !rule.contains_key("name"))
        {
            rule.insert("name", value(rust));
        }
    }
}

/// Takes a name out of a list, a table or a value.
fn strike(item: &mut Item, name: &str) {
    if let Some(list) = item.as_array_mut() {
        list.retain(|one| one.as_str() != Some(name));
    } else if let Some(table) = item.as_table_like_mut() {
        if table.remove(name).is_none() {
            // A Rust name is not what it is called on the wire.
            let named = table.iter_mut().filter(|(key, _)| *key != "name");
            named.for_each(|(_, item)| strike(item, name));
        }
    } else if item.as_value().and_then(Toml::as_str) == Some(name) {
        *item = Item::None;
    }
}
