//! Whatever the service adds tomorrow gets through: every model of the contract is mutated at every place, and each
//! mutant is read and written back without a difference.
//!
//! Fixtures are made from `openapi/onehorizon.json`, so that a schema added there is covered from its first day; one
//! that the list of models below lacks, or a construct that the walk below does not know, fails the test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by panicking")]

#[path = "support/mutate.rs"]
mod mutate;

use std::collections::BTreeSet;

use mutate::{Kind, Tree, mutants};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a text as a model, by text and by stream, and writes it back.
type RoundTrip = fn(&str) -> Result<[String; 2], serde_json::Error>;

fn round_trip<T: DeserializeOwned + Serialize>(text: &str) -> Result<[String; 2], serde_json::Error> {
    let by_text = serde_json::to_string(&serde_json::from_str::<T>(text)?)?;
    let by_stream = serde_json::to_string(&serde_json::from_reader::<_, T>(text.as_bytes())?)?;
    Ok([by_text, by_stream])
}

macro_rules! models {
    ($($name:ident)*) => { &[$((stringify!($name), round_trip::<onehorizon::models::$name>)),*] };
}

/// The models of the contract's schemas.
const MODELS: &[(&str, RoundTrip)] = models! {
    ActorType AgentActivity AgentExecutionMode AgentId AgentSession AgentSessionId AgentSessionState ApiKey ApiKeyId
    ApiKeyList Comment CommentId CommentReaction CreatedApiKey Document DocumentId DocumentList DocumentStatus
    DocumentType ErrorBody ErrorCode EventActor EventData EventId EventResource EventType Invite Issue IssueId Meeting
    MeetingId NewApiKey NewTask ResourceType Summary SummaryId Task TaskContributionType TaskContributor TaskId TaskKind
    TaskList TaskScope TaskSnooze TaskStatus TaskVisibility Taxonomy Team TeamId UserId WebhookEvent WorkItem WorkItemId
    WorkflowTaskMode WorkspaceId
};

/// The contract, as far as fixtures need it.
struct Contract(Value);

impl Contract {
    fn load() -> Self {
        Self(serde_json::from_str(include_str!("../openapi/onehorizon.json")).unwrap())
    }

    fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0["components"]["schemas"].as_object().unwrap().iter().map(|(name, schema)| (name.as_str(), schema))
    }

    /// The schema itself: references followed, the alternative to null taken.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolve(self.0.pointer(reference.trim_start_matches('#')).unwrap());
        }
        match schema["anyOf"].as_array().map(Vec::as_slice) {
            Some([one, null] | [null, one]) if null["type"] == "null" => self.resolve(one),
            _ => schema,
        }
    }

    fn kind(&self, schema: &Value) -> Kind {
        let schema = self.resolve(schema);
        let mut types: Vec<&str> = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        types.retain(|name| *name != "null");
        match types.as_slice() {
            ["object"] if schema["properties"].is_object() && schema.get("allOf").is_none() => Kind::Object,
            ["array"] if schema["items"].is_object() => Kind::Array,
            ["string"] if schema.get("x-open-enum").is_some() => Kind::Enum,
            ["string" | "boolean"] => Kind::Text,
            ["integer"] => Kind::Integer,
            ["number"] => Kind::Number,
            [] if schema["anyOf"].is_array() => Kind::Any,
            _ => panic!("this test does not know how to make a fixture of {schema}"),
        }
    }

    /// The members of an object schema, and whether each is required.
    fn members<'a>(&'a self, schema: &'a Value) -> Vec<(&'a str, &'a Value, bool)> {
        let schema = self.resolve(schema);
        let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let members = schema["properties"].as_object().unwrap();
        members.iter().map(|(name, member)| (name.as_str(), member, required(name))).collect()
    }

    fn is_flag(&self, schema: &Value) -> bool {
        let kind = &self.resolve(schema)["type"];
        kind == "boolean" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "boolean"))
    }

    /// An instance with every member, or with the required ones alone.
    fn fixture(&self, schema: &Value, full: bool) -> Tree {
        let resolved = self.resolve(schema);
        match self.kind(resolved) {
            Kind::Object => {
                let members = self.members(resolved).into_iter().filter(|(.., required)| full || *required);
                Tree::Object(members.map(|(name, member, _)| (name.to_owned(), self.fixture(member, full))).collect())
            }
            Kind::Array => Tree::Array(vec![self.fixture(&resolved["items"], full)]),
            Kind::Enum => Tree::text(resolved["x-open-enum"][0]["value"].as_str().unwrap()),
            Kind::Text if self.is_flag(resolved) => Tree::raw("true"),
            Kind::Text if resolved["format"] == "date-time" => Tree::text("2026-05-10T08:30:00Z"),
            Kind::Text => Tree::text("some text"),
            Kind::Integer => Tree::raw("7"),
            Kind::Number => Tree::raw("0.5"),
            Kind::Any | Kind::Optional => Tree::raw("[7]"),
        }
    }

    /// Every place of a schema, by walking the contract.
    fn places(&self, schema: &Value, place: &str, found: &mut BTreeSet<(String, Kind)>) {
        let resolved = self.resolve(schema);
        let kind = self.kind(resolved);
        if !self.is_flag(resolved) {
            found.insert((place.to_owned(), kind));
        }
        match kind {
            Kind::Object => {
                for (name, member, required) in self.members(resolved) {
                    let place = format!("{place}/{name}");
                    if !required {
                        found.insert((place.clone(), Kind::Optional));
                    }
                    self.places(member, &place, found);
                }
            }
            Kind::Array => self.places(&resolved["items"], &format!("{place}/0"), found),
            _ => {}
        }
    }

    /// Every place of a fixture, by walking what is there.
    fn reached(&self, tree: &Tree, schema: &Value, place: &str, found: &mut Vec<(String, Kind)>) {
        let resolved = self.resolve(schema);
        match tree {
            Tree::Object(members) => {
                found.push((place.to_owned(), Kind::Object));
                for (name, value) in members {
                    let place = format!("{place}/{name}");
                    let known = self.members(resolved);
                    let (_, member, required) = known.iter().find(|(known, ..)| known == name).unwrap();
                    if !required {
                        found.push((place.clone(), Kind::Optional));
                    }
                    self.reached(value, member, &place, found);
                }
            }
            Tree::Array(items) if self.kind(resolved) == Kind::Array => {
                found.push((place.to_owned(), Kind::Array));
                for (index, item) in items.iter().enumerate() {
                    self.reached(item, &resolved["items"], &format!("{place}/{index}"), found);
                }
            }
            _ if self.is_flag(resolved) => {}
            _ => found.push((place.to_owned(), self.kind(resolved))),
        }
    }
}

/// Reads and writes back, and says what differs.
fn survives(model: &str, what: &str, tree: &Tree) {
    let text = tree.to_string();
    let (_, round_trip) = MODELS.iter().find(|(name, _)| *name == model).unwrap();
    let written = round_trip(&text).unwrap_or_else(|error| panic!("{model} with {what} is refused: {error}\n{text}"));
    let expected = Tree::parse(&text);
    for back in written {
        assert!(expected.same(&Tree::parse(&back)), "{model} with {what} is changed:\n{text}\n{back}");
    }
}

#[test]
fn every_schema_of_the_contract_has_a_model_in_this_test() {
    let contract = Contract::load();
    let schemas: BTreeSet<_> = contract.schemas().map(|(name, _)| name).collect();
    let models: BTreeSet<_> = MODELS.iter().map(|(name, _)| *name).collect();
    assert_eq!(schemas, models);
}

#[test]
fn every_mutant_of_every_model_is_read_and_written_back() {
    let contract = Contract::load();
    let (mut count, mut covered, mut total) = (0, 0, 0);
    for (model, schema) in contract.schemas() {
        let (full, minimal) = (contract.fixture(schema, true), contract.fixture(schema, false));
        survives(model, "all members", &full);
        survives(model, "the required members alone", &minimal);
        count += 2;

        let (mut places, mut reached) = (BTreeSet::new(), Vec::new());
        contract.places(schema, "", &mut places);
        contract.reached(&full, schema, "", &mut reached);
        let mut everything = full.clone();
        for (place, kind) in reached.iter().rev() {
            for (what, mutant) in mutants(&full, place, *kind) {
                survives(model, &what, &mutant);
                count += 1;
            }
            // Deepest places first, so that one mutant has everything at once.
            if let (Kind::Object | Kind::Enum, Some((_, mutant))) = (kind, mutants(&everything, place, *kind).pop()) {
                everything = mutant;
            }
        }
        survives(model, "everything at once", &everything);
        count += 1;

        let reached: BTreeSet<_> = reached.into_iter().collect();
        let missed: Vec<_> = places.difference(&reached).collect();
        assert!(missed.is_empty(), "no mutant of {model} at {missed:?}");
        (covered, total) = (covered + reached.intersection(&places).count(), total + places.len());
    }
    println!(
        "scorecard: open world: {count} mutants of {} models written back, {covered}/{total} places",
        MODELS.len()
    );
    assert_eq!(covered, total);
}

#[test]
fn every_event_type_and_family_is_read_and_written_back() {
    let contract = Contract::load();
    let schemas = |name: &str| &contract.0["components"]["schemas"][name];
    let known =
        |name: &str| schemas(name)["x-open-enum"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap());
    let families: Vec<_> = contract.members(schemas("EventData")).into_iter().filter(|member| !member.2).collect();
    let mut count = 0;
    for event_type in known("EventType").chain(["starship.launched", "task", ""]) {
        for resource in known("ResourceType").chain(["starship", ""]) {
            let mut event = contract.fixture(schemas("WebhookEvent"), false);
            *event.at("/type") = Tree::text(event_type);
            *event.at("/data/resource/type") = Tree::text(resource);
            survives("WebhookEvent", "no family", &event);
            for (family, schema, _) in &families {
                let mut of_family = event.clone();
                of_family.members("/data").push(((*family).to_owned(), contract.fixture(schema, true)));
                survives("WebhookEvent", family, &of_family);
                // Some deliveries carry the resource a second time, inside itself.
                let inner = Tree::Object(vec![((*family).to_owned(), contract.fixture(schema, true))]);
                *of_family.at(&format!("/data/{family}")) = inner;
                if contract.members(schema).iter().all(|member| !member.2) {
                    survives("WebhookEvent", family, &of_family);
                }
                count += 1;
            }
            event.members("/data").push(("starship".to_owned(), Tree::parse(r#"{"id":1e400,"crew":[null]}"#)));
            survives("WebhookEvent", "a family nobody knows", &event);
            count += 2;
        }
    }
    println!("scorecard: open world: {count} events written back");
}
