//! Claims and commits of webhook events, in one table.

use std::fmt;
use std::time::{Duration, SystemTime};

use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, StoreFuture};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::{Database, length, micros, random_token, too_late};
use crate::error::Error;

/// The events of a scope; from [`Sqlite::claims`](crate::Sqlite::claims). Cheap to clone.
#[derive(Clone)]
pub struct SqliteClaims {
    database: Database,
}

impl SqliteClaims {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Commits a claim in a transaction of the caller's own connection to the same file, so that the work and the mark
    /// become one: the event is then handled exactly once. Roll back if it is superseded:
    /// `claims.commit_in(&transaction, &lease)?.or_superseded()?`.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn commit_in(&self, transaction: &Connection, lease: &Lease) -> Result<Commit, Error> {
        #[allow(clippy::disallowed_methods, reason = "the file's only clock is this machine's")]
        let now = micros(SystemTime::now());
        Ok(commit(transaction, self.database.scope(), lease.event_id(), lease.token(), now)?)
    }

    /// Removes events that were finished, or last claimed, longer ago than this (ten minutes at the least), up to so many
    /// at a time; returns how many. Call it now and then, for instance once an hour; several processes may.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub async fn clean(&self, age: Duration, most: u32) -> Result<u64, Error> {
        #[allow(clippy::disallowed_methods, reason = "the file's only clock is this machine's")]
        let before = micros(SystemTime::now()) - length(age.max(Duration::from_secs(10 * 60)));
        let gone = self.database.run(move |connection, scope| {
            connection
                .prepare(
                    "DELETE FROM onehorizon_event WHERE scope = ?1 AND event_id IN (
                        SELECT event_id FROM onehorizon_event
                        WHERE scope = ?1 AND coalesce(done_at, leased_until) < ?2 LIMIT ?3)",
                )?
                .execute(params![scope, before, most])
        });
        Ok(gone.await? as u64)
    }

    fn give_back_later(&self, event_id: &str, token: u128) {
        let id = event_id.to_owned();
        self.database.run_later(move |connection, scope| release(connection, scope, &id, token));
    }
}

impl fmt::Debug for SqliteClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteClaims").field("scope", &self.database.scope()).finish_non_exhaustive()
    }
}

/// A claim that may be made although nobody waits for the response.
struct Doubt<'a> {
    store: &'a SqliteClaims,
    event_id: &'a str,
    token: u128,
    settled: bool,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if !self.settled {
            // It follows the claim in the thread's queue.
            self.store.give_back_later(self.event_id, self.token);
        }
    }
}

impl ClaimStore for SqliteClaims {
    fn claim<'a>(&'a self, event_id: &'a str, now: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let token = random_token()?;
            let mut doubt = Doubt { store: self, event_id, token, settled: false };
            let (id, now) = (event_id.to_owned(), micros(now));
            let until = now.saturating_add(length(lease));
            let claim =
                self.database.run(move |connection, scope| claim(connection, scope, &id, token, now, until)).await;
            doubt.settled = claim.is_ok();
            Ok(claim?)
        })
    }

    fn commit<'a>(&'a self, lease: &'a Lease, now: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async move {
            let (id, token, now) = (lease.event_id().to_owned(), lease.token(), micros(now));
            Ok(self.database.run(move |connection, scope| commit(connection, scope, &id, token, now)).await?)
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let (id, token) = (lease.event_id().to_owned(), lease.token());
            Ok(self.database.run(move |connection, scope| release(connection, scope, &id, token)).await?)
        })
    }

    fn abandon(&self, lease: &Lease) {
        self.give_back_later(lease.event_id(), lease.token());
    }
}

fn claim(db: &Connection, scope: &str, id: &str, token: u128, now: i64, until: i64) -> rusqlite::Result<Claim> {
    let fresh = db
        .prepare(
            "INSERT INTO onehorizon_event (scope, event_id, token, leased_until) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (scope, event_id) DO UPDATE SET token = ?3, leased_until = ?4
             WHERE done_at IS NULL AND (leased_until <= ?5 OR leased_until > ?6)",
        )?
        .execute(params![scope, id, token.to_be_bytes(), until, now, too_late(now, until)])?;
    if fresh == 1 {
        return Ok(Claim::Fresh(Lease::new(id, token)));
    }
    let done: Option<Option<i64>> = db
        .prepare("SELECT done_at FROM onehorizon_event WHERE scope = ?1 AND event_id = ?2")?
        .query_row([scope, id], |row| row.get(0))
        .optional()?;
    Ok(if matches!(done, Some(Some(_))) { Claim::Done } else { Claim::Running })
}

fn commit(db: &Connection, scope: &str, id: &str, token: u128, now: i64) -> rusqlite::Result<Commit> {
    let changed = db
        .prepare(
            "UPDATE onehorizon_event SET done_at = coalesce(done_at, ?4)
             WHERE scope = ?1 AND event_id = ?2 AND token = ?3",
        )?
        .execute(params![scope, id, token.to_be_bytes(), now])?;
    Ok(if changed == 1 { Commit::Recorded } else { Commit::Superseded })
}

fn release(db: &Connection, scope: &str, id: &str, token: u128) -> rusqlite::Result<()> {
    db.prepare("DELETE FROM onehorizon_event WHERE scope = ?1 AND event_id = ?2 AND token = ?3 AND done_at IS NULL")?
        .execute(params![scope, id, token.to_be_bytes()])
        .map(drop)
}
