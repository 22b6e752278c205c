//! The inbox against a real server: `ONEHORIZON_TEST_POSTGRES=postgres://… cargo test -p onehorizon-postgres`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(clippy::disallowed_methods, reason = "a real server keeps its own time")]
#![allow(missing_docs, reason = "a test")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::webhook::Event;
use onehorizon_postgres::{Postgres, PostgresInbox, Worked};
use onehorizon_testing::NewEvent;

const SECOND: Duration = Duration::from_secs(1);

/// An empty inbox; none without a server.
async fn inbox(name: &str) -> Option<(Postgres, PostgresInbox)> {
    let Ok(address) = std::env::var("ONEHORIZON_TEST_POSTGRES") else {
        eprintln!("skipped: ONEHORIZON_TEST_POSTGRES names no server");
        return None;
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let postgres = Postgres::open(&address, &format!("{name}-{now}")).unwrap().in_schema("onehorizon_test").unwrap();
    postgres.migrate().await.unwrap();
    let inbox = postgres.inbox().poll(Duration::from_millis(50)).backoff(Duration::ZERO..SECOND);
    Some((postgres, inbox))
}

fn event(id: &str, task: &str) -> Event {
    NewEvent::new("task.updated", id).resource("task", task).build().unwrap()
}

fn worked(done: u64, retried: u64, dead: u64, superseded: u64) -> Worked {
    let mut worked = Worked::default();
    (worked.done, worked.retried, worked.dead, worked.superseded) = (done, retried, dead, superseded);
    worked
}

#[tokio::test]
async fn an_event_is_stored_once_and_worked_on_once_with_its_effect() {
    let Some((_, inbox)) = inbox("once").await else { return };
    assert!(inbox.put_event(&event("evt_1", "tsk_1"), Some("key")).await.unwrap());
    assert!(!inbox.put_event(&event("evt_1", "tsk_1"), None).await.unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let jobs = Arc::clone(&seen);
    let done = inbox
        .run_due(move |job, transaction| {
            jobs.lock().unwrap().push((job.event.id().to_string(), job.attempt, job.label.clone()));
            Box::pin(async move {
                transaction.execute("SELECT 1", &[]).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    assert_eq!(done, worked(1, 0, 0, 0));
    assert_eq!(*seen.lock().unwrap(), [("evt_1".to_owned(), 1, Some("key".to_owned()))]);
    assert!(!inbox.put_event(&event("evt_1", "tsk_1"), None).await.unwrap(), "a done event is remembered");
    assert_eq!(inbox.run_due(|_, _| Box::pin(async { panic!("nothing is due") })).await.unwrap(), Worked::default());
}

#[tokio::test]
async fn what_fails_is_rolled_back_and_tried_again_until_it_is_dead_and_requeued() {
    let Some((postgres, inbox)) = inbox("dead").await else { return };
    let table = format!("effects_{}", std::process::id());
    let client = tokio_postgres_client(&postgres).await;
    client.batch_execute(&format!("CREATE TABLE IF NOT EXISTS {table} (event text)")).await.unwrap();
    let inbox = inbox.dead_after(3);
    inbox.put_event(&event("evt_1", "tsk_1"), None).await.unwrap();
    let attempts = Arc::new(AtomicU32::new(0));
    let (seen, name) = (Arc::clone(&attempts), table.clone());
    let failing = inbox
        .run_due(move |job, transaction| {
            seen.fetch_add(1, Ordering::SeqCst);
            let insert = format!("INSERT INTO {name} VALUES ('evt_1')");
            Box::pin(async move {
                transaction.execute(&insert, &[]).await?;
                assert!(job.attempt != 2, "at the second attempt");
                Err("it does not work".into())
            })
        })
        .await
        .unwrap();
    assert_eq!((failing, attempts.load(Ordering::SeqCst)), (worked(0, 2, 1, 0), 3));
    let effects: i64 = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
    assert_eq!(effects, 0, "nothing of a failed attempt stays");
    let dead = inbox.dead(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].event_id.as_str(), dead[0].attempts), (1, "evt_1", 3));
    assert!(dead[0].error.contains("it does not work"), "{:?}", dead[0]);
    assert_eq!((inbox.stats().await.unwrap().dead, inbox.stats().await.unwrap().due), (1, 0));
    assert!(inbox.requeue("evt_1").await.unwrap());
    assert!(!inbox.requeue("evt_2").await.unwrap());
    assert_eq!(inbox.run_due(|_, _| Box::pin(async { Ok(()) })).await.unwrap(), worked(1, 0, 0, 0));
}

/// A connection of the test's own.
async fn tokio_postgres_client(_: &Postgres) -> onehorizon_postgres::tokio_postgres::Client {
    let address = std::env::var("ONEHORIZON_TEST_POSTGRES").unwrap();
    let (client, connection) =
        onehorizon_postgres::tokio_postgres::connect(&address, onehorizon_postgres::tokio_postgres::NoTls)
            .await
            .unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_event_changes_nothing() {
    let Some((postgres, inbox)) = inbox("lost").await else { return };
    let table = format!("lost_{}", std::process::id());
    let client = tokio_postgres_client(&postgres).await;
    client.batch_execute(&format!("CREATE TABLE IF NOT EXISTS {table} (event text)")).await.unwrap();
    inbox.put_event(&event("evt_lost", "tsk_1"), None).await.unwrap();
    let name = table.clone();
    let (began, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (said, resumed) = (Arc::clone(&began), Arc::clone(&go_on));
    let slow = tokio::spawn(async move {
        inbox
            .run_due(move |_, transaction| {
                let (insert, said, resumed) =
                    (format!("INSERT INTO {name} VALUES ('slow')"), said.clone(), resumed.clone());
                Box::pin(async move {
                    transaction.execute(&insert, &[]).await?;
                    said.notify_one();
                    resumed.notified().await;
                    Ok(())
                })
            })
            .await
            .unwrap()
    });
    tokio::time::timeout(10 * SECOND, began.notified()).await.unwrap();
    let taken_over =
        "UPDATE onehorizon_test.inbox SET token = 'another', visible_at = clock_timestamp() + interval '1 minute'
        WHERE event_id = 'evt_lost' AND state = 0 AND token IS NOT NULL";
    assert_eq!(client.execute(taken_over, &[]).await.unwrap(), 1);
    go_on.notify_one();
    assert_eq!(slow.await.unwrap(), worked(0, 0, 0, 1));
    let effects: i64 = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
    assert_eq!(effects, 0, "what it did is rolled back");
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_the_events_and_stop_when_asked_to() {
    let Some((_, inbox)) = inbox("share").await else { return };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (stop, _) = tokio::sync::broadcast::channel::<()>(1);
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (inbox, seen, mut stop) = (inbox.clone(), Arc::clone(&seen), stop.subscribe());
            tokio::spawn(async move {
                let shutdown = async move { drop(stop.recv().await) };
                inbox
                    .run(shutdown, move |job, _| {
                        seen.lock().unwrap().push(job.event.id().to_string());
                        Box::pin(async { Ok(()) })
                    })
                    .await
                    .unwrap()
            })
        })
        .collect();
    for number in 0..100 {
        inbox.put_event(&event(&format!("evt_{number}"), "tsk_1"), None).await.unwrap();
    }
    tokio::time::timeout(20 * SECOND, async {
        while inbox.stats().await.unwrap().due + inbox.stats().await.unwrap().waiting > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    stop.send(()).unwrap();
    let mut done = 0;
    for worker in workers {
        done += tokio::time::timeout(5 * SECOND, worker).await.unwrap().unwrap().done;
    }
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((done, seen.len()), (100, 100));
}

#[tokio::test]
async fn events_of_one_resource_keep_their_order_and_the_latest_may_win() {
    let Some((_, inbox)) = inbox("order").await else { return };
    let ordered = inbox.clone().per_resource_order().dead_after(2);
    for (id, task) in [("evt_1", "tsk_1"), ("evt_2", "tsk_1"), ("evt_3", "tsk_2"), ("evt_4", "tsk_1")] {
        ordered.put_event(&event(id, task), None).await.unwrap();
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let jobs = Arc::clone(&seen);
    ordered
        .run_due(move |job, _| {
            let first = job.event.id() == "evt_1" && job.attempt == 1;
            jobs.lock().unwrap().push(job.event.id().to_string());
            Box::pin(async move { if first { Err("not yet".into()) } else { Ok(()) } })
        })
        .await
        .unwrap();
    let order: Vec<String> = seen.lock().unwrap().iter().filter(|id| *id != "evt_3").cloned().collect();
    assert_eq!(order, ["evt_1", "evt_1", "evt_2", "evt_4"]);

    let latest = inbox.latest_wins();
    for (id, task) in [("evt_5", "tsk_1"), ("evt_6", "tsk_2"), ("evt_7", "tsk_1")] {
        latest.put_event(&event(id, task), None).await.unwrap();
    }
    seen.lock().unwrap().clear();
    let jobs = Arc::clone(&seen);
    latest
        .run_due(move |job, _| {
            jobs.lock().unwrap().push(job.event.id().to_string());
            Box::pin(async { Ok(()) })
        })
        .await
        .unwrap();
    let mut left = seen.lock().unwrap().clone();
    left.sort();
    assert_eq!(left, ["evt_6", "evt_7"]);
    assert!(!latest.put_event(&event("evt_5", "tsk_1"), None).await.unwrap(), "a replaced event is remembered");
}
