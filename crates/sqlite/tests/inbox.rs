//! The inbox in a file.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(clippy::disallowed_methods, reason = "a real server keeps its own time")]
#![allow(missing_docs, reason = "a test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehorizon::webhook::Event;
use onehorizon_sqlite::{Sqlite, SqliteInbox, Worked, rusqlite};
use onehorizon_testing::NewEvent;
use tempfile::TempDir;

const SECOND: Duration = Duration::from_secs(1);

fn inbox() -> (TempDir, SqliteInbox) {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Sqlite::open(folder.path().join("inbox.db"), "acme").unwrap().inbox();
    (folder, inbox.poll(Duration::from_millis(20)).backoff(Duration::ZERO..SECOND))
}

fn effects(folder: &TempDir) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.path().join("inbox.db")).unwrap();
    connection.execute_batch("CREATE TABLE IF NOT EXISTS effect (event TEXT)").unwrap();
    connection
}

fn count(connection: &rusqlite::Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM effect", [], |row| row.get(0)).unwrap()
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
    let (folder, inbox) = inbox();
    let effects = effects(&folder);
    assert!(inbox.put_event(&event("evt_1", "tsk_1"), Some("key")).await.unwrap());
    assert!(!inbox.put_event(&event("evt_1", "tsk_1"), None).await.unwrap());
    let done = inbox
        .run_due(|job, transaction| {
            assert_eq!((job.attempt, job.label.as_deref()), (1, Some("key")));
            transaction.execute("INSERT INTO effect VALUES (?1)", [job.event.id().as_str()])?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((done, count(&effects)), (worked(1, 0, 0, 0), 1));
    assert!(!inbox.put_event(&event("evt_1", "tsk_1"), None).await.unwrap(), "a done event is remembered");
    assert_eq!(inbox.run_due(|_, _| panic!("nothing is due")).await.unwrap(), Worked::default());
}

#[tokio::test]
async fn what_fails_is_rolled_back_and_tried_again_until_it_is_dead_and_requeued() {
    let (folder, inbox) = inbox();
    let effects = effects(&folder);
    let inbox = inbox.dead_after(3);
    inbox.put_event(&event("evt_1", "tsk_1"), None).await.unwrap();
    let failing = inbox
        .run_due(|job, transaction| {
            transaction.execute("INSERT INTO effect VALUES ('evt_1')", [])?;
            assert_ne!(job.attempt, 2, "a panic at the second attempt");
            Err("it does not work".into())
        })
        .await
        .unwrap();
    assert_eq!((failing, count(&effects)), (worked(0, 2, 1, 0), 0));
    let dead = inbox.dead(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].event_id.as_str(), dead[0].attempts), (1, "evt_1", 3));
    assert_eq!(dead[0].error, "it does not work");
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.dead, stats.due, stats.waiting), (1, 0, 0));
    assert!(inbox.requeue("evt_1").await.unwrap() && !inbox.requeue("evt_2").await.unwrap());
    assert_eq!(inbox.run_due(|_, _| Ok(())).await.unwrap(), worked(1, 0, 0, 0));
}

#[tokio::test]
async fn a_worker_that_lost_its_event_changes_nothing() {
    let (folder, inbox) = inbox();
    let effects = effects(&folder);
    inbox.put_event(&event("evt_1", "tsk_1"), None).await.unwrap();
    let path = folder.path().join("inbox.db");
    let lost = inbox
        .run_due(move |_, transaction| {
            // As a worker that was stopped past its lease, while another took its event.
            let other = rusqlite::Connection::open(&path)?;
            other.execute("UPDATE onehorizon_inbox SET token = x'00', visible_at = visible_at + 60000000", [])?;
            transaction.execute("INSERT INTO effect VALUES ('evt_1')", [])?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((lost, count(&effects)), (worked(0, 0, 0, 1), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_the_events_and_stop_when_asked_to() {
    let (folder, inbox) = inbox();
    let effects = effects(&folder);
    let (stop, _) = tokio::sync::broadcast::channel::<()>(1);
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (inbox, mut stop) = (inbox.clone(), stop.subscribe());
            let shutdown = async move { drop(stop.recv().await) };
            tokio::spawn(async move {
                inbox
                    .run(shutdown, |job, transaction| {
                        transaction.execute("INSERT INTO effect VALUES (?1)", [job.event.id().as_str()])?;
                        Ok(())
                    })
                    .await
                    .unwrap()
            })
        })
        .collect();
    for number in 0..60 {
        inbox.put_event(&event(&format!("evt_{number}"), "tsk_1"), None).await.unwrap();
    }
    tokio::time::timeout(30 * SECOND, async {
        loop {
            let stats = inbox.stats().await.unwrap();
            if stats.due + stats.waiting == 0 {
                break;
            }
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
    assert_eq!((done, count(&effects)), (60, 60));
}

#[tokio::test]
async fn events_of_one_resource_keep_their_order_and_the_latest_may_win() {
    let (_folder, inbox) = inbox();
    let ordered = inbox.clone().per_resource_order();
    for (id, task) in [("evt_1", "tsk_1"), ("evt_2", "tsk_1"), ("evt_3", "tsk_2"), ("evt_4", "tsk_1")] {
        ordered.put_event(&event(id, task), None).await.unwrap();
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let jobs = Arc::clone(&seen);
    ordered
        .run_due(move |job, _| {
            jobs.lock().unwrap().push(job.event.id().to_string());
            if job.event.id() == "evt_1" && job.attempt == 1 { Err("not yet".into()) } else { Ok(()) }
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
            Ok(())
        })
        .await
        .unwrap();
    let mut left = seen.lock().unwrap().clone();
    left.sort();
    assert_eq!(left, ["evt_6", "evt_7"]);
    assert!(!latest.put_event(&event("evt_5", "tsk_1"), None).await.unwrap(), "a replaced event is remembered");
}
