//! Every webhook event once, one login, a durable inbox, for the processes of one machine: stores in a SQLite file.
//!
//! ```no_run
//! use onehorizon::webhook::{Receiver, Verifier};
//! use onehorizon_sqlite::Sqlite;
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let sqlite = Sqlite::open("onehorizon.db", "acme")?;
//!
//! // Whichever process gets a delivery, and however often the service restarts, each event is handled once.
//! let receiver = Receiver::builder(Verifier::from_env()?).store(sqlite.claims()).build();
//! # let _ = receiver; Ok(()) }
//! ```
//!
//! **The scope** names what is shared: one for each workspace.
//!
//! **What is kept**, in tables whose names begin with `onehorizon_`: ids of webhook events until [`SqliteClaims::clean`]
//! removes them; events in the inbox until they are done, then their ids; the tokens of logins. The file may hold other tables.
//!
//! **The file** is used by processes of one machine (WAL mode), on a local disk, not on a network's. Writers wait for each
//! other for 0.8 s; a delivery that cannot be recorded in that time gets a 500 and comes again. For several machines
//! use `onehorizon-postgres` or `onehorizon-redis`.
//!
//! Minimum Rust version: 1.89.

mod claims;
mod database;
mod error;
mod inbox;
mod tokens;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use claims::SqliteClaims;
pub use error::Error;
pub use inbox::SqliteInbox;
pub use onehorizon::webhook::inbox::{DeadEvent, InboxStats, Job, Worked};
pub use rusqlite;
pub use tokens::SqliteTokens;

use database::Database;
use onehorizon::Encryption;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// How safe a commit is when the machine dies; when only the process does, each is safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// On disk before it counts (`synchronous=FULL`).
    #[default]
    Full,
    /// The last moments may be lost with the machine (`synchronous=NORMAL`): faster, and an event may be handled again.
    Normal,
}

/// A SQLite file, and the scope of what is kept there. Cheap to clone; clones share one connection.
#[derive(Clone)]
pub struct Sqlite {
    database: Database,
}

impl Sqlite {
    /// The file at this path, and the scope: a name for the workspace. Makes the file and its tables where they are missing.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Scope`], [`Error::Newer`], or [`Error::Sqlite`] if the file cannot be opened or written.
    pub fn open(path: impl AsRef<Path>, scope: &str) -> Result<Self, Error> {
        Self::open_with(path, scope, Durability::default())
    }

    /// As [`open`](Self::open), with less safety and more speed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, scope: &str, durability: Durability) -> Result<Self, Error> {
        Ok(Self { database: Database::open(path.as_ref(), scope, durability)? })
    }

    /// The events of the scope; for `Receiver::builder(..).store(..)`.
    #[must_use]
    pub fn claims(&self) -> Arc<SqliteClaims> {
        Arc::new(SqliteClaims::new(self.database.clone()))
    }

    /// Encrypts tokens and the payloads in the inbox. Their purposes are `tokens/<scope>/<login>` and
    /// `inbox/<scope>/<event id>`. Ids, labels, resources and the errors of handlers stay readable: queries need them.
    ///
    /// All processes need the same encryption. What was written before can still be read.
    #[must_use]
    pub fn encrypted(self, encryption: impl Encryption) -> Self {
        Self { database: self.database.encrypted(encryption) }
    }

    /// The tokens of one login of the scope, by a name of your choice (a user's id, `app`); for
    /// [`RefreshingBuilder::token_store`](onehorizon::oauth::RefreshingBuilder::token_store). They are kept as JSON, with
    /// their secrets, until they are replaced or cleared: the file should be readable by the service alone.
    #[must_use]
    pub fn tokens(&self, login: &str) -> SqliteTokens {
        SqliteTokens::new(self.database.clone(), login)
    }

    /// The inbox of the scope: events that are acknowledged at once and worked on later. Clones share it.
    #[must_use]
    pub fn inbox(&self) -> SqliteInbox {
        SqliteInbox::new(self.database.clone())
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("scope", &self.database.scope()).finish_non_exhaustive()
    }
}
