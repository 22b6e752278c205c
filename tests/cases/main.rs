//! The conformance cases of `crates/testing/cases`, played with this SDK: in process and in virtual time.
//!
//! Each case is played; what another client or receiver makes of them is played by `crates/testing/cases/play.mjs`.

mod client;
mod expect;
mod format;
mod over_http;
mod receiver;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::format::{Category, Player};

/// Every category that there has to be.
const CATEGORIES: [&str; 11] = [
    "auth",
    "error-mapping",
    "oauth-token",
    "paths",
    "precision",
    "rate-limit",
    "receiver",
    "retry",
    "security",
    "status",
    "webhooks",
];

/// Plays a case and returns what did not hold.
async fn play(category: &Category, case: &Value) -> Vec<String> {
    match category.player {
        Player::Client => client::play(case).await,
        Player::Receiver => receiver::play(&category.setup, case).await,
        Player::Token => token::play(&category.setup, case).await,
    }
}

#[tokio::test(start_paused = true)]
async fn this_sdk_holds_every_case_and_none_is_left_out() {
    let mut census = BTreeMap::new();
    let mut broken = Vec::new();
    for category in format::categories() {
        for case in &category.cases {
            let problems = play(&category, case).await;
            *census.entry(category.name.clone()).or_insert(0) += 1;
            if !problems.is_empty() {
                broken.push(format!("{} {}:\n    {}", case["id"], case["name"], problems.join("\n    ")));
            }
        }
    }
    assert!(broken.is_empty(), "{} cases do not hold:\n{}", broken.len(), broken.join("\n"));
    let there: BTreeMap<String, i32> = format::raw_counts().into_iter().collect();
    assert_eq!(census, there, "as many cases were played as the files have");
    assert_eq!(census.keys().map(String::as_str).collect::<Vec<_>>(), CATEGORIES);
    assert!(census.values().sum::<i32>() >= 150, "{census:?}");
    assert!(census.values().all(|count| *count >= 10), "{census:?}");
    let document = include_str!("../../docs/conformance.md");
    assert!(
        document.contains(&format!("has {} cases", census.values().sum::<i32>())),
        "docs/conformance.md says another number"
    );
}

#[test]
fn every_file_fits_the_schema_and_ids_and_names_are_unique() {
    let validator = format::schema();
    let mut ids = BTreeSet::new();
    for (file, text) in format::files() {
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let problems: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(problems.is_empty(), "{file}: {problems:?}");
        assert_eq!(value["category"], file.trim_end_matches(".json"));
        let mut names = BTreeSet::new();
        for case in value["cases"].as_array().unwrap() {
            assert!(ids.insert(case["id"].to_string()), "{} is there twice", case["id"]);
            assert!(names.insert(case["name"].to_string()), "{} is there twice", case["name"]);
            let id = case["id"].as_str().unwrap();
            assert_eq!(id.rsplit_once('-').map(|(category, _)| category), value["category"].as_str());
        }
    }
}

/// What must not pass the schema, by the file that it is put into.
#[test]
fn the_schema_refuses_what_a_runner_would_not_understand() {
    let validator = format::schema();
    let spoilt = |file: &str, spoil: fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&format::file(file)).unwrap();
        assert!(validator.is_valid(&value));
        spoil(&mut value["cases"][0]);
        !validator.is_valid(&value)
    };
    assert!(spoilt("retry.json", |case| case["expect"] = json!({ "request": 1 })), "a misspelt expectation");
    assert!(spoilt("retry.json", |case| case["expect"] = json!({})), "an expectation of nothing");
    assert!(spoilt("retry.json", |case| case["script"][0] = json!({ "fault": "exploded" })), "an unknown fault");
    assert!(spoilt("retry.json", |case| case["call"] = json!({ "fetchtask": {} })), "an unknown operation");
    assert!(spoilt("retry.json", |case| case["skip"] = json!(true)), "a case that asks to be left out");
    assert!(spoilt("receiver.json", |case| case["deliveries"][0]["expect"] = json!({})), "a delivery without a status");
    assert!(
        spoilt("oauth-token.json", |case| case["expect"] = json!({ "requests": 1 })),
        "neither tokens nor an error"
    );
    assert!(spoilt("oauth-token.json", |case| case["expect"]["error"] = json!({ "kind": "odd" })), "an unknown kind");
}

/// The same cases with an expectation that is wrong on purpose: a runner that compares nothing would let them pass.
#[tokio::test(start_paused = true)]
async fn a_case_with_a_wrong_expectation_does_not_hold() {
    let mut compared = 0;
    for category in format::categories() {
        for case in &category.cases {
            for (what, wrong) in expect::spoilt(case) {
                compared += 1;
                let problems = play(&category, &wrong).await;
                assert!(!problems.is_empty(), "{} holds with another {what}", case["id"]);
            }
        }
    }
    assert!(compared > 700, "{compared}");
}
