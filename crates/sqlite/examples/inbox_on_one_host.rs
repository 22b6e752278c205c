//! A service on one host: acknowledges webhooks at once, and works on them later. Whatever is killed, nothing is lost, and
//! each event is counted once.
//!
//! ```text
//! ONE_WEBHOOK_KEY=… cargo run -p onehorizon-sqlite --example inbox_on_one_host
//! ```
#![allow(clippy::print_stdout, missing_docs, reason = "a program")]
#![allow(dead_code, unreachable_pub, reason = "a test runs its parts")]

use std::error::Error;
use std::future::IntoFuture;

use axum::Router;
use onehorizon::webhook::axum_routes::route_with;
use onehorizon::webhook::inbox::Job;
use onehorizon::webhook::{Event, Receiver, Reply, Verified, Verifier};
use onehorizon_sqlite::rusqlite::{Connection, Transaction};
use onehorizon_sqlite::{Sqlite, SqliteInbox};
use tokio::net::TcpListener;

pub type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let file = "one-horizon.db";
    let inbox = Sqlite::open(file, "my-workspace")?.inbox();
    Connection::open(file)?.execute_batch(TABLE)?;

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}/webhook", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, app(Verifier::from_env()?, inbox.clone())).into_future());

    let shutdown = async { drop(tokio::signal::ctrl_c().await) };
    println!("{:?}", inbox.run(shutdown, count).await?);
    Ok(())
}

pub const TABLE: &str = "CREATE TABLE IF NOT EXISTS seen (event_type TEXT PRIMARY KEY, events INTEGER NOT NULL)";

/// Replies when the event is on disk.
pub fn app(verifier: Verifier, inbox: SqliteInbox) -> Router {
    let put = move |event: Verified<Event>| {
        let inbox = inbox.clone();
        async move {
            match inbox.put(&event).await {
                Ok(true) => Reply::queued(&event),
                Ok(false) => Reply::duplicate(&event),
                Err(error) => Reply::store_failed(error),
            }
        }
    };
    Router::new().route("/webhook", route_with(Receiver::new(verifier), put))
}

/// The work: in the transaction that marks the event as done.
pub fn count(job: &Job, transaction: &Transaction<'_>) -> Result<(), Failure> {
    let sql = "INSERT INTO seen VALUES (?1, 1) ON CONFLICT (event_type) DO UPDATE SET events = events + 1";
    transaction.execute(sql, [job.event.event_type().as_str()])?;
    Ok(())
}
