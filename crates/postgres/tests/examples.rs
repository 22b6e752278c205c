//! The example as users run it, against the fake service and a real server.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods, missing_docs, reason = "a test")]

#[path = "../examples/sync_to_postgres.rs"]
mod sync_to_postgres;

use std::future::IntoFuture;

use onehorizon::quota::Pacing;
use onehorizon::webhook::Verifier;
use onehorizon::{Configuration, TasksApi};
use onehorizon_postgres::Postgres;
use onehorizon_testing::{FakeOneHorizon, NewEvent, WebhookSender};
use sync_to_postgres::{TABLE, app, pool, read_all};

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_read_and_then_followed_and_a_repeated_event_changes_nothing() {
    let Ok(address) = std::env::var("ONEHORIZON_TEST_POSTGRES") else {
        eprintln!("skipped: ONEHORIZON_TEST_POSTGRES names no server");
        return;
    };
    let scope = format!("sync-{}", std::process::id());
    let pool = pool(&address).unwrap();
    let postgres = Postgres::with_pool(pool.clone(), &scope).unwrap().in_schema("onehorizon_test").unwrap();
    postgres.migrate().await.unwrap();
    let client = pool.get().await.unwrap();
    client.batch_execute(&format!("DROP TABLE IF EXISTS task; {TABLE}")).await.unwrap();

    let fake = FakeOneHorizon::builder().in_process();
    let pacing = Pacing::documented().store(postgres.quota());
    let config =
        Configuration::builder().api_key(fake.api_key()).transport(fake.transport()).pacing(pacing).build().unwrap();
    let read = read_all(&TasksApi::new(&config), &pool).await.unwrap();
    let rows: i64 = client.query_one("SELECT count(*) FROM task", &[]).await.unwrap().get(0);
    assert!(read > 0 && rows == i64::try_from(read).unwrap(), "{rows} rows of {read} tasks");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    let serving = tokio::spawn(
        axum::serve(listener, app(Verifier::key("k").unwrap(), pool.clone(), postgres.claims())).into_future(),
    );
    let sender = WebhookSender::new(&url, "k").unwrap();
    let task =
        serde_json::json!({"taskId": "tsk_new", "workspaceId": "w_1", "title": "Ship it", "status": "In Progress"});
    let event = NewEvent::new("task.created", &format!("evt_{scope}"))
        .resource("task", "tsk_new")
        .field("task", &task)
        .build()
        .unwrap();
    assert!(sender.deliver(&event).await.is_delivered());
    let title = "SELECT title FROM task WHERE task_id = 'tsk_new'";
    assert_eq!(client.query_one(title, &[]).await.unwrap().get::<_, String>(0), "Ship it");

    client.batch_execute("UPDATE task SET title = 'Changed since'").await.unwrap();
    assert!(sender.deliver(&event).await.is_delivered());
    assert_eq!(client.query_one(title, &[]).await.unwrap().get::<_, String>(0), "Changed since");
    serving.abort();
}
