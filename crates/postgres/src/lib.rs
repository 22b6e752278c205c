//! One quota, every webhook event once, one login, a durable inbox: stores on PostgreSQL for services that run as several processes.
//!
//! ```no_run
//! use onehorizon::Configuration;
//! use onehorizon::quota::Pacing;
//! use onehorizon::webhook::{Receiver, Verifier};
//! use onehorizon_postgres::Postgres;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let postgres = Postgres::open("postgres://app@127.0.0.1/app", "acme")?;
//! postgres.migrate().await?;
//!
//! // All processes together keep to the workspace's 200 requests in 15 minutes, 40 in a minute.
//! let pacing = Pacing::documented().store(postgres.quota());
//! let config = Configuration::builder().api_key("the-key").pacing(pacing).build()?;
//!
//! // Whichever of them gets a delivery, each event is handled once.
//! let receiver = Receiver::builder(Verifier::from_env()?).store(postgres.claims()).build();
//! # let _ = (config, receiver); Ok(()) }
//! ```
//!
//! **The scope** names what is shared: one for each workspace. Processes with several API keys of one workspace use the
//! same scope, since the service counts by workspace; two workspaces in one database use two.
//!
//! **What is kept**, in the schema `onehorizon`: numbers of requests and their times, for the longest window (15 minutes);
//! ids of webhook events until [`PostgresClaims::clean`] removes them; events in the inbox until they are done,
//! then their ids; the tokens of logins.
//!
//! **The server.** PostgreSQL 13 or later. Times are the server's. Statements are unnamed, so a pooler in transaction mode
//! may be between. Claims and the quota commit without waiting for the disk: what a crash of the server loses of them is
//! handled again, or given back by the processes. Commits of events wait for the disk.
//!
//! **While it is away** calls go by [`Fallback`](onehorizon::quota::Fallback): by default each process keeps to its
//! share. Deliveries get a 500 and come again.
//!
//! Minimum Rust version: 1.89.

mod claims;
mod connection;
mod error;
mod inbox;
mod quota;
mod tokens;

use std::fmt;
use std::sync::Arc;

use onehorizon::quota::remote::RemoteQuota;
use onehorizon::{AtRest, Encryption, SystemClock};

pub use claims::PostgresClaims;
pub use deadpool_postgres;
pub use error::Error;
pub use inbox::PostgresInbox;
pub use onehorizon::webhook::inbox::{DeadEvent, InboxStats, Job, Worked};
pub use tokens::PostgresTokens;
pub use tokio_postgres;

use connection::Connection;
use deadpool_postgres::Pool;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The schema unless the settings name another.
const SCHEMA: &str = "onehorizon";

/// A PostgreSQL database, and the scope of what is kept there. Cheap to clone; clones share one pool.
#[derive(Clone)]
pub struct Postgres {
    connection: Connection,
}

impl Postgres {
    /// The database at this address, without TLS, and the scope: a name for the workspace.
    ///
    /// Connects when it is first used, with up to 8 connections. For TLS, or to share a pool, use
    /// [`with_pool`](Self::with_pool).
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Address`] or [`Error::Scope`].
    pub fn open(address: &str, scope: &str) -> Result<Self, Error> {
        Self::with_pool(Connection::pool_of(address)?, scope)
    }

    /// A database to which the program has a pool already. Give it time limits of less than a second for waiting and
    /// connecting: a receiver has three in all.
    ///
    /// # Errors
    /// [`Error::Scope`].
    pub fn with_pool(pool: Pool, scope: &str) -> Result<Self, Error> {
        Ok(Self { connection: Connection::new(pool, scope, SCHEMA, AtRest::default())? })
    }

    /// In another schema than `onehorizon`.
    ///
    /// # Errors
    /// [`Error::Schema`].
    pub fn in_schema(self, schema: &str) -> Result<Self, Error> {
        Ok(Self { connection: self.connection.in_schema(schema)? })
    }

    /// Encrypts tokens and the payloads in the inbox. Their purposes are `tokens/<scope>/<login>` and
    /// `inbox/<scope>/<event id>`. Ids, labels, resources and the errors of handlers stay readable: queries need them.
    ///
    /// All processes need the same encryption. What was written before can still be read.
    #[must_use]
    pub fn encrypted(self, encryption: impl Encryption) -> Self {
        Self { connection: self.connection.encrypted(encryption) }
    }

    /// Makes or updates the tables and functions. Call it at the start, or once in a deployment; several processes may at
    /// the same time. It needs the right to create in the database; everything else needs the schema's rights only.
    ///
    /// # Errors
    /// [`Error::Newer`] if a later version has made the schema unusable for this one, and as for every statement.
    pub async fn migrate(&self) -> Result<(), Error> {
        self.connection.migrate().await
    }

    /// Whether the database is there, can be written to, and has what this version needs.
    ///
    /// # Errors
    /// [`Error::NotMigrated`], [`Error::Newer`], [`Error::ReadOnly`], or what the server said.
    pub async fn check(&self) -> Result<(), Error> {
        self.connection.check().await
    }

    /// The quota of the scope; for [`Pacing::store`](onehorizon::quota::Pacing::store). Call it once in a process and
    /// share what it returns.
    ///
    /// # Panics
    /// Outside a tokio runtime. The task that does the store's work ends with the runtime; calls go by the fallback then.
    #[must_use]
    pub fn quota(&self) -> Arc<RemoteQuota> {
        let (quota, work) = RemoteQuota::new(quota::Ledger::new(self.connection.clone()), Arc::new(SystemClock));
        tokio::spawn(work);
        Arc::new(quota)
    }

    /// The events of the scope; for `Receiver::builder(..).store(..)`.
    #[must_use]
    pub fn claims(&self) -> Arc<PostgresClaims> {
        Arc::new(PostgresClaims::new(self.connection.clone()))
    }

    /// The tokens of one login of the scope, by a name of your choice (a user's id, `app`); for
    /// [`RefreshingBuilder::token_store`](onehorizon::oauth::RefreshingBuilder::token_store). They are kept as JSON, with
    /// their secrets, until they are replaced or cleared.
    #[must_use]
    pub fn tokens(&self, login: &str) -> PostgresTokens {
        PostgresTokens::new(self.connection.clone(), login)
    }

    /// The inbox of the scope: events that are acknowledged at once and worked on later. Clones share it.
    #[must_use]
    pub fn inbox(&self) -> PostgresInbox {
        PostgresInbox::new(self.connection.clone())
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("scope", &self.connection.scope()).finish_non_exhaustive()
    }
}
