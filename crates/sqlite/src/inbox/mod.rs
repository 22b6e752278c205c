//! The durable inbox: a delivery is acknowledged when its event is stored, and worked on later, in a transaction.

mod work;

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use onehorizon::StoreError;
use onehorizon::webhook::inbox::{DeadEvent, InboxSettings, InboxStats, Order};
use onehorizon::webhook::{Event, Verified};
use rusqlite::params;
use tokio::sync::Notify;

use crate::database::{Database, length, micros};
use crate::error::Error;

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
    settings: InboxSettings,
    /// Wakes the workers of this process.
    arrived: Arc<Notify>,
}

impl SqliteInbox {
    pub(crate) fn new(database: Database) -> Self {
        let mut settings = InboxSettings::default();
        settings.concurrency = 2;
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
        let (id, body) = (event.id().to_string(), self.write(event)?);
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
                let mut stats = InboxStats::default();
                (stats.due, stats.waiting, stats.dead) = (count(row, 0)?, count(row, 1)?, count(row, 2)?);
                stats.oldest = Duration::from_micros(count(row, 3)?);
                Ok(stats)
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
                let mut event = DeadEvent::default();
                (event.event_id, event.body) = (row.get(0)?, row.get(1)?);
                (event.attempts, event.error) = (row.get(2)?, row.get(3)?);
                Ok(event)
            };
            connection.prepare(select)?.query_map(params![scope, most], read)?.collect()
        });
        let mut dead: Vec<DeadEvent> = dead.await?;
        for event in &mut dead {
            // As it is kept, if it cannot be decrypted.
            if let Ok(json) = self.read(&event.event_id, &event.body) {
                event.body = json.to_string();
            }
        }
        Ok(dead)
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

impl SqliteInbox {
    fn purpose(&self, event_id: &str) -> String {
        format!("inbox/{}/{event_id}", self.database.scope())
    }

    fn write(&self, event: &Event) -> Result<String, Error> {
        let purpose = self.purpose(event.id().as_str());
        self.database.at_rest().write(&purpose, event.as_json()).map_err(Error::encryption)
    }

    fn read(&self, event_id: &str, kept: &str) -> Result<impl Deref<Target = String> + use<>, StoreError> {
        self.database.at_rest().read(&self.purpose(event_id), kept)
    }
}

impl fmt::Debug for SqliteInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteInbox").field("scope", &self.database.scope()).finish_non_exhaustive()
    }
}

#[allow(clippy::disallowed_methods, reason = "the file's only clock is this machine's")]
fn now() -> i64 {
    micros(SystemTime::now())
}
