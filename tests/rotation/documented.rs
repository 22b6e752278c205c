//! Every row of the table in `docs/key-rotation.md`, played against the fake.

use std::collections::BTreeMap;

use onehorizon::apis::{OrphanedKey, RotationError};
use support::stage::{OLD, OLD_SECRET, Stage, play};

/// One row: what the table says, or what happened.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    step: String,
    works: String,
    store: String,
    left: String,
}

async fn observe(stage: &Stage, result: &Result<onehorizon::apis::RotatedApiKey, RotationError>) -> Row {
    let fillers = stage.new_secrets().len() > 10;
    let new = if fillers { None } else { stage.new_secrets().pop() };
    let mut works = Vec::new();
    if stage.works(OLD_SECRET).await {
        works.push("old");
    }
    if let Some(new) = &new
        && stage.works(new).await
    {
        works.push("new");
    }
    let store = stage.store.holds();
    let store = if store == OLD_SECRET { "old" } else { "new" };
    let none = || "-".to_owned();
    let left = result.as_ref().err().map(RotationError::orphaned_keys).unwrap_or_default();
    let left: Vec<&str> = left
        .iter()
        .map(|left| {
            if let Some(id) = left.id() {
                assert!(
                    stage.fake.active_keys().iter().any(|known| id == known.as_str()),
                    "{left} is not an active key"
                );
            }
            match left {
                OrphanedKey::New(id) | OrphanedKey::Suspected(id) if id == OLD => panic!("{left} is the old key"),
                OrphanedKey::New(_) => "new",
                OrphanedKey::Old(id) if id == OLD => "old",
                OrphanedKey::Suspected(_) => "suspected",
                OrphanedKey::Unknown { description } if description == "ci-production" => "unknown",
                other => panic!("{other}"),
            }
        })
        .collect();
    Row {
        step: result.as_ref().err().map_or_else(none, |error| error.step().to_string()),
        works: works.join(", "),
        store: store.to_owned(),
        left: if left.is_empty() { none() } else { left.join(", ") },
    }
}

/// The rows of the table, by case.
fn table() -> BTreeMap<String, Row> {
    let document = include_str!("../../docs/key-rotation.md");
    let rows = document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| case "));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [case, step, works, store, left] = cells[..] else { panic!("five cells: {line}") };
        let [step, works, store, left] = [step, works, store, left].map(str::to_owned);
        (case.to_owned(), Row { step, works, store, left })
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn every_row_of_the_table_comes_true() {
    let table = table();
    assert_eq!(table.len(), 38, "rows of the table");
    let mut wrong = Vec::new();
    for (case, says) in &table {
        let mut stage = Stage::new();
        let result = play(case, &mut stage).await;
        let seen = observe(&stage, &result).await;
        if seen != *says {
            wrong.push(format!("{case}: the table says {says:?}, seen {seen:?}: {:?}", result.as_ref().err()));
        }
        if let Err(error) = result {
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains("not-a-secret"), "{case}: {printed}");
            assert!(!printed.contains('\n'), "{case}: one line: {printed}");
            for id in error.orphaned_keys().iter().filter_map(OrphanedKey::id) {
                assert!(error.to_string().contains(id.as_str()), "{case}: {error}");
            }
        }
        assert!(!says.works.is_empty(), "{case}: there is always a working key");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
