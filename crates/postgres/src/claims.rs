//! Claims and commits: one table, three functions, one round trip a step, the server's clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use onehorizon::retry_later;
use onehorizon::webhook::claims::{Claim, ClaimStore, Commit, Lease, StoreFuture};
use tokio::sync::oneshot;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::connection::{Connection, random_token};
use crate::error::Error;

/// The events of a scope; from [`Postgres::claims`](crate::Postgres::claims). Cheap to clone.
#[derive(Clone)]
pub struct PostgresClaims {
    connection: Connection,
    sql: Arc<Sql>,
}

struct Sql {
    claim: String,
    commit: String,
    release: String,
    clean: String,
}

impl PostgresClaims {
    pub(crate) fn new(connection: Connection) -> Self {
        let schema = connection.schema();
        let sql = Sql {
            claim: format!("SELECT {schema}.event_claim_v1($1, $2, $3, $4)"),
            commit: format!("SELECT {schema}.event_commit_v1($1, $2, $3)"),
            release: format!("SELECT {schema}.event_release_v1($1, $2, $3)"),
            clean: format!("SELECT {schema}.event_clean_v1($1, $2, $3)"),
        };
        Self { connection, sql: Arc::new(sql) }
    }

    /// Commits a claim in a transaction of the caller's, so that the work and the mark become one: the event is then
    /// handled exactly once, whatever happens to this process. Roll back if it is superseded:
    /// `claims.commit_in(&transaction, &lease).await?.or_superseded()?`.
    ///
    /// Another client library calls `SELECT onehorizon.event_commit_v1(scope, event_id, token)` with the token as 32
    /// hexadecimal digits, in its own transaction.
    ///
    /// # Errors
    /// [`Error::Server`] or [`Error::NotMigrated`].
    pub async fn commit_in(&self, transaction: &impl GenericClient, lease: &Lease) -> Result<Commit, Error> {
        let token = hex(lease.token());
        let parameters = [
            (&self.connection.scope() as _, Type::TEXT),
            (&lease.event_id() as _, Type::TEXT),
            (&token as _, Type::TEXT),
        ];
        let rows = transaction.query_typed(&self.sql.commit, &parameters).await;
        let rows = rows.map_err(|error| Error::of(error, self.connection.schema()))?;
        let recorded = rows.first().is_some_and(|row| row.get(0));
        Ok(if recorded { Commit::Recorded } else { Commit::Superseded })
    }

    /// Removes events that were finished, or last claimed, longer ago than this (ten minutes at the least), up to so many
    /// at a time; returns how many. Call it now and then, for instance once an hour; several processes may.
    ///
    /// # Errors
    /// As for every statement.
    pub async fn clean(&self, age: Duration, most: u32) -> Result<u64, Error> {
        let age = age.max(Duration::from_secs(10 * 60)).as_secs_f64();
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let parameters =
            [(&self.connection.scope() as _, Type::TEXT), (&age as _, Type::FLOAT8), (&most as _, Type::INT4)];
        let gone: i64 = self.connection.one(&self.sql.clean, &parameters).await?.get(0);
        Ok(gone.unsigned_abs())
    }

    async fn claim_now(&self, event_id: &str, token: u128, lease: Duration) -> Result<i32, Error> {
        let (token, lease) = (hex(token), lease.as_secs_f64());
        let parameters = [
            (&self.connection.scope() as _, Type::TEXT),
            (&event_id as _, Type::TEXT),
            (&token as _, Type::TEXT),
            (&lease as _, Type::FLOAT8),
        ];
        Ok(self.connection.one(&self.sql.claim, &parameters).await?.get(0))
    }

    async fn give_back(&self, lease: &Lease) -> Result<(), Error> {
        let token = hex(lease.token());
        let parameters = [
            (&self.connection.scope() as _, Type::TEXT),
            (&lease.event_id() as _, Type::TEXT),
            (&token as _, Type::TEXT),
        ];
        self.connection.one(&self.sql.release, &parameters).await.map(drop)
    }

    fn give_back_later(&self, lease: Lease) {
        let store = self.clone();
        retry_later(move || {
            let (store, lease) = (store.clone(), lease.clone());
            async move { store.give_back(&lease).await }
        });
    }
}

impl std::fmt::Debug for PostgresClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresClaims").field("scope", &self.connection.scope()).finish_non_exhaustive()
    }
}

impl ClaimStore for PostgresClaims {
    fn claim<'a>(&'a self, event_id: &'a str, _: SystemTime, lease: Duration) -> StoreFuture<'a, Claim> {
        Box::pin(async move {
            let claimed = Lease::new(event_id, random_token()?);
            // In a task of its own: a statement that was begun is finished although nobody waits for it any more, and
            // what it claimed is given back.
            let (reply, result) = oneshot::channel();
            let (store, given) = (self.clone(), claimed.clone());
            tokio::spawn(async move {
                let claimed = store.claim_now(given.event_id(), given.token(), lease).await;
                let (granted, in_doubt) = (matches!(claimed, Ok(0)), matches!(claimed, Err(Error::Server(_))));
                if reply.send(claimed).is_err() && granted || in_doubt {
                    store.give_back_later(given);
                }
            });
            Ok(match result.await?? {
                0 => Claim::Fresh(claimed),
                1 => Claim::Running,
                _ => Claim::Done,
            })
        })
    }

    fn commit<'a>(&'a self, lease: &'a Lease, _: SystemTime) -> StoreFuture<'a, Commit> {
        Box::pin(async move {
            let client = self.connection.client().await?;
            let client: &tokio_postgres::Client = &client;
            Ok(self.commit_in(client, lease).await?)
        })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> StoreFuture<'a, ()> {
        Box::pin(async move { Ok(self.give_back(lease).await?) })
    }

    fn abandon(&self, lease: &Lease) {
        self.give_back_later(lease.clone());
    }
}

pub(crate) fn hex(token: u128) -> String {
    format!("{token:032x}")
}
