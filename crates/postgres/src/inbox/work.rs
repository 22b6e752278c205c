//! The workers: take events, run the handler in a transaction, mark them done or to be tried again.

#![allow(clippy::disallowed_methods, reason = "pauses between polls; every time that is stored is the database's")]

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use onehorizon::webhook::Event;
use onehorizon::webhook::inbox::{AttemptEnd, Job, Order, Worked};
use onehorizon::{BoxFuture, StoreError};
use tokio::task::JoinSet;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::PostgresInbox;
use crate::connection::random_token;
use crate::error::Error;

/// What a handler's error becomes.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One taken event.
struct Taken {
    job: Job,
    token: String,
}

enum Ended {
    Done,
    Superseded,
    Failed(String),
}

impl PostgresInbox {
    /// Runs the handler for each event, until `shutdown`; then waits for those that are being worked on.
    ///
    /// The handler works in the transaction that it is given; it is committed together with the mark that the event is
    /// done. If the handler fails or panics, or another worker has taken the event over since, it is rolled back.
    /// Anything else that a handler does (a request to another service) may happen more than once.
    ///
    /// While the database is away the workers wait for it.
    ///
    /// # Errors
    /// [`Error::NotMigrated`] or [`Error::Newer`].
    pub async fn run<F>(&self, shutdown: impl Future<Output = ()>, handler: F) -> Result<Worked, Error>
    where
        F: for<'t> Fn(&'t Job, &'t Transaction<'t>) -> BoxFuture<'t, Result<(), Failure>> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        let mut shutdown = std::pin::pin!(shutdown);
        let (mut working, mut worked, mut away) = (JoinSet::new(), Worked::default(), Duration::ZERO);
        loop {
            let free = self.settings.concurrency.saturating_sub(working.len());
            let taken = if free == 0 { Ok(Vec::new()) } else { self.take(free).await };
            let full = matches!(&taken, Ok(taken) if taken.len() == free);
            let pause = match taken {
                Ok(taken) => {
                    away = Duration::ZERO;
                    for one in taken {
                        let (inbox, handler) = (self.clone(), Arc::clone(&handler));
                        working.spawn(async move { inbox.work(one, &*handler).await });
                    }
                    self.settings.poll
                }
                Err(error @ (Error::NotMigrated { .. } | Error::Newer { .. })) => return Err(error),
                Err(_) => {
                    away = (away * 2).clamp(Duration::from_millis(100), Duration::from_secs(5));
                    away
                }
            };
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = working.join_next() => worked.count(ended.unwrap_or(AttemptEnd::Retried)),
                () = self.arrived.notified(), if !full => {}
                () = tokio::time::sleep(pause), if !full => {}
            }
        }
        while let Some(ended) = working.join_next().await {
            worked.count(ended.unwrap_or(AttemptEnd::Retried));
        }
        Ok(worked)
    }

    /// Works on what is due now, one event after the other, and returns when nothing is; for tests and scheduled jobs.
    ///
    /// # Errors
    /// As for every statement.
    pub async fn run_due<F>(&self, handler: F) -> Result<Worked, Error>
    where
        F: for<'t> Fn(&'t Job, &'t Transaction<'t>) -> BoxFuture<'t, Result<(), Failure>> + Send + Sync,
    {
        let mut worked = Worked::default();
        loop {
            let taken = self.take(1).await?;
            if taken.is_empty() {
                return Ok(worked);
            }
            for one in taken {
                worked.count(self.work(one, &handler).await);
            }
        }
    }

    async fn take(&self, most: usize) -> Result<Vec<Taken>, Error> {
        let (most, lease) = (i32::try_from(most).unwrap_or(i32::MAX), self.settings.lease.as_secs_f64());
        let (claim, order) = (format!("{:032x}", random_token()?), order_number(self.settings.order));
        let sql = format!("SELECT * FROM {}.inbox_take_v1($1, $2, $3, $4, $5)", self.connection.schema());
        let parameters = [
            self.scope(),
            (&most as _, Type::INT4),
            (&lease as _, Type::FLOAT8),
            (&claim as _, Type::TEXT),
            (&order as _, Type::INT4),
        ];
        let mut taken = Vec::new();
        for row in self.connection.rows(&sql, &parameters).await? {
            let (event_id, body): (String, Option<String>) = (row.get(0), row.get(2));
            let attempts: i32 = row.get(3);
            match self.event(&event_id, &body.unwrap_or_default()) {
                Ok(event) => {
                    let received_at = UNIX_EPOCH + Duration::from_secs_f64(row.get::<_, f64>(4).max(0.0));
                    let mut job = Job::new(event, received_at);
                    (job.attempt, job.label) = (attempts.unsigned_abs(), row.get(1));
                    taken.push(Taken { job, token: claim.clone() });
                }
                // Nobody but this crate writes here: another version, or one with the right key, may take it later.
                Err(fault) => {
                    let _ = self.fail(&event_id, &claim, attempts.unsigned_abs(), &fault.to_string()).await;
                }
            }
        }
        Ok(taken)
    }

    fn event(&self, event_id: &str, kept: &str) -> Result<Event, StoreError> {
        Ok(Event::from_json(self.read(event_id, kept)?.as_bytes())?)
    }

    async fn work<F>(&self, one: Taken, handler: &F) -> AttemptEnd
    where
        F: for<'t> Fn(&'t Job, &'t Transaction<'t>) -> BoxFuture<'t, Result<(), Failure>> + Send + Sync,
    {
        let Taken { job, token } = &one;
        let event_id = job.event.id().as_str();
        let ended = tokio::select! {
            ended = self.in_transaction(job, token, handler) => ended,
            () = self.keep(event_id, token) => Ended::Superseded,
        };
        match ended {
            Ended::Done => AttemptEnd::Done,
            Ended::Superseded => AttemptEnd::Superseded,
            Ended::Failed(error) => {
                self.fail(event_id, token, job.attempt, &error).await.unwrap_or(AttemptEnd::Retried)
            }
        }
    }

    /// The work and the mark in one transaction.
    async fn in_transaction<F>(&self, job: &Job, token: &str, handler: &F) -> Ended
    where
        F: for<'t> Fn(&'t Job, &'t Transaction<'t>) -> BoxFuture<'t, Result<(), Failure>> + Send + Sync,
    {
        let failed =
            |error: tokio_postgres::Error| Ended::Failed(Error::of(error, self.connection.schema()).to_string());
        let mut client = match self.connection.client().await {
            Ok(client) => client,
            Err(error) => return Ended::Failed(error.to_string()),
        };
        let client: &mut tokio_postgres::Client = &mut client;
        let transaction = match client.transaction().await {
            Ok(transaction) => transaction,
            Err(error) => return failed(error),
        };
        // A panic unwinds no further than this attempt.
        let work = std::panic::AssertUnwindSafe(handler(job, &transaction));
        match catch_unwind(work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Ended::Failed(error.to_string()),
            Err(_) => return Ended::Failed("the handler panicked".to_owned()),
        }
        let (sql, id) = (self.sql("inbox_done_v1($1, $2, $3)"), job.event.id().as_str());
        let parameters = [self.scope(), (&id as _, Type::TEXT), (&token as _, Type::TEXT)];
        match transaction.query_typed(&sql, &parameters).await {
            Ok(rows) if rows.first().is_some_and(|row| row.get(0)) => match transaction.commit().await {
                Ok(()) => Ended::Done,
                Err(error) => failed(error),
            },
            Ok(_) => Ended::Superseded,
            Err(error) => failed(error),
        }
    }

    /// Extends the lease as long as the work goes on; returns when somebody else has the event.
    async fn keep(&self, event_id: &str, token: &str) {
        let (sql, lease) = (self.sql("inbox_extend_v1($1, $2, $3, $4)"), self.settings.lease.as_secs_f64());
        loop {
            tokio::time::sleep(self.settings.lease / 3).await;
            let parameters =
                [self.scope(), (&event_id as _, Type::TEXT), (&token as _, Type::TEXT), (&lease as _, Type::FLOAT8)];
            // A database that is away decides nothing: the mark is checked in the transaction.
            if let Ok(row) = self.connection.one(&sql, &parameters).await
                && !row.get::<_, bool>(0)
            {
                return;
            }
        }
    }

    async fn fail(&self, event_id: &str, token: &str, attempt: u32, error: &str) -> Result<AttemptEnd, Error> {
        let delay = self.settings.delay_after(attempt).as_secs_f64();
        let most = i32::try_from(self.settings.dead_after).unwrap_or(i32::MAX);
        // A column of type `text` cannot hold it.
        let error = error.replace('\0', " ");
        let sql = self.sql("inbox_retry_v1($1, $2, $3, $4, $5, $6)");
        let parameters = [
            self.scope(),
            (&event_id as _, Type::TEXT),
            (&token as _, Type::TEXT),
            (&delay as _, Type::FLOAT8),
            (&most as _, Type::INT4),
            (&error as _, Type::TEXT),
        ];
        Ok(match self.connection.one(&sql, &parameters).await?.get::<_, i32>(0) {
            0 => AttemptEnd::Retried,
            1 => AttemptEnd::Dead,
            _ => AttemptEnd::Superseded,
        })
    }
}

async fn catch_unwind<T>(work: std::panic::AssertUnwindSafe<BoxFuture<'_, T>>) -> std::thread::Result<T> {
    let mut work = work.0;
    std::future::poll_fn(move |context| {
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(std::task::Poll::Ready(value)) => std::task::Poll::Ready(Ok(value)),
            Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// As the SQL functions number them.
fn order_number(order: Order) -> i32 {
    match order {
        Order::PerResource => 1,
        Order::LatestWins => 2,
        _ => 0,
    }
}
