//! The workers: take events, run the handler in a transaction, mark them done or to be tried again.

#![allow(clippy::disallowed_methods, reason = "pauses between polls; every time that is stored is the database's")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use onehorizon::StoreError;
use onehorizon::webhook::Event;
use onehorizon::webhook::inbox::{AttemptEnd, Job, Order, Worked};
use rusqlite::{Connection, Transaction, params};
use tokio::task::JoinSet;

use super::{SqliteInbox, now};
use crate::database::{Database, length, random_token};
use crate::error::Error;

/// What a handler's error becomes.
type Failure = Box<dyn std::error::Error + Send + Sync>;

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

impl SqliteInbox {
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
                Some(ended) = working.join_next() => worked.count(ended.unwrap_or(AttemptEnd::Retried)),
                () = self.arrived.notified(), if !full => {}
                () = tokio::time::sleep(self.settings.poll), if !full => {}
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
                worked.count(self.work(one, Arc::clone(&handler)).await);
            }
        }
    }

    async fn take(&self, most: usize) -> Result<Vec<Taken>, Error> {
        let (now, claim, order) = (now(), random_token()?, self.settings.order);
        let until = now.saturating_add(length(self.settings.lease));
        let rows = self.database.run(move |connection, scope| take(connection, scope, most, now, until, claim, order));
        let mut taken = Vec::new();
        for (event_id, label, body, attempt, received) in rows.await? {
            match self.event(&event_id, &body) {
                Ok(event) => {
                    let received_at = UNIX_EPOCH + Duration::from_micros(received.unsigned_abs());
                    let mut job = Job::new(event, received_at);
                    (job.attempt, job.label) = (attempt, label);
                    taken.push(Taken { job, token: claim });
                }
                // Nobody but this crate writes here: another version, or one with the right key, may take it later.
                Err(fault) => {
                    let _ = self.fail(&event_id, claim, attempt, fault.to_string()).await;
                }
            }
        }
        Ok(taken)
    }

    fn event(&self, event_id: &str, kept: &str) -> Result<Event, StoreError> {
        Ok(Event::from_json(self.read(event_id, kept)?.as_bytes())?)
    }

    async fn work<F>(&self, one: Taken, handler: Arc<F>) -> AttemptEnd
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
            Ended::Done => AttemptEnd::Done,
            Ended::Superseded => AttemptEnd::Superseded,
            Ended::Failed(error) => {
                self.fail(event_id, one.token, one.job.attempt, error).await.unwrap_or(AttemptEnd::Retried)
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

    async fn fail(&self, event_id: &str, token: u128, attempt: u32, error: String) -> Result<AttemptEnd, Error> {
        let again = now().saturating_add(length(self.settings.delay_after(attempt)));
        let state = if attempt >= self.settings.dead_after { 2 } else { 0 };
        let error: String = error.chars().take(2000).collect();
        let id = event_id.to_owned();
        let changed = self.database.run(move |connection, scope| {
            let update = "UPDATE onehorizon_inbox SET last_error = ?4, token = NULL, state = ?5, visible_at = ?6
                WHERE scope = ?1 AND event_id = ?2 AND token = ?3 AND state = 0";
            connection.prepare(update)?.execute(params![scope, id, token.to_be_bytes(), error, state, again])
        });
        Ok(match (changed.await?, state) {
            (0, _) => AttemptEnd::Superseded,
            (_, 2) => AttemptEnd::Dead,
            _ => AttemptEnd::Retried,
        })
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
    let in_order = if order == Order::Any {
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
