//! Who is called what: components first, inline schemas after the path to them.

use std::collections::BTreeMap;

use crate::curation::Curation;
use crate::document::Document;
use crate::findings::{Finding, Findings};
use crate::hand_written::Methods;
use crate::lower::Lowering;
use crate::lower::schemas::is_null;
use crate::naming::{Names, TypeNames, module, pascal, snake};
use crate::pointer::{Located, Pointer};

/// The methods an operation may have, in the order in which they are emitted.
pub(crate) const METHODS: &[&str] = &["get", "head", "post", "put", "patch", "delete", "options", "trace"];

/// What server frameworks put before the name of a method: `TasksController_findAll`.
const CONTROLLER: &str = "Controller_";

/// What every client has: its constructor, its copy, the async client of a blocking one, and conversions, which a call of
/// a method by value means.
const CONSTRUCTOR: &[&str] = &["new", "clone", "asynchronous", "into", "try_into"];

/// Where a named type comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The name under which curation may speak of it.
    pub(crate) key: String,
    /// Its module.
    pub(crate) home: String,
}

/// The names given so far.
#[derive(Debug, Default)]
pub(crate) struct NameTable {
    types: TypeNames,
    homes: Names,
    /// Rust names and modules of the components, by their names in the document.
    components: BTreeMap<String, (String, String)>,
    /// Names of the types that components are in requests, by their own.
    inputs: BTreeMap<String, String>,
    /// Names of the operations, by their pointers.
    operations: BTreeMap<Pointer, String>,
    /// Modules of what is named after something else than a component.
    others: BTreeMap<String, String>,
}

impl NameTable {
    pub(crate) fn new(document: &Document, curation: &Curation, written: &Methods, findings: &mut Findings) -> Self {
        let mut table = Self { homes: Names::without(&["ids", "mod_", "lib", "main"]), ..Self::default() };
        for id in curation.ids.keys() {
            let given = table.types.claim(id, "Id");
            if given != *id {
                findings.stale(&Pointer::root(), format!("the id `{id}` would shadow a name that emitted code uses"));
            }
        }
        let schemas = document.section(&["components", "schemas"]);
        let schemas: Vec<Located<'_>> =
            schemas.iter().flat_map(|section| section.fields().map(|(_, schema)| schema)).collect();
        // Curated names first: they are promises, the others may yield.
        for wanted_by_curation in [true, false] {
            for schema in &schemas {
                let Some(name) = schema.at.component("schemas") else { continue };
                let curated = curated_name(curation, &name);
                if curated.is_some() == wanted_by_curation {
                    table.component(&name, curated, curation);
                }
            }
        }
        table.operations(document, curation, written, findings);
        table
    }

    fn component(&mut self, name: &str, curated: Option<&String>, curation: &Curation) {
        let wanted = curated.cloned().unwrap_or_else(|| pascal(name));
        // A schema that curation also lists as an id is that id.
        let (given, home) = if curation.ids.contains_key(&wanted) {
            (wanted, "ids".to_owned())
        } else {
            let given = self.types.claim(&wanted, "Model");
            let home = self.homes.claim(&module(&given));
            (given, home)
        };
        self.components.insert(name.to_owned(), (given, home));
    }

    /// Names are unique within a client: the operations of one tag.
    fn operations(
        &mut self,
        document: &Document,
        curation: &Curation,
        hand_written: &Methods,
        findings: &mut Findings,
    ) {
        let Some(paths) = document.section(&["paths"]) else { return };
        let mut clients: BTreeMap<String, Names> = BTreeMap::new();
        for (path, item) in paths.fields() {
            let Ok(item) = document.resolve(&item) else { continue };
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let id = operation.text("operationId");
                let curated = id.and_then(|id| curation.operations.get(id)).and_then(|entry| entry.name.as_deref());
                let spelt = id.map_or_else(|| snake(&format!("{method} {path}")), |id| snake(bare_id(id, curation)));
                let wanted = curated.unwrap_or(&spelt);
                let client = client_name(tag_of(&operation), curation);
                let taken = clients.entry(client.clone()).or_insert_with(|| Names::without(CONSTRUCTOR));
                let written = hand_written.contains(&(client.clone(), wanted.to_owned()));
                if written {
                    let what = format!(
                        "`{wanted}` is a method that `{client}` has already, written by hand; \
                         give the operation another `name` in the curation"
                    );
                    let finding = Finding::new(&operation.at, what);
                    findings.add(match id {
                        Some(id) => finding.mended_by(&["operations", id], format!("{wanted}_call")),
                        None => finding,
                    });
                }
                let wanted = if CONSTRUCTOR.contains(&wanted) {
                    format!("{}_{}", wanted.trim_end_matches('_'), snake(client.strip_suffix("Api").unwrap_or(&client)))
                } else if written {
                    format!("{wanted}_call")
                } else {
                    wanted.to_owned()
                };
                self.operations.insert(operation.at, taken.claim(&wanted));
            }
        }
    }

    /// The Rust name and module of a component.
    pub(crate) fn of_component(&self, name: &str) -> Option<(String, String)> {
        self.components.get(name).cloned()
    }

    /// The name of a component's type in requests, where that is another one.
    pub(crate) fn of_input(&mut self, rust: &str) -> String {
        if let Some(known) = self.inputs.get(rust) {
            return known.clone();
        }
        let name = self.types.claim(&format!("{rust}Input"), "Model");
        self.inputs.insert(rust.to_owned(), name.clone());
        name
    }

    /// The name of a component of which this is the type in requests, or the name as it is.
    pub(crate) fn without_input<'n>(&'n self, rust: &'n str) -> &'n str {
        self.inputs.iter().find(|(_, input)| *input == rust).map_or(rust, |(name, _)| name)
    }

    /// Is this the Rust name of a component?
    /// The Rust names of the components, by their names in the document.
    pub(crate) fn components(&self) -> BTreeMap<String, String> {
        self.components.iter().map(|(name, (rust, _))| (name.clone(), rust.clone())).collect()
    }

    pub(crate) fn is_component(&self, rust: &str) -> bool {
        self.components.values().any(|(name, _)| name == rust)
    }

    /// The method name of the operation at a place.
    pub(crate) fn of_operation(&self, at: &Pointer) -> Option<&str> {
        self.operations.get(at).map(String::as_str)
    }

    /// A free type name, the wanted one if possible.
    pub(crate) fn claim_type(&mut self, wanted: &str, suffix: &str) -> String {
        self.types.claim(wanted, suffix)
    }

    fn other_home(&mut self, base: &str) -> String {
        if let Some(home) = self.others.get(base) {
            return home.clone();
        }
        let home = self.homes.claim(&module(base));
        self.others.insert(base.to_owned(), home.clone());
        home
    }
}

/// The first tag of an operation: its client.
pub(crate) fn tag_of<'d>(operation: &Located<'d>) -> &'d str {
    operation.value.get("tags").and_then(|tags| tags.get(0)?.as_str()).unwrap_or("Default")
}

/// The name of a tag's client before anybody claims it.
pub(crate) fn client_name(tag: &str, curation: &Curation) -> String {
    let curated = curation.tags.get(tag).and_then(|rules| rules.name.clone());
    curated.unwrap_or_else(|| format!("{}Api", pascal(tag)))
}

/// An operation's id without what a server framework or the curation says does not belong to the name.
pub(crate) fn bare_id<'i>(id: &'i str, curation: &Curation) -> &'i str {
    let stripped = curation.policy.strip_operation_prefixes.iter().find_map(|prefix| id.strip_prefix(prefix.as_str()));
    let bare = stripped.or_else(|| id.split_once(CONTROLLER).map(|(_, rest)| rest)).unwrap_or(id);
    if bare.is_empty() { id } else { bare }
}

fn curated_name<'c>(curation: &'c Curation, name: &str) -> Option<&'c String> {
    let model = curation.models.get(name).and_then(|entry| entry.name.as_ref());
    model.or_else(|| curation.enums.get(name).and_then(|entry| entry.name.as_ref()))
}

impl Lowering<'_> {
    /// A name and a module for the inline schema at a place, after the path to it.
    pub(crate) fn inline_name(&mut self, at: &Pointer) -> (String, Origin) {
        if let Some(name) = self.curation.rename.get(at.as_str()) {
            self.mark("rename", at.as_str());
            let (_, home, _) = self.root_of(at);
            return (self.names.claim_type(name, "Model"), Origin { key: name.clone(), home });
        }
        let (wanted, home) = self.wanted_name(at);
        self.given_name(&wanted, &home)
    }

    /// The name after the path, before anybody claims it.
    pub(crate) fn wanted_name(&mut self, at: &Pointer) -> (String, String) {
        let (base, home, rest) = self.root_of(at);
        (format!("{base}{}", self.path_name(at, &rest)), home)
    }

    /// A wanted name, unless curation has another for it.
    pub(crate) fn given_name(&mut self, wanted: &str, home: &str) -> (String, Origin) {
        let curated = curated_name(self.curation, wanted).map_or(wanted, String::as_str);
        (self.names.claim_type(curated, "Model"), Origin { key: wanted.to_owned(), home: home.to_owned() })
    }

    /// The name of the thing that a place belongs to, its module, and the steps from it to the place.
    fn root_of(&mut self, at: &Pointer) -> (String, String, Vec<String>) {
        let steps = at.steps();
        let all: Vec<&str> = steps.iter().map(String::as_str).collect();
        let owned = |rest: &[&str]| rest.iter().map(|&step| step.to_owned()).collect::<Vec<_>>();
        let (base, rest) = match all.as_slice() {
            ["components", "schemas", name, rest @ ..] => {
                let (base, home) = self.component_name(name).unwrap_or_else(|| (pascal(name), snake(name)));
                return (base, home, owned(rest));
            }
            ["components", "responses", name, rest @ ..] => (format!("{}Response", pascal(name)), owned(rest)),
            ["components", "requestBodies", name, rest @ ..] => (format!("{}Body", pascal(name)), owned(rest)),
            ["components", "parameters", name, rest @ ..] => (pascal(name), owned(rest)),
            ["webhooks", name, _, "requestBody", rest @ ..] => (format!("{}Webhook", pascal(name)), owned(rest)),
            ["paths", path, rest @ ..] => self.root_in_paths(path, rest),
            other => (other.iter().map(|step| pascal(step)).collect(), Vec::new()),
        };
        let home = self.names.other_home(&base);
        (base, home, rest)
    }

    fn root_in_paths(&self, path: &str, rest: &[&str]) -> (String, Vec<String>) {
        let item = Pointer::root().field("paths").field(path);
        let (base, at, rest) = match rest {
            ["parameters", ..] | [] => (pascal(path), item, rest),
            [method, rest @ ..] => {
                let at = item.field(method);
                let name = self.names.of_operation(&at).map_or_else(|| pascal(&format!("{method} {path}")), pascal);
                (name, at, rest)
            }
        };
        match rest {
            ["parameters", index, rest @ ..] => {
                let place = at.field("parameters").field(index);
                let name = place.find(self.document.root().value).and_then(|found| found.get("name")?.as_str());
                (format!("{base}{}", pascal(name.unwrap_or(index))), rest.iter().map(|&step| step.to_owned()).collect())
            }
            ["requestBody", rest @ ..] => (format!("{base}Body"), rest.iter().map(|&step| step.to_owned()).collect()),
            ["responses", _, rest @ ..] => {
                (format!("{base}Response"), rest.iter().map(|&step| step.to_owned()).collect())
            }
            _ => (base, rest.iter().map(|&step| step.to_owned()).collect()),
        }
    }

    /// The rest of the name: fields by their names, elements as `Item`, values of maps as `Value`.
    fn path_name(&self, at: &Pointer, rest: &[String]) -> String {
        let steps = at.steps();
        let before = steps.len().saturating_sub(rest.len());
        let mut here = steps.iter().take(before).fold(Pointer::root(), |here, step| here.field(step));
        let mut name = String::new();
        let mut rest = rest.iter().map(String::as_str);
        while let Some(step) = rest.next() {
            here = here.field(step);
            match step {
                "properties" | "patternProperties" | "allOf" | "content" | "oneOf" | "anyOf" => {
                    let key = rest.next().unwrap_or_default();
                    if let "oneOf" | "anyOf" = step {
                        name.push_str(&self.alternative_name(&here, key, rest.len() == 0));
                    } else if step.ends_with("roperties") {
                        name.push_str(&pascal(key));
                    }
                    here = here.field(key);
                }
                "items" => name.push_str("Item"),
                "additionalProperties" => name.push_str("Value"),
                "schema" => {}
                other => name.push_str(&pascal(other)),
            }
        }
        name
    }

    /// An alternative is called by its title if it has one, else by its number; one that is alone needs no name.
    fn alternative_name(&self, list: &Pointer, place: &str, at_end: bool) -> String {
        let Some(value) = list.find(self.document.root().value) else { return String::new() };
        let list = Located { at: list.clone(), value };
        if list.elements().filter(|part| !is_null(part)).count() == 1 {
            return String::new();
        }
        let index: usize = place.parse().unwrap_or_default();
        let title = list.elements().nth(index).filter(|_| at_end).and_then(|part| part.text("title"));
        match title {
            Some(title) if title.len() <= 40 && title.is_ascii() => pascal(title),
            _ => format!("Variant{}", index + 1),
        }
    }
}
