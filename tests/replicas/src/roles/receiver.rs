//! One replica that receives webhooks. It works for some milliseconds before the effect and after it, so that a kill may
//! come between.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use onehorizon::StoreError;
use onehorizon::webhook::axum_routes::{route, route_claimed, route_with};
use onehorizon::webhook::claims::{ClaimStore, Lease, MemoryClaims};
use onehorizon::webhook::{Event, Receiver, Reply, Verified, Verifier};
use onehorizon_postgres::{Postgres, PostgresClaims};
use onehorizon_redis::Redis;
use onehorizon_sqlite::Sqlite;
use tokio::net::TcpListener;

use super::{Input, end_with};
use crate::deliver::KEY;

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub struct Job<'a> {
    pub store: &'a str,
    /// The URL of a server or the path of a file.
    pub at: &'a str,
    /// The file that gets a line for each effect.
    pub effects: &'a str,
    /// Milliseconds.
    pub work: &'a str,
}

pub async fn run(input: Input, job: &Job<'_>) {
    let _end = end_with(input);
    let app = Router::new().route("/webhook", route_of(job));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    axum::serve(listener, app).await.unwrap();
}

fn route_of(job: &Job<'_>) -> axum::routing::MethodRouter {
    let work = Duration::from_millis(job.work.parse().unwrap());
    // A replica that is killed leaves its claims for so long.
    let receiver = || Receiver::builder(Verifier::key(KEY).unwrap()).lease(Duration::from_millis(500));
    let beside = |store: Arc<dyn ClaimStore>| route(receiver().store(store).build(), in_file(job.effects, work));
    match job.store {
        "memory" => beside(Arc::new(MemoryClaims::new())),
        "redis" => beside(Redis::open(job.at, "events").unwrap().claims()),
        "postgres" => beside(Postgres::open(job.at, "events").unwrap().claims()),
        "sqlite" => beside(Sqlite::open(job.at, "events").unwrap().claims()),
        "postgres-transaction" => {
            let claims = Postgres::open(job.at, "events").unwrap().claims();
            let receiver = receiver().store(claims.clone()).build();
            route_claimed(receiver, in_transaction(job.at, claims, work))
        }
        "postgres-inbox" => {
            let inbox = Postgres::open(job.at, "events").unwrap().inbox();
            route_with(receiver().build(), move |event: Verified<Event>| {
                let inbox = inbox.clone();
                async move { reply(&event, inbox.put(&event).await) }
            })
        }
        "sqlite-inbox" => {
            let inbox = Sqlite::open(job.at, "events").unwrap().inbox();
            route_with(receiver().build(), move |event: Verified<Event>| {
                let inbox = inbox.clone();
                async move { reply(&event, inbox.put(&event).await) }
            })
        }
        other => panic!("no store {other}"),
    }
}

fn reply<E: Into<StoreError>>(event: &Event, put: Result<bool, E>) -> Reply {
    match put {
        Ok(true) => Reply::queued(event),
        Ok(false) => Reply::duplicate(event),
        Err(error) => Reply::store_failed(error),
    }
}

type Handling<E> = std::pin::Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

/// No work takes no time; a timer would take a millisecond.
async fn pause(work: Duration) {
    if !work.is_zero() {
        tokio::time::sleep(work).await;
    }
}

/// The effect is a line in a file, beside the claim.
fn in_file(path: &str, work: Duration) -> impl Fn(Verified<Event>) -> Handling<Infallible> + Clone + use<> {
    let file: Option<Arc<File>> =
        (path != "-").then(|| Arc::new(OpenOptions::new().create(true).append(true).open(path).unwrap()));
    move |event| {
        let file = file.clone();
        Box::pin(async move {
            pause(work).await;
            if let Some(file) = file {
                (&*file).write_all(format!("{}\n", event.id()).as_bytes()).unwrap();
            }
            pause(work / 2).await;
            Ok(())
        })
    }
}

/// The effect is a row, in the transaction that commits the claim.
fn in_transaction(
    address: &str,
    claims: Arc<PostgresClaims>,
    work: Duration,
) -> impl Fn(Verified<Event>, Lease) -> Handling<Failure> + Clone + use<> {
    let pool = super::pool(address);
    move |event, lease| {
        let (pool, claims) = (pool.clone(), Arc::clone(&claims));
        Box::pin(async move {
            pause(work).await;
            let mut client = pool.get().await?;
            let transaction = client.transaction().await?;
            transaction.execute("INSERT INTO effects VALUES ($1)", &[&event.id().as_str()]).await?;
            pause(work / 2).await;
            claims.commit_in(&*transaction, &lease).await?.or_superseded()?;
            transaction.commit().await?;
            Ok(())
        })
    }
}
