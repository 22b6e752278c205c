//! One process that works on an inbox. Every hundredth event fails until it is dead.

use std::time::Duration;

use onehorizon_postgres::Postgres;
use onehorizon_sqlite::Sqlite;

use super::Input;

pub struct Job<'a> {
    pub store: &'a str,
    pub at: &'a str,
    /// Milliseconds before the effect.
    pub work: &'a str,
    /// Milliseconds until another worker takes over what this one is silent about.
    pub lease: &'a str,
}

/// Whether a worker cannot do anything with it.
pub fn is_poison(event_id: &str) -> bool {
    event_id.ends_with("13")
}

pub async fn run(mut input: Input, job: &Job<'_>) {
    let work = Duration::from_millis(job.work.parse().unwrap());
    let lease = Duration::from_millis(job.lease.parse().unwrap());
    let backoff = Duration::from_millis(50)..Duration::from_millis(200);
    let poll = Duration::from_millis(50);
    // Ends with a word of the process that started it, or with that process.
    let shutdown = async move { drop(input.next_line().await) };
    println!("works");
    let worked = match job.store {
        "postgres-inbox" => {
            let inbox = Postgres::open(job.at, "events").unwrap().inbox();
            let inbox = inbox.concurrency(4).lease(lease).backoff(backoff).dead_after(3).poll(poll);
            let worked = inbox.run(shutdown, move |job, transaction| {
                Box::pin(async move {
                    let id = job.event.id().as_str();
                    if is_poison(id) {
                        return Err("poison".into());
                    }
                    tokio::time::sleep(work).await;
                    transaction.execute("INSERT INTO effects VALUES ($1)", &[&id]).await?;
                    tokio::time::sleep(work / 2).await;
                    Ok(())
                })
            });
            let worked = worked.await.unwrap();
            [worked.done, worked.retried, worked.dead, worked.superseded]
        }
        "sqlite-inbox" => {
            let inbox = Sqlite::open(job.at, "events").unwrap().inbox();
            let inbox = inbox.concurrency(4).lease(lease).backoff(backoff).dead_after(3).poll(poll);
            let worked = inbox.run(shutdown, move |job, transaction| {
                let id = job.event.id().as_str();
                if is_poison(id) {
                    return Err("poison".into());
                }
                std::thread::sleep(work);
                transaction.execute("INSERT INTO effects VALUES (?1)", [id])?;
                Ok(())
            });
            let worked = worked.await.unwrap();
            [worked.done, worked.retried, worked.dead, worked.superseded]
        }
        other => panic!("no inbox {other}"),
    };
    // Done, tried again, dead, superseded.
    println!("{}", worked.map(|count| count.to_string()).join(" "));
}
