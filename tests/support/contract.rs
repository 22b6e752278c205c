//! Fixtures made from the contract, and the models of its schemas.
#![allow(dead_code, reason = "not every test needs every part")]

use std::collections::BTreeSet;

use serde_json::Value;

use crate::mutate::{Kind, Tree};

/// Hands the models of the contract's schemas to a macro.
macro_rules! for_each_model {
    ($then:ident) => {
        $then! {
            ActorType AgentActivity AgentExecutionMode AgentId AgentSession AgentSessionId AgentSessionState ApiKey ApiKeyId
            ApiKeyList Comment CommentId CommentReaction CreatedApiKey Document DocumentId DocumentList DocumentStatus
            DocumentType ErrorBody ErrorCode EventActor EventData EventId EventResource EventType Invite Issue IssueId Meeting
            MeetingId NewApiKey NewTask ResourceType Summary SummaryId Task TaskContributionType TaskContributor TaskId TaskKind
            TaskList TaskScope TaskSnooze TaskStatus TaskVisibility Taxonomy Team TeamId UserId WebhookEvent WorkItem WorkItemId
            WorkflowTaskMode WorkspaceId
        }
    };
}

/// The contract, as far as fixtures need it.
pub(crate) struct Contract(Value);

impl Contract {
    pub(crate) fn load() -> Self {
        Self(serde_json::from_str(include_str!("../../openapi/onehorizon.json")).unwrap())
    }

    pub(crate) fn document(&self) -> &Value {
        &self.0
    }

    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
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
    pub(crate) fn members<'a>(&'a self, schema: &'a Value) -> Vec<(&'a str, &'a Value, bool)> {
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
    pub(crate) fn fixture(&self, schema: &Value, full: bool) -> Tree {
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
    pub(crate) fn places(&self, schema: &Value, place: &str, found: &mut BTreeSet<(String, Kind)>) {
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
    pub(crate) fn reached(&self, tree: &Tree, schema: &Value, place: &str, found: &mut Vec<(String, Kind)>) {
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
