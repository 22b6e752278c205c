//! Keeps a table of tasks: reads all tasks at the start, and follows the webhooks from then on. Run as many as you like: they
//! share one quota, and each event changes the table once, since the change and the mark are one transaction.
//!
//! ```text
//! DATABASE_URL=postgres://app@127.0.0.1/app ONE_API_KEY=… ONE_WEBHOOK_KEY=… \
//!     cargo run -p onehorizon-postgres --example sync_to_postgres
//! ```
#![allow(clippy::print_stdout, missing_docs, reason = "a program")]
#![allow(dead_code, unreachable_pub, reason = "a test runs its parts")]

use std::error::Error;
use std::future::IntoFuture;
use std::sync::Arc;

use axum::Router;
use onehorizon::quota::Pacing;
use onehorizon::webhook::axum_routes::route_claimed;
use onehorizon::webhook::claims::Lease;
use onehorizon::webhook::{Event, Payload, Receiver, Verified, Verifier};
use onehorizon::{ConfigurationBuilder, TasksApi};
use onehorizon_postgres::deadpool_postgres::{Manager, Pool, Runtime};
use onehorizon_postgres::tokio_postgres::{GenericClient, NoTls};
use onehorizon_postgres::{Postgres, PostgresClaims};
use tokio::net::TcpListener;

pub type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let pool = pool(&std::env::var("DATABASE_URL")?)?;
    let postgres = Postgres::with_pool(pool.clone(), "my-workspace")?;
    postgres.migrate().await?;
    pool.get().await?.batch_execute(TABLE).await?;

    // Receive first and read afterwards, so that no change falls between.
    let app = app(Verifier::from_env()?, pool.clone(), postgres.claims());
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}/webhook", listener.local_addr()?);
    let serving = tokio::spawn(axum::serve(listener, app).into_future());

    let pacing = Pacing::documented().store(postgres.quota());
    let config = ConfigurationBuilder::from_env()?.pacing(pacing).build()?;
    println!("{} tasks", read_all(&TasksApi::new(&config), &pool).await?);
    Ok(serving.await??)
}

pub const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS task (task_id text PRIMARY KEY, title text NOT NULL, status text NOT NULL)";

pub fn pool(address: &str) -> Result<Pool, Failure> {
    let manager = Manager::new(address.parse()?, NoTls);
    Ok(Pool::builder(manager).max_size(8).runtime(Runtime::Tokio1).build()?)
}

/// Upserts every task; returns how many there are.
pub async fn read_all(tasks: &TasksApi, pool: &Pool) -> Result<usize, Failure> {
    let list = tasks.list_tasks().all(true).await?;
    let client = pool.get().await?;
    for task in &list.tasks {
        upsert(&**client, task.task_id.as_str(), &task.title, task.status.as_str()).await?;
    }
    Ok(list.tasks.len())
}

pub fn app(verifier: Verifier, pool: Pool, claims: Arc<PostgresClaims>) -> Router {
    let receiver = Receiver::builder(verifier).store(Arc::clone(&claims)).build();
    let handler = move |event: Verified<Event>, lease: Lease| {
        let (pool, claims) = (pool.clone(), Arc::clone(&claims));
        async move { apply(&event, &lease, &pool, &claims).await }
    };
    Router::new().route("/webhook", route_claimed(receiver, handler))
}

/// The change and the mark that the event is done, in one transaction.
async fn apply(event: &Event, lease: &Lease, pool: &Pool, claims: &PostgresClaims) -> Result<(), Failure> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    match event.payload() {
        Payload::Task(task) => {
            upsert(&*transaction, task.task_id.as_str(), &task.title, task.status.as_str()).await?;
        }
        other => println!("{}: nothing to do for {other:?}", event.event_type()),
    }
    // Where another replica has the event now, nothing of this is kept, and the sender tries again.
    claims.commit_in(&*transaction, lease).await?.or_superseded()?;
    Ok(transaction.commit().await?)
}

async fn upsert(client: &impl GenericClient, id: &str, title: &str, status: &str) -> Result<(), Failure> {
    let sql = "INSERT INTO task VALUES ($1, $2, $3)
        ON CONFLICT (task_id) DO UPDATE SET title = excluded.title, status = excluded.status";
    client.execute(sql, &[&id, &title, &status]).await?;
    Ok(())
}
