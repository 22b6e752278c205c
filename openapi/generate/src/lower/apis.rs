//! Operations, grouped into API clients by their first tag.

use std::collections::{BTreeMap, BTreeSet};

use crate::curation::{Access, Operation as Rules, ParameterDefault, RetryClass};
use crate::ir::{Docs, Group, Operation, Parameter, Place};
use crate::lower::Lowering;
use crate::lower::docs::node_docs;
use crate::lower::names::{METHODS, client_name, tag_of};
use crate::lower::parameters::{CALL_OPTIONS, Setters};
use crate::lower::security::Schemes;
use crate::naming::{Names, TypeNames, module, pascal, shouting};
use crate::pointer::Located;

/// Fields of a path item beside its operations.
const ITEM_FIELDS: &[&str] = &["summary", "description", "parameters", "$ref"];

/// Fields of an operation that need nothing or are read elsewhere.
const OPERATION_FIELDS: &[&str] = &[
    "tags",
    "summary",
    "description",
    "externalDocs",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "deprecated",
    "security",
    // What the service calls is not the client's work; nothing of the client is lost by it.
    "callbacks",
];

impl<'d> Lowering<'d> {
    /// Every operation, in the document's order, in the client of its first tag.
    pub(crate) fn groups(&mut self) -> Vec<Group> {
        let mut groups: Vec<(String, Group)> = Vec::new();
        let mut homes = Names::without(&["mod_", "paging"]);
        let mut names = TypeNames::default();
        // Methods that differ may be one in upper case.
        let mut constants: BTreeMap<String, Names> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        let prefix = self.prefix();
        let schemes = self.schemes();
        let paths = self.document.section(&["paths"]);
        let items: Vec<(&'d str, Located<'d>)> =
            paths.iter().flat_map(Located::fields).filter(|(path, _)| !path.starts_with("x-")).collect();
        for (path, item) in items {
            let Some(route) = prefix.route(path) else { continue };
            let item = match self.document.resolve(&item) {
                Ok(item) => item,
                Err(finding) => {
                    self.findings.add(finding);
                    continue;
                }
            };
            if !self.check_item(&item) {
                continue;
            }
            for method in METHODS {
                let Some(here) = item.get(method) else { continue };
                if let Some(id) = here.text("operationId").filter(|id| !ids.insert((*id).to_owned())) {
                    self.findings.say(&here.at.field("operationId"), format!("a second operation is called `{id}`"));
                }
                let Some(operation) = self.operation(method, route, &item, &here, &schemes) else { continue };
                let tag = tag_of(&here).to_owned();
                if !groups.iter().any(|(known, _)| *known == tag) {
                    let group = self.group(&tag, &mut names, &mut homes);
                    groups.push((tag.clone(), group));
                }
                if let Some((_, group)) = groups.iter_mut().find(|(known, _)| *known == tag) {
                    let constant = constants.entry(tag).or_default().claim(&operation.constant);
                    group.operations.push(Operation { constant, ..operation });
                }
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// May the operations of the path be emitted as far as its own fields say?
    fn check_item(&mut self, item: &Located<'d>) -> bool {
        let mut fits = true;
        for (name, field) in item.fields() {
            match name {
                "servers" => fits = self.same_server(&field, "the operations of the path have a server of their own"),
                "query" => self.findings.say(&field.at, "an operation of the method QUERY (OpenAPI 3.2); left out"),
                "additionalOperations" => {
                    for (method, operation) in field.fields() {
                        self.findings.say(
                            &operation.at,
                            format!("an operation of the method `{method}` (OpenAPI 3.2); left out"),
                        );
                    }
                }
                _ if METHODS.contains(&name) || ITEM_FIELDS.contains(&name) || name.starts_with("x-") => {}
                _ => self.findings.say(&field.at, format!("`{name}` is not understood; it is ignored")),
            }
        }
        fits
    }

    fn group(&mut self, tag: &str, names: &mut TypeNames, homes: &mut Names) -> Group {
        let curation = self.curation;
        let rules = curation.tags.get(tag);
        if rules.is_some() {
            self.mark("tags", tag);
        }
        let declared = self.document.section(&["tags"]);
        let declared = declared.iter().flat_map(Located::elements).find(|entry| entry.text("name") == Some(tag));
        let mut docs = declared.map(|entry| node_docs(&entry)).unwrap_or_default();
        if let Some(text) = rules.and_then(|rules| rules.doc.clone()) {
            docs.text = Some(text);
        }
        let wanted = client_name(tag, curation);
        let home = homes.claim(&module(wanted.strip_suffix("Api").unwrap_or(&wanted)));
        // Models of that name live elsewhere, but one `use` may bring both.
        let name = self.names.claim_type(&names.claim(&wanted, "Client"), "Client");
        Group { name, home, docs, operations: Vec::new() }
    }

    fn operation(
        &mut self,
        method: &str,
        path: &'d str,
        item: &Located<'d>,
        here: &Located<'d>,
        schemes: &Schemes,
    ) -> Option<Operation> {
        let name = self.names.of_operation(&here.at)?.to_owned();
        let id = here.text("operationId").map_or_else(|| name.clone(), str::to_owned);
        let rules = self.curation.operations.get(&id).cloned().unwrap_or_default();
        self.mark("operations", &id);
        let known = self.findings.len();
        let (route, fixed) = path.split_once('?').unwrap_or((path, ""));
        let pairs = fixed.split('&').filter_map(|pair| pair.split_once('='));
        let fixed_query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut fits = self.check_operation(here);
        let body = self.request_body(here, &rules, &mut fits);
        let mut setters = Setters {
            id: id.clone(),
            builder: pascal(&name),
            names: Names::without(&["send", "into_future", "clone", "call", "configuration", "new", "with_call"])
                .and(CALL_OPTIONS),
        };
        if let Some(body) = &body {
            setters.names.claim(&body.name);
        }
        let (route, parameters) = self.parameters(route, item, here, &mut setters, &mut fits);
        let response = self.response(here, &mut fits);
        let access = self.access(here, schemes);
        let Some(response) = response.filter(|_| fits) else {
            if self.findings.len() == known {
                self.findings.say(&here.at, "left out for a reason reported elsewhere");
            }
            return None;
        };
        let builder = self.names.claim_type(&pascal(&name), "Request");
        Some(Operation {
            constant: shouting(&name),
            builder,
            method: method.to_uppercase(),
            path: route,
            fixed_query,
            docs: Self::operation_docs(here),
            deprecated: here.flag("deprecated"),
            retry: self.retry(method, &id, &rules),
            access: rules.access.unwrap_or(if here.text("x-access") == Some("oauth") { Access::Oauth } else { access }),
            feature: rules.feature,
            parameters,
            body,
            response,
            name,
            id,
        })
    }

    /// The retry class. One that allows more than the method alone must name the method that it was decided for, so that
    /// it does not outlive a change of method.
    fn retry(&mut self, method: &str, id: &str, rules: &Rules) -> RetryClass {
        let alone = if matches!(method, "get" | "head") { RetryClass::Read } else { RetryClass::UnsafeWrite };
        if let Some(decided) = &rules.method {
            if !decided.eq_ignore_ascii_case(method) {
                self.curation_says(format!(
                    "operations.{id}: decided for {}, but the operation is {}: decide again what a second sending does",
                    decided.to_uppercase(),
                    method.to_uppercase()
                ));
                return alone;
            }
        } else if let Some(class) = rules.retry.filter(|class| *class != alone && *class != RetryClass::UnsafeWrite) {
            self.curation_says(format!(
                "operations.{id}: `retry = \"{class}\"` on {} needs `method = \"{method}\"`, the method that it was decided for",
                method.to_uppercase()
            ));
            return alone;
        }
        rules.retry.unwrap_or(alone)
    }

    /// Summary first, description after it.
    fn operation_docs(here: &Located<'d>) -> Docs {
        let mut docs = node_docs(here);
        docs.text = match (here.text("summary"), here.text("description")) {
            (Some(summary), Some(description)) if summary.trim() != description.trim() => {
                let stop = if summary.trim_end().ends_with(['.', '!', '?']) { "" } else { "." };
                Some(format!("{}{stop}\n\n{description}", summary.trim()))
            }
            (summary, description) => summary.or(description).map(str::to_owned),
        };
        docs
    }

    /// May the operation be emitted as far as its own fields say?
    fn check_operation(&mut self, here: &Located<'d>) -> bool {
        let mut fits = true;
        for (name, field) in here.fields() {
            match name {
                "servers" => fits &= self.same_server(&field, "the operation has a server of its own"),
                _ if OPERATION_FIELDS.contains(&name) || name.starts_with("x-") => {}
                _ => self.findings.say(&field.at, format!("`{name}` is not understood")),
            }
        }
        if let Some(access) = here.text("x-access").filter(|access| !matches!(*access, "any" | "oauth")) {
            self.findings.say(&here.at.field("x-access"), format!("`{access}` is neither `any` nor `oauth`"));
        }
        fits
    }

    /// The parameters of an operation and of its path, without those that cannot be expressed.
    fn parameters(
        &mut self,
        path: &str,
        item: &Located<'d>,
        here: &Located<'d>,
        setters: &mut Setters,
        fits: &mut bool,
    ) -> (String, Vec<Parameter>) {
        let mut places: Vec<Located<'d>> = Vec::new();
        for list in [item.get("parameters"), here.get("parameters")].into_iter().flatten() {
            for place in list.elements() {
                match self.document.resolve(&place) {
                    Ok(place) => {
                        // The operation's own replaces the path's of the same name.
                        let same = |other: &Located<'d>| {
                            other.text("name") == place.text("name") && other.text("in") == place.text("in")
                        };
                        places.retain(|other| !same(other));
                        places.push(place);
                    }
                    Err(finding) => {
                        self.findings.add(finding);
                        *fits = false;
                    }
                }
            }
        }
        self.check_parameters(&setters.id, &places);
        let mut parameters: Vec<Parameter> =
            places.iter().flat_map(|place| self.parameters_of(place, setters, fits)).collect();
        let templates = templates(path);
        for template in &templates {
            if !parameters.iter().any(|parameter| parameter.place == Place::Path && parameter.wire == *template) {
                self.findings.say(
                    &here.at,
                    format!("the path's `{{{template}}}` has no parameter that can be expressed; left out"),
                );
                *fits = false;
            }
        }
        for parameter in parameters.iter().filter(|parameter| parameter.place == Place::Path) {
            if !templates.contains(&parameter.wire) {
                self.findings.say(&here.at, format!("the path has no `{{{}}}`; left out", parameter.wire));
                *fits = false;
            }
        }
        // Arguments in the order of the path, then as the document lists them.
        let rank = |parameter: &Parameter| match parameter.place {
            Place::Path => templates.iter().position(|template| *template == parameter.wire).unwrap_or(usize::MAX - 1),
            _ => usize::MAX,
        };
        parameters.sort_by_key(rank);
        (self.workspace_route(path, &mut parameters), parameters)
    }

    /// Names that the curation gives to parameters which the operation does not have.
    fn check_parameters(&mut self, id: &str, places: &[Located<'d>]) {
        let Some(rules) = self.curation.operations.get(id) else { return };
        for wire in rules.parameters.keys().chain(&rules.needs) {
            // The fields of an object in the style `deepObject` are parameters of their own.
            let is_named =
                |name: &str| name == wire || wire.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
            if !places.iter().filter_map(|place| place.text("name")).any(is_named) {
                let path = ["operations", id, "parameters"].map(str::to_owned).to_vec();
                self.findings.stale_entry(
                    &crate::pointer::Pointer::root(),
                    format!("operations.{id}.parameters: the operation has no `{wire}`"),
                    Some((path, wire.clone())),
                );
            }
        }
    }

    /// The path with the parameter that the configuration fills under the name by which the engine knows it.
    fn workspace_route(&self, path: &str, parameters: &mut [Parameter]) -> String {
        let mut route = path.to_owned();
        for parameter in parameters.iter_mut().filter(|parameter| parameter.place == Place::Path) {
            let rules = self.curation.parameters.get(&parameter.wire);
            if rules.and_then(|rules| rules.default) == Some(ParameterDefault::ConfigurationWorkspace) {
                route = route.replace(&format!("{{{}}}", parameter.wire), &format!("{{{WORKSPACE}}}"));
                WORKSPACE.clone_into(&mut parameter.wire);
            }
        }
        route
    }
}

/// The path parameter that the engine fills from the configuration.
const WORKSPACE: &str = "workspaceId";

/// The names in the braces of a path.
fn templates(path: &str) -> Vec<String> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}
