//! A worker that stops past its lease and goes on: what it did meanwhile is rolled back, since another has done it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use onehorizon::webhook::Event;
use onehorizon_postgres::Postgres as Schema;
use onehorizon_sqlite::Sqlite;

use crate::deliver::event;
use crate::events::sqlite;
use crate::process::Role;
use crate::report::Report;
use crate::roles::worker::is_poison;
use crate::servers::{Postgres, folder};

/// At each stop there are so few that the other worker gets to those of the stopped one.
const EVENTS: usize = 160;
const STOPS: usize = 4;
/// Milliseconds.
const LEASE: &str = "1000";
const STOPPED: Duration = Duration::from_secs(2);
const WORK: &str = "30";

pub async fn run(report: &mut Report) {
    println!("   {EVENTS} events, two workers, leases of 1 s, one of the workers stopped {STOPS} times for 2 s");
    let server = Postgres::start().await;
    let schema = Schema::open(&server.url(), "events").expect("an address");
    schema.migrate().await.expect("a schema");
    let client = server.client().await.expect("a connection");
    client.batch_execute("CREATE TABLE effects (event text)").await.expect("a table");
    let inbox = schema.inbox();
    let put = async |event: Event| assert!(inbox.put_event(&event, None).await.expect("stored"));
    let open = async || inbox.stats().await.map_or(1, |stats| stats.due + stats.waiting);
    let superseded = stop_and_go("postgres-inbox", &server.url(), put, open).await;
    let rows = client.query("SELECT event FROM effects", &[]).await.expect("effects");
    compare(report, "PostgreSQL", rows.iter().map(|row| row.get(0)), superseded);

    let folder = folder();
    let path = folder.path().join("events.db");
    let file = Sqlite::open(&path, "events").expect("a file");
    sqlite(&path).execute("CREATE TABLE effects (event text)", []).expect("a table");
    let inbox = file.inbox();
    let put = async |event: Event| {
        // The file may be busy.
        while inbox.put_event(&event, None).await.is_err() {}
    };
    let open = async || inbox.stats().await.map_or(1, |stats| stats.due + stats.waiting);
    let superseded = stop_and_go("sqlite-inbox", &path.to_string_lossy(), put, open).await;
    compare(report, "SQLite", effects(&path).into_iter(), superseded);
}

fn id(number: usize) -> String {
    format!("evt_{number}")
}

fn effects(path: &Path) -> Vec<String> {
    let connection = sqlite(path);
    let mut select = connection.prepare("SELECT event FROM effects").expect("a statement");
    select.query_map([], |row| row.get(0)).expect("effects").map(|id| id.expect("an id")).collect()
}

/// How many attempts found that another worker had taken their event over.
async fn stop_and_go(store: &str, at: &str, put: impl AsyncFn(Event), open: impl AsyncFn() -> u64) -> u64 {
    let mut workers = [(); 2].map(|()| Role::start("worker", &[store, at, WORK, LEASE]));
    for worker in &mut workers {
        let _ = worker.line().await;
    }
    for stop in 0..STOPS {
        for number in (0..EVENTS).filter(|number| number % STOPS == stop) {
            put(Event::from_json(event(&id(number), number)).expect("an event")).await;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..100))).await;
        workers[0].signal("STOP");
        tokio::time::sleep(STOPPED).await;
        workers[0].signal("CONT");
        while open().await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let mut superseded = 0;
    for mut worker in workers {
        worker.say("stop").await;
        // Done, tried again, dead, superseded.
        let counts = worker.line().await.unwrap_or_default();
        superseded += counts.split(' ').nth(3).and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
    }
    superseded
}

fn compare(report: &mut Report, name: &str, effects: impl Iterator<Item = String>, superseded: u64) {
    let mut counts: BTreeMap<String, usize> = (0..EVENTS).map(|number| (id(number), 0)).collect();
    for effect in effects {
        *counts.entry(effect).or_default() += 1;
    }
    counts.retain(|id, _| !is_poison(id));
    let lost = counts.values().filter(|count| **count == 0).count();
    let twice = counts.values().filter(|count| **count > 1).count();
    let line = format!(
        "{name:<12} lost {lost}, twice {twice}; {superseded} attempts rolled back, since another had taken over"
    );
    let targets = [
        (lost == 0, "nothing lost".to_owned()),
        (twice == 0, "nothing twice".to_owned()),
        (superseded > 0, "an attempt was taken over".to_owned()),
    ];
    report.line(line, &targets);
}
