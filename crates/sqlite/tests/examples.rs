//! The example as users run it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "a test")]

#[path = "../examples/inbox_on_one_host.rs"]
mod inbox_on_one_host;

use std::future::IntoFuture;

use inbox_on_one_host::{TABLE, app, count};
use onehorizon::webhook::Verifier;
use onehorizon_sqlite::Sqlite;
use onehorizon_sqlite::rusqlite::Connection;
use onehorizon_testing::{NewEvent, WebhookSender};

#[tokio::test(flavor = "multi_thread")]
async fn events_are_acknowledged_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one-horizon.db");
    let inbox = Sqlite::open(&file, "acme").unwrap().inbox();
    Connection::open(&file).unwrap().execute_batch(TABLE).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    let app = app(Verifier::key("k").unwrap(), inbox.clone());
    let serving = tokio::spawn(axum::serve(listener, app).into_future());

    let sender = WebhookSender::new(&url, "k").unwrap();
    for id in ["evt_1", "evt_2", "evt_1"] {
        let event = NewEvent::new("task.updated", id).resource("task", "tsk_1").build().unwrap();
        assert!(sender.deliver(&event).await.is_delivered());
    }
    assert_eq!(inbox.run_due(count).await.unwrap().done, 2);
    let events: i64 =
        Connection::open(&file).unwrap().query_row("SELECT events FROM seen", [], |row| row.get(0)).unwrap();
    assert_eq!(events, 2);
    serving.abort();
}
