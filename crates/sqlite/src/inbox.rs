//! The durable inbox: a delivery is acknowledged when its event is stored, and worked on later, in a transaction.

#![allow(clippy::disallowed_methods, reason = "pauses between polls; every time that is stored is the database's")]

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehorizon::webhook::{Event, Verified};
use rusqlite::{Connection, Transaction, params};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::database::{Database, length, micros, random_token};
use crate::error::Error;

/// What a handler's error becomes.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Events that were acknowledged and are to be worked on; from [`Sqlite::inbox`](crate::Sqlite::inbox). Cheap to clone.
///
/// A receiver [puts](Self::put) each event in, which is one insert; workers of any process of this machine
/// [run](Self::run) a handler for it, on threads of their own. The handler's transaction also marks the event as done: its
/// work in the file is done exactly once, whichever process is killed when. A handler that fails is run again later, and
/// the event is *dead* after so many attempts: it stays, with its error, until somebody [requeues](Self::requeue) it.
///
/// ```no_run
/// use onehorizon::webhook::{Event, Receiver, Verified, Verifier};
/// use onehorizon_sqlite::Sqlite;
/// # async fn example(shutdown: impl Future<Output = ()>) -> Result<(), Box<dyn std::error::Error>> {
/// let inbox = Sqlite::open("onehorizon.db", "acme")?.inbox().dead_after(12);
///
/// let receiver = Receiver::new(Verifier::from_env()?);
/// let put = inbox.clone();
/// let handler = move |event: Verified<Event>| {
///     let inbox = put.clone();
///     async move { inbox.put(&event).await.map(drop) }
/// };
/// // receiver.receive(method, headers, body, handler).await, or axum's route(receiver, handler)
///
/// inbox.run(shutdown, |job, transaction| {
///     let id = job.event.id().as_str();
///     transaction.execute("INSERT INTO seen (event) VALUES (?1)", [id])?;
///     Ok(())
/// }).await?;
/// # let _ = (receiver, handler); Ok(()) }
/// ```
#[derive(Clone)]
pub struct SqliteInbox {
    database: Database,
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

#[derive(Clone, Copy, PartialEq)]
enum Order {
    None,
    PerResource,
    LatestWins,
}

/// An event to work on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Job {
    /// The event, as it was stored.
    pub event: Event,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    /// When the event was stored.
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
#[derive(Clone)]
struct Taken {
    job: Job,
    token: u128,
}

enum Ended {
    Done,
    Superseded,
    Failed(String),
}

enum Count {
    Done,
    Retried,
    Dead,
    Superseded,
}

impl SqliteInbox {
    pub(crate) fn new(database: Database) -> Self {
        let settings = Settings {
            concurrency: 2,
            lease: Duration::from_secs(60),
            backoff: Duration::from_secs(1)..Duration::from_secs(10 * 60),
            dead_after: 12,
            poll: Duration::from_secs(1),
            order: Order::None,
        };
        Self { database, settings, arrived: Arc::default() }
    }

    /// How many events a process works on at the same time, each on a thread with a connection of its own; 2 by default.
    /// One of them writes at a time.
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
    /// [`Error::Sqlite`]: let the delivery fail, and it comes again.
    pub async fn put(&self, event: &Verified<Event>) -> Result<bool, Error> {
        self.put_event(event, event.label()).await
    }

    /// As [`put`](Self::put), for an event that came another way.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub async fn put_event(&self, event: &Event, label: Option<&str>) -> Result<bool, Error> {
        let (id, body) = (event.id().to_string(), event.as_json().to_owned());
        let (resource, label, now) = (event.resource().id.clone(), label.map(str::to_owned), now());
        let put = self.database.run(move |connection, scope| {
            let insert =
                "INSERT INTO onehorizon_inbox (scope, event_id, resource, label, body, visible_at, received_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO NOTHING";
            connection.prepare(insert)?.execute(params![scope, id, resource, label, body, now])
        });
        let new = put.await? == 1;
        if new {
            self.arrived.notify_one();
        }
        Ok(new)
    }

    /// Runs the handler for each event, until `shutdown`; then waits for those that are being worked on.
    ///
    /// The handler runs on a thread where it may block, and works in the transaction that it is given; it is committed
    /// together with the mark that the event is done. If the handler fails or panics, or another worker has taken the
    /// event over since, it is rolled back. The transaction holds the file from its first write on: do slow work before
    /// that. Anything else that a handler does (a request to another service) may happen more than once.
    ///
    /// # Errors
    /// [`Error::Ended`].
    pub async fn run<F>(&self, shutdown: impl Future<Output = ()>, handler: F) -> Result<Worked, Error>
    where
        F: Fn(&Job, &Transaction<'_>) -> Result<(), Failure> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        let mut shutdown = std::pin::pin!(shutdown);
        let (mut working, mut worked) = (JoinSet::new(), Worked::default());
        loop {
            let free = self.settings.concurrency.saturating_sub(working.len());
            let taken = match if free == 0 { Ok(Vec::new()) } else { self.take(free).await } {
                Ok(taken) => taken,
                Err(Error::Ended) => return Err(Error::Ended),
                // A file that is held by another process is asked again.
                Err(_) => Vec::new(),
            };
            let full = taken.len() == free;
            for one in taken {
                let (inbox, handler) = (self.clone(), Arc::clone(&handler));
                working.spawn(async move { inbox.work(one, handler).await });
            }
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = working.join_next() => worked.count(&ended.unwrap_or(Count::Retried)),
                () = self.arrived.notified(), if !full => {}
                () = tokio::time::sleep(self.settings.poll), if !full => {}
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
    /// [`Error::Sqlite`].
    pub async fn run_due<F>(&self, handler: F) -> Result<Worked, Error>
    where
        F: Fn(&Job, &Transaction<'_>) -> Result<(), Failure> + Send + Sync + 'static,
    {
        let (handler, mut worked) = (Arc::new(handler), Worked::default());
        loop {
            let taken = self.take(1).await?;
            if taken.is_empty() {
                return Ok(worked);
            }
            for one in taken {
                worked.count(&self.work(one, Arc::clone(&handler)).await);
            }
        }
    }

    async fn take(&self, most: usize) -> Result<Vec<Taken>, Error> {
        let (now, claim, order) = (now(), random_token()?, self.settings.order);
        let until = now.saturating_add(length(self.settings.lease));
        let rows = self.database.run(move |connection, scope| take(connection, scope, most, now, until, claim, order));
        let mut taken = Vec::new();
        for (event_id, label, body, attempt, received) in rows.await? {
            match Event::from_json(body) {
                Ok(event) => {
                    let received_at = UNIX_EPOCH + Duration::from_micros(received.unsigned_abs());
                    taken.push(Taken { job: Job { event, attempt, received_at, label }, token: claim });
                }
                // Nobody but this crate writes here: another version that understands it may take it later.
                Err(fault) => {
                    let _ = self.fail(&event_id, claim, attempt, fault.to_string()).await;
                }
            }
        }
        Ok(taken)
    }

    async fn work<F>(&self, one: Taken, handler: Arc<F>) -> Count
    where
        F: Fn(&Job, &Transaction<'_>) -> Result<(), Failure> + Send + Sync + 'static,
    {
        let (database, taken) = (self.database.clone(), one.clone());
        let mut work = tokio::task::spawn_blocking(move || in_transaction(&database, &taken, &*handler));
        let event_id = one.job.event.id().as_str();
        let ended = loop {
            tokio::select! {
                ended = &mut work => break ended.unwrap_or_else(|_| Ended::Failed("the handler panicked".to_owned())),
                // A file that is held decides nothing: the mark is checked in the transaction.
                () = tokio::time::sleep(self.settings.lease / 3) => self.extend(event_id, one.token),
            }
        };
        match ended {
            Ended::Done => Count::Done,
            Ended::Superseded => Count::Superseded,
            Ended::Failed(error) => {
                self.fail(event_id, one.token, one.job.attempt, error).await.unwrap_or(Count::Retried)
            }
        }
    }

    fn extend(&self, event_id: &str, token: u128) {
        let (id, until) = (event_id.to_owned(), now().saturating_add(length(self.settings.lease)));
        self.database.run_later(move |connection, scope| {
            let update = "UPDATE onehorizon_inbox SET visible_at = ?4
                WHERE scope = ?1 AND event_id = ?2 AND token = ?3 AND state = 0";
            connection.prepare(update)?.execute(params![scope, id, token.to_be_bytes(), until]).map(drop)
        });
    }

    async fn fail(&self, event_id: &str, token: u128, attempt: u32, error: String) -> Result<Count, Error> {
        let doubled = self.settings.backoff.start.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let again = now().saturating_add(length(doubled.min(self.settings.backoff.end)));
        let state = if attempt >= self.settings.dead_after { 2 } else { 0 };
        let error: String = error.chars().take(2000).collect();
        let id = event_id.to_owned();
        let changed = self.database.run(move |connection, scope| {
            let update = "UPDATE onehorizon_inbox SET last_error = ?4, token = NULL, state = ?5, visible_at = ?6
                WHERE scope = ?1 AND event_id = ?2 AND token = ?3 AND state = 0";
            connection.prepare(update)?.execute(params![scope, id, token.to_be_bytes(), error, state, again])
        });
        Ok(match (changed.await?, state) {
            (0, _) => Count::Superseded,
            (_, 2) => Count::Dead,
            _ => Count::Retried,
        })
    }

    /// What is in the inbox.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub async fn stats(&self) -> Result<InboxStats, Error> {
        let now = now();
        let stats = self.database.run(move |connection, scope| {
            let select = "SELECT count(*) FILTER (WHERE state = 0 AND visible_at <= ?2),
                    count(*) FILTER (WHERE state = 0 AND visible_at > ?2),
                    count(*) FILTER (WHERE state = 2), coalesce(?2 - min(received_at) FILTER (WHERE state = 0), 0)
                FROM onehorizon_inbox WHERE scope = ?1 AND state IN (0, 2)";
            let count = |row: &rusqlite::Row<'_>, index: usize| row.get::<_, i64>(index).map(i64::unsigned_abs);
            connection.prepare(select)?.query_row(params![scope, now], |row| {
                let oldest = Duration::from_micros(count(row, 3)?);
                Ok(InboxStats { due: count(row, 0)?, waiting: count(row, 1)?, dead: count(row, 2)?, oldest })
            })
        });
        stats.await
    }

    /// Events that failed too often, the oldest first, up to so many.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub async fn dead(&self, most: u32) -> Result<Vec<DeadEvent>, Error> {
        let dead = self.database.run(move |connection, scope| {
            let select = "SELECT event_id, coalesce(body, ''), attempts, coalesce(last_error, '') FROM onehorizon_inbox
                WHERE scope = ?1 AND state = 2 ORDER BY received_at LIMIT ?2";
            let read = |row: &rusqlite::Row<'_>| {
                Ok(DeadEvent { event_id: row.get(0)?, body: row.get(1)?, attempts: row.get(2)?, error: row.get(3)? })
            };
            connection.prepare(select)?.query_map(params![scope, most], read)?.collect()
        });
        dead.await
    }

    /// Tries a dead event again, from the first attempt on; `false` if it is not dead.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub async fn requeue(&self, event_id: &str) -> Result<bool, Error> {
        let (id, now) = (event_id.to_owned(), now());
        let changed = self.database.run(move |connection, scope| {
            let update = "UPDATE onehorizon_inbox SET state = 0, attempts = 0, visible_at = ?3, token = NULL
                WHERE scope = ?1 AND event_id = ?2 AND state = 2";
            connection.prepare(update)?.execute(params![scope, id, now])
        });
        let requeued = changed.await? == 1;
        self.arrived.notify_one();
        Ok(requeued)
    }

    /// Removes what was done longer ago than this (ten minutes at the least), up to so many at a time; returns how many.
    /// Until then its ids keep redelivered events from being worked on again. Call it now and then, for instance once an
    /// hour; several processes may.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub async fn clean(&self, age: Duration, most: u32) -> Result<u64, Error> {
        let before = now() - length(age.max(Duration::from_secs(10 * 60)));
        let gone = self.database.run(move |connection, scope| {
            let delete = "DELETE FROM onehorizon_inbox WHERE seq IN (
                SELECT seq FROM onehorizon_inbox WHERE scope = ?1 AND state IN (1, 3) AND done_at < ?2 LIMIT ?3)";
            connection.prepare(delete)?.execute(params![scope, before, most])
        });
        Ok(gone.await? as u64)
    }
}

impl fmt::Debug for SqliteInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteInbox").field("scope", &self.database.scope()).finish_non_exhaustive()
    }
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

/// The work and the mark in one transaction, on a connection of its own.
fn in_transaction<F>(database: &Database, taken: &Taken, handler: &F) -> Ended
where
    F: Fn(&Job, &Transaction<'_>) -> Result<(), Failure>,
{
    let attempt = || -> Result<bool, Failure> {
        let mut connection = database.connect()?;
        let transaction = connection.transaction()?;
        // A panic unwinds no further than this attempt.
        match catch_unwind(AssertUnwindSafe(|| handler(&taken.job, &transaction))) {
            Ok(result) => result?,
            Err(_) => return Err("the handler panicked".into()),
        }
        let update = "UPDATE onehorizon_inbox SET state = 1, done_at = ?4, body = NULL, last_error = NULL
            WHERE scope = ?1 AND event_id = ?2 AND token = ?3 AND state = 0";
        let id = taken.job.event.id().as_str();
        let marked = transaction.execute(update, params![database.scope(), id, taken.token.to_be_bytes(), now()])?;
        if marked == 1 {
            transaction.commit()?;
        }
        Ok(marked == 1)
    };
    match attempt() {
        Ok(true) => Ended::Done,
        Ok(false) => Ended::Superseded,
        Err(error) => Ended::Failed(error.to_string()),
    }
}

/// Event id, label, text, attempt, when it came.
type Row = (String, Option<String>, String, u32, i64);

fn take(
    db: &Connection,
    scope: &str,
    most: usize,
    now: i64,
    until: i64,
    token: u128,
    order: Order,
) -> rusqlite::Result<Vec<Row>> {
    if order == Order::LatestWins {
        db.prepare(
            "UPDATE onehorizon_inbox AS i SET state = 3, done_at = ?2, body = NULL
             WHERE scope = ?1 AND state = 0 AND visible_at <= ?2 AND EXISTS (
                SELECT 1 FROM onehorizon_inbox later WHERE later.scope = ?1 AND later.state = 0
                    AND later.resource = i.resource AND later.seq > i.seq)",
        )?
        .execute(params![scope, now])?;
    }
    let in_order = if order == Order::None {
        ""
    } else {
        "AND (o.resource IS NULL OR NOT EXISTS (SELECT 1 FROM onehorizon_inbox e
            WHERE e.scope = ?1 AND e.state = 0 AND e.resource = o.resource AND e.seq < o.seq))"
    };
    db.prepare(&format!(
        "UPDATE onehorizon_inbox SET token = ?4, attempts = attempts + 1, visible_at = ?3 WHERE seq IN (
            SELECT seq FROM onehorizon_inbox o WHERE o.scope = ?1 AND o.state = 0 AND o.visible_at <= ?2 {in_order}
            ORDER BY o.visible_at, o.seq LIMIT ?5)
         RETURNING event_id, label, coalesce(body, ''), attempts, received_at"
    ))?
    .query_map(params![scope, now, until, token.to_be_bytes(), i64::try_from(most).unwrap_or(i64::MAX)], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })?
    .collect()
}

#[allow(clippy::disallowed_methods, reason = "the file's only clock is this machine's")]
fn now() -> i64 {
    micros(SystemTime::now())
}
