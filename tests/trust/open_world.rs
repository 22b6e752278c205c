//! Whatever the service adds tomorrow gets through: every model of the contract is mutated at every place, and each
//! mutant is read and written back without a difference.
//!
//! Fixtures are made from `openapi/onehorizon.json`, so that a schema added there is covered from its first day; one
//! that the list of models below lacks, or a construct that the walk below does not know, fails the test.

use std::collections::BTreeSet;

use onehorizon::webhook::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;
use support::contract::Contract;
use support::for_each_model;
use support::mutate::{Kind, Tree, mutants};

/// Reads a document as a model, from a string and from a stream, and writes it back.
type RoundTrip = fn(&str) -> Result<[String; 2], serde_json::Error>;

fn round_trip<T: DeserializeOwned + Serialize>(text: &str) -> Result<[String; 2], serde_json::Error> {
    let by_text = serde_json::to_string(&serde_json::from_str::<T>(text)?)?;
    let by_stream = serde_json::to_string(&serde_json::from_reader::<_, T>(text.as_bytes())?)?;
    Ok([by_text, by_stream])
}

macro_rules! models {
    ($($schema:literal $model:ident,)*) => { &[$(($schema, round_trip::<onehorizon::models::$model>)),*] };
}

const MODELS: &[(&str, RoundTrip)] = for_each_model!(models);

/// An event is read, keeps its text, and its model writes the same.
fn survives_as_event(event_type: &str, tree: &Tree) {
    // Without a type it is no event.
    if event_type.is_empty() {
        return;
    }
    let text = tree.to_string();
    let event = Event::from_json(&text).unwrap_or_else(|error| panic!("an event is refused: {error}\n{text}"));
    assert_eq!(event.as_json(), text);
    let model = serde_json::to_string(&event.to_model().unwrap()).unwrap();
    assert!(Tree::parse(&text).same(&Tree::parse(&model)), "an event's model is changed:\n{text}\n{model}");
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
    // A schema of the official document may be a plain value, which has no type of its own.
    assert!(models.is_subset(&schemas) && (contract.is_official() || models == schemas), "{models:?}\n{schemas:?}");
}

#[test]
fn every_mutant_of_every_model_is_read_and_written_back() {
    let contract = Contract::load();
    let (mut count, mut covered, mut total) = (0, 0, 0);
    for (model, schema) in contract.schemas().filter(|(name, _)| MODELS.iter().any(|(known, _)| known == name)) {
        let (full, minimal) = (contract.fixture(schema, true), contract.fixture(schema, false));
        survives(model, "all fields", &full);
        survives(model, "the required fields alone", &minimal);
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
    let envelope = &contract.document()["components"]["schemas"]["WebhookEvent"];
    let data = contract.in_schema(envelope, "data");
    let event_types = contract.values(contract.in_schema(envelope, "type"));
    let resources = contract.values(contract.in_schema(contract.in_schema(data, "resource"), "type"));
    assert!(event_types.len() > 1 && resources.len() > 1);
    let families: Vec<_> = contract.fields(data).into_iter().filter(|field| !field.2).collect();
    let mut count = 0;
    for event_type in event_types.iter().chain(&["starship.launched", "task", ""]) {
        for resource in resources.iter().chain(&["starship", ""]) {
            let mut event = contract.fixture(envelope, false);
            *event.at("/specversion") = Tree::text("1.0");
            *event.at("/datacontenttype") = Tree::text("application/json");
            *event.at("/type") = Tree::text(event_type);
            *event.at("/data/resource/type") = Tree::text(resource);
            survives("WebhookEvent", "no family", &event);
            for (family, schema, _) in &families {
                let mut of_family = event.clone();
                of_family.fields("/data").push(((*family).to_owned(), contract.fixture(schema, true)));
                survives("WebhookEvent", family, &of_family);
                survives_as_event(event_type, &of_family);
                // Some deliveries carry the resource a second time, inside itself.
                let inner = Tree::Object(vec![((*family).to_owned(), contract.fixture(schema, true))]);
                *of_family.at(&format!("/data/{family}")) = inner;
                if contract.fields(schema).iter().all(|field| !field.2) {
                    survives("WebhookEvent", family, &of_family);
                }
                count += 1;
            }
            event.fields("/data").push(("starship".to_owned(), Tree::parse(r#"{"id":1e400,"crew":[null]}"#)));
            survives("WebhookEvent", "a family nobody knows", &event);
            survives_as_event(event_type, &event);
            count += 2;
        }
    }
    println!("scorecard: open world: {count} events written back");
}
