//! The durable inbox: a delivery is acknowledged when its event is stored, and worked on later, in a transaction.

#![allow(clippy::disallowed_methods, reason = "pauses between polls; every time that is stored is the database's")]

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::BoxFuture;
use onehorizon::webhook::{Event, Verified};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::connection::{Connection, Parameter, random_token};
use crate::error::Error;

/// What a handler's error becomes.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Events that were acknowledged and are to be worked on; from [`Postgres::inbox`](crate::Postgres::inbox). Cheap to clone.
///
/// A receiver [puts](Self::put) each event in, which is one insert; workers of any process [run](Self::run) a handler for
/// it. The handler's transaction also marks the event as done: its work is done exactly once, whichever process is killed
/// when. A handler that fails is run again later, and the event is *dead* after so many attempts: it stays, with its error,
/// until somebody [requeues](Self::requeue) it.
///
/// ```no_run
/// use std::time::Duration;
/// use onehorizon::webhook::{Receiver, Verifier, axum::route};
/// use onehorizon_postgres::Postgres;
/// # async fn example(shutdown: impl Future<Output = ()> + Send) -> Result<(), Box<dyn std::error::Error>> {
/// let postgres = Postgres::open("postgres://app@127.0.0.1/app", "acme")?;
/// let inbox = postgres.inbox().concurrency(4).backoff(Duration::from_secs(1)..Duration::from_secs(600)).dead_after(12);
///
/// let receiver = Receiver::new(Verifier::from_env()?);
/// let put = inbox.clone();
/// let app: axum::Router = axum::Router::new().route("/webhook", route(receiver, move |event| {
///     let inbox = put.clone();
///     async move { inbox.put(&event).await.map(drop) }
/// }));
///
/// inbox.run(shutdown, |job, transaction| Box::pin(async move {
///     let (task, id) = (job.event.task_id().map(|id| id.as_str()), job.event.id().as_str());
///     transaction.execute("INSERT INTO seen (task, event) VALUES ($1, $2)", &[&task, &id]).await?;
///     Ok(())
/// })).await?;
/// # let _ = app; Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresInbox {
    connection: Connection,
    settings: Settings,
    /// Wakes the workers of this process.
    arrived: Arc<Notify>,
}

#[derive(Clone)]
struct Settings {
    concurrency: usize,
    lease: Duration,
    backoff: Range<Duration>,
    dead_after: u32,
    poll: Duration,
    order: Order,
}

#[derive(Clone, Copy)]
enum Order {
    None = 0,
    PerResource = 1,
    LatestWins = 2,
}

/// An event to work on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Job {
    /// The event, as it was stored.
    pub event: Event,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    /// When the event was stored, by the server's clock.
    pub received_at: SystemTime,
    /// The label of the key that its delivery carried.
    pub label: Option<String>,
}

/// What is in an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct InboxStats {
    /// Events to be worked on now.
    pub due: u64,
    /// Events being worked on, or waiting for another attempt.
    pub waiting: u64,
    /// Events that failed too often.
    pub dead: u64,
    /// The age of the oldest event that is neither done nor dead.
    pub oldest: Duration,
}

/// An event that failed too often.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadEvent {
    /// Its id.
    pub event_id: String,
    /// Its text; `Event::from_json` reads it.
    pub body: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What the last attempt said.
    pub error: String,
}

/// What workers did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worked {
    /// Events that are done.
    pub done: u64,
    /// Attempts that failed and will be repeated.
    pub retried: u64,
    /// Events that are dead now.
    pub dead: u64,
    /// Attempts that another worker had taken over; their work was rolled back.
    pub superseded: u64,
}

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
    pub(crate) fn new(connection: Connection) -> Self {
        let settings = Settings {
            concurrency: 4,
            lease: Duration::from_secs(60),
            backoff: Duration::from_secs(1)..Duration::from_secs(10 * 60),
            dead_after: 12,
            poll: Duration::from_secs(1),
            order: Order::None,
        };
        Self { connection, settings, arrived: Arc::default() }
    }

    /// How many events a process works on at the same time; 4 by default. Each needs a connection.
    #[must_use]
    pub fn concurrency(mut self, events: usize) -> Self {
        self.settings.concurrency = events.max(1);
        self
    }

    /// How long a worker may be silent before another takes its event over; a minute by default. A worker that lives
    /// extends it, however long its handler takes.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// The wait after a first failure, doubled with each further one up to the end; 1 s to 10 min by default.
    #[must_use]
    pub fn backoff(mut self, waits: Range<Duration>) -> Self {
        self.settings.backoff = waits;
        self
    }

    /// After how many attempts an event is dead; 12 by default.
    #[must_use]
    pub fn dead_after(mut self, attempts: u32) -> Self {
        self.settings.dead_after = attempts.max(1);
        self
    }

    /// How often to look for events that another process put in; every second by default.
    #[must_use]
    pub fn poll(mut self, every: Duration) -> Self {
        self.settings.poll = every.max(Duration::from_millis(10));
        self
    }

    /// Works on the events of one resource (a task, a document) one after the other, in the order in which they came. One
    /// that fails holds back the others of its resource until it is done or dead.
    #[must_use]
    pub fn per_resource_order(mut self) -> Self {
        self.settings.order = Order::PerResource;
        self
    }

    /// Works on the latest event of each resource only: those before it that are still waiting are dropped. For handlers
    /// that fetch the present state in any case.
    #[must_use]
    pub fn latest_wins(mut self) -> Self {
        self.settings.order = Order::LatestWins;
        self
    }

    /// Stores an event; `false` if it was stored before. When this returns, the event is on disk.
    ///
    /// # Errors
    /// As for every statement: let the delivery fail, and it comes again.
    pub async fn put(&self, event: &Verified<Event>) -> Result<bool, Error> {
        self.put_event(event, event.label()).await
    }

    /// As [`put`](Self::put), for an event that came another way.
    ///
    /// # Errors
    /// As for every statement.
    pub async fn put_event(&self, event: &Event, label: Option<&str>) -> Result<bool, Error> {
        let (id, kind, body) = (event.id().as_str(), event.event_type().as_str(), event.as_json());
        let resource = event.resource().id.as_deref();
        let sql = self.sql("inbox_put_v1($1, $2, $3, $4, $5, $6)");
        let parameters = [
            self.scope(),
            (&id as _, Type::TEXT),
            (&kind as _, Type::TEXT),
            (&resource as _, Type::TEXT),
            (&label as _, Type::TEXT),
            (&body as _, Type::TEXT),
        ];
        let new = self.connection.one(&sql, &parameters).await?.get(0);
        if new {
            self.arrived.notify_one();
        }
        Ok(new)
    }

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
                Some(ended) = working.join_next() => worked.count(&ended.unwrap_or(Count::Retried)),
                () = self.arrived.notified(), if !full => {}
                () = tokio::time::sleep(pause), if !full => {}
            }
        }
        while let Some(ended) = working.join_next().await {
            worked.count(&ended.unwrap_or(Count::Retried));
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
                worked.count(&self.work(one, &handler).await);
            }
        }
    }

    async fn take(&self, most: usize) -> Result<Vec<Taken>, Error> {
        let (most, lease) = (i32::try_from(most).unwrap_or(i32::MAX), self.settings.lease.as_secs_f64());
        let (claim, order) = (format!("{:032x}", random_token()?), self.settings.order as i32);
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
            match Event::from_json(body.unwrap_or_default()) {
                Ok(event) => {
                    let received_at = UNIX_EPOCH + Duration::from_secs_f64(row.get::<_, f64>(4).max(0.0));
                    let job = Job { event, attempt: attempts.unsigned_abs(), received_at, label: row.get(1) };
                    taken.push(Taken { job, token: claim.clone() });
                }
                // Nobody but this crate writes here: another version that understands it may take it later.
                Err(fault) => {
                    let _ = self.fail(&event_id, &claim, attempts.unsigned_abs(), &fault.to_string()).await;
                }
            }
        }
        Ok(taken)
    }

    async fn work<F>(&self, one: Taken, handler: &F) -> Count
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
            Ended::Done => Count::Done,
            Ended::Superseded => Count::Superseded,
            Ended::Failed(error) => self.fail(event_id, token, job.attempt, &error).await.unwrap_or(Count::Retried),
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

    async fn fail(&self, event_id: &str, token: &str, attempt: u32, error: &str) -> Result<Count, Error> {
        let doubled = self.settings.backoff.start.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let delay = doubled.min(self.settings.backoff.end).as_secs_f64();
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
            0 => Count::Retried,
            1 => Count::Dead,
            _ => Count::Superseded,
        })
    }

    /// What is in the inbox.
    ///
    /// # Errors
    /// As for every statement.
    pub async fn stats(&self) -> Result<InboxStats, Error> {
        let sql = format!("SELECT * FROM {}.inbox_stats_v1($1)", self.connection.schema());
        let row = self.connection.one(&sql, &[self.scope()]).await?;
        let count = |index: usize| row.get::<_, i64>(index).unsigned_abs();
        let oldest = Duration::from_secs_f64(row.get::<_, f64>(3).max(0.0));
        Ok(InboxStats { due: count(0), waiting: count(1), dead: count(2), oldest })
    }

    /// Events that failed too often, the oldest first, up to so many.
    ///
    /// # Errors
    /// As for every statement.
    pub async fn dead(&self, most: u32) -> Result<Vec<DeadEvent>, Error> {
        let most = i64::from(most);
        let sql = format!(
            "SELECT event_id, body, attempts, coalesce(last_error, '') FROM {}.inbox
             WHERE scope = $1 AND state = 2 ORDER BY received_at LIMIT $2",
            self.connection.schema()
        );
        let rows = self.connection.rows(&sql, &[self.scope(), (&most as _, Type::INT8)]).await?;
        let dead = rows.iter().map(|row| DeadEvent {
            event_id: row.get(0),
            body: row.get::<_, Option<String>>(1).unwrap_or_default(),
            attempts: row.get::<_, i32>(2).unsigned_abs(),
            error: row.get(3),
        });
        Ok(dead.collect())
    }

    /// Tries a dead event again, from the first attempt on; `false` if it is not dead.
    ///
    /// # Errors
    /// As for every statement.
    pub async fn requeue(&self, event_id: &str) -> Result<bool, Error> {
        let sql = self.sql("inbox_requeue_v1($1, $2)");
        let requeued = self.connection.one(&sql, &[self.scope(), (&event_id as _, Type::TEXT)]).await?.get(0);
        self.arrived.notify_one();
        Ok(requeued)
    }

    /// Removes what was done longer ago than this (ten minutes at the least), up to so many at a time; returns how many.
    /// Until then its ids keep redelivered events from being worked on again. Call it now and then, for instance once an
    /// hour; several processes may.
    ///
    /// # Errors
    /// As for every statement.
    pub async fn clean(&self, age: Duration, most: u32) -> Result<u64, Error> {
        let (age, most) =
            (age.max(Duration::from_secs(10 * 60)).as_secs_f64(), i32::try_from(most).unwrap_or(i32::MAX));
        let parameters = [self.scope(), (&age as _, Type::FLOAT8), (&most as _, Type::INT4)];
        let gone: i64 = self.connection.one(&self.sql("inbox_clean_v1($1, $2, $3)"), &parameters).await?.get(0);
        Ok(gone.unsigned_abs())
    }

    fn scope(&self) -> Parameter<'_> {
        (self.connection.scope_ref() as _, Type::TEXT)
    }

    fn sql(&self, call: &str) -> String {
        format!("SELECT {}.{call}", self.connection.schema())
    }
}

impl fmt::Debug for PostgresInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresInbox").field("scope", &self.connection.scope()).finish_non_exhaustive()
    }
}

enum Count {
    Done,
    Retried,
    Dead,
    Superseded,
}

impl Worked {
    fn count(&mut self, ended: &Count) {
        match ended {
            Count::Done => self.done += 1,
            Count::Retried => self.retried += 1,
            Count::Dead => self.dead += 1,
            Count::Superseded => self.superseded += 1,
        }
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
