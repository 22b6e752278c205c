//! Walks both documents side by side, from operation to operation, and writes down the facts.

use std::collections::{BTreeMap, BTreeSet};

use crate::curation::{Access, Curation};
use crate::document::Document;
use crate::intake::facts::{Fact, Facts, Verdict};
use crate::intake::flat::{Field, Flat};
use crate::intake::matching::{Operation, Reason, json_schema, plain, success};
use crate::pointer::{Located, Pointer};

/// A schema of ours and the one that plays its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// The name of our component.
    pub(crate) ours: String,
    /// Where theirs is described: a component or an inline schema.
    pub(crate) theirs: Pointer,
    /// Every place of theirs where ours was met.
    pub(crate) places: Vec<Pointer>,
}

/// A walk over two documents.
pub(crate) struct Comparison<'d> {
    pub(crate) ours: &'d Document,
    pub(crate) theirs: &'d Document,
    pub(crate) curation: &'d Curation,
    pub(crate) facts: Facts,
    pub(crate) roles: Vec<Role>,
    /// Fields of ours that theirs calls something else: our component and field, their field.
    pub(crate) renamed: BTreeMap<(String, String), String>,
    seen: BTreeSet<(Pointer, Pointer)>,
    /// Does theirs distinguish API keys from OAuth tokens anywhere?
    pub(crate) distinguishes: bool,
    /// What a person must decide.
    pub(crate) to_decide: Vec<String>,
}

impl<'d> Comparison<'d> {
    pub(crate) fn new(ours: &'d Document, theirs: &'d Document, curation: &'d Curation) -> Self {
        Self {
            ours,
            theirs,
            curation,
            facts: Facts::default(),
            roles: Vec::new(),
            renamed: BTreeMap::new(),
            seen: BTreeSet::new(),
            distinguishes: false,
            to_decide: Vec::new(),
        }
    }

    pub(crate) fn fact(
        &mut self,
        subject: String,
        verdict: Verdict,
        said: (&str, &str),
        mark: Option<&str>,
        at: &Pointer,
    ) {
        self.facts.add(Fact {
            subject,
            ours: said.0.to_owned(),
            theirs: said.1.to_owned(),
            verdict,
            mark: mark.map(str::to_owned),
            pointer: at.to_string(),
        });
    }

    /// A fact that is either so or not.
    fn same(&mut self, subject: String, said: (&str, &str), mark: Option<&str>, at: &Pointer) {
        let verdict = if said.0 == said.1 { Verdict::Confirmed } else { Verdict::Refuted };
        self.fact(subject, verdict, said, mark, at);
    }

    /// An operation of ours that theirs does not have.
    pub(crate) fn missing(&mut self, ours: &Operation<'d>) {
        let said = format!("{} {}", ours.method.to_uppercase(), ours.route);
        self.fact(
            format!("operation {}", ours.id),
            Verdict::Refuted,
            (&said, "no such operation"),
            mark(&ours.node),
            &ours.node.at,
        );
    }

    /// An operation of theirs that ours does not have.
    pub(crate) fn added(&mut self, theirs: &Operation<'d>) {
        let said = format!("{} {}", theirs.method.to_uppercase(), theirs.route);
        self.fact(format!("operation {}", theirs.id), Verdict::New, ("", &said), None, &theirs.node.at);
    }

    pub(crate) fn operation(&mut self, ours: &Operation<'d>, theirs: &Operation<'d>, reason: Reason) {
        let (id, at, mark) = (&ours.id, &theirs.node.at, mark(&ours.node));
        if reason == Reason::Form {
            let said = format!("`{}`, by the form of its path and its fields: to be confirmed", theirs.id);
            self.fact(format!("operation {id}"), Verdict::Refuted, (id, &said), mark, at);
        } else {
            self.same(format!("operation {id}"), (id, &theirs.id), mark, at);
        }
        self.same(
            format!("operation {id}, method"),
            (&ours.method.to_uppercase(), &theirs.method.to_uppercase()),
            mark,
            at,
        );
        self.same(format!("operation {id}, path"), (ours.route, theirs.route), mark, at);
        let access = |access: Access| if access == Access::Oauth { "OAuth tokens only" } else { "every credential" };
        let subject = format!("operation {id}, access");
        if keeps_access(ours, theirs, self.distinguishes) {
            self.fact(
                subject,
                Verdict::Silent,
                (access(ours.access), "nothing that distinguishes credentials"),
                mark,
                at,
            );
        } else {
            self.same(subject, (access(ours.access), access(theirs.access)), mark, at);
        }
        self.parameters(ours, theirs);
        self.bodies(ours, theirs);
        self.responses(ours, theirs);
    }

    fn parameters(&mut self, ours: &Operation<'d>, theirs: &Operation<'d>) {
        let place = |parameter: &Located<'d>| parameter.text("in").unwrap_or_default().to_owned();
        let name = |parameter: &Located<'d>| parameter.text("name").unwrap_or_default().to_owned();
        let path = |parameters: &[Located<'d>], route: &str| {
            let mut found: Vec<Located<'d>> =
                parameters.iter().filter(|parameter| place(parameter) == "path").cloned().collect();
            found.sort_by_key(|parameter| route.find(&format!("{{{}}}", name(parameter))));
            found
        };
        let mut known = BTreeSet::new();
        let in_order = path(&theirs.parameters, theirs.route);
        for (index, mine) in path(&ours.parameters, ours.route).iter().enumerate() {
            let Some(other) = in_order.get(index) else { continue };
            known.insert(other.at.clone());
            let subject = format!("operation {}, path parameter {}", ours.id, name(mine));
            self.same(subject, (&name(mine), &name(other)), mark(mine), &other.at);
        }
        for mine in ours.parameters.iter().filter(|parameter| place(parameter) != "path") {
            let subject = format!("operation {}, {} parameter {}", ours.id, place(mine), name(mine));
            let alike = |other: &&Located<'d>| place(other) == place(mine) && plain(&name(other)) == plain(&name(mine));
            let Some(other) = theirs.parameters.iter().find(alike) else {
                self.fact(subject, Verdict::Refuted, (&name(mine), "no such parameter"), mark(mine), &theirs.node.at);
                continue;
            };
            known.insert(other.at.clone());
            self.same(subject, (&name(mine), &name(other)), mark(mine), &other.at);
            if let (Some(mine), Some(other)) = (mine.get("schema"), other.get("schema")) {
                self.schema(
                    &format!("{}.{}", ours.id, mine.at.steps().last().cloned().unwrap_or_default()),
                    &mine,
                    &other,
                );
            }
        }
        for other in theirs.parameters.iter().filter(|other| !known.contains(&other.at)) {
            let subject = format!("operation {}, {} parameter {}", ours.id, place(other), name(other));
            let required = if other.flag("required") { "required" } else { "optional" };
            self.fact(subject, Verdict::New, ("", required), None, &other.at);
        }
    }

    fn bodies(&mut self, ours: &Operation<'d>, theirs: &Operation<'d>) {
        let body = |document: &'d Document, operation: &Operation<'d>| {
            operation.node.get("requestBody").and_then(|body| document.resolve(&body).ok())
        };
        let (mine, other) = (body(self.ours, ours), body(self.theirs, theirs));
        let (Some(mine), Some(other)) = (&mine, &other) else {
            let said = |body: &Option<Located<'_>>| if body.is_some() { "a body" } else { "no body" };
            if mine.is_some() || other.is_some() {
                let subject = format!("operation {}, body", ours.id);
                self.same(subject, (said(&mine), said(&other)), mark(&ours.node), &theirs.node.at);
            }
            return;
        };
        let media = |body: &Located<'d>| {
            let names = body.get("content").map(|content| content.fields().map(|(name, _)| name).collect::<Vec<_>>());
            names.unwrap_or_default().join(", ")
        };
        let subject = format!("operation {}, media type of the body", ours.id);
        self.same(subject, (&media(mine), &media(other)), mark(mine), &other.at);
        if let (Some(mine), Some(other)) = (json_schema(mine), json_schema(other)) {
            self.required(&ours.id, &mine, &other);
            self.schema(&format!("{} body", ours.id), &mine, &other);
            // What is written back was read, with all that it must have.
            if ours.method == "post" {
                self.not_asked_for(&ours.id, &mine, &other);
            }
        }
    }

    /// What a body must have: more than the client sends by itself is a change that users feel.
    fn required(&mut self, id: &str, ours: &Located<'d>, theirs: &Located<'d>) {
        let list = |flat: &Flat<'d>| flat.required.iter().copied().collect::<Vec<_>>().join(", ");
        let (mine, other) = (list(&Flat::of(self.ours, ours)), list(&Flat::of(self.theirs, theirs)));
        self.same(format!("operation {id}, required fields of the body"), (&mine, &other), mark(ours), &theirs.at);
    }

    /// What a body must have by theirs and the client does not ask for: the curation decides for request types, too.
    fn not_asked_for(&mut self, id: &str, ours: &Located<'d>, theirs: &Located<'d>) {
        let (mine, other) = (Flat::of(self.ours, ours), Flat::of(self.theirs, theirs));
        let Some(model) = mine.component() else { return };
        let called = |field: &str| {
            let renamed = self.renamed.get(&(model.clone(), field.to_owned()));
            renamed.cloned().unwrap_or_else(|| field.to_owned())
        };
        let asked: BTreeSet<String> = mine.required.iter().map(|field| called(field)).collect();
        let is_read_only = |name: &str| other.field(name).is_some_and(|field| field.schema.flag("readOnly"));
        let missing: Vec<&str> =
            other.required.iter().copied().filter(|name| !asked.contains(*name) && !is_read_only(name)).collect();
        if !missing.is_empty() {
            self.to_decide.push(format!(
                "`{id}` requires `{}` of its body, which `{model}` does not ask for: add it to `required` of that model in the \
                 curation, if the service does not fill it in",
                missing.join("`, `")
            ));
        }
    }

    fn responses(&mut self, ours: &Operation<'d>, theirs: &Operation<'d>) {
        let subject = format!("operation {}, status of success", ours.id);
        match (success(self.ours, &ours.node), success(self.theirs, &theirs.node)) {
            (Some((mine, our)), Some((other, their))) => {
                self.same(subject, (mine, other), mark(&our), &their.at);
                if let (Some(mine), Some(other)) = (json_schema(&our), json_schema(&their)) {
                    self.schema(&format!("{} response", ours.id), &mine, &other);
                }
            }
            (Some((mine, our)), None) => {
                self.fact(subject, Verdict::Silent, (mine, "no success is described"), mark(&our), &theirs.node.at);
            }
            (None, _) => {}
        }
        let error = |document: &'d Document, operation: &Operation<'d>| {
            let responses = operation.node.get("responses")?;
            let failures =
                responses.fields().filter(|(status, _)| status.starts_with(['4', '5']) || *status == "default");
            failures
                .filter_map(|(_, response)| document.resolve(&response).ok())
                .find_map(|response| json_schema(&response))
        };
        match (error(self.ours, ours), error(self.theirs, theirs)) {
            (Some(mine), Some(other)) => self.schema("error", &mine, &other),
            (Some(mine), None) => {
                let subject = format!("operation {}, error schema", ours.id);
                self.fact(subject, Verdict::Silent, ("a schema", "none"), mark(&mine), &theirs.node.at);
            }
            (None, _) => {}
        }
    }

    /// Compares two schemas that play the same role.
    pub(crate) fn schema(&mut self, called: &str, ours: &Located<'d>, theirs: &Located<'d>) {
        let (mine, other) = (Flat::of(self.ours, ours), Flat::of(self.theirs, theirs));
        let name = mine.component().unwrap_or_else(|| called.to_owned());
        if let Some(component) = mine.component() {
            self.role(component, &other.at, &theirs.at);
        }
        if !self.seen.insert((mine.at.clone(), other.at.clone())) {
            return;
        }
        self.values(&name, &mine, &other);
        self.fields(&name, &mine, &other);
        if let (Some(mine), Some(other)) = (&mine.items, &other.items) {
            self.schema(&format!("{name} item"), mine, other);
        }
    }

    fn role(&mut self, ours: String, theirs: &Pointer, place: &Pointer) {
        match self.roles.iter_mut().find(|role| role.ours == ours && role.theirs == *theirs) {
            Some(role) => role.places.push(place.clone()),
            None => self.roles.push(Role { ours, theirs: theirs.clone(), places: vec![place.clone()] }),
        }
    }

    fn values(&mut self, name: &str, ours: &Flat<'d>, theirs: &Flat<'d>) {
        for value in &ours.values {
            let subject = format!("value {name} `{}`", value.text);
            let there = theirs.values.iter().any(|known| known.text == value.text);
            let (verdict, said) = if theirs.values.is_empty() {
                (Verdict::Silent, "any text")
            } else if there {
                (Verdict::Confirmed, value.text)
            } else {
                (Verdict::Refuted, "not among the values")
            };
            self.fact(subject, verdict, (value.text, said), value.mark, &theirs.at);
        }
        if ours.values.is_empty() {
            return;
        }
        for value in theirs.values.iter().filter(|value| !ours.values.iter().any(|known| known.text == value.text)) {
            self.fact(format!("value {name} `{}`", value.text), Verdict::New, ("", value.text), None, &theirs.at);
        }
    }

    fn fields(&mut self, name: &str, ours: &Flat<'d>, theirs: &Flat<'d>) {
        let pairs = self.pair_fields(name, ours, theirs);
        for field in &ours.fields {
            let subject = format!("field {name}.{}", field.name);
            let mark = mark(&field.schema);
            let Some(other) = pairs.get(field.name) else {
                let (verdict, said) = if theirs.fields.is_empty() {
                    (Verdict::Silent, "an object of any fields")
                } else {
                    (Verdict::Refuted, "not among the fields")
                };
                self.fact(subject, verdict, (field.name, said), mark, &theirs.at);
                continue;
            };
            let (mine, their) = (Flat::of(self.ours, &field.schema), Flat::of(self.theirs, &other.schema));
            if field.name != other.name {
                let said = format!("called `{}`", other.name);
                self.fact(subject, Verdict::Refuted, (field.name, &said), mark, &other.schema.at);
                self.renamed.insert((name.to_owned(), field.name.to_owned()), other.name.to_owned());
            } else if mine.kinds.is_empty() || their.kinds.is_empty() || !mine.kinds.is_disjoint(&their.kinds) {
                self.fact(subject.clone(), Verdict::Confirmed, (field.name, other.name), mark, &other.schema.at);
                let said = (kinds(&mine), kinds(&their));
                if !mine.kinds.is_empty() && !their.kinds.is_empty() && mine.kinds != their.kinds {
                    let subject = format!("{subject}, type");
                    self.fact(subject, Verdict::Refuted, (&said.0, &said.1), mark, &other.schema.at);
                }
            } else {
                self.fact(subject, Verdict::Refuted, (&kinds(&mine), &kinds(&their)), mark, &other.schema.at);
                continue;
            }
            self.schema(&format!("{name}.{}", field.name), &field.schema, &other.schema);
        }
        if ours.fields.is_empty() {
            return;
        }
        for other in theirs.fields.iter().filter(|other| !pairs.values().any(|known| known.name == other.name)) {
            let said = kinds(&Flat::of(self.theirs, &other.schema));
            self.fact(format!("field {name}.{}", other.name), Verdict::New, ("", &said), None, &other.schema.at);
        }
    }

    /// Which field of theirs is which of ours: by name, by the curation, by spelling, and the one that is left of its kind.
    fn pair_fields(&self, name: &str, ours: &Flat<'d>, theirs: &Flat<'d>) -> BTreeMap<&'d str, Field<'d>> {
        let mut pairs: BTreeMap<&'d str, Field<'d>> = BTreeMap::new();
        let rules = theirs.component().and_then(|component| self.curation.models.get(&component));
        let curated = |field: &Field<'_>| rules.and_then(|rules| rules.fields.get(field.name)?.name.clone());
        let id = format!("{}id", plain(name));
        for step in 0..5 {
            for field in &ours.fields {
                if pairs.contains_key(field.name) {
                    continue;
                }
                let wanted = plain(field.name);
                let fits = |other: &Field<'_>| match step {
                    0 => other.name == field.name,
                    1 => curated(other).is_some_and(|rust| plain(&rust) == wanted),
                    2 => plain(other.name) == wanted,
                    3 => (wanted == id || is_own_id(field.name, name)) && plain(other.name) == "id",
                    _ => self.last_of_its_kind((ours, field), (theirs, other), &pairs),
                };
                let free = |other: &&Field<'d>| !pairs.values().any(|known| known.name == other.name);
                if let Some(other) = theirs.fields.iter().filter(free).find(|other| fits(other)) {
                    pairs.insert(field.name, other.clone());
                }
            }
        }
        pairs
    }

    /// Is each the only list of objects, or the only secret, that has no partner? Envelopes and keys are renamed so.
    fn last_of_its_kind(
        &self,
        (ours, field): (&Flat<'d>, &Field<'d>),
        (theirs, other): (&Flat<'d>, &Field<'d>),
        pairs: &BTreeMap<&'d str, Field<'d>>,
    ) -> bool {
        const SECRETS: &[&str] = &["secret", "key", "token", "apikey", "value", "plaintext"];
        let list = |document: &'d Document, field: &Field<'d>| Flat::of(document, &field.schema).items.is_some();
        let secret = |document: &'d Document, field: &Field<'d>| {
            let kinds = Flat::of(document, &field.schema).kinds;
            SECRETS.contains(&plain(field.name).as_str()) && (kinds.is_empty() || kinds.contains("string"))
        };
        let left = |test: &dyn Fn(&Field<'d>) -> bool| {
            ours.fields.iter().filter(|field| !pairs.contains_key(field.name) && test(field)).count()
        };
        let right = |test: &dyn Fn(&Field<'d>) -> bool| {
            let free = theirs.fields.iter().filter(|other| !pairs.values().any(|known| known.name == other.name));
            free.filter(|other| test(other)).count()
        };
        let lists = list(self.ours, field) && list(self.theirs, other);
        let both_alone = |ours: &dyn Fn(&Field<'d>) -> bool, theirs: &dyn Fn(&Field<'d>) -> bool| {
            left(ours) == 1 && right(theirs) == 1
        };
        if lists {
            return both_alone(&|field| list(self.ours, field), &|field| list(self.theirs, field));
        }
        if secret(self.ours, field) && secret(self.theirs, other) {
            return both_alone(&|field| secret(self.ours, field), &|field| secret(self.theirs, field));
        }
        // Of a body that has to have one string, and of what is called so elsewhere.
        let only = |document: &'d Document, flat: &Flat<'d>, name: &str| {
            let text = |field: &&Field<'d>| Flat::of(document, &field.schema).kinds.contains("string");
            let required = flat.fields.iter().filter(|field| flat.required.contains(field.name)).filter(text);
            required.map(|field| field.name).collect::<Vec<_>>() == [name]
        };
        let named = self.renamed.iter().any(|((_, mine), theirs)| mine == field.name && theirs == other.name);
        named || only(self.ours, ours, field.name) && only(self.theirs, theirs, other.name)
    }
}

/// Is this the id of the model that a schema of ours shows: `taskId` in `TaskSummary`, `apiKeyId` in `CreatedApiKey`?
fn is_own_id(field: &str, model: &str) -> bool {
    let (field, model) = (plain(field), plain(model));
    let shown = model.strip_suffix("summary").unwrap_or(&model);
    let shown = shown.strip_prefix("created").unwrap_or(shown);
    field.strip_suffix("id") == Some(shown)
}

/// Does an operation of theirs refuse API keys because ours does? So it is where theirs does not distinguish credentials.
pub(crate) fn keeps_access(ours: &Operation<'_>, theirs: &Operation<'_>, distinguishes: bool) -> bool {
    ours.access == Access::Oauth && theirs.access == Access::Any && !distinguishes
}

/// The mark of a node of the contract.
pub(crate) fn mark<'d>(here: &Located<'d>) -> Option<&'d str> {
    here.text("x-evidence")
}

fn kinds(flat: &Flat<'_>) -> String {
    let names: Vec<&str> = flat.kinds.iter().copied().collect();
    if names.is_empty() { "anything".to_owned() } else { names.join(" or ") }
}
