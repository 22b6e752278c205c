//! The durable inbox: a delivery is acknowledged when its event is stored, and worked on later, in a transaction.

mod work;

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::Duration;

use onehorizon::StoreError;
use onehorizon::webhook::inbox::{DeadEvent, InboxSettings, InboxStats, Order};
use onehorizon::webhook::{Event, Verified};
use tokio::sync::Notify;
use tokio_postgres::types::Type;

use crate::connection::{Connection, Parameter};
use crate::error::Error;

/// Events that were acknowledged and are to be worked on; from [`Postgres::inbox`](crate::Postgres::inbox). Cheap to clone.
///
/// A receiver [puts](Self::put) each event in, which is one insert; workers of any process [run](Self::run) a handler for
/// it. The handler's transaction also marks the event as done: its work is done exactly once, whichever process is killed
/// when. A handler that fails is run again later, and the event is *dead* after so many attempts: it stays, with its error,
/// until somebody [requeues](Self::requeue) it.
///
/// ```no_run
/// use std::time::Duration;
/// use onehorizon::webhook::{Receiver, Verifier, axum_routes::route};
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
    settings: InboxSettings,
    /// Wakes the workers of this process.
    arrived: Arc<Notify>,
}

impl PostgresInbox {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, settings: InboxSettings::default(), arrived: Arc::default() }
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
        let (id, kind, body) = (event.id().as_str(), event.event_type().as_str(), self.write(event)?);
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

    /// What is in the inbox.
    ///
    /// # Errors
    /// As for every statement.
    pub async fn stats(&self) -> Result<InboxStats, Error> {
        let sql = format!("SELECT * FROM {}.inbox_stats_v1($1)", self.connection.schema());
        let row = self.connection.one(&sql, &[self.scope()]).await?;
        let count = |index: usize| row.get::<_, i64>(index).unsigned_abs();
        let oldest = Duration::from_secs_f64(row.get::<_, f64>(3).max(0.0));
        let mut stats = InboxStats::default();
        (stats.due, stats.waiting, stats.dead, stats.oldest) = (count(0), count(1), count(2), oldest);
        Ok(stats)
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
        let dead = rows.iter().map(|row| {
            let mut event = DeadEvent::default();
            (event.event_id, event.error) = (row.get(0), row.get(3));
            let kept = row.get::<_, Option<String>>(1).unwrap_or_default();
            // As it is kept, if it cannot be decrypted.
            event.body = self.read(&event.event_id, &kept).map(|json| json.to_string()).unwrap_or(kept);
            event.attempts = row.get::<_, i32>(2).unsigned_abs();
            event
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

    fn purpose(&self, event_id: &str) -> String {
        format!("inbox/{}/{event_id}", self.connection.scope())
    }

    fn write(&self, event: &Event) -> Result<String, Error> {
        let purpose = self.purpose(event.id().as_str());
        self.connection.at_rest().write(&purpose, event.as_json()).map_err(Error::encryption)
    }

    fn read(&self, event_id: &str, kept: &str) -> Result<impl Deref<Target = String> + use<>, StoreError> {
        self.connection.at_rest().read(&self.purpose(event_id), kept)
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
